/* Pooling, its gradients and its inverse against their definitions: random small problems on every
 * instruction set this CPU has, both types and layouts; invalid problems. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

/* ---- Windows --------------------------------------------------------------------------------- */

typedef struct window {
    int64_t count, *inside; /* flat input positions, in row-major order */
    int64_t padded;         /* size within the padded input */
} window;

/* Positions of one axis; how many lie within the padded input goes to `padded`. */
static int64_t axis_window(const fc_pool *p, int adaptive, int axis, int64_t o, int64_t *positions,
                           int64_t *padded) {
    const int64_t input = p->input[axis], output = p->output[axis];
    int64_t count = 0;
    *padded = 0;
    if (adaptive) {
        for (int64_t i = o * input / output; i < ((o + 1) * input + output - 1) / output; i++)
            positions[count++] = i;
        *padded = count;
        return count;
    }
    for (int64_t t = 0; t < p->kernel[axis]; t++) {
        int64_t i = o * p->stride[axis] + t * p->dilation[axis] - p->pad[axis];
        if (i >= 0 && i < input) positions[count++] = i;
        *padded += i < input + p->pad[axis];
    }
    return count;
}

static window window_of(const fc_pool *p, int adaptive, const int64_t o[3]) {
    int64_t positions[3][800], count[3], padded[3];
    for (int i = 0; i < 3; i++)
        count[i] = axis_window(p, adaptive, i, o[i], positions[i], &padded[i]);
    window w = {.padded = volume(padded),
                .inside = malloc((size_t)(volume(count) + 1) * sizeof(int64_t))};
    for (int64_t i = 0; i < volume(count); i++) {
        int64_t at[3];
        unravel(i, count, at);
        w.inside[w.count++] =
            (positions[0][at[0]] * p->input[1] + positions[1][at[1]]) * p->input[2] +
            positions[2][at[2]];
    }
    return w;
}

/* ---- Random problems ------------------------------------------------------------------------- */

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

static int holds(const fc_pool *p) {
    int64_t positions[64], padded;
    for (int i = 0; i < 3; i++) {
        if (p->output[i] < 1) return 0;
        for (int64_t o = 0; o < p->output[i]; o++)
            if (axis_window(p, 0, i, o, positions, &padded) == 0) return 0;
    }
    return 1;
}

static void draw_axis(fc_pool *p, int i, int dilated, uint64_t *random) {
    p->kernel[i] = draw(random, 1, draw(random, 0, 3) ? 4 : 7);
    p->stride[i] = draw(random, 1, draw(random, 0, 3) ? 3 : 6);
    p->dilation[i] = dilated ? draw(random, 1, 2) : 1;
    p->pad[i] = draw(random, 0, p->kernel[i] / 2);
    p->input[i] = draw(random, 1, draw(random, 0, 3) ? 12 : 60);
    int64_t room = p->input[i] + 2 * p->pad[i] - p->dilation[i] * (p->kernel[i] - 1) - 1;
    int64_t up = draw(random, 0, 1) * (p->stride[i] - 1); /* ceil mode */
    p->output[i] = room + up < 0 ? 0 : (room + up) / p->stride[i] + 1;
    if ((p->output[i] - 1) * p->stride[i] >= p->input[i] + p->pad[i]) p->output[i]--;
}

static fc_pool draw_problem(uint64_t *random, int dilated) {
    for (;;) {
        fc_pool p = {.dtype = (fc_dtype)draw(random, 0, 1),
                     .layout = (fc_layout)draw(random, 0, 1),
                     .batch = draw(random, 1, 3),
                     .channels = draw(random, 1, draw(random, 0, 3) ? 5 : 40)};
        int rank = (int)draw(random, 1, 3);
        for (int i = 0; i < 3; i++) {
            if (i < 3 - rank)
                p.input[i] = p.kernel[i] = p.stride[i] = p.dilation[i] = p.output[i] = 1;
            else draw_axis(&p, i, dilated, random);
        }
        double work = (double)(p.batch * p.channels * volume(p.output) * volume(p.kernel));
        if (work < 60000 && holds(&p)) return p;
    }
}

/* Planes that are taken in bands of rows, many at a time. */
static fc_pool draw_tall(uint64_t *random, int dilated) {
    for (;;) {
        fc_pool p = {.dtype = (fc_dtype)draw(random, 0, 1),
                     .layout = FC_CHANNELS_FIRST,
                     .batch = draw(random, 1, 2),
                     .channels = draw(random, 9, 24),
                     .input = {1},
                     .kernel = {1},
                     .stride = {1},
                     .dilation = {1},
                     .output = {1}};
        for (int i = 1; i < 3; i++) {
            draw_axis(&p, i, dilated, random);
            p.input[i] = i == 1 ? draw(random, 300, 700) : draw(random, 5, 14);
            const int64_t extent = p.dilation[i] * (p.kernel[i] - 1) + 1;
            p.output[i] = (p.input[i] + 2 * p.pad[i] - extent) / p.stride[i] + 1;
        }
        if (holds(&p)) return p;
    }
}

/* ---- The definitions ------------------------------------------------------------------------- */

enum { MAX, AVG, LP };

typedef struct test_case {
    int number, adaptive, include_pad;
    int64_t divisor;
    double norm;
    fc_pool p;
    array x, gy, indices;
    double *y, *y_magnitude, *gx, *gx_magnitude;
    int64_t *where;
} test_case;

static int64_t in_count(const fc_pool *p) { return p->batch * p->channels * volume(p->input); }
static int64_t out_count(const fc_pool *p) { return p->batch * p->channels * volume(p->output); }

/* The window's elements in `x`, by their offsets. */
static int64_t element(const fc_pool *p, int64_t n, int64_t c, int64_t flat) {
    int64_t position[3];
    unravel(flat, p->input, position);
    return offset_of(p->layout, p->channels, p->input, n, c, position);
}

static void define_max(test_case *t, const window *w, int64_t n, int64_t c, int64_t out) {
    int64_t best = 0;
    for (int64_t i = 1; i < w->count; i++) {
        double value = array_at(&t->x, element(&t->p, n, c, w->inside[i]));
        double most = array_at(&t->x, element(&t->p, n, c, w->inside[best]));
        if (!isnan(most) && (isnan(value) || value > most)) best = i;
    }
    int64_t from = element(&t->p, n, c, w->inside[best]);
    t->where[out] = w->inside[best];
    t->y[out] = array_at(&t->x, from);
    t->gx[from] += array_at(&t->gy, out);
    t->gx_magnitude[from] += fabs(array_at(&t->gy, out));
}

static void define_avg(test_case *t, const window *w, int64_t n, int64_t c, int64_t out) {
    double divisor = (double)(t->divisor ? t->divisor : t->include_pad ? w->padded : w->count);
    for (int64_t i = 0; i < w->count; i++) {
        int64_t from = element(&t->p, n, c, w->inside[i]);
        t->y[out] += array_at(&t->x, from) / divisor;
        t->y_magnitude[out] += fabs(array_at(&t->x, from) / divisor);
        t->gx[from] += array_at(&t->gy, out) / divisor;
        t->gx_magnitude[from] += fabs(array_at(&t->gy, out) / divisor);
    }
}

/* Positive elements only: signs and zeros are torch's, and compared with torch. */
static void define_lp(test_case *t, const window *w, int64_t n, int64_t c, int64_t out) {
    double sum = 0, scale = (double)volume(t->p.kernel) / (double)w->padded;
    for (int64_t i = 0; i < w->count; i++)
        sum += pow(array_at(&t->x, element(&t->p, n, c, w->inside[i])), t->norm);
    t->y[out] = t->y_magnitude[out] = pow(sum * scale, 1 / t->norm);
    for (int64_t i = 0; i < w->count; i++) {
        int64_t from = element(&t->p, n, c, w->inside[i]);
        double slope = scale * pow(array_at(&t->x, from) / t->y[out], t->norm - 1);
        t->gx[from] += array_at(&t->gy, out) * slope;
        t->gx_magnitude[from] += fabs(array_at(&t->gy, out) * slope);
    }
}

static void define(test_case *t, int operator) {
    const fc_pool *p = &t->p;
    int64_t o[3];
    for (int64_t flat = 0; flat < volume(p->output); flat++) {
        unravel(flat, p->output, o);
        window w = window_of(p, t->adaptive, o);
        for (int64_t n = 0; n < p->batch; n++)
            for (int64_t c = 0; c < p->channels; c++) {
                int64_t out = offset_of(p->layout, p->channels, p->output, n, c, o);
                if (operator == MAX) define_max(t, &w, n, c, out);
                else if (operator == AVG) define_avg(t, &w, n, c, out);
                else define_lp(t, &w, n, c, out);
            }
        free(w.inside);
    }
}

/* ---- One case -------------------------------------------------------------------------------- */

static test_case begin(int number, int operator, uint64_t *random) {
    const int dilated = operator == MAX;
    test_case t = {.number = number,
                   .p = number % 30 == 29 ? draw_tall(random, dilated)
                                          : draw_problem(random, dilated)};
    const fc_pool *p = &t.p;
    t.adaptive = operator != LP && draw(random, 0, 3) == 0;
    t.include_pad = (int)draw(random, 0, 1);
    t.divisor = t.adaptive || draw(random, 0, 3) ? 0 : draw(random, 1, 7);
    t.norm = (double)draw(random, 2, 6) / 2;
    if (t.adaptive)
        for (int i = 0; i < 3; i++) t.p.output[i] = draw(random, 1, t.p.input[i] == 1 ? 1 : 6);
    if (t.adaptive) t.divisor = 0;
    if (operator == LP)
        for (int i = 0; i < 3; i++) { /* as torch has no padding there */
            t.p.pad[i] = 0;
            while (t.p.output[i] > 1 && (t.p.output[i] - 1) * t.p.stride[i] >= t.p.input[i])
                t.p.output[i]--;
        }
    t.x = array_random(p->dtype, in_count(p), random,
                       operator == LP       ? POSITIVE
                       : draw(random, 0, 1) ? INTEGERS
                                            : 0);
    for (int i = 0; operator == MAX && number % 3 == 0 && i < 3; i++)
        array_put(&t.x, draw(random, 0, t.x.count - 1), NAN);
    t.gy = array_random(p->dtype, out_count(p), random, number % 2 ? INTEGERS : 0);
    t.indices = array_indices(out_count(p), random);
    t.y = calloc((size_t)out_count(p), sizeof(double));
    t.y_magnitude = calloc((size_t)out_count(p), sizeof(double));
    t.where = calloc((size_t)out_count(p), sizeof(int64_t));
    t.gx = calloc((size_t)in_count(p), sizeof(double));
    t.gx_magnitude = calloc((size_t)in_count(p), sizeof(double));
    define(&t, operator);
    return t;
}

static void end(test_case *t) {
    array_free(&t->x);
    array_free(&t->gy);
    array_free(&t->indices);
    free(t->y);
    free(t->y_magnitude);
    free(t->where);
    free(t->gx);
    free(t->gx_magnitude);
}

static fc_status forward(test_case *t, int operator, array *y, int64_t *indices,
                         const fc_call *call) {
    if (operator == LP) return fc_lp_pool(&t->p, t->norm, t->x.data, y->data, call);
    if (operator == AVG && t->adaptive)
        return fc_adaptive_avg_pool(&t->p, t->x.data, y->data, call);
    if (operator == AVG)
        return fc_avg_pool(&t->p, t->include_pad, t->divisor, t->x.data, y->data, call);
    if (t->adaptive) return fc_adaptive_max_pool(&t->p, t->x.data, y->data, indices, call);
    return fc_max_pool(&t->p, t->x.data, y->data, indices, call);
}

static fc_status backward(test_case *t, int operator, const array *y, array *gx,
                          const fc_call *call) {
    if (operator == MAX)
        return fc_max_pool_grad(&t->p, t->gy.data, t->indices.data, gx->data, call);
    if (operator == LP)
        return fc_lp_pool_grad(&t->p, t->norm, t->gy.data, t->x.data, y->data, gx->data, call);
    if (t->adaptive) return fc_adaptive_avg_pool_grad(&t->p, t->gy.data, gx->data, call);
    return fc_avg_pool_grad(&t->p, t->include_pad, t->divisor, t->gy.data, gx->data, call);
}

static void check_indices(const test_case *t) {
    int64_t wrong = 0;
    for (int64_t i = 0; i < t->indices.count; i++)
        wrong += ((const int64_t *)t->indices.data)[i] != t->where[i];
    CHECK(wrong == 0, "case %d: %ld indices", t->number, (long)wrong);
}

static void check_unpool(test_case *t, array *out) {
    double *expected = calloc((size_t)out->count, sizeof *expected);
    int64_t o[3];
    for (int64_t flat = 0; flat < volume(t->p.output); flat++) {
        unravel(flat, t->p.output, o);
        for (int64_t n = 0; n < t->p.batch; n++)
            for (int64_t c = 0; c < t->p.channels; c++) {
                int64_t from = offset_of(t->p.layout, t->p.channels, t->p.output, n, c, o);
                expected[element(&t->p, n, c, t->where[from])] = array_at(&t->gy, from);
            }
    }
    array_fill(out);
    CHECK(fc_max_unpool(&t->p, t->gy.data, t->indices.data, out->data, &three_threads) == FC_OK);
    array_check(out, expected, NULL, 0, "unpool", t->number);
    free(expected);

    int64_t *last = (int64_t *)t->indices.data + t->indices.count - 1, kept = *last;
    static const int64_t beyond[] = {-1, INT64_MIN, INT64_MAX, 0};
    for (int i = 0; i < 4; i++) {
        *last = beyond[i] ? beyond[i] : volume(t->p.input);
        array_fill(out);
        CHECK(fc_max_unpool(&t->p, t->gy.data, t->indices.data, out->data, NULL) ==
              FC_INVALID_INDEX);
        CHECK(fc_max_pool_grad(&t->p, t->gy.data, t->indices.data, out->data, NULL) ==
              FC_INVALID_INDEX);
    }
    *last = kept;
}

static void run_case(int number, int operator) {
    static const char *const names[][2] = {
        {"max", "max grad"}, {"avg", "avg grad"}, {"lp", "lp grad"}};
    uint64_t random = (uint64_t)(number * 3 + operator) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    long failures = test_failures;
    test_case t = begin(number, operator, &random);
    array y = array_new(t.p.dtype, out_count(&t.p), &random),
          again = array_new(t.p.dtype, y.count, &random);
    array gx = array_new(t.p.dtype, in_count(&t.p), &random),
          gx_again = array_new(t.p.dtype, gx.count, &random);
    /* A power costs more than a product. */
    const int64_t terms = operator == MAX   ? 0
                          : operator == AVG ? volume(t.p.input)
                                            : 60 + 4 * volume(t.p.kernel);

    CHECK(forward(&t, operator, &y, NULL, &one_thread) == FC_OK);
    array_check(&y, t.y, t.y_magnitude, terms, names[operator][0], number);
    CHECK(forward(&t, operator, &again, operator == MAX ? t.indices.data : NULL, &three_threads) ==
          FC_OK);
    if (operator == MAX) check_indices(&t);
    if (operator == MAX) array_check(&again, t.y, NULL, 0, "max with indices", number);
    else
        CHECK(array_same(&y, &again), "%s, case %d: threads change bytes", names[operator][0],
              number);

    CHECK(backward(&t, operator, &y, &gx, &one_thread) == FC_OK);
    array_check(&gx, t.gx, t.gx_magnitude, operator == MAX ? volume(t.p.output) : terms,
                names[operator][1], number);
    CHECK(backward(&t, operator, &y, &gx_again, &three_threads) == FC_OK);
    CHECK(array_same(&gx, &gx_again), "%s, case %d: threads change bytes", names[operator][1],
          number);
    if (operator == MAX) check_unpool(&t, &gx);
    if (test_failures > failures)
        for (int i = 0; i < 3; i++)
            fprintf(stderr,
                    "  layout %d adaptive %d batch %ld channels %ld input %ld kernel %ld stride "
                    "%ld dilation %ld "
                    "pad %ld output %ld\n",
                    t.p.layout, t.adaptive, (long)t.p.batch, (long)t.p.channels, (long)t.p.input[i],
                    (long)t.p.kernel[i], (long)t.p.stride[i], (long)t.p.dilation[i],
                    (long)t.p.pad[i], (long)t.p.output[i]);
    array_free(&y);
    array_free(&again);
    array_free(&gx);
    array_free(&gx_again);
    end(&t);
}

/* ---- Invalid problems ------------------------------------------------------------------------ */

static fc_pool valid_problem(void) {
    return (fc_pool){.batch = 1,
                     .channels = 2,
                     .input = {1, 6, 6},
                     .kernel = {1, 3, 3},
                     .stride = {1, 2, 2},
                     .dilation = {1, 1, 1},
                     .pad = {0, 1, 1},
                     .output = {1, 3, 3}};
}

static void expect_status(const fc_pool *p, fc_status windowed, fc_status sized, int number) {
    uint64_t random = 3;
    array in = array_new(FC_F64, 4096, &random), out = array_new(FC_F64, 4096, &random);
    memset(in.data, 0, 4096 * 8);
    const void *a = in.data;
    void *y = out.data;
    CHECK(fc_max_pool(p, a, y, NULL, NULL) == windowed, "invalid %d", number);
    CHECK(fc_avg_pool(p, 1, 0, a, y, NULL) == windowed, "invalid %d", number);
    CHECK(fc_avg_pool_grad(p, 1, 0, a, y, NULL) == windowed, "invalid %d", number);
    CHECK(fc_lp_pool(p, 2, a, y, NULL) == windowed, "invalid %d", number);
    CHECK(fc_lp_pool_grad(p, 2, a, a, a, y, NULL) == windowed, "invalid %d", number);
    CHECK(array_untouched(&out), "invalid %d", number);
    CHECK(fc_adaptive_avg_pool(p, a, y, NULL) == sized, "invalid %d", number);
    CHECK(fc_adaptive_avg_pool_grad(p, a, y, NULL) == sized, "invalid %d", number);
    CHECK(fc_adaptive_max_pool(p, a, y, NULL, NULL) == sized, "invalid %d", number);
    CHECK(fc_max_pool_grad(p, a, a, y, NULL) == sized, "invalid %d", number);
    CHECK(fc_max_unpool(p, a, a, y, NULL) == sized, "invalid %d", number);
    CHECK(sized == FC_OK || array_untouched(&out), "invalid %d", number);
    array_free(&in);
    array_free(&out);
}

#define WRONG(status, sized, field, value) {status, sized, offsetof(fc_pool, field), value}

static const struct {
    fc_status windowed, sized; /* of operators that read the window, and that do not */
    size_t offset;
    int64_t value;
} invalids[] = {
    WRONG(FC_INVALID_SIZE, FC_INVALID_SIZE, batch, -1),
    WRONG(FC_INVALID_SIZE, FC_INVALID_SIZE, channels, 0),
    WRONG(FC_INVALID_SIZE, FC_INVALID_SIZE, input[1], 0),
    WRONG(FC_INVALID_SIZE, FC_INVALID_SIZE, input[2], INT64_MAX),
    WRONG(FC_INVALID_OUTPUT_SIZE, FC_INVALID_OUTPUT_SIZE, output[1], 0),
    WRONG(FC_INVALID_OUTPUT_SIZE, FC_OK, output[1], 5),
    WRONG(FC_INVALID_SIZE, FC_OK, kernel[1], 0),
    WRONG(FC_INVALID_STRIDE, FC_OK, stride[2], 0),
    WRONG(FC_INVALID_DILATION, FC_OK, dilation[2], 0),
    WRONG(FC_INVALID_PADDING, FC_OK, pad[1], 2),
    WRONG(FC_INVALID_PADDING, FC_OK, pad[1], -1),
};

static void invalid_problems(void) {
    for (int i = 0; i < (int)(sizeof invalids / sizeof *invalids); i++) {
        fc_pool p = valid_problem();
        memcpy((char *)&p + invalids[i].offset, &invalids[i].value, sizeof invalids[i].value);
        expect_status(&p, invalids[i].windowed, invalids[i].sized, i);
    }
    expect_status(NULL, FC_INVALID_NULL, FC_INVALID_NULL, -1);
    fc_pool p = valid_problem();
    p.dtype = (fc_dtype)-1;
    expect_status(&p, FC_INVALID_DTYPE, FC_INVALID_DTYPE, -2);
    p = valid_problem();
    p.layout = (fc_layout)3;
    expect_status(&p, FC_INVALID_LAYOUT, FC_INVALID_LAYOUT, -3);
}

static void invalid_arguments(void) {
    const fc_pool p = valid_problem();
    float some[72] = {0};
    int64_t indices[18] = {0};
    CHECK(fc_max_pool(&p, NULL, some, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_max_pool(&p, some, NULL, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_avg_pool(&p, 1, 0, some, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_avg_pool_grad(&p, 1, 0, NULL, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_max_pool_grad(&p, some, NULL, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_max_unpool(&p, NULL, indices, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_adaptive_max_pool(&p, NULL, some, NULL, NULL) == FC_INVALID_NULL);
    static const double norms[] = {0, -1, NAN, HUGE_VAL};
    for (int i = 0; i < 4; i++) {
        CHECK(fc_lp_pool(&p, norms[i], some, some, NULL) == FC_INVALID_VALUE);
        CHECK(fc_lp_pool_grad(&p, norms[i], some, some, some, some, NULL) == FC_INVALID_VALUE);
    }
}

static void cases(void) {
    for (int i = 0; i < (TEST_UNDER_SANITIZER ? 80 : 300); i++)
        for (int kind = MAX; kind <= LP; kind++) run_case(i, kind);
}

void test_pool(void) {
    test_on_each_isa(cases);
    invalid_problems();
    invalid_arguments();
}
