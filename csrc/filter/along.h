/* A pass along a line. See along.c. */
#ifndef FC_FILTER_ALONG_H
#define FC_FILTER_ALONG_H

#include "pass.h"

/* Scratch for lines of so many places of `step` elements. */
int64_t fc_along_bytes(const fc_pass_run *p, int64_t places, int64_t step);
/* Place i of `out` from the places i <= j < i + size of `line`, for 0 <= i < places. So for `count`
 * lines, `apart` bytes from one to the next, and what is made of them out_apart. */
void fc_along(const fc_pass_run *p, const void *line, int64_t places, int64_t step, int count,
              int64_t apart, void *out, int64_t out_apart, void *scratch);

#endif
