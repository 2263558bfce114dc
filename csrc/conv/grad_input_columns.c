/* The input gradient, and with it the transposed convolution, where windows stand side by side: a
 * stride of the kernel's size, as in the decoder of U-Net and the patches of a vision transformer.
 * Channels first.
 *
 *   gx[n, c, o * stride + t] = sum over k of w[k, c, t] * gy[n, k, o]
 *
 * is the product of two matrices that are there: w with a row for each (c, t), and gy with a column
 * for each pixel o.
 *
 *   for each item (parallel): some rows of a group, some pixels of all images
 *     for each block of terms k:
 *       for each panel of pixels:            copied together, so that it stays in the L1
 *         for each register tile of rows:    one call of the kernel, to scratch
 *     for each line of taps and row of pixels: its sums side by side, to the output
 *
 * A correlation for each phase, as other strides have them, packs w once more for each, from every
 * taps-th element, and writes every other element of gx: 2x2 takes up to a third longer, 16x16 three
 * times as long (AMD Zen 4, November 2026). Sums run over k in order, whatever the item. */
#include "grad_input_disjoint.h"

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
#define VECTORS 8             /* of pixels of an item: with its rows 128 KB */
#define ITEMS 16              /* that a problem should give, if it is not tiny */
#define WIDEST 256            /* kernel: a line of taps is not cut */
#define FEWEST 4              /* terms */
#define SERIAL_WORK (1 << 18) /* multiply-adds: done before another thread wakes */

typedef struct disjoint {
    const fc_conv *p;
    const fc_kernels *kernels;
    int64_t item;                   /* bytes of an element */
    int64_t rows, terms;            /* of a group */
    int64_t image_pixels, pixels;   /* of an image, of all */
    int64_t panel;                  /* pixels */
    int64_t tile_rows, tile_pixels; /* of an item */
    int64_t row_tiles, pixel_tiles;
    int64_t sums_bytes, panel_bytes, bytes; /* of a worker; bias is behind both */
    const char *w, *gy, *bias;
    char *gx, *scratch;
    const int64_t *a_offset, *b_offset, *soon_offset; /* of the terms of a block */
} disjoint;

/* What an item is, and where it works. */
typedef struct piece {
    int64_t group, row, rows, pixel, pixels;
    char *sums, *panel, *bias;
} piece;

int fc_grad_input_disjoint_suits(const fc_conv *p) {
    for (int i = 0; i < 3; i++)
        if (p->kernel[i] != p->stride[i] || (p->kernel[i] > 1 && p->dilation[i] != 1) ||
            p->pad_before[i] != 0 || p->output[i] == 0 ||
            p->input[i] != times64(p->output[i], p->stride[i]))
            return 0;
    const int64_t taps = fc_volume(p->kernel);
    return p->layout == FC_CHANNELS_FIRST && taps > 1 && p->kernel[2] <= WIDEST &&
           p->in_channels / p->groups * taps >= fc_kernels_for(p->dtype)->conv.rows &&
           p->out_channels / p->groups >= FEWEST;
}

/* ---- An item ---- */

static piece piece_at(const disjoint *d, int64_t index, int worker) {
    piece n;
    n.pixel = index % d->pixel_tiles * d->tile_pixels;
    n.pixels = min64(d->tile_pixels, d->pixels - n.pixel);
    index /= d->pixel_tiles;
    n.row = index % d->row_tiles * d->tile_rows;
    n.rows = min64(d->tile_rows, d->rows - n.row);
    n.group = index / d->row_tiles;
    n.sums = d->scratch + worker * d->bytes;
    n.panel = n.sums + d->sums_bytes;
    n.bias = n.panel + d->panel_bytes;
    return n;
}

/* The bias of every row: its channel's. */
static void spread_bias(const disjoint *d, const piece *n) {
    const int64_t taps = fc_volume(d->p->kernel),
                  first = n->group * (d->p->in_channels / d->p->groups);
    for (int64_t r = 0; r < n->rows; r++)
        memcpy(n->bias + r * d->item, d->bias + (first + (n->row + r) / taps) * d->item,
               (size_t)d->item);
}

/* All rows with `columns` pixels of the panel, from pixel j of the item on. Meanwhile, the next panel
 * is asked for: each of the first tiles a line of all its terms. */
static void multiply_panel(const disjoint *d, const piece *n, int64_t j, int64_t columns,
                           int64_t term, int64_t terms, const char *next) {
    const int64_t each = ceil_div(n->rows, ceil_div(n->rows, d->kernels->conv.rows)),
                  ld = d->tile_pixels;
    fc_outer tile = {
        .k = terms,
        .b = n->panel,
        .a_offset = d->a_offset,
        .b_offset = d->b_offset,
        .soon_offset = d->soon_offset,
        .a_step = 1,
        .ldc = ld,
        .columns = columns,
        .min = d->p->min,
        .max = d->p->max,
        .first = term == 0,
        .last = term + terms == d->terms,
        .clamp = d->p->clamp,
    };
    const char *end = next + d->panel * d->item;
    for (int64_t r = 0; r < n->rows; r += each, next += LINE) {
        const int64_t rows = min64(each, n->rows - r);
        tile.soon = next < end ? next : NULL;
        tile.a = d->w + ((n->group * d->terms + term) * d->rows + n->row + r) * d->item;
        tile.c = n->sums + (r * ld + j) * d->item;
        tile.bias = d->bias ? n->bias + r * d->item : NULL;
        d->kernels->conv.outer[rows - 1][fc_outer_narrowest(d->kernels, rows, columns) - 1](&tile);
    }
}

/* Where gy has a pixel, counted over all images, of a term. */
static const char *pixel_at(const disjoint *d, int64_t group, int64_t term, int64_t pixel) {
    const int64_t image = pixel / d->image_pixels;
    return d->gy + (((image * d->p->groups + group) * d->terms + term) * d->image_pixels +
                    pixel % d->image_pixels) *
                       d->item;
}

/* Pixels of one image after another, to a panel. */
static void fill_panel(const disjoint *d, const piece *n, int64_t pixel, int64_t columns,
                       int64_t term, int64_t terms) {
    for (int64_t j = 0, run; j < columns; j += run, pixel += run) {
        run = min64(columns - j, d->image_pixels - pixel % d->image_pixels);
        d->kernels->conv.copy_padded(n->panel + j * d->item, d->panel,
                                     pixel_at(d, n->group, term, pixel), d->image_pixels, terms, 0,
                                     run, j + run == columns ? d->panel - columns : 0, 1);
    }
}

static void multiply(const disjoint *d, const piece *n) {
    for (int64_t term = 0; term < d->terms; term += TERMS) {
        const int64_t terms = min64(TERMS, d->terms - term);
        for (int64_t j = 0; j < n->pixels; j += d->panel) {
            const int64_t columns = min64(d->panel, n->pixels - j);
            const int more = j + d->panel < n->pixels;
            fill_panel(d, n, n->pixel + j, columns, term, terms);
            multiply_panel(d, n, j, columns, term, terms,
                           pixel_at(d, n->group, more ? term : term + terms,
                                    n->pixel + (more ? j + d->panel : 0)));
        }
    }
}

/* A line of `taps` rows of sums, for `pixels` pixels, side by side. */
static void store_line(const disjoint *d, char *to, const char *sums, int64_t taps,
                       int64_t pixels) {
    const fc_conv_kernels *k = &d->kernels->conv;
    if (taps == 1) k->copy(to, 1, sums, 1, pixels);
    else if (taps == 2) k->zip(to, sums, sums + d->tile_pixels * d->item, pixels);
    else if (taps ==
             3) /* with AVX2 a third faster than stores of 3 lanes (AMD Zen 4, November 2026) */
        for (int64_t t = 0; t < taps; t++)
            k->copy(to + t * d->item, taps, sums + t * d->tile_pixels * d->item, 1, pixels);
    else k->transpose(to, taps, sums, d->tile_pixels, taps, pixels);
}

/* The sums of pixels [pixel, pixel + count) of one row of the image. */
static void store_pixels(const disjoint *d, const piece *n, int64_t pixel, int64_t count) {
    const fc_conv *p = d->p;
    const int64_t *k = p->kernel, column = pixel % p->output[2], row = pixel / p->output[2];
    const int64_t image = row / (p->output[0] * p->output[1]);
    const int64_t slice = row / p->output[1] % p->output[0] * k[0],
                  line = row % p->output[1] * k[1];
    const int64_t channel = (image * p->groups + n->group) * (p->in_channels / p->groups);
    for (int64_t r = 0; r < n->rows; r += k[2]) {
        const int64_t taps = (n->row + r) / k[2], c = channel + taps / (k[0] * k[1]);
        const int64_t z = slice + taps / k[1] % k[0], y = line + taps % k[1];
        const int64_t to = ((c * p->input[0] + z) * p->input[1] + y) * p->input[2] + column * k[2];
        store_line(d, d->gx + to * d->item,
                   n->sums + (r * d->tile_pixels + pixel - n->pixel) * d->item, k[2], count);
    }
}

static void disjoint_item(void *context, int64_t index, int worker) {
    const disjoint *d = context;
    const piece n = piece_at(d, index, worker);
    if (d->bias) spread_bias(d, &n);
    multiply(d, &n);
    const int64_t end = n.pixel + n.pixels, row = d->p->output[2];
    for (int64_t pixel = n.pixel, next; pixel < end; pixel = next) {
        next = min64(end, (pixel / row + 1) * row);
        store_pixels(d, &n, pixel, next - pixel);
    }
}

/* ---- All of them ---- */

static int64_t items_of(const disjoint *d) { return d->p->groups * d->row_tiles * d->pixel_tiles; }

/* Items of at most so many rows, about, and about as many each: whole lines of taps. */
static void cut_rows(disjoint *d, int64_t most) {
    const int64_t lines = d->rows / d->p->kernel[2], tiles = ceil_div(d->rows, most);
    d->tile_rows = ceil_div(lines, tiles) * d->p->kernel[2];
    d->row_tiles = ceil_div(d->rows, d->tile_rows);
}

static disjoint disjoint_of(const fc_conv *p) {
    disjoint d = {.p = p, .kernels = fc_kernels_for(p->dtype), .item = fc_sizeof(p->dtype)};
    const int64_t lanes = d.kernels->lanes, most = d.kernels->conv.rows;
    d.rows = p->in_channels / p->groups * fc_volume(p->kernel);
    d.terms = p->out_channels / p->groups;
    d.image_pixels = fc_volume(p->output);
    d.pixels = p->batch * d.image_pixels;
    d.panel = fc_outer_widest(d.kernels, most) * lanes;
    d.tile_pixels = min64(up_to(d.pixels, lanes), up_to(VECTORS * lanes, d.panel));
    d.pixel_tiles = ceil_div(d.pixels, d.tile_pixels);
    int64_t rows = ROWS;
    for (cut_rows(&d, rows); items_of(&d) < ITEMS && rows > 2 * most; cut_rows(&d, rows)) rows /= 2;
    d.sums_bytes = fc_aligned(d.tile_rows * d.tile_pixels * d.item);
    d.panel_bytes = fc_aligned(min64(d.terms, TERMS) * d.panel * d.item);
    d.bytes = d.sums_bytes + d.panel_bytes + fc_aligned(d.tile_rows * d.item);
    return d;
}

static void fill_offsets(const disjoint *d, int64_t *a, int64_t *b, int64_t *soon) {
    for (int64_t i = 0; i < TERMS; i++) {
        a[i] = i * d->rows;
        b[i] = i * d->panel;
        soon[i] = i * d->image_pixels;
    }
}

fc_status fc_grad_input_disjoint(const fc_conv *p, const void *w, const void *gy, const void *bias,
                                 void *gx, const fc_call *call) {
    if (p->batch == 0) return FC_OK;
    disjoint d = disjoint_of(p);
    int64_t offsets[3][TERMS];
    fill_offsets(&d, offsets[0], offsets[1], offsets[2]);
    d.a_offset = offsets[0];
    d.b_offset = offsets[1];
    d.soon_offset = offsets[2];
    d.w = w;
    d.gy = gy;
    d.bias = bias;
    d.gx = gx;
    const double work =
        (double)(p->groups * d.rows) * (double)(d.terms + FEWEST) * (double)d.pixels;
    const int workers = work < SERIAL_WORK ? 1 : fc_workers(call, items_of(&d));
    d.scratch = fc_scratch(workers * d.bytes);
    FC_REQUIRE(d.scratch, FC_OUT_OF_MEMORY);
    const fc_status status = fc_parallel_for(call, workers, items_of(&d), disjoint_item, &d);
    fc_scratch_free(d.scratch);
    return status;
}
