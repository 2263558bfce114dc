/* The blocks of products that a sum runs over, one after another: some channels with all their
 * taps, or one channel with a box of its taps. Weights are packed, and sums are made, in this
 * order. See products.c. */
#ifndef FC_PRODUCTS_H
#define FC_PRODUCTS_H

#include "blocking.h"

typedef struct fc_products {
    int64_t channel, channels;
    fc_taps taps;
    int64_t depth; /* products of this block */
    int64_t done;  /* and of those before it */
} fc_products;

fc_products fc_products_first(const fc_correlation *c, const fc_blocking *b);
/* The next block; 0 after the last. */
int fc_products_next(const fc_correlation *c, const fc_blocking *b, fc_products *p);

/* The most products of one block. */
static inline int64_t fc_products_most(const fc_blocking *b) {
    return b->channels * b->taps[0] * b->taps[1] * b->taps[2];
}

#endif
