"""Pooling in 1, 2 and 3 dimensions: maximum, average, power average, adaptive, and unpooling."""

from fastconv import _pool_args
from fastconv._core import Operator
from fastconv._variants import variants


def _max_pool(n):
    run = Operator(f"max_pool{n}d", n, ("input",), _pool_args.max_pool, 2).run

    def max_pool(
        input,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
        return_indices=False,
        *,
        layout=None,
        out=None,
    ):
        """Max pooling over {n} spatial dimension(s), as `torch.nn.functional.max_pool{n}d`.

        In each spatial dimension the output's size is
        ``(input + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1``, rounded down, or up
        with `ceil_mode`; a last window that would start behind the input is then left out.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32 or
            float64. Without the batch N the result has none either.
        kernel_size : int or tuple of {n}
            The size of a window.
        stride : int or tuple of {n}, optional
            Steps between windows; `kernel_size` if not given.
        padding : int or tuple of {n}, default 0
            On both sides; at most half of `kernel_size`. It is never a maximum.
        dilation : int or tuple of {n}, default 1
            Steps between the elements of one window.
        ceil_mode : bool, default False
            Whether the output's size is rounded up.
        return_indices : bool, default False
            Whether to give the maxima's positions too, for `max_unpool{n}d` and
            `fastconv.grad.max_pool{n}d`.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.
        out : array, optional
            Where to put the maxima: their exact shape and dtype, any strides.

        Returns
        -------
        array, or tuple of two arrays
            The maxima, of shape (N, C, *output) in the input's layout, and with `return_indices`
            their int64 positions, flat in the unpadded spatial plane. Of equal maxima the first
            in row-major order wins, and NaN wins over all.

        Raises
        ------
        ValueError
            If a value is out of its range, or a window would hold no element.
        TypeError
            If an argument has the wrong type, or the array a dtype other than float32 and float64.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.arange(4**{n}, dtype=np.float32).reshape((1, 1, {times[4]}))
        >>> fc.max_pool{n}d(x, 2).shape
        (1, 1, {times[2]})
        >>> y, indices = fc.max_pool{n}d(x, 2, return_indices=True)
        >>> bool((y == indices).all())
        True
        """
        return run(
            input,
            None,
            None,
            (kernel_size, stride, padding, dilation, layout, ceil_mode, return_indices),
            out,
        )

    return max_pool


def _avg_pool(n):
    run = Operator(f"avg_pool{n}d", n, ("input",), _pool_args.avg_pool, 2).run

    def avg_pool(
        input,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
        *,
        layout=None,
        out=None,
    ):
        """Average pooling over {n} spatial dimension(s), as `torch.nn.functional.avg_pool{n}d`.

        In each spatial dimension the output's size is
        ``(input + 2 * padding - kernel) / stride + 1``, rounded down, or up with `ceil_mode`; a
        last window that would start behind the input is then left out.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32 or
            float64. Without the batch N the result has none either.
        kernel_size : int or tuple of {n}
            The size of a window.
        stride : int or tuple of {n}, optional
            Steps between windows; `kernel_size` if not given.
        padding : int or tuple of {n}, default 0
            Zeros on both sides; at most half of `kernel_size`.
        ceil_mode : bool, default False
            Whether the output's size is rounded up.
        count_include_pad : bool, default True
            Whether the divisor counts the padding within a window.
        divisor_override : int, optional
            The divisor of every window, other than 0.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.
        out : array, optional
            Where to put the result: its exact shape and dtype, any strides.

        Returns
        -------
        array
            `out`, or a new array of shape (N, C, *output) in the input's layout. A value outside
            a window never shows in its average, not even NaN.

        Raises
        ------
        ValueError
            If a value is out of its range, or a window would hold no element.
        TypeError
            If an argument has the wrong type, or the array a dtype other than float32 and float64.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 3, {times[6]}), np.float32)
        >>> y = fc.avg_pool{n}d(x, 3, padding=1)
        >>> y.shape
        (1, 3, {times[2]})
        >>> float(y.max())
        1.0
        """
        return run(
            input,
            None,
            None,
            (
                kernel_size,
                stride,
                padding,
                divisor_override,
                layout,
                ceil_mode,
                count_include_pad,
            ),
            out,
        )

    return avg_pool


def _lp_pool(n):
    run = Operator(f"lp_pool{n}d", n, ("input",), _pool_args.lp_pool, 1).run

    def lp_pool(
        input, norm_type, kernel_size, stride=None, ceil_mode=False, *, layout=None, out=None
    ):
        """Power-average pooling over {n} spatial dimension(s), as torch's `lp_pool{n}d`.

        With s the sum of ``x**norm_type`` over a window, the result is
        ``sign(s) * abs(s) ** (1 / norm_type)``, and 0 where that is negative. Output sizes are
        those of `avg_pool{n}d` without padding.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32 or
            float64. Without the batch N the result has none either.
        norm_type : int or float
            The exponent, finite and positive.
        kernel_size : int or tuple of {n}
            The size of a window.
        stride : int or tuple of {n}, optional
            Steps between windows; `kernel_size` if not given.
        ceil_mode : bool, default False
            Whether the output's size is rounded up.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.
        out : array, optional
            Where to put the result: its exact shape and dtype, any strides.

        Returns
        -------
        array
            `out`, or a new array of shape (N, C, *output) in the input's layout.

        Raises
        ------
        ValueError
            If a value is out of its range, or the output would be empty.
        TypeError
            If an argument has the wrong type, or the array a dtype other than float32 and float64.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.full((1, 1, {times[4]}), 3, np.float64)
        >>> y = fc.lp_pool{n}d(x, 2, 2)
        >>> bool(np.allclose(y, 3 * 2 ** ({n} / 2)))
        True
        """
        return run(input, None, None, (norm_type, kernel_size, stride, layout, ceil_mode), out)

    return lp_pool


def _adaptive_avg_pool(n):
    run = Operator(f"adaptive_avg_pool{n}d", n, ("input",), _pool_args.adaptive_avg_pool, 0).run

    def adaptive_avg_pool(input, output_size, *, layout=None):
        """Average pooling to a given size, as `torch.nn.functional.adaptive_avg_pool{n}d`.

        In each spatial dimension window o is
        ``floor(o * input / output) <= i < ceil((o + 1) * input / output)``.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32 or
            float64. Without the batch N the result has none either.
        output_size : int or tuple of {n}
            The spatial size of the result; None in the tuple keeps that of the input.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.

        Returns
        -------
        array
            Of shape (N, C, *output) in the input's layout.

        Raises
        ------
        ValueError
            If a size is not positive.
        TypeError
            If an argument has the wrong type, or the array a dtype other than float32 and float64.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> fc.adaptive_avg_pool{n}d(np.ones((1, 3, {times[7]}), np.float32), 2).shape
        (1, 3, {times[2]})
        """
        return run(input, None, None, (output_size, layout), None)

    return adaptive_avg_pool


def _adaptive_max_pool(n):
    run = Operator(f"adaptive_max_pool{n}d", n, ("input",), _pool_args.adaptive_max_pool, 1).run

    def adaptive_max_pool(input, output_size, return_indices=False, *, layout=None):
        """Max pooling to a given size, as `torch.nn.functional.adaptive_max_pool{n}d`.

        In each spatial dimension window o is
        ``floor(o * input / output) <= i < ceil((o + 1) * input / output)``.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32 or
            float64. Without the batch N the result has none either.
        output_size : int or tuple of {n}
            The spatial size of the result; None in the tuple keeps that of the input.
        return_indices : bool, default False
            Whether to give the maxima's positions too, as `max_pool{n}d` does.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.

        Returns
        -------
        array, or tuple of two arrays
            The maxima, of shape (N, C, *output) in the input's layout, and with `return_indices`
            their int64 positions, flat in the spatial plane.

        Raises
        ------
        ValueError
            If a size is not positive.
        TypeError
            If an argument has the wrong type, or the array a dtype other than float32 and float64.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> fc.adaptive_max_pool{n}d(np.ones((1, 3, {times[7]}), np.float32), 2).shape
        (1, 3, {times[2]})
        """
        return run(input, None, None, (output_size, layout, return_indices), None)

    return adaptive_max_pool


def _max_unpool(n):
    run = Operator(f"max_unpool{n}d", n, ("input", "indices"), _pool_args.max_unpool, 0).run

    def max_unpool(
        input, indices, kernel_size, stride=None, padding=0, output_size=None, *, layout=None
    ):
        """Put maxima back where they were, zeros elsewhere, as torch's `max_unpool{n}d`.

        In each spatial dimension the output's size is
        ``(input - 1) * stride - 2 * padding + kernel``, unless `output_size` says otherwise.

        Parameters
        ----------
        input : array
            Maxima, of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}";
            float32 or float64. Without the batch N the result has none either.
        indices : array
            Their positions as `max_pool{n}d` gives them, int64 or int32. The last of equal ones
            wins.
        kernel_size, stride, padding
            Those of the pooling.
        output_size : int or tuple of int, optional
            The spatial size of the result, less than a stride from the default; in a tuple
            channels, or batch and channels, may stand with it, in the layout's order.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.

        Returns
        -------
        array
            Of shape (N, C, *output) in the input's layout.

        Raises
        ------
        ValueError
            If an index is outside the output, or a value is out of its range.
        TypeError
            If an argument has the wrong type, or an array another dtype.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.arange(4**{n}, dtype=np.float32).reshape((1, 1, {times[4]}))
        >>> y, indices = fc.max_pool{n}d(x, 2, return_indices=True)
        >>> z = fc.max_unpool{n}d(y, indices, 2)
        >>> z.shape, int((z != 0).sum()) == 2**{n}
        ((1, 1, {times[4]}), True)
        """
        return run(input, indices, None, (kernel_size, stride, padding, output_size, layout), None)

    return max_unpool


max_pool1d, max_pool2d, max_pool3d = variants("max_pool{n}d", _max_pool)
avg_pool1d, avg_pool2d, avg_pool3d = variants("avg_pool{n}d", _avg_pool)
lp_pool1d, lp_pool2d, lp_pool3d = variants("lp_pool{n}d", _lp_pool)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = variants(
    "adaptive_avg_pool{n}d", _adaptive_avg_pool
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = variants(
    "adaptive_max_pool{n}d", _adaptive_max_pool
)
max_unpool1d, max_unpool2d, max_unpool3d = variants("max_unpool{n}d", _max_unpool)
