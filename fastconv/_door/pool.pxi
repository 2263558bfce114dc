# Pooling, each with its gradient behind it.

cdef class PoolProblem(Problem):
    cdef fc_pool pool
    cdef bint include_pad
    cdef int64_t divisor
    cdef double norm

    def __init__(self, geometry, tuple shape, bint indexed):
        cdef fc_pool *pool = &self.pool
        self.set_result(shape, geometry.batch == 0, indexed)
        pool.dtype = FC_F64 if geometry.double else FC_F32
        pool.layout = <fc_layout> <int> geometry.layout
        pool.batch = geometry.batch or 1
        pool.channels = geometry.channels
        set_spatial(pool.input, geometry.input, 1)
        set_spatial(pool.kernel, geometry.kernel, 1)
        set_spatial(pool.stride, geometry.stride, 1)
        set_spatial(pool.dilation, geometry.dilation, 1)
        set_spatial(pool.pad, geometry.pad, 0)
        set_spatial(pool.output, geometry.output, 1)
        self.include_pad = geometry.include_pad
        self.divisor = geometry.divisor
        self.norm = geometry.norm


@cython.final
cdef class MaxPool(PoolProblem):
    """(input) -> output, indices."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_max_pool(&self.pool, a, out, indices, &CALL)


@cython.final
cdef class MaxPoolGrad(PoolProblem):
    """(grad_output, indices) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_max_pool_grad(&self.pool, a, <const int64_t *> b, out, &CALL)


@cython.final
cdef class MaxUnpool(PoolProblem):
    """(input, indices) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_max_unpool(&self.pool, a, <const int64_t *> b, out, &CALL)


@cython.final
cdef class AvgPool(PoolProblem):
    """(input) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_avg_pool(&self.pool, self.include_pad, self.divisor, a, out, &CALL)


@cython.final
cdef class AvgPoolGrad(PoolProblem):
    """(grad_output) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_avg_pool_grad(&self.pool, self.include_pad, self.divisor, a, out, &CALL)


@cython.final
cdef class LpPool(PoolProblem):
    """(input) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_lp_pool(&self.pool, self.norm, a, out, &CALL)


@cython.final
cdef class LpPoolGrad(PoolProblem):
    """(grad_output, input, output) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_lp_pool_grad(&self.pool, self.norm, a, b, c, out, &CALL)


@cython.final
cdef class AdaptiveAvgPool(PoolProblem):
    """(input) -> output."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_adaptive_avg_pool(&self.pool, a, out, &CALL)


@cython.final
cdef class AdaptiveAvgPoolGrad(PoolProblem):
    """(grad_output) -> grad_input."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_adaptive_avg_pool_grad(&self.pool, a, out, &CALL)


@cython.final
cdef class AdaptiveMaxPool(PoolProblem):
    """(input) -> output, indices."""

    cdef fc_status run(self, const void *a, const void *b, const void *c, void *out,
                       int64_t *indices) noexcept nogil:
        return fc_adaptive_max_pool(&self.pool, a, out, indices, &CALL)
