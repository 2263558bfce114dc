/* Depthwise convolution, channels last: the channels in the vectors. See depthwise.c. */
#ifndef FC_CONV_DEPTHWISE_H
#define FC_CONV_DEPTHWISE_H

#include "correlation.h"

/* Whether a correlation is one that these functions serve. */
int fc_is_depthwise(const fc_correlation *c);

fc_status fc_depthwise_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call);
/* The same for several that write different elements of one output. */
fc_status fc_depthwise_correlate_all(const fc_correlation *c, int n, const void *x, const void *w,
                                     const void *bias, void *y, const fc_call *call);
/* gw = the gradient with respect to the weight, gy standing where the correlation has its output.
 */
fc_status fc_depthwise_grad_weight(const fc_correlation *c, const void *x, const void *gy, void *gw,
                                   const fc_call *call);
int64_t fc_depthwise_scratch(const fc_correlation *c, int threads);

#endif
