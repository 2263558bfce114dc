/* Running a correlation: see correlate.c. */
#ifndef FC_CORRELATE_H
#define FC_CORRELATE_H

#include "products.h"

/* Bytes of all packed weights, and of `depth` products of a unit: a block of output channels,
 * counted over all groups. */
int64_t fc_packed_bytes(const fc_correlation *c, const fc_blocking *b);
int64_t fc_unit_bytes(const fc_correlation *c, const fc_blocking *b, int64_t depth);
/* Pack all weights, in parallel, or one block of products of one unit. */
fc_status fc_pack_weights(const fc_correlation *c, const fc_blocking *b, const void *w,
                          void *packed, const fc_call *call);
void fc_pack_block(const fc_correlation *c, const fc_blocking *b, int64_t unit,
                   const fc_products *p, const void *w, void *packed);
/* Whether all of an output channel's products stand one after another in the weights; and where
 * those of a block, of output channel `row` of a group, begin. */
int fc_weights_in_line(const fc_correlation *c);
const char *fc_weights_at(const fc_correlation *c, const fc_products *p, const void *w,
                          int64_t group, int64_t row);
/* The weights of one block of products, for output channels [row, row + rows) of a group: `ld`
 * elements a product. */
void fc_pack_products(const fc_correlation *c, const fc_products *p, const void *w, int64_t group,
                      int64_t row, int64_t rows, int64_t ld, void *dst);

/* Output channels, as they are packed, before a unit's first. */
int64_t fc_unit_row(const fc_correlation *c, const fc_blocking *b, int64_t unit);

/* y = the correlation of x with packed weights (all units). */
fc_status fc_correlate_packed(const fc_correlation *c, const fc_blocking *b, const void *x,
                              const void *packed, const void *bias, void *y, const fc_call *call);
/* The same from weights as they come: each worker packs those of the unit it is at. */
fc_status fc_correlate(const fc_correlation *c, const fc_blocking *b, const void *x, const void *w,
                       const void *bias, void *y, const fc_call *call);
/* Several correlations that write different elements of one output: each item does its part of all
 * of them, so that the output passes through the caches once. None of them is without outputs (but
 * there may be no images). */
fc_status fc_correlate_all(const fc_correlation *c, const fc_blocking *b, int n, const void *x,
                           const void *w, const void *bias, void *y, const fc_call *call);
/* Scratch that fc_correlate asks for, or (`packed`) fc_correlate_packed. */
int64_t fc_correlate_scratch(const fc_correlation *c, const fc_blocking *b, int packed,
                             int threads);

#endif
