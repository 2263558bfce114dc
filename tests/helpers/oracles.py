"""What each operator should give, in float64 and channels first, by two independent hands.

`Reference` asks `fastconv.testing.reference`; `Torch` asks torch, after padding with NumPy. Both
have the same methods, which take canonical arrays and give float64 ones, before any activation.
"""

from typing import Any

import numpy as np

from fastconv.testing import reference

from .problems import Conv, Pool, Transpose

PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: np.ndarray, pads: Any, mode: str = "zeros") -> np.ndarray:
    """The canonical array with its spatial axes padded."""
    return np.pad(x, ((0, 0), (0, 0), *pads), mode=PAD_MODES[mode])


def clamp(y: np.ndarray, activation: Any) -> np.ndarray:
    """The activation from its definition; NaN passes."""
    if activation is None:
        return y
    low, high = {"relu": (0, np.inf), "relu6": (0, 6)}.get(activation, activation)
    return np.minimum(np.maximum(y, low), high)


def f64(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else array.astype(np.float64)


class Reference:
    """`fastconv.testing.reference`, called channels first."""

    name = "the reference"

    def conv(self, case: Conv, x: Any, w: Any, b: Any) -> np.ndarray:
        function = getattr(reference, f"conv{case.ndim}d")
        arguments = {**case.arguments(), "layout": None, "padding_mode": case.padding_mode}
        return function(f64(x), f64(w), f64(b), **arguments)

    def conv_grads(self, case: Conv, x: Any, w: Any, gy: Any) -> tuple[np.ndarray, np.ndarray]:
        arguments = {**case.arguments(), "layout": None}
        gx = getattr(reference.grad, f"conv{case.ndim}d_input")(
            x.shape, f64(w), f64(gy), **arguments
        )
        gw = getattr(reference.grad, f"conv{case.ndim}d_weight")(
            f64(x), w.shape, f64(gy), **arguments
        )
        return gx, gw

    def transpose(self, case: Transpose, x: Any, w: Any, b: Any) -> np.ndarray:
        function = getattr(reference, f"conv_transpose{case.ndim}d")
        return function(f64(x), f64(w), f64(b), **{**case.arguments(), "layout": None})

    def transpose_grads(self, case: Transpose, x: Any, w: Any, gy: Any) -> Any:
        function = getattr(reference.grad, f"conv_transpose{case.ndim}d")
        gx, gw, _ = function(f64(gy), f64(x), f64(w), **{**case.arguments(), "layout": None})
        return gx, gw

    def max_pool(self, case: Pool, x: Any) -> tuple[np.ndarray, np.ndarray]:
        function = getattr(reference, f"max_pool{case.ndim}d")
        arguments = {**case.max_arguments(), "layout": None}
        return function(f64(x), case.kernel, return_indices=True, **arguments)

    def avg_pool(self, case: Pool, x: Any) -> np.ndarray:
        function = getattr(reference, f"avg_pool{case.ndim}d")
        return function(f64(x), case.kernel, **{**case.avg_arguments(), "layout": None})

    def avg_pool_grad(self, case: Pool, x: Any, gy: Any) -> np.ndarray:
        function = getattr(reference.grad, f"avg_pool{case.ndim}d")
        arguments = {**case.avg_arguments(), "layout": None}
        return function(f64(gy), x.shape, case.kernel, **arguments)

    def lp_pool(self, case: Pool, x: Any, norm: float) -> np.ndarray:
        function = getattr(reference, f"lp_pool{case.ndim}d")
        return function(f64(x), norm, case.kernel, **{**case.lp_arguments(), "layout": None})

    def lp_pool_grad(self, case: Pool, x: Any, norm: float, gy: Any) -> np.ndarray:
        function = getattr(reference.grad, f"lp_pool{case.ndim}d")
        y = self.lp_pool(case, x, norm)
        arguments = {**case.lp_arguments(), "layout": None}
        return function(f64(gy), f64(x), y, norm, case.kernel, **arguments)

    def adaptive_avg_pool(self, x: np.ndarray, output_size: Any) -> np.ndarray:
        return getattr(reference, f"adaptive_avg_pool{x.ndim - 2}d")(f64(x), output_size)

    def adaptive_max_pool(self, x: np.ndarray, output_size: Any) -> Any:
        function = getattr(reference, f"adaptive_max_pool{x.ndim - 2}d")
        return function(f64(x), output_size, return_indices=True)


class Torch:
    """torch, in float64. Where it has no such operator, the same thing spelt with those it has."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)  # small tensors: its threads would cost more than they give
        self.torch = torch
        self.F = torch.nn.functional

    def tensor(self, array: np.ndarray | None, grad: bool = False) -> Any:
        if array is None:
            return None
        array = np.array(array, np.float64)  # a writable contiguous copy
        return self.torch.from_numpy(array).requires_grad_(grad)

    def convolve(self, case: Conv, x: Any, w: Any, b: Any) -> Any:
        """On tensors, x being padded already."""
        function = getattr(self.F, f"conv{case.ndim}d")
        return function(x, w, b, case.stride, 0, case.dilation, case.groups)

    def conv(self, case: Conv, x: Any, w: Any, b: Any) -> np.ndarray:
        x = pad(x, case.pads, case.padding_mode)
        return self.convolve(case, self.tensor(x), self.tensor(w), self.tensor(b)).numpy()

    def conv_grads(self, case: Conv, x: Any, w: Any, gy: Any) -> tuple[np.ndarray, np.ndarray]:
        padded, w = self.tensor(pad(x, case.pads), grad=True), self.tensor(w, grad=True)
        self.convolve(case, padded, w, None).backward(self.tensor(gy))
        inner = tuple(
            slice(before, before + n) for n, (before, _) in zip(case.size, case.pads, strict=True)
        )
        return padded.grad.numpy()[(..., *inner)], w.grad.numpy()

    def transposed(self, case: Transpose, x: Any, w: Any, b: Any) -> Any:
        function = getattr(self.F, f"conv_transpose{case.ndim}d")
        return function(
            x, w, b, case.stride, case.padding, case.output_padding, case.groups, case.dilation
        )

    def transpose(self, case: Transpose, x: Any, w: Any, b: Any) -> np.ndarray:
        return self.transposed(case, self.tensor(x), self.tensor(w), self.tensor(b)).numpy()

    def transpose_grads(self, case: Transpose, x: Any, w: Any, gy: Any) -> Any:
        x, w = self.tensor(x, grad=True), self.tensor(w, grad=True)
        self.transposed(case, x, w, None).backward(self.tensor(gy))
        return x.grad.numpy(), w.grad.numpy()

    def max_pool(self, case: Pool, x: Any) -> tuple[np.ndarray, np.ndarray]:
        function = getattr(self.F, f"max_pool{case.ndim}d")
        y, indices = function(
            self.tensor(x),
            case.kernel,
            case.stride,
            case.padding,
            case.dilation,
            case.ceil_mode,
            return_indices=True,
        )
        return y.numpy(), indices.numpy()

    def average(self, case: Pool, x: Any) -> Any:
        """On a tensor. One dimension goes through two, for the sake of divisor_override."""
        lead: tuple[int, ...] = (1,) if case.ndim == 1 else ()
        function = getattr(self.F, f"avg_pool{case.ndim + len(lead)}d")
        y = function(
            x.reshape(*case.input_shape[:2], *lead, *case.size),
            (*lead, *case.kernel),
            (*lead, *case.strides),
            ((0,) if lead else ()) + case.tuples(case.padding),
            case.ceil_mode,
            case.count_include_pad,
            case.divisor_override,
        )
        return y.reshape(case.output_shape)

    def avg_pool(self, case: Pool, x: Any) -> np.ndarray:
        return self.average(case, self.tensor(x)).numpy()

    def avg_pool_grad(self, case: Pool, x: Any, gy: Any) -> np.ndarray:
        x = self.tensor(x, grad=True)
        self.average(case, x).backward(self.tensor(gy))
        return x.grad.numpy()

    def norm(self, case: Pool, x: Any, norm: float) -> Any:
        function = getattr(self.F, f"lp_pool{case.ndim}d")
        kernel, stride = case.kernel, case.stride
        if case.ndim == 1:
            kernel = kernel[0]
            stride = stride if stride is None or isinstance(stride, int) else stride[0]
        elif isinstance(stride, int):
            stride = (stride,) * case.ndim
        return function(x, norm, kernel, stride, case.ceil_mode)

    def lp_pool(self, case: Pool, x: Any, norm: float) -> np.ndarray:
        return self.norm(case, self.tensor(x), norm).numpy()

    def lp_pool_grad(self, case: Pool, x: Any, norm: float, gy: Any) -> np.ndarray:
        x = self.tensor(x, grad=True)
        self.norm(case, x, norm).backward(self.tensor(gy))
        return x.grad.numpy()

    def adaptive_avg_pool(self, x: np.ndarray, output_size: Any) -> np.ndarray:
        return getattr(self.F, f"adaptive_avg_pool{x.ndim - 2}d")(
            self.tensor(x), output_size
        ).numpy()

    def adaptive_avg_pool_grad(self, x: np.ndarray, output_size: Any, gy: Any) -> np.ndarray:
        x = self.tensor(x, grad=True)
        getattr(self.F, f"adaptive_avg_pool{x.ndim - 2}d")(x, output_size).backward(self.tensor(gy))
        return x.grad.numpy()

    def adaptive_max_pool(self, x: np.ndarray, output_size: Any) -> Any:
        function = getattr(self.F, f"adaptive_max_pool{x.ndim - 2}d")
        y, indices = function(self.tensor(x), output_size, return_indices=True)
        return y.numpy(), indices.numpy()


def pooling_sums(case: Pool, x: np.ndarray) -> np.ndarray:
    """The sum over each window of a canonical array, window by window."""
    y = np.empty((*x.shape[:2], *case.output))
    pads = case.tuples(case.padding)
    for o in np.ndindex(*case.output):
        window = tuple(
            slice(max(i * s - p, 0), max(i * s - p + k, 0))
            for i, s, p, k in zip(o, case.strides, pads, case.kernel, strict=True)
        )
        y[(..., *o)] = x[(..., *window)].sum(axis=tuple(range(2, x.ndim)))
    return y


def spread(case: Pool, gy: np.ndarray) -> np.ndarray:
    """The sum of gy over the windows that reach each input element: `pooling_sums` transposed."""
    gx = np.zeros(case.input_shape)
    pads = case.tuples(case.padding)
    for o in np.ndindex(*case.output):
        window = tuple(
            slice(max(i * s - p, 0), max(i * s - p + k, 0))
            for i, s, p, k in zip(o, case.strides, pads, case.kernel, strict=True)
        )
        tail = (1,) * case.ndim
        gx[(..., *window)] += gy[(..., *o)].reshape(*gy.shape[:2], *tail)
    return gx
