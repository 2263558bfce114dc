/* The forward convolution, once (fc_conv_forward) and prepared (fc_plan). */
#include <stdlib.h>
#include <string.h>

#include "../runtime/scratch.h"
#include "../runtime/status.h"
#include "algorithms.h"
#include "depthwise.h"
#include "fourier.h"
#include "images.h"
#include "problem.h"
#include "winograd.h"

/* A way to run the direct algorithm, for large batches of small images: it changes no bits. */
static int is_done_by_images(const fc_correlation *c, fc_algorithm algorithm,
                             const fc_blocking *b) {
    return algorithm == FC_DIRECT && fc_images_suits(c, b);
}

/* Which taps in the padding are left out shows where weights are not finite, and depends on how
 * many images there are: those weights serve one image after another. */
static int must_go_alone(const fc_correlation *c, fc_algorithm algorithm, const fc_blocking *b,
                         const void *w) {
    if (c->batch < 2) return 0;
    fc_correlation one = *c;
    one.batch = 1;
    return (b->saves_taps || fc_algorithm_blocking(&one, algorithm).saves_taps) &&
           !fc_images_serves(c, w);
}

static fc_status correlate_alone(const fc_correlation *c, const fc_blocking *b, const void *x,
                                 const void *w, const void *packed, const void *bias, void *y,
                                 int64_t images, const fc_call *call) {
    for (int64_t i = 0; i < images; i++) {
        const char *from = (const char *)x + i * fc_correlation_in(c) * c->item;
        char *to = (char *)y + i * fc_correlation_out(c) * c->item;
        FC_TRY(packed ? fc_correlate_packed(c, b, from, packed, bias, to, call)
                      : fc_correlate(c, b, from, w, bias, to, call));
    }
    return FC_OK;
}

fc_status fc_conv_forward(const fc_conv *problem, fc_algorithm algorithm, const void *x,
                          const void *w, const void *bias, void *y, const fc_call *call) {
    FC_TRY(fc_conv_validate(problem));
    FC_REQUIRE(x && w && y, FC_INVALID_NULL);
    FC_TRY(fc_algorithm_resolve(problem, &algorithm, 0));
    if (algorithm == FC_REFERENCE) return fc_reference_forward(problem, x, w, bias, y, call);
    const fc_correlation c = fc_correlation_forward(problem);
    if (algorithm == FC_DIRECT && fc_is_depthwise(&c))
        return fc_depthwise_correlate(&c, x, w, bias, y, call);
    if (algorithm == FC_WINOGRAD) {
        const fc_winograd cut = fc_winograd_best(&c, 0);
        return fc_winograd_correlate(&c, &cut, x, w, NULL, bias, y, call);
    }
    if (algorithm == FC_FFT) {
        const fc_fourier cut = fc_fourier_best(&c, 0);
        return fc_fourier_correlate(&c, &cut, x, w, NULL, bias, y, call);
    }
    const fc_blocking b = fc_algorithm_blocking(&c, algorithm);
    if (is_done_by_images(&c, algorithm, &b) && fc_images_serves(&c, w))
        return fc_images_correlate(&c, x, w, bias, y, call);
    if (must_go_alone(&c, algorithm, &b, w)) {
        fc_correlation one = c;
        one.batch = 1;
        const fc_blocking alone = fc_algorithm_blocking(&one, algorithm);
        return correlate_alone(&one, &alone, x, w, NULL, bias, y, c.batch, call);
    }
    return fc_correlate(&c, &b, x, w, bias, y, call);
}

fc_status fc_conv_workspace(const fc_conv *problem, fc_algorithm algorithm, int threads,
                            int64_t *bytes) {
    FC_TRY(fc_conv_validate(problem));
    FC_REQUIRE(bytes, FC_INVALID_NULL);
    FC_TRY(fc_algorithm_resolve(problem, &algorithm, 0));
    *bytes = 0;
    if (algorithm == FC_REFERENCE) return FC_OK;
    const fc_correlation c = fc_correlation_forward(problem);
    if (algorithm == FC_WINOGRAD) {
        const fc_winograd cut = fc_winograd_best(&c, 0);
        *bytes = fc_winograd_scratch(&c, &cut, 0, threads);
        return FC_OK;
    }
    if (algorithm == FC_FFT) {
        const fc_fourier cut = fc_fourier_best(&c, 0);
        *bytes = fc_fourier_scratch(&c, &cut, 0, threads);
        return FC_OK;
    }
    const fc_blocking b = fc_algorithm_blocking(&c, algorithm);
    if (algorithm == FC_DIRECT && fc_is_depthwise(&c)) *bytes = fc_depthwise_scratch(&c, threads);
    else if (is_done_by_images(&c, algorithm, &b)) *bytes = fc_images_scratch(&c, threads);
    else *bytes = fc_correlate_scratch(&c, &b, 0, threads);
    return FC_OK;
}

/* ---- Plans ---- */

struct fc_plan {
    fc_conv problem;
    fc_algorithm algorithm;
    fc_correlation correlation; /* of one image, where they go alone */
    fc_blocking blocking;
    fc_winograd winograd;
    fc_fourier fourier;
    int64_t packed_bytes;
    int images;     /* whether they are in the vectors */
    int packed;     /* whether the weights are; else they are read as they come */
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
    const fc_correlation *c = &plan->correlation;
    const fc_winograd *cut = &plan->winograd;
    const int workers = fc_winograd_pack_workers(c, cut, NULL);
    void *scratch = fc_scratch(fc_winograd_pack_scratch(c, cut, workers));
    FC_REQUIRE(scratch, FC_OUT_OF_MEMORY);
    const fc_status status = fc_winograd_pack(c, cut, w, plan->weights, scratch, workers, NULL);
    fc_scratch_free(scratch);
    return status;
}

static fc_status keep_weights(fc_plan *plan, const void *w) {
    const fc_correlation *c = &plan->correlation;
    plan->packed_bytes = c->groups * c->out_channels * fc_correlation_depth(c) * c->item;
    const int depthwise = plan->algorithm == FC_DIRECT && fc_is_depthwise(c);
    plan->images = !depthwise && is_done_by_images(c, plan->algorithm, &plan->blocking) &&
                   fc_images_serves(c, w);
    plan->packed = plan->algorithm != FC_REFERENCE && !depthwise && !plan->images;
    if (!plan->packed) {
        plan->weights = kept(w, plan->packed_bytes);
        return plan->weights ? FC_OK : FC_OUT_OF_MEMORY;
    }
    if (plan->algorithm == FC_WINOGRAD) {
        plan->original = kept(w, plan->packed_bytes);
        plan->packed_bytes = fc_winograd_packed_bytes(c, &plan->winograd);
        plan->weights = fc_scratch(plan->packed_bytes);
        FC_REQUIRE(plan->original && plan->weights, FC_OUT_OF_MEMORY);
        return pack_winograd(plan, w);
    }
    if (plan->algorithm == FC_FFT) {
        plan->original = kept(w, plan->packed_bytes);
        plan->packed_bytes = fc_fourier_packed_bytes(c, &plan->fourier);
        plan->weights = fc_scratch(plan->packed_bytes);
        FC_REQUIRE(plan->original && plan->weights, FC_OUT_OF_MEMORY);
        return fc_fourier_pack(c, &plan->fourier, w, plan->weights, NULL);
    }
    if (must_go_alone(c, plan->algorithm, &plan->blocking, w)) {
        plan->correlation.batch = 1;
        plan->blocking = fc_algorithm_blocking(c, plan->algorithm);
    }
    plan->packed_bytes = fc_packed_bytes(c, &plan->blocking);
    plan->weights = fc_scratch(plan->packed_bytes);
    FC_REQUIRE(plan->weights, FC_OUT_OF_MEMORY);
    return fc_pack_weights(c, &plan->blocking, w, plan->weights, NULL);
}

fc_status fc_plan_create(const fc_conv *problem, fc_algorithm algorithm, const void *w,
                         const void *bias, fc_plan **result) {
    FC_TRY(fc_conv_validate(problem));
    FC_REQUIRE(w && result, FC_INVALID_NULL);
    FC_TRY(fc_algorithm_resolve(problem, &algorithm, 1));
    fc_plan *plan = calloc(1, sizeof *plan);
    FC_REQUIRE(plan, FC_OUT_OF_MEMORY);
    plan->problem = *problem;
    plan->algorithm = algorithm;
    plan->correlation = fc_correlation_forward(problem);
    if (algorithm == FC_WINOGRAD) plan->winograd = fc_winograd_best(&plan->correlation, 1);
    else if (algorithm == FC_FFT) plan->fourier = fc_fourier_best(&plan->correlation, 1);
    else plan->blocking = fc_algorithm_blocking(&plan->correlation, algorithm);
    fc_status status = keep_weights(plan, w);
    if (status == FC_OK && bias) {
        plan->bias = kept(bias, problem->out_channels * fc_sizeof(problem->dtype));
        if (!plan->bias) status = FC_OUT_OF_MEMORY;
    }
    if (status != FC_OK) {
        fc_plan_destroy(plan);
        plan = NULL;
    }
    *result = plan;
    return status;
}

fc_status fc_plan_run(const fc_plan *plan, const void *x, void *y, const fc_call *call) {
    FC_REQUIRE(plan && x && y, FC_INVALID_NULL);
    if (plan->algorithm == FC_REFERENCE)
        return fc_reference_forward(&plan->problem, x, plan->weights, plan->bias, y, call);
    if (plan->images)
        return fc_images_correlate(&plan->correlation, x, plan->weights, plan->bias, y, call);
    if (!plan->packed)
        return fc_depthwise_correlate(&plan->correlation, x, plan->weights, plan->bias, y, call);
    if (plan->algorithm == FC_WINOGRAD)
        return fc_winograd_correlate(&plan->correlation, &plan->winograd, x, plan->original,
                                     plan->weights, plan->bias, y, call);
    if (plan->algorithm == FC_FFT)
        return fc_fourier_correlate(&plan->correlation, &plan->fourier, x, plan->original,
                                    plan->weights, plan->bias, y, call);
    if (plan->correlation.batch < plan->problem.batch)
        return correlate_alone(&plan->correlation, &plan->blocking, x, NULL, plan->weights,
                               plan->bias, y, plan->problem.batch, call);
    return fc_correlate_packed(&plan->correlation, &plan->blocking, x, plan->weights, plan->bias, y,
                               call);
}

fc_status fc_plan_workspace(const fc_plan *plan, int threads, int64_t *bytes) {
    FC_REQUIRE(plan && bytes, FC_INVALID_NULL);
    const fc_correlation *c = &plan->correlation;
    *bytes = 0;
    if (plan->algorithm == FC_REFERENCE) return FC_OK;
    if (plan->images) *bytes = fc_images_scratch(c, threads);
    else if (!plan->packed) *bytes = fc_depthwise_scratch(c, threads);
    else if (plan->algorithm == FC_WINOGRAD)
        *bytes = fc_winograd_scratch(c, &plan->winograd, 1, threads);
    else if (plan->algorithm == FC_FFT) *bytes = fc_fourier_scratch(c, &plan->fourier, 1, threads);
    else *bytes = fc_correlate_scratch(c, &plan->blocking, 1, threads);
    return FC_OK;
}

fc_algorithm fc_plan_algorithm(const fc_plan *plan) { return plan->algorithm; }
int64_t fc_plan_packed_bytes(const fc_plan *plan) { return plan->packed_bytes; }

void fc_plan_destroy(fc_plan *plan) {
    if (!plan) return;
    fc_scratch_free(plan->weights);
    fc_scratch_free(plan->original);
    fc_scratch_free(plan->bias);
    free(plan);
}
