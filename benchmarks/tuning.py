"""Measure again csrc/kernels/tuning.h and fft_tuning.h: block sizes, the cost model's coefficients.

    python benchmarks/tuning.py sizes [--isa avx512]     GFLOP/s of layers for other block sizes
    python benchmarks/tuning.py costs [--isa avx512]     the coefficients that fit best
    python benchmarks/tuning.py fourier [--isa avx512]   the same for Fourier transforms

The C library is built for every value (`make -C csrc`, with -DFC_TUNE_... in CFLAGS) in a temporary
folder and called through ctypes, on one thread. Run it with nothing else running; some minutes.

The algorithms are those that the library names, and the coefficients those of FC_TUNE_COSTS (of
FC_TUNE_FOURIER_...): a new one of either needs no change here. `fastconv bench --selection` says
what the coefficients are worth, on layers that they were not fitted to.
"""

import argparse
import ctypes
import itertools
import math
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
DOUBLES = {"avx512": 8, "avx2": 4}  # of a vector; 2 in the others
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

# The same for transforms: small and large tiles, of images, lines and volumes; few channels, of
# which weights and spectra stay in a cache, and many.
FOURIER_LAYERS = [
    ("5x5 1 at 32", 1, 32, 1, 5, 1, 2, 1),
    ("9x9 1 at 64", 1, 64, 1, 9, 1, 4, 1),
    ("13x13 1 at 224", 1, 224, 1, 13, 1, 6, 1),
    ("31x31 1 at 512", 1, 512, 1, 31, 1, 15, 1),
    ("201x201 1 at 600", 1, 600, 1, 201, 1, 100, 1),
    ("7x7 depthwise 96 at 56", 96, 56, 96, 7, 1, 3, 96),
    ("13x13 depthwise 64 at 14", 64, 14, 64, 13, 1, 6, 64),
    ("31x31 depthwise 64 at 56", 64, 56, 64, 31, 1, 15, 64),
    ("15x15 3-8 at 224", 3, 224, 8, 15, 1, 7, 1),
    ("11x11 16 at 112", 16, 112, 16, 11, 1, 5, 1),
    ("21x21 32 at 56", 32, 56, 32, 21, 1, 10, 1),
    ("11x11 64 at 56", 64, 56, 64, 11, 1, 5, 1),
    ("9x9 48-64 at 28", 48, 28, 64, 9, 1, 4, 1),
    ("64 of a line of 2000", 1, (1, 1, 2000), 1, (1, 1, 64), 1, 0, 1),
    ("500 of a line of 100000", 1, (1, 1, 100_000), 1, (1, 1, 500), 1, 0, 1),
    ("20000 of a line of 300000", 1, (1, 1, 300_000), 1, (1, 1, 20_000), 1, 0, 1),
    ("256 of 16 lines of 8000", 16, (1, 1, 8000), 16, (1, 1, 256), 1, 0, 16),
    ("128 of lines of 4000, 8-8", 8, (1, 1, 4000), 8, (1, 1, 128), 1, 0, 1),
    ("7x7x7 1 at 48", 1, (48, 48, 48), 1, (7, 7, 7), 1, 0, 1),
    ("5x5x5 1 at 64", 1, (64, 64, 64), 1, (5, 5, 5), 1, 2, 1),
    ("9x9x9 8 depthwise at 32", 8, (32, 32, 32), 8, (9, 9, 9), 1, 4, 8),
    ("5x9x9 4-4 at 32", 4, (32, 32, 32), 4, (5, 9, 9), 1, 0, 1),
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


def coefficients(isa, macro):
    """The names and values of a macro that the library is built with, from the preprocessor."""
    headers = []
    for name in ("tuning.h", "fft_tuning.h"):
        headers += ["-include", ROOT / "csrc" / "kernels" / name]
    command = ["cc", "-E", "-P", f"-DFC_ISA_{isa.upper()}", "-DFC_BITS=32", *headers, "-"]
    text = subprocess.run(
        command, input=f"FC_TUNE_{macro}", check=True, capture_output=True, text=True
    ).stdout
    found = re.findall(r"\.(\w+)\s*=\s*([\d.eE+-]+)", text)
    return {name: float(value) for name, value in found}


def algorithms(library, p):
    """(number, name) of those that serve the problem; not "reference"."""
    number = 0
    while (name := library.fc_algorithm_name(number).decode()) != "unknown":
        if name not in NOT_TIMED and library.fc_conv_accepts(ctypes.byref(p), number) is None:
            yield number, name
        number += 1


def problem(layer, layout="NCHW"):
    """The layer as the C API takes it, with its arrays."""
    _, c, size, k, kernel, stride, pad, groups = layer

    def spatial(value, depth):
        return value if isinstance(value, tuple) else (depth, value, value)

    sizes, kernels, strides = spatial(size, 1), spatial(kernel, 1), spatial(stride, 1)
    pads = spatial(pad, pad if sizes[0] > 1 else 0)
    outs = [
        (n + 2 * around - taps) // step + 1
        for n, around, taps, step in zip(sizes, pads, kernels, strides, strict=True)
    ]
    geometry = TRIPLE(*sizes), TRIPLE(*kernels), TRIPLE(*strides)
    p = Conv(0, LAYOUTS.index(layout), 0, 1, c, k, groups, *geometry)
    p.dilation, p.output = TRIPLE(1, 1, 1), TRIPLE(*outs)
    p.before, p.after = TRIPLE(*pads), TRIPLE(*pads)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(c * math.prod(sizes), dtype=np.float32)  # of either layout
    w = rng.standard_normal((k, c // groups, *kernels), dtype=np.float32)
    return p, x, w, np.empty(k * math.prod(outs), np.float32)


def seconds(library, arrays, number, planned=True):
    """The median time of a plan's call, or of one without a plan, on one thread."""
    p, x, w, y = arrays
    plan = ctypes.c_void_p()
    pointer = lambda a: a.ctypes.data_as(ctypes.c_void_p)  # noqa: E731
    if library.fc_plan_create(ctypes.byref(p), number, pointer(w), None, ctypes.byref(plan)):
        raise RuntimeError(f"no plan for algorithm {number}")
    call = ctypes.byref(Call(1, None, None))
    run, arguments = library.fc_plan_run, (plan, pointer(x), pointer(y), call)
    if not planned:
        run = library.fc_conv_forward
        arguments = ctypes.byref(p), number, pointer(x), pointer(w), None, pointer(y), call
    times = []
    for _ in range(15):
        begin = time.perf_counter()
        run(*arguments)
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


def predictions(libraries, p, number, planned=True):
    """Nanoseconds that each library predicts."""
    arguments = ctypes.byref(p), number, planned
    return np.array([library.fc_conv_cost(*arguments) * 1e9 for library in libraries])


def print_costs(folder, isa):
    """The coefficients of all algorithms but transforms, from plans."""
    cases = itertools.product(LAYERS, LAYOUTS, [True])
    print_fit(folder, isa, "COSTS", cases, lambda name: name != "fft")


def print_fourier(folder, isa):
    """Those of transforms, from plans and calls without one."""
    cases = itertools.product(FOURIER_LAYERS, LAYOUTS, (True, False))
    print_fit(folder, isa, "FOURIER_{doubles}", cases, lambda name: name == "fft")


def print_fit(folder, isa, macro, cases, wanted):
    """The coefficients of a least-squares fit (relative errors) of predicted to measured times.

    A prediction is linear in the coefficients, as long as they do not lead to another blocking:
    what each is multiplied by shows when it grows a little.
    """
    library = build(folder, isa)
    isa = isa or library.fc_isa().decode()
    macro = macro.format(doubles=DOUBLES.get(isa, 2))
    now = coefficients(isa, macro)
    values = np.array(list(now.values()))
    steps = STEP * np.where(values > 0, values, 1)
    stepped = []
    for more in np.diag(steps):
        pairs = zip(now, (values + more).tolist(), strict=True)
        text = ",".join(f".{name}={value!r}" for name, value in pairs)
        stepped.append(build(folder, isa, "-O0", **{macro: text}))  # predicts, and runs nothing
    rows, fixed, measured, names = [], [], [], []
    for layer, layout, planned in cases:
        arrays = problem(layer, layout)
        for number, algorithm in algorithms(library, arrays[0]):
            if not wanted(algorithm):
                continue
            before, *after = predictions([library, *stepped], arrays[0], number, planned)
            rows.append((np.array(after) - before) / steps)  # how often each is paid
            fixed.append(before - rows[-1] @ values)
            measured.append(seconds(library, arrays, number, planned) * 1e9)
            names.append(f"{layer[0]} {layout} {algorithm if planned else 'call'}")
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
    parser.add_argument("what", choices=("sizes", "costs", "fourier"))
    parser.add_argument(
        "--isa", default="", help="scalar, avx2, avx512 or neon; the best where left out"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prints = {"sizes": print_sizes, "costs": print_costs, "fourier": print_fourier}
        prints[arguments.what](folder, arguments.isa)


if __name__ == "__main__":
    main()
