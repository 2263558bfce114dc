/* Plans: a forward convolution that is decided on, with weights that are prepared once and stay. */
#include <stdlib.h>
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "depthwise.h"
#include "connected.h"
#include "images.h"
#include "prepared.h"

struct fc_plan {
    fc_prepared how; /* of one image, where they go alone */
    int64_t packed_bytes;
    char *weights;  /* packed, or as they come */
    char *original; /* Winograd, Fourier: as they come, for what those cannot serve; else NULL */
    char *bias;     /* or NULL */
};

/* Its own copy of `bytes` bytes. */
static char *kept(const void *data, int64_t bytes) {
    char *copy = fc_scratch(bytes);
    if (copy) memcpy(copy, data, (size_t)bytes);
    return copy;
}

static fc_status pack_winograd(fc_plan *plan, const void *w) {
    const fc_correlation *c = &plan->how.correlation;
    const fc_winograd *cut = &plan->how.winograd;
    const int workers = fc_winograd_pack_workers(c, cut, NULL);
    void *scratch = fc_scratch(fc_winograd_pack_scratch(c, cut, workers));
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    const fc_status status = fc_winograd_pack(c, cut, w, plan->weights, scratch, workers, NULL);
    fc_scratch_free(scratch);
    return status;
}

/* Transformed, and as they come: `bytes` and `original`. */
static fc_status keep_transformed(fc_plan *plan, const void *w) {
    fc_prepared *how = &plan->how;
    const fc_correlation *c = &how->correlation;
    const int winograd = how->algorithm == FC_WINOGRAD;
    plan->original = kept(w, plan->packed_bytes);
    plan->packed_bytes = winograd ? fc_winograd_packed_bytes(c, &how->winograd)
                                  : fc_fourier_packed_bytes(c, &how->fourier);
    plan->weights = fc_scratch(plan->packed_bytes);
    FC_REQUIRE(plan->original && plan->weights, FC_OUT_OF_MEMORY);
    return winograd ? pack_winograd(plan, w)
                    : fc_fourier_pack(c, &how->fourier, w, plan->weights, NULL);
}

static fc_status keep_weights(fc_plan *plan, const void *w) {
    fc_prepared *how = &plan->how;
    fc_correlation *c = &how->correlation;
    plan->packed_bytes = c->groups * c->out_channels * fc_correlation_depth(c) * c->item;
    how->images = how->images && fc_images_serves(c, w);
    if (how->algorithm == FC_REFERENCE || how->depthwise || how->connected || how->images) {
        plan->weights = kept(w, plan->packed_bytes);
        return plan->weights ? FC_OK : FC_OUT_OF_MEMORY;
    }
    if (how->algorithm == FC_WINOGRAD || how->algorithm == FC_FFT) return keep_transformed(plan, w);
    if (fc_prepared_goes_alone(how, w)) {
        c->batch = 1;
        how->blocking = fc_algorithm_blocking(c, how->algorithm);
    }
    plan->packed_bytes = fc_packed_bytes(c, &how->blocking);
    plan->weights = fc_scratch(plan->packed_bytes);
    FC_REQUIRE(plan->weights, FC_OUT_OF_MEMORY);
    return fc_pack_weights(c, &how->blocking, w, plan->weights, NULL);
}

static fc_status fill(fc_plan *plan, const fc_conv *problem, fc_algorithm algorithm, const void *w,
                      const void *bias) {
    FC_TRY(fc_prepare(problem, algorithm, 1, &plan->how));
    FC_TRY(keep_weights(plan, w));
    if (!bias) return FC_OK;
    plan->bias = kept(bias, problem->out_channels * fc_sizeof(problem->dtype));
    return plan->bias ? FC_OK : FC_OUT_OF_MEMORY;
}

fc_status fc_plan_create(const fc_conv *problem, fc_algorithm algorithm, const void *w,
                         const void *bias, fc_plan **result) {
    FC_REQUIRE(problem && w && result, FC_INVALID_NULL);
    *result = NULL;
    fc_plan *plan = calloc(1, sizeof *plan);
    FC_REQUIRE(plan, FC_OUT_OF_MEMORY);
    const fc_status status = fill(plan, problem, algorithm, w, bias);
    if (status == FC_OK) *result = plan;
    else fc_plan_destroy(plan);
    return status;
}

fc_status fc_plan_run(const fc_plan *plan, const void *x, void *y, const fc_call *call) {
    FC_REQUIRE(plan && x && y, FC_INVALID_NULL);
    const fc_prepared *how = &plan->how;
    const fc_correlation *c = &how->correlation;
    const char *w = plan->weights, *bias = plan->bias;
    if (how->algorithm == FC_REFERENCE)
        return fc_reference_forward(&how->problem, x, w, bias, y, call);
    if (how->images) return fc_images_correlate(c, x, w, bias, y, call);
    if (how->depthwise) return fc_depthwise_correlate(c, x, w, bias, y, call);
    if (how->connected) return fc_connected_correlate(c, x, w, bias, y, call);
    if (how->algorithm == FC_WINOGRAD)
        return fc_winograd_correlate(c, &how->winograd, x, plan->original, w, bias, y, call);
    if (how->algorithm == FC_FFT)
        return fc_fourier_correlate(c, &how->fourier, x, plan->original, w, bias, y, call);
    if (c->batch < how->problem.batch)
        return fc_correlate_alone(c, &how->blocking, x, NULL, w, bias, y, how->problem.batch, call);
    return fc_correlate_packed(c, &how->blocking, x, w, bias, y, call);
}

fc_status fc_plan_workspace(const fc_plan *plan, int threads, int64_t *bytes) {
    FC_REQUIRE(plan && bytes, FC_INVALID_NULL);
    *bytes = fc_prepared_scratch(&plan->how, 1, threads);
    return FC_OK;
}

fc_algorithm fc_plan_algorithm(const fc_plan *plan) { return plan->how.algorithm; }
int64_t fc_plan_packed_bytes(const fc_plan *plan) { return plan->packed_bytes; }

void fc_plan_destroy(fc_plan *plan) {
    if (!plan) return;
    fc_scratch_free(plan->weights);
    fc_scratch_free(plan->original);
    fc_scratch_free(plan->bias);
    free(plan);
}
