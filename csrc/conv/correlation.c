/* From a convolution problem to correlations.
 *
 * The input gradient along one axis is gx[i] = sum of w[t] * gy[o] over o*stride + t*dilation - pad
 * = i. The outputs i = r + stride*j of one phase r use the taps t with (r + pad - t*dilation)
 * divisible by the stride, at o = j + (r + pad - t*dilation) / stride: a correlation of stride 1
 * over gy. Those taps are t0, t0 + period, ... with period = stride / gcd(stride, dilation); taken
 * from the last to the first, their offsets ascend. */
#include "correlation.h"

#include "problem.h"
#include "integers.h"

#define MANY_TAPS 4096 /* along an axis: no cost is that exact */

/* Of numbers that are not negative; the divisor is mostly 1, and divisions are slow. */
static int64_t quotient(int64_t a, int64_t b) { return b == 1 ? a : a / b; }

int64_t fc_taps_before(const fc_axis *a, int64_t first_tap, int64_t taps, int64_t o) {
    const int64_t at = o * a->stride + a->offset + first_tap * a->offset_step,
                  step = max64(1, a->offset_step);
    return at >= 0 ? 0 : min64(taps, quotient(-at + step - 1, step));
}

int64_t fc_taps_before_end(const fc_axis *a, int64_t first_tap, int64_t taps, int64_t o) {
    const int64_t at = o * a->stride + a->offset + first_tap * a->offset_step,
                  step = max64(1, a->offset_step);
    return at >= a->in ? 0 : min64(taps, quotient(a->in - 1 - at, step) + 1);
}

void fc_taps_inside(const fc_axis *a, int64_t o, int64_t *first, int64_t *end) {
    *first = fc_taps_before(a, 0, a->taps, o);
    *end = max64(*first, fc_taps_before_end(a, 0, a->taps, o));
}

double fc_axis_taps_inside(const fc_axis *a) {
    double inside = 0;
    if (a->taps > MANY_TAPS) return (double)a->taps;
    for (int64_t t = 0; t < a->taps; t++) {
        const int64_t at = a->offset + t * a->offset_step;
        const int64_t first = at >= 0 ? 0 : ceil_div(-at, a->stride);
        const int64_t last = at >= a->in ? 0 : min64(a->out, ceil_div(a->in - at, a->stride));
        inside += (double)max64(0, last - first);
    }
    return inside / (double)max64(1, a->out);
}

int64_t fc_correlation_taps(const fc_correlation *c) {
    return c->axis[0].taps * c->axis[1].taps * c->axis[2].taps;
}
int64_t fc_correlation_depth(const fc_correlation *c) {
    return c->in_channels * fc_correlation_taps(c);
}

int64_t fc_correlation_in(const fc_correlation *c) {
    return c->groups * c->in_channels * c->axis[0].in * c->axis[1].in * c->axis[2].in;
}
int64_t fc_correlation_out(const fc_correlation *c) {
    return c->groups * c->out_channels * c->axis[0].size * c->axis[1].size * c->axis[2].size;
}

static int64_t floor_mod(int64_t a, int64_t b) { return (a % b + b) % b; }

static fc_correlation correlation_of(const fc_conv *p) {
    fc_correlation c = {
        .kernels = fc_kernels_for(p->dtype),
        .item = fc_sizeof(p->dtype),
        .layout = p->layout,
        .padding_mode = p->padding_mode,
        .batch = p->batch,
        .groups = p->groups,
        .clamp = p->clamp,
        .min = p->min,
        .max = p->max,
    };
    c.w_axis[2] = 1;
    c.w_axis[1] = p->kernel[2];
    c.w_axis[0] = p->kernel[1] * p->kernel[2];
    return c;
}

fc_correlation fc_correlation_forward(const fc_conv *p) {
    fc_correlation c = correlation_of(p);
    const int64_t taps = fc_volume(p->kernel);
    c.in_channels = p->in_channels / p->groups;
    c.out_channels = p->out_channels / p->groups;
    c.w_in = taps;
    c.w_out = c.in_channels * taps;
    c.w_group = c.out_channels * c.w_out;
    for (int i = 0; i < 3; i++)
        c.axis[i] = (fc_axis){
            .in = p->input[i],
            .out = p->output[i],
            .stride = p->stride[i],
            .taps = p->kernel[i],
            .offset = -p->pad_before[i],
            .offset_step = p->dilation[i],
            .weight = 0,
            .weight_step = 1,
            .start = 0,
            .step = 1,
            .size = p->output[i],
        };
    return c;
}

/* Along one axis: how many phases have taps (the first tap of each is 0, 1, ...), and whether
 * others do not. */
static int64_t axis_phases(const fc_conv *p, int i) {
    return min64(p->kernel[i], p->stride[i] / gcd(p->stride[i], p->dilation[i]));
}

/* The phase that tap t reaches. */
static int64_t phase_of_tap(const fc_conv *p, int i, int64_t t) {
    return floor_mod(t * p->dilation[i] - p->pad_before[i], p->stride[i]);
}

int fc_correlation_misses_outputs(const fc_conv *p) {
    for (int i = 0; i < 3; i++) {
        int64_t reached = 0;
        for (int64_t t = 0; t < axis_phases(p, i); t++)
            reached += phase_of_tap(p, i, t) < p->input[i];
        if (reached < min64(p->stride[i], p->input[i])) return 1;
    }
    return 0;
}

/* The phase along axis i that the taps t0, t0 + period, ... reach. */
static fc_axis phase_axis(const fc_conv *p, int i, int64_t t0) {
    const int64_t s = p->stride[i], period = s / gcd(s, p->dilation[i]), r = phase_of_tap(p, i, t0);
    const int64_t taps = (p->kernel[i] - 1 - t0) / period + 1, last = t0 + (taps - 1) * period;
    return (fc_axis){
        .in = p->output[i],
        .out = r < p->input[i] ? (p->input[i] - 1 - r) / s + 1 : 0,
        .stride = 1,
        .taps = taps,
        .offset = (r + p->pad_before[i] - last * p->dilation[i]) / s,
        .offset_step = period * p->dilation[i] / s,
        .weight = last,
        .weight_step = -period,
        .start = r,
        .step = s,
        .size = p->input[i],
    };
}

/* What all phases share: the roles of input and output are exchanged. */
static fc_correlation turned_round(const fc_conv *p) {
    fc_correlation c = correlation_of(p);
    const int64_t taps = fc_volume(p->kernel);
    c.in_channels = p->out_channels / p->groups;
    c.out_channels = p->in_channels / p->groups;
    c.w_out = taps;
    c.w_in = c.out_channels * taps;
    c.w_group = c.in_channels * c.w_in;
    return c;
}

int64_t fc_correlation_phases(const fc_conv *p) {
    return axis_phases(p, 0) * axis_phases(p, 1) * axis_phases(p, 2);
}

fc_correlation fc_correlation_phase(const fc_conv *p, int64_t index) {
    fc_correlation c = turned_round(p);
    for (int i = 2; i >= 0; i--) {
        c.axis[i] = phase_axis(p, i, index % axis_phases(p, i));
        index /= axis_phases(p, i);
    }
    return c;
}

fc_correlation fc_correlation_without_taps(const fc_conv *p) {
    fc_correlation c = turned_round(p);
    for (int i = 0; i < 3; i++)
        c.axis[i] = (fc_axis){
            .in = p->output[i], .out = p->input[i], .stride = 1, .step = 1, .size = p->input[i]};
    return c;
}
