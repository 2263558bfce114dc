# Operators: the public functions, by their arrays, and the problems that they have met.

cdef bint keepable(tuple options, Py_ssize_t flags) noexcept:
    """Whether equal options mean the same call: `1 == True == 1.0`, so only exact types do.

    The last `flags` of them are bools, and no other is.
    """
    cdef Py_ssize_t i, count = PyTuple_GET_SIZE(options)
    for i in range(count):
        item = <object> PyTuple_GET_ITEM(options, i)
        if i >= count - flags:
            if type(item) is not bool:
                return False
        elif type(item) is tuple:
            if not keepable(<tuple> item, 0):
                return False
        elif not (type(item) is int or item is None or type(item) is str):
            return False
    return True


cdef Py_ssize_t KEPT = 512  # problems an operator remembers


@cython.final
cdef class Operator:
    """A public function: its name, dimensions and arrays, and the problems it has met.

    Parameters
    ----------
    name : str
        As the user knows it.
    n : int
        The number of spatial dimensions.
    arrays : tuple of str
        The names of up to three arrays. One ending in "?" may be None, "indices" are integers,
        and "" is not there.
    parse : callable
        ``parse(operator, double, shapes, options)`` gives the `Problem`, or raises.
    flags : int
        How many of the options, the last ones, are bools.
    """

    cdef readonly str name
    cdef readonly int n
    cdef readonly tuple arrays
    cdef int absent, optional, integral  # bits of the arrays
    cdef object parse
    cdef Py_ssize_t flags
    cdef dict problems

    def __init__(self, str name, int n, tuple arrays, parse, int flags):
        self.name = name
        self.n = n
        self.arrays = tuple([array.rstrip("?") for array in arrays])
        self.absent = sum([1 << i for i in range(3) if i >= len(arrays) or not arrays[i]])
        self.optional = sum([1 << i for i, array in enumerate(arrays) if array.endswith("?")])
        self.integral = sum([1 << i for i, array in enumerate(arrays) if array == "indices"])
        self.parse = parse
        self.flags = flags
        self.problems = {}

    cdef cnp.ndarray array(self, int i, object array):
        """The i-th array, with any strides; None where it is not there."""
        if self.integral >> i & 1:
            return rules.integer_array(self.name, self.arrays[i], array)
        if type(array) is cnp.ndarray and is_float(array):
            return array
        if self.absent >> i & 1 or (array is None and self.optional >> i & 1):
            return None
        return rules.float_array(self.name, self.arrays[i], array)

    cdef Problem problem(self, cnp.ndarray a, cnp.ndarray b, cnp.ndarray c, tuple options):
        """The problem that the arrays and options make."""
        cdef int typenum = cnp.PyArray_TYPE(a)
        cdef tuple shapes, key
        cdef PyObject *known
        if ((b is not None and not self.integral and cnp.PyArray_TYPE(b) != typenum)
                or (c is not None and cnp.PyArray_TYPE(c) != typenum)):
            rules.refuse_mixed(self.name, self.arrays, (a, b, c))
        shapes = (shape_of(a), shape_of(b), shape_of(c))
        if not keepable(options, self.flags):
            return self.parse(self, typenum == cnp.NPY_FLOAT64, shapes, options)
        key = (options, typenum, shapes)
        known = PyDict_GetItemWithError(self.problems, key)
        if known != NULL:
            return <Problem> known
        problem = self.parse(self, typenum == cnp.NPY_FLOAT64, shapes, options)
        if len(self.problems) >= KEPT:
            self.problems.clear()
        self.problems[key] = problem
        return problem

    def run(self, a, b, c, tuple options, out):
        """The operator's result for three arrays, None where there is none."""
        cdef cnp.ndarray first = self.array(0, a)
        cdef cnp.ndarray second = self.array(1, b)
        cdef cnp.ndarray third = self.array(2, c)
        cdef Problem problem = self.problem(first, second, third, options)
        cdef int typenum = cnp.PyArray_TYPE(first)
        if problem.crop is not None:
            first = first[problem.crop]
        first = plain(first, typenum)
        if second is not None:
            second = plain(second, cnp.NPY_INT64 if self.integral else typenum)
        if third is not None:
            third = plain(third, typenum)
        return execute(self.name, problem, typenum, out, first, second, third)

    def run_all(self, a, b, c, tuple options, tuple mask):
        """For a problem that is `ConvGrads`: all of its results, None where the mask is False."""
        cdef cnp.ndarray first = self.array(0, a)
        cdef cnp.ndarray second = self.array(1, b)
        cdef cnp.ndarray third = self.array(2, c)
        cdef ConvGrads problem = self.problem(first, second, third, options)
        cdef int typenum = cnp.PyArray_TYPE(first)
        return execute_gradients(self.name, problem, mask, plain(first, typenum),
                                 plain(second, typenum), plain(third, typenum))

    def prepare(self, a, b, c, tuple options):
        """(problem, the first array, the second): raise what `run` would, and run nothing."""
        cdef cnp.ndarray first = self.array(0, a)
        cdef cnp.ndarray second = self.array(1, b)
        return self.problem(first, second, self.array(2, c), options), first, second
