from typing import Literal, overload

from fastconv._typing import (
    AdaptiveSize,
    Array,
    FloatArray,
    IndexArray,
    Layout1,
    Layout2,
    Layout3,
    Spatial,
)

@overload
def max_pool1d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
    *,
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
@overload
def max_pool1d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> tuple[FloatArray, IndexArray]: ...
@overload
def max_pool1d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
@overload
def max_pool2d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
    *,
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
@overload
def max_pool2d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> tuple[FloatArray, IndexArray]: ...
@overload
def max_pool2d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
@overload
def max_pool3d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
    *,
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
@overload
def max_pool3d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    *,
    return_indices: Literal[True],
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> tuple[FloatArray, IndexArray]: ...
@overload
def max_pool3d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    dilation: Spatial = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
def avg_pool1d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def avg_pool2d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def avg_pool3d(
    input: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def lp_pool1d(
    input: Array,
    norm_type: float,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    ceil_mode: bool = False,
    *,
    layout: Layout1 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def lp_pool2d(
    input: Array,
    norm_type: float,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    ceil_mode: bool = False,
    *,
    layout: Layout2 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def lp_pool3d(
    input: Array,
    norm_type: float,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    ceil_mode: bool = False,
    *,
    layout: Layout3 = None,
    out: FloatArray | None = None,
) -> FloatArray: ...
def adaptive_avg_pool1d(
    input: Array,
    output_size: AdaptiveSize,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def adaptive_avg_pool2d(
    input: Array,
    output_size: AdaptiveSize,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def adaptive_avg_pool3d(
    input: Array,
    output_size: AdaptiveSize,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
@overload
def adaptive_max_pool1d(
    input: Array,
    output_size: AdaptiveSize,
    return_indices: Literal[False] = False,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
@overload
def adaptive_max_pool1d(
    input: Array,
    output_size: AdaptiveSize,
    *,
    return_indices: Literal[True],
    layout: Layout1 = None,
) -> tuple[FloatArray, IndexArray]: ...
@overload
def adaptive_max_pool1d(
    input: Array,
    output_size: AdaptiveSize,
    return_indices: bool = False,
    *,
    layout: Layout1 = None,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
@overload
def adaptive_max_pool2d(
    input: Array,
    output_size: AdaptiveSize,
    return_indices: Literal[False] = False,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
@overload
def adaptive_max_pool2d(
    input: Array,
    output_size: AdaptiveSize,
    *,
    return_indices: Literal[True],
    layout: Layout2 = None,
) -> tuple[FloatArray, IndexArray]: ...
@overload
def adaptive_max_pool2d(
    input: Array,
    output_size: AdaptiveSize,
    return_indices: bool = False,
    *,
    layout: Layout2 = None,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
@overload
def adaptive_max_pool3d(
    input: Array,
    output_size: AdaptiveSize,
    return_indices: Literal[False] = False,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
@overload
def adaptive_max_pool3d(
    input: Array,
    output_size: AdaptiveSize,
    *,
    return_indices: Literal[True],
    layout: Layout3 = None,
) -> tuple[FloatArray, IndexArray]: ...
@overload
def adaptive_max_pool3d(
    input: Array,
    output_size: AdaptiveSize,
    return_indices: bool = False,
    *,
    layout: Layout3 = None,
) -> FloatArray | tuple[FloatArray, IndexArray]: ...
def max_unpool1d(
    input: Array,
    indices: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    output_size: Spatial | None = None,
    *,
    layout: Layout1 = None,
) -> FloatArray: ...
def max_unpool2d(
    input: Array,
    indices: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    output_size: Spatial | None = None,
    *,
    layout: Layout2 = None,
) -> FloatArray: ...
def max_unpool3d(
    input: Array,
    indices: Array,
    kernel_size: Spatial,
    stride: Spatial | None = None,
    padding: Spatial = 0,
    output_size: Spatial | None = None,
    *,
    layout: Layout3 = None,
) -> FloatArray: ...
