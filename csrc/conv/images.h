/* A correlation with the images of a batch in the vectors. See images.c. */
#ifndef FC_IMAGES_H
#define FC_IMAGES_H

#include "blocking.h"

/* Whether it takes little memory and is foreseen to be faster than `b`, for finite weights. */
int fc_images_suits(const fc_correlation *c, const fc_blocking *b);
/* Whether the weights are finite. Those that are not need the taps in the padding, which are left
 * out here: then another form has to do it. */
int fc_images_serves(const fc_correlation *c, const void *w);

/* Gives the bytes of every other form. */
fc_status fc_images_correlate(const fc_correlation *c, const void *x, const void *w,
                              const void *bias, void *y, const fc_call *call);
/* The scratch it asks for. */
int64_t fc_images_scratch(const fc_correlation *c, int threads);

#endif
