/* Which algorithm serves a problem. The list is read from top to bottom; each entry accepts a
 * problem or says why not, and of those that accept, the one with the lowest predicted cost is
 * taken. The last one accepts everything. The cost is that of one image on one thread: the choice,
 * and so the bytes of a result, depends on neither batch nor threads. */
#include <math.h>

#include "algorithms.h"
#include "depthwise.h"
#include "depthwise_planes.h"
#include "depthwise_turned.h"
#include "connected.h"
#include "fourier.h"
#include "problem.h"
#include "winograd.h"
#include "../runtime/status.h"

static const char *always(const fc_conv *p) {
    (void)p;
    return NULL;
}

/* Chosen for one image, and so alike for every batch. */
fc_blocking fc_algorithm_blocking(const fc_correlation *c, fc_algorithm algorithm) {
    fc_correlation one = *c;
    one.batch = 1;
    if (algorithm == FC_IM2COL) return fc_blocking_of(c, FC_FORM_PANELS);
    const fc_blocking best = fc_blocking_best(&one, FC_FORM_PLANES, FC_FORM_TURNED);
    if (c->batch == 1) return best;
    return fc_blocking_of(c, best.turned ? FC_FORM_TURNED : FC_FORM_PLANES);
}

static double correlation_cost(const fc_conv *p, fc_algorithm algorithm) {
    fc_conv one = *p;
    one.batch = 1;
    const fc_correlation c = fc_correlation_forward(&one);
    const fc_blocking b = fc_algorithm_blocking(&c, algorithm);
    return fc_blocking_cost(&c, &b);
}

/* Taps in the padding cost nothing where the channels are in the vectors. */
static double depthwise_cost(const fc_correlation *c) {
    if (c->layout == FC_CHANNELS_FIRST) return 1e-6 + 1e-9 * fc_depthwise_planes_ns(c);
    const double lanes = c->kernels->lanes, channels = (double)(c->groups * c->out_channels);
    const double pixels = (double)(c->axis[0].out * c->axis[1].out) * (double)c->axis[2].out;
    return 1e-6 + 1e-9 * c->kernels->tuning.depthwise * pixels * ceil(channels / lanes) *
                      fc_depthwise_taps_inside(c);
}

static double direct_cost(const fc_conv *p, int planned) {
    (void)planned; /* weights are packed in no time */
    const fc_correlation c = fc_correlation_forward(p);
    if (fc_is_depthwise(&c)) return depthwise_cost(&c);
    return fc_connected_suits(&c) ? fc_connected_cost(&c) : correlation_cost(p, FC_DIRECT);
}
static double im2col_cost(const fc_conv *p, int planned) {
    (void)planned;
    return correlation_cost(p, FC_IM2COL);
}

/* One scalar multiply-add at a time, about a nanosecond each: an estimate, not fitted. */
static double reference_cost(const fc_conv *p, int planned) {
    (void)planned;
    fc_conv one = *p;
    one.batch = 1;
    return 1e-6 + 0.6e-9 * fc_conv_flops(&one);
}

static const char *winograd_accepts(const fc_conv *p) {
    const fc_correlation c = fc_correlation_forward(p);
    return fc_winograd_accepts(&c);
}

static int winograd_suits(const fc_conv *p) {
    const fc_correlation c = fc_correlation_forward(p);
    return fc_winograd_suits(&c);
}

static double winograd_cost(const fc_conv *p, int planned) {
    (void)planned;
    fc_conv one = *p;
    one.batch = 1;
    const fc_correlation c = fc_correlation_forward(&one);
    const fc_winograd w = fc_winograd_best(&c, 0);
    return fc_winograd_cost(&c, &w);
}

static int suits(const fc_conv *p) {
    (void)p;
    return 1;
}

static const char *fourier_accepts(const fc_conv *p) {
    const fc_correlation c = fc_correlation_forward(p);
    return fc_fourier_accepts(&c);
}

static int fourier_suits(const fc_conv *p) {
    const fc_correlation c = fc_correlation_forward(p);
    return fc_fourier_suits(&c);
}

static double fourier_cost(const fc_conv *p, int planned) {
    const fc_correlation c = fc_correlation_forward(p);
    return fc_fourier_accepts(&c) ? HUGE_VAL : fc_fourier_best(&c, planned).cost;
}

/* There to be asked for. */
static int never(const fc_conv *p) {
    (void)p;
    return 0;
}

static const fc_algorithm_entry list[] = {
    {FC_WINOGRAD, "winograd", winograd_accepts, winograd_suits, winograd_cost},
    {FC_FFT, "fft", fourier_accepts, fourier_suits, fourier_cost},
    {FC_DIRECT, "direct", always, suits, direct_cost},
    {FC_IM2COL, "im2col", always, suits, im2col_cost},
    {FC_REFERENCE, "reference", always, never, reference_cost},
};
#define ENTRIES ((int)(sizeof list / sizeof *list))

const fc_algorithm_entry *fc_algorithm_find(fc_algorithm algorithm) {
    for (int i = 0; i < ENTRIES; i++)
        if (list[i].algorithm == algorithm) return &list[i];
    return NULL;
}

const char *fc_algorithm_name(fc_algorithm algorithm) {
    const fc_algorithm_entry *entry = fc_algorithm_find(algorithm);
    return entry ? entry->name : algorithm == FC_AUTO ? "auto" : "unknown";
}

const char *fc_conv_accepts(const fc_conv *problem, fc_algorithm algorithm) {
    if (fc_conv_validate(problem) != FC_OK) return "the problem is not valid";
    if (algorithm == FC_AUTO) return NULL;
    const fc_algorithm_entry *entry = fc_algorithm_find(algorithm);
    return entry ? entry->accepts(problem) : "there is no such algorithm";
}

double fc_conv_cost(const fc_conv *problem, fc_algorithm algorithm, int planned) {
    if (fc_conv_validate(problem) != FC_OK) return HUGE_VAL;
    const fc_algorithm_entry *entry =
        fc_algorithm_find(algorithm == FC_AUTO ? fc_conv_select(problem, planned) : algorithm);
    return entry ? entry->cost(problem, planned) : HUGE_VAL;
}

fc_algorithm fc_conv_select(const fc_conv *problem, int planned) {
    fc_algorithm best = FC_REFERENCE;
    double best_cost = HUGE_VAL;
    for (int i = 0; i < ENTRIES; i++) {
        if (list[i].accepts(problem) || !list[i].suits(problem)) continue;
        const double cost = list[i].cost(problem, planned);
        if (cost < best_cost) {
            best = list[i].algorithm;
            best_cost = cost;
        }
    }
    return best;
}

fc_status fc_algorithm_resolve(const fc_conv *p, fc_algorithm *algorithm, int planned) {
    if (*algorithm == FC_AUTO) *algorithm = fc_conv_select(p, planned);
    const fc_algorithm_entry *entry = fc_algorithm_find(*algorithm);
    FC_REQUIRE(entry && !entry->accepts(p), FC_UNSUPPORTED_ALGORITHM);
    return FC_OK;
}
