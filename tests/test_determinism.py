"""The same bytes on any threads, in any batch, from concurrent callers and in forked children."""

import concurrent.futures
import os
import pickle
import time
import warnings

import numpy as np
import pytest
from helpers import children, layers

import fastconv as fc


@pytest.mark.parametrize("layer", layers.layers(), ids=str)
def test_bytes_do_not_depend_on_the_threads(layer):
    layers.same_for_any_threads(layer)


@pytest.mark.parametrize("layer", layers.layers(), ids=str)
def test_bytes_do_not_depend_on_the_batch(layer):
    layers.same_in_any_batch(layer)


@pytest.mark.parametrize("isa", children.instruction_sets())
def test_every_instruction_set_keeps_the_promises(isa):
    children.sweep("same_bytes", 14, FASTCONV_ISA=isa)


def small_computations():
    """A mix of all operators that is quick enough to be called a hundred times."""
    for layer in layers.layers()[:8]:
        for name, compute in layers.computations(layer):
            yield f"{name}, {layer.name}", compute


def anywhere(array, elements):
    """A copy that begins so many elements behind a cache line."""
    room = np.empty(array.size + 64 + elements, array.dtype)
    start = -room.ctypes.data % 64 // array.itemsize + elements
    copy = room[start : start + array.size].reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("channels", "outputs", "kernel"), [(160, 37, 1), (48, 80, 3)])
def test_bytes_do_not_depend_on_where_weights_begin(channels, outputs, kernel, dtype):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1, channels, 7, 7)).astype(dtype)
    w = rng.standard_normal((outputs, channels, kernel, kernel)).astype(dtype)
    expected = fc.conv2d(x, anywhere(w, 0), algorithm="direct")
    for elements in range(1, 16):
        result = fc.conv2d(x, anywhere(w, elements), algorithm="direct")
        assert result.tobytes() == expected.tobytes(), elements


def test_repeated_calls_give_the_same_bytes():
    for name, compute in small_computations():
        assert len({compute().tobytes() for _ in range(5)}) == 1, name


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_concurrent_callers_get_the_bytes_of_a_single_one(threads):
    named = list(small_computations())
    expected = [compute().tobytes() for _, compute in named]

    def one(index):
        with fc.num_threads(threads):
            return named[index][1]().tobytes() == expected[index]

    order = np.random.default_rng(0).permutation(np.tile(np.arange(len(named)), 4))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        right = list(pool.map(one, order.tolist()))
    wrong = {named[i][0] for i, good in zip(order, right, strict=True) if not good}
    assert not wrong


def forked(function, seconds=60):
    """What the function returns in a forked child, which must end."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads is the point
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(function(), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    deadline = time.monotonic() + seconds
    status = None
    with os.fdopen(reading, "rb") as pipe:
        os.set_blocking(reading, False)
        data = b""
        while time.monotonic() < deadline:
            data += pipe.read() or b""
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                data += pipe.read() or b""
                break
            time.sleep(0.005)
        else:
            os.kill(child, 9)
            os.waitpid(child, 0)
            raise AssertionError(f"the forked child still ran after {seconds} s")
    assert status == 0, f"the forked child ended with {status}"
    return pickle.loads(data)


def test_a_forked_child_gives_the_same_bytes():
    named = list(small_computations())
    with fc.num_threads(3):
        expected = [compute().tobytes() for _, compute in named]  # the pool has workers now
        for _ in range(3):
            got = forked(lambda: [compute().tobytes() for _, compute in named])
            assert got == expected
    again = [compute().tobytes() for _, compute in named]
    assert again == expected


def test_a_child_forked_during_other_threads_calls_gives_the_same_bytes():
    layer = layers.SHAPES[0]
    computations = dict(layers.computations(layer))
    compute = computations["auto"]
    expected = compute().tobytes()
    stop = False

    def busy():
        while not stop:
            with fc.num_threads(2):
                computations["input gradient"]()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(busy) for _ in range(2)]
        try:
            for _ in range(10):
                with fc.num_threads(2):
                    assert forked(lambda: compute().tobytes()) == expected
        finally:
            stop = True
        for one in running:
            one.result()


def test_a_forked_childs_child_gives_the_same_bytes():
    compute = dict(layers.computations(layers.SHAPES[0]))["auto"]
    with fc.num_threads(2):
        expected = compute().tobytes()

        def grandchild():
            return compute().tobytes() == expected and forked(
                lambda: compute().tobytes() == expected
            )

        assert forked(grandchild)


def test_the_callers_floating_point_mode_does_not_show():
    """Another library's flush-to-zero, set for this thread."""
    torch = pytest.importorskip("torch")
    x = np.full((1, 3, 40, 40), 1e-39, np.float32)
    w = np.ones((4, 3, 3, 3), np.float32)
    expected = fc.conv2d(x, w).tobytes()
    if not torch.set_flush_denormal(True):
        return  # this CPU has no such mode
    try:
        for count in (1, 2):
            with fc.num_threads(count):
                assert fc.conv2d(x, w).tobytes() == expected
    finally:
        torch.set_flush_denormal(False)


def test_phases_of_a_strided_input_gradient_never_disturb_each_other() -> None:
    """Neighbouring columns belong to different phases, which threads write at the same time."""
    rng = np.random.default_rng(7)
    weight = rng.standard_normal((3, 5, 4, 5), dtype=np.float32)
    grad = rng.standard_normal((3, 3, 16, 37), dtype=np.float32)
    arguments = {"stride": 2, "padding": (0, 3), "dilation": (2, 1), "groups": 3}
    size = (3, 15, 38, 72)
    with fc.num_threads(1):
        expected = fc.grad.conv2d_input(size, weight, grad, **arguments)
    for repeat in range(1000):
        with fc.num_threads(2 + repeat % 3):
            result = fc.grad.conv2d_input(size, weight, grad, **arguments)
        assert result.tobytes() == expected.tobytes(), repeat
