"""U-Net, FCN-8s and HED: equal to torch, and as large as published."""

import numpy as np
import pytest
from helpers.layers_nn import check_gradients, draw
from helpers.networks_nn import assert_network_equals, parameter_count, randomise

from fastconv import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional


def conv(p, name, x, **arguments):
    return F.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"], **arguments)


def middle(x, like):
    """The middle of x, as large as another."""
    top = (x.shape[2] - like.shape[2]) // 2
    left = (x.shape[3] - like.shape[3]) // 2
    return x[:, :, top : top + like.shape[2], left : left + like.shape[3]]


def torch_unet(depth, padding):
    def twice(p, name, x):
        x = F.relu(conv(p, f"{name}.0", x, padding=padding))
        return F.relu(conv(p, f"{name}.2", x, padding=padding))

    def run(p, x):
        kept, name = [], "0"
        for _ in range(depth):
            x = twice(p, f"{name}.0", x)
            kept.append((x, name))
            x, name = F.max_pool2d(x, 2), f"{name}.1.body.1"
        x = twice(p, name, x)
        for left, above in reversed(kept):
            up = f"{above}.1.body.2"
            x = F.conv_transpose2d(x, p[f"{up}.weight"], p[f"{up}.bias"], stride=2)
            x = twice(p, f"{above}.2", torch.cat([middle(left, x), x], 1))
        return conv(p, "1", x)

    return run


@pytest.mark.parametrize(
    ("depth", "padding", "size"),
    [(4, 0, (188, 204)), (2, 1, (16, 24)), (3, 1, (19, 30)), (1, 0, (21, 20))],
)
def test_unet_equals_torch(depth, padding, size):
    net = randomise(nn.models.unet(2, 3, width=3, depth=depth, padding=padding), 1.4)
    assert_network_equals(net, torch_unet(depth, padding), draw((2, 2, *size)))


def test_unet_gradients_are_those_of_differences():
    net = randomise(nn.models.unet(1, 2, width=2, depth=2, padding=0), 1.4)
    check_gradients(net, draw((1, 1, 44, 44)), modes=(True,))


def test_unet_has_the_sizes_of_the_paper():
    net = nn.models.unet()
    # A bias a channel; 9 weights a pair in convolutions 3x3, 4 in those upwards.
    down = sum(
        9 * (a * b + b * b) + 2 * b
        for a, b in [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    )
    up = sum(4 * 2 * b * b + b + 9 * (2 * b * b + b * b) + 2 * b for b in (512, 256, 128, 64))
    assert parameter_count(net) == down + up + 2 * 64 + 2 == 31_030_658
    narrow = nn.models.unet(width=1)
    assert narrow(np.zeros((1, 1, 572, 572), np.float32)).shape == (1, 2, 388, 388)


def test_unet_says_that_an_image_is_too_small():
    with pytest.raises(ValueError, match=r"kernel|large|small|size"):
        nn.models.unet(width=1)(np.zeros((1, 1, 100, 100), np.float32))


def test_skips_take_one_image_without_the_batch_axis():
    skips = (
        nn.models.CroppedConcat(nn.Conv2d(2, 3, 5)),
        nn.models.CroppedSum(nn.Conv2d(2, 3, 5), nn.Conv2d(2, 3, 1), 1),
        nn.models.CroppedToInput(nn.Conv2d(2, 3, 1, padding=2), 2),
    )
    for skip in skips:
        x = draw((2, 9, 11))
        y = skip(x)
        np.testing.assert_array_equal(y, skip(x[None])[0])
        skip(x)
        assert skip.backward(y).shape == x.shape
        check_gradients(skip, draw((2, 2, 9, 11)), modes=(True,))


def test_a_part_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="CroppedSum: an image of 3x3 has no part of 3x3 at 1, 1"):
        nn.models.CroppedSum(nn.Identity(), nn.Identity(), 1)(draw((1, 2, 3, 3)))
    with pytest.raises(ValueError, match="CroppedConcat: an image of 3x3 has no part of 5x5"):
        nn.models.CroppedConcat(nn.Conv2d(2, 2, 1, padding=1))(draw((1, 2, 3, 3)))
