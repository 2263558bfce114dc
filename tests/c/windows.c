/* Passes by their definition; see windows.h. */
#include "windows.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct window {
    double sum, magnitude, largest, smallest;
    int has_nan;
} window;

static window look(const fc_pass *pass, const window_lines *l, int64_t i) {
    const int64_t at = i / l->inner % l->length;
    window w = {0.0, 0.0, -HUGE_VAL, HUGE_VAL, 0};
    for (int64_t j = 0; j < pass->size; j++) {
        const int64_t place = border_walk(pass->border, at + j - pass->offset, l->length);
        const int64_t source = i + (place - at) * l->inner;
        const double x = place < 0 ? l->cval : element_get(l->from, source);
        const double weight = pass->op == FC_WINDOW_SUM ? pass->weights[j] : 1.0;
        w.sum += x * weight;
        w.magnitude += (place < 0 ? fabs(l->cval) : l->magnitudes[source]) * fabs(weight);
        w.largest = x > w.largest ? x : w.largest;
        w.smallest = x < w.smallest ? x : w.smallest;
        w.has_nan |= isnan(x);
    }
    return w;
}

double window_result(const fc_pass *pass, const window_lines *lines, int64_t i, double *magnitude) {
    const window w = look(pass, lines, i);
    *magnitude = w.magnitude;
    switch (pass->op) {
    case FC_WINDOW_MAX: return w.has_nan ? NAN : w.largest;
    case FC_WINDOW_MIN: return w.has_nan ? NAN : w.smallest;
    case FC_WINDOW_MEAN: *magnitude /= (double)pass->size; return w.sum / (double)pass->size;
    default: return w.sum;
    }
}

int window_agrees(const elements *got, const elements *want, int64_t i, double magnitude) {
    const int64_t size = fc_element_size(got->type);
    if (!fc_element_real(got->type))
        return memcmp(got->data + i * size, want->data + i * size, (size_t)size) == 0;
    const double a = element_get(got, i), b = element_get(want, i);
    if (!isfinite(a) || !isfinite(b)) return !isfinite(a) && !isfinite(b);
    return fabs(a - b) <= magnitude * (got->type == FC_FLOAT32 ? 3e-5 : 1000 * DBL_EPSILON);
}
