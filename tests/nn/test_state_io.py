"""Weights to and from files, honest and hostile."""

import contextlib
import io
import os
import stat
import sys
import zipfile

import numpy as np
import pytest

from fastconv import nn
from fastconv.nn.state_io import replacing

SUFFIXES = (".npz", ".safetensors")


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return request.param


def state():
    rng = np.random.default_rng(0)
    return {
        "0.weight": rng.standard_normal((4, 3, 2)).astype(np.float32),
        "0.bias": rng.standard_normal(4),
        "file": np.arange(3),
        "args": np.zeros((0, 2), np.float32),
        "count": np.array(7),
        "mask": np.array([True, False]),
        "a/ü b": np.float32([np.nan, np.inf, -0.0]),
    }


def assert_same(a, b):
    assert set(a) == set(b)
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].shape == b[name].shape, name
        assert a[name].tobytes() == b[name].tobytes(), name


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path, suffix):
    nn.save(tmp_path / f"w{suffix}", state())
    loaded = nn.load(tmp_path / f"w{suffix}")
    assert_same(state(), loaded)
    assert all(array.flags.writeable for array in loaded.values())


def test_arrays_of_any_strides_and_byte_order_are_saved(tmp_path, suffix):
    x = np.arange(24.0).reshape(4, 6)
    given = {
        "t": x.T,
        "step": x[::2, ::-3],
        "big": x.astype(">f8"),
        "fortran": np.asfortranarray(x),
    }
    nn.save(tmp_path / f"w{suffix}", given)
    loaded = nn.load(tmp_path / f"w{suffix}")
    assert_same({k: np.array(v, "<f8", order="C") for k, v in given.items()}, loaded)


def test_the_same_values_give_the_same_bytes(tmp_path, suffix):
    for name in "ab":
        nn.save(tmp_path / f"{name}{suffix}", state())
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_module_stands_for_its_state(tmp_path, suffix):
    net = nn.Module()
    net.weight = nn.Parameter(np.ones((2, 3), np.float32))
    net.register_buffer("mean", np.zeros(2))
    nn.save(str(tmp_path / f"w{suffix}"), net)
    assert_same(net.state_dict(), nn.load(str(tmp_path / f"w{suffix}")))


def test_torch_reads_what_is_saved(tmp_path):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    nn.save(tmp_path / "w.safetensors", {"weight": np.float32([[1, 2]]), "n": np.array(3)})
    loaded = files.load_file(tmp_path / "w.safetensors")
    assert torch.equal(loaded["weight"], torch.tensor([[1.0, 2.0]]))
    assert loaded["n"] == 3


def test_what_torch_saves_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    files.save_file(net.state_dict(), tmp_path / "w.safetensors")
    assert_same(
        {k: v.numpy() for k, v in net.state_dict().items()}, nn.load(tmp_path / "w.safetensors")
    )


def test_numpy_reads_and_writes_the_same_files(tmp_path):
    nn.save(tmp_path / "w.npz", state())
    with np.load(tmp_path / "w.npz") as loaded:
        assert_same(state(), dict(loaded))
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "v.npz", a=np.arange(300000), b=np.asfortranarray(np.eye(3, 4)))
        assert_same({"a": np.arange(300000), "b": np.eye(3, 4)}, nn.load(tmp_path / "v.npz"))


# ---- Atomic writing ------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, suffix, monkeypatch):
    place = tmp_path / f"w{suffix}"
    nn.save(place, {"a": np.zeros(3)})
    before = place.read_bytes()

    def fail(*names):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        nn.save(place, {"a": np.ones(3)})
    assert place.read_bytes() == before
    assert os.listdir(tmp_path) == [place.name]


def test_the_content_is_on_the_disk_before_it_takes_the_place(tmp_path, monkeypatch):
    calls = []
    sync, move = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("move"), move(a, b)))
    nn.save(tmp_path / "w.npz", {"a": np.zeros(3)})
    assert calls == ["sync", "move", "sync"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "x"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_file_has_the_permissions_of_any_other_and_keeps_its_own(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    nn.save(tmp_path / "w.npz", {"a": np.zeros(3)})
    mode = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "w.npz")]
    assert mode[0] == mode[1]
    (tmp_path / "w.npz").chmod(0o640)
    nn.save(tmp_path / "w.npz", {"a": np.ones(3)})
    assert stat.S_IMODE((tmp_path / "w.npz").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "w.npz").symlink_to(tmp_path / "real.npz")
    nn.save(tmp_path / "w.npz", {"a": np.ones(3)})
    assert (tmp_path / "w.npz").is_symlink()
    assert_same({"a": np.ones(3)}, nn.load(tmp_path / "real.npz"))


# ---- Errors --------------------------------------------------------------------------------------


def test_other_endings_are_refused(tmp_path):
    for name in ("w", "w.pt", "w.npy"):
        with pytest.raises(ValueError, match=r"save: path: .*; \.npz or \.safetensors is allowed"):
            nn.save(tmp_path / name, {})
        with pytest.raises(ValueError, match=r"load: path: .*; \.npz or \.safetensors is allowed"):
            nn.load(tmp_path / name)


def test_only_numbers_and_names_are_saved(tmp_path, suffix):
    place = tmp_path / f"w{suffix}"
    for value in ("text", np.array([None]), np.zeros(2, complex), np.array(["2020"], "M8[D]")):
        with pytest.raises(ValueError, match="save: state: a: dtype"):
            nn.save(place, {"a": value})
    for name in ("", 3, "a\0b", "a" * 1001):
        with pytest.raises(ValueError, match="save: state: the name"):
            nn.save(place, {name: np.zeros(2)})
    assert os.listdir(tmp_path) == []


def test_without_safetensors_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "w.safetensors").write_bytes(b"")
    for call in (nn.load, lambda path: nn.save(path, {})):
        with pytest.raises(ImportError, match=r"pip install 'fastconv\[nn\]'"):
            call(tmp_path / "w.safetensors")


def test_a_file_that_is_not_there_is_said_to_be(tmp_path, suffix):
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / f"w{suffix}")


def test_a_file_cut_off_anywhere_or_with_any_bit_turned_is_a_clean_error(tmp_path, suffix):
    place = tmp_path / f"w{suffix}"
    nn.save(place, {"a": np.arange(40.0), "b": np.ones((2, 2), np.float32)})
    whole = place.read_bytes()
    rng = np.random.default_rng(1)
    for end in rng.integers(0, len(whole), 60):
        place.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="not a file of weights") as error:
            nn.load(place)
        assert str(place) in str(error.value)
    for _ in range(400):
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        place.write_bytes(changed)
        # What no checksum covers may be read as other numbers, but never ends in another error.
        with contextlib.suppress(ValueError):
            nn.load(place)


def npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def npy(header, data=b""):
    header = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def test_a_changed_array_is_noticed(tmp_path):
    nn.save(tmp_path / "w.npz", {"a": np.zeros(1000)})
    data = bytearray((tmp_path / "w.npz").read_bytes())
    data[4000] ^= 1
    (tmp_path / "w.npz").write_bytes(data)
    with pytest.raises(ValueError, match="CRC"):
        nn.load(tmp_path / "w.npz")


def test_a_file_that_does_not_fit_a_network_changes_nothing_of_it(tmp_path, suffix):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    good = {name: np.ones_like(value) for name, value in net.state_dict().items()}
    before = {name: value.copy() for name, value in net.state_dict().items()}
    for change, message in (
        ({"1.bias": np.ones(3, np.float32)}, r"1.bias: float32 of shape \(3,\);"),
        ({"0.weight": np.ones((2, 1, 3), np.float32)}, r"0.weight: float32 of shape \(2, 1, 3\);"),
        ({"1.weight": np.ones(2, bool)}, "1.weight: bool of shape"),
        # A NaN would become any number.
        ({"1.num_batches_tracked": np.array(np.nan)}, "float64 of .*; int64 of .* is allowed"),
        ({"2.weight": np.ones(2)}, "unexpected: 2.weight"),
        ({"0.bias": None}, "missing: 0.bias"),
    ):
        state = {name: value for name, value in {**good, **change}.items() if value is not None}
        nn.save(tmp_path / f"w{suffix}", state)
        with pytest.raises(ValueError, match=message):
            net.load_state_dict(nn.load(tmp_path / f"w{suffix}"))
        assert_same(net.state_dict(), before)
    # Another precision is converted, and a counter may be of any integers.
    wider = {name: value.astype("f8" if value.ndim else "u1") for name, value in good.items()}
    nn.save(tmp_path / f"w{suffix}", wider)
    net.load_state_dict(nn.load(tmp_path / f"w{suffix}"))
    assert_same(net.state_dict(), good)


HOSTILE = {
    "objects": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04N."),
    "terabytes": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}"),
    "overflow": npy(
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({2**62}, 4)}}", bytes(16)
    ),
    "negative": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -4)}", bytes(16)),
    "text": npy("{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}", bytes(16)),
    "records": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", bytes(4)),
    "code": npy("__import__('os').system('false')"),
    "nested": npy("(" * 5000),
    "too much": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(5)),
    "no array": b"hello",
    "empty": b"",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_npz_is_refused_by_name(tmp_path, what):
    (tmp_path / "w.npz").write_bytes(npz(a=HOSTILE[what]))
    with pytest.raises(ValueError, match="not a file of weights") as error:
        nn.load(tmp_path / "w.npz")
    assert str(tmp_path / "w.npz") in str(error.value)


def test_other_members_and_the_same_name_twice_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("../../evil.py", "print('hello')")
    with pytest.raises(ValueError, match=r"evil\.py is not an array"):
        nn.load(tmp_path / "w.npz")
    one = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(4))
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", one)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", one)
    with pytest.raises(ValueError, match=r"a\.npy is there twice"):
        nn.load(tmp_path / "w.npz")


def test_a_dtype_that_another_package_brings_is_refused_with_it_as_without(tmp_path):
    pytest.importorskip("safetensors")
    pytest.importorskip("ml_dtypes")  # which makes bfloat16 known to NumPy, for all of the process
    text = '{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}'
    place = tmp_path / "w.safetensors"
    place.write_bytes(len(text).to_bytes(8, "little") + text.encode() + bytes(8))
    with pytest.raises(ValueError, match="not a file of weights: a holds bfloat16"):
        nn.load(place)


def test_a_hostile_safetensors_file_is_refused_by_name(tmp_path):
    pytest.importorskip("safetensors")
    place = tmp_path / "w.safetensors"
    header = '{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
    outside = '{"a":{"dtype":"F32","shape":[4],"data_offsets":[-8,8]}}'
    kind = '{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}'
    for text in (header, outside, kind, "[" * 100000, "{}x", "\xff"):
        place.write_bytes(len(text.encode()).to_bytes(8, "little") + text.encode() + bytes(8))
        with pytest.raises(ValueError, match="not a file of weights") as error:
            nn.load(place)
        assert str(place) in str(error.value)
    place.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="not a file of weights"):
        nn.load(place)
