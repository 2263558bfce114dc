# Layers: batch normalisation.

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
    if cnp.PyArray_SIZE(saved) != 2 * problem.channels:
        raise ValueError(f"{name}: x has shape {shape_of(a)} by now; it must keep its own")
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
