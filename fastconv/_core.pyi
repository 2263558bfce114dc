from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

VERSION: str
COMPILER: str
ALGORITHMS: tuple[str, ...]

def consult(module: ModuleType) -> None: ...

class Problem:
    @property
    def shape(self) -> tuple[int, ...]: ...

class ConvProblem(Problem):
    def __init__(
        self, geometry: Any, shape: tuple[int, ...], crop: tuple[slice, ...] | None, algorithm: int
    ) -> None: ...
    def accepts(self, algorithm: int) -> str | None: ...
    def cost(self, algorithm: int) -> float: ...
    @property
    def elements(self) -> int: ...
    @property
    def flops(self) -> int: ...

@final
class ConvForward(ConvProblem): ...

@final
class ConvTransposed(ConvProblem): ...

@final
class ConvGradInput(ConvProblem): ...

@final
class ConvGradWeight(ConvProblem): ...

@final
class ConvGrads(ConvProblem): ...

@final
class TransposedGradInput(ConvProblem): ...

@final
class TransposedGradWeight(ConvProblem): ...

@final
class GradBias(Problem):
    def __init__(
        self, double: bool, layout: int, batch: int, channels: int, space: int
    ) -> None: ...

@final
class Unfold(ConvProblem): ...

@final
class Fold(ConvProblem): ...

class PoolProblem(Problem):
    def __init__(self, geometry: Any, shape: tuple[int, ...], indexed: bool) -> None: ...

@final
class MaxPool(PoolProblem): ...

@final
class MaxPoolGrad(PoolProblem): ...

@final
class MaxUnpool(PoolProblem): ...

@final
class AvgPool(PoolProblem): ...

@final
class AvgPoolGrad(PoolProblem): ...

@final
class LpPool(PoolProblem): ...

@final
class LpPoolGrad(PoolProblem): ...

@final
class AdaptiveAvgPool(PoolProblem): ...

@final
class AdaptiveAvgPoolGrad(PoolProblem): ...

@final
class AdaptiveMaxPool(PoolProblem): ...

@final
class Operator:
    name: str
    n: int
    arrays: tuple[str, ...]
    def __init__(
        self,
        name: str,
        n: int,
        arrays: tuple[str, ...],
        parse: Callable[..., Problem] | None,
        flags: int,
    ) -> None: ...
    def run(self, a: Any, b: Any, c: Any, options: tuple[Any, ...], out: Any) -> Any: ...
    def run_all(
        self, a: Any, b: Any, c: Any, options: tuple[Any, ...], mask: tuple[bool, ...]
    ) -> tuple[Any, ...]: ...
    def prepare(
        self, a: Any, b: Any, c: Any, options: tuple[Any, ...]
    ) -> tuple[Problem, NDArray[Any], NDArray[Any] | None]: ...

class PlannedConv(Problem):
    name: str
    problem: ConvForward
    def __new__(
        cls,
        name: str,
        input_shape: tuple[int, ...],
        problem: ConvForward,
        weight: NDArray[Any],
        bias: NDArray[Any] | None,
    ) -> PlannedConv: ...
    def __call__(self, x: Any, out: Any = None) -> NDArray[np.floating[Any]]: ...
    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def algorithm_index(self) -> int: ...
    @property
    def packed_bytes(self) -> int: ...
    @property
    def scratch_bytes(self) -> int: ...

# Activations, softmax and cross-entropy.
def relu(x: Any) -> NDArray[Any]: ...
def relu_backward(gy: Any, y: Any) -> NDArray[Any]: ...
def relu6(x: Any) -> NDArray[Any]: ...
def relu6_backward(gy: Any, y: Any) -> NDArray[Any]: ...
def leaky_relu(x: Any, slope: float) -> NDArray[Any]: ...
def leaky_relu_backward(gy: Any, x: Any, slope: float) -> NDArray[Any]: ...
def sigmoid(x: Any) -> NDArray[Any]: ...
def sigmoid_backward(gy: Any, y: Any) -> NDArray[Any]: ...
def silu(x: Any) -> NDArray[Any]: ...
def silu_backward(gy: Any, x: Any) -> NDArray[Any]: ...
def tanh(x: Any) -> NDArray[Any]: ...
def tanh_backward(gy: Any, y: Any) -> NDArray[Any]: ...
def softmax(name: str, x: Any, axis: int, log: bool) -> NDArray[Any]: ...
def softmax_backward(name: str, gy: Any, y: Any, axis: int, log: bool) -> NDArray[Any]: ...
def cross_entropy(
    name: str,
    output: Any,
    target: Any,
    weight: NDArray[Any] | None,
    ignored: int,
    smoothing: float,
    each: bool,
    keep: bool,
    given: bool,
) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None, float, float, bool] | None: ...
def cross_entropy_backward(
    name: str,
    p: NDArray[Any],
    target: NDArray[Any],
    weight: NDArray[Any] | None,
    ignored: int,
    smoothing: float,
    scale: float,
    gy: NDArray[Any] | None,
    given: bool,
) -> NDArray[Any]: ...

# Losses of each element.
def element_loss(
    kind: int,
    x: NDArray[Any],
    y: NDArray[Any],
    positive: NDArray[Any] | None,
    weight: float,
    each: bool,
) -> tuple[float, NDArray[Any] | None]: ...
def element_loss_backward(
    kind: int,
    x: NDArray[Any],
    y: NDArray[Any],
    positive: NDArray[Any] | None,
    weight: float,
    scale: float,
) -> NDArray[Any]: ...

# Padding and resizing.
def pad_zeros(
    name: str, x: Any, space: tuple[int, ...], before: tuple[int, ...]
) -> NDArray[Any]: ...
def resize_axis(
    x: NDArray[Any], axis: int, sources: NDArray[Any], weights: NDArray[Any] | None
) -> NDArray[Any]: ...

# Normalisation and linear.
def batch_norm(
    name: str,
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[NDArray[Any], NDArray[np.float64]]: ...
def batch_norm_backward(
    name: str,
    gy: Any,
    x: Any,
    weight: Any,
    saved: NDArray[np.float64],
    training: bool,
    with_weight: bool,
    with_bias: bool,
) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]: ...
def linear(x: Any, weight: Any, bias: Any) -> NDArray[Any]: ...
def linear_backward(
    gy: Any, x: Any, weight: Any, with_input: bool, with_weight: bool, with_bias: bool
) -> tuple[NDArray[Any] | None, NDArray[Any] | None, NDArray[Any] | None]: ...

# Optimisers.
def sgd(
    weights: list[Any],
    gradients: list[Any],
    velocities: list[Any],
    fresh: list[bool],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None: ...
def adam(
    weights: list[Any],
    gradients: list[Any],
    means: list[Any],
    squares: list[Any],
    greatest: list[Any],
    steps: list[int],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None: ...

# Filters.
def new_result(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]: ...
def filter_taps(
    input: NDArray[Any],
    weights: NDArray[Any],
    output: NDArray[Any] | None,
    borders: Sequence[int],
    cval: float,
    offsets: Sequence[int],
    op: int,
    every: bool = False,
) -> NDArray[Any] | None: ...
def filter_passes(
    input: NDArray[Any],
    output: NDArray[Any] | None,
    passes: Sequence[tuple[int, int, int, int, NDArray[np.float64] | int]],
    cval: float,
) -> NDArray[Any] | None: ...
def convolve_short(
    in1: Any, in2: Any, mode: Any, method: Any, reversed: bool
) -> NDArray[Any] | None: ...

# Runtime.
def select_isa(name: str | None) -> bool: ...
def isa() -> str: ...
def isas() -> list[tuple[str, bool]]: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def set_local_num_threads(n: int) -> None: ...
def get_local_num_threads() -> int: ...
def cpu_count() -> int: ...
def measure_flops(name: str, double: bool, seconds: float) -> float: ...
def measure_bandwidth(name: str, seconds: float) -> float: ...
def poison_scratch(on: bool) -> None: ...
