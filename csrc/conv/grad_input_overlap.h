/* Input gradients of few pixels where windows overlap: see grad_input_overlap.c. */
#ifndef FC_GRAD_INPUT_OVERLAP_H
#define FC_GRAD_INPUT_OVERLAP_H

#include "../fastconv.h"

int fc_grad_input_overlap_suits(const fc_conv *p);
fc_status fc_grad_input_overlap(const fc_conv *p, const void *w, const void *gy, const void *bias,
                                void *gx, const fc_call *call);

#endif
