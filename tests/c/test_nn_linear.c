/* Fully connected layers against their definition: few rows and many, features that fill no vector
 * and many, on every instruction set this CPU has, both types, any number of threads. */
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

typedef struct shape {
    int64_t rows, in, out;
} shape;

/* sum over i < count of a[i * a_step] * b[i * b_step], and of the absolute values */
static void dot(const array *a, int64_t a_at, int64_t a_step, const array *b, int64_t b_at,
                int64_t b_step, int64_t count, double *sum, double *magnitude) {
    for (int64_t i = 0; i < count; i++) {
        const double term =
            array_at(a, a_at + i * a_step) * (b ? array_at(b, b_at + i * b_step) : 1);
        *sum += term;
        *magnitude += term < 0 ? -term : term;
    }
}

typedef struct problem {
    shape s;
    array x, w, bias, gy, y, gx, gw, gb;
} problem;

static void check_forward(problem *p, int with_bias, const fc_call *call, int number) {
    const shape s = p->s;
    array_fill(&p->y);
    CHECK(fc_linear(p->x.dtype, s.rows, s.in, s.out, p->x.data, p->w.data,
                    with_bias ? p->bias.data : NULL, p->y.data, call) == FC_OK);
    double *sums = calloc((size_t)(2 * s.rows * s.out), sizeof *sums);
    double *magnitudes = sums + s.rows * s.out;
    for (int64_t n = 0; n < s.rows; n++)
        for (int64_t o = 0; o < s.out; o++) {
            double *sum = sums + n * s.out + o, *magnitude = magnitudes + n * s.out + o;
            if (with_bias) dot(&p->bias, o, 1, NULL, 0, 0, 1, sum, magnitude);
            dot(&p->x, n * s.in, 1, &p->w, o * s.in, 1, s.in, sum, magnitude);
        }
    array_check(&p->y, sums, magnitudes, s.in + 1, "linear", number);
    free(sums);
}

static void check_gradients(problem *p, const fc_call *call, int number) {
    const shape s = p->s;
    array_fill(&p->gx), array_fill(&p->gw), array_fill(&p->gb);
    CHECK(fc_linear_grad(p->x.dtype, s.rows, s.in, s.out, p->x.data, p->w.data, p->gy.data,
                         p->gx.data, p->gw.data, p->gb.data, call) == FC_OK);
    double *sums = calloc((size_t)(2 * (s.rows * s.in + s.out * s.in + s.out)), sizeof *sums);
    double *gx = sums, *gx_size = gx + s.rows * s.in, *gw = gx_size + s.rows * s.in,
           *gw_size = gw + s.out * s.in, *gb = gw_size + s.out * s.in, *gb_size = gb + s.out;
    for (int64_t i = 0; i < s.in; i++) {
        for (int64_t n = 0; n < s.rows; n++)
            dot(&p->gy, n * s.out, 1, &p->w, i, s.in, s.out, gx + n * s.in + i,
                gx_size + n * s.in + i);
        for (int64_t o = 0; o < s.out; o++)
            dot(&p->gy, o, s.out, &p->x, i, s.in, s.rows, gw + o * s.in + i,
                gw_size + o * s.in + i);
    }
    for (int64_t o = 0; o < s.out; o++)
        dot(&p->gy, o, s.out, NULL, 0, 0, s.rows, gb + o, gb_size + o);
    array_check(&p->gx, gx, gx_size, s.out, "gradient of x", number);
    array_check(&p->gw, gw, gw_size, s.rows, "gradient of w", number);
    array_check(&p->gb, gb, gb_size, s.rows, "gradient of the bias", number);
    free(sums);
}

/* The same bytes on five threads, and one gradient at a time. */
static void check_alone(problem *p, uint64_t *random) {
    const shape s = p->s;
    const fc_call five = {.threads = 5};
    array *all[] = {&p->y, &p->gx, &p->gw, &p->gb};
    array again[4];
    for (int i = 0; i < 4; i++) again[i] = array_new(all[i]->dtype, all[i]->count, random);
    CHECK(fc_linear(p->x.dtype, s.rows, s.in, s.out, p->x.data, p->w.data, p->bias.data,
                    again[0].data, &five) == FC_OK);
    for (int i = 1; i < 4; i++)
        CHECK(fc_linear_grad(p->x.dtype, s.rows, s.in, s.out, p->x.data, p->w.data, p->gy.data,
                             i == 1 ? again[1].data : NULL, i == 2 ? again[2].data : NULL,
                             i == 3 ? again[3].data : NULL, &five) == FC_OK);
    for (int i = 0; i < 4; i++)
        CHECK(array_same(all[i], &again[i]), "result %d of (%ld, %ld, %ld)", i, (long)s.rows,
              (long)s.in, (long)s.out);
    for (int i = 0; i < 4; i++) array_free(&again[i]);
}

static void check_shape(fc_dtype dtype, shape s, uint64_t *random, int number) {
    const fc_call one = {.threads = 1};
    problem p = {.s = s,
                 .x = array_random(dtype, s.rows * s.in, random, 0),
                 .w = array_random(dtype, s.out * s.in, random, 0),
                 .bias = array_random(dtype, s.out, random, 0),
                 .gy = array_random(dtype, s.rows * s.out, random, 0),
                 .y = array_new(dtype, s.rows * s.out, random),
                 .gx = array_new(dtype, s.rows * s.in, random),
                 .gw = array_new(dtype, s.out * s.in, random),
                 .gb = array_new(dtype, s.out, random)};
    check_forward(&p, 0, &one, number);
    check_forward(&p, 1, &one, number);
    check_gradients(&p, &one, number);
    check_alone(&p, random);
    array *all[] = {&p.x, &p.w, &p.bias, &p.gy, &p.y, &p.gx, &p.gw, &p.gb};
    for (int i = 0; i < 8; i++) array_free(all[i]);
}

static void check_all(void) {
    uint64_t random = 21;
    int number = 0;
    for (int dtype = 0; dtype < 2; dtype++) {
        for (int64_t n = 1; n < 40; n++) {
            check_shape((fc_dtype)dtype, (shape){n % 9 + 1, n, 41 - n}, &random, number++);
            check_shape((fc_dtype)dtype, (shape){n, 40 - n, 3 * n}, &random, number++);
        }
        for (int64_t rows = 1; rows < 30; rows += 4)
            check_shape(
                (fc_dtype)dtype,
                (shape){rows, test_random_in(&random, 1, 500), test_random_in(&random, 1, 300)},
                &random, number++);
        check_shape((fc_dtype)dtype, (shape){2, 1111, 999}, &random, number++);
    }
}

static void check_refusals(void) {
    float x[4] = {1};
    CHECK(fc_linear((fc_dtype)7, 1, 1, 1, x, x, x, x, NULL) == FC_INVALID_DTYPE);
    CHECK(fc_linear(FC_F32, 0, 1, 1, x, x, x, x, NULL) == FC_INVALID_SIZE);
    CHECK(fc_linear(FC_F32, 1, 0, 1, x, x, x, x, NULL) == FC_INVALID_SIZE);
    CHECK(fc_linear(FC_F32, 1, 1, -1, x, x, x, x, NULL) == FC_INVALID_SIZE);
    CHECK(fc_linear(FC_F32, 1, INT64_MAX, INT64_MAX, x, x, x, x, NULL) == FC_INVALID_SIZE);
    CHECK(fc_linear(FC_F32, 1, 1, 1, NULL, x, x, x, NULL) == FC_INVALID_NULL);
    CHECK(fc_linear(FC_F32, 1, 1, 1, x, x, NULL, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_linear_grad(FC_F32, 1, 1, 1, x, NULL, x, x, NULL, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_linear_grad(FC_F32, 1, 1, 1, NULL, x, x, NULL, x, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_linear_grad(FC_F32, 1, 1, 1, x, x, NULL, x, x, x, NULL) == FC_INVALID_NULL);
}

void test_nn_linear(void) {
    check_refusals();
    test_on_each_isa(check_all);
}
