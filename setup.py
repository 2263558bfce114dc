"""Builds fastconv._core: the C library of csrc/ and the Cython door to it.

The sources, the flags and which instruction sets an architecture has are those of csrc/Makefile:
each kernel is compiled once an instruction set. Nothing is compiled for the build machine's own
CPU (no -march=native): the library detects at run time what it may use. Environment:

- FASTCONV_WERROR=1  -Wall -Wextra -Werror for csrc/ (not for Cython's output);
- FASTCONV_JOBS=n    compile n files at a time (default: the CPUs).
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
CSRC = Path("csrc")  # setuptools wants paths relative to this file's folder, where it also runs
HEADER = CSRC / "fastconv.h"
DOOR = Path("fastconv/_door")  # what _core.pyx includes

C_FLAGS = [
    *("-std=c11", "-O2", "-funswitch-loops", "-g0", "-fPIC", "-pthread"),
    *("-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
    *("-fvisibility=hidden", "-ffp-contract=off", "-Wno-ignored-optimization-argument"),
]
# Files without an instruction set of their own, where little time is spent: see csrc/Makefile.
BASELINE_FLAGS = ["-D_GNU_SOURCE", "-fno-inline-functions"]
# Of these, what decides on a problem rather than computes it: made for size.
DECIDING = ("conv/blocking.c", "conv/cost.c", "conv/select.c", "conv/fourier*.c", "*_cut.c")
WERROR_FLAGS = ["-Wall", "-Wextra", "-Werror", "-Wno-pass-failed"]
ISA_FLAGS = {
    "scalar": [],
    "neon": [],
    "avx2": ["-mavx2", "-mfma", "-mprfchw"],
    "avx512": [
        *("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"),
        *("-mfma", "-mprfchw", "-mprefer-vector-width=512"),
    ],
}
ISAS = {  # by the last part of the platform's name, as linux-x86_64 and macosx-11.0-arm64
    "x86_64": ("scalar", "avx2", "avx512"),
    "aarch64": ("scalar", "neon"),
    "arm64": ("scalar", "neon"),
}
CYTHON_DIRECTIVES = {"language_level": 3, "embedsignature": True, "auto_pickle": False}
# The door is made for size: a third smaller than with -O2, and calls take as long within 0.05 us.
CORE_FLAGS = ["-Os", "-g0", "-fno-asynchronous-unwind-tables", "-fvisibility=hidden", "-pthread"]


def version():
    """The version, from the one place that has it."""
    return re.search(r'#define FC_VERSION "([^"]+)"', (ROOT / HEADER).read_text()).group(1)


def is_on(name):
    return os.environ.get(name, "") not in ("", "0")


def units(platform):
    """Every C source to compile, with the flags that are its own."""
    isas = ISAS.get(platform.rsplit("-", 1)[-1], ("scalar",))
    for source in sorted(CSRC.rglob("*.c")):
        if source.parent.name != "isa":
            decides = any(source.match(name) for name in DECIDING)
            yield str(source), BASELINE_FLAGS + (["-Os"] if decides else [])
        elif (isa := source.stem.split("_")[0]) in isas:
            yield str(source), ISA_FLAGS[isa]


class BuildExtension(build_ext):
    """Compiles csrc/, each file with its own flags and several at a time, into the extension."""

    def build_extension(self, ext):
        from Cython.Build import cythonize

        ext.extra_objects = self.compile_library()
        (generated,) = cythonize(
            [ext],
            build_dir=os.path.join(self.build_temp, "cython"),
            compiler_directives=CYTHON_DIRECTIVES,
            force=self.force,
        )
        ext.sources = generated.sources
        super().build_extension(ext)

    def compile_library(self):
        flags = C_FLAGS + (WERROR_FLAGS if is_on("FASTCONV_WERROR") else [])
        newest = max(path.stat().st_mtime for path in (*CSRC.rglob("*.[chi]*"), Path("setup.py")))
        todo, objects = [], []
        for source, own in units(self.plat_name):
            (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
            objects.append(target)
            # Made here: the compiler class would make folders from several threads at once.
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if self.force or not os.path.exists(target) or os.path.getmtime(target) <= newest:
                todo.append((source, flags + own))

        def compile_one(unit):
            self.compiler.compile([unit[0]], output_dir=self.build_temp, extra_postargs=unit[1])

        jobs = int(os.environ.get("FASTCONV_JOBS") or os.cpu_count() or 1)
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(compile_one, todo))  # list: raises what a compilation raised
        return objects


class BuildPython(build_py):
    """Adds the C header to the package, for `fastconv.get_include()`.

    An editable install has it in csrc/.
    """

    def header_target(self):
        return os.path.join(self.build_lib, "fastconv", "include", "fastconv.h")

    def run(self):
        super().run()
        if not self.editable_mode:
            self.mkpath(os.path.dirname(self.header_target()))
            self.copy_file(str(HEADER), self.header_target())

    def get_outputs(self, include_bytecode=1):
        outputs = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, self.header_target()]


def core():
    try:
        from numpy import get_include
    except ImportError:  # only metadata is asked for: building has NumPy, by pyproject.toml
        numpy_include = []
    else:
        numpy_include = [get_include()]
    return Extension(
        "fastconv._core",
        sources=["fastconv/_core.pyx"],
        include_dirs=[str(CSRC), *numpy_include],
        depends=[str(path) for path in (*sorted(CSRC.rglob("*.[chi]*")), *sorted(DOOR.iterdir()))],
        extra_compile_args=CORE_FLAGS,
        extra_link_args=["-pthread", "-lm", *(["-Wl,-s"] if os.uname().sysname == "Linux" else [])],
    )


setup(
    version=version(),
    ext_modules=[core()],
    cmdclass={"build_ext": BuildExtension, "build_py": BuildPython},
)
