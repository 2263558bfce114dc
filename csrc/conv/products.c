/* Blocks of products: see products.h. */
#include "products.h"
#include "integers.h"

static void count(const fc_correlation *c, const fc_blocking *b, fc_products *p) {
    p->channels = min64(b->channels, c->in_channels - p->channel);
    p->depth = p->channels * p->taps.size[0] * p->taps.size[1] * p->taps.size[2];
}

fc_products fc_products_first(const fc_correlation *c, const fc_blocking *b) {
    fc_products p = {.taps = {{0, 0, 0}, {b->taps[0], b->taps[1], b->taps[2]}}};
    count(c, b, &p);
    return p;
}

/* The next box of taps, the last axis first, as the weights have them; 0 where they start again. */
static int next_taps(const fc_correlation *c, const fc_blocking *b, fc_taps *taps) {
    for (int i = 2; i >= 0; i--) {
        const int64_t all = c->axis[i].taps, next = taps->first[i] + taps->size[i];
        taps->first[i] = next < all ? next : 0;
        taps->size[i] = min64(b->taps[i], all - taps->first[i]);
        if (next < all) return 1;
    }
    return 0;
}

int fc_products_next(const fc_correlation *c, const fc_blocking *b, fc_products *p) {
    p->done += p->depth;
    if (!next_taps(c, b, &p->taps)) p->channel += p->channels;
    if (p->channel >= c->in_channels) return 0;
    count(c, b, p);
    return 1;
}
