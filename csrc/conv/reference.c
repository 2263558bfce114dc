/* The forward convolution from its definition: one scalar sum an output element, in the order
 * (channel, tap). Slow, and plain to read: what the other algorithms are checked against in C.
 *
 *   for each image and output channel (parallel), for each pixel:  sum over channels and taps */
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "algorithms.h"
#include "problem.h"

typedef struct reference {
    const fc_conv *p;
    const char *x, *w, *bias;
    char *y;
} reference;

/* The input position behind padded position i along an axis: -1 for a zero. */
static int64_t source(const fc_conv *p, int axis, int64_t i) {
    const int64_t n = p->input[axis];
    if (i >= 0 && i < n) return i;
    switch (p->padding_mode) {
    case FC_PAD_REFLECT: return i < 0 ? -i : 2 * (n - 1) - i;
    case FC_PAD_REPLICATE: return i < 0 ? 0 : n - 1;
    case FC_PAD_CIRCULAR: return i < 0 ? i + n : i - n;
    default: return -1;
    }
}

static int64_t element(const fc_conv *p, int64_t n, int64_t c, int64_t channels,
                       const int64_t size[3], int64_t pixel) {
    return p->layout == FC_CHANNELS_LAST ? (n * fc_volume(size) + pixel) * channels + c
                                         : (n * channels + c) * fc_volume(size) + pixel;
}

static double get(const reference *r, const char *array, int64_t i) {
    return r->p->dtype == FC_F32 ? ((const float *)array)[i] : ((const double *)array)[i];
}

static double clamped(const fc_conv *p, double v) {
    if (p->clamp && v < p->min) return p->min;
    if (p->clamp && v > p->max) return p->max;
    return v;
}

/* Sums in float for float, as the type promises; products are exact in double before they are
 * added. */
static double add(const fc_conv *p, double sum, double x, double w) {
    return p->dtype == FC_F32 ? (double)((float)sum + (float)x * (float)w) : sum + x * w;
}

static double sum_at(const reference *r, int64_t n, int64_t k, const int64_t o[3]) {
    const fc_conv *p = r->p;
    const int64_t in_group = p->in_channels / p->groups, group = k / (p->out_channels / p->groups);
    double sum = 0;
    int64_t w = k * in_group * fc_volume(p->kernel);
    for (int64_t c = group * in_group; c < (group + 1) * in_group; c++)
        for (int64_t d = 0; d < p->kernel[0]; d++)
            for (int64_t h = 0; h < p->kernel[1]; h++)
                for (int64_t t = 0; t < p->kernel[2]; t++, w++) {
                    const int64_t tap[3] = {d, h, t};
                    int64_t i[3];
                    for (int a = 0; a < 3; a++)
                        i[a] = source(
                            p, a, o[a] * p->stride[a] + tap[a] * p->dilation[a] - p->pad_before[a]);
                    if (i[0] < 0 || i[1] < 0 || i[2] < 0) continue;
                    const int64_t pixel = (i[0] * p->input[1] + i[1]) * p->input[2] + i[2];
                    const int64_t at = element(p, n, c, p->in_channels, p->input, pixel);
                    sum = add(p, sum, get(r, r->x, at), get(r, r->w, w));
                }
    return sum;
}

/* One output row of one image and channel. */
static void run_row(void *context, int64_t index, int worker) {
    (void)worker;
    const reference *r = context;
    const fc_conv *p = r->p;
    int64_t o[3] = {index / p->output[1] % p->output[0], index % p->output[1], 0};
    const int64_t plane = index / p->output[1] / p->output[0];
    const int64_t n = plane / p->out_channels, k = plane % p->out_channels;
    for (; o[2] < p->output[2]; o[2]++) {
        double v = sum_at(r, n, k, o);
        if (r->bias)
            v = p->dtype == FC_F32 ? (double)((float)v + ((const float *)r->bias)[k])
                                   : v + get(r, r->bias, k);
        v = clamped(p, v);
        const int64_t pixel = (o[0] * p->output[1] + o[1]) * p->output[2] + o[2];
        const int64_t at = element(p, n, k, p->out_channels, p->output, pixel);
        if (p->dtype == FC_F32) ((float *)r->y)[at] = (float)v;
        else ((double *)r->y)[at] = v;
    }
}

fc_status fc_reference_forward(const fc_conv *p, const void *x, const void *w, const void *bias,
                               void *y, const fc_call *call) {
    reference r = {p, x, w, bias, y};
    const int64_t rows = p->batch * p->out_channels * p->output[0] * p->output[1];
    return fc_parallel_for(call, fc_workers(call, rows), rows, run_row, &r);
}
