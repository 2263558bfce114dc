"""All layers of five networks, each shape once: one image, 224 x 224 (LeNet: 32 x 32)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A layer on square arrays; `pool` is "max", "avg" or, for a convolution, ""."""

    name: str
    channels: int
    size: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    pool: str = ""

    @property
    def out_size(self) -> int:
        """Height and width of the result."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1


def _conv(
    name: str,
    channels: int,
    size: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    *,
    padding: int | None = None,
) -> Layer:
    padding = kernel // 2 if padding is None else padding
    return Layer(name, channels, size, out_channels, kernel, stride, padding)


def _grouped(
    name: str, channels: int, size: int, kernel: int, groups: int, stride: int = 1
) -> Layer:
    return Layer(name, channels, size, channels, kernel, stride, kernel // 2, groups=groups)


def _depthwise(name: str, channels: int, size: int, stride: int = 1) -> Layer:
    return _grouped(name, channels, size, 3, channels, stride)


def _pool(
    kind: str, name: str, channels: int, size: int, kernel: int, stride: int, padding: int = 0
) -> Layer:
    return Layer(name, channels, size, channels, kernel, stride, padding, pool=kind)


LENET = [
    _conv("conv1 5x5", 1, 32, 6, 5, padding=0),
    _pool("avg", "pool1 avg 2x2/2", 6, 28, 2, 2),
    _conv("conv2 5x5", 6, 14, 16, 5, padding=0),
    _pool("avg", "pool2 avg 2x2/2", 16, 10, 2, 2),
    _conv("conv3 5x5", 16, 5, 120, 5, padding=0),
]

ALEXNET = [
    _conv("conv1 11x11/4", 3, 224, 64, 11, 4, padding=2),
    _pool("max", "pool1 max 3x3/2", 64, 55, 3, 2),
    _conv("conv2 5x5", 64, 27, 192, 5),
    _pool("max", "pool2 max 3x3/2", 192, 27, 3, 2),
    _conv("conv3 3x3", 192, 13, 384, 3),
    _conv("conv4 3x3", 384, 13, 256, 3),
    _conv("conv5 3x3", 256, 13, 256, 3),
    _pool("max", "pool5 max 3x3/2", 256, 13, 3, 2),
]

VGG16 = [
    _conv("conv1_1 3x3", 3, 224, 64, 3),
    _conv("conv1_2 3x3", 64, 224, 64, 3),
    _pool("max", "pool1 max 2x2/2", 64, 224, 2, 2),
    _conv("conv2_1 3x3", 64, 112, 128, 3),
    _conv("conv2_2 3x3", 128, 112, 128, 3),
    _pool("max", "pool2 max 2x2/2", 128, 112, 2, 2),
    _conv("conv3_1 3x3", 128, 56, 256, 3),
    _conv("conv3_2 3x3", 256, 56, 256, 3),
    _pool("max", "pool3 max 2x2/2", 256, 56, 2, 2),
    _conv("conv4_1 3x3", 256, 28, 512, 3),
    _conv("conv4_2 3x3", 512, 28, 512, 3),
    _pool("max", "pool4 max 2x2/2", 512, 28, 2, 2),
    _conv("conv5_1 3x3", 512, 14, 512, 3),
    _pool("max", "pool5 max 2x2/2", 512, 14, 2, 2),
]

RESNET50 = [
    _conv("conv1 7x7/2", 3, 224, 64, 7, 2),
    _pool("max", "pool1 max 3x3/2", 64, 112, 3, 2, 1),
    _conv("c2 1x1 64-64", 64, 56, 64, 1),
    _conv("c2 3x3 64", 64, 56, 64, 3),
    _conv("c2 1x1 64-256", 64, 56, 256, 1),
    _conv("c2 1x1 256-64", 256, 56, 64, 1),
    _conv("c3 1x1 256-128", 256, 56, 128, 1),
    _conv("c3 3x3/2 128", 128, 56, 128, 3, 2),
    _conv("c3 1x1/2 256-512", 256, 56, 512, 1, 2),
    _conv("c3 3x3 128", 128, 28, 128, 3),
    _conv("c3 1x1 128-512", 128, 28, 512, 1),
    _conv("c3 1x1 512-128", 512, 28, 128, 1),
    _conv("c4 1x1 512-256", 512, 28, 256, 1),
    _conv("c4 3x3/2 256", 256, 28, 256, 3, 2),
    _conv("c4 1x1/2 512-1024", 512, 28, 1024, 1, 2),
    _conv("c4 3x3 256", 256, 14, 256, 3),
    _conv("c4 1x1 256-1024", 256, 14, 1024, 1),
    _conv("c4 1x1 1024-256", 1024, 14, 256, 1),
    _conv("c5 1x1 1024-512", 1024, 14, 512, 1),
    _conv("c5 3x3/2 512", 512, 14, 512, 3, 2),
    _conv("c5 1x1/2 1024-2048", 1024, 14, 2048, 1, 2),
    _conv("c5 3x3 512", 512, 7, 512, 3),
    _conv("c5 1x1 512-2048", 512, 7, 2048, 1),
    _conv("c5 1x1 2048-512", 2048, 7, 512, 1),
    _pool("avg", "global pool avg 7x7", 2048, 7, 7, 1),
]

MOBILENETV2 = [
    _conv("stem 3x3/2", 3, 224, 32, 3, 2),
    _depthwise("depthwise 32 at 112", 32, 112),
    _conv("1x1 32-16 at 112", 32, 112, 16, 1),
    _conv("1x1 16-96 at 112", 16, 112, 96, 1),
    _depthwise("depthwise/2 96 at 112", 96, 112, 2),
    _conv("1x1 96-24 at 56", 96, 56, 24, 1),
    _conv("1x1 24-144 at 56", 24, 56, 144, 1),
    _depthwise("depthwise 144 at 56", 144, 56),
    _conv("1x1 144-24 at 56", 144, 56, 24, 1),
    _depthwise("depthwise/2 144 at 56", 144, 56, 2),
    _conv("1x1 144-32 at 28", 144, 28, 32, 1),
    _conv("1x1 32-192 at 28", 32, 28, 192, 1),
    _depthwise("depthwise 192 at 28", 192, 28),
    _conv("1x1 192-32 at 28", 192, 28, 32, 1),
    _depthwise("depthwise/2 192 at 28", 192, 28, 2),
    _conv("1x1 192-64 at 14", 192, 14, 64, 1),
    _conv("1x1 64-384 at 14", 64, 14, 384, 1),
    _depthwise("depthwise 384 at 14", 384, 14),
    _conv("1x1 384-64 at 14", 384, 14, 64, 1),
    _conv("1x1 384-96 at 14", 384, 14, 96, 1),
    _conv("1x1 96-576 at 14", 96, 14, 576, 1),
    _depthwise("depthwise 576 at 14", 576, 14),
    _conv("1x1 576-96 at 14", 576, 14, 96, 1),
    _depthwise("depthwise/2 576 at 14", 576, 14, 2),
    _conv("1x1 576-160 at 7", 576, 7, 160, 1),
    _conv("1x1 160-960 at 7", 160, 7, 960, 1),
    _depthwise("depthwise 960 at 7", 960, 7),
    _conv("1x1 960-160 at 7", 960, 7, 160, 1),
    _conv("1x1 960-320 at 7", 960, 7, 320, 1),
    _conv("1x1 320-1280 at 7", 320, 7, 1280, 1),
    _pool("avg", "global pool avg 7x7", 1280, 7, 7, 1),
]

NETWORKS = {
    "lenet": LENET,
    "alexnet": ALEXNET,
    "vgg16": VGG16,
    "resnet50": RESNET50,
    "mobilenetv2": MOBILENETV2,
}

# Convolutions of other networks, of kinds that those above lack.
OTHERS = [
    _conv("3x3 48-96 at 35", 48, 35, 96, 3),
    _conv("5x5 48-64 at 35", 48, 35, 64, 5),
    _conv("3x3/2 288-384 at 35", 288, 35, 384, 3, 2, padding=0),
    _conv("3x3 17-33 at 29", 17, 29, 33, 3),
    _conv("3x3 64-64 at 8", 64, 8, 64, 3),
    _conv("3x3 32-32 at 32", 32, 32, 32, 3),
    _conv("3x3/3 32-32 at 96", 32, 96, 32, 3, 3, padding=0),
    _conv("4x4/4 3-96 at 224", 3, 224, 96, 4, 4, padding=0),
    _conv("16x16/16 3-768 at 224", 3, 224, 768, 16, 16, padding=0),
    _conv("1x1 72-24 at 56", 72, 56, 24, 1),
    _conv("1x1 1280-1000 at 1", 1280, 1, 1000, 1),
    _grouped("3x3 128 at 56, 32 groups", 128, 56, 3, 32),
    _grouped("3x3 256 at 14, 8 groups", 256, 14, 3, 8),
    _grouped("5x5 depthwise 240 at 28", 240, 28, 5, 240),
    _grouped("7x7 depthwise 96 at 56", 96, 56, 7, 96),
    _grouped("3x3 depthwise 3 at 512", 3, 512, 3, 3),
]

# Kernels large enough that Fourier transforms are considered, and some that are not quite.
LARGE = [
    _conv("5x5 1-1 at 512", 1, 512, 1, 5),
    _conv("9x9 1-64 at 33", 1, 33, 64, 9),
    _conv("9x9 3-32 at 256", 3, 256, 32, 9),
    _conv("13x13 1-1 at 128", 1, 128, 1, 13),
    _conv("15x15 1-1 at 512", 1, 512, 1, 15),
    _conv("11x11 64-64 at 56", 64, 56, 64, 11),
    _conv("21x21 16-16 at 56", 16, 56, 16, 21),
    _conv("63x63 1-1 at 1024", 1, 1024, 1, 63),
    _grouped("13x13 depthwise 1024 at 7", 1024, 7, 13, 1024),
    _grouped("27x27 depthwise 512 at 14", 512, 14, 27, 512),
    _grouped("29x29 depthwise 256 at 28", 256, 28, 29, 256),
    _grouped("31x31 depthwise 128 at 56", 128, 56, 31, 128),
    _grouped("11x11 depthwise 3 at 512", 3, 512, 11, 3),
    _grouped("7x7 64 at 56, 16 groups", 64, 56, 7, 16),
]

CONVOLUTIONS = {
    name: [layer for layer in layers if not layer.pool] for name, layers in NETWORKS.items()
} | {"others": OTHERS, "large kernels": LARGE}

QUICK = {
    "lenet": {layer.name for layer in LENET},
    "alexnet": {"conv1 11x11/4", "conv2 5x5", "conv3 3x3", "pool1 max 3x3/2"},
    "vgg16": {"conv1_1 3x3", "conv3_1 3x3", "conv5_1 3x3", "pool3 max 2x2/2"},
    "resnet50": {
        "conv1 7x7/2",
        "c2 3x3 64",
        "c3 1x1 128-512",
        "c4 3x3 256",
        "pool1 max 3x3/2",
        "global pool avg 7x7",
    },
    "mobilenetv2": {
        "stem 3x3/2",
        "depthwise 144 at 56",
        "depthwise/2 96 at 112",
        "1x1 96-24 at 56",
    },
}
