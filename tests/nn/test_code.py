"""Networks from a line of letters: what they are made of, and what is said of a bad line."""

import time

import numpy as np
import pytest
from helpers.layers_nn import check_gradients, draw
from helpers.networks_nn import assert_network_equals

from fastconv import nn


def build(code, **arguments):
    given = {"in_channels": 3, "input_shape": (32, 32), "classes": 10, **arguments}
    return nn.from_code(code, **given)


def kinds(net):
    return [type(layer).__name__ for layer in net]


def test_the_lines_network_is_the_one_it_reads():
    net = build("(CR)2P(CR)2PF")
    assert kinds(net) == [
        *("Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"),
        *("Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"),
    ]
    shapes = [layer.weight.shape for layer in net if hasattr(layer, "weight")]
    assert shapes == [(32, 3, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (10, 4096)]
    assert net(draw((2, 3, 32, 32))).shape == (2, 10)


def test_it_equals_torch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional

    def function(p, x):
        for i in (0, 2, "P", 5, 7, "P"):
            if i == "P":
                x = f.max_pool2d(x, 2)
            else:
                x = f.relu(f.conv2d(x, p[f"{i}.weight"], p[f"{i}.bias"], padding=1))
        return f.linear(x.flatten(1), p["11.weight"], p["11.bias"])

    assert_network_equals(build("(CR)2P(CR)2PF", width=4), function, draw((3, 3, 32, 32)))


def test_numbers_repeat_letters_and_nested_groups():
    short, long = build("((CR)2P)3F"), build("CRCRPCRCRPCRCRPF")
    assert repr(short) == repr(long)
    assert repr(build("C2R3F")) == repr(build("CCRRRF"))
    assert repr(build(" ( C R ) 2 P F ")) == repr(build("(CR)2PF"))
    assert repr(build("(CR)02F1")) == repr(build("(CR)2F"))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_images_of_one_to_three_dimensions(n):
    shape = (12, 9, 10)[:n]
    net = build("(CBR)2PCRADGFRBF", input_shape=shape, width=4, hidden=7)
    assert kinds(net)[:3] == [f"Conv{n}d", f"BatchNorm{n}d", "ReLU"]
    assert kinds(net)[6] == f"MaxPool{n}d"
    assert kinds(net)[-6:] == [
        f"AdaptiveAvgPool{n}d",
        "Flatten",
        *("Linear", "ReLU"),
        "BatchNorm1d",
        "Linear",
    ]
    assert [layer.weight.shape for layer in net if type(layer) is nn.Linear] == [(7, 8), (10, 7)]
    assert net(draw((2, 3, *shape))).shape == (2, 10)
    check_gradients(net.eval(), draw((2, 3, *shape)), modes=(False,))


def test_an_int_is_a_shape_of_one_dimension():
    for size in (8, np.int64(8), [8]):
        net = build("CPF", input_shape=size, kernel_size=np.int32(3))
        assert kinds(net) == ["Conv1d", "MaxPool1d", "Flatten", "Linear"]


@pytest.mark.parametrize("kernel_size", [1, 2, 5, (3, 4), (1, 7)])
def test_convolutions_keep_the_size(kernel_size):
    net = build("CCF", kernel_size=kernel_size, input_shape=(11, 12), width=2)
    x = draw((1, 3, 11, 12))
    for convolution in net[:2]:
        x = convolution(x)
        assert x.shape == (1, 2, 11, 12)


def test_odd_sizes_are_rounded_down_by_pooling():
    assert build("CPPF", input_shape=(7, 4), width=4)[-1].weight.shape == (10, 4 * 1 * 1)


def test_arguments_reach_the_layers():
    net = build("CDF2", dropout=0.25, hidden=17, dtype=np.float64)
    assert net[1].p == 0.25
    assert net[3].weight.shape[0] == 17
    assert all(p.dtype == np.float64 for p in net.parameters())


def test_fully_connected_layers_by_themselves_are_a_network():
    assert kinds(build("F")) == ["Flatten", "Linear"]
    assert kinds(build("FRF", input_shape=5)) == ["Flatten", "Linear", "ReLU", "Linear"]


BAD = {
    "(CR)2P(CX)2PF": ("'X' at position 8: C, R, P, A, B, D, G, F, ( or ) is allowed", 8),
    "crf": ("'c' at position 0", 0),
    "C\u00b2F": ("'\u00b2' at position 1", 1),
    "C-F": ("'-' at position 1", 1),
    "3C": ("'3' at position 0: a number is allowed after a letter or a ) only", 0),
    "(2C)F": ("'2' at position 1: a number is allowed after", 1),
    "C2 3F": ("'3' at position 3: a number is allowed after", 3),
    "C0F": ("'0' at position 1: a repetition of 1 or more is allowed", 1),
    "(CR": ("'(' at position 0: there is no ) after it", 0),
    "C((R)F": ("'(' at position 1: there is no ) after it", 1),
    "CR)2F": ("')' at position 2: there is no ( before it", 2),
    "C()F": ("'(' at position 1: the group is empty", 1),
    "CP6F": ("'P' at position 1: the image is 1x1 there; each size must be 2 or more", 1),
    "CGPF": ("'P' at position 2: the image is 1x1 there", 2),
    "((CR)2A)6F": ("'A' at position 6: the image is 1x1 there", 6),
    "CFCF": ("'C' at position 2: after an F there is no image; F, R, B or D is allowed", 2),
    "FPF": ("'P' at position 1: after an F there is no image", 1),
    "C1001F": ("'1' at position 1: more than 1000 layers", 1),
}


@pytest.mark.parametrize("code", BAD)
def test_a_bad_line_is_shown_where_it_is_bad(code):
    message, position = BAD[code]
    with pytest.raises(ValueError, match="from_code: code") as error:
        build(code)
    first, line, pointer = str(error.value).split("\n")
    assert message in first
    assert line == "    " + code
    assert pointer == "    " + " " * position + "^"


def test_a_network_needs_an_output():
    for code in ("", "CR", "(CR)2P"):
        with pytest.raises(ValueError, match="at least one F is needed"):
            build(code)


HOSTILE = [
    "(" * 20 + "C" + ")9" * 20 + "F",
    "(" * 1000 + "C" + ")" * 1000 + "9" * 1000 + "F",
    "C" * 100_000,
    "(" * 4000,
    "C" + "9" * 3990 + "F",
    "C1000(" * 600,
    "(C)1000" * 500 + "F",
    "((C)999)999F",
]


@pytest.mark.parametrize("code", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_line_is_refused_at_once(code):
    start = time.perf_counter()
    with pytest.raises(ValueError, match="from_code: code") as error:
        build(code)
    assert time.perf_counter() - start < 0.5
    assert len(str(error.value)) < 500


def test_a_place_far_into_a_long_line_is_shown():
    with pytest.raises(ValueError, match="'X' at position 500") as error:
        build("C" * 500 + "X" + "C" * 300 + "F")
    _, line, pointer = str(error.value).split("\n")
    assert line[pointer.index("^")] == "X"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_channels": 0}, "in_channels: 0; a positive int is allowed"),
        ({"classes": -1}, "classes: -1; a positive int"),
        ({"width": 0}, "width: 0; a positive int"),
        ({"input_shape": ()}, "input_shape: \\(\\); 1 to 3 sizes are allowed"),
        ({"input_shape": (2, 2, 2, 2)}, "input_shape: .*; 1 to 3 sizes are allowed"),
        ({"input_shape": (8, 0)}, "input_shape: 0; a positive int"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size: .*; an int or 2 of them are allowed"),
        ({"kernel_size": 0}, "kernel_size: 0; a positive int"),
        ({"hidden": 0}, "hidden: 0; a positive int"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"from_code: {message}"):
        build("CFF", **arguments)


def test_bad_types_are_named():
    with pytest.raises(TypeError, match="from_code: code: int; a str is allowed"):
        build(3)
    with pytest.raises(TypeError, match=r"from_code: input_shape: 3\.5; a positive int is allowed"):
        build("CF", input_shape=3.5)
    with pytest.raises(TypeError, match=r"from_code: width: 2\.5; a positive int is allowed"):
        build("CF", width=2.5)
