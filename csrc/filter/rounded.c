/* Weights in float32 with the sum that they have in double.
 *
 * Each is rounded to the nearest number. Then the sum may be off by half a unit of the greatest,
 * times their number: every element of a smooth image would be off to the same side. So some are
 * rounded the other way, each at most once and symmetric ones together, from the greatest that
 * bring the sum closer to the least. */
#include "rounded.h"

#include <float.h>
#include <math.h>

int fc_float_holds(const double *weights, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const double w = fabs(weights[i]);
        if ((w > 0.0 && w < (double)FLT_MIN) || (w > (double)FLT_MAX && w < HUGE_VAL)) return 0;
    }
    return 1;
}

/* `weight`, rounded to the nearest, one unit up or down. */
static float moved(float weight, double up) {
    return nextafterf(weight, up > 0.0 ? INFINITY : -INFINITY);
}

static int is_symmetric(const double *w, int64_t count) {
    for (int64_t i = 0; i < count / 2; i++)
        if (w[i] != w[count - 1 - i]) return 0;
    return 1;
}

typedef struct rounding {
    const double *weights;
    float *to;
    int64_t count;
    int symmetric;
    double missing; /* of the sum */
} rounding;

/* By how much the sum changes if weight i is rounded the other way, towards what is missing; 0 if
 * it has been, or is to stay as it is. */
static double step(const rounding *r, int64_t i) {
    if (r->to[i] != (float)r->weights[i] || r->weights[i] == 0.0) return 0.0;
    const int twice = r->symmetric && i != r->count - 1 - i;
    return fabs((double)moved(r->to[i], r->missing) - (double)r->to[i]) * (1 + twice);
}

static void move(rounding *r, int64_t i, double by) {
    r->to[i] = moved(r->to[i], r->missing);
    r->missing -= r->missing > 0.0 ? by : -by;
    if (r->symmetric) r->to[r->count - 1 - i] = r->to[i];
}

void fc_round_weights(const double *weights, int64_t count, float *to) {
    rounding r = {weights, to, count, is_symmetric(weights, count), 0.0};
    for (int64_t i = 0; i < count; i++) {
        to[i] = (float)weights[i];
        r.missing += weights[i] - (double)to[i];
    }
    const int64_t free = r.symmetric ? (count + 1) / 2 : count;
    for (;;) { /* each turn brings the sum closer: to end, `missing` gets smaller */
        int64_t best = -1;
        double greatest = 0.0;
        for (int64_t i = 0; i < free; i++) {
            const double by = step(&r, i);
            if (by > greatest && by < 2.0 * fabs(r.missing)) greatest = by, best = i;
        }
        if (best < 0) return;
        const int up = r.missing > 0.0;
        for (int64_t i = best; i < free && greatest < 2.0 * fabs(r.missing); i++)
            if (up == (r.missing > 0.0) && step(&r, i) == greatest) move(&r, i, greatest);
    }
}
