/* One or two passes over an array at once. See step.c. */
#ifndef FC_FILTER_STEP_H
#define FC_FILTER_STEP_H

#include "pass.h"

/* The array is outer x rows x places x step elements: a pass down its rows, then one along the
 * places of each; either may be NULL. `out` begins with row `first_row`, and ends before last_row:
 * of every one of `outer`. */
typedef struct fc_step {
    const fc_pass_run *across, *along;
    int64_t outer, rows, places, step, first_row, last_row;
    fc_element in_type, out_type;
    const char *in;
    char *out;
} fc_step;

fc_status fc_step_run(const fc_step *step, const fc_call *call);

#endif
