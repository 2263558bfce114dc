"""``fastconv filter``: TIFF files of every type, and what libtiff says of damaged ones."""

import re

import numpy as np
import pytest
from helpers.filter_files import RNG, bytes_image, expected, off_by_one_at_most, one_line, run

from fastconv import cli, filters

SOBEL = filters.sobel_x()


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
