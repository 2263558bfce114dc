"""Optimisers: gradients to new weights. The arithmetic is one pass in C over each parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastconv import _args, _core
from fastconv.nn.parameter import Parameter

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]

Group = dict[str, Any]


def _check(name: str, argument: str, value: Any, allowed: str, good: bool) -> None:
    if not good:
        raise ValueError(f"{name}: {argument}: {value!r}; {allowed} is allowed")


def _finite(name: str, argument: str, value: Any, least: float = -math.inf) -> None:
    """Refuse what is no finite number of at least `least`."""
    allowed = "a finite number" + (f" of at least {least}" if least > -math.inf else "")
    number = _args.number(name, argument, value)
    _check(name, argument, value, allowed, math.isfinite(number) and number >= least)


class Optimizer:
    """What all optimisers share: groups of parameters with options, and a state a parameter.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
        The parameters, or groups of them: ``{"params": [...], "lr": 0.1}``, where options that a
        group leaves out are those given to the optimiser.
    defaults : dict
        The options of groups that do not have their own.

    Attributes
    ----------
    param_groups : list of dict
        ``"params"`` and the options of each; ``"lr"`` may be changed at any time.
    """

    def __init__(self, params: Any, defaults: Group) -> None:
        self._name = type(self).__name__
        if not isinstance(params, Iterable) or isinstance(params, (str, np.ndarray)):
            needed = "an iterable of Parameters, or of dicts of them"
            _args.wrong_type(self._name, "params", params, needed)
        given = list(params)
        if not given:
            raise ValueError(f"{self._name}: params: empty; at least one Parameter is allowed")
        groups = given if isinstance(given[0], Mapping) else [{"params": given}]
        self.param_groups: list[Group] = []
        self._state: dict[int, dict[str, Any]] = {}
        for group in groups:
            self._add(group, defaults)

    def _add(self, group: Any, defaults: Group) -> None:
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"{self._name}: params: a group is a dict with 'params'")
        unknown = sorted(set(group) - set(defaults) - {"params"})
        if unknown:
            allowed = ", ".join(sorted(defaults))
            raise ValueError(f"{self._name}: params: {unknown[0]!r}; {allowed} are allowed")
        options = {**defaults, **group, "params": list(group["params"])}
        for parameter in options["params"]:
            if not isinstance(parameter, Parameter):
                kind = type(parameter).__name__
                raise TypeError(f"{self._name}: params: {kind}; a Parameter is allowed")
            if id(parameter) in self._state:
                raise ValueError(f"{self._name}: params: a parameter stands in it twice")
            self._state[id(parameter)] = {}
        self._check_options(options)
        self.param_groups.append(options)

    def _check_options(self, options: Group) -> None:
        for key in ("lr", "weight_decay"):
            _finite(self._name, key, options[key], 0)
        for key in ("nesterov", "amsgrad", "maximize"):
            _args.flag(self._name, key, options.get(key, False))

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def step(self) -> None:
        """Change each parameter that has a gradient and is not frozen, in place."""
        for group in self.param_groups:
            live = [p for p in group["params"] if p.grad is not None and p.requires_grad]
            if live:
                self._update(group, live)

    def _update(self, group: Group, live: list[Parameter]) -> None:
        raise TypeError(f"{self._name}: step: the class defines none")

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on from here.

        Returns
        -------
        dict
            ``"state"``: by the parameter's number, its arrays (copies) and counts;
            ``"param_groups"``: the options, with the parameters' numbers.
        """
        groups, state, number = [], {}, 0
        for group in self.param_groups:
            numbers = list(range(number, number + len(group["params"])))
            number += len(numbers)
            groups.append({**group, "params": numbers})
            for i, parameter in zip(numbers, group["params"], strict=True):
                own = self._state[id(parameter)]
                if own:
                    state[i] = {
                        k: v.copy() if isinstance(v, np.ndarray) else v for k, v in own.items()
                    }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state.

        Parameters
        ----------
        state_dict : mapping
            From `state_dict` of an optimiser of the same class over parameters of the same shapes.

        Raises
        ------
        ValueError
            Where groups, their options or shapes differ. Nothing is changed then.
        """
        groups, states = self._parts(state_dict)
        self._check_groups(groups)
        parameters = [p for group in self.param_groups for p in group["params"]]
        new: list[dict[str, Any]] = [{} for _ in parameters]
        for number, values in states.items():
            if not isinstance(values, Mapping):
                _args.wrong_type(self._name, f"the state of parameter {number}", values, "a dict")
            if not str(number).isdecimal() or int(number) >= len(parameters):
                raise ValueError(
                    f"{self._name}: state_dict: parameter {number}; those below {len(parameters)} "
                    "are allowed"
                )
            shape = parameters[int(number)].shape
            for key, value in values.items():
                kept = value
                if isinstance(value, np.ndarray):
                    if value.shape != shape:
                        raise ValueError(
                            f"{self._name}: state_dict: {key} of parameter {number}: shape "
                            f"{value.shape}; {shape} is allowed"
                        )
                    kept = value.astype(parameters[int(number)].dtype)
                new[int(number)][key] = kept
        for group, loaded in zip(self.param_groups, groups, strict=True):
            group.update({k: v for k, v in loaded.items() if k != "params"})
        for parameter, values in zip(parameters, new, strict=True):
            self._state[id(parameter)] = values

    def _parts(self, state_dict: Any) -> tuple[list[Group], Mapping[Any, Any]]:
        """The groups and states of what `state_dict` gave, or a file that was read."""
        if not isinstance(state_dict, Mapping) or {"param_groups", "state"} - set(state_dict):
            needed = "a dict with 'param_groups' and 'state'"
            _args.wrong_type(self._name, "state_dict", state_dict, needed)
        groups, states = state_dict["param_groups"], state_dict["state"]
        if not isinstance(states, Mapping):
            _args.wrong_type(self._name, "state_dict['state']", states, "a dict")
        if not isinstance(groups, (list, tuple)) or not all(
            isinstance(g, Mapping) and isinstance(g.get("params"), (list, tuple)) for g in groups
        ):
            needed = "a list of dicts, each with a list 'params'"
            _args.wrong_type(self._name, "state_dict['param_groups']", groups, needed)
        return list(groups), states

    def _check_groups(self, groups: list[Group]) -> None:
        """That loaded groups are as large as ours, and have the same options of allowed values."""
        counts = [len(g["params"]) for g in groups]
        own = [len(g["params"]) for g in self.param_groups]
        if counts != own:
            raise ValueError(
                f"{self._name}: state_dict: groups of {counts} parameters; {own} is allowed"
            )
        for group, loaded in zip(self.param_groups, groups, strict=True):
            if set(loaded) != set(group):
                options, allowed = (", ".join(sorted({*g} - {"params"})) for g in (loaded, group))
                raise ValueError(
                    f"{self._name}: state_dict: a group with {options}; {allowed} are allowed"
                )
            self._check_options(loaded)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum. Matches ``torch.optim.SGD``.

    With g the gradient plus ``weight_decay`` times the weight, and v = g in the first step::

        v = momentum * v + (1 - dampening) * g
        weight -= lr * (g + momentum * v if nesterov else v)

    Parameters
    ----------
    params : iterable of Parameter, or of dict
        See `Optimizer`.
    lr : float, default 0.001
        The learning rate.
    momentum : float, default 0
        Of the velocity v; without it there is none.
    dampening : float, default 0
        See above.
    weight_decay : float, default 0
        The L2 penalty's factor.
    nesterov : bool, default False
        Look ahead (Sutskever et al. 2013); needs momentum and no dampening.
    maximize : bool, default False
        Go up the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> p = nn.Parameter(np.ones(2))
    >>> optimiser = nn.SGD([p], lr=0.5)
    >>> p.add_grad(np.array([1.0, -1.0]))
    >>> optimiser.step()
    >>> p.data
    array([0.5, 1.5])
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _check_options(self, options: Group) -> None:
        super()._check_options(options)
        momentum, dampening = options["momentum"], options["dampening"]
        _finite("SGD", "momentum", momentum, 0)
        _finite("SGD", "dampening", dampening)
        if options["nesterov"] and (momentum == 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov: True with momentum {momentum} and dampening {dampening}; it needs "
                "momentum above 0 and no dampening"
            )

    def _update(self, group: Group, live: list[Parameter]) -> None:
        momentum = group["momentum"]
        velocities: list[Any] = [None] * len(live)
        fresh = [True] * len(live)
        if momentum:
            for i, parameter in enumerate(live):
                state = self._state[id(parameter)]
                velocity = state.get("momentum_buffer")
                fresh[i] = velocity is None
                if velocity is None:
                    velocity = state["momentum_buffer"] = np.empty_like(parameter.data)
                velocities[i] = velocity
        _core.sgd(
            [p.data for p in live],
            [p.grad for p in live],
            velocities,
            fresh,
            group["lr"],
            momentum,
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            group["maximize"],
        )


class Adam(Optimizer):
    """Adaptive moments. Matches ``torch.optim.Adam`` (Kingma and Ba 2015).

    With g the gradient plus ``weight_decay`` times the weight, in step t from 1::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        weight -= lr * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps)

    Parameters
    ----------
    params : iterable of Parameter, or of dict
        See `Optimizer`.
    lr : float, default 0.001
        The learning rate.
    betas : (float, float), default (0.9, 0.999)
        Each at least 0 and below 1.
    eps : float, default 1e-8
        At least 0.
    weight_decay : float, default 0
        The L2 penalty's factor.
    amsgrad : bool, default False
        Divide by the greatest v so far (Reddi et al. 2018).
    maximize : bool, default False
        Go up the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> p = nn.Parameter(np.ones(2))
    >>> optimiser = nn.Adam([p], lr=0.1)
    >>> p.add_grad(np.array([3.0, -5.0]))
    >>> optimiser.step()
    >>> p.data.round(6)
    array([0.9, 1.1])
    """

    _decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    def _check_options(self, options: Group) -> None:
        super()._check_options(options)
        betas, eps = options["betas"], options["eps"]
        if not isinstance(betas, (tuple, list)):
            _args.wrong_type(self._name, "betas", betas, "a pair of numbers")
        good = len(betas) == 2
        good = good and all(0 <= _args.number(self._name, "betas", b) < 1 for b in betas)
        _check(self._name, "betas", betas, "a pair of numbers of at least 0 and below 1", good)
        _finite(self._name, "eps", eps, 0)

    def _update(self, group: Group, live: list[Parameter]) -> None:
        amsgrad, (beta1, beta2) = group["amsgrad"], group["betas"]
        first, second, greatest, steps = [], [], [], []
        for parameter in live:
            state = self._state[id(parameter)]
            if not state:
                state["step"] = 0
                state["exp_avg"] = np.zeros_like(parameter.data)
                state["exp_avg_sq"] = np.zeros_like(parameter.data)
            if amsgrad and "max_exp_avg_sq" not in state:
                state["max_exp_avg_sq"] = np.zeros_like(parameter.data)
            state["step"] += 1
            steps.append(state["step"])
            first.append(state["exp_avg"])
            second.append(state["exp_avg_sq"])
            greatest.append(state["max_exp_avg_sq"] if amsgrad else None)
        _core.adam(
            [p.data for p in live],
            [p.grad for p in live],
            first,
            second,
            greatest,
            steps,
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            self._decoupled,
            group["maximize"],
        )


class AdamW(Adam):
    """Adam with decoupled weight decay. Matches ``torch.optim.AdamW`` (Loshchilov and Hutter 2019).

    As `Adam`, but that the gradient is left as it is, and before each step
    ``weight *= 1 - lr * weight_decay``.

    Parameters
    ----------
    params, lr, betas, eps
        See `Adam`.
    weight_decay : float, default 0.01
        See above.
    amsgrad, maximize
        See `Adam`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> p = nn.Parameter(np.ones(1))
    >>> optimiser = nn.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> p.add_grad(np.array([3.0]))
    >>> optimiser.step()
    >>> p.data.round(6)
    array([0.85])
    """

    _decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
