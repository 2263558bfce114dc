/* Convolutions of shapes that no draw would find, against their definition: cut by the schedules in
 * every way they know, out of the caches, with padding beyond any memory, of no images. */
#include <stdlib.h>
#include <string.h>

#include "conv_case.h"
#include "fastconv.h"
#include "runtime/caches.h"
#include "test.h"

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
    {260, 3, 6, 20, {2, 5}, {2, 5}, {3, 1}, {1, 1}, {0, 0}},
    {30, 1, 9, 1024, {1, 3}, {1, 3}, {1, 1}, {1, 1}, {0, 0}},
    {40, 1, 3, 70, {1, 1}, {1, 1}, {2, 1}, {1, 1}, {0, 0}},
    {2, 60, 2, 2, {9, 9}, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
    {2, 2, 20, 33, {15, 30}, {1, 2}, {3, 4}, {1, 1}, {0, 0}},
    /* taps in the padding, one by one: in pieces that see none of them, with strides, of images
     * together; those that no pixel sees; units of taps and of channels */
    {1, 1, 18, 36, {61, 40}, {3, 3}, {1, 1}, {20, 12}, {20, 12}},
    {7, 1, 20, 40, {9, 8}, {3, 5}, {2, 1}, {2, 1}, {2, 2}},
    {2, 2, 17, 33, {5, 7}, {3, 3}, {1, 1}, {9, 8}, {9, 8}},
    {1, 1, 131, 130, {7, 9}, {5, 5}, {1, 1}, {2, 2}, {4, 4}},
    {1, 1, 15, 40, {1, 5000}, {1, 3}, {1, 1}, {1, 2400}, {0, 2400}},
    /* the same, a row of taps at a time */
    {2, 1, 3, 40, {9, 70}, {5, 7}, {1, 2}, {2, 1}, {4, 3}},
    {1, 2, 2, 33, {60, 40}, {3, 3}, {1, 1}, {25, 3}, {25, 3}},
    /* windows side by side: rows and pixels in several tiles, blocks of terms; small images together;
     * lines of three taps and more */
    {2, 1, 70, 133, {40, 26}, {2, 2}, {2, 2}, {1, 1}, {0, 0}},
    {37, 1, 20, 130, {2, 4}, {2, 2}, {2, 2}, {1, 1}, {0, 0}},
    {2, 2, 5, 40, {6, 48}, {3, 16}, {3, 16}, {1, 1}, {0, 0}},
    {1, 3, 70, 6, {4, 6}, {2, 2}, {2, 2}, {1, 1}, {0, 0}},
    {3, 1, 5, 4, {12, 9}, {4, 3}, {4, 3}, {1, 1}, {0, 0}},
    {1, 1, 2, 9, {4, 257}, {4, 257}, {4, 257}, {1, 1}, {0, 0}},
    {1, 1, 2, 9, {2, 771}, {1, 257}, {1, 257}, {1, 1}, {0, 0}},
    {2, 1, 40, 9, {14, 5}, {2, 1}, {2, 1}, {1, 1}, {0, 0}},
    /* windows that overlap, of few pixels: small images together; groups; few channels; a kernel
     * smaller than the stride */
    {37, 1, 20, 130, {4, 6}, {3, 4}, {2, 2}, {1, 1}, {1, 1}},
    {3, 2, 11, 40, {9, 8}, {3, 3}, {2, 3}, {2, 1}, {2, 1}},
    {2, 1, 5, 20, {20, 18}, {5, 3}, {2, 2}, {1, 1}, {2, 1}},
    {1, 1, 30, 90, {1, 300}, {1, 9}, {1, 4}, {1, 1}, {0, 3}},
    {2, 1, 20, 70, {17, 15}, {2, 2}, {2, 3}, {1, 1}, {0, 0}},
    {9, 1, 2, 20, {62, 61}, {60, 59}, {2, 2}, {1, 1}, {0, 0}},
    /* one channel: bands along either axis; a halo as large as a band; padding that no tap reaches;
     * elements of no window */
    {2, 1, 1, 8, {200, 180}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    {1, 1, 1, 9, {1, 40000}, {1, 16}, {1, 8}, {1, 1}, {0, 4}},
    {1, 1, 1, 8, {1, 60000}, {1, 3}, {1, 2}, {1, 1500}, {0, 900}},
    {1, 1, 1, 8, {150, 160}, {2, 2}, {1, 3}, {1, 1}, {5, 5}},
    {1, 1, 1, 9, {1, 130000}, {1, 2}, {1, 4}, {1, 1}, {0, 0}},
    /* rows and pixels a multiple of 2048 bytes apart, in both layouts */
    {1, 1, 20, 40, {32, 32}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {2, 1, 17, 512, {3, 4}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {2, 1, 512, 9, {5, 4}, {2, 2}, {1, 1}, {1, 1}, {0, 0}},
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
    /* the same: rows of half a vector or less, and whole ones; more strips than are found at once;
     * pairs of phases that share all rows, in one block or several */
    {2, 20, 1, 1, {7, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {2, 21, 1, 2, {6, 5}, {5, 5}, {1, 1}, {1, 1}, {2, 2}},
    {2, 20, 1, 1, {14, 13}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    {2, 9, 1, 1, {15, 9}, {5, 5}, {2, 2}, {1, 1}, {2, 2}},
    {1, 3, 1, 1, {140, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {1, 3, 1, 1, {150, 11}, {3, 3}, {1, 1}, {3, 3}, {3, 3}},
    {2, 8, 1, 1, {5, 7}, {3, 5}, {1, 2}, {1, 1}, {1, 2}},
    {2, 8, 1, 1, {4, 9}, {2, 3}, {1, 2}, {1, 1}, {0, 2}},
    {2, 8, 1, 1, {5, 19}, {3, 5}, {1, 2}, {1, 1}, {1, 2}},
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
        p.output[i] = conv_outputs(&p, i);
    }
    return p;
}

static void run_weight_shape(const cut_shape *shape, int number, fc_dtype dtype, fc_layout layout) {
    uint64_t random = (uint64_t)number + 77;
    const fc_conv p = problem_of(shape, dtype, layout);
    test_case t = {.number = 10000 + number, .integers = number % 2, .p = p};
    const int kind = t.integers ? INTEGERS : 0;
    t.x = array_random(dtype, conv_input_count(&p), &random, kind);
    t.w = array_random(dtype, conv_weight_count(&p), &random, kind);
    t.y = array_random(dtype, conv_output_count(&p), &random, kind);
    conv_check_gradient(&t, GRAD_WEIGHT, &random);
    conv_check_together(&t, &random);
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
    /* of every pixel in another way: pieces of rows, columns by themselves, with no tap at all; few
     * rows; more pieces than are kept */
    {1, 1, 16, 20, {17, 9}, {3, 3}, {1, 1}, {6, 6}, {6, 6}},
    {2, 1, 16, 20, {3, 9}, {1, 3}, {1, 1}, {1, 6}, {0, 6}},
    {1, 1, 16, 20, {9, 5}, {3, 3}, {1, 1}, {6, 6}, {12, 12}},
    {1, 1, 12, 20, {2, 11}, {2, 6}, {1, 2}, {1, 4}, {1, 11}},
    {1, 1, 6, 20, {6, 31}, {2, 21}, {1, 1}, {1, 4}, {1, 40}},
    /* the same at ends of rows too short for tiles of their own; blocks of unequal depth */
    {1, 1, 20, 33, {14, 15}, {5, 5}, {1, 1}, {1, 1}, {2, 2}},
    {2, 1, 75, 50, {30, 17}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
    /* read in place at a stride; a position of 2048 bytes; groups of several tiles */
    {2, 1, 70, 40, {9, 11}, {1, 1}, {2, 3}, {1, 1}, {0, 0}},
    {1, 1, 512, 20, {4, 5}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {2, 3, 20, 37, {6, 8}, {2, 2}, {2, 2}, {1, 1}, {0, 0}},
    /* pixels a multiple of 4096 bytes apart: many and few side by side */
    {1, 1, 1024, 20, {3, 4}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {2, 1, 1024, 9, {5, 7}, {2, 2}, {1, 1}, {1, 1}, {0, 0}},
    {1, 1, 512, 20, {7, 9}, {1, 1}, {2, 2}, {1, 1}, {0, 0}},
    /* an input that comes from memory */
    {2, 1, 250, 5, {65, 65}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
};

static void run_forward_shape(const cut_shape *shape, int number, fc_dtype dtype,
                              fc_layout layout) {
    uint64_t random = (uint64_t)number + 177;
    test_case t = {
        .number = 20000 + number, .integers = number % 2, .p = problem_of(shape, dtype, layout)};
    const int kind = t.integers ? INTEGERS : 0;
    t.x = array_random(dtype, conv_input_count(&t.p), &random, kind);
    t.w = array_random(dtype, conv_weight_count(&t.p), &random, kind);
    t.bias = array_random(dtype, t.p.out_channels, &random, kind);
    conv_check_forward(&t, &random);
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
    if (conv_is_slow()) return;
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
    t.x = array_random(p.dtype, conv_input_count(&p), &random, INTEGERS);
    t.w = array_random(p.dtype, conv_weight_count(&p), &random, INTEGERS);
    t.bias = array_random(p.dtype, p.out_channels, &random, INTEGERS);
    t.y = array_random(p.dtype, conv_output_count(&p), &random, INTEGERS);
    conv_check_forward(&t, &random);
    conv_check_gradient(&t, GRAD_WEIGHT, &random);
    conv_check_gradient(&t, GRAD_INPUT, &random);
    array_free(&t.x);
    array_free(&t.w);
    array_free(&t.bias);
    array_free(&t.y);
}

static void vast_paddings(void) {
    const int64_t cube = (1 << 22) - 1, most = INT32_MAX; /* cube: its lines number 2^66 */
    for (int i = 0; i < 8; i++) vast_padding(i, i & 4 ? 20 : 1, (int64_t[]){cube, cube, cube});
    for (int i = 0; i < 8; i++) /* with some vectors of 4 to 64 elements, 2^62 in a plane */
        vast_padding(i, 20, (int64_t[]){0, most, most - (4 << i / 2)});
}

static void empty_batch(void) {
    const cut_shape shape = {0, 2, 2, 2, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
    fc_conv p = problem_of(&shape, FC_F32, FC_CHANNELS_FIRST);
    float w[72] = {0}, y[1] = {7}, gw[72];
    p.clamp = 1;
    p.max = 1;
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

static void small_caches(void) {
    if (conv_is_slow()) return;
    const fc_caches small = fc_caches_from(1, 1, 1);
    fc_caches_pretend(&small);
    weight_gradients();
    forwards();
    fc_caches_pretend(NULL);
}

static void shapes(void) {
    weight_gradients();
    forwards();
    far_shapes();
    vast_paddings();
    empty_batch();
    small_caches();
}

void test_conv_shapes(void) { conv_on_each_isa(shapes); }
