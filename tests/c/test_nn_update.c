/* Optimisers' updates against their formulas in double, for all instruction sets and both types. */
#include <math.h>
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

enum { GRADIENT, WEIGHT, VELOCITY, MEAN = VELOCITY, SQUARE, GREATEST, ARRAYS };

static const fc_call three_threads = {.threads = 3};

/* Arrays as the library sees them, and in double as the formula does. */
typedef struct arrays {
    array real[ARRAYS];
    double *exact[ARRAYS];
} arrays;

static arrays make(fc_dtype dtype, int64_t count, uint64_t *random) {
    arrays a;
    for (int i = 0; i < ARRAYS; i++) {
        a.real[i] = array_random(dtype, count, random, 0);
        a.exact[i] = malloc(sizeof(double) * (size_t)count);
        for (int64_t n = 0; n < count; n++) {
            if (i >= SQUARE) array_put(&a.real[i], n, fabs(array_at(&a.real[i], n)));
            a.exact[i][n] = array_at(&a.real[i], n);
        }
    }
    return a;
}

static void check_and_free(arrays *a, const char *what) {
    const double tolerance = a->real[0].dtype == FC_F64 ? 1e-13 : 1e-5;
    for (int i = 0; i < ARRAYS; i++) {
        int64_t bad = 0;
        for (int64_t n = 0; n < a->real[i].count; n++) {
            const double exact = a->exact[i][n];
            bad += !(fabs(array_at(&a->real[i], n) - exact) <= tolerance * (10 + fabs(exact)));
        }
        CHECK(bad == 0, "%s: %ld elements of array %d", what, (long)bad, i);
        free(a->exact[i]);
        array_free(&a->real[i]);
    }
}

static void sgd(fc_dtype dtype, int64_t count, fc_sgd options, int fresh, uint64_t *random) {
    arrays a = make(dtype, count, random);
    const double *gradient = a.exact[GRADIENT];
    double *weight = a.exact[WEIGHT], *velocity = a.exact[VELOCITY];
    CHECK(fc_sgd_update(dtype, count, &options, a.real[GRADIENT].data, a.real[WEIGHT].data,
                        a.real[VELOCITY].data, fresh, &three_threads) == FC_OK);
    for (int64_t n = 0; n < count; n++) {
        const double g =
            (options.maximize ? -1 : 1) * gradient[n] + options.weight_decay * weight[n];
        double step = g;
        if (options.momentum != 0) {
            velocity[n] = fresh ? g : options.momentum * velocity[n] + (1 - options.dampening) * g;
            step = options.nesterov ? g + options.momentum * velocity[n] : velocity[n];
        }
        weight[n] -= options.lr * step;
    }
    check_and_free(&a, "sgd");
}

static void adam(fc_dtype dtype, int64_t count, fc_adam options, int64_t step, int amsgrad,
                 uint64_t *random) {
    arrays a = make(dtype, count, random);
    const double *gradient = a.exact[GRADIENT];
    double *weight = a.exact[WEIGHT], *mean = a.exact[MEAN], *square = a.exact[SQUARE],
           *greatest = a.exact[GREATEST];
    CHECK(fc_adam_update(dtype, count, &options, step, a.real[GRADIENT].data, a.real[WEIGHT].data,
                         a.real[MEAN].data, a.real[SQUARE].data,
                         amsgrad ? a.real[GREATEST].data : NULL, &three_threads) == FC_OK);
    const double unbiased1 = 1 - pow(options.beta1, (double)step),
                 unbiased2 = 1 - pow(options.beta2, (double)step);
    for (int64_t n = 0; n < count; n++) {
        const double decay = options.weight_decay * weight[n];
        const double g =
            (options.maximize ? -1 : 1) * gradient[n] + (options.decoupled ? 0 : decay);
        if (options.decoupled) weight[n] -= options.lr * decay;
        mean[n] = options.beta1 * mean[n] + (1 - options.beta1) * g;
        square[n] = options.beta2 * square[n] + (1 - options.beta2) * g * g;
        if (amsgrad && greatest[n] < square[n]) greatest[n] = square[n];
        const double divisor = sqrt((amsgrad ? greatest[n] : square[n]) / unbiased2) + options.eps;
        weight[n] -= options.lr * mean[n] / unbiased1 / divisor;
    }
    check_and_free(&a, "adam");
}

static void updates(void) {
    static const int64_t counts[] = {1, 3, 8, 15, 16, 17, 33, 1000, 70000};
    uint64_t random = 7;
    for (int dtype = FC_F32; dtype <= FC_F64; dtype++) {
        for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
            const fc_sgd plain = {.lr = 0.1}, heavy = {0.1, 0.9, 0.2, 0.01, 0, 1},
                         ahead = {0.1, 0.9, 0, 0.01, 1, 0};
            sgd(dtype, counts[i], plain, 0, &random);
            for (int fresh = 0; fresh < 2; fresh++) {
                sgd(dtype, counts[i], heavy, fresh, &random);
                sgd(dtype, counts[i], ahead, fresh, &random);
            }
            const fc_adam usual = {0.01, 0.9, 0.999, 1e-8, 0, 0, 0},
                          decays = {0.01, 0.8, 0.99, 1e-6, 0.1, 0, 1},
                          apart = {0.01, 0.9, 0.999, 1e-8, 0.1, 1, 0};
            for (int amsgrad = 0; amsgrad < 2; amsgrad++) {
                adam(dtype, counts[i], usual, 1, amsgrad, &random);
                adam(dtype, counts[i], decays, 3, amsgrad, &random);
                adam(dtype, counts[i], apart, 1000, amsgrad, &random);
            }
        }
    }
}

static void refusals(void) {
    float x[4] = {0};
    const fc_sgd momentum = {.lr = 1, .momentum = 0.5};
    const fc_adam usual = {.lr = 1};
    CHECK(fc_sgd_update(FC_F32, 4, NULL, x, x, x, 0, NULL) == FC_INVALID_NULL);
    CHECK(fc_sgd_update(FC_F32, 4, &momentum, x, x, NULL, 0, NULL) == FC_INVALID_NULL);
    CHECK(fc_sgd_update(FC_F32, -1, &momentum, x, x, x, 0, NULL) == FC_INVALID_SIZE);
    CHECK(fc_sgd_update((fc_dtype)9, 4, &momentum, x, x, x, 0, NULL) == FC_INVALID_DTYPE);
    CHECK(fc_adam_update(FC_F32, 4, &usual, 0, x, x, x, x, NULL, NULL) == FC_INVALID_VALUE);
    CHECK(fc_adam_update(FC_F32, 4, &usual, 1, x, NULL, x, x, NULL, NULL) == FC_INVALID_NULL);
}

void test_nn_update(void) {
    test_on_each_isa(updates);
    refusals();
}
