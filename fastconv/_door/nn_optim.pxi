# The optimisers' steps, in place.

cdef cnp.ndarray in_place(str name, str argument, x, cnp.ndarray model):
    """An array of the weight's shape and dtype that C can change where it stands."""
    cdef cnp.ndarray array
    if isinstance(x, cnp.ndarray):
        array = x
        if (cnp.PyArray_ISCARRAY(array) and cnp.PyArray_TYPE(array) == cnp.PyArray_TYPE(model)
                and cnp.PyArray_SAMESHAPE(array, model)):
            return array
    raise ValueError(f"{name}: {argument} is no writeable contiguous array of shape "
                     f"{(<object> model).shape} and dtype {model.dtype}")


cdef cnp.ndarray weight_of(str name, x):
    cdef cnp.ndarray array = floats(name, "data", x)
    return in_place(name, "data", x, array)


def sgd(list weights, list gradients, list velocities, list fresh, double lr, double momentum,
        double dampening, double weight_decay, bint nesterov, bint maximize):
    """A step for each of the weights, in place."""
    cdef fc_sgd options
    options.lr, options.momentum, options.dampening = lr, momentum, dampening
    options.weight_decay, options.nesterov, options.maximize = weight_decay, nesterov, maximize
    cdef cnp.ndarray weight, gradient, velocity
    cdef bint begins
    cdef fc_dtype dtype
    cdef int64_t count
    cdef fc_status status
    cdef void *to_weight
    cdef void *to_velocity
    cdef const void *from_gradient
    cdef Py_ssize_t i
    for i in range(len(weights)):
        weight = weight_of("SGD", weights[i])
        gradient = floats_like("SGD", "grad", gradients[i], "data", weight)
        velocity = in_place("SGD", "velocity", velocities[i], weight) if momentum else None
        begins = fresh[i]
        to_weight, to_velocity = data_of(weight), data_of(velocity)
        from_gradient = data_of(gradient)
        dtype, count = dtype_of(weight), cnp.PyArray_SIZE(weight)
        with nogil:
            status = fc_sgd_update(dtype, count, &options,
                                   from_gradient, to_weight, to_velocity, begins, &CALL)
        check("SGD", status)


def adam(list weights, list gradients, list means, list squares, list greatest, list steps,
         double lr, double beta1, double beta2, double eps, double weight_decay, bint decoupled,
         bint maximize):
    """A step for each of the weights, in place."""
    cdef fc_adam options
    options.lr, options.beta1, options.beta2, options.eps = lr, beta1, beta2, eps
    options.weight_decay, options.decoupled, options.maximize = weight_decay, decoupled, maximize
    cdef cnp.ndarray weight, gradient, mean, square, most
    cdef fc_dtype dtype
    cdef int64_t step, count
    cdef fc_status status
    cdef void *to_weight
    cdef void *to_mean
    cdef void *to_square
    cdef void *to_most
    cdef const void *from_gradient
    cdef Py_ssize_t i
    for i in range(len(weights)):
        weight = weight_of("Adam", weights[i])
        gradient = floats_like("Adam", "grad", gradients[i], "data", weight)
        mean = in_place("Adam", "exp_avg", means[i], weight)
        square = in_place("Adam", "exp_avg_sq", squares[i], weight)
        most = None
        if greatest[i] is not None:
            most = in_place("Adam", "max_exp_avg_sq", greatest[i], weight)
        step = steps[i]
        to_weight, to_mean, to_square = data_of(weight), data_of(mean), data_of(square)
        to_most, from_gradient = data_of(most), data_of(gradient)
        dtype, count = dtype_of(weight), cnp.PyArray_SIZE(weight)
        with nogil:
            status = fc_adam_update(dtype, count, &options, step,
                                    from_gradient, to_weight, to_mean, to_square, to_most, &CALL)
        check("Adam", status)
