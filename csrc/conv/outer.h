/* Which tiles of outer products have a kernel: those whose sums the registers hold. */
#ifndef FC_OUTER_H
#define FC_OUTER_H

#include "../kernels/kernels.h"

/* The most rows of a tile that is `width` vectors wide, 0 if there is none. */
static inline int64_t fc_outer_most_rows(const fc_kernels *k, int width) {
    int64_t rows = k->conv.rows;
    while (rows > 0 && !k->conv.outer[rows - 1][width - 1]) rows--;
    return rows;
}

/* The most vectors of a tile of `rows`. */
static inline int fc_outer_widest(const fc_kernels *k, int64_t rows) {
    int width = FC_OUTER_WIDTHS;
    while (width > 1 && !k->conv.outer[rows - 1][width - 1]) width--;
    return width;
}

/* The vectors of the narrowest tile of `rows` that holds `columns`. */
static inline int64_t fc_outer_narrowest(const fc_kernels *k, int64_t rows, int64_t columns) {
    int64_t width = (columns + k->lanes - 1) / k->lanes;
    while (!k->conv.outer[rows - 1][width - 1]) width++;
    return width;
}

/* The time of a multiply-add in a tile of `width` vectors, broadcasts included, over that in a tile
 * of two vectors. */
static inline double fc_width_cost(const fc_kernels *k, double width) {
    const double broadcast = k->tuning.broadcast;
    return (1 + broadcast / width) / (1 + broadcast / 2);
}

#endif
