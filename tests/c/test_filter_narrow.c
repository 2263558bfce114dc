/* Passes along short lines, many of them at once (filter/narrow.c), against their definition: every
 * element type, operation and border, lines that no tile is filled with, and threads. */
#include <stdlib.h>
#include <string.h>

#include "filter/narrow.h"
#include "filter/pass.h"
#include "runtime/scratch.h"
#include "test.h"
#include "windows.h"

#define LONGEST 40

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

typedef struct problem {
    fc_element in_type, out_type;
    int64_t lines, places, step, count;
    fc_pass pass;
    double weights[LONGEST], cval;
} problem;

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

static void draw_problem(problem *p, uint64_t *random) {
    *p = (problem){.in_type = (fc_element)draw(random, 0, FC_ELEMENTS - 1),
                   .out_type = (fc_element)draw(random, 0, FC_ELEMENTS - 1),
                   .lines = draw(random, 0, 2) ? draw(random, 64, 300) : draw(random, 500, 1100),
                   .step = draw(random, 1, 4),
                   .cval = (double)draw(random, -1, 2)};
    if (draw(random, 0, 1)) p->out_type = p->in_type;
    if (p->out_type == FC_UINT64) p->out_type = FC_INT64;
    p->places = draw(random, 1, 32 / p->step);
    p->count = p->lines * p->places * p->step;
    p->pass = (fc_pass){.op = (fc_window_op)draw(random, 0, FC_WINDOW_OPS - 1),
                        .border = (fc_border)draw(random, 0, FC_BORDERS - 1),
                        .size = draw(random, 1, draw(random, 0, 1) ? LONGEST : 7),
                        .weights = p->weights};
    p->pass.offset = draw(random, 0, 2) ? p->pass.size / 2 : draw(random, -50, 50);
    const int whole = !fc_element_real(p->out_type) || draw(random, 0, 1);
    for (int64_t j = 0; j < p->pass.size; j++)
        p->weights[j] = whole ? (double)draw(random, -3, 3) : (double)draw(random, -999, 999) / 517;
}

/* Whether it went along short lines, and without a fault. */
static int run(const problem *p, const elements *in, const elements *out, const fc_call *call) {
    void *memory = fc_scratch(fc_pass_bytes(&p->pass));
    const fc_pass_run along =
        fc_pass_ready(&p->pass, p->places, p->in_type, p->out_type, p->cval, memory);
    const fc_step step = {.along = &along,
                          .outer = 1,
                          .rows = p->lines,
                          .last_row = p->lines,
                          .places = p->places,
                          .step = p->step,
                          .in_type = p->in_type,
                          .out_type = p->out_type,
                          .in = in->data,
                          .out = out->data};
    const int done = fc_narrow_suits(&step) && fc_narrow_run(&step, call) == FC_OK;
    fc_scratch_free(memory);
    return done;
}

static void run_case(int number) {
    uint64_t random = UINT64_C(0x9E3779B97F4A7C15) * (uint64_t)(number + 1);
    problem p;
    draw_problem(&p, &random);
    elements in = elements_new(p.in_type, p.count, &random);
    elements_draw(&in, number % 9 == 4, &random);
    elements got = elements_new(p.out_type, p.count, &random),
             again = elements_new(p.out_type, p.count, &random),
             want = elements_new(p.out_type, 1, &random);
    CHECK(run(&p, &in, &got, &one_thread) && run(&p, &in, &again, &three_threads));
    CHECK(array_same(&got.bytes, &again.bytes), "case %d: threads", number);
    double *magnitudes = malloc((size_t)p.count * sizeof *magnitudes);
    for (int64_t i = 0; i < p.count; i++) {
        const double x = element_get(&in, i);
        magnitudes[i] = x < 0 ? -x : x;
    }
    const window_lines lines = {&in, magnitudes, p.places, p.step, p.cval};
    int64_t wrong = 0;
    for (int64_t i = 0; i < p.count; i++) {
        double magnitude;
        element_put(&want, 0, window_result(&p.pass, &lines, i, &magnitude));
        elements one = got;
        one.data += i * fc_element_size(got.type);
        wrong += !window_agrees(&one, &want, 0, magnitude);
    }
    CHECK(wrong == 0, "case %d, %d to %d, op %d: %lld of %lld x %lld x %lld by %lld", number,
          p.in_type, p.out_type, p.pass.op, (long long)wrong, (long long)p.lines,
          (long long)p.places, (long long)p.step, (long long)p.pass.size);
    free(magnitudes);
    array_free(&in.bytes), array_free(&got.bytes), array_free(&again.bytes);
    array_free(&want.bytes);
}

static void cases(void) {
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 60 : 120); i++) run_case(i);
}

void test_filter_narrow(void) { test_on_each_isa(cases); }
