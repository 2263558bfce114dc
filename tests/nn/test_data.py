"""Data sets: the readers believe nothing that a file only claims, batches, augmentation."""

import gzip
import struct
import sys
import types

import numpy as np
import pytest

from fastconv.nn import data

rng = np.random.default_rng(0)
FIRST_TEST_LABELS = [4, 7, 9, 7, 1, 3, 7, 7, 3, 5]


# ---- digits


def test_digits_are_floats_from_0_to_1_and_the_split_is_always_the_same():
    pytest.importorskip("sklearn")
    train, test, classes = data.digits()
    assert classes == tuple("0123456789")
    for part, count in ((train, 1437), (test, 360)):
        assert part.images.shape == (count, 1, 8, 8)
        assert part.images.dtype == np.float32
        assert (part.images.min(), part.images.max()) == (0, 1)
        assert part.labels.shape == (count,)
        assert part.labels.dtype == np.int64
        assert set(part.labels) == set(range(10))
    assert list(test.labels[:10]) == FIRST_TEST_LABELS
    again = data.digits()
    np.testing.assert_array_equal(again.test.images, test.images)


def test_digits_holds_every_image_once():
    datasets = pytest.importorskip("sklearn.datasets")
    train, test, _ = data.digits()
    pixels = np.concatenate([train.images, test.images]).reshape(-1, 64) * 16
    expected = datasets.load_digits().data
    np.testing.assert_array_equal(pixels[np.lexsort(pixels.T)], expected[np.lexsort(expected.T)])


def test_missing_scikit_learn_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "fastconv\[nn\]"'):
        data.digits()


# ---- IDX


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


IMAGES = rng.integers(0, 256, (7, 5, 4), dtype=np.uint8)
IMAGES[0, 0, 0] = 255
LABELS = np.array([3, 1, 4, 1, 5, 9, 0], np.uint8)


def write_mnist(folder, ending="", dot="-"):
    for split, count in (("train", 7), ("t10k", 3)):
        for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            content = idx(array[:count])
            name = f"{split}-{kind.replace('-', dot)}-ubyte{ending}"
            (folder / name).write_bytes(gzip.compress(content) if ending else content)
    return folder


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
def test_mnist_reads_a_folder(ending, dot, tmp_path):
    train, test, classes = data.mnist(write_mnist(tmp_path, ending, dot))
    assert classes == tuple("0123456789")
    assert (train.images.dtype, train.labels.dtype) == (np.float32, np.int64)
    assert train.images.shape == (7, 1, 5, 4)
    np.testing.assert_array_equal(train.images[:, 0], IMAGES / np.float32(255))
    np.testing.assert_array_equal(test.labels, LABELS[:3])
    assert train.images.max() == 1


def test_mnist_reads_a_pair_of_files(tmp_path):
    (tmp_path / "a").write_bytes(idx(IMAGES))
    (tmp_path / "b").write_bytes(gzip.compress(idx(LABELS)))  # told by its content, not its name
    images, labels = data.mnist(tmp_path / "a", str(tmp_path / "b"))
    assert images.shape == (7, 1, 5, 4)
    np.testing.assert_array_equal(labels, LABELS)


def broken():
    good = idx(IMAGES)
    huge = good[:4] + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + good[16:]
    return {
        "empty": (b"", "truncated: 0 of the 4 bytes of the magic number"),
        "half a magic number": (good[:2], "truncated: 2 of the 4 bytes of the magic number"),
        "labels": (idx(LABELS), "magic number 00000801; 00000803 is allowed"),
        "shorts": (b"\0\0\x0b\3" + good[4:], "magic number 00000b03"),
        "not IDX": (b"\x89PNG" + good[4:], "magic number 89504e47"),
        "half of the sizes": (good[:9], "truncated: 5 of the 12 bytes of the sizes"),
        "no images": (idx(IMAGES[:0]), r"sizes \(0, 5, 4\)"),
        "a byte too few": (good[:-1], "truncated: 139 of the 140 bytes"),
        "a byte too many": (good + b"x", r"longer than an array of sizes \(7, 5, 4\)"),
        "a claim of more than memory": (huge, "truncated: 140 of the 79228162"),
    }


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("what", broken())
def test_a_broken_idx_file_is_one_clear_error(what, zipped, tmp_path):
    content, message = broken()[what]
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ValueError, match=message) as error:
        data.read_idx(path, 3)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [3, 12, 40, -9, -1])
def test_a_truncated_gzip_file_is_one_clear_error(cut, tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(IMAGES))[:cut])
    with pytest.raises(ValueError, match="damaged or truncated gzip file"):
        data.read_idx(path, 3)


def test_a_damaged_gzip_file_is_one_clear_error(tmp_path):
    path = tmp_path / "images.gz"
    content = bytearray(gzip.compress(idx(IMAGES)))
    content[-6] ^= 1  # within the checksum
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or truncated gzip file"):
        data.read_idx(path, 3)


def test_a_gzip_file_is_not_read_beyond_what_it_declares(tmp_path, monkeypatch):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(IMAGES) + bytes(50_000_000)))
    read = []
    right = gzip.GzipFile.read

    def counted(self, size=-1):
        got = right(self, size)
        read.append(len(got))
        return got

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(ValueError, match="longer than"):
        data.read_idx(path, 3)
    assert sum(read) == len(idx(IMAGES)) + 1  # the one that is too many


def test_mnist_names_what_does_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no train-images-idx3-ubyte, nor"):
        data.mnist(tmp_path)
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:6]))
    with pytest.raises(ValueError, match=r"holds 7 images, .* 6 labels"):
        data.mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS + 1))
    with pytest.raises(ValueError, match="label 10; 0 to 9"):
        data.mnist(tmp_path)
    write_mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[:3, :4]))
    with pytest.raises(ValueError, match=r"shape \(1, 5, 4\) to train on, \(1, 4, 4\)"):
        data.mnist(tmp_path)


# ---- CIFAR-10


def records(count):
    pixels = rng.integers(0, 256, (count, 3073), dtype=np.uint8)
    pixels[:, 0] %= 10
    return pixels


@pytest.fixture
def cifar(tmp_path):
    """A folder of files, and what they hold."""
    held = {f"data_batch_{i}.bin": records(3 + i) for i in range(1, 6)}
    held["test_batch.bin"] = records(2)
    for name, content in held.items():
        (tmp_path / name).write_bytes(content.tobytes())
    return tmp_path, held


def test_cifar10_reads_a_folder(cifar):
    folder, held = cifar
    train, test, classes = data.cifar10(folder)
    assert classes[:2] == ("airplane", "automobile")
    assert len(classes) == 10
    expected = np.concatenate([held[f"data_batch_{i}.bin"] for i in range(1, 6)])
    assert (train.images.dtype, train.labels.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(train.labels, expected[:, 0])
    planes = expected[:, 1:].reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(train.images, planes / np.float32(255))
    assert test.images.shape == (2, 3, 32, 32)


def test_cifar10_reads_the_folder_above(cifar):
    folder, _ = cifar
    inner = folder / "cifar-10-batches-bin"
    inner.mkdir()
    for file in folder.glob("*.bin"):
        file.rename(inner / file.name)
    assert len(data.cifar10(str(folder)).test.labels) == 2


def test_cifar10_names_what_does_not_fit(cifar):
    folder, held = cifar
    file = folder / "data_batch_3.bin"
    content = held[file.name].tobytes()
    for wrong in (content[:-1], content + b"x", b""):
        file.write_bytes(wrong)
        with pytest.raises(ValueError, match=rf"batch_3.bin: {len(wrong)} bytes, truncated or of"):
            data.cifar10(folder)
    file.write_bytes(bytes([10]) + content[1:])
    with pytest.raises(ValueError, match=r"batch_3.bin: label 10; 0 to 9 are allowed"):
        data.cifar10(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no data_batch_3\.bin"):
        data.cifar10(folder)


# ---- Batches


def test_batches_hold_every_image_once_with_its_label():
    labels = np.arange(23)
    images = labels.astype(np.float32)[:, None, None, None]
    for generator in (None, np.random.default_rng(1)):
        made = list(data.batches(images, labels, 5, generator))
        assert [len(y) for _, y in made] == [5, 5, 5, 5, 3]
        assert all((x.ravel() == y).all() for x, y in made)
        seen = np.concatenate([y for _, y in made])
        assert sorted(seen) == list(labels)
        assert (list(seen) == list(labels)) == (generator is None)
    assert [len(y) for _, y in data.batches(images, labels, 5, drop_last=True)] == [5, 5, 5, 5]
    assert [len(y) for _, y in data.batches(images, labels, 30)] == [23]


def test_batches_are_shuffled_and_augmented_by_the_generator_alone():
    images, labels = rng.random((12, 1, 6, 6), np.float32), np.arange(12)

    def made(seed):
        generator = np.random.default_rng(seed)
        return list(data.batches(images, labels, 5, generator, augment=data.RandomShift(2)))

    for (x, y), (again_x, again_y) in zip(made(3), made(3), strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
    assert any((y != other).any() for (_, y), (_, other) in zip(made(3), made(4), strict=True))


def test_batches_check_at_once():
    images, labels = np.zeros((4, 1, 2, 2), np.float32), np.zeros(4)
    with pytest.raises(ValueError, match="batches: batch_size is 0; it must be an int, at least 1"):
        data.batches(images, labels, 0)
    with pytest.raises(ValueError, match="4 images and 3 labels"):
        data.batches(images, labels[:3], 2)
    with pytest.raises(ValueError, match="needs a generator"):
        data.batches(images, labels, 2, augment=data.RandomFlip())


# ---- Augmentation

AUGMENTATIONS = [
    data.RandomFlip(),
    data.RandomFlip(vertical=True),
    data.RandomCrop(5, padding=2),
    data.RandomCrop((4, 6)),
    data.RandomShift(2),
    data.Compose(data.RandomShift(1), data.RandomFlip()),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("augment", AUGMENTATIONS, ids=repr)
def test_augmentation_keeps_dtype_leaves_its_input_and_follows_the_generator(augment, dtype):
    images = rng.random((40, 3, 7, 6)).astype(dtype)
    before = images.copy()
    made = augment(images, np.random.default_rng(5))
    np.testing.assert_array_equal(images, before)
    assert made.dtype == dtype
    assert not np.shares_memory(made, images)
    np.testing.assert_array_equal(made, augment(images, np.random.default_rng(5)))
    other = augment(images, np.random.default_rng(6))
    assert (made != other).any()
    assert augment(images[:0], np.random.default_rng(5)).shape == (0, *made.shape[1:])


def test_flip_mirrors_some_images_whole():
    images = rng.random((400, 2, 3, 4))
    made = data.RandomFlip(0.25)(images, np.random.default_rng(0))
    same = (made == images).all((1, 2, 3))
    mirrored = (made == images[..., ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert 60 < mirrored.sum() < 140
    assert (data.RandomFlip(0)(images, np.random.default_rng(0)) == images).all()
    upside_down = data.RandomFlip(1, vertical=True)(images, np.random.default_rng(0))
    assert (upside_down == images[:, :, ::-1]).all()


def test_crop_cuts_every_window_of_the_padded_image():
    images = np.arange(1.0, 13.0).reshape(1, 1, 3, 4).repeat(3000, 0)
    made = data.RandomCrop((2, 3), padding=(1, 0), fill=-1)(images, np.random.default_rng(0))
    padded = np.pad(images[0, 0], ((1, 1), (0, 0)), constant_values=-1)
    windows = {
        padded[top : top + 2, left : left + 3].tobytes() for top in range(4) for left in range(2)
    }
    found, counts = np.unique(made.reshape(3000, -1), axis=0, return_counts=True)
    assert {row.tobytes() for row in found} == windows
    assert counts.min() > 3000 / 8 * 0.8


def test_shift_moves_every_channel_of_an_image_alike():
    images = rng.random((500, 2, 4, 5))
    made = data.RandomShift((1, 2))(images, np.random.default_rng(0))
    moved = set()
    for image, result in zip(images, made, strict=True):
        padded = np.pad(image, ((0, 0), (1, 1), (2, 2)))
        fits = [
            (top - 1, left - 2)
            for top in range(3)
            for left in range(5)
            if (padded[:, top : top + 4, left : left + 5] == result).all()
        ]
        assert len(fits) == 1
        moved.add(fits[0])
    assert len(moved) == 15


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.RandomFlip(1.5), "RandomFlip: p: 1.5; 0 to 1"),
        (lambda: data.RandomFlip(float("nan")), "RandomFlip: p: nan"),
        (lambda: data.RandomCrop(0), "RandomCrop: size is 0; .* at least 1"),
        (lambda: data.RandomCrop((2, 3, 4)), "RandomCrop: size is .*a pair of ints"),
        (lambda: data.RandomCrop(2, padding=-1), "RandomCrop: padding is -1"),
        (lambda: data.RandomShift(-1), "RandomShift: most is -1"),
    ],
)
def test_arguments_are_checked_at_construction(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.RandomFlip("1"), "RandomFlip: p is '1'"),
        (lambda: data.RandomFlip(0.5, vertical=2), "RandomFlip: vertical is 2"),
        (lambda: data.RandomCrop(2, fill=None), "RandomCrop: fill is None"),
        (lambda: data.RandomShift(2, "0"), "RandomShift: fill is '0'"),
    ],
)
def test_arguments_of_another_type_are_type_errors(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_sizes_are_ints_of_any_kind_and_nothing_else():
    assert data.RandomCrop(np.int64(3)).size == data.RandomCrop([3, np.int32(3)]).size == (3, 3)
    assert data.framed(np.ones((1, 1, 2, 2)), np.int64(4)).shape == (1, 1, 4, 4)
    assert len(list(data.batches(np.ones((4, 1)), np.ones(4), np.int64(3)))) == 2
    for make in (
        lambda: data.RandomCrop(2.5),
        lambda: data.RandomShift((1, True)),
        lambda: data.framed(np.ones((1, 1, 2, 2)), "4"),
        lambda: data.batches(np.ones((4, 1)), np.ones(4), 2.0),
    ):
        with pytest.raises(TypeError, match="it must be an int"):
            make()


def test_augmentation_names_images_that_do_not_fit():
    generator = np.random.default_rng(0)
    for augment in AUGMENTATIONS[:5]:
        with pytest.raises(ValueError, match=r"shape \(3, 8, 8\); \(N, C, H, W\)"):
            augment(np.zeros((3, 8, 8)), generator)
    with pytest.raises(ValueError, match=r"size: \(9, 9\); at most \(8, 8\)"):
        data.RandomCrop(9)(np.zeros((2, 1, 8, 8)), generator)


# ---- Frames


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((8, 8), (28, 28)), ((28, 28), (32, 32)), ((32, 32), (28, 28)), ((5, 4), (7, 9)),
     ((3, 9), (10, 4)), ((6, 6), (5, 5)), ((1, 1), (3, 2))],
)  # fmt: skip
def test_framed_images_are_in_the_middle(size, wanted):
    images = rng.random((3, 2, *size), np.float32) + 1
    before = images.copy()
    made = data.framed(images, wanted)
    np.testing.assert_array_equal(images, before)
    assert made.shape == (3, 2, *wanted)
    assert made.dtype == np.float32
    times = max(1, min(w // n for w, n in zip(wanted, size, strict=True)))
    large = np.kron(images, np.ones((times, times), np.float32))
    for axis in (2, 3):
        more = wanted[axis - 2] - large.shape[axis]
        if more < 0:
            large = large.take(range(-more // 2, -more // 2 + wanted[axis - 2]), axis)
        else:
            edges = [(0, 0)] * 4
            edges[axis] = (more // 2, more - more // 2)
            large = np.pad(large, edges)
    np.testing.assert_array_equal(made, large)


def test_framed_leaves_what_fits_and_names_what_does_not():
    images = np.ones((2, 1, 28, 28))
    assert data.framed(images, 28) is images
    with pytest.raises(ValueError, match="framed: images: shape"):
        data.framed(images[0], 28)
    for size in (0, (3,), (3, -1)):
        with pytest.raises(ValueError, match="framed: size"):
            data.framed(images, size)
