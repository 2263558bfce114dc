"""Plans: a convolution with the work that can be done once done once."""

import functools

from fastconv import _conv_args, _core
from fastconv._core import Operator
from fastconv._variants import variants
from fastconv.runtime import num_threads

_MEASURED_SECONDS = 0.005


class Plan(_core.PlannedConv):
    """A convolution of one shape, its algorithm chosen and its weights packed.

    `plan_conv1d`, `plan_conv2d` and `plan_conv3d` make it.

    ``plan(x, out=None)`` convolves an array of the planned shape and dtype. It may be called
    from several threads at once, and it allocates nothing but the result. Later changes of the
    weight's or bias's array are not seen.

    Attributes
    ----------
    input_shape, output_shape : tuple of int
        What it takes and gives.
    dtype : numpy.dtype
        Of input and output.
    algorithm : str
        The algorithm that was chosen: "direct", "im2col", "winograd", "fft" or
        "reference".
    flops : int
        Two for each multiply-add of the direct sum.
    workspace_bytes : int
        The scratch memory of one call with the present number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> import fastconv as fc
    >>> plan = fc.plan_conv2d((1, 2, 5, 5), np.ones((4, 2, 3, 3), np.float32))
    >>> plan.output_shape
    (1, 4, 3, 3)
    >>> plan.flops
    1296
    """

    @property
    def output_shape(self):
        """The shape of the result."""
        return self.shape

    @property
    def algorithm(self):
        """The name of the algorithm that was chosen."""
        return _core.ALGORITHMS[self.algorithm_index]

    @property
    def flops(self):
        """Two for each multiply-add of the direct sum."""
        return self.problem.flops

    @property
    def workspace_bytes(self):
        """The scratch memory of one call with the present number of threads."""
        return self.scratch_bytes

    def __repr__(self):
        shapes = f"{self.input_shape} -> {self.output_shape}"
        return f"<{self.name}: {shapes}, {self.dtype}, {self.algorithm}>"

    def __reduce__(self):
        raise TypeError(f"{self.name}: a plan cannot be pickled or copied; it can be made again")

    def explain(self):
        """Say what was chosen and why, and the time that the machine's ceilings allow.

        The first call measures the machine for some milliseconds.

        Returns
        -------
        str
            Several lines.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> plan = fc.plan_conv1d((1, 2, 5), np.ones((4, 2, 3), np.float32), stride=2)
        >>> print(plan.explain())  # doctest: +ELLIPSIS
        plan_conv1d: (1, 2, 5) -> (1, 4, 2), float32
        ...
        """
        return "\n".join([*self._choice(), *self._work()])

    def _choice(self):
        """The algorithms: the chosen one first, then why each other was not."""
        problem, chosen = self.problem, self.algorithm_index
        yield f"{self.name}: {self.input_shape} -> {self.output_shape}, {self.dtype}"
        yield f"  algorithm {self.algorithm}: {_predicted(problem, chosen)}"
        for index, name in enumerate(_core.ALGORITHMS[1:], 1):
            if index != chosen:
                yield f"    not {name}: {problem.accepts(index) or _predicted(problem, index)}"

    def _work(self):
        """Arithmetic and bytes, and the time that the machine's ceilings allow."""
        flops, moved = self.flops, self.dtype.itemsize * self.problem.elements
        threads = _core.get_num_threads()
        arithmetic_rate, memory_rate = _ceilings(self.dtype.itemsize == 8, threads)
        arithmetic, memory = flops / arithmetic_rate, moved / memory_rate
        bound = "arithmetic" if arithmetic >= memory else "memory"
        rates = f"{arithmetic_rate / 1e9:.3g} GFLOP/s", f"{memory_rate / 1e9:.3g} GB/s"
        yield f"  arithmetic: {flops:,} flops, {_time(arithmetic)} at {rates[0]}"
        yield f"  memory: {moved:,} bytes, {_time(memory)} at {rates[1]}"
        yield (
            f"  ceilings of this machine with threads = {threads}: "
            f"{_time(max(arithmetic, memory))}, bound by {bound}"
        )
        yield f"  packed weights: {self.packed_bytes:,} bytes"
        yield f"  workspace of a call: {self.workspace_bytes:,} bytes"


def _predicted(problem, algorithm):
    return f"{_time(problem.cost(algorithm))} predicted for an image on one thread"


@functools.cache
def _ceilings(double, threads):
    """FLOP/s and bytes/s of this machine, measured once."""
    with num_threads(threads):
        return (
            _core.measure_flops("explain", double, _MEASURED_SECONDS),
            _core.measure_bandwidth("explain", _MEASURED_SECONDS),
        )


def _time(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _plan_conv(n):
    operator = Operator(f"plan_conv{n}d", n, ("weight", "bias?"), _conv_args.planned_conv, 0)

    def plan_conv(
        input_shape,
        weight,
        bias=None,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        *,
        layout=None,
        activation=None,
        algorithm="auto",
    ):
        """Plan a convolution: choose the algorithm and pack the weights once.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of the inputs to come, in their own axis order: (N, C, {axes}), or without
            the batch.
        weight : array
            Of shape (K, C / groups, *kernel); float32 or float64. The plan keeps its own copy.
        bias, stride, padding, dilation, groups, layout, activation, algorithm
            As in `conv{n}d`.

        Returns
        -------
        Plan
            ``plan(x, out=None)`` does what ``conv{n}d(x, weight, bias, ...)`` does, where the
            two may choose different algorithms and so differ in the last bits.

        Raises
        ------
        ValueError, TypeError, MemoryError
            Where `conv{n}d` would; the plan itself raises them if ``x`` or ``out`` has another
            shape or dtype.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> w = np.ones((4, 2, {times[3]}), np.float32)
        >>> plan = fc.plan_conv{n}d((1, 2, {times[5]}), w, padding="same")
        >>> y = plan(np.ones((1, 2, {times[5]}), np.float32))
        >>> y.shape == plan.output_shape
        True
        """
        options = (input_shape, stride, padding, dilation, groups, layout, activation, algorithm)
        problem, weight, bias = operator.prepare(weight, bias, None, options)
        return Plan(operator.name, tuple(input_shape), problem, weight, bias)

    return plan_conv


plan_conv1d, plan_conv2d, plan_conv3d = variants("plan_conv{n}d", _plan_conv)
