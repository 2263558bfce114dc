# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The one door to C: arrays to pointers, the GIL released, statuses to exceptions.

An `Operator` takes arrays and options. The first time it sees their shapes, dtype and values it has
them checked above, and made a `Problem`: one C function with everything but its arrays. It keeps
the problem, so that the same call costs a look-up from then on. There are no defaults here.
"""

# Each file of _door/ is one idea. They are one module all the same, their texts one after the other
# as included below, each using what is above it:
# - the C library can be in one module only: in a second it would be there again, with threads,
#   kept memory and a choice of instruction set of its own;
# - what a call goes through is then C of one source, which the compiler inlines; between Cython
#   modules it would be calls through pointers;
# - every further Cython module has 70 KB of machinery, however little it does.
#
# The door to a new part of csrc/ is a new file of _door/, included below next to pool.pxi; its C
# functions are declared in _core.pxd, and what Python sees of it in _core.pyi. It has a subclass of
# `Problem` for each C function that an `Operator` runs, as in pool.pxi, or functions of arrays, as
# in nn_linear.pxi.

cimport cython
cimport numpy as cnp
from cpython.dict cimport PyDict_GetItemWithError
from cpython.exc cimport PyErr_Occurred
from cpython.long cimport PyLong_FromSsize_t
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from libc.math cimport isfinite
from libc.string cimport memset, strcpy

cnp.import_array()

# What every door needs.
include "_door/calls.pxi"
include "_door/arrays.pxi"
include "_door/memory.pxi"
include "_door/problem.pxi"

# csrc/conv/ and csrc/pool/: their problems, and what runs them.
include "_door/conv.pxi"
include "_door/conv_grad.pxi"
include "_door/columns.pxi"
include "_door/pool.pxi"
include "_door/run.pxi"
include "_door/operator.pxi"
include "_door/plan.pxi"

# csrc/filter/
include "_door/filter.pxi"
include "_door/short.pxi"

# csrc/nn/
include "_door/nn_activation.pxi"
include "_door/nn_softmax.pxi"
include "_door/nn_cross_entropy.pxi"
include "_door/nn_loss.pxi"
include "_door/nn_pad.pxi"
include "_door/nn_resize.pxi"
include "_door/nn_linear.pxi"
include "_door/nn_norm.pxi"
include "_door/nn_optim.pxi"

# csrc/runtime/
include "_door/runtime.pxi"
