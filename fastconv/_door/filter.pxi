# Filters (csrc/filter/): arrays of any real type and number of dimensions, in SciPy's arithmetic.

cdef int element_of(cnp.ndarray array) noexcept:
    """Its fc_element; -1 where there is none (complex, float16, object, ...)."""
    cdef cnp.dtype described = array.dtype
    cdef char kind = described.kind
    cdef int size = cnp.PyArray_ITEMSIZE(array)
    if kind == b"b":
        return FC_BOOL
    if kind == b"f":
        return FC_FLOAT32 if size == 4 else FC_FLOAT64 if size == 8 else -1
    if kind != b"i" and kind != b"u":
        return -1
    return (FC_UINT8 if kind == b"u" else FC_INT8) + 2 * (
        0 if size == 1 else 1 if size == 2 else 2 if size == 4 else 3)


cdef int require_element(str name, str argument, cnp.ndarray array) except -1:
    if element_of(array) < 0:
        raise TypeError(f"{name}: {argument} has dtype {array.dtype}, which is not taken: bool, "
                        "integers, float32 and float64 are")
    return 0


cdef cnp.ndarray filter_array(str name, str argument, x):
    """`x` as C can read it: contiguous, aligned, native, of at least one dimension."""
    if not isinstance(x, cnp.ndarray):
        raise TypeError(f"{name}: {argument} is {type(x).__name__}, not an array")
    if not 1 <= cnp.PyArray_NDIM(<cnp.ndarray> x) <= FC_FILTER_DIMS:
        raise ValueError(f"{name}: {argument} has {x.ndim} dimensions; 1 to {FC_FILTER_DIMS} "
                         "are taken")
    require_element(name, argument, <cnp.ndarray> x)
    return plain(<cnp.ndarray> x, cnp.PyArray_TYPE(<cnp.ndarray> x))


# Bytes of arrays from which Python may take them slab by slab.
cdef cnp.npy_intp FILTER_LARGE = 32 << 20


cdef bint is_usual(x) noexcept:
    """Whether an array is one that C takes as it is, and gives an array of the same type for."""
    if type(x) is not cnp.ndarray or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> x):
        return False
    cdef cnp.ndarray array = <cnp.ndarray> x
    return (1 <= cnp.PyArray_NDIM(array) <= FC_FILTER_DIMS and element_of(array) > FC_BOOL
            and 0 < cnp.PyArray_NBYTES(array) < FILTER_LARGE)


cdef cnp.ndarray filter_output(str name, output, cnp.ndarray a, cnp.ndarray b):
    """Where C may write: `output` itself, or an array in its place if it is not contiguous or
    overlaps an input. None: a new array."""
    if output is None:
        return new_array(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a))
    if not isinstance(output, cnp.ndarray):
        raise TypeError(f"{name}: output is {type(output).__name__}, not an array")
    cdef cnp.ndarray out = <cnp.ndarray> output
    if not cnp.PyArray_ISWRITEABLE(out):
        raise ValueError(f"{name}: output is read-only")
    require_element(name, "output", out)
    if cnp.PyArray_ISCARRAY(out) and not overlap(out, a) and not overlap(out, b):
        return out
    return new_array(cnp.PyArray_NDIM(out), cnp.PyArray_DIMS(out), cnp.PyArray_TYPE(out))


cdef int copy_dims(int64_t *to, str name, str argument, values, int ndim) except -1:
    cdef int i
    if len(values) != ndim:
        raise ValueError(f"{name}: {argument} has {len(values)} entries for {ndim} axes")
    for i in range(ndim):
        to[i] = values[i]
    return 0


def new_result(tuple shape not None, cnp.dtype dtype not None):
    """An array that is not filled, of a type that filters take, in memory that is kept."""
    cdef cnp.npy_intp dims[64]
    set_filter_dims(dims, shape)
    return new_array(<int> len(shape), dims, dtype.type_num)


cdef int set_filter_dims(cnp.npy_intp *dims, tuple shape) except -1:
    cdef int i
    if len(shape) > FC_FILTER_DIMS:
        raise ValueError(f"a shape of {len(shape)} dimensions")
    for i in range(<int> len(shape)):
        dims[i] = shape[i]
    return 0


def filter_taps(input, weights, output, borders, double cval, offsets, int op, bint every=False):
    """out[i] = sum (op 0), maximum (1) or minimum (2) over j of weights[j], extended(input)[i + j
    - offsets]; see fc_filter_taps. `borders`: fc_border of each axis; `every`: weights next to
    nothing are terms too. Without an output a new one of the input's shape and type is given, or
    None where the input is not usual."""
    cdef str name = "filter_taps"
    if output is None and not is_usual(input):
        return None
    cdef cnp.ndarray a = filter_array(name, "input", input)
    cdef cnp.ndarray w = filter_array(name, "weights", weights)
    cdef cnp.ndarray out = filter_output(name, output, a, w)
    cdef int i, ndim = cnp.PyArray_NDIM(a)
    cdef int64_t shape[64], out_shape[64], window[64], offset[64], border_codes[64]
    cdef fc_border[64] border
    cdef fc_footprint problem
    if cnp.PyArray_NDIM(w) != ndim or cnp.PyArray_NDIM(out) != ndim:
        raise ValueError(f"{name}: input has {ndim} axes, weights {w.ndim}, output {output.ndim}")
    problem.op = <fc_window_op> op
    problem.every = every
    problem.weight = <fc_element> element_of(w)
    problem.input = <fc_element> element_of(a)
    problem.out = <fc_element> element_of(out)
    if op != FC_WINDOW_SUM and problem.weight != FC_UINT8:
        raise TypeError(f"{name}: a footprint has dtype uint8, not {w.dtype}")
    copy_dims(offset, name, "offsets", offsets, ndim)
    copy_dims(border_codes, name, "borders", borders, ndim)
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(a, i)
        out_shape[i] = cnp.PyArray_DIM(out, i)
        window[i] = cnp.PyArray_DIM(w, i)
        border[i] = <fc_border> min(max(border_codes[i], -1), 99)  # C tells which there are
    problem.ndim = ndim
    problem.shape = shape
    problem.out_shape = out_shape
    problem.window = window
    problem.offset = offset
    problem.border = border
    problem.cval = cval
    cdef const void *from_a = cnp.PyArray_DATA(a)
    cdef const void *from_w = cnp.PyArray_DATA(w)
    cdef void *to = cnp.PyArray_DATA(out)
    cdef fc_status status
    with nogil:
        status = fc_filter_taps(&problem, from_a, from_w, to, &CALL)
    check(name, status)
    if output is None:
        return out
    if out is not output:
        output[...] = out


def filter_passes(input, output, passes, double cval):
    """One-dimensional passes, (axis, op, border, offset, argument) each: see fc_filter_passes. The
    argument: float64 weights (op 0), or a size (maximum 1, minimum 2, mean 3). Without an output a
    new one of the input's type is given, or None where the input is not usual."""
    cdef str name = "filter_passes"
    if output is None and not is_usual(input):
        return None
    cdef cnp.ndarray a = filter_array(name, "input", input)
    cdef cnp.ndarray out = filter_output(name, output, a, None)
    cdef cnp.ndarray w
    cdef int i, count = <int> len(passes), ndim = cnp.PyArray_NDIM(a)
    cdef int64_t shape[64]
    cdef fc_pass each[64]
    cdef list kept = []  # weights, until the call is over
    if not cnp.PyArray_SAMESHAPE(a, out):
        raise ValueError(f"{name}: input has shape {shape_of(a)} and output {shape_of(out)}")
    if count > 64:
        raise ValueError(f"{name}: {count} passes; at most 64 are taken")
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(a, i)
    for i in range(count):
        axis, op, border, offset, argument = passes[i]
        each[i].axis = axis
        each[i].op = <fc_window_op> <int> op
        each[i].border = <fc_border> <int> border
        each[i].offset = offset
        each[i].weights = NULL
        if op == FC_WINDOW_SUM:
            w = plain(<cnp.ndarray?> argument, cnp.NPY_FLOAT64)
            kept.append(w)
            each[i].weights = <const double *> cnp.PyArray_DATA(w)
            each[i].size = cnp.PyArray_SIZE(w)
        else:
            each[i].size = argument
    cdef fc_element from_type = <fc_element> element_of(a)
    cdef fc_element to_type = <fc_element> element_of(out)
    cdef const void *from_a = cnp.PyArray_DATA(a)
    cdef void *to = cnp.PyArray_DATA(out)
    cdef fc_status status
    with nogil:
        status = fc_filter_passes(from_type, to_type, ndim, shape, from_a, count, each, cval, to,
                                  &CALL)
    check(name, status)
    if output is None:
        return out
    if out is not output:
        output[...] = out
