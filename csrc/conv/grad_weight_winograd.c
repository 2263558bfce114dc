/* The gradient with respect to 3 x 3 weights by Winograd's algorithm: of every tile of 4 x 4 pixels
 * of gy with its 6 x 6 of x the nine sums are made from 36 products a pair of channels, not 144.
 *
 *   for each item (parallel):        a block of input channels x a block of output channels
 *                                    x a chunk of boxes
 *     for each box of the chunk:
 *       V = transformed tiles of x       [point][tile][input channel]
 *       W = transformed tiles of gy      [point][tile][output channel]
 *       for each point:                  sums += V^T W   [point][input channel][output channel]
 *     gw = transformed sums, or this chunk's part of it
 *
 * Chunks depend on the problem alone and are added in their order at the end: the bytes do not
 * depend on the number of threads. What is not finite spreads over its tile: it is noticed in the
 * sums, and the gradient then is made in another way. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "chunks.h"
#include "grad_weight.h"
#include "integers.h"
#include "winograd.h"

#define POINTS 36
#define TAPS 9
#define SIZE 1 /* of the kernels: M = 4 */

/* The best of 64, 96 and 128 channels with 28, 48 and 64 tiles on the 3 x 3 layers of ResNet-50
 * (batch 8), AVX-512, AMD Zen 5, November 2026: longer sums beat staying within the L2. */
#define BLOCK 64                         /* channels of a block, about */
#define TILES 64                         /* of a box, about */
#define PIXELS 256                       /* of all images, at least */
#define ITEMS 32                         /* that a problem should give, if it is not tiny */
#define PARTIAL_BYTES ((int64_t)4 << 20) /* of the chunks' parts */

typedef struct run {
    const fc_correlation *c;
    fc_winograd in, out;                              /* the same tiles, with V's and W's strides */
    int64_t rows, columns, row_blocks, column_blocks; /* input and output channels of an item */
    int64_t chunk_boxes, chunks;
    int64_t strip_at, v_at, w_at, sums_at, taps_at, offsets_at, bytes; /* scratch of a worker */
    fc_images x, gy;
    char *gw, *partial, *scratch;
    atomic_int *overflow;
} run;

/* The channels of one item, counted within its group. */
typedef struct item {
    const run *run;
    int64_t group, row, rows, column, columns; /* columns: whole vectors */
    char *scratch;
} item;

/* The rounding of a tile's points, against the (pixels + 2) u that a gradient promises: over 16
 * pixels it was 6 times as much, over some hundreds less than a half. */
const char *fc_grad_weight_winograd_accepts(const fc_correlation *c) {
    const char *reason = fc_winograd_accepts(c);
    if (reason) return reason;
    if (c->batch * c->axis[1].out * c->axis[2].out < PIXELS) return "it needs more pixels";
    return fc_winograd_suits(c) ? NULL : "it does not pay";
}

/* ---- Cutting ---- */

static void choose_blocks(run *r) {
    const fc_correlation *c = r->c;
    const int64_t lanes = c->kernels->lanes;
    r->row_blocks = ceil_div(c->in_channels, BLOCK);
    r->rows = ceil_div(c->in_channels, r->row_blocks);
    r->column_blocks = ceil_div(c->out_channels, BLOCK);
    r->columns = up_to(ceil_div(c->out_channels, r->column_blocks), lanes);
    r->column_blocks = ceil_div(c->out_channels, r->columns);
}

static int64_t weight_elements(const run *r) {
    return r->c->groups * r->c->out_channels * r->c->in_channels * TAPS;
}

static void choose_chunks(run *r) {
    const int64_t units = r->c->groups * r->row_blocks * r->column_blocks;
    const int64_t most = max64(1, PARTIAL_BYTES / (weight_elements(r) * r->c->item));
    r->chunks = min64(min64(most, ceil_div(ITEMS, units)), r->in.count);
    r->chunk_boxes = ceil_div(r->in.count, r->chunks);
    r->chunks = ceil_div(r->in.count, r->chunk_boxes);
}

static void place_scratch(run *r) {
    const int64_t item = r->c->item, lanes = r->c->kernels->lanes;
    const int64_t pixels = (r->in.box[0] * 4 + 2) * (r->in.box[1] * 4 + 2);
    const int64_t at[] = {
        pixels * FC_STRIP * item,           fc_winograd_v_bytes(r->c, &r->in),
        fc_winograd_v_bytes(r->c, &r->out), POINTS * (r->rows * r->columns + lanes) * item,
        r->rows * TAPS * r->columns * item, 2 * r->in.box_tiles * 8,
    };
    int64_t *place[] = {&r->strip_at, &r->v_at, &r->w_at, &r->sums_at, &r->taps_at, &r->offsets_at};
    r->bytes = 0;
    for (int i = 0; i < 6; i++) {
        *place[i] = r->bytes;
        r->bytes += fc_aligned(at[i]);
    }
}

static run run_of(const fc_correlation *c) {
    run r = {.c = c, .in = fc_winograd_tiles(c, SIZE)};
    const int64_t lanes = c->kernels->lanes;
    choose_blocks(&r);
    r.in.pitch = up_to(up_to(r.rows, lanes), FC_STRIP);
    fc_winograd_choose_box(c, &r.in, TILES);
    r.out = r.in;
    r.out.pitch = up_to(r.columns, FC_STRIP);
    r.out.point = r.out.box_tiles * r.out.pitch + lanes;
    choose_chunks(&r);
    place_scratch(&r);
    return r;
}

/* ---- One box ---- */

static void transform_x(const item *it, const fc_winograd_box *box) {
    const run *r = it->run;
    for (int64_t i = 0; i < it->rows; i += FC_STRIP) {
        const fc_winograd_channels channels = {it->group * r->c->in_channels + it->row + i,
                                               min64(FC_STRIP, it->rows - i)};
        fc_winograd_input_box(r->c, &r->in, box, &r->x, &channels, it->scratch + r->strip_at,
                              it->scratch + r->v_at + i * r->c->item);
    }
}

/* Of one strip of output channels: what lies behind the last row and column counts as zero. */
static void transform_gy_strip(const item *it, const fc_winograd_box *box, int64_t channel,
                               int64_t channels) {
    const run *r = it->run;
    const int64_t item = r->c->item;
    char *strip = it->scratch + r->strip_at, *w = it->scratch + r->w_at;
    fc_rectangle of = {
        .channel = it->group * r->c->out_channels + it->column + channel,
        .channels = channels,
        .first = {box->first[0] * 4, box->first[1] * 4},
        .size = {box->size[0] * 4, box->size[1] * 4},
    };
    const int64_t line = of.size[1] * FC_STRIP;
    if (channels % r->c->kernels->lanes) /* lanes that no channel has: their sums are looked at */
        memset(strip, 0, (size_t)(of.size[0] * line * item));
    for (int64_t i = 0; i < box->images; i++) {
        of.image = box->image + i;
        fc_strip_bring(&r->gy, &of, strip);
        for (int64_t h = 0; h < box->size[0]; h++) {
            const int64_t tile = (i * box->size[0] + h) * box->size[1];
            r->c->kernels->conv.winograd_gradient(&(fc_winograd_input){
                .x = strip + h * 4 * line * item,
                .v = w + (tile * r->out.pitch + channel) * item,
                .row = line,
                .column = FC_STRIP,
                .point = r->out.point,
                .tile = r->out.pitch,
                .tiles = box->size[1],
                .channels = up_to(channels, r->c->kernels->lanes),
            });
        }
    }
}

static void transform_gy(const item *it, const fc_winograd_box *box) {
    const int64_t left = min64(it->columns, it->run->c->out_channels - it->column);
    for (int64_t i = 0; i < left; i += FC_STRIP)
        transform_gy_strip(it, box, i, min64(FC_STRIP, left - i));
}

/* Elements from point to point of the sums: no power of two. */
static int64_t sums_point(const item *it) {
    return it->rows * it->columns + it->run->c->kernels->lanes;
}

/* One point: tiles of the sums, as many rows as the kernel has for two vectors. */
static void multiply_point(const item *it, fc_outer t) {
    const fc_correlation *c = it->run->c;
    const int64_t lanes = c->kernels->lanes, groups = ceil_div(it->rows, c->kernels->conv.rows);
    const char *b = t.b;
    char *sums = t.c;
    for (int64_t j = 0; j < it->columns; j += t.columns) {
        t.columns = min64(2 * lanes, it->columns - j);
        for (int64_t g = 0, first = 0; g < groups; g++) {
            const int64_t rows = ceil_div(it->rows - first, groups - g);
            fc_outer of = t;
            of.a = (const char *)t.a + first * c->item;
            of.b = b + j * c->item;
            of.c = sums + (first * it->columns + j) * c->item;
            c->kernels->conv.outer[rows - 1][t.columns / lanes - 1](&of);
            first += rows;
        }
    }
}

static void add_box(const item *it, int64_t index, int first) {
    const run *r = it->run;
    const int64_t item = r->c->item;
    const fc_winograd_box box = fc_winograd_box_at(r->c, &r->in, index);
    int64_t *rows = (int64_t *)(it->scratch + r->offsets_at), *columns = rows + r->in.box_tiles;
    for (int64_t i = 0; i < box.tiles; i++) {
        rows[i] = i * r->in.pitch;
        columns[i] = i * r->out.pitch;
    }
    transform_x(it, &box);
    transform_gy(it, &box);
    for (int64_t p = 0; p < POINTS; p++)
        multiply_point(it, (fc_outer){
                               .k = box.tiles,
                               .a = it->scratch + r->v_at + p * r->in.point * item,
                               .a_offset = rows,
                               .a_step = 1,
                               .b = it->scratch + r->w_at + p * r->out.point * item,
                               .b_offset = columns,
                               .c = it->scratch + r->sums_at + p * sums_point(it) * item,
                               .ldc = it->columns,
                               .columns = 2 * r->c->kernels->lanes,
                               .first = first,
                           });
}

/* ---- Items ---- */

static void finish(const item *it, char *gw) {
    const run *r = it->run;
    const fc_correlation *c = r->c;
    char *taps = it->scratch + r->taps_at;
    const int finite = c->kernels->conv.winograd_back(&(fc_winograd_back){
        .sums = it->scratch + r->sums_at,
        .w = taps,
        .point = sums_point(it),
        .count = it->rows,
        .width = it->columns,
    });
    if (!finite) atomic_store_explicit(r->overflow, 1, memory_order_relaxed);
    const int64_t at = it->group * c->w_group + it->column * c->w_out + it->row * c->w_in;
    c->kernels->conv.transpose(gw + at * c->item, c->w_out, taps, it->columns, it->rows * TAPS,
                               min64(it->columns, c->out_channels - it->column));
}

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    const int64_t chunk = index % r->chunks, unit = index / r->chunks;
    item it = {
        .run = r,
        .group = unit / (r->row_blocks * r->column_blocks),
        .row = unit / r->column_blocks % r->row_blocks * r->rows,
        .column = unit % r->column_blocks * r->columns,
        .scratch = r->scratch + worker * r->bytes,
    };
    it.rows = min64(r->rows, r->c->in_channels - it.row);
    it.columns = min64(r->columns, up_to(r->c->out_channels - it.column, r->c->kernels->lanes));
    const int64_t first = chunk * r->chunk_boxes, last = min64(r->in.count, first + r->chunk_boxes);
    for (int64_t box = first; box < last; box++) add_box(&it, box, box == first);
    finish(&it, r->chunks > 1 ? r->partial + chunk * weight_elements(r) * r->c->item : r->gw);
}

static fc_status run_all(run *r, int workers, int64_t items, const fc_call *call) {
    FC_TRY(fc_parallel_for(call, workers, items, run_item, r));
    if (r->chunks == 1) return FC_OK;
    const fc_chunks parts = {r->c->kernels, r->partial,         r->gw,
                             r->c->item,    weight_elements(r), r->chunks};
    return fc_chunks_add(&parts, workers, call);
}

fc_status fc_grad_weight_winograd(const fc_correlation *c, const void *x, const void *gy, void *gw,
                                  int *overflow, const fc_call *call) {
    run r = run_of(c);
    atomic_int not_finite = 0;
    const int64_t items = c->groups * r.row_blocks * r.column_blocks * r.chunks;
    const int64_t partial = r.chunks > 1 ? fc_aligned(r.chunks * weight_elements(&r) * c->item) : 0;
    const int workers = fc_workers(call, items);
    r.x = fc_winograd_images(c, x);
    r.gy = r.x;
    r.gy.channels = c->groups * c->out_channels;
    for (int i = 0; i < 2; i++) r.gy.size[i] = c->axis[i + 1].out;
    r.gy.data = gy;
    r.gw = gw;
    r.overflow = &not_finite;
    r.partial = fc_scratch(partial + workers * r.bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.scratch = r.partial + partial;
    const fc_status status = run_all(&r, workers, items, call);
    fc_scratch_free(r.partial);
    *overflow = atomic_load(&not_finite);
    return status;
}

/* ---- Cost ---- */

/* Every block of input channels is transformed for every block of output channels, and back. */
double fc_grad_weight_winograd_cost(const fc_correlation *c) {
    const fc_tuning *t = &c->kernels->tuning;
    const run r = run_of(c);
    const double lanes = c->kernels->lanes, rows = c->kernels->conv.rows;
    const double tiles = (double)c->batch * (double)(r.in.tiles[0] * r.in.tiles[1]);
    const double in = ceil((double)c->in_channels / lanes) * (double)r.column_blocks,
                 out = ceil((double)c->out_channels / lanes) * (double)r.row_blocks;
    const double vectors = (double)c->in_channels * ceil((double)c->out_channels / lanes);
    const double calls = (double)r.in.count * vectors / (rows * 2);
    const double ns =
        POINTS * (tiles * vectors * t->multiply + calls * t->panel +
                  tiles * (in + out) * t->transform + (double)r.chunks * vectors * t->transform);
    return 1e-9 * (double)c->groups * ns;
}
