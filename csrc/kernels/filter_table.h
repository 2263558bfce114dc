/* The kernels of filters, for one instruction set, and what they read. csrc/filter/ calls them.
 *
 * Most work on taps: pointers to runs of `width` elements, one a term of a sum (or a candidate for
 * the maximum), as
 *     out[x] = sum over t of weights[t] * taps[t][x],     0 <= x < width.
 * The runs overlap as they like; `out` is apart from them. */
#ifndef FC_FILTER_TABLE_H
#define FC_FILTER_TABLE_H

#include <stdint.h>

#include "../fastconv.h"

typedef void (*fc_taps_fn)(const void *const *taps, const void *weights, int64_t count,
                           int64_t width, void *out);
/* Pairs of taps: out[x] = weights[0] * taps[0][x] + sum over t of weights[t] * (taps[2t - 1][x] +
 * sign * taps[2t][x]), 1 <= t <= pairs. */
typedef void (*fc_pairs_fn)(const void *const *taps, const void *weights, int64_t pairs, int sign,
                            int64_t width, void *out);

/* A sum over a window that has a weight everywhere, for `out_lines` neighbouring output lines:
 *     out[r][x] = sum over p < planes, y < height, k < width of
 *         weight(p, y, k) * lines[p * plane_lines + r + y][first + k * step + x],   0 <= x < count,
 * its terms in this order. Every line may be read FC_DENSE_SLACK bytes further than that. The
 * weights that an input line has for `group` output lines, 1 or FC_DENSE_LINES, stand together:
 *     weight(p, y, k) = weights[p * weight_plane + (r + y) * weight_line + k * group + r]
 * for all r < group; nothing is read where that is the place of no weight. */
#define FC_DENSE_LINES 4 /* out_lines at most */
#define FC_DENSE_SLACK 64
typedef enum fc_sum_from {
    FC_SUM_IS_NEW = 0,
    FC_SUM_GOES_ON, /* the terms are added to what `out` holds, one by one */
    FC_SUM_IS_ADDED /* their sum is */
} fc_sum_from;
typedef struct fc_dense {
    const void *const *lines;
    const void *weights;
    void *const *out;
    int64_t first, plane_lines, planes, height, width, step, weight_plane, weight_line;
    int64_t group, out_lines, count;
    fc_sum_from from;
    /* What is asked for ahead, next to the arithmetic: of lines that will be read, and of some that
     * will be written. As many elements of each as there are results. */
    const void *const *soon;
    int64_t soon_lines, soon_outs;
} fc_dense;
typedef void (*fc_dense_fn)(const fc_dense *sum);

/* outs[r][x] = sum over i < size of weights[i] * rows[r + i][x], for all r < FC_FILTER_ROWS. Or,
 * of two rows and more, the maximum or minimum of rows[r + i][x], without weights. */
#define FC_FILTER_ROWS 4
typedef void (*fc_rows_fn)(const void *const *rows, const void *weights, int64_t size,
                           int64_t width, void *const *outs);
typedef void (*fc_convert_fn)(const void *from, void *to, int64_t count);

/* Of float32, or of float64. */
typedef struct fc_filter_kernels {
    fc_taps_fn sum;  /* multiply-adds are fused */
    fc_rows_fn rows; /* so are these */
    void (*divide)(void *sums, double by, int64_t count);
    fc_taps_fn max, min; /* no weights; NaN where there is one */
    fc_rows_fn max_rows, min_rows;
    fc_dense_fn dense; /* multiply-adds are fused */
    /* They are not: each product and each sum is rounded, in order. NULL for float32. */
    fc_taps_fn sum_exact;
    fc_pairs_fn pairs_exact;
    fc_dense_fn dense_exact;
} fc_filter_kernels;

/* Of the other types: indexed by fc_element; NULL where there is none. */
typedef struct fc_element_kernels {
    fc_convert_fn to_double[FC_ELEMENTS], from_double[FC_ELEMENTS];
    fc_convert_fn to_float[FC_ELEMENTS], from_float[FC_ELEMENTS]; /* of what both hold */
    fc_taps_fn sum[FC_ELEMENTS]; /* wraps around; weights are of the type too */
    fc_taps_fn max[FC_ELEMENTS], min[FC_ELEMENTS];
    fc_rows_fn max_rows[FC_ELEMENTS], min_rows[FC_ELEMENTS];
} fc_element_kernels;

#endif
