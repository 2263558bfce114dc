/* Where a pooling window lies along one axis, and which windows cover an element. For kernels and
 * schedules alike. */
#ifndef FC_POOL_WINDOW_H
#define FC_POOL_WINDOW_H

#include "pool_table.h"

static inline int64_t fc_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t fc_max(int64_t a, int64_t b) { return a > b ? a : b; }

typedef struct fc_window {
    int64_t origin; /* the position of tap 0: may lie before the input */
    int64_t tap;    /* the first tap inside the input */
    int64_t first;  /* its position */
    int64_t count;  /* taps inside the input */
    int64_t step;   /* from tap to tap */
    int64_t padded; /* taps inside the padded input (dilation 1 only) */
} fc_window;

__extension__ typedef __int128 fc_wide;

/* a * b / c rounded down or up; the product of two sizes may be longer than 64 bits. */
static inline int64_t fc_scale(int64_t a, int64_t b, int64_t c, int up) {
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) return product / c + (up && product % c != 0);
    const fc_wide wide = (fc_wide)a * b;
    return (int64_t)(wide / c) + (up && wide % c != 0);
}

static inline fc_window fc_adaptive_window(int64_t input, int64_t output, int64_t o) {
    const int64_t first = fc_scale(o, input, output, 0),
                  count = fc_scale(o + 1, input, output, 1) - first;
    return (fc_window){.origin = first, .first = first, .count = count, .step = 1, .padded = count};
}

/* Window `o` of axis `a`. Nothing here overflows for a problem that csrc/pool/problem.c let pass.
 */
static inline fc_window fc_window_of(const fc_pool_job *job, int a, int64_t o) {
    const fc_pool *p = &job->pool;
    if (job->adaptive) return fc_adaptive_window(p->input[a], p->output[a], o);
    fc_window w = {.origin = o * p->stride[a] - p->pad[a], .step = p->dilation[a]};
    w.tap = w.origin < 0 ? (-w.origin - 1) / w.step + 1 : 0;
    w.first = w.origin + w.tap * w.step;
    const int64_t room = p->input[a] - 1 - w.first; /* taps beyond the first */
    w.count = fc_min(p->kernel[a] - w.tap, (w.step == 1 ? room : room / w.step) + 1);
    const int64_t inside =
        p->input[a] - w.origin; /* positions from the origin to the input's end */
    w.padded = p->kernel[a] - inside <= p->pad[a] ? p->kernel[a] : inside + p->pad[a];
    return w;
}

/* What an average divides by, along one axis. */
static inline int64_t fc_window_size(const fc_pool_job *job, const fc_window *w) {
    if (job->divisor) return 1;
    return job->include_pad ? w->padded : w->count;
}

/* The windows [first, last) of axis `a` that cover position `i`; dilation 1. */
static inline void fc_covering(const fc_pool_job *job, int a, int64_t i, int64_t *first,
                               int64_t *last) {
    const fc_pool *p = &job->pool;
    if (job->adaptive) {
        const fc_window w = fc_adaptive_window(p->output[a], p->input[a], i);
        *first = w.first;
        *last = w.first + w.count;
        return;
    }
    const int64_t at = i + p->pad[a],
                  beyond =
                      at -
                      p->kernel[a]; /* the last window's start is `at`, none starts at `beyond` */
    const int64_t stride = p->stride[a];
    *first = beyond < 0 ? 0 : (stride == 1 ? beyond : beyond / stride) + 1;
    *last = fc_min((stride == 1 ? at : at / stride) + 1, p->output[a]);
}

/* The windows that cover `count` positions of an axis in a row, at most. */
static inline int64_t fc_windows_over(const fc_pool_job *job, int axis, int64_t count) {
    const fc_pool *p = &job->pool;
    const int64_t output = p->output[axis], kernel = p->kernel[axis], stride = p->stride[axis];
    const int64_t windows = job->adaptive
                                ? fc_scale(count, output, p->input[axis], 1) + 2
                                : count / stride + fc_min((kernel - 1) / stride, output) + 3;
    return fc_min(windows, output);
}

/* Positions by which the windows of axis `a` hang over the input, at either end at most; stride and
 * dilation are 1. */
static inline int64_t fc_overhang(const fc_pool *p, int a) {
    return fc_max(p->pad[a], p->output[a] - 1 - p->pad[a] + p->kernel[a] - p->input[a]);
}

#endif
