/* Fully connected layers: y = x w' + bias, and the gradients.
 *
 * Many rows are the pixels of a 1x1 convolution, whose packing of the weights pays from some rows
 * on. Few rows meet the weights as they lie in memory, each of which is then read once:
 *
 *   y    dot products of rows of x and rows of w          (conv/dots.c)
 *   gx   sums over the outputs of gy times a row of w     (fc_outer, blocks of outputs)
 *   gw   sums over the rows of gy times a row of x        (fc_outer)
 *   gb   sums over the rows of gy
 *
 * Tiles are ranges of what is written, and sums run over the same terms in the same order whatever
 * the tile: so their sizes are free. Which way is taken depends on the problem alone. */
#include <string.h>

#include "../conv/dots.h"
#include "../conv/integers.h"
#include "../conv/outer.h"
#include "../kernels/kernels.h"
#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define LIMIT ((int64_t)1 << 62)

/* Multiply-adds of a tile: some 10 microseconds, the weights coming from memory. */
#define TILE_WORK (128 << 10)
/* The weights are used in blocks of so many rows, whose streams are read side by side: from 4 rows
 * to 1000 as fast for one row of gy, 64 for eight (AMD Zen 5, November 2026). */
#define BLOCK_ROWS 64

typedef struct linear {
    const fc_kernels *kernels;
    int64_t item; /* bytes of an element */
    int64_t rows, in, out;
    const char *x, *w, *bias, *gy;
    char *y;
} linear;

static fc_status check(fc_dtype dtype, int64_t rows, int64_t in, int64_t out) {
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(rows > 0 && in > 0 && out > 0, FC_INVALID_SIZE);
    const int64_t wide = max64(in, out), high = max64(rows, min64(in, out));
    FC_REQUIRE(wide < LIMIT / 8 / high, FC_INVALID_SIZE);
    return FC_OK;
}

/* ---- Products for the gradients -------------------------------------------------------------- */

/* c[r * columns + j] = sum over i < k, in order, of a[i * a_k + r * a_row] * b[i * columns + j] */
typedef struct product {
    const fc_kernels *kernels;
    int64_t item, rows, columns, k;
    const char *a, *b;
    int64_t a_k, a_row;
    char *c;
    const int64_t *a_offset, *b_offset; /* of the k terms */
    int64_t b_step;                     /* from one row of b to the next */
    int64_t tile_rows, tile_vectors, column_tiles;
} product;

/* Rows [r, r + rows) and `vectors` vectors from column j on, of the terms [i, i + k). */
static void multiply(const product *p, int64_t r, int64_t rows, int64_t j, int64_t vectors,
                     int64_t i, int64_t k) {
    const int64_t lanes = p->kernels->lanes;
    const fc_outer tile = {.k = k,
                           .a = p->a + (i * p->a_k + r * p->a_row) * p->item,
                           .b = p->b + (i * p->b_step + j) * p->item,
                           .a_offset = p->a_offset,
                           .b_offset = p->b_offset,
                           .a_step = p->a_row,
                           .c = p->c + (r * p->columns + j) * p->item,
                           .ldc = p->columns,
                           .columns = min64(vectors * lanes, p->columns - j),
                           .first = i == 0,
                           .last = i + k == p->k};
    p->kernels->conv.outer[rows - 1][vectors - 1](&tile);
}

/* Rows [r, r + rows) of the vectors [first, last): whole ones, by blocks of terms. */
static void multiply_vectors(const product *p, int64_t r, int64_t rows, int64_t first,
                             int64_t last) {
    const int64_t lanes = p->kernels->lanes;
    const int widest = fc_outer_widest(p->kernels, rows);
    for (int64_t i = 0; i < p->k; i += BLOCK_ROWS) {
        const int64_t k = min64(BLOCK_ROWS, p->k - i);
        for (int64_t v = first; v < last;) {
            int64_t width = min64(widest, last - v);
            while (!p->kernels->conv.outer[rows - 1][width - 1]) width--;
            multiply(p, r, rows, v * lanes, width, i, k);
            v += width;
        }
    }
}

static void product_tile(void *context, int64_t tile, int worker) {
    (void)worker;
    const product *p = context;
    const int64_t lanes = p->kernels->lanes, whole = p->columns / lanes;
    const int64_t first = tile % p->column_tiles * p->tile_vectors;
    const int64_t last = min64(first + p->tile_vectors, whole);
    const int64_t r = tile / p->column_tiles * p->tile_rows;
    const int64_t end = min64(r + p->tile_rows, p->rows), most = p->kernels->conv.rows;
    const int64_t each = ceil_div(end - r, ceil_div(end - r, most));
    for (int64_t n = r; n < end; n += each) {
        const int64_t rows = min64(each, end - n);
        multiply_vectors(p, n, rows, first, last);
        /* What is left of the columns: the last vector that ends where they do. It has lanes of
         * the vector before it, and gives them the same values again. */
        if (last < whole || p->columns % lanes == 0) continue;
        multiply(p, n, rows, max64(p->columns - lanes, 0), 1, 0, p->k);
    }
}

/* `p` has all but its offsets and tiles. */
static fc_status run_product(product *p, const fc_call *call) {
    const int64_t lanes = p->kernels->lanes, whole = p->columns / lanes;
    const int64_t terms = whole ? min64(p->k, p->columns % lanes ? p->k : BLOCK_ROWS) : p->k;
    /* Columns that fill no vector: b is copied to where a whole one may be read. */
    const int64_t padded = whole ? 0 : p->k * lanes * p->item;
    char *block = fc_scratch(fc_aligned(padded) + 2 * terms * 8);
    FC_REQUIRE(block, FC_OUT_OF_MEMORY);
    int64_t *offsets = (int64_t *)(block + fc_aligned(padded));
    p->b_step = whole ? p->columns : lanes;
    if (padded) {
        memset(block, 0, (size_t)padded);
        for (int64_t i = 0; i < p->k; i++)
            memcpy(block + i * lanes * p->item, p->b + i * p->columns * p->item,
                   (size_t)(p->columns * p->item));
        p->b = block;
    }
    for (int64_t i = 0; i < terms; i++) {
        offsets[i] = i * p->a_k;
        offsets[terms + i] = i * p->b_step;
    }
    p->a_offset = offsets;
    p->b_offset = offsets + terms;

    /* Rows that share what is read of b stay together; a tile has a kilobyte or two of a row. */
    const int64_t most = p->kernels->conv.rows, row_work = times64(p->k, p->columns);
    p->tile_rows = min64(p->rows, most * clamp64(TILE_WORK / times64(most, row_work), 1, p->rows));
    const int64_t vector_work = times64(times64(p->tile_rows, p->k), lanes);
    p->tile_vectors = clamp64(TILE_WORK / vector_work, 32, max64(whole, 32));
    p->column_tiles = max64(1, ceil_div(whole, p->tile_vectors));
    const int64_t tiles = p->column_tiles * ceil_div(p->rows, p->tile_rows);
    const fc_status status = fc_parallel_for(call, fc_workers(call, tiles), tiles, product_tile, p);
    fc_scratch_free(block);
    return status;
}

static fc_status grad_input_few(const linear *l, char *gx, const fc_call *call) {
    product p = {.kernels = l->kernels,
                 .item = l->item,
                 .rows = l->rows,
                 .columns = l->in,
                 .k = l->out,
                 .a = l->gy,
                 .b = l->w,
                 .a_k = 1,
                 .a_row = l->out,
                 .c = gx};
    return run_product(&p, call);
}

static fc_status grad_weight_few(const linear *l, char *gw, const fc_call *call) {
    product p = {.kernels = l->kernels,
                 .item = l->item,
                 .rows = l->out,
                 .columns = l->in,
                 .k = l->rows,
                 .a = l->gy,
                 .b = l->x,
                 .a_k = l->out,
                 .a_row = 1,
                 .c = gw};
    return run_product(&p, call);
}

/* ---- Either way ------------------------------------------------------------------------------ */

/* The most rows for which the weights are used as they lie. At 400 -> 120 the gradients are as fast
 * either way at 16 rows and y at 32 (AVX-512; with AVX2 a little more), at 1024 -> 1000 too; at 8
 * this is twice as fast, and at one row four times (AMD Zen 5, November 2026). */
#define FORWARD_FEW 24
#define GRAD_FEW 14

/* The rows as the pixels of an image. */
static fc_conv as_conv(fc_dtype dtype, int64_t rows, int64_t in, int64_t out) {
    return (fc_conv){.dtype = dtype,
                     .layout = FC_CHANNELS_LAST,
                     .batch = 1,
                     .in_channels = in,
                     .out_channels = out,
                     .groups = 1,
                     .input = {1, 1, rows},
                     .kernel = {1, 1, 1},
                     .stride = {1, 1, 1},
                     .dilation = {1, 1, 1},
                     .output = {1, 1, rows}};
}

fc_status fc_linear(fc_dtype dtype, int64_t rows, int64_t in, int64_t out, const void *x,
                    const void *w, const void *bias, void *y, const fc_call *call) {
    FC_TRY(check(dtype, rows, in, out));
    FC_REQUIRE(x && w && y, FC_INVALID_NULL);
    if (rows > FORWARD_FEW) {
        const fc_conv conv = as_conv(dtype, rows, in, out);
        return fc_conv_forward(&conv, FC_DIRECT, x, w, bias, y, call);
    }
    const fc_dots d = {.kernels = fc_kernels_for(dtype),
                       .item = fc_sizeof(dtype),
                       .rows = rows,
                       .groups = 1,
                       .in = in,
                       .out = out,
                       .x = x,
                       .w = w,
                       .bias = bias,
                       .y = y};
    return fc_dots_run(&d, call);
}

fc_status fc_linear_grad(fc_dtype dtype, int64_t rows, int64_t in, int64_t out, const void *x,
                         const void *w, const void *gy, void *gx, void *gw, void *gb,
                         const fc_call *call) {
    FC_TRY(check(dtype, rows, in, out));
    FC_REQUIRE(gy && (w || !gx) && (x || !gw), FC_INVALID_NULL);
    if (rows > GRAD_FEW) {
        const fc_conv conv = as_conv(dtype, rows, in, out);
        return fc_conv_grad(&conv, x, w, gy, gx, gw, gb, call);
    }
    const linear l = {.kernels = fc_kernels_for(dtype),
                      .item = fc_sizeof(dtype),
                      .rows = rows,
                      .in = in,
                      .out = out,
                      .x = x,
                      .w = w,
                      .gy = gy};
    if (gx) FC_TRY(grad_input_few(&l, gx, call));
    if (gw) FC_TRY(grad_weight_few(&l, gw, call));
    if (gb) {
        memset(gb, 0, (size_t)(out * l.item));
        l.kernels->conv.sum_rows(gb, gy, out, rows, out);
    }
    return FC_OK;
}
