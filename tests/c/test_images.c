/* Batches of small images, which the direct algorithm computes with the images in the vectors: the
 * bytes are those of every image by itself. */
#include <math.h>

#include "arrays.h"
#include "conv/algorithms.h"
#include "conv/images.h"
#include "fastconv.h"
#include "runtime/scratch.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

/* The largest input and kernel along an axis, by the number of axes. */
static const int64_t most_input[] = {0, 60, 20, 7}, most_kernel[] = {0, 9, 6, 3};

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

static fc_conv draw_problem(uint64_t *random) {
    fc_conv p = {.dtype = (fc_dtype)draw(random, 0, 1),
                 .layout = FC_CHANNELS_FIRST,
                 .batch = draw(random, 5, 75),
                 .groups = draw(random, 0, 2) ? 1 : 2};
    const int rank = (int)draw(random, 1, 3);
    p.in_channels = p.groups * draw(random, 1, 5);
    p.out_channels = p.groups * draw(random, 1, 17);
    p.clamp = draw(random, 0, 2) == 0;
    p.max = p.clamp ? 3 : 0;
    for (int i = 0; i < 3; i++) {
        p.input[i] = p.kernel[i] = p.stride[i] = p.dilation[i] = p.output[i] = 1;
        if (i < 3 - rank) continue;
        p.input[i] = draw(random, 2, most_input[rank]);
        p.kernel[i] = draw(random, 1, most_kernel[rank]);
        p.stride[i] = draw(random, 0, 2) ? 1 : 2;
        p.dilation[i] = draw(random, 0, 3) ? 1 : 2;
        p.pad_before[i] = draw(random, 0, p.kernel[i]);
        p.pad_after[i] = draw(random, 0, p.kernel[i]);
        int64_t span = (p.kernel[i] - 1) * p.dilation[i] + 1;
        const int64_t all = p.input[i] + p.pad_before[i] + p.pad_after[i];
        if (span > all) p.kernel[i] = span = p.dilation[i] = 1;
        p.output[i] = (all - span) / p.stride[i] + 1;
    }
    return p;
}

/* What is not finite here and there. */
static void spoil(array *a, uint64_t *random) {
    static const double values[] = {INFINITY, -INFINITY, NAN};
    for (int i = 0; i < 3; i++) array_put(a, draw(random, 0, a->count - 1), values[i]);
}

typedef struct operator{
    const char *name;
    fc_status (*run)(const fc_conv *p, const void *x, const void *w, const void *bias, void *y,
                     const fc_call *call);
}
operator;

static fc_status forward(const fc_conv *p, const void *x, const void *w, const void *bias, void *y,
                         const fc_call *call) {
    return fc_conv_forward(p, FC_DIRECT, x, w, bias, y, call);
}

static fc_status planned(const fc_conv *p, const void *x, const void *w, const void *bias, void *y,
                         const fc_call *call) {
    fc_plan *plan = NULL;
    fc_status status = fc_plan_create(p, FC_DIRECT, w, bias, &plan);
    if (status == FC_OK) status = fc_plan_run(plan, x, y, call);
    fc_plan_destroy(plan);
    return status;
}

static fc_status grad_input(const fc_conv *p, const void *x, const void *w, const void *bias,
                            void *y, const fc_call *call) {
    return fc_conv_grad_input(p, w, x, bias, y, call);
}

static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* Every image by itself. */
static void check_alone(const operator* op, const fc_conv *p, const array *x, const array *w,
                        const array *bias, const array *y, int number, uint64_t *random) {
    fc_conv alone = *p;
    alone.batch = 1;
    const int64_t in = x->count / p->batch, out = y->count / p->batch;
    array one = array_new(p->dtype, in, random), result = array_new(p->dtype, out, random);
    int64_t differ = 0;
    for (int64_t n = 0; n < p->batch; n++) {
        for (int64_t i = 0; i < in; i++) array_put(&one, i, array_at(x, n * in + i));
        CHECK(op->run(&alone, one.data, w->data, bias->data, result.data, &one_thread) == FC_OK);
        for (int64_t i = 0; i < out; i++)
            differ += !same(array_at(&result, i), array_at(y, n * out + i));
    }
    CHECK(differ == 0, "%s, %s, case %d: in a batch %ld elements differ", fc_isa(), op->name,
          number, (long)differ);
    array_free(&one);
    array_free(&result);
}

static void check_operator(const operator* op, const fc_conv *p, const array *x, const array *w,
                           const array *bias, int64_t count, int number, uint64_t *random) {
    array y = array_new(p->dtype, count, random), again = array_new(p->dtype, count, random);
    CHECK(op->run(p, x->data, w->data, bias->data, y.data, &one_thread) == FC_OK);
    fc_scratch_poison(FC_POISON_NONE);
    CHECK(op->run(p, x->data, w->data, bias->data, again.data, &three_threads) == FC_OK);
    fc_scratch_poison(FC_POISON_NAN);
    CHECK(array_same(&y, &again), "%s, case %d: threads, or what scratch held, change bytes",
          op->name, number);
    check_alone(op, p, x, w, bias, &y, number, random);
    array_free(&y);
    array_free(&again);
}

static int is_done_by_images(const fc_correlation *c) {
    const fc_blocking b = fc_algorithm_blocking(c, FC_DIRECT);
    return fc_images_suits(c, &b);
}

/* Whether images are in the vectors. */
static int check_problem(const fc_conv *p, int number, uint64_t *random) {
    const int64_t in = p->batch * p->in_channels * volume(p->input),
                  out = p->batch * p->out_channels * volume(p->output);
    array x = array_random(p->dtype, in, random, 0), gy = array_random(p->dtype, out, random, 0),
          w = array_random(p->dtype,
                           p->out_channels * p->in_channels / p->groups * volume(p->kernel), random,
                           0),
          bias = array_random(p->dtype, p->out_channels, random, 0),
          back = array_random(p->dtype, p->in_channels, random, 0);
    if (number % 4 == 1) spoil(&x, random), spoil(&gy, random);
    if (number % 4 == 3) spoil(&w, random);
    check_operator(&(operator){"forward", forward}, p, &x, &w, &bias, out, number, random);
    check_operator(&(operator){"planned", planned}, p, &x, &w, &bias, out, number, random);
    check_operator(&(operator){"grad_input", grad_input}, p, &gy, &w, &back, in, number, random);
    array_free(&x);
    array_free(&gy);
    array_free(&w);
    array_free(&bias);
    array_free(&back);
    const fc_correlation c = fc_correlation_forward(p), back_to = fc_correlation_phase(p, 0);
    return is_done_by_images(&c) + is_done_by_images(&back_to);
}

void test_images(void) {
    uint64_t random = 20261122;
    const int cases = TEST_UNDER_SANITIZER ? 16 : 60;
    for (int isa = 0; isa < fc_isa_count(); isa++) {
        if (!fc_isa_available(isa)) continue;
        CHECK(fc_select_isa(fc_isa_name(isa)) == FC_OK);
        int many = 0;
        for (int i = 0; i < cases; i++) {
            const fc_conv p = draw_problem(&random);
            many += check_problem(&p, i, &random);
        }
        CHECK(many >= cases / 4, "%s: only %d problems had images in the vectors", fc_isa_name(isa),
              many);
    }
}
