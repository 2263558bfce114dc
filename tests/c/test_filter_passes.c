/* One-dimensional passes against their definition: random small problems of every element type on
 * every instruction set this CPU has, with arrays between pages that may not be touched; arrays
 * that are done slab by slab; windows that lie far away; invalid problems. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elements.h"
#include "fastconv.h"
#include "test.h"
#include "windows.h"

#define DIMS 4
#define MOST 4 /* passes */
#define LONGEST 40

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

typedef struct problem {
    fc_element in_type, out_type;
    int ndim, passes;
    int64_t shape[DIMS], count;
    fc_pass pass[MOST];
    double weights[MOST][LONGEST], cval;
    elements in;
} problem;

/* ---- The definition -------------------------------------------------------------------------- */

/* One pass; `magnitudes`, of what it reads, become those of what it gives. */
static void expect_pass(const problem *p, const fc_pass *pass, const elements *from,
                        double *magnitudes, const elements *to) {
    int64_t inner = 1;
    for (int a = pass->axis + 1; a < p->ndim; a++) inner *= p->shape[a];
    const window_lines lines = {from, magnitudes, p->shape[pass->axis], inner, p->cval};
    double *next = malloc((size_t)p->count * sizeof *next);
    for (int64_t i = 0; i < p->count; i++)
        element_put(to, i, window_result(pass, &lines, i, &next[i]));
    memcpy(magnitudes, next, (size_t)p->count * sizeof *next);
    free(next);
}

/* Passes in their order; the sums of the terms' magnitudes go to `magnitudes`. */
static elements expect(const problem *p, double *magnitudes, uint64_t *random) {
    elements from = p->in;
    for (int64_t i = 0; i < p->count; i++) magnitudes[i] = fabs(element_get(&from, i));
    for (int i = 0; i < p->passes; i++) {
        elements to = elements_new(p->out_type, p->count, random);
        expect_pass(p, &p->pass[i], &from, magnitudes, &to);
        if (i) array_free(&from.bytes);
        from = to;
    }
    return from;
}

/* ---- Random problems ------------------------------------------------------------------------- */

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

static void draw_pass(problem *p, int i, uint64_t *random) {
    fc_pass *pass = &p->pass[i];
    const int whole = !fc_element_real(p->out_type) || draw(random, 0, 1);
    const int last = i ? p->pass[i - 1].axis : -1, next = last + 1 < p->ndim ? last + 1 : 0;
    *pass = (fc_pass){.axis = draw(random, 0, 4) ? next : (int)draw(random, 0, p->ndim - 1),
                      .op = (fc_window_op)draw(random, 0, FC_WINDOW_OPS - 1),
                      .border = (fc_border)draw(random, 0, FC_BORDERS - 1),
                      .size = draw(random, 1, draw(random, 0, 1) ? LONGEST : 7),
                      .weights = p->weights[i]};
    if (i && draw(random, 0, 3)) pass->op = p->pass[0].op;
    pass->offset = draw(random, 0, 4) ? pass->size / 2 : draw(random, -3, pass->size + 3);
    const int symmetric = (int)draw(random, -1, 1);
    for (int64_t j = 0; j < pass->size; j++) {
        double w = whole ? (double)draw(random, -3, 3) : (double)draw(random, -1000, 1000) / 517;
        if (symmetric && j >= (pass->size + 1) / 2)
            w = symmetric * p->weights[i][pass->size - 1 - j];
        p->weights[i][j] = w;
    }
}

static void draw_problem(problem *p, const int64_t *shape, uint64_t *random) {
    static const int64_t longest[DIMS] = {500, 70, 24, 10};
    *p = (problem){.in_type = (fc_element)draw(random, 0, FC_ELEMENTS - 1),
                   .out_type = (fc_element)draw(random, 0, FC_ELEMENTS - 1),
                   .ndim = shape ? 3 : (int)draw(random, 1, DIMS),
                   .passes = (int)draw(random, shape ? 2 : 0, MOST - 1),
                   .cval = (double)draw(random, -1, 2)};
    if (draw(random, 0, 2)) p->out_type = p->in_type;
    if (!draw(random, 0, 3)) p->in_type = p->out_type = FC_FLOAT32;
    /* What has wrapped around in 64 bits is not a double for the next pass. */
    if (p->out_type == FC_UINT64) p->out_type = FC_INT64;
    if (p->out_type == FC_INT64 && p->passes > 1) p->passes = 1;
    p->count = 1;
    for (int a = 0; a < p->ndim; a++) {
        p->shape[a] = shape ? shape[a] : draw(random, 1, longest[p->ndim - 1]);
        if (!shape && a == p->ndim - 1 && !draw(random, 0, 3)) p->shape[a] = draw(random, 1, 4);
        p->count *= p->shape[a];
    }
    for (int i = 0; i < p->passes; i++) draw_pass(p, i, random);
    p->in = elements_new(p->in_type, p->count, random);
    elements_draw(&p->in, (int)draw(random, 0, 5), random);
}

static int run(const problem *p, elements *out, const fc_call *call) {
    return fc_filter_passes(p->in_type, p->out_type, p->ndim, p->shape, p->in.data, p->passes,
                            p->pass, p->cval, out->data, call) == FC_OK;
}

static void run_case(int number, const int64_t *shape) {
    uint64_t random = UINT64_C(0x9E3779B97F4A7C15) * (uint64_t)(number + 1);
    problem *p = malloc(sizeof *p);
    draw_problem(p, shape, &random);
    double *magnitudes = malloc((size_t)p->count * sizeof *magnitudes);
    elements got = elements_new(p->out_type, p->count, &random),
             again = elements_new(p->out_type, p->count, &random);
    CHECK(run(p, &got, &one_thread) && run(p, &again, &three_threads));
    CHECK(array_same(&got.bytes, &again.bytes), "case %d: threads", number);
    if (p->passes) { /* else it is a conversion: that of the taps' tests */
        elements want = expect(p, magnitudes, &random);
        int64_t wrong = 0, first = 0;
        for (int64_t i = 0; i < p->count; i++)
            if (!window_agrees(&got, &want, i, magnitudes[i]) && !wrong++) first = i;
        CHECK(wrong == 0,
              "case %d: %d axes, %d passes, op %d, %d to %d: %lld wrong, %.17g not %.17g", number,
              p->ndim, p->passes, p->pass[0].op, p->in_type, p->out_type, (long long)wrong,
              element_get(&got, first), element_get(&want, first));
        array_free(&want.bytes);
    }
    array_free(&p->in.bytes), array_free(&got.bytes), array_free(&again.bytes);
    free(magnitudes);
    free(p);
}

/* Windows of two passes at once that lie as far from the array as they may. */
static void windows_far_away(void) {
    const int64_t far = (INT64_C(1) << 56) - 1, shape[3] = {4, 5, 63};
    const double one = 1.0;
    double in[4 * 5 * 63], out[4 * 5 * 63];
    for (int i = 0; i < 4 * 5 * 63; i++) in[i] = i;
    for (int turned = 0; turned < 2; turned++) {
        const fc_pass pass[2] = {
            {.axis = 0, .size = 1, .offset = turned ? -far : far, .weights = &one},
            {.axis = 1, .size = 1, .offset = turned ? far : -far, .weights = &one}};
        const int64_t stands = turned ? 3 * 5 * 63 : 4 * 63; /* the element at the corner reached */
        CHECK(fc_filter_passes(FC_FLOAT64, FC_FLOAT64, 3, shape, in, 2, pass, 0.0, out,
                               &one_thread) == FC_OK);
        int wrong = 0;
        for (int i = 0; i < 4 * 5 * 63; i++) wrong += out[i] != in[stands + i % 63];
        CHECK(wrong == 0, "%d of %d", wrong, 4 * 5 * 63);
    }
}

/* Windows that no memory holds: their bytes are not to be added up to something small. */
static void windows_beyond_memory(void) {
    const int64_t shape[2] = {3, 70};
    float in[210] = {0}, out[210];
    for (int bits = 36; bits <= 56; bits++)
        for (int i = 0; i < 6; i++) {
            const fc_pass pass[2] = {{.axis = i % 2, .op = FC_WINDOW_MAX + i / 2, .size = 3},
                                     {.axis = 1, .op = FC_WINDOW_MAX, .size = INT64_C(1) << bits}};
            CHECK(fc_filter_passes(FC_FLOAT32, FC_FLOAT32, 2, shape, in, 2, pass, 0.0, out,
                                   &three_threads) == FC_OUT_OF_MEMORY);
            const fc_pass alone = {.axis = i % 2, .op = pass[0].op, .size = pass[1].size};
            CHECK(fc_filter_passes(FC_FLOAT32, FC_FLOAT32, 2, shape, in, 1, &alone, 0.0, out,
                                   &three_threads) == FC_OUT_OF_MEMORY);
        }
}

static void invalid_problems(void) {
    const int64_t three = 3;
    const double x[3] = {1, 2, 3};
    double y[3];
    const fc_pass good = {.size = 3, .offset = 1, .weights = x};
    fc_pass pass = good;
#define RUN(in, ndim, passes)                                                                      \
    fc_filter_passes(FC_FLOAT64, FC_FLOAT64, ndim, &three, in, passes, &pass, 0.0, y, NULL)
    CHECK(RUN(x, 1, 1) == FC_OK && y[1] == 14.0);
    CHECK(RUN(x, 1, 0) == FC_OK && y[1] == 2.0);
    CHECK(RUN(NULL, 1, 1) == FC_INVALID_NULL);
    CHECK(RUN(x, 0, 1) == FC_INVALID_SIZE);
    CHECK(RUN(x, 1, -1) == FC_INVALID_SIZE);
    pass.axis = 1;
    CHECK(RUN(x, 1, 1) == FC_INVALID_VALUE);
    pass = good, pass.size = 0;
    CHECK(RUN(x, 1, 1) == FC_INVALID_SIZE);
    pass = good, pass.weights = NULL;
    CHECK(RUN(x, 1, 1) == FC_INVALID_NULL);
    pass = good, pass.border = FC_BORDERS;
    CHECK(RUN(x, 1, 1) == FC_INVALID_PADDING_MODE);
    pass = good, pass.op = FC_WINDOW_OPS;
    CHECK(RUN(x, 1, 1) == FC_INVALID_VALUE);
#undef RUN
}

static void cases(void) {
    /* Larger than the slab that is kept between two steps. */
    static const int64_t large[][3] = {{40, 300, 300}, {3, 1100, 1000}};
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 150 : 600); i++) run_case(i, NULL);
    for (int i = 0; i < 2 && !TEST_UNDER_SANITIZER && !getenv("FC_TEST_EMULATED"); i++)
        run_case(1000 + i, large[i]);
}

void test_filter_passes(void) {
    test_on_each_isa(cases);
    windows_far_away();
    windows_beyond_memory();
    invalid_problems();
}
