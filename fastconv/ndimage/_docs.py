"""What the docstrings of several filters say alike."""

from __future__ import annotations

from fastconv._docs import filler

_MODE = """\
How the input goes on beyond its borders. A line ``a b c d`` goes on as
    ``d c b a | a b c d | d c b a`` with "reflect" (or "grid-mirror"),
    ``k k k k | a b c d | k k k k`` with "constant" ("grid-constant"), where k is `cval`,
    ``a a a a | a b c d | d d d d`` with "nearest",
    ``d c b | a b c d | c b a`` with "mirror" and
    ``a b c d | a b c d | a b c d`` with "wrap" ("grid-wrap")."""
_MODES = '{"reflect", "constant", "nearest", "mirror", "wrap"}'

filled = filler(
    {
        "input": """\
input : array_like
    What to filter, of any number of dimensions: bools, integers, float32, float64, or complex
    numbers, which are filtered by their components.""",
        "real_input": """\
input : array_like
    What to filter, of any number of dimensions: bools, integers, float32 or float64.""",
        "output": """\
output : array or dtype, optional
    Where to put the result: an array of the input's shape, which may be the input itself. Or the
    dtype of a new array; the input's if not given.""",
        "mode": f'mode : {_MODES}, default "reflect"\n    {_MODE}',
        "modes": f"""\
mode : {_MODES}, or a sequence, default "reflect"
    {_MODE}
    A sequence has one for each axis that is filtered.""",
        "cval": """\
cval : scalar, default 0.0
    The value beyond the borders with the mode "constant".""",
        "axis": """\
axis : int, default -1
    The axis to filter along.""",
        "axes": """\
axes : int, tuple of int or None, default None
    The axes to filter along, all if None. Sequences in other arguments have one entry for each.""",
        "origin": """\
origin : int, default 0
    Where in the window the result's element lies: 0 is the centre, and a positive value moves the
    window to the left.""",
        "origins": """\
origin : int or sequence of int, default 0
    Where in the window the result's element lies, for every axis or for each: 0 is the centre, and
    a positive value moves the window to the left.""",
        "returns": """\
Returns
-------
array
    Of the input's shape. It is `output` where that is an array.""",
        "raises": """\
Raises
------
RuntimeError
    If a dtype has no filter, `output` has another shape, or a mode or a length is wrong.
ValueError
    If a value is out of its range, or `output` is read-only.
TypeError
    If a value is of the wrong type.""",
    }
)
