#include "conv_case.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#define SUBNORMAL_MET 0x2u
#endif

#include "fastconv.h"
#include "runtime/caches.h"
#include "runtime/scratch.h"
#include "test.h"

static const char *const result_names[] = {"forward", "grad_input", "grad_weight"};

static int may_transform(const fc_conv *p) {
    for (int i = 0; i < 3; i++)
        if (p->kernel[i] != (i ? 3 : 1) || (i && p->stride[i] != 1) || p->dilation[i] != 1)
            return 0;
    return p->dtype == FC_F32 && p->in_channels / p->groups >= 16 &&
           p->out_channels / p->groups >= 16;
}

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

void conv_expect(test_case *t, int result, const array *bias) {
    const fc_conv *p = &t->p;
    int64_t count = result == FORWARD      ? conv_output_count(p)
                    : result == GRAD_INPUT ? conv_input_count(p)
                                           : conv_weight_count(p);
    t->sum = calloc((size_t)count, sizeof *t->sum);
    t->magnitude = calloc((size_t)count, sizeof *t->magnitude);
    conv_define(p, result, &t->x, &t->w, &t->y, t->sum, t->magnitude);
    if (result == FORWARD)
        conv_finish(p, p->out_channels, volume(p->output), bias, t->sum, t->magnitude);
    if (result == GRAD_INPUT)
        conv_finish(p, p->in_channels, volume(p->input), bias, t->sum, t->magnitude);
}

void conv_forget(test_case *t) {
    free(t->sum);
    free(t->magnitude);
}

/* 0 (exact) for integers: their sums are exact in any order, but not after a transform, which a
 * gradient may take. */
static int64_t terms(const test_case *t, int result) {
    const fc_conv *p = &t->p;
    if (result == GRAD_INPUT && may_transform(p)) return FC_TRANSFORMED;
    if (t->integers && !(result == GRAD_WEIGHT && may_transform(p))) return 0;
    if (result == GRAD_WEIGHT) return p->batch * volume(p->output);
    return (result == FORWARD ? p->in_channels : p->out_channels) / p->groups * volume(p->kernel);
}

int64_t conv_terms(const test_case *t, fc_algorithm algorithm) {
    if (algorithm == FC_AUTO) algorithm = fc_conv_select(&t->p, 0);
    return algorithm == FC_WINOGRAD || algorithm == FC_FFT ? FC_TRANSFORMED : terms(t, FORWARD);
}

static void check_plan(test_case *t, fc_algorithm algorithm, const array *bias, uint64_t *random) {
    array w = array_new(t->p.dtype, t->w.count, random),
          y = array_new(t->p.dtype, conv_output_count(&t->p), random);
    fc_plan *plan = NULL;
    memcpy(w.data, t->w.data, (size_t)(w.count * (w.dtype == FC_F32 ? 4 : 8)));
    CHECK(fc_plan_create(&t->p, algorithm, w.data, bias ? bias->data : NULL, &plan) == FC_OK &&
          plan);
    array_free(&w); /* a plan reads neither again */
    CHECK(algorithm == FC_AUTO || fc_plan_algorithm(plan) == algorithm);
    CHECK(fc_plan_packed_bytes(plan) >= 0);
    int64_t mine = -1, all = -1;
    CHECK(fc_plan_workspace(plan, 3, &mine) == FC_OK && mine >= 0);
    CHECK(fc_plan_workspace(plan, 3, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_workspace(&t->p, fc_plan_algorithm(plan), 3, &all) == FC_OK);
    /* The cut of a transform may be another one where the weights are there. */
    CHECK(mine <= all || fc_plan_algorithm(plan) == FC_WINOGRAD ||
          fc_plan_algorithm(plan) == FC_FFT);
    for (int i = 0; i < 2; i++) {
        array_fill(&y);
        CHECK(fc_plan_run(plan, t->x.data, y.data, i ? &three_threads : &one_thread) == FC_OK);
        array_check(&y, t->sum, t->magnitude, conv_terms(t, fc_plan_algorithm(plan)), "plan",
                    t->number);
    }
    fc_plan_destroy(plan);
    array_free(&y);
}

/* Decided on once and run twice, it gives the bytes of `y`. */
static void check_prepared(test_case *t, fc_algorithm algorithm, const void *bias, const array *y,
                           uint64_t *random) {
    array again = array_new(t->p.dtype, y->count, random);
    fc_prepared *prepared = NULL;
    CHECK(fc_prepared_create(&t->p, algorithm, &prepared) == FC_OK && prepared);
    for (int i = 0; i < 2; i++) {
        array_fill(&again);
        CHECK(fc_prepared_run(prepared, t->x.data, t->w.data, bias, again.data,
                              i ? &three_threads : &one_thread) == FC_OK);
        CHECK(array_same(y, &again), "%s, prepared, case %d: other bytes",
              fc_algorithm_name(algorithm), t->number);
    }
    fc_prepared_destroy(prepared);
    array_free(&again);
}

/* From now on what scratch holds is subnormal; and whether an operation of this thread has met such
 * a number since, where the CPU says so. */
static void fill_with_subnormals(void) {
    fc_scratch_poison(FC_POISON_SUBNORMAL);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() & ~SUBNORMAL_MET);
#endif
}

static int met_subnormals(void) {
    fc_scratch_poison(FC_POISON_NAN);
#if defined(__x86_64__)
    return (_mm_getcsr() & SUBNORMAL_MET) != 0;
#else
    return 0;
#endif
}

void conv_check_forward(test_case *t, uint64_t *random) {
    const array *bias = t->bias.count == t->p.out_channels ? &t->bias : NULL;
    const void *bias_data = bias ? bias->data : NULL;
    array y = array_new(t->p.dtype, conv_output_count(&t->p), random),
          again = array_new(t->p.dtype, y.count, random);
    conv_expect(t, FORWARD, bias);
    for (int a = FC_AUTO; a < FC_ALGORITHMS; a++) {
        const fc_algorithm algorithm = (fc_algorithm)a;
        const int served = fc_conv_accepts(&t->p, algorithm) == NULL;
        array_fill(&y);
        fc_status status =
            fc_conv_forward(&t->p, algorithm, t->x.data, t->w.data, bias_data, y.data, &one_thread);
        CHECK(status == (served ? FC_OK : FC_UNSUPPORTED_ALGORITHM), "%s: %s",
              fc_algorithm_name(algorithm), fc_status_string(status));
        if (!served) {
            CHECK(array_untouched(&y));
            continue;
        }
        array_check(&y, t->sum, t->magnitude, conv_terms(t, algorithm),
                    fc_algorithm_name(algorithm), t->number);
        array_fill(&again);
        fc_scratch_poison(FC_POISON_NONE);
        fc_conv_forward(&t->p, algorithm, t->x.data, t->w.data, bias_data, again.data,
                        &three_threads);
        fc_scratch_poison(FC_POISON_NAN);
        CHECK(array_same(&y, &again), "%s, case %d: threads, or what scratch held, change bytes",
              fc_algorithm_name(algorithm), t->number);
        fill_with_subnormals();
        fc_conv_forward(&t->p, algorithm, t->x.data, t->w.data, bias_data, again.data, &one_thread);
        CHECK(!met_subnormals(), "%s, case %d: computes with what scratch held",
              fc_algorithm_name(algorithm), t->number);
        check_prepared(t, algorithm, bias_data, &y, random);
        check_plan(t, algorithm, bias, random);
    }
    conv_forget(t);
    array_free(&y);
    array_free(&again);
}

static fc_status run_gradient(const test_case *t, int result, const array *bias, array *out,
                              const fc_call *call) {
    if (result == GRAD_WEIGHT)
        return fc_conv_grad_weight(&t->p, t->x.data, t->y.data, out->data, call);
    return fc_conv_grad_input(&t->p, t->w.data, t->y.data, bias ? bias->data : NULL, out->data,
                              call);
}

void conv_check_gradient(test_case *t, int result, uint64_t *random) {
    const array *bias = result == GRAD_INPUT && t->bias.count == t->p.in_channels ? &t->bias : NULL;
    int64_t count = result == GRAD_INPUT ? conv_input_count(&t->p) : conv_weight_count(&t->p);
    array out = array_new(t->p.dtype, count, random), again = array_new(t->p.dtype, count, random);
    conv_expect(t, result, bias);
    CHECK(run_gradient(t, result, bias, &out, &one_thread) == FC_OK);
    array_check(&out, t->sum, t->magnitude, terms(t, result), result_names[result], t->number);
    fc_scratch_poison(FC_POISON_NONE);
    CHECK(run_gradient(t, result, bias, &again, &three_threads) == FC_OK);
    fc_scratch_poison(FC_POISON_NAN);
    CHECK(array_same(&out, &again), "%s, case %d: threads, or what scratch held, change bytes",
          result_names[result], t->number);
    fill_with_subnormals();
    CHECK(run_gradient(t, result, bias, &again, &one_thread) == FC_OK);
    CHECK(!met_subnormals(), "%s, case %d: computes with what scratch held", result_names[result],
          t->number);
    conv_forget(t);
    array_free(&out);
    array_free(&again);
}

/* The gradients that `mask` asks for, in one call: the bytes of one by one, on any threads. */
static void check_mask(const test_case *t, int mask, const array one[3], uint64_t *random) {
    array out[3];
    for (int i = 0; i < 3; i++) out[i] = array_new(t->p.dtype, one[i].count, random);
    CHECK(fc_conv_grad(&t->p, mask & 2 ? t->x.data : NULL, mask & 1 ? t->w.data : NULL, t->y.data,
                       mask & 1 ? out[0].data : NULL, mask & 2 ? out[1].data : NULL,
                       mask & 4 ? out[2].data : NULL, mask % 2 ? &three_threads : NULL) == FC_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(mask >> i & 1 ? array_same(&out[i], &one[i]) : array_untouched(&out[i]),
              "gradient %d of mask %d, case %d", i, mask, t->number);
        array_free(&out[i]);
    }
}

void conv_check_together(const test_case *t, uint64_t *random) {
    const fc_conv *p = &t->p;
    fc_conv plain = *p;
    plain.clamp = 0;
    const int64_t counts[] = {conv_input_count(p), conv_weight_count(p), p->out_channels};
    array one[3];
    for (int i = 0; i < 3; i++) one[i] = array_new(p->dtype, counts[i], random);
    CHECK(fc_conv_grad_input(&plain, t->w.data, t->y.data, NULL, one[0].data, &one_thread) ==
          FC_OK);
    CHECK(fc_conv_grad_weight(p, t->x.data, t->y.data, one[1].data, &one_thread) == FC_OK);
    CHECK(fc_conv_grad_bias(p->dtype, p->layout, p->batch, p->out_channels, volume(p->output),
                            t->y.data, one[2].data, &one_thread) == FC_OK);
    for (int mask = 1; mask < 8; mask++) check_mask(t, mask, one, random);
    for (int i = 0; i < 3; i++) array_free(&one[i]);
}

void conv_on_each_isa(void (*body)(void)) {
    if (TEST_UNDER_TSAN) {
        fc_scratch_poison(FC_POISON_NAN);
        body();
        fc_scratch_poison(FC_POISON_NONE);
    } else test_on_each_isa(body);
}

void conv_with_other_caches(void (*body)(void)) {
    const fc_caches small = fc_caches_from(1, 1, 1);
    fc_caches large = fc_caches_from(1 << 30, 1 << 30, 0);
    large.far = 1;
    for (int i = 0; i < 2; i++) {
        fc_caches_pretend(i ? &large : &small);
        body();
    }
    fc_caches_pretend(NULL);
}

int conv_is_slow(void) { return TEST_UNDER_SANITIZER || getenv("FC_TEST_EMULATED"); }
