/* Weights in float32 with the sum that they have in double. */
#ifndef FC_FILTER_ROUNDED_H
#define FC_FILTER_ROUNDED_H

#include <stdint.h>

/* Whether float32 has them all, but for the last bit: none is too large for it, or so small that it
 * has fewer bits. */
int fc_float_holds(const double *weights, int64_t count);

void fc_round_weights(const double *weights, int64_t count, float *to);

#endif
