"""A layer's trainable array and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv import _args
from fastconv._typing import FloatArray

__all__ = ["Parameter"]


class Parameter:
    """An array that training changes, and its gradient.

    Parameters
    ----------
    data : ndarray of float32 or float64
        The values; kept as they are, not copied, where they are contiguous, writeable and in the
        machine's byte order.
    requires_grad : bool, default True
        Whether `Module.backward` adds to `grad`, and optimisers change `data`.

    Attributes
    ----------
    data : ndarray
        The values. Optimisers change them in place.
    grad : ndarray or None
        The gradient of the loss, of the same shape and dtype: the sum over all calls of
        `Module.backward` since it was None.
    requires_grad : bool
        See above.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> p = nn.Parameter(np.ones(3, np.float32))
    >>> p.add_grad(np.ones(3, np.float32))
    >>> p.add_grad(np.ones(3, np.float32))
    >>> p.grad
    array([2., 2., 2.], dtype=float32)
    """

    __slots__ = ("data", "grad", "requires_grad")

    def __init__(self, data: FloatArray, requires_grad: bool = True) -> None:
        if not isinstance(data, np.ndarray) or data.dtype.char not in "fd":
            kind = data.dtype if isinstance(data, np.ndarray) else type(data).__name__
            raise TypeError(f"Parameter: data: {kind}; an array of float32 or float64 is allowed")
        native = data.dtype.newbyteorder("=")
        self.data: FloatArray = np.require(data, native, ("C", "A", "W", "E"))
        self.grad: FloatArray | None = None
        self.requires_grad = _args.flag("Parameter", "requires_grad", requires_grad)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `data`."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of `data`."""
        return self.data.dtype

    @property
    def size(self) -> int:
        """The number of values."""
        return self.data.size

    def add_grad(self, grad: FloatArray) -> None:
        """Add to the gradient; the first one is taken over, not copied.

        Parameters
        ----------
        grad : ndarray
            Of the shape and dtype of `data`. It must not be changed afterwards.
        """
        if self.grad is None:
            self.grad = grad
        else:
            self.grad += grad

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` is None until the next backward pass, as in torch."""
        self.grad = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> FloatArray:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        frozen = "" if self.requires_grad else ", requires_grad=False"
        return f"Parameter({self.data!r}{frozen})"
