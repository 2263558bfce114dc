/* Depthwise convolution, channels first, one input channel a group, with the channels in the
 * vectors:
 *
 *   for each item (parallel): a box of output rows and columns of one slice of a vector of channels
 *     turn what the box reads of the input to [slice][row][column][channel], and the weights
 *     for each output channel of a group:
 *       for each row:  one call of the kernel, to [row][column][channel]
 *       turn the rows back into the planes of the output
 *
 * However narrow its rows are, no lane is empty (but for the last channels'), and padding takes no
 * work. Turning costs the same whatever the kernel: it pays for large kernels and narrow planes. */
#include "depthwise_turned.h"
#include "depthwise_row.h"
#include "integers.h"

#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define BOX_BYTES (192 << 10) /* of a box, in and out: it stays in the L2 cache */
#define ITEM_WORK (1 << 18)   /* multiply-adds that make a box worth an item of its own */
#define SERIAL_WORK (1 << 17) /* of a problem that is not worth a second thread */

typedef struct turned_run {
    const fc_correlation *c;
    const char *x, *w, *bias;
    char *y, *scratch;
    int64_t lanes, blocks;                                               /* of channels */
    int64_t box[2], boxes[2];                                            /* rows and columns */
    int64_t in[2], in_bytes, out_bytes, weight_bytes, bias_bytes, bytes; /* of a worker */
} turned_run;

/* Inputs that `outputs` outputs along an axis reach. */
static int64_t reach(const fc_axis *a, int64_t outputs) {
    return min64(a->in, max64(0, (outputs - 1) * a->stride + (a->taps - 1) * a->offset_step + 1));
}

static void size_box(turned_run *r) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    for (int i = 0; i < 2; i++) r->in[i] = reach(&a[i + 1], r->box[i]);
    const int64_t vector = r->lanes * c->item;
    const int64_t slices = min64(a[0].in, a[0].taps);
    r->in_bytes = fc_aligned(times64(times64(slices, r->in[0]), times64(r->in[1], vector)));
    r->out_bytes = fc_aligned(times64(r->box[0], times64(r->box[1], vector)));
}

static turned_run run_of(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    turned_run r = {.c = c,
                    .lanes = c->kernels->lanes,
                    .blocks = ceil_div(c->groups, c->kernels->lanes),
                    .box = {max64(1, a[1].out), max64(1, a[2].out)}};
    /* Rows of a box: enough work, but not so few that most of what they read is read again. */
    const double row =
        (double)(a[2].out * r.lanes * c->out_channels) * (double)(fc_correlation_taps(c) + 1);
    const int64_t enough = max64((int64_t)(ITEM_WORK / (row + 1)) + 1,
                                 times64(4, (a[1].taps - 1) * a[1].offset_step / a[1].stride));
    if (r.box[0] >= 2 * enough) r.box[0] = ceil_div(r.box[0], r.box[0] / enough);
    for (size_box(&r); r.in_bytes + r.out_bytes > BOX_BYTES; size_box(&r)) {
        if (r.box[0] > 1) r.box[0] = ceil_div(r.box[0], 2);
        else if (r.box[1] > 64) r.box[1] = ceil_div(r.box[1], 2);
        else break;
    }
    for (int i = 0; i < 2; i++) r.boxes[i] = ceil_div(a[i + 1].out, r.box[i]);
    r.weight_bytes = fc_aligned(times64(c->out_channels * fc_row_weights(c), r.lanes * c->item));
    r.bias_bytes = fc_aligned(c->out_channels * r.lanes * c->item);
    r.bytes = r.in_bytes + r.out_bytes + r.weight_bytes + r.bias_bytes + fc_row_lines_bytes(c);
    return r;
}

/* What an item is: outputs [first, first + size) of rows and columns, and what they read. */
typedef struct box {
    int64_t image, depth, group, groups; /* from which on, how many */
    int64_t first[2], size[2], from[2], to[2];
} box;

static box box_at(const turned_run *r, int64_t index) {
    const fc_axis *a = r->c->axis;
    box b;
    for (int i = 1; i >= 0; i--) {
        const fc_axis *axis = &a[i + 1];
        b.first[i] = index % r->boxes[i] * r->box[i];
        b.size[i] = min64(r->box[i], axis->out - b.first[i]);
        b.from[i] = clamp64(b.first[i] * axis->stride + axis->offset, 0, axis->in);
        b.to[i] = clamp64((b.first[i] + b.size[i] - 1) * axis->stride + axis->offset +
                              (axis->taps - 1) * axis->offset_step + 1,
                          b.from[i], axis->in);
        index /= r->boxes[i];
    }
    b.depth = index % a[0].out;
    index /= a[0].out;
    b.group = index % r->blocks * r->lanes;
    b.groups = min64(r->lanes, r->c->groups - b.group);
    b.image = index / r->blocks;
    return b;
}

/* A plane's part that the box reads; rows follow each other where it reads all of them. */
static void turn_slice(const turned_run *r, const box *b, int64_t at, char *dst) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t plane = a[1].in * a[2].in, channel = a[0].in * plane,
                  columns = b->to[1] - b->from[1];
    const char *src = r->x + ((b->image * c->groups + b->group) * channel + at * plane +
                              b->from[0] * a[2].in + b->from[1]) *
                                 c->item;
    int64_t rows = b->to[0] - b->from[0], n = columns;
    if (columns == a[2].in) {
        n *= rows;
        rows = 1;
    }
    for (int64_t i = 0; i < rows; i++)
        c->kernels->conv.transpose(dst + i * columns * r->lanes * c->item, r->lanes,
                                   src + i * a[2].in * c->item, channel, b->groups, n);
}

static void turn_input(const turned_run *r, const box *b, char *dst) {
    const fc_axis *a = &r->c->axis[0];
    int64_t first, last;
    fc_taps_inside(a, b->depth, &first, &last);
    for (int64_t t = first; t < last; t++) {
        turn_slice(r, b, b->depth * a->stride + a->offset + t * a->offset_step, dst);
        dst += (b->to[0] - b->from[0]) * (b->to[1] - b->from[1]) * r->lanes * r->c->item;
    }
}

/* The sums of output channel k back into its planes. */
static void turn_back(const turned_run *r, const box *b, const char *src, int64_t k) {
    const fc_correlation *c = r->c;
    const fc_axis *a = c->axis;
    const int64_t channel = a[0].out * a[1].out * a[2].out,
                  first = (b->image * c->groups + b->group) * c->out_channels + k;
    char *dst =
        r->y +
        (first * channel + (b->depth * a[1].out + b->first[0]) * a[2].out + b->first[1]) * c->item;
    int64_t rows = b->size[0], n = b->size[1];
    if (n == a[2].out) {
        n *= rows;
        rows = 1;
    }
    for (int64_t i = 0; i < rows; i++)
        c->kernels->conv.transpose(dst + i * a[2].out * c->item, c->out_channels * channel,
                                   src + i * n * r->lanes * c->item, r->lanes, n, b->groups);
}

static void turned_item(void *context, int64_t index, int worker) {
    const turned_run *r = context;
    const fc_correlation *c = r->c;
    const int64_t item = c->item;
    char *in = r->scratch + worker * r->bytes, *out = in + r->in_bytes,
         *weights = out + r->out_bytes, *bias = weights + r->weight_bytes;
    const box b = box_at(r, index);
    if (b.groups < r->lanes) memset(in, 0, (size_t)(bias + r->bias_bytes - in));
    turn_input(r, &b, in);
    const int64_t columns = b.to[1] - b.from[1], pixels = (b.to[0] - b.from[0]) * columns;
    const int side = fc_row_lies_on_side(c), along = !side;
    const fc_correlation own = side ? fc_row_on_side(c) : *c;
    const int64_t row = columns * r->lanes, out_row = b.size[1] * r->lanes;
    const fc_row_layout layout = {.tap_slice = pixels * r->lanes,
                                  .row = side ? r->lanes : row,
                                  .pixel = side ? row : r->lanes,
                                  .weights = r->lanes};
    fc_depthwise_row job = fc_row_job(&own, &layout, (int64_t *)(bias + r->bias_bytes));
    job.columns = b.to[along] - b.from[along];
    job.offset += b.first[along] * job.stride - b.from[along];
    job.pixels = b.size[along];
    job.channels = r->lanes;
    job.y_step = side ? out_row : r->lanes;
    job.x = in;
    job.w = weights;
    for (int64_t k = 0; k < c->out_channels; k++) {
        fc_row_turn_weights(c, weights, r->lanes, r->w, k, b.group, b.groups);
        if (r->bias) {
            const int64_t first = b.group * c->out_channels + k;
            c->kernels->conv.copy(bias, 1, r->bias + first * item, c->out_channels, b.groups);
            job.bias = bias;
        }
        for (int64_t i = 0; i < b.size[!along]; i++) {
            fc_row_find_lines(&own, &layout, b.depth, b.first[!along] + i, b.from[!along], &job);
            job.y = out + i * (side ? r->lanes : out_row) * item;
            c->kernels->conv.depthwise_row(&job);
        }
        turn_back(r, &b, out, k);
    }
}

int fc_depthwise_turns(const fc_correlation *c) {
    for (int i = 0; i < 3; i++)
        if (c->axis[i].step != 1 || c->axis[i].size != c->axis[i].out) return 0;
    return c->layout == FC_CHANNELS_FIRST && c->in_channels == 1 && c->groups > 1 &&
           c->padding_mode == FC_PAD_ZEROS;
}

double fc_depthwise_taps_inside(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    return fc_axis_taps_inside(&a[0]) * fc_axis_taps_inside(&a[1]) * fc_axis_taps_inside(&a[2]);
}

double fc_depthwise_turned_ns(const fc_correlation *c) {
    const turned_run r = run_of(c);
    const fc_tuning *t = &c->kernels->tuning;
    const double boxes = (double)(r.blocks * r.boxes[0] * r.boxes[1] * c->axis[0].out);
    const double vector = (double)(r.lanes * c->item);
    const double in = (double)(r.in_bytes + r.weight_bytes) / vector,
                 out = (double)(r.box[0] * r.box[1] * c->out_channels);
    const double taps = fc_depthwise_taps_inside(c);
    const double dilated = c->axis[2].offset_step > 1 ? 2 : 1; /* rows are cut into phases */
    return boxes *
           (t->turn_box + t->turn * (in + out) + t->depthwise_turned * out * taps * dilated);
}

static int64_t items_of(const turned_run *r) {
    return r->boxes[0] * r->boxes[1] * r->c->axis[0].out * r->blocks * r->c->batch;
}

static int workers_for(const turned_run *r, const fc_call *call) {
    const fc_correlation *c = r->c;
    const double work = (double)(c->axis[0].out * c->axis[1].out) * (double)c->axis[2].out *
                        (double)(c->groups * c->out_channels) *
                        (double)(fc_correlation_taps(c) + 1) * (double)c->batch;
    return work < SERIAL_WORK ? 1 : fc_workers(call, items_of(r));
}

int64_t fc_depthwise_turned_scratch(const fc_correlation *c, int threads) {
    const turned_run r = run_of(c);
    return workers_for(&r, &(fc_call){.threads = threads}) * r.bytes;
}

fc_status fc_depthwise_turned_correlate(const fc_correlation *c, const void *x, const void *w,
                                        const void *bias, void *y, const fc_call *call) {
    turned_run r = run_of(c);
    if (items_of(&r) == 0) return FC_OK;
    const int workers = workers_for(&r, call);
    r.x = x;
    r.w = w;
    r.bias = bias;
    r.y = y;
    r.scratch = fc_scratch(workers * r.bytes);
    FC_REQUIRE(r.scratch, FC_OUT_OF_MEMORY);
    const fc_status status = fc_parallel_for(call, workers, items_of(&r), turned_item, &r);
    fc_scratch_free(r.scratch);
    return status;
}
