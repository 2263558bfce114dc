/* Running a correlation, item by item (see blocking.c for the loop nest).
 *
 * Panels of pixels are described by places: where their columns start in what the kernels read, and
 * where in the sums. Packed (im2col): panel i is packed scratch, its sums columns i*panel and on of
 * the box. Direct: a panel is a stretch of the plane, along one row or along the plane's whole
 * line; along the line the columns between two rows are computed and dropped. Turned: a place is
 * some pixels at one distance from each other, the rows of tiles whose columns are output channels.
 * Complete sums that do not stand in the output already are copied there row by row. */
#include "correlate.h"
#include "integers.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

/* The most that a worker keeps of a unit's weights, packed from one item to the next; chosen, not
 * measured. */
#define UNIT_BYTES ((int64_t)1 << 20)
/* And of the units of several correlations. */
#define ALL_BYTES ((int64_t)3 << 19)
/* Inputs from this size on come from memory, and tiles ask for the next one's pixels: by a third
 * faster at 25 MB, 2% slower for what the L3 still holds (AMD Zen 5, November 2026). */
#define SOON_BYTES (8 << 20)

typedef struct place {
    int64_t from, to, columns;
    int64_t list; /* turned: of products */
} place;

/* Turned: the products of a block that some pixels need: those whose taps do not fall in the
 * padding for all of them, where that holds zeros. */
typedef struct list {
    fc_taps taps; /* of the block's */
    int64_t k;
} list;

/* The whole plane that a worker's scratch holds, if any. */
typedef struct held {
    const void *run;
    int64_t box, group;
} held;
_Static_assert(sizeof(held) <= FC_HELD_BYTES, "fc_blocking leaves room for it");

/* What all items of a run share. Units are blocks of output channels, counted over all groups.
 * Their weights are packed, or as they come: then each worker packs those it needs into its own
 * scratch, where they stay in its caches. */
typedef struct run {
    const fc_correlation *c;
    const fc_blocking *b;
    const char *x, *packed, *w, *bias; /* packed or w */
    char *y, *scratch;
    int64_t worker_bytes; /* of scratch */
    int64_t weights_at;   /* in it: own_weights, then what they are */
} run;

/* A worker's own packed weights: the first products of a unit. */
typedef struct own_weights {
    _Alignas(FC_ALIGN) int64_t unit;
    int64_t products;
    char packed[];
} own_weights;

static int keeps_units(const fc_correlation *c, const fc_blocking *b) {
    return fc_unit_bytes(c, b, fc_correlation_depth(c)) <= UNIT_BYTES;
}

/* All of a unit's weights, or a block of products. */
static int64_t own_bytes(const fc_correlation *c, const fc_blocking *b) {
    return (int64_t)sizeof(own_weights) +
           fc_unit_bytes(c, b, keeps_units(c, b) ? fc_correlation_depth(c) : fc_products_most(b));
}

/* One item's work in hand. */
typedef struct item {
    const run *run;
    fc_box box;
    fc_plane plane;
    int64_t group, first_tile, last_tile;
    int64_t start, rows; /* output channels: start, start + 1, ... of the group */
    int64_t packed_rows; /* the same in the packed weights */
    fc_products products;
    int64_t unit;
    const char *weights; /* of the item's output channels */
    own_weights *own;
    const char *columns; /* what `from` and the offsets count from */
    char *plane_data, *panels, *sums;
    held *held;
    int64_t box_index;
    int64_t *offsets, *panel_offsets, *steps, *positions;
    int64_t steps_of[2]; /* steps[j][i] = i * steps_of[j] */
    list lists[FC_LISTS];
    int list_count;
    place *places;
    int64_t place_count, first_place, ld, *soon;
    int64_t item; /* bytes */
} item;

static int64_t panel_of(const run *r) { return (int64_t)r->b->width * r->c->kernels->lanes; }

/* ---- Where panels lie ---- */

/* The plane's position of every pixel, in order. */
static void list_positions(item *it) {
    const int64_t *n = it->box.size;
    int64_t *position = it->positions;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++) {
                const int64_t row = fc_plane_pixel(&it->plane, i, d, h, 0);
                for (int64_t w = 0; w < n[2]; w++) *position++ = row + w * it->plane.pixel[2];
            }
}

/* Turned: from a pixel's sums to the next one's. */
static int64_t sums_step(const item *it) {
    return it->run->b->direct_output ? it->run->c->axis[2].step : 1;
}

static void list_panels(item *it, int64_t from, int64_t to, int64_t columns, int64_t step) {
    const int64_t panel = panel_of(it->run);
    for (int64_t j = 0; j < columns; j += panel)
        it->places[it->place_count++] =
            (place){from + j / panel * step, to + j, min64(panel, columns - j), 0};
}

/* Where pixel row (d, h) of an image stands in the sums. */
static int64_t row_in_sums(const item *it, int64_t i, int64_t d, int64_t h) {
    const fc_blocking *b = it->run->b;
    const int64_t *n = it->box.size;
    if (b->packed || b->turned || b->by_row) return ((i * n[0] + d) * n[1] + h) * n[2];
    return d * it->plane.pixel[0] + h * it->plane.pixel[1];
}

/* Where pixel (d, h, w) of the box stands in a channel of the output. */
static int64_t pixel_in_output(const item *it, int64_t d, int64_t h, int64_t w) {
    const fc_axis *a = it->run->c->axis;
    const int64_t *o = it->box.first;
    const int64_t row = (a[0].start + (o[0] + d) * a[0].step) * a[1].size + a[1].start;
    return (row + (o[1] + h) * a[1].step) * a[2].size + a[2].start + (o[2] + w) * a[2].step;
}

/* Turned: `n` pixels from `from` in the plane and `to` in the sums on, each at one distance from
 * the next, in tiles of one size, or one less. */
static void list_pixels(item *it, int64_t from, int64_t to, int64_t n, int64_t list) {
    const int64_t tiles = ceil_div(n, it->run->b->tile_pixels), step = sums_step(it);
    for (int64_t i = 0, first = 0; i < tiles; i++) {
        const int64_t rows = ceil_div(n - first, tiles - i);
        it->places[it->place_count++] =
            (place){from + first * it->plane.pixel[2], to + first * step, rows, list};
        first += rows;
    }
}

/* Turned: where a pixel stands in the sums. */
static int64_t pixel_in_sums(const item *it, int64_t i, int64_t d, int64_t h) {
    const fc_axis *a = it->run->c->axis;
    if (!it->run->b->direct_output) return row_in_sums(it, i, d, h);
    return i * a[0].size * a[1].size * a[2].size + pixel_in_output(it, d, h, 0) -
           pixel_in_output(it, 0, 0, 0);
}

/* ---- Taps in the padding ---- */

/* Of the block's taps along axis i, those that read the input for some of the box's outputs
 * [first, first + n). */
static void reading_taps(const item *it, int i, int64_t first, int64_t n, fc_taps *taps) {
    const fc_axis *a = &it->run->c->axis[i];
    const fc_taps *block = &it->products.taps;
    const int64_t at = (it->box.first[i] + first) * a->stride + a->offset +
                       block->first[i] * a->offset_step,
                  last = at + (n - 1) * a->stride;
    int64_t begin = 0, end = block->size[i];
    while (begin < end && last + begin * a->offset_step < 0) begin++;
    while (end > begin && at + (end - 1) * a->offset_step >= a->in) end--;
    taps->first[i] = begin;
    taps->size[i] = end - begin;
}

/* The list of products with these taps; all products, if there are too many lists. */
static int64_t list_of(item *it, const fc_taps *taps) {
    for (int j = 0; j < it->list_count; j++)
        if (!memcmp(&it->lists[j].taps, taps, sizeof *taps)) return j;
    if (it->list_count == FC_LISTS) return 0;
    list *l = &it->lists[it->list_count];
    l->taps = *taps;
    l->k = it->products.channels * taps->size[0] * taps->size[1] * taps->size[2];
    return it->list_count++;
}

/* The lists' offsets in the plane, from those of all products; or the places of their packed
 * weights, `step` elements a product. */
static void fill_list(const item *it, const list *l, const int64_t *offsets, int64_t step,
                      int64_t *to) {
    const int64_t *all = it->products.taps.size, *first = l->taps.first, *n = l->taps.size;
    for (int64_t c = 0; c < it->products.channels; c++)
        for (int64_t d = first[0]; d < first[0] + n[0]; d++)
            for (int64_t h = first[1]; h < first[1] + n[1]; h++) {
                const int64_t row = ((c * all[0] + d) * all[1] + h) * all[2];
                for (int64_t w = first[2]; w < first[2] + n[2]; w++)
                    *to++ = offsets ? offsets[row + w] : (row + w) * step;
            }
}

/* Pixels at either end of a row for which the first or the last tap lies in the padding, if they
 * are worth tiles of their own. */
static void cut_row(const item *it, int64_t *left, int64_t *right) {
    const fc_axis *a = &it->run->c->axis[2];
    const fc_taps *block = &it->products.taps;
    const int64_t n = it->box.size[2], most = n - FC_SEGMENT;
    const int64_t at = it->box.first[2] * a->stride + a->offset + block->first[2] * a->offset_step,
                  end = at + (n - 1) * a->stride + (block->size[2] - 1) * a->offset_step;
    *left = at < 0 ? ceil_div(-at, a->stride) : 0;
    *right = end >= a->in ? ceil_div(end - a->in + 1, a->stride) : 0;
    if (*left < FC_SEGMENT) *left = 0;
    if (*right < FC_SEGMENT) *right = 0;
    if (*left + *right > most) *left = *right = 0;
}

static void list_segment(item *it, int64_t d, int64_t h, int64_t first, int64_t n) {
    fc_taps taps;
    reading_taps(it, 0, d, 1, &taps);
    reading_taps(it, 1, h, 1, &taps);
    reading_taps(it, 2, first, n, &taps);
    if (n > 0)
        list_pixels(it, fc_plane_pixel(&it->plane, 0, d, h, first),
                    pixel_in_sums(it, 0, d, h) + first * sums_step(it), n, list_of(it, &taps));
}

static void list_row(item *it, int64_t d, int64_t h) {
    int64_t left, right;
    cut_row(it, &left, &right);
    const int64_t n = it->box.size[2];
    list_segment(it, d, h, 0, left);
    list_segment(it, d, h, left, n - left - right);
    list_segment(it, d, h, n - right, right);
}

/* The first image's rows: those that follow each other at the distance of their pixels are one
 * run. */
static void list_rows(item *it) {
    const int64_t *n = it->box.size, *pixel = it->plane.pixel;
    const int one_run = n[1] > 1 && pixel[1] == n[2] * pixel[2] &&
                        pixel_in_sums(it, 0, 0, 1) == n[2] * sums_step(it);
    const int64_t rows = one_run ? n[1] : 1;
    for (int64_t d = 0; d < n[0]; d++)
        for (int64_t h = 0; h < n[1]; h += rows)
            if (it->run->b->saves_taps && !one_run) list_row(it, d, h);
            else
                list_pixels(it, fc_plane_pixel(&it->plane, 0, d, h, 0), pixel_in_sums(it, 0, d, h),
                            rows * n[2], 0);
}

/* Turned: all images have the places of the first. */
static void list_runs(item *it) {
    list_rows(it);
    const int64_t n = it->place_count, from = fc_plane_pixel(&it->plane, 1, 0, 0, 0),
                  to = pixel_in_sums(it, 1, 0, 0) - pixel_in_sums(it, 0, 0, 0);
    for (; it->place_count < n * it->box.images; it->place_count++) {
        place p = it->places[it->place_count - n];
        p.from += from;
        p.to += to;
        it->places[it->place_count] = p;
    }
}

/* All products first. */
static void begin_lists(item *it) {
    const fc_taps all = {
        {0, 0, 0},
        {it->products.taps.size[0], it->products.taps.size[1], it->products.taps.size[2]}};
    it->list_count = 0;
    list_of(it, &all);
}

static void list_places(item *it) {
    const fc_blocking *b = it->run->b;
    const int64_t *n = it->box.size, panel = panel_of(it->run);
    it->place_count = 0;
    begin_lists(it);
    if (b->turned) {
        list_runs(it);
    } else if (b->packed) {
        list_panels(it, 0, 0, it->box.images * n[0] * n[1] * n[2], it->products.depth * panel);
    } else if (b->by_row) {
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++) {
                const int64_t to = b->direct_output
                                       ? pixel_in_output(it, d, h, 0) - pixel_in_output(it, 0, 0, 0)
                                       : row_in_sums(it, 0, d, h);
                list_panels(it, fc_plane_pixel(&it->plane, 0, d, h, 0), to, n[2], panel);
            }
    } else {
        list_panels(it, 0, 0, (n[1] - 1) * it->plane.pixel[1] + n[2], panel);
    }
}

/* ---- One block of products ---- */

/* Channels last in place: the lines that the next tile's pixels begin, one for each product. They
 * are too many streams for the processor to foresee. */
static void list_soon(item *it) {
    const run *r = it->run;
    const int64_t line = 64 / it->item, rows = r->b->tile_pixels;
    it->soon = NULL;
    const double bytes = (double)r->c->batch * (double)it->plane.image * (double)it->item;
    if (!r->b->turned || !r->b->in_place || !it->plane.channels_last || bytes < SOON_BYTES ||
        it->products.depth != it->products.channels)
        return;
    it->soon = it->offsets + fc_products_most(r->b);
    for (int64_t i = 0; i < it->products.depth; i++)
        it->soon[i] = i / line * line + min64(i % line, rows - 1) * it->plane.pixel[2];
}

/* Everything that depends on the box, the taps and the number of channels, but not on which
 * channels they are. */
static void prepare_block(item *it) {
    const run *r = it->run;
    const fc_blocking *b = r->b;
    const fc_taps *taps = &it->products.taps;
    if (b->turned && b->in_place) fc_plane_spread_in_place(r->c, &it->plane);
    else if (b->in_place) fc_plane_in_place(r->c, &it->plane);
    else if (b->turned) it->plane = fc_plane_copied(r->c, &it->box, taps, it->products.channels);
    else it->plane = fc_plane_gathered(r->c, &it->box, taps);
    fc_plane_offsets(r->c, &it->plane, taps, it->products.channels, it->offsets);
    if (!b->turned)
        for (int64_t i = 0; i < it->products.depth; i++) it->panel_offsets[i] = i * panel_of(r);
    it->steps_of[0] = it->steps_of[1] = -1;
    list_soon(it);
    if (b->packed) list_positions(it);
    list_places(it);
    /* The first pixels of a tile bring its weights: they should need all of them. */
    it->first_place = 0;
    while (it->first_place < it->place_count - 1 && it->places[it->first_place].list != 0)
        it->first_place++;
    for (int j = 1; j < it->list_count; j++)
        fill_list(it, &it->lists[j], it->offsets, 0, it->offsets + j * fc_products_most(b));
}

/* 0, step, 2 * step, ...: of the products in packed weights. Tiles come in two sizes. */
static const int64_t *steps_of(item *it, int which, int64_t step) {
    int64_t *steps = it->steps + which * fc_products_most(it->run->b);
    if (it->steps_of[which] != step)
        for (int64_t i = 0; i < it->products.depth; i++) steps[i] = i * step;
    it->steps_of[which] = step;
    return steps;
}

/* The same of all lists, one behind another. */
static const int64_t *steps_of_lists(item *it, int64_t step) {
    if (it->steps_of[0] != step)
        for (int j = 0; j < it->list_count; j++)
            fill_list(it, &it->lists[j], NULL, step, it->steps + j * fc_products_most(it->run->b));
    it->steps_of[0] = step;
    return it->steps;
}

/* The planes of all blocks of products, one behind another, for one box: gathered unless this
 * worker has just done so. */
static void hold_planes(item *it) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    const held now = {r, it->box_index, it->group};
    if (it->held->run == now.run && it->held->box == now.box && it->held->group == now.group)
        return;
    *it->held = now;
    fc_products p = fc_products_first(c, r->b);
    do {
        const fc_plane plane = fc_plane_copied(c, &it->box, &p.taps, p.channels);
        fc_plane_gather(c, &plane, &it->box, &p.taps, r->x, it->group, p.channel, p.channels,
                        it->plane_data + p.channel / r->b->channels * r->b->plane_bytes);
    } while (fc_products_next(c, r->b, &p));
}

static void bring_plane(item *it) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    if (r->b->in_place) {
        const int64_t first = it->group * c->in_channels + it->products.channel;
        it->columns = r->x + (fc_plane_origin(c, &it->plane, &it->box, &it->products.taps) +
                              first * it->plane.channel) *
                                 it->item;
    } else if (r->b->whole) {
        hold_planes(it);
        it->columns = it->plane_data + it->products.channel / r->b->channels * r->b->plane_bytes;
    } else {
        fc_plane_gather(c, &it->plane, &it->box, &it->products.taps, r->x, it->group,
                        it->products.channel, it->products.channels, it->plane_data);
        it->columns = it->plane_data;
    }
}

static void pack_panels(item *it) {
    for (const place *p = it->places; p < it->places + it->place_count; p++)
        it->run->c->kernels->conv.pack(it->panels + p->from * it->item, panel_of(it->run),
                                       it->columns, it->offsets, it->products.depth,
                                       it->positions + p->to, p->columns);
}

/* A panel cut short, of the input itself: kernels read whole vectors, and behind the input there
 * may be nothing. */
static void pack_cut_panel(item *it, const place *p) {
    for (int64_t j = 0; j < p->columns; j++) it->positions[j] = p->from + j;
    it->run->c->kernels->conv.pack(it->panels, panel_of(it->run), it->columns, it->offsets,
                                   it->products.depth, it->positions, p->columns);
}

static fc_outer_fn kernel_for(const fc_correlation *c, int64_t rows, int64_t columns) {
    const fc_outer_fn *by_width = c->kernels->conv.outer[rows - 1];
    int64_t width = ceil_div(columns, c->kernels->lanes);
    while (!by_width[width - 1]) width++;
    return by_width[width - 1];
}

static const char *weights_of_tile(const item *it, int64_t tile) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    const int64_t before = fc_packed_start(c, b, tile) - fc_packed_start(c, b, it->first_tile);
    const int64_t done = it->run->packed || keeps_units(c, b) ? it->products.done : 0;
    return it->weights + (done * it->packed_rows + before * it->products.depth) * it->item;
}

/* Packs this block of the weights where the worker does not have it yet. */
static void bring_weights(item *it) {
    const run *r = it->run;
    if (r->packed) return;
    own_weights *own = it->own;
    const fc_products *p = &it->products;
    const int keeps = keeps_units(r->c, r->b);
    if (own->unit != it->unit) own->products = 0;
    own->unit = it->unit;
    it->weights = own->packed;
    if (keeps && p->done < own->products) return;
    fc_pack_block(r->c, r->b, it->unit, p, r->w,
                  own->packed + (keeps ? p->done * it->packed_rows * it->item : 0));
    own->products = p->done + p->depth;
}

/* Turned: the weights of one tile stay in the L1 while the pixels pass. */
static void multiply_tile(item *it, int64_t tile, int first, int last) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    const int64_t channel = fc_tile_start(c, r->b, tile),
                  channels = fc_tile_start(c, r->b, tile + 1) - channel;
    const int64_t ld = fc_packed_start(c, r->b, tile + 1) - fc_packed_start(c, r->b, tile);
    const char *weights = weights_of_tile(it, tile);
    const int64_t *steps = steps_of_lists(it, ld);
    const int64_t ldc = it->ld * sums_step(it), most = fc_products_most(r->b);
    const place *p = it->places + it->first_place, *end = it->places + it->place_count;
    for (int64_t i = 0; i < it->place_count; i++, p = p + 1 < end ? p + 1 : it->places) {
        const int soon = it->soon && tile == it->first_tile && p + 1 < end;
        const fc_outer t = {
            .k = it->lists[p->list].k,
            .a = it->columns + p->from * it->item,
            .a_offset = it->offsets + p->list * most,
            .a_step = it->plane.pixel[2],
            .b = weights,
            .b_offset = steps + p->list * most,
            .c = it->sums + (p->to * it->ld + channel - it->start) * it->item,
            .ldc = ldc,
            .columns = channels,
            .column_bias =
                r->bias ? r->bias + (it->group * c->out_channels + channel) * it->item : NULL,
            .min = c->min,
            .max = c->max,
            .first = first,
            .last = last,
            .clamp = c->clamp,
            .soon = soon ? it->columns + (p + 1)->from * it->item : NULL,
            .soon_offset = it->soon,
        };
        kernel_for(c, p->columns, channels)(&t);
    }
}

static void multiply_panel(item *it, const place *p, int first, int last) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    const fc_blocking *b = r->b;
    const int cut = !b->packed && b->in_place && p->columns < panel_of(r);
    if (cut) pack_cut_panel(it, p);
    const char *from = b->packed ? it->panels + p->from * it->item
                       : cut     ? it->panels
                                 : it->columns + p->from * it->item;
    const int64_t longest = ceil_div(c->out_channels, b->tiles);
    for (int64_t tile = it->first_tile; tile < it->last_tile; tile++) {
        const int64_t row = fc_tile_start(c, b, tile), rows = fc_tile_start(c, b, tile + 1) - row;
        const fc_outer t = {
            .k = it->products.depth,
            .a = weights_of_tile(it, tile),
            .a_offset = steps_of(it, rows == longest, rows),
            .a_step = 1,
            .b = from,
            .b_offset = b->packed || cut ? it->panel_offsets : it->offsets,
            .c = it->sums + ((row - it->start) * it->ld + p->to) * it->item,
            .ldc = it->ld,
            .columns = p->columns,
            .bias = r->bias ? r->bias + (it->group * c->out_channels + row) * it->item : NULL,
            .min = c->min,
            .max = c->max,
            .first = first,
            .last = last,
            .clamp = c->clamp,
        };
        kernel_for(c, rows, p->columns)(&t);
    }
}

static void multiply_block(item *it) {
    const fc_correlation *c = it->run->c;
    bring_weights(it);
    bring_plane(it);
    if (it->run->b->packed) pack_panels(it);
    const int first = it->products.done == 0,
              last = it->products.done + it->products.depth == fc_correlation_depth(c);
    if (it->run->b->turned)
        for (int64_t tile = it->first_tile; tile < it->last_tile; tile++)
            multiply_tile(it, tile, first, last);
    else
        for (int64_t i = 0; i < it->place_count; i++)
            multiply_panel(it, &it->places[i], first, last);
}

/* ---- One item ---- */

/* Pixel row (d, h) of image i of the box: sums and output each have either the pixels or the
 * channels next to each other. */
static void store_row(item *it, int64_t i, int64_t d, int64_t h) {
    const run *r = it->run;
    const fc_conv_kernels *k = &r->c->kernels->conv;
    const fc_axis *a = r->c->axis;
    const int turned = r->b->turned, last = r->c->layout == FC_CHANNELS_LAST;
    const int64_t space = a[0].size * a[1].size * a[2].size,
                  all = r->c->groups * r->c->out_channels;
    const int64_t channel = it->group * r->c->out_channels + it->start,
                  pixel = pixel_in_output(it, d, h, 0);
    const int64_t image = (it->box.image + i) * all * space, pixels = it->box.size[2],
                  row = row_in_sums(it, i, d, h);
    const char *src = it->sums + row * (turned ? it->ld : 1) * it->item;
    if (last && turned) {
        for (int64_t j = 0; j < pixels; j++)
            k->copy(r->y + (image + (pixel + j * a[2].step) * all + channel) * it->item, 1,
                    src + j * it->ld * it->item, 1, it->rows);
    } else if (last) {
        k->transpose(r->y + (image + pixel * all + channel) * it->item, all * a[2].step, src,
                     it->ld, it->rows, pixels);
    } else if (turned && a[2].step == 1) {
        k->transpose(r->y + (image + channel * space + pixel) * it->item, space, src, it->ld,
                     pixels, it->rows);
    } else {
        for (int64_t c = 0; c < it->rows; c++)
            k->copy(r->y + (image + (channel + c) * space + pixel) * it->item, a[2].step,
                    src + c * (turned ? 1 : it->ld) * it->item, turned ? it->ld : 1, pixels);
    }
}

static void store_sums(item *it) {
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < it->box.size[0]; d++)
            for (int64_t h = 0; h < it->box.size[1]; h++) store_row(it, i, d, h);
}

/* Sums in the output itself: its channels, or its pixels, are the rows. */
static void aim_at_output(item *it) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    const int64_t space = c->axis[0].size * c->axis[1].size * c->axis[2].size,
                  all = c->groups * c->out_channels;
    const int64_t channel = it->group * c->out_channels + it->start,
                  pixel = pixel_in_output(it, 0, 0, 0);
    const int last = c->layout == FC_CHANNELS_LAST;
    it->ld = last ? all : space;
    it->sums = r->y + (it->box.image * all * space +
                       (last ? pixel * all + channel : channel * space + pixel)) *
                          it->item;
}

/* `prepared`: how many products the item is prepared for, as the last group of this item left it.
 */
static void sum_products(item *it, int64_t *prepared) {
    const run *r = it->run;
    const int whole = fc_correlation_taps(r->c) == r->b->taps[0] * r->b->taps[1] * r->b->taps[2];
    it->products = fc_products_first(r->c, r->b);
    do {
        if (!whole || *prepared != it->products.depth) prepare_block(it);
        *prepared = it->products.depth;
        multiply_block(it);
    } while (fc_products_next(r->c, r->b, &it->products));
}

static void choose_pixels(item *it, int64_t index) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    for (int i = 2; i >= 0; i--) {
        it->box.first[i] = index % b->boxes[i] * b->box[i];
        it->box.size[i] = min64(b->box[i], c->axis[i].out - it->box.first[i]);
        index /= b->boxes[i];
    }
    it->box.image = index * b->images;
    it->box.images = min64(b->images, c->batch - it->box.image);
}

static void choose_channels(item *it, int64_t unit) {
    const fc_correlation *c = it->run->c;
    const fc_blocking *b = it->run->b;
    it->unit = unit;
    it->group = unit / b->blocks;
    it->first_tile = unit % b->blocks * b->tiles_together;
    it->last_tile = min64(b->tiles, it->first_tile + b->tiles_together);
    it->start = fc_tile_start(c, b, it->first_tile);
    it->rows = fc_tile_start(c, b, it->last_tile) - it->start;
    it->packed_rows = fc_unit_row(c, b, unit + 1) - fc_unit_row(c, b, unit);
    if (it->run->packed)
        it->weights = it->run->packed + fc_unit_row(c, b, unit) * fc_correlation_depth(c) * c->item;
}

static int64_t boxes_of(const fc_blocking *b) {
    return b->image_boxes * b->boxes[0] * b->boxes[1] * b->boxes[2];
}

static int64_t units_of(const run *r) { return r->c->groups * r->b->blocks; }

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    const fc_blocking *b = r->b;
    char *scratch = r->scratch + worker * r->worker_bytes;
    const int64_t boxes = boxes_of(b), units = units_of(r),
                  together = ceil_div(units, b->groups_together);
    const int boxes_first = r->packed && b->whole;
    int64_t prepared = -1;
    item it = {
        .run = r,
        .held = (held *)scratch,
        .own = r->packed ? NULL : (own_weights *)(scratch + r->weights_at),
        .box_index = boxes_first ? index / together : index % boxes,
        .plane_data = scratch + b->plane_at,
        .panels = scratch + b->panels_at,
        .sums = scratch + b->sums_at,
        .offsets = (int64_t *)(scratch + b->offsets_at),
        .positions = (int64_t *)(scratch + b->positions_at),
        .places = (place *)(scratch + b->places_at),
        .ld = b->columns,
        .item = r->c->item,
    };
    if (!b->whole) it.held->run = NULL; /* another run's plane: overwritten */
    const int64_t most = fc_products_most(b);
    it.panel_offsets = it.offsets + most;
    it.steps = it.offsets + (b->turned ? FC_LISTS : 2) * most;
    choose_pixels(&it, it.box_index);
    /* A box's plane serves all units, or a unit's weights serve all boxes. */
    const int64_t first = (boxes_first ? index % together : index / boxes) * b->groups_together;
    for (int64_t unit = first; unit < min64(units, first + b->groups_together); unit++) {
        choose_channels(&it, unit);
        if (b->direct_output) aim_at_output(&it);
        sum_products(&it, &prepared);
        if (!b->direct_output) store_sums(&it);
    }
}

static int64_t items_of(const run *r) {
    return boxes_of(r->b) * ceil_div(units_of(r), r->b->groups_together);
}

/* Nobody has a plane or packed weights yet. */
static void forget(const run *r, int workers) {
    for (int i = 0; i < workers; i++) {
        char *scratch = r->scratch + i * r->worker_bytes;
        ((held *)scratch)->run = NULL;
        if (!r->packed) ((own_weights *)(scratch + r->weights_at))->unit = -1;
    }
}

/* ---- A whole correlation ---- */

static int is_empty(const fc_correlation *c) {
    return c->batch == 0 || c->axis[0].out == 0 || c->axis[1].out == 0 || c->axis[2].out == 0;
}

static int workers_for(const fc_correlation *c, const fc_blocking *b, const fc_call *call) {
    const double work = (double)c->batch * (double)c->groups * (double)c->out_channels *
                        (double)(fc_correlation_depth(c) + 4) *
                        (double)(c->axis[0].out * c->axis[1].out) * (double)c->axis[2].out;
    const int workers =
        fc_workers(call, boxes_of(b) * ceil_div(c->groups * b->blocks, b->groups_together));
    return work < 1 << 18 ? 1 : workers; /* a few microseconds: done before another thread wakes */
}

static fc_status run_one(run *r, const fc_call *call) {
    if (is_empty(r->c)) return FC_OK;
    const int workers = workers_for(r->c, r->b, call);
    r->weights_at = r->b->bytes;
    r->worker_bytes = r->b->bytes + (r->packed ? 0 : own_bytes(r->c, r->b));
    r->scratch = fc_scratch(workers * r->worker_bytes);
    FC_REQUIRE(r->scratch, FC_OUT_OF_MEMORY);
    forget(r, workers);
    const fc_status status = fc_parallel_for(call, workers, items_of(r), run_item, r);
    fc_scratch_free(r->scratch);
    return status;
}

fc_status fc_correlate_packed(const fc_correlation *c, const fc_blocking *b, const void *x,
                              const void *packed, const void *bias, void *y, const fc_call *call) {
    run r = {.c = c, .b = b, .x = x, .packed = packed, .bias = bias, .y = y};
    return run_one(&r, call);
}

fc_status fc_correlate(const fc_correlation *c, const fc_blocking *b, const void *x, const void *w,
                       const void *bias, void *y, const fc_call *call) {
    run r = {.c = c, .b = b, .x = x, .w = w, .bias = bias, .y = y};
    return run_one(&r, call);
}

int64_t fc_correlate_scratch(const fc_correlation *c, const fc_blocking *b, int packed,
                             int threads) {
    const fc_call call = {.threads = threads};
    return workers_for(c, b, &call) * (b->bytes + (packed ? 0 : own_bytes(c, b)));
}

/* ---- Several correlations ---- */

typedef struct runs {
    const run *run;
    int n;
} runs;

static void run_item_of_all(void *context, int64_t index, int worker) {
    const runs *all = context;
    for (int i = 0; i < all->n; i++)
        if (index < items_of(&all->run[i])) run_item((void *)&all->run[i], index, worker);
}

#define RUNS 16

fc_status fc_correlate_all(const fc_correlation *c, const fc_blocking *b, int n, const void *x,
                           const void *w, const void *bias, void *y, const fc_call *call) {
    if (n == 0 || is_empty(&c[0]))
        return FC_OK; /* no images: the correlations themselves have outputs */
    run r[RUNS];
    int64_t weights = 0, worker_bytes = 0, items = 0;
    int workers = 1;
    for (int i = 0; i < n; i++) {
        weights += own_bytes(&c[i], &b[i]);
        worker_bytes = max64(worker_bytes, b[i].bytes);
        workers = (int)max64(workers, workers_for(&c[i], &b[i], call));
    }
    if (n > RUNS || weights > ALL_BYTES || n == 1) { /* one after another */
        for (int i = 0; i < n; i++) FC_TRY(fc_correlate(&c[i], &b[i], x, w, bias, y, call));
        return FC_OK;
    }
    char *scratch = fc_scratch(workers * (worker_bytes + weights));
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    int64_t at = worker_bytes;
    for (int i = 0; i < n; i++) {
        r[i] = (run){.c = &c[i], .b = &b[i], .x = x, .w = w, .bias = bias, .y = y};
        r[i].scratch = scratch;
        r[i].worker_bytes = worker_bytes + weights;
        r[i].weights_at = at;
        at += own_bytes(&c[i], &b[i]);
        items = max64(items, items_of(&r[i]));
        forget(&r[i], workers);
    }
    const fc_status status = fc_parallel_for(call, workers, items, run_item_of_all, &(runs){r, n});
    fc_scratch_free(scratch);
    return status;
}
