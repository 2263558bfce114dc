/* Lines of an array, brought to where they are worked on: converted, and extended beyond their
 * ends. See lines.c. */
#ifndef FC_FILTER_LINES_H
#define FC_FILTER_LINES_H

#include "../fastconv.h"
#include "../kernels/filter_table.h"

/* A line has `length` places of `step` elements each: the pixels of a row and their colours. */
typedef struct fc_lines {
    int64_t length, step;
    int64_t from_size, to_size; /* bytes of an element */
    fc_convert_fn convert;      /* NULL: elements are copied */
    fc_border border;
    unsigned char constant[8]; /* what FC_CONSTANT means, as it is worked on */
} fc_lines;

/* The places first <= i < last of the extended line; of nothing but the constant, where `line` is
 * NULL. */
void fc_line_bring(const fc_lines *l, const void *line, int64_t first, int64_t last, void *to);

/* `to` has the places first <= i < last, and of these all that lie within the line are there
 * already: what lies beyond its ends is added. All of the line is there, if last > first. So for
 * `count` lines, `apart` bytes from one to the next. */
void fc_lines_extend(const fc_lines *l, int64_t first, int64_t last, int count, int64_t apart,
                     void *to);

#endif
