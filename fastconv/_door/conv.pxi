# Convolution, and transposed convolution, which is the gradient of one with respect to its input.

cdef class ConvProblem(Problem):
    cdef fc_conv conv
    cdef fc_algorithm algorithm
    cdef int planned

    def __init__(self, geometry, tuple shape, tuple crop, int algorithm):
        cdef fc_conv *conv = &self.conv
        self.set_result(shape, geometry.batch == 0, False)
        self.crop = crop
        self.algorithm = <fc_algorithm> algorithm
        self.planned = geometry.planned
        conv.dtype = FC_F64 if geometry.double else FC_F32
        conv.layout = <fc_layout> <int> geometry.layout
        conv.padding_mode = <fc_padding_mode> <int> geometry.padding_mode
        conv.batch = geometry.batch or 1
        conv.in_channels = geometry.in_channels
        conv.out_channels = geometry.out_channels
        conv.groups = geometry.groups
        set_spatial(conv.input, geometry.input, 1)
        set_spatial(conv.kernel, geometry.kernel, 1)
        set_spatial(conv.stride, geometry.stride, 1)
        set_spatial(conv.dilation, geometry.dilation, 1)
        set_spatial(conv.pad_before, geometry.before, 0)
        set_spatial(conv.pad_after, geometry.after, 0)
        set_spatial(conv.output, geometry.output, 1)
        conv.clamp = geometry.clamp is not None
        if conv.clamp:
            conv.min, conv.max = geometry.clamp

    def accepts(self, int algorithm):
        """None where the algorithm serves this problem, else the reason why not."""
        cdef const char *reason = fc_conv_accepts(&self.conv, <fc_algorithm> algorithm)
        return None if reason == NULL else text(reason)

    def cost(self, int algorithm):
        """The seconds that the algorithm is predicted to take for one image on one thread."""
        return fc_conv_cost(&self.conv, <fc_algorithm> algorithm, self.planned)

    cdef int choose(self) except -1:
        """Decide on the algorithm now, so that no call has to."""
        if self.algorithm == FC_AUTO and fc_conv_accepts(&self.conv, FC_AUTO) == NULL:
            self.algorithm = fc_conv_select(&self.conv, self.planned)
        return 0

    @property
    def elements(self):
        """Of input, weight and output."""
        cdef fc_conv *conv = &self.conv
        taps = conv.kernel[0] * conv.kernel[1] * conv.kernel[2]
        x = conv.input[0] * conv.input[1] * conv.input[2] * conv.in_channels
        y = conv.output[0] * conv.output[1] * conv.output[2] * conv.out_channels
        weight = conv.out_channels * (conv.in_channels // conv.groups) * taps
        return weight if self.empty else weight + conv.batch * (x + y)

    @property
    def flops(self):
        return 0 if self.empty else int(fc_conv_flops(&self.conv))


@cython.final
cdef class ConvForward(ConvProblem):
    """(input, weight, bias) -> output."""

    cdef fc_prepared *prepared  # NULL where it is for a plan, or no algorithm serves it

    def __init__(self, geometry, tuple shape, tuple crop, int algorithm):
        ConvProblem.__init__(self, geometry, shape, crop, algorithm)
        self.choose()
        fc_prepared_destroy(self.prepared)
        self.prepared = NULL
        if not self.planned and fc_conv_accepts(&self.conv, self.algorithm) == NULL:
            check("conv", fc_prepared_create(&self.conv, self.algorithm, &self.prepared))

    def __dealloc__(self):
        fc_prepared_destroy(self.prepared)

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_prepared_run(self.prepared, a, b, c, out, &CALL)


@cython.final
cdef class ConvTransposed(ConvProblem):
    """(input, weight, bias) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_grad_input(&self.conv, b, a, c, out, &CALL)
