/* What a filter is computed in. See work.c. */
#ifndef FC_FILTER_WORK_H
#define FC_FILTER_WORK_H

#include "../fastconv.h"
#include "../kernels/filter_table.h"

typedef struct fc_work {
    fc_element type;     /* of the arithmetic */
    int64_t size;        /* of it in bytes */
    fc_convert_fn bring; /* from the input's type; NULL: it is the same */
    fc_convert_fn store; /* to the output's; NULL: it is the same */
    fc_taps_fn run;
    fc_rows_fn rows;   /* NULL: there is none */
    fc_dense_fn dense; /* of sums; NULL: there is none */
    fc_pairs_fn pairs; /* of exact sums */
    unsigned char constant[8];
} fc_work;

/* For `op` over a window of `size` elements, of which `line` lie in one line. `weights`, `terms` of
 * them, are read for FC_WINDOW_SUM. */
fc_work fc_work_choose(fc_element in, fc_element out, fc_window_op op, int64_t terms,
                       const double *weights, double cval);
/* Convert negative numbers by way of their magnitude, as SciPy does for windows and not for lines:
 * it shows below -2^63. */
void fc_work_by_magnitude(fc_work *w, fc_element out);
/* For sums in an integer type's own arithmetic. */
fc_work fc_work_wrapping(fc_element type, double cval);
/* `count` weights in the type of the arithmetic. */
void fc_work_weights(const fc_work *w, const double *weights, int64_t count, void *to);

#endif
