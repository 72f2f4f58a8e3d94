"""Exit from an interval in one dimension: the backward Kolmogorov equation and what follows from it."""

from __future__ import annotations

from typing import Any

import sympy

from ... import _validate
from ...errors import InvalidInputError
from ..formulas import _coerce
from ..formulas._deadline import OUT_OF_TIME, deadline
from ..proofs._bounded import bounded
from ..proofs.proof import UndecidedError
from ._improper import converges
from ._signs import positive
from .ito_sde import ItoSDE, inverse_temperature_integral, one_dimensional

_INTEGRATION_LIMIT = 15.0  # seconds


@bounded("the backward equation")
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
    return sde.generator(function, time)


@bounded("the mean first-passage time")
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
        Whether SymPy is to do the integrals; without it, or after 15 s, they stay as they are (and can be integrated
        numerically).

    Returns
    -------
    Expr
        τ(x); infinite where a path may miss the point, or takes forever. An absorbing end that no path reaches (a
        natural or an entrance boundary) is left out.

    Raises
    ------
    InvalidInputError
        No or too many boundaries, or the start is known to lie outside of them.
    UndecidedError
        Whether an end is reached was not found out, or SymPy's integrals are not defined.

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
    ends = _ends(absorbing, reflecting)
    if reflecting is None:
        _check_inside(start, ends, ("absorbing", "absorbing"))
    else:
        _check_inside(start, (*ends, reflecting), ("absorbing", "reflecting"))
    v, _, covariance = one_dimensional(sde)
    y, z = sympy.Dummy("y", real=True), sympy.Dummy("z", real=True)
    log_psi = inverse_temperature_integral(sde)
    x = sde.expression(start, "start")

    def escape(low: sympy.Expr, high: sympy.Expr, wall: sympy.Expr) -> sympy.Expr:
        # The inner integral takes 1/ψ(y) along, so that only differences of ln ψ are exponentiated.
        inner = 2 * sympy.exp(log_psi.subs(v, z) - log_psi.subs(v, y)) / covariance.subs(v, z)
        return sympy.Integral(inner, (z, wall, y), (y, low, high))

    if len(ends) == 2:
        first, last = ends
        reached = [_reached(sde, first, last), _reached(sde, last, first)]
        if not any(reached):
            return sympy.oo
        if not all(reached):
            ends, reflecting = ((last,), first) if reached[1] else ((first,), last)
    if len(ends) == 2:
        chance = exit_probability(sde, start, target=last, other=first, evaluate=False)
        result = chance * escape(first, last, first) - escape(first, x, first)
    else:
        wall = sde.expression(reflecting, "reflecting")
        density = sympy.exp(log_psi) / covariance
        if not _regular(sde, wall) and not converges(density, v, wall, from_above=_is_lower(wall, ends[0])):
            return sympy.oo  # a path may stay near the wall, or leave there, for ever
        if not _reached(sde, ends[0], wall):
            return sympy.oo
        result = escape(x, ends[0], wall)
    return _evaluated(result) if evaluate else result


@bounded("the exit probability")
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
        π(x), which solves L π = 0. If no path reaches `other` it is 1, and 0 if none reaches the target.

    Raises
    ------
    InvalidInputError
        The start is known to lie outside the interval, or neither end is ever reached.
    UndecidedError
        Whether an end is reached was not found out, or SymPy's integrals are not defined.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 5.5.

    Examples
    --------
    >>> x, L = sympy.symbols("x L", positive=True)
    >>> exit_probability(ItoSDE(0, 1, x), x, target=L, other=0)
    x/L
    """
    target, other = sde.expression(target, "target"), sde.expression(other, "other")
    _check_inside(start, (other, target), ("other", "target"))
    v, *_ = one_dimensional(sde)
    reached = [_reached(sde, target, other), _reached(sde, other, target)]
    if not any(reached):
        raise InvalidInputError(
            f"neither {target} nor {other} is ever reached: both are natural or entrance boundaries, so there is no "
            "first one; put the ends inside"
        )
    if not all(reached):
        return sympy.Integer(reached[0])
    y = sympy.Dummy("y", real=True)
    inverse = sympy.exp(-inverse_temperature_integral(sde)).subs(v, y)
    numerator = sympy.Integral(inverse, (y, other, sde.expression(start, "start")))
    ratio = numerator / sympy.Integral(inverse, (y, other, target))
    return _evaluated(ratio) if evaluate else ratio


def _reached(sde: ItoSDE, end: sympy.Expr, other: sympy.Expr) -> bool:
    """Whether paths come to an end, or at least towards it without return: ∫ dy/ψ converges there (Feller)."""
    if _regular(sde, end):
        return True
    v, *_ = one_dimensional(sde)
    return converges(sympy.exp(-inverse_temperature_integral(sde)), v, end, from_above=_is_lower(end, other))


def _regular(sde: ItoSDE, end: sympy.Expr) -> bool:
    """Whether an end is a point like any other: finite, with noise, and ψ finite and positive."""
    v, _, covariance = one_dimensional(sde)
    log_psi = inverse_temperature_integral(sde)
    if end.is_infinite or log_psi.has(sympy.Integral):
        return not end.is_infinite
    values = [log_psi.subs(v, end), covariance.subs(v, end)]
    return not any(e.has(sympy.oo, sympy.zoo, sympy.nan) for e in values) and not values[1].is_zero


def _is_lower(end: sympy.Expr, other: sympy.Expr) -> bool:
    if end == -sympy.oo or other == sympy.oo:
        return True
    if end == sympy.oo or other == -sympy.oo:
        return False
    sign = positive(other - end)
    if sign is None:
        raise UndecidedError(f"it is not known which of {end} and {other} is larger; give their symbols signs")
    return sign


def _evaluated(integrals: sympy.Expr) -> sympy.Expr:
    """Return what SymPy makes of integrals; where it takes too long they stay as they are."""
    try:
        with deadline(_INTEGRATION_LIMIT, "the integration"):
            return _defined(sympy.simplify(integrals.doit()))
    except OUT_OF_TIME:
        return integrals


def _defined(result: sympy.Expr) -> sympy.Expr:
    """Return a result that is a number wherever its symbols are; refuse what SymPy left undefined."""
    if result == sympy.oo or not result.has(sympy.nan, sympy.zoo, sympy.AccumBounds, sympy.oo, -sympy.oo):
        return result
    finite = all(
        limit.is_infinite or limit.is_finite is not False
        for integral in result.atoms(sympy.Integral) for _, *limits in integral.limits for limit in limits
    )  # fmt: skip
    outside = result.replace(lambda e: isinstance(e, sympy.Integral), lambda _: sympy.Dummy(positive=True))
    if finite and not outside.has(sympy.nan, sympy.zoo, sympy.AccumBounds, sympy.oo, -sympy.oo):
        return result  # the infinities are limits of integrals
    raise UndecidedError(
        "the integrals lead to an undefined expression in SymPy, as where an end is approached for ever; move the end "
        "inside, or integrate in numbers (evaluate=False, or sdetheory.theory.mean_first_passage_time)"
    )


def _ends(absorbing: Any, reflecting: Any) -> tuple[sympy.Expr, ...]:
    ends = tuple(absorbing) if isinstance(absorbing, (tuple, list)) else (absorbing,)
    if not (len(ends) == 1 and reflecting is not None) and not (len(ends) == 2 and reflecting is None):
        raise InvalidInputError(
            "give two absorbing points, or one absorbing and one reflecting point (∓oo for a natural boundary); "
            f"got absorbing={_validate.shown(absorbing)}, reflecting={_validate.shown(reflecting)}"
        )
    return tuple(_coerce.expression(end, "absorbing") for end in ends)


def _check_inside(start: Any, ends: tuple[Any, ...], names: tuple[str, str]) -> None:
    x = _coerce.expression(start, "start")
    first, last = (_coerce.expression(end, name) for end, name in zip(ends, names, strict=True))
    if first == last:
        raise InvalidInputError(f"{' and '.join(dict.fromkeys(names))} must differ; both ends are {first}")
    if ((x - first) * (last - x)).is_extended_negative:
        raise InvalidInputError(
            f"start must lie between the ends; {x} lies outside of {first} ({names[0]}) and {last} ({names[1]})"
        )
