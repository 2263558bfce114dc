/* The blocks of convolution that should stay in a cache: each a part of the caches found at load.
 * (What was measured for an instruction set stands in kernels/tuning.h.)
 * Bytes on AMD Zen 5 (48 KB L1d, 1 MB L2, 32 MB L3) stand behind; they change no sum but that of
 * weight gradients, and that is the same for any number of threads. */
#ifndef FC_CACHE_BLOCKS_H
#define FC_CACHE_BLOCKS_H

#include "../runtime/caches.h"

static inline int64_t fc_l1_part(int64_t parts, int64_t of) {
    return fc_caches_found.l1 * parts / of;
}
static inline int64_t fc_l2_part(int64_t parts, int64_t of) {
    return fc_caches_found.l2 * parts / of;
}
static inline int64_t fc_l3_part(int64_t parts, int64_t of) {
    return fc_caches_found.l3 * parts / of;
}

/* What lies so many bytes apart shares one set of the L1, of 64 sets of lines; so many ways it has
 * at least. */
#define FC_L1_WAY 4096
#define FC_L1_WAYS 8

/* Correlations (blocking.c, tiles.c, correlate*.c): chosen, not measured. */
#define FC_PLANE_BYTES fc_l2_part(3, 8)    /* 384 KB: one plane; with the panels, within the L2 */
#define FC_PANELS_BYTES fc_l2_part(1, 2)   /* 512 KB: the packed panels of a box */
#define FC_WHOLE_BYTES fc_l2_part(1, 2)    /* 512 KB: a plane that holds all products */
#define FC_UNIT_BYTES fc_l2_part(125, 128) /* 1000 KB: the weights of a block of output channels */
#define FC_BESIDE_BYTES                                                                            \
    fc_l2_part(1, 4)                   /* 256 KB: the same, beside pixels that come back to them */
#define FC_SUMS_BYTES fc_l2_part(1, 2) /* 512 KB: the sums in scratch */
/* 1 MB of a unit's weights, packed, that a worker keeps from one item to the next; and 1.5 MB of
 * those of several correlations. */
#define FC_KEPT_BYTES fc_l2_part(1, 1)
#define FC_ALL_KEPT_BYTES fc_l2_part(3, 2)
/* 8 MB: inputs from this size on come from memory, and tiles ask for the next one's pixels: by a
 * third faster at 25 MB, 2% slower for what the L3 still holds (AMD Zen 5, November 2026). Where the
 * L3 is far, what the L2 hardly holds: 1.5 MB (of Intel Granite Rapids; 1.2 MB, asked for, were read
 * 3% to 7% slower). */
#define FC_SOON_BYTES (fc_caches_found.far ? fc_l2_part(3, 4) : fc_l3_part(1, 4))
/* 4 MB: packed weights from this size on come from the L3 every time they are read, and are asked
 * for ahead: 2% to 16% faster while the L3 is calm and up to a third while others use it; 1% to 3%
 * slower for smaller ones (AMD Zen 5, November 2026). Where the L3 is far, 1.5 MB: 2 MB of U are
 * read 5% to 9% faster, 1 MB 5% slower (Intel Granite Rapids, November 2026). */
#define FC_WEIGHTS_SOON_BYTES (fc_caches_found.far ? fc_l2_part(3, 4) : fc_l3_part(1, 8))
/* 512 KB: weights as they come from this size on are asked for ahead: with those of a network, that
 * come from memory, 160 to 960 channels at 7 x 7 take four fifths of the time; where they are in the
 * L3 it makes no difference (AMD Zen 4, November 2026). */
#define FC_PLAIN_SOON_BYTES fc_l2_part(1, 2)
/* 4 MB: the most weights that a call packs before it begins; to bound its scratch. */
#define FC_PACKED_FIRST_BYTES fc_l3_part(1, 8)
/* 48 KB: pixels of a block that let tiles of weights come first where channels collide: by 70%
 * faster on 64 channels from 1 at 256 x 256, by 45% on two threads (where they do not, up to 12%
 * faster on one thread and 10% slower on two; AMD Zen 5, November 2026). */
#define FC_PIXELS_BYTES fc_l1_part(1, 1)
/* 36 KB: weights and pixels of a block of products that tiles come back to. */
#define FC_PRODUCTS_BYTES fc_l1_part(3, 4)
/* 24 KB: weights of a tile of four vectors or more that leave room for its pixels and sums. */
#define FC_TILE_BYTES fc_l1_part(1, 2)

/* Weight gradients (grad_weight_*.c): chosen, not measured. */
#define FC_LINES_BYTES fc_l2_part(1, 4) /* 256 KB: dot products: the plane of x, the lines of gy */
#define FC_BLOCK_BYTES fc_l2_part(1, 2) /* 512 KB: a piece of x, of gy, and a unit's sums */
#define FC_PANEL_BYTES fc_l1_part(2, 3) /* 32 KB: a panel of gy */
#define FC_X_SHARED_BYTES fc_l3_part(1, 8) /* 4 MB: x that is brought for all items */

/* Winograd's algorithm (winograd_cut.c): the choice checked on the 3 x 3 layers of ResNet-50 and
 * VGG-16 with AVX-512, AMD Zen 5, November 2026. */
#define FC_U_CALL_BYTES fc_l3_part(5, 64)   /* 2.5 MB of U that a call makes at once: it is read */
#define FC_U_PLAN_BYTES fc_l3_part(17, 32)  /* 17 MB of U that a plan keeps */
#define FC_U_PART_BYTES fc_l2_part(1, 2)    /* 512 KB: a part of U that an item makes */
#define FC_U_CACHED_BYTES fc_l2_part(1, 1)  /* 1 MB of U that stays in the L2 */
#define FC_V_OWN_BYTES fc_l2_part(5, 8)     /* 640 KB of V that an item makes for itself */
#define FC_V_SHARED_BYTES fc_l3_part(3, 32) /* 3 MB of V that all items share, about */
/* 2.5 MB of V that an item makes for itself where the L3 is far, and has an L2 of 2 MB. */
#define FC_V_KEPT_BYTES fc_l2_part(5, 4)

/* What a call may have of scratch: 4 MB, and 2 MB a thread. */
#define FC_SCRATCH_BYTES(THREADS) ((4 + 2 * (int64_t)(THREADS)) << 20)

#endif
