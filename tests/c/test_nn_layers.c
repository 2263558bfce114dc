/* Losses of each element and of log-probabilities, padding and resizing against
 * their definitions: random shapes on every instruction set this CPU has, both
 * types; the same bytes on one thread and on three. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

static int close_to(fc_dtype dtype, double value, double expected, double magnitude) {
    const double unit = dtype == FC_F32 ? FLT_EPSILON : DBL_EPSILON;
    return value == expected || fabs(value - expected) <= 8 * unit * magnitude;
}

/* ---- Losses of each element ------------------------------------------------------------------ */

static double loss_of(fc_loss_kind kind, double x, double y, double p) {
    if (kind == FC_SQUARED) return (x - y) * (x - y);
    if (kind == FC_ABSOLUTE) return fabs(x - y);
    return (1 - y) * x + (1 + (p - 1) * y) * (log1p(exp(-fabs(x))) + fmax(-x, 0));
}

static double slope_of(fc_loss_kind kind, double x, double y, double p) {
    if (kind == FC_SQUARED) return 2 * (x - y);
    if (kind == FC_ABSOLUTE) return (x > y) - (x < y);
    return (1 + (p - 1) * y) / (1 + exp(-x)) - p * y;
}

static void check_loss(fc_loss_kind kind, fc_dtype dtype, int64_t count, int each,
                       uint64_t *random) {
    array x = array_random(dtype, count, random, 0), y = array_random(dtype, count, random, 0),
          p = array_random(dtype, count, random, POSITIVE);
    array losses = array_new(dtype, count, random), gx = array_new(dtype, count, random),
          again = array_new(dtype, count, random);
    for (int64_t i = 0; i < count; i++) {
        array_put(&x, i, i % 5 == 4 ? array_at(&y, i) : 30 * array_at(&x, i));
        if (i % 3) array_put(&y, i, (double)(i % 2)); /* a class, where it is exact */
    }
    const fc_loss problem = {dtype, kind, count, 3};
    const void *positive = each ? p.data : NULL;
    double sum = NAN, other = NAN, total = 0, size = 0;
    CHECK(fc_loss_forward(&problem, x.data, y.data, positive, losses.data, &sum, &one_thread) ==
          FC_OK);
    CHECK(fc_loss_forward(&problem, x.data, y.data, positive, NULL, &other, &three_threads) ==
          FC_OK);
    CHECK(sum == other);
    CHECK(fc_loss_grad(&problem, x.data, y.data, positive, 0.5, gx.data, &one_thread) == FC_OK);
    CHECK(fc_loss_grad(&problem, x.data, y.data, positive, 0.5, again.data, &three_threads) ==
          FC_OK);
    CHECK(array_same(&gx, &again));
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        const double a = array_at(&x, i), b = array_at(&y, i), w = each ? array_at(&p, i) : 3;
        const double loss = loss_of(kind, a, b, w), slope = 0.5 * slope_of(kind, a, b, w);
        const double most = fabs((1 - b) * a) + fabs(1 + (w - 1) * b) * fmax(-a, 0) + fabs(loss);
        wrong += !close_to(dtype, array_at(&losses, i), loss, most);
        wrong += !close_to(dtype, array_at(&gx, i), slope, 2 * fabs(w * b) + fabs(slope));
        total += loss;
        size += most;
    }
    wrong += !close_to(dtype, sum, total, 32 * size);
    CHECK(wrong == 0, "loss %d of %ld elements: %ld wrong", kind, (long)count, (long)wrong);
    array_free(&x);
    array_free(&y);
    array_free(&p);
    array_free(&losses);
    array_free(&gx);
    array_free(&again);
}

/* Loss and slope of a class that is sure keep their digits, and no infinity
 * spreads. */
static void check_sure(fc_dtype dtype) {
    uint64_t random = 2;
    array x = array_new(dtype, 3, &random), y = array_new(dtype, 3, &random);
    array losses = array_new(dtype, 3, &random), gx = array_new(dtype, 3, &random);
    const double values[] = {20, 1000, NAN};
    double sum;
    for (int i = 0; i < 3; i++) array_put(&x, i, values[i]), array_put(&y, i, 1);
    const fc_loss problem = {dtype, FC_BINARY, 3, 1};
    CHECK(fc_loss_forward(&problem, x.data, y.data, NULL, losses.data, &sum, NULL) == FC_OK);
    CHECK(fc_loss_grad(&problem, x.data, y.data, NULL, 1, gx.data, NULL) == FC_OK);
    const double sure = array_at(&losses, 0);
    CHECK(close_to(dtype, sure, log1p(exp(-20)), exp(-20)), "%g", sure / log1p(exp(-20)) - 1);
    const double slope = array_at(&gx, 0), exact = -1 / (1 + exp(20));
    CHECK(close_to(dtype, slope, exact, -exact), "%g", slope / exact - 1);
    CHECK(array_at(&losses, 1) == 0);
    CHECK(isnan(array_at(&losses, 2)) && isnan(array_at(&gx, 2)) && isnan(sum));
    CHECK(array_at(&gx, 1) == 0);
    array_free(&x);
    array_free(&y);
    array_free(&losses);
    array_free(&gx);
}

/* ---- Log-probabilities that are given -------------------------------------------------------- */

static void check_nll(fc_classes c, uint64_t *random) {
    enum { IGNORED = -7 };
    const int64_t positions = c.outer * c.inner, count = positions * c.classes;
    array x = array_random(c.dtype, count, random, 0),
          gy = array_random(c.dtype, positions, random, 0),
          weight = array_random(c.dtype, c.classes, random, POSITIVE),
          targets = array_indices(positions, random);
    array losses = array_new(c.dtype, positions, random), gx = array_new(c.dtype, count, random),
          again = array_new(c.dtype, count, random);
    int64_t *t = targets.data, wrong = 0;
    for (int64_t i = 0; i < positions; i++)
        t[i] = test_random_in(random, 0, 6) ? test_random_in(random, 0, c.classes - 1) : IGNORED;
    const fc_targets given = {t, IGNORED, weight.data, 0};
    double sums[2], others[2], total = 0, size = 0, weights = 0;
    CHECK(fc_nll(&c, x.data, &given, losses.data, sums, &one_thread) == FC_OK);
    CHECK(fc_nll(&c, x.data, &given, NULL, others, &three_threads) == FC_OK);
    CHECK(sums[0] == others[0] && sums[1] == others[1]);
    CHECK(fc_nll_grad(&c, &given, gy.data, 0.25, gx.data, &one_thread) == FC_OK);
    CHECK(fc_nll_grad(&c, &given, gy.data, 0.25, again.data, &three_threads) == FC_OK);
    CHECK(array_same(&gx, &again));
    for (int64_t i = 0; i < positions; i++) {
        const double w = t[i] == IGNORED ? 0 : array_at(&weight, t[i]);
        const int64_t first = i / c.inner * c.classes * c.inner + i % c.inner;
        const double own = t[i] == IGNORED ? 0 : -w * array_at(&x, first + t[i] * c.inner);
        wrong += !close_to(c.dtype, array_at(&losses, i), own, fabs(own));
        for (int64_t k = 0; k < c.classes; k++) {
            const double slope = k == t[i] ? -0.25 * w * array_at(&gy, i) : 0;
            wrong += !close_to(c.dtype, array_at(&gx, first + k * c.inner), slope, fabs(slope));
        }
        total += own;
        size += fabs(own);
        weights += w;
    }
    wrong += !close_to(c.dtype, sums[0], total, 32 * size);
    wrong += !close_to(c.dtype, sums[1], weights, 32 * weights);
    CHECK(wrong == 0, "nll, %ld x %ld x %ld: %ld wrong", (long)c.outer, (long)c.classes,
          (long)c.inner, (long)wrong);
    array_free(&x);
    array_free(&gy);
    array_free(&weight);
    array_free(&targets);
    array_free(&losses);
    array_free(&gx);
    array_free(&again);
}

/* ---- Padding
 * -----------------------------------------------------------------------------------
 */

static void check_pad(const fc_pad *p, uint64_t *random) {
    const int64_t from = volume(p->input), to = volume(p->output);
    array x = array_random(p->dtype, p->planes * from, random, 0),
          y = array_new(p->dtype, p->planes * to, random),
          again = array_new(p->dtype, p->planes * to, random);
    CHECK(fc_pad_zeros(p, x.data, y.data, &one_thread) == FC_OK);
    CHECK(fc_pad_zeros(p, x.data, again.data, &three_threads) == FC_OK);
    CHECK(array_same(&y, &again));
    int64_t wrong = 0;
    for (int64_t i = 0; i < p->planes * to; i++) {
        int64_t at[3], inside = 1;
        unravel(i % to, p->output, at);
        for (int k = 0; k < 3; k++) {
            at[k] -= p->before[k];
            inside &= at[k] >= 0 && at[k] < p->input[k];
        }
        const int64_t place = (at[0] * p->input[1] + at[1]) * p->input[2] + at[2];
        wrong += array_at(&y, i) != (inside ? array_at(&x, i / to * from + place) : 0);
    }
    CHECK(wrong == 0, "padding: %ld wrong", (long)wrong);
    array_free(&x);
    array_free(&y);
    array_free(&again);
}

static fc_pad draw_pad(fc_dtype dtype, uint64_t *random) {
    fc_pad p = {.dtype = dtype, .planes = test_random_in(random, 1, 5)};
    for (int k = 0; k < 3; k++) {
        p.input[k] = test_random_in(random, 1, k == 2 ? 90 : 6);
        p.output[k] = test_random_in(random, 1, k == 2 ? 90 : 8);
        p.before[k] = test_random_in(random, -9, 9);
    }
    return p;
}

/* ---- Resizing
 * ----------------------------------------------------------------------------------
 */

static void check_resize(fc_resize p, int weighted, uint64_t *random) {
    const int64_t size = p.outer * p.input * p.inner, made = p.outer * p.output * p.inner;
    array x = array_random(p.dtype, size, random, 0), y = array_new(p.dtype, made, random),
          again = array_new(p.dtype, made, random),
          weights = array_random(p.dtype, p.taps * p.output, random, 0),
          sources = array_indices(p.taps * p.output, random);
    int64_t *s = sources.data, wrong = 0;
    for (int64_t i = 0; i < p.taps * p.output; i++)
        s[i] = test_random_in(random, weighted ? -1 : 0, p.input - 1);
    p.sources = s;
    if (weighted) p.weights = weights.data;
    CHECK(fc_resize_axis(&p, x.data, y.data, &one_thread) == FC_OK);
    CHECK(fc_resize_axis(&p, x.data, again.data, &three_threads) == FC_OK);
    CHECK(array_same(&y, &again));
    for (int64_t i = 0; i < made; i++) {
        const int64_t o = i / p.inner / p.output, place = i / p.inner % p.output;
        double sum = 0, most = 0;
        for (int64_t k = 0; k < p.taps; k++) {
            if (s[k * p.output + place] < 0) continue;
            const double w = weighted ? array_at(&weights, k * p.output + place) : 1;
            const int64_t from = (o * p.input + s[k * p.output + place]) * p.inner + i % p.inner;
            sum += w * array_at(&x, from);
            most += fabs(w * array_at(&x, from));
        }
        wrong += !close_to(p.dtype, array_at(&y, i), sum, most);
    }
    CHECK(wrong == 0, "resizing: %ld wrong", (long)wrong);
    s[p.taps * p.output - 1] = weighted ? p.input : -1;
    CHECK(fc_resize_axis(&p, x.data, y.data, NULL) == FC_INVALID_INDEX);
    array_free(&x);
    array_free(&y);
    array_free(&again);
    array_free(&weights);
    array_free(&sources);
}

static void check_resizes(fc_dtype dtype, uint64_t *random) {
    for (int i = 0; i < 24; i++) {
        const fc_resize p = {.dtype = dtype,
                             .outer = test_random_in(random, 1, 5),
                             .input = test_random_in(random, 1, i % 4 ? 30 : 200),
                             .output = test_random_in(random, 1, 40),
                             .inner = i % 2 ? 1 : test_random_in(random, 1, 40),
                             .taps = test_random_in(random, 1, 6)};
        check_resize(p, i % 3 > 0, random);
    }
    const fc_resize far = {.dtype = dtype, .outer = 3, .input = 20000, .output = 9, .inner = 1};
    for (int taps = 1; taps < 3; taps++) {
        fc_resize p = far;
        p.taps = taps;
        check_resize(p, taps == 2, random);
    }
}

/* ---- All
 * ---------------------------------------------------------------------------------------
 */

static void check_all(void) {
    const int emulated = getenv("FC_TEST_EMULATED") != NULL;
    uint64_t random = 23;
    for (int type = 0; type < 2; type++) {
        const fc_dtype dtype = (fc_dtype)type;
        for (int kind = 0; kind < FC_LOSSES; kind++) {
            for (int64_t count = 1; count < 40; count++)
                check_loss((fc_loss_kind)kind, dtype, count, count % 2, &random);
            if (!emulated) check_loss((fc_loss_kind)kind, dtype, 70001, 0, &random);
        }
        check_sure(dtype);
        for (int i = 0; i < 20; i++) {
            const int64_t inner = i % 2 ? 1 : test_random_in(&random, 2, 70);
            check_nll((fc_classes){dtype, test_random_in(&random, 1, 9),
                                   test_random_in(&random, 1, 40), inner},
                      &random);
            const fc_pad pad = draw_pad(dtype, &random);
            check_pad(&pad, &random);
        }
        check_resizes(dtype, &random);
        if (emulated) continue; /* takes minutes */
        check_nll((fc_classes){dtype, 4000, 10, 1}, &random);
        check_nll((fc_classes){dtype, 2, 21, 1500}, &random);
        const fc_pad pad = {dtype, 3, {1, 300, 70}, {1, 305, 77}, {0, 2, 3}};
        check_pad(&pad, &random);
        check_resize(
            (fc_resize){
                .dtype = dtype, .outer = 90, .input = 80, .output = 210, .inner = 1, .taps = 2},
            1, &random);
        check_resize(
            (fc_resize){
                .dtype = dtype, .outer = 9, .input = 80, .output = 31, .inner = 150, .taps = 3},
            1, &random);
    }
}

static void check_refusals(void) {
    float x[4] = {1, 2, 3, 4}, y[4];
    double sum;
    const int64_t zero = 0;
    const fc_loss loss = {FC_F32, FC_SQUARED, 1, 1};
    CHECK(fc_loss_forward(&(fc_loss){(fc_dtype)7, FC_SQUARED, 1, 1}, x, x, NULL, y, &sum, NULL) ==
          FC_INVALID_DTYPE);
    CHECK(fc_loss_forward(&(fc_loss){FC_F32, FC_LOSSES, 1, 1}, x, x, NULL, y, &sum, NULL) ==
          FC_INVALID_VALUE);
    CHECK(fc_loss_forward(&loss, x, NULL, NULL, y, &sum, NULL) == FC_INVALID_NULL);
    CHECK(fc_loss_grad(&loss, x, x, NULL, 1, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_loss_forward(&(fc_loss){FC_F32, FC_SQUARED, 0, 1}, NULL, NULL, NULL, NULL, &sum,
                          NULL) == FC_OK &&
          sum == 0);
    const fc_classes c = {FC_F32, 1, 2, 1};
    double sums[2];
    const int64_t high = 2;
    CHECK(fc_nll(&c, x, &(fc_targets){&high, -1, NULL, 0}, y, sums, NULL) == FC_INVALID_INDEX);
    CHECK(fc_nll_grad(&c, &(fc_targets){&high, -1, NULL, 0}, NULL, 1, y, NULL) == FC_INVALID_INDEX);
    CHECK(fc_nll(&c, NULL, &(fc_targets){&high, -1, NULL, 0}, y, sums, NULL) == FC_INVALID_NULL);
    fc_pad pad = {FC_F32, 1, {1, 1, 2}, {1, 1, 4}, {0, 0, 1}};
    CHECK(fc_pad_zeros(&pad, x, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_pad_zeros(NULL, x, y, NULL) == FC_INVALID_NULL);
    pad.output[2] = 0;
    CHECK(fc_pad_zeros(&pad, x, y, NULL) == FC_INVALID_SIZE);
    fc_resize resize = {FC_F32, 1, 2, 1, 1, 1, &zero, NULL};
    CHECK(fc_resize_axis(&resize, x, NULL, NULL) == FC_INVALID_NULL);
    resize.taps = 0;
    CHECK(fc_resize_axis(&resize, x, y, NULL) == FC_INVALID_SIZE);
}

void test_nn_layers(void) {
    check_refusals();
    test_on_each_isa(check_all);
}
