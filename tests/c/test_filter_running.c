/* Running sums (filter/running.c), of floats and of integers of 64 bits, bit for bit against the
 * plain loop over each line; and where they are needed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elements.h"
#include "filter/running.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

typedef struct problem {
    fc_element in_type, out_type;
    int64_t outer, length, inner;
    fc_pass pass;
    double cval;
} problem;

/* Place `at` of the line that begins at element `first`. */
static double place(const problem *p, const elements *in, int64_t first, int64_t at) {
    const int64_t i = border_walk(p->pass.border, at, p->length);
    return i < 0 ? p->cval : element_get(in, first + i * p->inner);
}

static void expect_line(const problem *p, const elements *in, int64_t first, const elements *out) {
    const int64_t size = p->pass.size, offset = p->pass.offset;
    double sum = 0.0;
    for (int64_t i = 0; i < p->length; i++) {
        if (i == 0)
            for (int64_t j = 0; j < size; j++) sum += place(p, in, first, j - offset);
        else
            sum += place(p, in, first, i + size - 1 - offset) - place(p, in, first, i - 1 - offset);
        element_put(out, first + i * p->inner, sum / (double)size);
    }
}

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

/* Some of 62 bits, whose sums are rounded. */
static void draw_elements(const elements *e, uint64_t *random) {
    for (int64_t i = 0; i < e->count; i++) {
        const int64_t bits = (int64_t)(test_random(random) >> draw(random, 2, 60));
        if (e->type == FC_INT64 || e->type == FC_UINT64)
            memcpy(e->data + 8 * i, &bits, sizeof bits);
    }
}

static problem draw_problem(int number, uint64_t *random) {
    static const fc_element from[] = {FC_FLOAT32, FC_FLOAT64, FC_INT64, FC_UINT64, FC_UINT8};
    problem p = {.in_type = from[number % 5],
                 .out_type = (fc_element)draw(random, FC_BOOL, FC_UINT64),
                 .outer = draw(random, 1, 3),
                 .length = draw(random, 1, 90),
                 .inner = draw(random, 1, 9),
                 .cval = (double)draw(random, -40, 40) / 8};
    if (number % 4 == 1) p.inner = draw(random, 500, 1100); /* blocks of them, and of the length */
    if (number % 16 == 5) p.inner = 1, p.length = draw(random, 32000, 70000);
    p.pass = (fc_pass){.op = FC_WINDOW_MEAN,
                       .border = (fc_border)draw(random, 0, FC_BORDERS - 1),
                       .size = draw(random, 1, draw(random, 0, 1) ? 60 : 5)};
    p.pass.offset = draw(random, 0, 3) ? p.pass.size / 2 : draw(random, -200, 200);
    /* Sums below 2^63 only: what is stored of greater ones is the taps' tests'. */
    if (p.out_type == FC_UINT64) p.out_type = FC_INT64;
    return p;
}

static void run_case(int number) {
    uint64_t random = UINT64_C(0x9E3779B97F4A7C15) * (uint64_t)(number + 1);
    const problem p = draw_problem(number, &random);
    const int64_t count = p.outer * p.length * p.inner;
    elements in = elements_new(p.in_type, count, &random);
    elements want = elements_new(p.out_type, count, &random);
    elements_draw(&in, number % 10 == 3, &random);
    draw_elements(&in, &random);
    for (int64_t line = 0; line < p.outer * p.inner; line++)
        expect_line(&p, &in, line / p.inner * p.length * p.inner + line % p.inner, &want);
    const fc_call *calls[] = {&one_thread, &three_threads};
    for (int c = 0; c < 2; c++) {
        elements got = elements_new(p.out_type, count, &random);
        CHECK(fc_running_pass(&p.pass, p.in_type, p.out_type, p.outer, p.length, p.inner, p.cval,
                              in.data, got.data, calls[c]) == FC_OK);
        CHECK(array_same(&got.bytes, &want.bytes), "case %d, %d to %d: %lld x %lld x %lld by %lld",
              number, p.in_type, p.out_type, (long long)p.outer, (long long)p.length,
              (long long)p.inner, (long long)p.pass.size);
        array_free(&got.bytes);
    }
    array_free(&in.bytes), array_free(&want.bytes);
}

static void where_it_shows(void) {
    const fc_pass mean = {.op = FC_WINDOW_MEAN, .size = 3}, sum = {.op = FC_WINDOW_SUM, .size = 3};
    const fc_pass constant = {.op = FC_WINDOW_MEAN, .border = FC_CONSTANT, .size = 3};
    CHECK(fc_running_shows(&mean, FC_FLOAT32, FC_INT16, 0.0, 0));
    CHECK(!fc_running_shows(&mean, FC_FLOAT32, FC_FLOAT32, 0.0, 0));
    CHECK(!fc_running_shows(&sum, FC_FLOAT32, FC_INT16, 0.0, 0));
    CHECK(!fc_running_shows(&mean, FC_INT32, FC_INT32, 0.5, 0), "no constant is read");
    CHECK(fc_running_shows(&constant, FC_INT32, FC_INT32, 0.5, 1));
    CHECK(fc_running_shows(&constant, FC_INT32, FC_INT32, NAN, 1));
    CHECK(!fc_running_shows(&constant, FC_INT32, FC_INT32, -7.0, 1));
    CHECK(fc_running_shows(&mean, FC_INT64, FC_INT64, 0.0, 0));
    CHECK(!fc_running_shows(&mean, FC_INT64, FC_INT64, 0.0, 1));
}

/* Sums of 6 + 2 elements are exact up to 2^53 / 8 each. */
static void what_is_small(void) {
    const int64_t limit = INT64_C(1) << 50;
    for (int i = -1; i < 2; i++) {
        const int64_t x[3] = {1, limit + i, -limit - i}, whole[3] = {0, 5, limit + i};
        CHECK(fc_running_small(FC_INT64, FC_INT64, x, 3, 6, 0.0) == (i <= 0));
        CHECK(fc_running_small(FC_INT64, FC_INT64, x, 1, 6, (double)(limit + i)) == (i < 0));
        CHECK(fc_running_small(FC_UINT64, FC_UINT64, whole, 3, 6, 0.0) == (i <= 0));
        CHECK(!fc_running_small(FC_INT64, FC_UINT64, x, 3, 6, 0.0), "negative");
    }
    const int64_t one = 1;
    CHECK(fc_running_small(FC_INT64, FC_UINT64, &one, 1, 6, 0.0));
    CHECK(!fc_running_small(FC_INT64, FC_UINT64, &one, 1, 6, -1.0));
    CHECK(!fc_running_small(FC_INT64, FC_INT64, &one, 1, 6, NAN));
    CHECK(!fc_running_small(FC_FLOAT64, FC_INT64, &one, 1, 6, 0.0));
    CHECK(fc_running_small(FC_INT32, FC_INT64, NULL, 9, 6, 0.0));
    CHECK(!fc_running_small(FC_INT32, FC_UINT64, NULL, 9, 6, 0.0));
    CHECK(!fc_running_small(FC_INT32, FC_INT64, NULL, 9, 1 << 21, 0.0));
}

static void cases(void) {
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 40 : 160); i++) run_case(i);
}

void test_filter_running(void) {
    test_on_each_isa(cases);
    where_it_shows();
    what_is_small();
}
