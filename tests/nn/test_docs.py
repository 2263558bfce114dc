"""Every public name of fastconv.nn has a docstring whose examples run, and a place in `__all__`."""

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from fastconv import nn


def public_modules():
    """nn itself and the modules that it exports, with what is in them."""
    exported = [getattr(nn, name) for name in nn.__all__]
    found = [nn, importlib.import_module("fastconv.nn.plot")]
    for module in filter(inspect.ismodule, exported):
        found.append(module)
        for info in pkgutil.iter_modules(getattr(module, "__path__", []), module.__name__ + "."):
            if not info.name.rpartition(".")[2].startswith("_"):
                found.append(importlib.import_module(info.name))
    return found


def public_objects():
    seen = {}
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                seen.setdefault(f"{value.__module__}.{value.__qualname__}", value)
    return seen


OBJECTS = public_objects()
# Bases, results and errors of others, which show them.
WITHOUT_EXAMPLE = {"NonFiniteLossError", "Optimizer", "Progress", "Schedule", "Score"}
WITHOUT_EXAMPLE |= {"load_checkpoint"}


def test_all_lists_what_there_is_in_order():
    for module in public_modules():
        names = list(getattr(module, "__all__", []))
        assert len(names) == len(set(names)), module
        assert all(hasattr(module, name) for name in names), module


@pytest.mark.parametrize("name", OBJECTS)
def test_the_docstring_explains_and_its_examples_run(name):
    text = inspect.getdoc(OBJECTS[name])
    assert text, f"{name} has no docstring"
    report, runner = [], doctest.DocTestRunner()
    finder = doctest.DocTestFinder(exclude_empty=False)  # of a class, its methods' too
    found = finder.find(OBJECTS[name], name, module=False, globs={"np": np})
    tried = {examples.name: runner.run(examples, out=report.append) for examples in found}
    assert not runner.failures, "".join(report)
    shown = tried[name].attempted or name.rpartition(".")[2] in WITHOUT_EXAMPLE
    assert shown, f"{name} shows no example"


@pytest.mark.parametrize("name", [n for n, v in OBJECTS.items() if inspect.isfunction(v)])
def test_parameters_of_functions_are_explained(name):
    text = inspect.getdoc(OBJECTS[name])
    for parameter in inspect.signature(OBJECTS[name]).parameters:
        assert parameter in text, f"{name}: {parameter}"
