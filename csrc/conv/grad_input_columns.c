/* The columns of an input gradient: a product of two matrices that are there, w with a row for each
 * (c, t), and gy with a column for each pixel o.
 *
 *   columns[c, t][n, o] = sum over k of w[k, c, t] * gy[n, k, o]
 *
 *   for each item (parallel): some rows of a group, some pixels of all images
 *     for each block of terms k:
 *       for each panel of pixels:            copied together, so that it stays in the L1
 *         for each register tile of rows:    one call of the kernel, to scratch
 *     what becomes of them: store()
 *
 * Sums run over k in order, whatever the item. */
#include "grad_input_columns.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "integers.h"
#include "outer.h"
#include "problem.h"

#define TERMS 128             /* of a block: two vectors of each are 16 KB */
#define ROWS 256              /* of an item, at most, about: panels are copied for all of them */
#define LINE 64               /* bytes, of a cache */
#define VECTORS 8             /* of pixels of an item, if one image has no more */
#define SUMS (1 << 17)        /* bytes, of an item */
#define ITEMS 16              /* that a problem should give, if it is not tiny */
#define STORING 4             /* terms, that storing a sum takes as long as */
#define SERIAL_WORK (1 << 18) /* multiply-adds: done before another thread wakes */

/* ---- An item ---- */

static void place_pixels(const fc_grad_columns *d, int64_t tile, fc_grad_piece *n) {
    n->pixel = tile * d->tile_pixels;
    n->pixels = min64(d->tile_pixels, d->pixels - n->pixel);
}

static fc_grad_piece piece_at(const fc_grad_columns *d, int64_t index, int worker) {
    fc_grad_piece n;
    n.tile = index % d->pixel_tiles;
    (d->place ? d->place : place_pixels)(d, n.tile, &n);
    index /= d->pixel_tiles;
    n.row = index % d->row_tiles * d->tile_rows;
    n.rows = min64(d->tile_rows, d->rows - n.row);
    n.group = index / d->row_tiles;
    n.sums = d->scratch + worker * d->bytes;
    n.panel = n.sums + d->sums_bytes;
    n.bias = n.panel + d->panel_bytes;
    n.more = n.bias + d->bias_bytes;
    return n;
}

/* The bias of every row: its channel's. */
static void spread_bias(const fc_grad_columns *d, const fc_grad_piece *n) {
    const int64_t taps = fc_volume(d->p->kernel),
                  first = n->group * (d->p->in_channels / d->p->groups);
    for (int64_t r = 0; r < n->rows; r++)
        memcpy(n->bias + r * d->item, d->bias + (first + (n->row + r) / taps) * d->item,
               (size_t)d->item);
}

/* All rows with `columns` pixels of the panel, from pixel j of the item on. Meanwhile, the next panel
 * is asked for: each of the first tiles a line of all its terms. Where there is none, the next tile's
 * weights are, which are far apart and not read again: 4x4/2 of 1024 to 512 channels and 4 x 4
 * pixels takes a tenth less time (AMD Zen 4, November 2026). */
static void multiply_panel(const fc_grad_columns *d, const fc_grad_piece *n, int64_t j,
                           int64_t columns, int64_t term, int64_t terms, const char *next) {
    const int64_t height = ceil_div(n->rows, ceil_div(n->rows, d->kernels->conv.rows)),
                  ld = d->tile_pixels;
    fc_outer tile = {
        .k = terms,
        .b = n->panel,
        .a_offset = d->a_offset,
        .b_offset = d->b_offset,
        .soon_offset = next ? d->soon_offset : d->a_offset,
        .a_step = 1,
        .ldc = ld,
        .columns = columns,
        .min = d->p->min,
        .max = d->p->max,
        .first = term == 0,
        .last = term + terms == d->terms,
        .clamp = d->finished && d->p->clamp,
    };
    for (int64_t r = 0, line = 0; r < n->rows; r += height, line += LINE) {
        const int64_t rows = min64(height, n->rows - r);
        tile.a = d->w + ((n->group * d->terms + term) * d->rows + n->row + r) * d->item;
        if (next) tile.soon = line < d->panel * d->item ? next + line : NULL;
        else tile.soon = r + rows < n->rows ? (const char *)tile.a + rows * d->item : NULL;
        tile.c = n->sums + (r * ld + j) * d->item;
        tile.bias = d->bias && d->finished ? n->bias + r * d->item : NULL;
        d->kernels->conv.outer[rows - 1][fc_outer_narrowest(d->kernels, rows, columns) - 1](&tile);
    }
}

/* Where gy has a pixel, counted over all images, of a term. */
static const char *pixel_at(const fc_grad_columns *d, int64_t group, int64_t term, int64_t pixel) {
    const int64_t image = pixel / d->image_pixels;
    return d->gy + (((image * d->p->groups + group) * d->terms + term) * d->image_pixels +
                    pixel % d->image_pixels) *
                       d->item;
}

/* Pixels of one image after another, to a panel. */
static void fill_panel(const fc_grad_columns *d, const fc_grad_piece *n, int64_t pixel,
                       int64_t columns, int64_t term, int64_t terms) {
    for (int64_t j = 0, run; j < columns; j += run, pixel += run) {
        run = min64(columns - j, d->image_pixels - pixel % d->image_pixels);
        d->kernels->conv.copy_padded(n->panel + j * d->item, d->panel,
                                     pixel_at(d, n->group, term, pixel), d->image_pixels, terms, 0,
                                     run, j + run == columns ? d->panel - columns : 0, 1);
    }
}

/* What is read after the panel at j and `terms` terms; NULL where that is but weights. */
static const char *next_panel(const fc_grad_columns *d, const fc_grad_piece *n, int64_t j,
                              int64_t term, int64_t terms) {
    if (j + d->panel < n->pixels) return pixel_at(d, n->group, term, n->pixel + j + d->panel);
    if (n->pixels <= d->panel) return NULL;
    return pixel_at(d, n->group, term + terms, n->pixel);
}

static void multiply(const fc_grad_columns *d, const fc_grad_piece *n) {
    for (int64_t term = 0; term < d->terms; term += TERMS) {
        const int64_t terms = min64(TERMS, d->terms - term);
        for (int64_t j = 0; j < n->pixels; j += d->panel) {
            const int64_t columns = min64(d->panel, n->pixels - j);
            fill_panel(d, n, n->pixel + j, columns, term, terms);
            multiply_panel(d, n, j, columns, term, terms, next_panel(d, n, j, term, terms));
        }
    }
}

static void columns_item(void *context, int64_t index, int worker) {
    const fc_grad_columns *d = context;
    const fc_grad_piece n = piece_at(d, index, worker);
    if (d->bias && d->finished) spread_bias(d, &n);
    multiply(d, &n);
    d->store(d, &n);
}

/* ---- All of them ---- */

fc_grad_columns fc_grad_columns_of(const fc_conv *p, const void *w, const void *gy,
                                   const void *bias, void *gx) {
    fc_grad_columns d = {.p = p, .w = w, .gy = gy, .bias = bias, .gx = gx};
    d.kernels = fc_kernels_for(p->dtype);
    d.item = fc_sizeof(p->dtype);
    d.rows = p->in_channels / p->groups * fc_volume(p->kernel);
    d.terms = p->out_channels / p->groups;
    d.image_pixels = fc_volume(p->output);
    d.pixels = p->batch * d.image_pixels;
    d.panel = fc_outer_widest(d.kernels, d.kernels->conv.rows) * d.kernels->lanes;
    return d;
}

static int64_t items_of(const fc_grad_columns *d) {
    return d->p->groups * d->row_tiles * d->pixel_tiles;
}

/* Items of at most so many rows, about, and about as many each. */
static void cut_rows(fc_grad_columns *d, int64_t unit, int64_t most) {
    const int64_t units = d->rows / unit, tiles = ceil_div(d->rows, most);
    d->tile_rows = ceil_div(units, tiles) * unit;
    d->row_tiles = ceil_div(d->rows, d->tile_rows);
}

int64_t fc_grad_columns_pixels(const fc_grad_columns *d) {
    return up_to(VECTORS * d->kernels->lanes, d->panel);
}

void fc_grad_columns_cut(fc_grad_columns *d, int64_t row_unit, int64_t pixel_tiles,
                         int64_t tile_pixels) {
    d->pixel_tiles = pixel_tiles;
    d->tile_pixels = tile_pixels;
    int64_t rows = min64(ROWS, max64(1, SUMS / (tile_pixels * d->item)));
    for (cut_rows(d, row_unit, rows); items_of(d) < ITEMS && rows > 2 * d->kernels->conv.rows;
         cut_rows(d, row_unit, rows))
        rows /= 2;
}

static void fill_offsets(const fc_grad_columns *d, int64_t *a, int64_t *b, int64_t *soon) {
    for (int64_t i = 0; i < TERMS; i++) {
        a[i] = i * d->rows;
        b[i] = i * d->panel;
        soon[i] = i * d->image_pixels;
    }
}

fc_status fc_grad_columns_run(fc_grad_columns *d, const fc_call *call) {
    int64_t offsets[3][TERMS];
    fill_offsets(d, offsets[0], offsets[1], offsets[2]);
    d->a_offset = offsets[0];
    d->b_offset = offsets[1];
    d->soon_offset = offsets[2];
    d->sums_bytes = fc_aligned(d->tile_rows * d->tile_pixels * d->item);
    d->panel_bytes = fc_aligned(min64(d->terms, TERMS) * d->panel * d->item);
    d->bias_bytes = fc_aligned(d->tile_rows * d->item);
    d->bytes = d->sums_bytes + d->panel_bytes + d->bias_bytes + fc_aligned(d->more_bytes);
    const double work =
        (double)(d->p->groups * d->rows) * (double)(d->terms + STORING) * (double)d->pixels;
    const int workers = work < SERIAL_WORK ? 1 : fc_workers(call, items_of(d));
    d->scratch = fc_scratch(workers * d->bytes);
    FC_REQUIRE(d->scratch, FC_OUT_OF_MEMORY);
    const fc_status status = fc_parallel_for(call, workers, items_of(d), columns_item, d);
    fc_scratch_free(d->scratch);
    return status;
}
