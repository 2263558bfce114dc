"""fastconv.ndimage on arrays in files: in and out through memory maps, with bounded memory."""

import subprocess
import sys

import numpy as np
import pytest

from fastconv import ndimage

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Linux's /proc and limits"
)
SHAPES = {2: (8192, 8192), 3: (64, 1024, 1024), 1: (2**26,)}  # 256 MB of float32
BUDGET = 2**26

# First something small, so that threads and what is made once are there. A limit on the private
# memory that a process may ask for does not count mapped files, and counts what is not touched too.
CHILD = """
import resource, sys, threading
import numpy as np
from fastconv import ndimage

def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

def call(image, out):
    {call}

small = np.zeros({small}, np.float32)
call(small, np.empty_like(small))
image = np.load("in.npy", mmap_mode="r")
out = np.lib.format.open_memmap("out.npy", mode="w+", dtype=np.float32, shape=image.shape)
peak, done = [0], threading.Event()

def watch():
    while not done.wait(0.005):
        peak[0] = max(peak[0], status("RssAnon"))

watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
before = status("RssAnon")
limit = status("VmData") + {budget}
if {limited}:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
call(image, out)
done.set()
watcher.join()
print(max(peak[0], status("RssAnon")) - before)
"""

CALLS = {
    "correlate": (2, "ndimage.correlate(image, np.arange(25.0).reshape(5, 5), output=out)"),
    "correlate of a volume": (3, "ndimage.correlate(image, np.ones((3, 3, 3)), output=out)"),
    "correlate1d": (1, "ndimage.correlate1d(image, np.arange(9.0), output=out)"),
    "correlate1d down": (2, "ndimage.correlate1d(image, np.arange(9.0), axis=0, output=out)"),
    "gaussian_filter": (2, "ndimage.gaussian_filter(image, 2, output=out)"),
    "gaussian_filter of a volume": (3, "ndimage.gaussian_filter(image, 1, output=out)"),
    "uniform_filter": (2, "ndimage.uniform_filter(image, 9, output=out)"),
    "uniform_filter of a volume": (3, "ndimage.uniform_filter(image, 3, output=out)"),
    "maximum_filter": (2, "ndimage.maximum_filter(image, 5, output=out)"),
    "maximum_filter of a volume": (3, "ndimage.maximum_filter(image, 3, output=out)"),
    "maximum_filter of a disc": (
        2,
        "ndimage.maximum_filter(image, footprint=np.eye(5) + np.eye(5)[::-1], output=out)",
    ),
    "sobel down": (2, "ndimage.sobel(image, 0, output=out)"),
    "sobel": (2, "ndimage.sobel(image, output=out)"),
    "sobel of integers": (2, "ndimage.sobel(image.view(np.int32), output=out)"),
    "columns before rows": (2, "ndimage.gaussian_filter(image, 2, output=out, axes=(1, 0))"),
    "gaussian_laplace": (2, "ndimage.gaussian_laplace(image, 1.5, output=out)"),
    "gaussian_gradient_magnitude of a volume": (
        3,
        "ndimage.gaussian_gradient_magnitude(image, 1, output=out)",
    ),
    "magnitude of sobel": (
        2,
        "ndimage.generic_gradient_magnitude(image, ndimage.sobel, output=out)",
    ),
    "laplace of integers": (2, "ndimage.laplace(image.view(np.int32), output=out)"),
    "another byte order": (2, "ndimage.gaussian_filter(image.view('>i4'), 1, output=out)"),
    "a part of an image": (
        2,
        "ndimage.correlate(image[:, 5:-5], np.ones((3, 5)), output=out[:, 5:-5])",
    ),
    "Fortran's order": (2, "ndimage.uniform_filter(image.T, 5, output=out.T)"),
    "correlate with a large window": (
        2,
        "ndimage.correlate(image, np.arange(3721.0).reshape(61, 61) % 53, output=out)",
    ),
    "correlate integers with a large window": (
        2,
        "ndimage.correlate(image.view('>i2'), np.arange(2809.0).reshape(53, 53) % 7, "
        "output=out.view('>i2'))",
    ),
    "complex numbers": (
        2,
        "ndimage.gaussian_filter(image.view('c8'), 1, output=out.view('c8'))",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


@pytest.fixture(scope="module")
def images(folder):
    """A file for each number of axes: the same random block over and over."""
    block = np.random.default_rng(0).standard_normal(2**20).astype(np.float32)
    for axes, shape in SHAPES.items():
        image = np.lib.format.open_memmap(folder / f"in{axes}.npy", "w+", np.float32, shape)
        image.reshape(-1, block.size)[...] = block
    return folder


def run(folder, axes, call, limited):
    """Run a call in a process of its own; give the anonymous memory that it took."""
    (folder / "in.npy").unlink(missing_ok=True)
    (folder / "in.npy").symlink_to(folder / f"in{axes}.npy")
    small = (40,) * axes
    code = CHILD.format(call=call, small=small, budget=BUDGET, limited=limited)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("name", CALLS)
def test_memory_is_bounded(name, images):
    axes, call = CALLS[name]
    assert run(images, axes, call, limited=True) < BUDGET
    # The result is that of the array in memory: of its first and its last rows, and between.
    out = np.load(images / "out.npy", mmap_mode="r")
    image = np.load(images / "in.npy", mmap_mode="r")
    margin, size = (8, 24) if axes > 1 else (32, 4096)
    margin = 32 if "large window" in name else margin
    middle = len(image) // 2
    for first, last in ((0, size), (middle, middle + size), (len(image) - size, len(image))):
        low, high = max(first - margin, 0), min(last + margin, len(image))
        part = np.array(image[low:high])
        wanted = np.zeros_like(part)
        exec(call, {"ndimage": ndimage, "np": np}, {"image": part, "out": wanted})
        start = first - low
        np.testing.assert_allclose(
            out[first:last], wanted[start : start + last - first], rtol=1e-5, atol=1e-4
        )


def test_the_limit_is_one(images):
    """What makes a copy of the image is caught."""
    with pytest.raises(AssertionError, match="MemoryError"):
        run(images, 2, "out[...] = image + image", limited=True)
    assert run(images, 2, "out[...] = image + image", limited=False) > BUDGET


# ---- Slabs: what does not fit into a cache goes through several passes piece by piece ------------

SEVERAL = {
    "gaussian": (
        lambda x, mode: ndimage.gaussian_filter(x, 1.2, mode=mode),
        lambda x, axis, mode: ndimage.gaussian_filter1d(x, 1.2, axis, mode=mode),
    ),
    "uniform": (
        lambda x, mode: ndimage.uniform_filter(x, 7, mode=mode),
        lambda x, axis, mode: ndimage.uniform_filter1d(x, 7, axis, mode=mode),
    ),
    "maximum": (
        lambda x, mode: ndimage.maximum_filter(x, 19, mode=mode),
        lambda x, axis, mode: ndimage.maximum_filter1d(x, 19, axis, mode=mode),
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize(("mode", "dtype"), [("reflect", "f4"), ("wrap", "u1"), ("constant", "f8")])
@pytest.mark.parametrize(
    "shape", [(70, 200, 301), (7, 1100, 1001), (2, 3, 1300, 701), (90001, 9, 25)]
)
def test_slabs_give_the_bytes_of_one_pass_after_another(name, mode, dtype, shape):
    together, single = SEVERAL[name]
    x = (np.random.default_rng(1).standard_normal(shape) * 50).astype(dtype)
    expected = x
    for axis in range(x.ndim):
        expected = single(expected, axis, mode)
    np.testing.assert_array_equal(together(x, mode), expected)
