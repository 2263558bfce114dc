"""``fastconv filter``: what it reads and writes, what the numbers are, one line an error."""

import os
import re
import signal
import struct
import subprocess
import sys
import time
import wave
import zlib

import numpy as np
import pytest

from fastconv import cli, filters

ndimage = pytest.importorskip("scipy.ndimage")
SOBEL = filters.sobel_x()
RNG = np.random.default_rng(0)
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
from fastconv.cli import main
sys.exit(main({arguments!r}))
"""


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


@pytest.fixture
def tifffile():
    return pytest.importorskip("tifffile")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bytes_image(*shape, dtype=np.uint8):
    """A smooth image with all values and some noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    most = np.iinfo(dtype).max
    waves = 0.5 + 0.3 * np.sin(x / 5) + 0.2 * np.cos(y / 3)
    planes = np.stack([waves, waves[::-1], 1 - waves, waves[:, ::-1]], axis=-1)
    planes = planes + RNG.normal(0, 0.05, planes.shape)
    image = np.clip(planes * most, 0, most).astype(dtype)
    return image[..., 0] if len(shape) == 2 else image[..., : shape[2]]


def expected(image, kernel, mode="reflect", stride=1):
    """Every channel by itself with SciPy, rounded and clipped as the image's type asks."""
    planes = image[..., None] if image.ndim == kernel.ndim else image
    sums = [
        ndimage.correlate(planes[..., c].astype(float), kernel, mode=mode)
        for c in range(planes.shape[-1])
    ]
    every = (slice(None, None, stride),) * kernel.ndim
    result = np.stack(sums, axis=-1)[every].reshape(
        *sums[0][every].shape, *image.shape[kernel.ndim :]
    )
    if image.dtype.kind == "f":
        return result
    limits = np.iinfo(image.dtype)
    return np.clip(np.rint(result), limits.min, limits.max).astype(image.dtype)


def run(*arguments):
    """Run the command, which must succeed."""
    assert cli.main(["filter", *map(str, arguments)]) == 0


def one_line(capsys, *arguments):
    """Run the command, which must fail in one line and leave nothing behind."""
    before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
    try:
        code = cli.main(["filter", *map(str, arguments)])
    except SystemExit as exit_:
        code = exit_.code
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert re.match("fastconv( filter)?: error: ", printed.err)
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    assert {name: os.stat(name).st_mtime_ns for name in os.listdir()} == before
    return printed.err


def off_by_one_at_most(got, wanted):
    """Roundings may differ where a sum is half-way."""
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    difference = np.abs(got.astype(np.int64) - wanted)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


# ---- Images


@pytest.mark.parametrize("shape", [(20, 31), (20, 31, 3)])
@pytest.mark.parametrize("name", ["gaussian:1.5", "sobel_x", "box:4", "emboss", "1 0 -1; 2 0 -2"])
def test_png(shape, name, pillow):
    image = bytes_image(*shape)
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", name)
    kernel = filters.get(name) if name[0] != "1" else np.array([[1, 0, -1], [2, 0, -2]])
    off_by_one_at_most(np.asarray(pillow.open("out.png")), expected(image, kernel))


@pytest.mark.parametrize("mode", ["reflect", "constant", "nearest", "mirror", "wrap", "grid-wrap"])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_modes_and_strides(mode, stride, pillow):
    image = bytes_image(23, 18)
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", "box:7", "--mode", mode, "--stride", stride)
    wanted = expected(image, filters.box(7), mode, stride)
    off_by_one_at_most(np.asarray(pillow.open("out.png")), wanted)


@pytest.mark.parametrize("kernel", ["sobel_x", "sobel_y"])
def test_magnitude(kernel, pillow):
    image = bytes_image(20, 31)
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", kernel, "--magnitude")
    wanted = np.hypot(*(ndimage.sobel(image.astype(float), axis) for axis in (0, 1)))
    wanted = np.clip(np.rint(wanted), 0, 255).astype(np.uint8)
    off_by_one_at_most(np.asarray(pillow.open("out.png")), wanted)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_kept(mode, pillow):
    image = bytes_image(20, 31, 4)
    image = image if mode == "RGBA" else image[..., ::3]
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", "gaussian:2", "--stride", 2)
    got = np.asarray(pillow.open("out.png"))
    assert pillow.open("out.png").mode == mode
    np.testing.assert_array_equal(got[..., -1], image[::2, ::2, -1])
    off_by_one_at_most(got[..., :-1], expected(image[..., :-1], filters.gaussian(2), stride=2))


@pytest.mark.parametrize("transparent", [False, True])
def test_palettes_become_their_colours(transparent, pillow):
    image = pillow.fromarray(bytes_image(20, 31, 3)).quantize(16)
    colours = image.convert("RGB")
    image.save("in.png", **({"transparency": 3} if transparent else {}))
    run("in.png", "out.png", "--kernel", "box:3")
    out = pillow.open("out.png")
    assert out.mode == ("RGBA" if transparent else "RGB")
    got = np.asarray(out)
    off_by_one_at_most(got[..., :3], expected(np.asarray(colours), filters.box(3)))
    if transparent:
        assert ((got[..., 3] == 0) == (np.asarray(image) == 3)).all()


def test_black_and_white_become_grey(pillow):
    image = bytes_image(20, 31) > 128
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", "box:3")
    wanted = expected(image.astype(np.uint8) * 255, filters.box(3))
    off_by_one_at_most(np.asarray(pillow.open("out.png")), wanted)


@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 3)])
def test_jpeg(shape, pillow):
    image = bytes_image(*shape)
    pillow.fromarray(image).save("in.jpg", quality=95)
    decoded = np.asarray(pillow.open("in.jpg"))
    run("in.jpg", "out.jpeg", "--kernel", "gaussian:1")
    out = pillow.open("out.jpeg")
    assert out.format == "JPEG"
    wanted = expected(decoded, filters.gaussian(1)).astype(float)
    assert np.abs(np.asarray(out) - wanted).mean() < 2


def test_a_photograph_that_was_taken_on_its_side_is_turned(pillow):
    image = bytes_image(20, 31)
    for orientation in range(1, 9):
        exif = pillow.Exif()
        exif[0x0112] = orientation
        stored = pillow.fromarray(image)
        stored.save("in.png", exif=exif)
        upright = pytest.importorskip("PIL.ImageOps").exif_transpose(pillow.open("in.png"))
        run("in.png", "out.png", "--kernel", "1")
        np.testing.assert_array_equal(np.asarray(pillow.open("out.png")), np.asarray(upright))


def test_of_a_cameras_pictures_of_one_thing_the_first_is_filtered(pillow):
    first, second = (pillow.fromarray(bytes_image(*size, 3)) for size in ((40, 56), (20, 28)))
    first.save("in.jpg", format="MPO", save_all=True, append_images=[second])
    run("in.jpg", "out.png", "--kernel", "1")
    np.testing.assert_array_equal(np.asarray(pillow.open("out.png")), pillow.open("in.jpg"))


def test_the_colour_profile_is_kept(pillow):
    cms = pytest.importorskip("PIL.ImageCms")
    profile = cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()
    pillow.fromarray(bytes_image(20, 31, 3)).save("in.png", icc_profile=profile)
    for name in ("out.png", "out.jpg", "out.tif"):
        run("in.png", name, "--kernel", "box:3")
        assert pillow.open(name).info["icc_profile"] == profile
    write_deep_png("deep.png", bytes_image(9, 8, 3, dtype=np.uint16), extra=profile)
    run("deep.png", "out.png", "--kernel", "box:3")
    assert pillow.open("out.png").info["icc_profile"] == profile


# ---- 16 bits


def write_deep_png(path, samples, extra=None, transparent=None):
    """Write a PNG file of 16 bits, row by row with each of the five filters of the standard."""
    height, width, channels = samples.shape
    step = 2 * channels
    rows = samples.astype(">u2").view(np.uint8).reshape(height, -1).astype(np.int64)
    stored = b""
    for y, row in enumerate(rows):
        up = rows[y - 1] if y else np.zeros_like(row)
        left = np.concatenate([np.zeros(step, np.int64), row[:-step]])
        corner = np.concatenate([np.zeros(step, np.int64), up[:-step]])
        slope = left + up - corner
        apart = np.abs(np.stack([left, up, corner]) - slope)
        paeth = np.choose(apart.argmin(axis=0), [left, up, corner])
        kind = y % 5
        predicted = [0 * row, left, up, (left + up) // 2, paeth][kind]
        stored += bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))]
    chunks += [(b"iCCP", b"a\0\0" + zlib.compress(extra))] if extra else []
    chunks += [(b"tRNS", np.array(transparent, ">u2").tobytes())] if transparent else []
    chunks += [(b"IDAT", zlib.compress(stored)), (b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks:
            file.write(struct.pack(">I", len(data)) + name + data)
            file.write(struct.pack(">I", zlib.crc32(name + data)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.usefixtures("pillow")
def test_png_of_sixteen_bits(channels):
    image = bytes_image(23, 18, channels, dtype=np.uint16)
    write_deep_png("in.png", image)
    run("in.png", "same.npy", "--kernel", "1")
    same = np.load("same.npy")
    np.testing.assert_array_equal(same.reshape(image.shape), image)
    run("in.png", "out.png", "--kernel", "gaussian:1")
    run("out.png", "again.npy", "--kernel", "1")
    got = np.load("again.npy").reshape(image.shape).astype(np.uint16)
    wanted = expected(image, filters.gaussian(1))
    if channels in (2, 4):
        wanted[..., -1] = image[..., -1]
    off_by_one_at_most(got, wanted)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.usefixtures("pillow")
def test_the_transparent_colour_of_a_png_of_sixteen_bits(channels):
    image = bytes_image(23, 18, channels, dtype=np.uint16)
    image[3, 4] = 0x1234
    write_deep_png("in.png", image, transparent=[0x1234] * channels)
    run("in.png", "out.png", "--kernel", "1")
    run("out.png", "out.npy", "--kernel", "1")
    got = np.load("out.npy")
    np.testing.assert_array_equal(got[..., :-1], image)
    assert got[3, 4, -1] == 0
    assert (got[..., -1] == 0xFFFF).sum() == 23 * 18 - 1


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.usefixtures("pillow")
def test_opencv_reads_our_png_of_sixteen_bits_and_we_its(channels):
    cv2 = pytest.importorskip("cv2")
    image = bytes_image(23, 18, channels, dtype=np.uint16)
    theirs = image if channels == 1 else image[..., [2, 1, 0, 3][:channels]]
    cv2.imwrite("in.png", theirs)
    run("in.png", "out.png", "--kernel", "1")
    got = cv2.imread("out.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(got.reshape(image.shape), theirs)


@pytest.mark.usefixtures("pillow")
def test_a_large_png_of_sixteen_bits_is_in_several_pieces(monkeypatch):
    from fastconv.cli.filtering import images

    image = bytes_image(60, 60, 3, dtype=np.uint16)
    write_deep_png("in.png", image)
    monkeypatch.setattr(images, "MOST_CHUNK", 1000)
    run("in.png", "out.png", "--kernel", "1")
    run("out.png", "out.npy", "--kernel", "1")
    np.testing.assert_array_equal(np.load("out.npy"), image)


# ---- TIFF


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [0, 3, 4])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.usefixtures("pillow")
def test_tiff(dtype, channels, compression, byteorder, tifffile):
    image = bytes_image(23, 18, *([channels] if channels else []), dtype=dtype)
    options = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    photometric = "rgb" if channels else "minisblack"
    tifffile.imwrite(
        "in.tif",
        image,
        photometric=photometric,
        compression=compression,
        byteorder=byteorder,
        **options,
    )
    run("in.tif", "out.tiff", "--kernel", "gaussian:1")
    wanted = expected(image, filters.gaussian(1))
    if channels == 4:
        wanted[..., 3] = image[..., 3]
    with tifffile.TiffFile("out.tiff") as file:
        page = file.pages[0]
        assert page.photometric.name.lower() == photometric
        assert bool(page.extrasamples) == (channels == 4)
        off_by_one_at_most(page.asarray(), wanted)


@pytest.mark.usefixtures("pillow")
def test_tiff_of_floats_and_of_planes(tifffile):
    image = RNG.standard_normal((20, 31)).astype(np.float32)
    tifffile.imwrite("in.tif", image)
    run("in.tif", "out.tif", "--kernel", "sobel_x")
    out = tifffile.imread("out.tif")
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected(image, SOBEL), atol=1e-5)
    planes = bytes_image(20, 31, 3)
    tifffile.imwrite(
        "in.tif", np.moveaxis(planes, -1, 0), photometric="rgb", planarconfig="separate"
    )
    run("in.tif", "out.tif", "--kernel", "box:3")
    off_by_one_at_most(tifffile.imread("out.tif"), expected(planes, filters.box(3)))


@pytest.mark.usefixtures("tifffile")
def test_tiff_that_pillow_wrote(pillow):
    image = bytes_image(20, 31, 3)
    for mode, compression in (("RGB", "tiff_lzw"), ("L", "packbits"), ("CMYK", "raw"), ("P", None)):
        stored = pillow.fromarray(image).convert(mode)
        stored.save("in.tif", compression=compression)
        colours = np.asarray(stored if mode in ("RGB", "L") else stored.convert("RGB"))
        run("in.tif", "out.png", "--kernel", "box:3")
        got = np.asarray(pillow.open("out.png"))
        off_by_one_at_most(got, expected(colours, filters.box(3)))


@pytest.mark.usefixtures("pillow")
def test_pages_are_not_dropped(tifffile, capsys):
    tifffile.imwrite("in.tif", np.zeros((3, 20, 31), np.uint8), photometric="minisblack")
    error = one_line(capsys, "in.tif", "out.tif", "--kernel", "box:3")
    assert "3 pages" in error


# ---- .npy


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


# ---- Kernels


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("1 0 -1; 1 0 -1; 1 0 -1", [[1, 0, -1]] * 3),
        ("-1 0 1", [[-1, 0, 1]]),
        ("1;2;1", [[1], [2], [1]]),
        ("1,2,1;0,0,0", [[1, 2, 1], [0, 0, 0]]),
        (" .5 1e-1 ;\t+2 -.25 ; ", [[0.5, 0.1], [2, -0.25]]),
        ("1 2 1\n0 0 0\r\n\n-1 -2 -1;\n", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
        ("7", [[7]]),
        ("laplacian:8", filters.laplacian(8)),
        ("gabor:0.2,theta=0.5", filters.gabor(0.2, 0.5)),
    ],
)
def test_kernels(text, weights):
    image = RNG.standard_normal((20, 31))
    np.save("in.npy", image)
    run("in.npy", "out.npy", "--kernel", text)
    wanted = ndimage.correlate(image, np.array(weights, float))
    np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)
    run("in.npy", "out.npy", f"--kernel={text}")
    np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)


def test_a_kernel_of_a_file():
    image = RNG.standard_normal((20, 31))
    np.save("in.npy", image)
    for kernel in (RNG.standard_normal((4, 3)).astype("f4"), np.arange(6).reshape(2, 3)):
        np.save("k.npy", kernel)
        run("in.npy", "out.npy", "--kernel", "k.npy")
        wanted = ndimage.correlate(image, kernel.astype(float))
        np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        ("sobel_z", "no filter is named 'sobel_z'; there are box,"),
        ("", "no filter is named ''"),
        ("gaussian", "missing a required argument: 'sigma'; it is gaussian:sigma"),
        ("gaussian:-1", "sigma is -1; it must be finite and positive"),
        ("gaussian:1e9", "weights"),
        ("laplacian:5", "it must be 4 or 8"),
        ("box:2.5", "n is 2.5"),
        ("moving_average:3", "moving_average is not a kernel of 2 axes"),
        ("1 0; 1", "its rows have 2, 1 weights"),
        ("1;;1", "its rows have 1, 0, 1 weights"),
        (";", "its rows have 0 weights"),
        ("1 two 3", "--kernel '1 two 3': 'two' is not a number"),
        ("gaussian 2", "'gaussian' is not a number"),
        ("1 2\n3", "--kernel '1 2\\n3': its rows have 2, 1 weights"),
        ("1 " * 999 + "x", "1 1 1 1...': 'x' is not a number"),
        ("guassian:2", "; perhaps gaussian"),
        ("kernel.txt", "--kernel kernel.txt: a file of weights must be of NumPy's"),
        ("volume.npy", "it is 2 x 3 x 4; what is filtered needs 2 axes"),
        ("1 nan 3", "every weight must be finite"),
        ("1 inf 3", "every weight must be finite"),
        ("missing.npy", "cannot read missing.npy: No such file"),
        ("complex.npy", "holds complex128, not real numbers"),
        ("nan.npy", "every weight must be finite"),
        ("line.npy", "needs 2 axes"),
        ("scalar.npy", "it is a single number"),
        ("empty.npy", "it has 0 weights"),
        ("broken.npy", "cannot read broken.npy: "),
        ("objects.npy", "cannot read objects.npy: "),
        (".npy", "cannot read .npy: No such file"),
    ],
)
def test_bad_kernels(kernel, says, capsys):
    np.save("in.npy", np.zeros((20, 31)))
    np.save("complex.npy", np.ones((3, 3), complex))
    np.save("nan.npy", np.full((3, 3), np.nan))
    np.save("line.npy", np.ones(3))
    np.save("scalar.npy", np.float64(1))
    np.save("empty.npy", np.ones((0, 3)))
    np.save("volume.npy", np.ones((2, 3, 4)))
    with open("kernel.txt", "w") as file:
        file.write("1 2\n3 4\n")
    np.save("objects.npy", np.array([[None, {}]]), allow_pickle=True)
    with open("broken.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (1")
    assert says in one_line(capsys, "in.npy", "out.npy", "--kernel", kernel)


# ---- Signals


def write_wav(path, samples, width, rate=8000):
    data = samples.astype("<i4").view(np.uint8).reshape(*samples.shape, 4)[..., :width]
    data = samples.astype(np.uint8) if width == 1 else data
    with wave.open(path, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(data).tobytes())


def read_wav(path):
    with wave.open(path, "rb") as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        data = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
        rate = file.getframerate()
    if width == 1:
        return data.reshape(-1, channels).astype(np.int64), rate
    padded = np.zeros((len(data) // width, 4), np.uint8)
    padded[:, 4 - width :] = data.reshape(-1, width)
    return (padded.view("<i4").reshape(-1, channels) >> (32 - 8 * width)).astype(np.int64), rate


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav(width, channels):
    low, high = (0, 255) if width == 1 else (-(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    samples = RNG.integers(low, high, (500, channels), endpoint=True)
    write_wav("in.wav", samples, width)
    for kernel in ("gaussian:2", "1 3 -1", "box:4"):
        run("in.wav", "out.wav", "--kernel", kernel)
        got, rate = read_wav("out.wav")
        assert rate == 8000
        weights = filters.get(kernel, ndim=1) if kernel[0] != "1" else np.array([1.0, 3, -1])
        wanted = [ndimage.correlate1d(c.astype(float), weights) for c in samples.T]
        wanted = np.clip(np.rint(np.stack(wanted, axis=1)), low, high)
        assert np.abs(got - wanted).max() <= 1


def test_wav_in_the_extensible_format(tmp_path, capsys):
    """As most programs write 24 bits: the format's number stands further behind."""
    samples = RNG.integers(-(2**23), 2**23, (50, 2))
    write_wav("plain.wav", samples, 3)
    data = (tmp_path / "plain.wav").read_bytes()
    subformat = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    for number, code in ((b"\1\0", 0), (b"\7\0", 2)):  # 7: logarithms
        form = b"\xfe\xff" + data[22:36] + struct.pack("<HHI", 22, 24, 3) + number + subformat
        chunk = b"fmt " + struct.pack("<I", len(form)) + form
        body = b"WAVE" + chunk + data[36:]
        (tmp_path / "in.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        assert cli.main(["filter", "in.wav", "out.wav", "--kernel", "1"]) == code
    np.testing.assert_array_equal(read_wav("out.wav")[0], samples)
    assert "cannot read in.wav: its samples are 24 bits in format 7" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_wav_of_floats(dtype, channels):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    samples = RNG.standard_normal((501, channels)).astype(dtype)  # beyond 1 too
    wavfile.write("in.wav", 44100, samples)
    run("in.wav", "out.wav", "--kernel", "1 3 -1", "--stride", "2")
    rate, got = wavfile.read("out.wav")
    wanted = ndimage.correlate1d(samples.astype(float), [1, 3, -1], axis=0)[::2]
    assert (rate, got.dtype) == (22050, dtype)
    np.testing.assert_allclose(got.reshape(-1, channels), wanted, rtol=1e-5, atol=1e-5)
    run("in.wav", "out.wav", "--kernel", "1")
    np.testing.assert_array_equal(wavfile.read("out.wav")[1].reshape(samples.shape), samples)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_other_programs_read_our_sounds(width):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    write_wav("in.wav", RNG.integers(0, 256, (51, 1)), width)
    run("in.wav", "out.wav", "--kernel", "1")
    np.testing.assert_array_equal(wavfile.read("out.wav")[1], wavfile.read("in.wav")[1])


def test_a_sound_of_unknown_length_goes_to_its_end(tmp_path):
    """As programs write it to a pipe."""
    samples = RNG.integers(-99, 99, (50, 2))
    write_wav("in.wav", samples, 2)
    data = bytearray((tmp_path / "in.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    (tmp_path / "in.wav").write_bytes(data)
    run("in.wav", "out.wav", "--kernel", "1")
    np.testing.assert_array_equal(read_wav("out.wav")[0], samples)


@pytest.mark.parametrize(
    ("place", "put", "says"),
    [
        (0, b"RIFX", "it is not a WAV file"),
        (12, b"fmx ", "does not say how its samples are stored"),
        (16, b"\xff\xff", "it ends too early: "),
        (20, b"\x06", "its samples are 16 bits in format 6"),
        (20, b"\x03", "its samples are 16 bits in format 3"),
        (22, b"\0", "0 channels of 16 bits do not make frames of 4 bytes"),
        (22, b"\x07", "7 channels of 16 bits do not make frames of 4 bytes"),
        (34, b"\x28", "its samples are 40 bits in format 1"),
        (40, b"\xc9", "it ends too early: 200 of 201 bytes are there"),
        (40, b"\0", "it holds no samples"),
    ],
)
def test_damaged_sounds(place, put, says, tmp_path, capsys):
    write_wav("in.wav", RNG.integers(-99, 99, (50, 2)), 2)
    data = bytearray((tmp_path / "in.wav").read_bytes())
    data[place : place + len(put)] = put
    (tmp_path / "in.wav").write_bytes(data)
    assert says in one_line(capsys, "in.wav", "out.wav", "--kernel", "1")


def test_a_sound_of_every_second_sample_lasts_as_long():
    write_wav("in.wav", RNG.integers(-99, 99, (500, 1)), 2, rate=44100)
    run("in.wav", "out.wav", "--kernel", "box:2", "--stride", "2")
    got, rate = read_wav("out.wav")
    assert (len(got), rate) == (250, 22050)


def test_a_sound_becomes_an_array_and_its_absolute_value():
    samples = RNG.integers(-99, 99, (50, 2))
    write_wav("in.wav", samples, 2)
    run("in.wav", "out.npy", "--kernel", "1 0 -1", "--magnitude", "--mode", "wrap")
    wanted = np.abs(np.roll(samples, 1, axis=0) - np.roll(samples, -1, axis=0))
    np.testing.assert_array_equal(np.load("out.npy"), wanted)


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("1\n2\n6\n", "2.0\n3.0\n8.0\n"),
        ("x\n1\n2\n6\n", "x\n2.0\n3.0\n8.0\n"),
        ("x,y\n1,0\n2,0\n6,9\n", "x,y\n2.0,0.0\n3.0,0.0\n8.0,9.0\n"),
        ("x;y\n1;0\n2;0\n6;9\n", "x;y\n2.0;0.0\n3.0;0.0\n8.0;9.0\n"),
        ('"a, b",c\r\n1,0\r\n2,0\r\n6,9\r\n', '"a, b",c\n2.0,0.0\n3.0,0.0\n8.0,9.0\n'),
        ("1,2,6", "2.0,3.0,8.0\n"),
        ("\ufeff1\n\n2\n6\n\n", "2.0\n3.0\n8.0\n"),
        ("1e0\t0\n 2 \t0\n+6\t9\n", "2.0\t0.0\n3.0\t0.0\n8.0\t9.0\n"),
    ],
)
def test_csv(text, sums, tmp_path):
    (tmp_path / "in.csv").write_bytes(text.encode())
    run("in.csv", "out.csv", "--kernel", "1 1 0", "--mode", "nearest")
    assert (tmp_path / "out.csv").read_bytes() == sums.encode()


def test_numbers_of_a_table_come_back(tmp_path):
    signal = RNG.standard_normal(50)
    (tmp_path / "in.csv").write_text("\n".join(map(repr, signal.tolist())))
    run("in.csv", "out.csv", "--kernel", "1")
    np.testing.assert_array_equal(np.loadtxt("out.csv"), signal)


# ---- The sheet


@pytest.mark.parametrize("name", ["sheet.png", "sheet.JPG", "sheet.svg", "sheet.pdf"])
@pytest.mark.parametrize("kind", ["grey", "colours", "floats", "sound"])
def test_compare(name, kind, pillow):
    pytest.importorskip("matplotlib")
    source = "in $x$ 雪.npy" if kind == "floats" else "in.png"
    if kind == "sound":
        source = "in.wav"
        write_wav(source, RNG.integers(-99, 99, (20_000, 2)), 2)
    elif kind == "floats":
        np.save(source, RNG.standard_normal((3000, 40)))
    else:
        pillow.fromarray(bytes_image(20, 31, *([3] if kind == "colours" else []))).save(source)
    run(source, "out.npy", "--kernel", "gaussian:1", "--compare", name)
    starts = {"png": b"\x89PNG", "jpg": b"\xff\xd8", "svg": b"<?xml", "pdf": b"%PDF"}
    with open(name, "rb") as file:
        assert file.read(5).startswith(starts[name[-3:].lower()])


def test_compare_shows_before_and_after(pillow):
    pytest.importorskip("matplotlib")
    image = np.zeros((50, 50), np.uint8)
    image[:, 25:] = 255
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", "0", "--compare", "sheet.png")
    sheet = np.asarray(pillow.open("sheet.png").convert("L"))
    height, width = sheet.shape
    half = sheet[height // 2]
    assert half[: width // 3].min() == 0
    assert half[: width // 3].max() == 255
    assert (half[-width // 4 : -20] == 0).all()


# ---- Strips


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


# ---- Errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in.npy", "out.npy"], "the following arguments are required: --kernel"),
        (["in.npy", "--kernel", "box:3"], "the following arguments are required: OUT"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--stride", "0"], "'0' is not a whole number"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--stride", "1.5"], "not a whole number"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--mode", "zeros"], "invalid choice: 'zeros'"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--nonsense"], "unrecognized arguments"),
        (["none.npy", "out.npy", "--kernel", "box:3"], "cannot read none.npy: No such file"),
        (["none.png", "out.npy", "--kernel", "box:3"], "cannot read none.png: No such file"),
        (["none.tif", "out.npy", "--kernel", "box:3"], "cannot read none.tif: No such file"),
        (["none.wav", "out.npy", "--kernel", "box:3"], "cannot read none.wav: No such file"),
        (["none.csv", "out.npy", "--kernel", "box:3"], "cannot read none.csv: No such file"),
        (["folder.npy", "out.npy", "--kernel", "box:3"], "cannot read folder.npy: Is a directory"),
        (["folder.png", "out.npy", "--kernel", "box:3"], "cannot read folder.png: Is a directory"),
        (["in.npy", "folder.npy", "--kernel", "box:3"], "cannot write folder.npy: it is a folder"),
        (["in.npy", "no/out.npy", "--kernel", "box:3"], "there is no folder no"),
        (["in.npy", "in.npy/out.npy", "--kernel", "box:3"], "there is no folder in.npy"),
        (["in.npy", "out.gif", "--kernel", "box:3"], "OUT out.gif: its ending says no kind"),
        (["in.npy", "out", "--kernel", "box:3"], "OUT out: its ending says no kind of file"),
        (["in.xyz", "out.npy", "--kernel", "box:3"], "IN in.xyz: its ending says no kind"),
        (["in.npy", "out.png", "--kernel", "box:3"], "a PNG file cannot hold float64"),
        (["in.npy", "out.wav", "--kernel", "box:3"], "a WAV file cannot hold a result of 2 axes"),
        (["line.npy", "out.wav", "--kernel", "box:3"], "needs a sampling rate"),
        (["line.npy", "out.png", "--kernel", "box:3"], "cannot hold a result of 1 axes"),
        (["line.npy", "out.npy", "--kernel", "sobel_x"], "sobel_x is not a kernel of 1 axis"),
        (["line.npy", "out.npy", "--kernel", "1 2; 3 4"], "what is filtered needs one row"),
        (["text.npy", "out.npy", "--kernel", "box:3"], "cannot read text.npy: "),
        (["text.wav", "out.npy", "--kernel", "box:3"], "cannot read text.wav: "),
        (["text.csv", "out.npy", "--kernel", "box:3"], "text.csv: line 3: 'x' is not a number"),
        (["ragged.csv", "out.npy", "--kernel", "box:3"], "line 2 has 1 cells, not 2"),
        (["bytes.csv", "out.npy", "--kernel", "box:3"], "it is not text in UTF-8"),
        (["void.csv", "out.npy", "--kernel", "box:3"], "it holds no numbers"),
        (["void.npy", "out.npy", "--kernel", "box:3"], "cannot read void.npy: "),
        (["void.wav", "out.npy", "--kernel", "box:3"], "cannot read void.wav: it ends too early"),
        (["none.npy", "out.npy", "--kernel", "k.npy"], "cannot read none.npy"),
        (["complex.npy", "out.npy", "--kernel", "box:3"], "it holds complex128"),
        (["empty.npy", "out.npy", "--kernel", "box:3"], "its shape is (0, 5)"),
        (["huge.npy", "out.npy", "--kernel", "box:3"], "cannot read huge.npy: "),
        (["volume.npy", "o.npy", "--kernel", "1 2 1", "--magnitude"], "needs 3 axes"),
        (["volume.npy", "o.npy", "--kernel", "box:3", "--magnitude"], "of images and signals"),
        (["in.wav", "out.npy", "--kernel", "box:3", "--tiles"], "--tiles reads .npy and"),
        (["in.npy", "out.csv", "--kernel", "box:3"], "cannot hold a result of 2 axes"),
        (["line.npy", "out.csv", "--kernel", "box:3", "--tiles"], "--tiles writes .npy and .tif"),
    ],
)
def test_errors_are_one_line(arguments, says, capsys, tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    np.save("line.npy", np.zeros(20))
    np.save("complex.npy", np.zeros((3, 3), complex))
    np.save("empty.npy", np.zeros((0, 5)))
    np.save("volume.npy", np.zeros((7, 8, 9)))
    np.save("k.npy", np.ones((3, 3)))
    for name in ("folder.npy", "folder.png"):
        (tmp_path / name).mkdir()
    for name in ("text.npy", "text.wav", "text.csv", "in.wav"):
        (tmp_path / name).write_text("1\n2\nx\n")
    for name in ("void.npy", "void.wav", "void.csv"):
        (tmp_path / name).touch()
    (tmp_path / "ragged.csv").write_text("1,2\n3\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe1\n")
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000, 1000), }"
    header = header.ljust(117) + "\n"
    magic = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header))
    (tmp_path / "huge.npy").write_bytes(magic + header.encode() + bytes(100))
    assert says in one_line(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["text.png", "out.png", "--kernel", "box:3"], "cannot read text.png: cannot identify"),
        (["text.jpg", "out.png", "--kernel", "box:3"], "cannot read text.jpg: cannot identify"),
        (["text.tif", "out.png", "--kernel", "box:3"], "cannot read text.tif: "),
        (["half.png", "out.png", "--kernel", "box:3"], "cannot read half.png: "),
        (["half.jpg", "out.png", "--kernel", "box:3"], "cannot read half.jpg: "),
        (["half.tif", "out.png", "--kernel", "box:3"], "cannot read half.tif: "),
        (["half16.png", "out.png", "--kernel", "box:3"], "cannot read half16.png: "),
        (["moving.png", "out.png", "--kernel", "box:3"], "it holds 2 pictures, not one"),
        (["alpha.png", "out.jpg", "--kernel", "box:3"], "a JPEG file cannot hold transparency"),
        (["deep.png", "out.jpg", "--kernel", "box:3"], "a JPEG file cannot hold uint16"),
        (["wide.png", "out.jpg", "--kernel", "box:3"], "cannot hold 2 x 65501 pixels: 65500 a"),
        (["good.png", "out.wav", "--kernel", "box:3"], "cannot hold a result of 2 axes"),
        (["good.png", "o.png", "--kernel", "box:3", "--tiles"], "is decoded as a whole"),
        (["good.tif", "o.png", "--kernel", "box:3", "--tiles"], "is encoded as a whole"),
        (["packed.tif", "o.tif", "--kernel", "box:3", "--tiles"], "are compressed, or not stored"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "a.gif"], "its ending must be"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "o.png"], "file of its own"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "good.png"], "file of its own"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "n/a.png"], "no folder n"),
        (["volume.npy", "o.npy", "--kernel", "box:3", "--compare", "a.png"], "images and signals"),
    ],
)
def test_errors_of_images_are_one_line(arguments, says, capsys, tmp_path, pillow, tifffile):
    pytest.importorskip("matplotlib")
    noise = RNG.integers(0, 256, (60, 60, 3), np.uint8)
    for name in ("good.png", "good.jpg"):
        pillow.fromarray(noise).save(name)
    tifffile.imwrite("good.tif", noise, photometric="rgb")
    tifffile.imwrite("packed.tif", noise, photometric="rgb", compression="zlib")
    write_deep_png("deep16.png", bytes_image(60, 60, 3, dtype=np.uint16))
    for kind in ("png", "jpg", "tif"):
        data = (tmp_path / f"good.{kind}").read_bytes()
        (tmp_path / f"half.{kind}").write_bytes(data[: len(data) // 2])
        (tmp_path / f"text.{kind}").write_text("not an image")
    deep = (tmp_path / "deep16.png").read_bytes()
    (tmp_path / "half16.png").write_bytes(deep[: len(deep) // 2])
    frames = [pillow.fromarray(noise), pillow.fromarray(255 - noise)]
    frames[0].save("moving.png", save_all=True, append_images=frames[1:])
    pillow.fromarray(bytes_image(9, 9, 4)).save("alpha.png")
    pillow.fromarray(bytes_image(9, 9, dtype=np.uint16)).save("deep.png")
    pillow.new("L", (65501, 2)).save("wide.png")
    np.save("volume.npy", np.zeros((7, 8, 9)))
    assert says in one_line(capsys, *arguments)


def test_a_damaged_image_never_ends_in_a_traceback(capsys, pillow, tifffile, tmp_path):
    """Bytes changed here and there: a result or one line, never anything else."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (30, 30, 3), np.uint8)
    pillow.fromarray(noise).save("a.png")
    pillow.fromarray(noise).save("a.jpg")
    tifffile.imwrite("a.tif", noise, photometric="rgb")
    write_wav("a.wav", noise.reshape(-1, 2).astype(np.int64), 2)
    np.save("a.npy", noise)
    for kind in ("png", "jpg", "tif", "wav", "npy"):
        data = np.frombuffer((tmp_path / f"a.{kind}").read_bytes(), np.uint8)
        for _ in range(60):
            broken = data.copy()
            places = rng.integers(0, min(len(data), 400), rng.integers(1, 6))
            broken[places] = rng.integers(0, 256, len(places))
            (tmp_path / f"b.{kind}").write_bytes(broken.tobytes())
            code = cli.main(["filter", f"b.{kind}", "out.npy", "--kernel", "box:3"])
            printed = capsys.readouterr()
            assert code in (0, 2)
            assert "Traceback" not in printed.err
            if code:
                assert printed.err.count("\n") == 1, printed.err


def test_overflows_say_nothing_of_themselves(capsys, pillow):
    image = bytes_image(20, 31)
    pillow.fromarray(image).save("in.png")
    for kernel in ("3e38 -3e38 3e38", "1e308 -1e308 1e308"):
        run("in.png", "out.png", "--kernel", kernel, "--magnitude")
        assert re.fullmatch(r"note: .* did not fit and were clipped.*\n", capsys.readouterr().err)
    np.save("in.npy", np.full((20, 31), 3e38, np.float32))
    run("in.npy", "out.npy", "--kernel", "5 1", "--magnitude")
    assert np.isinf(np.load("out.npy")).all()
    assert capsys.readouterr().err == ""


def test_out_is_never_put_in_place_of_what_is_no_file(capsys, tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    os.mkfifo("pipe.npy")
    os.symlink("/dev/null", "null.npy")
    for name, says in {
        "pipe.npy": "it is not a plain file",
        "null.npy": "it is not a plain file",
        "x" * 300 + ".npy": "File name too long",
        "x" * 300 + "/a.npy": "cannot write ",
    }.items():
        assert says in one_line(capsys, "in.npy", name, "--kernel", "1")
    pytest.importorskip("matplotlib")
    os.symlink("/dev/null", "sheet.png")
    arguments = ["in.npy", "out.npy", "--kernel", "1", "--compare", "sheet.png"]
    assert "it is not a plain file" in one_line(capsys, *arguments)


def test_a_protected_file_is_not_replaced(capsys, monkeypatch):
    np.save("in.npy", np.zeros((20, 31)))
    np.save("out.npy", np.zeros(3))
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "out.npy")  # root may all
    assert "it is write-protected" in one_line(capsys, "in.npy", "out.npy", "--kernel", "1")


def test_out_may_be_a_link_but_not_to_itself(tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    os.symlink("there.npy", "link.npy")
    run("in.npy", "link.npy", "--kernel", "1")
    assert os.path.islink("link.npy")
    assert np.load("there.npy").shape == (20, 31)
    os.symlink("loop.npy", "loop.npy")
    words = ["filter", "in.npy", "loop.npy", "--kernel", "1"]
    assert cli.main(words) in (0, 2)


def test_names_of_any_letters(capsys):
    """One line even where a name has two; and letters that the terminal has none of."""
    assert r"cannot read a\nb.npy: No such file" in one_line(
        capsys, "a\nb.npy", "b.npy", "--kernel", "1"
    )
    assert r"unrecognized arguments: c\nd" in one_line(capsys, "a", "b", "c\nd", "--kernel", "1")
    np.save("in.npy", np.zeros((20, 31)))
    arguments = ["filter", "in.npy", b"\xff\xe9.npy", "--kernel", "1"]
    done = subprocess.run([sys.executable, "-m", "fastconv", *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert os.path.exists(b"\xff\xe9.npy")


FULL = """
import resource, sys
from fastconv import cli
arguments = [words.split() for words in sys.argv[1:]]
cli.main(["filter", *arguments[0], "--compare", "warm.png"])  # matplotlib's own files
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
sys.exit(sum(cli.main(["filter", *words]) != 2 for words in arguments[1:]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files")
def test_a_full_disk_is_one_line_and_leaves_nothing(pillow, tifffile):
    pytest.importorskip("matplotlib")
    noise = RNG.integers(0, 256, (60, 60), np.uint8)
    np.save("in.npy", noise)
    np.save("tiny.npy", noise[:4, :4])
    pillow.fromarray(noise).save("in.png")
    tifffile.imwrite("deep.tif", noise.astype(np.uint16) * 257)
    write_wav("in.wav", noise.reshape(-1, 2), 2)
    there = sorted([*os.listdir(), "warm.npy", "warm.png"])
    pairs = ["in.npy out.npy", "in.npy out.tif", "in.wav out.csv", "in.wav out.wav"]
    pairs += ["in.png out.png", "in.png out.jpg", "in.png out.tif", "deep.tif out.png"]
    pairs += [
        "in.npy out.npy --tiles",
        "deep.tif out.tif --tiles",
        *(f"tiny.npy out.npy --compare sheet.{kind}" for kind in ("png", "jpg", "pdf", "svg")),
    ]
    commands = [f"{pair} --kernel 1" for pair in ("in.npy warm.npy", *pairs)]
    done = subprocess.run([sys.executable, "-c", FULL, *commands], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(pairs), done.stderr
    for pair, line in zip(pairs, lines, strict=True):
        target = pair.split()[1]
        assert line == f"fastconv filter: error: cannot write {target}: File too large"
    assert sorted(os.listdir()) == there


@pytest.mark.parametrize("closed", [[1], [2], [1, 2]])
@pytest.mark.parametrize("name", ["in.npy", "in.tif", "none.tif"])
def test_standard_output_and_error_may_be_closed(name, closed, tifffile):
    image = RNG.standard_normal((20, 31)).astype(np.float32)
    np.save("in.npy", image)
    tifffile.imwrite("in.tif", image)
    words = [sys.executable, "-m", "fastconv", "filter", name, "out.npy", "--kernel", "1"]
    closing = f"import os, sys; [os.close(n) for n in {closed}]; os.execv({words[0]!r}, {words!r})"
    done = subprocess.run([sys.executable, "-c", closing], capture_output=True, text=True)
    assert done.returncode == (2 if name == "none.tif" else 0)
    assert "Traceback" not in done.stdout + done.stderr
    if name != "none.tif":
        np.testing.assert_array_equal(np.load("out.npy"), image)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no full device")
def test_a_full_standard_output_is_one_line():
    np.save("in.npy", np.zeros((20, 31)))
    words = [sys.executable, "-m", "fastconv", "filter", "in.npy", "out.npy", "--kernel", "1"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "fastconv filter: error: No space left on device\n"


# A shell may start its background jobs with SIGINT ignored, and nohup with SIGHUP.
NOT_IGNORED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from fastconv.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)]
)
@pytest.mark.parametrize("more", [[], ["--tiles"]])
def test_a_process_that_is_ended_leaves_the_old_file(name, code, more):
    """And no other, unless it was killed."""
    np.save("in.npy", RNG.standard_normal((2000, 2000)))
    np.save("kernel.npy", RNG.standard_normal((101, 101)))
    with open("out.npy", "w") as file:
        file.write("before")
    there = sorted(os.listdir())
    words = ["filter", "in.npy", "out.npy", "--kernel", "kernel.npy", *more]
    one_thread = {**os.environ, "FASTCONV_NUM_THREADS": "1"}  # on which it takes half a second
    process = subprocess.Popen(
        [sys.executable, "-c", NOT_IGNORED, *words],
        env=one_thread,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(os.listdir()) == len(there):
        time.sleep(0.01)
        assert process.poll() is None
    time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said == ("fastconv filter: interrupted\n" if name == "SIGINT" else "")
    assert name == "SIGKILL" or sorted(os.listdir()) == there
    with open("out.npy") as file:
        assert file.read() == "before"


@pytest.mark.parametrize(
    ("compression", "place", "code", "says"),
    [
        ("tiff_lzw", 8, 2, r"error: cannot read in\.tif: it is damaged: "),
        ("group4", 20, 0, r"note: in\.tif may be damaged: "),
    ],
)
def test_what_libtiff_says_is_in_the_line(
    compression, place, code, says, pillow, tifffile, tmp_path, capfd
):
    noise = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    image = pillow.fromarray(noise)
    image = image.convert("1") if compression == "group4" else image
    image.save("in.tif", compression=compression)
    data = bytearray((tmp_path / "in.tif").read_bytes())
    data[place : place + 8] = b"\xff" * 8
    (tmp_path / "in.tif").write_bytes(data)
    assert cli.main(["filter", "in.tif", "out.tif", "--kernel", "box:3"]) == code
    said = capfd.readouterr().err
    assert re.fullmatch(rf"(fastconv filter: )?{says}\w.*\n", said)
    assert "tempfile" not in said


def test_images_need_no_temporary_folder(pillow, tifffile, monkeypatch):
    from fastconv.cli.filtering import images

    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(images, "TemporaryFile", none)
    for name in ("in.png", "in.tif"):
        pillow.fromarray(bytes_image(20, 31)).save(name)
        run(name, "out.npy", "--kernel", "1")


def test_nothing_is_left_of_an_interrupted_run(capsys, monkeypatch, tmp_path):
    from fastconv.cli.filtering import strips

    def interrupted(*arguments):
        raise KeyboardInterrupt

    np.save("in.npy", np.zeros((20, 31)))
    (tmp_path / "out.npy").write_text("before")
    monkeypatch.setattr(strips, "fill", interrupted)
    for more in ([], ["--tiles"]):
        assert cli.main(["filter", "in.npy", "out.npy", "--kernel", "box:3", *more]) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "out.npy"]
    assert (tmp_path / "out.npy").read_text() == "before"


def test_a_sheet_that_fails_leaves_no_result(capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    from fastconv.cli.filtering import sheet

    def full(*arguments):
        raise OSError(28, "No space left on device")

    np.save("in.npy", np.zeros((20, 31)))
    monkeypatch.setattr(sheet, "write", full)
    arguments = ["in.npy", "out.npy", "--kernel", "box:3", "--compare", "sheet.png"]
    assert "No space left on device" in one_line(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy"]


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["in.png", "out.npy", "--kernel", "box:3"], "PIL"),
        (["in.npy", "out.png", "--kernel", "box:3"], "PIL"),
        (["in.tif", "out.npy", "--kernel", "box:3"], "tifffile"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--compare", "a.png"], "matplotlib"),
    ],
)
def test_a_missing_extra_is_named(arguments, missing, tmp_path):
    for name in ("in.png", "in.tif"):
        (tmp_path / name).write_bytes(b"anything")
    np.save("in.npy", np.zeros((20, 31), np.uint8))
    code = BLOCK.format(missing=[missing], arguments=["filter", *arguments])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    name = {"PIL": "Pillow"}.get(missing, missing)
    text = f'fastconv filter: error: {name} not installed: run pip install "fastconv[filter]"\n'
    assert done.stderr == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "in.png", "in.tif"]


def test_arrays_and_signals_need_no_extras(tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    write_wav("in.wav", np.zeros((50, 1), np.int64), 2)
    extras = ["PIL", "tifffile", "matplotlib", "scipy", "imageio", "skimage", "rich"]
    for name in ("in.npy", "in.wav"):
        arguments = ["filter", name, f"out{name[2:]}", "--kernel", "gaussian:2"]
        code = BLOCK.format(missing=extras, arguments=arguments)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_clipping_is_said(capsys):
    write_wav("in.wav", RNG.integers(-32768, 32767, (500, 1)), 2)
    run("in.wav", "out.wav", "--kernel", "3")
    printed = capsys.readouterr()
    assert re.fullmatch(r"note: \d+% of the values did not fit.*\n", printed.err)
    assert printed.out == "written: out.wav\n"
    run("in.wav", "out.wav", "--kernel", "1")
    assert capsys.readouterr().err == ""
