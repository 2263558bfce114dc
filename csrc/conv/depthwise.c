/* Which file serves a depthwise correlation (channels last: depthwise_pixels.c; channels first:
 * depthwise_planes.c), and the gradients for channels last, one input channel a group:
 *
 *   for each row of output pixels (parallel):
 *     for each stretch of pixels that have the same taps inside the input:
 *                         (the row's interior, or one pixel at its edges: that of several rows)
 *       one call of the kernel: all channels
 *
 * Nothing is copied: a tap is an offset from the pixel, and taps outside the input are left out.
 * Weights are turned to [tap][channel] first. The weight gradient adds fixed chunks of rows, each
 * into sums of its own, and then those; behind each chunk come the same rows of the input gradient,
 * while what both read is in the cache.
 *
 * Where a group has several output channels, a row of one of each is made (or, for the weight
 * gradient, brought) at a time, in scratch: their neighbours in the output are the others. */
#include "depthwise.h"
#include "depthwise_pixels.h"
#include "depthwise_planes.h"
#include "depthwise_row.h"
#include "integers.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define CHUNKS 64      /* of rows, in a weight gradient, at most */
#define WORKER_ITEMS 8 /* of chunks that follow each other, for each thread */
#define PASSES 4       /* of an input gradient of stride 2 */
/* At least so many pixels, so that the edges of several rows go as one: of 32, 64 and 128 the one
 * that is fastest on Zen 5, November 2026, for images 7 to 56 pixels wide. */
#define CHUNK_PIXELS 64
/* What no cache is expected to hold is asked for some rows ahead: a tenth less time for 43 MB on Zen
 * 5, November 2026. */
#define FAR_BYTES (8 << 20)
#define AHEAD 4
#define LINE 64 /* bytes, of a cache */
#define PARTIAL_BYTES (4 << 20)
#define MOST_OUT                                                                                   \
    8 /* output channels of a group: with more, the general correlation fills its tiles */

int fc_is_depthwise(const fc_correlation *c) {
    return fc_is_depthwise_planes(c) ||
           (c->layout == FC_CHANNELS_LAST && c->in_channels == 1 && c->out_channels <= MOST_OUT &&
            c->groups > 1 && c->padding_mode == FC_PAD_ZEROS);
}

typedef struct run {
    const fc_correlation *c;
    const char *x, *bias;
    char *y, *weights, *partial, *scratch; /* weights: [output channel][tap][group] */
    int64_t rows, chunk_rows, taps;
    /* Pixels taken as one with more channels, where channels fill no vectors; those channels. */
    int64_t repeat, width;
    int weight_gradient;
} run;

/* A row of outputs of one output channel of every group, and what belongs to it. */
typedef struct row {
    int64_t n, o[3];
    char *y; /* its first pixel */
    int64_t y_step, y_row;
    const char *weights, *bias;
    char *sums;
    int64_t *offsets;
} row;

static void run_kernel(const run *r, const fc_depthwise *row) {
    if (r->weight_gradient) r->c->kernels->conv.depthwise_weight(row);
    else r->c->kernels->conv.depthwise(row);
}

/* Pixels that follow each other, several as one, and the rest as one more. */
static void run_merged(const run *r, fc_depthwise *row) {
    const int64_t whole = row->pixels / r->repeat, rest = row->pixels % r->repeat;
    const int64_t channels = row->channels, bytes = whole * r->width * r->c->item;
    row->x_step = row->y_step = row->channels = r->width;
    row->pixels = whole;
    run_kernel(r, row);
    if (rest == 0) return;
    row->pixels = 1;
    row->channels = rest * channels;
    row->x = (const char *)row->x + bytes;
    row->y = (char *)row->y + bytes;
    run_kernel(r, row);
}

/* `pixels` pixels of a row from o[2], or one of each of `rows` rows: all with the taps of the
 * first. */
static void run_stretch(const run *r, const row *at, int64_t from, int64_t pixels, int64_t rows) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t o[3] = {at->o[0], at->o[1], from};
    int64_t first[3], last[3], taps = 0, *x_offset = at->offsets, *w_offset = x_offset + r->taps;
    for (int i = 0; i < 3; i++) fc_row_taps_inside(&a[i], o[i], &first[i], &last[i]);
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
    fc_depthwise stretch = {
        .taps = taps,
        .line_taps = down ? 0 : last[2] - first[2],
        .x_tap = a[2].offset_step * c->groups,
        .pixels = pixels * rows,
        .channels = c->groups,
        .x_step = (down ? a[1].stride * a[2].in : a[2].stride) * c->groups,
        .y_step = down ? at->y_row : at->y_step,
        .x = r->x + in * c->groups * c->item,
        .w = at->weights,
        .y = at->y + from * at->y_step * c->item,
        .sums = at->sums,
        .x_offset = x_offset,
        .w_offset = w_offset,
        .bias = at->bias,
        .min = c->min,
        .max = c->max,
        .clamp = c->clamp,
    };
    if (!down && pixels >= r->repeat && r->repeat > 1) run_merged(r, &stretch);
    else run_kernel(r, &stretch);
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
        next.y += at->y_row * r->c->item;
    }
    for (int64_t i = 0; i < first; i++) run_stretch(r, at, i, 1, rows);
    for (int64_t i = last; i < a[2].out; i++) run_stretch(r, at, i, 1, rows);
}

/* The output channels of every group, one after another; `staged`: a row in scratch. Several rows
 * only where there is one output channel. */
static void run_rows(const run *r, row *at, int64_t rows, char *staged) {
    const fc_correlation *c = r->c;
    const int64_t each = r->taps * r->width * c->item, m = c->out_channels;
    /* Pixels one after another go as one. */
    const int64_t step = c->axis[2].step, pieces = step == 1 ? 1 : c->axis[2].out;
    const int64_t elements = c->axis[2].out / pieces * c->groups;
    char *y = at->y;
    if (m == 1) {
        run_alike(r, at, rows);
        return;
    }
    at->y = staged;
    at->y_step = c->groups;
    for (int64_t k = 0; k < m; k++) {
        if (r->weight_gradient) c->kernels->conv.copy(staged, 1, y + k * c->item, m, elements);
        run_alike(r, at, 1);
        for (int64_t i = 0; i < pieces && !r->weight_gradient; i++)
            c->kernels->conv.copy(y + (i * step * c->groups * m + k) * c->item, m,
                                  staged + i * elements * c->item, 1, elements);
        at->weights += each;
        if (r->weight_gradient) at->sums += each;
        if (at->bias) at->bias += r->width * c->item;
    }
}

/* The scratch of a worker: a staged row, and offsets. */
static int64_t staged_bytes(const run *r) {
    const int64_t pixels = r->c->axis[2].out * r->c->groups;
    return r->c->out_channels > 1 ? fc_aligned(pixels * r->c->item) : 0;
}
static int64_t worker_bytes(const run *r) { return staged_bytes(r) + fc_aligned(2 * r->taps * 8); }

/* Weights of all channels of a group, or their sums. */
static int64_t all_weights(const run *r) { return r->c->out_channels * r->taps * r->width; }

/* The index-th row of all images. */
static row row_at(const run *r, int64_t index, char *sums, char *staged) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t step = c->groups * c->out_channels;
    row at = {.n = index / a[1].out / a[0].out,
              .o = {index / a[1].out % a[0].out, index % a[1].out, 0},
              .y_step = a[2].step * step,
              .y_row = a[1].step * a[2].size * step,
              .weights = r->weights,
              .bias = r->bias,
              .sums = sums,
              .offsets = (int64_t *)(staged + staged_bytes(r))};
    int64_t out = at.n * a[0].size + a[0].start + at.o[0] * a[0].step;
    out = (out * a[1].size + a[1].start + at.o[1] * a[1].step) * a[2].size + a[2].start;
    at.y = r->y + out * step * c->item;
    return at;
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

static run run_of(const fc_correlation *c) {
    const int64_t repeat = repeat_of(c);
    return (run){.c = c,
                 .rows = c->batch * c->axis[0].out * c->axis[1].out,
                 .taps = c->axis[0].taps * c->axis[1].taps * c->axis[2].taps,
                 .repeat = repeat,
                 .width = repeat * c->groups};
}

/* Multiply-adds of a row. */
static double row_work(const run *r) {
    return (double)r->taps * (double)(r->c->groups * r->c->out_channels) *
           (double)r->c->axis[2].out;
}

static int workers_for(const run *r, const fc_call *call, int64_t chunks) {
    return row_work(r) * (double)r->rows < 1 << 17 ? 1 : fc_workers(call, chunks);
}

/* Weights, and bias after them. */
static int64_t weight_bytes(const run *r) {
    return fc_aligned((all_weights(r) + r->c->out_channels * r->width) * r->c->item);
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

/* One value a channel, for all pixels that are taken as one. */
static void repeat_channels(const run *r, char *dst, const char *src, int64_t step) {
    const fc_correlation *c = r->c;
    for (int64_t i = 0; i < r->repeat; i++)
        c->kernels->conv.copy(dst + i * c->groups * c->item, 1, src, step, c->groups);
}

/* Into r->weights. */
static void bring_weights(run *r, const void *w, const void *bias) {
    const fc_correlation *c = r->c;
    r->bias = bias;
    for (int64_t k = 0; k < c->out_channels; k++)
        for (int64_t t = 0; t < r->taps; t++)
            repeat_channels(r, r->weights + (k * r->taps + t) * r->width * c->item,
                            (const char *)w + (k * c->w_out + tap_in_weight(c, t)) * c->item,
                            c->w_group);
    if (!bias || (r->repeat == 1 && c->out_channels == 1)) return;
    char *kept = r->weights + all_weights(r) * c->item;
    for (int64_t k = 0; k < c->out_channels; k++)
        repeat_channels(r, kept + k * r->width * c->item, (const char *)bias + k * c->item,
                        c->out_channels);
    r->bias = kept;
}

int64_t fc_depthwise_scratch(const fc_correlation *c, int threads) {
    if (c->layout == FC_CHANNELS_FIRST) return fc_depthwise_planes_scratch(c, threads);
    return fc_depthwise_pixels_scratch(c, threads);
}

fc_status fc_depthwise_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call) {
    if (c->layout == FC_CHANNELS_FIRST)
        return fc_depthwise_planes_correlate(c, 1, x, w, bias, y, call);
    return fc_depthwise_pixels_correlate(c, x, w, bias, y, call);
}

/* ---- Gradients ---- */

typedef struct grads_run {
    run weight, back[PASSES]; /* the weight gradient; the input gradient's correlations */
    int passes, far;
    int64_t chunks, item_chunks, scratch; /* of a worker */
} grads_run;

/* The rows of another correlation of the same images that belong to the first `index` rows. */
static int64_t same_rows(const run *other, const run *r, int64_t index) {
    const fc_axis *a = other->c->axis, *b = r->c->axis;
    const int64_t all = a[0].out * a[1].out, rows = b[0].out * b[1].out;
    return index / rows * all + index % rows * all / rows;
}

/* Row `index` of grad_output, and the rows of x that come with it. (Always inline: GCC leaves out
 * calls that do nothing else.) */
static inline __attribute__((always_inline)) void ask_for(const grads_run *g, int64_t index) {
    const run *r = &g->weight;
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    if (index >= r->rows) return;
    const int64_t y = a[2].out * c->groups * c->out_channels * c->item,
                  x = a[2].in * c->groups * c->item;
    const int64_t all = a[0].in * a[1].in, rows = a[0].out * a[1].out;
    const int64_t from = (index / rows * all + index % rows * all / rows) * x,
                  to = (index / rows * all + (index % rows + 1) * all / rows) * x;
    for (int64_t i = index * y; i < (index + 1) * y; i += LINE) __builtin_prefetch(r->y + i, 0, 2);
    for (int64_t i = from; i < to; i += LINE) __builtin_prefetch(r->x + i, 0, 2);
}

/* A chunk of the weight gradient's rows, and then the same of the input gradient. */
static void grads_chunk(const grads_run *g, int64_t index, char *staged) {
    const run *r = &g->weight;
    char *sums = r->partial + index * all_weights(r) * r->c->item;
    const int64_t first = index * r->chunk_rows, last = min64(r->rows, first + r->chunk_rows);
    const int64_t together = g->far ? AHEAD : r->chunk_rows;
    for (int64_t i = first; i < last; i += together) {
        for (int64_t j = i + AHEAD; j < i + 2 * AHEAD && g->far; j++) ask_for(g, j);
        run_some(r, i, min64(last, i + together), sums, staged);
    }
    for (int k = 0; k < g->passes; k++) {
        const run *back = &g->back[k];
        run_some(back, same_rows(back, r, first), same_rows(back, r, last), NULL, staged);
    }
}

static void grads_item(void *context, int64_t index, int worker) {
    const grads_run *g = context;
    char *staged = g->weight.scratch + worker * g->scratch;
    const int64_t first = index * g->item_chunks;
    for (int64_t i = first; i < min64(g->chunks, first + g->item_chunks); i++)
        grads_chunk(g, i, staged);
}

/* The sums of the chunks, in their order; then of pixels that are taken as one. `total`: scratch of
 * all_weights and another row of channels, zeros. */
static void finish_weight(const run *r, int64_t chunks, char *total, void *gw) {
    const fc_correlation *c = r->c;
    const fc_conv_kernels *kernels = &c->kernels->conv;
    const int64_t each = all_weights(r);
    char *sum = total + each * c->item;
    kernels->sum_rows(total, r->partial, each, chunks, each);
    for (int64_t t = 0; t < c->out_channels * r->taps; t++) {
        memset(sum, 0, (size_t)(c->groups * c->item));
        kernels->sum_rows(sum, total + t * r->width * c->item, c->groups, r->repeat, c->groups);
        const int64_t at = t / r->taps * c->w_out + tap_in_weight(c, t % r->taps);
        kernels->copy((char *)gw + at * c->item, c->w_group, sum, 1, c->groups);
    }
}

static grads_run grads_of(const fc_correlation *c, const fc_correlation *back, int n,
                          const fc_grads *g) {
    grads_run s = {.weight = run_of(c)};
    run *r = &s.weight;
    r->weight_gradient = 1;
    r->x = g->x;
    r->y = (char *)g->gy; /* read only, in this direction */
    const int64_t most = max64(1, PARTIAL_BYTES / (all_weights(r) * c->item));
    r->chunk_rows = ceil_div(r->rows, min64(CHUNKS, most));
    r->chunk_rows = min64(r->rows, max64(r->chunk_rows, ceil_div(CHUNK_PIXELS, c->axis[2].out)));
    s.chunks = ceil_div(r->rows, r->chunk_rows);
    s.scratch = worker_bytes(r);
    int shared = n <= PASSES && c->out_channels == 1;
    for (int i = 0; i < n && shared; i++) shared = fc_is_depthwise(&back[i]);
    for (; s.passes < n && shared; s.passes++) {
        run *b = &s.back[s.passes];
        *b = run_of(&back[s.passes]);
        b->x = g->gy;
        b->y = g->gx;
        s.scratch = max64(s.scratch, worker_bytes(b));
    }
    const fc_axis *a = c->axis;
    const double x = (double)(a[0].in * a[1].in) * (double)a[2].in,
                 y = (double)(a[0].out * a[1].out) * (double)a[2].out * (double)c->out_channels;
    s.far = (x + y) * (double)c->batch * (double)(c->groups * c->item) > FAR_BYTES;
    return s;
}

fc_status fc_depthwise_grad(const fc_correlation *c, const fc_correlation *back, int n, fc_grads *g,
                            const fc_call *call) {
    if (c->layout == FC_CHANNELS_FIRST) return fc_depthwise_planes_grad(c, back, n, g, call);
    grads_run s = grads_of(c, back, n, g);
    run *r = &s.weight;
    s.item_chunks = max64(1, s.chunks / (fc_workers(call, s.chunks) * WORKER_ITEMS));
    const int64_t items = ceil_div(s.chunks, s.item_chunks);
    const int workers = workers_for(r, call, items);
    const int64_t each = all_weights(r),
                  sums = fc_aligned(((s.chunks + 1) * each + c->groups) * c->item);
    int64_t bytes = sums;
    for (int i = 0; i < s.passes; i++) bytes += weight_bytes(&s.back[i]);
    r->partial = fc_scratch(bytes + workers * s.scratch);
    FC_REQUIRE(r->partial, FC_OUT_OF_MEMORY);
    r->scratch = r->partial + bytes;
    memset(r->partial, 0, (size_t)sums);
    char *weights = r->partial + sums;
    for (int i = 0; i < s.passes; i++) {
        s.back[i].weights = weights;
        bring_weights(&s.back[i], g->w, NULL);
        weights += weight_bytes(&s.back[i]);
    }
    const fc_status status = fc_parallel_for(call, workers, items, grads_item, &s);
    finish_weight(r, s.chunks, r->partial + s.chunks * each * c->item, g->gw);
    fc_scratch_free(r->partial);
    g->gw = NULL;
    if (s.passes) g->gx = NULL;
    return status;
}

fc_status fc_depthwise_correlate_all(const fc_correlation *c, int n, const void *x, const void *w,
                                     const void *bias, void *y, const fc_call *call) {
    if (n > 0 && c->layout == FC_CHANNELS_FIRST)
        return fc_depthwise_planes_correlate(c, n, x, w, bias, y, call);
    for (int i = 0; i < n; i++) FC_TRY(fc_depthwise_correlate(&c[i], x, w, bias, y, call));
    return FC_OK;
}
