/* Validation of a convolution problem: the last line before pointers move. Whatever passes here has
 * sizes whose products fit in 62 bits and positions whose sums do, so that no later arithmetic
 * overflows. */
#include "problem.h"

#include <math.h>

#include "../runtime/status.h"

/* Bytes that an array may span; positions within it then leave room for sums and differences. */
#define LIMIT ((int64_t)1 << 62)
/* Stride, dilation and padding: far above any use, far below an overflow of position arithmetic. */
#define STEP_LIMIT ((int64_t)1 << 31)
#define PAD_LIMIT ((int64_t)1 << 40)

static int product_fits(const int64_t *factor, int n) {
    int64_t product = 8; /* bytes of the widest type */
    for (int i = 0; i < n; i++)
        if (factor[i] > 0 && __builtin_mul_overflow(product, factor[i], &product)) return 0;
    return product < LIMIT;
}

static fc_status validate_axis(const fc_conv *p, int i) {
    FC_REQUIRE(p->input[i] > 0 && p->kernel[i] > 0, FC_INVALID_SIZE);
    FC_REQUIRE(p->stride[i] > 0 && p->stride[i] < STEP_LIMIT, FC_INVALID_STRIDE);
    FC_REQUIRE(p->dilation[i] > 0 && p->dilation[i] < STEP_LIMIT, FC_INVALID_DILATION);
    FC_REQUIRE(p->pad_before[i] >= 0 && p->pad_before[i] < PAD_LIMIT, FC_INVALID_PADDING);
    FC_REQUIRE(p->pad_after[i] >= 0 && p->pad_after[i] < PAD_LIMIT, FC_INVALID_PADDING);
    FC_REQUIRE(p->input[i] < LIMIT / 8 && p->kernel[i] < LIMIT / 8 / p->dilation[i],
               FC_INVALID_SIZE);
    return FC_OK;
}

/* How many outputs the axis gives. */
static int64_t outputs(const fc_conv *p, int i) {
    const int64_t reach = p->dilation[i] * (p->kernel[i] - 1) + 1;
    const int64_t padded = p->input[i] + p->pad_before[i] + p->pad_after[i];
    return padded < reach ? 0 : (padded - reach) / p->stride[i] + 1;
}

static fc_status validate_padding_mode(const fc_conv *p) {
    FC_REQUIRE(p->padding_mode >= FC_PAD_ZEROS && p->padding_mode <= FC_PAD_CIRCULAR,
               FC_INVALID_PADDING_MODE);
    for (int i = 0; i < 3; i++) {
        const int64_t most =
            p->pad_before[i] > p->pad_after[i] ? p->pad_before[i] : p->pad_after[i];
        FC_REQUIRE(p->padding_mode != FC_PAD_REFLECT || most < p->input[i],
                   FC_INVALID_PADDING_MODE);
        FC_REQUIRE(p->padding_mode != FC_PAD_CIRCULAR || most <= p->input[i],
                   FC_INVALID_PADDING_MODE);
    }
    return FC_OK;
}

static fc_status validate_geometry(const fc_conv *p, int transposed) {
    FC_REQUIRE(p, FC_INVALID_NULL);
    FC_REQUIRE(p->dtype == FC_F32 || p->dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(p->layout == FC_CHANNELS_FIRST || p->layout == FC_CHANNELS_LAST, FC_INVALID_LAYOUT);
    FC_REQUIRE(p->batch >= 0 && p->in_channels > 0, FC_INVALID_SIZE);
    for (int i = 0; i < 3; i++) {
        FC_TRY(validate_axis(p, i));
        const int64_t most = outputs(p, i);
        FC_REQUIRE(p->output[i] > 0 && (transposed ? p->output[i] <= most : p->output[i] == most),
                   FC_INVALID_OUTPUT_SIZE);
    }
    const int64_t input[] = {p->batch, p->in_channels, p->input[0], p->input[1], p->input[2]};
    FC_REQUIRE(product_fits(input, 5), FC_INVALID_SIZE);
    return FC_OK;
}

static fc_status validate(const fc_conv *p, int transposed) {
    FC_TRY(validate_geometry(p, transposed));
    FC_REQUIRE(p->out_channels > 0, FC_INVALID_SIZE);
    FC_REQUIRE(p->groups > 0 && p->in_channels % p->groups == 0 && p->out_channels % p->groups == 0,
               FC_INVALID_GROUPS);
    const int64_t output[] = {p->batch, p->out_channels, p->output[0], p->output[1], p->output[2]};
    const int64_t weight[] = {p->out_channels, p->in_channels / p->groups, p->kernel[0],
                              p->kernel[1], p->kernel[2]};
    FC_REQUIRE(product_fits(output, 5) && product_fits(weight, 5), FC_INVALID_SIZE);
    FC_REQUIRE(!p->clamp || p->min <= p->max,
               FC_INVALID_ACTIVATION); /* also false where either is NaN */
    return FC_OK;
}

fc_status fc_conv_validate(const fc_conv *p) {
    FC_TRY(validate(p, 0));
    return validate_padding_mode(p);
}

fc_status fc_conv_validate_transposed(const fc_conv *p) {
    FC_TRY(validate(p, 1));
    FC_REQUIRE(p->padding_mode == FC_PAD_ZEROS, FC_INVALID_PADDING_MODE);
    return FC_OK;
}

fc_status fc_columns_validate(const fc_conv *p) {
    FC_TRY(validate_geometry(p, 0));
    const int64_t columns[] = {p->batch,     p->in_channels, p->kernel[0], p->kernel[1],
                               p->kernel[2], p->output[0],   p->output[1], p->output[2]};
    FC_REQUIRE(product_fits(columns, 8), FC_INVALID_SIZE);
    return FC_OK;
}

double fc_conv_flops(const fc_conv *p) {
    double flops = 2.0 * (double)p->batch * (double)p->out_channels *
                   ((double)p->in_channels / (double)p->groups);
    for (int i = 0; i < 3; i++) flops *= (double)p->kernel[i] * (double)p->output[i];
    return flops;
}
