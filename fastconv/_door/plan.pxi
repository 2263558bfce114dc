# Plans: convolutions that are prepared for one shape, with weights that stay.

cdef int check_planned(str name, tuple input_shape, ConvForward problem, cnp.ndarray weight,
                       cnp.ndarray bias) except -1:
    """Refuse what the problem was not made for: C would read past its end."""
    cdef fc_conv *conv = &problem.conv
    cdef int typenum = cnp.NPY_FLOAT64 if conv.dtype == FC_F64 else cnp.NPY_FLOAT32
    cdef int64_t taps = conv.kernel[0] * conv.kernel[1] * conv.kernel[2]
    cdef int64_t space = conv.input[0] * conv.input[1] * conv.input[2]
    cdef int64_t inputs = 0 if problem.empty else conv.batch * conv.in_channels * space
    cdef int64_t weights = conv.out_channels * (conv.in_channels // conv.groups) * taps
    given = 1
    for size in input_shape:
        given *= size
    if (given != inputs or cnp.PyArray_TYPE(weight) != typenum
            or cnp.PyArray_SIZE(weight) != weights
            or bias is not None and (cnp.PyArray_TYPE(bias) != typenum
                                     or cnp.PyArray_SIZE(bias) != conv.out_channels)):
        raise ValueError(f"{name}: input_shape, weight and bias must be those of the problem: "
                         "plan_conv1d, plan_conv2d and plan_conv3d make plans")
    return 0


cdef class PlannedConv(Problem):
    """(input) -> output: a convolution with its algorithm chosen and its weights packed."""

    cdef fc_plan *plan
    cdef readonly str name
    cdef readonly ConvForward problem
    cdef int typenum, input_ndim
    cdef cnp.npy_intp input_dims[8]

    def __cinit__(self, str name, tuple input_shape, ConvForward problem not None,
                  cnp.ndarray weight not None, cnp.ndarray bias):
        cdef fc_status status
        cdef fc_plan *plan = NULL
        cdef int typenum = cnp.PyArray_TYPE(weight)
        check_planned(name, input_shape, problem, weight, bias)
        weight = plain(weight, typenum)
        bias = None if bias is None else plain(bias, typenum)
        cdef const void *w = cnp.PyArray_DATA(weight)
        cdef const void *b = NULL if bias is None else cnp.PyArray_DATA(bias)
        self.set_result(problem.shape, problem.empty, False)
        self.name = name
        self.problem = problem
        self.typenum = typenum
        self.input_ndim = set_dims(self.input_dims, input_shape)
        with nogil:
            status = fc_plan_create(&problem.conv, problem.algorithm, w, b, &plan)
        check(name, status)
        self.plan = plan

    def __dealloc__(self):
        if self.plan != NULL:
            fc_plan_destroy(self.plan)

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_plan_run(self.plan, a, out, &CALL)

    cdef bint takes(self, cnp.ndarray x) noexcept:
        cdef int i
        if cnp.PyArray_TYPE(x) != self.typenum or cnp.PyArray_NDIM(x) != self.input_ndim:
            return False
        for i in range(self.input_ndim):
            if cnp.PyArray_DIM(x, i) != self.input_dims[i]:
                return False
        return True

    def __call__(self, x, out=None):
        """Run the plan on `x`, which has the planned shape and dtype."""
        cdef cnp.ndarray array
        if type(x) is cnp.ndarray and self.takes(x):
            array = x
        else:
            array = rules.float_array(self.name, "x", x)
            if not self.takes(array):
                rules.refuse_planned(self.name, array, self.input_shape, self.dtype)
        return execute(self.name, self, self.typenum, out, plain(array, self.typenum), None, None)

    @property
    def input_shape(self):
        return tuple([self.input_dims[i] for i in range(self.input_ndim)])

    @property
    def dtype(self):
        return cnp.PyArray_DescrFromType(self.typenum)

    @property
    def algorithm_index(self):
        return <int> fc_plan_algorithm(self.plan)

    @property
    def packed_bytes(self):
        return fc_plan_packed_bytes(self.plan)

    @property
    def scratch_bytes(self):
        cdef int64_t nbytes = 0
        check(self.name, fc_plan_workspace(self.plan, fc_get_num_threads(), &nbytes))
        return nbytes
