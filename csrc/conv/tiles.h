/* Choosing the register tiles of a correlation that is being cut into pieces. See tiles.c. */
#ifndef FC_TILES_H
#define FC_TILES_H

#include "blocking.h"

/* Cycles a product takes in a tile of `rows` by `vectors`. */
double fc_tile_cycles(const fc_correlation *c, double rows, double vectors);

/* Sets `tiles` and `width`, for boxes of about `wanted` pixels. */
void fc_choose_tiles(const fc_correlation *c, fc_blocking *b, int64_t wanted);

/* Turned: also the run, its cycles and the tiles' size; `read` is the part of the products that is
 * left where taps in the padding are left out. */
void fc_choose_turned_tiles(const fc_correlation *c, fc_blocking *b, int64_t wanted, double read);

#endif
