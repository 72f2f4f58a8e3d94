"""The formulas of likelihoods as the source of compiled kernels."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import sympy

from ..symbolic.formulas.codegen import block_source
from ..symbolic.formulas.functions import logistic


class Symbols:
    """The functions that the formulas of likelihoods are made of, on symbols."""

    abs, exp, expit, min = sympy.Abs, sympy.exp, logistic, sympy.Min
    max = partial(sympy.Max, evaluate=False)

    @staticmethod
    def select(condition: Any, yes: Any, no: Any) -> sympy.Expr:
        """Return one of two values, of which both are computed."""
        return sympy.Piecewise((yes, condition), (no, True))


class CarefulSymbols(Symbols):
    """The same, where no exponential may grow."""

    @staticmethod
    def expit(z: Any) -> sympy.Expr:
        """Return 1/(1 + e^−z)."""
        right = logistic(sympy.Abs(z))
        return Symbols.select(z >= 0, right, sympy.exp(-sympy.Abs(z)) * right)


@cache
def slopes_source(likelihood: Any) -> str:
    """Return the kernel of dℓ/dz, for each product z of an example with weights, as a function of these and of y."""
    z, y = sympy.symbols(f"z:{likelihood.outputs}", real=True), sympy.Symbol("y", real=True)
    return block_source("the slopes of an example's cost", likelihood.slopes(list(z), y, Symbols), [*z, y])


@cache
def derivatives_source(likelihood: Any, order: int) -> str:
    """Return the kernel of dℓ/dz and, for order 2, d²ℓ/dz², as functions of z and y."""
    z, y = sympy.symbols("z y", real=True)
    formulas = [likelihood.slope(z, y, CarefulSymbols), likelihood.curvature(z, y, CarefulSymbols)]
    return block_source("the derivatives of an example's cost", formulas[:order], [z, y])
