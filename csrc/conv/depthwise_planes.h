/* Depthwise convolution, channels first: see depthwise_planes.c. */
#ifndef FC_CONV_DEPTHWISE_PLANES_H
#define FC_CONV_DEPTHWISE_PLANES_H

#include "correlation.h"
#include "grad.h"

int fc_is_depthwise_planes(const fc_correlation *c);
/* What one image should take on one thread, in nanoseconds. */
double fc_depthwise_planes_ns(const fc_correlation *c);

/* `n` correlations that write different elements of one output. */
fc_status fc_depthwise_planes_correlate(const fc_correlation *c, int n, const void *x,
                                        const void *w, const void *bias, void *y,
                                        const fc_call *call);
int64_t fc_depthwise_planes_scratch(const fc_correlation *c, int threads);
/* fc_depthwise_grad (depthwise.h). */
fc_status fc_depthwise_planes_grad(const fc_correlation *c, const fc_correlation *back, int n,
                                   fc_grads *g, const fc_call *call);

/* A correlation, or a pair of them, that a kernel computes in place. */
typedef struct fc_planes_pass {
    const fc_correlation *c;
    fc_depthwise_planes job;
    fc_depthwise_planes_fn kernel;
    const char *x, *w, *bias;
    char *y;
} fc_planes_pass;

/* How many passes make these correlations, at most `n`; 0 where one of them is not in place. */
int fc_planes_passes(const fc_correlation *c, int n, const void *x, const void *w, const void *bias,
                     void *y, fc_planes_pass passes[]);
/* Store past the caches, where the rows' places allow it. */
void fc_planes_stream(fc_planes_pass passes[], int count);
/* Some rows (of the correlation's own) of some planes of an image. */
void fc_planes_pass_run(const fc_planes_pass *pass, int64_t image, int64_t first, int64_t planes,
                        int64_t first_row, int64_t last_row);

#endif
