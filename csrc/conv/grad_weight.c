/* The gradient with respect to the weight:
 *
 *   gw[k, c, t] = sum over images and pixels of gy[n, k, o] * x[n, c, o*stride + t*dilation - pad]
 *
 * as outer products with the output channels in the vectors (grad_weight_pixels.c), or, where they
 * are too few for that, as dot products along the pixels (grad_weight_dot.c), or, for 3 x 3 taps of
 * stride 1, by Winograd's algorithm (grad_weight_winograd.c); for depthwise see grad.c. */
#include <string.h>

#include "../runtime/status.h"
#include "connected.h"
#include "grad.h"
#include "grad_weight.h"

/* Two vectors of output channels and more are never too few. */
static int dot_is_faster(const fc_conv *problem, const fc_correlation *c) {
    return c->out_channels < 2 * c->kernels->lanes &&
           fc_grad_weight_dot_cost(problem) < fc_grad_weight_pixels_cost(problem);
}

/* The sums over all images are long, and so the choice may depend on their number. */
static int winograd_is_faster(const fc_conv *problem, const fc_correlation *c) {
    return !fc_grad_weight_winograd_accepts(c) &&
           fc_grad_weight_winograd_cost(c) < fc_grad_weight_pixels_cost(problem);
}

fc_status fc_grad_weight(const fc_conv *problem, const void *x, const void *gy, void *gw,
                         const fc_call *call) {
    const fc_correlation c = fc_correlation_forward(problem);
    if (problem->batch == 0) {
        memset(gw, 0, (size_t)(c.groups * c.w_group * c.item));
        return FC_OK;
    }
    if (fc_connected_grad_suits(problem))
        return fc_connected_conv_grad_weight(problem, x, gy, gw, call);
    if (dot_is_faster(problem, &c)) return fc_grad_weight_dot(problem, x, gy, gw, call);
    if (winograd_is_faster(problem, &c)) {
        int overflow;
        FC_TRY(fc_grad_weight_winograd(&c, x, gy, gw, &overflow, call));
        if (!overflow) return FC_OK;
    }
    return fc_grad_weight_pixels(problem, x, gy, gw, call);
}

fc_status fc_conv_grad_weight(const fc_conv *problem, const void *x, const void *gy, void *gw,
                              const fc_call *call) {
    return fc_conv_grad(problem, x, NULL, gy, NULL, gw, NULL, call);
}
