"""Laplace's method: an integral of e^{-C/T} as a Gaussian times a series in T."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ...errors import InvalidInputError
from ..formulas import _coerce
from ..formulas._spelling import check_spelling
from ..proofs._bounded import bounded
from ..proofs.proof import is_zero
from .kramers_moyal import gaussian_moments


@dataclass(frozen=True, slots=True, kw_only=True)
class LaplaceExpansion:
    """∫ q e^{-C/T} dx ≈ leading · (1 + c₁ T + c₂ T² + ...).

    Attributes
    ----------
    leading : Expr
        q e^{-C/T} (2πT)^{d/2} / √det C″ at the minimum.
    coefficients : tuple of Expr
        c₁, c₂, ...
    temperature : Expr
        T.
    """

    leading: sympy.Expr
    coefficients: tuple[sympy.Expr, ...]
    temperature: sympy.Expr

    @property
    def value(self) -> sympy.Expr:
        """The leading term times the corrections that were asked for."""
        powers = [c * self.temperature**n for n, c in enumerate(self.coefficients, start=1)]
        return self.leading * sympy.Add(1, *powers)

    @property
    def log_leading(self) -> sympy.Expr:
        """The logarithm of the leading term, expanded."""
        return sympy.expand_log(sympy.log(self.leading), force=True)


@bounded("Laplace's expansion")
def laplace(
    cost: Any, minimum: Mapping[sympy.Symbol, Any], *, temperature: Any = 1, order: int = 1, prefactor: Any = 1
) -> LaplaceExpansion:
    r"""Expand ∫ q(x) e^{−C(x)/T} dx about an interior minimum of C, to relative order T^order.

    .. math::

        \int q \, e^{-C/T} dx = q \, e^{-C/T} \frac{(2 \pi T)^{d/2}}{\sqrt{\det C''}}
        \left( 1 + c_1 T + \dots + c_n T^n + O(T^{n+1}) \right)

    Parameters
    ----------
    cost : Expr
        C(x).
    minimum : mapping of Symbol to expression
        The variables and where the minimum is; the gradient there is checked to be zero.
    temperature : expression, default 1
        T. For the evidence C is minus the logarithm of likelihood times prior, and T = 1.
    order : int, default 1
        Number n of corrections; 0 gives the Gaussian approximation, 1 what is called Laplace's method to second order.
    prefactor : expression, default 1
        q(x), not zero at the minimum.

    Returns
    -------
    LaplaceExpansion
        ``leading``, ``coefficients``, ``value``.

    Raises
    ------
    InvalidInputError
        The gradient is not zero at the point, the Hessian is known not to be positive definite, or q vanishes.

    Notes
    -----
    With x = x₀ + √T u the integrand is a Gaussian in u times a series in √T, whose terms are averaged by Isserlis'
    theorem; odd powers vanish. The series is asymptotic: it need not converge.

    References
    ----------
    L. Tierney and J. Kadane (1986), JASA 81, 82; C. Bender and S. Orszag (1978), Advanced Mathematical Methods,
    section 6.4.

    Examples
    --------
    Stirling's series, from n! = n^{n+1} ∫ e^{−n (t − ln t)} dt with T = 1/n:

    >>> t = sympy.Symbol("t", positive=True)
    >>> laplace(t - sympy.log(t), {t: 1}, temperature=sympy.Symbol("T", positive=True), order=2).coefficients
    (1/12, 1/288)
    """
    c, q = _coerce.expression(cost, "cost"), _coerce.expression(prefactor, "prefactor")
    scale = _coerce.expression(temperature, "temperature")
    if scale.is_positive is False:
        raise InvalidInputError(f"temperature must be positive; got {scale}")
    variables = _coerce.symbols(tuple(minimum), "minimum")
    point = {v: _coerce.expression(minimum[v], "minimum") for v in variables}
    check_spelling(variables, c, q, scale, *point.values())
    order = _coerce.natural(order, "order")
    hessian = _hessian_at(c, point)
    height, weight = c.subs(point), sympy.simplify(q.subs(point))
    if weight == 0:
        raise InvalidInputError(f"the prefactor {q} is zero at the minimum; move the zero into the cost")
    r = sympy.Dummy("r", positive=True)  # √T
    u = [sympy.Dummy(f"u{i}", real=True) for i in range(len(variables))]
    # (C − C₀)/T − uᵀ C″ u/2 and q/q₀, in powers of √T.
    rest = _taylor(c, point, u, r, 3, 2 * order + 2, divide=2)
    factor = 1 + _taylor(q / weight, point, u, r, 1, 2 * order)
    series = _coerce.truncate(factor * _exponential(-rest, r, 2 * order), r, 2 * order)
    coefficients = []
    if order:
        moments = gaussian_moments(u, hessian.inv(), 6 * order)
        powers = sympy.Poly(series, r, *u)
        for n in range(1, order + 1):
            terms = [(monomial[1:], k) for monomial, k in powers.terms() if monomial[0] == 2 * n]
            means = [k * moments.get(sympy.Mul(*[v**m for v, m in zip(u, e, strict=True)]), 1) for e, k in terms]
            coefficients.append(sympy.factor(sympy.simplify(sympy.Add(*means))))
    size = sympy.Rational(len(variables), 2)
    leading = weight * sympy.exp(-height / scale) * (2 * sympy.pi * scale) ** size / sympy.sqrt(hessian.det())
    return LaplaceExpansion(leading=leading, coefficients=tuple(coefficients), temperature=scale)


def _hessian_at(cost: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Matrix:
    variables = list(point)
    slope = [sympy.simplify(_at(cost.diff(v), point)) for v in variables]
    if not all(is_zero(s) for s in slope):
        raise InvalidInputError(f"minimum: {dict(point)} is none, as the gradient of the cost is {slope} there")
    hessian = sympy.hessian(cost, variables).applyfunc(lambda e: sympy.simplify(_at(e, point)))
    minors = [sympy.simplify(hessian[:n, :n].det()) for n in range(1, len(variables) + 1)]
    if any(minor.is_nonpositive for minor in minors):
        raise InvalidInputError(
            f"cost must have a positive definite Hessian at the minimum {dict(point)}; it is {hessian.tolist()}"
        )
    return hessian


def _at(e: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    return e.subs(point).doit()


def _taylor(
    e: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr], u: list[sympy.Symbol], r: sympy.Symbol,
    lowest: int, degree: int, divide: int = 0,
) -> sympy.Expr:  # fmt: skip
    """Return the terms of degree `lowest` to `degree` of e(x₀ + r u) / r**divide."""
    terms = []
    for exponents in _coerce.powers(len(u), degree, lowest):
        derivative = e
        for v, n in zip(point, exponents, strict=True):
            derivative = derivative.diff((v, n))
        monomial = sympy.Mul(*[v**n / sympy.factorial(n) for v, n in zip(u, exponents, strict=True)])
        terms.append(sympy.simplify(_at(derivative, point)) * monomial * r ** (sum(exponents) - divide))
    return sympy.expand(sympy.Add(*terms))


def _exponential(e: sympy.Expr, r: sympy.Symbol, degree: int) -> sympy.Expr:
    """Return e^e up to r**degree, for an e that begins with r."""
    total = term = sympy.S.One
    for n in range(1, degree + 1):
        term = _coerce.truncate(term * e / n, r, degree)
        total += term
    return total
