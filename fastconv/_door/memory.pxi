# New arrays; large ones in memory of csrc/runtime/results.c, with a memory handler of NumPy's that
# gives it back.

cdef extern from *:
    """
    /* As NumPy does it where it allocates; to change its handler and back takes as long again as a
     * small filter. */
    static void fc_give_memory(PyArrayObject *array, PyObject *handler) {
        Py_INCREF(handler);
        ((PyArrayObject_fields *)array)->mem_handler = handler;
        PyArray_ENABLEFLAGS(array, NPY_ARRAY_OWNDATA);
        PyTraceMalloc_Track(389047 /* np.lib.tracemalloc_domain */,
                            (uintptr_t)PyArray_DATA(array), (size_t)PyArray_NBYTES(array));
    }
    """
    PyObject *PyDataMem_DefaultHandler
    void fc_give_memory(cnp.ndarray array, object handler)


cdef void *handler_malloc(void *context, size_t size) noexcept nogil:
    return fc_result_new(<int64_t> size)


cdef void *handler_calloc(void *context, size_t count, size_t size) noexcept nogil:
    if size and count > <size_t> -1 // size:
        return NULL
    cdef void *memory = fc_result_new(<int64_t> (count * size))
    if memory:
        memset(memory, 0, count * size)
    return memory


cdef void *handler_realloc(void *context, void *memory, size_t size) noexcept nogil:
    return fc_result_resize(memory, <int64_t> size)


cdef void handler_free(void *context, void *memory, size_t size) noexcept nogil:
    fc_result_free(memory)


cdef cnp.PyDataMem_Handler HANDLER
strcpy(HANDLER.name, b"fastconv")
HANDLER.version = 1
HANDLER.allocator.ctx = NULL
HANDLER.allocator.malloc = handler_malloc
HANDLER.allocator.calloc = handler_calloc
HANDLER.allocator.realloc = handler_realloc
HANDLER.allocator.free = handler_free
cdef object OURS = PyCapsule_New(&HANDLER, "mem_handler", NULL)
cdef object NUMPYS = <object> PyDataMem_DefaultHandler

# Smaller arrays are NumPy's own, and so are absurd ones, which it refuses.
cdef double HANDLED_BYTES = 1 << 16
cdef double ABSURD_BYTES = 1LL << 56


cdef cnp.ndarray new_array(int ndim, cnp.npy_intp *dims, int typenum):
    """An array that is not filled: in memory of `fc_result_new` where it is large.

    But where the program has set a handler of its own (`PyDataMem_SetHandler`), that serves all.
    """
    cdef int i
    cdef double nbytes = cnp.PyArray_DescrFromType(typenum).itemsize
    for i in range(ndim):
        nbytes *= dims[i]
    cdef void *memory = NULL
    if HANDLED_BYTES <= nbytes < ABSURD_BYTES and cnp.PyDataMem_GetHandler() is NUMPYS:
        memory = fc_result_new(<int64_t> nbytes)
    if memory is NULL:
        return cnp.PyArray_EMPTY(ndim, dims, typenum, 0)
    cdef cnp.ndarray array
    try:
        array = cnp.PyArray_SimpleNewFromData(ndim, dims, typenum, memory)
    except BaseException:
        fc_result_free(memory)
        raise
    fc_give_memory(array, OURS)
    return array


cdef cnp.ndarray like(cnp.ndarray array, bint wanted):
    """A new array of the same shape and type, in C's order; None unless it is wanted."""
    if not wanted:
        return None
    return new_array(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array))
