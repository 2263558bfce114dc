/* The gradient with respect to the input, and with it the transposed convolution: one correlation for each output phase,
 * each reading grad_output with stride 1 and writing its own outputs. Never a scatter with conflicts. */
#include "../runtime/status.h"
#include "algorithms.h"
#include "problem.h"

fc_status fc_conv_grad_input(const fc_conv *problem, const void *w, const void *gy, const void *bias, void *gx,
                             const fc_call *call) {
    FC_TRY(fc_conv_validate_transposed(problem));
    FC_REQUIRE(w && gy && gx, FC_INVALID_NULL);
    for (int64_t i = 0; i < fc_correlation_phases(problem); i++) {
        const fc_correlation c = fc_correlation_phase(problem, i);
        if (c.axis[0].out == 0 || c.axis[1].out == 0 || c.axis[2].out == 0) continue;
        const fc_blocking direct = fc_blocking_of(&c, 0), packed = fc_blocking_of(&c, 1);
        const int is_packed = fc_correlation_cost(&c, &packed) < fc_correlation_cost(&c, &direct);
        FC_TRY(fc_correlate(&c, is_packed ? &packed : &direct, gy, w, bias, gx, call));
    }
    return FC_OK;
}
