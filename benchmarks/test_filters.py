"""Filters of images, volumes and signals beside SciPy and NumPy."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import fastconv.ndimage
import fastconv.signal
from fastconv import filters

Array = np.ndarray
Work = Callable[[], Array]

SIZE = 512
SAMPLES = 2**16
LIBRARIES = ("fastconv", "scipy", "numpy")


@cache
def data(kind: str) -> Array:
    """Give an image, a volume or a signal."""
    rng = np.random.default_rng(0)
    if kind == "u8":
        return rng.integers(0, 256, (SIZE, SIZE), np.uint8)
    shape = {"volume": (32, 64, 64), "signal": (SAMPLES,)}.get(kind, (SIZE, SIZE))
    return rng.standard_normal(shape, np.float64 if kind in ("f64", "signal") else np.float32)


def weights(*shape: int) -> Array:
    """Give random weights."""
    return np.random.default_rng(1).standard_normal(shape)


IMAGES = {
    "correlate 3x3": lambda nd, x: nd.correlate(x, weights(3, 3)),
    "correlate 7x7": lambda nd, x: nd.correlate(x, weights(7, 7)),
    "correlate sharpen": lambda nd, x: nd.correlate(x, filters.sharpen()),
    "correlate gabor": lambda nd, x: nd.correlate(x, filters.gabor(0.2, 0.5)),
    "correlate1d 9 down": lambda nd, x: nd.correlate1d(x, weights(9), axis=0),
    "gaussian_filter 1": lambda nd, x: nd.gaussian_filter(x, 1),
    "gaussian_filter 5": lambda nd, x: nd.gaussian_filter(x, 5),
    "gaussian_laplace 2": lambda nd, x: nd.gaussian_laplace(x, 2.0),
    "gaussian_gradient_magnitude 2": lambda nd, x: nd.gaussian_gradient_magnitude(x, 2.0),
    "uniform_filter 9": lambda nd, x: nd.uniform_filter(x, 9),
    "maximum_filter 5": lambda nd, x: nd.maximum_filter(x, 5),
    "minimum_filter 31": lambda nd, x: nd.minimum_filter(x, 31),
    "sobel": lambda nd, x: nd.sobel(x),
    "prewitt": lambda nd, x: nd.prewitt(x, 0),
    "laplace": lambda nd, x: nd.laplace(x),
}
VOLUMES = {
    "correlate 3x3x3": lambda nd, x: nd.correlate(x, weights(3, 3, 3)),
    "gaussian_filter 1": lambda nd, x: nd.gaussian_filter(x, 1),
    "uniform_filter 3": lambda nd, x: nd.uniform_filter(x, 3),
    "maximum_filter 3": lambda nd, x: nd.maximum_filter(x, 3),
}
SIGNALS = {
    "convolve 10": lambda sg, x: sg.convolve(x, weights(10), "same"),
    "convolve 100": lambda sg, x: sg.convolve(x, weights(100), "same"),
    "convolve 5000": lambda sg, x: sg.convolve(x, weights(5000), "same"),
    "fftconvolve 5000": lambda sg, x: sg.fftconvolve(x, weights(5000), "same"),
    "oaconvolve 1000": lambda sg, x: sg.oaconvolve(x, weights(1000), "same"),
    "convolve short": lambda sg, x: sg.convolve(x[:1000], weights(10), "same"),
}
PLANES = {
    "convolve 15x15": lambda sg, x: sg.convolve(x, weights(15, 15).astype(np.float32), "same"),
    "convolve2d 5x5": lambda sg, x: sg.convolve2d(x, weights(5, 5).astype(np.float32), "same"),
}
CASES = {
    **{("ndimage", name, kind): f for name, f in IMAGES.items() for kind in ("f32", "f64", "u8")},
    **{("ndimage", name, "volume"): f for name, f in VOLUMES.items()},
    **{("signal", name, "signal"): f for name, f in SIGNALS.items()},
    **{("signal", name, "f32"): f for name, f in PLANES.items()},
}


def windows(x: Array, size: int) -> Array:
    """Give the windows around each element, the image reflected at its edges."""
    before = size // 2
    padded = np.pad(x, [(before, size - 1 - before)] * x.ndim, mode="symmetric")
    return np.lib.stride_tricks.sliding_window_view(padded, (size,) * x.ndim)


NUMPY = {
    "correlate 3x3": lambda x: np.einsum("yxab,ab->yx", windows(x, 3), weights(3, 3)),
    "maximum_filter 5": lambda x: windows(x, 5).max(axis=(2, 3)),
    "maximum_filter 3": lambda x: windows(x, 3).max(axis=(3, 4, 5)),
    "convolve 10": lambda x: np.convolve(x, weights(10), "same"),
    "convolve 100": lambda x: np.convolve(x, weights(100), "same"),
    "convolve short": lambda x: np.convolve(x[:1000], weights(10), "same"),
}


def function(case: tuple[str, str, str], library: str) -> Work | None:
    """Give the function to time, or None where NumPy has none that is worth a comparison."""
    module, name, kind = case
    x = data(kind)
    if library == "numpy":
        numpy = NUMPY.get(name)
        return None if numpy is None or kind == "u8" else lambda: numpy(x)
    package = fastconv if library == "fastconv" else pytest.importorskip("scipy")
    return lambda: CASES[case](getattr(package, module), x)


def parameters() -> list[object]:
    """List what to time."""
    return [
        pytest.param(case, library, id=f"{case[1]} {case[2]}-{library}".replace(" ", "-"))
        for case in CASES
        for library in LIBRARIES
        if library != "numpy" or (case[1] in NUMPY and case[2] != "u8")
    ]


@pytest.mark.parametrize(("case", "library"), parameters())
def test_filter(benchmark, case, library):
    pytest.importorskip("scipy.ndimage")
    pytest.importorskip("scipy.signal")
    benchmark.group = " ".join(case)
    result = benchmark(function(case, library))
    expected = function(case, "scipy")()
    assert result.shape == expected.shape
    if library != "numpy":
        assert result.dtype == expected.dtype
    error = np.abs(result.astype(np.float64) - expected).max()
    if expected.dtype.kind in "iu":
        assert error == 0
    else:
        bound = 1e-5 if expected.dtype == np.float32 else 1e-12
        assert error <= bound * np.abs(expected).max()
