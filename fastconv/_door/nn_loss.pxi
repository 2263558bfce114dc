# Layers: losses of each element.

cdef cnp.ndarray alongside(cnp.ndarray x, cnp.ndarray other):
    """An array of x's dtype and shape as C can read it; None stays."""
    if other is None:
        return None
    if not (is_float(x) and cnp.PyArray_SAMESHAPE(x, other)):
        raise ValueError(f"Loss: output of shape {shape_of(x)} and dtype {x.dtype} does not go "
                         f"with an array of shape {shape_of(other)}")
    return plain(other, cnp.PyArray_TYPE(x))


def element_loss(int kind, cnp.ndarray x not None, cnp.ndarray y not None, cnp.ndarray positive,
                 double weight, bint each):
    """(sum of the losses, the losses or None): 0 (x - y)^2, 1 |x - y|, 2 binary cross-entropy.

    All arrays are of one dtype and shape; `positive`, or `weight` for all, is of binary
    cross-entropy. NumPy's buffers are read as they are: contiguous, native.
    """
    cdef cnp.ndarray a = alongside(x, x), b = alongside(x, y), p = alongside(x, positive)
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


def element_loss_backward(int kind, cnp.ndarray x not None, cnp.ndarray y not None,
                          cnp.ndarray positive, double weight, double scale):
    """scale times the derivative of `element_loss` with respect to x."""
    cdef cnp.ndarray a = alongside(x, x), b = alongside(x, y), p = alongside(x, positive)
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
