"""Measure again what csrc/kernels/tuning.h holds: block sizes and the cost model's coefficients.

    python benchmarks/tuning.py sizes [--isa avx512]     GFLOP/s of layers for other block sizes
    python benchmarks/tuning.py costs [--isa avx512]     the coefficients that fit best

The C library is built for every value (`make -C csrc`, with -DFC_TUNE_... in CFLAGS) in a temporary
folder and called through ctypes, on one thread. Run it with nothing else running; some minutes.

The algorithms are those that the library names, and the coefficients those of FC_TUNE_COSTS: a new
one of either needs no change here. `fastconv bench --selection` says what the coefficients are
worth, on layers that they were not fitted to.
"""

import argparse
import ctypes
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRIPLE = ctypes.c_int64 * 3
SIZES = {
    "DEPTH": (128, 192, 256, 320, 384),
    "DEPTH_TURNED": (256, 384, 512, 640, 768),
    "PIXELS": (128, 192, 256, 384, 512),
    "MOST_PIXELS": (2048, 4096, 8192),
    "BOX_WORK": (1 << 20, 2 << 20, 4 << 20),
    "ITEM_CHANNELS": (32, 64),
}
LAYOUTS = ("NCHW", "NHWC")
NOT_TIMED = ("auto", "reference")
STEP = 1e-3  # of a coefficient, to see what it multiplies

# name, in channels, size, out channels, kernel, stride, padding, groups
LAYERS = [
    ("7x7/2 3-64", 3, 224, 64, 7, 2, 3, 1),
    ("1x1 64-256 at 56", 64, 56, 256, 1, 1, 0, 1),
    ("3x3 64 at 56", 64, 56, 64, 3, 1, 1, 1),
    ("1x1 512-128 at 28", 512, 28, 128, 1, 1, 0, 1),
    ("3x3 128 at 28", 128, 28, 128, 3, 1, 1, 1),
    ("3x3/2 256 at 28", 256, 28, 256, 3, 2, 1, 1),
    ("3x3 256 at 14", 256, 14, 256, 3, 1, 1, 1),
    ("1x1 1024-256 at 14", 1024, 14, 256, 1, 1, 0, 1),
    ("3x3 512 at 7", 512, 7, 512, 3, 1, 1, 1),
    ("1x1 512-2048 at 7", 512, 7, 2048, 1, 1, 0, 1),
    ("5x5 6-16 at 14", 6, 14, 16, 5, 1, 0, 1),
    ("3x3/3 32 at 96", 32, 96, 32, 3, 3, 0, 1),
    ("3x3 depthwise 32 at 112", 32, 112, 32, 3, 1, 1, 32),
    ("3x3 depthwise 384 at 14", 384, 14, 384, 3, 1, 1, 384),
    ("3x3/2 depthwise 144 at 56", 144, 56, 144, 3, 2, 1, 144),
]


class Conv(ctypes.Structure):
    """`fc_conv` of csrc/fastconv.h."""

    _fields_ = (
        [(n, ctypes.c_int) for n in ("dtype", "layout", "padding_mode")]
        + [(n, ctypes.c_int64) for n in ("batch", "in_channels", "out_channels", "groups")]
        + [
            (n, TRIPLE)
            for n in ("input", "kernel", "stride", "dilation", "before", "after", "output")
        ]
        + [("clamp", ctypes.c_int), ("min", ctypes.c_double), ("max", ctypes.c_double)]
    )


class Call(ctypes.Structure):
    """`fc_call` of csrc/fastconv.h."""

    _fields_ = [
        ("threads", ctypes.c_int),
        ("interrupted", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    ]


def build(folder, isa, flags="", **defines):
    """Build the library with -DFC_TUNE_<NAME>=<value> and load it."""
    target = tempfile.mkdtemp(dir=folder)
    flags = " ".join([flags, *(f"-DFC_TUNE_{k}={v}" for k, v in defines.items())])
    subprocess.run(
        [
            "make",
            "-s",
            "-C",
            ROOT / "csrc",
            f"-j{os.cpu_count()}",
            f"build={target}",
            f"CFLAGS={flags}",
            "all",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    library = ctypes.CDLL(f"{target}/libfastconv.so")
    library.fc_conv_cost.restype = ctypes.c_double
    for function in (library.fc_conv_accepts, library.fc_algorithm_name, library.fc_isa):
        function.restype = ctypes.c_char_p
    if library.fc_select_isa(isa.encode() if isa else None):
        raise SystemExit(f"this CPU has no {isa}")
    return library


def coefficients(isa):
    """The names and values that the library is built with, as the preprocessor gives them."""
    header = ROOT / "csrc" / "kernels" / "tuning.h"
    command = ["cc", "-E", "-P", f"-DFC_ISA_{isa.upper()}", "-DFC_BITS=32", "-include", header, "-"]
    text = subprocess.run(
        command, input="FC_TUNE_COSTS", check=True, capture_output=True, text=True
    ).stdout
    found = re.findall(r"\.(\w+)\s*=\s*([\d.eE+-]+)", text)
    return {name: float(value) for name, value in found}


def algorithms(library, p):
    """(number, name) of those that serve the problem, "reference" excepted."""
    number = 0
    while (name := library.fc_algorithm_name(number).decode()) != "unknown":
        if name not in NOT_TIMED and library.fc_conv_accepts(ctypes.byref(p), number) is None:
            yield number, name
        number += 1


def problem(layer, layout="NCHW"):
    """The layer as the C API takes it, with its arrays."""
    _, c, size, k, kernel, stride, pad, groups = layer
    out = (size + 2 * pad - kernel) // stride + 1

    def spatial(value, depth):
        return TRIPLE(depth, value, value)

    geometry = spatial(size, 1), spatial(kernel, 1), spatial(stride, 1)
    p = Conv(0, LAYOUTS.index(layout), 0, 1, c, k, groups, *geometry)
    p.dilation, p.output = TRIPLE(1, 1, 1), spatial(out, 1)
    p.before, p.after = spatial(pad, 0), spatial(pad, 0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(c * size * size, dtype=np.float32)  # of either layout
    w = rng.standard_normal((k, c // groups, kernel, kernel), dtype=np.float32)
    return p, x, w, np.empty(k * out * out, np.float32)


def seconds(library, arrays, number):
    """The median time of a plan's call on one thread."""
    p, x, w, y = arrays
    plan = ctypes.c_void_p()
    pointer = lambda a: a.ctypes.data_as(ctypes.c_void_p)  # noqa: E731
    if library.fc_plan_create(ctypes.byref(p), number, pointer(w), None, ctypes.byref(plan)):
        raise RuntimeError(f"no plan for algorithm {number}")
    arguments = plan, pointer(x), pointer(y), ctypes.byref(Call(1, None, None))
    times = []
    for _ in range(15):
        begin = time.perf_counter()
        library.fc_plan_run(*arguments)
        times.append(time.perf_counter() - begin)
    library.fc_plan_destroy(plan)
    return statistics.median(times[3:])


def print_sizes(folder, isa):
    """A table for each size: GFLOP/s of every layer, with every algorithm."""
    for name, values in SIZES.items():
        libraries = [build(folder, isa, **{name: v}) for v in values]
        print(f"\n{name:38s}" + "".join(f"{v:>9d}" for v in values))
        for layer in LAYERS:
            arrays = problem(layer)
            gflop = 2e-9 * arrays[3].size * arrays[2][0].size
            for number, algorithm in algorithms(libraries[0], arrays[0]):
                rates = [gflop / seconds(library, arrays, number) for library in libraries]
                columns = "".join(f"{rate:9.0f}" for rate in rates)
                print(f"{layer[0]:28s} {algorithm:9s}{columns}", flush=True)


def predictions(libraries, p, number):
    """Nanoseconds that each library predicts."""
    return np.array([library.fc_conv_cost(ctypes.byref(p), number) * 1e9 for library in libraries])


def print_costs(folder, isa):
    """The coefficients of a least-squares fit (relative errors) of predicted to measured times.

    A prediction is linear in the coefficients, as long as they do not lead to another blocking:
    what each is multiplied by shows when it grows a little.
    """
    library = build(folder, isa)
    now = coefficients(isa or library.fc_isa().decode())
    values = np.array(list(now.values()))
    steps = STEP * np.where(values > 0, values, 1)
    stepped = []
    for more in np.diag(steps):
        pairs = zip(now, (values + more).tolist(), strict=True)
        text = ",".join(f".{name}={value!r}" for name, value in pairs)
        stepped.append(build(folder, isa, "-O0", COSTS=text))  # predicts, and runs nothing
    rows, fixed, measured, names = [], [], [], []
    for layer in LAYERS:
        for layout in LAYOUTS:
            arrays = problem(layer, layout)
            for number, algorithm in algorithms(library, arrays[0]):
                before, *after = predictions([library, *stepped], arrays[0], number)
                rows.append((np.array(after) - before) / steps)  # how often each is paid
                fixed.append(before - rows[-1] @ values)
                measured.append(seconds(library, arrays, number) * 1e9)
                names.append(f"{layer[0]} {layout} {algorithm}")
    rows, fixed, measured = np.array(rows), np.array(fixed), np.array(measured)
    fitted = np.any(rows > 0, axis=1)  # the others are predicted without these coefficients
    share = rows[fitted] / measured[fitted, None]
    best = nonnegative(share, 1 - fixed[fitted] / measured[fitted])
    for (name, value), fit in zip(now.items(), best, strict=True):
        print(f".{name} = {fit:.3g} (now {value:.3g})")
    for name, time_ns, predicted in zip(names, measured, rows @ best + fixed, strict=True):
        print(f"{name:42s} {time_ns / 1e3:9.1f} us measured, {predicted / 1e3:9.1f} us predicted")


def nonnegative(matrix, target, steps=20_000):
    """Least squares with coefficients >= 0, by coordinate descent."""
    x, gram, right = np.zeros(matrix.shape[1]), matrix.T @ matrix, matrix.T @ target
    for step in range(steps):
        i = step % len(x)
        if gram[i, i] > 0:
            x[i] = max(0.0, x[i] + (right[i] - gram[i] @ x) / gram[i, i])
    return x


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("sizes", "costs"))
    parser.add_argument(
        "--isa", default="", help="scalar, avx2, avx512 or neon; the best where left out"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"sizes": print_sizes, "costs": print_costs}[arguments.what](folder, arguments.isa)


if __name__ == "__main__":
    main()
