"""The generator that layers draw from: initial weights, dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv import _args

__all__ = ["get_rng_state", "manual_seed", "set_rng_state"]

generator = np.random.Generator(np.random.PCG64())


def manual_seed(seed: int) -> None:
    """Start the generator of all layers again.

    Parameters
    ----------
    seed : int
        Not negative. The same seed gives the same initial weights and dropout masks. The numbers
        are not torch's.

    Raises
    ------
    ValueError, TypeError
        If it is negative or no int.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.manual_seed(0)
    >>> first = nn.Linear(4, 2).weight.data
    >>> nn.manual_seed(0)
    >>> bool((nn.Linear(4, 2).weight.data == first).all())
    True
    """
    if not _args.is_integer(seed):
        _args.wrong_type("manual_seed", "seed", seed, "an int, not negative")
    if seed < 0:
        _args.wrong_value("manual_seed", "seed", seed, "an int, not negative")
    generator.bit_generator.state = np.random.PCG64(seed).state


def get_rng_state() -> dict[str, Any]:
    """The generator's state, for `set_rng_state`.

    Returns
    -------
    dict
        Of strings and integers: it can be stored as JSON.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.get_rng_state()["bit_generator"]
    'PCG64'
    """
    return dict(generator.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to a state of the generator.

    Parameters
    ----------
    state : dict
        From `get_rng_state`.

    Examples
    --------
    >>> from fastconv import nn
    >>> state = nn.get_rng_state()
    >>> first = nn.Linear(4, 2).weight.data
    >>> nn.set_rng_state(state)
    >>> bool((nn.Linear(4, 2).weight.data == first).all())
    True
    """
    generator.bit_generator.state = state
