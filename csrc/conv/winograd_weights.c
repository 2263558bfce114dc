/* The weights of Winograd's algorithm, packed:
 *
 *   taps   [group][block of output channels][input channel][tap][output channel]
 *   U      [group][block of output channels][block of input channels]
 *          [point][input channel][output channel], a vector left free behind each point: strides
 *          are no powers of two
 *
 * U is (m + 2) * (m + 2) / 9 times as large as the taps. Where it is small it is made once; where
 * it is not, reading it would take longer than making it again from the taps, and every item makes
 * the part that it is about to use. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "integers.h"
#include "outer.h"
#include "winograd.h"

#define TAPS 9

int64_t fc_winograd_columns(const fc_correlation *c, const fc_winograd *w, int64_t block) {
    const int64_t columns = min64(w->columns, c->out_channels - block * w->columns);
    return fc_outer_narrowest(c->kernels, w->rows, columns) * c->kernels->lanes;
}

int64_t fc_winograd_depth(const fc_correlation *c, const fc_winograd *w, int64_t channel) {
    return min64(w->depth, c->in_channels - channel);
}

/* Taps of `channels` input channels of a part, from its channel `first`, as
 * [channel][tap][column], zeros behind the last output channel. */
static void bring_taps(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part,
                       int64_t first, int64_t channels, const void *weights, void *taps) {
    const int64_t row = part.block * w->columns, columns = fc_winograd_columns(c, w, part.block);
    const int64_t rows = min64(columns, c->out_channels - row);
    const fc_products p = {.channel = part.channel + first,
                           .channels = channels,
                           .taps = {{0, 0, 0}, {1, 3, 3}},
                           .depth = channels * TAPS};
    if (rows < columns) memset(taps, 0, (size_t)(channels * TAPS * columns * c->item));
    fc_pack_products(c, &p, weights, part.group, row, rows, columns, taps);
}

int64_t fc_winograd_point(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part) {
    return fc_winograd_depth(c, w, part.channel) * fc_winograd_columns(c, w, part.block) +
           c->kernels->lanes;
}

/* Their U. */
static void transform_taps(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part,
                           int64_t first, int64_t channels, const void *taps, char *u) {
    const int64_t columns = fc_winograd_columns(c, w, part.block);
    c->kernels->conv.winograd_weight[w->size](&(fc_winograd_weight){
        .w = taps,
        .u = u + first * columns * c->item,
        .point = fc_winograd_point(c, w, part),
        .count = channels,
        .width = columns,
    });
}

void fc_winograd_make(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part,
                      const void *weights, void *taps, void *u) {
    const int64_t depth = fc_winograd_depth(c, w, part.channel);
    for (int64_t i = 0, channels; i < depth; i += channels) {
        channels = min64(FC_WINOGRAD_TAPS_CHANNELS, depth - i);
        bring_taps(c, w, part, i, channels, weights, taps);
        transform_taps(c, w, part, i, channels, taps, u);
    }
}

void fc_winograd_make_packed(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part,
                             const void *packed, void *u) {
    transform_taps(c, w, part, 0, fc_winograd_depth(c, w, part.channel), packed, u);
}

/* Elements of `channels` input channels in a block of `columns` output channels. */
static int64_t packed_elements(const fc_correlation *c, const fc_winograd *w, int64_t columns,
                               int64_t channels) {
    if (!w->stored) return channels * columns * TAPS;
    return w->points * (channels * columns + ceil_div(channels, w->depth) * c->kernels->lanes);
}

/* Of a block of output channels, all but the last of which are whole. */
static int64_t block_elements(const fc_correlation *c, const fc_winograd *w) {
    return packed_elements(c, w, w->columns, c->in_channels);
}

int64_t fc_winograd_packed_bytes(const fc_correlation *c, const fc_winograd *w) {
    return fc_aligned(c->groups * w->blocks * block_elements(c, w) * c->item);
}

int64_t fc_winograd_packed_at(const fc_correlation *c, const fc_winograd *w,
                              fc_winograd_part part) {
    const int64_t before = (part.group * w->blocks + part.block) * block_elements(c, w);
    const int64_t columns = fc_winograd_columns(c, w, part.block);
    return (before + packed_elements(c, w, columns, part.channel)) * c->item;
}

fc_soon_rows fc_winograd_source(const fc_correlation *c, const fc_winograd *w,
                                fc_winograd_part part, const void *weights, const void *packed) {
    const int64_t depth = fc_winograd_depth(c, w, part.channel),
                  columns = fc_winograd_columns(c, w, part.block), first = part.block * w->columns;
    if (packed)
        return (fc_soon_rows){.at = (const char *)packed + fc_winograd_packed_at(c, w, part),
                              .rows = 1,
                              .bytes = depth * columns * TAPS * c->item};
    if (c->w_in != TAPS) return (fc_soon_rows){0};
    const int64_t at = part.group * c->w_group + first * c->w_out + part.channel * c->w_in;
    return (fc_soon_rows){.at = (const char *)weights + at * c->item,
                          .rows = min64(columns, c->out_channels - first),
                          .bytes = depth * TAPS * c->item,
                          .step = c->w_out * c->item};
}

typedef struct packing {
    const fc_correlation *c;
    const fc_winograd *w;
    const char *weights;
    char *packed, *taps;
    int64_t taps_bytes; /* of a worker */
} packing;

static void pack_part(void *context, int64_t index, int worker) {
    const packing *p = context;
    const fc_winograd *w = p->w;
    const int64_t depths = ceil_div(p->c->in_channels, w->depth), unit = index / depths;
    const fc_winograd_part part = {unit / w->blocks, unit % w->blocks, index % depths * w->depth};
    char *to = p->packed + fc_winograd_packed_at(p->c, w, part);
    if (w->stored)
        fc_winograd_make(p->c, w, part, p->weights, p->taps + worker * p->taps_bytes, to);
    else bring_taps(p->c, w, part, 0, fc_winograd_depth(p->c, w, part.channel), p->weights, to);
}

static int64_t parts_of(const fc_correlation *c, const fc_winograd *w) {
    return c->groups * w->blocks * ceil_div(c->in_channels, w->depth);
}

int64_t fc_winograd_taps_bytes(const fc_correlation *c, const fc_winograd *w) {
    return fc_aligned(min64(w->depth, FC_WINOGRAD_TAPS_CHANNELS) * TAPS * w->columns * c->item);
}

int fc_winograd_pack_workers(const fc_correlation *c, const fc_winograd *w, const fc_call *call) {
    const int64_t parts = parts_of(c, w);
    return parts * w->depth * TAPS * w->columns * c->item < 1 << 17 ? 1 : fc_workers(call, parts);
}

int64_t fc_winograd_pack_scratch(const fc_correlation *c, const fc_winograd *w, int workers) {
    return w->stored ? workers * fc_winograd_taps_bytes(c, w) : 0;
}

fc_status fc_winograd_pack(const fc_correlation *c, const fc_winograd *w, const void *weights,
                           void *packed, void *scratch, int workers, const fc_call *call) {
    packing p = {.c = c,
                 .w = w,
                 .weights = weights,
                 .packed = packed,
                 .taps = scratch,
                 .taps_bytes = fc_winograd_taps_bytes(c, w)};
    return fc_parallel_for(call, workers, parts_of(c, w), pack_part, &p);
}
