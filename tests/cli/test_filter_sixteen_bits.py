"""``fastconv filter``: PNG files of 16 bits, which Pillow has no colours of."""

import numpy as np
import pytest
from helpers.filter_files import bytes_image, expected, off_by_one_at_most, run, write_deep_png

from fastconv import filters


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
