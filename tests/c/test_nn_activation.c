/* Activations against their definitions: sizes around whole vectors and blocks,
 * on every instruction set this CPU has, both types; values that are not
 * finite. The exponential and the logarithm that they and softmax stand on,
 * over all of their range. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "kernels/kernels.h"
#include "test.h"

static const fc_call three_threads = {.threads = 3};
static const double specials[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e-40, -1e-40, 90, -90, 800};

/* ---- Exponential and logarithm
 * --------------------------------------------------------------- */

/* The distance of a value from the exact one, in units of its last place. */
static double ulps(fc_dtype dtype, double value, long double exact) {
    if (isnan(exact)) return isnan(value) ? 0 : INFINITY;
    const double most = dtype == FC_F32 ? FLT_MAX : DBL_MAX;
    int exponent;
    frexpl(exact, &exponent);
    const int digits = dtype == FC_F32 ? 24 : 53, least = dtype == FC_F32 ? -149 : -1074;
    const long double unit = ldexpl(1, exponent - digits > least ? exponent - digits : least);
    if (fabsl(exact) > most + unit / 2)
        return isinf(value) && (value > 0) == (exact > 0) ? 0 : INFINITY;
    if (isinf(value)) return fabsl(exact) > most - unit ? 1 : INFINITY;
    return (double)(fabsl((long double)value - exact) / unit);
}

static void check_function(fc_dtype dtype, fc_map_fn fn, long double (*exact)(long double),
                           const array *x, double allowed, const char *what) {
    uint64_t random = 3;
    array y = array_new(dtype, x->count, &random);
    const fc_map map = {.in = {x->data}, .out = {y.data}};
    double worst = 0, at = 0;
    fn(&map, 0, x->count);
    for (int64_t i = 0; i < x->count; i++) {
        const double off = ulps(dtype, array_at(&y, i), exact((long double)array_at(x, i)));
        if (off > worst) worst = off, at = array_at(x, i);
    }
    CHECK(worst <= allowed, "%s(%g), %s: %g units in the last place", what, at, fc_isa(), worst);
    array_free(&y);
}

static long double sigmoidl(long double x) { return 1 / (1 + expl(-x)); }
static long double silul(long double x) { return x / (1 + expl(-x)); }

/* Values of a sweep; an emulator takes minutes for more. */
static int64_t sweep_size(void) { return getenv("FC_TEST_EMULATED") ? 3001 : 60001; }

/* Evenly from low to high, and the specials. */
static array sweep(fc_dtype dtype, int64_t count, double low, double high) {
    uint64_t random = 5;
    array x = array_new(dtype, count, &random);
    for (int64_t i = 0; i < count; i++)
        array_put(&x, i, low + (high - low) * (double)i / (double)(count - 1));
    for (int i = 0; i < 10; i++) array_put(&x, i * 7, specials[i]);
    return x;
}

static void check_exponentials(void) {
    for (int dtype = 0; dtype < 2; dtype++) {
        const fc_nn_kernels *nn = fc_kernels_for((fc_dtype)dtype)->nn;
        const double span = dtype == FC_F32 ? 110 : 760;
        array wide = sweep((fc_dtype)dtype, sweep_size(), -span, span),
              near = sweep((fc_dtype)dtype, sweep_size(), -2, 2);
        const array *both[] = {&wide, &near};
        for (int i = 0; i < 2; i++) {
            const fc_map_fn *forward = nn->activation.forward;
            check_function((fc_dtype)dtype, nn->softmax.exp, expl, both[i], 1, "exp");
            check_function((fc_dtype)dtype, forward[FC_SIGMOID], sigmoidl, both[i], 2.5, "sigmoid");
            check_function((fc_dtype)dtype, forward[FC_TANH], tanhl, both[i], 2, "tanh");
        }
        array_free(&wide);
        array_free(&near);
        array x = sweep((fc_dtype)dtype, sweep_size(), dtype == FC_F32 ? -85 : -700, 100);
        array_put(&x, 14, 5); /* -inf * 0 */
        array_put(&x, 56, 5); /* results that are not normal have fewer digits */
        check_function((fc_dtype)dtype, nn->activation.forward[FC_SILU], silul, &x, 3, "silu");
        for (int64_t i = 0; i < x.count; i++) array_put(&x, i, 1 + 3e-4 * (double)(i % 12345));
        check_function((fc_dtype)dtype, nn->softmax.log, logl, &x, 1, "log");
        for (int64_t i = 0; i < x.count; i++) array_put(&x, i, exp2((double)i / 1000));
        array_put(&x, 17, NAN);
        check_function((fc_dtype)dtype, nn->softmax.log, logl, &x, 1, "log");
        array_free(&x);
    }
}

/* ---- Activations
 * -----------------------------------------------------------------------------
 */

static double forward_of(fc_activation kind, double x) {
    switch (kind) {
    case FC_RELU: return x <= 0 ? 0 : x;
    case FC_RELU6: return x <= 0 ? 0 : x >= 6 ? 6 : x;
    case FC_LEAKY_RELU: return x > 0 ? x : 0.25 * x;
    case FC_SIGMOID: return 1 / (1 + exp(-x));
    case FC_SILU: return x / (1 + exp(-x));
    default: return tanh(x);
    }
}

static double slope_of(fc_activation kind, double x, double y) {
    const double s = 1 / (1 + exp(-x));
    switch (kind) {
    case FC_RELU: return !(x <= 0);
    case FC_RELU6: return !(x <= 0) && !(x >= 6);
    case FC_LEAKY_RELU: return x > 0 ? 1 : 0.25;
    case FC_SIGMOID: return y * (1 - y);
    case FC_SILU: return s * (1 + x * (1 - s));
    default: return 1 - y * y;
    }
}

static int near(fc_dtype dtype, double value, double expected) {
    if (isnan(expected)) return isnan(value);
    const double unit = dtype == FC_F32 ? FLT_EPSILON : DBL_EPSILON;
    return value == expected || fabs(value - expected) <= 8 * unit * (fabs(expected) + 1);
}

static void check_activation(fc_activation kind, fc_dtype dtype, int64_t count, uint64_t *random) {
    array x = array_random(dtype, count, random, 0), gy = array_random(dtype, count, random, 0);
    for (int64_t i = 0; i < count; i++) array_put(&x, i, 8 * array_at(&x, i));
    for (int64_t i = 0; i < count / 8; i++) /* not -inf * 0 */
        array_put(&x, test_random_in(random, 0, count - 1), specials[test_random_in(random, 3, 6)]);
    if (count > 5) array_put(&x, 3, NAN);
    array y = array_new(dtype, count, random), gx = array_new(dtype, count, random);
    const int from_x = kind == FC_LEAKY_RELU || kind == FC_SILU;
    CHECK(fc_activate(dtype, kind, 0.25, count, x.data, y.data, &three_threads) == FC_OK);
    CHECK(fc_activate_grad(dtype, kind, 0.25, count, gy.data, from_x ? x.data : y.data, gx.data,
                           &three_threads) == FC_OK);
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        const double a = array_at(&x, i), b = array_at(&y, i), g = array_at(&gy, i);
        const double slope = slope_of(kind, a, b);
        wrong += !near(dtype, b, forward_of(kind, a));
        wrong += !near(dtype, array_at(&gx, i), slope == 0 ? 0 : g * slope);
    }
    CHECK(wrong == 0, "activation %d of %ld elements: %ld wrong", kind, (long)count, (long)wrong);
    array_free(&x);
    array_free(&y);
    array_free(&gx);
    array_free(&gy);
}

static void check_all(void) {
    uint64_t random = 20;
    for (int kind = 0; kind < FC_ACTIVATIONS; kind++) {
        for (int dtype = 0; dtype < 2; dtype++) {
            for (int64_t count = 1; count < 40; count++)
                check_activation((fc_activation)kind, (fc_dtype)dtype, count, &random);
            if (!getenv("FC_TEST_EMULATED"))
                check_activation((fc_activation)kind, (fc_dtype)dtype, 100003, &random);
        }
    }
}

static void check_refusals(void) {
    float x[1] = {1};
    CHECK(fc_activate((fc_dtype)7, FC_RELU, 0, 1, x, x, NULL) == FC_INVALID_DTYPE);
    CHECK(fc_activate(FC_F32, (fc_activation)77, 0, 1, x, x, NULL) == FC_INVALID_VALUE);
    CHECK(fc_activate(FC_F32, FC_RELU, 0, -1, x, x, NULL) == FC_INVALID_SIZE);
    CHECK(fc_activate(FC_F32, FC_RELU, 0, 1, NULL, x, NULL) == FC_INVALID_NULL);
    CHECK(fc_activate(FC_F32, FC_RELU, 0, 0, NULL, NULL, NULL) == FC_OK);
    CHECK(fc_activate_grad(FC_F32, FC_RELU, 0, 1, x, NULL, x, NULL) == FC_INVALID_NULL);
}

static void check_kernels(void) {
    check_exponentials();
    check_all();
}

void test_nn_activation(void) {
    check_refusals();
    test_on_each_isa(check_kernels);
}
