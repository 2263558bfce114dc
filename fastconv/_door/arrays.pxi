# Arrays as C can read them. What is unusual about one is left to `rules`, in Python.

cdef object rules = None


def consult(module):
    """Ask this module (`_args`, which stands above) to convert and to refuse unusual arrays."""
    global rules
    rules = module


cdef inline bint is_float(cnp.ndarray array) noexcept:
    return cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32 or cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64


cdef inline fc_dtype dtype_of(cnp.ndarray array) noexcept:
    return FC_F64 if cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64 else FC_F32


cdef inline tuple shape_of(cnp.ndarray array):
    if array is None:
        return None
    cdef int i, ndim = cnp.PyArray_NDIM(array)
    cdef tuple shape = PyTuple_New(ndim)
    for i in range(ndim):
        size = PyLong_FromSsize_t(cnp.PyArray_DIM(array, i))
        Py_INCREF(size)  # PyTuple_SET_ITEM takes one away
        PyTuple_SET_ITEM(shape, i, size)
    return shape


cdef inline void *data_of(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


cdef inline cnp.ndarray plain(cnp.ndarray array, int typenum):
    """The array itself where C can read it as it is, else a contiguous, aligned, native copy."""
    if cnp.PyArray_ISCARRAY_RO(array) and cnp.PyArray_TYPE(array) == typenum:
        return array
    return cnp.PyArray_FROM_OTF(array, typenum, cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED
                                | cnp.NPY_ARRAY_NOTSWAPPED)


cdef inline bint overlap(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two contiguous arrays share memory."""
    if b is None:
        return False
    cdef char *start = cnp.PyArray_BYTES(a)
    cdef char *other = cnp.PyArray_BYTES(b)
    return start < other + cnp.PyArray_NBYTES(b) and other < start + cnp.PyArray_NBYTES(a)


cdef cnp.ndarray floats(str name, str argument, x):
    """`x` as C can read it: contiguous, aligned, native; float32 or float64."""
    if type(x) is not cnp.ndarray or not is_float(<cnp.ndarray> x):
        x = rules.float_array(name, argument, x)
    return plain(<cnp.ndarray> x, cnp.PyArray_TYPE(<cnp.ndarray> x))


cdef cnp.ndarray floats_like(str name, str argument, x, str other, cnp.ndarray model):
    """`floats`, of the shape and dtype of another argument."""
    cdef cnp.ndarray array = floats(name, argument, x)
    if cnp.PyArray_TYPE(array) != cnp.PyArray_TYPE(model):
        rules.refuse_mixed(name, (argument, other), (array, model))
    if not cnp.PyArray_SAMESHAPE(array, model):
        raise ValueError(f"{name}: {argument} has shape {shape_of(array)}; it must have "
                         f"that of {other}, {shape_of(model)}")
    return array
