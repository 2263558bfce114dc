# The gradients of convolution and of transposed convolution.

@cython.final
cdef class ConvGradInput(ConvProblem):
    """(grad_output, input, weight) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_grad_input(&self.conv, c, a, NULL, out, &CALL)


@cython.final
cdef class ConvGradWeight(ConvProblem):
    """(grad_output, input, weight) -> grad_weight."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_grad_weight(&self.conv, b, a, out, &CALL)


@cython.final
cdef class ConvGrads(ConvProblem):
    """(grad_output, input, weight) -> grad_input, grad_weight, grad_bias.

    All in one call, which is not that of the others: see `execute_gradients`.
    """


cdef tuple execute_gradients(str name, ConvGrads problem, tuple mask,
                             cnp.ndarray gy, cnp.ndarray x, cnp.ndarray w):
    """The gradients that the mask asks for, in one call; None for the others."""
    cdef cnp.npy_intp channels = problem.conv.out_channels
    cdef cnp.ndarray gx = like(x, mask[0])
    cdef cnp.ndarray gw = like(w, mask[1])
    cdef cnp.ndarray gb = None
    cdef fc_status status
    if mask[2]:
        gb = new_array(1, &channels, cnp.PyArray_TYPE(gy))
    cdef void *to_x = data_of(gx)
    cdef void *to_w = data_of(gw)
    cdef void *to_b = data_of(gb)
    cdef const void *from_x = data_of(x)
    cdef const void *from_w = data_of(w)
    cdef const void *from_y = data_of(gy)
    if problem.empty:
        for array in (gx, gw, gb):
            if array is not None:
                array.fill(0)
    elif any(mask):
        with nogil:
            status = fc_conv_grad(&problem.conv, from_x, from_w, from_y, to_x, to_w, to_b, &CALL)
        check(name, status)
    return gx, gw, gb


@cython.final
cdef class TransposedGradInput(ConvProblem):
    """(grad_output, input, weight) -> grad_input."""

    def __init__(self, geometry, tuple shape, tuple crop, int algorithm):
        ConvProblem.__init__(self, geometry, shape, crop, FC_AUTO)
        self.choose()

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_forward(&self.conv, self.algorithm, a, c, NULL, out, &CALL)


@cython.final
cdef class TransposedGradWeight(ConvProblem):
    """(grad_output, input, weight) -> grad_weight."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_grad_weight(&self.conv, a, b, out, &CALL)


@cython.final
cdef class GradBias(Problem):
    """(grad_output, ...) -> grad_bias."""

    cdef fc_dtype dtype
    cdef fc_layout layout
    cdef int64_t batch, channels, space

    def __init__(self, bint double, int layout, int64_t batch, int64_t channels, int64_t space):
        self.set_result((channels,), batch == 0, False)
        self.dtype = FC_F64 if double else FC_F32
        self.layout = <fc_layout> layout
        self.batch, self.channels, self.space = batch, channels, space

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_grad_bias(self.dtype, self.layout, self.batch, self.channels, self.space, a,
                                 out, &CALL)
