/* The two ways to a gradient with respect to the weight: see grad_weight.c. */
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

#endif
