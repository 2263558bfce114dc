/* Running a correlation: see correlate.c. */
#ifndef FC_CORRELATE_H
#define FC_CORRELATE_H

#include "products.h"

/* Bytes of the packed weights of units [first, last). */
int64_t fc_packed_bytes(const fc_correlation *c, const fc_blocking *b, int64_t first, int64_t last);
/* Pack the weights of units [first, last), in parallel; a unit is a block of output channels,
 * counted over all groups. */
fc_status fc_pack_weights(const fc_correlation *c, const fc_blocking *b, int64_t first,
                          int64_t last, const void *w, void *packed, const fc_call *call);
/* The weights of one block of products, for output channels [row, row + rows) of a group: `ld`
 * elements a product. */
void fc_pack_products(const fc_correlation *c, const fc_products *p, const void *w, int64_t group,
                      int64_t row, int64_t rows, int64_t ld, void *dst);

/* Output channels, as they are packed, before a unit's first. */
int64_t fc_unit_row(const fc_correlation *c, const fc_blocking *b, int64_t unit);

/* y = the correlation of x with packed weights (all units). */
fc_status fc_correlate_packed(const fc_correlation *c, const fc_blocking *b, const void *x,
                              const void *packed, const void *bias, void *y, const fc_call *call);
/* The same from weights as they come; packs them piece by piece. */
fc_status fc_correlate(const fc_correlation *c, const fc_blocking *b, const void *x, const void *w,
                       const void *bias, void *y, const fc_call *call);
/* Several correlations that write different elements of one output: each item does its part of all
 * of them, so that the output passes through the caches once. None of them is without outputs (but
 * there may be no images). */
fc_status fc_correlate_all(const fc_correlation *c, const fc_blocking *b, int n, const void *x,
                           const void *w, const void *bias, void *y, const fc_call *call);
/* Scratch that fc_correlate asks for. */
int64_t fc_correlate_scratch(const fc_correlation *c, const fc_blocking *b, int threads);

#endif
