"""``fastconv filter``: images of 8 bits: borders, transparency, palettes, profiles, orientation."""

import numpy as np
import pytest
from helpers.filter_files import bytes_image, expected, off_by_one_at_most, run, write_deep_png

from fastconv import filters

ndimage = pytest.importorskip("scipy.ndimage")


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


def test_images_need_no_temporary_folder(pillow, tifffile, monkeypatch):
    from fastconv.cli.filtering import images

    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(images, "TemporaryFile", none)
    for name in ("in.png", "in.tif"):
        pillow.fromarray(bytes_image(20, 31)).save(name)
        run(name, "out.npy", "--kernel", "1")
