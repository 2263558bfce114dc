/* The gradient with respect to the input, and with it the transposed convolution: one correlation
 * for each output phase, each reading grad_output with stride 1 and writing its own outputs. Never
 * a scatter with conflicts. */
#include <stdlib.h>

#include "../runtime/status.h"
#include "algorithms.h"
#include "depthwise.h"
#include "problem.h"

/* Phases [first, last), the outputs without taps not among them. */
static fc_status run_phases(const fc_conv *p, int64_t first, int64_t last, const void *w,
                            const void *gy, const void *bias, void *gx, const fc_call *call) {
    fc_correlation *c = malloc((size_t)(last - first) * sizeof *c);
    fc_blocking *b = malloc((size_t)(last - first) * sizeof *b);
    fc_status status = c && b ? FC_OK : FC_OUT_OF_MEMORY;
    int n = 0;
    for (int64_t i = first; i < last && status == FC_OK; i++) {
        c[n] = fc_correlation_phase(p, i);
        if (c[n].axis[0].out == 0 || c[n].axis[1].out == 0 || c[n].axis[2].out == 0) continue;
        b[n] = fc_blocking_best(&c[n], FC_FORM_PLANES);
        n++;
    }
    if (status == FC_OK) status = fc_correlate_all(c, b, n, gy, w, bias, gx, call);
    free(c);
    free(b);
    return status;
}

static fc_status run_depthwise(const fc_conv *p, const void *w, const void *gy, const void *bias,
                               void *gx, const fc_call *call) {
    for (int64_t i = 0; i < fc_correlation_phases(p); i++) {
        const fc_correlation c = fc_correlation_phase(p, i);
        FC_TRY(fc_depthwise_correlate(&c, gy, w, bias, gx, call));
    }
    return FC_OK;
}

#define PHASES_AT_ONCE 16

fc_status fc_conv_grad_input(const fc_conv *problem, const void *w, const void *gy,
                             const void *bias, void *gx, const fc_call *call) {
    FC_TRY(fc_conv_validate_transposed(problem));
    FC_REQUIRE(w && gy && gx, FC_INVALID_NULL);
    const int64_t phases = fc_correlation_phases(problem);
    const fc_correlation first = fc_correlation_phase(problem, 0);
    if (fc_is_depthwise(&first)) return run_depthwise(problem, w, gy, bias, gx, call);
    /* What has no taps comes first, by itself: it covers outputs that the other phases then
     * replace. */
    int64_t i = fc_correlation_taps(&first) == 0;
    if (i) FC_TRY(run_phases(problem, 0, 1, w, gy, bias, gx, call));
    for (; i < phases; i += PHASES_AT_ONCE) {
        const int64_t end = i + PHASES_AT_ONCE < phases ? i + PHASES_AT_ONCE : phases;
        FC_TRY(run_phases(problem, i, end, w, gy, bias, gx, call));
    }
    return FC_OK;
}
