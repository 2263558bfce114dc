"""Looking into networks: what is found is right, and nothing is changed by looking."""

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn
from fastconv.nn import inspect

rng = np.random.default_rng(0)


class Bend(nn.Module):
    """x**2 / 2 in evaluation, and something else in training."""

    def forward(self, x):
        self.remember(x)
        return np.ones_like(x) if self.training else x * x / 2

    def backward(self, gy):
        return gy * self.remembered()


def network(dtype=np.float64):
    nn.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, dtype=dtype),
        Bend(),
        nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 6, dtype=dtype)),
    )


def images(count=4, dtype=np.float64):
    return rng.standard_normal((count, 2, 6, 7)).astype(dtype)


def looks(model):
    """Every way to look into the network, by name."""
    x = images()
    return {
        "feature_maps": lambda: inspect.feature_maps(model, x, "1"),
        "filters": lambda: inspect.filters(model),
        "saliency": lambda: inspect.saliency(model, x, 2),
        "occlusion": lambda: inspect.occlusion(model, x, 2),
        "confusion_matrix": lambda: inspect.confusion_matrix(model, x, np.zeros(4, int)),
    }


@pytest.mark.parametrize("name", looks(network()))
@pytest.mark.parametrize("fails", [False, True])
def test_looking_changes_nothing(name, fails, monkeypatch):
    model = network().train()
    model[2].eval()
    model[0].weight.requires_grad = False
    y = model(images())
    model.backward(np.ones_like(y))
    expected = model.backward(np.ones_like(y))
    state = {key: value.copy() for key, value in model.state_dict().items()}
    grads = [None if p.grad is None else p.grad.copy() for p in model.parameters()]
    if fails:
        monkeypatch.setattr(Bend, "forward", lambda self, x: 1 / 0)
        if name != "filters":
            with pytest.raises(ZeroDivisionError):
                looks(model)[name]()
        monkeypatch.undo()
    else:
        looks(model)[name]()
    assert [m.training for m in model.modules()] == [True, True, True, False, False, False]
    assert [p.requires_grad for p in model.parameters()] == [False, True, True, True]
    for parameter, grad in zip(model.parameters(), grads, strict=True):
        assert (parameter.grad is None) == (grad is None)
        if grad is not None:
            np.testing.assert_array_equal(parameter.grad, grad)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[key])
    assert not any(m._hooks for m in model.modules())
    assert nn.is_grad_enabled()
    # The forward pass before the look can still be gone back through.
    np.testing.assert_array_equal(model.backward(np.ones_like(y)), expected)


# ---- Feature maps and filters


@pytest.mark.parametrize("name", ["0", "1", "2", "2.0", "2.1"])
def test_feature_maps_are_a_layers_output_in_evaluation(name):
    model, x = network(), images()
    model.eval()
    seen = {}
    for key, layer in model.named_modules():
        layer.register_forward_hook(lambda layer, x, y, key=key: seen.update({key: y}))
    model(x)
    found = inspect.feature_maps(model.train(), x, name)
    np.testing.assert_array_equal(found, seen[name])


def test_feature_maps_name_the_layers_that_there_are():
    model = network()
    with pytest.raises(ValueError, match=r"name: 'conv1'; 0, 1, 2, 2\.0, 2\.1 are allowed"):
        inspect.feature_maps(model, images(), "conv1")
    model.unused = nn.Identity()
    model.forward = lambda x: x
    with pytest.raises(ValueError, match="'unused': the network does not call that layer"):
        inspect.feature_maps(model, images(), "unused")


def test_filters_are_a_copy_of_the_first_convolution():
    model = network()
    found = inspect.filters(model)
    np.testing.assert_array_equal(found, model[0].weight.data)
    assert not np.shares_memory(found, model[0].weight.data)
    np.testing.assert_array_equal(inspect.filters(model[0]), found)
    with pytest.raises(ValueError, match="layer: Linear holds no convolution"):
        inspect.filters(nn.Linear(2, 3))


# ---- Saliency


def score(model, x, target):
    model.eval()
    with nn.no_grad():
        return model(x)[np.arange(len(x)), target]


@pytest.mark.parametrize("target", [3, [5, 0, 1, 5], None])
def test_saliency_is_the_gradient_of_the_score(target):
    model, x = network(), images()
    gradient = inspect.saliency(model, x, target)
    assert gradient.shape == x.shape
    chosen = model.eval()(x).argmax(1) if target is None else np.broadcast_to(target, 4)
    direction = rng.standard_normal(x.shape)
    step = 1e-5
    ahead, behind = (score(model, x + s * direction, chosen) for s in (step, -step))
    along = (gradient * direction).sum((1, 2, 3))
    np.testing.assert_allclose(along, (ahead - behind) / (2 * step), rtol=1e-6)


def test_saliency_equals_torch():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(60, 6))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.Flatten(), torch.nn.Linear(60, 6)
    )
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = images(3, np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    theirs(tensor)[torch.arange(3), [1, 5, 0]].sum().backward()
    gradient = inspect.saliency(ours, x, [1, 5, 0])
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("look", [inspect.saliency, inspect.occlusion])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (6, "target: 6; 0 to 5 are allowed"),
        (-1, "target: -1; 0 to 5 are allowed"),
        (1.0, "target: 1.0; a class or an array of 4 classes"),
        ([1, 2], "an array of 4 classes is allowed"),
    ],
)
def test_a_class_that_there_is_not_is_named(look, target, message):
    with pytest.raises(ValueError, match=f"{look.__name__}: .*{message}"):
        look(network(), images(), target)


@pytest.mark.parametrize("look", [inspect.saliency, inspect.occlusion])
def test_scores_must_be_one_line_an_image(look):
    with pytest.raises(ValueError, match=r"an output of shape \(4, 3, 4, 5\) for 4 images"):
        look(nn.Sequential(network()[0]), images())


# ---- Occlusion


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (3, 2), (2, 3), (6, 1), (4, 9)])
@pytest.mark.parametrize("batch", [256, 5])
def test_occlusion_hides_every_part_in_its_turn(window, stride, batch, monkeypatch):
    monkeypatch.setattr(inspect, "BATCH", batch)
    model, x, target = network(), images(3), np.array([4, 0, 4])
    found = inspect.occlusion(model, x, target, window, stride, fill=0.5)
    tops = sorted({*range(0, 6 - window + 1, stride), 6 - window})
    lefts = sorted({*range(0, 7 - window + 1, stride), 7 - window})
    assert found.shape == (3, len(tops), len(lefts))
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            hidden = x.copy()
            hidden[:, :, top : top + window, left : left + window] = 0.5
            np.testing.assert_allclose(found[:, row, column], score(model, hidden, target))


def test_occlusion_takes_the_best_class_of_the_whole_image():
    model, x = network(np.float32), images(3, np.float32)
    found = inspect.occlusion(model, x)
    assert found.dtype == np.float32
    best = model.eval()(x).argmax(1)
    np.testing.assert_array_equal(found, inspect.occlusion(model, x, best))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 7}, "window: 7; 1 to 6, the images' size"),
        ({"window": 0}, "window: 0; 1 to 6"),
        ({"stride": 0}, "stride: 0; at least 1"),
    ],
)
def test_occlusion_checks_its_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        inspect.occlusion(network(), images(), 0, **arguments)
    with pytest.raises(ValueError, match=r"x: shape \(2, 6, 7\); \(N, C, H, W\)"):
        inspect.occlusion(network(), images()[0], 0)
    for argument in ("window", "stride"):
        with pytest.raises(TypeError, match=rf"occlusion: {argument} is 1\.0"):
            inspect.occlusion(network(), images(), 0, **{argument: 1.0})


# ---- The confusion matrix


@pytest.mark.parametrize("batch", [256, 7])
def test_the_confusion_matrix_counts_every_image(batch, monkeypatch):
    monkeypatch.setattr(inspect, "BATCH", batch)
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = rng.standard_normal((50, 4)), rng.integers(0, 4, 50)
    found = inspect.confusion_matrix(nn.Identity(), scores, labels)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, metrics.confusion_matrix(labels, scores.argmax(1)))
    larger = inspect.confusion_matrix(nn.Identity(), scores, labels, 6)
    np.testing.assert_array_equal(larger[:4, :4], found)
    assert larger.sum() == 50


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "u8", ">i8"])
def test_the_confusion_matrix_takes_labels_of_any_integers(kind):
    """Their products with the number of classes do not fit a byte."""
    labels = rng.integers(0, 100, 500)
    scores = np.eye(100)[rng.permutation(labels)]
    found = inspect.confusion_matrix(nn.Identity(), scores, labels.astype(kind))
    np.testing.assert_array_equal(found, inspect.confusion_matrix(nn.Identity(), scores, labels))
    np.testing.assert_array_equal(found.sum(1), np.bincount(labels, minlength=100))


def test_the_confusion_matrix_names_labels_that_do_not_fit():
    scores = rng.standard_normal((5, 4))
    for labels in (np.arange(4), np.ones(5), np.ones((5, 1), int)):
        with pytest.raises(ValueError, match="confusion_matrix: labels: shape"):
            inspect.confusion_matrix(nn.Identity(), scores, labels)
    with pytest.raises(ValueError, match="classes: 4; labels and predictions are from 0 to 4"):
        inspect.confusion_matrix(nn.Identity(), scores, np.arange(5))
    with pytest.raises(ValueError, match="labels and predictions are from -1"):
        inspect.confusion_matrix(nn.Identity(), scores, np.arange(5) - 1)


def test_results_do_not_depend_on_threads():
    model, x = network(), images()

    def found():
        return inspect.saliency(model, x, 1).tobytes() + inspect.occlusion(model, x, 1).tobytes()

    with fc.num_threads(1):
        one = found()
    with fc.num_threads(4):
        assert found() == one
