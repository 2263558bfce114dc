/* A pass down rows. See across.c. */
#ifndef FC_FILTER_ACROSS_H
#define FC_FILTER_ACROSS_H

#include "pass.h"

/* Who is given the rows of the result: `place` says where row y is to be put, `take` is told that
 * it is there. As many rows as FC_FILTER_ROWS are put in place before they are taken. */
typedef struct fc_rows_out {
    void *(*place)(void *context, int64_t y, int slot);
    void (*take)(void *context, int64_t y, void *row);
    void *context;
} fc_rows_out;

/* Scratch for rows of `width` elements. */
int64_t fc_across_bytes(const fc_pass_run *p, int64_t width);
/* Rows first <= y < last of the result. `row`: how a row is read, which is one place of `width`
 * elements; `in`: row 0 of `count`, row_bytes apart. */
void fc_across(const fc_pass_run *p, const fc_lines *row, const char *in, int64_t count,
               int64_t row_bytes, int64_t width, int64_t first, int64_t last,
               const fc_rows_out *out, void *scratch);

#endif
