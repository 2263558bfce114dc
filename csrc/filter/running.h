/* Means with the roundings of a running sum. See running.c. */
#ifndef FC_FILTER_RUNNING_H
#define FC_FILTER_RUNNING_H

#include "../fastconv.h"

/* Whether a mean of these elements shows, as an integer, how it was added up. `small`: no sum of
 * `in` needs more bits than a double has. */
int fc_running_shows(const fc_pass *pass, fc_element in, fc_element out, double cval, int small);

/* Whether the sums of so many `elements`, and of means of them in the type `out`, are small. */
int fc_running_small(fc_element in, fc_element out, const void *elements, int64_t count,
                     int64_t size, double cval);

/* A pass over an array of outer x length x inner elements. */
fc_status fc_running_pass(const fc_pass *pass, fc_element in_type, fc_element out_type,
                          int64_t outer, int64_t length, int64_t inner, double cval, const void *in,
                          void *out, const fc_call *call);

#endif
