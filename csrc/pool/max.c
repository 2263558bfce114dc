/* Max pooling, its gradient and its inverse.
 *
 *   y[n, c, o] = max over the window o of x[n, c, ...], NaN above all
 *   indices[n, c, o] = where the first of the greatest is
 *   gx[n, c, indices[n, c, o]] += gy[n, c, o]
 *   y[n, c, indices[n, c, o]] = x[n, c, o]
 *
 * The two that go by indices check them all before they write. */
#include <stdatomic.h>

#include "../kernels/kernels.h"
#include "../kernels/pool_window.h"
#include "../runtime/status.h"
#include "../runtime/threads.h"
#include "problem.h"
#include "run.h"

fc_status fc_max_pool(const fc_pool *problem, const void *x, void *y, int64_t *indices,
                      const fc_call *call) {
    FC_TRY(fc_pool_check_windows(problem, 1));
    FC_REQUIRE(x && y, FC_INVALID_NULL);
    const fc_pool_job job = {.pool = *problem, .in = x, .out = y, .indices = indices};
    return fc_pool_forward(&job, indices ? FC_POOL_ARGMAX : FC_POOL_MAX, call);
}

/* Indices of one tile of the check. */
#define CHECKED 16384

typedef struct index_check {
    const int64_t *indices;
    int64_t count, space;
    int (*inside)(const int64_t *indices, int64_t count, int64_t space);
    atomic_int outside;
} index_check;

static void check_tile(void *context, int64_t tile, int worker) {
    index_check *check = context;
    const int64_t first = tile * CHECKED, count = fc_min(CHECKED, check->count - first);
    (void)worker;
    if (!check->inside(check->indices + first, count, check->space))
        atomic_store_explicit(&check->outside, 1, memory_order_relaxed);
}

static fc_status scatter(const fc_pool *p, int add, const void *in, const int64_t *indices,
                         void *out, const fc_call *call) {
    FC_TRY(fc_pool_check_sizes(p));
    FC_REQUIRE(in && indices && out, FC_INVALID_NULL);
    index_check check = {.indices = indices,
                         .count =
                             p->batch * p->channels * p->output[0] * p->output[1] * p->output[2],
                         .space = p->input[0] * p->input[1] * p->input[2],
                         .inside = fc_kernels_for(p->dtype)->pool.check_indices};
    const int64_t tiles = (check.count - 1) / CHECKED + 1;
    FC_TRY(fc_parallel_for(call, fc_workers(call, tiles), tiles, check_tile, &check));
    FC_REQUIRE(!check.outside, FC_INVALID_INDEX);
    /* The kernels only read the indices. */
    const fc_pool_job job = {
        .pool = *p, .in = in, .out = out, .indices = (int64_t *)(uintptr_t)indices};
    return fc_pool_scatter(&job, add, call);
}

fc_status fc_max_pool_grad(const fc_pool *problem, const void *gy, const int64_t *indices, void *gx,
                           const fc_call *call) {
    return scatter(problem, 1, gy, indices, gx, call);
}

fc_status fc_max_unpool(const fc_pool *problem, const void *x, const int64_t *indices, void *y,
                        const fc_call *call) {
    return scatter(problem, 0, x, indices, y, call);
}
