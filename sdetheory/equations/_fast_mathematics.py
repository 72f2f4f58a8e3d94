"""What lets LLVM compute a user's function for several lanes at once.

A call of the system's exp, or a point on the heap, would keep the loop over lanes scalar. So the function is compiled
with the exponential and the logarithm of the generated kernels in place of those of math and numpy, and its point lies
on the stack, where LLVM turns it into registers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np import arrayobj

from ..symbolic.formulas.codegen import module_source


@intrinsic(prefer_literal=True)
def stack_vector(typingctx, size):  # pyright: ignore[reportSelfClsParameterName]
    """Return an array of `size` numbers that lives as long as the function that calls this."""
    length = size.literal_value
    vector = types.float64[::1]

    def build(context, builder, signature, args):
        size = context.get_constant(types.intp, length)
        data = cgutils.alloca_once(builder, context.get_value_type(types.float64), size=size)
        array = arrayobj.make_array(vector)(context, builder)
        item = context.get_constant(types.intp, 8)
        arrayobj.populate_array(
            array,
            data=data,
            shape=[size],
            strides=[item],
            itemsize=item,
            meminfo=None,
        )
        return array._getvalue()

    return vector(size), build


def exp(v: Any) -> Any:
    """Stand in for math.exp and numpy.exp."""


def log(v: Any) -> Any:
    """Stand in for math.log and numpy.log of one argument."""


def _overload(stand_in: Callable[[Any], Any], original: Any) -> None:
    @overload(stand_in, jit_options={"forceinline": True})
    def choose(v):
        if isinstance(v, types.Float):
            scalar = _scalars()[stand_in.__name__]
            return lambda v: scalar(v)
        return lambda v: original(v)


_overload(exp, np.exp)
_overload(log, np.log)
_STAND_INS = ((math.exp, exp), (np.exp, exp), (math.log, log), (np.log, log))


@cache
def _scalars() -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(module_source({"exp", "log"}, []), namespace)
    return namespace


@cache
def _module(original: ModuleType) -> ModuleType:
    module = ModuleType(original.__name__)
    module.__dict__.update(original.__dict__)
    for theirs, ours in _STAND_INS:
        if vars(original).get(ours.__name__) is theirs:
            setattr(module, ours.__name__, ours)
    return module


def with_fast_mathematics(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with other exponentials and logarithms in its global and enclosing names."""

    def replaced(value: Any) -> Any:
        if value is math or value is np:
            return _module(value)
        return next((ours for theirs, ours in _STAND_INS if theirs is value), value)

    names = {name: replaced(value) for name, value in function.__globals__.items()}
    cells = tuple(CellType(replaced(cell.cell_contents)) for cell in function.__closure__ or ())
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
