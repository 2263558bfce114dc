/* What is known of element types. */
#ifndef FC_FILTER_ELEMENT_H
#define FC_FILTER_ELEMENT_H

#include "../fastconv.h"

static inline int fc_element_valid(fc_element e) { return (unsigned)e < FC_ELEMENTS; }

static inline int64_t fc_element_size(fc_element e) {
    static const signed char size[FC_ELEMENTS] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    return size[e];
}

static inline int fc_element_real(fc_element e) { return e == FC_FLOAT32 || e == FC_FLOAT64; }

#endif
