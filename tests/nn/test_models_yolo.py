"""The tiny YOLO and its loss: equal to torch, cell by cell."""

import numpy as np
import pytest
from helpers.layers_nn import assert_close, draw
from helpers.networks_nn import assert_network_equals, check_directions, randomise

from fastconv import nn
from fastconv.testing import gradcheck

torch = pytest.importorskip("torch")
F = torch.nn.functional


def targets(n, classes, grid, seed=0):
    """Objects in about half of the cells."""
    rng = np.random.default_rng(seed)
    target = np.zeros((n, 5 + classes, *grid))
    target[:, 1:5] = rng.uniform(0.05, 0.95, (n, 4, *grid))
    kinds = rng.integers(0, classes, (n, *grid))
    target[:, 5:] = np.arange(classes)[None, :, None, None] == kinds[:, None]
    target[:, 0] = rng.random((n, *grid)) < 0.5
    return target


def overlap(a, b):
    """Of two boxes (x, y, w, h) in plain numbers."""
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    common = max(width, 0) * max(height, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def torch_loss(prediction, target, boxes, coord, no_object, by_overlap):
    """The paper's equation 3, term by term."""
    total = 0
    n, _, rows, columns = prediction.shape
    for image, row, column in np.ndindex(n, rows, columns):
        p, t = prediction[image, :, row, column], target[image, :, row, column]
        if t[0]:
            shared = []
            for b in range(boxes):
                x, y, w, h = p[5 * b : 5 * b + 4].tolist()
                box = ((column + x) / columns, (row + y) / rows, w * w, h * h)
                other = ((column + t[1]) / columns, (row + t[2]) / rows, t[3], t[4])
                shared.append(overlap(box, other))
            answers = int(np.argmax(shared))
            total = total + ((p[5 * boxes :] - torch.tensor(t[5:])) ** 2).sum()
        else:
            answers = -1
        for b in range(boxes):
            x, y, w, h, confidence = p[5 * b : 5 * b + 5]
            if b != answers:
                total = total + no_object * confidence**2
                continue
            total = total + coord * ((x - t[1]) ** 2 + (y - t[2]) ** 2)
            total = total + coord * ((w - t[3] ** 0.5) ** 2 + (h - t[4] ** 0.5) ** 2)
            total = total + (confidence - (shared[b] if by_overlap else 1)) ** 2
    return total / n


@pytest.mark.parametrize("boxes", [1, 2, 3])
@pytest.mark.parametrize("by_overlap", [True, False])
def test_loss_and_gradient_equal_the_papers_sum(boxes, by_overlap):
    prediction = draw((2, 5 * boxes + 4, 3, 5), "float64") / 2
    target = targets(2, 4, (3, 5))
    loss = nn.models.YOLOLoss(4, boxes, coord=4.0, no_object=0.3, overlap=by_overlap)
    given = torch.tensor(prediction, requires_grad=True)
    expected = torch_loss(given, target, boxes, 4.0, 0.3, by_overlap)
    expected.backward()
    kept = prediction.copy(), target.copy()
    value = loss(prediction, target)
    assert value.dtype == np.float64
    assert abs(value - expected.item()) < 1e-10 * expected.item()
    assert_close(loss.backward(), given.grad.numpy(), "gradient")
    np.testing.assert_array_equal(prediction, kept[0])
    np.testing.assert_array_equal(target, kept[1])
    single = nn.models.YOLOLoss(4, boxes, coord=4.0, no_object=0.3, overlap=by_overlap)
    assert abs(single(prediction.astype(np.float32), target) - value) < 1e-5 * value
    assert_close(single.backward(), given.grad.numpy().astype(np.float32), "float32 gradient")


def test_loss_gradient_is_that_of_differences():
    """With a fixed confidence: the overlap is a target, through which there is no gradient."""
    loss = nn.models.YOLOLoss(3, 2, overlap=False)
    target = targets(2, 3, (3, 3))
    gradcheck(
        lambda x: np.array([loss(x, target)]),
        lambda gy, x: [loss.backward() * gy],
        [draw((2, 13, 3, 3), "float64") / 2],
    )


def test_without_objects_only_confidences_count():
    loss = nn.models.YOLOLoss(2, 1)
    prediction = np.ones((1, 7, 2, 2), np.float32)
    assert loss(prediction, np.zeros((1, 7, 2, 2), np.float32)) == 0.5 * 4
    assert np.flatnonzero(loss.backward().any((0, 2, 3))).tolist() == [4]


def test_reductions_are_those_of_other_losses():
    prediction, target = draw((3, 9, 2, 2), "float32"), targets(3, 4, (2, 2)).astype(np.float32)
    each = nn.models.YOLOLoss(4, 1, reduction="none")
    values = each(prediction, target)
    assert values.shape == (3,)
    assert values.dtype == np.float32
    gy = np.float32([1, -2, 0.5])
    gradient = each.backward(gy)
    for i in range(3):
        part = slice(i, i + 1)
        for reduction in ("mean", "sum"):
            one = nn.models.YOLOLoss(4, 1, reduction=reduction)
            assert_close(one(prediction[part], target[part]), values[i], "one image")
            assert_close(gy[i] * one.backward(), gradient[part], "its gradient")
    total = nn.models.YOLOLoss(4, 1, reduction="sum")
    assert_close(total(prediction, target), values.sum(), "sum")
    assert_close(total.backward(2.0), each.backward(np.full(3, 2, np.float32)), "its gradient")


def test_boxes_of_no_size_have_no_overlap_and_no_nan():
    loss = nn.models.YOLOLoss(1, 2)
    target = np.zeros((1, 6, 1, 1))
    target[0, 0] = 1
    assert loss(np.zeros((1, 11, 1, 1)), target) == 0
    assert np.isfinite(loss.backward()).all()


def test_wrong_shapes_are_named():
    loss = nn.models.YOLOLoss(3, 2)
    good = np.zeros((1, 13, 7, 7)), np.zeros((1, 8, 7, 7))
    with pytest.raises(ValueError, match=r"prediction: shape .*; \(N, 13, S, T\) is allowed"):
        loss(good[0][:, 1:], good[1])
    with pytest.raises(ValueError, match=r"target: shape .*; \(N, 8, S, T\) is allowed"):
        loss(good[0], good[1][:, 1:])
    with pytest.raises(ValueError, match=r"target: shape .* batch and grid"):
        loss(good[0], good[1][..., 1:])
    with pytest.raises(RuntimeError, match="YOLOLoss: backward"):
        nn.models.YOLOLoss(3).backward()
    with pytest.raises(ValueError, match="YOLOLoss: classes, boxes: 0, 2"):
        nn.models.YOLOLoss(0)


# ---- The network ---------------------------------------------------------------------------------


def torch_tiny_yolo(training):
    def block(p, number, x):
        x = F.conv2d(x, p[f"{number}.weight"], padding=1)
        name = str(number + 1)
        if training:
            p[f"{name}.num_batches_tracked"] += 1
        mean, var = p[f"{name}.running_mean"], p[f"{name}.running_var"]
        x = F.batch_norm(x, mean, var, p[f"{name}.weight"], p[f"{name}.bias"], training)
        return F.leaky_relu(x, 0.1)

    def run(p, x):
        for i in range(6):
            x = F.max_pool2d(block(p, 4 * i, x), 2)
        x = block(p, 27, block(p, 24, x))
        return F.conv2d(x, p["30.weight"], p["30.bias"])

    return run


@pytest.mark.parametrize("training", [True, False])
def test_the_network_equals_torch(training):
    net = randomise(nn.models.tiny_yolo(3, 4, width=2), 1.4)
    x = draw((3, 3, 128, 192))
    tolerance = {"float64": 1e-8, "float32": 5e-3}
    assert_network_equals(net, torch_tiny_yolo(training), x, training=training, tolerance=tolerance)


def test_the_networks_gradients_are_those_of_differences():
    check_directions(randomise(nn.models.tiny_yolo(1, 3, width=1)), draw((2, 1, 128, 128)))


def test_the_network_has_the_papers_grid():
    net = nn.models.tiny_yolo()
    assert net.eval()(np.zeros((1, 3, 448, 448), np.float32)).shape == (1, 30, 7, 7)


def test_the_network_learns_with_its_loss():
    nn.manual_seed(0)
    net = nn.models.tiny_yolo(1, 2, width=4)
    loss = nn.models.YOLOLoss(2)
    optimiser = nn.Adam(net.parameters(), lr=0.003)
    x, target = draw((4, 1, 128, 128)), targets(4, 2, (2, 2))
    losses = []
    for _ in range(25):
        losses.append(loss(net(x), target))
        optimiser.zero_grad()
        net.backward(loss.backward())
        optimiser.step()
    assert losses[-1] < 0.3 * losses[0]
