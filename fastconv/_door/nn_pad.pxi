# Layers: padding.

def pad_zeros(str name, x, tuple space, tuple before):
    """x with its last axes of the sizes `space`, which begin `before` x does; zeros around it."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef int i, ndim = cnp.PyArray_NDIM(a), n = <int> len(space)
    cdef cnp.npy_intp dims[64]
    cdef fc_pad problem
    cdef fc_status status
    problem.dtype, problem.planes = dtype_of(a), 1
    if not n <= min(ndim, 3) or len(before) != n:
        raise ValueError(f"{name}: sizes {space} and places {before} do not fit x of shape "
                         f"{shape_of(a)}: 1 to 3 of its last axes are padded")
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
