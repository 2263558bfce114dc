/* Arrays for the tests of the operators: floats of either type between two pages that may not be
 * touched. */
#ifndef FC_TEST_ARRAYS_H
#define FC_TEST_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

#include "fastconv.h"

typedef struct array {
    fc_dtype dtype;
    int64_t count;
    void *data; /* flush against the page after it or before it */
    void *pages;
    size_t bytes; /* of the pages */
} array;

enum { INTEGERS = 1, POSITIVE = 2 }; /* what array_random draws: sums of such integers are exact */

/* All bits set: NaN, or -1 in `indices`. */
array array_new(fc_dtype dtype, int64_t count, uint64_t *random);
array array_indices(int64_t count, uint64_t *random); /* int64_t, in an array of FC_F64's size */
array array_random(fc_dtype dtype, int64_t count, uint64_t *random, int kind);
void array_free(array *a);
void array_fill(array *a); /* all bits set again */
int array_untouched(const array *a);
int array_same(const array *a, const array *b); /* bit for bit */

double array_at(const array *a, int64_t i);
void array_put(array *a, int64_t i, double value);

/* Whether `got` is `expected`: bit for bit the same value where `terms` is 0, else within the
 * rounding of a sum of `terms` products whose absolute values sum to `magnitude`. NaN equals NaN.
 * FC_TRANSFORMED terms: what a transform promises, every element within 1e-3 of its magnitude in
 * single precision; one that has none may have the rounding of its neighbours. */
#define FC_TRANSFORMED 16000
void array_check(const array *got, const double *expected, const double *magnitude, int64_t terms,
                 const char *what, int number);

/* ---- Positions in (batch, channels, *size) --------------------------------------------------- */

static inline int64_t volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

static inline int64_t offset_of(fc_layout layout, int64_t channels, const int64_t size[3],
                                int64_t n, int64_t c, const int64_t position[3]) {
    int64_t pixel = (position[0] * size[1] + position[1]) * size[2] + position[2];
    return layout == FC_CHANNELS_FIRST ? (n * channels + c) * volume(size) + pixel
                                       : (n * volume(size) + pixel) * channels + c;
}

static inline void unravel(int64_t flat, const int64_t size[3], int64_t position[3]) {
    position[2] = flat % size[2];
    position[1] = flat / size[2] % size[1];
    position[0] = flat / size[2] / size[1];
}

#endif
