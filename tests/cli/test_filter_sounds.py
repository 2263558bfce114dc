"""``fastconv filter``: WAV files: every width and format, damaged ones, of unknown length."""

import struct

import numpy as np
import pytest
from helpers.filter_files import RNG, one_line, read_wav, run, write_wav

from fastconv import cli, filters

ndimage = pytest.importorskip("scipy.ndimage")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav(width, channels):
    low, high = (0, 255) if width == 1 else (-(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    samples = RNG.integers(low, high, (500, channels), endpoint=True)
    write_wav("in.wav", samples, width)
    for kernel in ("gaussian:2", "1 3 -1", "box:4"):
        run("in.wav", "out.wav", "--kernel", kernel)
        got, rate = read_wav("out.wav")
        assert rate == 8000
        weights = filters.get(kernel, ndim=1) if kernel[0] != "1" else np.array([1.0, 3, -1])
        wanted = [ndimage.correlate1d(c.astype(float), weights) for c in samples.T]
        wanted = np.clip(np.rint(np.stack(wanted, axis=1)), low, high)
        assert np.abs(got - wanted).max() <= 1


def test_wav_in_the_extensible_format(tmp_path, capsys):
    """As most programs write 24 bits: the format's number stands further behind."""
    samples = RNG.integers(-(2**23), 2**23, (50, 2))
    write_wav("plain.wav", samples, 3)
    data = (tmp_path / "plain.wav").read_bytes()
    subformat = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    for number, code in ((b"\1\0", 0), (b"\7\0", 2)):  # 7: logarithms
        form = b"\xfe\xff" + data[22:36] + struct.pack("<HHI", 22, 24, 3) + number + subformat
        chunk = b"fmt " + struct.pack("<I", len(form)) + form
        body = b"WAVE" + chunk + data[36:]
        (tmp_path / "in.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        assert cli.main(["filter", "in.wav", "out.wav", "--kernel", "1"]) == code
    np.testing.assert_array_equal(read_wav("out.wav")[0], samples)
    assert "cannot read in.wav: its samples are 24 bits in format 7" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_wav_of_floats(dtype, channels):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    samples = RNG.standard_normal((501, channels)).astype(dtype)  # beyond 1 too
    wavfile.write("in.wav", 44100, samples)
    run("in.wav", "out.wav", "--kernel", "1 3 -1", "--stride", "2")
    rate, got = wavfile.read("out.wav")
    wanted = ndimage.correlate1d(samples.astype(float), [1, 3, -1], axis=0)[::2]
    assert (rate, got.dtype) == (22050, dtype)
    np.testing.assert_allclose(got.reshape(-1, channels), wanted, rtol=1e-5, atol=1e-5)
    run("in.wav", "out.wav", "--kernel", "1")
    np.testing.assert_array_equal(wavfile.read("out.wav")[1].reshape(samples.shape), samples)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_other_programs_read_our_sounds(width):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    write_wav("in.wav", RNG.integers(0, 256, (51, 1)), width)
    run("in.wav", "out.wav", "--kernel", "1")
    np.testing.assert_array_equal(wavfile.read("out.wav")[1], wavfile.read("in.wav")[1])


def test_a_sound_of_unknown_length_goes_to_its_end(tmp_path):
    """As programs write it to a pipe."""
    samples = RNG.integers(-99, 99, (50, 2))
    write_wav("in.wav", samples, 2)
    data = bytearray((tmp_path / "in.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    (tmp_path / "in.wav").write_bytes(data)
    run("in.wav", "out.wav", "--kernel", "1")
    np.testing.assert_array_equal(read_wav("out.wav")[0], samples)


@pytest.mark.parametrize(
    ("place", "put", "says"),
    [
        (0, b"RIFX", "it is not a WAV file"),
        (12, b"fmx ", "does not say how its samples are stored"),
        (16, b"\xff\xff", "it ends too early: "),
        (20, b"\x06", "its samples are 16 bits in format 6"),
        (20, b"\x03", "its samples are 16 bits in format 3"),
        (22, b"\0", "0 channels of 16 bits do not make frames of 4 bytes"),
        (22, b"\x07", "7 channels of 16 bits do not make frames of 4 bytes"),
        (34, b"\x28", "its samples are 40 bits in format 1"),
        (40, b"\xc9", "it ends too early: 200 of 201 bytes are there"),
        (40, b"\0", "it holds no samples"),
    ],
)
def test_damaged_sounds(place, put, says, tmp_path, capsys):
    write_wav("in.wav", RNG.integers(-99, 99, (50, 2)), 2)
    data = bytearray((tmp_path / "in.wav").read_bytes())
    data[place : place + len(put)] = put
    (tmp_path / "in.wav").write_bytes(data)
    assert says in one_line(capsys, "in.wav", "out.wav", "--kernel", "1")


def test_a_sound_of_every_second_sample_lasts_as_long():
    write_wav("in.wav", RNG.integers(-99, 99, (500, 1)), 2, rate=44100)
    run("in.wav", "out.wav", "--kernel", "box:2", "--stride", "2")
    got, rate = read_wav("out.wav")
    assert (len(got), rate) == (250, 22050)


def test_a_sound_becomes_an_array_and_its_absolute_value():
    samples = RNG.integers(-99, 99, (50, 2))
    write_wav("in.wav", samples, 2)
    run("in.wav", "out.npy", "--kernel", "1 0 -1", "--magnitude", "--mode", "wrap")
    wanted = np.abs(np.roll(samples, 1, axis=0) - np.roll(samples, -1, axis=0))
    np.testing.assert_array_equal(np.load("out.npy"), wanted)
