/* The one problem that the engine computes. A forward convolution is one correlation; an input
 * gradient (a transposed convolution) of stride s is one for each output phase, each with the taps
 * that reach it. See correlation.c. */
#ifndef FC_CORRELATION_H
#define FC_CORRELATION_H

#include "../kernels/kernels.h"

/* One spatial axis. Output o sums over taps t < taps the input at o*stride + offset + t*offset_step
 * (offset_step >= 0), times the weight at weight + t*weight_step, and lands at start + o*step of an
 * array axis of length `size`. */
typedef struct fc_axis {
    int64_t in, out, stride;
    int64_t taps, offset, offset_step;
    int64_t weight, weight_step;
    int64_t start, step, size;
} fc_axis;

/* Whether the axis might as well not be there. */
static inline int fc_axis_is_flat(const fc_axis *a) {
    return a->taps == 1 && a->in == 1 && a->out == 1 && a->offset == 0 && a->size == 1;
}

/* Of `taps` taps from `first_tap` on: how many come before the input at output o, and so at none
 * behind it; and how many before its end, and so at none in front of it. */
int64_t fc_taps_before(const fc_axis *a, int64_t first_tap, int64_t taps, int64_t o);
int64_t fc_taps_before_end(const fc_axis *a, int64_t first_tap, int64_t taps, int64_t o);
/* Of all taps, [first, end) are inside the input for output o. */
void fc_taps_inside(const fc_axis *a, int64_t o, int64_t *first, int64_t *end);
/* The taps of an output that are inside the input, on the average; of very many, all. */
double fc_axis_taps_inside(const fc_axis *a);

typedef struct fc_correlation {
    const fc_kernels *kernels;
    int64_t item; /* bytes of an element */
    fc_layout layout;
    fc_padding_mode padding_mode;
    int64_t batch, groups;
    int64_t in_channels, out_channels; /* of one group */
    fc_axis axis[3];
    int64_t w_group, w_out, w_in, w_axis[3]; /* strides of the weight, in elements */
    int clamp;
    double min, max;
} fc_correlation;

/* Products in each sum: input channels of the group times taps. */
int64_t fc_correlation_taps(const fc_correlation *c);
int64_t fc_correlation_depth(const fc_correlation *c);

/* Elements of an image: of what is read, and of what is written. */
int64_t fc_correlation_in(const fc_correlation *c);
int64_t fc_correlation_out(const fc_correlation *c);

fc_correlation fc_correlation_forward(const fc_conv *p);

/* The phases of an input gradient: those that have taps, and one that covers the whole output with
 * no taps at all (it stores bias alone), needed first where some outputs have none. */
int64_t fc_correlation_phases(const fc_conv *p);
fc_correlation fc_correlation_phase(const fc_conv *p, int64_t index);
int fc_correlation_misses_outputs(const fc_conv *p);
fc_correlation fc_correlation_without_taps(const fc_conv *p);

#endif
