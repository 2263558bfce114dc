# The C API of csrc/fastconv.h, as far as _core calls it.
from libc.stdint cimport int64_t


cdef extern from "fastconv.h" nogil:
    const char *FC_VERSION

    ctypedef enum fc_status:
        FC_OK
        FC_OUT_OF_MEMORY
        FC_INTERRUPTED
        FC_INVALID_INDEX

    ctypedef enum fc_dtype:
        FC_F32
        FC_F64

    ctypedef enum fc_layout:
        FC_CHANNELS_FIRST

    ctypedef enum fc_padding_mode:
        FC_PAD_ZEROS

    ctypedef enum fc_algorithm:
        FC_AUTO
        FC_ALGORITHMS

    ctypedef struct fc_call:
        int threads
        int (*interrupted)(void *context) noexcept nogil
        void *context

    ctypedef struct fc_conv:
        fc_dtype dtype
        fc_layout layout
        fc_padding_mode padding_mode
        int64_t batch
        int64_t in_channels
        int64_t out_channels
        int64_t groups
        int64_t input[3]
        int64_t kernel[3]
        int64_t stride[3]
        int64_t dilation[3]
        int64_t pad_before[3]
        int64_t pad_after[3]
        int64_t output[3]
        int clamp
        double min
        double max

    ctypedef struct fc_pool:
        fc_dtype dtype
        fc_layout layout
        int64_t batch
        int64_t channels
        int64_t input[3]
        int64_t kernel[3]
        int64_t stride[3]
        int64_t dilation[3]
        int64_t pad[3]
        int64_t output[3]

    ctypedef struct fc_prepared:
        pass

    ctypedef struct fc_plan:
        pass

    const char *fc_status_string(fc_status status)

    fc_status fc_conv_forward(const fc_conv *problem, fc_algorithm algorithm, const void *x,
                              const void *w, const void *bias, void *y, const fc_call *call)
    fc_status fc_prepared_create(const fc_conv *problem, fc_algorithm algorithm,
                                 fc_prepared **prepared)
    fc_status fc_prepared_run(const fc_prepared *prepared, const void *x, const void *w,
                              const void *bias, void *y, const fc_call *call)
    void fc_prepared_destroy(fc_prepared *prepared)
    fc_status fc_conv_grad_input(const fc_conv *problem, const void *w, const void *gy,
                                 const void *bias, void *gx, const fc_call *call)
    fc_status fc_conv_grad_weight(const fc_conv *problem, const void *x, const void *gy, void *gw,
                                  const fc_call *call)
    fc_status fc_conv_grad_bias(fc_dtype dtype, fc_layout layout, int64_t batch, int64_t channels,
                                int64_t space, const void *g, void *gb, const fc_call *call)

    fc_status fc_conv_grad(const fc_conv *problem, const void *x, const void *w, const void *gy,
                           void *gx, void *gw, void *gb, const fc_call *call)

    const char *fc_conv_accepts(const fc_conv *problem, fc_algorithm algorithm)
    fc_algorithm fc_conv_select(const fc_conv *problem, int planned)
    const char *fc_algorithm_name(fc_algorithm algorithm)
    double fc_conv_flops(const fc_conv *problem)
    double fc_conv_cost(const fc_conv *problem, fc_algorithm algorithm, int planned)

    fc_status fc_plan_create(const fc_conv *problem, fc_algorithm algorithm, const void *w,
                             const void *bias, fc_plan **plan)
    fc_status fc_plan_run(const fc_plan *plan, const void *x, void *y, const fc_call *call)
    fc_algorithm fc_plan_algorithm(const fc_plan *plan)
    int64_t fc_plan_packed_bytes(const fc_plan *plan)
    fc_status fc_plan_workspace(const fc_plan *plan, int threads, int64_t *bytes)
    void fc_plan_destroy(fc_plan *plan)

    fc_status fc_max_pool(const fc_pool *problem, const void *x, void *y, int64_t *indices,
                          const fc_call *call)
    fc_status fc_max_pool_grad(const fc_pool *problem, const void *gy, const int64_t *indices,
                               void *gx, const fc_call *call)
    fc_status fc_max_unpool(const fc_pool *problem, const void *x, const int64_t *indices, void *y,
                            const fc_call *call)
    fc_status fc_avg_pool(const fc_pool *problem, int count_include_pad, int64_t divisor,
                          const void *x, void *y, const fc_call *call)
    fc_status fc_avg_pool_grad(const fc_pool *problem, int count_include_pad, int64_t divisor,
                               const void *gy, void *gx, const fc_call *call)
    fc_status fc_lp_pool(const fc_pool *problem, double norm, const void *x, void *y,
                         const fc_call *call)
    fc_status fc_lp_pool_grad(const fc_pool *problem, double norm, const void *gy, const void *x,
                              const void *y, void *gx, const fc_call *call)
    fc_status fc_adaptive_avg_pool(const fc_pool *problem, const void *x, void *y,
                                   const fc_call *call)
    fc_status fc_adaptive_avg_pool_grad(const fc_pool *problem, const void *gy, void *gx,
                                        const fc_call *call)
    fc_status fc_adaptive_max_pool(const fc_pool *problem, const void *x, void *y, int64_t *indices,
                                   const fc_call *call)

    fc_status fc_unfold(const fc_conv *problem, const void *x, void *columns, const fc_call *call)
    fc_status fc_fold(const fc_conv *problem, const void *columns, void *x, const fc_call *call)

    # Activations, softmax and cross-entropy.
    ctypedef enum fc_activation:
        FC_RELU
        FC_RELU6
        FC_LEAKY_RELU
        FC_SIGMOID
        FC_SILU
        FC_TANH

    ctypedef struct fc_classes:
        fc_dtype dtype
        int64_t outer
        int64_t classes
        int64_t inner

    ctypedef struct fc_targets:
        const int64_t *classes
        int64_t ignored
        const void *weight
        double smoothing

    fc_status fc_activate(fc_dtype dtype, fc_activation kind, double value, int64_t count,
                          const void *x, void *y, const fc_call *call)
    fc_status fc_activate_grad(fc_dtype dtype, fc_activation kind, double value, int64_t count,
                               const void *gy, const void *kept, void *gx, const fc_call *call)
    fc_status fc_softmax(const fc_classes *problem, const void *x, void *y, const fc_call *call)
    fc_status fc_softmax_grad(const fc_classes *problem, const void *gy, const void *y, void *gx,
                              const fc_call *call)
    fc_status fc_log_softmax(const fc_classes *problem, const void *x, void *y,
                             const fc_call *call)
    fc_status fc_log_softmax_grad(const fc_classes *problem, const void *gy, const void *y,
                                  void *gx, const fc_call *call)
    fc_status fc_cross_entropy(const fc_classes *problem, const void *x, const fc_targets *targets,
                               void *losses, void *p, double *sums, const fc_call *call)
    fc_status fc_cross_entropy_grad(const fc_classes *problem, const void *p,
                                    const fc_targets *targets, const void *gy, double scale,
                                    void *gx, const fc_call *call)

    fc_status fc_nll(const fc_classes *problem, const void *x, const fc_targets *targets,
                     void *losses, double *sums, const fc_call *call)
    fc_status fc_nll_grad(const fc_classes *problem, const fc_targets *targets, const void *gy,
                          double scale, void *gx, const fc_call *call)

    # Losses of each element.
    ctypedef enum fc_loss_kind:
        FC_SQUARED
        FC_ABSOLUTE
        FC_BINARY

    ctypedef struct fc_loss:
        fc_dtype dtype
        fc_loss_kind kind
        int64_t count
        double positive

    fc_status fc_loss_forward(const fc_loss *problem, const void *x, const void *target,
                              const void *positive, void *losses, double *sum, const fc_call *call)
    fc_status fc_loss_grad(const fc_loss *problem, const void *x, const void *target,
                           const void *positive, double scale, void *gx, const fc_call *call)

    # Padding and resizing.
    ctypedef struct fc_pad:
        fc_dtype dtype
        int64_t planes
        int64_t input[3]
        int64_t output[3]
        int64_t before[3]

    ctypedef struct fc_resize:
        fc_dtype dtype
        int64_t outer, input, output, inner, taps
        const int64_t *sources
        const void *weights

    fc_status fc_pad_zeros(const fc_pad *problem, const void *x, void *y, const fc_call *call)
    fc_status fc_resize_axis(const fc_resize *problem, const void *x, void *y, const fc_call *call)

    # Normalisation and linear.
    ctypedef struct fc_batch_norm:
        fc_dtype dtype
        int64_t batch, channels, space
        int training
        double eps, momentum

    fc_status fc_batch_norm_forward(const fc_batch_norm *problem, const void *x, const void *weight,
                                    const void *bias, void *running_mean, void *running_variance,
                                    double *mean, double *inverse, void *y, const fc_call *call)
    fc_status fc_batch_norm_grad(const fc_batch_norm *problem, const void *x, const void *weight,
                                 const double *mean, const double *inverse, const void *gy,
                                 void *gx, void *gw, void *gb, const fc_call *call)
    fc_status fc_linear(fc_dtype dtype, int64_t rows, int64_t in_, int64_t out, const void *x,
                        const void *w, const void *bias, void *y, const fc_call *call)
    fc_status fc_linear_grad(fc_dtype dtype, int64_t rows, int64_t in_, int64_t out, const void *x,
                             const void *w, const void *gy, void *gx, void *gw, void *gb,
                             const fc_call *call)

    # Optimisers.
    ctypedef struct fc_sgd:
        double lr
        double momentum
        double dampening
        double weight_decay
        int nesterov
        int maximize
    ctypedef struct fc_adam:
        double lr
        double beta1
        double beta2
        double eps
        double weight_decay
        int decoupled
        int maximize
    fc_status fc_sgd_update(fc_dtype dtype, int64_t count, const fc_sgd *options,
                            const void *gradient, void *weight, void *velocity, int fresh,
                            const fc_call *call)
    fc_status fc_adam_update(fc_dtype dtype, int64_t count, const fc_adam *options, int64_t step,
                             const void *gradient, void *weight, void *mean, void *square,
                             void *greatest, const fc_call *call)

    ctypedef enum fc_element:
        FC_BOOL
        FC_INT8
        FC_UINT8
        FC_FLOAT32
        FC_FLOAT64
    ctypedef enum fc_border:
        FC_NEAREST
    ctypedef enum fc_window_op:
        FC_WINDOW_SUM
    enum: FC_FILTER_DIMS
    ctypedef struct fc_footprint:
        fc_element input "in"
        fc_element out
        fc_element weight
        fc_window_op op
        int ndim
        const int64_t *shape
        const int64_t *out_shape
        const int64_t *window
        const int64_t *offset
        const fc_border *border
        double cval
        int every
    fc_status fc_filter_taps(const fc_footprint *problem, const void *a, const void *weights,
                             void *out, const fc_call *call)
    ctypedef struct fc_pass:
        int axis
        fc_window_op op
        fc_border border
        int64_t size
        int64_t offset
        const double *weights
    fc_status fc_filter_passes(fc_element in_type, fc_element out_type, int ndim,
                               const int64_t *shape, const void *a, int passes,
                               const fc_pass *each, double cval, void *out, const fc_call *call)

    # Short lines.
    int64_t FC_SHORT_LINE
    int64_t FC_SHORT_TAPS
    fc_status fc_convolve_short(fc_dtype dtype, const void *x, int64_t n, const void *w,
                                int64_t taps, int reversed, int64_t first, int64_t count, void *y)

    fc_status fc_select_isa(const char *name)
    const char *fc_isa()
    int fc_isa_count()
    const char *fc_isa_name(int i)
    int fc_isa_available(int i)

    void fc_set_num_threads(int n)
    int fc_get_num_threads()
    void fc_set_local_num_threads(int n)
    int fc_get_local_num_threads()
    int fc_cpu_count()

    void *fc_result_new(int64_t bytes)
    void *fc_result_resize(void *result, int64_t bytes)
    void fc_result_free(void *result)
    fc_status fc_measure_flops(fc_dtype dtype, double seconds, double *flops, const fc_call *call)
    fc_status fc_measure_bandwidth(double seconds, double *bytes, const fc_call *call)

cdef extern from "runtime/scratch.h" nogil:
    ctypedef enum fc_poison:
        FC_POISON_NONE
        FC_POISON_NAN
    void fc_scratch_poison(fc_poison pattern)
