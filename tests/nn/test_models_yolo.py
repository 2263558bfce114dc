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


# ---- The boxes -----------------------------------------------------------------------------------


def torch_decode(prediction, classes, boxes, threshold, overlap_):
    """Box by box, and then each against every better one of its class, in plain words of torch."""
    results = []
    for image in torch.tensor(prediction):
        _, rows, columns = image.shape
        found = []
        for b in range(boxes):
            x, y, w, h, confidence = image[5 * b : 5 * b + 5]
            for row in range(rows):
                for column in range(columns):
                    box = (
                        (column + x[row, column]) / columns,
                        (row + y[row, column]) / rows,
                        w[row, column] ** 2,
                        h[row, column] ** 2,
                    )
                    for kind in range(classes):
                        score = confidence[row, column].clamp(min=0)
                        score = score * image[5 * boxes + kind, row, column].clamp(min=0)
                        if score > threshold:
                            found.append((score.item(), kind, [float(v) for v in box]))
        found.sort(key=lambda one: -one[0])
        kept = []
        for score, kind, box in found:
            if all(k != kind or overlap(box, b) <= overlap_ for _, k, b in kept):
                kept.append((score, kind, box))
        results.append(kept)
    return results


@pytest.mark.parametrize("boxes", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_boxes_are_those_of_a_plain_decoder(boxes, dtype):
    rng = np.random.default_rng(boxes)
    prediction = rng.uniform(-0.3, 1, (3, 5 * boxes + 3, 4, 6)).astype(dtype)
    kept = prediction.copy()
    for threshold, limit in ((0.2, 0.5), (0.0, 0.1), (0.6, 1.0), (2.0, 0.5)):
        found = nn.models.yolo_decode(prediction, 3, boxes, threshold=threshold, overlap=limit)
        expected = torch_decode(prediction, 3, boxes, threshold, limit)
        assert len(found) == len(expected) == 3
        for ours, theirs in zip(found, expected, strict=True):
            k = len(theirs)
            assert ours.boxes.shape == (k, 4)
            assert ours.boxes.dtype == ours.scores.dtype == dtype
            assert ours.classes.dtype == np.int64
            assert ours.classes.tolist() == [kind for _, kind, _ in theirs]
            np.testing.assert_allclose(ours.scores, [score for score, _, _ in theirs], rtol=1e-6)
            middles = np.array([box for _, _, box in theirs]).reshape(k, 4)
            sides = middles[:, :2] - middles[:, 2:] / 2, middles[:, :2] + middles[:, 2:] / 2
            np.testing.assert_allclose(ours.boxes, np.concatenate(sides, 1), rtol=1e-5, atol=1e-6)
        assert threshold < 1 or not any(map(len, expected))
    np.testing.assert_array_equal(prediction, kept)


def test_of_boxes_of_one_object_the_surest_stays_but_every_class_has_its_own():
    prediction = np.zeros((1, 12, 1, 2))
    for i, (x, confidence) in enumerate([(0.5, 0.9), (0.6, 0.8)]):
        prediction[0, 5 * i : 5 * i + 5, 0, 0] = [x, 0.5, 0.6, 0.6, confidence]
    prediction[0, 10:, 0, 0] = [1, 0.5]
    # From the other cell, half a cell into this one: less than half in common.
    prediction[0, :5, 0, 1] = [0.0, 0.5, 0.6, 0.6, 0.7]
    prediction[0, 10, 0, 1] = 1
    found = nn.models.yolo_decode(prediction, 2)[0]
    np.testing.assert_allclose(found.scores, [0.9, 0.7, 0.45])
    assert found.classes.tolist() == [0, 0, 1]
    everything = nn.models.yolo_decode(prediction, 2, overlap=1.0)[0]
    np.testing.assert_allclose(everything.scores, [0.9, 0.8, 0.7, 0.45, 0.4])


def test_what_a_target_says_is_what_is_decoded():
    """A prediction that the loss calls perfect holds the target's boxes."""
    target = targets(2, 3, (5, 4))
    prediction = np.concatenate([target[:, 1:3], np.sqrt(target[:, 3:5]), target[:, :1]], 1)
    prediction = np.concatenate([prediction, target[:, 5:] * target[:, :1]], 1)
    assert nn.models.YOLOLoss(3, 1)(prediction, target * target[:, :1]) < 1e-12
    for image, found in enumerate(nn.models.yolo_decode(prediction, 3, 1, overlap=1.0)):
        # Equally sure: class by class.
        kind, row, column = np.nonzero(target[image, 5:] * target[image, 0])
        x, y, w, h = target[image, 1:5, row, column].T
        corners = [(column + x) / 4 - w / 2, (row + y) / 5 - h / 2]
        corners += [corners[0] + w, corners[1] + h]
        np.testing.assert_allclose(found.boxes, np.stack(corners, 1), atol=1e-12)
        np.testing.assert_array_equal(found.classes, kind)


def test_negative_scores_and_nan_find_nothing():
    assert len(nn.models.yolo_decode(np.full((1, 30, 7, 7), -2.0))[0].scores) == 0
    assert len(nn.models.yolo_decode(np.full((1, 30, 7, 7), np.nan))[0].scores) == 0
    assert nn.models.yolo_decode(np.zeros((0, 30, 7, 7))) == []


def test_a_prediction_of_another_shape_is_named():
    for classes, boxes, shape in (
        (20, 2, (1, 29, 7, 7)),
        (20, 2, (30, 7, 7)),
        (0, 2, (1, 10, 7, 7)),
    ):
        with pytest.raises(ValueError, match=r"yolo_decode: prediction: shape .*; \(N, .*, S, T\)"):
            nn.models.yolo_decode(np.zeros(shape), classes, boxes)


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
