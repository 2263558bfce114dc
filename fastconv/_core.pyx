# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The one door to C: arrays to pointers, the GIL released, statuses to exceptions.

An `Operator` takes arrays and options. The first time it sees their shapes, dtype and values it has
them checked above, and made a `Problem`: one C function with everything but its arrays. It keeps
the problem, so that the same call costs a look-up from then on. There are no defaults here.
"""

cimport cython
cimport numpy as cnp
from cpython.dict cimport PyDict_GetItemWithError
from cpython.exc cimport PyErr_Occurred
from cpython.long cimport PyLong_FromSsize_t
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from libc.string cimport memset, strcpy

cnp.import_array()

cdef object rules = None


def consult(module):
    """Ask this module (`_args`, which stands above) to convert and to refuse unusual arrays."""
    global rules
    rules = module


cdef extern from *:
    """
    #if defined(__clang__)
    #define FC_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define FC_COMPILER "gcc " __VERSION__
    #else
    #define FC_COMPILER "unknown"
    #endif
    /* -1 where an exception is pending, so that Cython lets it pass on. */
    static int fc_pending(void) { return PyErr_Occurred() ? -1 : 0; }
    """
    const char *FC_COMPILER
    PyObject *PyDataMem_DefaultHandler
    int fc_pending() except -1
    # Declared without `except`: the exception stays pending until fc_pending() meets it.
    int PyErr_CheckSignals()


# ---- Calls into C --------------------------------------------------------------------------------

cdef int interrupted(void *context) noexcept with gil:
    """Whether a signal's handler raised (Ctrl-C, in the main thread): that stays pending."""
    return PyErr_Occurred() != NULL or PyErr_CheckSignals() != 0


cdef str text(const char *words):
    return (<bytes> words).decode()


cdef fc_call CALL
CALL.threads = 0
CALL.interrupted = <int (*)(void *) noexcept nogil> interrupted
CALL.context = NULL


cdef int check(str name, fc_status status) except -1:
    """The one place where a status becomes an exception."""
    if status == FC_OK:
        return 0
    if status == FC_INTERRUPTED:
        fc_pending()
        raise KeyboardInterrupt
    if status == FC_OUT_OF_MEMORY:
        raise MemoryError(f"{name}: not enough memory")
    reason = text(fc_status_string(status))
    if status == FC_INVALID_INDEX:
        raise ValueError(f"{name}: indices: {reason}")
    raise ValueError(f"{name}: {reason}")


# ---- Problems: one class a C function ------------------------------------------------------------

cdef int set_dims(cnp.npy_intp[8] dims, tuple shape) except -1:
    """Write a shape; give its length."""
    cdef int i, ndim = len(shape)
    if ndim > 8:
        raise ValueError(f"a shape of {ndim} dimensions")
    for i in range(ndim):
        dims[i] = shape[i]
    return ndim


cdef class Problem:
    """A C function with everything but its arrays: checked, immutable, shared between threads."""

    cdef int ndim
    cdef cnp.npy_intp dims[8]
    cdef bint empty  # the batch is: nothing to run, and all of the result is zero
    cdef bint indexed  # gives indices as well
    cdef tuple crop  # what the function reads of the first array, where that is not all of it

    cdef int set_result(self, tuple shape, bint empty, bint indexed) except -1:
        self.ndim = set_dims(self.dims, shape)
        self.empty = empty
        self.indexed = indexed
        return 0

    @property
    def shape(self):
        return tuple([self.dims[i] for i in range(self.ndim)])

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return FC_OK


cdef int set_spatial(int64_t *to, tuple values, int64_t unused) except -1:
    """Write the last dimensions; `unused` stands in those that the problem does not have."""
    cdef int i, missing = 3 - <int> len(values)
    for i in range(3):
        to[i] = unused if i < missing else values[i - missing]
    return 0


cdef class ConvProblem(Problem):
    cdef fc_conv conv
    cdef fc_algorithm algorithm

    def __init__(self, geometry, tuple shape, tuple crop, int algorithm):
        cdef fc_conv *conv = &self.conv
        self.set_result(shape, geometry.batch == 0, False)
        self.crop = crop
        self.algorithm = <fc_algorithm> algorithm
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
        return fc_conv_cost(&self.conv, <fc_algorithm> algorithm)

    cdef int choose(self) except -1:
        """Decide on the algorithm now, so that no call has to."""
        if self.algorithm == FC_AUTO and fc_conv_accepts(&self.conv, FC_AUTO) == NULL:
            self.algorithm = fc_conv_select(&self.conv)
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

    def __init__(self, geometry, tuple shape, tuple crop, int algorithm):
        ConvProblem.__init__(self, geometry, shape, crop, algorithm)
        self.choose()

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_forward(&self.conv, self.algorithm, a, b, c, out, &CALL)


@cython.final
cdef class ConvTransposed(ConvProblem):
    """(input, weight, bias) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_conv_grad_input(&self.conv, b, a, c, out, &CALL)


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
    """(grad_output, input, weight) -> grad_input, grad_weight, grad_bias: see `Operator.run_all`."""


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


@cython.final
cdef class Unfold(ConvProblem):
    """(input) -> columns."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_unfold(&self.conv, a, out, &CALL)


@cython.final
cdef class Fold(ConvProblem):
    """(columns) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_fold(&self.conv, a, out, &CALL)


cdef class PoolProblem(Problem):
    cdef fc_pool pool
    cdef bint include_pad
    cdef int64_t divisor
    cdef double norm

    def __init__(self, geometry, tuple shape, bint indexed):
        cdef fc_pool *pool = &self.pool
        self.set_result(shape, geometry.batch == 0, indexed)
        pool.dtype = FC_F64 if geometry.double else FC_F32
        pool.layout = <fc_layout> <int> geometry.layout
        pool.batch = geometry.batch or 1
        pool.channels = geometry.channels
        set_spatial(pool.input, geometry.input, 1)
        set_spatial(pool.kernel, geometry.kernel, 1)
        set_spatial(pool.stride, geometry.stride, 1)
        set_spatial(pool.dilation, geometry.dilation, 1)
        set_spatial(pool.pad, geometry.pad, 0)
        set_spatial(pool.output, geometry.output, 1)
        self.include_pad = geometry.include_pad
        self.divisor = geometry.divisor
        self.norm = geometry.norm


@cython.final
cdef class MaxPool(PoolProblem):
    """(input) -> output, indices."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_max_pool(&self.pool, a, out, indices, &CALL)


@cython.final
cdef class MaxPoolGrad(PoolProblem):
    """(grad_output, indices) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_max_pool_grad(&self.pool, a, <const int64_t *> b, out, &CALL)


@cython.final
cdef class MaxUnpool(PoolProblem):
    """(input, indices) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_max_unpool(&self.pool, a, <const int64_t *> b, out, &CALL)


@cython.final
cdef class AvgPool(PoolProblem):
    """(input) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_avg_pool(&self.pool, self.include_pad, self.divisor, a, out, &CALL)


@cython.final
cdef class AvgPoolGrad(PoolProblem):
    """(grad_output) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_avg_pool_grad(&self.pool, self.include_pad, self.divisor, a, out, &CALL)


@cython.final
cdef class LpPool(PoolProblem):
    """(input) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_lp_pool(&self.pool, self.norm, a, out, &CALL)


@cython.final
cdef class LpPoolGrad(PoolProblem):
    """(grad_output, input, output) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_lp_pool_grad(&self.pool, self.norm, a, b, c, out, &CALL)


@cython.final
cdef class AdaptiveAvgPool(PoolProblem):
    """(input) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_adaptive_avg_pool(&self.pool, a, out, &CALL)


@cython.final
cdef class AdaptiveAvgPoolGrad(PoolProblem):
    """(grad_output) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_adaptive_avg_pool_grad(&self.pool, a, out, &CALL)


@cython.final
cdef class AdaptiveMaxPool(PoolProblem):
    """(input) -> output, indices."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_adaptive_max_pool(&self.pool, a, out, indices, &CALL)


# ---- Arrays --------------------------------------------------------------------------------------

cdef inline bint is_float(cnp.ndarray array) noexcept:
    return cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32 or cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64


cdef inline tuple shape_of(cnp.ndarray array):
    if array is None:
        return None
    cdef int i, ndim = cnp.PyArray_NDIM(array)
    cdef tuple shape = PyTuple_New(ndim)
    for i in range(ndim):
        size = PyLong_FromSsize_t(cnp.PyArray_DIM(array, i))
        Py_INCREF(size)  # PyTuple_SET_ITEM takes one away
        PyTuple_SET_ITEM(shape, i, size)
    return shape


cdef inline cnp.ndarray plain(cnp.ndarray array, int typenum):
    """The array itself where C can read it as it is, else a contiguous, aligned, native copy."""
    if cnp.PyArray_ISCARRAY_RO(array) and cnp.PyArray_TYPE(array) == typenum:
        return array
    return cnp.PyArray_FROM_OTF(array, typenum, cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED
                                | cnp.NPY_ARRAY_NOTSWAPPED)


cdef inline bint overlap(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two contiguous arrays share memory."""
    if b is None:
        return False
    cdef char *start = cnp.PyArray_BYTES(a)
    cdef char *other = cnp.PyArray_BYTES(b)
    return start < other + cnp.PyArray_NBYTES(b) and other < start + cnp.PyArray_NBYTES(a)


cdef inline bint fits(cnp.ndarray array, Problem problem) noexcept:
    """Whether the array has the shape of the problem's result."""
    cdef int i
    if cnp.PyArray_NDIM(array) != problem.ndim:
        return False
    for i in range(problem.ndim):
        if cnp.PyArray_DIM(array, i) != problem.dims[i]:
            return False
    return True


# ---- New arrays ----------------------------------------------------------------------------------

cdef void *handler_malloc(void *context, size_t size) noexcept nogil:
    return fc_result_new(<int64_t> size)


cdef void *handler_calloc(void *context, size_t count, size_t size) noexcept nogil:
    if size and count > <size_t> -1 // size:
        return NULL
    cdef void *memory = fc_result_new(<int64_t> (count * size))
    if memory:
        memset(memory, 0, count * size)
    return memory


cdef void *handler_realloc(void *context, void *memory, size_t size) noexcept nogil:
    return fc_result_resize(memory, <int64_t> size)


cdef void handler_free(void *context, void *memory, size_t size) noexcept nogil:
    fc_result_free(memory)


cdef cnp.PyDataMem_Handler HANDLER
strcpy(HANDLER.name, b"fastconv")
HANDLER.version = 1
HANDLER.allocator.ctx = NULL
HANDLER.allocator.malloc = handler_malloc
HANDLER.allocator.calloc = handler_calloc
HANDLER.allocator.realloc = handler_realloc
HANDLER.allocator.free = handler_free
cdef object OURS = PyCapsule_New(&HANDLER, "mem_handler", NULL)
cdef object NUMPYS = <object> PyDataMem_DefaultHandler

# Smaller arrays are NumPy's own: to change its handler and back takes as long as making them.
cdef double HANDLED_BYTES = 1 << 16


cdef cnp.ndarray new_array(int ndim, cnp.npy_intp *dims, int typenum):
    """An array that is not filled: in memory of `fc_result_new` where it is large.

    But where the program has set a handler of its own (`PyDataMem_SetHandler`), that serves all.
    """
    cdef int i
    cdef double nbytes = 4 if typenum == cnp.NPY_FLOAT32 else 8
    for i in range(ndim):
        nbytes *= dims[i]
    if nbytes < HANDLED_BYTES or cnp.PyDataMem_GetHandler() is not NUMPYS:
        return cnp.PyArray_EMPTY(ndim, dims, typenum, 0)
    cnp.PyDataMem_SetHandler(OURS)
    try:
        return cnp.PyArray_EMPTY(ndim, dims, typenum, 0)
    finally:
        cnp.PyDataMem_SetHandler(NUMPYS)


# ---- Runs ----------------------------------------------------------------------------------------

cdef cnp.ndarray target_of(str name, Problem problem, int typenum, out,
                           cnp.ndarray a, cnp.ndarray b, cnp.ndarray c):
    """Where C may write the result: `out` if it is plain and shares no memory with an input."""
    cdef cnp.ndarray array
    if out is not None:
        if not isinstance(out, cnp.ndarray):
            rules.refuse_out(name, out, problem.shape, cnp.PyArray_DescrFromType(typenum))
        array = out
        if not (fits(array, problem) and cnp.PyArray_TYPE(array) == typenum
                and cnp.PyArray_ISNOTSWAPPED(array) and cnp.PyArray_ISWRITEABLE(array)):
            rules.refuse_out(name, out, problem.shape, cnp.PyArray_DescrFromType(typenum))
        if (cnp.PyArray_ISCARRAY(array) and not overlap(array, a) and not overlap(array, b)
                and not overlap(array, c)):
            return array
    return new_array(problem.ndim, problem.dims, typenum)


cdef object execute(str name, Problem problem, int typenum, out,
                    cnp.ndarray a, cnp.ndarray b, cnp.ndarray c):
    """Run a problem on arrays that C can read, into `out` or a new array."""
    cdef cnp.ndarray result = target_of(name, problem, typenum, out, a, b, c)
    cdef cnp.ndarray indices = None
    cdef fc_status status
    cdef const void *first = cnp.PyArray_DATA(a)
    cdef const void *second = NULL if b is None else cnp.PyArray_DATA(b)
    cdef const void *third = NULL if c is None else cnp.PyArray_DATA(c)
    cdef void *target = cnp.PyArray_DATA(result)
    cdef int64_t *index = NULL
    if problem.indexed:
        indices = new_array(problem.ndim, problem.dims, cnp.NPY_INT64)
        index = <int64_t *> cnp.PyArray_DATA(indices)
    if problem.empty:
        memset(target, 0, cnp.PyArray_NBYTES(result))
    else:
        with nogil:
            status = problem.run(first, second, third, target, index)
        check(name, status)
    if out is None:
        out = result
    elif out is not result:
        cnp.PyArray_CopyInto(out, result)
    return (out, indices) if problem.indexed else out


cdef cnp.ndarray like(cnp.ndarray array, bint wanted):
    """A new array of the same shape and type, in C's order; None unless it is wanted."""
    if not wanted:
        return None
    return new_array(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array),
                             cnp.PyArray_TYPE(array))


cdef inline void *data_of(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


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


# ---- Operators -----------------------------------------------------------------------------------

cdef bint keepable(tuple options, Py_ssize_t flags) noexcept:
    """Whether equal options mean the same call: `1 == True == 1.0`, so only exact types do.

    The last `flags` of them are bools, and no other is.
    """
    cdef Py_ssize_t i, count = PyTuple_GET_SIZE(options)
    for i in range(count):
        item = <object> PyTuple_GET_ITEM(options, i)
        if i >= count - flags:
            if type(item) is not bool:
                return False
        elif type(item) is tuple:
            if not keepable(<tuple> item, 0):
                return False
        elif not (type(item) is int or item is None or type(item) is str):
            return False
    return True


cdef Py_ssize_t KEPT = 512  # problems an operator remembers


@cython.final
cdef class Operator:
    """A public function: its name, dimensions and arrays, and the problems it has met.

    Parameters
    ----------
    name : str
        As the user knows it.
    n : int
        The number of spatial dimensions.
    arrays : tuple of str
        The names of up to three arrays. One ending in "?" may be None, "indices" are integers,
        and "" is not there.
    parse : callable
        ``parse(operator, double, shapes, options)`` gives the `Problem`, or raises.
    flags : int
        How many of the options, the last ones, are bools.
    """

    cdef readonly str name
    cdef readonly int n
    cdef readonly tuple arrays
    cdef int absent, optional, integral  # bits of the arrays
    cdef object parse
    cdef Py_ssize_t flags
    cdef dict problems

    def __init__(self, str name, int n, tuple arrays, parse, int flags):
        self.name = name
        self.n = n
        self.arrays = tuple([array.rstrip("?") for array in arrays])
        self.absent = sum([1 << i for i in range(3) if i >= len(arrays) or not arrays[i]])
        self.optional = sum([1 << i for i, array in enumerate(arrays) if array.endswith("?")])
        self.integral = sum([1 << i for i, array in enumerate(arrays) if array == "indices"])
        self.parse = parse
        self.flags = flags
        self.problems = {}

    cdef cnp.ndarray array(self, int i, object array):
        """The i-th array, with any strides; None where it is not there."""
        if self.integral >> i & 1:
            return rules.integer_array(self.name, self.arrays[i], array)
        if type(array) is cnp.ndarray and is_float(array):
            return array
        if self.absent >> i & 1 or (array is None and self.optional >> i & 1):
            return None
        return rules.float_array(self.name, self.arrays[i], array)

    cdef Problem problem(self, cnp.ndarray a, cnp.ndarray b, cnp.ndarray c, tuple options):
        """The problem that the arrays and options make."""
        cdef int typenum = cnp.PyArray_TYPE(a)
        cdef tuple shapes, key
        cdef PyObject *known
        if ((b is not None and not self.integral and cnp.PyArray_TYPE(b) != typenum)
                or (c is not None and cnp.PyArray_TYPE(c) != typenum)):
            rules.refuse_mixed(self.name, self.arrays, (a, b, c))
        shapes = (shape_of(a), shape_of(b), shape_of(c))
        if not keepable(options, self.flags):
            return self.parse(self, typenum == cnp.NPY_FLOAT64, shapes, options)
        key = (options, typenum, shapes)
        known = PyDict_GetItemWithError(self.problems, key)
        if known != NULL:
            return <Problem> known
        problem = self.parse(self, typenum == cnp.NPY_FLOAT64, shapes, options)
        if len(self.problems) >= KEPT:
            self.problems.clear()
        self.problems[key] = problem
        return problem

    def run(self, a, b, c, tuple options, out):
        """The operator's result for three arrays, None where there is none."""
        cdef cnp.ndarray first = self.array(0, a)
        cdef cnp.ndarray second = self.array(1, b)
        cdef cnp.ndarray third = self.array(2, c)
        cdef Problem problem = self.problem(first, second, third, options)
        cdef int typenum = cnp.PyArray_TYPE(first)
        if problem.crop is not None:
            first = first[problem.crop]
        first = plain(first, typenum)
        if second is not None:
            second = plain(second, cnp.NPY_INT64 if self.integral else typenum)
        if third is not None:
            third = plain(third, typenum)
        return execute(self.name, problem, typenum, out, first, second, third)

    def run_all(self, a, b, c, tuple options, tuple mask):
        """For a problem that is `ConvGrads`: all of its results, None where the mask is False."""
        cdef cnp.ndarray first = self.array(0, a)
        cdef cnp.ndarray second = self.array(1, b)
        cdef cnp.ndarray third = self.array(2, c)
        cdef ConvGrads problem = self.problem(first, second, third, options)
        cdef int typenum = cnp.PyArray_TYPE(first)
        return execute_gradients(self.name, problem, mask, plain(first, typenum),
                                 plain(second, typenum), plain(third, typenum))

    def prepare(self, a, b, c, tuple options):
        """(problem, the first array, the second): raise what `run` would, and run nothing."""
        cdef cnp.ndarray first = self.array(0, a)
        cdef cnp.ndarray second = self.array(1, b)
        return self.problem(first, second, self.array(2, c), options), first, second


# ---- Plans ---------------------------------------------------------------------------------------

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


# ---- Layers: arrays ------------------------------------------------------------------------------

cdef cnp.ndarray floats(str name, str argument, x):
    """`x` as C can read it: contiguous, aligned, native; float32 or float64."""
    if type(x) is not cnp.ndarray or not is_float(<cnp.ndarray> x):
        x = rules.float_array(name, argument, x)
    return plain(<cnp.ndarray> x, cnp.PyArray_TYPE(<cnp.ndarray> x))


cdef cnp.ndarray floats_like(str name, str argument, x, str other, cnp.ndarray model):
    """`floats`, of the shape and dtype of another argument."""
    cdef cnp.ndarray array = floats(name, argument, x)
    if cnp.PyArray_TYPE(array) != cnp.PyArray_TYPE(model):
        rules.refuse_mixed(name, (argument, other), (array, model))
    if not cnp.PyArray_SAMESHAPE(array, model):
        raise ValueError(f"{name}: {argument} has shape {shape_of(array)}; it must have "
                         f"that of {other}, {shape_of(model)}")
    return array


cdef inline fc_dtype dtype_of(cnp.ndarray array) noexcept:
    return FC_F64 if cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64 else FC_F32


# ---- Layers: activations -------------------------------------------------------------------------

cdef cnp.ndarray activate(str name, fc_activation kind, double value, x):
    """An activation of each element of x."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef cnp.ndarray y = like(a, True)
    cdef const void *src = cnp.PyArray_DATA(a)
    cdef void *dst = cnp.PyArray_DATA(y)
    cdef fc_dtype dtype = dtype_of(a)
    cdef int64_t count = cnp.PyArray_SIZE(a)
    cdef fc_status status
    with nogil:
        status = fc_activate(dtype, kind, value, count, src, dst, &CALL)
    check(name, status)
    return y


cdef cnp.ndarray activate_backward(str name, fc_activation kind, double value, gy, kept):
    """Its gradient, from x or y."""
    cdef cnp.ndarray b = floats(name, "output", kept)
    cdef cnp.ndarray a = floats_like(name, "gy", gy, "output", b)
    cdef cnp.ndarray gx = like(b, True)
    cdef const void *from_gy = cnp.PyArray_DATA(a)
    cdef const void *from_kept = cnp.PyArray_DATA(b)
    cdef void *dst = cnp.PyArray_DATA(gx)
    cdef fc_dtype dtype = dtype_of(b)
    cdef int64_t count = cnp.PyArray_SIZE(b)
    cdef fc_status status
    with nogil:
        status = fc_activate_grad(dtype, kind, value, count, from_gy, from_kept, dst, &CALL)
    check(name, status)
    return gx


def relu(x):
    """max(x, 0)"""
    return activate("ReLU", FC_RELU, 0, x)


def relu_backward(gy, y):
    """gy where y > 0, else 0; `y` may also be x"""
    return activate_backward("ReLU.backward", FC_RELU, 0, gy, y)


def relu6(x):
    """min(max(x, 0), 6)"""
    return activate("ReLU6", FC_RELU6, 0, x)


def relu6_backward(gy, y):
    """gy where 0 < y < 6, else 0"""
    return activate_backward("ReLU6.backward", FC_RELU6, 0, gy, y)


def leaky_relu(x, double slope):
    """x where it is positive, else slope * x"""
    return activate("LeakyReLU", FC_LEAKY_RELU, slope, x)


def leaky_relu_backward(gy, x, double slope):
    """gy where x > 0, else slope * gy"""
    return activate_backward("LeakyReLU.backward", FC_LEAKY_RELU, slope, gy, x)


def sigmoid(x):
    """1 / (1 + exp(-x))"""
    return activate("Sigmoid", FC_SIGMOID, 0, x)


def sigmoid_backward(gy, y):
    """gy * y * (1 - y)"""
    return activate_backward("Sigmoid.backward", FC_SIGMOID, 0, gy, y)


def silu(x):
    """x * sigmoid(x)"""
    return activate("SiLU", FC_SILU, 0, x)


def silu_backward(gy, x):
    """gy * sigmoid(x) * (1 + x * (1 - sigmoid(x)))"""
    return activate_backward("SiLU.backward", FC_SILU, 0, gy, x)


def tanh(x):
    """tanh(x)"""
    return activate("Tanh", FC_TANH, 0, x)


def tanh_backward(gy, y):
    """gy * (1 - y * y)"""
    return activate_backward("Tanh.backward", FC_TANH, 0, gy, y)


# ---- Layers: softmax and cross-entropy -----------------------------------------------------------

cdef int set_classes(fc_classes *c, cnp.ndarray x, int axis) noexcept:
    """The axes before `axis`, that one, and those after it."""
    cdef int i
    c.dtype = dtype_of(x)
    c.outer = c.inner = 1
    c.classes = cnp.PyArray_DIM(x, axis)
    for i in range(cnp.PyArray_NDIM(x)):
        if i < axis:
            c.outer *= cnp.PyArray_DIM(x, i)
        elif i > axis:
            c.inner *= cnp.PyArray_DIM(x, i)
    return 0


def softmax(str name, x, int axis, bint log):
    """Softmax, or its logarithm, along an axis (0 <= axis < x.ndim)."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef cnp.ndarray y = like(a, True)
    cdef const void *src = cnp.PyArray_DATA(a)
    cdef void *dst = cnp.PyArray_DATA(y)
    cdef fc_classes c
    cdef fc_status status = FC_OK
    set_classes(&c, a, axis)
    if cnp.PyArray_SIZE(a):
        with nogil:
            if log:
                status = fc_log_softmax(&c, src, dst, &CALL)
            else:
                status = fc_softmax(&c, src, dst, &CALL)
    check(name, status)
    return y


def softmax_backward(str name, gy, y, int axis, bint log):
    """Their gradients, from the output."""
    cdef cnp.ndarray b = floats(name, "output", y)
    cdef cnp.ndarray a = floats_like(name, "gy", gy, "output", b)
    cdef cnp.ndarray gx = like(b, True)
    cdef const void *from_gy = cnp.PyArray_DATA(a)
    cdef const void *from_y = cnp.PyArray_DATA(b)
    cdef void *dst = cnp.PyArray_DATA(gx)
    cdef fc_classes c
    cdef fc_status status = FC_OK
    set_classes(&c, b, axis)
    if cnp.PyArray_SIZE(b):
        with nogil:
            if log:
                status = fc_log_softmax_grad(&c, from_gy, from_y, dst, &CALL)
            else:
                status = fc_softmax_grad(&c, from_gy, from_y, dst, &CALL)
    check(name, status)
    return gx


cdef fc_targets targets_of(cnp.ndarray target, cnp.ndarray weight, int64_t ignored) noexcept:
    cdef fc_targets targets
    targets.classes = <const int64_t *> cnp.PyArray_DATA(target)
    targets.ignored = ignored
    targets.weight = data_of(weight)
    return targets


cdef bint are_targets(cnp.ndarray target, cnp.ndarray x) noexcept:
    """Whether it has the shape of x without its classes."""
    cdef int i, ndim = cnp.PyArray_NDIM(x)
    if ndim == 0 or cnp.PyArray_NDIM(target) != ndim - 1:
        return False
    for i in range(ndim - 1):
        if cnp.PyArray_DIM(target, i) != cnp.PyArray_DIM(x, i if i == 0 else i + 1):
            return False
    return True


def cross_entropy(str name, output, target, weight, int64_t ignored, bint each, bint keep,
                  bint given):
    """Cross-entropy for class indices, in one pass; or, of `given` log-probabilities, -output.

    Gives (target, softmax (None unless `keep`) or what is given, losses or None, sum of losses, of weights, whether float32).

    The target comes back as C reads it. None: a target is no class, or something is of the wrong
    kind or shape. The classes are axis 1 of the output, or axis 0 of a vector.
    """
    cdef cnp.ndarray x = floats(name, "output", output)
    cdef cnp.ndarray t, w = weight, p, losses = None
    cdef double sums[2]
    cdef fc_classes c
    cdef fc_targets targets
    cdef fc_status status
    if not isinstance(target, cnp.ndarray):
        return None
    t = target
    if (not cnp.PyArray_ISINTEGER(t) or not cnp.PyArray_CanCastSafely(cnp.PyArray_TYPE(t),
                                                                      cnp.NPY_INT64)
            or not are_targets(t, x)):
        return None
    t = plain(t, cnp.NPY_INT64)
    set_classes(&c, x, 1 if cnp.PyArray_NDIM(x) > 1 else 0)
    if c.classes == 0:
        return None
    if w is not None and (cnp.PyArray_TYPE(w) != cnp.PyArray_TYPE(x)
                          or cnp.PyArray_SIZE(w) != c.classes or not cnp.PyArray_ISCARRAY_RO(w)):
        return None
    targets = targets_of(t, w, ignored)
    p = x if given else like(x, keep)
    if each:
        losses = new_array(cnp.PyArray_NDIM(t), cnp.PyArray_DIMS(t), cnp.PyArray_TYPE(x))
    cdef const void *src = cnp.PyArray_DATA(x)
    cdef void *to_losses = data_of(losses)
    cdef void *to_p = data_of(p)
    with nogil:
        if given:
            status = fc_nll(&c, src, &targets, to_losses, sums, &CALL)
        else:
            status = fc_cross_entropy(&c, src, &targets, to_losses, to_p, sums, &CALL)
    if status == FC_INVALID_INDEX:
        return None
    check(name, status)
    return t, p, losses, sums[0], sums[1], c.dtype == FC_F32


def cross_entropy_backward(str name, cnp.ndarray p, cnp.ndarray target, cnp.ndarray weight,
                           int64_t ignored, double scale, cnp.ndarray gy, bint given):
    """scale * gy * weight * (p - (1 at the target)), each position with its own gy (None: 1).

    Of `given` log-probabilities p, without the first p.
    """
    cdef cnp.ndarray gx = like(p, True)
    cdef fc_classes c
    cdef fc_targets targets = targets_of(target, weight, ignored)
    cdef fc_status status
    cdef const void *from_p = cnp.PyArray_DATA(p)
    cdef const void *from_gy = data_of(gy)
    cdef void *dst = cnp.PyArray_DATA(gx)
    set_classes(&c, p, 1 if cnp.PyArray_NDIM(p) > 1 else 0)
    with nogil:
        if given:
            status = fc_nll_grad(&c, &targets, from_gy, scale, dst, &CALL)
        else:
            status = fc_cross_entropy_grad(&c, from_p, &targets, from_gy, scale, dst, &CALL)
    if status == FC_INVALID_INDEX:
        raise ValueError(f"{name}.backward: the target has been changed since")
    check(f"{name}.backward", status)
    return gx


# ---- Layers: losses of each element --------------------------------------------------------------

def element_loss(int kind, cnp.ndarray x, cnp.ndarray y, cnp.ndarray positive, double weight,
                 bint each):
    """(sum of the losses, the losses or None): 0 (x - y)^2, 1 |x - y|, 2 binary cross-entropy.

    All arrays are of one dtype and shape; `positive`, or `weight` for all, is of binary
    cross-entropy. NumPy's buffers are read as they are: contiguous, native.
    """
    cdef int typenum = cnp.PyArray_TYPE(x)
    cdef cnp.ndarray a = plain(x, typenum), b = plain(y, typenum)
    cdef cnp.ndarray p = None if positive is None else plain(positive, typenum)
    cdef cnp.ndarray losses = like(a, each)
    cdef const void *from_x = cnp.PyArray_DATA(a)
    cdef const void *from_y = cnp.PyArray_DATA(b)
    cdef const void *from_p = data_of(p)
    cdef void *to_losses = data_of(losses)
    cdef double total
    cdef fc_loss problem
    cdef fc_status status
    problem.dtype, problem.kind = dtype_of(a), <fc_loss_kind> kind
    problem.count, problem.positive = cnp.PyArray_SIZE(a), weight
    with nogil:
        status = fc_loss_forward(&problem, from_x, from_y, from_p, to_losses, &total, &CALL)
    check("Loss", status)
    return total, losses


def element_loss_backward(int kind, cnp.ndarray x, cnp.ndarray y, cnp.ndarray positive,
                          double weight, double scale):
    """scale times the derivative of `element_loss` with respect to x."""
    cdef int typenum = cnp.PyArray_TYPE(x)
    cdef cnp.ndarray a = plain(x, typenum), b = plain(y, typenum)
    cdef cnp.ndarray p = None if positive is None else plain(positive, typenum)
    cdef cnp.ndarray gx = like(a, True)
    cdef const void *from_x = cnp.PyArray_DATA(a)
    cdef const void *from_y = cnp.PyArray_DATA(b)
    cdef const void *from_p = data_of(p)
    cdef void *dst = cnp.PyArray_DATA(gx)
    cdef fc_loss problem
    cdef fc_status status
    problem.dtype, problem.kind = dtype_of(a), <fc_loss_kind> kind
    problem.count, problem.positive = cnp.PyArray_SIZE(a), weight
    with nogil:
        status = fc_loss_grad(&problem, from_x, from_y, from_p, scale, dst, &CALL)
    check("Loss.backward", status)
    return gx


# ---- Layers: padding and resizing ----------------------------------------------------------------

def pad_zeros(str name, x, tuple space, tuple before):
    """x with its last axes of the sizes `space`, which begin `before` x does; zeros around it."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef int i, ndim = cnp.PyArray_NDIM(a), n = <int> len(space)
    cdef cnp.npy_intp dims[32]
    cdef fc_pad problem
    cdef fc_status status
    problem.dtype, problem.planes = dtype_of(a), 1
    for i in range(3):
        problem.input[i] = problem.output[i] = 1
        problem.before[i] = 0
    for i in range(ndim - n):
        dims[i] = cnp.PyArray_DIM(a, i)
        problem.planes *= dims[i]
    for i in range(n):
        problem.input[3 - n + i] = cnp.PyArray_DIM(a, ndim - n + i)
        problem.output[3 - n + i] = dims[ndim - n + i] = space[i]
        problem.before[3 - n + i] = before[i]
    cdef cnp.ndarray y = new_array(ndim, dims, cnp.PyArray_TYPE(a))
    if cnp.PyArray_SIZE(y) == 0:
        return y
    if cnp.PyArray_SIZE(a) == 0:
        y.fill(0)
        return y
    cdef const void *src = cnp.PyArray_DATA(a)
    cdef void *dst = cnp.PyArray_DATA(y)
    with nogil:
        status = fc_pad_zeros(&problem, src, dst, &CALL)
    check(name, status)
    return y


def resize_axis(cnp.ndarray x, int axis, cnp.ndarray sources, cnp.ndarray weights):
    """y[.., i, ..] = sum over k of weights[k, i] * x[.., sources[k, i], ..]; no weights: 1."""
    cdef cnp.ndarray a = plain(x, cnp.PyArray_TYPE(x))
    cdef cnp.ndarray s = plain(sources, cnp.NPY_INT64)
    cdef cnp.ndarray w = None if weights is None else plain(weights, cnp.PyArray_TYPE(x))
    cdef int i, ndim = cnp.PyArray_NDIM(a)
    cdef cnp.npy_intp dims[32]
    cdef fc_resize problem
    cdef fc_status status
    problem.dtype = dtype_of(a)
    problem.outer = problem.inner = 1
    for i in range(ndim):
        dims[i] = cnp.PyArray_DIM(a, i)
        if i < axis:
            problem.outer *= dims[i]
        elif i > axis:
            problem.inner *= dims[i]
    problem.input = dims[axis]
    problem.taps, problem.output = cnp.PyArray_DIM(s, 0), cnp.PyArray_DIM(s, 1)
    dims[axis] = problem.output
    cdef cnp.ndarray y = new_array(ndim, dims, cnp.PyArray_TYPE(a))
    if cnp.PyArray_SIZE(y) == 0:
        return y
    problem.sources = <const int64_t *> cnp.PyArray_DATA(s)
    problem.weights = data_of(w)
    cdef const void *src = cnp.PyArray_DATA(a)
    cdef void *dst = cnp.PyArray_DATA(y)
    with nogil:
        status = fc_resize_axis(&problem, src, dst, &CALL)
    check("Upsample", status)
    return y


# ---- Layers: normalisation and linear ------------------------------------------------------------

cdef int check_linear(cnp.ndarray a, str name, cnp.ndarray b, str other, bint fits) except -1:
    """Refuse two arrays of different dtypes, or where shapes do not fit each other."""
    if cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(b):
        rules.refuse_mixed("Linear", (name, other), (a, b))
    if not fits:
        raise ValueError(f"Linear: {name} has shape {shape_of(a)}, which does not fit {other} of "
                         f"shape {shape_of(b)}; the last axis of x is in_features, that of gy "
                         "out_features, and weight is (out_features, in_features)")
    return 0


cdef inline cnp.npy_intp last_axis(cnp.ndarray array) noexcept:
    cdef int ndim = cnp.PyArray_NDIM(array)
    return cnp.PyArray_DIM(array, ndim - 1) if ndim else -1


def linear(x, weight, bias):
    """x @ weight.T + bias, over any leading axes of x; bias may be None."""
    cdef cnp.ndarray a = floats("Linear", "x", x)
    cdef cnp.ndarray w = floats("Linear", "weight", weight)
    cdef cnp.ndarray b = None if bias is None else floats("Linear", "bias", bias)
    cdef cnp.ndarray y
    cdef cnp.npy_intp dims[64]
    cdef int i, ndim = cnp.PyArray_NDIM(a)
    check_linear(a, "x", w, "weight",
                 cnp.PyArray_NDIM(w) == 2 and last_axis(a) == cnp.PyArray_DIM(w, 1))
    cdef int64_t inputs = cnp.PyArray_DIM(w, 1), outputs = cnp.PyArray_DIM(w, 0)
    if b is not None:
        check_linear(b, "bias", w, "weight", cnp.PyArray_SIZE(b) == outputs)
    for i in range(ndim):
        dims[i] = cnp.PyArray_DIM(a, i)
    dims[ndim - 1] = outputs
    y = new_array(ndim, dims, cnp.PyArray_TYPE(a))
    cdef int64_t rows = cnp.PyArray_SIZE(a) // inputs if inputs else 0
    if rows == 0:
        return y
    cdef const void *from_x = cnp.PyArray_DATA(a)
    cdef const void *from_w = cnp.PyArray_DATA(w)
    cdef const void *from_b = data_of(b)
    cdef void *to_y = cnp.PyArray_DATA(y)
    cdef fc_dtype dtype = dtype_of(a)
    cdef fc_status status
    with nogil:
        status = fc_linear(dtype, rows, inputs, outputs, from_x, from_w, from_b, to_y, &CALL)
    check("Linear", status)
    return y


def linear_backward(gy, x, weight, bint with_weight, bint with_bias):
    """The gradients with respect to x, weight and bias, the latter two where they are asked for."""
    cdef cnp.ndarray g = floats("Linear.backward", "gy", gy)
    cdef cnp.ndarray a = floats("Linear.backward", "x", x)
    cdef cnp.ndarray w = floats("Linear.backward", "weight", weight)
    check_linear(a, "x", w, "weight",
                 cnp.PyArray_NDIM(w) == 2 and last_axis(a) == cnp.PyArray_DIM(w, 1))
    cdef int64_t inputs = cnp.PyArray_DIM(w, 1)
    cdef cnp.npy_intp outputs = cnp.PyArray_DIM(w, 0)
    cdef int64_t rows = cnp.PyArray_SIZE(a) // inputs if inputs else 0
    check_linear(g, "gy", w, "weight", last_axis(g) == outputs)
    if shape_of(g)[:-1] != shape_of(a)[:-1]:
        raise ValueError(f"Linear.backward: gy has shape {shape_of(g)}; its leading axes must be "
                         f"those of x, of shape {shape_of(a)}")
    cdef cnp.ndarray gx = like(a, True)
    cdef cnp.ndarray gw = like(w, with_weight)
    cdef cnp.ndarray gb = new_array(1, &outputs, cnp.PyArray_TYPE(w)) if with_bias else None
    if rows == 0:
        for array in (gw, gb):
            if array is not None:
                array.fill(0)
        return gx, gw, gb
    cdef const void *from_g = cnp.PyArray_DATA(g)
    cdef const void *from_x = cnp.PyArray_DATA(a)
    cdef const void *from_w = cnp.PyArray_DATA(w)
    cdef void *to_x = cnp.PyArray_DATA(gx)
    cdef void *to_w = data_of(gw)
    cdef void *to_b = data_of(gb)
    cdef fc_dtype dtype = dtype_of(g)
    cdef fc_status status
    with nogil:
        status = fc_linear_grad(dtype, rows, inputs, outputs, from_x, from_w, from_g, to_x, to_w,
                                to_b, &CALL)
    check("Linear.backward", status)
    return gx, gw, gb


cdef int set_batch_norm(fc_batch_norm *p, str name, cnp.ndarray x, bint training) except -1:
    """Channels are the second axis, and whatever follows is space."""
    cdef int i
    if cnp.PyArray_NDIM(x) < 2:
        raise ValueError(f"{name}: x has shape {shape_of(x)}; (N, C, ...) is allowed")
    p.dtype = dtype_of(x)
    p.batch = cnp.PyArray_DIM(x, 0)
    p.channels = cnp.PyArray_DIM(x, 1)
    p.space = 1
    for i in range(2, cnp.PyArray_NDIM(x)):
        p.space *= cnp.PyArray_DIM(x, i)
    p.training = training
    if training and p.batch * p.space == 1 and p.channels:
        raise ValueError(f"{name}: x has shape {shape_of(x)}: one value per channel, which has no "
                         "variance; more than one is allowed in training")
    return 0


cdef cnp.ndarray per_channel(str name, str argument, values, cnp.ndarray x):
    """An array of x's dtype with a value for each of its channels; None stays."""
    if values is None:
        return None
    cdef cnp.ndarray array = floats(name, argument, values)
    if cnp.PyArray_TYPE(array) != cnp.PyArray_TYPE(x):
        rules.refuse_mixed(name, ("x", argument), (x, array))
    if cnp.PyArray_NDIM(array) != 1 or cnp.PyArray_DIM(array, 0) != cnp.PyArray_DIM(x, 1):
        raise ValueError(f"{name}: x has shape {shape_of(x)}, which does not fit {argument} of "
                         f"shape {shape_of(array)}; the second axis of x is the channels")
    return array


cdef cnp.ndarray running(str name, str argument, values, cnp.ndarray x, bint written):
    """`per_channel`, of what can be written to where it is."""
    cdef cnp.ndarray array = per_channel(name, argument, values, x)
    if written and array is not None and not (array is values
                                              and cnp.PyArray_ISWRITEABLE(array)):
        raise ValueError(f"{name}: {argument}: a contiguous, writable array is allowed")
    return array


def batch_norm(str name, x, weight, bias, running_mean, running_var, bint training,
               double momentum, double eps):
    """y and what `batch_norm_backward` needs; in training, the running values are updated."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef fc_batch_norm problem
    set_batch_norm(&problem, name, a, training)
    problem.eps = eps
    problem.momentum = momentum
    cdef cnp.ndarray w = per_channel(name, "weight", weight, a)
    cdef cnp.ndarray b = per_channel(name, "bias", bias, a)
    cdef cnp.ndarray m = running(name, "running_mean", running_mean, a, training)
    cdef cnp.ndarray v = running(name, "running_var", running_var, a, training)
    cdef cnp.npy_intp dims[2]
    dims[0], dims[1] = 2, problem.channels
    cdef cnp.ndarray saved = new_array(2, dims, cnp.NPY_FLOAT64)
    cdef cnp.ndarray y = like(a, True)
    if cnp.PyArray_SIZE(a) == 0:
        return y, saved
    cdef const void *from_x = cnp.PyArray_DATA(a)
    cdef const void *from_w = data_of(w)
    cdef const void *from_b = data_of(b)
    cdef void *mean = data_of(m)
    cdef void *variance = data_of(v)
    cdef double *kept = <double *> cnp.PyArray_DATA(saved)
    cdef void *to_y = cnp.PyArray_DATA(y)
    cdef fc_status status
    with nogil:
        status = fc_batch_norm_forward(&problem, from_x, from_w, from_b, mean, variance, kept,
                                       kept + problem.channels, to_y, &CALL)
    check(name, status)
    return y, saved


def batch_norm_backward(str name, gy, x, weight, cnp.ndarray saved, bint training,
                        bint with_weight, bint with_bias):
    """The gradients with respect to x, weight and bias, the latter two where they are asked for."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef cnp.ndarray g = floats_like(name, "gy", gy, "x", a)
    cdef cnp.ndarray w = per_channel(name, "weight", weight, a)
    cdef fc_batch_norm problem
    set_batch_norm(&problem, name, a, training)
    problem.eps = problem.momentum = 0
    cdef cnp.npy_intp channels = problem.channels
    cdef cnp.ndarray gx = like(a, True)
    cdef cnp.ndarray gw = new_array(1, &channels, cnp.PyArray_TYPE(a)) if with_weight else None
    cdef cnp.ndarray gb = new_array(1, &channels, cnp.PyArray_TYPE(a)) if with_bias else None
    if cnp.PyArray_SIZE(a) == 0:
        for array in (gw, gb):
            if array is not None:
                array.fill(0)
        return gx, gw, gb
    cdef const void *from_g = cnp.PyArray_DATA(g)
    cdef const void *from_x = cnp.PyArray_DATA(a)
    cdef const void *from_w = data_of(w)
    cdef const double *kept = <const double *> cnp.PyArray_DATA(saved)
    cdef void *to_x = cnp.PyArray_DATA(gx)
    cdef void *to_w = data_of(gw)
    cdef void *to_b = data_of(gb)
    cdef fc_status status
    with nogil:
        status = fc_batch_norm_grad(&problem, from_x, from_w, kept, kept + problem.channels, from_g,
                                    to_x, to_w, to_b, &CALL)
    check(name, status)
    return gx, gw, gb


# ---- Layers: optimisers --------------------------------------------------------------------------

cdef cnp.ndarray in_place(str name, str argument, x, cnp.ndarray model):
    """An array of the weight's shape and dtype that C can change where it stands."""
    cdef cnp.ndarray array
    if isinstance(x, cnp.ndarray):
        array = x
        if (cnp.PyArray_ISCARRAY(array) and cnp.PyArray_TYPE(array) == cnp.PyArray_TYPE(model)
                and cnp.PyArray_SAMESHAPE(array, model)):
            return array
    raise ValueError(f"{name}: {argument} is no writeable contiguous array of shape "
                     f"{(<object> model).shape} and dtype {model.dtype}")


cdef cnp.ndarray weight_of(str name, x):
    cdef cnp.ndarray array = floats(name, "data", x)
    return in_place(name, "data", x, array)


def sgd(list weights, list gradients, list velocities, list fresh, double lr, double momentum,
        double dampening, double weight_decay, bint nesterov, bint maximize):
    """A step for each of the weights, in place."""
    cdef fc_sgd options
    options.lr, options.momentum, options.dampening = lr, momentum, dampening
    options.weight_decay, options.nesterov, options.maximize = weight_decay, nesterov, maximize
    cdef cnp.ndarray weight, gradient, velocity
    cdef bint begins
    cdef fc_dtype dtype
    cdef int64_t count
    cdef fc_status status
    cdef void *to_weight
    cdef void *to_velocity
    cdef const void *from_gradient
    cdef Py_ssize_t i
    for i in range(len(weights)):
        weight = weight_of("SGD", weights[i])
        gradient = floats_like("SGD", "grad", gradients[i], "data", weight)
        velocity = in_place("SGD", "velocity", velocities[i], weight) if momentum else None
        begins = fresh[i]
        to_weight, to_velocity = data_of(weight), data_of(velocity)
        from_gradient = data_of(gradient)
        dtype, count = dtype_of(weight), cnp.PyArray_SIZE(weight)
        with nogil:
            status = fc_sgd_update(dtype, count, &options,
                                   from_gradient, to_weight, to_velocity, begins, &CALL)
        check("SGD", status)


def adam(list weights, list gradients, list means, list squares, list greatest, list steps,
         double lr, double beta1, double beta2, double eps, double weight_decay, bint decoupled,
         bint maximize):
    """A step for each of the weights, in place."""
    cdef fc_adam options
    options.lr, options.beta1, options.beta2, options.eps = lr, beta1, beta2, eps
    options.weight_decay, options.decoupled, options.maximize = weight_decay, decoupled, maximize
    cdef cnp.ndarray weight, gradient, mean, square, most
    cdef fc_dtype dtype
    cdef int64_t step, count
    cdef fc_status status
    cdef void *to_weight
    cdef void *to_mean
    cdef void *to_square
    cdef void *to_most
    cdef const void *from_gradient
    cdef Py_ssize_t i
    for i in range(len(weights)):
        weight = weight_of("Adam", weights[i])
        gradient = floats_like("Adam", "grad", gradients[i], "data", weight)
        mean = in_place("Adam", "exp_avg", means[i], weight)
        square = in_place("Adam", "exp_avg_sq", squares[i], weight)
        most = None
        if greatest[i] is not None:
            most = in_place("Adam", "max_exp_avg_sq", greatest[i], weight)
        step = steps[i]
        to_weight, to_mean, to_square = data_of(weight), data_of(mean), data_of(square)
        to_most, from_gradient = data_of(most), data_of(gradient)
        dtype, count = dtype_of(weight), cnp.PyArray_SIZE(weight)
        with nogil:
            status = fc_adam_update(dtype, count, &options, step,
                                    from_gradient, to_weight, to_mean, to_square, to_most, &CALL)
        check("Adam", status)


# ---- Runtime -------------------------------------------------------------------------------------

VERSION = text(FC_VERSION)
COMPILER = text(FC_COMPILER)
ALGORITHMS = tuple([text(fc_algorithm_name(<fc_algorithm> i)) for i in range(FC_ALGORITHMS)])


def select_isa(name):
    """Use an instruction set (None: the best) from now on; whether it could be had."""
    if name is None:
        return fc_select_isa(NULL) == FC_OK
    return fc_select_isa(name.encode(errors="surrogateescape")) == FC_OK


def isa():
    return text(fc_isa())


def isas():
    """(name, whether this CPU has it) of those built in, the best last."""
    return [(text(fc_isa_name(i)), bool(fc_isa_available(i))) for i in range(fc_isa_count())]


def set_num_threads(int n):
    fc_set_num_threads(n)


def get_num_threads():
    return fc_get_num_threads()


def set_local_num_threads(int n):
    fc_set_local_num_threads(n)


def get_local_num_threads():
    return fc_get_local_num_threads()


def cpu_count():
    return fc_cpu_count()


def measure_flops(str name, bint double, double seconds):
    """FLOP/s of multiply-adds in registers."""
    cdef double flops = 0
    cdef fc_dtype dtype = FC_F64 if double else FC_F32
    cdef fc_status status
    with nogil:
        status = fc_measure_flops(dtype, seconds, &flops, &CALL)
    check(name, status)
    return flops


def measure_bandwidth(str name, double seconds):
    """Bytes read and written a second by a large copy."""
    cdef double rate = 0
    cdef fc_status status
    with nogil:
        status = fc_measure_bandwidth(seconds, &rate, &CALL)
    check(name, status)
    return rate


def poison_scratch(bint on):
    """For tests: fill all scratch with NaN before it is used, from now on."""
    fc_scratch_poison(on)
