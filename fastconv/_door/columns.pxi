# The columns of a convolution, which are its windows: taken apart, and summed up again.

@cython.final
cdef class Unfold(ConvProblem):
    """(input) -> columns."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_unfold(&self.conv, a, out, &CALL)


@cython.final
cdef class Fold(ConvProblem):
    """(columns) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_fold(&self.conv, a, out, &CALL)
