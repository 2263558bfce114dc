/* Convolution and its gradients against their definition, in double: random small problems on every
 * instruction set this CPU has, both types and layouts, every algorithm that accepts; plans;
 * invalid problems.
 *
 * Half of the cases have small integers, whose sums are exact: then so must the result be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "fastconv.h"
#include "runtime/caches.h"
#include "runtime/scratch.h"
#include "test.h"

enum { FORWARD, GRAD_INPUT, GRAD_WEIGHT, OPERATORS };

static const char *const operator_names[] = {"forward", "grad_input", "grad_weight"};

/* ---- The definition -------------------------------------------------------------------------- */

static int64_t input_count(const fc_conv *p) {
    return p->batch * p->in_channels * volume(p->input);
}
static int64_t output_count(const fc_conv *p) {
    return p->batch * p->out_channels * volume(p->output);
}
static int64_t weight_count(const fc_conv *p) {
    return p->out_channels * (p->in_channels / p->groups) * volume(p->kernel);
}

/* The input position that a position in the padding stands for; -1: a zero. */
static int64_t padded(fc_padding_mode mode, int64_t position, int64_t size) {
    if (position >= 0 && position < size) return position;
    switch (mode) {
    case FC_PAD_REFLECT: return position < 0 ? -position : 2 * (size - 1) - position;
    case FC_PAD_REPLICATE: return position < 0 ? 0 : size - 1;
    case FC_PAD_CIRCULAR: return position < 0 ? position + size : position - size;
    default: return -1;
    }
}

/* The input position of tap `t` of output `o`; 0 where it is a zero of the padding. */
static int source(const fc_conv *p, const int64_t o[3], const int64_t t[3], int64_t position[3]) {
    for (int i = 0; i < 3; i++) {
        position[i] =
            padded(p->padding_mode, o[i] * p->stride[i] + t[i] * p->dilation[i] - p->pad_before[i],
                   p->input[i]);
        if (position[i] < 0) return 0;
    }
    return 1;
}

static void accumulate(double *sum, double *magnitude, int64_t i, double a, double b) {
    sum[i] += a * b;
    magnitude[i] += fabs(a * b);
}

/* Every product of the sum, once, added to where the operator wants it: arrays that it computes are
 * not read. */
static void define(const fc_conv *p, int operator, const array *x, const array *w, const array *y,
                   double *sum, double *magnitude) {
    const int64_t cs = p->in_channels / p->groups, ks = p->out_channels / p->groups;
    int64_t o[3], t[3], s[3];
    for (int64_t of = 0; of < volume(p->output); of++)
        for (int64_t tf = 0; tf < volume(p->kernel); tf++) {
            unravel(of, p->output, o);
            unravel(tf, p->kernel, t);
            if (!source(p, o, t, s)) continue;
            for (int64_t n = 0; n < p->batch; n++)
                for (int64_t k = 0; k < p->out_channels; k++)
                    for (int64_t c = 0; c < cs; c++) {
                        int64_t xi =
                            offset_of(p->layout, p->in_channels, p->input, n, k / ks * cs + c, s);
                        int64_t yi = offset_of(p->layout, p->out_channels, p->output, n, k, o);
                        int64_t wi = (k * cs + c) * volume(p->kernel) + tf;
                        if (operator == FORWARD)
                            accumulate(sum, magnitude, yi, array_at(x, xi), array_at(w, wi));
                        else if (operator == GRAD_INPUT)
                            accumulate(sum, magnitude, xi, array_at(y, yi), array_at(w, wi));
                        else accumulate(sum, magnitude, wi, array_at(y, yi), array_at(x, xi));
                    }
        }
}

/* Bias and clamp of an (n, channels, space) array in the problem's layout. */
static void finish(const fc_conv *p, int64_t channels, int64_t space, const array *bias,
                   double *sum, double *magnitude) {
    for (int64_t i = 0; i < p->batch * channels * space; i++) {
        int64_t c = p->layout == FC_CHANNELS_FIRST ? i / space % channels : i % channels;
        if (bias) accumulate(sum, magnitude, i, array_at(bias, c), 1);
        if (p->clamp && sum[i] < p->min) sum[i] = p->min;
        if (p->clamp && sum[i] > p->max) sum[i] = p->max;
    }
}

/* ---- Random problems ------------------------------------------------------------------------- */

static int64_t draw(uint64_t *random, int64_t low, int64_t high) {
    return test_random_in(random, low, high);
}

static void draw_channels(fc_conv *p, uint64_t *random) {
    int64_t many = draw(random, 0, 3) == 0;
    p->groups = draw(random, 0, 2) ? 1 : draw(random, 1, many ? 20 : 5);
    int64_t depthwise = p->groups > 1 && draw(random, 0, 1);
    p->in_channels = p->groups * (depthwise ? 1 : draw(random, 1, many ? 40 : 5));
    p->out_channels = p->groups * (depthwise ? draw(random, 1, 2) : draw(random, 1, many ? 40 : 9));
}

static void draw_axis(fc_conv *p, int i, uint64_t *random, int kind) {
    p->kernel[i] = draw(random, 1, 4);
    p->stride[i] = kind ? 1 : draw(random, 1, 3);
    p->dilation[i] = kind ? 1 : draw(random, 1, 3);
    p->pad_before[i] = draw(random, 0, 3);
    p->pad_after[i] = draw(random, 0, 3);
    p->input[i] = draw(random, 1, draw(random, 0, 3) ? 12 : 40);
    if (kind == 2)
        p->kernel[i] = 3, p->pad_before[i] = p->pad_after[i] = 1; /* the commonest of all */
    if (kind == 3) p->kernel[i] = 1, p->pad_before[i] = p->pad_after[i] = 0;
}

/* Depthwise: the common shapes of kernels, which have kernels of their own, and larger ones. */
static void draw_depthwise(fc_conv *p, uint64_t *random) {
    const int64_t kernel = draw(random, 0, 3) ? 2 * draw(random, 1, 3) + 1 : draw(random, 1, 13);
    const int64_t stride = draw(random, 1, 2),
                  dilation = draw(random, 0, 2) ? 1 : 2, pad = draw(random, 0, kernel / 2);
    p->groups = draw(random, 2, draw(random, 0, 2) ? 6 : 40);
    p->in_channels = p->groups;
    p->out_channels = p->groups * (draw(random, 0, 3) ? 1 : draw(random, 2, 3));
    for (int i = 1; i < 3; i++) {
        p->kernel[i] = kernel;
        p->stride[i] = stride;
        p->dilation[i] = dilation;
        p->pad_before[i] = pad;
        p->pad_after[i] = draw(random, 0, 3) ? pad : draw(random, 0, kernel);
        p->input[i] = draw(random, 1, draw(random, 0, 3) ? 20 : 50);
    }
}

static int64_t outputs(const fc_conv *p, int i) {
    int64_t room =
        p->input[i] + p->pad_before[i] + p->pad_after[i] - p->dilation[i] * (p->kernel[i] - 1) - 1;
    return room < 0 ? 0 : room / p->stride[i] + 1;
}

static int takes_padding(const fc_conv *p) {
    for (int i = 0; i < 3; i++) {
        int64_t most = p->pad_before[i] > p->pad_after[i] ? p->pad_before[i] : p->pad_after[i];
        if (p->padding_mode == FC_PAD_REFLECT && most >= p->input[i]) return 0;
        if (p->padding_mode == FC_PAD_CIRCULAR && most > p->input[i]) return 0;
    }
    return 1;
}

/* Draws until the problem is valid and its sum not too long. */
static fc_conv draw_problem(uint64_t *random) {
    for (;;) {
        fc_conv p = {.dtype = (fc_dtype)draw(random, 0, 1),
                     .layout = (fc_layout)draw(random, 0, 1)};
        int kind = (int)draw(random, 0, 4), rank = kind == 4 ? 2 : (int)draw(random, 1, 3);
        p.batch = draw(random, 1, 3);
        if (kind == 4) draw_depthwise(&p, random);
        else draw_channels(&p, random);
        double products =
            (double)p.batch * (double)p.out_channels * (double)(p.in_channels / p.groups);
        for (int i = 0; i < 3; i++) {
            if (i < 3 - rank) p.input[i] = p.kernel[i] = p.stride[i] = p.dilation[i] = 1;
            else if (kind < 4) draw_axis(&p, i, random, kind);
            p.output[i] = outputs(&p, i);
            products *= (double)(p.output[i] * p.kernel[i]);
        }
        if (draw(random, 0, 3) == 0) p.padding_mode = (fc_padding_mode)draw(random, 1, 3);
        p.clamp = draw(random, 0, 3) == 0;
        p.min = p.clamp ? -1 : 0;
        p.max = p.clamp ? (draw(random, 0, 1) ? HUGE_VAL : 2) : 0;
        double most = draw(random, 0, 9) ? 1e5 : 1e6;
        if (products > 0 && products < most && takes_padding(&p)) return p;
    }
}

/* Channels enough that FC_AUTO and the input gradient may take a transform. */
static fc_conv draw_transformed(uint64_t *random) {
    for (;;) {
        fc_conv p = {.dtype = (fc_dtype)(draw(random, 0, 3) == 0),
                     .layout = (fc_layout)draw(random, 0, 1),
                     .batch = draw(random, 1, 3),
                     .groups = draw(random, 0, 3) ? 1 : 2};
        p.in_channels = p.groups * draw(random, 16, 48);
        p.out_channels = p.groups * draw(random, 16, 48);
        double products =
            (double)p.batch * (double)p.out_channels * (double)(p.in_channels / p.groups);
        const int64_t flat = draw(random, 0, 3); /* the depth: or nearly so */
        for (int i = 0; i < 3; i++) {
            p.input[i] = i ? draw(random, 1, 20) : flat ? 1 : draw(random, 1, 3);
            p.kernel[i] = i ? 3 : 1;
            p.stride[i] = i || flat ? 1 : draw(random, 1, 3);
            p.dilation[i] = 1;
            p.pad_before[i] = i || !flat ? draw(random, 0, 2) : 0;
            p.pad_after[i] = i || !flat ? draw(random, 0, 2) : 0;
            p.output[i] = outputs(&p, i);
            products *= (double)(p.output[i] * p.kernel[i]);
        }
        if (draw(random, 0, 3) == 0) p.padding_mode = (fc_padding_mode)draw(random, 1, 3);
        if (products > 0 && products < 2e6 && takes_padding(&p)) return p;
    }
}

static int may_transform(const fc_conv *p) {
    for (int i = 0; i < 3; i++)
        if (p->kernel[i] != (i ? 3 : 1) || (i && p->stride[i] != 1) || p->dilation[i] != 1)
            return 0;
    return p->dtype == FC_F32 && p->in_channels / p->groups >= 16 &&
           p->out_channels / p->groups >= 16;
}

/* ---- One case -------------------------------------------------------------------------------- */

typedef struct test_case {
    int number, integers;
    fc_conv p;
    array x, w, y, bias; /* `bias`: of whichever operator takes it */
    double *sum, *magnitude;
} test_case;

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};

static void expect(test_case *t, int operator, const array *bias) {
    const fc_conv *p = &t->p;
    int64_t count = operator == FORWARD    ? output_count(p) :
                    operator == GRAD_INPUT ? input_count(p)
                                          : weight_count(p);
    t->sum = calloc((size_t)count, sizeof *t->sum);
    t->magnitude = calloc((size_t)count, sizeof *t->magnitude);
    define(p, operator, &t->x, &t->w, &t->y, t->sum, t->magnitude);
    if (operator == FORWARD)
        finish(p, p->out_channels, volume(p->output), bias, t->sum, t->magnitude);
    if (operator == GRAD_INPUT)
        finish(p, p->in_channels, volume(p->input), bias, t->sum, t->magnitude);
}

static void forget(test_case *t) {
    free(t->sum);
    free(t->magnitude);
}

/* 0 (exact) for integers: their sums are exact in any order, but not after a transform, which a
 * gradient may take. */
static int64_t terms(const test_case *t, int operator) {
    const fc_conv *p = &t->p;
    if (operator == GRAD_INPUT && may_transform(p)) return FC_TRANSFORMED;
    if (t->integers && !(operator == GRAD_WEIGHT && may_transform(p))) return 0;
    if (operator == GRAD_WEIGHT) return p->batch * volume(p->output);
    return (operator == FORWARD ? p->in_channels : p->out_channels) / p->groups * volume(p->kernel);
}

/* Transforms promise less. */
static int64_t algorithm_terms(const test_case *t, fc_algorithm algorithm) {
    if (algorithm == FC_AUTO) algorithm = fc_conv_select(&t->p, 0);
    return algorithm == FC_WINOGRAD || algorithm == FC_FFT ? FC_TRANSFORMED : terms(t, FORWARD);
}

static void check_plan(test_case *t, fc_algorithm algorithm, const array *bias, uint64_t *random) {
    array w = array_new(t->p.dtype, t->w.count, random),
          y = array_new(t->p.dtype, output_count(&t->p), random);
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
        array_check(&y, t->sum, t->magnitude, algorithm_terms(t, fc_plan_algorithm(plan)), "plan",
                    t->number);
    }
    fc_plan_destroy(plan);
    array_free(&y);
}

static void check_forward(test_case *t, uint64_t *random) {
    const array *bias = t->bias.count == t->p.out_channels ? &t->bias : NULL;
    const void *bias_data = bias ? bias->data : NULL;
    array y = array_new(t->p.dtype, output_count(&t->p), random),
          again = array_new(t->p.dtype, y.count, random);
    expect(t, FORWARD, bias);
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
        array_check(&y, t->sum, t->magnitude, algorithm_terms(t, algorithm),
                    fc_algorithm_name(algorithm), t->number);
        array_fill(&again);
        fc_scratch_poison(0);
        fc_conv_forward(&t->p, algorithm, t->x.data, t->w.data, bias_data, again.data,
                        &three_threads);
        fc_scratch_poison(1);
        CHECK(array_same(&y, &again), "%s, case %d: threads, or what scratch held, change bytes",
              fc_algorithm_name(algorithm), t->number);
        check_plan(t, algorithm, bias, random);
    }
    forget(t);
    array_free(&y);
    array_free(&again);
}

static fc_status run_gradient(const test_case *t, int operator, const array *bias, array *out,
                              const fc_call *call) {
    if (operator == GRAD_WEIGHT)
        return fc_conv_grad_weight(&t->p, t->x.data, t->y.data, out->data, call);
    return fc_conv_grad_input(&t->p, t->w.data, t->y.data, bias ? bias->data : NULL, out->data,
                              call);
}

static void check_gradient(test_case *t, int operator, uint64_t *random) {
    const array *bias = operator == GRAD_INPUT && t->bias.count == t->p.in_channels ? &t->bias
                                                                                   : NULL;
    int64_t count = operator == GRAD_INPUT ? input_count(&t->p) : weight_count(&t->p);
    array out = array_new(t->p.dtype, count, random), again = array_new(t->p.dtype, count, random);
    expect(t, operator, bias);
    CHECK(run_gradient(t, operator, bias, &out, &one_thread) == FC_OK);
    array_check(&out, t->sum, t->magnitude, terms(t, operator), operator_names[operator],
                t->number);
    fc_scratch_poison(0);
    CHECK(run_gradient(t, operator, bias, &again, &three_threads) == FC_OK);
    fc_scratch_poison(1);
    CHECK(array_same(&out, &again), "%s, case %d: threads, or what scratch held, change bytes",
          operator_names[operator], t->number);
    forget(t);
    array_free(&out);
    array_free(&again);
}

static void check_grad_bias(const test_case *t, uint64_t *random) {
    const fc_conv *p = &t->p;
    const int64_t channels = p->out_channels, space = volume(p->output);
    double *sum = calloc((size_t)channels, sizeof *sum),
           *magnitude = calloc((size_t)channels, sizeof *sum);
    array out = array_new(p->dtype, channels, random);
    for (int64_t i = 0; i < t->y.count; i++)
        accumulate(sum, magnitude,
                   p->layout == FC_CHANNELS_FIRST ? i / space % channels : i % channels,
                   array_at(&t->y, i), 1);
    CHECK(fc_conv_grad_bias(p->dtype, p->layout, p->batch, channels, space, t->y.data, out.data,
                            NULL) == FC_OK);
    array_check(&out, sum, magnitude, t->integers ? 0 : p->batch * space, "grad_bias", t->number);
    array_free(&out);
    free(sum);
    free(magnitude);
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

static void check_together(const test_case *t, uint64_t *random) {
    const fc_conv *p = &t->p;
    fc_conv plain = *p;
    plain.clamp = 0;
    const int64_t counts[] = {input_count(p), weight_count(p), p->out_channels};
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

static void check_columns(const test_case *t, uint64_t *random) {
    fc_conv p = t->p;
    p.layout = FC_CHANNELS_FIRST;
    p.padding_mode = FC_PAD_ZEROS;
    const int64_t taps = volume(p.kernel), places = volume(p.output),
                  planes = p.batch * p.in_channels;
    int64_t o[3], tap[3], s[3], count = planes * taps * places;
    array columns = array_new(p.dtype, count, random), x = array_new(p.dtype, t->x.count, random);
    double *unfolded = calloc((size_t)count, 8), *folded = calloc((size_t)x.count, 8),
           *m = calloc((size_t)x.count, 8);
    for (int64_t i = 0; i < count; i++) {
        unravel(i % places, p.output, o);
        unravel(i / places % taps, p.kernel, tap);
        if (!source(&p, o, tap, s)) continue;
        int64_t from = offset_of(p.layout, planes, p.input, 0, i / places / taps, s);
        unfolded[i] = array_at(&t->x, from);
        accumulate(folded, m, from, unfolded[i], 1);
    }
    CHECK(fc_unfold(&p, t->x.data, columns.data, &three_threads) == FC_OK);
    array_check(&columns, unfolded, NULL, 0, "unfold", t->number);
    CHECK(fc_fold(&p, columns.data, x.data, &three_threads) == FC_OK);
    array_check(&x, folded, m, t->integers ? 0 : taps, "fold", t->number);
    array_free(&columns);
    array_free(&x);
    free(unfolded);
    free(folded);
    free(m);
}

/* Gradients take zeros only, and a smaller output than the problem gives: the rows that a stride
 * leaves over. */
static void as_gradient(fc_conv *p, uint64_t *random) {
    p->padding_mode = FC_PAD_ZEROS;
    for (int i = 0; i < 3; i++)
        if (p->output[i] > 1 && draw(random, 0, 5) == 0) p->output[i]--;
}

static void print_problem(const fc_conv *p, int number) {
    fprintf(stderr,
            "case %d: %s layout %d mode %d batch %ld channels %ld to %ld groups %ld clamp %d\n",
            number, p->dtype == FC_F32 ? "f32" : "f64", p->layout, p->padding_mode, (long)p->batch,
            (long)p->in_channels, (long)p->out_channels, (long)p->groups, p->clamp);
    for (int i = 0; i < 3; i++)
        fprintf(stderr, "  input %ld kernel %ld stride %ld dilation %ld pad %ld, %ld output %ld\n",
                (long)p->input[i], (long)p->kernel[i], (long)p->stride[i], (long)p->dilation[i],
                (long)p->pad_before[i], (long)p->pad_after[i], (long)p->output[i]);
}

static void run_case(int number, fc_conv (*draw_one)(uint64_t *random)) {
    uint64_t random = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15) + 1;
    long failures = test_failures;
    test_case t = {.number = number, .integers = number % 2, .p = draw_one(&random)};
    const int kind = t.integers ? INTEGERS : 0;
    t.x = array_random(t.p.dtype, input_count(&t.p), &random, kind);
    t.w = array_random(t.p.dtype, weight_count(&t.p), &random, kind);
    t.bias = array_random(t.p.dtype, draw(&random, 0, 1) ? t.p.out_channels : t.p.in_channels,
                          &random, kind);
    check_forward(&t, &random);
    check_columns(&t, &random);

    t.p.padding_mode = FC_PAD_ZEROS;
    t.y = array_random(t.p.dtype, output_count(&t.p), &random, kind);
    check_grad_bias(&t, &random);
    check_gradient(&t, GRAD_WEIGHT, &random);
    array_free(&t.y);
    as_gradient(&t.p, &random);
    t.y = array_random(t.p.dtype, output_count(&t.p), &random, kind);
    check_gradient(&t, GRAD_INPUT, &random);
    check_together(&t, &random);
    array_free(&t.y);
    array_free(&t.x);
    array_free(&t.w);
    array_free(&t.bias);
    if (test_failures > failures) print_problem(&t.p, number);
}

/* Problems that are cut in every way, weight gradients first: batch, groups, channels in and out of
 * a group, and of the last two axes size, kernel, stride, dilation and padding. */
typedef struct cut_shape {
    int64_t batch, groups, in, out, size[2], kernel[2], stride[2], dilation[2], pad[2];
} cut_shape;

static const cut_shape weight_shapes[] = {
    /* sums over chunks of pixels; of a 1x1 layer; rows longer than a piece */
    {2, 1, 5, 35, {40, 41}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {2, 1, 70, 40, {33, 31}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {1, 1, 3, 40, {2, 4001}, {1, 7}, {1, 2}, {1, 1}, {0, 3}},
    /* units of channels, of an input that is brought once or many times */
    {2, 1, 130, 131, {4, 4}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {1, 1, 150, 130, {7, 7}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {1, 1, 300, 34, {41, 40}, {1, 1}, {2, 2}, {1, 1}, {1, 1}},
    /* few and many taps, cut; planes that are too large for all pixels of a piece */
    {1, 1, 2, 40, {1, 8300}, {1, 8290}, {1, 1}, {1, 1}, {0, 0}},
    {1, 1, 2, 40, {1, 300}, {1, 3}, {1, 1}, {1, 100000}, {0, 100000}},
    {1, 1, 2, 40, {1, 300001}, {1, 2}, {1, 1000}, {1, 1}, {0, 1}},
    /* a kernel as large as the image; groups of two channels; a stride that leaves pixels out */
    {9, 1, 16, 120, {5, 5}, {5, 5}, {1, 1}, {1, 1}, {0, 0}},
    {2, 60, 2, 2, {9, 9}, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
    {2, 2, 20, 33, {15, 30}, {1, 2}, {3, 4}, {1, 1}, {0, 0}},
    /* depthwise: bands of few planes; bunches of planes, of images; chunks; pairs of phases */
    {1, 2, 1, 1, {75, 40}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {1, 3, 1, 1, {130, 67}, {5, 5}, {2, 2}, {1, 1}, {2, 2}},
    {3, 70, 1, 1, {11, 9}, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
    {37, 5, 1, 1, {12, 13}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    {19, 9, 1, 1, {35, 33}, {5, 5}, {1, 1}, {1, 1}, {2, 2}},
    {2, 20, 1, 1, {16, 16}, {3, 3}, {2, 2}, {1, 1}, {0, 0}},
    {2, 20, 1, 3, {16, 30}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    /* the same, larger than caches; phases that no tap reaches; no kernel of their own */
    {1, 2, 1, 1, {300, 320}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {1, 30, 1, 1, {220, 200}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {2, 40, 1, 1, {17, 15}, {1, 1}, {2, 2}, {1, 1}, {0, 0}},
    {2, 19, 1, 1, {17, 33}, {3, 5}, {2, 1}, {1, 1}, {1, 2}},
};

static fc_conv problem_of(const cut_shape *shape, fc_dtype dtype, fc_layout layout) {
    fc_conv p = {.dtype = dtype, .layout = layout, .batch = shape->batch, .groups = shape->groups};
    p.in_channels = shape->groups * shape->in;
    p.out_channels = shape->groups * shape->out;
    p.input[0] = p.kernel[0] = p.stride[0] = p.dilation[0] = p.output[0] = 1;
    for (int i = 1; i < 3; i++) {
        p.input[i] = shape->size[i - 1];
        p.kernel[i] = shape->kernel[i - 1];
        p.stride[i] = shape->stride[i - 1];
        p.dilation[i] = shape->dilation[i - 1];
        p.pad_before[i] = p.pad_after[i] = shape->pad[i - 1];
        p.output[i] = outputs(&p, i);
    }
    return p;
}

static void run_weight_shape(const cut_shape *shape, int number, fc_dtype dtype, fc_layout layout) {
    uint64_t random = (uint64_t)number + 77;
    const fc_conv p = problem_of(shape, dtype, layout);
    test_case t = {.number = 10000 + number, .integers = number % 2, .p = p};
    const int kind = t.integers ? INTEGERS : 0;
    t.x = array_random(dtype, input_count(&p), &random, kind);
    t.w = array_random(dtype, weight_count(&p), &random, kind);
    t.y = array_random(dtype, output_count(&p), &random, kind);
    check_gradient(&t, GRAD_WEIGHT, &random);
    check_together(&t, &random);
    array_free(&t.x);
    array_free(&t.w);
    array_free(&t.y);
}

static void weight_gradients(void) {
    const int count = (int)(sizeof weight_shapes / sizeof *weight_shapes);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < 2; j++)
            run_weight_shape(&weight_shapes[i], i, (fc_dtype)((i + j) % 2), (fc_layout)j);
}

/* Forward problems that are cut in every way. */
static const cut_shape forward_shapes[] = {
    /* blocks of output channels over one plane; weights of more than a worker keeps */
    {5, 1, 33, 140, {7, 7}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    {1, 1, 520, 70, {5, 6}, {3, 3}, {2, 1}, {1, 1}, {1, 1}},
    {1, 1, 9000, 40, {3, 2}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    /* taps in the padding: of rows, of ends of rows, of more kinds of rows than there are lists, of
     * all pixels of a row */
    {1, 1, 16, 20, {13, 14}, {3, 3}, {1, 1}, {5, 6}, {5, 6}},
    {3, 1, 6, 20, {13, 13}, {13, 13}, {1, 1}, {1, 1}, {6, 6}},
    {1, 1, 24, 33, {5, 21}, {3, 5}, {1, 2}, {4, 3}, {9, 14}},
    /* the same at ends of rows too short for tiles of their own; blocks of unequal depth */
    {1, 1, 20, 33, {14, 15}, {5, 5}, {1, 1}, {1, 1}, {2, 2}},
    {2, 1, 75, 50, {30, 17}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    /* read in place at a stride; a position of 2048 bytes; groups of several tiles */
    {2, 1, 70, 40, {9, 11}, {1, 1}, {2, 3}, {1, 1}, {0, 0}},
    {1, 1, 512, 20, {4, 5}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {2, 3, 20, 37, {6, 8}, {2, 2}, {2, 2}, {1, 1}, {0, 0}},
    /* an input that comes from memory */
    {2, 1, 250, 5, {65, 65}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
};

static void run_forward_shape(const cut_shape *shape, int number, fc_dtype dtype,
                              fc_layout layout) {
    uint64_t random = (uint64_t)number + 177;
    test_case t = {
        .number = 20000 + number, .integers = number % 2, .p = problem_of(shape, dtype, layout)};
    const int kind = t.integers ? INTEGERS : 0;
    t.x = array_random(dtype, input_count(&t.p), &random, kind);
    t.w = array_random(dtype, weight_count(&t.p), &random, kind);
    t.bias = array_random(dtype, t.p.out_channels, &random, kind);
    check_forward(&t, &random);
    array_free(&t.x);
    array_free(&t.w);
    array_free(&t.bias);
}

static void forwards(void) {
    const int count = (int)(sizeof forward_shapes / sizeof *forward_shapes);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < 2; j++)
            run_forward_shape(&forward_shapes[i], i, (fc_dtype)((i + j) % 2), (fc_layout)j);
}

/* Sanitizers and emulators take minutes for what takes seconds: fewer cases are drawn there. */
static int is_slow(void) { return TEST_UNDER_SANITIZER || getenv("FC_TEST_EMULATED"); }

/* Depthwise planes from memory. */
static const cut_shape far_weight_shapes[] = {
    {40, 140, 1, 1, {15, 13}, {3, 3}, {1, 1}, {2, 1}, {1, 2}},
    {2, 40, 1, 2, {181, 163}, {5, 5}, {2, 2}, {1, 1}, {2, 1}},
    {2, 60, 1, 1, {161, 163}, {3, 3}, {2, 2}, {1, 1}, {1, 0}},
    /* rows that are whole cache lines go past the caches */
    {3, 40, 1, 1, {160, 160}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
};
static const cut_shape far_forward_shapes[] = {
    /* whole planes of several items, some groups with two outputs */
    {4, 240, 1, 1, {41, 39}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {5, 110, 1, 2, {45, 43}, {3, 3}, {1, 1}, {2, 1}, {2, 0}},
    {4, 90, 1, 1, {125, 123}, {5, 5}, {2, 2}, {1, 1}, {2, 1}},
    /* past the caches */
    {4, 90, 1, 1, {81, 96}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {3, 90, 1, 2, {64, 96}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
};

static void far_shapes(void) {
    if (is_slow()) return;
    for (int i = 0; i < (int)(sizeof far_weight_shapes / sizeof *far_weight_shapes); i++)
        run_weight_shape(&far_weight_shapes[i], 100 + i, (fc_dtype)(i % 2), FC_CHANNELS_FIRST);
    for (int i = 0; i < (int)(sizeof far_forward_shapes / sizeof *far_forward_shapes); i++)
        run_forward_shape(&far_forward_shapes[i], 100 + i, (fc_dtype)(i % 2), FC_CHANNELS_FIRST);
}

/* Padding and dilation whose product is more than any memory, and small in 64 bits: only what is
 * there counts. */
static void vast_padding(int number, int64_t groups, const int64_t dilation[3]) {
    uint64_t random = (uint64_t)number + 277;
    fc_conv p = {.dtype = (fc_dtype)(number & 1),
                 .layout = (fc_layout)(number / 2 & 1),
                 .batch = 1,
                 .in_channels = 20,
                 .out_channels = 20,
                 .groups = groups};
    for (int i = 0; i < 3; i++) {
        p.input[i] = p.stride[i] = p.output[i] = 1;
        p.kernel[i] = dilation[i] ? 2 : 1;
        p.dilation[i] = dilation[i] ? dilation[i] : 1;
        p.pad_before[i] = dilation[i];
    }
    test_case t = {.number = 30000 + number, .integers = 1, .p = p};
    t.x = array_random(p.dtype, input_count(&p), &random, INTEGERS);
    t.w = array_random(p.dtype, weight_count(&p), &random, INTEGERS);
    t.bias = array_random(p.dtype, p.out_channels, &random, INTEGERS);
    t.y = array_random(p.dtype, output_count(&p), &random, INTEGERS);
    check_forward(&t, &random);
    check_gradient(&t, GRAD_WEIGHT, &random);
    check_gradient(&t, GRAD_INPUT, &random);
    array_free(&t.x);
    array_free(&t.w);
    array_free(&t.bias);
    array_free(&t.y);
}

static void vast_paddings(void) {
    const int64_t cube = (1 << 22) - 1, most = INT32_MAX; /* cube: its lines number 2^66 */
    for (int i = 0; i < 8; i++)
        vast_padding(i, i & 4 ? 20 : 1, (int64_t[]){cube, cube, cube});
    for (int i = 0; i < 8; i++) /* with some vectors of 4 to 64 elements, 2^62 in a plane */
        vast_padding(i, 20, (int64_t[]){0, most, most - (4 << i / 2)});
}

/* ---- NaN and Inf ----------------------------------------------------------------------------- */

/* One element that is not finite reaches those outputs that it is in, as in the direct sum, and no
 * other. */
static void non_finite(double value, int number) {
    uint64_t random = 77 + (uint64_t)number;
    test_case t = {.number = number, .integers = 1, .p = draw_problem(&random)};
    t.p.clamp = 0;
    t.p.padding_mode = FC_PAD_ZEROS;
    t.x = array_random(t.p.dtype, input_count(&t.p), &random, INTEGERS);
    t.w = array_random(t.p.dtype, weight_count(&t.p), &random, INTEGERS);
    for (int64_t i = 0; i < t.w.count; i++)
        array_put(&t.w, i, array_at(&t.w, i) + 0.5); /* 0 * Inf is another matter */
    array_put(&t.x, draw(&random, 0, t.x.count - 1), value);
    array y = array_new(t.p.dtype, output_count(&t.p), &random);
    expect(&t, FORWARD, NULL);
    for (int a = FC_AUTO; a < FC_ALGORITHMS; a++) {
        if (fc_conv_accepts(&t.p, (fc_algorithm)a)) continue;
        array_fill(&y);
        fc_conv_forward(&t.p, (fc_algorithm)a, t.x.data, t.w.data, NULL, y.data, NULL);
        array_check(&y, t.sum, t.magnitude, algorithm_terms(&t, (fc_algorithm)a), "not finite",
                    number);
    }
    forget(&t);
    array_free(&y);
    array_free(&t.x);
    array_free(&t.w);
}

/* ---- Invalid problems ------------------------------------------------------------------------ */

typedef struct invalid {
    fc_status status;
    size_t offset; /* of the int64_t or double that is wrong */
    double value;
    int is_double;
} invalid;

#define WRONG(status, field, value)                                                                \
    { status, offsetof(fc_conv, field), value, 0 }
#define HUGE_SIZE 4e18

static const invalid invalids[] = {
    WRONG(FC_INVALID_SIZE, batch, -1),
    WRONG(FC_INVALID_SIZE, batch, HUGE_SIZE),
    WRONG(FC_INVALID_SIZE, in_channels, 0),
    WRONG(FC_INVALID_SIZE, out_channels, -4),
    WRONG(FC_INVALID_GROUPS, groups, 0),
    WRONG(FC_INVALID_GROUPS, groups, 3),
    WRONG(FC_INVALID_GROUPS, groups, -2),
    WRONG(FC_INVALID_SIZE, kernel[1], 0),
    WRONG(FC_INVALID_SIZE, input[2], 0),
    WRONG(FC_INVALID_STRIDE, stride[0], 0),
    WRONG(FC_INVALID_STRIDE, stride[2], HUGE_SIZE),
    WRONG(FC_INVALID_DILATION, dilation[1], -1),
    WRONG(FC_INVALID_DILATION, dilation[2], HUGE_SIZE),
    WRONG(FC_INVALID_PADDING, pad_before[1], -1),
    WRONG(FC_INVALID_PADDING, pad_after[2], -1),
    WRONG(FC_INVALID_PADDING, pad_after[2], HUGE_SIZE),
    WRONG(FC_INVALID_OUTPUT_SIZE, output[2], 7),
    WRONG(FC_INVALID_OUTPUT_SIZE, output[1], 0),
    WRONG(FC_INVALID_OUTPUT_SIZE, output[0], -1),
    {FC_INVALID_ACTIVATION, offsetof(fc_conv, min), 3, 1},
    {FC_INVALID_ACTIVATION, offsetof(fc_conv, max), NAN, 1},
};

static void expect_status(const fc_conv *p, fc_status status, int number) {
    uint64_t random = 5;
    array in = array_new(FC_F64, 4096, &random), out = array_new(FC_F64, 4096, &random);
    fc_plan *plan = NULL;
    int64_t bytes = 0;
    const void *a = in.data;
    void *y = out.data;
    CHECK(fc_conv_forward(p, FC_AUTO, a, a, NULL, y, NULL) == status, "invalid %d", number);
    CHECK(fc_conv_grad_input(p, a, a, NULL, y, NULL) == status, "invalid %d", number);
    CHECK(fc_conv_grad_weight(p, a, a, y, NULL) == status, "invalid %d", number);
    CHECK(fc_conv_grad(p, a, a, a, y, y, y, NULL) == status, "invalid %d", number);
    CHECK(fc_plan_create(p, FC_AUTO, a, NULL, &plan) == status && !plan, "invalid %d", number);
    CHECK(fc_conv_workspace(p, FC_AUTO, 1, &bytes) == status, "invalid %d", number);
    CHECK(fc_conv_accepts(p, FC_DIRECT) != NULL, "invalid %d", number);
    CHECK(array_untouched(&out), "invalid %d", number);
    array_free(&in);
    array_free(&out);
}

static fc_conv valid_problem(void) {
    return (fc_conv){.batch = 1,
                     .in_channels = 4,
                     .out_channels = 4,
                     .groups = 2,
                     .input = {1, 6, 6},
                     .kernel = {1, 3, 3},
                     .stride = {1, 1, 1},
                     .dilation = {1, 1, 1},
                     .pad_before = {0, 1, 1},
                     .pad_after = {0, 1, 1},
                     .output = {1, 6, 6},
                     .clamp = 1,
                     .min = 0,
                     .max = 1};
}

static void invalid_problems(void) {
    for (int i = 0; i < (int)(sizeof invalids / sizeof *invalids); i++) {
        fc_conv p = valid_problem();
        char *field = (char *)&p + invalids[i].offset;
        const int64_t integer = (int64_t)(invalids[i].is_double ? 0 : invalids[i].value);
        memcpy(field,
               invalids[i].is_double ? (const void *)&invalids[i].value : (const void *)&integer,
               8);
        expect_status(&p, invalids[i].status, i);
    }
    fc_conv p = valid_problem();
    p.dtype = (fc_dtype)5;
    expect_status(&p, FC_INVALID_DTYPE, -1);
    p = valid_problem();
    p.layout = (fc_layout)2;
    expect_status(&p, FC_INVALID_LAYOUT, -2);
    p = valid_problem();
    p.padding_mode = (fc_padding_mode)9;
    expect_status(&p, FC_INVALID_PADDING_MODE, -3);
    expect_status(NULL, FC_INVALID_NULL, -4);
}

static void invalid_arguments(void) {
    fc_conv p = valid_problem();
    float some[256] = {0};
    int64_t bytes;
    fc_plan *plan = NULL;
    CHECK(fc_conv_forward(&p, FC_AUTO, NULL, some, NULL, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_forward(&p, FC_AUTO, some, NULL, NULL, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_forward(&p, FC_AUTO, some, some, NULL, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_grad_input(&p, some, NULL, NULL, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_grad_weight(&p, some, NULL, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_grad(&p, some, NULL, some, some, some, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_grad(&p, NULL, some, some, some, some, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_grad(&p, some, some, NULL, some, some, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_grad(&p, some, some, some, NULL, NULL, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_plan_create(&p, FC_AUTO, NULL, NULL, &plan) == FC_INVALID_NULL && !plan);
    CHECK(fc_plan_create(&p, FC_AUTO, some, NULL, NULL) == FC_INVALID_NULL);
    CHECK(fc_plan_run(NULL, some, some, NULL) == FC_INVALID_NULL);
    CHECK(fc_plan_workspace(NULL, 1, &bytes) == FC_INVALID_NULL);
    CHECK(fc_conv_workspace(&p, FC_AUTO, 1, NULL) == FC_INVALID_NULL);
    CHECK(fc_conv_workspace(&p, FC_AUTO, 1, &bytes) == FC_OK && bytes >= 0);
    CHECK(fc_conv_accepts(&p, (fc_algorithm)77) != NULL && fc_conv_accepts(&p, FC_AUTO) == NULL);
    CHECK(fc_conv_flops(&p) == 2.0 * 4 * 2 * 9 * 36);
    fc_plan_destroy(NULL);
    p.padding_mode = FC_PAD_REFLECT;
    CHECK(fc_conv_accepts(&p, FC_AUTO) == NULL);
    CHECK(fc_conv_grad_input(&p, some, some, NULL, some, NULL) == FC_INVALID_PADDING_MODE);
    CHECK(fc_conv_grad_weight(&p, some, some, some, NULL) == FC_INVALID_PADDING_MODE);
    p.input[1] = 1, p.output[1] = 1;
    CHECK(fc_conv_forward(&p, FC_AUTO, some, some, NULL, some, NULL) == FC_INVALID_PADDING_MODE);
    CHECK(fc_conv_grad_bias(FC_F32, FC_CHANNELS_FIRST, 1, 0, 4, some, some, NULL) ==
          FC_INVALID_SIZE);
    CHECK(fc_conv_grad_bias(FC_F32, FC_CHANNELS_FIRST, 1, 4, 4, NULL, some, NULL) ==
          FC_INVALID_NULL);
}

/* 4 MB and 2 MB a thread in single precision, for 3 x 3 layers of ResNet-50 and VGG-16, and as much
 * again where the L2 is twice as large as 1 MB. */
static void bounded_scratch(void) {
    static const int64_t layers[][3] = {{64, 64, 56},    {128, 128, 28}, {256, 256, 14},
                                        {512, 512, 7},   {3, 64, 224},   {64, 64, 224},
                                        {128, 128, 112}, {256, 512, 28}, {512, 512, 14}};
    const int64_t more = fc_caches_found.l2 > 1 << 20 ? 2 : 1;
    for (int i = 0; i < (int)(sizeof layers / sizeof *layers) * 8; i++) {
        const int64_t *layer = layers[i / 8], size = layer[2], megabytes = i & 1 ? 2 * more : more;
        fc_conv p = valid_problem();
        p.dtype = i & 1 ? FC_F64 : FC_F32;
        p.batch = i & 2 ? 16 : 1;
        p.groups = 1;
        p.in_channels = layer[0];
        p.out_channels = layer[1];
        p.input[1] = p.input[2] = p.output[1] = p.output[2] = size;
        int64_t bytes = 0, threads = i & 4 ? 16 : 1;
        CHECK(fc_conv_workspace(&p, FC_WINOGRAD, (int)threads, &bytes) == FC_OK);
        CHECK(bytes > 0 && bytes <= megabytes * (4 + 2 * threads) << 20,
              "%ld to %ld channels, %ld pixels wide, batch %ld: %ld bytes on %ld threads",
              (long)p.in_channels, (long)p.out_channels, (long)size, (long)p.batch, (long)bytes,
              (long)threads);
    }
}

static void empty_batch(void) {
    fc_conv p = valid_problem();
    float w[72] = {0}, y[1] = {7}, gw[72];
    p.batch = 0;
    memset(gw, 0xff, sizeof gw);
    CHECK(fc_conv_forward(&p, FC_AUTO, y, w, NULL, y, NULL) == FC_OK && y[0] == 7);
    CHECK(fc_conv_grad_input(&p, w, y, NULL, y, NULL) == FC_OK && y[0] == 7);
    CHECK(fc_conv_grad_weight(&p, y, y, gw, NULL) == FC_OK);
    for (int i = 0; i < 72; i++) CHECK(gw[i] == 0);
    float gb[4] = {7, 7, 7, 7};
    gw[0] = 7;
    CHECK(fc_conv_grad(&p, y, w, y, y, gw, gb, NULL) == FC_OK && y[0] == 7);
    CHECK(gw[0] == 0 && gb[0] == 0 && gb[3] == 0);
}

/* The blocks of CPUs with other caches: the smallest and the largest that there are. */
static void other_caches(void) {
    const fc_caches small = fc_caches_from(1, 1, 1), large = fc_caches_from(1 << 30, 1 << 30, 0);
    for (int i = 0; i < 2; i++) {
        fc_caches_pretend(i ? &large : &small);
        for (int j = 2000; j < 2020; j++) run_case(j, draw_problem);
        for (int j = 2020; j < 2028; j++) run_case(j, draw_transformed);
        if (i == 0 && !is_slow()) {
            weight_gradients();
            forwards();
        }
        bounded_scratch();
    }
    fc_caches_pretend(NULL);
}

void test_conv(void) {
    const char *before = fc_isa();
    fc_scratch_poison(1);
    for (int isa = 0; isa < fc_isa_count(); isa++) {
        /* Threads meet in the schedules, which are the same for every instruction set: where each
         * access is followed, the CPU's best has them all, in a third of the time. */
        if (TEST_UNDER_TSAN && strcmp(fc_isa_name(isa), before)) continue;
        if (fc_select_isa(fc_isa_name(isa)) != FC_OK) continue;
        long failures = test_failures;
        for (int i = 0; i < (is_slow() ? 60 : 300); i++) run_case(i, draw_problem);
        for (int i = 1000; i < 1030; i++) run_case(i, draw_transformed);
        for (int i = 0; i < 40; i++) non_finite(i % 2 ? NAN : HUGE_VAL, i);
        weight_gradients();
        forwards();
        far_shapes();
        vast_paddings();
        empty_batch();
        bounded_scratch();
        other_caches();
        if (test_failures > failures) fprintf(stderr, "... on %s\n", fc_isa());
    }
    fc_select_isa(before);
    fc_scratch_poison(0);
    invalid_problems();
    invalid_arguments();
}
