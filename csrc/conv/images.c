/* Convolution, channels first, with the images of a batch in the vectors:
 *
 *   for each part of the batch, so many images that what is read of them stays in the caches:
 *     turn what is read of them to [some images][element][image]                (parallel)
 *     for each row of output pixels of some images (parallel):
 *       for each run of pixels that need the same taps:
 *         for each register tile: output channels x vectors of (pixel, image)
 *       turn the row's sums back, into the output
 *
 * or, where the L3 is far and there are groups of images for all threads, a group at a time, so
 * that no thread reads what another one wrote.
 *
 * However narrow the images are, no lane is empty; and taps in the padding, of which small images
 * have many, are left out. Every sum has its products in the order that all forms have. Turning
 * costs the same whatever the kernel: it pays for small images of few channels. */
#include "images.h"

#include <string.h>

#include "cache_blocks.h"
#include "correlate.h"
#include "integers.h"
#include "outer.h"
#include "tiles.h"

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define VECTORS 4              /* of images, that are turned together, at most */
#define ROWS_OF_THREAD 4       /* at least, where there are images enough */
#define PART_BYTES (2 << 20)   /* of turned images, about */
#define TURN_ELEMENTS 512      /* of an image, that an item turns */
#define SUMS_BYTES (256 << 10) /* of a row, at most */
#define MOST_PRODUCTS 4096     /* of a sum: their lists stay in the L1 and L2 caches */
#define SERIAL_WORK (1 << 18)  /* multiply-adds that are not worth a second thread */

typedef struct images_run {
    const fc_correlation *c;
    const char *x, *w, *bias;
    char *y;
    int64_t beside;             /* images that are turned together: some vectors */
    int64_t read, space;        /* elements of an image's input, pixels of one channel's output */
    int64_t in_space, products; /* pixels of a channel's input; products of a sum */
    int64_t tiles, rows;        /* of output channels of a group, and the rows of one at most */
    int64_t together;           /* rows, one behind another, of an item */
    int64_t first, images;      /* the part in hand */
    char *turned, *weights;
    char *scratch; /* each worker's: a row's sums, then the products' offsets */
    int64_t turned_bytes, weight_bytes, sums_bytes, worker_bytes;
} images_run;

/* Whether threads make whole groups of images. A line that another core wrote comes slowly where
 * the L3 is far: LeNet's first layers, 64 images, were no faster on two threads than on one, and
 * take half the time so (Intel Granite Rapids, November 2026). */
static int goes_by_groups(int64_t groups, int threads) {
    return fc_caches_found.far && threads > 1 && groups >= threads;
}

/* Fewer where there would else be too few groups or rows for the threads: wide tiles of the pixels
 * at the edges, which need taps of their own, are worth more than an even end (LeNet's second
 * layer, its input gradient, 64 images: 2 vectors take a tenth longer than 4 on one thread and on
 * two, 1 a third. AMD Zen 4, November 2026). */
static int64_t vectors_beside(const fc_correlation *c, int threads) {
    const int64_t lanes = c->kernels->lanes,
                  rows = times64(times64(c->groups, c->axis[0].out), c->axis[1].out);
    const int by_groups = goes_by_groups(ceil_div(c->batch, lanes), threads);
    const int64_t enough = by_groups ? threads : (int64_t)ROWS_OF_THREAD * threads;
    int64_t vectors = min64(VECTORS, max64(1, ceil_div(c->batch, lanes)));
    while (vectors > 1 &&
           times64(ceil_div(c->batch, vectors * lanes), by_groups ? 1 : rows) < enough)
        vectors = ceil_div(vectors, 2);
    return vectors;
}

/* For so many threads: no byte of the result depends on them. */
static images_run run_of(const fc_correlation *c, int threads) {
    const fc_axis *a = c->axis;
    images_run r = {.c = c, .beside = vectors_beside(c, threads) * c->kernels->lanes};
    r.in_space = times64(times64(a[0].in, a[1].in), a[2].in);
    r.read = times64(times64(c->groups, c->in_channels), r.in_space);
    r.space = times64(times64(a[0].size, a[1].size), a[2].size);
    r.products = fc_correlation_depth(c);
    r.tiles = ceil_div(c->out_channels, c->kernels->conv.rows);
    r.rows = ceil_div(c->out_channels, r.tiles);
    r.turned_bytes = fc_aligned(times64(times64(r.read, r.beside), c->item));
    r.weight_bytes =
        fc_aligned(times64(c->groups * r.tiles * r.rows, times64(r.products, c->item)));
    r.sums_bytes = fc_aligned(times64(times64(c->out_channels, a[2].out), r.beside * c->item));
    r.worker_bytes = r.sums_bytes + fc_aligned(2 * r.products * 8);
    return r;
}

static int accepts(const fc_correlation *c) {
    if (2 * c->batch <= c->kernels->lanes || c->layout != FC_CHANNELS_FIRST ||
        c->padding_mode != FC_PAD_ZEROS || c->out_channels == 0 || c->axis[2].step != 1 ||
        fc_correlation_taps(c) < 2 || fc_correlation_depth(c) > MOST_PRODUCTS)
        return 0;
    const images_run r = run_of(c, 1);
    return r.turned_bytes <= PART_BYTES && r.sums_bytes <= SUMS_BYTES &&
           r.weight_bytes <= SUMS_BYTES;
}

/* ---- Turning ---- */

static int64_t groups_of(const images_run *r) { return ceil_div(r->images, r->beside); }

/* The images of one group of them: the last may have fewer. */
static int64_t images_in(const images_run *r, int64_t group) {
    return min64(r->beside, r->images - group * r->beside);
}

/* Items that turn one group of images. */
static int64_t turns_of(const images_run *r) { return ceil_div(r->read, TURN_ELEMENTS); }

static void turn_item(void *context, int64_t index, int worker) {
    (void)worker;
    const images_run *r = context;
    const fc_correlation *c = r->c;
    const int64_t turns = turns_of(r), group = index / turns, at = index % turns * TURN_ELEMENTS,
                  image = r->first + group * r->beside;
    const int64_t images = images_in(r, group), none = r->beside - images,
                  elements = min64(TURN_ELEMENTS, r->read - at);
    char *to = r->turned + group * r->turned_bytes + at * r->beside * c->item;
    c->kernels->conv.transpose(to, r->beside, r->x + (image * r->read + at) * c->item, r->read,
                               images, elements);
    for (int64_t i = 0; i < elements && none; i++) /* see bytes_behind in weights.c */
        memset(to + (i * r->beside + images) * c->item, 0, (size_t)(none * c->item));
}

static void pack_weights(const images_run *r) {
    const fc_correlation *c = r->c;
    const fc_products all = {
        .channels = c->in_channels,
        .taps = {{0, 0, 0}, {c->axis[0].taps, c->axis[1].taps, c->axis[2].taps}},
        .depth = r->products};
    char *to = r->weights;
    for (int64_t group = 0; group < c->groups; group++)
        for (int64_t tile = 0; tile < r->tiles; tile++, to += r->rows * r->products * c->item) {
            const int64_t row = tile * r->rows;
            fc_pack_products(c, &all, r->w, group, row, min64(r->rows, c->out_channels - row),
                             r->rows, to);
        }
}

/* ---- One row of output pixels ---- */

/* Of the taps along an axis, those inside the input for output o. */
typedef struct tap_range {
    int64_t first, end;
} tap_range;

static tap_range taps_inside(const fc_axis *a, int64_t o) {
    tap_range t;
    fc_taps_inside(a, o, &t.first, &t.end);
    return t;
}

/* A row of output pixels in hand. */
typedef struct images_row {
    const images_run *r;
    int64_t images; /* the group's */
    int64_t group;  /* of channels */
    int64_t at[2];  /* along the outer axes */
    tap_range taps[3];
    const char *columns; /* the group of images, turned: its channels' first element */
    char *sums;
    int64_t *weight_at, *column_at; /* of each product */
} images_row;

/* Lists the products of the taps, and gives how many they are. */
static int64_t list_products(const images_row *row) {
    const images_run *r = row->r;
    const fc_axis *a = r->c->axis;
    const tap_range *t = row->taps;
    const int64_t column = a[2].offset_step * r->beside;
    int64_t n = 0;
    for (int64_t i = 0; i < r->c->in_channels; i++)
        for (int64_t d = t[0].first; d < t[0].end; d++)
            for (int64_t h = t[1].first; h < t[1].end; h++) {
                const int64_t line = ((i * a[0].taps + d) * a[1].taps + h) * a[2].taps,
                              at = ((i * a[0].in + d * a[0].offset_step) * a[1].in +
                                    h * a[1].offset_step) *
                                   a[2].in * r->beside;
                for (int64_t w = t[2].first; w < t[2].end; w++, n++) {
                    row->weight_at[n] = (line + w) * r->rows;
                    row->column_at[n] = at + w * column;
                }
            }
    return n;
}

/* What the first tap would read for the pixel in column o: it may lie in the padding. */
static int64_t first_column(const images_row *row, int64_t o) {
    const fc_axis *a = row->r->c->axis;
    int64_t at = 0;
    for (int i = 0; i < 3; i++)
        at = at * a[i].in + (i < 2 ? row->at[i] : o) * a[i].stride + a[i].offset;
    return at * row->r->beside;
}

/* The register tiles of `columns` columns, from output pixel o on. */
static void multiply_run(const images_row *row, int64_t o, int64_t columns, int64_t products) {
    const images_run *r = row->r;
    const fc_correlation *c = r->c;
    const int64_t ld = c->axis[2].out * r->beside;
    fc_outer t = {.k = products,
                  .a_offset = row->weight_at,
                  .b_offset = row->column_at,
                  .a_step = 1,
                  .ldc = ld,
                  .min = c->min,
                  .max = c->max,
                  .first = 1,
                  .last = 1,
                  .clamp = c->clamp};
    for (int64_t tile = 0; tile < r->tiles; tile++) {
        const int64_t first = tile * r->rows, rows = min64(r->rows, c->out_channels - first),
                      channel = row->group * c->out_channels + first,
                      panel = fc_outer_widest(c->kernels, rows) * c->kernels->lanes;
        t.a = r->weights + (row->group * r->tiles + tile) * r->rows * r->products * c->item;
        t.bias = r->bias ? r->bias + channel * c->item : NULL;
        for (int64_t j = 0; j < columns; j += panel) {
            t.columns = min64(panel, columns - j);
            t.b = row->columns + (first_column(row, o) + j) * c->item;
            t.c = row->sums + (first * ld + o * r->beside + j) * c->item;
            c->kernels->conv.outer[rows - 1][fc_outer_narrowest(c->kernels, rows, t.columns) - 1](
                &t);
        }
    }
}

/* The pixels from o on that need the taps of o, and stand side by side. */
static int64_t run_from(const fc_axis *a, int64_t o, const tap_range *taps) {
    int64_t n = 1;
    while (a->stride == 1 && o + n < a->out) {
        const tap_range t = taps_inside(a, o + n);
        if (t.first != taps->first || t.end != taps->end) break;
        n++;
    }
    return n;
}

static void multiply_row(images_row *row) {
    const images_run *r = row->r;
    const fc_axis *a = r->c->axis;
    for (int i = 0; i < 2; i++) row->taps[i] = taps_inside(&a[i], row->at[i]);
    for (int64_t o = 0, n; o < a[2].out; o += n) {
        row->taps[2] = taps_inside(&a[2], o);
        n = run_from(&a[2], o, &row->taps[2]);
        multiply_run(row, o, n * r->beside, list_products(row));
    }
}

static void store_row(const images_row *row, int64_t image) {
    const images_run *r = row->r;
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t pixel = ((a[0].start + row->at[0] * a[0].step) * a[1].size + a[1].start +
                           row->at[1] * a[1].step) *
                              a[2].size +
                          a[2].start,
                  all = c->groups * c->out_channels, line = a[2].out * r->beside;
    for (int64_t i = 0; i < c->out_channels; i++) {
        const int64_t channel = row->group * c->out_channels + i;
        c->kernels->conv.transpose(r->y + ((image * all + channel) * r->space + pixel) * c->item,
                                   all * r->space, row->sums + i * line * c->item, r->beside,
                                   a[2].out, row->images);
    }
}

/* Some rows, one behind another. */
static void rows_item(void *context, int64_t index, int worker) {
    const images_run *r = context;
    const fc_correlation *c = r->c;
    const int64_t height = c->axis[1].out, items = ceil_div(height, r->together),
                  first = index % items * r->together;
    char *scratch = r->scratch + worker * r->worker_bytes;
    images_row row = {.r = r, .sums = scratch, .weight_at = (int64_t *)(scratch + r->sums_bytes)};
    row.column_at = row.weight_at + r->products;
    index /= items;
    row.at[0] = index % c->axis[0].out;
    index /= c->axis[0].out;
    row.group = index % c->groups;
    index /= c->groups;
    row.images = images_in(r, index);
    row.columns = r->turned + index * r->turned_bytes +
                  row.group * c->in_channels * r->in_space * r->beside * c->item;
    for (int64_t i = first; i < min64(first + r->together, height); i++) {
        row.at[1] = i;
        multiply_row(&row);
        store_row(&row, r->first + index * r->beside);
    }
}

/* ---- The whole batch ---- */

/* Of all channels, and along the first axis, in one group of images. */
static int64_t planes_of(const images_run *r) { return r->c->groups * r->c->axis[0].out; }

static int64_t rows_of(const images_run *r) {
    return groups_of(r) * planes_of(r) * r->c->axis[1].out;
}

/* Rows that one item makes: the first and the last share lines of cache with the rows of others,
 * which may be another core's (LeNet's first layer, 64 images, takes a fifth less time on two
 * threads than row by row. Intel Granite Rapids, November 2026). */
static int64_t rows_together(const images_run *r, int workers) {
    const int64_t height = r->c->axis[1].out;
    if (goes_by_groups(groups_of(r), workers)) return height;
    return clamp64(rows_of(r) / (ROWS_OF_THREAD * workers), 1, height);
}

/* Items that make the rows of one group of images. */
static int64_t items_of(const images_run *r) {
    return planes_of(r) * ceil_div(r->c->axis[1].out, r->together);
}

static void group_item(void *context, int64_t group, int worker) {
    const images_run *r = context;
    const int64_t turns = turns_of(r), items = items_of(r);
    for (int64_t i = 0; i < turns; i++) turn_item(context, group * turns + i, worker);
    for (int64_t i = 0; i < items; i++) rows_item(context, group * items + i, worker);
}

static fc_status run_part(images_run *r, int workers, const fc_call *call) {
    const int64_t groups = groups_of(r), turns = groups * turns_of(r);
    if (goes_by_groups(groups, workers))
        return fc_parallel_for(call, workers, groups, group_item, r);
    FC_TRY(fc_parallel_for(call, (int)min64(workers, max64(1, turns)), turns, turn_item, r));
    return fc_parallel_for(call, workers, groups * items_of(r), rows_item, r);
}

/* Whole groups of images; where threads make one each, as many for all of them. */
static int64_t images_of_part(const images_run *r, int threads) {
    const int64_t all = ceil_div(r->c->batch, r->beside);
    int64_t groups = max64(1, PART_BYTES / max64(1, r->turned_bytes));
    if (goes_by_groups(all, threads) && r->turned_bytes <= PART_BYTES / 2)
        groups = max64(1, groups / threads) * threads;
    return min64(all, groups) * r->beside;
}

static int workers_for(const images_run *r, const fc_call *call) {
    const fc_correlation *c = r->c;
    const double work = (double)c->batch * (double)c->groups * (double)c->out_channels *
                        (double)r->products * (double)r->space;
    return work < SERIAL_WORK ? 1 : fc_workers(call, rows_of(r));
}

/* The first part in hand. */
static images_run begin(const fc_correlation *c, const fc_call *call) {
    const int threads = fc_workers(call, INT64_MAX);
    images_run r = run_of(c, threads);
    r.images = min64(images_of_part(&r, threads), c->batch);
    return r;
}

static int64_t turned_bytes(const images_run *r) { return groups_of(r) * r->turned_bytes; }

static int64_t scratch_bytes(const images_run *r, int workers) {
    return turned_bytes(r) + r->weight_bytes + workers * r->worker_bytes;
}

int64_t fc_images_scratch(const fc_correlation *c, int threads) {
    const fc_call call = {.threads = threads};
    const images_run r = begin(c, &call);
    return scratch_bytes(&r, workers_for(&r, &call));
}

fc_status fc_images_correlate(const fc_correlation *c, const void *x, const void *w,
                              const void *bias, void *y, const fc_call *call) {
    images_run r = begin(c, call);
    const int workers = workers_for(&r, call);
    const int64_t part = r.images;
    char *scratch = fc_scratch(scratch_bytes(&r, workers));
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    r.x = x, r.w = w, r.bias = bias, r.y = y;
    r.turned = scratch;
    r.weights = scratch + turned_bytes(&r);
    r.scratch = r.weights + r.weight_bytes;
    pack_weights(&r);
    fc_status status = FC_OK;
    for (; status == FC_OK && r.first < c->batch; r.first += part) {
        r.images = min64(part, c->batch - r.first);
        r.together = rows_together(&r, workers);
        status = run_part(&r, workers, call);
    }
    fc_scratch_free(scratch);
    return status;
}

/* ---- What it costs ---- */

/* How much longer turning takes where images are a multiple of a large power of two apart: their
 * lines share few sets of the L1. */
static double collision(const fc_correlation *c, int64_t apart) {
    return gcd(apart * c->item, FC_L1_WAY / 2) == FC_L1_WAY / 2 ? 4 : 1;
}

static double cost_of(const fc_correlation *c) {
    const fc_tuning *t = &c->kernels->tuning;
    const fc_axis *a = c->axis;
    const images_run r = run_of(c, 1);
    const double lanes = c->kernels->lanes, groups = (double)ceil_div(c->batch, r.beside),
                 vectors = groups * (double)r.beside / lanes,
                 pixels = (double)(a[0].out * a[1].out) * (double)a[2].out;
    const double width = fc_outer_widest(c->kernels, r.rows), tile = (double)r.rows * width / 2;
    const double sums = (double)c->groups * (double)c->out_channels,
                 taps = pixels * fc_axis_taps_inside(&a[0]) * fc_axis_taps_inside(&a[1]) *
                        fc_axis_taps_inside(&a[2]);
    double ns = vectors * sums * (double)c->in_channels * taps * t->multiply *
                fc_tile_cycles(c, (double)r.rows, width) / tile;
    ns += vectors * t->turn *
          ((double)r.read * collision(c, r.read) +
           sums * pixels * collision(c, c->groups * c->out_channels * r.space));
    ns += groups * (double)(c->groups * r.tiles) * pixels *
          ((double)r.beside / lanes / width * t->panel + (double)c->in_channels * taps / pixels);
    return 1e-9 * ns;
}

int fc_images_suits(const fc_correlation *c, const fc_blocking *b) {
    return accepts(c) && cost_of(c) < fc_blocking_cost(c, b);
}

int fc_images_serves(const fc_correlation *c, const void *w) {
    return c->kernels->conv.finite(w, c->groups * c->w_group);
}
