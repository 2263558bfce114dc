/* Packing weights for the outer-product kernels: [unit][block of products][register
 * tile][product][row of the tile], the order in which an item reads them, so that it reads one
 * stream. Products are in the order (channel, tap) that the planes' offsets have. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/threads.h"
#include "correlate.h"
#include "integers.h"

int64_t fc_unit_row(const fc_correlation *c, const fc_blocking *b, int64_t unit) {
    const int64_t tile = unit % b->blocks * b->tiles_together;
    return unit / b->blocks * fc_packed_start(c, b, b->tiles) +
           fc_packed_start(c, b, tile < b->tiles ? tile : b->tiles);
}

/* Bytes behind the last ones, that kernels read as whole vectors. Like the lanes behind the channels
 * of a tile they are zeros: products that are dropped still take a hundred times as long where an
 * operand is subnormal, as what memory held may be (Intel Granite Rapids, November 2026). */
static int64_t bytes_behind(const fc_correlation *c, const fc_blocking *b) {
    return b->turned ? b->width * c->kernels->lanes * c->item : 0;
}

static int64_t packed_bytes(const fc_correlation *c, const fc_blocking *b, int64_t rows,
                            int64_t depth) {
    return fc_aligned(rows * depth * c->item + bytes_behind(c, b));
}

int64_t fc_packed_bytes(const fc_correlation *c, const fc_blocking *b) {
    return packed_bytes(c, b, fc_unit_row(c, b, c->groups * b->blocks), fc_correlation_depth(c));
}

/* The first unit is as large as any. */
int64_t fc_unit_bytes(const fc_correlation *c, const fc_blocking *b, int64_t depth) {
    return packed_bytes(c, b, fc_unit_row(c, b, 1), depth);
}

/* 1 if the taps of a channel stand one after another in the weight, -1 if in reverse, 0 if neither.
 */
static int taps_in_line(const fc_correlation *c) {
    int64_t stride = 1;
    int direction = 0;
    for (int i = 2; i >= 0; i--) {
        const fc_axis *a = &c->axis[i];
        if (a->taps > 1) {
            const int64_t step = a->weight_step * c->w_axis[i];
            if (step != stride && step != -stride) return 0;
            if (direction && direction != (step > 0 ? 1 : -1)) return 0;
            direction = step > 0 ? 1 : -1;
        }
        stride *= a->taps;
    }
    return direction ? direction : 1;
}

int fc_weights_in_line(const fc_correlation *c) {
    return taps_in_line(c) > 0 && c->w_in == fc_correlation_taps(c);
}

/* One block of products for `rows` output channels, of whose weights w is the first; `ld` elements
 * a product. */
static void pack_in_line(const fc_correlation *c, const fc_products *p, const char *w, int64_t rows,
                         int64_t ld, char *dst) {
    const int64_t taps = p->depth / p->channels, row_bytes = ld * c->item;
    const int direction = taps_in_line(c);
    if (direction > 0 && c->w_in == taps) { /* all channels in one line */
        c->kernels->conv.transpose(dst, ld, w, c->w_out, rows, p->depth);
        return;
    }
    if (taps == 1 && c->w_out == 1) { /* there already as it is wanted: 1x1 input gradients */
        c->kernels->conv.copy_padded(dst, ld, w, c->w_in, p->channels, 0, rows, 0, 1);
        return;
    }
    for (int64_t i = 0; i < p->channels; i++, w += c->w_in * c->item, dst += taps * row_bytes) {
        if (direction > 0) c->kernels->conv.transpose(dst, ld, w, c->w_out, rows, taps);
        else
            c->kernels->conv.transpose(dst + (taps - 1) * row_bytes, -ld, w - (taps - 1) * c->item,
                                       c->w_out, rows, taps);
    }
}

/* Input gradients of a stride: the weights of a phase stand apart. By a call of `copy` for every
 * product instead, gradients and transposed convolutions of few pixels took 5% to 25% longer (AMD Zen
 * 4, November 2026). */
static void pack_each(const fc_correlation *c, const fc_products *p, const char *w, int64_t rows,
                      int64_t ld, char *dst) {
    fc_pick taps = {.src = w, .dst = dst, .rows = rows, .src_step = c->w_out, .ld = ld};
    taps.count[0] = p->channels;
    taps.step[0] = c->w_in;
    for (int i = 0; i < 3; i++) {
        taps.count[1 + i] = p->taps.size[i];
        taps.step[1 + i] = c->axis[i].weight_step * c->w_axis[i];
    }
    c->kernels->conv.pick(&taps);
}

/* Where the first product of a block stands in an output channel's weights. */
static int64_t first_product(const fc_correlation *c, const fc_products *p) {
    int64_t at = p->channel * c->w_in;
    for (int i = 0; i < 3; i++)
        at += (c->axis[i].weight + p->taps.first[i] * c->axis[i].weight_step) * c->w_axis[i];
    return at;
}

const char *fc_weights_at(const fc_correlation *c, const fc_products *p, const void *w,
                          int64_t group, int64_t row) {
    const int64_t at = group * c->w_group + row * c->w_out + first_product(c, p);
    return (const char *)w + at * c->item;
}

void fc_pack_products(const fc_correlation *c, const fc_products *p, const void *w, int64_t group,
                      int64_t row, int64_t rows, int64_t ld, void *dst) {
    const char *from = fc_weights_at(c, p, w, group, row);
    if (taps_in_line(c)) pack_in_line(c, p, from, rows, ld, dst);
    else pack_each(c, p, from, rows, ld, dst);
}

/* The weights of a block of products of one tile of a unit, to their place in the block. */
static void pack_tile(const fc_correlation *c, const fc_blocking *b, int64_t unit, int64_t tile,
                      const fc_products *p, const char *w, char *block) {
    const int64_t row = fc_tile_start(c, b, tile), rows = fc_tile_start(c, b, tile + 1) - row;
    const int64_t at = fc_packed_start(c, b, tile), ld = fc_packed_start(c, b, tile + 1) - at;
    const int64_t before = at - fc_packed_start(c, b, unit % b->blocks * b->tiles_together);
    char *to = block + before * p->depth * c->item;
    fc_pack_products(c, p, w, unit / b->blocks, row, rows, ld, to);
    for (int64_t i = 0; i < p->depth && ld > rows; i++)
        memset(to + (i * ld + rows) * c->item, 0, (size_t)((ld - rows) * c->item));
}

void fc_pack_block(const fc_correlation *c, const fc_blocking *b, int64_t unit,
                   const fc_products *p, const void *w, void *packed) {
    const int64_t first = unit % b->blocks * b->tiles_together;
    for (int64_t tile = first; tile < min64(b->tiles, first + b->tiles_together); tile++)
        pack_tile(c, b, unit, tile, p, w, packed);
    const int64_t rows = fc_unit_row(c, b, unit + 1) - fc_unit_row(c, b, unit);
    memset((char *)packed + rows * p->depth * c->item, 0, (size_t)bytes_behind(c, b));
}

typedef struct packing {
    const fc_correlation *c;
    const fc_blocking *b;
    const void *w;
    char *packed;
} packing;

/* Item: one register tile of one unit. */
static void pack_all_of_tile(void *context, int64_t index, int worker) {
    (void)worker;
    const packing *g = context;
    const fc_correlation *c = g->c;
    const fc_blocking *b = g->b;
    const int64_t unit = index / b->tiles_together,
                  tile = unit % b->blocks * b->tiles_together + index % b->tiles_together;
    if (tile >= b->tiles) return; /* the last unit of a group may have fewer */
    const int64_t rows = fc_unit_row(c, b, unit + 1) - fc_unit_row(c, b, unit);
    char *to = g->packed + fc_unit_row(c, b, unit) * fc_correlation_depth(c) * c->item;
    fc_products p = fc_products_first(c, b);
    do pack_tile(c, b, unit, tile, &p, g->w, to + p.done * rows * c->item);
    while (fc_products_next(c, b, &p));
}

fc_status fc_pack_weights(const fc_correlation *c, const fc_blocking *b, const void *w,
                          void *packed, const fc_call *call) {
    if (fc_correlation_depth(c) == 0) return FC_OK;
    packing p = {c, b, w, packed};
    const int64_t rows = fc_unit_row(c, b, c->groups * b->blocks);
    memset((char *)packed + rows * fc_correlation_depth(c) * c->item, 0,
           (size_t)bytes_behind(c, b));
    const int64_t tiles = c->groups * b->blocks * b->tiles_together;
    const double work = (double)tiles * c->kernels->conv.rows * (double)fc_correlation_depth(c);
    const int workers =
        work < 1 << 16 ? 1 : fc_workers(call, tiles); /* waking a thread costs more than this */
    return fc_parallel_for(call, workers, tiles, pack_all_of_tile, &p);
}
