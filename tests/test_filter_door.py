"""The door to the filters in C: whatever it is given ends in a result or an exception."""

import contextlib

import numpy as np
import pytest

from fastconv import _core, ndimage

A = np.arange(6.0).reshape(2, 3)
ONES = np.ones((2, 2))
HOSTILE = [
    *(None, True, -1, 0, 2, 1.5, 2**31, 2**32, 2**40, 2**55, 2**63, -(2**63), 2**70, -(2**70)),
    *(np.nan, np.inf, 1j, "a", "", b"x", (), (1,), (1, 2, 3), (2**32, 0), (0, 2**56), [[]], {}),
    *(object(), slice(None), np.float64, range(2), np.zeros(0), np.zeros((0, 3)), np.zeros((2, 0))),
    *(np.ones((2, 3), "e"), np.ones((2, 3), "g"), np.ones((2, 3), "D"), np.ones((1,) * 8)),
    *(np.array("x"), np.array(None), np.array([[None, "a", 1]] * 2), np.ones((2, 3), "V3")),
    *(np.array([["a", "b"]] * 2), np.zeros((2, 3), "M8[s]"), np.zeros((2, 3), "i4,f8")),
    *(np.broadcast_to(1.0, (2, 3)), np.broadcast_to(np.uint8(1), (2, 2))),
    *(np.ones((3, 2)).T, np.ones((2, 6))[:, ::-2], np.ones((2, 3), ">f8"), np.ones((2, 3), ">i2")),
    *(A.astype("O")[:, ::-1], np.array([["a", "b"]] * 3)[::-2], np.ones((2, 3), ">M8[s]")),
    np.frombuffer(bytes(49), np.uint8)[1:].view(np.float64).reshape(2, 3),  # not aligned
]
TAPS = (A, ONES, np.zeros((2, 3)), (2, 2), 0.0, (1, 1), 0, False)
PASS = (1, 0, 2, 1, np.ones(3))


def attempt(function, *args):
    """Call; what is raised is to be an exception that the door, Python or NumPy has for it."""
    with contextlib.suppress(TypeError, ValueError, OverflowError, MemoryError):
        function(*args)


@pytest.mark.parametrize("place", range(len(TAPS)))
def test_hostile_windows_end_in_a_result_or_an_exception(place):
    for hostile in HOSTILE:
        args = list(TAPS)
        args[2] = np.zeros((2, 3))
        args[place] = hostile
        attempt(_core.filter_taps, *args)
        args[6] = hostile if place == 6 else 1
        args[1] = hostile if place == 1 else ONES.astype(np.uint8)
        attempt(_core.filter_taps, *args)


@pytest.mark.parametrize("place", range(4))
def test_hostile_arguments_of_passes_end_in_a_result_or_an_exception(place):
    for hostile in HOSTILE:
        args = [A, np.zeros((2, 3)), (PASS, PASS), 0.0]
        args[place] = hostile
        attempt(_core.filter_passes, *args)


@pytest.mark.parametrize("place", range(len(PASS)))
@pytest.mark.parametrize("op", range(4))
def test_hostile_passes_end_in_a_result_or_an_exception(op, place):
    for hostile in HOSTILE:
        if place == 4 and op and type(hostile) is int and 2**20 < hostile < 2**36:
            continue  # a window that some memories hold
        one = [1, op, 2, 1, np.ones(3) if op == 0 else 3]
        one[place] = hostile
        attempt(_core.filter_passes, A, np.zeros((2, 3)), (one,), 0.0)
        attempt(_core.filter_passes, A, np.zeros((2, 3)), (PASS, one), 0.0)
        attempt(_core.filter_passes, A, np.zeros((2, 3)), (one,) * 65, 0.0)


def test_hostile_results_end_in_a_result_or_an_exception():
    for hostile in HOSTILE:
        attempt(_core.new_result, hostile, np.dtype(float))
        attempt(_core.new_result, (2, 3), hostile)
    attempt(_core.new_result, (2, -3), np.dtype(float))
    attempt(_core.new_result, (2**31, 2**31), np.dtype(float))


def test_borders_that_are_none_are_refused():
    for border in (-1, 5, 2**32, 2**32 + 1, -(2**32)):
        out = np.full((2, 3), 7.0)
        with pytest.raises(ValueError, match="filter_taps"):
            _core.filter_taps(A, ONES, out, (border, 0), 0.0, (1, 1), 0)
        assert (out == 7.0).all()


def test_dtypes_that_are_not_taken_are_refused_before_anything_is_copied():
    for dtype in ("e", "g", "D", "O", "U1", "V3", "M8[s]"):
        turned = np.zeros((3, 2), dtype).T
        for args in ((turned, ONES, A.copy()), (A, ONES, turned), (A, turned, A.copy())):
            with pytest.raises(TypeError, match="dtype"):
                _core.filter_taps(*args, (2, 2), 0.0, (1, 1), 0)
        for args in ((turned, A.copy()), (A, turned)):
            with pytest.raises(TypeError, match="dtype"):
                _core.filter_passes(*args, (PASS,), 0.0)


def test_windows_beyond_memory_are_memory_errors():
    for size in (2**36, 2**44, 2**55):
        for filter in (ndimage.maximum_filter1d, ndimage.uniform_filter1d):
            for axis in (0, 1):
                with pytest.raises(MemoryError):
                    filter(np.zeros((3, 70), np.float32), size, axis=axis)


@pytest.mark.parametrize("layout", ["overlapping", "turned", "every other", "swapped", "unaligned"])
def test_arrays_of_any_layout_give_the_same(layout):
    rng = np.random.default_rng(0)
    for dtype in ("f", "d", "h", "B"):
        x = (rng.standard_normal((30, 41)) * 50).astype(dtype)
        steps = ((0, 0, 2, 1, np.ones(3)), (1, 1, 3, 2, 5))
        expected = np.empty_like(x)
        _core.filter_passes(x, expected, steps, 0.0)
        room = np.zeros(4 * x.size * x.itemsize + 64, np.uint8)

        def place(offset, layout=layout, x=x, room=room):
            if layout == "turned":
                return room[: x.nbytes].view(x.dtype).reshape(x.shape[::-1]).T
            if layout == "every other":
                return room[: 4 * x.nbytes].view(x.dtype).reshape(60, 82)[::-2, ::2]
            if layout == "swapped":
                return room[: x.nbytes].view(x.dtype.newbyteorder()).reshape(x.shape)
            start = offset * x.itemsize + (layout == "unaligned")
            return room[start : start + x.nbytes].view(x.dtype).reshape(x.shape)

        for offset in (0, 5, 41):
            source = place(0)
            source[...] = x
            target = place(offset)  # it is the input itself, or overlaps it
            _core.filter_passes(source, target, steps, 0.0)
            np.testing.assert_array_equal(target, expected)
            source[...] = x
            _core.filter_taps(source, ONES, target, (2, 2), 0.0, (1, 1), 0)
            np.testing.assert_array_equal(target, ndimage.correlate(x, ONES, mode="reflect"))
