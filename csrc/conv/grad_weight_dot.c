/* The gradient with respect to the weight:
 *
 *   gw[k, c, t] = sum over images and pixels of gy[n, k, o] * x[n, c, o*stride + t*dilation - pad]
 *
 *   for each item (parallel):        a unit (output channels x input channels x taps of a group)
 *                                    x a chunk of pieces
 *     for each piece of the chunk:   some rows of an image, or some whole images
 *       bring the plane of x and the lines of gy
 *       for each tile of output channels:
 *         for each tile of (channel, tap):   dot products along the line
 *
 * A line of gy has the pitch of the plane's rows, with zeros between them, so that one dot product
 * runs over many rows. The chunks depend on the problem alone and are added in their order at the
 * end: the bytes do not depend on the number of threads. Where the plane holds a NaN or Inf, which
 * the zeros would spread, dot products stay in the rows. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "cache_blocks.h"
#include "chunks.h"
#include "grad_weight.h"
#include "pieces.h"
#include "problem.h"
#include "integers.h"

#define OFFSETS 8192        /* (channel, tap) pairs of a unit, at most */
#define ITEMS 32            /* that a problem should give, if it is not tiny */
#define UNIT_WORK (1 << 20) /* multiply-adds an item should have, about */
#define PARTIAL_BYTES ((int64_t)8 << 20)

/* How the problem is cut, and what all items share. */
typedef struct run {
    fc_correlation c;
    int x_in_place, gy_in_place;
    fc_pieces pieces;
    fc_units units;
    int64_t units_together; /* that an item does, one after another */
    int64_t chunks, chunk_pieces;
    int64_t lines_at, offsets_at, bytes; /* scratch of a worker */
    const char *x, *gy;
    char *gw, *partial, *scratch;
} run;

typedef struct item {
    const run *run;
    fc_box box;
    fc_unit unit;
    fc_plane plane;
    const char *columns, *lines; /* x and gy, as the kernels read them */
    int64_t segments, x_step, line_step, line,
        length; /* of a segment: pitch in x and gy, line pitch, pixels */
    int64_t *offsets;
    char *plane_data, *lines_data, *out; /* out: the gradient, or this chunk's part of it */
} item;

/* ---- Cutting ---- */

static fc_plane plane_of(const run *r, const fc_box *box, const fc_taps *taps) {
    fc_plane plane;
    if (r->x_in_place) fc_plane_in_place(&r->c, &plane);
    else plane = fc_plane_gathered(&r->c, box, taps);
    return plane;
}

static fc_plane first_plane(const run *r) {
    const fc_box box = fc_pieces_box(&r->pieces);
    const fc_taps taps = fc_units_taps(&r->units);
    return plane_of(r, &box, &taps);
}

/* Where each segment of a piece lies: the images, or the slices of depth. */
static void choose_segments(const run *r, item *it) {
    it->line = it->plane.pixel[1];
    it->segments = r->pieces.images > 1 ? it->box.images : it->box.size[0];
    it->x_step = r->pieces.images > 1 ? it->plane.image : it->plane.pixel[0];
    it->length = (it->box.size[1] - 1) * it->line + it->box.size[2];
    const int64_t slice = r->c.axis[1].out * r->c.axis[2].out;
    if (!r->gy_in_place)
        it->line_step =
            ceil_div(it->length, r->c.kernels->lanes) * r->c.kernels->lanes; /* aligned */
    else if (r->pieces.images == 1) it->line_step = slice;
    else it->line_step = r->c.groups * r->c.out_channels * r->c.axis[0].out * slice;
}

static int64_t line_elements(const run *r) {
    item it = {.plane = first_plane(r), .box = fc_pieces_box(&r->pieces)};
    choose_segments(r, &it);
    return it.segments * (r->gy_in_place ? it.length : it.line_step);
}

static void choose_unit(run *r) {
    const fc_correlation *c = &r->c;
    for (int i = 0; i < 3; i++) r->units.taps[i] = c->axis[i].taps;
    for (int i = 0; i < 3; i++)
        while (r->units.taps[i] > 1 &&
               (fc_volume(r->units.taps) > OFFSETS ||
                (!r->x_in_place && first_plane(r).channel * c->item > FC_LINES_BYTES)))
            r->units.taps[i] = ceil_div(r->units.taps[i], 2);
    const int64_t taps = fc_volume(r->units.taps);
    const int64_t piece = line_elements(r) * c->item;
    const int64_t plane = r->x_in_place ? piece : first_plane(r).channel * c->item;
    r->units.in = max64(1, min64(c->in_channels, min64(FC_LINES_BYTES / plane, OFFSETS / taps)));
    r->units.out = max64(1, min64(c->out_channels, FC_LINES_BYTES / piece));
    r->units.out = ceil_div(c->out_channels, ceil_div(c->out_channels, r->units.out));
    r->units.in = ceil_div(c->in_channels, ceil_div(c->in_channels, r->units.in));
}

static int64_t weight_elements(const run *r) {
    return r->c.groups * r->c.out_channels * fc_correlation_depth(&r->c);
}

/* Enough items: first by cutting the sum over the pieces, where the parts are small, then by
 * smaller units. */
static void choose_items(run *r) {
    const int64_t most = max64(1, PARTIAL_BYTES / (weight_elements(r) * r->c.item));
    fc_units_count(&r->c, &r->units);
    r->chunks = max64(1, min64(min64(most, ceil_div(ITEMS, r->units.count)), r->pieces.count));
    while (r->units.count * r->chunks < ITEMS && (r->units.out > 8 || r->units.in > 8)) {
        if (r->units.out >= r->units.in) r->units.out = ceil_div(r->units.out, 2);
        else r->units.in = ceil_div(r->units.in, 2);
        fc_units_count(&r->c, &r->units);
    }
    r->chunk_pieces = ceil_div(max64(1, r->pieces.count), r->chunks);
    r->chunks = ceil_div(max64(1, r->pieces.count), r->chunk_pieces);
    const double work = (double)r->chunk_pieces * (double)line_elements(r) *
                        (double)(r->units.out * r->units.in) * (double)fc_volume(r->units.taps);
    r->units_together = max64(1, min64(r->units.count / ITEMS, (int64_t)(UNIT_WORK / (work + 1))));
}

static void place_scratch(run *r) {
    const int64_t taps = fc_volume(r->units.taps), item = r->c.item;
    int64_t at = r->x_in_place ? 0 : fc_aligned(r->units.in * first_plane(r).channel * item);
    r->lines_at = at;
    at += r->gy_in_place ? 0 : fc_aligned(r->units.out * line_elements(r) * item);
    r->offsets_at = at;
    r->bytes = at + fc_aligned(r->units.in * taps * 8);
}

static run run_of(const fc_conv *p) {
    run r = {.c = fc_correlation_forward(p)};
    fc_plane plane;
    r.x_in_place = fc_plane_in_place(&r.c, &plane);
    r.gy_in_place = r.x_in_place && plane.pixel[1] == r.c.axis[2].out &&
                    (r.c.axis[0].out == 1 || plane.pixel[0] == r.c.axis[1].out * r.c.axis[2].out);
    r.pieces = fc_pieces_of(&r.c, r.c.kernels->tuning.positions);
    choose_unit(&r);
    choose_items(&r);
    place_scratch(&r);
    return r;
}

/* ---- Bringing the data ---- */

/* Elements of gy before the piece's first pixel in the unit's first channel. */
static int64_t piece_in_gy(const item *it, int64_t image, int64_t d, int64_t h,
                           int64_t pixel_stride) {
    const fc_correlation *c = &it->run->c;
    const fc_axis *a = c->axis;
    const int64_t all = c->groups * c->out_channels, space = a[0].out * a[1].out * a[2].out;
    const int64_t pixel =
        ((it->box.first[0] + d) * a[1].out + it->box.first[1] + h) * a[2].out + it->box.first[2];
    const int64_t channel = it->unit.group * c->out_channels + it->unit.out.first;
    return (it->box.image + image) * all * space + pixel * pixel_stride +
           channel * (pixel_stride == 1 ? space : 1);
}

/* One row of pixels of every output channel of the unit. */
static void bring_row(item *it, int64_t segment, int64_t h) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    const int64_t ld = it->segments * it->line_step, all = c->groups * c->out_channels;
    const int64_t image = r->pieces.images > 1 ? segment : 0,
                  d = r->pieces.images > 1 ? 0 : segment;
    char *dst = it->lines_data + (segment * it->line_step + h * it->line) * c->item;
    if (c->layout == FC_CHANNELS_LAST) {
        const char *src = r->gy + piece_in_gy(it, image, d, h, all) * c->item;
        c->kernels->conv.transpose(dst, ld, src, all, it->box.size[2], it->unit.out.count);
        return;
    }
    const int64_t space = c->axis[0].out * c->axis[1].out * c->axis[2].out;
    const char *src = r->gy + piece_in_gy(it, image, d, h, 1) * c->item;
    for (int64_t k = 0; k < it->unit.out.count; k++)
        c->kernels->conv.copy(dst + k * ld * c->item, 1, src + k * space * c->item, 1,
                              it->box.size[2]);
}

static void bring_lines(item *it) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    if (r->gy_in_place) {
        it->lines = r->gy + piece_in_gy(it, 0, 0, 0, 1) * c->item;
        return;
    }
    if (it->line > it->box.size[2])
        memset(it->lines_data, 0,
               (size_t)(it->unit.out.count * it->segments * it->line_step * c->item));
    for (int64_t s = 0; s < it->segments; s++)
        for (int64_t h = 0; h < it->box.size[1]; h++) bring_row(it, s, h);
    it->lines = it->lines_data;
}

static void bring_plane(item *it) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    if (r->x_in_place) {
        const int64_t first = it->unit.group * c->in_channels + it->unit.in.first;
        it->columns = r->x + (fc_plane_origin(c, &it->plane, &it->box, &it->unit.taps) +
                              first * it->plane.channel) *
                                 c->item;
        return;
    }
    fc_plane_gather(c, &it->plane, &it->box, &it->unit.taps, r->x, it->unit.group,
                    it->unit.in.first, it->unit.in.count, it->plane_data);
    it->columns = it->plane_data;
}

/* Whether the zeros between the rows of gy meet no NaN or Inf of x. */
static int gaps_are_harmless(const item *it) {
    const run *r = it->run;
    if (it->line == it->box.size[2] || it->box.size[1] == 1) return 1;
    if (!r->x_in_place)
        return r->c.kernels->conv.finite(it->columns, it->unit.in.count * it->plane.channel);
    const int64_t reach = it->offsets[fc_volume(it->unit.taps.size) - 1] + it->length;
    for (int64_t k = 0; k < it->unit.in.count; k++)
        for (int64_t s = 0; s < it->segments; s++)
            if (!r->c.kernels->conv.finite(
                    it->columns + (k * it->plane.channel + s * it->x_step) * r->c.item, reach))
                return 0;
    return 1;
}

/* ---- Summing ---- */

typedef struct span {
    int64_t segments, x_step, line_step, length;
} span;

static void dot_tile(const item *it, const span *s, const char *x, const char *gy, int64_t m,
                     int64_t rows, int64_t n, int64_t columns) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    const int64_t all = c->axis[0].out * c->axis[1].out * c->axis[2].out;
    const int64_t ld = r->gy_in_place ? all : it->segments * it->line_step;
    const int64_t taps = fc_volume(it->unit.taps.size), depth = fc_correlation_depth(c);
    /* (channel, tap) n of the unit; a unit of cut taps has one channel at a time in a tile's row.
     */
    const int64_t column = (it->unit.in.first + n / taps) * c->w_in + n % taps;
    const fc_dot t = {
        .segments = s->segments,
        .length = s->length,
        .a_step = s->line_step,
        .b_step = s->x_step,
        .lda = ld,
        .a = gy + m * ld * c->item,
        .b = x,
        .offset = it->offsets + n,
        .c = it->out +
             ((it->unit.group * c->out_channels + it->unit.out.first + m) * depth + column) *
                 c->item,
        .ldc = depth,
    };
    c->kernels->conv.dot[rows - 1][columns - 1](&t);
}

/* All tiles of the unit: some lines of gy stay in the cache while the planes of x pass. */
static void dot_unit(const item *it, const span *s, const char *x, const char *gy) {
    const fc_conv_kernels *k = &it->run->c.kernels->conv;
    const int64_t taps = fc_volume(it->unit.taps.size);
    const int whole = taps == fc_correlation_taps(&it->run->c);
    const int64_t line = whole ? it->unit.in.count * taps : taps,
                  lines = whole ? 1 : it->unit.in.count;
    for (int64_t l = 0; l < lines; l++)
        for (int64_t m = 0; m < it->unit.out.count; m += k->dot_rows) {
            const int64_t rows = min64(k->dot_rows, it->unit.out.count - m),
                          most = k->dot_columns[rows - 1];
            for (int64_t n = 0; n < line; n += most)
                dot_tile(it, s, x, gy, m, rows, l * line + n, min64(most, line - n));
        }
}

static void add_piece(item *it) {
    const run *r = it->run;
    bring_lines(it);
    bring_plane(it);
    if (gaps_are_harmless(it)) {
        dot_unit(it, &(span){it->segments, it->x_step, it->line_step, it->length}, it->columns,
                 it->lines);
        return;
    }
    for (int64_t s = 0; s < it->segments; s++)
        dot_unit(it, &(span){it->box.size[1], it->line, it->line, it->box.size[2]},
                 it->columns + s * it->x_step * r->c.item,
                 it->lines + s * it->line_step * r->c.item);
}

/* Units with cut taps: where their first tap stands in the weight. */
static int64_t taps_in_weight(const item *it) {
    const fc_correlation *c = &it->run->c;
    return it->unit.taps.first[0] * c->w_axis[0] + it->unit.taps.first[1] * c->w_axis[1] +
           it->unit.taps.first[2] * c->w_axis[2];
}

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    char *scratch = r->scratch + worker * r->bytes;
    const int64_t chunk = index % r->chunks, first = index / r->chunks * r->units_together;
    item it = {.run = r,
               .plane_data = scratch,
               .lines_data = scratch + r->lines_at,
               .offsets = (int64_t *)(scratch + r->offsets_at)};
    char *out = r->chunks > 1 ? r->partial + chunk * weight_elements(r) * r->c.item : r->gw;
    for (int64_t unit = first; unit < min64(r->units.count, first + r->units_together); unit++) {
        it.unit = fc_unit_at(&r->c, &r->units, unit);
        it.out = out + taps_in_weight(&it) * r->c.item;
        for (int64_t piece = chunk * r->chunk_pieces;
             piece < min64(r->pieces.count, (chunk + 1) * r->chunk_pieces); piece++) {
            it.box = fc_piece(&r->c, &r->pieces, piece);
            it.plane = plane_of(r, &it.box, &it.unit.taps);
            choose_segments(r, &it);
            fc_plane_offsets(&r->c, &it.plane, &it.unit.taps, it.unit.in.count, it.offsets);
            add_piece(&it);
        }
    }
}

static fc_status run_all(run *r, int workers, const fc_call *call) {
    const int64_t bytes = weight_elements(r) * r->c.item;
    if (r->chunks > 1) memset(r->partial, 0, (size_t)(r->chunks * bytes));
    else memset(r->gw, 0, (size_t)bytes);
    FC_TRY(fc_parallel_for(call, workers, ceil_div(r->units.count, r->units_together) * r->chunks,
                           run_item, r));
    if (r->chunks == 1) return FC_OK;
    const fc_chunks parts = {r->c.kernels, r->partial,         r->gw,
                             r->c.item,    weight_elements(r), r->chunks};
    return fc_chunks_add(&parts, workers, call);
}

double fc_grad_weight_dot_cost(const fc_conv *problem) {
    const run r = run_of(problem);
    const fc_correlation *c = &r.c;
    const fc_weight_tuning *costs = &c->kernels->tuning.weight;
    const double vectors = (double)line_elements(&r) / c->kernels->lanes,
                 rows = (double)c->out_channels, columns = (double)fc_correlation_depth(c);
    const double few = costs->dot_alone / (double)min64(r.units.out, c->kernels->conv.dot_rows),
                 multiply = few > costs->dot ? few : costs->dot;
    double piece = rows * columns * (vectors * multiply + costs->dot_sum);
    if (!r.gy_in_place) piece += costs->dot_bring * vectors * rows * (double)r.units.in_blocks;
    if (!r.x_in_place)
        piece += costs->dot_bring * (double)c->in_channels * (double)r.units.out_blocks *
                 (double)first_plane(&r).channel / c->kernels->lanes;
    return (double)r.pieces.count * (double)c->groups * piece * 1e-9 * c->kernels->tuning.multiply;
}

fc_status fc_grad_weight_dot(const fc_conv *problem, const void *x, const void *gy, void *gw,
                             const fc_call *call) {
    run r = run_of(problem);
    const double work = fc_conv_flops(problem);
    const int workers =
        work < 1 << 18 ? 1 : fc_workers(call, ceil_div(r.units.count, r.units_together) * r.chunks);
    const int64_t partial =
        r.chunks > 1 ? fc_aligned(r.chunks * weight_elements(&r) * r.c.item) : 0;
    r.partial = fc_scratch(partial + workers * r.bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.scratch = r.partial + partial;
    r.x = x;
    r.gy = gy;
    r.gw = gw;
    const fc_status status = run_all(&r, workers, call);
    fc_scratch_free(r.partial);
    return status;
}
