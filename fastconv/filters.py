"""Kernels by name: the classic filters of images and signals, as arrays.

Each function gives a new array of weights, to be laid over an image as they are printed: for
`fastconv.ndimage.correlate`, `fastconv.signal.correlate` and `fastconv.conv2d`, which all are
cross-correlations. (`convolve` turns them by 180 degrees: what is symmetric stays as it is, a
derivative changes its sign.) An image's axis 0 goes down, its axis 1 to the right.

Examples
--------
>>> from fastconv import filters
>>> filters.sobel_x()
array([[-1.,  0.,  1.],
       [-2.,  0.,  2.],
       [-1.,  0.,  1.]])
>>> filters.get("gaussian:2.0").shape
(17, 17)
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastconv import _args

__all__ = [
    "NAMES",
    "box",
    "emboss",
    "gabor",
    "gaussian",
    "get",
    "horizontal_edges",
    "laplacian",
    "log",
    "moving_average",
    "prewitt",
    "scharr",
    "sharpen",
    "sobel",
    "sobel_x",
    "sobel_y",
    "vertical_edges",
]

_ELEMENTS_LIMIT = 2**26  # of a kernel: half a gigabyte of float64
_AXES_LIMIT = 32


# ---- Derivatives ---------------------------------------------------------------------------------


def sobel_x(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Sobel's kernel along x: large where the image grows brighter to the right.

    A central difference along x, smoothed by 1, 2, 1 along y. It is what `ndimage.sobel` does along
    the last axis. Divided by 8 it is the derivative by the pixel.

    Source: I. Sobel and G. Feldman, "A 3x3 isotropic gradient operator for image processing", talk
    at the Stanford Artificial Intelligence Project, 1968.

    Parameters
    ----------
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    TypeError
        If the dtype cannot hold the weights.

    See Also
    --------
    sobel_y, scharr, prewitt

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.sobel_x("int16")
    array([[-1,  0,  1],
           [-2,  0,  2],
           [-1,  0,  1]], dtype=int16)
    """
    return _derivative("sobel_x", (1, 2, 1), 1, dtype)


def sobel_y(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Sobel's kernel along y: large where the image grows brighter downwards.

    Source: as for `sobel_x`, of which it is the transpose.

    Parameters
    ----------
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    TypeError
        If the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.sobel_y()
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return _derivative("sobel_y", (1, 2, 1), 0, dtype)


def sobel(axis: int = -1, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Sobel's kernel along an axis: `sobel_x` or `sobel_y`.

    Source: as for `sobel_x`.

    Parameters
    ----------
    axis : int, default -1
        1 or -1: along x. 0 or -2: along y.
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    ValueError, TypeError
        If the axis is another, or the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> bool((filters.sobel(0) == filters.sobel_y()).all())
    True
    """
    return _derivative("sobel", (1, 2, 1), axis, dtype)


def scharr(axis: int = -1, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Scharr's kernel along an axis: as Sobel's, its direction more exact.

    A central difference, smoothed by 3, 10, 3 along the other axis. Divided by 32 it is the
    derivative by the pixel.

    Source: H. Scharr, "Optimale Operatoren in der digitalen Bildverarbeitung", dissertation,
    Heidelberg, 2000: his weights for 3x3, in whole numbers.

    Parameters
    ----------
    axis : int, default -1
        1 or -1: along x, positive where the image grows brighter to the right. 0 or -2: along y.
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    ValueError, TypeError
        If the axis is another, or the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.scharr()
    array([[ -3.,   0.,   3.],
           [-10.,   0.,  10.],
           [ -3.,   0.,   3.]])
    """
    return _derivative("scharr", (3, 10, 3), axis, dtype)


def prewitt(axis: int = -1, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Prewitt's kernel along an axis: a central difference, averaged over three lines.

    It is what `ndimage.prewitt` does. Divided by 6 it is the derivative by the pixel.

    Source: J. M. S. Prewitt, "Object enhancement and extraction", in B. S. Lipkin and A. Rosenfeld
    (editors), Picture Processing and Psychopictorics, Academic Press, 1970.

    Parameters
    ----------
    axis : int, default -1
        1 or -1: along x, positive where the image grows brighter to the right. 0 or -2: along y.
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    ValueError, TypeError
        If the axis is another, or the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.prewitt(axis=0)
    array([[-1., -1., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  1.,  1.]])
    """
    return _derivative("prewitt", (1, 1, 1), axis, dtype)


def horizontal_edges(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the courses' detector of horizontal edges: positive where bright lies above dark.

    Source: the introductions to convolutional networks, which show it with a half white, half dark
    picture. The weights are Prewitt's along y, the sign changed.

    Parameters
    ----------
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    TypeError
        If the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.horizontal_edges()
    array([[ 1.,  1.,  1.],
           [ 0.,  0.,  0.],
           [-1., -1., -1.]])
    """
    return _made("horizontal_edges", [[1, 1, 1], [0, 0, 0], [-1, -1, -1]], dtype)


def vertical_edges(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the courses' detector of vertical edges: positive where bright lies left of dark.

    Source: as for `horizontal_edges`, of which it is the transpose.

    Parameters
    ----------
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    TypeError
        If the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.vertical_edges()
    array([[ 1.,  0., -1.],
           [ 1.,  0., -1.],
           [ 1.,  0., -1.]])
    """
    return _made("vertical_edges", [[1, 0, -1]] * 3, dtype)


def laplacian(neighbours: int = 4, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the Laplace operator: what a pixel's neighbours have more than it has itself.

    Source: the five-point difference (M. Abramowitz and I. Stegun, Handbook of Mathematical
    Functions, 1964, 25.3.30), which is what `ndimage.laplace` does in two dimensions; and that
    with the diagonals (R. Gonzalez and R. Woods, Digital Image Processing, "Sharpening spatial
    filters"). The signs are those of the second derivative: negative in the middle.

    Parameters
    ----------
    neighbours : {4, 8}, default 4
        Left, right, above and below, or the diagonal ones too.
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    ValueError, TypeError
        If there are other neighbours, or the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    >>> filters.laplacian(8)
    array([[ 1.,  1.,  1.],
           [ 1., -8.,  1.],
           [ 1.,  1.,  1.]])
    """
    if _args.integer("laplacian", "neighbours", neighbours, 1) not in (4, 8):
        _args.wrong_value("laplacian", "neighbours", neighbours, "4 or 8")
    diagonal = int(neighbours == 8)
    corner = [diagonal, 1, diagonal]
    return _made("laplacian", [corner, [1, -neighbours, 1], corner], dtype)


def log(
    sigma: float, truncate: float = 4.0, ndim: int = 2, dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """Give the Laplacian of a Gaussian: blobs and edges of one size.

    Negative in the middle of the kernel: a bright blob of radius ``sqrt(2) * sigma`` gives the most
    negative value at its centre; edges are where the sign changes. It is what
    `ndimage.gaussian_laplace` does, the tails cut off in the same place: the weights' sum is small,
    not zero.

    Source: D. Marr and E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society of
    London B 207, 1980.

    Parameters
    ----------
    sigma : float
        The Gaussian's standard deviation in pixels.
    truncate : float, default 4.0
        The radius in standard deviations: ``int(truncate * sigma + 0.5)`` pixels.
    ndim : int, default 2
        The number of axes.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array
        Of `ndim` axes of ``2 * radius + 1``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not a positive number, the kernel would be too large, or the dtype cannot
        hold fractions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import filters
    >>> np.round(filters.log(0.5), 3)[1:4, 1:4]
    array([[ 0.272,  0.67 ,  0.272],
           [ 0.67 , -4.95 ,  0.67 ],
           [ 0.272,  0.67 ,  0.272]])
    """
    sigmas = _sigmas("log", sigma, ndim)
    smooth = [_normal("log", value, truncate) for value in sigmas]
    _check_size("log", [len(line) for line in smooth])
    total = np.zeros([len(line) for line in smooth])
    for axis, (line, value) in enumerate(zip(smooth, sigmas, strict=True)):
        x = (np.arange(len(line)) - len(line) // 2) / value
        with np.errstate(all="ignore"):  # _made refuses what is not finite
            second = line * (x**2 - 1) / value / value
        total += _outer([*smooth[:axis], second, *smooth[axis + 1 :]])
    return _made("log", total, dtype)


# ---- Averages ------------------------------------------------------------------------------------


def gaussian(
    sigma: float | tuple[float, ...],
    truncate: float = 4.0,
    ndim: int = 2,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Give a Gaussian: an average whose weights fall off as the normal distribution does.

    The density at each pixel's centre, divided by the sum, so that the weights' sum is 1. It is
    what `ndimage.gaussian_filter` does.

    Source: C. F. Gauss, Theoria motus corporum coelestium, 1809, for the density; that the weights
    are its samples, normalised, is SciPy's choice.

    Parameters
    ----------
    sigma : float or tuple of float
        The standard deviation in pixels, of all axes or of each.
    truncate : float, default 4.0
        The radius in standard deviations: ``int(truncate * sigma + 0.5)`` pixels.
    ndim : int, default 2
        The number of axes; where `sigma` is a tuple, its length.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array
        Of `ndim` axes of ``2 * radius + 1``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not a positive number, the kernel would be too large, or the dtype cannot
        hold fractions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import filters
    >>> np.round(filters.gaussian(0.5), 3)[1:4, 1:4]
    array([[0.011, 0.084, 0.011],
           [0.084, 0.619, 0.084],
           [0.011, 0.084, 0.011]])
    >>> filters.gaussian((1.0, 3.0)).shape
    (9, 25)
    """
    smooth = [_normal("gaussian", value, truncate) for value in _sigmas("gaussian", sigma, ndim)]
    _check_size("gaussian", [len(line) for line in smooth])
    return _made("gaussian", _outer(smooth), dtype)


def box(n: int, ndim: int = 2, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the plain average over a square of n by n.

    It is what `ndimage.uniform_filter` does.

    Source: the mean; as an image filter M. J. McDonnell, "Box-filtering techniques", Computer
    Graphics and Image Processing 17, 1981.

    Parameters
    ----------
    n : int
        The square's side.
    ndim : int, default 2
        The number of axes.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array
        Of `ndim` axes of `n`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not an int of at least 1, the kernel would be too large, or the dtype
        cannot hold fractions.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.box(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    sizes = [_args.integer("box", "n", n, 1)] * _axes("box", ndim)
    _check_size("box", sizes)
    return _made("box", np.full(sizes, 1 / math.prod(sizes)), dtype)


def moving_average(n: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the plain average over n samples of a signal: `box` of one axis.

    Source: the running mean of every statistics course. `fastconv.signal.moving_average` is the
    average itself.

    Parameters
    ----------
    n : int
        The number of samples.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    ValueError, TypeError
        If `n` is not an int of at least 1, the kernel would be too large, or the dtype cannot hold
        fractions.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.moving_average(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    size = _args.integer("moving_average", "n", n, 1)
    _check_size("moving_average", [size])
    return _made("moving_average", np.full(size, 1 / size), dtype)


# ---- Effects -------------------------------------------------------------------------------------


def sharpen(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the image with its Laplacian taken away: edges are steeper, flat areas stay.

    Source: R. Gonzalez and R. Woods, Digital Image Processing, "Sharpening spatial filters". The
    weights' sum is 1.

    Parameters
    ----------
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    TypeError
        If the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    return _made("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], dtype)


def emboss(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give a relief: the image plus its slope along the diagonal, from top left to bottom right.

    Source: the example "emboss" of GIMP's filter "Convolution matrix". The weights' sum is 1.

    Parameters
    ----------
    dtype : dtype, default float64
        Of the result: a float, complex or signed integer type.

    Returns
    -------
    array of shape (3, 3)

    Raises
    ------
    TypeError
        If the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    return _made("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], dtype)


def gabor(
    frequency: float,
    theta: float = 0.0,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3.0,
    offset: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Give a wave under a Gaussian: stripes of one width and one direction.

    The arguments and the values are those of scikit-image's `gabor_kernel`; a real dtype takes the
    real part (a cosine), a complex one both.

    Source: D. Gabor, "Theory of communication", Journal of the IEE 93, 1946; in two dimensions
    J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
    orientation", Journal of the Optical Society of America A 2, 1985.

    Parameters
    ----------
    frequency : float
        Waves a pixel.
    theta : float, default 0.0
        The direction in which the wave runs, in radians; 0 is along x, which answers to vertical
        stripes.
    bandwidth : float, default 1.0
        In octaves: the smaller, the more waves are under the Gaussian. Not used where both standard
        deviations are given.
    sigma_x, sigma_y : float, optional
        The Gaussian's standard deviations along the wave and across it; by default those that
        `bandwidth` and `frequency` ask for.
    n_stds : float, default 3.0
        The radius in standard deviations.
    offset : float, default 0.0
        The wave's phase in radians.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array of two axes

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, the kernel would be too large, or the dtype cannot hold
        fractions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import filters
    >>> kernel = filters.gabor(0.25)
    >>> kernel.shape
    (15, 15)
    >>> np.round(1000 * kernel[7, 3:12:2])
    array([  6., -21.,  31., -21.,   6.])
    """
    frequency = _positive("gabor", "frequency", frequency)
    octaves = _positive("gabor", "bandwidth", bandwidth) * math.log(2)
    # The hyperbolic tangent is (2**b - 1) / (2**b + 1) for a bandwidth of b.
    width = math.sqrt(math.log(2) / 2) / math.pi / math.tanh(octaves / 2) / frequency
    along = width if sigma_x is None else _positive("gabor", "sigma_x", sigma_x)
    across = width if sigma_y is None else _positive("gabor", "sigma_y", sigma_y)
    reach = _positive("gabor", "n_stds", n_stds)
    theta, offset = (_finite("gabor", *given) for given in (("theta", theta), ("offset", offset)))
    cosine, sine = math.cos(theta), math.sin(theta)
    half = [
        max(1.0, abs(reach * across * cosine), abs(reach * along * sine)),
        max(1.0, abs(reach * along * cosine), abs(reach * across * sine)),
    ]
    _check_size("gabor", [2 * size + 3 for size in half])
    rows, columns = (math.ceil(size) for size in half)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    u, v = x * cosine + y * sine, y * cosine - x * sine
    with np.errstate(all="ignore"):  # _made refuses what is not finite
        bell = np.exp(-((u / along) ** 2 + (v / across) ** 2) / 2) / (2 * math.pi) / along / across
    phase = 2 * math.pi * frequency * u + offset
    if np.dtype(dtype).kind == "c":
        return _made("gabor", bell * np.exp(1j * phase), dtype)
    return _made("gabor", bell * np.cos(phase), dtype)


# ---- By name -------------------------------------------------------------------------------------

_FUNCTIONS: dict[str, Callable[..., NDArray[Any]]] = {
    function.__name__: function
    for function in (
        *(box, emboss, gabor, gaussian, horizontal_edges, laplacian, log, moving_average, prewitt),
        *(scharr, sharpen, sobel, sobel_x, sobel_y, vertical_edges),
    )
}
NAMES = tuple(_FUNCTIONS)
"""The names that `get` knows."""


def get(name: str, ndim: int = 2, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give a kernel by its name, with its arguments behind a colon.

    Parameters
    ----------
    name : str
        A function of this module and its arguments, as ``"sobel_x"``, ``"gaussian:2.0"``,
        ``"laplacian:8"`` or ``"gabor:0.1,theta=0.8"``.
    ndim : int, default 2
        The number of axes, for the kernels that exist with any: box, gaussian and log.
    dtype : dtype, default float64
        Of the result.

    Returns
    -------
    array

    Raises
    ------
    ValueError, TypeError
        If there is no such kernel, or none of so many axes, or its arguments are wrong.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.get("laplacian:8")
    array([[ 1.,  1.,  1.],
           [ 1., -8.,  1.],
           [ 1.,  1.,  1.]])
    >>> filters.get("box:4", ndim=1)
    array([0.25, 0.25, 0.25, 0.25])
    """
    if not isinstance(name, str):
        _args.wrong_type("get", "name", name, "a str")
    axes = _axes("get", ndim)
    word, colon, text = name.partition(":")
    word = word.strip()
    if word not in _FUNCTIONS:
        raise ValueError(f"get: no filter is named {word!r}; there are {', '.join(NAMES)}")
    function = _FUNCTIONS[word]
    signature = inspect.signature(function)
    keywords: dict[str, Any] = {"dtype": dtype}
    if "ndim" in signature.parameters:
        keywords["ndim"] = axes
    elif axes != (1 if function is moving_average else 2):
        raise ValueError(f"get: {word} is not a kernel of {axes} {'axes' if axes > 1 else 'axis'}")
    free = [parameter for parameter in signature.parameters.values() if parameter.name in keywords]
    given = [p for p in signature.parameters.values() if p not in free]
    positional, named = _arguments(name, text) if colon else ([], {})
    try:
        bound = signature.replace(parameters=given).bind(*positional, **named)
    except TypeError as error:
        raise ValueError(f"get: {name!r}: {error}; it is {_usage(word, given)}") from None
    return function(*bound.args, **bound.kwargs, **keywords)


def _usage(word: str, parameters: list[inspect.Parameter]) -> str:
    """Write a name as `get` takes it."""
    words = [
        p.name if p.default is p.empty else f"{p.name}={p.default}"
        for p in parameters
        if p.default is not None
    ]
    return word + (":" + ",".join(words) if words else "")


def _arguments(name: str, text: str) -> tuple[list[Any], dict[str, Any]]:
    """Read numbers and named numbers, separated by commas."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for piece in text.split(","):
        key, equals, value = piece.rpartition("=")
        key = key.strip()
        if (equals and not key.isidentifier()) or key in named or (named and not equals):
            raise ValueError(f"get: {name!r}: {piece.strip()!r} is out of place")
        if equals:
            named[key] = _number(name, value)
        else:
            positional.append(_number(name, value))
    return positional, named


def _number(name: str, text: str) -> int | float:
    """Read an int where it is written as one, else a float."""
    text = text.strip()
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"get: {name!r}: {text!r} is not a number")
    return value


# ---- Pieces --------------------------------------------------------------------------------------


def _made(name: str, weights: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Give the weights in a dtype that can hold them."""
    exact = np.asarray(weights)
    wanted = np.dtype(dtype)
    if not np.isfinite(exact).all():
        raise ValueError(f"{name}: these arguments give weights that are not finite")
    if wanted.kind in "fc":
        return exact.astype(wanted, order="C")
    if exact.dtype.kind != "i":
        raise TypeError(
            f"{name}: dtype is {wanted}; the weights are fractions, "
            "so that it must be a float or complex type"
        )
    if wanted.kind != "i":
        raise TypeError(
            f"{name}: dtype is {wanted}; some weights are negative, "
            "so that it must be a float, complex or signed integer type"
        )
    return exact.astype(wanted, order="C")


def _derivative(name: str, smooth: tuple[int, ...], axis: int, dtype: DTypeLike) -> NDArray[Any]:
    """Give a central difference along an axis, smoothed along the other."""
    if not _args.is_integer(axis):
        _args.wrong_type(name, "axis", axis, "an int")
    if axis not in (-2, -1, 0, 1):
        _args.wrong_value(name, "axis", axis, "1 or -1 for x, 0 or -2 for y")
    along_x = np.outer(smooth, (-1, 0, 1))
    return _made(name, along_x if axis in (1, -1) else along_x.T, dtype)


def _finite(name: str, argument: str, value: Any) -> float:
    number = _args.number(name, argument, value)
    if not math.isfinite(number):
        _args.wrong_value(name, argument, value, "finite")
    return number


def _positive(name: str, argument: str, value: Any) -> float:
    number = _args.number(name, argument, value)
    if not 0 < number < math.inf:
        _args.wrong_value(name, argument, value, "finite and positive")
    return number


def _axes(name: str, ndim: Any) -> int:
    return _args.integer(name, "ndim", ndim, 1, _AXES_LIMIT)


def _sigmas(name: str, sigma: Any, ndim: Any) -> list[float]:
    """Read a standard deviation for each axis."""
    if isinstance(sigma, (tuple, list)):
        if not 0 < len(sigma) < _AXES_LIMIT:
            _args.wrong_value(name, "sigma", sigma, "a number, or one for each axis")
        return [_positive(name, "sigma", value) for value in sigma]
    return [_positive(name, "sigma", sigma)] * _axes(name, ndim)


def _normal(name: str, sigma: float, truncate: Any) -> NDArray[Any]:
    """Give the normal distribution's density at whole numbers, normalised."""
    reach = _positive(name, "truncate", truncate) * sigma
    _check_size(name, [2 * reach + 2])
    radius = int(reach + 0.5)
    x = np.arange(-radius, radius + 1)
    density: NDArray[Any] = np.exp(-0.5 * (x / sigma) ** 2)
    return density / density.sum()


def _outer(lines: list[NDArray[Any]]) -> NDArray[Any]:
    """Multiply a line an axis with each other."""
    product = lines[0]
    for line in lines[1:]:
        product = np.multiply.outer(product, line)
    return product


def _check_size(name: str, sizes: list[Any]) -> None:
    """Refuse a kernel that no memory holds."""
    if not math.prod(sizes) <= _ELEMENTS_LIMIT:  # not a NaN either
        raise ValueError(
            f"{name}: the kernel would have {math.prod(sizes):.2g} weights; "
            f"at most {_ELEMENTS_LIMIT:.2g} are allowed"
        )
