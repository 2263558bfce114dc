/* How a correlation is cut into pieces: see blocking.c. */
#ifndef FC_BLOCKING_H
#define FC_BLOCKING_H

#include "plane.h"

/* How the kernels get their operands. Vectors run along the pixels, which are read from planes
 * (direct) or packed into panels (im2col); or, turned, along the output channels, and the pixels
 * are read one by one, from the input itself or planes with channels last: no lanes are lost where
 * images are small and the channels many, strides cost nothing, and sums are channels last. Every
 * form adds the same products in the same order. */
typedef enum fc_form { FC_FORM_PLANES, FC_FORM_TURNED, FC_FORM_PANELS, FC_FORMS } fc_form;

#define FC_ITEM_BYTES 2048 /* what a worker knows of the item it was at last */
#define FC_PLACE_BYTES 48  /* of a panel, or of a tile of pixels */
#define FC_LISTS 20        /* turned: of products, for pixels near the padding */

typedef struct fc_blocking {
    int packed, turned; /* the form: panels, turned, or neither */
    int in_place;       /* planes are the input itself, else gathered */
    int whole;  /* the plane of a box holds all products, and serves one unit after another */
    int by_row; /* direct: panels stay in one output row, else run over the plane's whole line */
    int direct_output; /* sums are kept in the output array, else in scratch until they are complete
                        */

    /* Pixels: boxes of `box` pixels in each of `images` images, `boxes` of them along the axes. */
    int64_t images, image_boxes, box[3], boxes[3];
    int64_t planes, plane_bytes; /* one for each block of products where `whole`, else one */
    /* Products: `channels` channels with all taps, or one channel with boxes of `taps`. */
    int64_t channels, taps[3];
    /* Output channels: `tiles` register tiles a group, `tiles_together` of them in one block,
     * `blocks` blocks a group. */
    int64_t tiles, tiles_together, blocks;
    int64_t blocks_foreseen; /* in predictions, which know of no threads */
    int64_t tile_channels; /* of every tile: turned, but for the last; else the first `longer` have
                                one more */
    int64_t longer;
    int64_t tile_pixels;     /* turned: of a tile, at most */
    int64_t run;             /* turned: pixels that are cut into tiles together, about */
    int saves_taps;          /* turned: taps in the padding are left out */
    double run_cycles;       /* and half the multiply-adds' time of such a run and one product */
    int64_t groups_together; /* groups that one item does, one after another */
    int width;               /* vectors of a tile, at most */
    int64_t columns;         /* of the sums in scratch: pixels, or channels where turned */

    /* Scratch of one worker, in bytes from its start. */
    int64_t plane_at, panels_at, sums_at, offsets_at, positions_at, places_at, bytes;
} fc_blocking;

fc_blocking fc_blocking_of(const fc_correlation *c, fc_form form);
/* The form with the lowest predicted cost, of those from `first` to `last`. */
fc_blocking fc_blocking_best(const fc_correlation *c, fc_form first, fc_form last);
/* Whether the input comes from beyond the near caches (FC_SOON_BYTES), however it is cut. */
int fc_input_is_far(const fc_correlation *c);
/* Predicted seconds on one thread (cost.c). */
double fc_blocking_cost(const fc_correlation *c, const fc_blocking *b);

/* Of all images. */
static inline int64_t fc_boxes_of(const fc_blocking *b) {
    return b->image_boxes * b->boxes[0] * b->boxes[1] * b->boxes[2];
}

/* The first output channel of register tile `tile` of a group. */
static inline int64_t fc_tile_start(const fc_correlation *c, const fc_blocking *b, int64_t tile) {
    if (b->turned) return tile < b->tiles ? tile * b->tile_channels : c->out_channels;
    return tile * b->tile_channels + (tile < b->longer ? tile : b->longer);
}

/* The same in packed weights, where a turned tile is filled up to whole vectors. */
static inline int64_t fc_packed_start(const fc_correlation *c, const fc_blocking *b, int64_t tile) {
    const int64_t start = fc_tile_start(c, b, tile), lanes = c->kernels->lanes;
    return b->turned ? (start + lanes - 1) / lanes * lanes : start;
}

#endif
