/* Batch normalisation against its definition in double: planes of one element and of many, chunks
 * and tiles around their sizes, on every instruction set this CPU has, both types; the same bytes
 * on any number of threads. */
#include <math.h>
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

typedef struct problem {
    fc_batch_norm p;
    array x, gy, weight, bias, running_mean, running_variance;
    array y, gx, gw, gb, new_mean, new_variance;
    double *mean, *inverse; /* of fc_batch_norm_forward */
} problem;

static int64_t at(const fc_batch_norm *p, int64_t n, int64_t c, int64_t i) {
    return (n * p->channels + c) * p->space + i;
}

/* Within `size` times a few roundings. */
static int near(const array *a, int64_t i, double expected, double size) {
    const double unit = a->dtype == FC_F32 ? 6e-8 : 1.1e-16;
    return fabs(array_at(a, i) - expected) <= 40 * unit * size;
}

static void moments(const problem *b, int64_t c, double *mean, double *squares) {
    const fc_batch_norm *p = &b->p;
    const double count = (double)(p->batch * p->space);
    *mean = *squares = 0;
    for (int64_t n = 0; n < p->batch; n++)
        for (int64_t i = 0; i < p->space; i++) *mean += array_at(&b->x, at(p, n, c, i)) / count;
    for (int64_t n = 0; n < p->batch; n++)
        for (int64_t i = 0; i < p->space; i++) {
            const double d = array_at(&b->x, at(p, n, c, i)) - *mean;
            *squares += d * d;
        }
}

/* One channel's results; how many are wrong. */
static int64_t wrong_in(const problem *b, int64_t c) {
    const fc_batch_norm *p = &b->p;
    const double count = (double)(p->batch * p->space);
    const double weight = array_at(&b->weight, c), bias = array_at(&b->bias, c);
    double mean = array_at(&b->running_mean, c), squares, s = 0, t = 0, size = 0;
    double variance = array_at(&b->running_variance, c);
    int64_t wrong = 0;
    if (p->training) {
        const double m = p->momentum, old_mean = mean, old_variance = variance;
        moments(b, c, &mean, &squares);
        variance = squares / count;
        const double unbiased = squares / (count - 1);
        wrong += !near(&b->new_mean, c, (1 - m) * old_mean + m * mean, fabs(old_mean) + 5);
        wrong += !near(&b->new_variance, c, (1 - m) * old_variance + m * unbiased,
                       fabs(old_variance) + 5);
    }
    const double inverse = 1 / sqrt(variance + p->eps);
    for (int64_t n = 0; n < p->batch; n++)
        for (int64_t i = 0; i < p->space; i++) {
            const double g = array_at(&b->gy, at(p, n, c, i));
            s += g;
            t += g * (array_at(&b->x, at(p, n, c, i)) - mean);
            size += fabs(g);
        }
    wrong += !near(&b->gb, c, s, size) + !near(&b->gw, c, t * inverse, 10 * size * inverse);
    for (int64_t n = 0; n < p->batch; n++)
        for (int64_t i = 0; i < p->space; i++) {
            const int64_t k = at(p, n, c, i);
            const double d = (array_at(&b->x, k) - mean) * inverse;
            double gx = array_at(&b->gy, k);
            if (p->training) gx -= s / count + d * inverse * t / count;
            wrong += !near(&b->y, k, d * weight + bias, fabs(10 * weight * inverse) + fabs(bias));
            wrong += !near(&b->gx, k, gx * weight * inverse, 10 * fabs(weight * inverse));
        }
    return wrong;
}

static void copy(array *to, const array *from) {
    for (int64_t i = 0; i < from->count; i++) array_put(to, i, array_at(from, i));
}

static void run(problem *b, const fc_call *call) {
    array *results[] = {&b->y, &b->gx, &b->gw, &b->gb};
    for (int i = 0; i < 4; i++) array_fill(results[i]);
    copy(&b->new_mean, &b->running_mean);
    copy(&b->new_variance, &b->running_variance);
    CHECK(fc_batch_norm_forward(&b->p, b->x.data, b->weight.data, b->bias.data, b->new_mean.data,
                                b->new_variance.data, b->mean, b->inverse, b->y.data,
                                call) == FC_OK);
    CHECK(fc_batch_norm_grad(&b->p, b->x.data, b->weight.data, b->mean, b->inverse, b->gy.data,
                             b->gx.data, b->gw.data, b->gb.data, call) == FC_OK);
}

static void check_shape(fc_dtype dtype, int64_t batch, int64_t channels, int64_t space,
                        int training, uint64_t *random) {
    const int64_t count = batch * channels * space;
    const fc_call one = {.threads = 1}, five = {.threads = 5};
    problem b = {.p = {.dtype = dtype,
                       .batch = batch,
                       .channels = channels,
                       .space = space,
                       .training = training,
                       .eps = 1e-5,
                       .momentum = 0.3}};
    array *all[] = {&b.x,        &b.gy,          &b.y,  &b.gx,           &b.weight,
                    &b.bias,     &b.gw,          &b.gb, &b.running_mean, &b.running_variance,
                    &b.new_mean, &b.new_variance};
    for (int i = 0; i < 12; i++)
        *all[i] = array_random(dtype, i < 4 ? count : channels, random, i == 9 ? POSITIVE : 0);
    for (int64_t c = 0; c < channels; c++)
        array_put(&b.running_variance, c, array_at(&b.running_variance, c) + 0.5);
    b.mean = calloc(2 * (size_t)channels, sizeof *b.mean);
    b.inverse = b.mean + channels;
    run(&b, &one);
    int64_t wrong = 0;
    for (int64_t c = 0; c < channels; c++) wrong += wrong_in(&b, c);
    CHECK(wrong == 0, "(%ld, %ld, %ld), training %d: %ld wrong", (long)batch, (long)channels,
          (long)space, training, (long)wrong);

    problem other = b;
    array *results[] = {&other.y,  &other.gx,       &other.gw,
                        &other.gb, &other.new_mean, &other.new_variance};
    const array *before[] = {&b.y, &b.gx, &b.gw, &b.gb, &b.new_mean, &b.new_variance};
    for (int i = 0; i < 6; i++) *results[i] = array_new(dtype, results[i]->count, random);
    run(&other, &five);
    for (int i = 0; i < 6; i++) {
        CHECK(array_same(before[i], results[i]), "result %d of (%ld, %ld, %ld) on five threads", i,
              (long)batch, (long)channels, (long)space);
        array_free(results[i]);
    }
    for (int i = 0; i < 12; i++) array_free(all[i]);
    free(b.mean);
}

static void check_all(void) {
    uint64_t random = 22;
    for (int dtype = 0; dtype < 2; dtype++)
        for (int training = 0; training < 2; training++) {
            const fc_dtype type = (fc_dtype)dtype;
            for (int64_t space = 1; space < 40; space++)
                check_shape(type, space % 7 + 2, space % 5 + 1, space, training, &random);
            for (int64_t channels = 1; channels < 140; channels += 9)
                check_shape(type, 150 - channels, channels, 1, training, &random);
            check_shape(type, 20, 5, 350, training, &random);
            check_shape(type, 2, 3, 4097, training, &random);
            check_shape(type, 1, 2, 20000, training, &random);
            check_shape(type, 300, 130, 1, training, &random);
            check_shape(type, 40, 30, 49, training, &random);
        }
}

static void check_refusals(void) {
    float x[4] = {1, 2, 3, 4};
    double kept[2] = {0, 1};
    fc_batch_norm p = {.batch = 4, .channels = 1, .space = 1, .training = 1, .eps = 1};
#define FORWARD(x, mean, y)                                                                        \
    fc_batch_norm_forward(&p, x, NULL, NULL, mean, mean, kept, kept + 1, y, NULL)
    CHECK(FORWARD(NULL, NULL, x) == FC_INVALID_NULL);
    CHECK(FORWARD(x, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_batch_norm_grad(&p, x, NULL, kept, kept + 1, NULL, x, x, x, NULL) == FC_INVALID_NULL);
    p.training = 0;
    CHECK(FORWARD(x, NULL, x) == FC_INVALID_NULL);
    p.training = 1;
    p.batch = 1;
    CHECK(FORWARD(x, NULL, x) == FC_INVALID_SIZE);
    p.batch = 0;
    CHECK(FORWARD(x, NULL, x) == FC_INVALID_SIZE);
    p.batch = p.channels = p.space = INT64_MAX / 2;
    CHECK(FORWARD(x, NULL, x) == FC_INVALID_SIZE);
    p.dtype = (fc_dtype)9;
    CHECK(FORWARD(x, NULL, x) == FC_INVALID_DTYPE);
#undef FORWARD
}

void test_nn_norm(void) {
    check_refusals();
    test_on_each_isa(check_all);
}
