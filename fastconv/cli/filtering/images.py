"""PNG, JPEG and TIFF through Pillow and tifffile, with all the bits that the file has."""

import io
import logging
import math
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO

import numpy as np

from fastconv.cli.errors import CommandError, reason
from fastconv.cli.extras import require
from fastconv.cli.filtering.content import Content, of_array
from fastconv.cli.writing import at_once

Array = np.ndarray

MODES = {
    "1": "L",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
"""What Pillow turns a mode into; palettes into their colours."""
WITH_ALPHA = {"P": "RGBA", "1": "LA", "L": "LA", "RGB": "RGBA"}
"""The same where one colour is marked as transparent."""
DEEP_PNG = {2: "RGB", 4: "LA", 6: "RGBA"}
"""The colour types of PNG of which Pillow gives 8 of 16 bits."""
QUALITY = 95  # of JPEG
MOST_JPEG = 65500  # pixels a side, of libjpeg
MOST_CHUNK = 2**30  # bytes of a PNG file's piece, whose size is less than 2**31


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the libraries raise on damaged files, which is anything, into one line."""
    with _a_place_for_words() as words:
        try:
            with _standard_error_into(words), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (CommandError, MemoryError):
            raise
        except Exception as error:
            said = reason(error)
            if said.startswith("decoder error"):  # and a number, of Pillow
                said = f"it is damaged: {_first_line(words) or said}"
            raise CommandError(f"cannot read {path}: {said}") from error
        if said := _first_line(words):
            print(f"note: {path} may be damaged: {said}", file=sys.stderr)


def _a_place_for_words() -> IO[bytes]:
    try:
        return TemporaryFile()
    except OSError:  # there is no folder for it: what is said is lost
        return open(os.devnull, "w+b")


@contextmanager
def _standard_error_into(words: IO[bytes]) -> Iterator[None]:
    """Keep what libtiff writes there itself; what tifffile and Pillow log is dropped."""
    with ExitStack() as restored:
        for logger in map(logging.getLogger, ("tifffile", "PIL")):
            restored.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        if sys.__stderr__ is not None:  # if it was closed, 2 may be any file
            kept = os.dup(2)
            restored.callback(os.close, kept)
            restored.callback(os.dup2, kept, 2)
            os.dup2(words.fileno(), 2)
        yield


def _first_line(words: IO[bytes]) -> str:
    words.seek(0)
    line = words.readline(200).decode(errors="replace").strip()
    return line.removeprefix("tempfile.tif: ")  # as Pillow names to libtiff whatever it reads


# ---- Reading with Pillow


def read(path: Path) -> Content:
    """Read a PNG or JPEG file."""
    with _reading(path), path.open("rb") as file:
        deep = _deep_png_mode(file)
        file.seek(0)
        return _opened(path, file, deep)


def _deep_png_mode(file: BinaryIO) -> str | None:
    """Give the mode of a PNG file of colours of 16 bits, of which Pillow shows the upper 8."""
    head = file.read(26)
    if not head.startswith(b"\x89PNG\r\n\x1a\n") or len(head) < 26 or head[24] != 16:
        return None
    return DEEP_PNG.get(head[25])


def _opened(path: Path, file: BinaryIO, deep: str | None) -> Content:
    (pillow,) = require("PIL.Image", extra="filter")
    try:
        opened = pillow.open(file)
    except pillow.UnidentifiedImageError:
        raise CommandError(f"cannot read {path}: cannot identify it as an image") from None
    with opened as image:
        # A camera's file (MPO) has its picture first, and then smaller ones of the same.
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            raise CommandError(f"cannot filter {path}: it holds {image.n_frames} pictures, not one")
        marked, orientation = image.info.get("transparency"), _orientation(image)
        profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
        if deep == "LA":
            pixels = _deep_grey_with_alpha(pillow, file)
        elif deep:
            pixels = _deep_colours(pillow, image, file, deep)
        else:
            pixels = _shallow(image)
        if marked is not None and pixels.dtype == np.uint16:
            pixels = _with_alpha(pixels, marked)
        alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
        return _content(_upright(pixels, orientation), alpha, profile)


def _shallow(image: Any) -> Array:
    """Give what Pillow reads with all its bits, palettes and the like as colours."""
    mode = MODES.get(image.mode, image.mode)
    if "transparency" in image.info:
        mode = WITH_ALPHA.get(image.mode, mode)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels.astype(np.uint8) if pixels.dtype.kind == "b" else pixels


def _deep_colours(pillow: Any, image: Any, file: BinaryIO, mode: str) -> Array:
    """Read twice, as Pillow gives one byte of two: the upper ones, then, in disguise, the lower.

    In the raw mode of little-endian files it takes the second byte of each pair.
    """
    upper = np.asarray(image).astype(np.uint16)
    file.seek(0)
    with pillow.open(file) as again:
        again.tile = [(*tile[:3], f"{mode};16L") for tile in again.tile]
        lower = np.asarray(again)
    pixels: Array = upper << 8 | lower
    return pixels


def _deep_grey_with_alpha(pillow: Any, file: BinaryIO) -> Array:
    """Read a pixel of two samples of 16 bits as one of four of 8: it is stored in the same way."""
    file.seek(0)
    data = bytearray(file.read())
    data[24:26] = 8, 6  # bits and the type of colours, RGB with transparency
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pillow.open(io.BytesIO(data)) as again:
        pixels: Array = np.asarray(again).view(">u2").astype(np.uint16)
    return pixels


def _with_alpha(pixels: Array, marked: Any) -> Array:
    """Make the one colour that a PNG file marks transparent."""
    planes = pixels if pixels.ndim == 3 else pixels[..., None]
    opaque = (planes != np.asarray(marked)).any(axis=-1, keepdims=True)
    return np.concatenate([planes, opaque.astype(pixels.dtype) * 0xFFFF], axis=-1)


def _orientation(image: Any) -> int:
    return int(image.getexif().get(0x0112, 1))


def _upright(pixels: Array, orientation: int) -> Array:
    """Turn and mirror as a camera's note says (EXIF's and TIFF's orientation)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def _content(pixels: Array, alpha: bool, profile: bytes | None) -> Content:
    flat = pixels.ndim == 2
    return of_array(
        pixels[..., None] if flat else pixels, flat=flat, alpha=alpha, about={"profile": profile}
    )


# ---- TIFF


def read_tiff(path: Path, mapped: bool) -> Content:
    """Read a TIFF file of one page; or map it, if its pixels lie there one after another."""
    (tifffile,) = require("tifffile", extra="filter")
    with _reading(path), tifffile.TiffFile(path) as file:
        if not file.pages:
            raise CommandError(f"cannot read {path}: it is damaged: no picture is found in it")
        if len(file.pages) != 1:
            raise CommandError(f"cannot filter {path}: it holds {len(file.pages)} pages, not one")
        page = file.pages[0]
        pieces = math.prod(page.chunked)
        if not pieces or len(page.dataoffsets) < pieces:
            raise CommandError(
                f"cannot read {path}: it says that it has {pieces} pieces, and has "
                f"{len(page.dataoffsets)}"
            )
        ours = _is_plain(page)
        if mapped:
            if not (ours and page.is_memmappable):
                raise CommandError(
                    f"--tiles: the pixels of {path} are compressed, or not stored as they are; "
                    "without --tiles it can be read"
                )
            return _tiff_content(tifffile.memmap(path, mode="r"), page)
        if ours:
            try:
                return _tiff_content(page.asarray(), page)
            except ValueError:  # a compression that tifffile needs another package for
                if page.samplesperpixel > 1 and page.bitspersample != 8:
                    raise
    return read(path)


def _is_plain(page: Any) -> bool:
    """Tell grey and RGB pixels of whole bytes, which need no conversion."""
    whole = page.dtype is not None and page.bitspersample == 8 * page.dtype.itemsize
    return (
        whole
        and page.photometric.name in ("MINISBLACK", "RGB")
        and page.axes in ("YX", "YXS", "SYX")
    )


def _tiff_content(pixels: Array, page: Any) -> Content:
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    orientation = page.tags.get("Orientation")
    pixels = _upright(pixels, 1 if orientation is None else int(orientation.value))
    alpha = bool(page.extrasamples) and pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    profile = page.tags.get("InterColorProfile")
    return _content(pixels, alpha, None if profile is None else profile.value)


def _tiff_options(samples: Array, content: Content) -> dict[str, Any]:
    """Say what the pixels are."""
    channels = content.channels
    colours = channels - (channels in (2, 4))
    options: dict[str, Any] = {
        "photometric": "rgb" if colours == 3 else "minisblack",
        "metadata": None,
        "iccprofile": content.about.get("profile"),
    }
    if channels > 1:
        options["planarconfig"] = "contig"
    if channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    return options


def write_tiff(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write a TIFF file, not compressed."""
    (tifffile,) = require("tifffile", extra="filter")
    pixels = samples[..., 0] if content.channels == 1 else samples
    with at_once(path) as file:
        tifffile.imwrite(file, np.ascontiguousarray(pixels), **_tiff_options(samples, content))


def create_tiff(path: str, shape: tuple[int, ...], dtype: Any, content: Content) -> Array:
    """Make a TIFF file for an image of this shape, and map it."""
    (tifffile,) = require("tifffile", extra="filter")
    flat = shape[:-1] if content.channels == 1 else shape
    options = _tiff_options(np.empty(0), content)
    mapped: Array = tifffile.memmap(path, shape=flat, dtype=dtype, **options)
    return mapped.reshape(shape)


# ---- Writing with Pillow


def write_jpeg(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write a JPEG file."""
    if max(samples.shape) > MOST_JPEG:
        size = " x ".join(map(str, samples.shape[:2]))
        raise CommandError(
            f"a JPEG file cannot hold {size} pixels: {MOST_JPEG} a side are the most"
        )
    _save(path, samples, content, format="JPEG", quality=QUALITY, subsampling=0)


def write_png(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write a PNG file."""
    if samples.dtype == np.uint16:
        _write_deep_png(path, samples, content.about.get("profile"))
    else:
        _save(path, samples, content, format="PNG")


def _save(path: str, samples: Array, content: Content, **options: Any) -> None:
    (pillow,) = require("PIL.Image", extra="filter")
    pixels = samples[..., 0] if samples.shape[2] == 1 else samples
    image = pillow.fromarray(np.ascontiguousarray(pixels))
    with at_once(path) as file:
        image.save(file, icc_profile=content.about.get("profile"), **options)


def _write_deep_png(path: str, samples: Array, profile: bytes | None) -> None:
    """Write a PNG file of 16 bits a channel, which Pillow can do in grey only.

    Every row is stored as its difference to the row above (filter type 2).
    """
    height, width, channels = samples.shape
    rows = np.ascontiguousarray(samples, ">u2").view(np.uint8).reshape(height, -1)
    filtered = np.full((height, rows.shape[1] + 1), 2, np.uint8)
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks: list[tuple[bytes, Any]] = [(b"IHDR", head)]
    if profile:
        chunks.append((b"iCCP", b"icc\0\0" + zlib.compress(profile)))
    data = memoryview(zlib.compress(filtered.data))
    chunks += [(b"IDAT", data[at : at + MOST_CHUNK]) for at in range(0, len(data), MOST_CHUNK)]
    chunks += [(b"IEND", b"")]
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks:
            file.write(struct.pack(">I", len(data)) + name)
            file.write(data)
            file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
