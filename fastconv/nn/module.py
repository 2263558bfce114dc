"""The base of all layers: parameters, buffers and children by name; a mode; forward and backward.

There is no tape. A layer's `forward` remembers what its `backward` needs, and containers call their
children's in the opposite order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from fastconv import _args
from fastconv.nn._located import locate
from fastconv.nn.init import check_dtype
from fastconv.nn.modes import modes
from fastconv.nn.parameter import Parameter

if TYPE_CHECKING:
    from fastconv.nn.summary import Summary

__all__ = ["IncompatibleKeys", "Module"]

M = TypeVar("M", bound="Module")
Hook = Callable[["Module", Any, Any], None]


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` returns.

    Attributes
    ----------
    missing_keys : list of str
        The module's names that the state did not have: they are as they were.
    unexpected_keys : list of str
        The state's names that the module does not have: they were passed over.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Linear(2, 1).load_state_dict({"bias": np.zeros(1), "scale": 3}, strict=False)
    IncompatibleKeys(missing_keys=['weight'], unexpected_keys=['scale'])
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A layer or a network: the base class of all of them.

    A subclass sets `Parameter`s and other modules as attributes, which gives them their names in
    `state_dict`, registers other arrays by `register_buffer`, and defines `forward` and `backward`.

    Attributes
    ----------
    training : bool
        True after `train`, False after `eval`. Dropout and batch normalisation look at it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(np.full(1, 2.0))
    ...
    ...     def forward(self, x):
    ...         self.remember(x)
    ...         return x * self.factor.data
    ...
    ...     def backward(self, gy):
    ...         x = self.remembered()
    ...         self.factor.add_grad(np.array([np.sum(gy * x)]))
    ...         return gy * self.factor.data
    >>> scale = Scale()
    >>> scale(np.arange(3.0))
    array([0., 2., 4.])
    >>> scale.backward(np.ones(3))
    array([2., 2., 2.])
    >>> scale.factor.grad
    array([3.])
    """

    training: bool
    _parameters: dict[str, Parameter]
    _buffers: dict[str, Any]
    _children: dict[str, Module]
    _hooks: dict[object, Hook]
    _memory: tuple[Any, ...] | None

    def __init__(self) -> None:
        # Not through __setattr__, which looks into them.
        self.__dict__.update(
            training=True, _parameters={}, _buffers={}, _children={}, _hooks={}, _memory=None
        )

    # ---- Forward and backward --------------------------------------------------------------------

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """``forward(x)``, and then the hooks. A few layers take more than one argument.

        The first may be named too: as `forward` does, or ``input``, as in torch. An error of a
        layer below says which: ``layer '0.conv1' (Conv2d): ...``.
        """
        if named and not inputs:
            inputs = self._take_first(named)
        try:
            y = self.forward(*inputs, **named)
            if self._hooks:
                for hook in tuple(self._hooks.values()):
                    hook(self, inputs[0] if inputs else None, y)
        except Exception as error:
            locate(error, self)
            raise
        return y

    def _take_first(self, named: dict[str, Any]) -> tuple[Any, ...]:
        """Take the first argument out of those that were named."""
        for first in islice(signature(self.forward).parameters.values(), 1):
            if first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
                for name in (first.name, "input"):
                    if name in named:
                        return (named.pop(name),)
        return ()

    def forward(self, x: Any) -> Any:
        """The layer's output; remembers what `backward` needs, but within `no_grad`.

        Parameters
        ----------
        x : ndarray
            The input. It is not changed, and must not be before `backward`.

        Returns
        -------
        ndarray
            The output.
        """
        raise TypeError(f"{type(self).__name__}: forward: the class defines none")

    def backward(self, gy: Any) -> Any:
        """Go back through the last forward pass.

        Parameters
        ----------
        gy : ndarray
            The gradient of the loss with respect to the last output, of its shape and dtype.

        Returns
        -------
        ndarray
            The gradient with respect to the last input. The gradients of the parameters are added
            to their `grad`.
        """
        raise TypeError(f"{type(self).__name__}: backward: the class defines none")

    def backward_parameters(self, gy: Any) -> None:
        """Go back for the gradients of the parameters alone, as `fit` does.

        They are those of `backward`. Where nobody asks for the gradient with respect to the input,
        convolutions, transposed ones too, and linear layers do not compute it, and containers do
        not go back through layers in front of the first that has a parameter to train.

        Parameters
        ----------
        gy : ndarray
            As of `backward`.

        Examples
        --------
        >>> import numpy as np
        >>> from fastconv import nn
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> y = net(np.ones((1, 2, 2), np.float32))
        >>> net.backward_parameters(np.ones_like(y))
        >>> net[1].bias.grad
        array([1., 1.], dtype=float32)
        """
        self.backward(gy)

    def _goes_back_as(self, layer: type[Module]) -> bool:
        """Whether `backward` is that of `layer`, not one of a subclass's own."""
        return getattr(self.backward, "__func__", None) is layer.backward

    def remember(self, *values: Any) -> None:
        """Keep what `backward` will need; nothing within `no_grad`."""
        self.__dict__["_memory"] = values if modes.remember else None

    def remembered(self) -> Any:
        """What `remember` kept (one value by itself, several as a tuple).

        It stays: `backward` may be called again.
        """
        memory = self._memory
        if memory is None:
            raise RuntimeError(
                f"{type(self).__name__}: backward: there is no forward pass to go back through"
            )
        return memory[0] if len(memory) == 1 else memory

    def forget(self) -> None:
        """Let go of what this module and all below it remember, and so of that memory."""
        for module in self.modules():
            module.__dict__["_memory"] = None

    def register_forward_hook(self, hook: Hook) -> Callable[[], None]:
        """Have a function called after each forward pass of this module.

        Parameters
        ----------
        hook : callable
            Called with the module, its input and its output.

        Returns
        -------
        callable
            Without arguments: it takes the hook away.
        """
        key = object()
        self._hooks[key] = hook

        def remove() -> None:
            self._hooks.pop(key, None)

        return remove

    # ---- Names -----------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        registry = self.__dict__
        if "_parameters" not in registry:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() first")
        self._check_assigned(name, value)
        for kind, of in (("_parameters", Parameter), ("_children", Module)):
            if isinstance(value, of):
                registry[kind][name] = value
            else:
                registry[kind].pop(name, None)
        if name in registry["_buffers"]:
            registry["_buffers"][name] = value
        registry[name] = value

    def _check_assigned(self, name: str, value: Any) -> None:
        """Refuse what would take a parameter, child or buffer out of the state unnoticed."""
        kinds = (("_parameters", Parameter), ("_children", Module), ("_buffers", np.ndarray))
        for kind, of in kinds:
            if name in self.__dict__[kind] and not isinstance(value, (of, type(None))):
                given = type(value).__name__
                raise TypeError(
                    f"{type(self).__name__}: {name}: {given}; a {of.__name__} or None is allowed"
                    + (f": set {name}.data for other values" if of is Parameter else "")
                )

    def __delattr__(self, name: str) -> None:
        for kind in ("_parameters", "_children", "_buffers"):
            self.__dict__[kind].pop(name, None)
        object.__delattr__(self, name)

    def register_buffer(self, name: str, value: Any) -> None:
        """Name an array that is part of the state, but not trained: a running mean, a mask.

        Parameters
        ----------
        name : str
            Its name as an attribute and in `state_dict`.
        value : ndarray or None
            None is kept as an attribute, but is not part of the state.
        """
        self._check_name(name)
        if not isinstance(value, (np.ndarray, type(None))):
            given = type(value).__name__
            raise TypeError(
                f"{type(self).__name__}: {name}: {given}; an ndarray or None is allowed"
            )
        self._buffers[name] = value
        self.__dict__[name] = value

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name or "." in name:
            shown = _args.written(name)
            raise ValueError(
                f"{type(self).__name__}: name: {shown}; a name without a dot is allowed"
            )

    def add_module(self, name: str, module: Module | None) -> None:
        """Name a child, as setting an attribute does, whatever the name.

        Parameters
        ----------
        name : str
            Not empty, without a dot.
        module : Module or None
            The child.
        """
        self._check_name(name)
        given: Any = module
        if not isinstance(given, (Module, type(None))):
            kind = type(given).__name__
            raise TypeError(f"{type(self).__name__}: {name}: {kind}; a Module or None is allowed")
        setattr(self, name, module)

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once, in the order of their registration."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below, each once, with their names, such as ``"conv1"``."""
        seen: set[int] = set()
        for name, module in self._children.items():
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once, with names such as ``"0.conv1"``."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(f"{name}.{n}" if name else n, m) for n, m in module._children.items()]
            stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with names such as ``"0.weight"``."""
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, parameter in module._parameters.items():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"{prefix}.{name}" if prefix else name, parameter

    def parameters(self) -> list[Parameter]:
        """All parameters of this module and those below it, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """All buffers but None, with names such as ``"1.running_mean"``."""
        for prefix, module in self.named_modules():
            for name, value in module._buffers.items():
                if value is not None:
                    yield f"{prefix}.{name}" if prefix else name, value

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call a function with every module below, and then with this one.

        Parameters
        ----------
        function : callable
            Called with each module, children before their parents; what it returns is unread.

        Returns
        -------
        Module
            This module.

        Examples
        --------
        >>> from fastconv import nn
        >>> def zero_bias(module):
        ...     if isinstance(module, nn.Linear):
        ...         module.bias.data[...] = 0
        >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU()).apply(zero_bias)[0].bias.data
        array([0., 0., 0.], dtype=float32)
        """
        if not callable(function):
            _args.wrong_type(f"{type(self).__name__}.apply", "function", function, "a callable")
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    # ---- Mode, dtype, gradients ------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set `training` here and in all modules below.

        Parameters
        ----------
        mode : bool, default True
            The value.

        Returns
        -------
        Module
            This module.
        """
        mode = _args.flag(f"{type(self).__name__}.train", "mode", mode)
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self: M) -> M:
        """``train(False)``: dropout passes all on, batch normalisation uses its running values."""
        return self.train(False)

    def to(self: M, dtype: Any) -> M:
        """Convert all parameters and floating-point buffers.

        Parameters
        ----------
        dtype : dtype
            float32 or float64.

        Returns
        -------
        Module
            This module. Gradients are forgotten.
        """
        kind = check_dtype(f"{type(self).__name__}.to", dtype)
        self.forget()
        for module in self.modules():
            for parameter in module._parameters.values():
                parameter.data = parameter.data.astype(kind)
                parameter.grad = None
            for name, value in module._buffers.items():
                if value is not None and value.dtype.kind == "f":
                    module.register_buffer(name, value.astype(kind))
        return self

    def double(self: M) -> M:
        """``to(np.float64)``."""
        return self.to(np.float64)

    def float(self: M) -> M:
        """``to(np.float32)``."""
        return self.to(np.float32)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze (False) or release all parameters.

        Parameters
        ----------
        requires_grad : bool, default True
            What `Parameter.requires_grad` is set to.

        Returns
        -------
        Module
            This module.
        """
        name = f"{type(self).__name__}.requires_grad_"
        requires_grad = _args.flag(name, "requires_grad", requires_grad)
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    # ---- State -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Parameters and buffers by their names, which are torch's.

        Returns
        -------
        dict of str to ndarray
            The arrays themselves, not copies: training goes on changing them. A layer in two
            places, or a parameter of two layers, is there under each of its names.
        """
        state = {name: p.data for name, p in self._parameters.items()}
        state.update({name: b for name, b in self._buffers.items() if b is not None})
        for prefix, module in self._children.items():
            state.update({f"{prefix}.{name}": v for name, v in module.state_dict().items()})
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters and buffers.

        Parameters
        ----------
        state : mapping of str to array
            By the names of `state_dict`. Arrays of another floating dtype are converted; torch
            tensors on the CPU are taken.
        strict : bool, default True
            Whether missing and unexpected names are an error.

        Returns
        -------
        IncompatibleKeys
            The missing and the unexpected names: look at them when not `strict`.

        Raises
        ------
        ValueError
            With all missing and unexpected names, wrong shapes and dtypes. Nothing is changed then.
        """
        given: Any = state
        name = f"{type(self).__name__}.load_state_dict"
        strict = _args.flag(name, "strict", strict)
        if not isinstance(given, Mapping):
            _args.wrong_type(name, "state", given, "a mapping of names to arrays")
        own = self.state_dict()
        new = {name: self._read(name, state[name]) for name in state if name in own}
        problems = [
            f"{name}: {value.dtype} of shape {value.shape}; {own[name].dtype} of shape "
            f"{own[name].shape} is allowed"
            for name, value in new.items()
            if value.shape != own[name].shape
            or value.dtype.kind not in "fiu"
            or not np.can_cast(value.dtype, own[name].dtype, "same_kind")
        ]
        missing = [name for name in own if name not in new]
        unexpected = [name for name in state if name not in own]
        if strict:
            problems += [f"missing: {name}" for name in missing]
            problems += [f"unexpected: {name}" for name in unexpected]
        if problems:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: state: " + "; ".join(problems)
            )
        for name, value in new.items():
            own[name][...] = value
        return IncompatibleKeys(missing, unexpected)

    def _read(self, name: str, value: Any) -> np.ndarray[Any, Any]:
        try:
            return np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: state: {name} cannot be read as an array: "
                f"{error}"
            ) from error

    def summary(self, input_shape: tuple[int, ...]) -> Summary:
        """Shapes, parameters, floating-point operations and memory, layer by layer.

        Parameters
        ----------
        input_shape : tuple of int
            Of the network's input, with the batch axis.

        Returns
        -------
        Summary
            A table, as `str`; its rows and totals as attributes.
        """
        from fastconv.nn.summary import summarise

        return summarise(self, input_shape)

    def flops(self, x: Any, y: Any) -> int:
        """Floating-point operations of a forward pass, without those of modules below.

        Parameters
        ----------
        x, y : ndarray
            An input and its output.

        Returns
        -------
        int
            2 for each multiply-add of a convolution's or linear layer's direct sum; 0 for others.
        """
        return 0

    # ---- Text ------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self._children.items()
        ]
        inner = self.extra_repr()
        if lines:
            inner = "\n" + "\n".join(([f"  {inner}"] if inner else []) + lines) + "\n"
        return f"{type(self).__name__}({inner})"
