"""Sound as WAV: PCM of 8, 16, 24 and 32 bits, and floats of 32 and 64.

A signal goes down the rows; each column is a channel. A file is pieces of a name, a size and so
many bytes: "fmt " says how samples are stored, "data" holds them.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastconv.cli.errors import CommandError, reason
from fastconv.cli.filtering.content import Content

Array = np.ndarray

PCM, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE  # the formats' numbers; the last has its own further behind
STORED = {
    (PCM, 1): "u1",
    (PCM, 2): "<i2",
    (PCM, 3): "<i4",  # as an array
    (PCM, 4): "<i4",
    (FLOATS, 4): "<f4",
    (FLOATS, 8): "<f8",
}
TO_THE_END = 0xFFFFFFFF  # the size of a sound that was written to a pipe


class Form(NamedTuple):
    """How samples are stored: a key of `STORED`, the channels, and frames a second."""

    code: int
    width: int
    channels: int
    rate: int


# ---- Reading


def read_wav(path: Path) -> Content:
    """Read a sound."""
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    try:
        pieces = _pieces(data)
        form = _form(pieces.get(b"fmt ", data[:0]))
    except ValueError as error:
        raise CommandError(f"cannot read {path}: {error}") from error
    sound = pieces.get(b"data", data[:0])
    frame = form.channels * form.width
    whole = len(sound) // frame * frame
    if not whole:
        raise CommandError(f"cannot filter {path}: it holds no samples")
    samples = _unpacked(sound[:whole], form).reshape(-1, form.channels)
    about = {"rate": form.rate, "width": form.width}
    return Content(samples, _limits(form), about=about)


def _pieces(data: memoryview) -> dict[bytes, memoryview]:
    """Take the file apart, as far as the samples."""
    if len(data) < 12:
        raise ValueError("it ends too early")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it is not a WAV file")
    pieces: dict[bytes, memoryview] = {}
    place = 12
    while b"data" not in pieces and place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        there = len(data) - place - 8
        if size > there and not (name == b"data" and size == TO_THE_END):
            raise ValueError(f"it ends too early: {there} of {size} bytes are there")
        if name in (b"fmt ", b"data"):
            pieces.setdefault(name, data[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    return pieces


def _form(piece: memoryview) -> Form:
    if len(piece) < 16:
        raise ValueError("it ends too early, or does not say how its samples are stored")
    code, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", piece)
    if code == EXTENSIBLE and len(piece) >= 26:
        (code,) = struct.unpack_from("<H", piece, 24)
    width = (bits + 7) // 8
    if (code, width) not in STORED:
        raise ValueError(
            f"its samples are {bits} bits in format {code}; PCM of 8 to 32 bits (format 1) and "
            "floats of 32 and 64 (format 3) are read"
        )
    if not channels or frame != channels * width:
        raise ValueError(f"{channels} channels of {bits} bits do not make frames of {frame} bytes")
    return Form(code, width, channels, rate)


def _limits(form: Form) -> tuple[int, int] | None:
    if form.code == FLOATS:
        return None
    half = 2 ** (8 * form.width - 1)
    return (0, 255) if form.width == 1 else (-half, half - 1)


def _unpacked(data: memoryview, form: Form) -> Array:
    stored = STORED[form.code, form.width]
    if form.width != 3:
        return np.frombuffer(data, stored)
    padded = np.zeros((len(data) // 3, 4), np.uint8)  # the sign comes from the highest byte
    padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    samples: Array = padded.view(stored)[:, 0] >> 8
    return samples


# ---- Writing


def write_wav(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write a sound; with a stride at the lower rate, so that it lasts as long."""
    code = FLOATS if samples.dtype.kind == "f" else PCM
    rate = max(1, round(content.about["rate"] / stride))
    form = Form(code, content.about["width"], samples.shape[1], rate)
    data = np.ascontiguousarray(samples, STORED[form.code, form.width])
    if form.width == 3:
        data = np.ascontiguousarray(data.ravel().view(np.uint8).reshape(-1, 4)[:, :3])
    head = _head(form, data.nbytes)
    with open(path, "wb") as file:
        file.write(head)
        file.write(data.data)
        file.write(bytes(data.nbytes % 2))


def _head(form: Form, size: int) -> bytes:
    """Give all that stands before the samples."""
    frame = form.channels * form.width
    second = min(form.rate * frame, 2**32 - 1)
    numbers = (form.code, form.channels, form.rate, second, frame, 8 * form.width)
    pieces = b"fmt " + struct.pack("<IHHIIHH", 16, *numbers)
    if form.code == FLOATS:  # with the size of what follows, and the number of frames
        pieces = b"fmt " + struct.pack("<IHHIIHHH", 18, *numbers, 0)
        pieces += b"fact" + struct.pack("<II", 4, size // frame)
    whole = 4 + len(pieces) + 8 + size + size % 2
    if whole >= TO_THE_END:
        raise CommandError(f"a WAV file holds less than 4 GB, and the result has {size} bytes")
    return b"RIFF" + struct.pack("<I", whole) + b"WAVE" + pieces + b"data" + struct.pack("<I", size)
