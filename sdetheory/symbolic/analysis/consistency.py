"""Whether conditions can hold together."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from ...errors import InvalidInputError

ORDER = (sympy.StrictGreaterThan, sympy.StrictLessThan, sympy.GreaterThan, sympy.LessThan)

_MOST = 4096  # constraints of a linear system that are combined in the search for a contradiction


def parts_of(condition: sympy.Basic) -> Iterator[sympy.Basic]:
    """Yield the relations that a condition is made of."""
    if isinstance(condition, bool):
        condition = sympy.true if condition else sympy.false
    if isinstance(condition, sympy.And):
        for part in condition.args:
            yield from parts_of(part)
    elif isinstance(condition, (Relational, sympy.Or, sympy.Not)) or condition in (sympy.true, sympy.false):
        yield condition
    else:
        raise InvalidInputError(f"a condition must be a relation such as N >= 2; got {condition!r:.60}")


def above_zero(condition: sympy.Basic) -> tuple[sympy.Expr, bool]:
    """Return e and whether the condition says e > 0, or only e >= 0."""
    return condition.gts - condition.lts, isinstance(condition, (sympy.StrictGreaterThan, sympy.StrictLessThan))


@functools.lru_cache(maxsize=256)
def contradict(conditions: tuple[sympy.Basic, ...]) -> bool:
    """Return whether conditions are known to have no solution; a system of linear ones is decided."""
    if sympy.And(*conditions) == sympy.false:
        return True
    for condition in conditions:
        if len(condition.free_symbols) == 1 and _never(condition):
            return True
    return _no_linear_solution(conditions)


def _never(condition: sympy.Basic) -> bool:
    """Return whether a condition on one real symbol has an empty set of solutions."""
    (symbol,) = condition.free_symbols
    if not symbol.is_extended_real or condition.has(AppliedUndef, sympy.Derivative, sympy.Integral):
        return False
    domain = sympy.S.Integers if symbol.is_integer else sympy.S.Reals
    if symbol.is_positive:
        domain = sympy.Interval.open(0, sympy.oo)
    elif symbol.is_nonnegative:
        domain = sympy.Interval(0, sympy.oo)
    elif symbol.is_negative:
        domain = sympy.Interval.open(-sympy.oo, 0)
    elif symbol.is_nonpositive:
        domain = sympy.Interval(-sympy.oo, 0)
    try:
        plain = sympy.Dummy(real=True)
        return sympy.Intersection(condition.xreplace({symbol: plain}).as_set(), domain) == sympy.S.EmptySet
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
        return False


def _no_linear_solution(conditions: tuple[sympy.Basic, ...]) -> bool:
    """Eliminate one symbol after another (Fourier and Motzkin) from linear conditions and signs."""
    system: list[tuple[sympy.Expr, bool]] = []
    for condition in conditions:
        if isinstance(condition, sympy.Eq):
            system += [(condition.lhs - condition.rhs, False), (condition.rhs - condition.lhs, False)]
        elif isinstance(condition, ORDER):
            system.append(above_zero(condition))
    symbols = sorted(set().union(*(e.free_symbols for e, _ in system)), key=str)
    for symbol in symbols:
        if symbol.is_extended_nonnegative:
            system.append((symbol, bool(symbol.is_positive)))
        if symbol.is_extended_nonpositive:
            system.append((-symbol, bool(symbol.is_negative)))
    system = [(sympy.expand(e), strict) for e, strict in system]
    system = [(e, s) for e, s in system if all(e.diff(x).is_Rational for x in symbols) and not e.has(AppliedUndef)]
    system = [_tightened(e, strict) for e, strict in system]
    for symbol in symbols:
        lower = [(e, s) for e, s in system if e.coeff(symbol) > 0]
        upper = [(e, s) for e, s in system if e.coeff(symbol) < 0]
        if len(lower) * len(upper) > _MOST:
            return False
        system = [(e, s) for e, s in system if e.coeff(symbol) == 0]
        system += [
            (sympy.expand(low / low.coeff(symbol) - high / high.coeff(symbol)), s or t)
            for (low, s), (high, t) in itertools.product(lower, upper)
        ]
    return any(e.is_negative or (strict and e.is_zero) for e, strict in system)


def _tightened(e: sympy.Expr, strict: bool) -> tuple[sympy.Expr, bool]:
    """Among integers e > 0 is e - 1 >= 0."""
    return (e - 1, False) if strict and e.is_integer else (e, strict)
