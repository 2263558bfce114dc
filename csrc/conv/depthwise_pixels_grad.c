/* The weight gradient of depthwise convolution, channels last, one input channel a group, and the
 * input gradient along with it:
 *
 *   for each chunk of rows of grad_output (parallel):
 *     for each stretch of a row's pixels that have the same taps inside the input:
 *                         (the row's interior, or one pixel at its edges: that of several rows)
 *       one call of the kernel: all channels, into the chunk's own sums
 *     the same rows of the input gradient, while what both read is in the cache
 *   the chunks' sums, in their order
 *
 * Nothing is copied: a tap is an offset from the pixel, and taps outside the input are left out.
 * The chunks depend on the problem alone.
 *
 * Where a group has several output channels, a row of one of each is brought into scratch at a
 * time: their neighbours in grad_output are the others. */
#include "depthwise.h"
#include "depthwise_pixels.h"
#include "depthwise_row.h"
#include "integers.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define CHUNKS 64             /* of rows, at most */
#define SERIAL_WORK (1 << 17) /* of a problem that is not worth a second thread */
#define WORKER_ITEMS 8        /* of chunks that follow each other, for each thread */
#define PASSES 4              /* of an input gradient of stride 2 */
/* At least so many pixels, so that the edges of several rows go as one: of 32, 64 and 128 the one
 * that is fastest on Zen 5, November 2026, for images 7 to 56 pixels wide. */
#define CHUNK_PIXELS 64
/* What no cache is expected to hold is asked for some rows ahead: a tenth less time for 43 MB on
 * Zen 5, November 2026. */
#define FAR_BYTES (8 << 20)
#define AHEAD 4
#define LINE 64 /* bytes, of a cache */
#define PARTIAL_BYTES (4 << 20)

typedef struct run {
    const fc_correlation *c;
    const char *x, *gy;
    char *partial, *scratch; /* sums: [chunk][output channel][tap][width] */
    int64_t rows, chunk_rows, taps;
    /* Pixels taken as one with more channels, where channels fill no vectors; those channels. */
    int64_t repeat, width;
    fc_pixel_rows back[PASSES]; /* the input gradient's correlations */
    int passes, far;
    int64_t chunks, item_chunks, worker_bytes;
} run;

/* A row of grad_output, of one output channel of every group, and what belongs to it. */
typedef struct row {
    int64_t n, o[3];
    const char *gy; /* its first pixel */
    int64_t gy_step, gy_row;
    char *sums;
    int64_t *offsets;
} row;

/* Pixels that follow each other, several as one, and the rest as one more. */
static void run_merged(const run *r, fc_depthwise_weight *row) {
    const int64_t whole = row->pixels / r->repeat, rest = row->pixels % r->repeat;
    const int64_t channels = row->channels, bytes = whole * r->width * r->c->item;
    row->x_step = row->y_step = row->channels = r->width;
    row->pixels = whole;
    r->c->kernels->conv.depthwise_weight(row);
    if (rest == 0) return;
    row->pixels = 1;
    row->channels = rest * channels;
    row->x = (const char *)row->x + bytes;
    row->y = (const char *)row->y + bytes;
    r->c->kernels->conv.depthwise_weight(row);
}

/* `pixels` pixels of a row from o[2], or one of each of `rows` rows: all with the taps of the
 * first. */
static void run_stretch(const run *r, const row *at, int64_t from, int64_t pixels, int64_t rows) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t o[3] = {at->o[0], at->o[1], from};
    int64_t first[3], last[3], taps = 0, *x_offset = at->offsets, *w_offset = x_offset + r->taps;
    for (int i = 0; i < 3; i++) fc_taps_inside(&a[i], o[i], &first[i], &last[i]);
    for (int64_t d = first[0]; d < last[0]; d++)
        for (int64_t h = first[1]; h < last[1]; h++)
            for (int64_t w = first[2]; w < last[2]; w++, taps++) {
                const int64_t in =
                    (d * a[0].offset_step * a[1].in + h * a[1].offset_step) * a[2].in +
                    w * a[2].offset_step;
                x_offset[taps] = in * c->groups;
                w_offset[taps] = ((d * a[1].taps + h) * a[2].taps + w) * r->width;
            }
    int64_t in = at->n * a[0].in + o[0] * a[0].stride + a[0].offset;
    in = (in * a[1].in + o[1] * a[1].stride + a[1].offset) * a[2].in + o[2] * a[2].stride +
         a[2].offset;
    const int down = rows > 1;
    fc_depthwise_weight stretch = {
        .taps = taps,
        .line_taps = down ? 0 : last[2] - first[2],
        .x_tap = a[2].offset_step * c->groups,
        .pixels = pixels * rows,
        .channels = c->groups,
        .x_step = (down ? a[1].stride * a[2].in : a[2].stride) * c->groups,
        .y_step = down ? at->gy_row : at->gy_step,
        .x = r->x + in * c->groups * c->item,
        .y = at->gy + from * at->gy_step * c->item,
        .sums = at->sums,
        .x_offset = x_offset,
        .w_offset = w_offset,
    };
    if (!down && pixels >= r->repeat && r->repeat > 1) run_merged(r, &stretch);
    else c->kernels->conv.depthwise_weight(&stretch);
}

/* Rows with the same taps: their interiors one by one, their edges down all of them. */
static void run_alike(const run *r, const row *at, int64_t rows) {
    const fc_axis *a = r->c->axis;
    int64_t first, last;
    fc_row_interior(&a[2], &first, &last);
    row next = *at;
    for (int64_t i = 0; i < rows && first < last; i++) {
        run_stretch(r, &next, first, last - first, 1);
        next.o[1]++;
        next.gy += at->gy_row * r->c->item;
    }
    for (int64_t i = 0; i < first; i++) run_stretch(r, at, i, 1, rows);
    for (int64_t i = last; i < a[2].out; i++) run_stretch(r, at, i, 1, rows);
}

/* Sums of all channels. */
static int64_t all_weights(const run *r) { return r->c->out_channels * r->taps * r->width; }

/* The output channels of every group, one after another; `staged`: a row in scratch. Several rows
 * only where there is one output channel. */
static void run_rows(const run *r, row *at, int64_t rows, char *staged) {
    const fc_correlation *c = r->c;
    const int64_t m = c->out_channels, elements = c->axis[2].out * c->groups;
    if (m == 1) {
        run_alike(r, at, rows);
        return;
    }
    const char *gy = at->gy;
    at->gy = staged;
    at->gy_step = c->groups;
    for (int64_t k = 0; k < m; k++) {
        c->kernels->conv.copy(staged, 1, gy + k * c->item, m, elements);
        run_alike(r, at, 1);
        at->sums += r->taps * r->width * c->item;
    }
}

/* The scratch of a worker: a staged row, and offsets. */
static int64_t staged_bytes(const run *r) {
    const int64_t pixels = r->c->axis[2].out * r->c->groups;
    return r->c->out_channels > 1 ? fc_aligned(pixels * r->c->item) : 0;
}
static int64_t own_bytes(const run *r) { return staged_bytes(r) + fc_aligned(2 * r->taps * 8); }

/* The index-th row of all images. */
static row row_at(const run *r, int64_t index, char *sums, char *staged) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t step = c->groups * c->out_channels, line = a[2].out * step;
    return (row){.n = index / a[1].out / a[0].out,
                 .o = {index / a[1].out % a[0].out, index % a[1].out, 0},
                 .gy = r->gy + index * line * c->item,
                 .gy_step = step,
                 .gy_row = line,
                 .sums = sums,
                 .offsets = (int64_t *)(staged + staged_bytes(r))};
}

/* How many rows from `index` on have the same taps: of one image, and all inside. */
static int64_t rows_alike(const run *r, int64_t index, int64_t end) {
    const fc_axis *a = &r->c->axis[1];
    const int64_t o = index % a->out;
    int64_t first, last;
    fc_row_interior(a, &first, &last);
    if (r->c->out_channels > 1 || o < first || o >= last) return 1;
    return min64(last - o, end - index);
}

/* Rows [begin, end) of all images. */
static void run_some(const run *r, int64_t begin, int64_t end, char *sums, char *staged) {
    for (int64_t i = begin, rows; i < end; i += rows) {
        rows = rows_alike(r, i, end);
        row at = row_at(r, i, sums, staged);
        run_rows(r, &at, rows, staged);
    }
}

/* How many pixels together fill vectors of channels. */
static int64_t repeat_of(const fc_correlation *c) {
    const int64_t vectors = ceil_div(c->groups, c->kernels->lanes);
    if (5 * vectors * c->kernels->lanes < 6 * c->groups) return 1; /* well filled as they are */
    return fc_row_repeat(c);
}

/* The offset of a tap, counted in the order of the correlation, in a channel's weights. */
static int64_t tap_in_weight(const fc_correlation *c, int64_t tap) {
    int64_t at = 0;
    for (int i = 2; i >= 0; i--) {
        const fc_axis *a = &c->axis[i];
        at += (a->weight + tap % a->taps * a->weight_step) * c->w_axis[i];
        tap /= a->taps;
    }
    return at;
}

/* Row `index` of grad_output, and the rows of x that come with it. (Always inline: GCC leaves out
 * calls that do nothing else.) */
static inline __attribute__((always_inline)) void ask_for(const run *r, int64_t index) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    if (index >= r->rows) return;
    const int64_t y = a[2].out * c->groups * c->out_channels * c->item,
                  x = a[2].in * c->groups * c->item;
    const int64_t all = a[0].in * a[1].in, rows = a[0].out * a[1].out;
    const int64_t from = (index / rows * all + index % rows * all / rows) * x,
                  to = (index / rows * all + (index % rows + 1) * all / rows) * x;
    for (int64_t i = index * y; i < (index + 1) * y; i += LINE) __builtin_prefetch(r->gy + i, 0, 2);
    for (int64_t i = from; i < to; i += LINE) __builtin_prefetch(r->x + i, 0, 2);
}

/* A chunk of the weight gradient's rows, and then the same of the input gradient. */
static void run_chunk(const run *r, int64_t index, char *staged) {
    char *sums = r->partial + index * all_weights(r) * r->c->item;
    const int64_t first = index * r->chunk_rows, last = min64(r->rows, first + r->chunk_rows);
    const int64_t together = r->far ? AHEAD : r->chunk_rows;
    for (int64_t i = first; i < last; i += together) {
        for (int64_t j = i + AHEAD; j < i + 2 * AHEAD && r->far; j++) ask_for(r, j);
        run_some(r, i, min64(last, i + together), sums, staged);
    }
    for (int k = 0; k < r->passes; k++) fc_pixel_rows_run(&r->back[k], r->c, first, last, staged);
}

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    char *staged = r->scratch + worker * r->worker_bytes;
    const int64_t first = index * r->item_chunks;
    for (int64_t i = first; i < min64(r->chunks, first + r->item_chunks); i++)
        run_chunk(r, i, staged);
}

/* The sums of the chunks, in their order; then of pixels that are taken as one. `total`: scratch of
 * all_weights and another row of channels, zeros. */
static void finish(const run *r, char *total, void *gw) {
    const fc_correlation *c = r->c;
    const fc_conv_kernels *kernels = &c->kernels->conv;
    const int64_t each = all_weights(r);
    char *sum = total + each * c->item;
    kernels->sum_rows(total, r->partial, each, r->chunks, each);
    for (int64_t t = 0; t < c->out_channels * r->taps; t++) {
        memset(sum, 0, (size_t)(c->groups * c->item));
        kernels->sum_rows(sum, total + t * r->width * c->item, c->groups, r->repeat, c->groups);
        const int64_t at = t / r->taps * c->w_out + tap_in_weight(c, t % r->taps);
        kernels->copy((char *)gw + at * c->item, c->w_group, sum, 1, c->groups);
    }
}

static run run_of(const fc_correlation *c, const fc_correlation *back, int n, const fc_grads *g) {
    const fc_axis *a = c->axis;
    run r = {.c = c,
             .x = g->x,
             .gy = g->gy,
             .rows = c->batch * a[0].out * a[1].out,
             .taps = fc_correlation_taps(c),
             .repeat = repeat_of(c)};
    r.width = r.repeat * c->groups;
    const int64_t most = max64(1, PARTIAL_BYTES / (all_weights(&r) * c->item));
    r.chunk_rows = ceil_div(r.rows, min64(CHUNKS, most));
    r.chunk_rows = min64(r.rows, max64(r.chunk_rows, ceil_div(CHUNK_PIXELS, a[2].out)));
    r.chunks = ceil_div(r.rows, r.chunk_rows);
    r.worker_bytes = own_bytes(&r);
    int shared = n <= PASSES && c->out_channels == 1;
    for (int i = 0; i < n && shared; i++) shared = fc_is_depthwise(&back[i]);
    for (; r.passes < n && shared; r.passes++) {
        fc_pixel_rows *b = &r.back[r.passes];
        *b = fc_pixel_rows_of(&back[r.passes], g->gy, g->w, g->gx);
        r.worker_bytes = max64(r.worker_bytes, fc_pixel_rows_worker_bytes(b));
    }
    const double x = (double)(a[0].in * a[1].in) * (double)a[2].in,
                 y = (double)(a[0].out * a[1].out) * (double)a[2].out * (double)c->out_channels;
    r.far = (x + y) * (double)c->batch * (double)(c->groups * c->item) > FAR_BYTES;
    return r;
}

static int workers_for(const run *r, const fc_call *call, int64_t items) {
    const double work = (double)r->taps * (double)(r->c->groups * r->c->out_channels) *
                        (double)r->c->axis[2].out * (double)r->rows;
    return work < SERIAL_WORK ? 1 : fc_workers(call, items);
}

/* The weights of the input gradient's correlations, into `weights`. */
static fc_status bring_weights(run *r, char *weights, const fc_call *call, int workers) {
    for (int i = 0; i < r->passes; i++) {
        FC_TRY(fc_pixel_rows_bring(&r->back[i], weights, NULL, call, workers));
        weights += fc_pixel_rows_weight_bytes(&r->back[i]);
    }
    return FC_OK;
}

fc_status fc_depthwise_pixels_grad(const fc_correlation *c, const fc_correlation *back, int n,
                                   fc_grads *g, const fc_call *call) {
    run r = run_of(c, back, n, g);
    r.item_chunks = max64(1, r.chunks / (fc_workers(call, r.chunks) * WORKER_ITEMS));
    const int64_t items = ceil_div(r.chunks, r.item_chunks);
    const int workers = workers_for(&r, call, items);
    const int64_t each = all_weights(&r),
                  sums = fc_aligned(((r.chunks + 1) * each + c->groups) * c->item);
    int64_t bytes = sums;
    for (int i = 0; i < r.passes; i++) bytes += fc_pixel_rows_weight_bytes(&r.back[i]);
    r.partial = fc_scratch(bytes + workers * r.worker_bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.scratch = r.partial + bytes;
    memset(r.partial, 0, (size_t)sums);
    fc_status status = bring_weights(&r, r.partial + sums, call, workers);
    if (status == FC_OK) status = fc_parallel_for(call, workers, items, run_item, &r);
    finish(&r, r.partial + r.chunks * each * c->item, g->gw);
    fc_scratch_free(r.partial);
    g->gw = NULL;
    if (r.passes) g->gx = NULL;
    return status;
}
