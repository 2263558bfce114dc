/* Pieces and units, of a sum over all pixels: the pixels that it takes at a time, so that what it
 * reads of them stays in the caches, and the products that it makes with them. See pieces.c. */
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
/* The first piece's, which is as large as any. */
static inline fc_box fc_pieces_box(const fc_pieces *p) {
    return (fc_box){0, p->images, {0, 0, 0}, {p->box[0], p->box[1], p->box[2]}};
}

/* Input channels x output channels x taps of a group, at most so many each. */
typedef struct fc_units {
    int64_t in, out, taps[3];
    int64_t in_blocks, out_blocks, tap_blocks[3], count; /* over all groups */
} fc_units;

typedef struct fc_channels {
    int64_t first, count; /* of the group */
} fc_channels;

typedef struct fc_unit {
    int64_t group;
    fc_channels in, out;
    fc_taps taps;
} fc_unit;

/* How many blocks, and units, there are of the given size. */
void fc_units_count(const fc_correlation *c, fc_units *units);
/* Taps are fastest, then input channels. */
fc_unit fc_unit_at(const fc_correlation *c, const fc_units *units, int64_t index);
/* The first unit's, which are as many as any. */
static inline fc_taps fc_units_taps(const fc_units *u) {
    return (fc_taps){{0, 0, 0}, {u->taps[0], u->taps[1], u->taps[2]}};
}

#endif
