"""``fastconv filter``: CSV files: separators, headings, and numbers that come back."""

import numpy as np
import pytest
from helpers.filter_files import RNG, run


@pytest.mark.parametrize(
    ("text", "sums"),
    [
        ("1\n2\n6\n", "2.0\n3.0\n8.0\n"),
        ("x\n1\n2\n6\n", "x\n2.0\n3.0\n8.0\n"),
        ("x,y\n1,0\n2,0\n6,9\n", "x,y\n2.0,0.0\n3.0,0.0\n8.0,9.0\n"),
        ("x;y\n1;0\n2;0\n6;9\n", "x;y\n2.0;0.0\n3.0;0.0\n8.0;9.0\n"),
        ('"a, b",c\r\n1,0\r\n2,0\r\n6,9\r\n', '"a, b",c\n2.0,0.0\n3.0,0.0\n8.0,9.0\n'),
        ("1,2,6", "2.0,3.0,8.0\n"),
        ("\ufeff1\n\n2\n6\n\n", "2.0\n3.0\n8.0\n"),
        ("1e0\t0\n 2 \t0\n+6\t9\n", "2.0\t0.0\n3.0\t0.0\n8.0\t9.0\n"),
    ],
)
def test_csv(text, sums, tmp_path):
    (tmp_path / "in.csv").write_bytes(text.encode())
    run("in.csv", "out.csv", "--kernel", "1 1 0", "--mode", "nearest")
    assert (tmp_path / "out.csv").read_bytes() == sums.encode()


def test_numbers_of_a_table_come_back(tmp_path):
    signal = RNG.standard_normal(50)
    (tmp_path / "in.csv").write_text("\n".join(map(repr, signal.tolist())))
    run("in.csv", "out.csv", "--kernel", "1")
    np.testing.assert_array_equal(np.loadtxt("out.csv"), signal)
