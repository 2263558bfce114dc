/* Cutting a correlation for Winograd's algorithm, and what it should cost.
 *
 * Tiles of m x m outputs take (m + 2)^2 products a pair of channels in the place of 9 m^2: the
 * larger the tile, the fewer products, but the more of the image's edge is cut off, the larger U
 * and the less exact the result. Boxes of tiles are what an item transforms and multiplies at a
 * time: enough tiles that a block of U is worth bringing, few enough that their V and sums stay in
 * the L2. */
#include <math.h>

#include "../runtime/scratch.h"
#include "cache_blocks.h"
#include "integers.h"
#include "outer.h"
#include "winograd.h"

#define OWN_ITEMS 12    /* boxes that are items enough by themselves */
#define STORED_TILES 28 /* of a box, about, where U is there */
#define MADE_TILES 56   /* where it has to be made for every box */
#define CHANNELS 16     /* in and out, at least */
#define DEPTH 256       /* products that a kernel adds up */

const char *fc_winograd_accepts(const fc_correlation *c) {
    if (!fc_axis_is_flat(&c->axis[0])) return "it needs a 2-D convolution";
    for (int i = 1; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->taps != 3) return "it needs a 3 x 3 kernel";
        if (a->stride != 1 || a->step != 1 || a->start != 0) return "it needs stride 1";
        if (a->offset_step != 1) return "it needs dilation 1";
    }
    return NULL;
}

/* Outputs that see nothing but padding are exactly zero in the direct sum, and not here. */
static int sees_padding_alone(const fc_axis *a) {
    return a->offset < -2 || a->offset + a->out > a->in;
}

/* Fewer channels do not pay for the transforms; and who computes in float64 wants its accuracy. */
int fc_winograd_suits(const fc_correlation *c) {
    return c->item == 4 && min64(c->in_channels, c->out_channels) >= CHANNELS &&
           !sees_padding_alone(&c->axis[1]) && !sees_padding_alone(&c->axis[2]);
}

/* ---- Cutting ---- */

void fc_winograd_choose_box(const fc_correlation *c, fc_winograd *w, int64_t wanted) {
    const int64_t h = w->tiles[0], row = w->tiles[1];
    w->images = w->box[0] = 1;
    w->box[1] = row <= wanted * 3 / 2 ? row : ceil_div(row, ceil_div(row, wanted));
    if (w->box[1] == row) w->box[0] = ceil_div(h, ceil_div(h, max64(1, wanted / row)));
    if (w->box[1] == row && w->box[0] == h)
        w->images = min64(max64(c->batch, 1), max64(1, wanted / (h * row)));
    w->box_tiles = w->images * w->box[0] * w->box[1];
    w->boxes[0] = ceil_div(h, w->box[0]);
    w->boxes[1] = ceil_div(row, w->box[1]);
    w->image_boxes = ceil_div(max64(c->batch, 1), w->images);
    w->count = w->image_boxes * w->boxes[0] * w->boxes[1];
    w->point = w->box_tiles * w->pitch + c->kernels->lanes; /* no power of two */
}

fc_winograd_box fc_winograd_box_at(const fc_correlation *c, const fc_winograd *w, int64_t index) {
    fc_winograd_box box;
    for (int i = 1; i >= 0; i--) {
        box.first[i] = index % w->boxes[i] * w->box[i];
        box.size[i] = min64(w->box[i], w->tiles[i] - box.first[i]);
        index /= w->boxes[i];
    }
    box.image = index * w->images;
    box.images = min64(w->images, c->batch - box.image);
    box.tiles = box.images * box.size[0] * box.size[1];
    return box;
}

int64_t fc_winograd_v_bytes(const fc_correlation *c, const fc_winograd *w) {
    return fc_aligned(w->points * w->point * c->item);
}

/* Vectors of U, for all pairs of channels of a group. */
static double u_vectors(const fc_correlation *c, const fc_winograd *w) {
    const int64_t vectors = ceil_div(c->out_channels, c->kernels->lanes);
    return (double)w->points * (double)c->in_channels * (double)vectors;
}

static double u_bytes(const fc_correlation *c, const fc_winograd *w) {
    return (double)c->groups * u_vectors(c, w) * (double)(c->kernels->lanes * c->item);
}

/* Blocks of output channels of about the same size, at most the widest tile that the kernel has.
 * Where U is asked for ahead, a call asks for as many lines of it as there are products, and blocks
 * are no wider than what all calls ask for: by 5% faster on 256 channels at 14 x 14, and there are
 * more blocks for the threads (AMD Zen 5, November 2026). A last block of one vector runs at half
 * the speed of two: 16 vectors in blocks of two take 3% less time than in blocks of three and one
 * (AMD Zen 4, November 2026). */
static void choose_blocks(const fc_correlation *c, fc_winograd *w) {
    const int64_t lanes = c->kernels->lanes, vectors = ceil_div(c->out_channels, lanes);
    const int64_t most = c->kernels->conv.rows;
    w->rows = ceil_div(w->box_tiles, ceil_div(w->box_tiles, most));
    int64_t width = fc_outer_widest(c->kernels, w->rows);
    if (w->asks_ahead)
        width = min64(width, max64(2, ceil_div(w->box_tiles, w->rows) * 64 / (lanes * c->item)));
    while (width > 2 && vectors > width && vectors % width == 1) width--;
    w->blocks = ceil_div(vectors, width);
    w->columns = ceil_div(vectors, w->blocks) * lanes;
    w->columns = fc_winograd_columns(c, w, 0);
    w->blocks = ceil_div(c->out_channels, w->columns);
}

static void place_scratch(const fc_correlation *c, fc_winograd *w) {
    const int64_t item = c->item, lanes = c->kernels->lanes;
    const int64_t offsets = 3 * max64(w->depth, 1);
    const int64_t strip = (w->box[0] * w->m + 2) * (w->box[1] * w->m + 2) * FC_STRIP;
    int64_t at = 0;
    w->strip_at = at;
    at += fc_aligned(strip * item);
    w->v_at = at;
    if (w->parts) at += fc_winograd_v_bytes(c, w);
    w->taps_at = at;
    if (!w->stored) at += fc_winograd_taps_bytes(c, w);
    w->u_at = at;
    if (!w->stored) at += fc_aligned(w->points * (w->depth * w->columns + lanes) * item);
    w->sums_at = at;
    at += fc_aligned(w->points * (w->box_tiles * w->columns + lanes) * item);
    w->out_at = at;
    at += fc_aligned(w->m * w->box[1] * w->m * w->columns * item);
    w->offsets_at = at;
    at += fc_aligned(offsets * 8);
    w->bytes = at;
}

fc_winograd fc_winograd_tiles(const fc_correlation *c, int size) {
    const int m = 2 * size + 2;
    fc_winograd w = {.m = m, .size = size, .points = (m + 2) * (m + 2)};
    for (int i = 0; i < 2; i++) w.tiles[i] = ceil_div(c->axis[i + 1].out, m);
    return w;
}

static fc_winograd cut(const fc_correlation *c, int size, int planned) {
    fc_winograd w = fc_winograd_tiles(c, size);
    w.pitch = up_to(c->in_channels, c->kernels->lanes);
    w.stored = u_bytes(c, &w) <= (double)(planned ? FC_U_PLAN_BYTES : FC_U_CALL_BYTES);
    w.asks_ahead = w.stored && u_bytes(c, &w) >= (double)FC_WEIGHTS_SOON_BYTES;
    const int64_t most = max64(4, FC_V_SHARED_BYTES / (w.points * w.pitch * c->item));
    fc_winograd_choose_box(
        c, &w,
        min64(u_bytes(c, &w) <= (double)FC_U_CACHED_BYTES ? STORED_TILES : MADE_TILES, most));
    if (w.count * c->groups < OWN_ITEMS || fc_winograd_v_bytes(c, &w) > FC_V_OWN_BYTES)
        w.boxes_at_once = clamp64(FC_V_SHARED_BYTES / fc_winograd_v_bytes(c, &w), 1, w.count);
    w.parts = !w.boxes_at_once;
    choose_blocks(c, &w);
    const int64_t part = FC_U_PART_BYTES / (w.points * w.columns * c->item);
    w.depth =
        ceil_div(c->in_channels, ceil_div(c->in_channels, w.stored ? DEPTH : max64(16, part)));
    place_scratch(c, &w);
    return w;
}

/* ---- Choosing ---- */

/* Of one group. U is read from the L3 while products are made, where the L2 cannot hold it. */
static double products_ns(const fc_correlation *c, const fc_winograd *w, double tiles) {
    const fc_tuning *t = &c->kernels->tuning;
    const double passes = (double)w->count * u_vectors(c, w);
    const double calls = (double)w->count * (double)w->points * (double)w->blocks *
                         (double)ceil_div(c->in_channels, w->depth) *
                         (double)ceil_div(w->box_tiles, c->kernels->conv.rows);
    const double multiply = tiles * u_vectors(c, w) * t->multiply + calls * t->panel;
    if (!w->stored) return multiply + passes * t->make;
    return u_bytes(c, w) <= FC_U_CACHED_BYTES ? multiply : fmax(multiply, passes * t->read);
}

double fc_winograd_cost(const fc_correlation *c, const fc_winograd *w) {
    const fc_tuning *t = &c->kernels->tuning;
    const double lanes = c->kernels->lanes;
    const double tiles = (double)max64(c->batch, 1) * (double)(w->tiles[0] * w->tiles[1]);
    const double vectors =
        ceil((double)c->in_channels / lanes) + ceil((double)c->out_channels / lanes);
    const double items = (double)w->count * (double)(w->boxes_at_once ? w->blocks + 1 : 1);
    const double ns = products_ns(c, w, tiles) +
                      tiles * (double)w->points * vectors * t->transform + items * t->item;
    return 1e-9 * (double)c->groups * ns;
}

/* The relative error (L2) of float32 grows about with the square root of the channels; for normally
 * distributed data it was 5e-6 for m = 6 and 128 channels, 4e-6 for m = 4 and 512. The limits keep
 * it well within the 2e-5 that are promised. */
static int exact_enough(const fc_correlation *c, int size) {
    static const int64_t most[FC_WINOGRAD_SIZES] = {INT64_MAX, 2048, 128};
    return c->in_channels <= most[size];
}

/* What ranks the sizes of tiles: their cost, and where the L3 is far what was measured beside it. U
 * that a call keeps goes there and comes back, and U that boxes make anew takes the L2 from their V
 * and sums: once and three times more than to make it. Tiles of 6 x 6, of many points, take a
 * twelfth longer in all (32 to 512 channels at 7 x 7 to 224 x 224; Intel Granite Rapids, November
 * 2026). */
static double size_cost(const fc_correlation *c, const fc_winograd *w, int planned) {
    const double cost = fc_winograd_cost(c, w);
    if (!fc_caches_found.far) return cost;
    const double kept = planned ? 0 : 1, made = 3 * (double)(w->count - 1);
    const double more = 1e-9 * u_vectors(c, w) * c->kernels->tuning.make;
    return cost * (w->m == 6 ? 1.08 : 1) + (double)c->groups * more * (w->stored ? kept : made);
}

/* Chosen for one image, and so alike for every batch. */
fc_winograd fc_winograd_best(const fc_correlation *c, int planned) {
    fc_correlation one = *c;
    one.batch = 1;
    int best = 0;
    double best_cost = HUGE_VAL;
    for (int size = 0; size < FC_WINOGRAD_SIZES; size++) {
        const fc_winograd w = cut(&one, size, planned);
        const double cost = size_cost(&one, &w, planned);
        if (cost >= best_cost || !exact_enough(c, size)) continue;
#ifdef FC_TUNE_WINOGRAD /* benchmarks/tuning.py measures each size by itself */
        if (w.m != FC_TUNE_WINOGRAD) continue;
#endif
        best = size;
        best_cost = cost;
    }
    return cut(c, best, planned);
}

/* ---- For threads ---- */

/* V that another core wrote comes slowly where the L3 is far: boxes, or as many parts of them as
 * occupy all threads, make it again for themselves, as far as scratch goes (on two threads 128
 * channels at 28 x 28 and 56 x 56 take 0.7 of the time, 256 at 14 x 14 0.73, at 56 x 56 0.87; Intel
 * Granite Rapids, November 2026). */
fc_winograd fc_winograd_for(const fc_correlation *c, const fc_winograd *w, int packed,
                            int threads) {
    if (!fc_caches_found.far || w->parts || fc_winograd_v_bytes(c, w) > FC_V_KEPT_BYTES) return *w;
    const int64_t units = w->count * c->groups;
    fc_winograd kept = *w;
    for (kept.parts = 1; kept.parts < w->blocks; kept.parts++) {
        const int64_t items = units * kept.parts;
        if (ceil_div(items, threads) * threads * 8 <= items * 9) break;
    }
    place_scratch(c, &kept);
    const int64_t once = fc_aligned(c->batch) +
                         (w->stored && !packed ? fc_winograd_packed_bytes(c, w) : 0),
                  workers = min64(threads, units * kept.parts);
    return once + workers * kept.bytes <= FC_SCRATCH_BYTES(threads) ? kept : *w;
}
