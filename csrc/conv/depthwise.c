/* Which file serves a depthwise correlation, and its gradients. Channels first: depthwise_planes.c
 * and depthwise_planes_grad.c; channels last: depthwise_pixels.c and depthwise_pixels_grad.c. */
#include "depthwise.h"
#include "depthwise_pixels.h"
#include "depthwise_planes.h"

#include "../runtime/status.h"

#define MOST_OUT                                                                                   \
    8 /* output channels of a group: with more, the general correlation fills its tiles */

int fc_is_depthwise(const fc_correlation *c) {
    return fc_is_depthwise_planes(c) ||
           (c->layout == FC_CHANNELS_LAST && c->in_channels == 1 && c->out_channels <= MOST_OUT &&
            c->groups > 1 && c->padding_mode == FC_PAD_ZEROS);
}

int64_t fc_depthwise_scratch(const fc_correlation *c, int threads) {
    if (c->layout == FC_CHANNELS_FIRST) return fc_depthwise_planes_scratch(c, threads);
    return fc_depthwise_pixels_scratch(c, threads);
}

fc_status fc_depthwise_correlate(const fc_correlation *c, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call) {
    if (c->layout == FC_CHANNELS_FIRST)
        return fc_depthwise_planes_correlate(c, 1, x, w, bias, y, call);
    return fc_depthwise_pixels_correlate(c, x, w, bias, y, call);
}

fc_status fc_depthwise_correlate_all(const fc_correlation *c, int n, const void *x, const void *w,
                                     const void *bias, void *y, const fc_call *call) {
    if (n == 0) return FC_OK;
    if (c->layout == FC_CHANNELS_FIRST)
        return fc_depthwise_planes_correlate(c, n, x, w, bias, y, call);
    return fc_depthwise_pixels_correlate_all(c, n, x, w, bias, y, call);
}

fc_status fc_depthwise_grad(const fc_correlation *c, const fc_correlation *back, int n, fc_grads *g,
                            const fc_call *call) {
    if (c->layout == FC_CHANNELS_FIRST) return fc_depthwise_planes_grad(c, back, n, g, call);
    return fc_depthwise_pixels_grad(c, back, n, g, call);
}
