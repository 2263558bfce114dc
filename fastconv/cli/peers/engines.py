"""How each engine does a case: fastconv in three ways, and its peers.

A maker takes the arrays, the operation ("forward", "input gradient" or "weight gradient") and the
number of threads. It does what can be done once, as the engine's users would, and gives what is to
be timed; or None where the engine has no such operation.
"""

import importlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import fastconv as fc
from fastconv.cli import image_filters
from fastconv.cli.image_filters import Filtering
from fastconv.cli.problems import Conv, Pool

Array = np.ndarray


@dataclass(frozen=True)
class Run:
    """What is timed, and how its result becomes an array that is channels first."""

    call: Callable[[], Any]
    view: Callable[[Any], Array] = np.asarray


Maker = Callable[[Any, str, int], Run | None]


@dataclass(frozen=True)
class Engine:
    """A column of the table.

    Attributes
    ----------
    title : str
        Its heading.
    make : callable
        See above.
    modules : tuple of str
        What it needs; the first one's version is reported.
    """

    title: str
    make: Maker
    modules: tuple[str, ...] = ()

    def load(self) -> str:
        """Import what it needs, and give its version."""
        modules = [importlib.import_module(name) for name in self.modules]
        return str(getattr(modules[0], "__version__", "")) if modules else fc.__version__


def _last(array: Array) -> Array:
    """Copy NCHW to NHWC."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def _first(array: Array) -> Array:
    """View NHWC as NCHW."""
    return np.moveaxis(array, -1, 1)


# ---- fastconv


def _plan(conv: Conv, x: Array, layout: str) -> Callable[[], Array]:
    stride, padding, groups = conv.stride, conv.padding, conv.groups
    make: Callable[..., fc.Plan] = fc.plan_conv2d
    plan = make(x.shape, conv.w, None, stride, padding, groups=groups, layout=layout)
    return lambda: plan(x)


def _pooling(pool: Pool, x: Array, gy: Array, operation: str, layout: Any) -> Callable[[], Array]:
    rest = pool.arguments
    if pool.kind == "max" and operation == "forward":
        return lambda: fc.max_pool2d(x, *rest, layout=layout)
    if pool.kind == "max":
        indices = fc.max_pool2d(x, *rest, return_indices=True, layout=layout)[1]
        return lambda: fc.grad.max_pool2d(gy, indices, x.shape, layout=layout)
    if operation == "forward":
        return lambda: fc.avg_pool2d(x, *rest, layout=layout)
    return lambda: fc.grad.avg_pool2d(gy, x.shape, *rest, layout=layout)


def _convolution(conv: Conv, x: Array, gy: Array, operation: str, layout: Any) -> Any:
    w, stride, padding, groups = conv.w, conv.stride, conv.padding, conv.groups
    if operation == "forward":
        return lambda: fc.conv2d(x, w, None, stride, padding, groups=groups, layout=layout)
    if operation == "input gradient":
        shape = x.shape
        return lambda: fc.grad.conv2d_input(
            shape, w, gy, stride, padding, groups=groups, layout=layout
        )
    size = w.shape
    return lambda: fc.grad.conv2d_weight(x, size, gy, stride, padding, groups=groups, layout=layout)


def _function(arrays: Any, operation: str, threads: int) -> Run:
    """The plain function on NCHW arrays, or on an image."""
    if isinstance(arrays, Filtering):
        return Run(arrays.fastconv)
    make = _pooling if isinstance(arrays, Pool) else _convolution
    return Run(make(arrays, arrays.x, arrays.gy, operation, "NCHW"))


def _nchw_plan(arrays: Any, operation: str, threads: int) -> Run | None:
    """A plan on NCHW arrays."""
    if not isinstance(arrays, Conv) or operation != "forward":
        return None
    return Run(_plan(arrays, arrays.x, "NCHW"))


def _channels_last(arrays: Any, operation: str, threads: int) -> Run | None:
    """A plan on NHWC arrays, or the function where there are no plans."""
    if isinstance(arrays, Filtering):
        return None
    x = _last(arrays.x)
    if isinstance(arrays, Conv) and operation == "forward":
        return Run(_plan(arrays, x, "NHWC"), _first)
    make = _pooling if isinstance(arrays, Pool) else _convolution
    view = np.asarray if operation == "weight gradient" else _first
    return Run(make(arrays, x, _last(arrays.gy), operation, "NHWC"), view)


# ---- torch


def _torch_pooling(pool: Pool, x: Any, gy: Any, operation: str) -> Callable[[], Any]:
    import torch

    kernel, stride, padding = pool.arguments
    pairs = [kernel] * 2, [stride] * 2, [padding] * 2
    functions, operators = torch.nn.functional, torch.ops.aten
    if pool.kind == "max" and operation == "forward":
        return lambda: functions.max_pool2d(x, *pool.arguments)
    if pool.kind == "max":
        indices = functions.max_pool2d(x, *pool.arguments, return_indices=True)[1]
        backward = operators.max_pool2d_with_indices_backward
        return lambda: backward(gy, x, *pairs, [1, 1], False, indices)
    if operation == "forward":
        return lambda: functions.avg_pool2d(x, *pool.arguments)
    return lambda: operators.avg_pool2d_backward(gy, x, *pairs, False, True, None)


def _torch(arrays: Any, operation: str, threads: int, channels_last: bool = False) -> Run | None:
    if isinstance(arrays, Filtering):
        return None
    import torch

    torch.set_num_threads(threads)

    def tensor(array: Array) -> Any:
        made = torch.from_numpy(array)
        return made.to(memory_format=torch.channels_last) if channels_last else made

    x, gy = tensor(arrays.x), tensor(arrays.gy)
    if isinstance(arrays, Pool):
        return Run(_torch_pooling(arrays, x, gy, operation))
    w, stride, padding, groups = tensor(arrays.w), arrays.stride, arrays.padding, arrays.groups
    if operation == "forward":
        convolve = torch.nn.functional.conv2d
        return Run(lambda: convolve(x, w, None, stride, padding, 1, groups))
    mask = [operation == "input gradient", operation == "weight gradient", False]
    rest = (None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, mask)
    backward = torch.ops.aten.convolution_backward
    return Run(lambda: backward(gy, x, w, *rest), lambda results: results[mask.index(True)].numpy())


def _torch_channels_last(arrays: Any, operation: str, threads: int) -> Run | None:
    return _torch(arrays, operation, threads, channels_last=True)


# ---- Engines that read ONNX


def _onnx_model(arrays: Any) -> bytes:
    """A network of one node, its weights constant."""
    from onnx import TensorProto, helper, numpy_helper

    constants, inputs = [], ["x"]
    sizes: dict[str, Any] = {"strides": [arrays.stride] * 2, "pads": [arrays.padding] * 4}
    if isinstance(arrays, Conv):
        operator = "Conv"
        constants, inputs = [numpy_helper.from_array(arrays.w, "w")], ["x", "w"]
        sizes |= {"kernel_shape": arrays.w.shape[2:], "group": arrays.groups}
    else:
        operator = "MaxPool" if arrays.kind == "max" else "AveragePool"
        sizes["kernel_shape"] = [arrays.kernel] * 2
        if arrays.kind == "avg":
            sizes["count_include_pad"] = 1
    node = helper.make_node(operator, inputs, ["y"], **sizes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, arrays.x.shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, arrays.gy.shape)
    graph = helper.make_graph([node], "one node", [x], [y], constants)
    opsets = [helper.make_opsetid("", 17)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return model


def _onnxruntime(arrays: Any, operation: str, threads: int) -> Run | None:
    if operation != "forward" or isinstance(arrays, Filtering):
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(_onnx_model(arrays), options, providers=providers)
    feed = {"x": arrays.x}
    return Run(lambda: session.run(None, feed)[0])


def _openvino(arrays: Any, operation: str, threads: int) -> Run | None:
    if operation != "forward" or isinstance(arrays, Filtering):
        return None
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(core.read_model(_onnx_model(arrays)), "CPU", settings)
    request, feed = compiled.create_infer_request(), {0: arrays.x}
    return Run(lambda: request.infer(feed, share_inputs=True, share_outputs=True)[0], np.array)


# ---- ncnn


def _ncnn(arrays: Any, operation: str, threads: int) -> Run | None:
    if operation != "forward" or not isinstance(arrays, Conv) or len(arrays.x) != 1:
        return None
    import ncnn

    w = arrays.w
    kind = "Convolution" if arrays.groups == 1 else "ConvolutionDepthWise"
    keys = {0: len(w), 1: w.shape[3], 11: w.shape[2], 3: arrays.stride, 4: arrays.padding}
    keys |= {5: 0, 6: w.size} | ({7: arrays.groups} if arrays.groups > 1 else {})
    settings = " ".join(f"{key}={value}" for key, value in keys.items())
    net = ncnn.Net()
    net.opt.num_threads = threads
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    with tempfile.TemporaryDirectory() as folder:
        graph, weights = Path(folder, "net.param"), Path(folder, "net.bin")
        graph.write_text(f"7767517\n2 2\nInput x 0 1 x\n{kind} y 1 1 x y {settings}\n")
        weights.write_bytes(bytes(4) + w.tobytes())  # four bytes: stored as float32
        if net.load_param(str(graph)) or net.load_model(str(weights)):
            raise RuntimeError("the network was not taken")
    x = ncnn.Mat(arrays.x[0]).clone()

    def call() -> Any:
        extractor = net.create_extractor()
        extractor.input("x", x)
        return extractor.extract("y")[1]

    return Run(call, lambda y: np.array(y)[None])


# ---- OpenCV


def _is_filter(conv: Conv) -> bool:
    """Tell whether it is one odd kernel for each of up to 4 channels, the size kept."""
    channels, kernel = conv.x.shape[1], conv.w.shape[2]
    alone = conv.groups == channels == len(conv.w) <= 4 and len(conv.x) == 1
    same = conv.stride == 1 and conv.padding == kernel // 2 and kernel % 2 == 1
    return alone and same and bool((conv.w == conv.w[0]).all())


def _opencv(arrays: Any, operation: str, threads: int) -> Run | None:
    if isinstance(arrays, Filtering):
        import cv2

        cv2.setNumThreads(threads)
        return Run(image_filters.opencv(arrays))
    if operation != "forward" or isinstance(arrays, Pool) or not _is_filter(arrays):
        return None
    import cv2

    cv2.setNumThreads(threads)
    image, kernel, border = _last(arrays.x)[0], arrays.w[0, 0], cv2.BORDER_CONSTANT
    shape = image.shape

    def view(filtered: Array) -> Array:
        return np.moveaxis(filtered.reshape(shape), -1, 0)[None]

    return Run(lambda: cv2.filter2D(image, -1, kernel, borderType=border), view)


OURS = {
    "fastconv": Engine("NCHW", _function),
    "fastconv_plan": Engine("NCHW plan", _nchw_plan),
    "fastconv_nhwc": Engine("NHWC", _channels_last),
}
PEERS = {
    "torch": Engine("torch", _torch, ("torch",)),
    "torch_nhwc": Engine("torch NHWC", _torch_channels_last, ("torch",)),
    "onnxruntime": Engine("ORT", _onnxruntime, ("onnxruntime", "onnx")),
    "openvino": Engine("OpenVINO", _openvino, ("openvino", "onnx")),
    "ncnn": Engine("ncnn", _ncnn, ("ncnn",)),
    "opencv": Engine("OpenCV", _opencv, ("cv2",)),
}
ENGINES = OURS | PEERS
