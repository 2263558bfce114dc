/* The kernels of the layers' own arithmetic, for one instruction set and type: what is neither
 * convolution nor pooling. Pointers are to the table's type; sizes count elements. csrc/nn/ calls
 * them. */
#ifndef FC_NN_TABLE_H
#define FC_NN_TABLE_H

#include <stdint.h>

#include "../fastconv.h"

/* Element by element: out[j][i] from in[0][i], in[1][i], ... and the values. Which of them are read
 * each kernel says. An output may be an input itself (a parameter that is updated), but may not
 * overlap one otherwise. */
typedef struct fc_map {
    const void *in[3];
    void *out[4];
    double value[8];
} fc_map;
/* The elements first <= i < last. */
typedef void (*fc_map_fn)(const fc_map *map, int64_t first, int64_t last);

/* Activations: out[0] from in[0] = x; gradients: out[0] = gx from in[0] = gy and in[1] = x or y, as
 * fastconv.h says; value[0] the activation's own. */
typedef struct fc_activation_kernels {
    fc_map_fn forward[FC_ACTIVATIONS], grad[FC_ACTIVATIONS];
} fc_activation_kernels;

/* Softmax and what stands on it: arrays are (outer, classes, inner), a position is one of outer x
 * inner, and its classes are `inner` apart. Two kernels each: for inner = 1, and for more. */
typedef struct fc_classes_job {
    int64_t classes, inner;
    const void *in[2]; /* x; gy and y; of cross-entropy's gradient softmax (not of nll's), and gy
                          (may be NULL) */
    void *out;         /* of cross-entropy softmax (may be NULL) */
    const int64_t *targets; /* of cross-entropy: a class, or `ignored`, for each position... */
    int64_t from;           /* ... from this one on */
    const void *weight;     /* of the classes, or NULL */
    int64_t ignored;
    double smoothing, weights; /* of the targets; the sum of the classes' weights */
    double scale;              /* of the gradient */
    void *losses;              /* one a position, or NULL */
    double *sums;              /* set to the sum of the losses and that of the targets' weights */
} fc_classes_job;
/* The positions first <= i < last, of one `outer` where inner > 1. */
typedef void (*fc_classes_fn)(const fc_classes_job *job, int64_t first, int64_t last);

typedef struct fc_softmax_kernels {
    fc_classes_fn softmax[2], softmax_grad[2], log_softmax[2], log_softmax_grad[2],
        cross_entropy[2], cross_entropy_grad[2], nll[2], nll_grad;
    fc_map_fn exp, log; /* what these stand on, for tests; log of what is at least 1 */
} fc_softmax_kernels;

/* Losses of each element: out[0] (may be NULL) from in[0] = x, in[1] = the target, in[2] = the
 * weight of the positive part, or NULL: value[0]; gives their sum. Gradients: out[0] = gx, value[1]
 * times the derivative. */
typedef double (*fc_loss_fn)(const fc_map *map, int64_t first, int64_t last);
typedef struct fc_loss_kernels {
    fc_loss_fn forward[FC_LOSSES];
    fc_map_fn grad[FC_LOSSES];
} fc_loss_kernels;

/* y[o, i, j] = sum over k < taps of weights[k, i] * x[o, sources[k, i], j], with i < output, j <
 * inner, but for sources of -1; the axis has `input` elements in x. */
typedef struct fc_resize_job {
    int64_t input, output, inner, taps;
    const int64_t *sources;
    const void *weights; /* or NULL: 1 */
    const void *x;
    void *y;
} fc_resize_job;
/* The rows first <= row < last: of (o, i); or, of inner = 1, of o. */
typedef void (*fc_resize_fn)(const fc_resize_job *job, int64_t first, int64_t last);

/* Updates: weights out[0] by gradients in[0], with the values below. */
enum {
    FC_SGD_LR,
    FC_SGD_MOMENTUM,
    FC_SGD_DAMPENING,
    FC_SGD_DECAY,
    FC_SGD_SIGN, /* of the gradient */
    FC_SGD_FRESH,
    FC_SGD_NESTEROV
};
enum {
    FC_ADAM_STEP,  /* lr / (1 - beta1^t) */
    FC_ADAM_SCALE, /* 1 / sqrt(1 - beta2^t) */
    FC_ADAM_BETA1,
    FC_ADAM_BETA2,
    FC_ADAM_EPS,
    FC_ADAM_DECAY,
    FC_ADAM_SHRINK, /* what the weight is multiplied by first */
    FC_ADAM_SIGN
};
typedef struct fc_update_kernels {
    fc_map_fn sgd;  /* out[1] = velocity, or NULL */
    fc_map_fn adam; /* out[1] = mean, out[2] = mean square, out[3] = greatest of these, or NULL */
} fc_update_kernels;

/* `planes` planes of `length` elements, `step` apart: those of a channel in some images. `out` may
 * be x or gy itself. */
typedef struct fc_norm {
    int64_t planes, step, length;
    const void *x, *gy;
    void *out;
    double center, scale, slope, shift;
} fc_norm;

/* `rows` rows of `channels` channels of `space` elements each, the rows `step` apart, and a value
 * of each channel. `out` may be x or gy itself. */
typedef struct fc_norm_rows {
    int64_t rows, step, channels, space;
    const void *x, *gy;
    void *out;
    const void *center, *scale, *slope, *shift;
} fc_norm_rows;

typedef struct fc_norm_kernels {
    /* The mean of x, and the sum of the squared differences from it. */
    void (*moments)(const fc_norm *norm, double *result);
    /* The sums of gy, and of gy * (x - center). */
    void (*sums)(const fc_norm *norm, double *result);
    /* out = (x - center) * scale + shift */
    void (*apply)(const fc_norm *norm);
    /* out = gy * scale + ((x - center) * slope + shift) */
    void (*grad)(const fc_norm *norm);
    /* `apply` of channels next to each other. */
    void (*apply_rows)(const fc_norm_rows *norm);
    /* All four where `space` is 1: result[c] and result[channels + c] of channel c. */
    void (*column_moments)(const fc_norm_rows *norm, double *result);
    void (*column_sums)(const fc_norm_rows *norm, double *result);
    void (*column_grad)(const fc_norm_rows *norm);
} fc_norm_kernels;

typedef struct fc_nn_kernels {
    fc_activation_kernels activation;
    fc_norm_kernels norm;
    fc_softmax_kernels softmax;
    fc_loss_kernels loss;
    fc_resize_fn resize, resize_long; /* for inner > 1, and for 1 */
    fc_update_kernels update;
} fc_nn_kernels;

/* The name of the table. */
#define FC_NN_TABLE_(isa, bits) fc_nn_kernels_##isa##_f##bits
#define FC_NN_TABLE(isa, bits) FC_NN_TABLE_(isa, bits)

#endif
