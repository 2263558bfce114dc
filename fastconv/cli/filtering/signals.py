"""Signals: sound as WAV, tables as CSV. A signal goes down the rows; each column is a channel."""

import csv
import io
import wave
from pathlib import Path

import numpy as np

from fastconv.cli.errors import CommandError
from fastconv.cli.filtering.content import Content

Array = np.ndarray

STORED = {1: "u1", 2: "<i2", 3: "<i4", 4: "<i4"}  # as arrays, by the bytes of a sample
DELIMITERS = ",;\t"


# ---- WAV


def read_wav(path: Path) -> Content:
    """Read a sound of 8, 16, 24 or 32 bits."""
    try:
        with wave.open(io.BytesIO(_plain(path.read_bytes())), "rb") as file:
            channels, width, rate, count = file.getparams()[:4]
            data = file.readframes(count)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror or error}") from error
    except (wave.Error, EOFError, RuntimeError) as error:
        reason = str(error) or "it ends too early"
        raise CommandError(f"cannot read {path}: {reason} (PCM of 8 to 32 bits is read)") from error
    if width not in STORED:
        raise CommandError(f"cannot read {path}: it has {width} bytes a sample, not 1 to 4")
    whole = len(data) // (channels * width) * channels * width
    if not whole:
        raise CommandError(f"cannot filter {path}: it holds no samples")
    samples = _unpacked(data[:whole], width).reshape(-1, channels)
    limits = (0, 255) if width == 1 else (-(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    return Content(samples, limits, about={"rate": rate, "width": width})


def _plain(data: bytes) -> bytes:
    """Give PCM in the extensible format, as 24 bits mostly are, the format number of plain PCM.

    The module wave knows it only from Python 3.12 on.
    """
    start = data.find(b"fmt ", 0, 4096) + 8
    if data[start : start + 2] == b"\xfe\xff" and data[start + 24 : start + 26] == b"\1\0":
        return data[:start] + b"\1\0" + data[start + 2 :]
    return data


def _unpacked(data: bytes, width: int) -> Array:
    if width != 3:
        return np.frombuffer(data, STORED[width])
    padded = np.zeros((len(data) // 3, 4), np.uint8)  # the sign comes from the highest byte
    padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    samples: Array = padded.view("<i4")[:, 0] >> 8
    return samples


def write_wav(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write a sound; with a stride at the lower rate, so that it lasts as long."""
    width = content.about["width"]
    data = np.ascontiguousarray(samples, STORED[width])
    if width == 3:
        data = data.ravel().view(np.uint8).reshape(-1, 4)[:, :3]
    with wave.open(path, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(max(1, round(content.about["rate"] / stride)))
        file.writeframes(data.tobytes())


# ---- CSV


def read_csv(path: Path) -> Content:
    """Read a table: a column a channel, perhaps with names above; or one row, a signal."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"cannot read {path}: it is not text in UTF-8") from error
    first = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        rows = [(n, row) for n, row in _rows(text, delimiter) if any(map(str.strip, row))]
    except csv.Error as error:
        raise CommandError(f"cannot read {path}: {error}") from error
    header = rows.pop(0)[1] if rows and not any(map(_is_number, rows[0][1])) else None
    if not rows:
        raise CommandError(f"cannot filter {path}: it holds no numbers")
    columns = len(header or rows[0][1])
    samples = np.array([_numbers(path, line, row, columns) for line, row in rows])
    about = {"header": header, "delimiter": delimiter, "lying": False}
    if header is None and len(samples) == 1:  # a signal in a row
        samples, about["lying"] = samples.T, True
    return Content(samples, about=about)


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [(reader.line_num, row) for row in reader]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(path: Path, line: int, row: list[str], columns: int) -> list[float]:
    if len(row) != columns:
        raise CommandError(f"cannot read {path}: line {line} has {len(row)} cells, not {columns}")
    for cell in row:
        if not _is_number(cell):
            raise CommandError(f"cannot read {path}: line {line}: {cell[:80]!r} is not a number")
    return [float(cell) for cell in row]


def write_csv(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write a table as it was read; numbers so that reading gives them back."""
    if content.about.get("lying"):
        samples = samples.T
    with open(path, "w", encoding="utf-8", newline="") as file:
        delimiter = content.about.get("delimiter", ",")
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        if content.about.get("header"):
            writer.writerow(content.about["header"])
        writer.writerows(samples.tolist())
