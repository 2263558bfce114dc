/* fastconv: convolution, pooling and filters on a CPU, with every gradient. The C API.
 *
 * Plain C11, no Python. Arrays are contiguous, row-major, aligned to their type and in native byte
 * order; sizes are 64-bit. Every spatial array has three entries (depth, height, width): a 2-D
 * problem has depth 1, a 1-D problem depth and height 1, with kernel 1, stride 1, dilation 1 and no
 * padding there. No function changes its inputs; an output may not overlap an input. Every function
 * validates its problem and returns a status; nothing is written on an FC_INVALID or FC_UNSUPPORTED
 * status (but FC_INVALID_INDEX: indices are checked as they are used). All functions may be called
 * from many threads at once, and in a forked child. A result does not depend on the number of
 * threads, byte for byte. */
#ifndef FASTCONV_H
#define FASTCONV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FC_API __attribute__((visibility("default")))
#else
#define FC_API
#endif

#define FC_VERSION "0.1.0"

typedef enum fc_status {
    FC_OK = 0,
    FC_OUT_OF_MEMORY,
    FC_INTERRUPTED,   /* the caller's `interrupted` said so; the output is partly written */
    FC_INVALID_NULL,  /* a required pointer is NULL */
    FC_INVALID_DTYPE, /* not FC_F32 or FC_F64 */
    FC_INVALID_LAYOUT,
    FC_INVALID_PADDING_MODE, /* unknown, or more padding than the mode can take from the input */
    FC_INVALID_SIZE,     /* a size, kernel or count that is not positive, or an array that 64 bits
                            cannot address */
    FC_INVALID_STRIDE,   /* not positive, or too large */
    FC_INVALID_DILATION, /* not positive, or too large */
    FC_INVALID_PADDING,  /* negative, too large, or more than half the kernel (pooling) */
    FC_INVALID_GROUPS,   /* not positive, or does not divide the channels */
    FC_INVALID_OUTPUT_SIZE,   /* not what the problem gives, or not positive */
    FC_INVALID_ACTIVATION,    /* minimum above maximum, or NaN */
    FC_INVALID_INDEX,         /* a pooling index outside its plane */
    FC_INVALID_VALUE,         /* another argument */
    FC_UNSUPPORTED_ALGORITHM, /* the algorithm cannot serve this problem: see fc_conv_accepts */
    FC_UNSUPPORTED_ISA /* an instruction set that is unknown, not built in, or that this CPU lacks
                        */
} fc_status;

FC_API const char *fc_status_string(fc_status status);

typedef enum fc_dtype { FC_F32 = 0, FC_F64 = 1 } fc_dtype;
typedef enum fc_layout { FC_CHANNELS_FIRST = 0, FC_CHANNELS_LAST = 1 } fc_layout;
typedef enum fc_padding_mode {
    FC_PAD_ZEROS = 0,
    FC_PAD_REFLECT,
    FC_PAD_REPLICATE,
    FC_PAD_CIRCULAR
} fc_padding_mode;
/* FC_DIRECT, FC_IM2COL and FC_REFERENCE serve every problem, sums within (terms + 2) roundings of
 * the sum of the terms' magnitudes. */
typedef enum fc_algorithm {
    FC_AUTO = 0, /* the fastest by prediction */
    FC_DIRECT,
    FC_IM2COL,
    FC_WINOGRAD, /* 2-D, 3 x 3, stride 1, dilation 1; relative error (L2) below 2e-5 in float32 */
    FC_FFT,      /* stride 1, dilation 1; in double, whatever the type */
    FC_REFERENCE,
    FC_ALGORITHMS /* their number */
} fc_algorithm;

/* How a call is run. `interrupted` (may be NULL) is called on the calling thread about every 100
 * ms; when it returns non-zero the call stops soon and returns FC_INTERRUPTED. */
typedef struct fc_call {
    int threads; /* at most; 0: fc_get_num_threads() */
    int (*interrupted)(void *context);
    void *context;
} fc_call;

/* ---- Convolution ----
 *
 *   y[n, g*K' + k, o] = clamp(bias[g*K' + k] + sum over c < C' and t of
 *                             w[g*K' + k, c, t] * x[n, g*C' + c, o*stride + t*dilation - pad])
 *
 * with C' = in_channels / groups and K' = out_channels / groups; x is (batch, in_channels, *input)
 * or, channels last, (batch, *input, in_channels); y likewise; w is always (out_channels, C',
 * *kernel). The forward problem gives
 *
 *   output = (input + pad_before + pad_after - dilation * (kernel - 1) - 1) / stride + 1
 *
 * The gradient with respect to the input also takes a smaller `output` (the
 * missing rows count as zero), as transposed convolutions ask for. */
typedef struct fc_conv {
    fc_dtype dtype;
    fc_layout layout;
    fc_padding_mode padding_mode; /* zeros only, in gradients */
    int64_t batch, in_channels, out_channels, groups;
    int64_t input[3], kernel[3], stride[3], dilation[3], pad_before[3], pad_after[3], output[3];
    int clamp; /* non-zero: min <= result <= max as it is stored; NaN passes */
    double min, max;
} fc_conv;

FC_API fc_status fc_conv_forward(const fc_conv *problem, fc_algorithm algorithm, const void *x,
                                 const void *w, const void *bias /* out_channels, or NULL */,
                                 void *y, const fc_call *call);

/* The same, decided on once for any number of runs: the algorithm, and how it is cut to the caches.
 */
typedef struct fc_prepared fc_prepared;
FC_API fc_status fc_prepared_create(const fc_conv *problem, fc_algorithm algorithm,
                                    fc_prepared **prepared);
FC_API fc_status fc_prepared_run(const fc_prepared *prepared, const void *x, const void *w,
                                 const void *bias, void *y, const fc_call *call);
FC_API void fc_prepared_destroy(fc_prepared *prepared);

/* May be Winograd's algorithm where FC_AUTO might take it for the same correlation.
 * gx[n, g*C' + c, i] = clamp(bias[...] + sum over k, t, o with o*stride + t*dilation - pad = i of
 * w[..] * gy[n, .., o]). With `bias` (in_channels, or NULL) and the clamp it is a transposed
 * convolution's forward, w being (its in_channels, its out_channels / groups, *kernel). */
FC_API fc_status fc_conv_grad_input(const fc_conv *problem, const void *w, const void *gy,
                                    const void *bias, void *gx, const fc_call *call);
FC_API fc_status fc_conv_grad_weight(const fc_conv *problem, const void *x, const void *gy,
                                     void *gw, const fc_call *call);
/* gb[c] = sum of g over batch and space; g is (batch, channels, space) or (batch, space, channels).
 */
FC_API fc_status fc_conv_grad_bias(fc_dtype dtype, fc_layout layout, int64_t batch,
                                   int64_t channels, int64_t space, const void *g, void *gb,
                                   const fc_call *call);

/* Those of gx, gw and gb that are not NULL: what the three above give for the problem (its clamp is
 * not read), byte for byte, and faster where they share work. `x` is read for gw, `w` for gx. */
FC_API fc_status fc_conv_grad(const fc_conv *problem, const void *x, const void *w, const void *gy,
                              void *gx, void *gw, void *gb, const fc_call *call);

/* NULL where the algorithm serves the problem, else the reason why not (a constant string). */
FC_API const char *fc_conv_accepts(const fc_conv *problem, fc_algorithm algorithm);
FC_API const char *fc_algorithm_name(fc_algorithm algorithm);
/* The algorithm that FC_AUTO would run, in one call or (`planned`) with weights that are prepared
 * once; never depends on batch or threads. */
FC_API fc_algorithm fc_conv_select(const fc_conv *problem, int planned);
/* Two per multiply-add of the direct sum; in double, as it may exceed 64 bits. */
FC_API double fc_conv_flops(const fc_conv *problem);
/* Predicted seconds for one image on one thread. */
FC_API double fc_conv_cost(const fc_conv *problem, fc_algorithm algorithm, int planned);
FC_API fc_status fc_conv_workspace(const fc_conv *problem, fc_algorithm algorithm, int threads,
                                   int64_t *bytes);

/* A problem with its algorithm chosen and its weights packed: reads neither w nor bias after
 * creation. */
typedef struct fc_plan fc_plan;
FC_API fc_status fc_plan_create(const fc_conv *problem, fc_algorithm algorithm, const void *w,
                                const void *bias, fc_plan **plan);
FC_API fc_status fc_plan_run(const fc_plan *plan, const void *x, void *y, const fc_call *call);
FC_API fc_algorithm fc_plan_algorithm(const fc_plan *plan);
FC_API int64_t fc_plan_packed_bytes(const fc_plan *plan);
/* Scratch memory of a run on so many threads. */
FC_API fc_status fc_plan_workspace(const fc_plan *plan, int threads, int64_t *bytes);
FC_API void fc_plan_destroy(fc_plan *plan);

/* ---- Pooling ----
 *
 * Window o covers the input positions o*stride + t*dilation - pad, 0 <= t < kernel, that lie inside
 * the input; `output` is given (floor or ceil mode), each of its windows holding at least one
 * element. Dilation is 1 but for max. */
typedef struct fc_pool {
    fc_dtype dtype;
    fc_layout layout;
    int64_t batch, channels;
    int64_t input[3], kernel[3], stride[3], dilation[3], pad[3], output[3];
} fc_pool;

/* Indices are flat in the unpadded spatial plane; of equal maxima the first wins, a NaN wins over
 * all. */
FC_API fc_status fc_max_pool(const fc_pool *problem, const void *x, void *y,
                             int64_t *indices /* or NULL */, const fc_call *call);
/* gx[n, c, indices[n, c, o]] += gy[n, c, o], in row-major order of o; zero elsewhere. Reads batch,
 * channels, input, output. */
FC_API fc_status fc_max_pool_grad(const fc_pool *problem, const void *gy, const int64_t *indices,
                                  void *gx, const fc_call *call);
/* y[n, c, indices[n, c, o]] = x[n, c, o] (the last of equal indices wins); zero elsewhere. `input`
 * is y's spatial size. */
FC_API fc_status fc_max_unpool(const fc_pool *problem, const void *x, const int64_t *indices,
                               void *y, const fc_call *call);

/* Divisor: `divisor` if not 0, else the window's size within the padded input (count_include_pad)
 * or the input. */
FC_API fc_status fc_avg_pool(const fc_pool *problem, int count_include_pad, int64_t divisor,
                             const void *x, void *y, const fc_call *call);
FC_API fc_status fc_avg_pool_grad(const fc_pool *problem, int count_include_pad, int64_t divisor,
                                  const void *gy, void *gx, const fc_call *call);
/* torch's: s = sum of x^p over the window, times the kernel's size / the elements inside where the
 * window hangs over the end; y = sign(s) * relu(|s|) to the power 1/p. */
FC_API fc_status fc_lp_pool(const fc_pool *problem, double norm, const void *x, void *y,
                            const fc_call *call);
FC_API fc_status fc_lp_pool_grad(const fc_pool *problem, double norm, const void *gy, const void *x,
                                 const void *y, void *gx, const fc_call *call);
/* Window o covers [floor(o*input/output), ceil((o+1)*input/output)). Read batch, channels, input,
 * output. */
FC_API fc_status fc_adaptive_avg_pool(const fc_pool *problem, const void *x, void *y,
                                      const fc_call *call);
FC_API fc_status fc_adaptive_avg_pool_grad(const fc_pool *problem, const void *gy, void *gx,
                                           const fc_call *call);
FC_API fc_status fc_adaptive_max_pool(const fc_pool *problem, const void *x, void *y,
                                      int64_t *indices, const fc_call *call);

/* ---- im2col and col2im ----
 *
 * columns[n, (c, t), o] = x[n, c, o*stride + t*dilation - pad], zero outside; fold adds it back.
 * Channels first; the problem's groups, out_channels, clamp and padding_mode are not read. */
FC_API fc_status fc_unfold(const fc_conv *problem, const void *x, void *columns,
                           const fc_call *call);
FC_API fc_status fc_fold(const fc_conv *problem, const void *columns, void *x, const fc_call *call);

/* ---- Layers: activations ----
 *
 * Element by element over `count` elements; NaN as the formula gives it. */

typedef enum fc_activation {
    FC_RELU = 0,   /* max(x, 0) */
    FC_RELU6,      /* min(max(x, 0), 6) */
    FC_LEAKY_RELU, /* x where it is positive, else value * x */
    FC_SIGMOID,    /* 1 / (1 + exp(-x)) */
    FC_SILU,       /* x * sigmoid(x) */
    FC_TANH,
    FC_ACTIVATIONS /* their number */
} fc_activation;

FC_API fc_status fc_activate(fc_dtype dtype, fc_activation kind, double value, int64_t count,
                             const void *x, void *y, const fc_call *call);
/* gx = gy times the derivative; `kept` is x of FC_LEAKY_RELU and FC_SILU, else y (or, where that
 * says as much, x). A NaN in `kept` counts as positive, and below 6. */
FC_API fc_status fc_activate_grad(fc_dtype dtype, fc_activation kind, double value, int64_t count,
                                  const void *gy, const void *kept, void *gx, const fc_call *call);

/* ---- Layers: softmax and cross-entropy ----
 *
 * Arrays are (outer, classes, inner). softmax = exp(x - m) / s with m the greatest x of a position
 * and s the sum of the exponentials over its classes; log softmax = x - m - log s. */
typedef struct fc_classes {
    fc_dtype dtype;
    int64_t outer, classes, inner;
} fc_classes;

FC_API fc_status fc_softmax(const fc_classes *problem, const void *x, void *y, const fc_call *call);
FC_API fc_status fc_softmax_grad(const fc_classes *problem, const void *gy, const void *y, void *gx,
                                 const fc_call *call);
FC_API fc_status fc_log_softmax(const fc_classes *problem, const void *x, void *y,
                                const fc_call *call);
FC_API fc_status fc_log_softmax_grad(const fc_classes *problem, const void *gy, const void *y,
                                     void *gx, const fc_call *call);

typedef struct fc_targets {
    const int64_t *classes; /* (outer, inner): each in [0, classes), or `ignored`; another one is
                               FC_INVALID_INDEX */
    int64_t ignored;
    const void *weight; /* (classes), or NULL: 1 */
    double smoothing;   /* e, from 0 to 1; not of fc_nll */
} fc_targets;

/* loss = (1 - e) * weight[t] * -log softmax[t] +
 *        e / classes * (sum over classes c of weight[c] * -log softmax[c]),
 * t being the position's target; 0 where that is ignored. sums: of the losses, and of the weights
 * of the targets that are not ignored. */
FC_API fc_status fc_cross_entropy(const fc_classes *problem, const void *x,
                                  const fc_targets *targets, void *losses /* or NULL */,
                                  void *p /* softmax, or NULL */, double sums[2],
                                  const fc_call *call);
/* gx = scale * gy[position] * ((1 - e) * weight[t] * (p - (1 at class t, else 0)) +
 *                              e / classes * (sum of weight * p - weight)); 0 where t is ignored. */
FC_API fc_status fc_cross_entropy_grad(const fc_classes *problem, const void *p,
                                       const fc_targets *targets,
                                       const void *gy /* (outer, inner), or NULL: 1 */,
                                       double scale, void *gx, const fc_call *call);

/* The same of log-probabilities x that are given: loss = -weight[t] * x[t]. */
FC_API fc_status fc_nll(const fc_classes *problem, const void *x, const fc_targets *targets,
                        void *losses /* or NULL */, double sums[2], const fc_call *call);
/* gx = -scale * gy[position] * weight[t] at class t, else 0. */
FC_API fc_status fc_nll_grad(const fc_classes *problem, const fc_targets *targets,
                             const void *gy /* (outer, inner), or NULL: 1 */, double scale,
                             void *gx, const fc_call *call);

/* ---- Layers: losses of each element ---- */

typedef enum fc_loss_kind {
    FC_SQUARED,  /* (x - y)^2 */
    FC_ABSOLUTE, /* |x - y| */
    FC_BINARY,   /* -(positive * y * log f + (1 - y) * log(1 - f)) with f = sigmoid(x) */
    FC_LOSSES    /* their number */
} fc_loss_kind;

typedef struct fc_loss {
    fc_dtype dtype;
    fc_loss_kind kind;
    int64_t count;
    double positive; /* of FC_BINARY, for all elements */
} fc_loss;

/* sum: of the losses, in an order that `count` alone decides. */
FC_API fc_status fc_loss_forward(const fc_loss *problem, const void *x, const void *target,
                                 const void *positive /* of each element, or NULL */,
                                 void *losses /* or NULL */, double *sum, const fc_call *call);
/* gx = scale times the derivative; that of |x - y| at 0 is 0. */
FC_API fc_status fc_loss_grad(const fc_loss *problem, const void *x, const void *target,
                              const void *positive, double scale, void *gx, const fc_call *call);

/* ---- Layers: padding and resizing ---- */

/* y[p, o] = x[p, o - before] where that lies in x, else 0, for `planes` planes and 3 axes. */
typedef struct fc_pad {
    fc_dtype dtype;
    int64_t planes;
    int64_t input[3], output[3];
    int64_t before[3]; /* negative: so many are left out */
} fc_pad;
FC_API fc_status fc_pad_zeros(const fc_pad *problem, const void *x, void *y, const fc_call *call);

/* y[o, i, j] = sum over k < taps of weights[k, i] * x[o, sources[k, i], j]; x is (outer, input,
 * inner), y (outer, output, inner). Where there are weights, a source of -1 adds nothing, whatever
 * x holds; any other that is outside of x is FC_INVALID_INDEX. */
typedef struct fc_resize {
    fc_dtype dtype;
    int64_t outer, input, output, inner, taps;
    const int64_t *sources; /* (taps, output) */
    const void *weights;    /* (taps, output), or NULL: 1 */
} fc_resize;
FC_API fc_status fc_resize_axis(const fc_resize *problem, const void *x, void *y,
                                const fc_call *call);

/* ---- Layers: normalisation and linear ---- */

/* Batch normalisation of (batch, channels, space), channel by channel:
 *
 *   y = (x - mean) * inverse * weight + bias,   inverse = 1 / sqrt(variance + eps)
 *
 * with the mean and (biased) variance of x where `training` is set, which needs two values a
 * channel, else the running ones. Ioffe and Szegedy 2015. */
typedef struct fc_batch_norm {
    fc_dtype dtype;
    int64_t batch, channels, space;
    int training;
    double eps;
    double momentum; /* running += momentum * (new - running), with the unbiased variance */
} fc_batch_norm;

/* weight and bias: channels, or NULL. Running values: channels of the dtype; written where
 * `training` is set, or NULL there. `mean` and `inverse` are written for the gradient. */
FC_API fc_status fc_batch_norm_forward(const fc_batch_norm *problem, const void *x,
                                       const void *weight, const void *bias, void *running_mean,
                                       void *running_variance, double *mean, double *inverse,
                                       void *y, const fc_call *call);
/* Those of gx, gw and gb that are not NULL. */
FC_API fc_status fc_batch_norm_grad(const fc_batch_norm *problem, const void *x, const void *weight,
                                    const double *mean, const double *inverse, const void *gy,
                                    void *gx, void *gw, void *gb, const fc_call *call);

/* y[n, o] = bias[o] + sum over i of x[n, i] * w[o, i], for n < rows, i < in, o < out */
FC_API fc_status fc_linear(fc_dtype dtype, int64_t rows, int64_t in, int64_t out, const void *x,
                           const void *w, const void *bias /* or NULL */, void *y,
                           const fc_call *call);
/* Those of gx, gw and gb that are not NULL; w is read for gx, x for gw. */
FC_API fc_status fc_linear_grad(fc_dtype dtype, int64_t rows, int64_t in, int64_t out,
                                const void *x, const void *w, const void *gy, void *gx, void *gw,
                                void *gb, const fc_call *call);

/* ---- Layers: optimisers ----
 *
 * One step for an array of `count` weights, in place; g is the gradient (its negative where
 * `maximize`) plus weight_decay times the weight. */

typedef struct fc_sgd {
    double lr, momentum, dampening, weight_decay;
    int nesterov, maximize;
} fc_sgd;
/* velocity = momentum * velocity + (1 - dampening) * g, or g where it is `fresh`;
 * weight -= lr * (g + momentum * velocity where nesterov, else velocity). Without momentum the
 * velocity is not read (it may be NULL): weight -= lr * g. */
FC_API fc_status fc_sgd_update(fc_dtype dtype, int64_t count, const fc_sgd *options,
                               const void *gradient, void *weight, void *velocity, int fresh,
                               const fc_call *call);

typedef struct fc_adam {
    double lr, beta1, beta2, eps, weight_decay;
    int decoupled; /* weight *= 1 - lr * weight_decay, in place of decay in g */
    int maximize;
} fc_adam;
/* Step `step`, from 1: mean += (1 - beta1) * (g - mean); square = beta2 * square + (1 - beta2) g^2;
 * weight -= lr / (1 - beta1^step) * mean / (sqrt(square / (1 - beta2^step)) + eps). Where
 * `greatest` is not NULL, it keeps the greatest square so far, which then divides. */
FC_API fc_status fc_adam_update(fc_dtype dtype, int64_t count, const fc_adam *options, int64_t step,
                                const void *gradient, void *weight, void *mean, void *square,
                                void *greatest, const fc_call *call);

/* ---- Runtime ----
 */

/* The instruction set used from now on: "scalar", "avx2", "avx512", "neon" (any letter case), or
 * NULL for the best that is built in and that this CPU has. Call it once, before any other call. */
FC_API fc_status fc_select_isa(const char *name);
FC_API const char *fc_isa(void);
FC_API int fc_isa_count(void); /* of those built in, the best last */
FC_API const char *fc_isa_name(int i);
FC_API int fc_isa_available(int i); /* whether this CPU has it */

FC_API void fc_set_num_threads(int n); /* for the process; n >= 1 */
FC_API int
fc_get_num_threads(void); /* the calling thread's own limit where set, else the process's */
FC_API void fc_set_local_num_threads(int n); /* for the calling thread; 0: the process's again */
FC_API int fc_get_local_num_threads(void);   /* 0: not set */
FC_API int fc_cpu_count(void); /* that this process may use: affinity and cgroup quota */

/* Memory for results, aligned to 64 bytes; NULL where there is not enough. Of large blocks some are
 * kept when they are freed, for the next of about their size: at most 128 MB, and at most a 64th of
 * the machine's memory. Resizing keeps the bytes that both sizes have; where it fails, all. */
FC_API void *fc_result_new(int64_t bytes);
FC_API void *fc_result_resize(void *result, int64_t bytes);
FC_API void fc_result_free(void *result);

/* This machine's ceilings, measured for about `seconds`: multiply-adds in registers (FLOP/s), a
 * large copy (bytes read and written a second). */
FC_API fc_status fc_measure_flops(fc_dtype dtype, double seconds, double *flops,
                                  const fc_call *call);
FC_API fc_status fc_measure_bandwidth(double seconds, double *bytes, const fc_call *call);

/* ---- Filters of images, volumes and signals -----------------------------------------------------
 *
 * Arrays of any number of dimensions and any real element type; results are SciPy's (ndimage,
 * 1.17): sums in double, in its order of terms, converted to the output's type as x86-64 does in C:
 * truncated, and wrapped around. float32 and small integers are computed natively where that is the
 * same, for float32 within 1e-5 of the sum of the terms' magnitudes. */

typedef enum fc_element {
    FC_BOOL = 0,
    FC_INT8,
    FC_UINT8,
    FC_INT16,
    FC_UINT16,
    FC_INT32,
    FC_UINT32,
    FC_INT64,
    FC_UINT64,
    FC_FLOAT32,
    FC_FLOAT64,
    FC_ELEMENTS /* their number */
} fc_element;

/* How a line a b c d goes on beyond its ends. */
typedef enum fc_border {
    FC_NEAREST = 0, /* a a a | a b c d | d d d */
    FC_WRAP,        /* b c d | a b c d | a b c */
    FC_REFLECT,     /* c b a | a b c d | d c b */
    FC_MIRROR,      /* d c b | a b c d | c b a */
    FC_CONSTANT,    /* cval */
    FC_BORDERS      /* their number */
} fc_border;

typedef enum fc_window_op {
    FC_WINDOW_SUM = 0, /* of weights times elements */
    FC_WINDOW_MAX,     /* NaN where there is one */
    FC_WINDOW_MIN,
    FC_WINDOW_MEAN, /* of passes only */
    FC_WINDOW_OPS   /* their number */
} fc_window_op;

#define FC_FILTER_DIMS 64 /* at most */

/* out[i] = op over j of weights[j] and extended(in)[i + j - offset]. Real sums over a window that
 * is the product of one for each axis may run as passes. */
typedef struct fc_footprint {
    fc_element in, out;
    fc_element weight; /* FC_FLOAT64; or that of in and out, an integer: sums wrap around in it */
    fc_window_op op;   /* MAX and MIN: over the j where weights[j], FC_UINT8, is not 0 */
    int ndim;
    const int64_t *shape, *out_shape, *window, *offset; /* ndim of each */
    const fc_border *border;                            /* ndim */
    double cval;
    int every; /* SUM: weights that are next to nothing are terms too, as in no filter of SciPy's */
} fc_footprint;

FC_API fc_status fc_filter_taps(const fc_footprint *problem, const void *in, const void *weights,
                                void *out, const fc_call *call);

/* One axis: out[i] = op over j < size of weights[j] and extended(in)[i + j - offset]. */
typedef struct fc_pass {
    int axis;
    fc_window_op op;
    fc_border border;
    int64_t size, offset;
    const double *weights; /* of SUM: `size` of them */
} fc_pass;

/* Passes in their order; what one gives the next is of the output's type. No pass: a conversion. */
FC_API fc_status fc_filter_passes(fc_element in_type, fc_element out_type, int ndim,
                                  const int64_t *shape, const void *in, int passes,
                                  const fc_pass *pass, double cval, void *out, const fc_call *call);

#define FC_SHORT_LINE 32768
#define FC_SHORT_TAPS 64
/* y[i] = sum over t of w[t] * x[first + i - t], 0 <= i < count, x being 0 outside of its n
 * elements, taps <= n: a part of the full convolution of a short line with a few taps, on this
 * thread. `reversed`: of x and w back to front. */
FC_API fc_status fc_convolve_short(fc_dtype dtype, const void *x, int64_t n, const void *w,
                                   int64_t taps, int reversed, int64_t first, int64_t count,
                                   void *y);

#ifdef __cplusplus
}
#endif
#endif
