/* The kernels of convolution: what each computes, written once for every instruction set and type.
 * Pointers are to the table's type; sizes, strides and offsets count elements. */
#ifndef FC_CONV_TABLE_H
#define FC_CONV_TABLE_H

#include <stdint.h>

#define FC_OUTER_ROWS 14  /* the most rows of a tile, over all instruction sets */
#define FC_OUTER_WIDTHS 8 /* the most vectors of a tile */
#define FC_DOT_ROWS 6
#define FC_DOT_COLUMNS 8
#define FC_WINOGRAD_SIZES 3

/* A tile of outer products, `rows` by `columns`:
 *
 *   c[r * ldc + j] = (first ? 0 : c[r * ldc + j]) +
 *                    sum over i < k, in order, of a[a_offset[i] + r * a_step] * b[b_offset[i] + j]
 *
 * and, when `last`, + bias[r] or column_bias[j], and the clamp. Vectors run along j: b is read in
 * whole vectors, up to the kernel's full width whatever `columns` says; c is read and written
 * inside `columns` only. Weights in a and pixels in b, or the other way round. */
typedef struct fc_outer {
    int64_t k;
    const void *a, *b;
    const int64_t *a_offset, *b_offset;
    int64_t a_step;
    void *c;
    int64_t ldc, columns;
    const void *bias, *column_bias; /* or NULL */
    /* What will be read soon: near soon[soon_offset[i]], i < k; or NULL. */
    const void *soon;
    const int64_t *soon_offset;
    void *copy; /* for outer_copying alone */
    double min, max;
    int first, last, clamp;
} fc_outer;
typedef void (*fc_outer_fn)(const fc_outer *tile);

/* A tile of dot products, `rows` by `columns`:
 *
 *   c[m * ldc + n] += sum over s < segments, i < length of
 *                     a[s * a_step + m * lda + i] * b[s * b_step + offset[n] + i]
 *
 * Neither a nor b is read elsewhere. */
typedef struct fc_dot {
    int64_t segments, length, a_step, b_step, lda;
    const void *a;
    const void *b;
    const int64_t *offset;
    void *c;
    int64_t ldc;
} fc_dot;
typedef void (*fc_dot_fn)(const fc_dot *tile);

/* The weight gradient of a row of depthwise pixels, channels last: for k < taps, c < channels
 *
 *   sums[w_offset[k] + c] += sum over p < pixels of
 *                            x[p * x_step + x_offset[k] + c] * y[p * y_step + c] */
typedef struct fc_depthwise_weight {
    int64_t taps, pixels, channels, x_step, y_step;
    int64_t line_taps, x_tap; /* taps come in lines of so many, so far apart in x */
    const void *x, *y;
    void *sums;
    const int64_t *x_offset, *w_offset;
} fc_depthwise_weight;

/* A row of depthwise pixels with the channels next to each other: for p < pixels, c < channels
 *
 *   y[p * y_step + c] = clamp(bias[c] + sum over l < lines, k < taps, in order, of
 *                             x[x_line[l] + column * x_column + c] * w[w_line[l] + k * w_tap + c])
 *
 *   with column = p * stride + offset + k * step, where that is in [0, columns). */
typedef struct fc_depthwise_row {
    int64_t lines, taps, pixels, channels;
    int64_t columns, stride, offset, step;
    int64_t x_column, w_tap, y_step;
    const void *x, *w;
    void *y;
    const int64_t *x_line, *w_line;
    const void *bias; /* or NULL */
    double min, max;
    int clamp;
} fc_depthwise_row;

/* Lines of elements that stand apart: for every i < count, in order (the last index runs first), a
 * line of dst, r < rows
 *
 *   dst[line * ld + r] = src[i[0] * step[0] + ... + i[3] * step[3] + r * src_step] */
typedef struct fc_pick {
    const void *src;
    void *dst;
    int64_t rows, src_step, ld;
    int64_t count[4], step[4];
} fc_pick;

/* Winograd's transforms of `tiles` tiles next to each other in a row, in whole vectors of channels:
 *
 *   input:   v[p * point + i * tile + c] from x[h * row + (i * M + w) * column + c], h, w < M + 2
 *   weight:  u[p * point + k * width + c] from w[(k * 9 + t) * width + c], k < count, c < width
 *   output:  y[h * row + (i * M + w) * column + c], h < rows and w < columns (<= M), from
 *            sums[p * point + i * tile + c]; + bias[c], and the clamp; y is written for c <
 *            channels only. Returns whether all results before the bias are finite.
 *
 * with p < (M + 2) * (M + 2). */
typedef struct fc_winograd_input {
    const void *x;
    void *v;
    int64_t row, column, point, tile, tiles, channels;
} fc_winograd_input;

typedef struct fc_winograd_weight {
    const void *w;
    void *u;
    int64_t point, count, width;
} fc_winograd_weight;

/* The weight gradient's own, over the points of M = 4:
 *
 *   gradient: v as for the input, from x[h * row + (i * 4 + w) * column + c], h, w < 4
 *   back:     w[(k * 9 + t) * width + c] from sums[p * point + k * width + c], k < count,
 *             c < width. Returns whether all are finite. */
typedef struct fc_winograd_back {
    const void *sums;
    void *w;
    int64_t point, count, width;
} fc_winograd_back;

typedef struct fc_winograd_output {
    const void *sums;
    void *y;
    int64_t point, tile, row, column, tiles, rows, columns, channels;
    const void *bias; /* or NULL */
    double min, max;
    int clamp;
} fc_winograd_output;

/* Depthwise planes, channels first. For plane q < planes, row first_row <= o < last_row, column j:
 *
 *   y[q * y_plane + o * y_row + j] = clamp(bias[q] + sum over taps (h, k), in order, of
 *       x[q / multiplier * x_plane + row * in_columns + column] * w[q * w_plane + h * w_row + ...])
 *
 *   at row = o * stride + row_offset + h * row_step, column = j * stride + column_offset[0] +
 *   k * column_step, and w at w_column[0] + k * w_step; what lies outside the plane is zero. A pair
 *   is two such correlations: of column 2 * j with taps [0], and of 2 * j + 1 with taps [1].
 *   Strides over 1 go with steps of 1.
 *
 *   What lies x_soon and y_soon elements behind what is read of x, and read or written of y, will
 *   be needed soon (0: nothing is to be asked for). `stream`: y is more than caches hold, and its
 *   rows are whole lines of theirs.
 *
 *   weight gradient, over `images` images and the same rows and columns, w[tap] being as above
 *   those of the plane one after another:   sums[q * taps + tap] += sum of x * y */
typedef struct fc_depthwise_planes {
    int64_t planes, multiplier;
    const void *x, *w;
    void *y, *sums;
    int64_t images, x_image, y_image;
    int64_t x_plane, w_plane, y_plane;
    int64_t in_rows, in_columns, first_row, last_row, out_columns, y_row;
    int64_t stride, row_offset, row_step, column_offset[2], column_step;
    int64_t w_row, w_column[2], w_step;
    int64_t x_soon, y_soon;
    int stream;
    const void *bias; /* or NULL */
    double min, max;
    int clamp;
} fc_depthwise_planes;
typedef void (*fc_depthwise_planes_fn)(const fc_depthwise_planes *planes);

#define FC_DEPTHWISE_WHOLE(DEFINE)                                                                 \
    DEFINE(3, 3, 0, 1) DEFINE(3, 3, 0, 2) DEFINE(5, 5, 0, 1) DEFINE(5, 5, 0, 2)
#define FC_DEPTHWISE_WHOLES 4
/* The shapes that have a kernel of their own: taps along the rows, along the columns (of both
 * correlations, where it is a pair), stride. */
/* clang-format off */
#define FC_DEPTHWISE_SHAPES(DEFINE)                                                                \
    FC_DEPTHWISE_WHOLE(DEFINE)                                                                     \
    DEFINE(1, 1, 2, 1) DEFINE(1, 2, 1, 1) DEFINE(2, 1, 2, 1) DEFINE(2, 2, 1, 1)                    \
    DEFINE(2, 2, 3, 1) DEFINE(2, 3, 2, 1) DEFINE(3, 2, 3, 1) DEFINE(3, 3, 2, 1)
/* clang-format on */
#define FC_DEPTHWISE_PLANES 12

#define FC_DEPTHWISE_LINES 4 /* vectors: lines are read up to the next multiple of these */

/* One plane of depthwise outputs from gathered lines, padding and all. For o < rows, j < columns
 *
 *   y[o * y_row + j * y_step] = clamp(*bias + sum over e < summed, h < taps[0], k < taps[1] of
 *       x[e * x_summed + (o * stride + h * row_step) * line + offset[k] + j] *
 *       w[w_summed[e] + h * w_row + k * w_step])
 *
 *   where a line is in [first_line, last_line); there are no others.
 *
 *   weight gradient:   sums[w_summed[e] + h * taps[1] + k] += sum of x * y[o * y_row + j] */
typedef struct fc_depthwise_lines {
    int64_t summed, rows, columns, taps[2];
    const void *x, *w;
    void *y, *sums;
    int64_t x_summed, line, stride, row_step, first_line, last_line;
    const int64_t *offset, *w_summed;
    int64_t w_row, w_step, y_row, y_step;
    const void *bias; /* or NULL */
    double min, max;
    int clamp;
} fc_depthwise_lines;

/* One plane's weight gradient, every product by itself: for taps (h, k), in order
 *
 *   sums[h * taps[1] + k] += sum over o < rows, j < columns, of y[o * columns + j] * x at
 *       row    o * stride[0] + offset[0] + h * step[0],
 *       column j * stride[1] + offset[1] + k * step[1], where that is inside */
typedef struct fc_depthwise_exact {
    const void *x, *y;
    void *sums;
    int64_t in_rows, in_columns, rows, columns, taps[2], stride[2], offset[2], step[2];
} fc_depthwise_exact;

typedef struct fc_conv_kernels {
    /* [rows - 1][vectors - 1], NULL where registers do not suffice; `rows`: the most here. */
    fc_outer_fn outer[FC_OUTER_ROWS][FC_OUTER_WIDTHS];
    int rows;
    /* [rows - 1], NULL where there is none: of two vectors, with a_step 1; leaves the vectors of b in
     * `copy`, one product behind another. */
    fc_outer_fn outer_copying[FC_OUTER_ROWS];
    /* [rows - 1][columns - 1]; the most rows here, and for each number of rows the most columns. */
    fc_dot_fn dot[FC_DOT_ROWS][FC_DOT_COLUMNS];
    int dot_rows, dot_columns[FC_DOT_ROWS];

    /* For M = 2, 4 and 6. */
    void (*winograd_input[FC_WINOGRAD_SIZES])(const fc_winograd_input *run);
    void (*winograd_weight[FC_WINOGRAD_SIZES])(const fc_winograd_weight *run);
    int (*winograd_output[FC_WINOGRAD_SIZES])(const fc_winograd_output *run);
    void (*winograd_gradient)(const fc_winograd_input *run);
    int (*winograd_back)(const fc_winograd_back *run);

    void (*depthwise_row)(const fc_depthwise_row *row);
    void (*depthwise_weight)(const fc_depthwise_weight *row);
    void (*depthwise_lines)(const fc_depthwise_lines *lines);
    void (*depthwise_lines_weight)(const fc_depthwise_lines *lines);
    void (*depthwise_weight_exact)(const fc_depthwise_exact *plane);
    /* As FC_DEPTHWISE_WHOLE and FC_DEPTHWISE_SHAPES, or NULL: left to `depthwise_lines`. */
    fc_depthwise_planes_fn depthwise_planes_weight[FC_DEPTHWISE_WHOLES];
    fc_depthwise_planes_fn depthwise_planes[FC_DEPTHWISE_PLANES];
    /* As FC_DEPTHWISE_WHOLE, the first of FC_DEPTHWISE_SHAPES, for rows of no more than half a
     * vector (narrow.inc); or NULL. */
    const fc_depthwise_planes_fn *depthwise_narrow;

    /* dst[i * ld + j] = b[offset[i] + position[j]] for i < k, j < columns; up to a vector behind
     * dst is overwritten. */
    void (*pack)(void *dst, int64_t ld, const void *b, const int64_t *offset, int64_t k,
                 const int64_t *position, int64_t columns);
    /* dst[j * dst_ld + i] = src[i * src_ld + j] for i < rows, j < columns. */
    void (*transpose)(void *dst, int64_t dst_ld, const void *src, int64_t src_ld, int64_t rows,
                      int64_t columns);
    /* dst[i * dst_step] = src[i * src_step] for i < n; what stands between is not touched: another
     * thread may be writing it. */
    void (*copy)(void *dst, int64_t dst_step, const void *src, int64_t src_step, int64_t n);
    void (*pick)(const fc_pick *elements);
    /* dst[2 * i] = even[i], dst[2 * i + 1] = odd[i] for i < n. */
    void (*zip)(void *dst, const void *even, const void *odd, int64_t n);
    /* For each of `rows` rows: `before` zeros, src[i * step] for i < n, `after` zeros. */
    void (*copy_padded)(void *dst, int64_t dst_ld, const void *src, int64_t src_ld, int64_t rows,
                        int64_t before, int64_t n, int64_t after, int64_t step);
    /* Whether all of x[0..n) are finite. */
    int (*finite)(const void *x, int64_t n);
    /* *sum += x[0] + ... + x[n - 1]. */
    void (*sum)(void *sum, const void *x, int64_t n);
    /* sum[j] += x[i * ld + j] for i < rows, j < columns, in order of i. */
    void (*sum_rows)(void *sum, const void *x, int64_t ld, int64_t rows, int64_t columns);
} fc_conv_kernels;

#define FC_NARROW_TABLE_(isa, bits) fc_narrow_planes_##isa##_f##bits
#define FC_NARROW_TABLE(isa, bits) FC_NARROW_TABLE_(isa, bits)

#endif
