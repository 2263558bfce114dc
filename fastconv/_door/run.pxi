# Problems run on arrays that C can read, into a new array or one that the caller has.

cdef inline bint fits(cnp.ndarray array, Problem problem) noexcept:
    """Whether the array has the shape of the problem's result."""
    cdef int i
    if cnp.PyArray_NDIM(array) != problem.ndim:
        return False
    for i in range(problem.ndim):
        if cnp.PyArray_DIM(array, i) != problem.dims[i]:
            return False
    return True


cdef cnp.ndarray target_of(str name, Problem problem, int typenum, out,
                           cnp.ndarray a, cnp.ndarray b, cnp.ndarray c):
    """Where C may write the result: `out` if it is plain and shares no memory with an input."""
    cdef cnp.ndarray array
    if out is not None:
        if not isinstance(out, cnp.ndarray):
            rules.refuse_out(name, out, problem.shape, cnp.PyArray_DescrFromType(typenum))
        array = out
        if not (fits(array, problem) and cnp.PyArray_TYPE(array) == typenum
                and cnp.PyArray_ISNOTSWAPPED(array) and cnp.PyArray_ISWRITEABLE(array)):
            rules.refuse_out(name, out, problem.shape, cnp.PyArray_DescrFromType(typenum))
        if (cnp.PyArray_ISCARRAY(array) and not overlap(array, a) and not overlap(array, b)
                and not overlap(array, c)):
            return array
    return new_array(problem.ndim, problem.dims, typenum)


cdef object execute(str name, Problem problem, int typenum, out,
                    cnp.ndarray a, cnp.ndarray b, cnp.ndarray c):
    """Run a problem on arrays that C can read, into `out` or a new array."""
    cdef cnp.ndarray result = target_of(name, problem, typenum, out, a, b, c)
    cdef cnp.ndarray indices = None
    cdef fc_status status
    cdef const void *first = cnp.PyArray_DATA(a)
    cdef const void *second = NULL if b is None else cnp.PyArray_DATA(b)
    cdef const void *third = NULL if c is None else cnp.PyArray_DATA(c)
    cdef void *target = cnp.PyArray_DATA(result)
    cdef int64_t *index = NULL
    if problem.indexed:
        indices = new_array(problem.ndim, problem.dims, cnp.NPY_INT64)
        index = <int64_t *> cnp.PyArray_DATA(indices)
    if problem.empty:
        memset(target, 0, cnp.PyArray_NBYTES(result))
    else:
        with nogil:
            status = problem.run(first, second, third, target, index)
        check(name, status)
    if out is None:
        out = result
    elif out is not result:
        cnp.PyArray_CopyInto(out, result)
    return (out, indices) if problem.indexed else out
