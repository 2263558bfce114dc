/* A convolution problem as the user gave it: is it valid, and how large is it? See problem.c. */
#ifndef FC_PROBLEM_H
#define FC_PROBLEM_H

#include "../fastconv.h"

fc_status fc_conv_validate(const fc_conv *p);
/* The same for an input gradient, where `output` may be smaller than the problem gives. */
fc_status fc_conv_validate_transposed(const fc_conv *p);
/* For fc_unfold and fc_fold: geometry and channels only. */
fc_status fc_columns_validate(const fc_conv *p);

static inline int64_t fc_volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

#endif
