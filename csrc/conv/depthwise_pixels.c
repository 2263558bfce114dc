/* Depthwise convolution and its input gradient, channels last, one input channel a group.
 *
 *   turn the weights: [element][channel]
 *   for each item (parallel): some rows of output pixels, or a stretch of one; some channels
 *     for each row:  one call of the kernel
 *
 * x is read where it lies. So many channels are taken at once as weights stay in the L2 cache
 * for: the more, the longer the stretches that are read.
 *
 * Few channels do not fill vectors: there several pixels of a row's interior are taken as one with
 * more channels. Where a group has several output channels, a row of one of each is made at a time,
 * in scratch: their neighbours in the output are the others. */
#include "depthwise_pixels.h"
#include "depthwise_row.h"
#include "integers.h"

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define ITEM_WORK (1 << 17)     /* multiply-adds of an item, about */
#define SERIAL_WORK (1 << 17)   /* of a problem that is not worth a second thread */
#define WORKER_ITEMS 8          /* for each thread, if items are long enough: see cut_items */
#define WEIGHT_BYTES (64 << 10) /* of the channels of an item: well inside the L2 cache */
#define TURN_ELEMENTS (1 << 12) /* weights that make turning them an item */

/* How many pixels together fill vectors of channels. */
static int64_t repeat_of(const fc_correlation *c) {
    const int64_t vectors = ceil_div(c->groups, c->kernels->lanes);
    if (5 * vectors * c->kernels->lanes <= 8 * c->groups) return 1; /* filled as they are */
    return fc_row_repeat(c);
}

/* `pixels` pixels from `from` on, `repeat` of them as one. */
static void run_stretch(const fc_pixel_rows *r, const fc_depthwise_row *whole, int64_t from,
                        int64_t pixels, int64_t repeat) {
    if (pixels == 0) return;
    fc_depthwise_row row = *whole;
    row.pixels = pixels / repeat;
    row.stride = whole->stride * repeat;
    row.offset = whole->offset + from * whole->stride;
    row.channels = whole->channels * repeat;
    row.y_step = whole->y_step * repeat;
    row.y = (char *)whole->y + from * whole->y_step * r->c->item;
    r->c->kernels->conv.depthwise_row(&row);
}

static void run_row(const fc_pixel_rows *r, const fc_depthwise_row *row) {
    const int64_t merged = (r->last - r->first) / r->repeat * r->repeat, end = r->first + merged;
    if (r->repeat == 1) {
        r->c->kernels->conv.depthwise_row(row);
        return;
    }
    run_stretch(r, row, 0, r->first, 1);
    run_stretch(r, row, r->first, merged, r->repeat);
    run_stretch(r, row, end, row->pixels - end, 1);
}

/* The output channels of every group, one after another; `staged`: a row in scratch. */
static void run_rows(const fc_pixel_rows *r, fc_depthwise_row *row, char *staged) {
    const fc_correlation *c = r->c;
    const int64_t each = fc_row_weights(c) * r->width * c->item, m = c->out_channels;
    char *y = row->y;
    const int64_t step = row->y_step;
    if (m == 1) {
        run_row(r, row);
        return;
    }
    row->y = staged;
    row->y_step = row->channels;
    for (int64_t k = 0; k < m; k++) {
        run_row(r, row);
        for (int64_t i = 0; i < row->pixels; i++)
            c->kernels->conv.copy(y + (i * step + k) * c->item, m,
                                  staged + i * row->channels * c->item, 1, row->channels);
        row->w = (const char *)row->w + each;
        if (row->bias) row->bias = (const char *)row->bias + r->width * c->item;
    }
}

/* The channels of the last item of a row. */
static int64_t last_channels(const fc_pixel_rows *r) {
    return r->c->groups - (r->channel_items - 1) * r->channels;
}

/* The scratch of a worker: a staged row, and lines of taps. */
static int64_t staged_bytes(const fc_pixel_rows *r) {
    const fc_correlation *c = r->c;
    return c->out_channels > 1 ? fc_aligned(c->axis[2].out * last_channels(r) * c->item) : 0;
}
int64_t fc_pixel_rows_worker_bytes(const fc_pixel_rows *r) {
    return staged_bytes(r) + fc_row_lines_bytes(r->c);
}

/* Rows [first, last), from one pixel on, of one of the items' parts of the channels. */
static void run_part(const fc_pixel_rows *r, int64_t chunk, int64_t pixel, int64_t first,
                     int64_t last, char *staged) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    fc_depthwise_row job = fc_row_job(c, &r->layout, (int64_t *)(staged + staged_bytes(r)));
    const int64_t from = chunk * r->channels, step = c->groups * c->out_channels;
    job.channels = chunk == r->channel_items - 1 ? last_channels(r) : r->channels;
    job.pixels = min64(r->stretch, a[2].out - pixel);
    job.offset += pixel * job.stride;
    for (int64_t i = first; i < last; i++) {
        const int64_t n = i / a[1].out / a[0].out, d = i / a[1].out % a[0].out, h = i % a[1].out;
        fc_row_find_lines(c, &r->layout, d, h, 0, &job);
        int64_t out = n * a[0].size + a[0].start + d * a[0].step;
        out = out * a[1].size * a[2].size + (a[1].start + h * a[1].step) * r->y_row +
              (a[2].start + pixel * a[2].step) * r->y_pixel;
        fc_depthwise_row row = job;
        row.y_step = a[2].step * r->y_pixel * step;
        row.x = r->x + (n * a[0].in * r->layout.slice + from) * c->item;
        row.w = r->weights + from * c->item;
        row.y = r->y + (out * step + from * c->out_channels) * c->item;
        row.bias = r->bias ? r->bias + from * c->item : NULL;
        run_rows(r, &row, staged);
    }
}

static void pixels_item(void *context, int64_t index, int worker) {
    const fc_pixel_rows *r = context;
    char *staged = r->workers + worker * fc_pixel_rows_worker_bytes(r);
    const int64_t pixel = index % r->stretches * r->stretch;
    index /= r->stretches;
    const int64_t first = index / r->channel_items * r->item_rows;
    run_part(r, index % r->channel_items, pixel, first, min64(r->rows, first + r->item_rows),
             staged);
}

/* The rows that belong to the first `index` rows of another correlation of the same images. */
static int64_t same_rows(const fc_correlation *c, const fc_correlation *other, int64_t index) {
    const fc_axis *a = c->axis, *b = other->axis;
    const int64_t own = a[0].out * a[1].out, rows = b[0].out * b[1].out;
    return index / rows * own + index % rows * own / rows;
}

void fc_pixel_rows_run(const fc_pixel_rows *r, const fc_correlation *other, int64_t first,
                       int64_t last, char *scratch) {
    for (int64_t i = 0; i < r->channel_items; i++)
        run_part(r, i, 0, same_rows(r->c, other, first), same_rows(r->c, other, last), scratch);
}

/* Multiply-adds of a row, of one channel. */
static double row_work(const fc_correlation *c) {
    return (double)(fc_correlation_taps(c) * c->out_channels) * (double)c->axis[2].out;
}

/* Of `c`, which may have been turned on its side. */
static fc_pixel_rows run_of(const fc_correlation *c, int side) {
    const fc_axis *a = c->axis;
    const int64_t lanes = c->kernels->lanes;
    fc_pixel_rows r = {.c = c,
                       .rows = c->batch * a[0].out * a[1].out,
                       .repeat = side ? 1 : repeat_of(c),
                       .y_row = side ? 1 : a[2].size,
                       .y_pixel = side ? a[1].size : 1};
    fc_row_interior(&a[2], &r.first, &r.last);
    r.width = r.repeat * c->groups;
    r.layout = (fc_row_layout){.slice = a[1].in * a[2].in * c->groups,
                               .row = (side ? 1 : a[2].in) * c->groups,
                               .pixel = (side ? a[1].in : 1) * c->groups,
                               .weights = r.width};
    const int64_t vectors = max64(1, WEIGHT_BYTES / c->item / lanes / (fc_row_weights(c) + 1));
    r.channels = r.repeat > 1 ? c->groups : min64(c->groups, max64(2, vectors) * lanes);
    r.channel_items = c->groups / r.channels; /* the last one takes what is left too */
    const double work = row_work(c) * (double)r.channels;
    r.item_rows = clamp64((int64_t)(ITEM_WORK / (work + 1)), 1, max64(1, r.rows));
    r.row_items = ceil_div(r.rows, r.item_rows);
    /* Long rows are cut. */
    r.stretch = max64(1, a[2].out);
    const int64_t parts = (int64_t)(work / (2 * ITEM_WORK));
    if (r.repeat == 1 && parts > 1) r.stretch = max64(64, ceil_div(r.stretch, parts));
    r.stretches = ceil_div(a[2].out, r.stretch);
    return r;
}

double fc_pixel_rows_work(const fc_pixel_rows *r) { return row_work(r->c) * (double)r->c->groups; }

fc_pixel_rows fc_pixel_rows_of(const fc_correlation *c, const void *x, const void *w, void *y) {
    fc_pixel_rows r = run_of(c, 0);
    r.x = x;
    r.w = w;
    r.y = y;
    r.stretch = c->axis[2].out;
    return r;
}

static int64_t items_of(const fc_pixel_rows *r) {
    return r->row_items * r->channel_items * r->stretches;
}

/* Longer items, where there are many: a thread's rows are a stream from memory then. Of 1 to 224
 * items a thread, 8 take a quarter less time than 224 on two threads for 8 x 56 x 56 x 144 (Zen 5,
 * November 2026). No sum depends on it. */
static void cut_items(fc_pixel_rows *r, int workers) {
    const int64_t parts = r->channel_items * r->stretches;
    r->item_rows = max64(r->item_rows, r->rows * parts / (workers * WORKER_ITEMS));
    r->item_rows = min64(r->item_rows, r->rows);
    r->row_items = ceil_div(r->rows, r->item_rows);
}

static int workers_for(const fc_pixel_rows *r, const fc_call *call) {
    const double work = row_work(r->c) * (double)r->c->groups * (double)r->rows;
    return work < SERIAL_WORK ? 1 : fc_workers(call, items_of(r));
}

/* Weights, and bias after them. */
int64_t fc_pixel_rows_weight_bytes(const fc_pixel_rows *r) {
    const fc_correlation *c = r->c;
    return fc_aligned(times64(c->out_channels * (fc_row_weights(c) + 1), r->width * c->item));
}

/* `n` lines of one value a channel, `width` apart: the same for pixels that are taken as one. */
static void repeat_channels(const fc_pixel_rows *r, char *lines, int64_t n) {
    const fc_correlation *c = r->c;
    for (int64_t i = 0; i < n; i++, lines += r->width * c->item)
        for (int64_t j = 1; j < r->repeat; j++)
            c->kernels->conv.copy(lines + j * c->groups * c->item, 1, lines, 1, c->groups);
}

/* Channels whose weights are turned together. */
static int64_t turned_together(const fc_pixel_rows *r) {
    const int64_t lanes = r->c->kernels->lanes;
    return up_to(max64(1, TURN_ELEMENTS / (fc_row_weights(r->c) + 1)), lanes);
}

static void turn_item(void *context, int64_t index, int worker) {
    (void)worker;
    const fc_pixel_rows *r = context;
    const fc_correlation *c = r->c;
    const int64_t together = turned_together(r), from = index * together;
    for (int64_t k = 0; k < c->out_channels; k++)
        fc_row_turn_weights(c, r->weights + (k * fc_row_weights(c) * r->width + from) * c->item,
                            r->width, r->w, k, from, min64(together, c->groups - from));
}

fc_status fc_pixel_rows_bring(fc_pixel_rows *r, char *weights, const char *bias,
                              const fc_call *call, int workers) {
    const fc_correlation *c = r->c;
    const int64_t elements = fc_row_weights(c), m = c->out_channels;
    r->weights = weights;
    char *kept = weights + m * elements * r->width * c->item;
    const int64_t items = ceil_div(c->groups, turned_together(r));
    FC_TRY(fc_parallel_for(call, (int)min64(workers, items), items, turn_item, r));
    repeat_channels(r, r->weights, m * elements);
    r->bias = bias;
    if (!bias || (m == 1 && r->repeat == 1)) return FC_OK;
    for (int64_t k = 0; k < m; k++)
        c->kernels->conv.copy(kept + k * r->width * c->item, 1, bias + k * c->item, m, c->groups);
    repeat_channels(r, kept, m);
    r->bias = kept;
    return FC_OK;
}

int64_t fc_depthwise_pixels_scratch(const fc_correlation *c, int threads) {
    const int side = fc_row_lies_on_side(c);
    const fc_correlation own = side ? fc_row_on_side(c) : *c;
    const fc_pixel_rows r = run_of(&own, side);
    return fc_pixel_rows_weight_bytes(&r) +
           workers_for(&r, &(fc_call){.threads = threads}) * fc_pixel_rows_worker_bytes(&r);
}

fc_status fc_depthwise_pixels_correlate(const fc_correlation *c, const void *x, const void *w,
                                        const void *bias, void *y, const fc_call *call) {
    const int side = fc_row_lies_on_side(c);
    const fc_correlation own = side ? fc_row_on_side(c) : *c;
    fc_pixel_rows r = run_of(&own, side);
    if (r.rows == 0 || own.axis[2].out == 0) return FC_OK;
    const int workers = workers_for(&r, call);
    r.weights =
        fc_scratch(fc_pixel_rows_weight_bytes(&r) + workers * fc_pixel_rows_worker_bytes(&r));
    FC_REQUIRE(r.weights, FC_OUT_OF_MEMORY);
    r.workers = r.weights + fc_pixel_rows_weight_bytes(&r);
    r.x = x;
    r.y = y;
    r.w = w;
    cut_items(&r, workers);
    fc_status status = fc_pixel_rows_bring(&r, r.weights, bias, call, workers);
    if (status == FC_OK) status = fc_parallel_for(call, workers, items_of(&r), pixels_item, &r);
    fc_scratch_free(r.weights);
    return status;
}
