"""Files for the tests of ``fastconv filter``, the command itself, and what its results must be."""

import os
import re
import struct
import wave
import zlib

import numpy as np
import pytest

from fastconv import cli

ndimage = pytest.importorskip("scipy.ndimage")
RNG = np.random.default_rng(0)


def bytes_image(*shape, dtype=np.uint8):
    """A smooth image with all values and some noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    most = np.iinfo(dtype).max
    waves = 0.5 + 0.3 * np.sin(x / 5) + 0.2 * np.cos(y / 3)
    planes = np.stack([waves, waves[::-1], 1 - waves, waves[:, ::-1]], axis=-1)
    planes = planes + RNG.normal(0, 0.05, planes.shape)
    image = np.clip(planes * most, 0, most).astype(dtype)
    return image[..., 0] if len(shape) == 2 else image[..., : shape[2]]


def expected(image, kernel, mode="reflect", stride=1):
    """Every channel by itself with SciPy, rounded and clipped as the image's type asks."""
    planes = image[..., None] if image.ndim == kernel.ndim else image
    sums = [
        ndimage.correlate(planes[..., c].astype(float), kernel, mode=mode)
        for c in range(planes.shape[-1])
    ]
    every = (slice(None, None, stride),) * kernel.ndim
    result = np.stack(sums, axis=-1)[every].reshape(
        *sums[0][every].shape, *image.shape[kernel.ndim :]
    )
    if image.dtype.kind == "f":
        return result
    limits = np.iinfo(image.dtype)
    return np.clip(np.rint(result), limits.min, limits.max).astype(image.dtype)


def run(*arguments):
    """Run the command, which must succeed."""
    assert cli.main(["filter", *map(str, arguments)]) == 0


def one_line(capsys, *arguments):
    """Run the command, which must fail in one line and leave nothing behind."""
    before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
    try:
        code = cli.main(["filter", *map(str, arguments)])
    except SystemExit as exit_:
        code = exit_.code
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert re.match("fastconv( filter)?: error: ", printed.err)
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    assert {name: os.stat(name).st_mtime_ns for name in os.listdir()} == before
    return printed.err


def off_by_one_at_most(got, wanted):
    """Roundings may differ where a sum is half-way."""
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    difference = np.abs(got.astype(np.int64) - wanted)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def write_deep_png(path, samples, extra=None, transparent=None):
    """Write a PNG file of 16 bits, row by row with each of the five filters of the standard."""
    height, width, channels = samples.shape
    step = 2 * channels
    rows = samples.astype(">u2").view(np.uint8).reshape(height, -1).astype(np.int64)
    stored = b""
    for y, row in enumerate(rows):
        up = rows[y - 1] if y else np.zeros_like(row)
        left = np.concatenate([np.zeros(step, np.int64), row[:-step]])
        corner = np.concatenate([np.zeros(step, np.int64), up[:-step]])
        slope = left + up - corner
        apart = np.abs(np.stack([left, up, corner]) - slope)
        paeth = np.choose(apart.argmin(axis=0), [left, up, corner])
        kind = y % 5
        predicted = [0 * row, left, up, (left + up) // 2, paeth][kind]
        stored += bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))]
    chunks += [(b"iCCP", b"a\0\0" + zlib.compress(extra))] if extra else []
    chunks += [(b"tRNS", np.array(transparent, ">u2").tobytes())] if transparent else []
    chunks += [(b"IDAT", zlib.compress(stored)), (b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks:
            file.write(struct.pack(">I", len(data)) + name + data)
            file.write(struct.pack(">I", zlib.crc32(name + data)))


def write_wav(path, samples, width, rate=8000):
    data = samples.astype("<i4").view(np.uint8).reshape(*samples.shape, 4)[..., :width]
    data = samples.astype(np.uint8) if width == 1 else data
    with wave.open(path, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(data).tobytes())


def read_wav(path):
    with wave.open(path, "rb") as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        data = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
        rate = file.getframerate()
    if width == 1:
        return data.reshape(-1, channels).astype(np.int64), rate
    padded = np.zeros((len(data) // width, 4), np.uint8)
    padded[:, 4 - width :] = data.reshape(-1, width)
    return (padded.view("<i4").reshape(-1, channels) >> (32 - 8 * width)).astype(np.int64), rate
