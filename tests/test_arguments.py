"""Bad arguments: the right exception, which names operator and argument, and never a crash.

Each operator has one valid call; a test changes one argument of it.
"""

import random
import re
import sys
from fractions import Fraction

import numpy as np
import pytest

import fastconv as fc

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def calls(n):
    """Name, function and valid arguments of every operator with n spatial dimensions."""
    x, w, b = floats(2, 4, *[6] * n), floats(6, 2, *[3] * n), floats(6)
    wt = floats(4, 3, *[3] * n)
    y, g = floats(2, 6, *[4] * n), floats(2, 6, *[8] * n)
    conv = {"stride": 1, "padding": 0, "dilation": 1, "groups": 2}
    transposed = {**conv, "output_padding": 0}
    pool = {"kernel_size": 2, "stride": 2}
    p, indices = getattr(fc, f"max_pool{n}d")(x, 2, return_indices=True)
    average = {**pool, "padding": 0, "ceil_mode": False, "count_include_pad": True}
    average["divisor_override"] = None
    some = {
        f"conv{n}d": {"input": x, "weight": w, "bias": b, **conv},
        f"plan_conv{n}d": {"input_shape": x.shape, "weight": w, "bias": b, **conv},
        f"conv_transpose{n}d": {"input": x, "weight": wt, "bias": b, **transposed},
        f"max_pool{n}d": {"input": x, **pool, "padding": 0, "dilation": 1, "ceil_mode": False},
        f"avg_pool{n}d": {"input": x, **average},
        f"lp_pool{n}d": {"input": x, "norm_type": 2, **pool, "ceil_mode": False},
        f"adaptive_avg_pool{n}d": {"input": x, "output_size": 2},
        f"adaptive_max_pool{n}d": {"input": x, "output_size": 2, "return_indices": True},
        f"max_unpool{n}d": {"input": p, "indices": indices, **pool, "padding": 0},
        f"grad.conv{n}d_input": {
            "input_size": x.shape,
            "weight": w,
            "grad_output": y,
            **conv,
        },
        f"grad.conv{n}d_weight": {
            "input": x,
            "weight_size": w.shape,
            "grad_output": y,
            **conv,
        },
        f"grad.conv{n}d_bias": {"grad_output": y},
        f"grad.conv{n}d": {
            "grad_output": y,
            "input": x,
            "weight": w,
            **conv,
            "output_mask": (True, True, True),
        },
        f"grad.conv_transpose{n}d": {
            "grad_output": g,
            "input": x,
            "weight": wt,
            **transposed,
            "output_mask": (True, True, True),
        },
        f"grad.max_pool{n}d": {"grad_output": p, "indices": indices, "input_size": x.shape},
        f"grad.avg_pool{n}d": {"grad_output": p, "input_size": x.shape, **average},
        f"grad.lp_pool{n}d": {
            "grad_output": p,
            "input": x,
            "output": p,
            "norm_type": 2,
            **pool,
            "ceil_mode": False,
        },
        f"grad.adaptive_avg_pool{n}d": {"grad_output": p, "input_size": x.shape},
    }
    if n == 2:
        windows = {"kernel_size": 3, "dilation": 1, "padding": 0, "stride": 1}
        some["unfold"] = {"input": x, **windows}
        some["fold"] = {"input": floats(2, 36, 16), "output_size": 6, **windows}
        some["conv_matrix"] = {"weight": w, "input_shape": x.shape, **conv}
        some["conv_output_shape"] = {"input_shape": x.shape, "weight_shape": w.shape, **conv}
    for name, arguments in some.items():
        if name not in ("unfold", "fold", "conv_matrix"):
            arguments["layout"] = LAYOUTS[n][0]
        function = getattr(fc.grad, name[5:]) if name.startswith("grad.") else getattr(fc, name)
        yield name, n, function, arguments


CALLS = [call for n in (1, 2, 3) for call in calls(n)]
every_call = pytest.mark.parametrize(
    ("name", "n", "function", "arguments"), CALLS, ids=[call[0] for call in CALLS]
)


def refused(error, name, argument, function, arguments, value):
    """The call with one argument changed raises, and says who, what and which value."""
    with pytest.raises(error) as caught:
        function(**{**arguments, argument: value})
    message = str(caught.value)
    assert message.startswith(f"{name}: "), message
    assert re.search(rf"\b{argument}\b", message), message
    if isinstance(value, (int, float, str)) or value is None:
        assert repr(value) in message, message
    assert type(caught.value) is error


def with_argument(*names):
    """Every operator with each of these arguments that it has."""
    rows = [(*call, name) for call in CALLS for name in names if name in call[3]]
    return pytest.mark.parametrize(
        ("name", "n", "function", "arguments", "argument"),
        rows,
        ids=[f"{row[0]}-{row[4]}" for row in rows],
    )


@every_call
def test_the_calls_that_the_tests_change_are_valid(name, n, function, arguments):
    function(**arguments)


# ---- Ints and tuples of ints ---------------------------------------------------------------------

NOT_INTS = [1.0, 1.5, np.float32(1), "1", "", b"1", True, False, np.True_, 1j, Fraction(1)]
NOT_INTS += [np.array(1), np.array([1]), {1: 1}, {1}, range(1), ..., slice(1)]
SPATIAL = ("stride", "dilation", "kernel_size", "output_padding", "padding", "output_size")


@with_argument("stride", "dilation", "kernel_size", "groups", "output_size")
@pytest.mark.parametrize("value", [0, -1, -(2**31), -(2**63), 2**63, 2**70, -(2**70)])
def test_ints_out_of_range_are_value_errors(name, n, function, arguments, argument, value):
    refused(ValueError, name, argument, function, arguments, value)


@with_argument("stride", "dilation")
@pytest.mark.parametrize("value", [2**31, 2**32, np.int64(2**31), np.uint64(2**32)])
def test_steps_from_2_to_the_31_are_value_errors(name, n, function, arguments, argument, value):
    refused(ValueError, name, argument, function, arguments, value)


@with_argument("padding", "output_padding")
@pytest.mark.parametrize("value", [-1, -(2**31), -(2**63), 2**63, 2**70, np.int8(-1)])
def test_negative_paddings_are_value_errors(name, n, function, arguments, argument, value):
    refused(ValueError, name, argument, function, arguments, value)


@with_argument(*SPATIAL, "groups")
@pytest.mark.parametrize("value", NOT_INTS, ids=repr)
def test_what_is_no_int_is_a_type_error(name, n, function, arguments, argument, value):
    if not (argument == "padding" and isinstance(value, str)):  # a name: see below
        refused(TypeError, name, argument, function, arguments, value)


@with_argument("dilation", "kernel_size", "padding", "output_padding", "groups")
def test_none_is_a_type_error(name, n, function, arguments, argument):
    refused(TypeError, name, argument, function, arguments, None)


@with_argument(*SPATIAL)
@pytest.mark.parametrize("kind", [tuple, list])
def test_tuples_have_an_entry_for_each_dimension(name, n, function, arguments, argument, kind):
    for length in {0, 1, 2, 3, 4, 5} - {n}:
        if not (argument == "output_size" and "unpool" in name):
            refused(ValueError, name, argument, function, arguments, kind([1] * length))


@with_argument(*SPATIAL)
def test_entries_of_tuples_are_ints_too(name, n, function, arguments, argument):
    rest = (arguments[argument],) * (n - 1)
    for value in (1.0, "1", True, np.True_, 1j, object()):
        refused(TypeError, name, argument, function, arguments, (*rest, value))
    for value in (-1, 2**63, 2**70):
        refused(ValueError, name, argument, function, arguments, (*rest, value))


@with_argument(*SPATIAL, "groups")
def test_numpy_integers_are_ints(name, n, function, arguments, argument):
    expected = function(**arguments)
    for kind in (np.int8, np.uint16, np.int64):
        same(function(**{**arguments, argument: kind(arguments[argument])}), expected)


class Sly(int):
    """An int that passes every comparison."""

    def __ge__(self, other):
        return True

    __le__ = __gt__ = __lt__ = __ge__


class Long(tuple):
    """A tuple that says it has as many entries as it should."""

    needed = 0

    def __len__(self):
        return self.needed


@with_argument(*SPATIAL, "groups")
def test_subclasses_of_ints_and_tuples_are_read_by_their_values(
    name, n, function, arguments, argument
):
    refused(ValueError, name, argument, function, arguments, Sly(-1))
    if argument != "groups":
        refused(ValueError, name, argument, function, arguments, (Sly(-1),) * n)
        for length in {1, 2, 3, 4, 5} - {n}:
            if not (argument == "output_size" and "unpool" in name):
                long = type("Long", (Long,), {"needed": n})([1] * length)
                refused(ValueError, name, argument, function, arguments, long)


@with_argument(*SPATIAL, "groups", "norm_type", "divisor_override")
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_too_long_to_be_written_are_value_errors(
    name, n, function, arguments, argument, sign
):
    with pytest.raises(ValueError, match=rf"^{re.escape(name)}: {argument} is "):
        function(**{**arguments, argument: sign * 10**5000})


@with_argument(*SPATIAL)
def test_messages_are_short_however_long_the_value(name, n, function, arguments, argument):
    for value in ([1] * 100_000, "x" * 100_000):
        with pytest.raises((ValueError, TypeError), match=rf"^{re.escape(name)}: ") as caught:
            function(**{**arguments, argument: value})
        assert len(str(caught.value)) < 1000


def same(a, b):
    """Equal bytes, or equal plans or shapes."""
    if isinstance(a, tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, fc.Plan):
        assert (a.input_shape, a.output_shape) == (b.input_shape, b.output_shape)
    elif isinstance(a, int):
        assert a == b
    else:
        for one, other in ((a.data, b.data),) if hasattr(a, "indptr") else ((a, b),):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@with_argument("stride", "dilation", "padding", "groups", "ceil_mode", "count_include_pad")
def test_a_valid_call_does_not_let_an_equal_value_of_another_type_pass(
    name, n, function, arguments, argument
):
    valid = arguments[argument]
    function(**arguments)
    for value in ({0: False, 1: True, 2: 2.0}[int(valid)] if type(valid) is int else int(valid),):
        assert value == valid
        refused(TypeError, name, argument, function, arguments, value)
    if type(valid) is int:
        refused(TypeError, name, argument, function, arguments, float(valid))


# ---- Padding -------------------------------------------------------------------------------------

PADDED = [call for call in CALLS if "padding" in call[3]]
ANY_FORM = [c for c in PADDED if "pool" not in c[0] and "transpose" not in c[0]]
INTS_ONLY = [c for c in PADDED if c not in ANY_FORM]
BAD_PAIRS = [
    lambda n: ((1, 1),) * (n + 1),
    lambda n: ((1, 1, 1),) * n,
    lambda n: ((1,),) * n,
    lambda n: ((),) * n,
    lambda n: ((1, -1),) * n,
    lambda n: ((2**63, 0),) * n,
]


def ids(call):
    return call[0] if isinstance(call, tuple) else None


@pytest.mark.parametrize("call", ANY_FORM, ids=ids)
def test_padding_takes_its_names_and_pairs_only_right(call):
    name, n, function, arguments = call
    for value in ("SAME", "", "circular", "same ", "full "):
        refused(ValueError, name, "padding", function, arguments, value)
    for pairs in BAD_PAIRS:
        refused(ValueError, name, "padding", function, arguments, pairs(n))
    for entry in ((1, 1.0), (True, 1), (None, 1), ("1", 1)):
        refused(TypeError, name, "padding", function, arguments, (entry,) * n)
    if n > 1:
        refused(TypeError, name, "padding", function, arguments, ((1, 1),) + (1,) * (n - 1))


@pytest.mark.parametrize("call", ANY_FORM, ids=ids)
def test_same_padding_needs_stride_1(call):
    name, n, function, arguments = call
    refused(ValueError, name, "padding", function, {**arguments, "stride": 2}, "same")
    if n > 1:
        strides = (1,) * (n - 1) + (2,)
        refused(ValueError, name, "padding", function, {**arguments, "stride": strides}, "same")


@pytest.mark.parametrize("call", INTS_ONLY, ids=ids)
def test_transposed_convolutions_and_pools_take_ints_of_padding(call):
    name, n, function, arguments = call
    for value in ("valid", "same", "full", ((0, 0),) * n):
        refused(TypeError, name, "padding", function, arguments, value)


@pytest.mark.parametrize("call", [c for c in INTS_ONLY if "pool" in c[0]], ids=ids)
def test_pool_padding_is_at_most_half_of_the_kernel(call):
    name, _, function, arguments = call
    refused(ValueError, name, "padding", function, arguments, 2)
    arguments = {**arguments, "kernel_size": 3}
    refused(ValueError, name, "padding", function, arguments, 2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_padding_modes_have_limits(n):
    conv, x, w = getattr(fc, f"conv{n}d"), floats(1, 1, *[4] * n), floats(1, 1, *[2] * n)
    conv(x, w, padding=3, padding_mode="reflect")
    conv(x, w, padding=4, padding_mode="circular")
    for mode, padding in (("reflect", 4), ("circular", 5)):
        with pytest.raises(ValueError, match=f"padding is {padding} in padding_mode '{mode}'"):
            conv(x, w, padding=padding, padding_mode=mode)
        with pytest.raises(ValueError, match=f"padding is {padding} in padding_mode '{mode}'"):
            conv(x, w, padding=((0, 0),) * (n - 1) + ((0, padding),), padding_mode=mode)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_output_padding_is_less_than_stride_or_dilation(n):
    call = next(c for c in CALLS if c[0] == f"conv_transpose{n}d")
    name, _, function, arguments = call
    refused(ValueError, name, "output_padding", function, arguments, 1)
    arguments = {**arguments, "stride": 2, "dilation": 3}
    function(**{**arguments, "output_padding": 2})
    refused(ValueError, name, "output_padding", function, arguments, 3)


# ---- Arrays --------------------------------------------------------------------------------------

ARRAYS = ("input", "weight", "bias", "grad_output", "output", "indices")


@with_argument(*ARRAYS)
def test_what_is_no_array_is_a_type_error(name, n, function, arguments, argument):
    array = arguments[argument]
    values = [array.tolist(), 1, 1.0, "array", np.float32(1), object(), array[0].tolist(), ()]
    values += [type("Broken", (), {"__dlpack__": lambda self: 1 / None})()]
    for value in values + ([] if argument == "bias" else [None]):
        with pytest.raises(TypeError, match=rf"{re.escape(name)}: {argument} "):
            function(**{**arguments, argument: value})


@with_argument(*(a for a in ARRAYS if a != "indices"))
@pytest.mark.parametrize(
    "dtype", ["i4", "i8", "u1", "?", "c8", "c16", "O", "f2", "g", "S4", "U4", "M8[s]", "V4"]
)
def test_other_dtypes_are_type_errors(name, n, function, arguments, argument, dtype):
    value = np.zeros(arguments[argument].shape, dtype)
    with pytest.raises(TypeError, match=rf"{re.escape(name)}: {argument} has dtype .*astype"):
        function(**{**arguments, argument: value})


@with_argument("indices")
@pytest.mark.parametrize("dtype", ["f4", "f8", "u8", "u4", "i2", "?", "O", "c8"])
def test_indices_are_int64_or_int32(name, n, function, arguments, argument, dtype):
    value = np.zeros(arguments[argument].shape, dtype)
    with pytest.raises(TypeError, match=rf"{re.escape(name)}: indices has dtype .*int64"):
        function(**{**arguments, argument: value})


@with_argument(*(a for a in ARRAYS if a != "indices"))
def test_two_float_types_are_a_type_error(name, n, function, arguments, argument):
    if sum(getattr(a, "dtype", None) == np.float32 for a in arguments.values()) > 1:
        value = arguments[argument].astype(np.float64)
        with pytest.raises(TypeError, match=rf"{re.escape(name)}: .*{argument} is float64"):
            function(**{**arguments, argument: value})


@with_argument(*ARRAYS)
def test_wrong_numbers_of_dimensions_are_value_errors(name, n, function, arguments, argument):
    array = arguments[argument]
    for value in (np.zeros((), array.dtype), array[None, None], array.reshape(-1)):
        if not (value.ndim == array.ndim or name == "fold"):
            with pytest.raises(ValueError, match=rf"^{re.escape(name)}: .*{argument}"):
                function(**{**arguments, argument: value})


@with_argument("input", "weight", "grad_output")
def test_empty_channels_kernels_and_images_are_value_errors(name, n, function, arguments, argument):
    array = arguments[argument]
    for axis in range(0 if argument == "weight" else 1, array.ndim):
        shape = [0 if i == axis else size for i, size in enumerate(array.shape)]
        with pytest.raises(ValueError, match=rf"^{re.escape(name)}: .*{argument}"):
            function(**{**arguments, argument: np.zeros(shape, np.float32)})


@with_argument("weight", "bias", "grad_output", "output", "indices")
def test_shapes_that_do_not_fit_are_value_errors(name, n, function, arguments, argument):
    if name.endswith("_bias") or (name == "conv_matrix" and argument == "weight"):
        return  # any shape fits
    array = arguments[argument]
    for axis in range(array.ndim):
        if argument == "weight" and axis != 1 and "grad" not in name:
            continue  # other filters and kernels fit
        if "adaptive" in name and axis > 1:
            continue  # any output fits
        value = np.concatenate([array, np.take(array, [0], axis)], axis)
        if argument == "weight" and axis == 1 and "transpose" in name:
            value = value[:, :, ..., :0]  # more output channels fit; an empty kernel does not
        with pytest.raises(ValueError, match=rf"^{re.escape(name)}: "):
            function(**{**arguments, argument: value})


@pytest.mark.parametrize("n", [1, 2, 3])
def test_channels_and_groups_must_fit(n):
    for prefix in ("conv", "plan_conv", "conv_transpose", "grad.conv", "grad.conv_transpose"):
        name, _, function, arguments = next(c for c in CALLS if c[0] == f"{prefix}{n}d")
        refused(ValueError, name, "groups", function, arguments, 4 if "tr" not in prefix else 3)
        wrong = {**arguments, "weight": floats(6, 4, *[3] * n)}
        with pytest.raises(ValueError, match=r"has 4 channels; weight .* needs"):
            function(**wrong)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_kernel_larger_than_the_padded_input_is_a_value_error(n):
    x, w = floats(1, 1, *[4] * n), floats(1, 1, *[7] * n)
    conv = getattr(fc, f"conv{n}d")
    with pytest.raises(ValueError, match=rf"conv{n}d: kernel 7 .*padded input"):
        conv(x, w, padding=1)
    assert conv(x, w, padding=((1, 2),) * n).shape == (1, 1, *[1] * n)
    for pool in (f"max_pool{n}d", f"avg_pool{n}d"):
        with pytest.raises(ValueError, match=f"{pool}: kernel_size 5"):
            getattr(fc, pool)(x, 5)
    with pytest.raises(ValueError, match=f"lp_pool{n}d: kernel_size 5"):
        getattr(fc, f"lp_pool{n}d")(x, 2, 5)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_window_without_elements_is_a_value_error(n):
    x = floats(1, 1, *[1] * n)
    with pytest.raises(ValueError, match=f"max_pool{n}d: dilation 2 .*every window must hold one"):
        getattr(fc, f"max_pool{n}d")(x, 2, stride=1, padding=1, dilation=2)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("layout", [0, 1])
def test_pool_indices_are_checked(n, layout):
    layout = LAYOUTS[n][layout]
    x = floats(2, *[4] * n, 4)
    y, indices = getattr(fc, f"max_pool{n}d")(x, 2, layout=layout, return_indices=True)
    size = x.shape[1:-1] if layout.endswith("C") else x.shape[2:]
    plane = int(np.prod(size))
    for value in (-1, plane, 2**31, 2**32 + 3, -(2**63), 2**63 - 1, -(2**32)):
        for where in (0, -1):
            wrong = indices.copy()
            wrong.flat[where] = value
            for name, function, arguments in (
                (f"max_unpool{n}d", getattr(fc, f"max_unpool{n}d"), (y, wrong, 2)),
                (
                    f"grad.max_pool{n}d",
                    getattr(fc.grad, f"max_pool{n}d"),
                    (y, wrong, x.shape),
                ),
            ):
                with pytest.raises(ValueError, match=f"{name}: indices"):
                    function(*arguments, layout=layout)


# ---- Names, flags, numbers -----------------------------------------------------------------------


@with_argument("layout")
def test_layouts_are_those_of_n(name, n, function, arguments, argument):
    names = [layout for pair in LAYOUTS.values() for layout in pair]
    for value in [*(set(names) - set(LAYOUTS[n])), "", "nchw", "NCHWC", "channels_last"]:
        refused(ValueError, name, argument, function, arguments, value)
    for value in (1, True, b"NCHW", ("N", "C"), ["NCHW"], object()):
        refused(TypeError, name, argument, function, arguments, value)


@pytest.mark.parametrize("argument", ["padding_mode", "algorithm"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_unknown_names_are_value_errors(n, argument):
    name, _, function, arguments = next(c for c in CALLS if c[0] == f"conv{n}d")
    for value in ("", "Zeros", "AUTO", "constant", "gemm", "\x00"):
        refused(ValueError, name, argument, function, arguments, value)
    for value in (None, 0, True, b"zeros", ["zeros"]):
        refused(TypeError, name, argument, function, arguments, value)


@pytest.mark.parametrize("prefix", ["conv", "plan_conv"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_algorithm_that_cannot_serve_says_why(n, prefix):
    name, _, function, arguments = next(c for c in CALLS if c[0] == f"{prefix}{n}d")
    arguments = {**arguments, "stride": 2}
    for value in ("winograd", "fft"):
        with pytest.raises(ValueError, match=rf"{name}: algorithm '{value}' cannot serve .*: \w+"):
            function(**{**arguments, "algorithm": value})


@pytest.mark.parametrize("prefix", ["conv", "plan_conv", "conv_transpose"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_bad_activations_are_refused(n, prefix):
    name, _, function, arguments = next(c for c in CALLS if c[0] == f"{prefix}{n}d")
    nan = float("nan")
    for value in (
        "",
        "ReLU",
        "gelu",
        (1, 0),
        (nan, 1),
        (0, nan),
        (),
        (1,),
        (0, 1, 2),
        (10**400, 1),
    ):
        refused(ValueError, name, "activation", function, arguments, value)
    for value in (0, True, ("0", 1), (None, 1), (0, 1j), {0: 1}, (True, 2), np.array([0, 1])):
        refused(TypeError, name, "activation", function, arguments, value)
    function(**{**arguments, "activation": (np.float32(0), 1)})


@with_argument("ceil_mode", "count_include_pad", "return_indices")
def test_flags_are_bools(name, n, function, arguments, argument):
    for value in (0, 1, None, "True", 1.0, (True,)):
        refused(TypeError, name, argument, function, arguments, value)
    same(function(**{**arguments, argument: np.bool_(arguments[argument])}), function(**arguments))


@with_argument("norm_type")
def test_norms_are_finite_and_positive(name, n, function, arguments, argument):
    for value in (0, -1, 0.0, -2.5, float("inf"), -float("inf"), float("nan"), 10**400):
        with pytest.raises(ValueError, match=f"{name}: norm_type"):
            function(**{**arguments, argument: value})
    for value in (None, "2", True, (2,), 2j, np.array(2)):
        refused(TypeError, name, argument, function, arguments, value)


@with_argument("divisor_override")
def test_divisors_are_ints_other_than_0(name, n, function, arguments, argument):
    for value in (0, np.int32(0), 2**63, 2**70, -(2**70)):
        refused(ValueError, name, argument, function, arguments, value)
    for value in (1.0, "1", True, (1,)):
        refused(TypeError, name, argument, function, arguments, value)


@with_argument("output_mask")
def test_output_masks_are_three_bools(name, n, function, arguments, argument):
    for value in ((), (True,), (True,) * 4):
        refused(ValueError, name, argument, function, arguments, value)
    for value in (None, True, "yes", (1, 0, 1), (None,) * 3):
        refused(TypeError, name, argument, function, arguments, value)


@with_argument("output_mask")
def test_masked_gradients_are_checked_all_the_same(name, n, function, arguments, argument):
    none = {**arguments, argument: (False, False, False)}
    assert function(**none) == (None, None, None)
    with pytest.raises(ValueError, match=f"{name}: grad_output has shape"):
        function(**{**none, "grad_output": arguments["grad_output"][..., :-1]})


@with_argument("input_size", "weight_size", "input_shape", "weight_shape")
def test_shapes_as_arguments_are_tuples_of_sizes(name, n, function, arguments, argument):
    size = arguments[argument]
    for value in (
        (),
        size[:1],
        (*size, 1, 1),
        (*size[:-1], -1),
        (*size[:-1], 0),
        (2**63, *size[1:]),
    ):
        refused(ValueError, name, argument, function, arguments, value)
    for value in (None, 5, "123", np.array(size), (*size[:-1], 6.0), (*size[:-1], True)):
        refused(TypeError, name, argument, function, arguments, value)
    same(function(**{**arguments, argument: list(size)}), function(**arguments))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpooled_sizes_are_within_a_stride(n):
    name, _, function, arguments = next(c for c in CALLS if c[0] == f"max_unpool{n}d")
    batch, channels = arguments["input"].shape[:2]
    for size in (6, 7, (6,) * n, (batch, channels, *[7] * n), (channels, *[6] * n)):
        function(**{**arguments, "output_size": size})
    space = (6,) * n
    for size in (
        4,
        8,
        (4,) * n,
        (8,) * n,
        (batch, channels + 1, *space),
        (batch + 1, channels, *space),
    ):
        refused(ValueError, name, "output_size", function, arguments, size)


# ---- out -----------------------------------------------------------------------------------------

WITH_OUT = [c for c in CALLS if "out" in (c[2].__kwdefaults__ or {})]


@pytest.mark.parametrize("call", WITH_OUT, ids=ids)
def test_a_wrong_out_is_refused_and_left_alone(call):
    name, _, function, arguments = call
    shape = function(**arguments).shape
    read_only = np.zeros(shape, np.float32)
    read_only.flags.writeable = False
    bad_shapes = [(1, *shape), (*shape, 1), shape[1:], (*shape[:-1], shape[-1] + 1), ()]
    for value in [np.zeros(bad, np.float32) for bad in bad_shapes] + [read_only]:
        with pytest.raises(ValueError, match=rf"^{re.escape(name)}: out .*writeable"):
            function(**arguments, out=value)
        assert not value.any()
    bad_dtypes = ["f8", "i4", "?", "c8", "O", np.dtype("f4").newbyteorder()]
    for value in [np.zeros(shape, dtype) for dtype in bad_dtypes]:
        with pytest.raises(TypeError, match=rf"^{re.escape(name)}: out .*float32"):
            function(**arguments, out=value)
        assert not value.any()
    for value in ([], 0, "out", np.float32(0), bytearray(8)):
        with pytest.raises(TypeError, match=rf"^{re.escape(name)}: out .*float32"):
            function(**arguments, out=value)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_plan_refuses_other_arrays(n):
    x, w = floats(2, 4, *[6] * n), floats(6, 4, *[3] * n)
    plan = getattr(fc, f"plan_conv{n}d")(x.shape, w)
    for value in (x[:1], x[0], x[..., :-1], x.reshape(-1), x[None]):
        with pytest.raises(ValueError, match=f"plan_conv{n}d: x has shape .*made for"):
            plan(value)
    for value in (x.astype("f8"), x.astype("i4"), x.tolist(), None, 1.0):
        with pytest.raises(TypeError, match=f"plan_conv{n}d: x "):
            plan(value)
    with pytest.raises(ValueError, match=f"plan_conv{n}d: out has shape"):
        plan(x, out=np.zeros((2, 6, *[5] * n), np.float32))
    with pytest.raises(TypeError, match=f"plan_conv{n}d: out has dtype"):
        plan(x, out=np.zeros((2, 6, *[4] * n)))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_plan_is_made_of_its_own_arrays_only(n):
    """Those of another size would be read past their end."""
    x, w, b = floats(2, 4, *[6] * n), floats(6, 4, *[3] * n), floats(6)
    plan = getattr(fc, f"plan_conv{n}d")(x.shape, w, b)
    same(fc.Plan("plan", x.shape, plan.problem, w, b)(x), plan(x))
    for shape, weight, bias in (
        (x.shape[1:], w, b),
        ((2**31, *x.shape[1:]), w, b),
        (x.shape, w[:-1], b),
        (x.shape, w.astype("f8"), b),
        (x.shape, w, b[:-1]),
        (x.shape, w, b.astype("f8")),
    ):
        with pytest.raises(ValueError, match="plan: input_shape, weight and bias must be those"):
            fc.Plan("plan", shape, plan.problem, weight, bias)


# ---- Sizes beyond memory -------------------------------------------------------------------------


def test_results_beyond_memory_are_memory_errors():
    x, w = floats(1, 1, 4, 4), floats(1, 1, 3, 3)
    for call in (
        lambda: fc.conv2d(x, w, padding=2**39),
        lambda: fc.conv2d(x, w, padding=((0, 2**39), (2**20, 0))),
        lambda: fc.conv_transpose2d(x, w, stride=2**31 - 1),
        lambda: fc.adaptive_avg_pool2d(x, 2**31),
        lambda: fc.adaptive_max_pool2d(x, (2**59, 2)),
        lambda: fc.fold(floats(1, 9, 1), 2**59, 3, stride=2**30),
        lambda: fc.grad.conv2d_weight(x, (2**40, 2**40, 1, 1), x, groups=1),
    ):
        with pytest.raises((MemoryError, ValueError), match=r"^(\w|\.)+: |allocate"):
            call()


def test_a_matrix_of_more_columns_than_64_bits_count_is_a_memory_error():
    pytest.importorskip("scipy")
    with pytest.raises(MemoryError, match=r"^conv_matrix: a result of shape"):
        fc.conv_matrix(floats(1, 1, 1, 1), (1, 2**33, 2**33), stride=2**31 - 1)
    with pytest.raises(MemoryError, match=r"^conv_matrix: a result of shape"):
        fc.conv_matrix(floats(1, 1, 1, 1), (1, 2**28, 2**28), padding=2**39)


def test_inputs_beyond_memory_are_errors():
    huge = np.broadcast_to(np.float32(1), (2**28, 1, 2**15, 2**15))
    w = floats(1, 1, 3, 3)
    with pytest.raises(MemoryError):
        fc.conv2d(huge, w)
    with pytest.raises(MemoryError):
        fc.max_pool2d(huge, 2**15)
    with pytest.raises(ValueError, match="channels"):  # found before any copy
        fc.conv2d(np.broadcast_to(np.float32(1), (1, 2**50, 3, 3)), w)


def test_large_strides_of_one_window_work():
    x, w = floats(1, 2, 5, 5), floats(3, 2, 5, 5)
    np.testing.assert_array_equal(fc.conv2d(x, w, stride=2**31 - 1), fc.conv2d(x, w))
    w = floats(3, 2, 1, 1)
    np.testing.assert_array_equal(fc.conv2d(x, w, dilation=2**31 - 1), fc.conv2d(x, w))


# ---- Unusual arrays that are fine ----------------------------------------------------------------


class Exporter:
    """An object that exports an array in one of the ways there are."""

    def __init__(self, array, way):
        self.array = array
        if way == "__array_interface__":
            self.__array_interface__ = array.__array_interface__

    @staticmethod
    def way(way):
        methods = {
            "__array__": lambda self, dtype=None, copy=None: self.array,
            "__dlpack__": lambda self, **options: self.array.__dlpack__(**options),
        }
        body = {way: methods[way]} if way in methods else {}
        if way == "__dlpack__":
            body["__dlpack_device__"] = lambda self: self.array.__dlpack_device__()
        return type("Exporter", (Exporter,), body)


def unaligned(array):
    buffer = np.zeros(array.nbytes + 1, np.uint8)[1:]
    out = buffer.view(array.dtype).reshape(array.shape)
    out[...] = array
    assert not out.flags.aligned
    return out


def reversed_strides(array):
    return np.ascontiguousarray(array[..., ::-1])[..., ::-1]


def spread(array):
    out = np.zeros([2 * size for size in array.shape], array.dtype)
    view = out[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


UNUSUAL = {
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "Fortran order": np.asfortranarray,
    "negative strides": reversed_strides,
    "gaps": spread,
    "unaligned": unaligned,
    "read-only": read_only,
    "subclass": lambda a: a.view(type("Sub", (np.ndarray,), {})),
    "buffer": memoryview,
    "int32 indices": lambda a: a.astype(np.int32) if a.dtype.kind == "i" else a,
} | {
    way: lambda a, way=way: Exporter.way(way)(a, way)
    for way in ("__array_interface__", "__array__", "__dlpack__")
}


@every_call
@pytest.mark.parametrize("change", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_unusual_arrays_give_the_same_bits(name, n, function, arguments, change):
    changed = {k: change(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    before = {k: v.copy() for k, v in arguments.items() if isinstance(v, np.ndarray)}
    same(function(**changed), function(**arguments))
    for key, value in before.items():
        np.testing.assert_array_equal(arguments[key], value)


@every_call
def test_torch_tensors_are_read_in_place(name, n, function, arguments):
    torch = pytest.importorskip("torch")
    tensors = {
        k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()
    }
    same(function(**tensors), function(**arguments))
    for key, value in tensors.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            tracked = value.clone().requires_grad_()
            with pytest.raises(TypeError, match=rf"^{re.escape(name)}: {key} .*[Gg]rad"):
                function(**{**tensors, key: tracked})


@pytest.mark.parametrize("call", WITH_OUT, ids=ids)
def test_out_may_have_any_strides_and_overlap_the_inputs(call):
    _, _, function, arguments = call
    expected = function(**arguments)
    for change in (spread, reversed_strides, np.asfortranarray, unaligned, np.copy):
        out = change(np.zeros_like(expected))
        assert function(**arguments, out=out) is out
        np.testing.assert_array_equal(out, expected)
    floats_among = [k for k, v in arguments.items() if getattr(v, "dtype", None) == np.float32]
    for key in floats_among:
        array = arguments[key]
        pool = np.zeros(max(array.size, expected.size) + 3, np.float32)
        for start in (0, 3):
            view = pool[start : start + array.size].reshape(array.shape)
            view[...] = array
            out = pool[: expected.size].reshape(expected.shape)
            assert function(**{**arguments, key: view}, out=out) is out
            np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_conv_matrix_without_scipy_is_an_import_error(n, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match="conv_matrix needs SciPy"):
        fc.conv_matrix(floats(1, 1, *[2] * n), (1, *[4] * n))


# ---- Whatever is given ---------------------------------------------------------------------------

NASTY = [0, 1, 2, 3, -1, -(2**63), 2**63, 2**64, 2**100, 1.5, float("nan"), None, True, "", "same"]
NASTY += ["NHWC", "relu", (), (1,), (1, 2), (2, 1, 1), [2, 2], ((1, 1), (0, 2)), ((1,),), object()]
NASTY += [np.int64(2), np.float32(2), np.zeros(3, np.float32), np.zeros((2, 0, 3, 3), np.float32)]
NASTY += [np.ones((2, 4, 6, 6)), np.ones((1, 2, 3, 3), np.float32), np.zeros((), np.float64), {}]


@pytest.mark.parametrize("seed", range(20))
def test_no_argument_crashes(seed):
    """Any two or three arguments may be anything: a result, or one of three exceptions."""
    choose = random.Random(seed)
    messages = []
    for _ in range(200):
        name, _, function, arguments = choose.choice(CALLS)
        keys = choose.sample(sorted(arguments), min(choose.choice([2, 3]), len(arguments)))
        changed = {**arguments, **{key: choose.choice(NASTY) for key in keys}}
        try:
            function(**changed)
        except (ValueError, TypeError, MemoryError) as error:
            messages.append((name, str(error)))
    assert len(messages) > 100
    for name, message in messages:
        assert message.startswith(f"{name}: ")
