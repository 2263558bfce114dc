"""Every operator again, in plain NumPy and float64, written from its definition.

Names, argument order and defaults are those of ``fastconv``, without ``algorithm`` and ``out``.
Results are float64, indices int64. Nothing here imports the rest of the package: it is the oracle
that the rest is tested against. Gradients are in :mod:`fastconv.testing.reference.grad`.
`filter_taps` and `filter_passes` are what `fastconv.ndimage` stands on: they write to an array.

Examples
--------
>>> from fastconv.testing import reference
>>> reference.conv1d([[1, 2, -5, 4, 2, -1]], [[[-1, 2, -1]]])
array([[  8., -16.,  11.,   1.]])
"""

from . import grad
from ._adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from ._conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_abs,
    conv_matrix,
    conv_output_shape,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from ._filter import (
    filter_passes,
    filter_taps,
)
from ._fold import (
    fold,
    unfold,
)
from ._pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_abs",
    "conv_matrix",
    "conv_output_shape",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "filter_passes",
    "filter_taps",
    "fold",
    "grad",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "unfold",
]
