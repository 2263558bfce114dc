/* Winograd's algorithm: the sums over channels are made for the points of transformed tiles, where
 * a product of tiles is a product point by point.
 *
 *   for each item (parallel):                 a box of tiles
 *     for each strip of input channels:         the box's part of the input, padding filled in
 *       V = transformed tiles                   [point][tile][input channel]
 *     for each block of output channels:
 *       for each block of input channels:       U, brought or made (winograd_weights.c)
 *         for each point:                       sums += V U   [point][tile][output channel]
 *       y = transformed sums, + bias, clamped
 *
 * or, where boxes are few or their V large, V of some boxes is made by all threads together, and
 * then a block of output channels of a box is an item. Where the L3 is far, a part of the blocks of
 * a box is one, and makes all of V for itself (fc_winograd_for). Vectors run along the channels
 * everywhere: strips and sums are channels last, and arrays that are channels first are transposed
 * on the way in and out.
 *
 * Transformed values are sums and differences of inputs: a NaN or Inf spreads over its tile, and
 * large values may overflow. Every result that depends on such a value is itself not finite. An
 * image in which that occurs is computed again by the direct algorithm. */
#include "winograd.h"

#include <stdatomic.h>
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "cache_blocks.h"
#include "integers.h"
#include "soon.h"

typedef struct run {
    const fc_correlation *c;
    const fc_winograd *w;
    const char *x, *weights, *packed, *bias; /* packed, bias: or NULL */
    char *y;
    atomic_uchar *overflow;    /* of each image */
    char *v, *scratch;         /* v: what the items share */
    int64_t v_bytes;           /* of a box */
    int64_t first_unit, units; /* units: boxes, counted over all groups */
} run;

/* A box of tiles of one group. */
typedef struct item {
    const run *run;
    int64_t group;
    fc_winograd_box box;
    char *scratch, *v;
} item;

static item choose_box(const run *r, int64_t unit, int worker) {
    const fc_winograd *w = r->w;
    item it = {
        .run = r,
        .group = unit / w->count,
        .box = fc_winograd_box_at(r->c, w, unit % w->count),
        .scratch = r->scratch + worker * w->bytes,
    };
    it.v = w->parts ? it.scratch + w->v_at : r->v + (unit - r->first_unit) * r->v_bytes;
    return it;
}

/* ---- Input ---- */

/* V of some channels of the box. */
static void transform_input(const item *it, int64_t channel, int64_t channels) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    const fc_winograd *w = r->w;
    const fc_images x = fc_winograd_images(c, r->x);
    fc_winograd_input_box(c, w, &it->box, &x,
                          &(fc_winograd_channels){it->group * c->in_channels + channel, channels},
                          it->scratch + w->strip_at, it->v + channel * c->item);
}

/* ---- Products ---- */

/* The part of U, brought or made. */
static const char *bring_weights(const item *it, fc_winograd_part part) {
    const run *r = it->run;
    const fc_winograd *w = r->w;
    const char *packed = r->packed ? r->packed + fc_winograd_packed_at(r->c, w, part) : NULL;
    if (w->stored) return packed;
    char *u = it->scratch + w->u_at;
    if (packed) fc_winograd_make_packed(r->c, w, part, packed, u);
    else fc_winograd_make(r->c, w, part, r->weights, it->scratch + w->taps_at, u);
    return u;
}

/* Calls of the kernel for a point: groups of tiles. */
static int64_t groups_of(const item *it) { return ceil_div(it->box.tiles, it->run->w->rows); }

/* The taps of the part behind this one: of the next block, too, which the worker most often goes on
 * with. */
static fc_soon_rows next_taps(const item *it, fc_winograd_part part) {
    const run *r = it->run;
    part.channel += r->w->depth;
    if (part.channel >= r->c->in_channels) {
        part.channel = 0;
        part.block++;
    }
    if (part.block == r->w->blocks) return (fc_soon_rows){0};
    return fc_winograd_source(r->c, r->w, part, r->weights, r->packed);
}

/* All tiles of one point. `call`: the first one's place among those that share what comes next. */
static void multiply_point(const item *it, fc_outer t, const fc_soon *s, int64_t call) {
    const fc_correlation *c = it->run->c;
    const int64_t groups = groups_of(it);
    t.soon_offset = s->offset;
    for (int64_t g = 0, first = 0; g < groups; g++) {
        const int64_t rows = ceil_div(it->box.tiles - first, groups - g);
        t.soon = fc_soon_at(s, call + g);
        c->kernels->conv.outer[rows - 1][t.columns / c->kernels->lanes - 1](&t);
        t.a = (const char *)t.a + rows * t.a_step * c->item;
        t.c = (char *)t.c + rows * t.ldc * c->item;
        first += rows;
    }
}

/* Elements between the points of the sums: no power of two. */
static int64_t sums_point(const item *it, int64_t columns) {
    return it->box.tiles * columns + it->run->c->kernels->lanes;
}

/* Stored U: the calls of a point ask for the next one's, which stands behind it. Made: the calls of
 * all points ask for the taps of the next part. */
static void multiply_part(const item *it, fc_winograd_part part, fc_outer t) {
    const fc_correlation *c = it->run->c;
    const fc_winograd *w = it->run->w;
    const int64_t u_point = fc_winograd_point(c, w, part) * c->item, groups = groups_of(it);
    const char *u = bring_weights(it, part), *v = it->v + part.channel * c->item;
    char *sums = it->scratch + w->sums_at;
    const fc_soon_rows point = {.rows = w->asks_ahead, .bytes = t.k * t.columns * c->item};
    int64_t *offsets = (int64_t *)(it->scratch + w->offsets_at) + 2 * w->depth;
    fc_soon s = fc_soon_share(w->stored ? point : next_taps(it, part),
                              w->stored ? groups : groups * w->points, t.k, c->item, offsets);
    for (int64_t p = 0; p < w->points; p++) {
        t.a = v + p * w->point * c->item;
        t.b = u + p * u_point;
        t.c = sums + p * sums_point(it, t.columns) * c->item;
        if (w->stored) s.next.at = u + (p + 1) * u_point;
        multiply_point(it, t, &s, w->stored ? 0 : p * groups);
    }
}

static void multiply_block(const item *it, int64_t block) {
    const fc_correlation *c = it->run->c;
    const fc_winograd *w = it->run->w;
    const int64_t columns = fc_winograd_columns(c, w, block);
    int64_t *channels = (int64_t *)(it->scratch + w->offsets_at), *rows = channels + w->depth;
    for (int64_t i = 0; i < w->depth; i++) {
        channels[i] = i;
        rows[i] = i * columns;
    }
    for (int64_t channel = 0; channel < c->in_channels; channel += w->depth)
        multiply_part(it, (fc_winograd_part){it->group, block, channel},
                      (fc_outer){
                          .k = fc_winograd_depth(c, w, channel),
                          .a_offset = channels,
                          .a_step = w->pitch,
                          .b_offset = rows,
                          .ldc = columns,
                          .columns = columns,
                          .first = channel == 0,
                      });
}

/* ---- Output ---- */

/* One row of tiles, its sums from `tile` on: to y + pixel * to->column. */
static int output_tiles(const item *it, fc_winograd_output t, int64_t pixels) {
    const fc_correlation *c = it->run->c;
    const fc_winograd *w = it->run->w;
    t.tiles = pixels / w->m;
    t.columns = w->m;
    int finite = 1;
    if (t.tiles) finite = c->kernels->conv.winograd_output[w->size](&t);
    if (pixels % w->m == 0) return finite;
    t.sums = (const char *)t.sums + t.tiles * t.tile * c->item;
    t.y = (char *)t.y + t.tiles * w->m * t.column * c->item;
    t.tiles = 1;
    t.columns = pixels % w->m;
    return c->kernels->conv.winograd_output[w->size](&t) && finite;
}

/* Channels first: a row of tiles is put together in scratch, [h][w][channel], and transposed. */
static int output_turned(const item *it, fc_winograd_output t, int64_t columns, int64_t pixels) {
    const fc_correlation *c = it->run->c;
    const int64_t width = c->axis[2].out, space = c->axis[1].out * width;
    char *y = t.y, *out = it->scratch + it->run->w->out_at;
    t.y = out;
    t.column = columns;
    t.row = pixels * columns;
    const int finite = output_tiles(it, t, pixels);
    const int64_t lines = pixels == width ? 1 : t.rows;
    for (int64_t h = 0; h < lines; h++)
        c->kernels->conv.transpose(y + h * width * c->item, space, out + h * t.row * c->item,
                                   columns, t.rows / lines * pixels, t.channels);
    return finite;
}

/* Row h of tiles in image i of the box. */
static int output_row(const item *it, int64_t block, int64_t i, int64_t h) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    const fc_winograd *w = r->w;
    const int64_t columns = fc_winograd_columns(c, w, block);
    const int64_t height = c->axis[1].out, width = c->axis[2].out;
    const int64_t row = (it->box.first[0] + h) * w->m, column = it->box.first[1] * w->m;
    const int64_t pixels = min64(it->box.size[1] * w->m, width - column);
    const int64_t all = c->groups * c->out_channels, first = block * w->columns,
                  channel = it->group * c->out_channels + first;
    const int last = c->layout == FC_CHANNELS_LAST;
    const int64_t pixel = row * width + column, image = (it->box.image + i) * all * height * width;
    const int64_t tile = (i * it->box.size[0] + h) * it->box.size[1];
    const fc_winograd_output t = {
        .sums = it->scratch + w->sums_at + tile * columns * c->item,
        .y = r->y +
             (image + (last ? pixel * all + channel : channel * height * width + pixel)) * c->item,
        .point = sums_point(it, columns),
        .tile = columns,
        .row = width * all,
        .column = all,
        .rows = min64(w->m, height - row),
        .channels = min64(columns, c->out_channels - first),
        .bias = r->bias ? r->bias + channel * c->item : NULL,
        .min = c->min,
        .max = c->max,
        .clamp = c->clamp,
    };
    return last ? output_tiles(it, t, pixels) : output_turned(it, t, columns, pixels);
}

static void finish_block(const item *it, int64_t block) {
    for (int64_t i = 0; i < it->box.images; i++) {
        int finite = 1;
        for (int64_t h = 0; h < it->box.size[0]; h++) finite &= output_row(it, block, i, h);
        if (!finite)
            atomic_store_explicit(&it->run->overflow[it->box.image + i], 1, memory_order_relaxed);
    }
}

/* ---- Items ---- */

static int64_t strips_of(const fc_correlation *c) { return ceil_div(c->in_channels, FC_STRIP); }

static void transform_strip(const item *it, int64_t strip) {
    const int64_t channel = strip * FC_STRIP;
    transform_input(it, channel, min64(FC_STRIP, it->run->c->in_channels - channel));
}

/* A part of a box, with all that belongs to it. */
static void run_part(void *context, int64_t index, int worker) {
    const run *r = context;
    const int64_t parts = r->w->parts, part = index % parts, blocks = r->w->blocks;
    const item it = choose_box(r, index / parts, worker);
    for (int64_t s = 0; s < strips_of(r->c); s++) transform_strip(&it, s);
    for (int64_t block = part * blocks / parts; block < (part + 1) * blocks / parts; block++) {
        multiply_block(&it, block);
        finish_block(&it, block);
    }
}

/* One strip of V of a box. */
static void run_strip(void *context, int64_t index, int worker) {
    const run *r = context;
    const item it = choose_box(r, r->first_unit + index / strips_of(r->c), worker);
    transform_strip(&it, index % strips_of(r->c));
}

/* One block of output channels of a box whose V is there. */
static void run_block(void *context, int64_t index, int worker) {
    const run *r = context;
    const item it = choose_box(r, r->first_unit + index % r->units, worker);
    multiply_block(&it, index / r->units);
    finish_block(&it, index / r->units);
}

static fc_status run_units(run *r, int workers, const fc_call *call) {
    const fc_correlation *c = r->c;
    const fc_winograd *w = r->w;
    const int64_t all = w->count * c->groups, at_once = w->boxes_at_once;
    r->units = all;
    if (w->parts) return fc_parallel_for(call, workers, all * w->parts, run_part, r);
    for (r->first_unit = 0; r->first_unit < all; r->first_unit += at_once) {
        r->units = min64(at_once, all - r->first_unit);
        FC_TRY(fc_parallel_for(call, workers, r->units * strips_of(c), run_strip, r));
        FC_TRY(fc_parallel_for(call, workers, r->units * w->blocks, run_block, r));
    }
    return FC_OK;
}

/* ---- A whole correlation ---- */

/* The images whose transformed values were not finite, by the direct sum. */
static fc_status run_overflown(const run *r, const fc_call *call) {
    const fc_correlation *c = r->c;
    const int64_t in = c->groups * c->in_channels * c->axis[1].in * c->axis[2].in * c->item;
    const int64_t out = c->groups * c->out_channels * c->axis[1].out * c->axis[2].out * c->item;
    for (int64_t i = 0; i < c->batch; i++) {
        if (!atomic_load_explicit(&r->overflow[i], memory_order_relaxed)) continue;
        fc_correlation one = *c;
        one.batch = 1;
        const fc_blocking b = fc_blocking_of(&one, FC_FORM_PLANES);
        FC_TRY(fc_correlate(&one, &b, r->x + i * in, r->weights, r->bias, r->y + i * out, call));
    }
    return FC_OK;
}

static int workers_for(const fc_correlation *c, const fc_winograd *w, const fc_call *call) {
    const double work = (double)c->batch * (double)(c->groups * w->points) *
                        (double)(w->tiles[0] * w->tiles[1]) * (double)(c->in_channels + 8) *
                        (double)(c->out_channels + 8);
    const int64_t items = w->parts ? w->count * c->groups * w->parts
                                   : w->boxes_at_once * max64(w->blocks, strips_of(c));
    return work < 1 << 18 ? 1 : fc_workers(call, items);
}

/* Scratch of one call, in bytes from its start: U (where it is to be made), V that the items share,
 * which images overflow, and then what each worker has. While U is made nothing else is there. */
typedef struct layout {
    int workers, making; /* making: U */
    int64_t v_at, overflow_at, workers_at, bytes;
} layout;

static layout layout_of(const fc_correlation *c, const fc_winograd *w, int packed,
                        const fc_call *call) {
    const int makes_u = w->stored && !packed;
    layout l = {.workers = workers_for(c, w, call)};
    l.making = makes_u ? fc_winograd_pack_workers(c, w, call) : 0;
    l.v_at = makes_u ? fc_winograd_packed_bytes(c, w) : 0;
    l.overflow_at = l.v_at + (w->parts ? 0 : w->boxes_at_once * fc_winograd_v_bytes(c, w));
    l.workers_at = l.overflow_at + fc_aligned(max64(1, c->batch));
    l.bytes = max64(l.workers_at + l.workers * w->bytes,
                    l.v_at + fc_winograd_pack_scratch(c, w, l.making));
    return l;
}

int64_t fc_winograd_scratch(const fc_correlation *c, const fc_winograd *w, int packed,
                            int threads) {
    const fc_call call = {.threads = threads};
    const fc_winograd cut = fc_winograd_for(c, w, packed, fc_workers(&call, INT64_MAX));
    return layout_of(c, &cut, packed, &call).bytes;
}

fc_status fc_winograd_correlate(const fc_correlation *c, const fc_winograd *planned, const void *x,
                                const void *weights, const void *packed, const void *bias, void *y,
                                const fc_call *call) {
    if (c->batch == 0) return FC_OK;
    const fc_winograd cut =
        fc_winograd_for(c, planned, packed != NULL, fc_workers(call, INT64_MAX));
    const fc_winograd *w = &cut;
    const layout l = layout_of(c, w, packed != NULL, call);
    char *scratch = fc_scratch(l.bytes);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    run r = {.c = c,
             .w = w,
             .x = x,
             .weights = weights,
             .packed = packed,
             .bias = bias,
             .y = y,
             .overflow = (atomic_uchar *)(scratch + l.overflow_at),
             .v = scratch + l.v_at,
             .scratch = scratch + l.workers_at,
             .v_bytes = fc_winograd_v_bytes(c, w)};
    fc_status status = FC_OK;
    if (l.making) {
        status = fc_winograd_pack(c, w, weights, scratch, r.v, l.making, call);
        r.packed = scratch;
    }
    memset(scratch + l.overflow_at, 0, (size_t)c->batch);
    if (status == FC_OK) status = run_units(&r, l.workers, call);
    if (status == FC_OK) status = run_overflown(&r, call);
    fc_scratch_free(scratch);
    return status;
}
