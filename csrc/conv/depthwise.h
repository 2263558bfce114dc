/* Depthwise convolution, channels last: the channels in the vectors. See depthwise.c. */
#ifndef FC_CONV_DEPTHWISE_H
#define FC_CONV_DEPTHWISE_H

#include "correlation.h"
#include "grad.h"

/* Whether a correlation is one that these functions serve. */
int fc_is_depthwise(const fc_correlation *c);

fc_status fc_depthwise_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call);
/* The same for several that write different elements of one output. */
fc_status fc_depthwise_correlate_all(const fc_correlation *c, int n, const void *x, const void *w,
                                     const void *bias, void *y, const fc_call *call);
/* The weight gradient, for one input channel a group, and of the other gradients those that can be
 * made along with it; they are set to NULL in `g`. `back`: what gives the input gradient. */
fc_status fc_depthwise_grad(const fc_correlation *c, const fc_correlation *back, int n, fc_grads *g,
                            const fc_call *call);
int64_t fc_depthwise_scratch(const fc_correlation *c, int threads);

#endif
