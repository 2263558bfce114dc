/* How a correlation is cut into pieces: see blocking.c. */
#ifndef FC_BLOCKING_H
#define FC_BLOCKING_H

#include "plane.h"

typedef struct fc_blocking {
    int packed;         /* columns are packed into panels (im2col), else read from planes (direct) */
    int in_place;       /* planes are the input itself, else gathered */
    int by_row;         /* direct: panels stay in one output row, else run over the plane's whole line */
    int direct_output;  /* sums are kept in the output array, else in scratch until they are complete */

    /* Pixels: boxes of `box` pixels in each of `images` images, `boxes` of them along the axes. */
    int64_t images, image_boxes, box[3], boxes[3];
    /* Products: `channels` channels with all taps, or one channel with boxes of `taps`. */
    int64_t channels, taps[3];
    /* Output channels: `tiles` register tiles a group, `tiles_together` of them in one block, `blocks` blocks a group. */
    int64_t tiles, tiles_together, blocks;
    int64_t groups_together; /* groups that one item does, one after another */
    int width;          /* vectors of a panel */
    int64_t columns;    /* of the sums in scratch, at most */

    /* Scratch of one worker, in bytes from its start. */
    int64_t plane_at, panels_at, sums_at, offsets_at, positions_at, places_at, bytes;
} fc_blocking;

fc_blocking fc_blocking_of(const fc_correlation *c, int packed);

/* The rows of register tile `tile` of a group: tiles differ by one row at most. */
static inline int64_t fc_tile_start(const fc_correlation *c, const fc_blocking *b, int64_t tile) {
    const int64_t rows = c->out_channels / b->tiles, longer = c->out_channels % b->tiles;
    return tile * rows + (tile < longer ? tile : longer);
}

#endif
