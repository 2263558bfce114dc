"""What the docstrings of several functions say alike."""

from __future__ import annotations

from fastconv._docs import filler

filled = filler(
    {
        "arrays": """\
in1, in2 : array_like
    Of the same number of dimensions.""",
        "images": """\
in1, in2 : array_like
    Of two dimensions.""",
        "mode": """\
mode : {"full", "valid", "same"}, default "full"
    Which part of the result, as in `convolve`.""",
        "axes": """\
axes : int or iterable of int, optional
    The axes to convolve over; all if not given. Over the others the arrays broadcast.""",
        "fillvalue": """\
fillvalue : scalar, default 0
    A value that the result's dtype can hold.""",
        "returns_transformed": """\
Returns
-------
array
    Of float32, float64 or longdouble, or complex of these; integers become float64. An element
    errs by some 1e-15 of the largest sums nearby, of float32 by some 1e-7.""",
        "raises_transformed": """\
Raises
------
ValueError
    If shapes, mode or axes do not fit.""",
        "returns_image": """\
Returns
-------
array
    Of the arrays' common dtype. Integers wrap around.""",
        "raises_image": """\
Raises
------
ValueError
    If a shape, name, value or dtype does not fit; bool, float16 and object do not.""",
    }
)
