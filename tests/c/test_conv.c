/* Convolution and its gradients against their definition, in double: random small problems on every
 * instruction set this CPU has, both types and layouts, every algorithm that accepts; plans; what is
 * not finite.
 *
 * Half of the cases have small integers, whose sums are exact: then so must the result be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "conv_case.h"
#include "fastconv.h"
#include "test.h"

static const fc_call three_threads = {.threads = 3};

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
    const int64_t stride = draw(random, 1, 2), dilation = draw(random, 0, 2) ? 1 : 2,
                  pad = draw(random, 0, kernel / 2);
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
            p.output[i] = conv_outputs(&p, i);
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
            p.output[i] = conv_outputs(&p, i);
            products *= (double)(p.output[i] * p.kernel[i]);
        }
        if (draw(random, 0, 3) == 0) p.padding_mode = (fc_padding_mode)draw(random, 1, 3);
        if (products > 0 && products < 2e6 && takes_padding(&p)) return p;
    }
}

/* ---- One case -------------------------------------------------------------------------------- */

static void check_grad_bias(const test_case *t, uint64_t *random) {
    const fc_conv *p = &t->p;
    const int64_t channels = p->out_channels, space = volume(p->output);
    double *sum = calloc((size_t)channels, sizeof *sum),
           *magnitude = calloc((size_t)channels, sizeof *sum);
    array out = array_new(p->dtype, channels, random);
    for (int64_t i = 0; i < t->y.count; i++)
        conv_accumulate(sum, magnitude,
                        p->layout == FC_CHANNELS_FIRST ? i / space % channels : i % channels,
                        array_at(&t->y, i), 1);
    CHECK(fc_conv_grad_bias(p->dtype, p->layout, p->batch, channels, space, t->y.data, out.data,
                            NULL) == FC_OK);
    array_check(&out, sum, magnitude, t->integers ? 0 : p->batch * space, "grad_bias", t->number);
    array_free(&out);
    free(sum);
    free(magnitude);
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
        if (!conv_source(&p, o, tap, s)) continue;
        int64_t from = offset_of(p.layout, planes, p.input, 0, i / places / taps, s);
        unfolded[i] = array_at(&t->x, from);
        conv_accumulate(folded, m, from, unfolded[i], 1);
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
    t.x = array_random(t.p.dtype, conv_input_count(&t.p), &random, kind);
    t.w = array_random(t.p.dtype, conv_weight_count(&t.p), &random, kind);
    t.bias = array_random(t.p.dtype, draw(&random, 0, 1) ? t.p.out_channels : t.p.in_channels,
                          &random, kind);
    conv_check_forward(&t, &random);
    check_columns(&t, &random);

    t.p.padding_mode = FC_PAD_ZEROS;
    t.y = array_random(t.p.dtype, conv_output_count(&t.p), &random, kind);
    check_grad_bias(&t, &random);
    conv_check_gradient(&t, GRAD_WEIGHT, &random);
    array_free(&t.y);
    as_gradient(&t.p, &random);
    t.y = array_random(t.p.dtype, conv_output_count(&t.p), &random, kind);
    conv_check_gradient(&t, GRAD_INPUT, &random);
    conv_check_together(&t, &random);
    array_free(&t.y);
    array_free(&t.x);
    array_free(&t.w);
    array_free(&t.bias);
    if (test_failures > failures) print_problem(&t.p, number);
}

/* ---- NaN and Inf ----------------------------------------------------------------------------- */

/* One element that is not finite reaches those outputs that it is in, as in the direct sum, and no
 * other. */
static void non_finite(double value, int number) {
    uint64_t random = 77 + (uint64_t)number;
    test_case t = {.number = number, .integers = 1, .p = draw_problem(&random)};
    t.p.clamp = 0;
    t.p.padding_mode = FC_PAD_ZEROS;
    t.x = array_random(t.p.dtype, conv_input_count(&t.p), &random, INTEGERS);
    t.w = array_random(t.p.dtype, conv_weight_count(&t.p), &random, INTEGERS);
    for (int64_t i = 0; i < t.w.count; i++)
        array_put(&t.w, i, array_at(&t.w, i) + 0.5); /* 0 * Inf is another matter */
    array_put(&t.x, draw(&random, 0, t.x.count - 1), value);
    array y = array_new(t.p.dtype, conv_output_count(&t.p), &random);
    conv_expect(&t, FORWARD, NULL);
    for (int a = FC_AUTO; a < FC_ALGORITHMS; a++) {
        if (fc_conv_accepts(&t.p, (fc_algorithm)a)) continue;
        array_fill(&y);
        fc_conv_forward(&t.p, (fc_algorithm)a, t.x.data, t.w.data, NULL, y.data, NULL);
        array_check(&y, t.sum, t.magnitude, conv_terms(&t, (fc_algorithm)a), "not finite", number);
    }
    conv_forget(&t);
    array_free(&y);
    array_free(&t.x);
    array_free(&t.w);
}

static void some_problems(void) {
    for (int i = 2000; i < 2020; i++) run_case(i, draw_problem);
    for (int i = 2020; i < 2028; i++) run_case(i, draw_transformed);
}

static void random_problems(void) {
    for (int i = 0; i < (conv_is_slow() ? 60 : 300); i++) run_case(i, draw_problem);
    for (int i = 1000; i < 1030; i++) run_case(i, draw_transformed);
    for (int i = 0; i < 40; i++) non_finite(i % 2 ? NAN : HUGE_VAL, i);
    conv_with_other_caches(some_problems);
}

void test_conv(void) { conv_on_each_isa(random_problems); }
