# The library itself: its version, instruction sets and threads, and what the machine can do.

cdef extern from *:
    """
    #if defined(__clang__)
    #define FC_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define FC_COMPILER "gcc " __VERSION__
    #else
    #define FC_COMPILER "unknown"
    #endif
    """
    const char *FC_COMPILER


VERSION = text(FC_VERSION)
COMPILER = text(FC_COMPILER)
ALGORITHMS = tuple([text(fc_algorithm_name(<fc_algorithm> i)) for i in range(FC_ALGORITHMS)])


def select_isa(name):
    """Use an instruction set (None: the best) from now on; whether it could be had."""
    if name is None:
        return fc_select_isa(NULL) == FC_OK
    return fc_select_isa(name.encode(errors="surrogateescape")) == FC_OK


def isa():
    return text(fc_isa())


def isas():
    """(name, whether this CPU has it) of those built in, the best last."""
    return [(text(fc_isa_name(i)), bool(fc_isa_available(i))) for i in range(fc_isa_count())]


def set_num_threads(int n):
    fc_set_num_threads(n)


def get_num_threads():
    return fc_get_num_threads()


def set_local_num_threads(int n):
    fc_set_local_num_threads(n)


def get_local_num_threads():
    return fc_get_local_num_threads()


def cpu_count():
    return fc_cpu_count()


def measure_flops(str name, bint double, double seconds):
    """FLOP/s of multiply-adds in registers."""
    cdef double flops = 0
    cdef fc_dtype dtype = FC_F64 if double else FC_F32
    cdef fc_status status
    with nogil:
        status = fc_measure_flops(dtype, seconds, &flops, &CALL)
    check(name, status)
    return flops


def measure_bandwidth(str name, double seconds):
    """Bytes read and written a second by a large copy."""
    cdef double rate = 0
    cdef fc_status status
    with nogil:
        status = fc_measure_bandwidth(seconds, &rate, &CALL)
    check(name, status)
    return rate


def poison_scratch(bint on):
    """For tests: fill all scratch with NaN before it is used, from now on."""
    fc_scratch_poison(FC_POISON_NAN if on else FC_POISON_NONE)
