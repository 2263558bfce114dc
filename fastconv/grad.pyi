from fastconv._typing import (
    Array,
    FloatArray,
    Layout1,
    Layout2,
    Layout3,
    Padding,
    Shape,
    Spatial,
)

def conv1d_input(
    input_size: Shape,
    weight: Array,
    grad_output: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def conv2d_input(
    input_size: Shape,
    weight: Array,
    grad_output: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def conv3d_input(
    input_size: Shape,
    weight: Array,
    grad_output: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def conv1d_weight(
    input: Array,
    weight_size: Shape,
    grad_output: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def conv2d_weight(
    input: Array,
    weight_size: Shape,
    grad_output: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def conv3d_weight(
    input: Array,
    weight_size: Shape,
    grad_output: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def conv1d_bias(
    grad_output: Array,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def conv2d_bias(
    grad_output: Array,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def conv3d_bias(
    grad_output: Array,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
def conv1d(
    grad_output: Array,
    input: Array,
    weight: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout1 = None,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def conv2d(
    grad_output: Array,
    input: Array,
    weight: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout2 = None,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def conv3d(
    grad_output: Array,
    input: Array,
    weight: Array,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout3 = None,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def conv_transpose1d(
    grad_output: Array,
    input: Array,
    weight: Array,
    stride: Spatial = 1,
    padding: Spatial = 0,
    output_padding: Spatial = 0,
    groups: int = 1,
    dilation: Spatial = 1,
    *,
    layout: Layout1 = None,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def conv_transpose2d(
    grad_output: Array,
    input: Array,
    weight: Array,
    stride: Spatial = 1,
    padding: Spatial = 0,
    output_padding: Spatial = 0,
    groups: int = 1,
    dilation: Spatial = 1,
    *,
    layout: Layout2 = None,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def conv_transpose3d(
    grad_output: Array,
    input: Array,
    weight: Array,
    stride: Spatial = 1,
    padding: Spatial = 0,
    output_padding: Spatial = 0,
    groups: int = 1,
    dilation: Spatial = 1,
    *,
    layout: Layout3 = None,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]: ...
def max_pool1d(
    grad_output: Array,
    indices: Array,
    input_size: Shape,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def max_pool2d(
    grad_output: Array,
    indices: Array,
    input_size: Shape,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def max_pool3d(
    grad_output: Array,
    indices: Array,
    input_size: Shape,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
def avg_pool1d(
    grad_output: Array,
    input_size: Shape,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def avg_pool2d(
    grad_output: Array,
    input_size: Shape,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def avg_pool3d(
    grad_output: Array,
    input_size: Shape,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
def lp_pool1d(
    grad_output: Array,
    input: Array,
    output: Array,
    norm_type: float,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    ceil_mode: bool = False,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def lp_pool2d(
    grad_output: Array,
    input: Array,
    output: Array,
    norm_type: float,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    ceil_mode: bool = False,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def lp_pool3d(
    grad_output: Array,
    input: Array,
    output: Array,
    norm_type: float,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    ceil_mode: bool = False,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
def adaptive_avg_pool1d(
    grad_output: Array,
    input_size: Shape,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def adaptive_avg_pool2d(
    grad_output: Array,
    input_size: Shape,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def adaptive_avg_pool3d(
    grad_output: Array,
    input_size: Shape,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
