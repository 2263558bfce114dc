"""``fastconv gradcheck``: every gradient, a table, exit codes."""

import re

from helpers.commands import run, without

import fastconv
from fastconv import cli


def test_gradcheck_passes(capsys):
    assert cli.main(["gradcheck"]) == 0
    printed = capsys.readouterr().out
    assert "conv_transpose3d" in printed
    assert "NDHWC" in printed
    assert "WRONG" not in printed


def test_gradcheck_reaches_every_gradient(monkeypatch):
    from fastconv.cli import gradients

    called = set()

    def spy(name, right):
        def called_and_counted(*arguments, **keywords):
            called.add(name)
            return right(*arguments, **keywords)

        monkeypatch.setattr(fastconv.grad, name, called_and_counted)

    public = {name for name in dir(fastconv.grad) if re.fullmatch(r"[a-z_]+[123]d(_[a-z]+)?", name)}
    for name in public:
        spy(name, getattr(fastconv.grad, name))
    cases = {case.gradients: case for case in gradients.gradient_cases()}
    for case in cases.values():
        case.check()
    assert called == public
    assert len(public) == 27


def test_gradcheck_shows_a_wrong_gradient(capsys, monkeypatch):
    from fastconv.cli import gradients

    right = fastconv.grad.avg_pool1d
    monkeypatch.setattr(fastconv.grad, "avg_pool1d", lambda *a, **k: 1.5 * right(*a, **k))
    monkeypatch.setattr(gradients, "MAKERS", (gradients._avg_pool_cases,))
    assert cli.main(["gradcheck"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG: avg_pool1d NCW (kernel_size=2)" in printed


def test_gradcheck_needs_no_extras(tmp_path):
    code = "from fastconv.cli import gradients; gradients.MAKERS = (gradients._lp_pool_cases,)"
    blocked = without(["rich", "scipy", "skimage"], ["gradcheck"], before=code)
    done = run(tmp_path, "-c", blocked)
    assert done.returncode == 0, done.stderr
    assert "lp_pool2d" in done.stdout
