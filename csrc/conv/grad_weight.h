/* The ways to a gradient with respect to the weight: see grad_weight.c. */
#ifndef FC_GRAD_WEIGHT_H
#define FC_GRAD_WEIGHT_H

#include "correlation.h"

/* Predicted seconds on one thread, and the gradient itself: `problem` is valid and not empty. */
double fc_grad_weight_pixels_cost(const fc_conv *problem);
fc_status fc_grad_weight_pixels(const fc_conv *problem, const void *x, const void *gy, void *gw,
                                const fc_call *call);
double fc_grad_weight_dot_cost(const fc_conv *problem);
fc_status fc_grad_weight_dot(const fc_conv *problem, const void *x, const void *gy, void *gw,
                             const fc_call *call);

/* Winograd's algorithm: NULL, or why it cannot serve; *overflow: some sums are not finite, and all
 * have to be made again in another way. */
const char *fc_grad_weight_winograd_accepts(const fc_correlation *c);
double fc_grad_weight_winograd_cost(const fc_correlation *c);
fc_status fc_grad_weight_winograd(const fc_correlation *c, const void *x, const void *gy, void *gw,
                                  int *overflow, const fc_call *call);

#endif
