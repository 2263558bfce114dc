/* Weights in float32 with the sum that they have in double. */
#ifndef FC_FILTER_ROUNDED_H
#define FC_FILTER_ROUNDED_H

#include <stdint.h>

void fc_round_weights(const double *weights, int64_t count, float *to);

#endif
