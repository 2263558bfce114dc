/* Optimisers' updates of one array. */
#include <math.h>

#include "../kernels/kernels.h"
#include "../runtime/status.h"
#include "map.h"

static const fc_update_kernels *kernels_of(fc_dtype dtype) {
    return &fc_kernels_for(dtype)->nn->update;
}

fc_status fc_sgd_update(fc_dtype dtype, int64_t count, const fc_sgd *options, const void *gradient,
                        void *weight, void *velocity, int fresh, const fc_call *call) {
    FC_TRY(fc_map_check(dtype, count));
    FC_REQUIRE(options && ((gradient && weight) || count == 0), FC_INVALID_NULL);
    FC_REQUIRE(velocity || options->momentum == 0 || count == 0, FC_INVALID_NULL);
    const fc_map map = {.in = {gradient},
                        .out = {weight, options->momentum == 0 ? NULL : velocity},
                        .value = {[FC_SGD_LR] = options->lr,
                                  [FC_SGD_MOMENTUM] = options->momentum,
                                  [FC_SGD_DAMPENING] = options->dampening,
                                  [FC_SGD_DECAY] = options->weight_decay,
                                  [FC_SGD_SIGN] = options->maximize ? -1 : 1,
                                  [FC_SGD_FRESH] = fresh,
                                  [FC_SGD_NESTEROV] = options->nesterov}};
    return fc_map_run(&map, kernels_of(dtype)->sgd, count, call);
}

fc_status fc_adam_update(fc_dtype dtype, int64_t count, const fc_adam *options, int64_t step,
                         const void *gradient, void *weight, void *mean, void *square,
                         void *greatest, const fc_call *call) {
    FC_TRY(fc_map_check(dtype, count));
    FC_REQUIRE(options && ((gradient && weight && mean && square) || count == 0), FC_INVALID_NULL);
    FC_REQUIRE(step >= 1, FC_INVALID_VALUE);
    const double shrink = options->decoupled ? 1 - options->lr * options->weight_decay : 1;
    const double unbiased1 = 1 - pow(options->beta1, (double)step),
                 unbiased2 = 1 - pow(options->beta2, (double)step);
    const fc_map map = {.in = {gradient},
                        .out = {weight, mean, square, greatest},
                        .value = {[FC_ADAM_STEP] = options->lr / unbiased1,
                                  [FC_ADAM_SCALE] = 1 / sqrt(unbiased2),
                                  [FC_ADAM_BETA1] = options->beta1,
                                  [FC_ADAM_BETA2] = options->beta2,
                                  [FC_ADAM_EPS] = options->eps,
                                  [FC_ADAM_DECAY] = options->decoupled ? 0 : options->weight_decay,
                                  [FC_ADAM_SHRINK] = shrink,
                                  [FC_ADAM_SIGN] = options->maximize ? -1 : 1}};
    return fc_map_run(&map, kernels_of(dtype)->adam, count, call);
}
