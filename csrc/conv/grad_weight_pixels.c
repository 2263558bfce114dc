/* The gradient with respect to the weight as a sum of outer products, one for each pixel:
 *
 *   sums[c, t][k] = sum over images and pixels o of
 *                   x[n, c, o*stride + t*dilation - pad] * gy[n, k, o]
 *
 *   for each item (parallel):        a unit (input channels x taps x output channels of a group)
 *                                    x a chunk of pieces (pieces.h)
 *     for each piece of the chunk:
 *       bring gy as [pixel][output channel], and x with its padding
 *       for each panel of output channels:                        (the vectors)
 *         for each tile of input channels, or of taps in a row:   (the broadcasts)
 *           for each other tap:  one call of the kernel, all pixels of the piece
 *   add the chunks in their order, and turn the sums to the weight's order
 *
 * Where much of the products would fall in the padding, as with dilations of some pixels, taps are
 * taken one by one, each with the pixels for which it is inside the input: 256 channels at 33 x 33
 * with dilations of 6, 12 and 18 take 0.8, 0.6 and 0.45 of the time, 5x5 taps at 14 x 14 0.85 (AMD Zen
 * 4, November 2026).
 *
 * Either operand is read in place where it can be: x needs a copy only for padding, gy where its
 * pixels are not rows of whole vectors. A 1x1 problem without padding is the same with x and gy
 * exchanged: then the sums are in the weight's order, and x is the one that is turned. The chunks
 * depend on the problem alone: the bytes do not depend on the number of threads. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "cache_blocks.h"
#include "grad_weight.h"
#include "grad_weight_pixels.h"
#include "integers.h"
#include "outer.h"

#define FINISH_ELEMENTS 8192 /* of the sums, that an item adds and turns */

/* ---- Summing ---- */

static int64_t vectors_of(const fc_pixels_item *it) {
    return ceil_div(it->unit.out.count, it->run->c.kernels->lanes);
}

/* Pixels are summed in blocks of a panel of gy. */
static int64_t blocks_of(const fc_pixels_item *it) {
    const int64_t vector = it->run->c.kernels->lanes * it->run->c.item;
    return ceil_div(it->pixels, fc_pixels_panel_bytes(it->run) / (it->run->width * vector));
}

static void sum_tile(const fc_pixels_item *it, int64_t x, int64_t x_row, int64_t rows, int64_t sum,
                     int64_t sum_row, int64_t column, int width) {
    const fc_correlation *c = &it->run->c;
    const int64_t vectors = (int64_t)width * c->kernels->lanes;
    const fc_outer t = {
        .k = it->pixels,
        .a = it->x + x * c->item,
        .b = it->gy + column * c->item,
        .a_offset = it->x_listed + it->pixel,
        .b_offset = it->gy_listed + it->pixel,
        .a_step = x_row,
        .c = it->sums + (sum * it->ld + column) * c->item,
        .ldc = sum_row * it->ld,
        .columns = it->run->direct ? min64(vectors, it->unit.out.count - column) : vectors,
        .first = it->first,
    };
    c->kernels->conv.outer[rows - 1][width - 1](&t);
}

/* `n` rows in tiles of one size, or one less. */
static void sum_rows(const fc_pixels_item *it, int64_t x, int64_t x_row, int64_t n, int64_t sum,
                     int64_t sum_row, int64_t column, int width) {
    const int64_t tiles = ceil_div(n, fc_outer_most_rows(it->run->c.kernels, width));
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t first = n * i / tiles, end = n * (i + 1) / tiles;
        sum_tile(it, x + first * x_row, x_row, end - first, sum + first * sum_row, sum_row, column,
                 width);
    }
}

/* All rows of one panel. A few rows of x stay in the cache while their taps pass. */
static void sum_panel(const fc_pixels_item *it, int64_t column, int width) {
    const int64_t *t = it->unit.taps.size, *step = it->x_as.tap, taps = fc_volume(t);
    const int64_t most = fc_outer_most_rows(it->run->c.kernels, width),
                  tiles = ceil_div(it->unit.in.count, most);
    const int along = it->run->along_taps;
    for (int64_t i = 0; i < (along ? it->unit.in.count : tiles); i++) {
        const int64_t first = along ? i : it->unit.in.count * i / tiles,
                      rows = it->unit.in.count * (i + 1) / tiles - first;
        for (int64_t d = 0, tap = 0; d < t[0]; d++)
            for (int64_t h = 0; h < t[1]; h++, tap += t[2]) {
                const int64_t x = first * it->x_as.channel + d * step[0] + h * step[1];
                if (along) sum_rows(it, x, step[2], t[2], first * taps + tap, 1, column, width);
                else
                    for (int64_t w = 0; w < t[2]; w++)
                        sum_tile(it, x + w * step[2], it->x_as.channel, rows,
                                 first * taps + tap + w, taps, column, width);
            }
    }
}

/* ---- Taps in the padding ---- */

/* One tap of all input channels; or of each the taps of a row. */
static void sum_tap(const fc_pixels_item *it, const int64_t *tap, int64_t column, int width) {
    const int64_t *t = it->unit.taps.size, *step = it->x_as.tap, taps = fc_volume(t);
    const int64_t x = tap[0] * step[0] + tap[1] * step[1] + tap[2] * step[2],
                  sum = (tap[0] * t[1] + tap[1]) * t[2] + tap[2], channel = it->x_as.channel;
    if (!it->run->along_taps) sum_rows(it, x, channel, it->unit.in.count, sum, taps, column, width);
    else
        for (int64_t i = 0; i < it->unit.in.count; i++)
            sum_rows(it, x + i * channel, step[2], t[2], sum + i * taps, 1, column, width);
}

/* The listed pixels, with one tap or (NULL) all. Sums begin even where no pixel is. */
static void sum_listed(fc_pixels_item *it, const int64_t *tap) {
    const fc_pixels *r = it->run;
    const int64_t lanes = r->c.kernels->lanes, all = it->pixels,
                  blocks = max64(it->first, blocks_of(it));
    for (int64_t i = 0; i < blocks; i++) {
        it->pixel = all * i / blocks;
        it->pixels = all * (i + 1) / blocks - it->pixel;
        for (int64_t v = 0; v < vectors_of(it); v += r->width) {
            const int width = (int)min64(r->width, vectors_of(it) - v);
            if (tap) sum_tap(it, tap, v * lanes, width);
            else sum_panel(it, v * lanes, width);
        }
        it->first = 0;
    }
}

/* List the pixels of the piece whose tap is inside the input, or of whose row of taps some may be;
 * how many. */
static int64_t list_inside(fc_pixels_item *it, const int64_t *tap) {
    const int64_t *n = it->box.size, room = it->gy_offset - it->x_offset;
    int64_t *x = it->gy_offset + room, *gy = x + room, before[3], inside[3], count = 0;
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &it->run->c.axis[i];
        const int64_t first = it->box.first[i] * a->stride + a->offset +
                              (it->unit.taps.first[i] + tap[i]) * a->offset_step;
        fc_cut_at_input(first, a->stride, n[i], a->in, &before[i], &inside[i]);
    }
    if (it->run->along_taps) {
        before[2] = 0;
        inside[2] = n[2];
    }
    const size_t bytes = (size_t)inside[2] * sizeof *x;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < inside[0]; d++)
            for (int64_t h = 0; h < inside[1]; h++, count += inside[2]) {
                const int64_t from =
                    ((i * n[0] + before[0] + d) * n[1] + before[1] + h) * n[2] + before[2];
                memcpy(x + count, it->x_offset + from, bytes);
                memcpy(gy + count, it->gy_offset + from, bytes);
            }
    it->x_listed = x;
    it->gy_listed = gy;
    return count;
}

static void sum_by_taps(fc_pixels_item *it) {
    const int64_t *t = it->unit.taps.size, each = it->run->along_taps ? t[2] : 1;
    const int first = it->first;
    for (int64_t i = 0; i < fc_volume(t); i += each) {
        const int64_t tap[3] = {i / t[2] / t[1], i / t[2] % t[1], i % t[2]};
        it->pixels = list_inside(it, tap);
        it->first = first;
        sum_listed(it, tap);
    }
    it->first = 0;
}

static void sum_piece(fc_pixels_item *it) {
    it->x_listed = it->x_offset;
    it->gy_listed = it->gy_offset;
    if (it->run->by_taps) sum_by_taps(it);
    else sum_listed(it, NULL);
}

/* ---- From the sums to the weight ---- */

/* Sums of `rows` input channels from the unit's channel `first` on. */
static void finish(const fc_pixels_item *it, const char *sums, int64_t first, int64_t rows) {
    const fc_pixels *r = it->run;
    const fc_correlation *c = &r->c;
    const fc_conv_kernels *k = &c->kernels->conv;
    const int64_t *t = it->unit.taps.size, depth = fc_pixels_depth(r),
                  channel = it->unit.in.first + first;
    if (r->exchanged) {
        char *gw =
            r->gw +
            ((it->unit.group * c->in_channels + channel) * depth + it->unit.out.first) * c->item;
        for (int64_t i = 0; i < rows; i++)
            k->copy(gw + i * depth * c->item, 1, sums + i * r->ld * c->item, 1, it->unit.out.count);
        return;
    }
    const int64_t taps = fc_correlation_taps(c);
    char *gw =
        r->gw + ((it->unit.group * c->out_channels + it->unit.out.first) * depth + channel * taps) *
                    c->item;
    if (fc_volume(t) == taps) {
        k->transpose(gw, depth, sums, r->ld, rows * taps, it->unit.out.count);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t d = 0; d < t[0]; d++)
            for (int64_t h = 0; h < t[1]; h++, sums += t[2] * r->ld * c->item) {
                const int64_t tap = (it->unit.taps.first[0] + d) * c->w_axis[0] +
                                    (it->unit.taps.first[1] + h) * c->w_axis[1] +
                                    it->unit.taps.first[2];
                k->transpose(gw + (i * taps + tap) * c->item, depth, sums, r->ld, t[2],
                             it->unit.out.count);
            }
}

/* ---- Items ---- */

static void run_unit(fc_pixels_item *it, int64_t unit, int64_t chunk) {
    const fc_pixels *r = it->run;
    const fc_correlation *c = &r->c;
    it->unit = fc_unit_at(c, &r->units, unit);
    it->ld = r->ld;
    it->gy = it->lines;
    if (r->direct) {
        it->ld = fc_pixels_depth(r);
        it->sums = r->gw + ((it->unit.group * c->in_channels + it->unit.in.first) * it->ld +
                            it->unit.out.first) *
                               c->item;
    } else if (r->chunks > 1) {
        it->sums = r->partial + (chunk * r->units.count + unit) * r->unit_elements * c->item;
    }
    const int fewer = it->unit.out.count < r->ld; /* lanes that no channel has */
    if (!r->gy_ready && fewer) memset(it->lines, 0, (size_t)(r->sums_at - r->lines_at));
    if (r->chunks > 1 && fewer) memset(it->sums, 0, (size_t)(r->unit_elements * c->item));
    it->first = 1;
    const int64_t end = min64(r->pieces.count, (chunk + 1) * r->chunk_pieces);
    for (int64_t i = chunk * r->chunk_pieces; i < end; i++) {
        it->box = fc_piece(c, &r->pieces, i);
        fc_pixels_bring(it);
        sum_piece(it);
    }
    if (!r->direct && r->chunks == 1) finish(it, it->sums, 0, it->unit.in.count);
}

static void run_item(void *context, int64_t index, int worker) {
    const fc_pixels *r = context;
    char *scratch = r->scratch + worker * r->bytes;
    const int64_t chunk = index % r->chunks, first = index / r->chunks * r->units_together;
    fc_pixels_item it = {.run = r,
                         .plane = scratch + r->plane_at,
                         .lines = scratch + r->lines_at,
                         .sums = scratch + r->sums_at,
                         .x_offset = (int64_t *)(scratch + r->offsets_at)};
    it.gy_offset = it.x_offset + (r->bytes - r->offsets_at) / 8 / FC_PIXEL_LISTS(r);
    for (int64_t unit = first; unit < min64(r->units.count, first + r->units_together); unit++)
        run_unit(&it, unit, chunk);
}

/* Input channels that an item adds and turns. */
static int64_t finish_rows(const fc_pixels *r) {
    return clamp64(FINISH_ELEMENTS / (fc_volume(r->units.taps) * r->ld), 1, r->units.in);
}

/* The chunks' sums of some input channels of a unit, added in their order. */
static void finish_item(void *context, int64_t index, int worker) {
    (void)worker;
    const fc_pixels *r = context;
    const int64_t stripes = ceil_div(r->units.in, finish_rows(r)), unit = index / stripes;
    fc_pixels_item it = {.run = r};
    it.unit = fc_unit_at(&r->c, &r->units, unit);
    const int64_t first = index % stripes * finish_rows(r),
                  rows = min64(finish_rows(r), it.unit.in.count - first),
                  each = fc_volume(it.unit.taps.size) * r->ld,
                  chunk = r->units.count * r->unit_elements * r->c.item;
    if (rows <= 0) return;
    char *sums = r->partial + (unit * r->unit_elements + first * each) * r->c.item;
    r->c.kernels->conv.sum_rows(sums, sums + chunk, chunk / r->c.item, r->chunks - 1, rows * each);
    finish(&it, sums, first, rows);
}

static fc_status run_all(fc_pixels *r, int workers, const fc_call *call) {
    if (r->x_shared) FC_TRY(fc_pixels_share(r, workers, call));
    FC_TRY(fc_parallel_for(call, workers, ceil_div(r->units.count, r->units_together) * r->chunks,
                           run_item, r));
    if (r->chunks == 1) return FC_OK;
    const int64_t items = r->units.count * ceil_div(r->units.in, finish_rows(r));
    return fc_parallel_for(call, (int)min64(workers, items), items, finish_item, r);
}

double fc_grad_weight_pixels_cost(const fc_conv *problem) {
    const fc_pixels r = fc_pixels_of(problem);
    return fc_pixels_cost(&r);
}

fc_status fc_grad_weight_pixels(const fc_conv *problem, const void *x, const void *gy, void *gw,
                                const fc_call *call) {
    fc_pixels r = fc_pixels_of(problem);
    fc_pixels_occupy(&r, fc_workers(call, INT64_MAX));
    const int workers =
        fc_pixels_work(&r) < 1 << 17
            ? 1
            : fc_workers(call, ceil_div(r.units.count, r.units_together) * r.chunks);
    const int64_t partial =
        r.chunks > 1 ? fc_aligned(r.chunks * r.units.count * r.unit_elements * r.c.item) : 0;
    const int64_t shared = r.x_shared ? fc_aligned(r.c.batch * r.x_as.image * r.c.item) : 0;
    r.partial = fc_scratch(partial + shared + workers * r.bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.x_copy = r.partial + partial;
    r.scratch = r.x_copy + shared;
    r.x = r.exchanged ? gy : x;
    r.gy = r.exchanged ? x : gy;
    r.x_data = r.x_shared ? r.x_copy : r.x;
    r.gw = gw;
    const fc_status status = run_all(&r, workers, call);
    fc_scratch_free(r.partial);
    return status;
}
