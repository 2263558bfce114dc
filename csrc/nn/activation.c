/* Activations and their gradients, element by element. */
#include "../kernels/kernels.h"
#include "../runtime/status.h"
#include "map.h"

fc_status fc_activate(fc_dtype dtype, fc_activation kind, double value, int64_t count,
                      const void *x, void *y, const fc_call *call) {
    FC_TRY(fc_map_check(dtype, count));
    FC_REQUIRE((unsigned)kind < FC_ACTIVATIONS, FC_INVALID_VALUE);
    FC_REQUIRE((x && y) || count == 0, FC_INVALID_NULL);
    const fc_map map = {.in = {x}, .out = {y}, .value = {value}};
    return fc_map_run(&map, fc_kernels_for(dtype)->nn->activation.forward[kind], count, call);
}

fc_status fc_activate_grad(fc_dtype dtype, fc_activation kind, double value, int64_t count,
                           const void *gy, const void *kept, void *gx, const fc_call *call) {
    FC_TRY(fc_map_check(dtype, count));
    FC_REQUIRE((unsigned)kind < FC_ACTIVATIONS, FC_INVALID_VALUE);
    FC_REQUIRE((gy && kept && gx) || count == 0, FC_INVALID_NULL);
    const fc_map map = {.in = {gy, kept}, .out = {gx}, .value = {value}};
    return fc_map_run(&map, fc_kernels_for(dtype)->nn->activation.grad[kind], count, call);
}
