/* Is a pooling problem valid? No arithmetic here or below it overflows for one that is, whatever
 * the numbers given. */
#include "problem.h"

#include "../kernels/pool_window.h"
#include "../runtime/status.h"

/* Whether an array of count * size[0] * size[1] * size[2] doubles can be addressed; all are
 * positive. */
static int addressable(int64_t count, int64_t channels, const int64_t size[3]) {
    int64_t bytes = 8;
    return !__builtin_mul_overflow(bytes, count, &bytes) &&
           !__builtin_mul_overflow(bytes, channels, &bytes) &&
           !__builtin_mul_overflow(bytes, size[0], &bytes) &&
           !__builtin_mul_overflow(bytes, size[1], &bytes) &&
           !__builtin_mul_overflow(bytes, size[2], &bytes);
}

static int positive(const int64_t size[3]) { return size[0] > 0 && size[1] > 0 && size[2] > 0; }

static fc_status check_type(fc_dtype dtype, fc_layout layout) {
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(layout == FC_CHANNELS_FIRST || layout == FC_CHANNELS_LAST, FC_INVALID_LAYOUT);
    return FC_OK;
}

fc_status fc_pool_check_sizes(const fc_pool *p) {
    FC_REQUIRE(p, FC_INVALID_NULL);
    FC_TRY(check_type(p->dtype, p->layout));
    FC_REQUIRE(p->batch > 0 && p->channels > 0 && positive(p->input), FC_INVALID_SIZE);
    FC_REQUIRE(positive(p->output), FC_INVALID_OUTPUT_SIZE);
    FC_REQUIRE(addressable(p->batch, p->channels, p->input), FC_INVALID_SIZE);
    FC_REQUIRE(addressable(p->batch, p->channels, p->output), FC_INVALID_SIZE);
    return FC_OK;
}

/* Whether each window of axis `a` holds an element of the input. */
static int windows_hold(const fc_pool *p, int a) {
    int64_t last; /* the last window's origin must lie inside: all that start inside hold their
                     first tap */
    if (__builtin_mul_overflow(p->output[a] - 1, p->stride[a], &last)) return 0;
    if (last - p->pad[a] >= p->input[a]) return 0;
    /* A window that starts in the padding reaches the input, as the padding is at most half of the
     * kernel; but with a dilation above the input's size its taps may jump over it. */
    if (p->dilation[a] <= p->input[a]) return 1;
    for (int64_t o = 0; o < p->output[a]; o++) {
        const int64_t origin = o * p->stride[a] - p->pad[a];
        if (origin >= 0) break;
        if ((-origin - 1) / p->dilation[a] + 1 >= p->kernel[a]) return 0;
        if (origin + ((-origin - 1) / p->dilation[a] + 1) * p->dilation[a] >= p->input[a]) return 0;
    }
    return 1;
}

fc_status fc_pool_check_windows(const fc_pool *p, int dilated) {
    FC_TRY(fc_pool_check_sizes(p));
    for (int a = 0; a < 3; a++) {
        FC_REQUIRE(p->kernel[a] > 0, FC_INVALID_SIZE);
        FC_REQUIRE(p->stride[a] > 0, FC_INVALID_STRIDE);
        FC_REQUIRE(dilated ? p->dilation[a] > 0 : p->dilation[a] == 1, FC_INVALID_DILATION);
        FC_REQUIRE(p->pad[a] >= 0 && p->pad[a] <= p->kernel[a] / 2, FC_INVALID_PADDING);
        FC_REQUIRE(windows_hold(p, a), FC_INVALID_OUTPUT_SIZE);
    }
    return FC_OK;
}

/* output = (input + before + after - dilation * (kernel - 1) - 1) / stride + 1 */
static fc_status check_axis(const fc_conv *p, int a) {
    int64_t padded, extent;
    FC_REQUIRE(p->kernel[a] > 0, FC_INVALID_SIZE);
    FC_REQUIRE(p->stride[a] > 0, FC_INVALID_STRIDE);
    FC_REQUIRE(p->dilation[a] > 0, FC_INVALID_DILATION);
    FC_REQUIRE(p->pad_before[a] >= 0 && p->pad_after[a] >= 0, FC_INVALID_PADDING);
    FC_REQUIRE(!__builtin_add_overflow(p->input[a], p->pad_before[a], &padded), FC_INVALID_PADDING);
    FC_REQUIRE(!__builtin_add_overflow(padded, p->pad_after[a], &padded), FC_INVALID_PADDING);
    FC_REQUIRE(!__builtin_mul_overflow(p->kernel[a] - 1, p->dilation[a], &extent),
               FC_INVALID_DILATION);
    FC_REQUIRE(extent < padded, FC_INVALID_OUTPUT_SIZE);
    FC_REQUIRE(p->output[a] == (padded - extent - 1) / p->stride[a] + 1, FC_INVALID_OUTPUT_SIZE);
    return FC_OK;
}

fc_status fc_columns_check(const fc_conv *p) {
    int64_t rows;
    FC_REQUIRE(p, FC_INVALID_NULL);
    FC_TRY(check_type(p->dtype, p->layout));
    FC_REQUIRE(p->layout == FC_CHANNELS_FIRST, FC_INVALID_LAYOUT);
    FC_REQUIRE(p->batch > 0 && p->in_channels > 0 && positive(p->input) && positive(p->kernel),
               FC_INVALID_SIZE);
    FC_REQUIRE(addressable(p->batch, p->in_channels, p->input), FC_INVALID_SIZE);
    for (int a = 0; a < 3; a++) FC_TRY(check_axis(p, a));
    FC_REQUIRE(addressable(p->batch, p->in_channels, p->kernel), FC_INVALID_SIZE);
    rows = p->batch * p->in_channels * p->kernel[0] * p->kernel[1] * p->kernel[2];
    FC_REQUIRE(addressable(rows, 1, p->output), FC_INVALID_SIZE);
    return FC_OK;
}
