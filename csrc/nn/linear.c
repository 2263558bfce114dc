/* Fully connected layers: y = x w' + bias, and the gradients.
 *
 *   y    dot products of rows of x and rows of w (conv/connected.c); many rows are the pixels of a
 *        1x1 convolution, whose packing of the weights then pays
 *   gx   sums over the outputs of gy times a row of w     (conv/connected_grad.c)
 *   gw   sums over the rows of gy times a row of x        (conv/connected_grad.c)
 *   gb   sums over the rows of gy
 *
 * Which way is taken depends on the problem alone. */
#include "../conv/connected.h"
#include "../conv/grad.h"
#include "../conv/integers.h"
#include "../runtime/status.h"

#define LIMIT ((int64_t)1 << 62)

static fc_status check(fc_dtype dtype, int64_t rows, int64_t in, int64_t out) {
    FC_REQUIRE(dtype == FC_F32 || dtype == FC_F64, FC_INVALID_DTYPE);
    FC_REQUIRE(rows > 0 && in > 0 && out > 0, FC_INVALID_SIZE);
    const int64_t wide = max64(in, out), high = max64(rows, min64(in, out));
    FC_REQUIRE(wide < LIMIT / 8 / high, FC_INVALID_SIZE);
    return FC_OK;
}

/* The most rows for which dot products are faster: at 400 to 120, and at 1024 to 1000, 32 rows take
 * as long either way, 8 half as long, and one a quarter (AMD Zen 5, November 2026). */
#define FORWARD_FEW 24

/* The rows as the pixels of an image. */
static fc_conv as_conv(fc_dtype dtype, int64_t rows, int64_t in, int64_t out) {
    return (fc_conv){.dtype = dtype,
                     .layout = FC_CHANNELS_LAST,
                     .batch = 1,
                     .in_channels = in,
                     .out_channels = out,
                     .groups = 1,
                     .input = {1, 1, rows},
                     .kernel = {1, 1, 1},
                     .stride = {1, 1, 1},
                     .dilation = {1, 1, 1},
                     .output = {1, 1, rows}};
}

fc_status fc_linear(fc_dtype dtype, int64_t rows, int64_t in, int64_t out, const void *x,
                    const void *w, const void *bias, void *y, const fc_call *call) {
    FC_TRY(check(dtype, rows, in, out));
    FC_REQUIRE(x && w && y, FC_INVALID_NULL);
    if (rows > FORWARD_FEW) {
        const fc_conv conv = as_conv(dtype, rows, in, out);
        return fc_conv_forward(&conv, FC_DIRECT, x, w, bias, y, call);
    }
    const fc_connected d = {.kernels = fc_kernels_for(dtype),
                            .item = fc_sizeof(dtype),
                            .rows = rows,
                            .groups = 1,
                            .in = in,
                            .out = out,
                            .x = x,
                            .w = w,
                            .bias = bias,
                            .y = y};
    return fc_connected_run(&d, call);
}

fc_status fc_linear_grad(fc_dtype dtype, int64_t rows, int64_t in, int64_t out, const void *x,
                         const void *w, const void *gy, void *gx, void *gw, void *gb,
                         const fc_call *call) {
    FC_TRY(check(dtype, rows, in, out));
    FC_REQUIRE(gy && (w || !gx) && (x || !gw), FC_INVALID_NULL);
    const fc_connected_grad d = {.kernels = fc_kernels_for(dtype),
                                 .item = fc_sizeof(dtype),
                                 .rows = rows,
                                 .groups = 1,
                                 .in = in,
                                 .out = out,
                                 .x = x,
                                 .w = w,
                                 .gy = gy};
    if (gx) FC_TRY(fc_connected_grad_input(&d, gx, call));
    if (gw) FC_TRY(fc_connected_grad_weight(&d, gw, call));
    if (gb) FC_TRY(fc_grad_bias(dtype, FC_CHANNELS_LAST, 1, out, rows, gy, gb, call));
    return FC_OK;
}
