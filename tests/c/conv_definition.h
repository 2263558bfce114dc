/* Convolution and its gradients by their definition, in double: what their tests compare with. */
#ifndef FC_TEST_CONV_DEFINITION_H
#define FC_TEST_CONV_DEFINITION_H

#include "arrays.h"

enum { FORWARD, GRAD_INPUT, GRAD_WEIGHT };

int64_t conv_input_count(const fc_conv *p);
int64_t conv_output_count(const fc_conv *p);
int64_t conv_weight_count(const fc_conv *p);
int64_t conv_outputs(const fc_conv *p, int i); /* along axis i; 0: the kernel has no room */

/* The input position of tap `t` of output `o`; 0 where it is a zero of the padding. */
int conv_source(const fc_conv *p, const int64_t o[3], const int64_t t[3], int64_t position[3]);

/* One product, and its absolute value, added to element i of both sums. */
void conv_accumulate(double *sum, double *magnitude, int64_t i, double a, double b);

/* Every product of the result's sum, once, added to where it wants it: arrays that it computes
 * are not read. */
void conv_define(const fc_conv *p, int result, const array *x, const array *w, const array *y,
                 double *sum, double *magnitude);

/* Bias (or NULL) and clamp of an (n, channels, space) array in the problem's layout. */
void conv_finish(const fc_conv *p, int64_t channels, int64_t space, const array *bias, double *sum,
                 double *magnitude);

#endif
