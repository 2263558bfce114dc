/* Average pooling and its gradient.
 *
 *   y[n, c, o] = sum over the window o of x[n, c, ...] / divisor(o)
 *   gx[n, c, i] = sum over the windows o that cover i of gy[n, c, o] / divisor(o) */
#include "../runtime/status.h"
#include "problem.h"
#include "run.h"

fc_status fc_avg_pool(const fc_pool *problem, int count_include_pad, int64_t divisor, const void *x,
                      void *y, const fc_call *call) {
    FC_TRY(fc_pool_check_windows(problem, 0));
    FC_REQUIRE(x && y, FC_INVALID_NULL);
    const fc_pool_job job = {
        .pool = *problem, .include_pad = count_include_pad, .divisor = divisor, .in = x, .out = y};
    return fc_pool_forward(&job, FC_POOL_AVG, call);
}

fc_status fc_avg_pool_grad(const fc_pool *problem, int count_include_pad, int64_t divisor,
                           const void *gy, void *gx, const fc_call *call) {
    FC_TRY(fc_pool_check_windows(problem, 0));
    FC_REQUIRE(gy && gx, FC_INVALID_NULL);
    const fc_pool_job job = {.pool = *problem,
                             .include_pad = count_include_pad,
                             .divisor = divisor,
                             .in = gy,
                             .out = gx};
    return fc_pool_backward(&job, FC_POOL_AVG, call);
}
