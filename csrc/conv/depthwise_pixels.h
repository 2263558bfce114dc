/* Depthwise convolution, channels last: see depthwise_pixels.c. */
#ifndef FC_CONV_DEPTHWISE_PIXELS_H
#define FC_CONV_DEPTHWISE_PIXELS_H

#include "correlation.h"

fc_status fc_depthwise_pixels_correlate(const fc_correlation *c, const void *x, const void *w,
                                        const void *bias, void *y, const fc_call *call);
int64_t fc_depthwise_pixels_scratch(const fc_correlation *c, int threads);

#endif
