"""Arrays of every kind: strided, unaligned, read-only, overlapping, between guard pages, huge."""

import tracemalloc

import numpy as np
import pytest
from helpers import checks, children
from helpers.cases import draw_conv, draw_pool, draw_transpose, seeded

import fastconv as fc


def spaced(a):
    """Every other element of each axis of a larger array."""
    wide = np.full(tuple(2 * n for n in a.shape), 1e9, a.dtype)
    view = wide[(slice(None, None, 2),) * a.ndim]
    view[...] = a
    return view


def backwards(a):
    """Negative strides along each axis."""
    flip = (slice(None, None, -1),) * a.ndim
    return np.ascontiguousarray(a[flip])[flip]


def unaligned(a):
    """Starting one byte off."""
    raw = np.empty(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    assert not view.flags.aligned or a.size == 0
    return view


def swapped(a):
    return a.astype(a.dtype.newbyteorder())


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def a_field(a):
    """A field of a packed record: neither aligned nor contiguous."""
    records = np.zeros(a.shape, np.dtype([("flag", "u1"), ("value", a.dtype), ("more", "u2")]))
    records["value"] = a
    return records["value"]


VIEWS = [spaced, backwards, unaligned, swapped, read_only, a_field, np.asfortranarray]


def operations(kind):
    """(name, function of the arrays, the arrays) of one random case."""
    if kind == "conv":
        for case in seeded(draw_conv, 100, 40, padding_mode="zeros"):
            x, w, b = case.arrays()
            b = np.ones(case.out_channels, case.dtype) if b is None else b
            gy, options = case.present(case.grad_output()), case.arguments()
            x = case.present(x)
            yield (
                case,
                lambda x, w, b, case=case, o=options: checks.call("conv{n}d", case, x, w, b, **o),
                (x, w, b),
            )
            yield (
                case,
                lambda w, gy, case=case, o=options, s=x.shape: checks.call(
                    "grad.conv{n}d_input", case, s, w, gy, **o
                ),
                (w, gy),
            )
            yield (
                case,
                lambda x, gy, case=case, o=options, s=w.shape: checks.call(
                    "grad.conv{n}d_weight", case, x, s, gy, **o
                ),
                (x, gy),
            )
            yield (
                case,
                lambda gy, x, w, case=case, o=options: np.concatenate(
                    [g.ravel() for g in checks.call("grad.conv{n}d", case, gy, x, w, **o)]
                ),
                (gy, x, w),
            )
    if kind == "transpose":
        for case in seeded(draw_transpose, 100, 40):
            x, w, _ = case.arrays()
            x, gy, options = case.present(x), case.present(case.grad_output()), case.arguments()
            yield (
                case,
                lambda x, w, case=case, o=options: checks.call(
                    "conv_transpose{n}d", case, x, w, **o
                ),
                (x, w),
            )
            yield (
                case,
                lambda gy, x, w, case=case, o=options: np.concatenate(
                    [g.ravel() for g in checks.call("grad.conv_transpose{n}d", case, gy, x, w, **o)]
                ),
                (gy, x, w),
            )
    if kind == "pool":
        for case in seeded(draw_pool, 100, 40, padded=False):
            yield from pool_operations(case)


def pool_operations(case):
    x, gy = case.present(case.array()), case.present(case.grad_output())
    maximum, average, lp = case.max_arguments(), case.avg_arguments(), case.lp_arguments()
    kernel, layout, shape = case.kernel, case.layout, x.shape

    def call(name, *arguments, **options):
        return checks.call(name, case, *arguments, **options)

    y, indices = call("max_pool{n}d", x, kernel, **maximum, return_indices=True)
    yield case, lambda x: call("max_pool{n}d", x, kernel, **maximum), (x,)
    yield (
        case,
        lambda x: call("max_pool{n}d", x, kernel, **maximum, return_indices=True)[1],
        (x,),
    )
    yield case, lambda x: call("avg_pool{n}d", x, kernel, **average), (x,)
    yield case, lambda x: call("lp_pool{n}d", x, 2, kernel, **lp), (x,)
    yield case, lambda x: call("adaptive_avg_pool{n}d", x, 2, layout=layout), (x,)
    yield case, lambda x: call("adaptive_max_pool{n}d", x, 2, layout=layout), (x,)
    yield (
        case,
        lambda gy, i: call("grad.max_pool{n}d", gy, i, shape, layout=layout),
        (gy, indices),
    )
    yield case, lambda gy: call("grad.avg_pool{n}d", gy, shape, kernel, **average), (gy,)
    norm = call("lp_pool{n}d", x, 2, kernel, **lp)
    yield (
        case,
        lambda gy, x, y: call("grad.lp_pool{n}d", gy, x, y, 2, kernel, **lp),
        (gy, x, norm),
    )
    plane = np.arange(int(np.prod(case.size)))
    yield (
        case,
        lambda y, i: call("grad.max_pool{n}d", y, i, shape, layout=layout),
        (y, np.minimum(indices, plane[-1])),
    )


@pytest.mark.parametrize("kind", ["conv", "transpose", "pool"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_any_array_gives_the_bytes_of_its_contiguous_copy(kind, view):
    for case, function, arrays in operations(kind):
        expected = function(*arrays)
        views = [view(a) for a in arrays]
        kept = [v.tobytes() for v in views]
        got = function(*views)
        checks.same_bytes(got, expected, f"{view.__name__}, {len(arrays)} arrays: {case}")
        assert got.dtype.isnative
        assert [v.tobytes() for v in views] == kept, f"an input changed: {case}"


def test_broadcast_inputs_give_the_bytes_of_their_copies():
    x = np.broadcast_to(np.float32([1, 2, 3, 4, 5]), (2, 4, 6, 5))
    w = np.broadcast_to(np.float32(0.3), (7, 4, 3, 3))
    b = np.broadcast_to(np.float32(0.7), (7,))
    y = fc.conv2d(x, w, b)
    checks.same_bytes(y, fc.conv2d(x.copy(), w.copy(), b.copy()), "broadcast")
    gw = fc.grad.conv2d_weight(x, w.shape, np.broadcast_to(y[:1], y.shape))
    checks.same_bytes(
        gw, fc.grad.conv2d_weight(x.copy(), w.shape, np.repeat(y[:1], 2, 0)), "broadcast"
    )
    checks.same_bytes(fc.max_pool2d(x, 2), fc.max_pool2d(x.copy(), 2), "broadcast")


def test_unfold_and_fold_take_any_array():
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 8)).astype(np.float32)
    columns = fc.unfold(x, 3, padding=1)
    image = fc.fold(columns, (7, 8), 3, padding=1)
    for view in VIEWS:
        checks.same_bytes(fc.unfold(view(x), 3, padding=1), columns, view.__name__)
        checks.same_bytes(fc.fold(view(columns), (7, 8), 3, padding=1), image, view.__name__)


def test_unpooling_takes_any_array():
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 6))
    y, indices = fc.max_pool2d(x, 2, return_indices=True)
    expected = fc.max_unpool2d(y, indices, 2)
    for view in VIEWS:
        got = fc.max_unpool2d(view(y), view(indices), 2)
        checks.same_bytes(got, expected, view.__name__)
        got = fc.max_unpool2d(view(y), view(indices.astype(np.int32)), 2)
        checks.same_bytes(got, expected, f"{view.__name__}, int32")


# ---- out= ----------------------------------------------------------------------------------------


def with_out():
    """[(name, function of x and out, x)]: every operator that takes out."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 6, 9, 9)).astype(np.float32)
    w = rng.standard_normal((6, 6, 3, 3)).astype(np.float32)
    one = rng.standard_normal((6, 1, 3, 3)).astype(np.float32)
    same = {"padding": 1}
    return [
        ("conv", lambda x, out: fc.conv2d(x, w, **same, out=out), x),
        ("direct", lambda x, out: fc.conv2d(x, w, **same, algorithm="direct", out=out), x),
        ("im2col", lambda x, out: fc.conv2d(x, w, **same, algorithm="im2col", out=out), x),
        ("depthwise", lambda x, out: fc.conv2d(x, one, **same, groups=6, out=out), x),
        ("valid", lambda x, out: fc.conv2d(x, w, stride=2, out=out), x),
        ("transpose", lambda x, out: fc.conv_transpose2d(x, w, **same, out=out), x),
        ("input", lambda x, out: fc.grad.conv2d_input(x.shape, w, x, **same, out=out), x),
        ("weight", lambda x, out: fc.grad.conv2d_weight(x, w.shape, x, **same, out=out), x),
        ("max", lambda x, out: fc.max_pool2d(x, 3, 1, 1, out=out), x),
        ("avg", lambda x, out: fc.avg_pool2d(x, 3, 1, 1, out=out), x),
        ("lp", lambda x, out: fc.lp_pool2d(x, 2, 2, out=out), x),
    ]


@pytest.mark.parametrize("operator", with_out(), ids=lambda operator: operator[0])
def test_out_of_any_strides_holds_the_same_bytes_and_nothing_else_changes(operator):
    name, function, x = operator
    expected = function(x, None)
    assert isinstance(expected, np.ndarray)
    for view in (spaced, backwards, unaligned, a_field, np.asfortranarray, np.array):
        out = view(np.full(expected.shape, np.nan, np.float32))
        base = out
        while isinstance(base.base, np.ndarray):
            base = base.base
        out[...] = np.uint32(0x01010101).view(np.float32)
        ones = np.frombuffer(base.tobytes(), np.uint8)
        out[...] = np.uint32(0xFEFEFEFE).view(np.float32)
        before = np.frombuffer(base.tobytes(), np.uint8)
        beside = before == ones
        assert function(x, out) is out, name
        checks.same_bytes(np.array(out, order="C"), expected, f"{name} into {view.__name__}")
        after = np.frombuffer(base.tobytes(), np.uint8)
        assert (after == before)[beside].all(), f"{name} into {view.__name__}: wrote beside it"


@pytest.mark.parametrize("operator", with_out(), ids=lambda operator: operator[0])
def test_out_may_overlap_the_input_anywhere(operator):
    name, function, x = operator
    expected = function(x, None)
    for shift in (0, 1, 5, 81, -1, -40):
        memory = np.zeros(4 * x.size, np.float32)
        start = x.size
        overlapping = memory[start : start + x.size].reshape(x.shape)
        overlapping[...] = x
        out = memory[start + shift : start + shift + expected.size].reshape(expected.shape)
        assert function(overlapping, out) is out
        checks.same_bytes(out, expected, f"{name}, shifted by {shift}")


def test_out_may_be_the_weight_or_the_bias():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, 4, 3, 3)).astype(np.float32)
    w = rng.standard_normal((4, 4, 3, 3)).astype(np.float32)
    b = rng.standard_normal(4).astype(np.float32)
    expected = fc.conv2d(x, w, b)
    shared = b.reshape(1, 4, 1, 1)
    assert fc.conv2d(x, w, b, out=shared) is shared
    checks.same_bytes(shared, expected, "out is the bias")
    gradient = fc.grad.conv2d_weight(x, w.shape, expected)
    target = w.copy()
    assert fc.grad.conv2d(expected, x, target)[1].shape == target.shape
    out = fc.grad.conv2d_weight(x, target.shape, expected, out=target)
    checks.same_bytes(out, gradient, "out is the weight")
    gx = fc.grad.conv2d_input(w.shape, w, np.ones((4, 4, 1, 1), np.float32))
    target = w.copy()
    assert (
        fc.grad.conv2d_input(w.shape, target, np.ones((4, 4, 1, 1), np.float32), out=target)
        is target
    )
    checks.same_bytes(target, gx, "out is the weight of an input gradient")


def test_out_with_indices_gives_both():
    x = np.random.default_rng(2).standard_normal((2, 3, 8, 8)).astype(np.float32)
    expected, places = fc.max_pool2d(x, 2, return_indices=True)
    out = checks.nans(expected.shape, "float32")
    y, indices = fc.max_pool2d(x, 2, return_indices=True, out=out)
    assert y is out
    checks.same_bytes(y, expected, "maxima")
    checks.same_bytes(indices, places, "indices")


# ---- Memory of results ---------------------------------------------------------------------------


def large_result(value):
    return fc.avg_pool2d(np.full((1, 1, 513, 512), value, np.float32), (2, 1), stride=1)


def test_large_results_begin_at_cache_lines_and_own_their_memory():
    results = [large_result(i) for i in range(8)]
    assert all(result.ctypes.data % 64 == 0 for result in results)
    assert all(result.flags.owndata and result.base is None for result in results)
    assert [(result == i).all() for i, result in enumerate(results)] == [True] * 8


def test_a_large_result_takes_the_memory_of_one_that_was_dropped():
    dropped = large_result(1).ctypes.data
    kept = large_result(2)
    assert kept.ctypes.data == dropped
    view = kept[0, 0, 5:]
    del kept
    assert large_result(3).ctypes.data != dropped, "a view still holds it"
    assert (view == 2).all()


def test_a_large_result_can_be_resized_in_place():
    result = large_result(7)
    result.resize((10, 100_000), refcheck=False)
    assert (result.ravel()[: 512 * 512] == 7).all()
    assert (result.ravel()[512 * 512 :] == 0).all()
    result.resize((5,), refcheck=False)
    assert result.tolist() == [7] * 5


def test_tracemalloc_sees_large_results():
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = large_result(1)
        assert tracemalloc.get_traced_memory()[0] - before >= result.nbytes
        del result
        assert tracemalloc.get_traced_memory()[0] - before < 1 << 16
    finally:
        tracemalloc.stop()


def test_other_arrays_keep_numpys_own_memory():
    get_handler_name = np._core.multiarray.get_handler_name
    result = large_result(1)
    assert get_handler_name(result) == "fastconv"
    assert get_handler_name() == get_handler_name(result + 1) == "default_allocator"


# ---- Guard pages, poison -------------------------------------------------------------------------


@pytest.mark.parametrize("isa", children.instruction_sets())
def test_nothing_outside_of_an_array_is_read_or_written(isa):
    """Arrays flush against pages that may not be touched, inputs that may not be written."""
    children.sweep("guard_pages", 90, FASTCONV_ISA=isa)


@pytest.mark.parametrize("suite", ["conv", "grads", "transpose", "pool"])
def test_results_do_not_depend_on_what_memory_held(suite):
    """The same sweep, every block of the C library's heap filled with a second pattern."""
    children.sweep(suite, 60, MALLOC_PERTURB_="1")


def test_the_guards_end_a_process_that_touches_them():

    children.fault("read_before")
    children.fault("read_after")
    children.fault("write_input")


# ---- Offsets of more than 32 bits ----------------------------------------------------------------

HUGE = 2**31 + 2**14


@pytest.fixture(scope="module")
def huge():
    """More than 2**31 elements, all zero pages that take no memory until written, but for a few."""
    x = np.zeros(HUGE, np.float32)
    marks = [0, 4096, 2**29, 2**30 + 8192, 2**31 - 4096, 2**31, HUGE - 4096]
    x[marks] = np.arange(1, len(marks) + 1)
    return x, np.array(marks) // 4096


@pytest.mark.parametrize("layout", ["NCW", "NWC"])
def test_convolution_reads_beyond_two_to_the_31(huge, layout):
    x, places = huge
    x = x.reshape((1, 1, -1) if layout == "NCW" else (1, -1, 1))
    y = fc.conv1d(x, np.full((1, 1, 1), 3, np.float32), stride=4096, layout=layout).ravel()
    assert y.shape == (HUGE // 4096,)
    np.testing.assert_array_equal(np.flatnonzero(y), places)
    np.testing.assert_array_equal(y[places], 3 * np.arange(1.0, len(places) + 1))


def test_max_pooling_names_places_beyond_two_to_the_31(huge):
    x, places = huge
    y, indices = fc.max_pool1d(x.reshape(1, 1, -1), 1, 4096, return_indices=True)
    np.testing.assert_array_equal(np.flatnonzero(y), places)
    np.testing.assert_array_equal(indices.ravel(), np.arange(0, HUGE, 4096))


def test_average_pooling_reads_beyond_two_to_the_31(huge):
    x, places = huge
    y = fc.avg_pool1d(x.reshape(1, 1, -1), 1, 4096).ravel()
    np.testing.assert_array_equal(np.flatnonzero(y), places)


def test_the_weight_gradient_reads_beyond_two_to_the_31(huge):
    x, places = huge
    gy = np.zeros((1, 1, HUGE // 4096), np.float32)
    gy[0, 0, places] = 10.0 ** np.arange(len(places))
    gw = fc.grad.conv1d_weight(x.reshape(1, 1, -1), (1, 1, 1), gy, stride=4096)
    assert gw.item() == 7654321
