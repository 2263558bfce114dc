"""The public names exist with exactly the promised signatures, docstrings that run, and types."""

import ast
import doctest
import inspect
import re
from pathlib import Path

import pytest

import fastconv
from fastconv import grad

# As the contract has them; n is 1, 2 and 3.
OPERATORS = """
    conv{n}d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, *, layout=None,
        padding_mode='zeros', activation=None, algorithm='auto', out=None)
    conv_transpose{n}d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
        dilation=1, *, layout=None, activation=None, out=None)
    max_pool{n}d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
        return_indices=False, *, layout=None, out=None)
    avg_pool{n}d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
        count_include_pad=True, divisor_override=None, *, layout=None, out=None)
    lp_pool{n}d(input, norm_type, kernel_size, stride=None, ceil_mode=False, *, layout=None,
        out=None)
    adaptive_avg_pool{n}d(input, output_size, *, layout=None)
    adaptive_max_pool{n}d(input, output_size, return_indices=False, *, layout=None)
    max_unpool{n}d(input, indices, kernel_size, stride=None, padding=0, output_size=None, *,
        layout=None)
    unfold(input, kernel_size, dilation=1, padding=0, stride=1)
    fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1)
    conv_matrix(weight, input_shape, stride=1, padding=0, dilation=1, groups=1)
    conv_output_shape(input_shape, weight_shape, stride=1, padding=0, dilation=1, groups=1, *,
        layout=None)
"""
PLANS = """
    plan_conv{n}d(input_shape, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, *,
        layout=None, activation=None, algorithm='auto')
"""
RUNTIME = """
    set_num_threads(n)
    get_num_threads()
    num_threads(n)
    show_config(mode='stdout')
    get_include()
"""
GRADIENTS = """
    conv{n}d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1, *,
        layout=None, out=None)
    conv{n}d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1, *,
        layout=None, out=None)
    conv{n}d_bias(grad_output, *, layout=None)
    conv{n}d(grad_output, input, weight, stride=1, padding=0, dilation=1, groups=1, *, layout=None,
        output_mask=(True, True, True))
    conv_transpose{n}d(grad_output, input, weight, stride=1, padding=0, output_padding=0, groups=1,
        dilation=1, *, layout=None, output_mask=(True, True, True))
    max_pool{n}d(grad_output, indices, input_size, *, layout=None)
    avg_pool{n}d(grad_output, input_size, kernel_size, stride=None, padding=0, ceil_mode=False,
        count_include_pad=True, divisor_override=None, *, layout=None)
    lp_pool{n}d(grad_output, input, output, norm_type, kernel_size, stride=None, ceil_mode=False,
        *, layout=None)
    adaptive_avg_pool{n}d(grad_output, input_size, *, layout=None)
"""


def promised(text):
    """(name, signature) of each promise, for every n."""
    for line in re.sub(r"\n {8}", " ", text).split("\n"):
        name, bracket, parameters = line.strip().partition("(")
        for n in (1, 2, 3) if "{n}" in name else (0,) if name else ():
            yield name.format(n=n), bracket + parameters


PROMISES = [
    *((fastconv, *row) for row in promised(OPERATORS + PLANS + RUNTIME)),
    *((grad, *row) for row in promised(GRADIENTS)),
]
FUNCTIONS = [pytest.param(m, name, id=f"{m.__name__}.{name}") for m, name, _ in PROMISES]


def bare(signature):
    """A signature without its annotations, as text."""
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))


def test_the_table_above_is_read_whole():
    assert len(PROMISES) == 8 * 3 + 4 + 3 + 5 + 9 * 3


@pytest.mark.parametrize(
    ("module", "name", "signature"), PROMISES, ids=[f"{m.__name__}.{k}" for m, k, _ in PROMISES]
)
def test_signatures_are_exactly_the_promised_ones(module, name, signature):
    function = getattr(module, name)
    assert bare(inspect.signature(function)) == signature
    assert function.__name__ == name
    assert function.__module__.startswith("fastconv")


def test_no_public_name_is_missing_or_unpromised():
    names = {name for module, name, _ in PROMISES if module is fastconv}
    assert set(fastconv.__all__) == names | {"__version__", "grad", "Plan"}
    public = {name for name, value in vars(grad).items() if inspect.isfunction(value)}
    assert {n for n in public if n[0] != "_"} - {"variants"} == {
        name for module, name, _ in PROMISES if module is grad
    }


@pytest.mark.parametrize(("module", "name"), FUNCTIONS)
def test_docstrings_describe_every_parameter(module, name):
    function = getattr(module, name)
    text = inspect.getdoc(function)
    assert re.match(r"[A-Z].*[.:]\n", text), "one line that ends with a full stop"
    assert "{" not in text.replace('{"', ""), "a placeholder is left"
    assert "Examples\n--------" in text
    parameters = list(inspect.signature(function).parameters)
    if parameters:
        assert "Raises\n------" in text
        section = text.split("Parameters\n----------")[1].split("\n\n")[0]
        described = set(re.findall(r"[a-z_]\w*", re.sub(r"(?m)^ .*$", "", section)))
        assert set(parameters) <= described


@pytest.mark.parametrize(
    ("module", "name"), [*FUNCTIONS, (fastconv, "Plan"), (fastconv.Plan, "explain")]
)
def test_examples_run(module, name):
    text = getattr(module, name).__doc__
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert examples.examples
    report = []
    failed, _ = doctest.DocTestRunner().run(examples, out=report.append)
    assert not failed, "".join(report)


def typed(module):
    """The annotated definitions of a module's types: its stub, or its source."""
    source = Path(inspect.getfile(inspect.getmodule(module)))
    stub = source.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else source).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def all_parameters(node):
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def is_overload(node):
    return any(getattr(d, "id", None) == "overload" for d in node.decorator_list)


@pytest.mark.parametrize(("module", "name"), FUNCTIONS)
def test_types_agree_with_the_signature(module, name):
    function = getattr(module, name)
    if inspect.isclass(function):
        function, name = function.__init__, "__init__"
    nodes = [node for node in typed(function) if node.name == name]
    assert nodes
    signature = inspect.signature(function)
    for node in nodes:
        named = [p for p in all_parameters(node) if p.arg != "self"]
        assert all(p.annotation is not None for p in named)
        assert node.returns is not None
        assert {p.arg for p in named} == set(signature.parameters) - {"self"}
    plain = nodes[-1]  # the widest of several
    node_defaults = [ast.literal_eval(d) for d in plain.args.defaults]
    node_defaults += [ast.literal_eval(d) for d in plain.args.kw_defaults if d is not None]
    defaults = [p.default for p in signature.parameters.values() if p.default is not p.empty]
    assert node_defaults == defaults
    assert [p.arg for p in all_parameters(plain)] == list(signature.parameters)


def test_the_package_says_that_it_is_typed():
    assert Path(fastconv.__file__).with_name("py.typed").exists()
