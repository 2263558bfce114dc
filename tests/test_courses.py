"""The worked examples that courses use, digit for digit."""

import numpy as np
import pytest

import fastconv as fc

SIGNAL, KERNEL = [1, 2, -5, 4, 2, -1], [-1, 2, -1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["NCW", "NWC"])
@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("valid", [8, -16, 11, 1]),
        ("same", [0, 8, -16, 11, 1, -4]),
        ("full", [-1, 0, 8, -16, 11, 1, -4, 1]),
    ],
)
def test_a_signal_and_a_second_difference(padding, expected, layout, dtype):
    x = np.array(SIGNAL, dtype).reshape((1, 1, 6) if layout == "NCW" else (1, 6, 1))
    w = np.array(KERNEL, dtype).reshape(1, 1, 3)
    for algorithm in ("auto", "direct", "im2col", "reference"):
        y = fc.conv1d(x, w, padding=padding, layout=layout, algorithm=algorithm)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.ravel(), expected)


@pytest.mark.parametrize("padding", ["valid", "same", "full"])
def test_numpys_convolve_and_correlate_give_the_same(padding):
    x, w = np.array(SIGNAL, np.float64), np.array(KERNEL, np.float64)
    y = fc.conv1d(x[None, None], w[None, None], padding=padding)[0, 0]
    np.testing.assert_array_equal(y, np.correlate(x, w, padding))
    np.testing.assert_array_equal(y, np.convolve(x, w, padding))  # the kernel is symmetric


def test_five_2x2_filters_on_a_10x10_image_of_three_colours():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 10, 10, 3)).astype(np.float32)
    w = rng.standard_normal((5, 3, 2, 2)).astype(np.float32)
    b = rng.standard_normal(5).astype(np.float32)
    assert w.size == 60
    assert b.size == 5
    y = fc.conv2d(x, w, b, layout="NHWC")
    assert y.shape == (1, 9, 9, 5)
    assert fc.conv_output_shape(x.shape, w.shape, layout="NHWC") == (1, 9, 9, 5)
    by_hand = (x[0, 4:6, 7:9] * w[2].transpose(1, 2, 0)).sum() + b[2]
    np.testing.assert_allclose(y[0, 4, 7, 2], by_hand, rtol=1e-5)


def test_a_6x6_image_with_a_3x3_kernel_and_stride_3_gives_2x2():
    x = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
    y = fc.conv2d(x, np.ones((1, 1, 3, 3), np.float32), stride=3)
    np.testing.assert_array_equal(y[0, 0], [[63, 90], [225, 252]])


def test_a_4x4_image_with_padding_1_stays_4x4():
    x = np.ones((1, 1, 4, 4), np.float32)
    y = fc.conv2d(x, np.ones((1, 1, 3, 3), np.float32), padding=1)
    np.testing.assert_array_equal(y[0, 0], [[4, 6, 6, 4], [6, 9, 9, 6], [6, 9, 9, 6], [4, 6, 6, 4]])


def test_224x224x64_pooled_2x2_gives_112x112x64():
    x = np.arange(224 * 224 * 64, dtype=np.float32).reshape(224, 224, 64)
    y = fc.max_pool2d(x, 2, 2, layout="NHWC")
    assert y.shape == (112, 112, 64)
    np.testing.assert_array_equal(y, x[1::2, 1::2])
    y = fc.avg_pool2d(np.ones((1, 64, 224, 224), np.float32), 2, 2)
    assert y.shape == (1, 64, 112, 112)
    assert (y == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_max_pooling_by_hand(dtype):
    x = np.array([[29, 15, 28, 184], [0, 100, 70, 38], [12, 12, 7, 2], [12, 12, 45, 6]], dtype)
    y, indices = fc.max_pool2d(x[None, None], 2, return_indices=True)
    np.testing.assert_array_equal(y[0, 0], [[100, 184], [12, 45]])
    np.testing.assert_array_equal(indices[0, 0], [[5, 3], [8, 14]])
    y = fc.max_pool2d(x[None, :, :, None], 2, layout="NHWC")
    np.testing.assert_array_equal(y[0, :, :, 0], [[100, 184], [12, 45]])


def test_average_pooling_by_hand():
    x = np.array([[31, 15, 28, 184], [0, 100, 70, 38], [12, 12, 7, 2], [12, 12, 45, 6]], np.float32)
    y = fc.avg_pool2d(x[None, None], 2)
    np.testing.assert_array_equal(y[0, 0], [[36.5, 80], [12, 15]])


def test_sobel_finds_the_vertical_edge():
    image = np.zeros((1, 1, 5, 6), np.float32)
    image[..., 3:] = 1
    sobel = np.float32([[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
    y = fc.conv2d(image, sobel)
    np.testing.assert_array_equal(y[0, 0], [[0, 4, 4, 0]] * 3)


def test_backpropagation_through_a_2x2_kernel_by_hand():
    """x 3x3, w 2x2, all gradients of the sum of the output."""
    x = np.arange(1, 10, dtype=np.float64).reshape(1, 1, 3, 3)
    w = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    np.testing.assert_array_equal(fc.conv2d(x, w)[0, 0], [[37, 47], [67, 77]])
    gx, gw, gb = fc.grad.conv2d(np.ones((1, 1, 2, 2)), x, w)
    np.testing.assert_array_equal(gx[0, 0], [[1, 3, 2], [4, 10, 6], [3, 7, 4]])
    np.testing.assert_array_equal(gw[0, 0], [[12, 16], [24, 28]])
    np.testing.assert_array_equal(gb, [4])


def test_transposed_convolution_by_hand():
    x = np.array([[[[0.0, 1.0], [2.0, 3.0]]]])
    y = fc.conv_transpose2d(x, x)
    np.testing.assert_array_equal(y[0, 0], [[0, 0, 1], [0, 4, 6], [4, 12, 9]])
    y = fc.conv_transpose2d(x, x, stride=2)
    np.testing.assert_array_equal(y[0, 0], [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]])
