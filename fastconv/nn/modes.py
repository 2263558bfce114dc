"""What holds for all layers of a thread: whether they remember for a backward pass."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from types import TracebackType

__all__ = ["is_grad_enabled", "no_grad"]


class _Modes(threading.local):
    remember = True
    within = 0  # how many no_grad the thread is within


modes = _Modes()


def is_grad_enabled() -> bool:
    """Whether layers remember what a backward pass needs, in the calling thread.

    Returns
    -------
    bool
        False within `no_grad`.

    Examples
    --------
    >>> from fastconv import nn
    >>> with nn.no_grad():
    ...     nn.is_grad_enabled()
    False
    """
    return modes.remember


class no_grad(ContextDecorator):
    """Within ``with nn.no_grad():`` layers remember nothing, in the calling thread.

    Inference takes less memory so: no layer holds on to its input. ``@nn.no_grad()`` does it for a
    function's calls. Matches ``torch.no_grad``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.ReLU()
    >>> with nn.no_grad():
    ...     y = layer(np.ones(3, np.float32))
    >>> layer.backward(y)
    Traceback (most recent call last):
        ...
    RuntimeError: ReLU: backward: there is no forward pass to go back through
    """

    def __enter__(self) -> None:
        modes.within += 1
        modes.remember = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        modes.within -= 1
        modes.remember = not modes.within
