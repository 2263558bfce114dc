/* Power-average pooling and its gradient, as torch has them.
 *
 *   y[n, c, o] = (sum over the window o of x[n, c, ...]^p)^(1/p)
 *   gx[n, c, i] = x[n, c, i]^(p - 1) * sum over the windows o that cover i of
 *                 gy[n, c, o] * y[n, c, o]^(1 - p), 0 where y is 0
 *
 * The sum of a window that hangs over the end is scaled up to the whole kernel's size, as torch
 * takes it from an average. */
#include <math.h>

#include "../runtime/status.h"
#include "problem.h"
#include "run.h"

static fc_status check(const fc_pool *problem, double norm) {
    FC_TRY(fc_pool_check_windows(problem, 0));
    FC_REQUIRE(isfinite(norm) && norm > 0, FC_INVALID_VALUE);
    return FC_OK;
}

fc_status fc_lp_pool(const fc_pool *problem, double norm, const void *x, void *y,
                     const fc_call *call) {
    FC_TRY(check(problem, norm));
    FC_REQUIRE(x && y, FC_INVALID_NULL);
    const fc_pool_job job = {.pool = *problem, .norm = norm, .in = x, .out = y};
    return fc_pool_forward(&job, FC_POOL_LP, call);
}

fc_status fc_lp_pool_grad(const fc_pool *problem, double norm, const void *gy, const void *x,
                          const void *y, void *gx, const fc_call *call) {
    FC_TRY(check(problem, norm));
    FC_REQUIRE(gy && x && y && gx, FC_INVALID_NULL);
    const fc_pool_job job = {.pool = *problem, .norm = norm, .in = gy, .out = gx, .x = x, .y = y};
    return fc_pool_backward(&job, FC_POOL_LP, call);
}
