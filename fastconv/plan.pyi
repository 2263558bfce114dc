from fastconv._core import PlannedConv
from fastconv._typing import (
    Activation,
    Algorithm,
    Array,
    Layout1,
    Layout2,
    Layout3,
    Padding,
    Shape,
    Spatial,
)

class Plan(PlannedConv):
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def flops(self) -> int: ...
    @property
    def workspace_bytes(self) -> int: ...
    def explain(self) -> str: ...

def plan_conv1d(
    input_shape: Shape,
    weight: Array,
    bias: Array | None = None,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout1 = None,
    activation: Activation = None,
    algorithm: Algorithm = "auto",
) -> Plan: ...
def plan_conv2d(
    input_shape: Shape,
    weight: Array,
    bias: Array | None = None,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout2 = None,
    activation: Activation = None,
    algorithm: Algorithm = "auto",
) -> Plan: ...
def plan_conv3d(
    input_shape: Shape,
    weight: Array,
    bias: Array | None = None,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
    *,
    layout: Layout3 = None,
    activation: Activation = None,
    algorithm: Algorithm = "auto",
) -> Plan: ...
