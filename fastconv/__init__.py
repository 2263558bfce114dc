"""Convolution and pooling on a CPU, with every gradient."""

from fastconv._core import VERSION as __version__
from fastconv.conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_output_shape,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from fastconv.plan import Plan, plan_conv1d, plan_conv2d, plan_conv3d
from fastconv.runtime import (
    get_include,
    get_num_threads,
    num_threads,
    set_num_threads,
    show_config,
)

__all__ = [
    "Plan",
    "__version__",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_output_shape",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "get_include",
    "get_num_threads",
    "num_threads",
    "plan_conv1d",
    "plan_conv2d",
    "plan_conv3d",
    "set_num_threads",
    "show_config",
]
