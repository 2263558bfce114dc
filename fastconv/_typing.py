"""The types of the public functions' arguments."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray


class _ExportsArray(Protocol):
    def __array__(self) -> NDArray[Any]: ...


class _ExportsDLPack(Protocol):
    def __dlpack__(self) -> Any: ...


Array: TypeAlias = NDArray[Any] | _ExportsArray | _ExportsDLPack
FloatArray: TypeAlias = NDArray[np.floating[Any]]
IndexArray: TypeAlias = NDArray[np.int64]

Shape: TypeAlias = tuple[int, ...] | list[int]
Spatial: TypeAlias = int | Shape
AdaptiveSize: TypeAlias = int | tuple[int | None, ...] | list[int | None]
Padding: TypeAlias = (
    Spatial | tuple[tuple[int, int], ...] | list[tuple[int, int]] | Literal["valid", "same", "full"]
)
PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]
Activation: TypeAlias = Literal["relu", "relu6"] | tuple[float, float] | None
Algorithm: TypeAlias = Literal["auto", "direct", "im2col", "winograd", "fft", "reference"]
Layout1: TypeAlias = Literal["NCW", "NWC"] | None
Layout2: TypeAlias = Literal["NCHW", "NHWC"] | None
Layout3: TypeAlias = Literal["NCDHW", "NDHWC"] | None
