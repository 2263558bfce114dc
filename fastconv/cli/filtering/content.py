"""What a file holds: an image, a volume or a signal as one array, and what goes with it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass
class Content:
    """Samples and what the file says of them.

    Attributes
    ----------
    samples : array of shape (*space, channels)
        Of integers or floats; space has an axis for a signal, two for an image.
    limits : tuple of int or None
        The lowest and the highest value that the file's integers can have; None for floats.
    flat : bool
        Whether the file has no axis of channels.
    alpha : bool
        Whether the last channel is transparency, which is kept as it is.
    about : dict
        What else has to be kept: a sound's ``rate`` and bytes a sample (``width``), an image's
        colour ``profile``, a table's ``header`` and ``delimiter``.
    """

    samples: Array
    limits: tuple[int, int] | None = None
    flat: bool = False
    alpha: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def space(self) -> tuple[int, ...]:
        """The sizes of the axes that are filtered."""
        return self.samples.shape[:-1]

    @property
    def channels(self) -> int:
        """The number of channels, the transparency counted."""
        return int(self.samples.shape[-1])

    @property
    def working(self) -> np.dtype:
        """The float type that holds every value of the samples, and is computed in."""
        dtype = self.samples.dtype
        narrow = dtype.itemsize < 2 or (dtype.kind == "f" and dtype.itemsize <= 4)
        return np.dtype(np.float32 if narrow else np.float64)


def of_array(array: Array, **more: Any) -> Content:
    """Give the content of an array whose last axis is that of the channels."""
    limits = None
    if array.dtype.kind in "iu":
        bounds = np.iinfo(array.dtype)
        limits = (int(bounds.min), int(bounds.max))
    return Content(array, **{"limits": limits, **more})
