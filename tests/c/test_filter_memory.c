/* Filters that do not get the memory that they ask for: every request of a call is refused once,
 * and the call then says so (or does without), touches nothing that is not its own, and keeps
 * nothing. */
#include <stdlib.h>
#include <string.h>

#include "elements.h"
#include "runtime/scratch.h"
#include "test.h"

static const fc_call one_thread = {.threads = 1}, three_threads = {.threads = 3};
static double weights[512];
static const int64_t sizes[3] = {30, 40, 50}, centre[3] = {1, 1, 1};

typedef fc_status (*filter_fn)(const elements *in, const elements *out, const fc_call *call);

static fc_status window(int64_t side, fc_window_op op, const elements *in, const elements *out,
                        const fc_call *call) {
    static const fc_border border[3] = {FC_REFLECT, FC_REFLECT, FC_REFLECT};
    const int64_t shape[3] = {side, side, side};
    const fc_footprint f = {.in = in->type,
                            .out = out->type,
                            .weight = op ? FC_UINT8 : FC_FLOAT64,
                            .op = op,
                            .ndim = 3,
                            .shape = sizes,
                            .out_shape = sizes,
                            .window = shape,
                            .offset = centre,
                            .border = border};
    static unsigned char footprint[27] = {1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1};
    return fc_filter_taps(&f, in->data, op ? (const void *)footprint : weights, out->data, call);
}

static fc_status dense(const elements *in, const elements *out, const fc_call *call) {
    return window(3, FC_WINDOW_SUM, in, out, call);
}

static fc_status largest(const elements *in, const elements *out, const fc_call *call) {
    return window(3, FC_WINDOW_MAX, in, out, call);
}

static fc_status large(const elements *in, const elements *out, const fc_call *call) {
    return window(8, FC_WINDOW_SUM, in, out, call);
}

/* A window that is a product; it may also run as it is. */
static fc_status separable(const elements *in, const elements *out, const fc_call *call) {
    double kept[27];
    memcpy(kept, weights, sizeof kept);
    for (int i = 0; i < 27; i++) weights[i] = 1.0;
    const fc_status status = window(3, FC_WINDOW_SUM, in, out, call);
    memcpy(weights, kept, sizeof kept);
    return status;
}

static fc_status run_passes(fc_window_op op, const elements *in, const elements *out,
                            const fc_call *call) {
    fc_pass pass[4];
    static const int axis[4] = {2, 0, 1, 0};
    for (int i = 0; i < 4; i++)
        pass[i] = (fc_pass){
            .axis = axis[i], .op = op, .size = 5 + 9 * i, .offset = 2, .weights = weights};
    return fc_filter_passes(in->type, out->type, 3, sizes, in->data, 4, pass, 0.0, out->data, call);
}

static fc_status sums(const elements *in, const elements *out, const fc_call *call) {
    return run_passes(FC_WINDOW_SUM, in, out, call);
}

static fc_status minima(const elements *in, const elements *out, const fc_call *call) {
    return run_passes(FC_WINDOW_MIN, in, out, call);
}

static fc_status means(const elements *in, const elements *out, const fc_call *call) {
    return run_passes(FC_WINDOW_MEAN, in, out, call);
}

/* Along lines that are so short that many go at once. */
static fc_status narrow(const elements *in, const elements *out, const fc_call *call) {
    const int64_t shape[2] = {sizes[0] * sizes[1] * sizes[2] / 5, 5};
    const fc_pass pass = {.axis = 1, .size = 3, .offset = 1, .weights = weights};
    return fc_filter_passes(in->type, out->type, 2, shape, in->data, 1, &pass, 0.0, out->data,
                            call);
}

static void refuse_each(filter_fn filter, const elements *in, fc_element out_type,
                        const fc_call *call, uint64_t *random) {
    elements want = elements_new(out_type, in->count, random);
    CHECK(filter(in, &want, call) == FC_OK);
    int refused = 0;
    for (int64_t i = 0; refused == i; i++) {
        elements got = elements_new(out_type, in->count, random);
        fc_scratch_refuse(i);
        const fc_status status = filter(in, &got, call);
        refused += fc_scratch_refuse(-1) < 0;
        const int same = array_same(&got.bytes, &want.bytes);
        CHECK(refused > i ? status == FC_OUT_OF_MEMORY || same : status == FC_OK && same,
              "request %d: %d", (int)i, (int)status);
        array_free(&got.bytes);
    }
    CHECK(refused > 0);
    array_free(&want.bytes);
}

void test_filter_memory(void) {
    static const filter_fn filters[] = {dense, large,  largest, separable,
                                        sums,  minima, means,   narrow};
    static const fc_element types[][2] = {{FC_FLOAT32, FC_FLOAT32}, {FC_FLOAT64, FC_INT16}};
    uint64_t random = 3;
    for (int i = 0; i < 512; i++) weights[i] = (double)(i * i % 11 - 6);
    for (int t = 0; t < 2; t++) {
        elements in = elements_new(types[t][0], sizes[0] * sizes[1] * sizes[2], &random);
        for (int64_t i = 0; i < in.count; i++) element_put(&in, i, (double)(i % 9 - 4));
        for (unsigned i = 0; i < sizeof filters / sizeof *filters; i++)
            for (int threads = 0; threads < 2; threads++)
                refuse_each(filters[i], &in, types[t][1], threads ? &three_threads : &one_thread,
                            &random);
        array_free(&in.bytes);
    }
}
