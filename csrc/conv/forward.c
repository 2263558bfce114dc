/* The forward convolution: decided on (fc_prepare), and run with weights as they come. With weights
 * that stay it is a plan (plan.c). */
#include <stdlib.h>

#include "../runtime/status.h"
#include "depthwise.h"
#include "connected.h"
#include "images.h"
#include "prepared.h"
#include "problem.h"

/* ---- Decided on ---- */

static int drops_taps(const fc_prepared *p) {
    fc_correlation one = p->correlation;
    one.batch = 1;
    return p->blocking.saves_taps || fc_algorithm_blocking(&one, p->algorithm).saves_taps;
}

static void cut_direct(fc_prepared *p) {
    const fc_correlation *c = &p->correlation;
    p->blocking = fc_algorithm_blocking(c, p->algorithm);
    p->images = p->algorithm == FC_DIRECT && fc_images_suits(c, &p->blocking);
    p->drops_taps = c->batch > 1 && drops_taps(p);
}

fc_status fc_prepare(const fc_conv *problem, fc_algorithm algorithm, int planned, fc_prepared *p) {
    FC_TRY(fc_conv_validate(problem));
    FC_TRY(fc_algorithm_resolve(problem, &algorithm, planned));
    const fc_correlation c = fc_correlation_forward(problem);
    p->problem = *problem;
    p->algorithm = algorithm;
    p->correlation = c;
    p->depthwise = algorithm == FC_DIRECT && fc_is_depthwise(&c);
    p->connected = algorithm == FC_DIRECT && !p->depthwise && fc_connected_suits(&c);
    p->images = p->drops_taps = 0;
    if (algorithm == FC_WINOGRAD) p->winograd = fc_winograd_best(&c, planned);
    else if (algorithm == FC_FFT) p->fourier = fc_fourier_best(&c, planned);
    else if (algorithm != FC_REFERENCE && !p->depthwise && !p->connected) cut_direct(p);
    return FC_OK;
}

fc_status fc_prepared_create(const fc_conv *problem, fc_algorithm algorithm, fc_prepared **result) {
    FC_REQUIRE(result, FC_INVALID_NULL);
    *result = NULL;
    fc_prepared *p = malloc(sizeof *p);
    FC_REQUIRE(p, FC_OUT_OF_MEMORY);
    const fc_status status = fc_prepare(problem, algorithm, 0, p);
    if (status == FC_OK) *result = p;
    else free(p);
    return status;
}

void fc_prepared_destroy(fc_prepared *p) { free(p); }

/* ---- Run ---- */

int fc_prepared_goes_alone(const fc_prepared *p, const void *w) {
    return p->drops_taps && !fc_images_serves(&p->correlation, w);
}

fc_status fc_correlate_alone(const fc_correlation *one, const fc_blocking *b, const void *x,
                             const void *w, const void *packed, const void *bias, void *y,
                             int64_t images, const fc_call *call) {
    for (int64_t i = 0; i < images; i++) {
        const char *from = (const char *)x + i * fc_correlation_in(one) * one->item;
        char *to = (char *)y + i * fc_correlation_out(one) * one->item;
        FC_TRY(packed ? fc_correlate_packed(one, b, from, packed, bias, to, call)
                      : fc_correlate(one, b, from, w, bias, to, call));
    }
    return FC_OK;
}

/* Direct or im2col. */
static fc_status run_correlation(const fc_prepared *p, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call) {
    const fc_correlation *c = &p->correlation;
    if (p->images && fc_images_serves(c, w)) return fc_images_correlate(c, x, w, bias, y, call);
    if (!fc_prepared_goes_alone(p, w)) return fc_correlate(c, &p->blocking, x, w, bias, y, call);
    fc_correlation one = *c;
    one.batch = 1;
    const fc_blocking b = fc_algorithm_blocking(&one, p->algorithm);
    return fc_correlate_alone(&one, &b, x, w, NULL, bias, y, c->batch, call);
}

fc_status fc_prepared_run(const fc_prepared *p, const void *x, const void *w, const void *bias,
                          void *y, const fc_call *call) {
    FC_REQUIRE(p && x && w && y, FC_INVALID_NULL);
    const fc_correlation *c = &p->correlation;
    if (p->algorithm == FC_REFERENCE) return fc_reference_forward(&p->problem, x, w, bias, y, call);
    if (p->depthwise) return fc_depthwise_correlate(c, x, w, bias, y, call);
    if (p->connected) return fc_connected_correlate(c, x, w, bias, y, call);
    if (p->algorithm == FC_WINOGRAD)
        return fc_winograd_correlate(c, &p->winograd, x, w, NULL, bias, y, call);
    if (p->algorithm == FC_FFT)
        return fc_fourier_correlate(c, &p->fourier, x, w, NULL, bias, y, call);
    return run_correlation(p, x, w, bias, y, call);
}

fc_status fc_conv_forward(const fc_conv *problem, fc_algorithm algorithm, const void *x,
                          const void *w, const void *bias, void *y, const fc_call *call) {
    fc_prepared p;
    FC_TRY(fc_prepare(problem, algorithm, 0, &p));
    return fc_prepared_run(&p, x, w, bias, y, call);
}

int64_t fc_prepared_scratch(const fc_prepared *p, int packed, int threads) {
    const fc_correlation *c = &p->correlation;
    if (p->algorithm == FC_REFERENCE || p->connected) return 0;
    if (p->depthwise) return fc_depthwise_scratch(c, threads);
    if (p->algorithm == FC_WINOGRAD) return fc_winograd_scratch(c, &p->winograd, packed, threads);
    if (p->algorithm == FC_FFT) return fc_fourier_scratch(c, &p->fourier, packed, threads);
    if (p->images) return fc_images_scratch(c, threads);
    return fc_correlate_scratch(c, &p->blocking, packed, threads);
}

fc_status fc_conv_workspace(const fc_conv *problem, fc_algorithm algorithm, int threads,
                            int64_t *bytes) {
    fc_prepared p;
    FC_REQUIRE(bytes, FC_INVALID_NULL);
    FC_TRY(fc_prepare(problem, algorithm, 0, &p));
    *bytes = fc_prepared_scratch(&p, 0, threads);
    return FC_OK;
}
