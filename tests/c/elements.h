/* Arrays of any element type for the tests of filters, between pages that may
 * not be touched; and the borders by their definition. */
#ifndef FC_TEST_ELEMENTS_H
#define FC_TEST_ELEMENTS_H

#include "arrays.h"
#include "fastconv.h"
#include "filter/element.h"

typedef struct elements {
    fc_element type;
    int64_t count;
    array bytes;
    char *data; /* flush against the page after it */
} elements;

elements elements_new(fc_element type, int64_t count, uint64_t *random);
double element_get(const elements *e, int64_t i);
/* As C converts on x86-64; sums of 64-bit integers are kept small. */
void element_put(const elements *e, int64_t i, double x);
/* Numbers that double holds; of kind 1 some floats are NaN and infinity. */
void elements_draw(elements *e, int kind, uint64_t *random);

/* Place i of an extended line of n, or -1 for the constant. It walks from place
 * to place: no formula in common with csrc/filter/border.c. */
int64_t border_walk(fc_border border, int64_t i, int64_t n);

#endif
