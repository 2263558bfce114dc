"""The kinds of files by their endings: how each is read, and what it can hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastconv.cli.errors import CommandError
from fastconv.cli.filtering import arrays, images, sounds, tables
from fastconv.cli.filtering.content import Content
from fastconv.cli.writing import reserve

Array = np.ndarray

Writer = Callable[[str, Array, Content, int], None]


def _write_array(path: str, samples: Array, content: Content, stride: int) -> None:
    """Write an array with the axes of the one that was read."""
    arrays.write(path, samples[..., 0] if content.flat else samples)


@dataclass(frozen=True)
class Format:
    """A kind of file to write.

    Attributes
    ----------
    name : str
        As messages say it.
    axes : tuple of int
        How many axes its contents may have.
    channels : tuple of int
        How many channels; none stands for any number.
    dtypes : str
        The NumPy codes of the integers that it holds; none where it holds floats.
    write : callable
        Writes the samples to a path.
    """

    name: str
    axes: tuple[int, ...]
    channels: tuple[int, ...]
    dtypes: str
    write: Writer

    def dtype(self, content: Content) -> np.dtype:
        """Give the type that the result is stored in, or say why it cannot be."""
        axes, channels = len(content.space), content.channels
        if self.axes and axes not in self.axes:
            shape = " x ".join(map(str, content.space))
            raise CommandError(f"{self.name} cannot hold a result of {axes} axes ({shape})")
        if self.channels and channels not in self.channels:
            what = "transparency" if content.alpha else f"{channels} channels"
            raise CommandError(f"{self.name} cannot hold {what}")
        if self.name == WAV and "rate" not in content.about:
            raise CommandError(f"{self.name} needs a sampling rate, and IN has none")
        if not self.dtypes:
            return content.working
        if content.limits is None and self.name in (TIFF, WAV):
            return content.working
        if content.samples.dtype.newbyteorder("=").char not in self.dtypes:
            others = ".npy can" if self.name == TIFF else ".npy can, and so may .tif"
            raise CommandError(f"{self.name} cannot hold {content.samples.dtype.name}: {others}")
        return content.samples.dtype.newbyteorder("=")


TIFF, WAV = "a TIFF file", "a WAV file"
NPY = Format("a .npy file", (), (), "", _write_array)
FORMATS = {
    ".npy": NPY,
    ".png": Format("a PNG file", (2,), (1, 2, 3, 4), "BH", images.write_png),
    ".jpg": Format("a JPEG file", (2,), (1, 3), "B", images.write_jpeg),
    ".tif": Format(TIFF, (2,), (1, 2, 3, 4), "BHIbhi", images.write_tiff),
    ".wav": Format(WAV, (1,), (), "Bhi", sounds.write_wav),
    ".csv": Format("a CSV file", (1,), (), "", tables.write_csv),
}
OTHERS = {".jpeg": ".jpg", ".tiff": ".tif", ".wave": ".wav"}
MAPPED = (".npy", ".tif")
ENDINGS = "known are .png, .jpg, .tif, .npy, .wav and .csv"


def ending(path: Path, option: str) -> str:
    """Give a key of `FORMATS` for a file."""
    suffix = path.suffix.lower()
    suffix = OTHERS.get(suffix, suffix)
    if suffix not in FORMATS:
        raise CommandError(f"{option} {path}: its ending says no kind of file; {ENDINGS}")
    return suffix


def read(path: Path, axes: int | None, mapped: bool) -> Content:
    """Read a file by its ending.

    Parameters
    ----------
    path : Path
        The file.
    axes : int or None
        How many axes the kernel has, where that is known.
    mapped : bool
        Only map it: for ``--tiles``.
    """
    suffix = ending(path, "IN")
    if mapped and suffix not in MAPPED:
        raise CommandError(
            f"--tiles reads .npy and uncompressed .tif files: {FORMATS[suffix].name} is decoded as "
            "a whole"
        )
    if suffix == ".npy":
        return arrays.read(path, axes)
    if suffix == ".tif":
        return images.read_tiff(path, mapped)
    readers = {".wav": sounds.read_wav, ".csv": tables.read_csv}
    return readers.get(suffix, images.read)(path)


def create(
    path: str, suffix: str, shape: tuple[int, ...], dtype: np.dtype, content: Content
) -> Array:
    """Make a file and map its samples, of shape (*space, channels)."""
    if suffix == ".tif":
        samples = images.create_tiff(path, shape, dtype, content)
        reserve(path)
        return samples
    if suffix != ".npy":
        raise CommandError(
            f"--tiles writes .npy and .tif files: {FORMATS[suffix].name} is encoded as a whole"
        )
    plain = arrays.create(path, shape[:-1] if content.flat else shape, dtype)
    return plain[..., None] if content.flat else plain
