# Layers: resizing, an axis at a time.

def resize_axis(cnp.ndarray x not None, int axis, cnp.ndarray sources not None,
                cnp.ndarray weights):
    """y[.., i, ..] = sum over k of weights[k, i] * x[.., sources[k, i], ..]; no weights: 1."""
    cdef cnp.ndarray a = plain(x, cnp.PyArray_TYPE(x))
    cdef cnp.ndarray s = plain(sources, cnp.NPY_INT64)
    cdef cnp.ndarray w = None if weights is None else plain(weights, cnp.PyArray_TYPE(x))
    cdef int i, ndim = cnp.PyArray_NDIM(a)
    if not (is_float(a) and 0 <= axis < ndim and cnp.PyArray_NDIM(s) == 2
            and (w is None or cnp.PyArray_SAMESHAPE(s, w))):
        raise ValueError(f"Upsample: axis {axis} of x of shape {shape_of(a)} and dtype {x.dtype} "
                         f"cannot be resized by sources of shape {shape_of(s)}")
    cdef cnp.npy_intp dims[64]
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
