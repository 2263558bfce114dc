/* Packing weights for the outer-product kernels: tile by tile of output channels, [tile][product][row of the tile], with
 * the products in the order (channel, tap) that the planes' offsets have. */
#include "../runtime/threads.h"
#include "correlate.h"

int64_t fc_packed_bytes(const fc_correlation *c) {
    return c->groups * c->out_channels * fc_correlation_depth(c) * c->item;
}

typedef struct packing {
    const fc_correlation *c;
    const fc_blocking *b;
    const char *w;
    char *packed;
    int64_t first; /* tile */
} packing;

/* 1 if the taps of a channel stand one after another in the weight, -1 if in reverse, 0 if neither. */
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

static void pack_line(const packing *p, const char *w, int64_t rows, char *dst) {
    const fc_correlation *c = p->c;
    const int64_t taps = fc_correlation_taps(c), row_bytes = rows * c->item;
    const int direction = taps_in_line(c);
    if (direction > 0 && c->w_in == taps) { /* all channels in one line */
        c->kernels->conv.transpose(dst, rows, w, c->w_out, rows, c->in_channels * taps);
        return;
    }
    for (int64_t i = 0; i < c->in_channels; i++) {
        const char *src = w + i * c->w_in * c->item;
        char *to = dst + i * taps * row_bytes;
        if (direction > 0) c->kernels->conv.transpose(to, rows, src, c->w_out, rows, taps);
        else c->kernels->conv.transpose(to + (taps - 1) * row_bytes, -rows, src - (taps - 1) * c->item, c->w_out, rows, taps);
    }
}

static void pack_each(const packing *p, const char *w, int64_t rows, char *dst) {
    const fc_correlation *c = p->c;
    const int64_t step[3] = {c->axis[0].weight_step * c->w_axis[0], c->axis[1].weight_step * c->w_axis[1],
                             c->axis[2].weight_step * c->w_axis[2]};
    for (int64_t i = 0; i < c->in_channels; i++)
        for (int64_t d = 0; d < c->axis[0].taps; d++)
            for (int64_t h = 0; h < c->axis[1].taps; h++)
                for (int64_t t = 0; t < c->axis[2].taps; t++, dst += rows * c->item)
                    c->kernels->conv.copy(dst, 1, w + (i * c->w_in + d * step[0] + h * step[1] + t * step[2]) * c->item,
                                          c->w_out, rows);
}

static void pack_tile(void *context, int64_t index, int worker) {
    (void)worker;
    const packing *p = context;
    const fc_correlation *c = p->c;
    const fc_blocking *b = p->b;
    const int64_t unit = p->first + index, group = unit / b->tiles, tile = unit % b->tiles;
    const int64_t start = fc_tile_start(c, b, tile), rows = fc_tile_start(c, b, tile + 1) - start;
    const int64_t first_group = p->first / b->tiles;
    const int64_t before = (group - first_group) * c->out_channels + start - fc_tile_start(c, b, p->first % b->tiles);
    int64_t at = group * c->w_group + start * c->w_out;
    for (int i = 0; i < 3; i++) at += c->axis[i].weight * c->w_axis[i];
    char *dst = p->packed + before * fc_correlation_depth(c) * c->item;
    if (taps_in_line(c)) pack_line(p, p->w + at * c->item, rows, dst);
    else pack_each(p, p->w + at * c->item, rows, dst);
}

fc_status fc_pack_weights(const fc_correlation *c, const fc_blocking *b, int64_t first, int64_t last, const void *w,
                          void *packed, const fc_call *call) {
    if (fc_correlation_depth(c) == 0) return FC_OK;
    packing p = {c, b, w, packed, first};
    const int64_t work = (last - first) * c->kernels->conv.rows * fc_correlation_depth(c);
    const int workers = work < 1 << 16 ? 1 : fc_workers(call, last - first); /* waking a thread costs more than this */
    return fc_parallel_for(call, workers, last - first, pack_tile, &p);
}
