"""``fastconv filter``: a kernel over an image, a signal or an array in a file."""

import argparse
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import numpy as np

from fastconv import filters
from fastconv.cli.errors import CommandError, reason

SUMMARY = "filter an image, a sound, a table or an array in a file"
DESCRIPTION = """\
Lay a kernel over every place of an image or a signal, and write the weighted sums (as printed: a
cross-correlation).

  fastconv filter photo.jpg edges.png --kernel sobel_x --magnitude
  fastconv filter photo.png smooth.png --kernel gaussian:2.0 --compare sheet.png
  fastconv filter scan.tif out.npy --kernel "1 0 -1; 1 0 -1; 1 0 -1" --mode nearest
  fastconv filter speech.wav calm.wav --kernel moving_average:5
  fastconv filter large.npy out.npy --kernel box:31 --tiles

Images are PNG, JPEG and TIFF of 8 and 16 bits (TIFF of floats too), grey or in colours, one to a
file; signals are WAV (PCM of 8 to 32 bits, floats) and CSV (a column a signal). .npy holds either,
the colours of an image on a last axis of up to 4; or a volume. Every channel is filtered by itself,
and transparency is kept; a palette and CMYK become RGB. Images and sounds keep their type: sums are
rounded, and clipped where they do not fit. Files of floats, .npy and .csv get the sums themselves.

{names}
A name's arguments stand behind a colon, as in gaussian:2.0, laplacian:8 and gabor:0.1,theta=0.8.
Weights that begin with a minus and have no blanks need an equals sign: --kernel=-1,0,1.

--tiles takes little memory whatever the file's size. It goes from .npy and uncompressed TIFF files
to .npy and TIFF files; the others are compressed as a whole.

Needs Pillow, tifffile and matplotlib for images and sheets: pip install "fastconv[filter]".

Exit codes: 0 done, 2 an error, 130 interrupted. OUT is there when all is done, or not at all."""
DESCRIPTION = DESCRIPTION.format(
    names=textwrap.fill(f"Kernels by name: {', '.join(filters.NAMES)}.", width=100)
)
MODES = (
    *("reflect", "constant", "nearest", "mirror", "wrap"),
    *("grid-mirror", "grid-constant", "grid-wrap"),
)
MOST = 10**9


def _stride(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST}")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("source", type=Path, metavar="IN", help="the file to read")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write")
    parser.add_argument(
        "--kernel",
        required=True,
        metavar="KERNEL",
        help="a name, FILE.npy, or the weights, rows separated by semicolons",
    )
    parser.add_argument(
        "--mode",
        choices=MODES,
        default="reflect",
        metavar="MODE",
        help="what is beyond the edge: %(choices)s, as in SciPy (default: %(default)s)",
    )
    parser.add_argument(
        "--magnitude",
        action="store_true",
        help="the root of the sum of the squares of what the kernel and its transpose give; "
        "of a signal the absolute value",
    )
    parser.add_argument(
        "--stride",
        type=_stride,
        default=1,
        metavar="N",
        help="keep every Nth row and column (default: 1)",
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="SHEET",
        help="also draw before, kernel and after (.png, .jpg, .pdf or .svg)",
    )
    parser.add_argument(
        "--tiles",
        action="store_true",
        help="strip by strip, for files larger than the memory: from .npy and uncompressed .tif "
        "to .npy and .tif",
    )


def _checked_places(arguments: argparse.Namespace) -> None:
    """Say early what would go wrong late."""
    from fastconv.cli.filtering import formats, sheet

    source, target, compare = arguments.source, arguments.target, arguments.compare
    formats.ending(target, "OUT")
    if compare is not None:
        sheet.check(compare)
        if os.path.realpath(compare) in map(os.path.realpath, (source, target)):
            raise CommandError(f"--compare {compare}: the sheet needs a file of its own")
    for place in filter(None, (target, compare)):
        _check_place(place)


def _check_place(place: Path) -> None:
    """Say if a file cannot be put there, or would take the place of what is no file."""
    try:
        if not place.parent.is_dir():
            raise CommandError(f"cannot write {place}: there is no folder {place.parent}")
        if place.is_dir():
            raise CommandError(f"cannot write {place}: it is a folder")
        if place.exists() and not place.is_file():  # a device, a pipe
            raise CommandError(f"cannot write {place}: it is not a plain file")
        if place.exists() and not os.access(place, os.W_OK):  # replacing it would not ask
            raise CommandError(f"cannot write {place}: it is write-protected")
        place.resolve()
    except (OSError, RuntimeError) as error:  # names that are too long, links in a circle
        raise CommandError(f"cannot write {place}: {reason(error)}") from error


@contextmanager
def _unwinding() -> Iterator[None]:
    """Where the process is told to end, end as after Ctrl-C: temporary files are removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _filter(arguments: argparse.Namespace) -> float:
    """Read, filter and write; give the share of the values that were clipped."""
    from fastconv.cli.filtering import formats, kernels, sheet, strips
    from fastconv.nn.state_io import replacing

    target, tiles = arguments.target, arguments.tiles
    suffix = formats.ending(target, "OUT")
    content = formats.read(arguments.source, kernels.known_axes(arguments.kernel), tiles)
    axes = len(content.space)
    kernel = kernels.read_kernel(arguments.kernel, axes)
    for option in ("magnitude", "compare"):
        if axes > 2 and getattr(arguments, option):
            raise CommandError(f"--{option} is of images and signals, not arrays of {axes} axes")
    dtype = formats.FORMATS[suffix].dtype(content)
    shape = strips.result_shape(content, arguments.stride)
    used = strips.partners(kernel, arguments.magnitude)
    options = (arguments.mode, arguments.stride, arguments.magnitude, tiles)
    with ExitStack() as files:
        temporary = files.enter_context(replacing(target))
        if tiles:
            result = formats.create(temporary, suffix, shape, dtype, content)
        else:
            result = np.empty(shape, dtype)
        clipped = strips.fill(result, content, used, *options)
        if not tiles:
            formats.FORMATS[suffix].write(temporary, result, content, arguments.stride)
        if arguments.compare is not None:
            drawn = files.enter_context(replacing(arguments.compare))
            titles = [arguments.source.name, kernels.shown(arguments.kernel), target.name]
            sheet.write(drawn, arguments.compare, content, result, kernel, titles)
    return clipped


def run(arguments: argparse.Namespace) -> int:
    """Filter, and say what was written."""
    _checked_places(arguments)
    try:
        with _unwinding():
            clipped = _filter(arguments)
    except OSError as error:
        raise CommandError(f"cannot write {arguments.target}: {reason(error)}") from error
    except MemoryError as error:
        raise CommandError(
            f"not enough memory for {arguments.source}: --tiles goes strip by strip"
        ) from error
    if clipped:
        print(
            f"note: {100 * clipped:.2g}% of the values did not fit and were clipped; "
            "an OUT that ends in .npy keeps them",
            file=sys.stderr,
        )
    written = [arguments.target, *([arguments.compare] if arguments.compare else [])]
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # which may lack a name's letters
    names = ", ".join(map(str, written)).encode(encoding, "backslashreplace")
    print("written:", names.decode(encoding))
    return 0
