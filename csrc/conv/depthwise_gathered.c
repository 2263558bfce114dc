/* Depthwise convolution and its input gradient, channels first, any shape of kernel: gathered.
 *
 *   for each item (parallel): a box of the pixels of some groups
 *     gather the lines of each summed plane (input channels x taps along the depth), padding filled
 *                                           in and columns split into the phases of the stride
 *     for each output channel:  one call of the kernel */
#include "depthwise_lines.h"
#include "integers.h"

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"

#define ITEM_WORK (1 << 17)   /* multiply-adds of an item, about */
#define SERIAL_WORK (1 << 17) /* of a problem that is not worth a second thread */

typedef struct lines_run {
    fc_lines l;
    int64_t groups, group_items; /* of an item, one after another */
    const char *x, *w, *bias;
    char *y, *scratch;
} lines_run;

/* All output channels of a group, from its lines. */
static void run_group(const lines_run *r, const fc_lines_box *box, int64_t image, int64_t group,
                      int64_t depth, fc_depthwise_lines *t) {
    const fc_correlation *c = r->l.c;
    const fc_axis *a = c->axis;
    const int64_t d = a[0].start + depth * a[0].step, h = a[1].start + box->first[0] * a[1].step,
                  column = a[2].start + box->first[1] * a[2].step;
    for (int64_t k = 0; k < c->out_channels; k++) {
        const int64_t channel = group * c->out_channels + k;
        const int64_t out = (image * c->groups * c->out_channels + channel) * a[0].size + d;
        t->w = r->w + (group * c->w_group + k * c->w_out + a[1].weight * c->w_axis[1] +
                       a[2].weight * c->w_axis[2]) *
                          c->item;
        t->y = r->y + ((out * a[1].size + h) * a[2].size + column) * c->item;
        t->bias = r->bias ? r->bias + channel * c->item : NULL;
        c->kernels->conv.depthwise_lines(t);
    }
}

static void lines_item(void *context, int64_t index, int worker) {
    const lines_run *r = context;
    const fc_lines *l = &r->l;
    const fc_axis *a = l->c->axis;
    fc_depthwise_lines t = fc_lines_job(l, r->scratch + worker * l->bytes);
    t.y_row = a[1].step * a[2].size;
    t.y_step = a[2].step;
    const int64_t boxes = l->boxes[0] * l->boxes[1];
    const fc_lines_box box = fc_lines_box_at(l, index % boxes);
    index /= boxes;
    const int64_t depth = index % a[0].out, first = index / a[0].out % r->group_items * r->groups,
                  image = index / a[0].out / r->group_items;
    for (int64_t group = first; group < min64(l->c->groups, first + r->groups); group++) {
        fc_lines_gather(l, &box, r->x, image, group, depth, &t);
        run_group(r, &box, image, group, depth, &t);
    }
}

/* Multiply-adds of a group in one image. */
static double group_work(const fc_correlation *c) {
    const fc_axis *a = c->axis;
    return (double)(a[0].out * a[1].out) * (double)a[2].out * (double)c->out_channels *
           (double)(fc_correlation_depth(c) + 1);
}

static lines_run lines_of(const fc_correlation *c) {
    lines_run r = {.l = fc_lines_of(c)};
    const double boxes = (double)(r.l.boxes[0] * r.l.boxes[1] * c->axis[0].out);
    r.groups = clamp64((int64_t)(ITEM_WORK * boxes / (group_work(c) + 1)), 1, c->groups);
    r.group_items = ceil_div(c->groups, r.groups);
    return r;
}

static int64_t lines_items(const lines_run *r) {
    const fc_correlation *c = r->l.c;
    return r->l.boxes[0] * r->l.boxes[1] * c->axis[0].out * r->group_items * c->batch;
}

static int lines_workers(const lines_run *r, const fc_call *call, int64_t items) {
    const fc_correlation *c = r->l.c;
    const double work = group_work(c) * (double)c->groups * (double)c->batch;
    return work < SERIAL_WORK ? 1 : fc_workers(call, items);
}

int64_t fc_lines_scratch(const fc_correlation *c, int threads) {
    const lines_run r = lines_of(c);
    return lines_workers(&r, &(fc_call){.threads = threads}, lines_items(&r)) * r.l.bytes;
}

fc_status fc_lines_correlate(const fc_correlation *c, const void *x, const void *w,
                             const void *bias, void *y, const fc_call *call) {
    lines_run r = lines_of(c);
    const int64_t items = lines_items(&r);
    if (items == 0) return FC_OK;
    const int workers = lines_workers(&r, call, items);
    r.x = x;
    r.w = w;
    r.bias = bias;
    r.y = y;
    r.scratch = fc_scratch(workers * r.l.bytes);
    FC_REQUIRE(r.scratch, FC_OUT_OF_MEMORY);
    const fc_status status = fc_parallel_for(call, workers, items, lines_item, &r);
    fc_scratch_free(r.scratch);
    return status;
}
