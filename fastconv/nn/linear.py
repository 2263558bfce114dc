"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv.nn import init
from fastconv.nn._going_back import GoingBack
from fastconv.nn.parameter import Parameter

__all__ = ["Linear"]


class Linear(GoingBack):
    """Each output is a weighted sum of all inputs. Matches ``torch.nn.Linear``.

    ``y = x @ weight.T + bias`` along the last axis.

    Parameters
    ----------
    in_features, out_features : int
        The sizes of the last axis of input and output.
    bias : bool, default True
        Whether there is a bias.
    dtype : dtype, optional
        Of the parameters: float32, the default, or float64.

    Attributes
    ----------
    weight : Parameter
        Of shape (out_features, in_features), at first uniform within 1 / sqrt(in_features).
    bias : Parameter or None
        Of shape (out_features,), at first uniform within the same bounds.

    Raises
    ------
    ValueError
        If a size is not positive, or the last axis of an input not of `in_features`.
    TypeError
        If the input has another dtype than the parameters.

    Notes
    -----
    The input has any number of leading axes, none too: (..., in_features) gives
    (..., out_features).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.Linear(400, 120)
    >>> y = layer(np.ones((64, 400), np.float32))
    >>> y.shape
    (64, 120)
    >>> layer.backward(y).shape, layer.weight.grad.shape, layer.bias.grad.shape
    ((64, 400), (120, 400), (120,))
    """

    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        kind = init.check_dtype("Linear", dtype)
        self.in_features = _args.integer("Linear", "in_features", in_features, 1)
        self.out_features = _args.integer("Linear", "out_features", out_features, 1)
        shape = (self.out_features, self.in_features)
        _args.addressable("Linear", "a weight", shape)
        biased = _args.flag("Linear", "bias", bias)
        self.weight = Parameter(np.empty(shape, kind))
        self.bias = Parameter(np.empty(self.out_features, kind)) if biased else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, in place, as when the layer was made."""
        init.draw(self.weight, self.bias)

    def forward(self, x: FloatArray) -> FloatArray:
        bias = self.bias
        y = _core.linear(x, self.weight.data, None if bias is None else bias.data)
        self.remember(x)
        return y

    def _go_back(self, gy: FloatArray, with_input: bool) -> Any:
        weight, bias = self.weight, self.bias
        gx, gw, gb = _core.linear_backward(
            gy,
            self.remembered(),
            weight.data,
            with_input,
            weight.requires_grad,
            bias is not None and bias.requires_grad,
        )
        if gw is not None:
            weight.add_grad(gw)
        if bias is not None and gb is not None:
            bias.add_grad(gb)
        return gx

    def flops(self, x: FloatArray, y: FloatArray) -> int:
        return 2 * y.size * self.in_features

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
