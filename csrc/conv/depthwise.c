/* Depthwise convolution and its gradients for channels last, one input channel a group.
 *
 *   for each row of output pixels (parallel):
 *     for each stretch of pixels that have the same taps inside the input:
 *                                      (the row's interior, or one pixel at its edges)
 *       one call of the kernel: all channels
 *
 * Nothing is copied: a tap is an offset from the pixel, and taps outside the input are left out.
 * Weights are turned to [tap][channel] first. The weight gradient adds fixed chunks of rows, each
 * into sums of its own, and then those.
 *
 * Where a group has several output channels, a row of one of each is made (or, for the weight
 * gradient, brought) at a time, in scratch: their neighbours in the output are the others. */
#include "depthwise.h"
#include "depthwise_planes.h"
#include "integers.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define CHUNKS 64 /* of rows, in a weight gradient, at most */
#define PARTIAL_BYTES (4 << 20)
#define MOST_REPEAT 8 /* pixels taken as one */
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
    int64_t y_step;
    const char *weights, *bias;
    char *sums;
    int64_t *offsets;
} row;

/* Of numbers that are not negative; the divisor is mostly 1, and divisions are slow. */
static int64_t quotient(int64_t a, int64_t b) { return b == 1 ? a : a / b; }

/* The taps along one axis that stay inside the input at output o: [first, last). */
static void taps_inside(const fc_axis *a, int64_t o, int64_t *first, int64_t *last) {
    const int64_t at = o * a->stride + a->offset, step = a->offset_step > 0 ? a->offset_step : 1;
    *first = at >= 0 ? 0 : min64(a->taps, quotient(-at + step - 1, step));
    *last = at >= a->in ? 0 : min64(a->taps, quotient(a->in - 1 - at, step) + 1);
    *last = max64(*first, *last);
}

/* The outputs along the row for which every tap is inside: [first, last). */
static void interior(const fc_axis *a, int64_t *first, int64_t *last) {
    const int64_t end = a->in - 1 - a->offset - (a->taps - 1) * a->offset_step;
    *first = a->offset >= 0 ? 0 : min64(a->out, (-a->offset + a->stride - 1) / a->stride);
    *last = end < 0 ? 0 : min64(a->out, end / a->stride + 1);
    *last = max64(*first, *last);
}

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

/* A stretch of `pixels` pixels of a row from o[2], all with the taps of the first. */
static void run_stretch(const run *r, const row *at, int64_t from, int64_t pixels) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t o[3] = {at->o[0], at->o[1], from};
    int64_t first[3], last[3], taps = 0, *x_offset = at->offsets, *w_offset = x_offset + r->taps;
    for (int i = 0; i < 3; i++) taps_inside(&a[i], o[i], &first[i], &last[i]);
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
    fc_depthwise stretch = {
        .taps = taps,
        .line_taps = last[2] - first[2],
        .x_tap = a[2].offset_step * c->groups,
        .pixels = pixels,
        .channels = c->groups,
        .x_step = a[2].stride * c->groups,
        .y_step = at->y_step,
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
    if (pixels >= r->repeat && r->repeat > 1) run_merged(r, &stretch);
    else run_kernel(r, &stretch);
}

static void run_row(const run *r, const row *at) {
    const fc_axis *a = r->c->axis;
    int64_t first, last;
    interior(&a[2], &first, &last);
    for (int64_t i = 0; i < first; i++) run_stretch(r, at, i, 1);
    if (first < last) run_stretch(r, at, first, last - first);
    for (int64_t i = last; i < a[2].out; i++) run_stretch(r, at, i, 1);
}

/* The output channels of every group, one after another; `staged`: a row in scratch. */
static void run_rows(const run *r, row *at, char *staged) {
    const fc_correlation *c = r->c;
    const int64_t each = r->taps * r->width * c->item, m = c->out_channels;
    /* Pixels one after another go as one. */
    const int64_t step = c->axis[2].step, pieces = step == 1 ? 1 : c->axis[2].out;
    const int64_t elements = c->axis[2].out / pieces * c->groups;
    char *y = at->y;
    if (m == 1) {
        run_row(r, at);
        return;
    }
    at->y = staged;
    at->y_step = c->groups;
    for (int64_t k = 0; k < m; k++) {
        if (r->weight_gradient) c->kernels->conv.copy(staged, 1, y + k * c->item, m, elements);
        run_row(r, at);
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

/* A chunk of rows. */
static void run_chunk(void *context, int64_t index, int worker) {
    const run *r = context;
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    char *staged = r->scratch + worker * worker_bytes(r);
    const int64_t step = c->groups * c->out_channels;
    for (int64_t i = index * r->chunk_rows; i < min64(r->rows, (index + 1) * r->chunk_rows); i++) {
        row at = {.n = i / a[1].out / a[0].out,
                  .o = {i / a[1].out % a[0].out, i % a[1].out, 0},
                  .y_step = a[2].step * step,
                  .weights = r->weights,
                  .bias = r->bias,
                  .offsets = (int64_t *)(staged + staged_bytes(r))};
        int64_t out = at.n * a[0].size + a[0].start + at.o[0] * a[0].step;
        out = (out * a[1].size + a[1].start + at.o[1] * a[1].step) * a[2].size + a[2].start;
        at.y = r->y + out * step * c->item;
        if (r->weight_gradient) at.sums = r->partial + index * all_weights(r) * c->item;
        run_rows(r, &at, staged);
    }
}

/* How many pixels together fill vectors of channels. */
static int64_t repeat_of(const fc_correlation *c) {
    const fc_axis *a = &c->axis[2];
    const int64_t vectors = ceil_div(c->groups, c->kernels->lanes);
    if (a->stride != 1 || a->step != 1) return 1;
    if (5 * vectors * c->kernels->lanes < 6 * c->groups) return 1; /* well filled as they are */
    for (int64_t lanes = 2 * c->kernels->lanes; lanes >= c->kernels->lanes; lanes /= 2) {
        const int64_t repeat = lanes / gcd(lanes, c->groups);
        if (repeat <= MOST_REPEAT && repeat * 4 <= a->out) return repeat;
    }
    return 1;
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

static int64_t chunk_rows_forward(const run *r) {
    return max64(1, (int64_t)((1 << 16) / (row_work(r) + 1)));
}

int64_t fc_depthwise_scratch(const fc_correlation *c, int threads) {
    if (c->layout == FC_CHANNELS_FIRST) return fc_depthwise_planes_scratch(c, threads);
    const run r = run_of(c);
    const int64_t chunks = (r.rows + chunk_rows_forward(&r) - 1) / chunk_rows_forward(&r);
    return weight_bytes(&r) +
           workers_for(&r, &(fc_call){.threads = threads}, chunks) * worker_bytes(&r);
}

fc_status fc_depthwise_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call) {
    if (c->layout == FC_CHANNELS_FIRST)
        return fc_depthwise_planes_correlate(c, 1, x, w, bias, y, call);
    run r = run_of(c);
    if (r.rows == 0 || c->axis[2].out == 0) return FC_OK;
    r.x = x;
    r.bias = bias;
    r.y = y;
    r.chunk_rows = chunk_rows_forward(&r);
    const int64_t chunks = (r.rows + r.chunk_rows - 1) / r.chunk_rows;
    const int workers = workers_for(&r, call, chunks);
    r.weights = fc_scratch(weight_bytes(&r) + workers * worker_bytes(&r));
    FC_REQUIRE(r.weights, FC_OUT_OF_MEMORY);
    r.scratch = r.weights + weight_bytes(&r);
    for (int64_t k = 0; k < c->out_channels; k++)
        for (int64_t t = 0; t < r.taps; t++)
            repeat_channels(&r, r.weights + (k * r.taps + t) * r.width * c->item,
                            (const char *)w + (k * c->w_out + tap_in_weight(c, t)) * c->item,
                            c->w_group);
    if (bias && (r.repeat > 1 || c->out_channels > 1)) {
        char *kept = r.weights + all_weights(&r) * c->item;
        for (int64_t k = 0; k < c->out_channels; k++)
            repeat_channels(&r, kept + k * r.width * c->item, (const char *)bias + k * c->item,
                            c->out_channels);
        r.bias = kept;
    }
    const fc_status status = fc_parallel_for(call, workers, chunks, run_chunk, &r);
    fc_scratch_free(r.weights);
    return status;
}

fc_status fc_depthwise_grad_weight(const fc_correlation *c, const void *x, const void *gy, void *gw,
                                   const fc_call *call) {
    if (c->layout == FC_CHANNELS_FIRST) return fc_depthwise_planes_grad_weight(c, x, gy, gw, call);
    run r = run_of(c);
    r.weight_gradient = 1;
    r.x = x;
    r.y = (char *)gy; /* read only, in this direction */
    const int64_t each = all_weights(&r), most = max64(1, PARTIAL_BYTES / (each * c->item));
    r.chunk_rows = max64(1, (r.rows + min64(CHUNKS, most) - 1) / min64(CHUNKS, most));
    const int64_t chunks = (r.rows + r.chunk_rows - 1) / r.chunk_rows,
                  bytes = fc_aligned(((chunks + 1) * each + c->groups) * c->item);
    const int workers = workers_for(&r, call, chunks);
    r.partial = fc_scratch(bytes + workers * worker_bytes(&r));
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.scratch = r.partial + bytes;
    memset(r.partial, 0, (size_t)bytes);
    const fc_status status = fc_parallel_for(call, workers, chunks, run_chunk, &r);
    char *total = r.partial + chunks * each * c->item;
    c->kernels->conv.sum_rows(total, r.partial, each, chunks, each);
    char *sum = total + each * c->item;
    for (int64_t t = 0; t < c->out_channels * r.taps; t++) {
        memset(sum, 0, (size_t)(c->groups * c->item));
        c->kernels->conv.sum_rows(sum, total + t * r.width * c->item, c->groups, r.repeat,
                                  c->groups);
        const int64_t at = t / r.taps * c->w_out + tap_in_weight(c, t % r.taps);
        c->kernels->conv.copy((char *)gw + at * c->item, c->w_group, sum, 1, c->groups);
    }
    fc_scratch_free(r.partial);
    return status;
}

fc_status fc_depthwise_correlate_all(const fc_correlation *c, int n, const void *x, const void *w,
                                     const void *bias, void *y, const fc_call *call) {
    if (n > 0 && c->layout == FC_CHANNELS_FIRST)
        return fc_depthwise_planes_correlate(c, n, x, w, bias, y, call);
    for (int i = 0; i < n; i++) FC_TRY(fc_depthwise_correlate(&c[i], x, w, bias, y, call));
    return FC_OK;
}
