"""Functions of the state whose time averages are wanted: formulas and a user's own, as one block function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import sympy
from numba.extending import is_jitted
from numpy.typing import NDArray

from .._kernels import terms
from .._kernels.block import BlockFunction
from .._kernels.signatures import FIELD, compiled
from ..equations._user_function import UserFunction
from ..equations.sde import SDE
from ..errors import InvalidInputError
from ..symbolic.formulas.codegen import block_source
from ..symbolic.formulas.parsing import expression_of


class Observables:
    """Named functions of (x, t, parameters), one row each, with the interface of a BlockFunction.

    Attributes
    ----------
    names : tuple of str
        Of the rows: formulas first, which make one cached kernel, then functions.
    parameters : ndarray
        Those of the equation.
    """

    def __init__(self, sde: SDE, observables: Mapping[str, Any] | None, basins: Mapping[str, Any] | None) -> None:
        given = {**_mapping("observables", observables), **_mapping("basins", basins)}
        twice = sorted(set(observables or ()) & set(basins or ()))
        if twice:
            raise InvalidInputError(f"observables and basins must have different names; both have {twice[0]!r}")
        symbols, variables, parameters = _symbols(sde)
        formulas: dict[str, sympy.Expr] = {}
        own: dict[str, UserFunction] = {}
        for name, value in given.items():
            basin = name in (basins or ())
            role = f"{'basin' if basin else 'observable'} {name!r}"
            if inspect.isfunction(value) or is_jitted(value):
                own[name] = (_Inside if basin else UserFunction)(role, value, sde.dimension, 1, sde._values)
            elif isinstance(value, str | sympy.Basic):
                try:
                    formulas[name] = _inside(value, symbols) if basin else expression_of(value, symbols)
                except InvalidInputError as error:
                    raise InvalidInputError(f"{role}: {error}") from None
            else:
                raise InvalidInputError(
                    f"{role} must be a formula in {', '.join(symbols)}, or a function of x; got {type(value).__name__}"
                )
        self.names = (*formulas, *own)
        self.parameters: NDArray[np.float64] = sde._values
        self._functions: list[BlockFunction | UserFunction] = [*own.values()]
        if formulas:
            source = block_source("observables", [*formulas.values()], variables, parameters)
            self._functions.insert(0, BlockFunction(source, sde._values, len(formulas)))

    @cached_property
    def compiled(self) -> Any:
        """The machine code, as a first-class function that compiled kernels can call."""
        if not self._functions:
            return compiled(FIELD, terms.nothing)
        code, rows = self._functions[0].compiled, self._functions[0].rows
        for function in self._functions[1:]:
            code, rows = _joined(code, rows, function.compiled), rows + function.rows
        return code

    @property
    def sources(self) -> tuple[str, ...]:
        """What the functions compute, as text that is the same in every process."""
        return (*self.names, *(function.source for function in self._functions))

    def __call__(self, x: NDArray[np.float64], time: float) -> NDArray[np.float64]:
        """Return the values at points of shape (..., d), as an array of shape (..., K)."""
        return np.concatenate([np.empty((*x.shape[:-1], 0)), *(f(x, time) for f in self._functions)], axis=-1)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "compiled"}


class _Inside(UserFunction):
    """A user's function turned into 1 where it is positive or true, and 0 elsewhere."""

    @cached_property
    def compiled(self) -> Any:
        """The machine code, as a first-class function that compiled kernels can call."""
        function = super().compiled

        def kernel(x, p, out):
            function(x, p, out)
            for lane in range(x.shape[1]):
                out[0, lane] = 1.0 if out[0, lane] > 0.0 else 0.0

        return numba.cfunc(FIELD, error_model="numpy")(kernel)

    @cached_property
    def source(self) -> str:
        """What the function computes, as text that is the same in every process."""
        return f"inside {super().source}"


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidInputError(f'{name} must be a mapping of names to formulas or functions, as {{"a": "x"}}')
    return value


def _symbols(sde: SDE) -> tuple[dict[str, sympy.Symbol], tuple[sympy.Symbol, ...], tuple[sympy.Symbol, ...]]:
    """Return the names that formulas may use, the variables, and the parameters with the time behind them."""
    formulas = sde._formulas
    if formulas is not None:
        variables, parameters = formulas.variables, (*formulas.parameters, formulas.time)
    else:
        variables = sympy.symbols(f"x:{sde.dimension}", real=True)
        parameters = (*sympy.symbols(f"p:{len(sde._values)}", real=True), sympy.Symbol("t", real=True))
    return {s.name: s for s in (*variables, *parameters)}, variables, parameters


def _inside(region: str | sympy.Basic, symbols: Mapping[str, sympy.Symbol]) -> sympy.Expr:
    """Return 1 inside a region, 0 outside, 1/2 on its boundary."""
    if isinstance(region, sympy.StrictGreaterThan | sympy.GreaterThan | sympy.StrictLessThan | sympy.LessThan):
        positive = [expression_of(region.gts - region.lts, symbols)]  # pyright: ignore[reportOperatorIssue]
    elif isinstance(region, str):
        # Nothing else in a formula has these words and signs.
        positive = [e for part in re.split(r"\band\b", region) for e in _differences(part, symbols)]
    else:
        positive = [expression_of(region, symbols)]
    return (1 + sympy.sign(sympy.Min(*positive))) / 2


def _differences(text: str, symbols: Mapping[str, sympy.Symbol]) -> list[sympy.Expr]:
    """Return what a chain of comparisons, such as 0 < x < 1, says to be positive; another formula is so itself."""
    first, *rest = re.split(r"([<>])=?", text)
    sides = [expression_of(side, symbols) for side in (first, *rest[1::2])]
    if not rest:
        return sides
    signs = [1 if sign == "<" else -1 for sign in rest[::2]]
    return [sign * (b - a) for sign, (a, b) in zip(signs, pairwise(sides), strict=True)]


def _joined(first: Any, rows: int, second: Any) -> Any:
    """Return a block function of the rows of two."""

    def kernel(x, p, out):
        first(x, p, out[:rows])
        second(x, p, out[rows:])

    return numba.cfunc(FIELD, error_model="numpy")(kernel)
