/* The gradient with respect to the weight as a sum of outer products, one for each pixel:
 *
 *   sums[c, t][k] = sum over images and pixels o of
 *                   x[n, c, o*stride + t*dilation - pad] * gy[n, k, o]
 *
 *   for each item (parallel):        a unit (input channels x taps x output channels of a group)
 *                                    x a chunk of pieces (pieces.h)
 *     for each piece of the chunk:
 *       bring gy as [pixel][output channel], and x with its padding
 *       for each panel of output channels:                        (the vectors)
 *         for each tile of input channels, or of taps in a row:   (the broadcasts)
 *           for each other tap:  one call of the kernel, all pixels of the piece
 *   add the chunks in their order, and turn the sums to the weight's order
 *
 * Either operand is read in place where it can be: x needs a copy only for padding, gy where its
 * pixels are not rows of whole vectors. A 1x1 problem without padding is the same with x and gy
 * exchanged: then the sums are in the weight's order, and x is the one that is turned. The chunks
 * depend on the problem alone: the bytes do not depend on the number of threads. */
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "grad_weight.h"
#include "integers.h"
#include "pieces.h"

#define BLOCK_BYTES                                                                                \
    (512 << 10) /* of a piece of x, of gy, and of a unit's sums, at most: in the L2 */
#define PANEL_BYTES (32 << 10) /* of a panel of gy: in the L1 */
#define PARTIAL_BYTES ((int64_t)4 << 20)
#define SHARED_BYTES ((int64_t)4 << 20)
#define WIDTHS 4             /* vectors of a tile, at most */
#define ITEMS 128            /* that a problem should give, if it is not small */
#define ITEM_WORK (1 << 21)  /* multiply-adds an item should have, about */
#define OVERHEAD 0.06        /* of bringing data for a unit that is made smaller for more items */
#define SHARE 32             /* channels of an image that are brought for all items at a time */
#define FINISH_ELEMENTS 8192 /* of the sums, that an item adds and turns */

/* Strides of x or gy as the kernel reads them, in elements. */
typedef struct operand {
    int64_t group, channel, image, pixel[3], tap[3];
} operand;

/* How the problem is cut, and what all items share. */
typedef struct run {
    fc_correlation c;      /* 1x1 without padding: pixels in one line */
    int exchanged, direct; /* direct: sums in the gradient itself */
    int x_shared;          /* brought once, for all items */
    int x_ready, gy_ready; /* that, or read in place; else every item brings its own */
    operand x_as, gy_as;   /* where they are ready */
    fc_pieces pieces;
    int64_t rows, columns, taps[3]; /* a unit: input and output channels */
    int64_t row_blocks, column_blocks, tap_blocks[3], units, units_together;
    int64_t chunks, chunk_pieces;
    int64_t ld, unit_elements; /* of the sums of a unit */
    int width, along_taps;     /* of a tile: vectors, and whether rows are taps */
    int64_t plane_at, lines_at, sums_at, offsets_at, bytes; /* scratch of a worker */
    const char *x, *gy, *x_data;                            /* _data: ready */
    char *x_copy, *gw, *partial, *scratch;
} run;

typedef struct item {
    const run *run;
    fc_box box;
    fc_taps taps;
    operand x_as;
    int64_t group, row, rows, column, columns; /* input and output channels */
    int64_t pixel, pixels;                     /* of the piece: those of a panel */
    const char *x, *gy;                        /* as the kernel reads them */
    int64_t *x_offset, *gy_offset;
    char *plane, *lines, *sums;
    int64_t ld;
    int first;
} item;

static const fc_weight_tuning *costs(const run *r) { return &r->c.kernels->tuning.weight; }
static int64_t volume(const int64_t n[3]) { return n[0] * n[1] * n[2]; }
/* Pixels of an image: of x or of gy. */
static int64_t space_of(const fc_correlation *c, int out) {
    int64_t n = 1;
    for (int i = 0; i < 3; i++) n *= out ? c->axis[i].out : c->axis[i].in;
    return n;
}
static int64_t weight_depth(const run *r) {
    return r->exchanged ? r->c.out_channels : fc_correlation_depth(&r->c);
}
static double multiplications(const run *r) {
    const fc_axis *a = r->c.axis;
    return (double)r->c.batch * (double)(a[0].out * a[1].out * a[2].out) * (double)r->c.groups *
           (double)r->c.out_channels * (double)fc_correlation_depth(&r->c);
}

/* ---- The problem ---- */

/* An image that is covered by one kernel is one pixel with more channels. */
static void fold_image(fc_correlation *c) {
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->out != 1 || a->offset != 0 || a->in != a->taps ||
            (a->taps > 1 && a->offset_step != 1) || c->layout != FC_CHANNELS_FIRST)
            return;
    }
    c->in_channels *= fc_correlation_taps(c);
    c->layout = FC_CHANNELS_LAST;
    for (int i = 0; i < 3; i++) c->axis[i].in = c->axis[i].taps = 1;
}

/* Whether every pixel of the input meets the one of gy, and only it. */
static int is_product(const fc_correlation *c) {
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        if (a->taps != 1 || a->offset != 0 || a->in != a->out) return 0;
        if (a->stride != 1 && a->out != 1) return 0;
    }
    return 1;
}

/* Its pixels in one line, with channels last those of all images. */
static void join_pixels(fc_correlation *c) {
    int64_t pixels = c->axis[0].in * c->axis[1].in * c->axis[2].in;
    if (c->layout == FC_CHANNELS_LAST) {
        pixels *= c->batch;
        c->batch = 1;
    }
    for (int i = 0; i < 3; i++) {
        fc_axis *a = &c->axis[i];
        a->in = a->out = a->size = i == 2 ? pixels : 1;
        a->stride = a->offset_step = 1;
    }
}

static void choose_products(item *it, int64_t unit) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    for (int i = 2; i >= 0; i--) {
        it->taps.first[i] = unit % r->tap_blocks[i] * r->taps[i];
        it->taps.size[i] = min64(r->taps[i], c->axis[i].taps - it->taps.first[i]);
        unit /= r->tap_blocks[i];
    }
    it->row = unit % r->row_blocks * r->rows;
    it->rows = min64(r->rows, c->in_channels - it->row);
    unit /= r->row_blocks;
    it->column = unit % r->column_blocks * r->columns;
    it->columns = min64(r->columns, c->out_channels - it->column);
    it->group = unit / r->column_blocks;
}

/* ---- How x and gy are read ---- */

static fc_box whole_image(const run *r, int64_t image) {
    const fc_axis *a = r->c.axis;
    return (fc_box){image, 1, {0, 0, 0}, {a[0].out, a[1].out, a[2].out}};
}

static fc_taps all_taps(const run *r) {
    return (fc_taps){{0, 0, 0}, {r->taps[0], r->taps[1], r->taps[2]}};
}

static operand x_as(const run *r, const fc_plane *plane) {
    operand x = {.channel = plane->channel, .image = plane->image};
    x.group = r->c.in_channels * x.channel;
    for (int i = 0; i < 3; i++) {
        x.pixel[i] = plane->pixel[i];
        x.tap[i] = plane->line[i] * r->c.axis[i].offset_step;
    }
    return x;
}

/* gy in place, channels last. */
static operand gy_as(const fc_correlation *c) {
    operand gy = {.group = c->out_channels, .channel = 1};
    gy.pixel[2] = c->groups * c->out_channels;
    gy.pixel[1] = gy.pixel[2] * c->axis[2].out;
    gy.pixel[0] = gy.pixel[1] * c->axis[1].out;
    gy.image = gy.pixel[0] * c->axis[0].out;
    return gy;
}

/* The first pixel's first tap. */
static const char *x_ready(const item *it) {
    const operand *x = &it->run->x_as;
    int64_t at = it->box.image * x->image + it->group * x->group + it->row * x->channel;
    for (int i = 0; i < 3; i++)
        at += it->box.first[i] * x->pixel[i] + it->taps.first[i] * x->tap[i];
    return it->run->x_data + at * it->run->c.item;
}

static const char *gy_ready(const item *it) {
    const operand *gy = &it->run->gy_as;
    int64_t at = it->box.image * gy->image + it->group * gy->group + it->column;
    for (int i = 0; i < 3; i++) at += it->box.first[i] * gy->pixel[i];
    return it->run->gy + at * it->run->c.item;
}

/* ---- Bringing what is not ready ---- */

static void bring_x(item *it) {
    const run *r = it->run;
    const fc_plane plane = fc_plane_copied(&r->c, &it->box, &it->taps, it->rows);
    it->x_as = x_as(r, &plane);
    it->x = it->plane;
    fc_plane_gather(&r->c, &plane, &it->box, &it->taps, r->x, it->group, it->row, it->rows,
                    it->plane);
}

/* Elements of gy before pixel (d, h, 0) of an image of the piece, in the unit's first channel. */
static int64_t row_in_gy(const item *it, int64_t image, int64_t d, int64_t h) {
    const fc_correlation *c = &it->run->c;
    const fc_axis *a = c->axis;
    const int64_t all = c->groups * c->out_channels, space = space_of(c, 1);
    const int64_t pixel =
        ((it->box.first[0] + d) * a[1].out + it->box.first[1] + h) * a[2].out + it->box.first[2];
    const int64_t channel = it->group * c->out_channels + it->column;
    const int last = c->layout == FC_CHANNELS_LAST;
    return (it->box.image + image) * all * space + pixel * (last ? all : 1) +
           channel * (last ? 1 : space);
}

/* `pixels` pixels that follow one another, to rows of `ld`. */
static char *bring_stretch(const item *it, char *dst, int64_t ld, int64_t from, int64_t pixels) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    const char *src = r->gy + from * c->item;
    if (c->layout == FC_CHANNELS_LAST)
        c->kernels->conv.copy_padded(dst, ld, src, c->groups * c->out_channels, pixels, 0,
                                     it->columns, 0, 1);
    else c->kernels->conv.transpose(dst, ld, src, space_of(c, 1), it->columns, pixels);
    return dst + pixels * ld * c->item;
}

static void bring_gy(item *it, char *dst, int64_t ld) {
    const run *r = it->run;
    const int64_t *n = it->box.size;
    /* Whole rows follow one another, and whole slices. */
    const int rows = n[2] == r->c.axis[2].out, slices = rows && n[1] == r->c.axis[1].out;
    const int64_t h_step = rows ? n[1] : 1, d_step = slices ? n[0] : 1;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < n[0]; d += d_step)
            for (int64_t h = 0; h < n[1]; h += h_step)
                dst = bring_stretch(it, dst, ld, row_in_gy(it, i, d, h), d_step * h_step * n[2]);
}

/* Where each pixel of the piece stands, in x and in gy. */
static void list_pixels(item *it) {
    const run *r = it->run;
    const int64_t *n = it->box.size;
    const operand *x = &it->x_as, *gy = &r->gy_as;
    int64_t p = 0;
    for (int64_t i = 0; i < it->box.images; i++)
        for (int64_t d = 0; d < n[0]; d++)
            for (int64_t h = 0; h < n[1]; h++) {
                const int64_t x_row = i * x->image + d * x->pixel[0] + h * x->pixel[1],
                              gy_row = i * gy->image + d * gy->pixel[0] + h * gy->pixel[1];
                for (int64_t w = 0; w < n[2]; w++, p++) {
                    it->x_offset[p] = x_row + w * x->pixel[2];
                    it->gy_offset[p] = r->gy_ready ? gy_row + w * gy->pixel[2] : p * r->ld;
                }
            }
    it->pixels = p;
}

/* For all items: some channels of an image of x. */
static void share_x(item *it) {
    const run *r = it->run;
    const operand *x = &r->x_as;
    const fc_plane plane = fc_plane_copied(&r->c, &it->box, &it->taps, it->rows);
    const int64_t at = it->box.image * x->image + it->group * x->group + it->row * x->channel;
    fc_plane_gather(&r->c, &plane, &it->box, &it->taps, r->x, it->group, it->row, it->rows,
                    r->x_copy + at * r->c.item);
}

/* Channels last: all of them, as the copy is theirs together. */
static int64_t shares(const run *r) {
    return r->c.layout == FC_CHANNELS_LAST ? 1 : ceil_div(r->c.in_channels, SHARE);
}

static void share_item(void *context, int64_t index, int worker) {
    (void)worker;
    const run *r = context;
    const int64_t n = shares(r), channels = r->c.in_channels;
    item it = {.run = r, .group = index / n % r->c.groups, .taps = all_taps(r)};
    it.box = whole_image(r, index / n / r->c.groups);
    it.row = index % n * SHARE;
    it.rows = n == 1 ? channels : min64(SHARE, channels - it.row);
    share_x(&it);
}

/* ---- Summing ---- */

static int64_t most_rows(const fc_correlation *c, int width) {
    int64_t rows = c->kernels->conv.rows;
    while (rows > 0 && !c->kernels->conv.outer[rows - 1][width - 1]) rows--;
    return rows;
}

static int64_t vectors_of(const item *it) {
    return ceil_div(it->columns, it->run->c.kernels->lanes);
}
/* Pixels are summed in blocks whose panel of gy stays in the L1. */
static int64_t blocks_of(const item *it) {
    const int64_t vector = it->run->c.kernels->lanes * it->run->c.item;
    return ceil_div(it->pixels, PANEL_BYTES / (it->run->width * vector));
}

static void sum_tile(const item *it, int64_t x, int64_t x_row, int64_t rows, int64_t sum,
                     int64_t sum_row, int64_t column, int width) {
    const fc_correlation *c = &it->run->c;
    const int64_t vectors = (int64_t)width * c->kernels->lanes;
    const fc_outer t = {
        .k = it->pixels,
        .a = it->x + x * c->item,
        .b = it->gy + column * c->item,
        .a_offset = it->x_offset + it->pixel,
        .b_offset = it->gy_offset + it->pixel,
        .a_step = x_row,
        .c = it->sums + (sum * it->ld + column) * c->item,
        .ldc = sum_row * it->ld,
        .columns = it->run->direct ? min64(vectors, it->columns - column) : vectors,
        .first = it->first,
    };
    c->kernels->conv.outer[rows - 1][width - 1](&t);
}

/* `n` rows in tiles of one size, or one less. */
static void sum_rows(const item *it, int64_t x, int64_t x_row, int64_t n, int64_t sum,
                     int64_t sum_row, int64_t column, int width) {
    const int64_t tiles = ceil_div(n, most_rows(&it->run->c, width));
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t first = n * i / tiles, end = n * (i + 1) / tiles;
        sum_tile(it, x + first * x_row, x_row, end - first, sum + first * sum_row, sum_row, column,
                 width);
    }
}

/* All rows of one panel. A few rows of x stay in the cache while their taps pass. */
static void sum_panel(const item *it, int64_t column, int width) {
    const int64_t *t = it->taps.size, *step = it->x_as.tap, taps = volume(t);
    const int64_t most = most_rows(&it->run->c, width), tiles = ceil_div(it->rows, most);
    const int along = it->run->along_taps;
    for (int64_t i = 0; i < (along ? it->rows : tiles); i++) {
        const int64_t first = along ? i : it->rows * i / tiles,
                      rows = it->rows * (i + 1) / tiles - first;
        for (int64_t d = 0, tap = 0; d < t[0]; d++)
            for (int64_t h = 0; h < t[1]; h++, tap += t[2]) {
                const int64_t x = first * it->x_as.channel + d * step[0] + h * step[1];
                if (along) sum_rows(it, x, step[2], t[2], first * taps + tap, 1, column, width);
                else
                    for (int64_t w = 0; w < t[2]; w++)
                        sum_tile(it, x + w * step[2], it->x_as.channel, rows,
                                 first * taps + tap + w, taps, column, width);
            }
    }
}

static void bring_piece(item *it) {
    const run *r = it->run;
    if (r->x_ready) {
        it->x_as = r->x_as;
        it->x = x_ready(it);
    } else bring_x(it);
    if (r->gy_ready) it->gy = gy_ready(it);
    else bring_gy(it, it->lines, r->ld);
    list_pixels(it);
}

static void sum_piece(item *it) {
    const run *r = it->run;
    const int64_t lanes = r->c.kernels->lanes, all = it->pixels, blocks = blocks_of(it);
    for (int64_t i = 0; i < blocks; i++) {
        it->pixel = all * i / blocks;
        it->pixels = all * (i + 1) / blocks - it->pixel;
        for (int64_t v = 0; v < vectors_of(it); v += r->width)
            sum_panel(it, v * lanes, (int)min64(r->width, vectors_of(it) - v));
        it->first = 0;
    }
}

/* ---- From the sums to the weight ---- */

/* Sums of `rows` input channels from the unit's channel `first` on. */
static void finish(const item *it, const char *sums, int64_t first, int64_t rows) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    const fc_conv_kernels *k = &c->kernels->conv;
    const int64_t *t = it->taps.size, depth = weight_depth(r), channel = it->row + first;
    if (r->exchanged) {
        char *gw = r->gw + ((it->group * c->in_channels + channel) * depth + it->column) * c->item;
        for (int64_t i = 0; i < rows; i++)
            k->copy(gw + i * depth * c->item, 1, sums + i * r->ld * c->item, 1, it->columns);
        return;
    }
    const int64_t taps = fc_correlation_taps(c);
    char *gw =
        r->gw + ((it->group * c->out_channels + it->column) * depth + channel * taps) * c->item;
    if (volume(t) == taps) {
        k->transpose(gw, depth, sums, r->ld, rows * taps, it->columns);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t d = 0; d < t[0]; d++)
            for (int64_t h = 0; h < t[1]; h++, sums += t[2] * r->ld * c->item) {
                const int64_t tap = (it->taps.first[0] + d) * c->w_axis[0] +
                                    (it->taps.first[1] + h) * c->w_axis[1] + it->taps.first[2];
                k->transpose(gw + (i * taps + tap) * c->item, depth, sums, r->ld, t[2],
                             it->columns);
            }
}

static void run_unit(item *it, int64_t unit, int64_t chunk) {
    const run *r = it->run;
    const fc_correlation *c = &r->c;
    choose_products(it, unit);
    it->ld = r->ld;
    it->gy = it->lines;
    if (r->direct) {
        it->ld = weight_depth(r);
        it->sums = r->gw + ((it->group * c->in_channels + it->row) * it->ld + it->column) * c->item;
    } else if (r->chunks > 1) {
        it->sums = r->partial + (chunk * r->units + unit) * r->unit_elements * c->item;
    }
    if (!r->gy_ready && it->columns < r->ld) /* lanes that no channel has */
        memset(it->lines, 0, (size_t)(r->sums_at - r->lines_at));
    it->first = 1;
    const int64_t end = min64(r->pieces.count, (chunk + 1) * r->chunk_pieces);
    for (int64_t i = chunk * r->chunk_pieces; i < end; i++) {
        it->box = fc_piece(c, &r->pieces, i);
        bring_piece(it);
        sum_piece(it);
    }
    if (!r->direct && r->chunks == 1) finish(it, it->sums, 0, it->rows);
}

static void run_item(void *context, int64_t index, int worker) {
    const run *r = context;
    char *scratch = r->scratch + worker * r->bytes;
    const int64_t chunk = index % r->chunks, first = index / r->chunks * r->units_together;
    item it = {.run = r,
               .plane = scratch + r->plane_at,
               .lines = scratch + r->lines_at,
               .sums = scratch + r->sums_at,
               .x_offset = (int64_t *)(scratch + r->offsets_at)};
    it.gy_offset = it.x_offset + (r->bytes - r->offsets_at) / 16;
    for (int64_t unit = first; unit < min64(r->units, first + r->units_together); unit++)
        run_unit(&it, unit, chunk);
}

/* Input channels that an item adds and turns. */
static int64_t finish_rows(const run *r) {
    return clamp64(FINISH_ELEMENTS / (volume(r->taps) * r->ld), 1, r->rows);
}

/* The chunks' sums of some input channels of a unit, added in their order. */
static void finish_item(void *context, int64_t index, int worker) {
    (void)worker;
    const run *r = context;
    const int64_t stripes = ceil_div(r->rows, finish_rows(r)), unit = index / stripes;
    item it = {.run = r};
    choose_products(&it, unit);
    const int64_t first = index % stripes * finish_rows(r),
                  rows = min64(finish_rows(r), it.rows - first),
                  each = volume(it.taps.size) * r->ld,
                  chunk = r->units * r->unit_elements * r->c.item;
    if (rows <= 0) return;
    char *sums = r->partial + (unit * r->unit_elements + first * each) * r->c.item;
    r->c.kernels->conv.sum_rows(sums, sums + chunk, chunk / r->c.item, r->chunks - 1, rows * each);
    finish(&it, sums, first, rows);
}

/* ---- Cutting ---- */

static int64_t piece_pixels(const run *r) { return r->pieces.images * volume(r->pieces.box); }

/* Elements of x that a piece reads of some channels. */
static int64_t piece_elements(const run *r, int64_t channels) {
    const fc_box box = {
        0, r->pieces.images, {0, 0, 0}, {r->pieces.box[0], r->pieces.box[1], r->pieces.box[2]}};
    const fc_taps taps = all_taps(r);
    if (r->x_ready) return piece_pixels(r) * channels;
    const fc_plane plane = fc_plane_copied(&r->c, &box, &taps, channels);
    return fc_plane_elements(&plane, box.images, channels);
}

static void count_units(run *r) {
    const fc_correlation *c = &r->c;
    r->row_blocks = ceil_div(c->in_channels, r->rows);
    r->column_blocks = ceil_div(c->out_channels, r->columns);
    r->units = c->groups * r->row_blocks * r->column_blocks;
    for (int i = 0; i < 3; i++) {
        r->tap_blocks[i] = ceil_div(c->axis[i].taps, r->taps[i]);
        r->units *= r->tap_blocks[i];
    }
    r->ld = up_to(r->columns, c->kernels->lanes);
    r->unit_elements = r->rows * volume(r->taps) * r->ld;
}

/* `n` cut into blocks of one size, multiples of `multiple`, at most `most`. */
static int64_t even_blocks(int64_t n, int64_t most, int64_t multiple) {
    const int64_t block = ceil_div(n, ceil_div(n, max64(1, most)));
    return min64(n, up_to(block, multiple));
}

/* What bringing gy and x costs, in each case a multiply-add of the unit with them. */
static double gy_cost(const run *r) {
    return r->gy_ready ? 0 : costs(r)->turn / (double)(r->rows * volume(r->taps));
}
static double x_cost(const run *r) {
    return r->x_ready ? 0
                      : costs(r)->plane * (double)piece_elements(r, 1) /
                            (double)(piece_pixels(r) * r->ld * volume(r->taps));
}

/* Halve a unit where it costs less. */
static int halve_unit(run *r) {
    const int64_t lanes = r->c.kernels->lanes;
    const int rows = r->rows > 1, columns = r->columns > lanes;
    if (!rows && !columns) return 0;
    if (rows && (!columns || gy_cost(r) <= x_cost(r)))
        r->rows = even_blocks(r->c.in_channels, ceil_div(r->rows, 2), 1);
    else r->columns = even_blocks(r->c.out_channels, ceil_div(r->columns, 2), lanes);
    count_units(r);
    return 1;
}

/* The same where it costs little. */
static int halve_unit_cheaply(run *r) {
    run half = *r;
    if (r->columns < 4 * r->c.kernels->lanes || r->rows < 56) return 0;
    if (!halve_unit(&half) || gy_cost(&half) + x_cost(&half) > OVERHEAD) return 0;
    *r = half;
    return 1;
}

/* Pieces, and taps if need be, so that what a channel's products take fits in a block. */
static void choose_piece(run *r) {
    const fc_correlation *c = &r->c;
    const int last = c->layout == FC_CHANNELS_LAST;
    int64_t pixels = last ? costs(r)->pixels_last : costs(r)->pixels;
    for (;; pixels /= 2) {
        r->pieces = fc_pieces_of(c, pixels);
        for (int i = 0; i < 3; i++) r->taps[i] = c->axis[i].taps;
        for (int i = 0; i < 3; i++)
            while (r->taps[i] > 1 && (volume(r->taps) * c->kernels->lanes * c->item > BLOCK_BYTES ||
                                      piece_elements(r, 1) * c->item > BLOCK_BYTES))
                r->taps[i] = ceil_div(r->taps[i], 2);
        if (pixels == 1 || piece_elements(r, 1) * c->item <= BLOCK_BYTES) return;
    }
}

static void choose_unit(run *r) {
    const fc_correlation *c = &r->c;
    const int64_t item = c->item;
    r->rows = even_blocks(c->in_channels, BLOCK_BYTES / (piece_elements(r, 1) * item), 1);
    r->columns =
        even_blocks(c->out_channels, BLOCK_BYTES / (piece_pixels(r) * item), c->kernels->lanes);
    count_units(r);
    while (r->unit_elements * item > BLOCK_BYTES && halve_unit(r)) continue;
}

/* The strides of x in planes of whole images, for all items. */
static operand x_shared_as(const run *r) {
    const fc_correlation *c = &r->c;
    const fc_taps taps = all_taps(r);
    const fc_box box = whole_image(r, 0);
    const fc_plane plane = fc_plane_copied(c, &box, &taps, c->in_channels);
    operand x = x_as(r, &plane);
    x.group = fc_plane_elements(&plane, 1, c->in_channels);
    x.image = c->groups * x.group;
    return x;
}

/* Where it is small, bring x for all items. */
static void share(run *r) {
    if (r->x_ready || volume(r->taps) != fc_correlation_taps(&r->c)) return;
    const operand x = x_shared_as(r);
    if ((double)r->c.batch * (double)x.image * (double)r->c.item > (double)SHARED_BYTES) return;
    r->x_as = x;
    r->x_ready = r->x_shared = 1;
}

/* Enough items: first by cutting the sum over the pieces, where the sums are small, then by
 * smaller units. */
static void choose_items(run *r) {
    const double work = multiplications(r);
    const int64_t wanted = (int64_t)(work / ITEM_WORK < ITEMS ? work / ITEM_WORK + 1 : ITEMS);
    const int64_t most = max64(1, PARTIAL_BYTES / (r->units * r->unit_elements * r->c.item));
    r->chunks = max64(1, min64(min64(most, ceil_div(wanted, r->units)), r->pieces.count));
    if (r->chunks == 1 && r->units > r->c.groups) share(r);
    while (r->units * r->chunks < wanted && halve_unit_cheaply(r)) continue;
    r->chunk_pieces = ceil_div(r->pieces.count, r->chunks);
    r->chunks = ceil_div(r->pieces.count, r->chunk_pieces);
    const double unit = work / ((double)r->units * (double)r->chunks) + 1;
    r->units_together = clamp64((int64_t)(ITEM_WORK / unit), 1, max64(1, r->units / ITEMS));
    r->direct = r->exchanged && r->chunks == 1;
}

/* Pixels of a panel of one vector. */
static int64_t panel_pixels(const run *r) {
    return min64(piece_pixels(r), PANEL_BYTES / (r->c.kernels->lanes * r->c.item));
}

/* Multiply-adds' time of `n` rows in tiles of some vectors: a load is half a multiply-add, and
 * eight sums hide the latency. */
static double rows_cost(const run *r, int64_t n, int width) {
    const int64_t tiles = ceil_div(n, most_rows(&r->c, width));
    const double rows = (double)n / (double)tiles, multiply = rows * width,
                 load = rows + 2 * width + 2;
    const double sums = (costs(r)->tile + 2 * multiply) * width / (double)panel_pixels(r);
    const double busy = multiply > load ? multiply : load;
    return (double)tiles * ((busy > 8 ? busy : 8) + sums);
}

/* The same for all of a unit's products with one pixel. */
static double tile_cost(const run *r, int width, int along_taps) {
    const int64_t vectors = r->ld / r->c.kernels->lanes, taps = volume(r->taps),
                  n = along_taps ? r->taps[2] : r->rows,
                  times = along_taps ? r->rows * (taps / r->taps[2]) : taps;
    double cost = (double)(vectors / width) * rows_cost(r, n, width);
    if (vectors % width) cost += rows_cost(r, n, (int)(vectors % width));
    return cost * (double)times;
}

static double choose_tile(run *r) {
    double best = 0;
    for (int along = 0; along < 2; along++)
        for (int width = WIDTHS; width > 0; width--) {
            if (most_rows(&r->c, width) < width) continue; /* sixteen registers */
            const double cost = tile_cost(r, width, along);
            if (best > 0 && cost >= best) continue;
            best = cost;
            r->width = width;
            r->along_taps = along;
        }
    return best;
}

static void place_scratch(run *r) {
    const int64_t item = r->c.item, pixels = piece_pixels(r);
    int64_t at = 0;
    r->plane_at = at;
    at += r->x_ready ? 0 : fc_aligned(piece_elements(r, r->rows) * item);
    r->lines_at = at;
    at += r->gy_ready ? 0 : fc_aligned(pixels * r->ld * item);
    r->sums_at = at;
    at += r->direct || r->chunks > 1 ? 0 : fc_aligned(r->unit_elements * item);
    r->offsets_at = at;
    r->bytes = at + fc_aligned(pixels * 16);
}

static run run_as(const fc_correlation *c, int exchanged) {
    run r = {.c = *c, .exchanged = exchanged};
    if (exchanged) {
        r.c.in_channels = c->out_channels;
        r.c.out_channels = c->in_channels;
    }
    fc_plane plane;
    r.x_ready = fc_plane_spread_in_place(&r.c, &plane);
    r.gy_ready = c->layout == FC_CHANNELS_LAST && r.c.out_channels % c->kernels->lanes == 0 &&
                 max64(fc_correlation_depth(&r.c), r.c.out_channels) <= costs(&r)->depth_in_place;
    r.x_as = x_as(&r, &plane);
    r.gy_as = gy_as(&r.c);
    choose_piece(&r);
    choose_unit(&r);
    choose_items(&r);
    choose_tile(&r);
    place_scratch(&r);
    return r;
}

/* Seconds on one thread. */
static double run_cost(const run *r) {
    run copy = *r;
    const double lanes = r->c.kernels->lanes, units = (double)r->units,
                 pieces = (double)r->pieces.count, pixels = (double)piece_pixels(r);
    double piece = choose_tile(&copy) * pixels;
    if (!r->gy_ready) piece += costs(r)->turn * pixels * (double)r->ld / lanes;
    if (!r->x_ready) piece += costs(r)->plane * (double)piece_elements(r, r->rows) / lanes;
    const double sums = (double)r->unit_elements / lanes * (double)(r->chunks + !r->direct);
    return (units * pieces * piece + units * sums * costs(r)->finish) * 1e-9 *
           r->c.kernels->tuning.multiply;
}

static run run_of(const fc_conv *p) {
    fc_correlation c = fc_correlation_forward(p);
    fold_image(&c);
    if (!is_product(&c)) return run_as(&c, 0);
    join_pixels(&c);
    const run as_it_is = run_as(&c, 0), exchanged = run_as(&c, 1);
    return run_cost(&exchanged) <= run_cost(&as_it_is) ? exchanged : as_it_is;
}

double fc_grad_weight_pixels_cost(const fc_conv *problem) {
    const run r = run_of(problem);
    return run_cost(&r);
}

static fc_status run_all(run *r, int workers, const fc_call *call) {
    if (r->x_shared) {
        const int64_t items = r->c.batch * r->c.groups * shares(r);
        FC_TRY(fc_parallel_for(call, (int)min64(workers, items), items, share_item, r));
    }
    FC_TRY(fc_parallel_for(call, workers, ceil_div(r->units, r->units_together) * r->chunks,
                           run_item, r));
    if (r->chunks == 1) return FC_OK;
    const int64_t items = r->units * ceil_div(r->rows, finish_rows(r));
    return fc_parallel_for(call, (int)min64(workers, items), items, finish_item, r);
}

fc_status fc_grad_weight_pixels(const fc_conv *problem, const void *x, const void *gy, void *gw,
                                const fc_call *call) {
    run r = run_of(problem);
    const int workers = multiplications(&r) < 1 << 17
                            ? 1
                            : fc_workers(call, ceil_div(r.units, r.units_together) * r.chunks);
    const int64_t partial =
        r.chunks > 1 ? fc_aligned(r.chunks * r.units * r.unit_elements * r.c.item) : 0;
    const int64_t shared = r.x_shared ? fc_aligned(r.c.batch * r.x_as.image * r.c.item) : 0;
    r.partial = fc_scratch(partial + shared + workers * r.bytes);
    FC_REQUIRE(r.partial, FC_OUT_OF_MEMORY);
    r.x_copy = r.partial + partial;
    r.scratch = r.x_copy + shared;
    r.x = r.exchanged ? gy : x;
    r.gy = r.exchanged ? x : gy;
    r.x_data = r.x_shared ? r.x_copy : r.x;
    r.gw = gw;
    const fc_status status = run_all(&r, workers, call);
    fc_scratch_free(r.partial);
    return status;
}
