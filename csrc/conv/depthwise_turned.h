/* Depthwise convolution, channels first, turned to channels last and back: see
 * depthwise_turned.c. */
#ifndef FC_CONV_DEPTHWISE_TURNED_H
#define FC_CONV_DEPTHWISE_TURNED_H

#include "correlation.h"

/* Channels first, one input channel a group, padded with zeros, outputs next to each other. */
int fc_depthwise_turns(const fc_correlation *c);
fc_status fc_depthwise_turned_correlate(const fc_correlation *c, const void *x, const void *w,
                                        const void *bias, void *y, const fc_call *call);
/* The taps of an output that are not in the padding, on the average. */
double fc_depthwise_taps_inside(const fc_correlation *c);
/* What one image should take on one thread, in nanoseconds. */
double fc_depthwise_turned_ns(const fc_correlation *c);
int64_t fc_depthwise_turned_scratch(const fc_correlation *c, int threads);

#endif
