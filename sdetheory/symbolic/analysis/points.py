"""Points where a statement may be tried: numbers that obey every assumption of every symbol, and every condition."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping

import sympy
from sympy.core.function import AppliedUndef

_TRIES = 4000
_COINCIDENCE = 0.12  # chance that a symbol has the value of another one
# Numbers of every kind that SymPy's assumptions tell apart; the simplest come first.
_SPECIAL = (0, 0, 0, 1, 1, -1, -1, 2, -2, 3, -3, 4, 5, -5, 6, 7, 8, 9, 10)
_SURDS = (sympy.sqrt(2), -sympy.sqrt(2), sympy.sqrt(5) - 1, sympy.cbrt(3), sympy.pi, -sympy.pi, sympy.E, -sympy.E / 2)
_COMPLEX = (sympy.I, -2 * sympy.I, 1 + sympy.I, -1 + 2 * sympy.I, sympy.Rational(-3, 2) - sympy.I / 2, 3 * sympy.I / 2)


def admissible(
    symbols: Iterable[sympy.Symbol], conditions: Iterable[sympy.Basic], most: int
) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """Yield up to `most` different points that obey all assumptions and conditions, the same ones in each call.

    Symbols that stand in the conditions alone get values too. Where the conditions are equations, all but one of the
    symbols are drawn and the last one is solved for.

    Examples
    --------
    >>> n, w = sympy.Symbol("n", odd=True), sympy.Symbol("w", nonpositive=True)
    >>> all(p[n] % 2 == 1 and p[w] <= 0 and p[n] > p[w] for p in admissible([n, w], [n > w], 20))
    True
    """
    conditions = list(conditions)
    wanted = set(symbols).union(*(c.free_symbols for c in conditions))
    ordered = sorted((s for s in wanted if isinstance(s, sympy.Symbol)), key=str)
    equations = [c for c in conditions if isinstance(c, sympy.Eq) and not c.has(AppliedUndef)]
    rng, seen = random.Random(0), set()
    for attempt in range(_TRIES // 10 if equations else _TRIES):
        point = _completed(_drawn(ordered, attempt, rng), equations, ordered, attempt)
        if point is None or tuple(point.values()) in seen:
            continue
        seen.add(tuple(point.values()))
        if all(_obeys(value, symbol) for symbol, value in point.items()) and all(_holds(c, point) for c in conditions):
            yield point
            most -= 1
        if most <= 0:
            return


def _drawn(ordered: list[sympy.Symbol], attempt: int, rng: random.Random) -> dict[sympy.Symbol, sympy.Expr] | None:
    point = {}
    for symbol in ordered:
        value = _draw(symbol, attempt, rng)
        if point and rng.random() < _COINCIDENCE:
            other = rng.choice(list(point.values()))
            value = other if _obeys(other, symbol) else value
        if value is None:
            return None
        point[symbol] = value
    return point


def _draw(symbol: sympy.Symbol, attempt: int, rng: random.Random) -> sympy.Expr | None:
    """Return a small number that obeys the assumptions of a symbol; None if a few draws were in vain."""
    for _ in range(12):
        kind = rng.random()
        if symbol.is_integer:
            value = sympy.Integer(rng.choice(_SPECIAL) if kind < 0.7 else rng.randint(-40, 40))
        elif symbol.is_real is False or (symbol.is_real is None and attempt % 3 == 2):
            value = rng.choice(_COMPLEX) * sympy.Rational(rng.randint(1, 6), rng.randint(1, 4))
        elif symbol.is_rational is False or (symbol.is_rational is None and symbol.is_real and kind < 0.06):
            value = rng.choice(_SURDS) * sympy.Rational(rng.randint(1, 6), rng.randint(1, 4))
        elif kind < 0.35:
            value = sympy.Integer(rng.choice(_SPECIAL))
        elif kind < 0.5:
            value = sympy.Rational(rng.randint(-6, 6), 7)
        else:
            value = sympy.Rational(rng.randint(-40, 40), rng.choice((3, 5, 7)))
        for candidate in (value, -value):
            if _obeys(candidate, symbol):
                return candidate
    return None


def _obeys(value: sympy.Expr, symbol: sympy.Symbol) -> bool:
    """Return whether a number is known to be all that is assumed of a symbol."""
    return bool(value.is_number) and all(
        getattr(value, f"is_{name}") is holds for name, holds in symbol.assumptions0.items() if name not in _FORMAL
    )


_FORMAL = ("commutative", "hermitian", "antihermitian", "polar")


def _completed(
    point: dict[sympy.Symbol, sympy.Expr] | None, equations: list[sympy.Eq], ordered: list[sympy.Symbol], attempt: int
) -> dict[sympy.Symbol, sympy.Expr] | None:
    """Solve each equation for one symbol, with the others as they were drawn."""
    if point is None:
        return None
    done: set[sympy.Symbol] = set()
    for equation in equations:
        if _holds(equation, point):
            done |= equation.free_symbols
            continue
        choices = [s for s in ordered if equation.has(s) and s not in done]
        if not choices:
            return None
        symbol = choices[attempt % len(choices)]
        left = (equation.lhs - equation.rhs).subs({s: v for s, v in point.items() if s != symbol})
        try:
            roots = sympy.solve(left, symbol) if left.is_polynomial(symbol) and left.has(symbol) else []
        except (NotImplementedError, ValueError, TypeError):
            return None
        fitting = [root for root in roots if _obeys(root, symbol)]
        if not fitting:
            return None
        point[symbol] = fitting[0]
        done |= equation.free_symbols
    return point


def _holds(condition: sympy.Basic, point: Mapping[sympy.Symbol, sympy.Expr]) -> bool:
    try:
        value = condition.subs(point)
        if value not in (sympy.true, sympy.false) and not value.has(AppliedUndef):
            value = sympy.simplify(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return value == sympy.true
