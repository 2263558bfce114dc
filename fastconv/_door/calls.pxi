# Calls into C: what every call is given, and what becomes of the status it gives back.

cdef extern from *:
    """
    /* -1 where an exception is pending, so that Cython lets it pass on. */
    static int fc_pending(void) { return PyErr_Occurred() ? -1 : 0; }
    """
    int fc_pending() except -1
    # Declared without `except`: the exception stays pending until fc_pending() meets it.
    int PyErr_CheckSignals()


cdef int interrupted(void *context) noexcept with gil:
    """Whether a signal's handler raised (Ctrl-C, in the main thread): that stays pending."""
    return PyErr_Occurred() != NULL or PyErr_CheckSignals() != 0


cdef str text(const char *words):
    return (<bytes> words).decode()


cdef fc_call CALL
CALL.threads = 0
CALL.interrupted = <int (*)(void *) noexcept nogil> interrupted
CALL.context = NULL


cdef int check(str name, fc_status status) except -1:
    """The one place where a status becomes an exception."""
    if status == FC_OK:
        return 0
    if status == FC_INTERRUPTED:
        fc_pending()
        raise KeyboardInterrupt
    if status == FC_OUT_OF_MEMORY:
        raise MemoryError(f"{name}: not enough memory")
    reason = text(fc_status_string(status))
    if status == FC_INVALID_INDEX:
        raise ValueError(f"{name}: indices: {reason}")
    raise ValueError(f"{name}: {reason}")
