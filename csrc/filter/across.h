/* A pass down rows. See across.c. */
#ifndef FC_FILTER_ACROSS_H
#define FC_FILTER_ACROSS_H

#include "pass.h"

/* Who is given the rows of the result, `count` of them from row y on, FC_FILTER_ROWS or less:
 * `place` says where they are to be put, `take` is told that they are there. */
typedef struct fc_rows_out {
    void (*place)(void *context, int64_t y, int count, void **rows);
    void (*take)(void *context, int64_t y, int count, void *const *rows);
    void *context;
} fc_rows_out;

/* Scratch for an array of `count` rows of `width` elements, `rows` of the result at a time. */
int64_t fc_across_bytes(const fc_pass_run *p, int64_t count, int64_t width, int64_t rows);
/* Rows first <= y < last of the result. `row`: how a row is read, which is one place of `width`
 * elements; `in`: row 0 of `count`, row_bytes apart. */
void fc_across(const fc_pass_run *p, const fc_lines *row, const char *in, int64_t count,
               int64_t row_bytes, int64_t width, int64_t first, int64_t last,
               const fc_rows_out *out, void *scratch);

#endif
