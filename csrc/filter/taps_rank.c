/* Windows that are the product of one for each axis, such as a Gaussian in two dimensions: they run
 * as passes, a term an axis' element instead of one an element of the window.
 *
 * The products need to be the window's weights but for roundings, far within what float32 (1e-5 of
 * the sum of the terms' magnitudes) or double may differ. Weights that are whole numbers are
 * products of whole numbers: sums of whole numbers stay exact, and small integers wrap around to
 * the same. No weight may be 0, as Inf and NaN must come through alike; and factors that are not
 * whole are scaled so that no pass has larger sums than the array has elements. */
#include <math.h>

#include "../runtime/scratch.h"
#include "element.h"
#include "taps.h"

#define GAIN                                                                                       \
    2.5 /* terms, from which on passes are faster: 5 x 5, 3 x 3 x 3 (Zen 5, November 2026) */
#define PASS_TERMS 150 /* of float32: all passes' roundings are within the bound */

typedef struct factors {
    int whole; /* all weights are */
    int axes, axis[FC_FILTER_DIMS];
    double *of[FC_FILTER_DIMS]; /* of each axis, for each of its elements */
} factors;

static int could_be(const fc_footprint *p, factors *f) {
    if (p->op != FC_WINDOW_SUM || p->weight != FC_FLOAT64 || p->in != p->out) return 0;
    if (!fc_element_real(p->in) && (p->in < FC_INT8 || p->in > FC_UINT16)) return 0;
    double product = 1.0, sum = 0.0;
    f->axes = 0;
    for (int a = 0; a < p->ndim; a++) {
        if (p->out_shape[a] != p->shape[a]) return 0;
        if (p->window[a] == 1 && p->offset[a] == 0) continue;
        if (p->border[a] == FC_CONSTANT && p->cval != 0.0) return 0;
        f->axis[f->axes++] = a;
        product *= (double)p->window[a];
        sum += (double)p->window[a];
    }
    if (p->in == FC_FLOAT32 && sum > PASS_TERMS) return 0;
    return f->axes > 1 && product >= GAIN * sum;
}

/* Which weight is the largest; -1 where one is none, or not an ordinary number, or where sums of
 * integers would not wrap around alike. */
static int64_t find_pivot(const fc_footprint *p, const double *w, int64_t count, factors *f) {
    int64_t pivot = 0;
    double sum = 0.0;
    f->whole = 1;
    for (int64_t i = 0; i < count; i++) {
        if (!(fabs(w[i]) > 0x1p-52 && fabs(w[i]) < 0x1p52)) return -1;
        if (fabs(w[i]) > fabs(w[pivot])) pivot = i;
        f->whole = f->whole && w[i] == rint(w[i]);
        sum += fabs(w[i]);
    }
    if (fc_element_real(p->in)) return pivot;
    return f->whole && sum * 65536.0 < 0x1p31 ? pivot : -1;
}

/* The greatest number that all of `n` whole numbers are multiples of. */
static double common_divisor(const double *w, int64_t n, int64_t stride) {
    double divisor = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double rest = fabs(w[i * stride]);
        while (rest != 0.0) {
            const double smaller = fmod(divisor, rest);
            divisor = rest;
            rest = smaller;
        }
    }
    return divisor;
}

/* Each axis' factors are the weights along it through the pivot, as parts of that, or as whole
 * numbers without a common divisor. Gives what all products are to be multiplied with. */
static double set_factors(const fc_footprint *p, const double *w, int64_t pivot, factors *f,
                          double *to) {
    double scale = w[pivot];
    int64_t stride = 1;
    for (int a = p->ndim - 1, i = f->axes - 1; i >= 0; stride *= p->window[a--]) {
        if (a != f->axis[i]) continue;
        const int64_t n = p->window[a];
        const double *first = w + pivot - pivot / stride % n * stride;
        const double by = f->whole ? common_divisor(first, n, stride) : w[pivot];
        for (int64_t k = 0; k < n; k++) to[k] = first[k * stride] / by;
        scale /= w[pivot] / by;
        f->of[i--] = to;
        to += n;
    }
    return scale;
}

static int agrees(const fc_footprint *p, const double *w, int64_t count, double scale,
                  const factors *f) {
    const double most = f->whole ? 0.0 : f->axes * (p->in == FC_FLOAT32 ? 0x1p-23 : 0x1p-51);
    for (int64_t i = 0; i < count; i++) {
        double product = scale;
        int64_t rest = i;
        for (int a = f->axes - 1; a >= 0; a--) {
            product *= f->of[a][rest % p->window[f->axis[a]]];
            rest /= p->window[f->axis[a]];
        }
        if (!(fabs(product - w[i]) <= most * fabs(w[i]))) return 0;
    }
    return 1;
}

/* By powers of two, the last axis making up for it. */
static void scale_factors(const fc_footprint *p, double scale, factors *f) {
    for (int a = 0; a < f->axes; a++) {
        const int64_t n = p->window[f->axis[a]];
        double sum = 0.0;
        int exponent;
        for (int64_t k = 0; k < n; k++) sum += fabs(f->of[a][k]);
        (void)frexp(sum, &exponent);
        const double by = a == f->axes - 1 ? scale : f->whole ? 1.0 : ldexp(1.0, -exponent);
        for (int64_t k = 0; k < n; k++) f->of[a][k] *= by;
        scale /= by;
    }
}

int fc_taps_as_passes(const fc_footprint *p, const void *in, const double *weights, void *out,
                      const fc_call *call, fc_status *status) {
    factors f;
    if (!could_be(p, &f)) return 0;
    int64_t count = 1, terms = 0;
    for (int a = 0; a < p->ndim; a++) count *= p->window[a], terms += p->window[a];
    const int64_t pivot = find_pivot(p, weights, count, &f);
    if (pivot < 0) return 0;
    double *memory = fc_scratch(terms * (int64_t)sizeof *memory);
    if (!memory) return 0;
    const double scale = set_factors(p, weights, pivot, &f, memory);
    const int alike = agrees(p, weights, count, scale, &f);
    if (alike) {
        fc_pass pass[FC_FILTER_DIMS];
        scale_factors(p, scale, &f);
        for (int i = 0; i < f.axes; i++) {
            const int a = f.axis[i];
            pass[i] = (fc_pass){.axis = a,
                                .op = FC_WINDOW_SUM,
                                .border = p->border[a],
                                .size = p->window[a],
                                .offset = p->offset[a],
                                .weights = f.of[i]};
        }
        *status = fc_filter_passes(p->in, p->out, p->ndim, p->shape, in, f.axes, pass, p->cval, out,
                                   call);
    }
    fc_scratch_free(memory);
    return alike;
}
