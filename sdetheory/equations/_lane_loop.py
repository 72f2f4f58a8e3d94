"""The loop over lanes that calls a user's function for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from ..symbolic.formulas.codegen import module_source
from ._fast_mathematics import stack_vector

MOST_WRITTEN = 64
"""Rows up to which each has lines of its own; more are gone over by loops, which compile as fast for any d."""


def lane_loop(
    names: dict[str, Any], call: Any, returned: types.Type, dimension: int, rows: int, stride: int
) -> Callable[..., None]:
    """Define ``kernel(x, p, out)`` among `names`; it puts what `call` returns into every `stride`-th row of out.

    Parameters
    ----------
    names : dict
        The namespace to define it in.
    call : dispatcher
        From a point and the parameters to numbers.
    returned : Numba type
        What it returns: a number, a tuple of them, or what makes an array.
    dimension, rows : int
        Rows of x and of out.
    stride : int
        Rows from one number to the next; between them stand zeros.
    """
    numbers = range(0, rows, stride)
    if isinstance(returned, types.Number):
        values = ["float(values)"]
    elif isinstance(returned, types.BaseTuple) and all(isinstance(t, types.Number) for t in returned):
        values = [f"float(values[{i}])" for i in range(len(numbers))]
    else:
        values = []
    called = ["values = call(point, p)", *([] if values else ["flat = np.asarray(values).ravel()"])]
    if max(dimension, rows) <= MOST_WRITTEN:
        # LLVM computes several lanes at once where the point is in registers and each row has an alias scope.
        entries = dict(zip(numbers, values or [f"flat[{i}]" for i in range(len(numbers))], strict=True))
        before = [f"point = stack_vector({dimension})"]
        body = [f"point[{i}] = get(x, {i}, lane, {rows}, {rows})" for i in range(dimension)] + called
        body += [f"put(out, {row}, lane, {row}, {rows}, {entries.get(row, '0.0')})" for row in range(rows)]
    else:
        before = [f"point = np.empty({dimension})", "out[:] = 0.0"]
        body = ["for i in range(point.size):", "    point[i] = x[i, lane]", *called]
        body += [f"out[{row}, lane] = {value}" for row, value in zip(numbers, values, strict=False)]
        body += [] if values else ["for i in range(flat.size):", f"    out[{stride} * i, lane] = flat[i]"]
    lines = [*(f"    {line}" for line in before), "    for lane in range(x.shape[1]):"]
    lines += [f"        {line}" for line in body]
    names |= {"call": call, "stack_vector": stack_vector}
    exec(module_source(set(), ["def kernel(x, p, out):", *lines]), names)
    return names["kernel"]
