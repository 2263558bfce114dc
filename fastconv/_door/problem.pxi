# Problems: one class a C function, with everything but its arrays.

cdef int set_dims(cnp.npy_intp[8] dims, tuple shape) except -1:
    """Write a shape; give its length."""
    cdef int i, ndim = len(shape)
    if ndim > 8:
        raise ValueError(f"a shape of {ndim} dimensions")
    for i in range(ndim):
        dims[i] = shape[i]
    return ndim


cdef class Problem:
    """A C function with everything but its arrays: checked, immutable, shared between threads."""

    cdef int ndim
    cdef cnp.npy_intp dims[8]
    cdef bint empty  # the batch is: nothing to run, and all of the result is zero
    cdef bint indexed  # gives indices as well
    cdef tuple crop  # what the function reads of the first array, where that is not all of it

    cdef int set_result(self, tuple shape, bint empty, bint indexed) except -1:
        self.ndim = set_dims(self.dims, shape)
        self.empty = empty
        self.indexed = indexed
        return 0

    @property
    def shape(self):
        return tuple([self.dims[i] for i in range(self.ndim)])

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return FC_OK


cdef int set_spatial(int64_t *to, tuple values, int64_t unused) except -1:
    """Write the last dimensions; `unused` stands in those that the problem does not have."""
    cdef int i, missing = 3 - <int> len(values)
    for i in range(3):
        to[i] = unused if i < missing else values[i - missing]
    return 0
