"""``fastconv filter``: ``.npy`` files of every type and number of axes."""

import numpy as np
import pytest
from helpers.filter_files import RNG, expected, run

from fastconv import filters

ndimage = pytest.importorskip("scipy.ndimage")
SOBEL = filters.sobel_x()


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "<i2", ">u4", "i8", "f2", "f4", ">f4", "f8"])
def test_npy_gets_the_sums_themselves(dtype):
    image = (RNG.standard_normal((20, 31)) * 50).astype(dtype)
    np.save("in.npy", image)
    run("in.npy", "out.npy", "--kernel", "sobel_x")
    got = np.load("out.npy")
    narrow = np.dtype(dtype).itemsize < 2 or dtype in ("f2", "f4", ">f4")
    assert got.dtype == (np.float32 if narrow else np.float64)
    np.testing.assert_allclose(got, expected(image.astype(float), SOBEL), rtol=1e-5, atol=1e-3)


def test_npy_of_other_axes():
    colours = RNG.standard_normal((20, 31, 3)).astype(np.float32)
    np.save("in.npy", colours)
    run("in.npy", "out.npy", "--kernel", "sobel_x")
    np.testing.assert_allclose(np.load("out.npy"), expected(colours, SOBEL), atol=1e-5)
    volume = RNG.standard_normal((9, 10, 11))
    np.save("in.npy", volume)
    run("in.npy", "out.npy", "--kernel", "gaussian:1", "--stride", "2")
    wanted = ndimage.gaussian_filter(volume, 1)[::2, ::2, ::2]
    np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)
    flat = RNG.standard_normal((9, 10, 3))
    np.save("in.npy", flat)
    np.save("kernel.npy", RNG.standard_normal((3, 3, 3)))
    run("in.npy", "out.npy", "--kernel", "kernel.npy", "--mode", "constant")
    wanted = ndimage.correlate(flat, np.load("kernel.npy"), mode="constant")
    np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)


def test_a_file_may_be_replaced_by_its_own_result():
    image = RNG.standard_normal((20, 31))
    np.save("a.npy", image)
    for more in ([], ["--tiles"]):
        run("a.npy", "a.npy", "--kernel", "box:3", *more)
        image = ndimage.uniform_filter(image, 3)
        np.testing.assert_allclose(np.load("a.npy"), image, atol=1e-12)
