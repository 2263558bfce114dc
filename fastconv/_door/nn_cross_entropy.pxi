# Layers: cross-entropy of class indices, from values before a softmax or from log-probabilities.

cdef fc_targets targets_of(cnp.ndarray target, cnp.ndarray weight, int64_t ignored,
                           double smoothing) noexcept:
    cdef fc_targets targets
    targets.classes = <const int64_t *> cnp.PyArray_DATA(target)
    targets.ignored = ignored
    targets.weight = data_of(weight)
    targets.smoothing = smoothing
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


cdef bint is_class_weight(cnp.ndarray weight, cnp.ndarray x, int64_t classes) noexcept:
    """Whether C can read it as the weight of each class; None is."""
    return weight is None or (cnp.PyArray_TYPE(weight) == cnp.PyArray_TYPE(x)
                              and cnp.PyArray_SIZE(weight) == classes
                              and cnp.PyArray_ISCARRAY_RO(weight))


def cross_entropy(str name, output, target, weight, int64_t ignored, double smoothing, bint each,
                  bint keep, bint given):
    """Cross-entropy for class indices, in one pass; or, of `given` log-probabilities, -output.

    Gives (target, softmax (None unless `keep`) or what is given, losses or None, sum of losses,
    of weights, whether float32).

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
    if c.classes == 0 or not is_class_weight(w, x, c.classes):
        return None
    targets = targets_of(t, w, ignored, smoothing)
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


def cross_entropy_backward(str name, cnp.ndarray p not None, cnp.ndarray target not None,
                           cnp.ndarray weight, int64_t ignored, double smoothing, double scale,
                           cnp.ndarray gy, bint given):
    """scale * gy * weight * (p - (1 at the target)), each position with its own gy (None: 1).

    Smoothed as the loss was; see fc_cross_entropy_grad.
    Of `given` log-probabilities p, without the first p.
    """
    cdef cnp.ndarray gx = like(p, True)
    cdef fc_classes c
    cdef fc_targets targets = targets_of(target, weight, ignored, smoothing)
    cdef fc_status status
    cdef const void *from_p = cnp.PyArray_DATA(p)
    cdef const void *from_gy = data_of(gy)
    cdef void *dst = cnp.PyArray_DATA(gx)
    if not are_targets(target, p):
        raise ValueError(f"{name}.backward: output has shape {shape_of(p)} and target "
                         f"{shape_of(target)} by now; both must keep theirs until then")
    set_classes(&c, p, 1 if cnp.PyArray_NDIM(p) > 1 else 0)
    if not is_class_weight(weight, p, c.classes):
        raise ValueError(f"{name}.backward: weight has shape {shape_of(weight)} and dtype "
                         f"{weight.dtype} by now; it must be ({c.classes},) of {p.dtype}")
    with nogil:
        if given:
            status = fc_nll_grad(&c, &targets, from_gy, scale, dst, &CALL)
        else:
            status = fc_cross_entropy_grad(&c, from_p, &targets, from_gy, scale, dst, &CALL)
    if status == FC_INVALID_INDEX:
        raise ValueError(f"{name}.backward: the target has been changed since")
    check(f"{name}.backward", status)
    return gx
