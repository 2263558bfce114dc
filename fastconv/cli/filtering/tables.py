"""Tables as CSV: a signal goes down the rows; each column is a channel."""

import csv
import io
from pathlib import Path

import numpy as np

from fastconv.cli.errors import CommandError, reason
from fastconv.cli.filtering.content import Content

Array = np.ndarray

DELIMITERS = ",;\t"


def read_csv(path: Path) -> Content:
    """Read a table: a column a channel, perhaps with names above; or one row, a signal."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
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
