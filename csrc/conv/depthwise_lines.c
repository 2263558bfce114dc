/* The lines that a box of depthwise outputs needs, gathered from the rows of the input: columns in
 * the padding are zeros, and the columns are split into the phases of the stride, one after
 * another, so that what a tap needs for neighbouring outputs are neighbours. Lines outside the
 * input are left out. */
#include "depthwise_lines.h"
#include "integers.h"

#include "../runtime/scratch.h"

#define LINES_BYTES (64 << 10) /* where the kernel is not larger: they stay near the L1 cache */

static int64_t span_of(const fc_axis *a, int64_t outputs) {
    return (outputs - 1) * a->stride + (a->taps - 1) * a->offset_step + 1;
}

static void size_lines(fc_lines *l) {
    const fc_correlation *c = l->c;
    const fc_axis *a = c->axis;
    l->summed = max64(1, c->in_channels * a[0].taps);
    l->lines = max64(1, span_of(&a[1], l->box[0]));
    l->phase = max64(0, a[2].taps - 1) * a[2].offset_step / a[2].stride + 1 +
               up_to(l->box[1], FC_DEPTHWISE_LINES * c->kernels->lanes);
    l->line = l->phase * min64(a[2].stride, a[2].taps + 1);
    l->offsets_at = fc_aligned(times64(times64(l->summed, l->lines), l->line * c->item));
    l->bytes = l->offsets_at + fc_aligned((a[2].taps + l->summed) * 8);
}

/* The largest box whose lines fit, or as little as will do. */
fc_lines fc_lines_of(const fc_correlation *c) {
    fc_lines l = {.c = c, .box = {c->axis[1].out, c->axis[2].out}};
    const int64_t columns = 2 * FC_DEPTHWISE_LINES * c->kernels->lanes,
                  rows = 8 * max64(1, c->axis[1].offset_step);
    for (size_lines(&l); l.bytes > LINES_BYTES; size_lines(&l)) {
        if (l.box[0] > rows || (l.box[1] <= columns && l.box[0] > 1))
            l.box[0] = ceil_div(l.box[0], 2);
        else if (l.box[1] > columns) l.box[1] = ceil_div(l.box[1], 2);
        else break;
    }
    for (int i = 0; i < 2; i++)
        l.boxes[i] = l.box[i] > 0 ? ceil_div(c->axis[i + 1].out, l.box[i]) : 0;
    return l;
}

fc_lines_box fc_lines_box_at(const fc_lines *l, int64_t index) {
    fc_lines_box box;
    for (int i = 1; i >= 0; i--) {
        box.first[i] = index % l->boxes[i] * l->box[i];
        box.size[i] = min64(l->box[i], l->c->axis[i + 1].out - box.first[i]);
        index /= l->boxes[i];
    }
    return box;
}

fc_depthwise_lines fc_lines_job(const fc_lines *l, char *scratch) {
    const fc_axis *a = l->c->axis;
    int64_t *offset = (int64_t *)(scratch + l->offsets_at);
    const int64_t period = a[2].stride / gcd(a[2].stride, a[2].offset_step);
    for (int64_t k = 0; k < a[2].taps; k++)
        offset[k] = k % period * l->phase + k * a[2].offset_step / a[2].stride;
    return (fc_depthwise_lines){
        .taps = {a[1].taps, a[2].taps},
        .x = scratch,
        .x_summed = l->lines * l->line,
        .line = l->line,
        .stride = a[1].stride,
        .row_step = max64(1, a[1].offset_step),
        .offset = offset,
        .w_summed = offset + a[2].taps,
        .w_row = a[1].weight_step * l->c->w_axis[1],
        .w_step = a[2].weight_step,
        .min = l->c->min,
        .max = l->c->max,
        .clamp = l->c->clamp,
    };
}

/* The lines [first_line, last_line) of one plane: the phases of the stride one after another. */
static void gather_plane(const fc_lines *l, const fc_lines_box *box, const char *plane,
                         const fc_depthwise_lines *job, char *dst) {
    const fc_correlation *c = l->c;
    const fc_axis *a = &c->axis[1], *b = &c->axis[2];
    const int64_t row = box->first[0] * a->stride + a->offset + job->first_line,
                  column = box->first[1] * b->stride + b->offset;
    dst += job->first_line * l->line * c->item;
    for (int64_t k = 0; k < b->taps; k++, dst += l->phase * c->item) {
        const int64_t p = k * b->offset_step % b->stride, at = column + p;
        if (k > 0 && p == 0) break; /* and so on, as before */
        const int64_t before = at >= 0 ? 0 : min64(l->phase, ceil_div(-at, b->stride));
        const int64_t from = at + before * b->stride, left = b->in - from;
        const int64_t n = left <= 0 ? 0 : min64(l->phase - before, ceil_div(left, b->stride));
        const char *src = plane + (row * b->in + (n > 0 ? from : 0)) * c->item;
        c->kernels->conv.copy_padded(dst, l->line, src, b->in, job->last_line - job->first_line,
                                     before, n, l->phase - before - n, b->stride);
    }
}

void fc_lines_gather(const fc_lines *l, const fc_lines_box *box, const char *x, int64_t image,
                     int64_t group, int64_t depth, fc_depthwise_lines *job) {
    const fc_correlation *c = l->c;
    const fc_axis *a = c->axis;
    const int64_t row = box->first[0] * a[1].stride + a[1].offset,
                  lines = span_of(&a[1], box->size[0]), plane = a[1].in * a[2].in;
    char *dst = (char *)job->x;
    int64_t *in_weight = (int64_t *)job->w_summed;
    job->rows = box->size[0];
    job->columns = box->size[1];
    job->first_line = clamp64(-row, 0, lines);
    job->last_line = clamp64(a[1].in - row, job->first_line, lines);
    job->summed = 0;
    if (job->first_line == job->last_line || a[1].taps == 0 || a[2].taps == 0) return;
    for (int64_t k = 0; k < c->in_channels; k++)
        for (int64_t t = 0; t < a[0].taps; t++) {
            const int64_t at = depth * a[0].stride + a[0].offset + t * a[0].offset_step;
            if (at < 0 || at >= a[0].in) continue;
            in_weight[job->summed] =
                k * c->w_in + (a[0].weight + t * a[0].weight_step) * c->w_axis[0];
            const int64_t channel = (image * c->groups + group) * c->in_channels + k;
            gather_plane(l, box, x + (channel * a[0].in + at) * plane * c->item, job,
                         dst + job->summed++ * job->x_summed * c->item);
        }
}
