/* The gradients of fully connected layers, and of the convolutions that are one (see connected.c):
 *
 *   gx   sums over the outputs of gy times a row of w
 *   gw   sums over the rows of gy times a row of x
 *
 * Both are products of two matrices, c = a b, and b is read as it lies in memory:
 *
 *   for each tile (parallel): a range of columns of some rows
 *     for each block of terms:                 rows of b: a kilobyte or two of each, in the L2
 *       for each register tile of rows:
 *         for each register tile of columns:   one call of the kernel
 *
 * As a correlation of one pixel, whose weights are packed tap by tap, gx takes 1.5 to 11 times as
 * long (AMD Zen 4, November 2026). Sums run over the same terms in the same order whatever the tile:
 * so sizes of tiles are free. */
#include "cache_blocks.h"
#include "connected.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "integers.h"
#include "outer.h"
#include "problem.h"

/* Multiply-adds of a tile: some 10 microseconds, b coming from memory. */
#define TILE_WORK (128 << 10)
/* Register tiles of rows that share what is read of b, at most; vectors of columns, at least, and
 * where there would be fewer than TILES tiles. Two kilobytes are written up to a third faster than
 * half of one: gw of 64 rows, 4096 to 4096, on two threads (AMD Zen 4, November 2026). */
#define TILE_ROWS 8
#define TILE_VECTORS 32
#define FEWEST_VECTORS 8
#define TILES 16
/* Rows of b whose streams are read side by side: from 4 rows to 1000 as fast for one row of a, 64
 * for eight (AMD Zen 5, November 2026). */
#define BLOCK_TERMS 64

/* c[r, j] = clamp(bias[j] + sum over i < k, in order, of a[i, r] * b[i, j]), in each group */
typedef struct product {
    const fc_kernels *kernels;
    int64_t item, groups, rows, columns, k;
    const char *a, *b, *bias; /* bias: or NULL */
    char *c;
    int64_t a_group, a_term, a_row, b_group, b_term, c_group, c_row; /* strides, in elements */
    int clamp;
    double min, max;
    const int64_t *a_offset, *b_offset, *copy_offset; /* of the terms of a block */
    int64_t most_rows;                                /* of a register tile */
    int64_t tile_rows, tile_vectors, row_tiles, column_tiles;
} product;

/* A piece of a product: rows [row, row + rows), of the terms [term, term + terms). */
typedef struct piece {
    int64_t group, row, rows, term, terms;
} piece;

/* From column j on. */
static fc_outer tile_at(const product *p, const piece *n, int64_t j) {
    return (fc_outer){
        .k = n->terms,
        .a = p->a + (n->group * p->a_group + n->term * p->a_term + n->row * p->a_row) * p->item,
        .b = p->b + (n->group * p->b_group + n->term * p->b_term + j) * p->item,
        .a_offset = p->a_offset,
        .b_offset = p->b_offset,
        .a_step = p->a_row,
        .c = p->c + (n->group * p->c_group + n->row * p->c_row + j) * p->item,
        .ldc = p->c_row,
        .columns = p->columns - j,
        .column_bias = p->bias ? p->bias + (n->group * p->columns + j) * p->item : NULL,
        .min = p->min,
        .max = p->max,
        .first = n->term == 0,
        .last = n->term + n->terms == p->k,
        .clamp = p->clamp,
    };
}

/* The vectors [first, last): whole ones. */
static void multiply_vectors(const product *p, const piece *n, int64_t first, int64_t last) {
    const int widest = fc_outer_widest(p->kernels, n->rows);
    for (int64_t v = first; v < last;) {
        int64_t width = min64(widest, last - v);
        while (!p->kernels->conv.outer[n->rows - 1][width - 1]) width--;
        const fc_outer tile = tile_at(p, n, v * p->kernels->lanes);
        p->kernels->conv.outer[n->rows - 1][width - 1](&tile);
        v += width;
    }
}

/* What is left of the columns: the last vector that ends where they do, of all terms. It has lanes
 * of the vector before it, and so its sums are kept apart. Where there is no whole vector, those of
 * b are copied to where one may be read. */
static void multiply_rest(const product *p, piece n) {
    const int64_t lanes = p->kernels->lanes, rest = p->columns % lanes,
                  j = max64(p->columns - lanes, 0), width = p->columns - j;
    _Alignas(FC_ALIGN) char sums[FC_OUTER_ROWS * FC_ALIGN], copy[BLOCK_TERMS * FC_ALIGN];
    for (n.term = 0; n.term < p->k; n.term += n.terms) {
        n.terms = min64(BLOCK_TERMS, p->k - n.term);
        fc_outer tile = tile_at(p, &n, j);
        tile.c = sums;
        tile.ldc = lanes;
        if (width < lanes) {
            p->kernels->conv.copy_padded(copy, lanes, tile.b, p->b_term, n.terms, 0, width,
                                         lanes - width, 1);
            tile.b = copy;
            tile.b_offset = p->copy_offset;
        }
        p->kernels->conv.outer[n.rows - 1][0](&tile);
    }
    char *to = p->c + (n.group * p->c_group + n.row * p->c_row + p->columns - rest) * p->item;
    for (int64_t r = 0; r < n.rows; r++, to += p->c_row * p->item)
        memcpy(to, sums + (r * lanes + width - rest) * p->item, (size_t)(rest * p->item));
}

static void product_tile(void *context, int64_t tile, int worker) {
    (void)worker;
    const product *p = context;
    const int64_t lanes = p->kernels->lanes, whole = p->columns / lanes;
    const int64_t first = tile % p->column_tiles * p->tile_vectors,
                  last = min64(first + p->tile_vectors, whole);
    tile /= p->column_tiles;
    const int64_t row = tile % p->row_tiles * p->tile_rows,
                  rows = min64(p->tile_rows, p->rows - row),
                  each = ceil_div(rows, ceil_div(rows, p->most_rows));
    piece n = {.group = tile / p->row_tiles};
    for (n.term = 0; n.term < p->k; n.term += n.terms) {
        n.terms = min64(BLOCK_TERMS, p->k - n.term);
        for (n.row = row; n.row < row + rows; n.row += n.rows) {
            n.rows = min64(each, row + rows - n.row);
            multiply_vectors(p, &n, first, last);
        }
    }
    if (last < whole || p->columns % lanes == 0) return;
    for (n.row = row; n.row < row + rows; n.row += n.rows) {
        n.rows = min64(each, row + rows - n.row);
        multiply_rest(p, n);
    }
}

/* Tiles of at most so many register tiles of rows, and at least so many vectors; how many those
 * are. */
static int64_t cut_into(product *p, int64_t together, int64_t vectors) {
    const int64_t lanes = p->kernels->lanes, whole = p->columns / lanes;
    const int64_t each = together * p->most_rows, row_work = times64(p->k, p->columns);
    const int64_t wanted = each * clamp64(TILE_WORK / times64(each, row_work), 1, p->rows);
    p->tile_rows = up_to(ceil_div(p->rows, ceil_div(p->rows, wanted)), p->most_rows);
    p->row_tiles = ceil_div(p->rows, p->tile_rows);
    const int64_t vector_work = times64(times64(min64(p->rows, p->tile_rows), p->k), lanes);
    p->tile_vectors = clamp64(TILE_WORK / vector_work, vectors, max64(whole, vectors));
    p->column_tiles = max64(1, ceil_div(whole, p->tile_vectors));
    return p->groups * p->row_tiles * p->column_tiles;
}

/* Rows that share what is read of b stay together, while there are tiles enough. Rows of a that lie
 * in the same lines of the L1 must not be more than its ways. */
static int64_t cut(product *p) {
    const int collide = p->a_row * p->item % FC_L1_WAY == 0;
    p->most_rows = collide ? min64(p->kernels->conv.rows, FC_L1_WAYS - 1) : p->kernels->conv.rows;
    int64_t together = TILE_ROWS, vectors = TILE_VECTORS, tiles = cut_into(p, together, vectors);
    while (tiles < TILES && vectors > FEWEST_VECTORS) {
        if (together > 1) together /= 2;
        else vectors /= 2;
        tiles = cut_into(p, together, vectors);
    }
    return tiles;
}

/* `p` has all but its offsets and tiles. */
static fc_status run_product(product *p, const fc_call *call) {
    int64_t a[BLOCK_TERMS], b[BLOCK_TERMS], copy[BLOCK_TERMS];
    for (int64_t i = 0; i < BLOCK_TERMS; i++) {
        a[i] = i * p->a_term;
        b[i] = i * p->b_term;
        copy[i] = i * p->kernels->lanes;
    }
    p->a_offset = a;
    p->b_offset = b;
    p->copy_offset = copy;
    const int64_t tiles = cut(p);
    return fc_parallel_for(call, fc_workers(call, tiles), tiles, product_tile, p);
}

fc_status fc_connected_grad_input(const fc_connected_grad *d, char *gx, const fc_call *call) {
    product p = {
        .kernels = d->kernels,
        .item = d->item,
        .groups = d->groups,
        .rows = d->rows,
        .columns = d->in,
        .k = d->out,
        .a = d->gy,
        .a_group = d->out,
        .a_term = 1,
        .a_row = d->groups * d->out,
        .b = d->w,
        .b_group = d->out * d->in,
        .b_term = d->in,
        .c = gx,
        .c_group = d->in,
        .c_row = d->groups * d->in,
        .bias = d->bias,
        .clamp = d->clamp,
        .min = d->min,
        .max = d->max,
    };
    return run_product(&p, call);
}

fc_status fc_connected_grad_weight(const fc_connected_grad *d, char *gw, const fc_call *call) {
    product p = {
        .kernels = d->kernels,
        .item = d->item,
        .groups = d->groups,
        .rows = d->out,
        .columns = d->in,
        .k = d->rows,
        .a = d->gy,
        .a_group = d->out,
        .a_term = d->groups * d->out,
        .a_row = 1,
        .b = d->x,
        .b_group = d->in,
        .b_term = d->groups * d->in,
        .c = gw,
        .c_group = d->out * d->in,
        .c_row = d->in,
    };
    return run_product(&p, call);
}

/* ---- Convolutions ---- */

int fc_connected_grad_suits(const fc_conv *p) {
    for (int i = 0; i < 3; i++)
        if (p->output[i] != 1 || p->pad_before[i] != 0 || p->kernel[i] != p->input[i] ||
            (p->kernel[i] > 1 && p->dilation[i] != 1))
            return 0;
    const int64_t taps = fc_volume(p->kernel);
    return (p->layout == FC_CHANNELS_FIRST || taps == 1) &&
           (p->groups == 1 || p->in_channels / p->groups * taps >= fc_kernels_for(p->dtype)->lanes);
}

static fc_connected_grad connected_of(const fc_conv *p, const void *gy) {
    return (fc_connected_grad){
        .kernels = fc_kernels_for(p->dtype),
        .item = fc_sizeof(p->dtype),
        .rows = p->batch,
        .groups = p->groups,
        .in = p->in_channels / p->groups * fc_volume(p->kernel),
        .out = p->out_channels / p->groups,
        .gy = gy,
        .clamp = p->clamp,
        .min = p->min,
        .max = p->max,
    };
}

/* The bias of each channel for all of its pixels. */
static void spread_bias(const fc_conv *p, int64_t item, const char *bias, char *to) {
    const int64_t taps = fc_volume(p->kernel);
    for (int64_t c = 0; c < p->in_channels; c++)
        for (int64_t t = 0; t < taps; t++, to += item) memcpy(to, bias + c * item, (size_t)item);
}

fc_status fc_connected_conv_grad_input(const fc_conv *p, const void *w, const void *gy,
                                       const void *bias, void *gx, const fc_call *call) {
    fc_connected_grad d = connected_of(p, gy);
    d.w = w;
    if (p->batch == 0) return FC_OK;
    if (!bias) return fc_connected_grad_input(&d, gx, call);
    char *scratch = fc_scratch(d.groups * d.in * d.item);
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    spread_bias(p, d.item, bias, scratch);
    d.bias = scratch;
    const fc_status status = fc_connected_grad_input(&d, gx, call);
    fc_scratch_free(scratch);
    return status;
}

fc_status fc_connected_conv_grad_weight(const fc_conv *p, const void *x, const void *gy, void *gw,
                                        const fc_call *call) {
    fc_connected_grad d = connected_of(p, gy);
    d.x = x;
    return fc_connected_grad_weight(&d, gw, call);
}
