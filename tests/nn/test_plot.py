"""The figures: a picture for each thing to show, written without a display."""

import io
import subprocess
import sys

import numpy as np
import pytest

from fastconv.nn import plot

figure_module = pytest.importorskip("matplotlib.figure")
rng = np.random.default_rng(0)


def png(figure):
    assert isinstance(figure, figure_module.Figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG\r\n\x1a\n")


def pictures(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


@pytest.mark.parametrize("shape", [(1, 3, 4), (6, 5, 5), (1, 9, 4, 3), (3, 5, 4, 4), (20, 4, 4)])
def test_feature_maps_have_a_picture_each(shape):
    maps = rng.random(shape)
    figure = plot.feature_maps(maps, title="conv1")
    png(figure)
    shown = pictures(figure)
    assert len(shown) == len(figure.axes)
    for picture, expected in zip(shown, maps.reshape(-1, *shape[-2:]), strict=True):
        np.testing.assert_array_equal(picture, expected)
    assert figure.get_suptitle() == "conv1"


@pytest.mark.parametrize(
    ("shape", "count"), [((6, 1, 5, 5), 6), ((9, 3, 3, 3), 9), ((4, 2, 3, 3), 8)]
)
def test_filters_share_a_scale_around_zero(shape, count):
    figure = plot.filters(rng.standard_normal(shape))
    png(figure)
    assert len(pictures(figure)) == count
    if shape[1] != 3:
        limits = {axes.images[0].get_clim() for axes in figure.axes}
        assert len(limits) == 1
        low, high = limits.pop()
        assert low == -high


def test_coloured_filters_show_zero_as_grey():
    weights = np.zeros((2, 3, 3, 3), np.float32)
    weights[0, 0, 0, 0], weights[1, 2, 1, 1] = 2, -1
    first, second = pictures(plot.filters(weights))
    assert tuple(first[0, 0]) == (1.0, 0.5, 0.5)
    assert tuple(second[1, 1]) == (0.5, 0.5, 0.25)
    png(plot.filters(np.zeros((2, 1, 3, 3))))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_saliency_is_the_largest_over_the_channels(channels):
    images = rng.random((3, channels, 6, 5)).astype(np.float32)
    gradients = rng.standard_normal(images.shape).astype(np.float32)
    figure = plot.saliency(images, gradients, title="why", titles=["a", "b", "c"])
    png(figure)
    shown = pictures(figure)
    assert len(shown) == 6
    for picture, gradient in zip(shown[3:], gradients, strict=True):
        np.testing.assert_array_equal(picture, np.abs(gradient).max(0))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["a", "b", "c"]
    assert len(plot.saliency(images[0], gradients[0]).axes) == 2


def test_occlusion_has_a_map_below_each_image():
    images, scores = rng.random((2, 1, 6, 6)), rng.random((2, 4, 4))
    figure = plot.occlusion(images, scores)
    png(figure)
    for picture, expected in zip(pictures(figure)[2:], scores, strict=True):
        np.testing.assert_array_equal(picture, expected)
    assert len(plot.occlusion(images[0], scores[0]).axes) == 2


def test_curves_show_what_was_measured():
    history = {
        "train_loss": [3.0, 2.0, 1.0],
        "val_loss": [None, None, None],
        "train_accuracy": [0.5, None, 0.9],
        "val_accuracy": [0.4, 0.5, 0.6],
    }
    figure = plot.curves(history, title="digits")
    png(figure)
    losses, accuracies = figure.axes
    assert [list(line.get_ydata()) for line in losses.lines] == [[3, 2, 1]]
    assert [line.get_label() for line in accuracies.lines] == ["training", "validation"]
    assert list(accuracies.lines[1].get_xdata()) == [1, 2, 3]
    assert (losses.get_ylabel(), accuracies.get_xlabel()) == ("loss", "epoch")
    png(plot.curves({"train_loss": [1.0]}))


@pytest.mark.parametrize("classes", [2, 10, 40])
def test_the_confusion_matrix_shows_counts_where_they_can_be_read(classes):
    counts = rng.integers(0, 9, (classes, classes))
    figure = plot.confusion_matrix(counts, [f"class {i}" for i in range(classes)])
    png(figure)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == ([] if classes == 40 else [str(n) if n else "" for n in counts.ravel()])
    assert [text.get_text() for text in axes.get_yticklabels()][1] == "class 1"
    png(plot.confusion_matrix(np.zeros((2, 2), int)))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.feature_maps(np.zeros((3, 3))), r"maps: shape .*\(C, H, W\) is allowed"),
        (lambda: plot.filters(np.zeros((3, 0, 3, 3))), "weights: shape"),
        (lambda: plot.saliency(np.zeros((2, 1, 3, 3)), np.zeros((1, 3, 3))), "2 images and 1 maps"),
        (
            lambda: plot.saliency(np.zeros((1, 3, 3)), np.zeros((1, 3, 3)), titles=["a", "b"]),
            "1 images and 2 titles",
        ),
        (lambda: plot.occlusion(np.zeros((1, 3, 3)), np.zeros(3)), "scores: shape"),
        (lambda: plot.curves({"seconds": [1.0]}), "neither losses nor accuracies"),
        (lambda: plot.confusion_matrix(np.zeros((2, 3))), "a square is allowed"),
        (lambda: plot.confusion_matrix(np.zeros((2, 2)), ["a"]), "1 names; 2 are allowed"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_matplotlib_is_imported_when_something_is_drawn_and_pyplot_never():
    code = (
        "import sys, numpy as np; from fastconv import nn; "
        "assert not any(m.startswith('matplotlib') for m in sys.modules); "
        "nn.plot.feature_maps(np.ones((2, 3, 3))); "
        "assert 'matplotlib.figure' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_missing_matplotlib_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "fastconv\[nn\]"'):
        plot.feature_maps(np.ones((2, 3, 3)))
