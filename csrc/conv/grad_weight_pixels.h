/* A weight gradient as outer products, in hand: what the files grad_weight_pixels*.c share (see
 * grad_weight_pixels.c). */
#ifndef FC_GRAD_WEIGHT_PIXELS_H
#define FC_GRAD_WEIGHT_PIXELS_H

#include "pieces.h"
#include "problem.h"

/* Strides of x or gy as the kernel reads them, in elements. */
typedef struct fc_operand {
    int64_t group, channel, image, pixel[3], tap[3];
} fc_operand;

/* How the problem is cut, and what all items share. */
typedef struct fc_pixels {
    fc_correlation c;       /* 1x1 without padding: pixels in one line */
    int exchanged, direct;  /* x and gy are; sums in the gradient itself */
    int x_collides;         /* its elements with each other in the L1 */
    int x_shared;           /* brought once, for all items */
    int x_ready, gy_ready;  /* that, or read in place; else every item brings its own */
    fc_operand x_as, gy_as; /* where they are ready */
    fc_pieces pieces;
    fc_units units;
    int64_t units_together; /* that an item does, one after another */
    int64_t chunks, chunk_pieces;
    int64_t ld, unit_elements; /* of the sums of a unit */
    int width, along_taps;     /* of a tile: vectors, and whether rows are taps */
    int by_taps;               /* each tap with the pixels that it sees the input at, one by one */
    int64_t plane_at, lines_at, sums_at, offsets_at, bytes; /* scratch of a worker */
    const char *x, *gy, *x_data;                            /* _data: ready */
    char *x_copy, *gw, *partial, *scratch;
} fc_pixels;

typedef struct fc_pixels_item {
    const fc_pixels *run;
    fc_box box;
    fc_unit unit;
    fc_operand x_as;
    int64_t pixel, pixels;               /* of the piece: those of a panel */
    const char *x, *gy;                  /* as the kernel reads them */
    int64_t *x_offset, *gy_offset;       /* of each pixel of the piece */
    const int64_t *x_listed, *gy_listed; /* of those that are summed: all, or a tap's */
    char *plane, *lines, *sums;
    int64_t ld;
    int first;
} fc_pixels_item;

/* A worker's lists of offsets, each for all pixels of a piece: of x and gy, and a tap's of both. */
#define FC_PIXEL_LISTS(r) ((r)->by_taps ? 4 : 2)

/* ---- Cutting (grad_weight_pixels_cut.c) ---- */

/* Of gy, whose pixels a call of the kernel sums. */
int64_t fc_pixels_panel_bytes(const fc_pixels *r);

fc_pixels fc_pixels_of(const fc_conv *problem);
/* Smaller units, where there are fewer items than threads: no byte depends on it (1x1 of 1024 to
 * 256 channels at 14 x 14, channels last, was one item: on two threads 0.46 of the time. Intel
 * Granite Rapids, November 2026). */
void fc_pixels_occupy(fc_pixels *r, int threads);
/* Seconds on one thread. */
double fc_pixels_cost(const fc_pixels *r);
/* Multiply-adds. */
double fc_pixels_work(const fc_pixels *r);
/* Elements of the weight from one row to the next. */
int64_t fc_pixels_depth(const fc_pixels *r);

/* ---- Operands (grad_weight_pixels_bring.c) ---- */

/* The strides of x in a plane; and in planes of whole images, for all items. */
fc_operand fc_pixels_x_as(const fc_pixels *r, const fc_plane *plane);
fc_operand fc_pixels_x_shared_as(const fc_pixels *r);
/* gy in place, channels last. */
fc_operand fc_pixels_gy_as(const fc_correlation *c);
/* Everything the item's piece needs of x and gy. */
void fc_pixels_bring(fc_pixels_item *it);
/* Bring x for all items. */
fc_status fc_pixels_share(fc_pixels *r, int workers, const fc_call *call);

#endif
