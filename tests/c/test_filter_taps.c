/* Windows of any shape against their definition: random small problems of every element type on
 * every instruction set this CPU has, with arrays between pages that may not be touched; windows
 * much larger than the array; invalid problems. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elements.h"
#include "fastconv.h"
#include "test.h"

#define DIMS 4

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

/* ---- Elements of any type -------------------------------------------------------------------- */

/* Its low bits, sign extended or not: the same for products and sums in its own arithmetic. */
static uint64_t bits(const elements *e, int64_t i) {
    uint64_t b = 0;
    memcpy(&b, e->data + i * fc_element_size(e->type), (size_t)fc_element_size(e->type));
    return b;
}

/* ---- The definition -------------------------------------------------------------------------- */

typedef struct problem {
    fc_footprint f;
    int64_t shape[DIMS], out_shape[DIMS], window[DIMS], offset[DIMS];
    fc_border border[DIMS];
    elements in, weights;
} problem;

static int64_t count_of(const int64_t *shape, int ndim) {
    int64_t n = 1;
    for (int a = 0; a < ndim; a++) n *= shape[a];
    return n;
}

/* The input's element below window element j of output i; -1: the constant. */
static int64_t source(const problem *p, int64_t i, int64_t j) {
    int64_t at = 0, scale = 1;
    for (int a = p->f.ndim - 1; a >= 0; a--) {
        const int64_t x = border_walk(
            p->border[a], i % p->out_shape[a] + j % p->window[a] - p->offset[a], p->shape[a]);
        if (x < 0) return -1;
        at += x * scale, scale *= p->shape[a];
        i /= p->out_shape[a], j /= p->window[a];
    }
    return at;
}

/* Output i; the sum of its terms' magnitudes goes to `magnitude`. */
static void expect(const problem *p, const elements *out, int64_t i, double *magnitude) {
    const int wraps = p->f.op == FC_WINDOW_SUM && p->f.weight != FC_FLOAT64;
    double sum = 0.0;
    uint64_t low = 0, constant = (uint64_t)(int64_t)p->f.cval;
    int found = 0;
    *magnitude = 0.0;
    for (int64_t j = 0; j < p->weights.count; j++) {
        const int64_t from = source(p, i, j);
        const double x = from < 0 ? p->f.cval : element_get(&p->in, from),
                     w = element_get(&p->weights, j);
        if (wraps) {
            low += (from < 0 ? constant : bits(&p->in, from)) * bits(&p->weights, j);
        } else if (p->f.op == FC_WINDOW_SUM) {
            if (fabs(w) <= DBL_EPSILON) continue;
            sum += x * w;
            *magnitude += fabs(x * w);
        } else if (w != 0.0) {
            if (!found++) sum = x;
            else if (isnan(x) || (p->f.op == FC_WINDOW_MAX ? x > sum : x < sum)) sum = x;
            if (isnan(sum)) break;
        }
    }
    if (wraps)
        memcpy(out->data + i * fc_element_size(out->type), &low,
               (size_t)fc_element_size(out->type));
    else element_put(out, i, sum);
}

static int agrees(const elements *got, const elements *want, int64_t i, double magnitude) {
    const int64_t size = fc_element_size(got->type);
    if (!fc_element_real(got->type))
        return memcmp(got->data + i * size, want->data + i * size, (size_t)size) == 0;
    const double a = element_get(got, i), b = element_get(want, i);
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b ||
           fabs(a - b) <= magnitude * (got->type == FC_FLOAT32 ? 1.06e-5 : 1000 * DBL_EPSILON);
}

/* ---- Random problems ------------------------------------------------------------------------- */

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

/* A product of factors of each axis: such a window may go another way. */
static double product(const problem *p, int64_t j, double factor[DIMS][64]) {
    double w = 1.0;
    for (int a = p->f.ndim - 1; a >= 0; j /= p->window[a--]) w *= factor[a][j % p->window[a] % 64];
    return w;
}

/* A footprint or weights: with holes, of whole numbers, of any, or products. */
static void draw_weights(problem *p, uint64_t *random) {
    const int holes = (int)draw(random, 0, 2), whole = (int)draw(random, 0, 2);
    double factor[DIMS][64];
    for (int i = 0; i < DIMS * 64; i++)
        factor[i / 64][i % 64] = (double)draw(random, 1, 900) / (draw(random, 0, 3) ? 517 : -517);
    for (int64_t j = 0; j < p->weights.count; j++) {
        double w = (double)draw(random, -5, 5);
        if (whole == 1) w = (double)draw(random, -1000, 1000) / 517;
        if (whole == 2) w = product(p, j, factor);
        if (w == 0.0) w = 1.0;
        if (holes == 0 && draw(random, 0, 2) == 0) w = draw(random, 0, 1) ? 0.0 : DBL_EPSILON;
        element_put(&p->weights, j, p->f.op == FC_WINDOW_SUM ? w : holes ? 1 : draw(random, 0, 1));
    }
}

static void draw_problem(problem *p, const int64_t *window, uint64_t *random) {
    static const int64_t longest[DIMS] = {500, 60, 24, 10}, widest[DIMS] = {40, 9, 5, 3};
    *p =
        (problem){.f = {.in = (fc_element)draw(random, 0, FC_ELEMENTS - 1),
                        .out = (fc_element)draw(random, 0, FC_ELEMENTS - 1),
                        .weight = FC_FLOAT64,
                        .op = draw(random, 0, 2) ? FC_WINDOW_SUM : (fc_window_op)draw(random, 1, 2),
                        .ndim = window ? 3 : (int)draw(random, 1, DIMS),
                        .cval = (double)draw(random, 0, 3)}};
    fc_footprint *f = &p->f;
    if (draw(random, 0, 2)) f->out = f->in;
    if (!draw(random, 0, 3)) f->in = f->out = FC_FLOAT32;
    if (f->op != FC_WINDOW_SUM) f->weight = FC_UINT8;
    else if (f->in == f->out && f->in != FC_BOOL && !fc_element_real(f->in) && draw(random, 0, 1))
        f->weight = f->in;
    const int short_line = !draw(random, 0, 3), flat = !draw(random, 0, 4);
    for (int a = 0; a < f->ndim; a++) {
        p->shape[a] = draw(random, 1, longest[f->ndim - 1]);
        if (short_line && a == f->ndim - 1) p->shape[a] = draw(random, 1, 4);
        p->window[a] = draw(random, 1, widest[f->ndim - 1]);
        if (flat && a == f->ndim - 1) p->window[a] = 1;
        if (window) p->window[a] = window[a], p->shape[a] = draw(random, 1, 9);
        p->offset[a] = draw(random, 0, 5) ? p->window[a] / 2 : draw(random, -4, p->window[a] + 3);
        p->out_shape[a] = p->shape[a];
        if (!draw(random, 0, 3)) p->out_shape[a] = draw(random, 1, p->shape[a] + 6);
        if (flat && a == f->ndim - 1 && draw(random, 0, 3)) {
            p->out_shape[a] = p->shape[a];
            p->offset[a] = 0;
        }
        p->border[a] = (fc_border)draw(random, 0, FC_BORDERS - 1);
    }
    p->in = elements_new(f->in, count_of(p->shape, f->ndim), random);
    p->weights = elements_new(f->weight, count_of(p->window, f->ndim), random);
    elements_draw(&p->in, (int)draw(random, 0, 5), random);
    draw_weights(p, random);
    f->shape = p->shape, f->out_shape = p->out_shape, f->window = p->window;
    f->offset = p->offset, f->border = p->border;
}

static void run_case(int number, const int64_t *window) {
    uint64_t random = UINT64_C(0x9E3779B97F4A7C15) * (uint64_t)(number + 1);
    problem p;
    draw_problem(&p, window, &random);
    const int64_t count = count_of(p.out_shape, p.f.ndim);
    elements want = elements_new(p.f.out, count, &random);
    elements got = elements_new(p.f.out, count, &random),
             again = elements_new(p.f.out, count, &random);
    CHECK(fc_filter_taps(&p.f, p.in.data, p.weights.data, got.data, &one_thread) == FC_OK);
    CHECK(fc_filter_taps(&p.f, p.in.data, p.weights.data, again.data, &three_threads) == FC_OK);
    CHECK(array_same(&got.bytes, &again.bytes), "case %d: threads", number);
    int64_t wrong = 0, first = 0;
    for (int64_t i = 0; i < count; i++) {
        double magnitude;
        expect(&p, &want, i, &magnitude);
        if (!agrees(&got, &want, i, magnitude) && !wrong++) first = i;
    }
    CHECK(wrong == 0,
          "case %d: %d axes, op %d, %d to %d by %d: %lld of %lld, first %lld: %.17g, not %.17g",
          number, p.f.ndim, p.f.op, p.f.in, p.f.out, p.f.weight, (long long)wrong, (long long)count,
          (long long)first, element_get(&got, first), element_get(&want, first));
    array_free(&p.in.bytes), array_free(&p.weights.bytes);
    array_free(&want.bytes), array_free(&got.bytes), array_free(&again.bytes);
}

/* Sums of more float32 terms than any cut into runs makes exact enough: of all elements of the
 * window, or of those that are not left out. */
static void float_sums_that_are_not_cut(int64_t height, int64_t width, int64_t left_out) {
    const int64_t shape[2] = {3, 2}, window[2] = {height, width}, offset[2] = {height / 2, 1};
    const fc_border border[2] = {FC_WRAP, FC_REFLECT};
    const float in[6] = {1, -2, 3, 40, -5, 600};
    const fc_footprint f = {.in = FC_FLOAT32,
                            .out = FC_FLOAT32,
                            .weight = FC_FLOAT64,
                            .ndim = 2,
                            .shape = shape,
                            .out_shape = shape,
                            .window = window,
                            .offset = offset,
                            .border = border};
    float out[6];
    double *weights = malloc((size_t)(height * width) * sizeof *weights);
    for (int64_t j = 0; j < height * width; j++)
        weights[j] = (j + 1) % left_out ? (double)(j * j % 37 + 1) / 39 : 0.0;
    CHECK(fc_filter_taps(&f, in, weights, out, &one_thread) == FC_OK);
    for (int64_t i = 0; i < 6; i++) {
        double sum = 0.0, magnitude = 0.0;
        for (int64_t j = 0; j < height * width; j++) {
            const int64_t y = border_walk(FC_WRAP, i / 2 + j / width - offset[0], 3),
                          x = border_walk(FC_REFLECT, i % 2 + j % width - offset[1], 2);
            sum += in[2 * y + x] * weights[j], magnitude += fabs(in[2 * y + x] * weights[j]);
        }
        CHECK(fabs(out[i] - sum) <= 1e-5 * magnitude, "%lld x %lld: %.9g, not %.9g",
              (long long)height, (long long)width, out[i], sum);
    }
    free(weights);
}

/* Weights that float32 has not, or not with all its bits. */
static void weights_beyond_float(void) {
    static const double weights[][2] = {{1e39, 1.0}, {1e-42, 0.0}, {1e-50, 1.0}};
    static const float in[][2] = {{0.0f, 2.0f}, {3e37f, 1.0f}, {3e38f, 0.0f}};
    const int64_t two = 2, one = 1, none = 0;
    const fc_border nearest = FC_NEAREST;
    const fc_footprint f = {.in = FC_FLOAT32,
                            .out = FC_FLOAT32,
                            .weight = FC_FLOAT64,
                            .ndim = 1,
                            .shape = &two,
                            .out_shape = &one,
                            .window = &two,
                            .offset = &none,
                            .border = &nearest,
                            .every = 1};
    for (int i = 0; i < 3; i++) {
        const double *w = weights[i], want = in[i][0] * w[0] + in[i][1] * w[1];
        const fc_pass pass = {.size = 2, .weights = w};
        float out[2] = {NAN, NAN};
        CHECK(fc_filter_taps(&f, in[i], w, out, &one_thread) == FC_OK);
        CHECK(fabs(out[0] - want) <= 1e-5 * fabs(want), "%g, not %g", out[0], want);
        CHECK(fc_filter_passes(FC_FLOAT32, FC_FLOAT32, 1, &two, in[i], 1, &pass, 0.0, out,
                               &one_thread) == FC_OK);
        CHECK(fabs(out[0] - want) <= 1e-5 * fabs(want), "%g, not %g", out[0], want);
    }
}

static void invalid_problems(void) {
    const int64_t three = 3, none = 0;
    const fc_border mirror = FC_MIRROR, unknown = FC_BORDERS;
    const double x[3] = {1, 2, 3};
    double out[3];
    const fc_footprint good = {.in = FC_FLOAT64,
                               .out = FC_FLOAT64,
                               .weight = FC_FLOAT64,
                               .ndim = 1,
                               .shape = &three,
                               .out_shape = &three,
                               .window = &three,
                               .offset = &none,
                               .border = &mirror};
    fc_footprint p = good;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_OK && out[0] == 14.0);
    CHECK(fc_filter_taps(&p, NULL, x, out, NULL) == FC_INVALID_NULL);
    p.ndim = FC_FILTER_DIMS + 1;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_INVALID_SIZE);
    p = good, p.window = &none;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_INVALID_SIZE);
    p = good, p.border = &unknown;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_INVALID_PADDING_MODE);
    p = good, p.weight = FC_INT32;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_INVALID_DTYPE);
    p = good, p.op = FC_WINDOW_MEAN;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_INVALID_VALUE);
    p = good, p.out_shape = &none;
    CHECK(fc_filter_taps(&p, NULL, NULL, NULL, NULL) == FC_OK);
    const int64_t huge = INT64_C(1) << 56; /* what it takes is asked for before it is looked at */
    p = good, p.op = FC_WINDOW_MAX, p.window = &huge;
    CHECK(fc_filter_taps(&p, x, x, out, NULL) == FC_OUT_OF_MEMORY);
}

static void cases(void) {
    /* More lines or planes than are at hand at once, and more float32 terms than one sum may
     * have. */
    static const int64_t large[][3] = {{1, 4500, 2}, {900, 4, 1}, {1, 1, 5000}, {1, 31, 17},
                                       {1, 200, 3},  {6, 6, 6},   {1, 90, 90}};
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 150 : 600); i++) run_case(i, NULL);
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 1 : 3) * 7; i++) run_case(1000 + i, large[i % 7]);
    float_sums_that_are_not_cut(64, 100, INT64_MAX);
    float_sums_that_are_not_cut(53, 110, INT64_MAX);
    float_sums_that_are_not_cut(90, 90, 7);
    float_sums_that_are_not_cut(100, 100, 13);
    weights_beyond_float();
}

void test_filter_taps(void) {
    test_on_each_isa(cases);
    invalid_problems();
}
