"""An equation compared with what was counted, case by case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ..._validate import shown
from ...errors import InvalidInputError
from ..analysis.algebra import vanishes
from ..analysis.enclosure import differs_from_zero
from ..analysis.facts import Facts
from ..analysis.obedience import unproved_assumption
from ..formulas._coerce import expression


@dataclass(frozen=True, slots=True)
class Count:
    """How many cases were compared, and the first fault with the values of its case; an empty fault is none."""

    number: int
    fault: str = ""
    point: Mapping[Any, sympy.Expr] | None = None


def count_cases(
    left: sympy.Expr, right: sympy.Expr, cases: Iterable[tuple[Mapping[Any, Any], Any]], facts: Facts
) -> Count:
    """Compare both sides with the numbers that were counted; stop at the first fault.

    Examples
    --------
    >>> n = sympy.Symbol("n", integer=True, positive=True)
    >>> count_cases(sympy.Sum(n, (n, 1, n)), n * (n + 1) / 2, [({n: 1}, 1), ({n: 4}, 10)], Facts())
    Count(number=2, fault='', point=None)
    >>> count_cases(n, n**2, [({n: 1}, 1), ({n: 2}, 4)], Facts()).fault
    'at n=2: counted 4, left side 2'
    """
    seen: set[frozenset[tuple[Any, Any]]] = set()
    number = 0
    for case in cases:
        number += 1
        try:
            values, counted = case
            # Before they are inserted, since SymPy evaluates a string that it inserts.
            point = {symbol: expression(value, "a value in cases") for symbol, value in dict(values).items()}
        except (TypeError, ValueError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(
                f"cases must be pairs of a mapping from symbols to values and the number counted; got {shown(case)}"
            ) from None
        exact = expression(counted, "a count in cases")
        fault = _refused(point, seen, facts) or _misses(left, right, point, exact)
        if fault:
            return Count(number, f"at {_spelled(point)}: {fault}" if point else fault, point)
        seen.add(frozenset(point.items()))
    return Count(number) if number else Count(0, "there are no cases", {})


def _refused(point: Mapping[Any, sympy.Expr], seen: set[frozenset[tuple[Any, Any]]], facts: Facts) -> str:
    """Return why a case is none, if so."""
    if frozenset(point.items()) in seen:
        return "the case occurs twice"
    for symbol, value in point.items():
        if not isinstance(symbol, sympy.Symbol):
            return f"{symbol} is no symbol, so that it has no value"
        missing = unproved_assumption(symbol, value, Facts())
        if missing:
            return f"{symbol} is assumed to be {missing}"
    for condition in facts.conditions:
        if condition.subs(point) == sympy.false:
            return f"the condition {condition} does not hold"
    return ""


def _misses(left: sympy.Expr, right: sympy.Expr, point: Mapping[Any, sympy.Expr], counted: sympy.Expr) -> str:
    """Return how a side misses the number that was counted, if so; the left side may be what was counted itself."""
    formula = right.subs(point).doit()
    if not _equal(formula, counted):
        return f"counted {counted}, formula {sympy.simplify(formula)}"
    stated = left.subs(point).doit()
    if stated.is_Symbol and stated == left and not point.keys() & left.free_symbols:
        return ""
    if stated.free_symbols <= formula.free_symbols | counted.free_symbols or not stated.free_symbols:
        return "" if _equal(stated, counted) else f"counted {counted}, left side {sympy.simplify(stated)}"
    return f"the left side is {stated}, which does not follow from the case"


def _equal(one: sympy.Expr, other: sympy.Expr) -> bool:
    difference = one - other
    if not difference.free_symbols and differs_from_zero(difference):
        return False
    return bool(vanishes(difference, Facts()))


def _spelled(point: Mapping[Any, sympy.Expr]) -> str:
    return ", ".join(f"{symbol}={value}" for symbol, value in sorted(point.items(), key=str))
