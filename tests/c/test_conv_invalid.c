/* Convolutions that are refused: each wrong field by the status that names it, in every function
 * that takes a problem, with nothing written; arguments that are missing. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "arrays.h"
#include "fastconv.h"
#include "test.h"

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
    fc_prepared *prepared = NULL;
    int64_t bytes = 0;
    const void *a = in.data;
    void *y = out.data;
    CHECK(fc_conv_forward(p, FC_AUTO, a, a, NULL, y, NULL) == status, "invalid %d", number);
    CHECK(fc_conv_grad_input(p, a, a, NULL, y, NULL) == status, "invalid %d", number);
    CHECK(fc_conv_grad_weight(p, a, a, y, NULL) == status, "invalid %d", number);
    CHECK(fc_conv_grad(p, a, a, a, y, y, y, NULL) == status, "invalid %d", number);
    CHECK(fc_prepared_create(p, FC_AUTO, &prepared) == status && !prepared, "invalid %d", number);
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
    CHECK(fc_prepared_create(&p, FC_AUTO, NULL) == FC_INVALID_NULL);
    CHECK(fc_prepared_run(NULL, some, some, NULL, some, NULL) == FC_INVALID_NULL);
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

void test_conv_invalid(void) {
    invalid_problems();
    invalid_arguments();
}
