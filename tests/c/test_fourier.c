/* Fourier transforms against the direct sum in double: kernels of 5 to hundreds of taps along an
 * axis, in one, two and three dimensions, on every instruction set this CPU has. */
#include <math.h>
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "runtime/scratch.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

/* The largest input and kernel along an axis, by the number of axes. */
static const int64_t most_input[] = {0, 3000, 70, 20}, most_kernel[] = {0, 700, 65, 9};

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

static fc_conv draw_problem(uint64_t *random) {
    fc_conv p = {.dtype = (fc_dtype)draw(random, 0, 1),
                 .layout = (fc_layout)draw(random, 0, 1),
                 .batch = draw(random, 1, 3),
                 .groups = draw(random, 1, 3)};
    const int rank = (int)draw(random, 1, 3);
    p.in_channels = p.groups * draw(random, 1, 3);
    p.out_channels = p.groups * draw(random, 1, 3);
    p.padding_mode = (fc_padding_mode)(draw(random, 0, 1) ? 0 : draw(random, 1, 3));
    p.clamp = draw(random, 0, 3) == 0;
    p.max = p.clamp ? 3 : 0;
    for (int i = 0; i < 3; i++) {
        p.input[i] = p.kernel[i] = p.stride[i] = p.dilation[i] = p.output[i] = 1;
        if (i < 3 - rank) continue;
        p.input[i] = draw(random, 5, most_input[rank]);
        p.kernel[i] = draw(random, 5, most_kernel[rank]);
        const int64_t pad = p.padding_mode == FC_PAD_ZEROS ? p.kernel[i] : p.input[i] - 1;
        p.pad_before[i] = draw(random, 0, pad);
        p.pad_after[i] = draw(random, 0, pad);
        const int64_t all = p.input[i] + p.pad_before[i] + p.pad_after[i];
        if (p.kernel[i] > all) p.kernel[i] = all;
        p.output[i] = all - p.kernel[i] + 1;
    }
    return p;
}

/* The same values in double. */
static array doubles(const array *a, uint64_t *random) {
    array d = array_new(FC_F64, a->count, random);
    for (int64_t i = 0; i < a->count; i++) array_put(&d, i, array_at(a, i));
    return d;
}

static array direct_sum(const fc_conv *problem, const array *x, const array *w, const array *bias,
                        uint64_t *random) {
    fc_conv p = *problem;
    p.dtype = FC_F64;
    array all[] = {doubles(x, random), doubles(w, random), doubles(bias, random)};
    array y = array_new(FC_F64, p.batch * p.out_channels * volume(p.output), random);
    CHECK(fc_conv_forward(&p, FC_DIRECT, all[0].data, all[1].data, all[2].data, y.data, NULL) ==
          FC_OK);
    for (int i = 0; i < 3; i++) array_free(&all[i]);
    return y;
}

/* The arithmetic is in double: what is left in single is the rounding of the result. */
static void check_near(const array *y, const array *expected, const char *what, int number) {
    const double u = y->dtype == FC_F32 ? 0x1p-24 : 0;
    double largest = 1, worst = 0;
    for (int64_t i = 0; i < y->count; i++) largest = fmax(largest, fabs(array_at(expected, i)));
    for (int64_t i = 0; i < y->count; i++) {
        const double e = array_at(expected, i), error = fabs(array_at(y, i) - e) - u * fabs(e);
        if (!(error <= worst)) worst = error; /* NaN too */
    }
    CHECK(worst <= 1e-13 * largest, "%s, case %d: %g of %g", what, number, worst, largest);
}

static void check_plan(const fc_conv *p, const array *x, const array *w, const array *bias,
                       const array *expected, int number, uint64_t *random) {
    fc_plan *plan = NULL;
    array y = array_new(p->dtype, expected->count, random),
          again = array_new(p->dtype, expected->count, random);
    CHECK(fc_plan_create(p, FC_FFT, w->data, bias->data, &plan) == FC_OK && plan);
    CHECK(fc_plan_run(plan, x->data, y.data, &one_thread) == FC_OK);
    CHECK(fc_plan_run(plan, x->data, again.data, &three_threads) == FC_OK);
    check_near(&y, expected, "plan", number);
    CHECK(array_same(&y, &again), "plan, case %d: threads change bytes", number);
    fc_plan_destroy(plan);
    array_free(&y);
    array_free(&again);
}

static void check_call(const fc_conv *p, const array *x, const array *w, const array *bias,
                       const array *expected, int number, uint64_t *random) {
    array y = array_new(p->dtype, expected->count, random),
          again = array_new(p->dtype, expected->count, random),
          first = array_new(p->dtype, expected->count / p->batch, random);
    fc_conv alone = *p;
    alone.batch = 1;
    CHECK(fc_conv_forward(p, FC_FFT, x->data, w->data, bias->data, y.data, &one_thread) == FC_OK);
    fc_scratch_poison(FC_POISON_NONE);
    fc_conv_forward(p, FC_FFT, x->data, w->data, bias->data, again.data, &three_threads);
    fc_scratch_poison(FC_POISON_NAN);
    fc_conv_forward(&alone, FC_FFT, x->data, w->data, bias->data, first.data, &one_thread);
    check_near(&y, expected, "call", number);
    CHECK(array_same(&y, &again), "case %d: threads, or what scratch held, change bytes", number);
    int64_t differ = 0;
    for (int64_t i = 0; i < first.count; i++) differ += array_at(&first, i) != array_at(&y, i);
    CHECK(differ == 0, "case %d: the batch changes %ld elements", number, (long)differ);
    array_free(&y);
    array_free(&again);
    array_free(&first);
}

static void run_case(int number) {
    uint64_t random = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15) + 3;
    const fc_conv p = draw_problem(&random);
    array x = array_random(p.dtype, p.batch * p.in_channels * volume(p.input), &random, 0);
    array w = array_random(p.dtype, p.out_channels * (p.in_channels / p.groups) * volume(p.kernel),
                           &random, 0);
    array bias = array_random(p.dtype, p.out_channels, &random, 0);
    array expected = direct_sum(&p, &x, &w, &bias, &random);
    check_call(&p, &x, &w, &bias, &expected, number, &random);
    check_plan(&p, &x, &w, &bias, &expected, number, &random);
    array_free(&x);
    array_free(&w);
    array_free(&bias);
    array_free(&expected);
}

/* A plan that keeps the transformed weights has less to do, and is chosen no later. */
static void costs(void) {
    fc_conv p = {.batch = 1, .in_channels = 1, .out_channels = 1, .groups = 1};
    int chosen[2] = {0, 0};
    for (int64_t taps = 3; taps < 40; taps += 2) {
        for (int i = 0; i < 3; i++) {
            p.stride[i] = p.dilation[i] = 1;
            p.input[i] = i ? 128 : 1;
            p.kernel[i] = i ? taps : 1;
            p.output[i] = p.input[i] - p.kernel[i] + 1;
        }
        CHECK(fc_conv_cost(&p, FC_FFT, 1) < fc_conv_cost(&p, FC_FFT, 0));
        for (int planned = 0; planned < 2; planned++) {
            const fc_algorithm auto_ = fc_conv_select(&p, planned);
            CHECK(fc_conv_cost(&p, auto_, planned) == fc_conv_cost(&p, FC_AUTO, planned));
            CHECK(fc_conv_cost(&p, auto_, planned) <= fc_conv_cost(&p, FC_DIRECT, planned));
            chosen[planned] += auto_ == FC_FFT;
        }
    }
    CHECK(chosen[1] >= chosen[0] && chosen[0] > 0);
}

static void cases(void) {
    const int count = TEST_UNDER_SANITIZER || getenv("FC_TEST_EMULATED") ? 8 : 30;
    for (int i = 0; i < count; i++) run_case(i);
    costs();
}

void test_fourier(void) { test_on_each_isa(cases); }
