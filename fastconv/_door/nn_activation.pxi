# Layers: activations, element by element.

cdef cnp.ndarray activate(str name, fc_activation kind, double value, x):
    """An activation of each element of x."""
    cdef cnp.ndarray a = floats(name, "x", x)
    cdef cnp.ndarray y = like(a, True)
    cdef const void *src = cnp.PyArray_DATA(a)
    cdef void *dst = cnp.PyArray_DATA(y)
    cdef fc_dtype dtype = dtype_of(a)
    cdef int64_t count = cnp.PyArray_SIZE(a)
    cdef fc_status status
    with nogil:
        status = fc_activate(dtype, kind, value, count, src, dst, &CALL)
    check(name, status)
    return y


cdef cnp.ndarray activate_backward(str name, fc_activation kind, double value, gy, kept):
    """Its gradient, from x or y."""
    cdef cnp.ndarray b = floats(name, "output", kept)
    cdef cnp.ndarray a = floats_like(name, "gy", gy, "output", b)
    cdef cnp.ndarray gx = like(b, True)
    cdef const void *from_gy = cnp.PyArray_DATA(a)
    cdef const void *from_kept = cnp.PyArray_DATA(b)
    cdef void *dst = cnp.PyArray_DATA(gx)
    cdef fc_dtype dtype = dtype_of(b)
    cdef int64_t count = cnp.PyArray_SIZE(b)
    cdef fc_status status
    with nogil:
        status = fc_activate_grad(dtype, kind, value, count, from_gy, from_kept, dst, &CALL)
    check(name, status)
    return gx


def relu(x):
    """max(x, 0)"""
    return activate("ReLU", FC_RELU, 0, x)


def relu_backward(gy, y):
    """gy where y > 0, else 0; `y` may also be x"""
    return activate_backward("ReLU.backward", FC_RELU, 0, gy, y)


def relu6(x):
    """min(max(x, 0), 6)"""
    return activate("ReLU6", FC_RELU6, 0, x)


def relu6_backward(gy, y):
    """gy where 0 < y < 6, else 0"""
    return activate_backward("ReLU6.backward", FC_RELU6, 0, gy, y)


def leaky_relu(x, double slope):
    """x where it is positive, else slope * x"""
    return activate("LeakyReLU", FC_LEAKY_RELU, slope, x)


def leaky_relu_backward(gy, x, double slope):
    """gy where x > 0, else slope * gy"""
    return activate_backward("LeakyReLU.backward", FC_LEAKY_RELU, slope, gy, x)


def sigmoid(x):
    """1 / (1 + exp(-x))"""
    return activate("Sigmoid", FC_SIGMOID, 0, x)


def sigmoid_backward(gy, y):
    """gy * y * (1 - y)"""
    return activate_backward("Sigmoid.backward", FC_SIGMOID, 0, gy, y)


def silu(x):
    """x * sigmoid(x)"""
    return activate("SiLU", FC_SILU, 0, x)


def silu_backward(gy, x):
    """gy * sigmoid(x) * (1 + x * (1 - sigmoid(x)))"""
    return activate_backward("SiLU.backward", FC_SILU, 0, gy, x)


def tanh(x):
    """tanh(x)"""
    return activate("Tanh", FC_TANH, 0, x)


def tanh_backward(gy, y):
    """gy * (1 - y * y)"""
    return activate_backward("Tanh.backward", FC_TANH, 0, gy, y)
