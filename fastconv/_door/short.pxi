# Convolutions of two short lines (csrc/filter/short.c): what Python's part of a call would double.

cdef bint are_finite(cnp.ndarray line) noexcept:
    cdef cnp.npy_intp i, n = cnp.PyArray_DIM(line, 0)
    cdef const double *real = <const double *> cnp.PyArray_DATA(line)
    cdef const float *single = <const float *> cnp.PyArray_DATA(line)
    cdef bint is_double = cnp.PyArray_TYPE(line) == cnp.NPY_FLOAT64
    for i in range(n):
        if not isfinite(real[i] if is_double else single[i]):
            return False
    return True


cdef inline bint is_line(object array) noexcept:
    """Whether it is a line of float32 or float64 that C can read, and not empty."""
    if not cnp.PyArray_CheckExact(array):
        return False
    cdef cnp.ndarray a = <cnp.ndarray> array
    return (cnp.PyArray_NDIM(a) == 1 and is_float(a) and cnp.PyArray_ISCARRAY_RO(a)
            and cnp.PyArray_DIM(a, 0) > 0)


def convolve_short(in1, in2, mode, method, bint reversed):
    """The convolution, or of the second array back to front (reversed), as
    `signal.convolve` gives it; None where that is to be done another way."""
    if not is_line(in1) or not is_line(in2):
        return None
    if type(mode) is not str or type(method) is not str:
        return None
    cdef cnp.ndarray x = <cnp.ndarray> in1
    cdef cnp.ndarray w = <cnp.ndarray> in2
    cdef int typenum = cnp.PyArray_TYPE(x)
    cdef cnp.npy_intp n = cnp.PyArray_DIM(x, 0), taps = cnp.PyArray_DIM(w, 0), first = 0, count
    if (taps > n or taps > FC_SHORT_TAPS or n > FC_SHORT_LINE
            or typenum != cnp.PyArray_TYPE(w)):
        return None
    if not (method == "auto" or method == "direct"):
        return None
    if not are_finite(w):  # zeros outside of the line are no terms, but would give NaN
        return None
    if mode == "full":
        count = n + taps - 1
    elif mode == "same":
        first, count = (taps - 1) // 2, n
    elif mode == "valid":
        first, count = taps - 1, n - taps + 1
    else:
        return None
    cdef cnp.ndarray y = cnp.PyArray_EMPTY(1, &count, typenum, 0)
    check("convolve", fc_convolve_short(dtype_of(x), cnp.PyArray_DATA(x), n, cnp.PyArray_DATA(w),
                                        taps, reversed, first, count, cnp.PyArray_DATA(y)))
    return y
