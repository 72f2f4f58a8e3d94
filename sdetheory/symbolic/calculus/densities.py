"""Stationary densities in one dimension: of zero current on an interval, of constant current on a circle."""

from __future__ import annotations

from typing import Any

import sympy

from ... import _validate
from ...errors import InvalidInputError
from ..formulas import _coerce
from ..formulas._deadline import OUT_OF_TIME, deadline
from ..proofs._bounded import bounded
from ..proofs.proof import UndecidedError
from ._antiderivative import Terms, add, antiderivative
from ._improper import converges_at_ends, is_smooth, same_number
from ._laws import Form, normalization, squared_size, waves
from ._signs import decided, positive
from .ito_sde import ItoSDE, inverse_temperature_integral, one_dimensional

_INTEGRATION_LIMIT = 8.0  # seconds for SymPy's own integration, after which the integral stays as it is


@bounded("the stationary density")
def stationary_density(sde: ItoSDE, *, support: tuple[Any, Any] | None = None, periodic: bool = False) -> sympy.Expr:
    r"""Return the stationary density in one dimension, normalized, with its conditions.

    .. math:: p(x) \propto \frac{1}{A(x)} \exp \int^x \frac{2 a(y)}{A(y)} \, dy

    Parameters
    ----------
    sde : ItoSDE
        In one variable; Itô. A must not vanish inside the support.
    support : pair of numbers, optional
        Interval on which to normalize; its ends are natural or reflecting, and no current passes them. Without it the
        factor is left out, and nothing is said of whether the density exists.
    periodic : bool, default False
        The ends of the support are one point of a circle: a force with a mean drives a constant current J, and

        .. math:: p(x) \propto \frac{\psi(x)}{A(x)} \int_x^{x+L} \frac{dy}{\psi(y)}, \qquad \psi = e^{\int 2a/A \, dx}

    Returns
    -------
    Expr
        p(x). Conditions on the parameters that do not follow from the assumptions of their symbols are stated in the
        answer, as ``Piecewise((density, conditions))``: where they fail there is no stationary law, and the value is
        not a number. An integral that is known to converge and has no closed form stays one.

    Raises
    ------
    InvalidInputError
        There is no stationary density: its integral was shown to diverge for all admissible parameters. Or the support
        is no interval on which the equation makes sense.
    UndecidedError
        Whether the integral converges was not found out; the message says what is missing.
    TimeLimitError
        The search took longer than 30 s of the processor's time.
    IncompatibleError
        The equation has several variables.

    Notes
    -----
    The logarithm of the density is taken apart into functions whose integrals are known (docs/lookup/laws.md lists
    them, with the conditions for convergence): the normal, gamma, inverse gamma, beta, F and Student laws of Pearson's
    diffusions, those of Verhulst, Landau, Gompertz, Bessel, von Mises and others. What is not in the list is given to
    SymPy, and its answer is compared with quadrature before it is used.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, 4th edition, section 5.3; H. Risken (1989), chapter 11 (circle);
    J. Forman and M. Sørensen (2008), Scandinavian Journal of Statistics 35, 438 (Pearson diffusions).

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> k, T = sympy.symbols("k T", positive=True)
    >>> stationary_density(ItoSDE(-k * x, sympy.sqrt(2 * T), x), support=(-sympy.oo, sympy.oo))
    sqrt(2)*sqrt(k)*exp(-k*x**2/(2*T))/(2*sqrt(pi)*sqrt(T))

    Verhulst's population dies out unless its growth exceeds half the variance of the noise:

    >>> x, a, b, s = sympy.symbols("x a b s", positive=True)
    >>> density = stationary_density(ItoSDE(a * x - b * x**2, s * x, x), support=(0, sympy.oo))
    >>> density.args[0].cond
    2*a - s**2 > 0
    """
    x, drift, covariance = one_dimensional(sde)
    if support is None:
        if periodic:
            raise InvalidInputError("periodic: a circle needs its support, such as (0, 2*sympy.pi)")
        return sympy.powsimp(sympy.exp(sympy.expand(inverse_temperature_integral(sde))) / covariance)
    low, high = _interval(support, x)
    if periodic:
        return _on_a_circle(x, drift, covariance, low, high)
    # y is the distance from a finite end, or x.
    line, mirrored = low == -sympy.oo and high == sympy.oo, low == -sympy.oo and high != sympy.oo
    y = sympy.Dummy("y", real=True) if line else sympy.Dummy("y", positive=True)
    place, back = (y, x) if line else (high - y, high - x) if mirrored else (low + y, x - low)
    force = drift.subs(x, place) * (-1 if mirrored else 1)
    form = _form(force, covariance.subs(x, place), y, high - low, line=line)
    total, conditions = _total(form)
    shape = form.density.subs(y, back)
    density = sympy.powsimp(shape) / total
    left, failed = decided(conditions)
    if failed is not None:
        reason = "" if failed.is_Number else f", since {sympy.factor(failed)} is not positive"
        raise InvalidInputError(
            f"there is no stationary density of zero current on ({low}, {high}): the integral of "
            f"{shape} diverges{reason}"
        )
    if not left:
        return density
    return sympy.Piecewise((density, sympy.And(*[condition > 0 for condition in left])))


def _interval(support: Any, x: sympy.Symbol) -> tuple[sympy.Expr, sympy.Expr]:
    pair = _coerce.entries(support, "support")
    if isinstance(support, (str, bytes)) or len(pair) != 2:
        raise InvalidInputError(f"support must be a pair (low, high); got {_validate.shown(support)}")
    ends = low, high = [_coerce.expression(end, "support") for end in pair]
    if not all(end.is_extended_real is not False for end in ends):
        raise InvalidInputError(f"support must be a pair of real numbers or ±oo; got ({low}, {high})")
    if low.has(x) or high.has(x) or low == sympy.oo or high == -sympy.oo or (high - low).is_extended_nonpositive:
        raise InvalidInputError(f"support must be an interval (low, high) with low < high; got ({low}, {high})")
    if (x.is_nonnegative and low.is_extended_negative) or (x.is_nonpositive and high.is_extended_positive):
        raise InvalidInputError(
            f"{x} is declared {'non-negative' if x.is_nonnegative else 'non-positive'}, so the support cannot be "
            f"({low}, {high}); declare {x} as real"
        )
    if high != sympy.oo and low != -sympy.oo and not positive(high - low):
        raise UndecidedError(f"support: it is not known whether {low} < {high}; give their symbols signs")
    return low, high


def _form(drift: sympy.Expr, covariance: sympy.Expr, y: sympy.Symbol, end: sympy.Expr, *, line: bool) -> Form:
    """Return the density in y, taken apart: ln p = ∫ 2a/A dy − ln A."""
    rate, falling = 2 * drift / covariance, -covariance.diff(y) / covariance
    if rate.is_rational_function(y) and falling.is_rational_function(y):
        terms = antiderivative(rate + falling, y)
    else:
        terms = _integrated(rate, y)
        for function, coefficient in _integrated(falling, y).items():
            add(terms, function, coefficient)
    return Form.of(terms, y, end, line)


def _integrated(e: sympy.Expr, y: sympy.Symbol) -> Terms:
    """Return the antiderivative of an expression as it is, or else of its simplest form."""
    try:
        return antiderivative(e, y)
    except UndecidedError:
        return antiderivative(sympy.simplify(sympy.expand(e)), y)


def _total(form: Form) -> tuple[sympy.Expr, list[sympy.Expr]]:
    """Return the integral over the support and its conditions, by the table or by SymPy."""
    row = normalization(form)
    if row is not None:
        return row
    f, y = form.density, form.y
    low = -sympy.oo if form.line else sympy.S.Zero
    if not is_smooth(form):
        raise UndecidedError(f"the density {f} may be singular inside the support; its integral was not decided")
    if not converges_at_ends(f, y, low, form.end):
        return sympy.oo, [sympy.S.NegativeOne]
    integral = sympy.Integral(f, (y, low, form.end))
    try:
        with deadline(_INTEGRATION_LIMIT, "the integral"):
            found = sympy.simplify(integral.doit())
    except OUT_OF_TIME:
        return integral, []
    closed = not found.has(sympy.Integral, sympy.Piecewise, sympy.oo, sympy.nan, sympy.zoo)
    return (found, []) if closed and same_number(found, integral) else (integral, [])


def _on_a_circle(
    x: sympy.Symbol, drift: sympy.Expr, covariance: sympy.Expr, low: sympy.Expr, high: sympy.Expr
) -> sympy.Expr:
    length = high - low
    if length.is_infinite:
        raise InvalidInputError(f"a circle has a finite length; got the support ({low}, {high})")
    y = sympy.Dummy("y", real=True)
    for title, e in (("drift", drift), ("noise", covariance)):
        if sympy.simplify(e.subs(x, y + length) - e.subs(x, y)) != 0:
            raise InvalidInputError(f"on a circle the {title} must have the period {length}; {e} has not")
    form = Form.of({}, y, length, True)
    terms = _integrated(2 * drift.subs(x, y) / covariance.subs(x, y), y)
    form = Form.of(terms, y, length, True)
    psi, a = form.density, covariance.subs(x, y)
    if not is_smooth(form) or positive(a) is False:
        raise UndecidedError(f"the density {psi}/({a}) may be singular on the circle")
    if sympy.simplify(psi.subs(y, y + length) / psi) == 1:
        # No mean force, no current.
        density = psi / a
        wave = waves(form) if not a.has(y) else None
        if wave is not None and sympy.simplify(wave[1] * length / (2 * sympy.pi)).is_integer:
            total = length * sympy.besseli(0, wave[0]) / a
        else:
            total = sympy.Integral(density, (y, low, high))
        return (density / total).subs(y, x)
    u = sympy.Dummy("u", real=True)
    inner = sympy.Integral(1 / psi.subs(y, u), (u, y, y + length))
    wave = waves(form) if not a.has(y) else None
    if wave is None or wave[1] * length != 2 * sympy.pi:
        density = psi / a * inner
        return (density / sympy.Integral(density, (y, low, high))).subs(y, x)
    # Stratonovich (1958): ∫∫ e^{κ (cos x − cos y) + f (x − y)} = 4π² e^{−πf} |I_{if}(κ)|² in units of 1/k.
    kappa, k = wave
    tilt = form.powers[sympy.S.One] / k
    total = length**2 * sympy.exp(-sympy.pi * tilt) * squared_size(sympy.besseli(sympy.I * tilt, kappa))
    return (psi * inner / total).subs(y, x)
