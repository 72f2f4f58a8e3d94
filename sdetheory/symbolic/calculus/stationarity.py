"""A proposed stationary density is checked; detailed balance, and the entropy that is produced without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ... import _validate
from ...errors import InvalidInputError
from ..formulas import _coerce
from ..proofs._bounded import bounded
from ..proofs.proof import is_zero
from .forward_equation import fokker_planck, probability_current
from .ito_sde import ItoSDE


@bounded("the residual of the stationary equation")
def stationarity_residual(sde: ItoSDE, density: Any) -> sympy.Expr:
    """Return L†p / p, simplified: zero exactly when the density is stationary.

    Parameters
    ----------
    sde : ItoSDE
        The equation.
    density : Expr
        p(x), normalized or not.

    Returns
    -------
    Expr
        The rate at which ln p would change.
    """
    p = _alone(sde, density)
    return sympy.simplify(sympy.expand(sympy.expand(fokker_planck(sde, p).doit()) / p))


@bounded("the check of a stationary density")
def is_stationary(sde: ItoSDE, density: Any) -> bool:
    """Return whether a proposed density solves the stationary Fokker–Planck equation.

    Parameters
    ----------
    sde : ItoSDE
        The equation.
    density : Expr
        p(x), normalized or not.

    Returns
    -------
    bool
        True if L†p was proved to be zero, False if a point was found where it is not.

    Raises
    ------
    UndecidedError
        Neither.

    Notes
    -----
    Only the equation is checked, not that p is positive, normalizable and without current at the boundary.

    References
    ----------
    H. Risken (1989), The Fokker–Planck Equation, section 6.1.

    Examples
    --------
    Multiplicative noise: Itô's extra −ln F, of which a Stratonovich reading would keep half.

    >>> x = sympy.Symbol("x", real=True)
    >>> C, F, g = sympy.Function("C")(x), 1 + x**2, sympy.Symbol("g", positive=True)
    >>> sgd = ItoSDE(-x * F, sympy.sqrt(g * F), x)
    >>> is_stationary(sgd, sympy.exp(-(x**2) / g) / F), is_stationary(sgd, sympy.exp(-(x**2) / g) / sympy.sqrt(F))
    (True, False)
    """
    return is_zero(stationarity_residual(sde, density))


@bounded("the check of detailed balance")
def satisfies_detailed_balance(sde: ItoSDE, density: Any, *, parity: Sequence[int] | None = None) -> bool:
    r"""Return whether the stationary process looks the same when time runs backwards.

    For variables that are even under reversal of time this means that the probability current is zero. In general,
    with ε the parity of each variable, the drift must satisfy

    .. math::

        \epsilon_i a_i(\epsilon x) \, p = -a_i(x) \, p + \sum_j \partial_j (A_{ij} p),
        \qquad \epsilon_i \epsilon_j A_{ij}(\epsilon x) = A_{ij}(x), \qquad p(\epsilon x) = p(x)

    Parameters
    ----------
    sde : ItoSDE
        The equation.
    density : Expr
        p(x), stationary.
    parity : sequence of +1 or -1, optional
        One for each variable: +1 for positions (the default), -1 for velocities.

    Returns
    -------
    bool
        Whether all conditions hold.

    Raises
    ------
    InvalidInputError
        The density is not stationary, or a parity is neither 1 nor -1.
    UndecidedError
        No proof and no counterexample was found.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 6.3.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> gauss = sympy.exp(-(x**2 + y**2) / 2)
    >>> swirl = ItoSDE([-x - y, x - y], [[sympy.sqrt(2), 0], [0, sympy.sqrt(2)]], [x, y])
    >>> is_stationary(swirl, gauss), satisfies_detailed_balance(swirl, gauss)
    (True, False)
    """
    p = _alone(sde, density)
    signs = [1] * len(sde.variables) if parity is None else _coerce.vector(parity, "parity")
    if len(signs) != len(sde.variables) or any(sign not in (1, -1) for sign in signs):
        raise InvalidInputError(
            f"parity must be 1 or -1 for each of {list(sde.variables)}; got {_validate.shown(parity)}"
        )
    if not is_stationary(sde, p):
        raise InvalidInputError(f"density: {p} is not stationary under this equation, so there is nothing to reverse")
    turned = {v: sign * v for v, sign in zip(sde.variables, signs, strict=True)}
    size = range(len(signs))

    def reverse(e: sympy.Expr) -> sympy.Expr:
        return e.subs(turned, simultaneous=True)

    # (ε a(εx) + a) p − ∂(A p) = (ε a(εx) − a) p + 2 J
    current = probability_current(sde, p)
    conditions = [
        sympy.expand((signs[i] * reverse(sde.drift[i]) - sde.drift[i]) * p + 2 * current[i]) / p for i in size
    ]
    conditions += [
        signs[i] * signs[j] * reverse(sde.covariance[i, j]) - sde.covariance[i, j] for i in size for j in size
    ]
    conditions.append(reverse(p) / p - 1)
    return all(is_zero(sympy.simplify(sympy.expand(condition))) for condition in conditions)


@bounded("the production of entropy")
def entropy_production_density(sde: ItoSDE, density: Any) -> sympy.Expr:
    r"""Return Jᵀ (A/2)⁻¹ J / p, whose integral is the entropy produced per unit time (in nats).

    Parameters
    ----------
    sde : ItoSDE
        The equation; A(x) must be invertible, and every variable even under reversal of time.
    density : Expr
        p(x), normalized if the integral is to be the rate.

    Returns
    -------
    Expr
        The local rate, simplified; zero everywhere exactly in detailed balance.

    Raises
    ------
    InvalidInputError
        A is singular.

    References
    ----------
    U. Seifert (2012), Rep. Prog. Phys. 75, 126001.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> p = sympy.exp(-(x**2 + y**2) / 2) / (2 * sympy.pi)
    >>> swirl = ItoSDE([-x - y, x - y], [[sympy.sqrt(2), 0], [0, sympy.sqrt(2)]], [x, y])
    >>> rate = entropy_production_density(swirl, p)
    >>> sympy.integrate(rate, (x, -sympy.oo, sympy.oo), (y, -sympy.oo, sympy.oo))
    2
    """
    p = _alone(sde, density)
    if sympy.simplify(sde.covariance.det()) == 0:
        raise InvalidInputError("the covariance of the noise is singular: a direction without noise has no such rate")
    velocity = sympy.Matrix([sympy.simplify(sympy.expand(J / p)) for J in probability_current(sde, p)])
    return sympy.simplify((2 * velocity.T * sde.covariance.inv() * velocity)[0]) * p


def _alone(sde: ItoSDE, density: Any) -> sympy.Expr:
    """Return a density without the conditions on its parameters, where those hold."""
    p = sde.expression(density, "density")
    if isinstance(p, sympy.Piecewise) and not p.args[0].cond.has(*sde.variables):
        p = p.args[0].expr
    if p.is_zero or p.is_infinite:
        raise InvalidInputError(f"density must be finite, and not zero everywhere; got {p}")
    return p
