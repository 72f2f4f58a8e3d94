"""Exit from an interval in one dimension: the backward Kolmogorov equation and what follows from it."""

from __future__ import annotations

from typing import Any

import sympy

from .. import _validate
from ..errors import InvalidInputError
from . import _coerce
from .sde import ItoSDE, inverse_temperature_integral, one_dimensional


def backward_kolmogorov(sde: ItoSDE, function: Any, time: sympy.Symbol) -> sympy.Expr:
    r"""Return ∂u/∂t + Lu, which is zero for u(x, t) = E[φ(X_s) | X_t = x] at times t < s.

    Parameters
    ----------
    sde : ItoSDE
        The equation, in any dimension.
    function : Expr
        u(x, t).
    time : Symbol
        t, the earlier time.

    Returns
    -------
    Expr
        The residual of the backward equation, expanded.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 3.6.

    Examples
    --------
    >>> x, t, s = sympy.symbols("x t s", positive=True)
    >>> backward_kolmogorov(ItoSDE(0, 1, x), x**2 + s - t, t)
    0
    """
    _validate.instance("sde", sde, ItoSDE)
    return sde.generator(function, time)


def mean_first_passage_time(
    sde: ItoSDE, start: Any, *, absorbing: Any, reflecting: Any = None, evaluate: bool = True
) -> sympy.Expr:
    r"""Return the mean time to reach an absorbing point, or the first of two, in one dimension.

    The time solves L τ = −1. With ψ = exp ∫ 2a/A dx, a reflecting point r and one absorbing point b

    .. math:: \tau(x) = \int_x^b \frac{dy}{\psi(y)} \int_r^y \frac{2 \, \psi(z)}{A(z)} \, dz

    (the signs take care of themselves when b < r); with two absorbing points b₁ and b₂ the solution that vanishes at
    both.

    Parameters
    ----------
    sde : ItoSDE
        In one variable; Itô.
    start : expression
        Where the process starts, x.
    absorbing : expression, or pair of them
        Where it stops.
    reflecting : expression, optional
        Needed with one absorbing point: a wall, or ∓∞ for a natural boundary.
    evaluate : bool, default True
        Whether SymPy is to do the integrals; without it they stay as they are (and can be integrated numerically).

    Returns
    -------
    Expr
        τ(x).

    Raises
    ------
    InvalidInputError
        No or too many boundaries, or the start is known to lie outside of them.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 5.5.

    Examples
    --------
    >>> x, L, s = sympy.symbols("x L s", positive=True)
    >>> sympy.expand(mean_first_passage_time(ItoSDE(0, s, x), x, absorbing=L, reflecting=0))
    L**2/s**2 - x**2/s**2
    >>> sympy.expand(mean_first_passage_time(ItoSDE(0, s, x), x, absorbing=(0, L)))
    L*x/s**2 - x**2/s**2
    """
    _validate.instance("sde", sde, ItoSDE)
    ends = _ends(absorbing, reflecting)
    _check_inside(start, ends if reflecting is None else (*ends, reflecting))
    v, _, covariance = one_dimensional(sde)
    y, z = sympy.Dummy("y", real=True), sympy.Dummy("z", real=True)
    log_psi = inverse_temperature_integral(sde)
    x = _coerce.expression(start, "start")
    integrate = sympy.integrate if evaluate else sympy.Integral

    def escape(low: sympy.Expr, high: sympy.Expr, wall: sympy.Expr) -> sympy.Expr:
        # The inner integral takes 1/ψ(y) along, so that only differences of ln ψ are exponentiated.
        inner = 2 * sympy.exp(log_psi.subs(v, z) - log_psi.subs(v, y)) / covariance.subs(v, z)
        return integrate(integrate(inner, (z, wall, y)), (y, low, high))

    if len(ends) == 2:
        first, last = ends
        chance = exit_probability(sde, start, target=last, other=first, evaluate=evaluate)
        result = chance * escape(first, last, first) - escape(first, x, first)
    else:
        result = escape(x, ends[0], _coerce.expression(reflecting, "reflecting"))
    return sympy.simplify(result) if evaluate else result


def exit_probability(sde: ItoSDE, start: Any, *, target: Any, other: Any, evaluate: bool = True) -> sympy.Expr:
    r"""Return the chance of reaching one point before another, in one dimension.

    .. math:: \pi(x) = \int_o^x \frac{dy}{\psi(y)} \Big/ \int_o^t \frac{dy}{\psi(y)}, \qquad \psi = e^{\int 2a/A \, dx}

    Parameters
    ----------
    sde : ItoSDE
        In one variable; Itô.
    start : expression
        Where the process starts, x.
    target, other : expression
        The points t and o.
    evaluate : bool, default True
        Whether SymPy is to do the integrals.

    Returns
    -------
    Expr
        π(x), which solves L π = 0.

    Raises
    ------
    InvalidInputError
        The start is known to lie outside the interval.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 5.5.

    Examples
    --------
    >>> x, L = sympy.symbols("x L", positive=True)
    >>> exit_probability(ItoSDE(0, 1, x), x, target=L, other=0)
    x/L
    """
    _validate.instance("sde", sde, ItoSDE)
    target, other = _coerce.expression(target, "target"), _coerce.expression(other, "other")
    _check_inside(start, (other, target))
    v, *_ = one_dimensional(sde)
    y = sympy.Dummy("y", real=True)
    inverse = sympy.exp(-inverse_temperature_integral(sde)).subs(v, y)
    integrate = sympy.integrate if evaluate else sympy.Integral
    ratio = integrate(inverse, (y, other, _coerce.expression(start, "start"))) / integrate(inverse, (y, other, target))
    return sympy.simplify(ratio) if evaluate else ratio


def _ends(absorbing: Any, reflecting: Any) -> tuple[sympy.Expr, ...]:
    ends = tuple(absorbing) if isinstance(absorbing, (tuple, list)) else (absorbing,)
    if not (len(ends) == 1 and reflecting is not None) and not (len(ends) == 2 and reflecting is None):
        raise InvalidInputError(
            "give two absorbing points, or one absorbing and one reflecting point (∓oo for a natural boundary); "
            f"got absorbing={absorbing!r:.40}, reflecting={reflecting!r:.40}"
        )
    return tuple(_coerce.expression(end, "absorbing") for end in ends)


def _check_inside(start: Any, ends: tuple[Any, ...]) -> None:
    x, first, last = (
        _coerce.expression(e, name) for e, name in zip((start, *ends), ("start", "end", "end"), strict=True)
    )
    if ((x - first) * (last - x)).is_extended_negative:
        raise InvalidInputError(f"the start {x} lies outside of {first} and {last}")
