/* Dot products of few rows of x with the rows of w, as they lie in memory: see dots.c. */
#ifndef FC_DOTS_H
#define FC_DOTS_H

#include "correlation.h"

/* y[n, g * out + o] = clamp(bias[g * out + o] + sum over i < in of x[n, g * in + i] * w[g * out + o, i])
 * for n < rows, g < groups, o < out. */
typedef struct fc_dots {
    const fc_kernels *kernels;
    int64_t item; /* bytes of an element */
    int64_t rows, groups, in, out;
    const char *x, *w, *bias; /* bias: or NULL */
    char *y;
    int clamp;
    double min, max;
} fc_dots;

fc_status fc_dots_run(const fc_dots *d, const fc_call *call);

/* Whether a correlation is that: one output pixel, which sees all of the input. Predicted seconds
 * for an image on one thread. */
int fc_dots_suits(const fc_correlation *c);
double fc_dots_cost(const fc_correlation *c);
fc_status fc_dots_correlate(const fc_correlation *c, const void *x, const void *w, const void *bias,
                            void *y, const fc_call *call);

#endif
