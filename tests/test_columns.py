"""unfold, fold, conv_matrix and conv_output_shape."""

import numpy as np
import pytest
from helpers import checks
from helpers.cases import draw_conv, seeded

import fastconv as fc
from fastconv.testing import reference


def flat(seed, count, **fixed):
    """2-D cases channels first, without a padding mode."""
    return seeded(draw_conv, seed, count, ndim=2, layout=None, padding_mode="zeros", **fixed)


def options(case):
    return {"dilation": case.dilation, "padding": case.padding, "stride": case.stride}


def unfolds(case):
    x = case.present(case.arrays()[0])
    columns = fc.unfold(x, case.kernel, **options(case))
    expected = reference.unfold(x, case.kernel, **options(case)).astype(x.dtype)
    checks.same(columns, expected, "unfold")
    folded = fc.fold(columns, case.size, case.kernel, **options(case))
    expected = reference.fold(columns, case.size, case.kernel, **options(case))
    magnitude = reference.fold(np.abs(columns), case.size, case.kernel, **options(case))
    checks.within(folded, expected, magnitude, int(np.prod(case.kernel)), "fold", case.integers)


def test_unfold_and_fold_agree_with_the_reference():
    checks.each(flat(0, 300), unfolds)


def test_fold_of_integers_is_exact():
    checks.each(flat(1000, 150, integers=True), unfolds)


def test_unfold_and_fold_agree_with_torch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    for case in flat(2000, 200, padding=1, stride=2, dilation=1, batch=2, integers=True):
        if min(case.output) < 1:
            continue
        x = case.arrays()[0]
        expected = functional.unfold(torch.from_numpy(x), case.kernel, 1, 1, 2).numpy()
        columns = fc.unfold(x, case.kernel, 1, 1, 2)
        checks.same(columns, expected, f"unfold: {case}")
        back = functional.fold(torch.from_numpy(columns), case.size, case.kernel, 1, 1, 2)
        checks.same(
            fc.fold(columns, case.size, case.kernel, 1, 1, 2), back.numpy(), f"fold: {case}"
        )


def test_fold_is_the_adjoint_of_unfold():
    for case in flat(3000, 150, integers=True):
        x = case.present(case.arrays()[0])
        columns = fc.unfold(x, case.kernel, **options(case))
        other = case.values(columns.shape, 9)
        back = fc.fold(other, case.size, case.kernel, **options(case))
        assert checks.inner(columns, other) == checks.inner(x, back), f"{case}"


def test_a_convolution_is_its_weights_times_the_columns():
    for case in flat(4000, 100, integers=True, groups=1, activation=None, bias=False, batch=2):
        x, w = case.arrays()[0], case.values((7, case.in_channels, *case.kernel), 1)
        columns = fc.unfold(x, case.kernel, **options(case))
        y = fc.conv2d(x, w, **options(case))
        assert np.array_equal(w.reshape(7, -1) @ columns, y.reshape(2, 7, -1)), f"{case}"


def test_unfold_keeps_nan_and_inf():
    x = np.float32([[[np.nan, 1, np.inf, -np.inf]]])
    columns = fc.unfold(x, (1, 2), padding=(0, 1))
    expected = np.float32([[0, np.nan, 1, np.inf, -np.inf], [np.nan, 1, np.inf, -np.inf, 0]])
    checks.same(columns, expected, "unfold")


def test_fold_keeps_nan_to_its_window():
    columns = np.ones((4, 9), np.float32)
    columns[3, 4] = np.nan
    image = fc.fold(columns, (4, 4), 2)
    assert np.argwhere(np.isnan(image)).tolist() == [[0, 2, 2]]


def test_an_empty_batch_stays_empty():
    assert fc.unfold(np.ones((0, 3, 5, 6), np.float32), 2).shape == (0, 12, 20)
    assert fc.fold(np.ones((0, 12, 20), np.float32), (5, 6), 2).shape == (0, 3, 5, 6)


# ---- conv_matrix ---------------------------------------------------------------------------------


def small(seed, count):
    for case in seeded(draw_conv, seed, 4 * count, layout=None, padding_mode="zeros", batch=None):
        if max(np.prod(case.input_shape), np.prod(case.output_shape)) < 1500:
            yield case


def matrix_arguments(case):
    return {
        "stride": case.stride,
        "padding": case.padding,
        "dilation": case.dilation,
        "groups": case.groups,
    }


def test_conv_matrix_times_the_image_is_the_convolution():
    pytest.importorskip("scipy")
    count = 0
    for case in small(5000, 80):
        count += 1
        x, w, _ = (case.arrays()[0][0], *case.arrays()[1:])
        matrix = fc.conv_matrix(w, x.shape, **matrix_arguments(case))
        assert matrix.format == "csr"
        assert matrix.dtype == w.dtype
        rows = case.out_channels * int(np.prod(case.output))
        assert matrix.shape == (rows, x.size), f"{case}"
        expected = reference.conv_matrix(w, x.shape, **matrix_arguments(case))
        assert np.array_equal(matrix.toarray(), expected.astype(w.dtype)), f"{case}"
        y = matrix @ x.ravel()
        direct = checks.call("conv{n}d", case, x, w, **matrix_arguments(case))
        magnitude = reference.conv_abs(x, w, **matrix_arguments(case))
        limit = 2 * (case.products + 2) * checks.UNIT[case.dtype] * magnitude
        assert (abs(y.reshape(direct.shape) - direct) <= limit).all(), f"{case}"
        assert matrix.nnz <= case.products * rows
    assert count > 60


def test_conv_matrixs_transpose_is_the_input_gradient():
    pytest.importorskip("scipy")
    for case in small(6000, 40):
        case_w = case.values(case.weight_shape, 1).round()
        gy = case.grad_output()[0].round()
        shape = case.input_shape[1:]
        matrix = fc.conv_matrix(case_w, shape, **matrix_arguments(case))
        gx = checks.call("grad.conv{n}d_input", case, shape, case_w, gy, **matrix_arguments(case))
        assert np.array_equal((matrix.T @ gy.ravel()).reshape(shape), gx), f"{case}"


# ---- conv_output_shape ---------------------------------------------------------------------------


def test_conv_output_shape_is_the_shape_of_the_result():
    for case in seeded(draw_conv, 7000, 500, padding_mode="zeros"):
        shape = fc.conv_output_shape(
            case.shape(case.input_shape), case.weight_shape, **case.arguments()
        )
        assert shape == case.shape(case.output_shape), f"{case}"
        assert isinstance(shape, tuple)
        assert all(type(n) is int for n in shape)


def test_conv_output_shape_needs_no_array():
    assert fc.conv_output_shape((0, 3, 8), (2, 3, 3)) == (0, 2, 6)
    huge = fc.conv_output_shape((1, 1, 2**40), (1, 1, 3), stride=2)
    assert huge == (1, 1, 2**39 - 1)
