/* What a filter is computed in: double, as SciPy does, or the arrays' own type where the result is
 * the same.
 *
 * - float32 to float32, where a float32 sum of so many terms is within 1e-5 of the sum of their
 *   magnitudes: (terms + 2) roundings of 2^-24 each, if float32 has the weights at all.
 * - Integers of 8 and 16 bits with whole weights: a sum that int32 holds is wrapped around by the
 *   conversion to the output's type, and wraps around to the same if it does so at every step.
 * - Maxima and minima of what double holds exactly.
 *
 * - Means of such integers: a float32 has the sum of some.
 *
 * In double, sums that will be truncated keep SciPy's order and its roundings: where a sum is meant
 * to be a whole number, the last bit decides which. But for means of integers, whose sums are exact
 * in any order. */
#include "work.h"

#include <math.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "element.h"
#include "rounded.h"

#define FLOAT_TERMS 160 /* (160 + 2) / 2^24 < 1e-5 */

static const fc_element_kernels *elements(void) { return fc_kernels_for(FC_F32)->elements; }

static fc_work native(fc_element type, fc_taps_fn run, fc_rows_fn rows, double cval) {
    fc_work w = {.type = type, .size = fc_element_size(type), .run = run, .rows = rows};
    elements()->from_double[type](&cval, w.constant, 1);
    return w;
}

static fc_work doubles(fc_element in, fc_element out, fc_window_op op, double cval) {
    const fc_filter_kernels *k = fc_kernels_for(FC_F64)->filter;
    fc_work w = {.type = FC_FLOAT64, .size = 8};
    w.bring = in == FC_FLOAT64 ? NULL : elements()->to_double[in];
    w.store = out == FC_FLOAT64 ? NULL : elements()->from_double[out];
    if (op == FC_WINDOW_MAX) w.run = k->max, w.rows = k->max_rows;
    else if (op == FC_WINDOW_MIN) w.run = k->min, w.rows = k->min_rows;
    else if (op == FC_WINDOW_MEAN || fc_element_real(out)) w.run = k->sum, w.rows = k->rows;
    else w.run = k->sum_exact;
    if (op == FC_WINDOW_SUM) w.dense = fc_element_real(out) ? k->dense : k->dense_exact;
    if (op == FC_WINDOW_SUM && !fc_element_real(out)) w.pairs = k->pairs_exact;
    memcpy(w.constant, &cval, sizeof cval);
    return w;
}

/* Whether cval is a number of the type. */
static int holds(fc_element type, double cval) {
    unsigned char bytes[8];
    double back;
    elements()->from_double[type](&cval, bytes, 1);
    elements()->to_double[type](bytes, &back, 1);
    return back == cval;
}

static int wraps_alike(fc_element type, int64_t terms, const double *weights, double cval) {
    if (type < FC_INT8 || type > FC_UINT16 || !holds(type, cval)) return 0;
    double sum = 0.0;
    for (int64_t i = 0; i < terms; i++) {
        if (weights[i] != rint(weights[i])) return 0;
        sum += fabs(weights[i]);
    }
    return sum * 65536.0 < 0x1p31;
}

/* Whether float32 has the sums of a mean exactly, and rounds none of their quotients to the next
 * whole number: that is 1 / terms away at least, and half a unit of the quotient is less. */
static int means_are_exact(fc_element in, fc_element out, int64_t terms, double cval) {
    if (in != out || in < FC_INT8 || in > FC_UINT16 || !holds(in, cval)) return 0;
    return terms <= (fc_element_size(in) == 1 ? 1 << 15 : 1 << 8);
}

static fc_work floats_between(fc_element type, double cval) {
    const fc_filter_kernels *k = fc_kernels_for(FC_F32)->filter;
    fc_work w = native(FC_FLOAT32, k->sum, k->rows, cval);
    w.bring = elements()->to_float[type];
    w.store = elements()->from_float[type];
    return w;
}

static fc_work extreme(fc_element in, fc_element out, fc_window_op op, double cval) {
    const int max = op == FC_WINDOW_MAX;
    if (in != out) return doubles(in, out, op, cval);
    if (in == FC_FLOAT64) return doubles(in, out, op, cval);
    if (in == FC_FLOAT32) {
        const fc_filter_kernels *k = fc_kernels_for(FC_F32)->filter;
        return native(in, max ? k->max : k->min, max ? k->max_rows : k->min_rows, cval);
    }
    const fc_element_kernels *k = elements();
    const fc_taps_fn run = max ? k->max[in] : k->min[in];
    if (!run || !holds(in, cval)) return doubles(in, out, op, cval);
    return native(in, run, max ? k->max_rows[in] : k->min_rows[in], cval);
}

fc_work fc_work_choose(fc_element in, fc_element out, fc_window_op op, int64_t terms,
                       const double *weights, double cval) {
    if (op == FC_WINDOW_MAX || op == FC_WINDOW_MIN) return extreme(in, out, op, cval);
    if (in == out && in == FC_FLOAT32 && terms <= FLOAT_TERMS && fc_float_holds(&cval, 1) &&
        (op != FC_WINDOW_SUM || fc_float_holds(weights, terms))) {
        const fc_filter_kernels *k = fc_kernels_for(FC_F32)->filter;
        fc_work w = native(in, k->sum, k->rows, cval);
        w.dense = k->dense;
        return w;
    }
    if (in == out && op == FC_WINDOW_SUM && wraps_alike(in, terms, weights, cval))
        return native(in, elements()->sum[in], NULL, cval);
    if (op == FC_WINDOW_MEAN && means_are_exact(in, out, terms, cval))
        return floats_between(in, cval);
    return doubles(in, out, op, cval);
}

fc_work fc_work_wrapping(fc_element type, double cval) {
    return native(type, elements()->sum[type], NULL, cval);
}

static void uint64_by_magnitude(const void *from, void *to, int64_t count) {
    const double *x = from;
    uint64_t *y = to;
    elements()->from_double[FC_UINT64](from, to, count);
    for (int64_t i = 0; i < count; i++)
        if (x[i] < -0x1p63) y[i] = x[i] > -0x1p64 ? UINT64_C(0) - (uint64_t)-x[i] : 0;
}

void fc_work_by_magnitude(fc_work *w, fc_element out) {
    if (out == FC_UINT64 && w->type == FC_FLOAT64) w->store = uint64_by_magnitude;
}

void fc_work_weights(const fc_work *w, const double *weights, int64_t count, void *to) {
    if (w->type == FC_FLOAT32) fc_round_weights(weights, count, to);
    else elements()->from_double[w->type](weights, to, count);
}
