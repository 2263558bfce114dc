"""U-Net, FCN-8s and HED: equal to torch, and as large as published."""

import numpy as np
import pytest
from helpers.layers_nn import assert_close, check_gradients, draw
from helpers.networks_nn import (
    assert_network_equals,
    check_directions,
    check_elements,
    dropout,
    parameter_count,
    randomise,
)

from fastconv import nn
from fastconv.testing import gradcheck

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
    check_elements(randomise(nn.models.unet(1, 2, 1, depth=2, padding=1), 1.4), draw((1, 1, 8, 8)))
    net = randomise(nn.models.unet(1, 2, width=2, depth=3, padding=0), 1.4)
    check_directions(net, draw((1, 1, 92, 92)), directions=1)


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


# ---- FCN-8s --------------------------------------------------------------------------------------


def torch_fcn8s(p, x):
    def stage(name, numbers, x, padding=1):
        for i, number in enumerate(numbers):
            x = F.relu(conv(p, f"{name}.{number}", x, padding=1 if i else padding))
        return F.max_pool2d(x, 2, ceil_mode=True)

    def up(name, x, stride):
        return F.conv_transpose2d(x, p[f"{name}.weight"], stride=stride)

    def part(x, like, offset):
        height, width = like.shape[2:]
        return x[:, :, offset : offset + height, offset : offset + width]

    image, whole = x, "body"
    x = stage(whole, (0, 2), x, padding=100)
    x = stage(whole, (5, 7), x)
    pool3 = stage(whole, (10, 12, 14), x)
    middle = f"{whole}.17.body"
    pool4 = stage(middle, (0, 2, 4), pool3)
    deepest = f"{middle}.7.body"
    x = stage(deepest, (0, 2, 4), pool4)
    x = dropout(p, f"{deepest}.9", F.relu(conv(p, f"{deepest}.7", x)))
    x = dropout(p, f"{deepest}.12", F.relu(conv(p, f"{deepest}.10", x)))
    x = up(f"{deepest}.14", conv(p, f"{deepest}.13", x), 2)
    x = up(f"{middle}.8", x + part(conv(p, f"{middle}.7.shortcut", pool4), x, 5), 2)
    x = up(f"{whole}.18", x + part(conv(p, f"{whole}.17.shortcut", pool3), x, 9), 8)
    return part(x, image, 31)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(20, 37), (64, 33)])
def test_fcn8s_equals_torch(size, training):
    net = randomise(nn.models.fcn8s(2, 5, width=2, hidden=6), 1.4)
    assert_network_equals(net, torch_fcn8s, draw((2, 2, *size)), training=training)


def test_fcn8s_gradients_are_those_of_differences():
    net = randomise(nn.models.fcn8s(1, 3, width=1, hidden=8), 1.4)
    check_directions(net, draw((1, 1, 24, 20)))


def test_fcn8s_is_as_large_as_published():
    assert parameter_count(nn.models.fcn8s()) == 134_489_759  # "134M", table 1


def test_fcn8s_begins_with_scores_of_zero_and_interpolation():
    net = nn.models.fcn8s(3, 4, width=2, hidden=4)
    assert not net(draw((1, 3, 32, 32))).any()
    up = net.body[-1]
    y = up(np.ones((1, 4, 6, 6), np.float32))
    np.testing.assert_allclose(y[:, :, 8:-8, 8:-8], 1, rtol=1e-5)


# ---- HED -----------------------------------------------------------------------------------------


def torch_hed(p, x):
    size, maps = x.shape[2:], []
    for number, numbers in enumerate([(0, 2), (1, 3), (1, 3, 5), (1, 3, 5), (1, 3, 5)]):
        if number:
            x = F.max_pool2d(x, 2, ceil_mode=True)
        for i in numbers:
            x = F.relu(conv(p, f"stages.{number}.{i}", x, padding=1))
        y = conv(p, f"sides.{number}.0", x)
        if number:
            y = F.interpolate(y, scale_factor=2**number, mode="bilinear", align_corners=False)
        maps.append(y[:, :, : size[0], : size[1]])
    maps = torch.cat(maps, 1)
    return torch.cat([maps, conv(p, "fuse", maps)], 1)


@pytest.mark.parametrize("size", [(32, 48), (35, 21)])
def test_hed_equals_torch(size):
    net = randomise(nn.models.hed(3, width=3), 1.4)
    assert_network_equals(net, torch_hed, draw((2, 3, *size)))


def test_hed_gradients_are_those_of_differences():
    net = randomise(nn.models.hed(1, width=2), 1.4)
    check_directions(net, draw((1, 1, 33, 34)))


def test_hed_is_as_large_as_published():
    assert parameter_count(nn.models.hed()) == 14_716_171


def torch_hed_loss(maps, edge):
    """The paper's equations, image by image and map by map."""
    total = 0
    for image, truth in zip(maps, edge[:, 0], strict=True):
        positive = truth == 1
        beta = (~positive).sum().item() / truth.numel()
        for one in image:
            total = total - beta * F.logsigmoid(one[positive]).sum()
            total = total - (1 - beta) * F.logsigmoid(-one[~positive]).sum()
    return total / len(maps)


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_hed_loss_and_gradient_equal_the_papers_sums(share):
    maps = 3 * draw((3, 6, 7, 9), "float64")
    edge = (np.random.default_rng(0).random((3, 1, 7, 9)) < share).astype(np.float64)
    given = torch.tensor(maps, requires_grad=True)
    expected = torch_hed_loss(given, torch.tensor(edge))
    expected.backward()
    loss, kept = nn.models.HEDLoss(), maps.copy()
    assert_close(np.asarray(loss(maps, edge)), expected.detach().numpy(), "loss")
    assert_close(loss.backward(), given.grad.numpy(), "gradient")
    np.testing.assert_array_equal(maps, kept)
    single = nn.models.HEDLoss()
    value = single(maps.astype(np.float32), edge.astype(np.uint8))
    assert value.dtype == np.float32
    assert abs(value - expected.item()) <= 1e-5 * expected.item()
    assert_close(single.backward(), given.grad.numpy().astype(np.float32), "float32 gradient")


def test_hed_loss_gradient_is_that_of_differences_for_every_reduction():
    maps = draw((2, 3, 4, 5), "float64")
    edge = (draw((2, 1, 4, 5)) > 0.5).astype(np.float64)
    for reduction in ("mean", "sum", "none"):
        loss = nn.models.HEDLoss(reduction)
        gradcheck(
            lambda x, loss=loss: np.asarray(loss(x, edge)),
            lambda gy, x, loss=loss: [loss.backward(gy)],
            [maps],
        )


def test_hed_loss_is_finite_for_any_score_and_names_wrong_shapes():
    loss = nn.models.HEDLoss()
    edge = np.zeros((1, 1, 1, 2))
    edge[..., 0] = 1
    assert loss(np.array([[[[1e6, -1e6]]]]), edge) == 0
    assert loss(np.array([[[[-1e6, 1e6]]]]), edge) == 1e6
    assert np.isfinite(loss.backward()).all()
    with pytest.raises(ValueError, match=r"HEDLoss: output: shape \(1, 2\)"):
        loss(edge[0, 0], edge)
    with pytest.raises(ValueError, match=r"HEDLoss: target: shape .*; \(1, 1, 1, 2\) is allowed"):
        loss(np.zeros((1, 6, 1, 2)), np.zeros((1, 6, 1, 2)))
    with pytest.raises(RuntimeError, match="HEDLoss: backward"):
        nn.models.HEDLoss().backward()


def test_hed_learns_to_find_edges():
    nn.manual_seed(0)
    net, loss = nn.models.hed(1, width=4), nn.models.HEDLoss()
    x = np.zeros((2, 1, 32, 32), np.float32)
    x[0, :, 8:24, 8:24], x[1, :, :, 16:] = 1, 1
    edge = np.zeros_like(x)
    for axis in (2, 3):
        edge[np.roll(x, 1, axis) != x] = 1
    optimiser = nn.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        losses.append(loss(net(x), edge))
        optimiser.zero_grad()
        net.backward(loss.backward())
        optimiser.step()
    assert losses[-1] < 0.6 * losses[0]


def test_hed_wants_a_side_of_each_stage():
    two = nn.Sequential(nn.Identity(), nn.Identity())
    with pytest.raises(ValueError, match="HED: sides: 1; one of each of the 2 stages"):
        nn.models.HED(two, nn.Sequential(nn.Identity()), nn.Conv2d(1, 1, 1))
