/* Rows of depthwise pixels: lines of taps that stay inside the input, and weights turned. */
#include "depthwise_row.h"
#include "integers.h"

#include "../runtime/scratch.h"

#define MOST_REPEAT 8 /* pixels taken as one */

int fc_row_lies_on_side(const fc_correlation *c) {
    return c->axis[2].taps == 1 && c->axis[1].taps > 1 && c->groups >= c->kernels->lanes;
}

fc_correlation fc_row_on_side(const fc_correlation *c) {
    fc_correlation side = *c;
    for (int i = 1; i < 3; i++) {
        side.axis[i] = c->axis[3 - i];
        side.w_axis[i] = c->w_axis[3 - i];
    }
    return side;
}

/* The first element of a channel's weights that a tap reads, or the last. */
static int64_t end_weight(const fc_correlation *c, int last) {
    int64_t at = 0;
    for (int i = 0; i < 3; i++) {
        const fc_axis *a = &c->axis[i];
        const int64_t from = a->weight, to = from + (a->taps - 1) * a->weight_step;
        at += c->w_axis[i] * (last ? max64(from, to) : min64(from, to));
    }
    return at;
}

int64_t fc_row_weights(const fc_correlation *c) {
    return fc_correlation_taps(c) == 0 ? 0 : end_weight(c, 1) - end_weight(c, 0) + 1;
}

void fc_row_turn_weights(const fc_correlation *c, char *dst, int64_t ld, const void *w, int64_t k,
                         int64_t group, int64_t n) {
    if (fc_correlation_taps(c) == 0) return;
    const int64_t at = group * c->w_group + k * c->w_out + end_weight(c, 0);
    c->kernels->conv.transpose(dst, ld, (const char *)w + at * c->item, c->w_group, n,
                               fc_row_weights(c));
}

int64_t fc_row_lines_bytes(const fc_correlation *c) {
    return fc_aligned(2 * c->axis[0].taps * c->axis[1].taps * 8);
}

fc_depthwise_row fc_row_job(const fc_correlation *c, const fc_row_layout *layout, int64_t *lines) {
    const fc_axis *a = &c->axis[2];
    return (fc_depthwise_row){
        .taps = a->taps,
        .columns = a->in,
        .stride = a->stride,
        .offset = a->offset,
        .step = max64(1, a->offset_step),
        .x_column = layout->pixel,
        .w_tap = a->weight_step * c->w_axis[2] * layout->weights,
        .x_line = lines,
        .w_line = lines + c->axis[0].taps * c->axis[1].taps,
        .min = c->min,
        .max = c->max,
        .clamp = c->clamp,
    };
}

void fc_row_interior(const fc_axis *a, int64_t *first, int64_t *last) {
    const int64_t end = a->in - 1 - a->offset - (a->taps - 1) * a->offset_step;
    *first = a->offset >= 0 ? 0 : min64(a->out, (-a->offset + a->stride - 1) / a->stride);
    *last = end < 0 ? 0 : min64(a->out, end / a->stride + 1);
    *last = max64(*first, *last);
}

void fc_row_find_lines(const fc_correlation *c, const fc_row_layout *layout, int64_t depth,
                       int64_t row, int64_t from, fc_depthwise_row *job) {
    const fc_axis *a = c->axis;
    int64_t *x_line = (int64_t *)job->x_line, *w_line = (int64_t *)job->w_line;
    int64_t d_first, d_last, h_first, h_last;
    fc_taps_inside(&a[0], depth, &d_first, &d_last);
    fc_taps_inside(&a[1], row, &h_first, &h_last);
    const int64_t at_d = depth * a[0].stride + a[0].offset,
                  at_h = row * a[1].stride + a[1].offset - from;
    const int64_t w = a[2].weight * c->w_axis[2] - end_weight(c, 0);
    int64_t n = 0;
    for (int64_t d = d_first; d < d_last; d++)
        for (int64_t h = h_first; h < h_last; h++, n++) {
            x_line[n] = (at_d + d * a[0].offset_step) * layout->slice +
                        (d - d_first) * layout->tap_slice +
                        (at_h + h * a[1].offset_step) * layout->row;
            w_line[n] = (w + (a[0].weight + d * a[0].weight_step) * c->w_axis[0] +
                         (a[1].weight + h * a[1].weight_step) * c->w_axis[1]) *
                        layout->weights;
        }
    job->lines = n;
}

int64_t fc_row_repeat(const fc_correlation *c) {
    const fc_axis *a = &c->axis[2];
    if (a->stride != 1 || a->step != 1) return 1;
    for (int64_t lanes = 2 * c->kernels->lanes; lanes >= c->kernels->lanes; lanes /= 2) {
        const int64_t repeat = lanes / gcd(lanes, c->groups);
        if (repeat <= MOST_REPEAT && repeat * 4 <= a->out) return repeat;
    }
    return 1;
}
