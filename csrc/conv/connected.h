/* Fully connected layers, and the convolutions that are one: see connected.c and connected_grad.c. */
#ifndef FC_CONNECTED_H
#define FC_CONNECTED_H

#include "correlation.h"

/* y[n, g * out + o] = clamp(bias[g * out + o] + sum over i < in of x[n, g * in + i] * w[g * out + o, i])
 * for n < rows, g < groups, o < out. */
typedef struct fc_connected {
    const fc_kernels *kernels;
    int64_t item; /* bytes of an element */
    int64_t rows, groups, in, out;
    const char *x, *w, *bias; /* bias: or NULL */
    char *y;
    int clamp;
    double min, max;
} fc_connected;

fc_status fc_connected_run(const fc_connected *d, const fc_call *call);

/* Whether a correlation is that: one output pixel, which sees all of the input. Predicted seconds
 * for an image on one thread. */
int fc_connected_suits(const fc_correlation *c);
double fc_connected_cost(const fc_correlation *c);
fc_status fc_connected_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call);

/* Their gradients: of rows of x, gx and gy, [n][g * in + i] and [n][g * out + o]. */
typedef struct fc_connected_grad {
    const fc_kernels *kernels;
    int64_t item; /* bytes of an element */
    int64_t rows, groups, in, out;
    const char *x, *w, *gy; /* x for gw, w for gx */
    const char *bias;       /* added to gx, for each of a row; or NULL */
    int clamp;              /* gx */
    double min, max;
} fc_connected_grad;

fc_status fc_connected_grad_input(const fc_connected_grad *d, char *gx, const fc_call *call);
fc_status fc_connected_grad_weight(const fc_connected_grad *d, char *gw, const fc_call *call);

/* Whether the gradients of a convolution are that. */
int fc_connected_grad_suits(const fc_conv *p);
fc_status fc_connected_conv_grad_input(const fc_conv *p, const void *w, const void *gy,
                                       const void *bias, void *gx, const fc_call *call);
fc_status fc_connected_conv_grad_weight(const fc_conv *p, const void *x, const void *gy, void *gw,
                                        const fc_call *call);

#endif
