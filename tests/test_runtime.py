"""Threads, forking, the instruction set, what show_config tells, and Ctrl-C."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastconv as fc


def run_python(code, *, timeout=120, **environment):
    """Run code in a process of its own; FASTCONV_* and OMP_* are only those given."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FASTCONV_", "OMP_"))}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def output_of(code, **environment):
    done = run_python(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def restored():
    """Restore the process's number of threads."""
    before = fc.get_num_threads()
    yield before
    fc.set_num_threads(before)


# ---- Threads -------------------------------------------------------------------------------------


def in_a_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_the_process_has_a_number_of_threads(restored):
    fc.set_num_threads(3)
    assert fc.get_num_threads() == 3
    assert in_a_thread(fc.get_num_threads) == 3


def test_a_thread_has_its_own_number_of_threads(restored):
    fc.set_num_threads(2)
    with fc.num_threads(5):
        assert fc.get_num_threads() == 5
        assert in_a_thread(fc.get_num_threads) == 2
        fc.set_num_threads(4)
        assert fc.get_num_threads() == 5
    assert fc.get_num_threads() == 4


def test_numbers_of_threads_nest(restored):
    once = fc.num_threads(7)
    with fc.num_threads(5):
        with once, once, fc.num_threads(1):
            assert fc.get_num_threads() == 1
        assert fc.get_num_threads() == 5
    assert fc.get_num_threads() == restored


def test_threads_may_share_a_number_of_threads(restored):
    three = fc.num_threads(3)

    def inside():
        with three:
            return fc.get_num_threads()

    with three:
        assert in_a_thread(inside) == 3
        assert in_a_thread(fc.get_num_threads) == restored
        assert fc.get_num_threads() == 3
    assert fc.get_num_threads() == restored


def test_an_exception_restores_the_number_of_threads(restored):
    with pytest.raises(KeyError), fc.num_threads(5):
        raise KeyError
    assert fc.get_num_threads() == restored


def test_more_threads_than_cpus_are_allowed():
    x, w = np.ones((2, 8, 40, 40), np.float32), np.ones((8, 8, 3, 3), np.float32)
    with fc.num_threads(1):
        expected = fc.conv2d(x, w)
    with fc.num_threads(64):
        assert fc.get_num_threads() == 64
        np.testing.assert_array_equal(fc.conv2d(x, w), expected)


@pytest.mark.parametrize("set_threads", [fc.set_num_threads, fc.num_threads])
@pytest.mark.parametrize(
    ("n", "error"),
    [(0, ValueError), (-1, ValueError), (2**31, ValueError), (2**70, ValueError)]
    + [(n, TypeError) for n in (1.0, "2", None, True, np.True_, (1,), np.float64(2))],
)
def test_bad_numbers_of_threads_are_refused(set_threads, n, error, restored):
    with pytest.raises(error, match=rf"{set_threads.__name__}: n is .*at least 1"):
        set_threads(n)
    assert fc.get_num_threads() == restored


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"FASTCONV_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"FASTCONV_NUM_THREADS": "", "OMP_NUM_THREADS": "4"}, 4),
    ],
)
def test_the_environment_sets_the_number_of_threads(environment, expected):
    code = "import fastconv as fc; print(fc.get_num_threads())"
    assert output_of(code, **environment) == str(expected)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_the_default_number_of_threads_is_the_cpus_allowed():
    code = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import fastconv as fc
        print(fc.get_num_threads())
    """
    assert output_of(code) == "1"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc on this system")
def test_importing_starts_no_thread():
    code = """
        import os, numpy
        before = len(os.listdir("/proc/self/task"))
        import fastconv
        print(len(os.listdir("/proc/self/task")) - before)
    """
    assert output_of(code) == "0"


def test_many_threads_may_call_at_once():
    rng = np.random.default_rng(0)
    w = rng.standard_normal((8, 8, 3, 3)).astype(np.float32)
    inputs = [rng.standard_normal((1, 8, 30, 30)).astype(np.float32) for _ in range(16)]
    plan = fc.plan_conv2d(inputs[0].shape, w)
    functions = (lambda x: fc.conv2d(x, w), plan, lambda x: fc.max_pool2d(x, 3))
    expected = [[function(x) for function in functions] for x in inputs]

    def work(i):
        for _ in range(20):
            for function, y in zip(functions, expected[i], strict=True):
                np.testing.assert_array_equal(function(inputs[i]), y)

    with ThreadPoolExecutor(len(inputs)) as pool:
        list(pool.map(work, range(len(inputs))))


def test_other_threads_run_during_a_call():
    x, w = np.ones((1, 64, 64, 64), np.float32), np.ones((64, 64, 3, 3), np.float32)
    plan = fc.plan_conv2d(x.shape, w, algorithm="reference")
    calls = threading.Thread(target=lambda: [plan(x) for _ in range(4)])
    calls.start()
    turns = 0
    while calls.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 10  # as many as calls, if they held the interpreter


# ---- Forking -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_may_call():
    code = """
        import os, warnings
        import numpy as np
        import fastconv as fc
        warnings.simplefilter("ignore")  # Python's own, about forking with threads
        fc.set_num_threads(4)
        x, w = np.ones((4, 16, 60, 60), np.float32), np.ones((16, 16, 3, 3), np.float32)
        expected = fc.conv2d(x, w)
        plan = fc.plan_conv2d(x.shape, w)
        for _ in range(5):
            child = os.fork()
            if not child:
                same = np.array_equal(fc.conv2d(x, w), expected)
                same &= np.array_equal(plan(x), fc.conv2d(x, w))
                os._exit(0 if same else 1)
            assert np.array_equal(fc.conv2d(x, w), expected)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        print("done")
    """
    assert output_of(code) == "done"


# ---- The instruction set -------------------------------------------------------------------------

ISA = "import fastconv as fc; print(fc.show_config(mode='dicts')['isa'])"


def instruction_sets():
    return fc.show_config(mode="dicts")["instruction sets"]


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_the_environment_chooses_the_instruction_set(change):
    for name, available in instruction_sets().items():
        if available:
            assert output_of(ISA, FASTCONV_ISA=change(name)) == name


def test_an_empty_choice_of_instruction_set_is_none():
    best = [name for name, available in instruction_sets().items() if available][-1]
    assert output_of(ISA, FASTCONV_ISA="") == output_of(ISA) == best


@pytest.mark.parametrize("name", ["sse9", "avx2 ", "avx", "scalar,avx2", "\u00e9", "x" * 1000])
def test_an_unknown_instruction_set_is_an_import_error(name):
    done = run_python("import fastconv", FASTCONV_ISA=name)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ImportError: FASTCONV_ISA is ")
    for known, available in instruction_sets().items():
        assert (known in message.split("available:")[1]) == available


def test_an_instruction_set_that_this_cpu_lacks_is_an_import_error():
    available = {name for name, has in instruction_sets().items() if has}
    for name in {"avx2", "avx512", "neon"} - available:
        done = run_python("import fastconv", FASTCONV_ISA=name)
        assert done.returncode == 1
        assert f"ImportError: FASTCONV_ISA is '{name}'" in done.stderr


# ---- show_config and get_include -----------------------------------------------------------------


def test_show_config_returns_what_was_built_and_is_used():
    config = fc.show_config(mode="dicts")
    assert config["version"] == fc.__version__
    assert config["compiler"]
    assert config["instruction sets"]["scalar"] is True
    assert config["instruction sets"][config["isa"]] is True
    assert config["threads"] == fc.get_num_threads()
    assert config["cpus"] >= 1


def test_show_config_prints(capsys):
    assert fc.show_config() is None
    printed = capsys.readouterr().out
    for name in fc.show_config(mode="dicts"):
        assert f"{name}: " in printed
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("mode", "error"), [("yaml", ValueError), (None, TypeError)])
def test_show_config_refuses_other_modes(mode, error):
    with pytest.raises(error, match=r"show_config: mode is .*'stdout', 'dicts'"):
        fc.show_config(mode)


def test_get_include_has_the_header():
    header = Path(fc.get_include()) / "fastconv.h"
    assert f'#define FC_VERSION "{fc.__version__}"' in header.read_text()


# ---- Ctrl-C --------------------------------------------------------------------------------------

INTERRUPTED = """
    import os, signal, threading, time
    import numpy as np
    import fastconv as fc
    x, w = np.ones((64, 256, 64, 64), np.float32), np.ones((256, 256, 3, 3), np.float32)
    sent = []
    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    {handler}
    timer = threading.Timer(0.3, send)
    timer.start()
    try:
        {call}
    except {error}:
        print(time.perf_counter() - sent[0])
    else:
        print("the call was too short")
    assert fc.conv2d(x[:1, :, :4, :4], w)[0, 0, 0, 0] == 256 * 9  # the next call works
"""


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    "call",
    [
        "fc.conv2d(x, w, algorithm='reference')",
        "fc.plan_conv2d(x.shape, w, algorithm='reference')(x)",
    ],
)
def test_ctrl_c_ends_a_long_call(call, threads):
    # Where the tests run in the background, a shell has them ignore SIGINT.
    handler = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = INTERRUPTED.format(handler=handler, call=call, error="KeyboardInterrupt")
    assert float(output_of(code, FASTCONV_NUM_THREADS=threads)) < 2


def test_a_signal_handlers_own_exception_passes():
    handler = "signal.signal(signal.SIGINT, lambda *_: {}['mine'])"
    call = "fc.conv2d(x, w, algorithm='reference')"
    code = INTERRUPTED.format(handler=handler, call=call, error="KeyError")
    assert float(output_of(code)) < 2


def test_a_signal_that_raises_nothing_does_not_end_a_call():
    code = """
        import signal
        import numpy as np
        import fastconv as fc
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        x, w = np.ones((4, 64, 64, 64), np.float32), np.ones((64, 64, 3, 3), np.float32)
        y = fc.conv2d(x, w, algorithm="reference")
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(bool((y == 64 * 9).all()))
    """
    assert output_of(code) == "True"


# ---- threadpoolctl -------------------------------------------------------------------------------


def test_threadpoolctl_limits_the_threads(restored):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    import fastconv.interop.threadpoolctl  # noqa: F401

    (info,) = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "fastconv"]
    assert info["num_threads"] == fc.get_num_threads()
    assert info["version"] == fc.__version__
    with threadpoolctl.threadpool_limits(limits=3, user_api="fastconv"):
        assert fc.get_num_threads() == 3
    with threadpoolctl.threadpool_limits(limits=1):
        assert fc.get_num_threads() == 1
    assert fc.get_num_threads() == restored


def test_threadpoolctl_is_not_imported_unasked():
    assert output_of("import sys, fastconv; print('threadpoolctl' in sys.modules)") == "False"
