"""``fastconv filter``: ``--tiles``: strips give what the whole gives, in little memory."""

import subprocess
import sys

import numpy as np
import pytest
from helpers.filter_files import RNG, bytes_image, run

ndimage = pytest.importorskip("scipy.ndimage")


@pytest.mark.parametrize("mode", ["reflect", "constant", "nearest", "mirror", "wrap"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("kernel", ["box:5", "1 2; 3 4; 5 6; 7 8", "gaussian:6"])
@pytest.mark.parametrize("shape", [(57, 20), (57, 20, 3), (7, 300), (1, 40)])
def test_strips_give_what_the_whole_gives(mode, stride, kernel, shape, monkeypatch):
    from fastconv.cli.filtering import strips

    image = RNG.standard_normal(shape)
    np.save("in.npy", image)
    options = ["--kernel", kernel, "--mode", mode, "--stride", stride]
    run("in.npy", "whole.npy", *options)
    monkeypatch.setattr(strips, "STRIP_BYTES", 4 * 8 * shape[1])
    run("in.npy", "strips.npy", *options, "--tiles")
    whole = np.load("whole.npy")
    assert np.load("strips.npy").flags.c_contiguous
    np.testing.assert_allclose(np.load("strips.npy"), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels", [0, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_strips_of_a_tiff_file(channels, dtype, tifffile, monkeypatch):
    from fastconv.cli.filtering import strips

    shape = (57, 20, *([channels] if channels else []))
    image = (
        RNG.standard_normal(shape).astype(dtype)
        if dtype == np.float32
        else bytes_image(*shape, dtype=dtype)
    )
    options = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    tifffile.imwrite("in.tif", image, photometric="rgb" if channels else "minisblack", **options)
    run("in.tif", "whole.tif", "--kernel", "gaussian:1", "--magnitude")
    monkeypatch.setattr(strips, "STRIP_BYTES", 500)
    run("in.tif", "strips.tif", "--kernel", "gaussian:1", "--magnitude", "--tiles")
    got, wanted = tifffile.imread("strips.tif"), tifffile.imread("whole.tif")
    assert got.dtype == wanted.dtype == dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=0 if dtype != np.float32 else 1e-6)
    assert bool(tifffile.TiffFile("strips.tif").pages[0].extrasamples) == (channels == 4)


def test_strips_of_a_signal(monkeypatch):
    from fastconv.cli.filtering import strips

    signal = RNG.standard_normal(10_000)
    np.save("in.npy", signal)
    monkeypatch.setattr(strips, "STRIP_BYTES", 8 * 999)
    run("in.npy", "out.npy", "--kernel", "gaussian:9", "--tiles")
    np.testing.assert_allclose(np.load("out.npy"), ndimage.gaussian_filter1d(signal, 9), atol=1e-12)


TILES = """
import sys
import numpy as np
from fastconv import cli, ndimage
from fastconv.cli.filtering import strips

def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))

ndimage.correlate(np.zeros((9, 9), "f4"), np.ones((3, 3)))
before, most, store = anonymous(), 0, strips._store
def watched(*arguments):
    global most
    most = max(most, anonymous())
    return store(*arguments)
strips._store = watched
assert cli.main(["filter", "in.npy", "out.npy", "--kernel", "1 2 1", "--tiles"]) == 0
print(most - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_tiles_take_little_memory():
    """An image of 256 MB, read and written, in a fraction of it."""
    shape = (8192, 8192)
    image = np.lib.format.open_memmap("in.npy", "w+", np.float32, shape)
    image[:, ::1000] = 1
    del image
    done = subprocess.run([sys.executable, "-c", TILES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout.splitlines()[-1]) < 2**27
    out = np.load("out.npy", mmap_mode="r")
    line = ndimage.correlate1d(np.isin(np.arange(8192) % 1000, 0) * 1.0, [1, 2, 1])
    for row in (0, 1023, 5000, 8191):
        np.testing.assert_array_equal(out[row], line)
