/* Pieces: the pixels that a sum over all pixels takes at a time, so that what it reads of them
 * stays in the caches. See pieces.c. */
#ifndef FC_PIECES_H
#define FC_PIECES_H

#include "plane.h"

/* A piece is a box of one image, or `images` whole images. */
typedef struct fc_pieces {
    int64_t images, box[3], boxes[3], count;
} fc_pieces;

/* Pieces of about `pixels` output pixels; at most half as many again. */
fc_pieces fc_pieces_of(const fc_correlation *c, int64_t pixels);
fc_box fc_piece(const fc_correlation *c, const fc_pieces *pieces, int64_t index);

#endif
