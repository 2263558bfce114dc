/* One item of a correlation's work, in hand: what the files correlate*.c share (see correlate.c).
 * It stands in the worker's scratch: much of it serves the worker's next item.
 *
 * Panels of pixels are described by places: where their columns start in what the kernels read, and
 * where in the sums. Packed (im2col): panel i is packed scratch, its sums columns i*panel and on of
 * the box. Direct: a panel is a stretch of the plane, along one row or along the plane's whole
 * line; along the line the columns between two rows are computed and dropped. Turned: a place is
 * some pixels at one distance from each other, the rows of tiles whose columns are output channels.
 */
#ifndef FC_CORRELATE_ITEM_H
#define FC_CORRELATE_ITEM_H

#include <stddef.h>

#include "correlate.h"

#include "../runtime/scratch.h"
#include "soon.h"

typedef struct fc_place {
    int64_t from, to, columns;
    int64_t step, to_step; /* turned: from one pixel to the next, there and in the sums */
    int64_t list;          /* turned: of products */
} fc_place;
_Static_assert(sizeof(fc_place) == FC_PLACE_BYTES, "fc_blocking leaves room for it");

/* Turned: the products of a block that some pixels need: those whose taps do not fall in the
 * padding for all of them, where that holds zeros. */
typedef struct fc_list {
    fc_taps taps; /* of the block's */
    int64_t each; /* how many they are */
} fc_list;

/* What all items of a run share. Units are blocks of output channels, counted over all groups.
 * Their weights are packed, or as they come: then each worker packs those it needs into its own
 * scratch, where they stay in its caches. */
typedef struct fc_run {
    const fc_correlation *c;
    const fc_blocking *b;
    const char *x, *packed, *w, *bias; /* packed or w */
    char *y, *scratch;
    int64_t worker_bytes; /* of scratch */
    int64_t weights_at;   /* in it: fc_own_weights, then what they are */
    int64_t workers;      /* that take items in turn */
    int64_t beside;       /* boxes that go side by side: see find_item */
} fc_run;

/* A worker's own packed weights: the first products of a unit. They begin at a cache line: where
 * every vector of them lay across two, plain calls of layers with many weights took up to 1.3 times
 * as long (Intel Granite Rapids, November 2026). */
typedef struct fc_own_weights {
    _Alignas(FC_ALIGN) int64_t unit;
    int64_t products;
    _Alignas(FC_ALIGN) char packed[];
} fc_own_weights;
_Static_assert(offsetof(fc_own_weights, packed) == sizeof(fc_own_weights),
               "fc_own_bytes adds them");

typedef struct fc_item {
    const fc_run *run; /* NULL: of none yet */
    fc_box box;
    fc_box prepared;              /* for which all this was prepared; no images: for none */
    int64_t held_box, held_group; /* whose whole plane there is; -1: none's */
    fc_plane plane;
    int64_t group, first_tile, last_tile;
    int64_t start, rows; /* output channels: start, start + 1, ... of the group */
    int64_t packed_rows; /* the same in the packed weights */
    fc_products products;
    int64_t unit;
    const char *weights; /* of the item's output channels: */
    int whole_weights;   /* of all products, or of the block in hand */
    fc_own_weights *own;
    const char *columns; /* what `from` and the offsets count from */
    char *plane_data, *panels, *sums;
    int64_t box_index;
    int64_t *offsets, *panel_offsets, *steps, *positions;
    int64_t steps_of[2]; /* steps[j][i] = i * steps_of[j] */
    fc_list lists[FC_LISTS];
    int list_count;
    fc_place *places;
    int64_t place_count, first_place, ld;
    int64_t *soon; /* turned: asked for ahead of pixels, an offset for each product; or NULL */
    fc_soon ahead; /* turned: and of weights, by the calls of a tile */
    int64_t item;  /* bytes */
} fc_item;
_Static_assert(sizeof(fc_item) <= FC_ITEM_BYTES, "fc_blocking leaves room for it");

/* Columns of a panel, at most. */
static inline int64_t fc_item_panel(const fc_item *it) {
    return (int64_t)it->run->b->width * it->run->c->kernels->lanes;
}

/* ---- Before a block of products is multiplied: places (correlate_places.c) ---- */

/* Everything that depends on the box and the taps, but not on which channels they are: the plane's
 * shape, its offsets, and where panels lie. It is made for as many channels as any block has, and
 * serves those that have fewer: channels come first in every list. */
void fc_item_prepare(fc_item *it);

/* ---- Taps that lie in the padding (correlate_lists.c) ---- */

/* The one list there always is: all products. */
void fc_lists_begin(fc_item *it);
/* The list of those products that n pixels from (d, h, w) on along an axis need. */
int64_t fc_list_for(fc_item *it, const int64_t at[3], int axis, int64_t n);
/* A list's offsets in the plane, from those of all products; or (offsets NULL) the places of their
 * packed weights, `step` elements a product. */
void fc_list_fill(const fc_item *it, const fc_list *list, const int64_t *offsets, int64_t step,
                  int64_t *to);

/* ---- Operands (correlate_operands.c) ---- */

/* Whether a worker keeps all of a unit's packed weights, or one block of products at a time; and
 * the bytes of that. */
int fc_own_whole(const fc_correlation *c, const fc_blocking *b);
int64_t fc_own_bytes(const fc_correlation *c, const fc_blocking *b);
/* Makes this block's weights, its plane and (packed) its panels ready to be read. */
void fc_item_bring(fc_item *it);
/* The weights of one register tile, in this block of products. */
const char *fc_item_weights(const fc_item *it, int64_t tile);
/* A panel cut short, of the input itself: packed into scratch. */
void fc_item_pack_cut(fc_item *it, const fc_place *p);

/* ---- Multiplying (correlate_multiply.c) ---- */

/* Adds this block of products to the sums; the last block also adds bias and clamps. */
void fc_item_multiply(fc_item *it);

/* ---- Where sums stand (correlate_sums.c) ---- */

/* From a pixel's sums to the next one's, where turned. */
int64_t fc_sums_step(const fc_item *it);
/* Where the first pixel of row (d, h) of image i stands in the sums. */
int64_t fc_sums_row(const fc_item *it, int64_t i, int64_t d, int64_t h);
/* Sums in the output itself: its channels, or its pixels, are the rows. */
void fc_sums_in_output(fc_item *it);
/* Complete sums that stand in scratch: to the output, row by row. */
void fc_sums_store(const fc_item *it);

#endif
