/* One pass, ready to be run.
 *
 * Means of floats are sums with the weights 1 / size: a sum of elements might overflow where their
 * mean does not. Exact means (of integers) divide an exact sum. */
#include "pass.h"

#include <math.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "element.h"

/* Windows from which a few steps over all of a line are fewer than its taps (AMD Zen 5, November
 * 2026). */
#define LARGE 12

int64_t fc_pass_bytes(const fc_pass *pass) {
    const int64_t weights = pass->op == FC_WINDOW_SUM ? pass->size : FC_LARGE_WEIGHTS;
    return fc_aligned(sizeof *pass) + fc_aligned(2 * weights * (int64_t)sizeof(double));
}

/* 1, -1 for weights against each other, or 0: as SciPy sees it, which does not look at the middle
 * one, and takes what cannot be told (Inf - Inf) for none. */
static int symmetry(const double *w, int64_t size) {
    if (size % 2 == 0) return 0;
    int same = 1, against = 1;
    for (int64_t i = 0; i < size / 2; i++) {
        same = same && !(fabs(w[i] - w[size - 1 - i]) > 0x1p-52);
        against = against && !(fabs(w[i] + w[size - 1 - i]) > 0x1p-52);
    }
    return same ? 1 : against ? -1 : 0;
}

/* Weights of exact sums: the middle one, or the last, goes to the front. */
static void set_exact_order(fc_pass_run *p, double *w) {
    const int64_t size = p->pass->size;
    p->sign = symmetry(w, size);
    p->way = p->sign ? FC_PASS_PAIRS : FC_PASS_LAST;
    const int64_t front = p->sign ? size / 2 : size - 1;
    const double first = w[front];
    memmove(w + 1, w, (size_t)front * sizeof *w);
    w[0] = first;
}

double fc_pass_share(const fc_pass_run *p) { return p->divide ? 1.0 : 1.0 / (double)p->terms; }

/* The weights in double; how many. */
static int64_t set_weights(const fc_pass_run *p, double *w) {
    const int64_t size = p->pass->size;
    const double each = fc_pass_share(p);
    if (p->pass->op == FC_WINDOW_SUM) memcpy(w, p->pass->weights, (size_t)size * sizeof *w);
    if (p->pass->op != FC_WINDOW_MEAN) return p->pass->op == FC_WINDOW_SUM ? size : 0;
    const int64_t count = p->way == FC_PASS_LARGE ? FC_LARGE_WEIGHTS : size;
    for (int64_t i = 0; i < count; i++) w[i] = each;
    if (p->way == FC_PASS_LARGE)
        for (int64_t i = 1; i <= FC_LARGE_ONES; i++) w[i] = 1.0;
    return count;
}

/* The weights as they are worked with. Those of a large mean are no window's. */
static void set_work_weights(const fc_pass_run *p, const double *w, int64_t count, void *to) {
    if (p->way != FC_PASS_LARGE) {
        fc_work_weights(&p->work, w, count, to);
        return;
    }
    float *plain = to;
    for (int64_t i = 0; i < count; i++) plain[i] = (float)w[i];
}

fc_pass_run fc_pass_ready(const fc_pass *pass, int64_t length, fc_element in, fc_element out,
                          double cval, void *memory) {
    fc_pass *kept = memory;
    double *w = (double *)((char *)memory + fc_aligned(sizeof *pass));
    fc_pass_run p = {.pass = kept, .terms = pass->size, .way = FC_PASS_TAPS};
    *kept = *pass;
    const int folded = fc_fold_window(kept, length, p.repeats);
    p.repeated = folded && pass->op == FC_WINDOW_MEAN;
    p.work = fc_work_choose(in, out, pass->op, pass->size, pass->weights, cval);
    p.divide = pass->op == FC_WINDOW_MEAN && !fc_element_real(out);
    if (pass->op != FC_WINDOW_SUM && (pass->size > LARGE || folded)) p.way = FC_PASS_LARGE;
    const int64_t count = set_weights(&p, w);
    if (p.work.pairs && pass->op == FC_WINDOW_SUM) set_exact_order(&p, w);
    p.weights = w;
    if (count && p.work.type != FC_FLOAT64) {
        set_work_weights(&p, w, count, w + count);
        p.weights = w + count;
    }
    if (p.way == FC_PASS_TAPS && pass->size > 1) p.rows = p.work.rows;
    return p;
}

void fc_pass_divide(const fc_pass_run *p, void *sums, int64_t count) {
    const fc_dtype type = p->work.type == FC_FLOAT32 ? FC_F32 : FC_F64;
    fc_kernels_for(type)->filter->divide(sums, (double)p->terms, count);
}

#define ADD(type)                                                                                  \
    for (int64_t i = 0; i < count; i++) ((type *)sums)[i] += ((const type *)row)[i] * (type)by

void fc_pass_add(const fc_pass_run *p, const void *row, double by, int64_t count, void *sums) {
    if (p->work.type == FC_FLOAT32) ADD(float);
    else ADD(double);
}

int64_t fc_pass_pointers(const fc_pass *pass) { return pass->size + 1; }

void fc_pass_apply(const fc_pass_run *p, const void *const *taps, const void **spare, int64_t width,
                   void *out) {
    const int64_t size = p->pass->size, half = size / 2;
    if (p->way == FC_PASS_TAPS) {
        p->work.run(taps, p->weights, size, width, out);
    } else if (p->way == FC_PASS_LAST) {
        spare[0] = taps[size - 1];
        for (int64_t i = 0; i < size - 1; i++) spare[i + 1] = taps[i];
        p->work.run(spare, p->weights, size, width, out);
    } else { /* the middle; then from without inwards */
        spare[0] = taps[half];
        for (int64_t i = 0; i < half; i++) {
            spare[2 * i + 1] = taps[i];
            spare[2 * i + 2] = taps[size - 1 - i];
        }
        p->work.pairs(spare, p->weights, half, p->sign, width, out);
    }
    if (p->divide) fc_pass_divide(p, out, width);
}

fc_lines fc_pass_lines(const fc_pass_run *p, fc_element from, int64_t length, int64_t step) {
    fc_lines l = {.length = length,
                  .step = step,
                  .from_size = fc_element_size(from),
                  .to_size = p->work.size,
                  .convert = p->work.bring,
                  .border = p->pass->border};
    memcpy(l.constant, p->work.constant, sizeof l.constant);
    return l;
}
