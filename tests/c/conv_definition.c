#include "conv_definition.h"

#include <math.h>

int64_t conv_input_count(const fc_conv *p) { return p->batch * p->in_channels * volume(p->input); }
int64_t conv_output_count(const fc_conv *p) {
    return p->batch * p->out_channels * volume(p->output);
}
int64_t conv_weight_count(const fc_conv *p) {
    return p->out_channels * (p->in_channels / p->groups) * volume(p->kernel);
}

/* The input position that a position in the padding stands for; -1: a zero. */
static int64_t padded(fc_padding_mode mode, int64_t position, int64_t size) {
    if (position >= 0 && position < size) return position;
    switch (mode) {
    case FC_PAD_REFLECT: return position < 0 ? -position : 2 * (size - 1) - position;
    case FC_PAD_REPLICATE: return position < 0 ? 0 : size - 1;
    case FC_PAD_CIRCULAR: return position < 0 ? position + size : position - size;
    default: return -1;
    }
}

int conv_source(const fc_conv *p, const int64_t o[3], const int64_t t[3], int64_t position[3]) {
    for (int i = 0; i < 3; i++) {
        position[i] =
            padded(p->padding_mode, o[i] * p->stride[i] + t[i] * p->dilation[i] - p->pad_before[i],
                   p->input[i]);
        if (position[i] < 0) return 0;
    }
    return 1;
}

void conv_accumulate(double *sum, double *magnitude, int64_t i, double a, double b) {
    sum[i] += a * b;
    magnitude[i] += fabs(a * b);
}

void conv_define(const fc_conv *p, int result, const array *x, const array *w, const array *y,
                 double *sum, double *magnitude) {
    const int64_t cs = p->in_channels / p->groups, ks = p->out_channels / p->groups;
    int64_t o[3], t[3], s[3];
    for (int64_t of = 0; of < volume(p->output); of++)
        for (int64_t tf = 0; tf < volume(p->kernel); tf++) {
            unravel(of, p->output, o);
            unravel(tf, p->kernel, t);
            if (!conv_source(p, o, t, s)) continue;
            for (int64_t n = 0; n < p->batch; n++)
                for (int64_t k = 0; k < p->out_channels; k++)
                    for (int64_t c = 0; c < cs; c++) {
                        int64_t xi =
                            offset_of(p->layout, p->in_channels, p->input, n, k / ks * cs + c, s);
                        int64_t yi = offset_of(p->layout, p->out_channels, p->output, n, k, o);
                        int64_t wi = (k * cs + c) * volume(p->kernel) + tf;
                        if (result == FORWARD)
                            conv_accumulate(sum, magnitude, yi, array_at(x, xi), array_at(w, wi));
                        else if (result == GRAD_INPUT)
                            conv_accumulate(sum, magnitude, xi, array_at(y, yi), array_at(w, wi));
                        else conv_accumulate(sum, magnitude, wi, array_at(y, yi), array_at(x, xi));
                    }
        }
}

void conv_finish(const fc_conv *p, int64_t channels, int64_t space, const array *bias, double *sum,
                 double *magnitude) {
    for (int64_t i = 0; i < p->batch * channels * space; i++) {
        int64_t c = p->layout == FC_CHANNELS_FIRST ? i / space % channels : i % channels;
        if (bias) conv_accumulate(sum, magnitude, i, array_at(bias, c), 1);
        if (p->clamp && sum[i] < p->min) sum[i] = p->min;
        if (p->clamp && sum[i] > p->max) sum[i] = p->max;
    }
}

int64_t conv_outputs(const fc_conv *p, int i) {
    int64_t room =
        p->input[i] + p->pad_before[i] + p->pad_after[i] - p->dilation[i] * (p->kernel[i] - 1) - 1;
    return room < 0 ? 0 : room / p->stride[i] + 1;
}
