/* Beyond the ends of a line. See border.c. */
#ifndef FC_FILTER_BORDER_H
#define FC_FILTER_BORDER_H

#include "../fastconv.h"

/* Which of n > 0 elements stands at place i of the extended line; -1: the constant. */
int64_t fc_border_index(fc_border border, int64_t i, int64_t n);

#endif
