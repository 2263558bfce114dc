/* Pooling to a given size: window o of an axis covers
 * [floor(o * input / output), ceil((o + 1) * input / output)).
 * The gradient of the maximum is fc_max_pool_grad. */
#include "../runtime/status.h"
#include "problem.h"
#include "run.h"

static fc_status check(const fc_pool *problem, const void *in, const void *out) {
    FC_TRY(fc_pool_check_sizes(problem));
    FC_REQUIRE(in && out, FC_INVALID_NULL);
    return FC_OK;
}

fc_status fc_adaptive_avg_pool(const fc_pool *problem, const void *x, void *y,
                               const fc_call *call) {
    FC_TRY(check(problem, x, y));
    const fc_pool_job job = {.pool = *problem, .adaptive = 1, .in = x, .out = y};
    return fc_pool_forward(&job, FC_POOL_AVG, call);
}

fc_status fc_adaptive_avg_pool_grad(const fc_pool *problem, const void *gy, void *gx,
                                    const fc_call *call) {
    FC_TRY(check(problem, gy, gx));
    const fc_pool_job job = {.pool = *problem, .adaptive = 1, .in = gy, .out = gx};
    return fc_pool_backward(&job, FC_POOL_AVG, call);
}

fc_status fc_adaptive_max_pool(const fc_pool *problem, const void *x, void *y, int64_t *indices,
                               const fc_call *call) {
    FC_TRY(check(problem, x, y));
    const fc_pool_job job = {
        .pool = *problem, .adaptive = 1, .in = x, .out = y, .indices = indices};
    return fc_pool_forward(&job, indices ? FC_POOL_ARGMAX : FC_POOL_MAX, call);
}
