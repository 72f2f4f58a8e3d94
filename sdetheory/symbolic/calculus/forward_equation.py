"""The Fokker–Planck operator of an Itô equation, and the probability current."""

from __future__ import annotations

from typing import Any

import sympy

from ..proofs._bounded import bounded
from .ito_sde import ItoSDE


@bounded("the probability current")
def probability_current(sde: ItoSDE, density: Any, *, evaluate: bool = True) -> tuple[sympy.Expr, ...]:
    r"""Return the probability current J of a density, one component for each variable.

    .. math:: J_i = a_i p - \tfrac12 \sum_j \partial_j (A_{ij} p), \qquad \partial_t p = -\nabla \cdot J

    Parameters
    ----------
    sde : ItoSDE
        a and A = b bᵀ.
    density : Expr
        p(x); it need not be normalized.
    evaluate : bool, default True
        Whether to differentiate; without it the derivatives stay as they are, to be read (a step of a derivation
        does them).

    Returns
    -------
    tuple of Expr
        J(x).

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, chapter 6.

    Examples
    --------
    >>> x, T = sympy.symbols("x T", positive=True)
    >>> C = sympy.Function("C")(x)
    >>> [sympy.simplify(J) for J in probability_current(ItoSDE(-C.diff(x), sympy.sqrt(2 * T), x), sympy.exp(-C / T))]
    [0]
    """
    p = sde.expression(density, "density")
    return tuple(
        a * p - sympy.Add(*[_slope(sde.covariance[i, j] * p, v, evaluate) for j, v in enumerate(sde.variables)]) / 2
        for i, a in enumerate(sde.drift)
    )


@bounded("the Fokker–Planck operator")
def fokker_planck(sde: ItoSDE, density: Any, *, evaluate: bool = True) -> sympy.Expr:
    r"""Return the right-hand side of the Fokker–Planck equation, the adjoint of the generator.

    .. math:: L^\dagger p = -\sum_i \partial_i (a_i p) + \tfrac12 \sum_{ij} \partial_i \partial_j (A_{ij} p)

    Parameters
    ----------
    sde : ItoSDE
        a and A = b bᵀ.
    density : Expr
        p(x), or p(x, t): the time is a parameter here.
    evaluate : bool, default True
        As for :func:`probability_current`.

    Returns
    -------
    Expr
        What ∂p/∂t is equal to.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 4.3.

    Examples
    --------
    The Gaussian kernel solves the equation of Brownian motion.

    >>> x, t = sympy.symbols("x t", positive=True)
    >>> kernel = sympy.exp(-(x**2) / (2 * t)) / sympy.sqrt(t)
    >>> sympy.simplify(kernel.diff(t) - fokker_planck(ItoSDE(0, 1, x), kernel))
    0
    """
    current = probability_current(sde, density, evaluate=evaluate)
    return -sympy.Add(*[_slope(J, v, evaluate) for J, v in zip(current, sde.variables, strict=True)])


def _slope(e: sympy.Expr, v: sympy.Symbol, evaluate: bool) -> sympy.Expr:
    # A noise that is zero leaves no derivative to read.
    return e.diff(v) if evaluate or e.is_zero else sympy.Derivative(e, v)
