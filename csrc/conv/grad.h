/* The gradients of a convolution: see grad.c. Their problem is valid wherever these are called. */
#ifndef FC_GRAD_H
#define FC_GRAD_H

#include "correlation.h"

/* What is to be made, from what; of gx, gw and gb those that are not NULL. */
typedef struct fc_grads {
    const void *x, *w, *gy;
    void *gx, *gw, *gb;
} fc_grads;

fc_status fc_grad_input(const fc_conv *problem, const void *w, const void *gy, const void *bias,
                        void *gx, const fc_call *call);
fc_status fc_grad_weight(const fc_conv *problem, const void *x, const void *gy, void *gw,
                         const fc_call *call);
fc_status fc_grad_bias(fc_dtype dtype, fc_layout layout, int64_t batch, int64_t channels,
                       int64_t space, const void *gy, void *gb, const fc_call *call);

/* Channels first: the bytes of what the next function takes, and gb from the sum of each plane of
 * gy, [image][channel], behind which one more row is overwritten. As fc_grad_bias adds them. */
int64_t fc_grad_bias_bytes(const fc_correlation *c);
void fc_grad_bias_of_planes(const fc_correlation *c, void *sums, void *gb);

/* The correlations that give the input gradient, none of them empty; 0 where they are more than
 * `most` or leave some of it unwritten. */
int fc_grad_input_correlations(const fc_conv *problem, fc_correlation c[], int most);

#endif
