/* What both schedules of the kernel of depthwise rows (fc_depthwise_row) need: the lines of taps of
 * a row, and weights with the channels next to each other. See depthwise_row.c. */
#ifndef FC_CONV_DEPTHWISE_ROW_H
#define FC_CONV_DEPTHWISE_ROW_H

#include "correlation.h"

/* A kernel of one column is taken along the columns, as rows of the image turned on its side: there
 * too a pixel that was loaded serves all its taps. Whether to; and then the correlation, rows and
 * columns exchanged. */
int fc_row_lies_on_side(const fc_correlation *c);
fc_correlation fc_row_on_side(const fc_correlation *c);

/* Elements of one channel's weights, from the first to the last that a tap reads. */
int64_t fc_row_weights(const fc_correlation *c);
/* dst[element * ld + channel] of output channel k of the groups [group, group + n). */
void fc_row_turn_weights(const fc_correlation *c, char *dst, int64_t ld, const void *w, int64_t k,
                         int64_t group, int64_t n);

/* How the channels of a pixel lie: elements from one slice of the input to the next, or from that
 * of one tap inside to that of the next; from one row and pixel to the next, and from one element
 * of the weights to the next. */
typedef struct fc_row_layout {
    int64_t slice, tap_slice, row, pixel, weights;
} fc_row_layout;

/* A row without its data: `lines` has room for fc_row_lines_bytes(c). */
fc_depthwise_row fc_row_job(const fc_correlation *c, const fc_row_layout *layout, int64_t *lines);
int64_t fc_row_lines_bytes(const fc_correlation *c);
/* The lines of taps that are inside for the outputs at (depth, row), where x stands at row
 * `from` of the first slice. */
void fc_row_find_lines(const fc_correlation *c, const fc_row_layout *layout, int64_t depth,
                       int64_t row, int64_t from, fc_depthwise_row *job);
/* The outputs along one axis for which every tap is inside: [first, last). */
void fc_row_interior(const fc_axis *a, int64_t *first, int64_t *last);
/* Channels last: how many pixels of a row, taken as one, fill vectors of channels; 1 if none do. */
int64_t fc_row_repeat(const fc_correlation *c);

#endif
