/* The gradient with respect to the input, and with it the transposed convolution: one correlation
 * for each output phase, each reading grad_output with stride 1 and writing its own outputs; or the
 * columns of some channels, of which each output sums its own. Never a scatter with conflicts. */
#include "../runtime/status.h"
#include "algorithms.h"
#include "connected.h"
#include "depthwise.h"
#include "grad.h"
#include "grad_input_disjoint.h"
#include "grad_input_overlap.h"
#include "images.h"
#include "problem.h"
#include "winograd.h"

#define PHASES_AT_ONCE 16

static int is_empty(const fc_correlation *c) {
    return c->axis[0].out == 0 || c->axis[1].out == 0 || c->axis[2].out == 0;
}

/* Whether Winograd's algorithm is faster, for one image as for many. */
static int is_winograds(const fc_correlation *c) {
    if (fc_winograd_accepts(c) || !fc_winograd_suits(c)) return 0;
    fc_correlation one = *c;
    one.batch = 1;
    const fc_blocking b = fc_blocking_best(&one, FC_FORM_PLANES, FC_FORM_PANELS);
    const fc_winograd w = fc_winograd_best(&one, 0);
    return fc_winograd_cost(&one, &w) < fc_blocking_cost(&one, &b);
}

/* Whether the form of one image or of all leaves out taps in the padding. */
static int leaves_out_taps(const fc_correlation *c, const fc_blocking *b) {
    fc_correlation one = *c;
    one.batch = 1;
    return b->saves_taps || fc_blocking_best(&one, FC_FORM_PLANES, FC_FORM_PANELS).saves_taps;
}

/* Which taps are left out shows where weights are not finite, and depends on how many images there
 * are: those weights serve one image after another. */
static int must_go_alone(const fc_correlation *c, int n, const fc_blocking *b, const void *w) {
    int some = 0;
    for (int i = 0; i < n && c->batch > 1; i++) some |= leaves_out_taps(&c[i], &b[i]);
    return some && !fc_images_serves(c, w);
}

static fc_status run_phases(const fc_correlation *c, int n, const void *w, const void *gy,
                            const void *bias, void *gx, const fc_call *call);

static fc_status run_alone(const fc_correlation *c, int n, const void *w, const void *gy,
                           const void *bias, void *gx, const fc_call *call) {
    const int64_t in = fc_correlation_in(c), out = fc_correlation_out(c);
    fc_correlation one[PHASES_AT_ONCE];
    for (int i = 0; i < n; i++) one[i] = c[i], one[i].batch = 1;
    for (int64_t image = 0; image < c->batch; image++)
        FC_TRY(run_phases(one, n, w, (const char *)gy + image * in * c->item, bias,
                          (char *)gx + image * out * c->item, call));
    return FC_OK;
}

/* Some phases, none of them empty, in one pass over the output. */
static fc_status run_phases(const fc_correlation *c, int n, const void *w, const void *gy,
                            const void *bias, void *gx, const fc_call *call) {
    fc_blocking b[PHASES_AT_ONCE];
    int depthwise = 1;
    for (int i = 0; i < n; i++) depthwise &= fc_is_depthwise(&c[i]);
    if (depthwise) return fc_depthwise_correlate_all(c, n, gy, w, bias, gx, call);
    if (n == 1 && is_winograds(c)) {
        const fc_winograd cut = fc_winograd_best(c, 0);
        return fc_winograd_correlate(c, &cut, gy, w, NULL, bias, gx, call);
    }
    for (int i = 0; i < n; i++) b[i] = fc_blocking_best(&c[i], FC_FORM_PLANES, FC_FORM_PANELS);
    if (n == 1 && fc_images_suits(c, &b[0]) && fc_images_serves(c, w))
        return fc_images_correlate(c, gy, w, bias, gx, call);
    if (must_go_alone(c, n, b, w)) return run_alone(c, n, w, gy, bias, gx, call);
    return fc_correlate_all(c, b, n, gy, w, bias, gx, call);
}

/* Each call below polls for itself, but may be too short to get to it. */
static fc_status poll(const fc_call *call) {
    return call && call->interrupted && call->interrupted(call->context) ? FC_INTERRUPTED : FC_OK;
}

int fc_grad_input_correlations(const fc_conv *problem, fc_correlation c[], int most) {
    const int64_t phases = fc_correlation_phases(problem);
    if (phases > most || fc_correlation_misses_outputs(problem)) return 0;
    int n = 0;
    for (int64_t i = 0; i < phases; i++) {
        c[n] = fc_correlation_phase(problem, i);
        n += !is_empty(&c[n]);
    }
    return n;
}

fc_status fc_grad_input(const fc_conv *problem, const void *w, const void *gy, const void *bias,
                        void *gx, const fc_call *call) {
    if (fc_connected_grad_suits(problem))
        return fc_connected_conv_grad_input(problem, w, gy, bias, gx, call);
    if (fc_grad_input_disjoint_suits(problem))
        return fc_grad_input_disjoint(problem, w, gy, bias, gx, call);
    if (fc_grad_input_overlap_suits(problem))
        return fc_grad_input_overlap(problem, w, gy, bias, gx, call);
    fc_correlation c[PHASES_AT_ONCE];
    if (fc_correlation_misses_outputs(problem)) { /* the other phases then replace theirs */
        c[0] = fc_correlation_without_taps(problem);
        FC_TRY(run_phases(c, 1, w, gy, bias, gx, call));
    }
    const int64_t phases = fc_correlation_phases(problem);
    for (int64_t i = 0; i < phases;) {
        int n = 0;
        for (; i < phases && n < PHASES_AT_ONCE; i++) {
            c[n] = fc_correlation_phase(problem, i);
            n += !is_empty(&c[n]);
        }
        FC_TRY(run_phases(c, n, w, gy, bias, gx, call));
        if (i < phases) FC_TRY(poll(call));
    }
    return FC_OK;
}

fc_status fc_conv_grad_input(const fc_conv *problem, const void *w, const void *gy,
                             const void *bias, void *gx, const fc_call *call) {
    FC_TRY(fc_conv_validate_transposed(problem));
    FC_REQUIRE(w && gy && gx, FC_INVALID_NULL);
    return fc_grad_input(problem, w, gy, bias, gx, call);
}
