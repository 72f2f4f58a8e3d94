"""Integrals in closed form: by a theorem whose conditions are checked, or by an antiderivative that is checked itself.

SymPy proposes antiderivatives; none is believed. Its derivative must be the integrand, by the rules of algebra, and it
must be continuous between the limits and have limits at infinite ends. So a pole between the limits, a jump of a branch
of arctan, or a case that SymPy forgot, leave the integral as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy.core.function import AppliedUndef

from .algebra import vanishes
from .definedness import is_continuous, jumps, undefined_where
from .facts import Facts
from .points import admissible

_NO_VALUE = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.Limit, sympy.AccumBounds)
_FAR = 10**8  # where a limit at infinity is looked at in numbers


def closed_form(function: sympy.Expr, limit: sympy.Tuple, facts: Facts) -> tuple[sympy.Expr, str] | None:
    """Return the integral of a function over one variable, and the name of the rule, or None if none applies.

    Examples
    --------
    >>> x, a = sympy.Symbol("x", real=True), sympy.Symbol("a", positive=True)
    >>> closed_form(sympy.exp(-a * x**2), (x, -sympy.oo, sympy.oo), Facts())
    (sqrt(pi)/sqrt(a), 'Gaussian integral')
    >>> closed_form(1 / x**2, (x, -1, 1), Facts()) is None
    True
    """
    variable, low, high = sympy.Tuple(*limit)
    if low == high:
        return (sympy.S.Zero, "equal limits") if low.is_finite else None
    if low is sympy.oo or high is -sympy.oo:
        inner = closed_form(function, (variable, high, low), facts)
        return inner and (-inner[0], inner[1])
    outside, function = function.as_independent(variable, as_Add=False)
    if function == 1 and (low.is_infinite or high.is_infinite):
        return None
    if jumps(function, frozenset({variable})) or function.has(sympy.Integral, sympy.Sum, sympy.Derivative):
        return None
    if any(f.has(variable) for f in function.atoms(AppliedUndef)):
        return None
    for rule, name in _RULES:
        found = rule(function, variable, low, high, facts)
        if found is not None:
            return outside * found, name
    return None


def _gaussian(f: sympy.Expr, x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """∫ p(x) e^(−A x² + B x + C): over the line for a polynomial p; over half of it for a constant, by erfc. A > 0."""
    if not (low.is_infinite or high.is_infinite):
        return None
    parts = _polynomial_times_exponential(f, x)
    if parts is None or sympy.degree(parts[1], x) != 2:
        return None
    a, b, c = (parts[1].coeff_monomial(x**n) for n in (2, 1, 0))
    if not facts.is_positive(-a) or not all(k.is_real for k in (b, c)):
        return None
    a = -a
    center, height = b / (2 * a), sympy.exp(c + b**2 / (4 * a))
    if low.is_infinite and high.is_infinite:
        shifted = sympy.Poly(parts[0].as_expr().subs(x, x + center), x)
        # E[u^n] of a normal density of variance 1/(2 a).
        moments = [k * sympy.factorial2(n - 1) / (2 * a) ** (n // 2) for (n,), k in shifted.terms() if n % 2 == 0]
        return height * sympy.sqrt(sympy.pi / a) * sympy.Add(*moments)
    if sympy.degree(parts[0], x) > 0:
        return None
    end = sympy.sqrt(a) * ((low - center) if high.is_infinite else (center - high))
    if not end.is_real:
        return None
    return parts[0].as_expr() * height * sympy.sqrt(sympy.pi / a) / 2 * sympy.erfc(end)


def _euler(f: sympy.Expr, x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """∫₀^∞ x^(s−1) e^(−b x) dx = Γ(s)/b^s, for s > 0 and b > 0, and sums of such."""
    if high is not sympy.oo or not low.is_finite or low.has(x):
        return None
    t = sympy.Dummy(x.name, positive=True)
    f = sympy.expand(f.subs(x, t + low), power_exp=False) if low != 0 else sympy.expand(f.subs(x, t), power_exp=False)
    total = sympy.S.Zero
    for term in sympy.Add.make_args(f):
        power, rate, constant = sympy.S.Zero, sympy.S.Zero, sympy.S.One
        for factor in sympy.Mul.make_args(sympy.powsimp(term, combine="exp")):
            if not factor.has(t):
                constant *= factor
            elif (
                isinstance(factor, sympy.exp)
                and factor.args[0].is_polynomial(t)
                and sympy.degree(factor.args[0], t) == 1
            ):
                rate -= factor.args[0].coeff(t, 1)
                constant *= sympy.exp(factor.args[0].coeff(t, 0))
            elif factor.as_base_exp()[0] == t and not factor.as_base_exp()[1].has(t):
                power += factor.as_base_exp()[1]
            else:
                return None
        if not (facts.is_positive(power + 1) and facts.is_positive(rate)):
            return None
        total += constant * sympy.gamma(power + 1) / rate ** (power + 1)
    return total


def _polynomial_times_exponential(f: sympy.Expr, x: sympy.Symbol) -> tuple[sympy.Poly, sympy.Poly] | None:
    exponent, factors = sympy.S.Zero, []
    for factor in sympy.Mul.make_args(sympy.powsimp(f, combine="exp")):
        if isinstance(factor, sympy.exp) and factor.has(x):
            exponent += factor.args[0]
        elif factor.is_Pow and isinstance(factor.base, sympy.exp):
            exponent += factor.base.args[0] * factor.exp
        else:
            factors.append(factor)
    rest = sympy.Mul(*factors)
    if not (exponent.is_polynomial(x) and rest.is_polynomial(x)):
        return None
    return sympy.Poly(rest, x), sympy.Poly(exponent, x)


def _by_parts_of_sum(
    f: sympy.Expr, x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, facts: Facts
) -> sympy.Expr | None:
    """∫ (f + g) = ∫ f + ∫ g, where each converges by itself."""
    terms = sympy.Add.make_args(sympy.expand(f, power_exp=False))
    if len(terms) < 2 or len(terms) > 30:
        return None
    found = [closed_form(term, (x, low, high), facts) for term in terms]
    return None if any(part is None for part in found) else sympy.Add(*[part[0] for part in found if part])


def _antiderivative(
    f: sympy.Expr, x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, facts: Facts
) -> sympy.Expr | None:
    """∫ f = F(b) − F(a), where F′ = f inside, and F is continuous up to the limits."""
    inside, there = _between(x, low, high, facts)
    try:
        proposal = sympy.integrate(f.subs(x, inside), inside)
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError, ArithmeticError):
        return None
    proposal = decided(proposal, there)
    if proposal.has(sympy.Integral, sympy.Piecewise) or not is_continuous(proposal, inside, there):
        return None
    derivative = proposal.diff(inside)
    if undefined_where(derivative, there) - undefined_where(f.subs(x, inside), there):
        return None
    if undefined_where(f.subs(x, inside), there) or not vanishes(derivative - f.subs(x, inside), there):
        return None
    backwards = high is -sympy.oo or low is sympy.oo or facts.is_nonnegative(low - high)
    from_low, from_high = ("-", "+") if backwards else ("+", "-")
    ends = _at_end(proposal, inside, low, from_low, there), _at_end(proposal, inside, high, from_high, there)
    return None if None in ends else ends[1] - ends[0]


def _between(x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, facts: Facts) -> tuple[sympy.Dummy, Facts]:
    """Return a symbol that lies strictly between the limits, and what is known with it.

    If the order of the limits is not known, only a sign that they share is.
    """
    ordered = low is -sympy.oo or high is sympy.oo or facts.is_nonnegative(high - low)
    reverse = not ordered and facts.is_nonnegative(low - high)
    if reverse:
        low, high = high, low
    if ordered or reverse:
        sign = {"positive": True} if facts.is_nonnegative(low) else {"real": True}
        inside = sympy.Dummy(x.name, **sign)
        bounds = [inside > low] if low.is_finite else []
        bounds += [inside < high] if high.is_finite else []
        return inside, _extended(facts, bounds)
    if facts.is_positive(low) and facts.is_positive(high):
        return sympy.Dummy(x.name, positive=True), facts
    return sympy.Dummy(x.name, real=True), facts


def _extended(facts: Facts, bounds: list[sympy.Basic]) -> Facts:
    return Facts([*facts.conditions, *[b for b in bounds if b not in (sympy.true, sympy.false)]])


def decided(e: sympy.Expr, facts: Facts) -> sympy.Expr:
    """Replace each Piecewise by the branch that is known to count, where one is."""

    def choose(*pairs: sympy.Basic) -> sympy.Expr:
        for pair in pairs:
            value, condition = pair.args
            if facts.holds(condition):
                return value
            if not facts.holds(sympy.Not(condition)):
                break
        return sympy.Piecewise(*pairs, evaluate=False)

    return e.replace(sympy.Piecewise, choose)


def _at_end(e: sympy.Expr, x: sympy.Symbol, end: sympy.Expr, side: str, facts: Facts) -> sympy.Expr | None:
    """Return the value that a function which is continuous inside has at an end, by insertion or as a limit."""
    if end.is_finite:
        value = e.subs(x, end)
        if not value.has(sympy.nan, sympy.zoo, sympy.oo, sympy.AccumBounds) and not undefined_where(value, facts):
            return value
        if end.free_symbols:
            return None
    value = limit_at(e, x, end, "-" if end is sympy.oo else "+" if end is -sympy.oo else side, facts.conditions)
    return None if value is None or undefined_where(value, facts) else value


def limit_at(
    e: sympy.Expr, x: sympy.Symbol, end: sympy.Expr, side: str, conditions: Iterable[sympy.Basic] = ()
) -> sympy.Expr | None:
    """Return the limit that SymPy finds, if it is finite and the values at points closer and closer go there."""
    if e.has(AppliedUndef, sympy.Integral, sympy.Sum, sympy.Derivative):
        return None
    sides = ("+", "-") if side == "+-" else (side,)
    found = set()
    for one in sides:
        try:
            value = sympy.limit(e, x, end, one)
        except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError, sympy.PoleError):
            return None
        if not isinstance(value, sympy.Expr) or value.is_finite is False or value.has(*_NO_VALUE, x):
            return None
        if not _approaches(e, x, end, one, value, conditions):
            return None
        found.add(value)
    return found.pop() if len(found) == 1 else None


def _approaches(
    e: sympy.Expr, x: sympy.Symbol, end: sympy.Expr, side: str, value: sympy.Expr, conditions: Iterable[sympy.Basic]
) -> bool:
    symbols = (e.free_symbols | value.free_symbols) - {x}
    conditions = [c for c in conditions if not c.has(x)]
    compared = 0
    for point in admissible(symbols, conditions, 6):
        gaps = []
        for far in (_FAR, _FAR**2):
            # In digits, because an exact fraction to the power of 10^16 has more of them than there is memory.
            far = sympy.Float(far, 60)
            near = (far if end is sympy.oo else -far) if end.is_infinite else end + (1 if side == "+" else -1) / far
            gaps.append(abs(sympy.N((e - value).subs(point).subs(x, near), 30)))
        if not all(gap.is_Float or gap.is_Integer for gap in gaps):
            continue
        compared += 1
        scale = 1 + abs(sympy.N(value.subs(point)))
        if gaps[1] > scale * sympy.Float("1e-3") or gaps[1] > gaps[0] + sympy.Float("1e-12") * scale:
            return False
    return compared > 0


_RULES = (
    (_gaussian, "Gaussian integral"),
    (_euler, "Euler's integral"),
    (_antiderivative, "antiderivative"),
    (_by_parts_of_sum, "sum of integrals"),
)
