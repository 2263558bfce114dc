# Layers: softmax and its logarithm.

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


cdef int check_axis(str name, cnp.ndarray x, int axis) except -1:
    """Refuse an axis that is not there: where an output was given another shape since."""
    if not 0 <= axis < cnp.PyArray_NDIM(x):
        raise ValueError(f"{name}: an array of shape {shape_of(x)} has no axis {axis}")
    return 0


def softmax(str name, x, int axis, bint log):
    """Softmax, or its logarithm, along an axis (0 <= axis < x.ndim)."""
    cdef cnp.ndarray a = floats(name, "x", x)
    check_axis(name, a, axis)
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
    check_axis(name, b, axis)
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
