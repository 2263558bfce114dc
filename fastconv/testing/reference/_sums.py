"""The one bilinear sum of a convolution, and its two transposes.

``y[b, k, o] = sum over c, t of x[b, c, stride o + dilation t - before] * w[k, c, t]``

Channels c and k run within each group. All three take and give arrays with channels first.
"""

import numpy as np

from ._args import Array
from ._windows import Windows


def correlate(x: Array, weight: Array, windows: Windows, groups: int) -> Array:
    """Return y: each tap of the weight times what it meets, summed."""
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    padded = windows.padded(x)
    y = np.zeros((len(x), groups, outputs, windows.pixels))
    for tap, met in windows.taps():
        seen = padded[met].reshape(len(x), groups, inputs, windows.pixels)
        y += weight[tap].reshape(groups, outputs, inputs) @ seen
    return y.reshape(len(x), groups * outputs, *windows.output)


def correlate_input(y: Array, weight: Array, windows: Windows, groups: int) -> Array:
    """Return x: each y, times each tap of the weight, added to the place that the tap meets."""
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    padded = np.zeros((len(y), groups * inputs, *windows.buffer))
    rows = y.reshape(len(y), groups, outputs, windows.pixels)
    for tap, met in windows.taps():
        columns = weight[tap].reshape(groups, outputs, inputs).swapaxes(1, 2)
        padded[met] += (columns @ rows).reshape(len(y), groups * inputs, *windows.output)
    return windows.unpadded(padded)


def correlate_weight(x: Array, y: Array, windows: Windows, groups: int) -> Array:
    """Return w: for each tap, the products of every y with the x that the tap meets, summed."""
    outputs, inputs = y.shape[1] // groups, x.shape[1] // groups
    padded = windows.padded(x)
    weight = np.zeros((groups * outputs, inputs, *windows.kernel))
    rows = y.reshape(len(y), groups, outputs, windows.pixels)
    for tap, met in windows.taps():
        seen = padded[met].reshape(len(x), groups, inputs, windows.pixels)
        weight[tap] = (rows @ seen.swapaxes(2, 3)).sum(axis=0).reshape(groups * outputs, inputs)
    return weight
