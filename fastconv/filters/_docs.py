"""What the docstrings of several kernels say alike."""

from __future__ import annotations

from fastconv._docs import filler

filled = filler(
    {
        "axis": """\
axis : int, default -1
    1 or -1: along x, positive where the image grows brighter to the right. 0 or -2: along y.""",
        "dtype": """\
dtype : dtype, default float64
    Of the result: a float, complex or signed integer type.""",
        "returns_3x3": """\
Returns
-------
array of shape (3, 3)""",
        "raises": """\
Raises
------
TypeError
    If the dtype cannot hold the weights.""",
        "raises_axis": """\
Raises
------
ValueError, TypeError
    If the axis is another, or the dtype cannot hold the weights.""",
        "gaussian_parameters": """\
truncate : float, default 4.0
    The radius in standard deviations: ``int(truncate * sigma + 0.5)`` pixels.
ndim : int, default 2
    The number of axes; where `sigma` is a tuple, its length.
dtype : dtype, default float64
    Of the result: a float or complex type.""",
        "gaussian_returns": """\
Returns
-------
array
    Of `ndim` axes of ``2 * radius + 1``.""",
        "gaussian_raises": """\
Raises
------
ValueError, TypeError
    If an argument is not a positive number, the kernel would be too large, or the dtype cannot
    hold fractions.""",
    }
)
