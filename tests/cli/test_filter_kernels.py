"""``fastconv filter``: kernels by name, as numbers and of files, and what is none."""

import numpy as np
import pytest
from helpers.filter_files import RNG, one_line, run

from fastconv import filters

ndimage = pytest.importorskip("scipy.ndimage")


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("1 0 -1; 1 0 -1; 1 0 -1", [[1, 0, -1]] * 3),
        ("-1 0 1", [[-1, 0, 1]]),
        ("1;2;1", [[1], [2], [1]]),
        ("1,2,1;0,0,0", [[1, 2, 1], [0, 0, 0]]),
        (" .5 1e-1 ;\t+2 -.25 ; ", [[0.5, 0.1], [2, -0.25]]),
        ("1 2 1\n0 0 0\r\n\n-1 -2 -1;\n", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
        ("7", [[7]]),
        ("laplacian:8", filters.laplacian(8)),
        ("gabor:0.2,theta=0.5", filters.gabor(0.2, 0.5)),
    ],
)
def test_kernels(text, weights):
    image = RNG.standard_normal((20, 31))
    np.save("in.npy", image)
    run("in.npy", "out.npy", "--kernel", text)
    wanted = ndimage.correlate(image, np.array(weights, float))
    np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)
    run("in.npy", "out.npy", f"--kernel={text}")
    np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)


def test_a_kernel_of_a_file():
    image = RNG.standard_normal((20, 31))
    np.save("in.npy", image)
    for kernel in (RNG.standard_normal((4, 3)).astype("f4"), np.arange(6).reshape(2, 3)):
        np.save("k.npy", kernel)
        run("in.npy", "out.npy", "--kernel", "k.npy")
        wanted = ndimage.correlate(image, kernel.astype(float))
        np.testing.assert_allclose(np.load("out.npy"), wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        ("sobel_z", "no filter is named 'sobel_z'; there are box,"),
        ("", "no filter is named ''"),
        ("gaussian", "missing a required argument: 'sigma'; it is gaussian:sigma"),
        ("gaussian:-1", "sigma is -1; it must be finite and positive"),
        ("gaussian:1e9", "weights"),
        ("laplacian:5", "it must be 4 or 8"),
        ("box:2.5", "n is 2.5"),
        ("moving_average:3", "moving_average is not a kernel of 2 axes"),
        ("1 0; 1", "its rows have 2, 1 weights"),
        ("1;;1", "its rows have 1, 0, 1 weights"),
        (";", "its rows have 0 weights"),
        ("1 two 3", "--kernel '1 two 3': 'two' is not a number"),
        ("gaussian 2", "'gaussian' is not a number"),
        ("1 2\n3", "--kernel '1 2\\n3': its rows have 2, 1 weights"),
        ("1 " * 999 + "x", "1 1 1 1...': 'x' is not a number"),
        ("guassian:2", "; perhaps gaussian"),
        ("kernel.txt", "--kernel kernel.txt: a file of weights must be of NumPy's"),
        ("volume.npy", "it is 2 x 3 x 4; what is filtered needs 2 axes"),
        ("1 nan 3", "every weight must be finite"),
        ("1 inf 3", "every weight must be finite"),
        ("missing.npy", "cannot read missing.npy: No such file"),
        ("complex.npy", "holds complex128, not real numbers"),
        ("nan.npy", "every weight must be finite"),
        ("line.npy", "needs 2 axes"),
        ("scalar.npy", "it is a single number"),
        ("empty.npy", "it has 0 weights"),
        ("broken.npy", "cannot read broken.npy: "),
        ("objects.npy", "cannot read objects.npy: "),
        (".npy", "cannot read .npy: No such file"),
    ],
)
def test_bad_kernels(kernel, says, capsys):
    np.save("in.npy", np.zeros((20, 31)))
    np.save("complex.npy", np.ones((3, 3), complex))
    np.save("nan.npy", np.full((3, 3), np.nan))
    np.save("line.npy", np.ones(3))
    np.save("scalar.npy", np.float64(1))
    np.save("empty.npy", np.ones((0, 3)))
    np.save("volume.npy", np.ones((2, 3, 4)))
    with open("kernel.txt", "w") as file:
        file.write("1 2\n3 4\n")
    np.save("objects.npy", np.array([[None, {}]]), allow_pickle=True)
    with open("broken.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (1")
    assert says in one_line(capsys, "in.npy", "out.npy", "--kernel", kernel)
