/* Input gradients where windows stand side by side: see grad_input_disjoint.c. */
#ifndef FC_GRAD_INPUT_DISJOINT_H
#define FC_GRAD_INPUT_DISJOINT_H

#include "../fastconv.h"

int fc_grad_input_disjoint_suits(const fc_conv *p);
fc_status fc_grad_input_disjoint(const fc_conv *p, const void *w, const void *gy, const void *bias,
                                 void *gx, const fc_call *call);

#endif
