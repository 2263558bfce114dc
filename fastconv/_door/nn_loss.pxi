# Layers: losses of each element.

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
