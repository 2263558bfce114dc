"""The same operators with NumPy (sliding windows and einsum) and with SciPy.

Two-dimensional and channels first. The NumPy functions serve every problem of the benchmarks and
keep the dtype of their arguments, so that in float64 they are also what the results are checked
against. SciPy has neither strides nor channels: its functions loop over the channels of the
result, and compute only the first `count` of them, so that a caller who times them can stop early.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = np.ndarray


def _pad(x: Array, padding: int, value: float = 0.0) -> Array:
    edges = (padding, padding)
    return np.pad(x, ((0, 0), (0, 0), edges, edges), constant_values=value)


def _windows(padded: Array, kernel: tuple[int, ...], stride: int = 1) -> Array:
    """View every window: (n, c, height, width) gives (n, c, rows, columns, *kernel)."""
    return sliding_window_view(padded, kernel, axis=(2, 3))[:, :, ::stride, ::stride]


def _grouped(array: Array, axis: int, groups: int) -> Array:
    """Split a channel axis into (groups, channels in a group)."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])


def _is_depthwise(w_shape: tuple[int, ...], groups: int) -> bool:
    """Tell whether each channel has one kernel: einsum is then faster without copying windows."""
    return w_shape[0] == groups and w_shape[1] == 1


def _spread(
    gy: Array, x_size: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int
) -> Array:
    """Put stride - 1 zeros between gy's pixels and pad it: its windows then match x's pixels."""
    sizes = [x + k - 1 for x, k in zip(x_size, kernel, strict=True)]
    spread = np.zeros((*gy.shape[:2], *sizes), gy.dtype)
    rows, columns = (
        slice(k - 1 - padding, k - 1 - padding + (length - 1) * stride + 1, stride)
        for k, length in zip(kernel, gy.shape[2:], strict=True)
    )
    spread[:, :, rows, columns] = gy
    return spread


def _add_windows(x_shape: tuple[int, ...], shares: Array, stride: int, padding: int) -> Array:
    """Add (n, c, *kernel, rows, columns) to the windows: `_windows` backwards."""
    r, s, rows, columns = shares.shape[2:]
    height, width = (length + 2 * padding for length in x_shape[2:])
    padded = np.zeros((*x_shape[:2], height, width), shares.dtype)
    for i in range(r):
        for j in range(s):
            bottom, right = i + stride * (rows - 1) + 1, j + stride * (columns - 1) + 1
            padded[:, :, i:bottom:stride, j:right:stride] += shares[:, :, i, j]
    return padded[:, :, padding : height - padding, padding : width - padding]


# ---- Convolution with NumPy


def numpy_conv(x: Array, w: Array, stride: int, padding: int, groups: int) -> Array:
    """Cross-correlate: (n, c, h, w) and (k, c / groups, r, s) give (n, k, rows, columns)."""
    windows = _windows(_pad(x, padding), w.shape[2:], stride)
    if _is_depthwise(w.shape, groups):
        return np.einsum("ncyxrs,crs->ncyx", windows, w[:, 0])
    if groups == 1:
        return np.einsum("ncyxrs,kcrs->nkyx", windows, w, optimize=True)
    y = np.einsum(
        "ngcyxrs,gkcrs->ngkyx", _grouped(windows, 1, groups), _grouped(w, 0, groups), optimize=True
    )
    return y.reshape(len(x), len(w), *y.shape[3:])


def numpy_conv_input(
    x_shape: tuple[int, ...], w: Array, gy: Array, stride: int, padding: int, groups: int
) -> Array:
    """Give the gradient of `numpy_conv` with respect to x."""
    if _is_depthwise(w.shape, groups):
        spread = _spread(gy, x_shape[2:], w.shape[2:], stride, padding)
        windows = _windows(spread, w.shape[2:])
        return np.einsum("ncyxrs,crs->ncyx", windows, w[:, 0, ::-1, ::-1])
    if groups == 1:
        shares = np.einsum("nkyx,kcrs->ncrsyx", gy, w, optimize=True)
    else:
        split = _grouped(gy, 1, groups), _grouped(w, 0, groups)
        shares = np.einsum("ngkyx,gkcrs->ngcrsyx", *split, optimize=True)
    shape = (*x_shape[:2], *w.shape[2:], *gy.shape[2:])
    return _add_windows(x_shape, shares.reshape(shape), stride, padding)


def numpy_conv_weight(
    x: Array, w_shape: tuple[int, ...], gy: Array, stride: int, padding: int, groups: int
) -> Array:
    """Give the gradient of `numpy_conv` with respect to w."""
    windows = _windows(_pad(x, padding), w_shape[2:], stride)
    if _is_depthwise(w_shape, groups):
        return np.einsum("ncyxrs,ncyx->crs", windows, gy).reshape(w_shape)
    if groups == 1:
        return np.einsum("ncyxrs,nkyx->kcrs", windows, gy, optimize=True)
    gw = np.einsum(
        "ngcyxrs,ngkyx->gkcrs", _grouped(windows, 1, groups), _grouped(gy, 1, groups), optimize=True
    )
    return gw.reshape(w_shape)


# ---- Pooling with NumPy


def numpy_max_pool(x: Array, kernel: int, stride: int, padding: int) -> Array:
    """Take the largest element of every window."""
    return _windows(_pad(x, padding, -np.inf), (kernel, kernel), stride).max(axis=(4, 5))


def numpy_avg_pool(x: Array, kernel: int, stride: int, padding: int) -> Array:
    """Take the mean of every window, the padding's zeros counted."""
    return _windows(_pad(x, padding), (kernel, kernel), stride).mean(axis=(4, 5))


def numpy_max_pool_grad(x: Array, gy: Array, kernel: int, stride: int, padding: int) -> Array:
    """Add each of gy's elements where its window of x has its first maximum."""
    windows = _windows(_pad(x, padding, -np.inf), (kernel, kernel), stride)
    best = windows.reshape(*gy.shape, kernel * kernel).argmax(axis=-1)
    rows = np.arange(gy.shape[2])[:, None] * stride - padding + best // kernel
    columns = np.arange(gy.shape[3]) * stride - padding + best % kernel
    n, c = np.indices(gy.shape[:2])[..., None, None]
    gx = np.zeros(x.shape, gy.dtype)
    np.add.at(gx, (n, c, rows, columns), gy)
    return gx


def numpy_avg_pool_grad(
    x_shape: tuple[int, ...], gy: Array, kernel: int, stride: int, padding: int
) -> Array:
    """Give each element of a window its share of gy."""
    share = (gy / gy.dtype.type(kernel * kernel))[:, :, None, None]
    shape = (*gy.shape[:2], kernel, kernel, *gy.shape[2:])
    return _add_windows(x_shape, np.broadcast_to(share, shape), stride, padding)


# ---- SciPy


def _valid(volume: Array, kernel: Array) -> Array:
    """Correlate (c, h, w) with (c, r, s), summed over c, where the kernel lies inside."""
    from scipy import ndimage, signal

    if len(volume) > 1:
        return signal.correlate(volume, kernel, mode="valid")[0]
    full = ndimage.correlate(volume[0], kernel[0], mode="constant")
    (height, width), (r, s) = volume.shape[1:], kernel.shape[1:]
    return full[r // 2 : r // 2 + height - r + 1, s // 2 : s // 2 + width - s + 1]


def _channels(array: Array, channel: int, per_group: int, size: int) -> Array:
    """Pick the channels of the group that a channel of the other side belongs to."""
    group = channel // per_group
    return array[group * size : (group + 1) * size]


def scipy_conv(x: Array, w: Array, stride: int, padding: int, groups: int, count: int) -> Array:
    """Compute the first `count` channels of `numpy_conv`."""
    padded, per_group, size = _pad(x, padding), len(w) // groups, w.shape[1]
    planes = [
        [
            _valid(_channels(image, k, per_group, size), w[k])[::stride, ::stride]
            for k in range(count)
        ]
        for image in padded
    ]
    return np.array(planes)


def scipy_conv_input(
    x_shape: tuple[int, ...],
    w: Array,
    gy: Array,
    stride: int,
    padding: int,
    groups: int,
    count: int,
) -> Array:
    """Compute the first `count` channels of `numpy_conv_input`."""
    spread = _spread(gy, x_shape[2:], w.shape[2:], stride, padding)
    flipped, per_group, size = w[:, :, ::-1, ::-1], w.shape[1], len(w) // groups
    planes = [
        [
            _valid(
                _channels(image, c, per_group, size),
                _channels(flipped, c, per_group, size)[:, c % per_group],
            )
            for c in range(count)
        ]
        for image in spread
    ]
    return np.array(planes)


def scipy_conv_weight(
    x: Array,
    w_shape: tuple[int, ...],
    gy: Array,
    stride: int,
    padding: int,
    groups: int,
    count: int,
) -> Array:
    """Compute the first `count` output channels of `numpy_conv_weight`."""
    from scipy import signal

    padded, per_group, size = _pad(x, padding), w_shape[0] // groups, w_shape[1]
    sizes = [(length - 1) * stride + 1 for length in gy.shape[2:]]
    spread = np.zeros((*gy.shape[:2], *sizes), gy.dtype)
    spread[:, :, ::stride, ::stride] = gy
    gw = np.zeros((count, *w_shape[1:]), gy.dtype)
    for image, gradient in zip(padded, spread, strict=True):
        for k in range(count):
            volume = _channels(image, k, per_group, size)
            full = signal.correlate(volume, gradient[k][None], mode="valid")
            gw[k] += full[:, : w_shape[2], : w_shape[3]]
    return gw


def scipy_pool(x: Array, kernel: int, stride: int, padding: int, kind: str) -> Array:
    """Compute `numpy_max_pool` (kind "max") or `numpy_avg_pool` ("avg")."""
    from scipy import ndimage

    size = (1, 1, kernel, kernel)
    padded = _pad(x, padding, -np.inf if kind == "max" else 0.0)
    every = (ndimage.maximum_filter if kind == "max" else ndimage.uniform_filter)(padded, size)
    start = kernel // 2
    rows, columns = (slice(start, start + n - kernel + 1, stride) for n in padded.shape[2:])
    return every[:, :, rows, columns]
