/* The gradients of a convolution with respect to its input, weight and bias: any of them.
 *
 * Depthwise convolution, which is bound by memory, makes them in one pass over grad_output as far
 * as it can; what is left, and all of any other, one after another. A gradient is the same, byte
 * for byte, whichever others are asked for. */
#include "grad.h"

#include <string.h>

#include "../runtime/status.h"
#include "depthwise.h"
#include "problem.h"

#define SHARED_PHASES 4 /* of stride 2 */

/* Take from `g` what is made together. */
static fc_status run_shared(const fc_conv *problem, fc_grads *g, const fc_call *call) {
    if (!g->gw || problem->in_channels != problem->groups || problem->batch == 0) return FC_OK;
    const fc_correlation c = fc_correlation_forward(problem);
    if (!fc_is_depthwise(&c)) return FC_OK;
    fc_correlation back[SHARED_PHASES];
    const int n = g->gx ? fc_grad_input_correlations(problem, back, SHARED_PHASES) : 0;
    return fc_depthwise_grad(&c, back, n, g, call);
}

fc_status fc_conv_grad(const fc_conv *problem, const void *x, const void *w, const void *gy,
                       void *gx, void *gw, void *gb, const fc_call *call) {
    FC_TRY(fc_conv_validate_transposed(problem));
    FC_REQUIRE(gy && (gx || gw || gb), FC_INVALID_NULL);
    FC_REQUIRE((w || !gx) && (x || !gw), FC_INVALID_NULL);
    fc_conv plain = *problem;
    plain.clamp = 0; /* of the forward result */
    fc_grads g = {.x = x, .w = w, .gy = gy, .gx = gx, .gw = gw, .gb = gb};
    FC_TRY(run_shared(&plain, &g, call));
    if (g.gx) FC_TRY(fc_grad_input(&plain, w, gy, NULL, g.gx, call));
    if (g.gw) FC_TRY(fc_grad_weight(&plain, x, gy, g.gw, call));
    if (!g.gb) return FC_OK;
    return fc_grad_bias(plain.dtype, plain.layout, plain.batch, plain.out_channels,
                        fc_volume(plain.output), gy, g.gb, call);
}
