/* Depthwise convolution, channels first: see depthwise_planes.c. */
#ifndef FC_CONV_DEPTHWISE_PLANES_H
#define FC_CONV_DEPTHWISE_PLANES_H

#include "correlation.h"

int fc_is_depthwise_planes(const fc_correlation *c);

/* `n` correlations that write different elements of one output. */
fc_status fc_depthwise_planes_correlate(const fc_correlation *c, int n, const void *x,
                                        const void *w, const void *bias, void *y,
                                        const fc_call *call);
/* For one input channel a group. */
fc_status fc_depthwise_planes_grad_weight(const fc_correlation *c, const void *x, const void *gy,
                                          void *gw, const fc_call *call);
int64_t fc_depthwise_planes_scratch(const fc_correlation *c, int threads);

#endif
