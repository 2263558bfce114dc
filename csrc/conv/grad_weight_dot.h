/* A weight gradient as dot products, in hand: what the files grad_weight_dot*.c share (see
 * grad_weight_dot.c). */
#ifndef FC_GRAD_WEIGHT_DOT_H
#define FC_GRAD_WEIGHT_DOT_H

#include "pieces.h"

/* How the problem is cut, and what all items share. */
typedef struct fc_dots {
    fc_correlation c;
    int x_in_place, gy_in_place;
    fc_pieces pieces;
    fc_units units;
    int64_t units_together; /* that an item does, one after another */
    int64_t chunks, chunk_pieces;
    int64_t lines_at, offsets_at, bytes; /* scratch of a worker */
    const char *x, *gy;
    char *gw, *partial, *scratch;
} fc_dots;

/* Lines of pixels that are summed one after another. */
typedef struct fc_segments {
    int64_t count, x_step, line_step; /* from one to the next in x and in gy */
    int64_t length;                   /* pixels of each, with those between two rows */
} fc_segments;

fc_dots fc_dots_of(const fc_conv *problem);

/* Elements of the whole gradient. */
int64_t fc_dots_elements(const fc_dots *r);

/* The plane of x that a box of pixels needs; and where the segments of a piece lie in it and in the
 * lines of gy: the images, or the slices of depth. */
fc_plane fc_dots_plane(const fc_dots *r, const fc_box *box, const fc_taps *taps);
fc_segments fc_dots_segments(const fc_dots *r, const fc_box *box, const fc_plane *plane);

#endif
