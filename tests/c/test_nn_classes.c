/* Softmax, its logarithm, cross-entropy and their gradients against the
 * definitions in long double: random shapes on every instruction set this CPU
 * has, both types; the same bytes on one thread and on three; targets that are
 * no class. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};
enum { IGNORED = -100 };

typedef struct problem {
    fc_classes c;
    int64_t positions, count;
    array x, gy, weight, targets;
    double smoothing, all; /* of all weights the sum */
} problem;

static int64_t at(const fc_classes *c, int64_t position, int64_t class) {
    return (position / c->inner * c->classes + class) * c->inner + position % c->inner;
}

static int64_t target_of(const problem *p, int64_t position) {
    return ((const int64_t *)p->targets.data)[position];
}

static problem draw(fc_classes c, uint64_t *random) {
    problem p = {.c = c, .positions = c.outer * c.inner, .count = c.outer * c.inner * c.classes};
    p.x = array_random(c.dtype, p.count, random, 0);
    p.gy = array_random(c.dtype, p.count, random, 0);
    for (int64_t i = 0; i < p.count; i++) array_put(&p.x, i, 20 * array_at(&p.x, i));
    p.weight = array_random(c.dtype, c.classes, random, POSITIVE);
    for (int64_t k = 0; k < c.classes; k++) p.all += array_at(&p.weight, k);
    const double smoothings[] = {0, 0, 0.125, 1};
    p.smoothing = smoothings[test_random_in(random, 0, 3)];
    p.targets = array_indices(p.positions, random);
    for (int64_t i = 0; i < p.positions; i++)
        ((int64_t *)p.targets.data)[i] =
            test_random_in(random, 0, 6) ? test_random_in(random, 0, c.classes - 1) : IGNORED;
    return p;
}

static void drop(problem *p) {
    array_free(&p->x);
    array_free(&p->gy);
    array_free(&p->weight);
    array_free(&p->targets);
}

/* log softmax of a position. */
static void exact_logs(const problem *p, int64_t position, long double *logs) {
    long double m = -INFINITY, s = 0;
    for (int64_t k = 0; k < p->c.classes; k++) {
        logs[k] = (long double)array_at(&p->x, at(&p->c, position, k));
        if (logs[k] > m) m = logs[k];
    }
    for (int64_t k = 0; k < p->c.classes; k++) s += expl(logs[k] - m);
    for (int64_t k = 0; k < p->c.classes; k++) logs[k] = logs[k] - m - logl(s);
}

static int close_to(fc_dtype dtype, double value, long double expected, double magnitude) {
    const double unit = dtype == FC_F32 ? FLT_EPSILON : DBL_EPSILON;
    return fabsl((long double)value - expected) <= 16 * unit * (fabs(magnitude) + 1e-30);
}

static void check_values(const problem *p, const array *soft, const array *logsoft,
                         const array *losses, const double sums[2]) {
    long double logs[5000], total = 0, weights = 0;
    int64_t wrong = 0;
    for (int64_t i = 0; i < p->positions; i++) {
        exact_logs(p, i, logs);
        for (int64_t k = 0; k < p->c.classes; k++) {
            const double e = (double)expl(logs[k]); /* x - m is rounded, and may be 40 */
            wrong += !close_to(p->c.dtype, array_at(soft, at(&p->c, i, k)), expl(logs[k]), 4 * e);
            wrong += !close_to(p->c.dtype, array_at(logsoft, at(&p->c, i, k)), logs[k], 40);
        }
        long double own = 0, rest = 0;
        if (target_of(p, i) != IGNORED) {
            const long double w = (long double)array_at(&p->weight, target_of(p, i));
            const long double e = (long double)p->smoothing;
            for (int64_t k = 0; k < p->c.classes; k++)
                rest -= (long double)array_at(&p->weight, k) * logs[k];
            own = (1 - e) * -w * logs[target_of(p, i)] + e * rest / (long double)p->c.classes;
            total += own;
            weights += w;
        }
        wrong += !close_to(p->c.dtype, array_at(losses, i), own, own == 0 ? 0 : 40);
    }
    wrong += !close_to(p->c.dtype, sums[0], total, 40 * (double)p->positions);
    wrong += !close_to(p->c.dtype, sums[1], weights, (double)p->positions);
    CHECK(wrong == 0, "%ld x %ld x %ld: %ld wrong", (long)p->c.outer, (long)p->c.classes,
          (long)p->c.inner, (long)wrong);
}

static void check_gradients(const problem *p, const array *soft, const array *grads,
                            const array *each) {
    long double logs[5000];
    int64_t wrong = 0;
    for (int64_t i = 0; i < p->positions; i++) {
        long double sum = 0, dot = 0, size = 0;
        exact_logs(p, i, logs);
        for (int64_t k = 0; k < p->c.classes; k++) {
            const long double g = (long double)array_at(&p->gy, at(&p->c, i, k));
            sum += g;
            dot += g * expl(logs[k]);
            size += fabsl(g);
        }
        for (int64_t k = 0; k < p->c.classes; k++) {
            const int64_t j = at(&p->c, i, k), t = target_of(p, i);
            const long double g = (long double)array_at(&p->gy, j), e = expl(logs[k]);
            wrong += !close_to(p->c.dtype, array_at(&grads[0], j), e * (g - dot),
                               (double)(4 * e * size));
            wrong += !close_to(p->c.dtype, array_at(&grads[1], j), g - e * sum,
                               (double)(fabsl(g) + 30 * e * size));
            /* From the softmax that was given. */
            const double f = array_at(soft, j), k2 = t == IGNORED ? 0 : 0.125 * array_at(each, i),
                         smooth = k2 * p->smoothing / (double)p->c.classes,
                         own = k2 * (1 - p->smoothing) * array_at(&p->weight, t < 0 ? 0 : t) *
                               (f - (k == t)),
                         pull = smooth * array_at(&p->weight, k);
            wrong += !close_to(p->c.dtype, array_at(&grads[2], j),
                               (long double)(own + smooth * p->all * f - pull),
                               fabs(own) + fabs(smooth * p->all * f) + fabs(pull));
        }
    }
    CHECK(wrong == 0, "gradients, %ld x %ld x %ld: %ld wrong", (long)p->c.outer, (long)p->c.classes,
          (long)p->c.inner, (long)wrong);
}

typedef struct results {
    array soft, logsoft, p, losses, grads[3];
    double sums[2];
} results;

static results run(const problem *p, const array *each, const fc_call *call, uint64_t *random) {
    const fc_classes *c = &p->c;
    const fc_targets targets = {p->targets.data, IGNORED, p->weight.data, p->smoothing};
    results r = {.soft = array_new(c->dtype, p->count, random),
                 .logsoft = array_new(c->dtype, p->count, random),
                 .p = array_new(c->dtype, p->count, random),
                 .losses = array_new(c->dtype, p->positions, random)};
    for (int i = 0; i < 3; i++) r.grads[i] = array_new(c->dtype, p->count, random);
    CHECK(fc_softmax(c, p->x.data, r.soft.data, call) == FC_OK);
    CHECK(fc_log_softmax(c, p->x.data, r.logsoft.data, call) == FC_OK);
    CHECK(fc_cross_entropy(c, p->x.data, &targets, r.losses.data, r.p.data, r.sums, call) == FC_OK);
    CHECK(fc_softmax_grad(c, p->gy.data, r.soft.data, r.grads[0].data, call) == FC_OK);
    CHECK(fc_log_softmax_grad(c, p->gy.data, r.logsoft.data, r.grads[1].data, call) == FC_OK);
    CHECK(fc_cross_entropy_grad(c, r.p.data, &targets, each->data, 0.125, r.grads[2].data, call) ==
          FC_OK);
    return r;
}

static void free_results(results *r) {
    array_free(&r->soft);
    array_free(&r->logsoft);
    array_free(&r->p);
    array_free(&r->losses);
    for (int i = 0; i < 3; i++) array_free(&r->grads[i]);
}

static void check_problem(fc_classes c, uint64_t *random) {
    problem p = draw(c, random);
    array each = array_random(c.dtype, p.positions, random, 0);
    results one = run(&p, &each, &one_thread, random),
            three = run(&p, &each, &three_threads, random);
    double sums[2];
    const fc_targets targets = {p.targets.data, IGNORED, p.weight.data, p.smoothing};
    CHECK(array_same(&one.soft, &three.soft) && array_same(&one.logsoft, &three.logsoft));
    CHECK(array_same(&one.losses, &three.losses) && array_same(&one.soft, &one.p));
    for (int i = 0; i < 3; i++) CHECK(array_same(&one.grads[i], &three.grads[i]));
    CHECK(one.sums[0] == three.sums[0] && one.sums[1] == three.sums[1]);
    CHECK(fc_cross_entropy(&c, p.x.data, &targets, NULL, NULL, sums, NULL) == FC_OK);
    CHECK(sums[0] == one.sums[0] && sums[1] == one.sums[1]);
    check_values(&p, &one.soft, &one.logsoft, &one.losses, one.sums);
    check_gradients(&p, &one.p, one.grads, &each);
    free_results(&one);
    free_results(&three);
    array_free(&each);
    drop(&p);
}

/* An infinite maximum, a NaN, nothing but -inf: NaN all over the position, and
 * only there. */
static void check_not_finite(fc_dtype dtype) {
    enum { CLASSES = 5 };
    const double bad[] = {INFINITY, NAN, -INFINITY};
    for (int64_t inner = 1; inner < 4; inner += 2) {
        uint64_t random = 8;
        const fc_classes c = {dtype, 6, CLASSES, inner};
        problem p = draw(c, &random);
        array y = array_new(dtype, p.count, &random);
        for (int i = 0; i < 3; i++)
            for (int64_t k = i == 2 ? 0 : 2; k < (i == 2 ? CLASSES : 3); k++)
                array_put(&p.x, at(&c, i * inner, k), bad[i]);
        array_put(&p.x, at(&c, 3 * inner, 1), -INFINITY); /* one of them is an exponential of 0 */
        CHECK(fc_softmax(&c, p.x.data, y.data, NULL) == FC_OK);
        for (int64_t i = 0; i < p.positions; i++)
            for (int64_t k = 0; k < CLASSES; k++)
                CHECK(isnan(array_at(&y, at(&c, i, k))) == (i % inner == 0 && i / inner < 3));
        CHECK(array_at(&y, at(&c, 3 * inner, 1)) == 0);
        array_free(&y);
        drop(&p);
    }
}

static void check_all(void) {
    uint64_t random = 21;
    for (int dtype = 0; dtype < 2; dtype++) {
        for (int i = 0; i < (getenv("FC_TEST_EMULATED") ? 10 : 60); i++) {
            fc_classes c = {(fc_dtype)dtype, test_random_in(&random, 1, 9),
                            test_random_in(&random, 1, 40),
                            test_random_in(&random, 0, 1) ? 1 : test_random_in(&random, 2, 70)};
            check_problem(c, &random);
        }
        check_not_finite((fc_dtype)dtype);
        if (getenv("FC_TEST_EMULATED")) continue; /* takes minutes */
        check_problem((fc_classes){(fc_dtype)dtype, 4000, 10, 1}, &random);
        check_problem((fc_classes){(fc_dtype)dtype, 20, 5000, 1}, &random);
        check_problem((fc_classes){(fc_dtype)dtype, 2, 21, 1500}, &random);
    }
}

static void check_refusals(void) {
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6];
    double sums[2];
    const int64_t good[2] = {0, 2}, high[2] = {0, 3}, low[2] = {-1, 2};
    const fc_classes c = {FC_F32, 2, 3, 1}, none = {FC_F32, 0, 3, 1};
    CHECK(fc_softmax(NULL, x, y, NULL) == FC_INVALID_NULL);
    CHECK(fc_softmax(&(fc_classes){(fc_dtype)5, 2, 3, 1}, x, y, NULL) == FC_INVALID_DTYPE);
    CHECK(fc_softmax(&(fc_classes){FC_F32, 2, 0, 1}, x, y, NULL) == FC_INVALID_SIZE);
    CHECK(fc_softmax(&(fc_classes){FC_F32, INT64_MAX / 2, 3, 1}, x, y, NULL) == FC_INVALID_SIZE);
    CHECK(fc_softmax(&c, x, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_softmax(&none, NULL, NULL, NULL) == FC_OK);
    CHECK(fc_cross_entropy(&c, x, &(fc_targets){good, -1, NULL, 0}, y, y, sums, NULL) == FC_OK);
    CHECK(fc_cross_entropy(&c, x, &(fc_targets){high, -1, NULL, 0}, y, NULL, sums, NULL) ==
          FC_INVALID_INDEX);
    CHECK(fc_cross_entropy(&c, x, &(fc_targets){low, 3, NULL, 0}, y, NULL, sums, NULL) ==
          FC_INVALID_INDEX);
    CHECK(fc_cross_entropy(&c, x, &(fc_targets){low, -1, NULL, 0}, y, NULL, sums, NULL) == FC_OK);
    for (int i = 0; i < 2; i++) {
        const fc_targets smooth = {good, -1, NULL, i ? -0.1 : 1.1};
        CHECK(fc_cross_entropy(&c, x, &smooth, y, NULL, sums, NULL) == FC_INVALID_VALUE);
        CHECK(fc_cross_entropy_grad(&c, x, &smooth, NULL, 1, y, NULL) == FC_INVALID_VALUE);
    }
    CHECK(fc_cross_entropy_grad(&c, x, &(fc_targets){high, -1, NULL, 0}, NULL, 1, y, NULL) ==
          FC_INVALID_INDEX);
    CHECK(fc_cross_entropy(&none, NULL, &(fc_targets){NULL, -1, NULL, 0}, NULL, NULL, sums, NULL) ==
              FC_OK &&
          sums[0] == 0 && sums[1] == 0);
}

void test_nn_classes(void) {
    check_refusals();
    test_on_each_isa(check_all);
}
