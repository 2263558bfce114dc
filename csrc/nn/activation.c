/* Activations and their gradients, element by element. */
#include "../kernels/kernels.h"
#include "../runtime/status.h"
#include "map.h"

static const fc_activation_kernels *kernels_of(fc_dtype dtype) {
    return &fc_kernels_for(dtype)->nn->activation;
}

fc_status fc_relu(fc_dtype dtype, int64_t count, const void *x, void *y, const fc_call *call) {
    FC_TRY(fc_map_check(dtype, count));
    FC_REQUIRE((x && y) || count == 0, FC_INVALID_NULL);
    const fc_map map = {.in = {x}, .out = {y}};
    return fc_map_run(&map, kernels_of(dtype)->relu, count, call);
}

fc_status fc_relu_grad(fc_dtype dtype, int64_t count, const void *gy, const void *y, void *gx,
                       const fc_call *call) {
    FC_TRY(fc_map_check(dtype, count));
    FC_REQUIRE((gy && y && gx) || count == 0, FC_INVALID_NULL);
    const fc_map map = {.in = {gy, y}, .out = {gx}};
    return fc_map_run(&map, kernels_of(dtype)->relu_grad, count, call);
}
