"""The search for a point where two sides differ, by more than the error of the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..analysis.enclosure import differs_from_zero
from ..analysis.facts import Facts
from ..analysis.integrals import closed_form
from ..analysis.points import admissible

POINTS = 40
"""Admissible points that are tried."""

_POINTS_OF_INTEGRALS = 6  # where intervals are summed for each, which is slow
_SINGULAR = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.AccumBounds)


@dataclass(frozen=True, slots=True)
class Search:
    """How many points were compared, and the first where the sides differ, with their values, if there is one."""

    compared: int
    point: Mapping[Any, sympy.Expr] | None = None
    left: sympy.Expr | None = None
    right: sympy.Expr | None = None


def counterexample(left: sympy.Expr, right: sympy.Expr, facts: Facts) -> Search:
    """Look for a point that obeys every assumption and condition and where both sides are defined and differ.

    An undefined function stands for any smooth one with its assumptions, so some of these are tried in its place.

    Examples
    --------
    >>> n = sympy.Symbol("n", integer=True, positive=True)
    >>> counterexample(n * (n + 1) / 2, n**2 / 2, Facts([n >= 2])).left
    91
    >>> counterexample(n + n, 2 * n, Facts()).point is None
    True
    """
    symbols = left.free_symbols | right.free_symbols
    if not all(isinstance(s, sympy.Symbol) for s in symbols):
        return Search(0)
    compared = 0
    for instances in _instances(left, right, facts):
        sides = [_inserted(side, instances) for side in (left, right)]
        conditions = [_inserted(c, instances) for c in facts.conditions]
        heavy = any(side.has(sympy.Integral, sympy.Sum) for side in sides)
        for point in admissible(symbols, conditions, _POINTS_OF_INTEGRALS if heavy else POINTS):
            values = [_value(side, point) for side in sides]
            if values[0] is None or values[1] is None:
                continue
            verdict = differs_from_zero(values[0] - values[1])
            compared += verdict is not None
            if verdict:
                shown = {symbol: value for symbol, value in point.items() if symbol in _linked(symbols, facts)}
                return Search(compared, {**instances, **shown}, *(_readable(value) for value in values))
    return Search(compared)


def _linked(symbols: set[sympy.Symbol], facts: Facts) -> set[sympy.Symbol]:
    """Return the symbols, and those that conditions link to them."""
    linked = set(symbols)
    for _ in facts.conditions:
        for condition in facts.conditions:
            if condition.free_symbols & linked:
                linked |= condition.free_symbols
    return linked


def _readable(value: sympy.Expr) -> sympy.Expr:
    """Return a value for a message: as it is if it is short, else in digits."""
    return value if len(str(value)) <= 30 or value.has(sympy.Integral) else sympy.N(value, 15)


def _value(side: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr | None:
    """Return one side at a point, or None where it is not defined or cannot be computed."""
    if any(_is_doubtful(part, point) for part in side.atoms(sympy.Pow, sympy.Heaviside, sympy.DiracDelta)):
        return None
    if not _is_defined_throughout(side, point):
        return None
    try:
        value = side.subs(point)
        value = value.replace(_is_infinite, lambda e: _done(e))
    except (TypeError, ValueError, NotImplementedError, ArithmeticError, AttributeError, RecursionError):
        return None
    if (
        value.has(*_SINGULAR)
        or value.has(sympy.Derivative, sympy.Subs, sympy.Limit, AppliedUndef)
        or value.free_symbols
    ):
        return None
    return value


def _is_doubtful(part: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr]) -> bool:
    """Return whether a part is a matter of convention at a point: 0⁰, a step or a spike at its place."""
    if isinstance(part, sympy.Pow):
        return bool(part.exp.free_symbols) and part.base.subs(point) == 0 and not part.exp.subs(point).is_positive
    return part.args[0].subs(point).is_zero is not False


def _is_defined_throughout(side: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr]) -> bool:
    """Return whether no divisor vanishes: SymPy multiplies by 0 what is not defined."""
    for power in side.atoms(sympy.Pow):
        if power.free_symbols <= set(point) and power.exp.is_number and power.exp.is_negative:
            base = power.base.subs(point)
            if base.is_zero or (base.is_number and not base.is_Rational and differs_from_zero(base) is not True):
                return False
    return True


def _is_infinite(e: sympy.Basic) -> bool:
    return isinstance(e, (sympy.Integral, sympy.Sum, sympy.Product)) and len(e.limits) == 1


def _done(e: sympy.Expr) -> sympy.Expr:
    """Return an integral over an infinite range in closed form, and a product multiplied out; else what it is."""
    _, low, high = e.limits[0]
    if isinstance(e, sympy.Product):
        return e.doit() if low.is_Integer and high.is_Integer and high - low < 60 else sympy.nan
    if low.is_infinite or high.is_infinite:
        if isinstance(e, sympy.Sum):
            return sympy.nan
        found = closed_form(e.function, e.limits[0], Facts())
        return found[0] if found else sympy.nan
    if isinstance(e, sympy.Sum) and high < low:
        return sympy.S.Zero if high == low - 1 else sympy.nan
    return e


def _inserted(side: sympy.Basic, instances: Mapping[Any, sympy.Lambda]) -> sympy.Basic:
    """Put a function in the place of each undefined one; ``subs`` refuses that inside an integral."""
    if not instances:
        return side
    for function, instance in instances.items():
        side = side.replace(function, instance)
    return side.doit(integrals=False, sums=False)


def _instances(left: sympy.Expr, right: sympy.Expr, facts: Facts) -> list[dict[Any, sympy.Lambda]]:
    """Return functions to try in the place of undefined ones, none of whose derivatives is simple."""
    found = {(f.func, len(f.args)) for side in (left, right, *facts.conditions) for f in side.atoms(AppliedUndef)}
    if not found:
        return [{}]
    several = []
    for shape in (0, 1, 2):
        instances = {}
        for k, (function, count) in enumerate(sorted(found, key=str)):
            arguments = sympy.symbols(f"u:{count}", real=True)
            exponent = sympy.Add(*[(i + 1) * u for i, u in enumerate(arguments)]) / (k + 3)
            body = sympy.exp(exponent) + (sympy.Add(*[u**2 for u in arguments]) / 7 if shape != 2 else 1)
            body = -body if shape == 1 else body
            if _is_allowed(function, arguments, body):
                instances[function] = sympy.Lambda(arguments, body)
        if len(instances) == len(found) and all(_always(_inserted(c, instances)) for c in _about_functions(facts)):
            several.append(instances)
    return several[:2]


def _is_allowed(function: Any, arguments: tuple[sympy.Symbol, ...], body: sympy.Expr) -> bool:
    """Return whether an instance is known to have the properties that the function was declared with."""
    declared = function(*arguments).assumptions0
    return all(getattr(body, f"is_{name}") is holds for name, holds in declared.items() if name != "commutative")


def _about_functions(facts: Facts) -> list[sympy.Basic]:
    return [c for c in facts.conditions if c.has(AppliedUndef)]


def _always(condition: sympy.Basic) -> bool:
    return condition == sympy.true or Facts().holds(condition)
