/* Weights in float32 with the sum that they have in double.
 *
 * Each is rounded to the nearest number. Then the sum may be off by half a unit of the greatest,
 * times their number: every element of a smooth image would be off to the same side. So some are
 * rounded the other way, each at most once and symmetric ones together, from the greatest that
 * bring the sum closer to the least. */
#include "rounded.h"

#include <math.h>

/* `weight`, rounded to the nearest, one unit up or down. */
static float moved(float weight, double up) {
    return nextafterf(weight, up > 0.0 ? INFINITY : -INFINITY);
}

static int is_symmetric(const double *w, int64_t count) {
    for (int64_t i = 0; i < count / 2; i++)
        if (w[i] != w[count - 1 - i]) return 0;
    return 1;
}

void fc_round_weights(const double *weights, int64_t count, float *to) {
    double missing = 0.0;
    for (int64_t i = 0; i < count; i++) {
        to[i] = (float)weights[i];
        missing += weights[i] - (double)to[i];
    }
    const int symmetric = is_symmetric(weights, count);
    const int64_t free = symmetric ? (count + 1) / 2 : count;
    for (;;) { /* each turn moves one of them, and closer: to end, `missing` gets smaller */
        int64_t best = -1;
        double greatest = 0.0;
        for (int64_t i = 0; i < free; i++) {
            if (to[i] != (float)weights[i] || weights[i] == 0.0) continue;
            const int twice = symmetric && i != count - 1 - i;
            const double step = fabs((double)moved(to[i], missing) - (double)to[i]) * (1 + twice);
            if (step > greatest && step < 2.0 * fabs(missing)) greatest = step, best = i;
        }
        if (best < 0) return;
        to[best] = moved(to[best], missing);
        missing -= missing > 0.0 ? greatest : -greatest;
        if (symmetric) to[count - 1 - best] = to[best];
    }
}
