/* Winograd's algorithm for a correlation with 3 x 3 taps of stride 1: see winograd.c. */
#ifndef FC_WINOGRAD_H
#define FC_WINOGRAD_H

#include "correlate.h"
#include "soon.h"
#include "strip.h"

/* How a correlation is cut: tiles of m x m outputs, boxes of tiles, blocks of channels (see
 * winograd_cut.c). */
typedef struct fc_winograd {
    int m, size;                          /* size: the kernels' index */
    int64_t points;                       /* (m + 2) * (m + 2) */
    int64_t tiles[2];                     /* of an image, along h and w */
    int64_t box[2], images;               /* tiles of a box, and the images in which it lies */
    int64_t boxes[2], image_boxes, count; /* boxes along h, w and the images, and in all */
    int64_t box_tiles;                    /* of the largest box */
    int64_t pitch, point;                 /* of V: from tile to tile, and from point to point */
    int64_t rows;                         /* tiles of one call of the kernel, at most */
    int64_t columns, blocks;              /* output channels of a block, blocks of a group */
    int64_t depth;                        /* input channels of a block, at most */
    int64_t boxes_at_once;                /* whose V all items share; 0: each box is an item */
    int64_t parts;  /* of a box's blocks, each an item that makes V for itself; 0: V is shared */
    int asks_ahead; /* stored U comes from the L3, and is asked for while its last part is in use */
    int stored;     /* U is made once and kept, else block by block as it is needed */

    /* Scratch of one worker, in bytes from its start. */
    int64_t strip_at, v_at, taps_at, u_at, sums_at, out_at, offsets_at, bytes;
} fc_winograd;

/* A box of tiles: of `images` images from `image`, the tiles from `first` of `size`. */
typedef struct fc_winograd_box {
    int64_t image, images, first[2], size[2];
    int64_t tiles; /* in all */
} fc_winograd_box;

/* The tiles alone; boxes of about `wanted` of them, all of the same size but for the last; the box
 * of an index. */
fc_winograd fc_winograd_tiles(const fc_correlation *c, int size);
void fc_winograd_choose_box(const fc_correlation *c, fc_winograd *w, int64_t wanted);
fc_winograd_box fc_winograd_box_at(const fc_correlation *c, const fc_winograd *w, int64_t index);

/* The correlation's input; and V of some of its channels for a box (winograd_input.c). */
typedef struct fc_winograd_channels {
    int64_t first, count; /* FC_STRIP at most; counted over all groups */
} fc_winograd_channels;
fc_images fc_winograd_images(const fc_correlation *c, const void *x);
void fc_winograd_input_box(const fc_correlation *c, const fc_winograd *w,
                           const fc_winograd_box *box, const fc_images *x,
                           const fc_winograd_channels *channels, void *strip, void *v);

/* NULL, or why Winograd's algorithm cannot serve. */
const char *fc_winograd_accepts(const fc_correlation *c);
/* Whether it should be considered where nobody asked for it. */
int fc_winograd_suits(const fc_correlation *c);
/* The best cut, for one call or (`planned`) for weights that are packed once; and its predicted
 * seconds on one thread. */
fc_winograd fc_winograd_best(const fc_correlation *c, int planned);
/* The cut as so many threads go about it: parts. No byte depends on it. */
fc_winograd fc_winograd_for(const fc_correlation *c, const fc_winograd *w, int packed, int threads);
/* Of the V of one box. */
int64_t fc_winograd_v_bytes(const fc_correlation *c, const fc_winograd *w);
double fc_winograd_cost(const fc_correlation *c, const fc_winograd *w);

/* Scratch that fc_winograd_correlate asks for; `packed`: with packed weights. */
int64_t fc_winograd_scratch(const fc_correlation *c, const fc_winograd *w, int packed, int threads);
/* y = the correlation of x with the weights; `packed`: what fc_winograd_pack made of them, or NULL.
 */
fc_status fc_winograd_correlate(const fc_correlation *c, const fc_winograd *w, const void *x,
                                const void *weights, const void *packed, const void *bias, void *y,
                                const fc_call *call);

/* ---- The weights (winograd_weights.c) ---- */

/* What a plan keeps of them. Making it takes scratch, for so many workers. */
int64_t fc_winograd_packed_bytes(const fc_correlation *c, const fc_winograd *w);
int fc_winograd_pack_workers(const fc_correlation *c, const fc_winograd *w, const fc_call *call);
int64_t fc_winograd_pack_scratch(const fc_correlation *c, const fc_winograd *w, int workers);
fc_status fc_winograd_pack(const fc_correlation *c, const fc_winograd *w, const void *weights,
                           void *packed, void *scratch, int workers, const fc_call *call);

/* A part of the weights: a block of output channels by the block of input channels from
 * `channel`. */
typedef struct fc_winograd_part {
    int64_t group, block, channel;
} fc_winograd_part;

/* Output channels of a block as they are packed: whole vectors. */
int64_t fc_winograd_columns(const fc_correlation *c, const fc_winograd *w, int64_t block);
int64_t fc_winograd_depth(const fc_correlation *c, const fc_winograd *w, int64_t channel);
/* Elements from point to point of U. */
int64_t fc_winograd_point(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part);
/* Bytes before a part in the packed weights. */
int64_t fc_winograd_packed_at(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part);
/* What a part is made from, where its U is not stored. `packed`: the weights of a plan, or NULL. No
 * rows for input gradients: to ask for theirs gained nothing (AMD Zen 4, November 2026). */
fc_soon_rows fc_winograd_source(const fc_correlation *c, const fc_winograd *w,
                                fc_winograd_part part, const void *weights, const void *packed);
/* U of a part, from the weights as they are, by way of scratch for the taps of some channels, which
 * stay in the caches; or from a plan's. 32 at a time: 1% to 3% faster than all of a part, or 16 (AMD
 * Zen 4, November 2026). */
#define FC_WINOGRAD_TAPS_CHANNELS 32
int64_t fc_winograd_taps_bytes(const fc_correlation *c, const fc_winograd *w);
void fc_winograd_make(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part,
                      const void *weights, void *taps, void *u);
void fc_winograd_make_packed(const fc_correlation *c, const fc_winograd *w, fc_winograd_part part,
                             const void *packed, void *u);

#endif
