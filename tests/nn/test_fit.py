"""Training runs: they learn, repeat themselves bit for bit, go on after a kill, and say why not."""

import os
import signal
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn
from fastconv.nn.state_io import write_npz


def data(samples=96, seed=0):
    """Two classes: a bright left half or a bright right one."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, samples)
    x = rng.standard_normal((samples, 1, 8, 8)).astype(np.float32)
    x[..., :4] += (1 - y)[:, None, None, None]
    x[..., 4:] += y[:, None, None, None]
    return x, y


def network():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(64, 2),
    )


def train(**options):
    nn.manual_seed(1)
    model = network()
    optimiser = nn.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = nn.StepLR(optimiser, 2, 0.5)
    arguments = {"epochs": 4, "batch_size": 20, "seed": 3, "schedule": schedule, "progress": False}
    arguments |= options
    history = nn.fit(model, nn.CrossEntropyLoss(), optimiser, data(), data(40, 1), **arguments)
    return model, history


def state_bytes(model):
    return {name: value.tobytes() for name, value in model.state_dict().items()}


def test_training_learns():
    _, history = train(epochs=8)
    assert len(history) == 8
    assert history["train_loss"][-1] < history["train_loss"][0]
    assert history["val_accuracy"][-1] > 0.9
    assert history["lr"] == [0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125, 0.00625, 0.00625]


def test_equal_seeds_give_equal_weights_whatever_the_number_of_threads():
    states = []
    for threads in (1, 2, 3):
        with fc.num_threads(threads):
            states.append(state_bytes(train()[0]))
    assert states[0] == states[1] == states[2]
    assert state_bytes(train(seed=4)[0]) != states[0]


def test_a_run_in_two_parts_gives_the_weights_of_one(tmp_path):
    model, history = train(checkpoint=tmp_path / "a")
    train(checkpoint=tmp_path / "b", epochs=2)
    again, continued = train(checkpoint=tmp_path / "b")
    assert state_bytes(again) == state_bytes(model)
    assert continued["val_loss"] == history["val_loss"]


SCRIPT = """
    import sys, os, signal
    sys.path.insert(0, {folder!r})
    import test_fit
    def die(at):
        if at.epoch == 3 and at.batch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    test_fit.train(checkpoint={path!r}, progress=die)
"""


def test_a_killed_run_goes_on_to_the_weights_of_an_uninterrupted_one(tmp_path):
    path = tmp_path / "run"
    folder = __file__.rpartition("/")[0]
    script = textwrap.dedent(SCRIPT.format(folder=folder, path=str(path)))
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
    model, history = train(checkpoint=path)
    assert len(history) == 4
    assert state_bytes(model) == state_bytes(train()[0])


def test_resume_false_begins_again(tmp_path):
    train(checkpoint=tmp_path / "a", epochs=1)
    model, history = train(checkpoint=tmp_path / "a", resume=False)
    assert len(history) == 4
    assert state_bytes(model) == state_bytes(train()[0])


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    train(checkpoint=tmp_path / "a", epochs=1)
    with pytest.raises(ValueError, match="seed: 9"):
        train(checkpoint=tmp_path / "a", seed=9)
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[:-100])
    with pytest.raises(ValueError, match="no checkpoint"):
        train(checkpoint=tmp_path / "b")
    np.savez(tmp_path / "c.npz", w=np.ones(2))
    with pytest.raises(ValueError, match="no checkpoint"):
        train(checkpoint=tmp_path / "c.npz")


def test_a_refused_checkpoint_changes_nothing(tmp_path):
    train(checkpoint=tmp_path / "run", epochs=1)
    other = network()
    other[6] = nn.Linear(64, 3)
    cases = [
        (network(), nn.Adam, nn.StepLR, "optimiser: Adam; that of the checkpoint is SGD"),
        (network(), nn.SGD, nn.CosineAnnealingLR, "schedule: CosineAnnealingLR; .* is StepLR"),
        (network(), nn.SGD, None, "schedule: None; that of the checkpoint is StepLR"),
        (other, nn.SGD, nn.StepLR, r"SGD: state_dict: .*shape \(2, 64\); \(3, 64\)"),
        (nn.Sequential(*network()[:6], nn.Linear(64, 2, bias=False)), nn.SGD, nn.StepLR, "groups"),
    ]
    for model, optimiser_type, schedule_type, message in cases:
        optimiser = optimiser_type(model.parameters(), lr=0.5)
        schedule = None if schedule_type is None else schedule_type(optimiser, 2)
        before = state_bytes(model)
        with pytest.raises(ValueError, match=message):
            nn.fit(
                model, nn.CrossEntropyLoss(), optimiser, data(), seed=3, schedule=schedule,
                checkpoint=tmp_path / "run", progress=False,
            )  # fmt: skip
        assert state_bytes(model) == before
        assert optimiser.param_groups[0]["lr"] == 0.5
        assert optimiser.state_dict()["state"] == {}


def test_a_network_of_other_statistics_is_refused_and_its_optimiser_left_alone(tmp_path):
    """The optimiser's state fits, the network's does not: neither is changed."""
    train(checkpoint=tmp_path / "run", epochs=1)
    model = network()
    model[1].register_buffer("running_mean", np.zeros(5, np.float32))
    optimiser = nn.SGD(model.parameters(), lr=0.5, momentum=0.9)
    schedule = nn.StepLR(optimiser, 2)
    with pytest.raises(ValueError, match="running_mean"):
        nn.fit(
            model, nn.CrossEntropyLoss(), optimiser, data(), seed=3, schedule=schedule,
            checkpoint=tmp_path / "run", progress=False,
        )  # fmt: skip
    assert optimiser.param_groups[0]["lr"] == 0.5
    assert optimiser.state_dict()["state"] == {}


def test_a_state_that_is_not_of_a_run_is_refused(tmp_path):
    nn.save_checkpoint(tmp_path / "run", {"weights": np.ones(2)})
    with pytest.raises(ValueError, match="of no run of fit: it has no 'model'"):
        train(checkpoint=tmp_path / "run")


def checkpoint_of(text, **arrays):
    """What a file with that text would be."""
    return {"json": np.frombuffer(text.encode(), np.uint8), **arrays}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting"),
        ("[]", "must be integers"),
        ('{"format": "other"}', "'other'"),
        ('{"format": "fastconv.nn checkpoint 1"}', "it has no 'state'"),
        ('{"format": "fastconv.nn checkpoint 1", "state": {"__array__": "b"}}', "it has no 'b'"),
        ('{"format": "fastconv.nn checkpoint 1", "state": {"__array__": []}}', "unhashable"),
        ('{"format": "fastconv.nn checkpoint 1", "state": {"__dict__": [1]}}', "unpack"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_hostile_checkpoint_is_refused_by_name(text, reason, tmp_path):
    path = tmp_path / "run"
    write_npz(str(path), checkpoint_of(text, a=np.zeros(2)))
    with pytest.raises(ValueError, match=f"run' is no checkpoint: .*{reason}"):
        nn.load_checkpoint(path)


def test_a_checkpoint_of_pickles_or_of_terabytes_is_refused(tmp_path):
    np.savez(tmp_path / "run.npz", json=np.array([{"format": 1}], object))
    with pytest.raises(ValueError, match=r"is no checkpoint: .*object"):
        nn.load_checkpoint(tmp_path / "run.npz")
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776,)}\n"
    with zipfile.ZipFile(tmp_path / "run.npz", "w") as archive:
        archive.writestr(
            "json.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
    with pytest.raises(ValueError, match=r"is no checkpoint: .*1099511627776"):
        nn.load_checkpoint(tmp_path / "run.npz")
    with pytest.raises(FileNotFoundError):
        nn.load_checkpoint(tmp_path / "not there")


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    nn.save_checkpoint(tmp_path / "run", {"epoch": 1})

    def fail(*names):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        nn.save_checkpoint(tmp_path / "run", {"epoch": 2})
    with pytest.raises(TypeError):
        nn.save_checkpoint(tmp_path / "run", {"epoch": object()})
    assert nn.load_checkpoint(tmp_path / "run") == {"epoch": 1}
    assert os.listdir(tmp_path) == ["run"]


def test_checkpoints_keep_every_kind_of_value(tmp_path):
    state = {
        "array": np.arange(6).reshape(2, 3),
        "nested": {0: {"x": np.float32(2)}, "list": [1, None, "a", True, [np.ones(1)]]},
        "large": 2**127,
    }
    nn.save_checkpoint(tmp_path / "a", state)
    loaded = nn.load_checkpoint(tmp_path / "a")
    assert (loaded["array"] == state["array"]).all()
    assert loaded["nested"][0] == {"x": 2.0}
    assert loaded["nested"]["list"][:4] == [1, None, "a", True]
    assert loaded["large"] == 2**127


def test_the_best_epoch_is_kept():
    model, history = train(epochs=5, restore_best=True)
    best = history.best_epoch
    assert history["val_loss"][best - 1] == min(history["val_loss"])
    x, y = data(40, 1)
    assert nn.evaluate(model, nn.CrossEntropyLoss(), x, y).loss == history["val_loss"][best - 1]


def test_patience_ends_a_run_that_no_longer_improves():
    nn.manual_seed(0)
    model = network()
    optimiser = nn.SGD(model.parameters(), lr=0.0)
    history = nn.fit(
        model.eval(), nn.CrossEntropyLoss(), optimiser, data(), epochs=50, patience=3,
        validation=(data()[0] * 0, data()[1]), progress=False,
    )  # fmt: skip
    assert history.stopped_early
    assert len(history) < 50
    assert len(history) - history.best_epoch == 3


def test_evaluation_leaves_modes_and_running_statistics_alone():
    model = network()
    model[1].eval()
    before = state_bytes(model)
    nn.evaluate(model, nn.CrossEntropyLoss(), *data())
    assert state_bytes(model) == before
    assert model.training
    assert not model[1].training
    with pytest.raises(RuntimeError, match="no forward pass"):
        model.backward(np.zeros((96, 2), np.float32))


def test_evaluation_of_nothing_and_bad_arguments_are_named():
    model, loss, (x, y) = network().eval(), nn.CrossEntropyLoss(), data()
    assert nn.predict(model, x[:0]).shape == (0, 2)
    with pytest.raises(ValueError, match="evaluate: 0 inputs and 0 targets"):
        nn.evaluate(model, loss, x[:0], y[:0])
    with pytest.raises(ValueError, match="evaluate: 96 inputs and 95 targets"):
        nn.evaluate(model, loss, x, y[1:])
    with pytest.raises(ValueError, match="evaluate: batch_size is 0"):
        nn.evaluate(model, loss, x, y, 0)
    with pytest.raises(TypeError, match="predict: batch_size"):
        nn.predict(model, x, 2.5)


def test_a_nan_stops_training_and_the_layer_is_named():
    model = network()
    model[6].weight.data[0, 5] = np.nan
    optimiser = nn.SGD(model.parameters())
    with pytest.raises(nn.NonFiniteLossError, match=r"epoch 1, batch 1.*'6' \(Linear\).*weight"):
        nn.fit(model, nn.CrossEntropyLoss(), optimiser, data(), progress=False)
    x, y = data()
    x[50] = np.inf
    with pytest.raises(nn.NonFiniteLossError, match="the input is not finite"):
        nn.fit(network(), nn.CrossEntropyLoss(), optimiser, (x, y), batch_size=96, progress=False)


def test_a_validation_loss_that_is_not_finite_stops_too():
    x, y = data(40, 1)
    bad = x.copy()
    bad[30] = np.nan
    with pytest.raises(
        nn.NonFiniteLossError, match="the validation loss is nan in epoch 1: the input is not"
    ):
        nn.fit(
            network(), nn.CrossEntropyLoss(), nn.SGD(network().parameters()), data(), (bad, y),
            progress=False,
        )  # fmt: skip
    model = network()

    def break_it(at):  # in evaluation only: training does not read the running statistics
        model[1].running_var[...] = np.nan

    optimiser = nn.SGD(model.parameters())
    with pytest.raises(nn.NonFiniteLossError, match=r"layer '1' \(BatchNorm2d\)"):
        nn.fit(model, nn.CrossEntropyLoss(), optimiser, data(), (x, y), progress=break_it)
    assert model.training


def test_augmentation_sees_each_batch_and_a_generator_of_the_seed():
    seen = []

    def shift(images, generator):
        seen.append(generator.integers(1000))
        return np.roll(images, 1, -1)

    train(augment=shift, epochs=1)
    first = list(seen)
    seen.clear()
    train(augment=shift, epochs=1)
    assert seen == first
    assert len(set(first)) == 5


def test_progress_is_told_every_batch_and_epoch():
    told = []
    _, history = train(progress=told.append, epochs=2)
    assert [(at.epoch, at.batch) for at in told if at.finished is None] == [
        (epoch, batch) for epoch in (1, 2) for batch in range(1, 6)
    ]
    assert [at.finished for at in told if at.finished] == history.epochs


def test_the_default_progress_is_on_standard_error(capsys):
    train(progress=True, epochs=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    assert "val accuracy" in captured.err


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"train_accuracy": 1.0, "val_accuracy": 0.8}, "Regularise"),
        ({"train_accuracy": 0.99, "val_accuracy": 0.98}, "Well fitted"),
        ({"train_accuracy": 0.6, "val_accuracy": 0.6}, "Add capacity"),
        ({"train_accuracy": 0.6, "val_accuracy": 0.6, "val_loss": 0.1}, "Train for more"),
        ({"train_loss": 0.1, "val_loss": 0.9}, "Regularise"),
        ({"val_loss": None}, "no validation data"),
    ],
)
def test_the_gap_between_training_and_validation_is_put_in_words(last, words):
    history = nn.History()
    history.append({"train_loss": 0.5, "val_loss": 0.5})
    history.append({"train_loss": 0.5, "val_loss": 0.6, **last})
    assert words in history.diagnosis()
    renamed = history.diagnosis(held_out="test")
    assert "validation" not in renamed
    assert renamed == history.diagnosis().replace("validation", "test")
    assert "test" in renamed


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"epochs": -1}, ValueError, "epochs: -1"),
        ({"batch_size": 0}, ValueError, "batch_size: 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size is 2.5"),
        ({"epochs": "1"}, TypeError, "epochs is '1'"),
        ({"seed": None}, TypeError, "seed is None"),
        ({"patience": 0}, ValueError, "patience: 0"),
        ({"seed": -1}, ValueError, "seed: -1"),
    ],
)
def test_bad_arguments_are_named(options, error, words):
    with pytest.raises(error, match=words):
        train(**options)


def test_bad_data_is_named():
    model = network()
    optimiser = nn.SGD(model.parameters())
    x, y = data()
    with pytest.raises(TypeError, match="train: ndarray"):
        nn.fit(model, nn.CrossEntropyLoss(), optimiser, x, progress=False)
    with pytest.raises(ValueError, match="as many inputs"):
        nn.fit(model, nn.CrossEntropyLoss(), optimiser, (x, y[:-1]), progress=False)


def test_memory_does_not_grow_with_the_steps():
    import tracemalloc

    nn.manual_seed(0)
    model = network()
    optimiser = nn.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss = nn.CrossEntropyLoss()
    x, y = data(4)

    def steps(count):
        for _ in range(count):
            optimiser.zero_grad()
            loss(model(x), y)
            model.backward(loss.backward())
            optimiser.step()

    steps(50)
    tracemalloc.start()
    try:
        steps(50)
        before = tracemalloc.get_traced_memory()[0]
        steps(1000)
        assert tracemalloc.get_traced_memory()[0] - before < 2000
    finally:
        tracemalloc.stop()
