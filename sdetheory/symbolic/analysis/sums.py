"""Sums in closed form: finite ones by induction, infinite ones by a theorem or as the limit of a finite one."""

from __future__ import annotations

import sympy

from .algebra import vanishes
from .definedness import jumps, undefined_where
from .facts import Facts
from .integrals import decided, limit_at

_FEW = 60  # terms that are added one by one


def closed_sum(f: sympy.Expr, limit: sympy.Tuple, facts: Facts) -> tuple[sympy.Expr, str] | None:
    """Return the sum over one variable, and the name of the rule, or None if none applies.

    Examples
    --------
    >>> k, n = sympy.symbols("k n", integer=True, positive=True)
    >>> closed_sum(k, (k, 1, n), Facts())
    (n**2/2 + n/2, 'induction')
    >>> closed_sum(1 / k, (k, 1, sympy.oo), Facts()) is None
    True
    """
    k, low, high = sympy.Tuple(*limit)
    if not low.is_integer or not low.is_finite or not (high.is_integer or high is sympy.oo):
        return None
    if high is sympy.oo:
        return _infinite(f, k, low, facts)
    if not f.has(k):
        enough = facts.is_nonnegative(high - low + 1)
        return ((high - low + 1) * f, "equal terms") if enough else None
    if low.is_Integer and high.is_Integer and 0 <= high - low + 1 <= _FEW:
        terms = [f.subs(k, n) for n in range(low, high + 1)]
        return sympy.Add(*terms), "addition"
    found = _by_induction(f, k, low, facts)
    if found is None:
        return None
    formula, m = found
    if facts.is_nonnegative(high - low):
        return formula.subs(m, high), "induction"
    if facts.is_nonnegative(high - low + 1) and vanishes(formula.subs(m, low - 1), facts):
        return formula.subs(m, high), "induction"
    return None


def _by_induction(
    f: sympy.Expr, k: sympy.Symbol, low: sympy.Expr, facts: Facts
) -> tuple[sympy.Expr, sympy.Dummy] | None:
    """Return S(m) with S(low) = f(low) and S(m) − S(m − 1) = f(m) for m > low, as SymPy proposes it."""
    if jumps(f, frozenset({k})):
        return None
    m = sympy.Dummy("m", integer=True, positive=True) if low.is_positive else sympy.Dummy("m", integer=True)
    there = Facts([*facts.conditions, *([m > low] if (m > low) != sympy.true else [])])
    try:
        formula = decided(sympy.summation(f, (k, low, m)), there)
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError, ArithmeticError):
        return None
    if formula.has(sympy.Sum, sympy.Piecewise, sympy.nan, sympy.zoo) or undefined_where(formula, there):
        return None
    if undefined_where(f.subs(k, m), there) or not vanishes(formula.subs(m, low) - f.subs(k, low), facts):
        return None
    return (formula, m) if vanishes(formula - formula.subs(m, m - 1) - f.subs(k, m), there) else None


def _infinite(f: sympy.Expr, k: sympy.Symbol, low: sympy.Expr, facts: Facts) -> tuple[sympy.Expr, str] | None:
    if jumps(f, frozenset({k})) or not f.has(k):
        return None
    n = sympy.Dummy("n", integer=True, nonnegative=True)
    f = f.subs(k, n + low)
    constant, rest = f.as_independent(n)
    ratio = sympy.combsimp(sympy.powsimp(rest.subs(n, n + 1) / rest))
    ratio = sympy.cancel(sympy.simplify(ratio) if ratio.has(sympy.factorial, sympy.gamma) else ratio)
    if not ratio.has(n):
        if ratio.is_real and facts.is_positive(1 - ratio) and facts.is_positive(1 + ratio):
            return f.subs(n, 0) / (1 - ratio), "geometric series"
        return None
    x = sympy.cancel(ratio * (n + 1))
    if not x.has(n):
        return f.subs(n, 0) * sympy.exp(x), "exponential series"
    power = sympy.powsimp(rest.subs(n, n - 1)) if low == 1 else None
    if power is not None and power.is_Pow and power.base == n and power.exp.is_Integer and power.exp < -1:
        return constant * sympy.zeta(-power.exp), "zeta function"
    found = _by_induction(f, n, sympy.S.Zero, facts)
    if found is None:
        return None
    value = limit_at(found[0], found[1], sympy.oo, "-", facts.conditions)
    return None if value is None else (value, "limit of the partial sums")
