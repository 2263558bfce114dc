/* Max pooling, its gradient and its inverse.
 *
 *   y[n, c, o] = max over the window o of x[n, c, ...], NaN above all
 *   indices[n, c, o] = where the first of the greatest is
 *   gx[n, c, indices[n, c, o]] += gy[n, c, o]
 *   y[n, c, indices[n, c, o]] = x[n, c, o]
 *
 * Where an index lies outside its plane, the two that go by indices say so: what they then wrote is
 * of no use. */
#include "../runtime/status.h"
#include "problem.h"
#include "run.h"

fc_status fc_max_pool(const fc_pool *problem, const void *x, void *y, int64_t *indices,
                      const fc_call *call) {
    FC_TRY(fc_pool_check_windows(problem, 1));
    FC_REQUIRE(x && y, FC_INVALID_NULL);
    const fc_pool_job job = {.pool = *problem, .in = x, .out = y, .indices = indices};
    return fc_pool_forward(&job, indices ? FC_POOL_ARGMAX : FC_POOL_MAX, call);
}

static fc_status scatter(const fc_pool *p, int add, const void *in, const int64_t *indices,
                         void *out, const fc_call *call) {
    int outside = 0;
    FC_TRY(fc_pool_check_sizes(p));
    FC_REQUIRE(in && indices && out, FC_INVALID_NULL);
    /* The kernels only read the indices. */
    const fc_pool_job job = {.pool = *p,
                             .in = in,
                             .out = out,
                             .indices = (int64_t *)(uintptr_t)indices,
                             .outside = &outside};
    FC_TRY(fc_pool_scatter(&job, add, call));
    FC_REQUIRE(!outside, FC_INVALID_INDEX);
    return FC_OK;
}

fc_status fc_max_pool_grad(const fc_pool *problem, const void *gy, const int64_t *indices, void *gx,
                           const fc_call *call) {
    return scatter(problem, 1, gy, indices, gx, call);
}

fc_status fc_max_unpool(const fc_pool *problem, const void *x, const int64_t *indices, void *y,
                        const fc_call *call) {
    return scatter(problem, 0, x, indices, y, call);
}
