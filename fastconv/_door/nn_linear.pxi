# Layers: linear, the product of the last axis with a matrix.

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


def linear_backward(gy, x, weight, bint with_input, bint with_weight, bint with_bias):
    """The gradients with respect to x, weight and bias, those that are asked for."""
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
    cdef cnp.ndarray gx = like(a, with_input)
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
    cdef void *to_x = data_of(gx)
    cdef void *to_w = data_of(gw)
    cdef void *to_b = data_of(gb)
    cdef fc_dtype dtype = dtype_of(g)
    cdef fc_status status
    with nogil:
        status = fc_linear_grad(dtype, rows, inputs, outputs, from_x, from_w, from_g, to_x, to_w,
                                to_b, &CALL)
    check("Linear.backward", status)
    return gx, gw, gb
