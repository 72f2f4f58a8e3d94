"""The three ways a step is proved, and the search for a counterexample that makes a failure informative."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import SdeTheoryError
from ._coerce import expression

# In order of cost; a step is proved as soon as one of them turns the difference of its sides into 0.
_REWRITES: tuple[tuple[str, Callable[[sympy.Expr], sympy.Expr]], ...] = (
    ("expansion", sympy.expand),
    ("cancellation", lambda difference: sympy.cancel(sympy.together(difference))),
    ("binomial identities", sympy.combsimp),
    ("simplification", sympy.simplify),
)

ATTEMPTS = 400
"""Random points tried in the search for a counterexample; those outside the assumptions are passed over."""

_MOST_INTEGRALS = 12  # points compared where an integral is to be done in numbers, which is slow

_DIGITS = 30


class UndecidedError(SdeTheoryError):
    """Neither a proof nor a counterexample was found."""


def is_zero(difference: sympy.Expr, conditions: Iterable[sympy.Basic] = ()) -> bool:
    """Return whether an expression vanishes identically: True is proved, False has a counterexample.

    Parameters
    ----------
    difference : Expr
        What is to be zero for all values of its symbols and for all functions in the place of undefined ones.
    conditions : iterable of relations, optional
        What a counterexample must obey, beside the symbols' own assumptions.

    Returns
    -------
    bool
        The answer.

    Raises
    ------
    UndecidedError
        Neither was found.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> is_zero(sympy.cosh(x) ** 2 - sympy.sinh(x) ** 2 - 1), is_zero(sympy.Function("f")(x) - x)
    (True, False)
    """
    if rewrite_to_zero(difference) is not None:
        return True
    if counterexample(difference, sympy.S.Zero, conditions) is not None:
        return False
    raise UndecidedError(f"could not decide whether {difference} is zero; simplify it or take it apart")


def rewrite_to_zero(difference: sympy.Expr) -> str | None:
    """Return the name of the first rewriting that turns an expression into 0, or None if none does.

    The answer is decisive in one direction only: None means that no proof was found.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> rewrite_to_zero(sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1)
    'simplification'
    >>> rewrite_to_zero(x - 1) is None
    True
    """
    if difference.has(sympy.Integral):
        # Derivatives of integrals often cancel before SymPy has tried, at length, to do the integrals.
        undone = difference.doit(integrals=False).replace(_is_over_nothing, lambda _: sympy.S.Zero)
        for name, rewrite in _REWRITES[:2]:
            if rewrite(undone) == 0:
                return name
    difference = difference.doit()
    for name, rewrite in _REWRITES:
        if rewrite(difference) == 0:
            return name
    return None


def _is_over_nothing(e: sympy.Basic) -> bool:
    return isinstance(e, sympy.Integral) and any(len(limit) == 3 and limit[1] == limit[2] for limit in e.limits)


def series_below(expression: sympy.Expr, variable: sympy.Symbol, order: int) -> sympy.Expr:
    """Return the terms of an expansion about `variable` = 0 that are below `order`, simplified.

    Zero means that the expression is O(variable**order).

    Examples
    --------
    >>> x = sympy.Symbol("x", positive=True)
    >>> series_below(sympy.exp(x) - 1 - x, x, 2), series_below(sympy.exp(x) - 1 - x, x, 3)
    (0, x**2/2)
    """
    try:
        return sympy.simplify(sympy.series(expression.doit(), variable, 0, order).removeO())
    except (NotImplementedError, ValueError, sympy.PoleError) as error:
        raise UndecidedError(f"{expression} could not be expanded about {variable} = 0: {error}") from error


def counterexample(
    left: sympy.Expr, right: sympy.Expr, conditions: Iterable[sympy.Basic]
) -> tuple[dict[sympy.Symbol, sympy.Expr], sympy.Expr, sympy.Expr] | None:
    """Return an admissible point where two expressions differ, with the two values, or None if none was found.

    Points are drawn at random (from a fixed seed, so that a message can be reproduced) from small integers and
    fractions that obey each symbol's own assumptions and the given conditions. An undefined function stands for any
    function, so one particular smooth and positive one is tried in its place.

    Examples
    --------
    >>> n = sympy.Symbol("n", integer=True, positive=True)
    >>> counterexample(n * (n + 1) / 2, n**2 / 2, [n >= 2])
    ({n: 7}, 28, 49/2)
    >>> counterexample(n + n, 2 * n, []) is None
    True
    """
    instances = _instances(left, right)
    left, right = (_insert(side, instances) for side in (left, right))
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    relevant = [c for c in conditions if c.free_symbols <= set(symbols)]
    most = _MOST_INTEGRALS if left.has(sympy.Integral) or right.has(sympy.Integral) else ATTEMPTS
    compared = 0
    rng = random.Random(0)
    for _ in range(ATTEMPTS):
        point = {symbol: _draw(symbol, rng) for symbol in symbols}
        if not all(condition.subs(point) == sympy.true for condition in relevant):
            continue
        compared += 1
        if compared > most:
            return None
        values = [_value(side, point) for side in (left, right)]
        if not all(value.is_number and value.is_finite for value in values):
            continue
        numeric = [sympy.N(value, _DIGITS) for value in values]
        # Far above the rounding of the digits kept, far below any difference that a wrong formula makes.
        if abs(numeric[0] - numeric[1]) > sympy.Float(10) ** (8 - _DIGITS) * (1 + abs(numeric[0]) + abs(numeric[1])):
            return {**instances, **point}, values[0], values[1]
    return None


def _insert(side: sympy.Expr, instances: Mapping[Any, sympy.Lambda]) -> sympy.Expr:
    """Put a particular function in the place of each undefined one; integrals over it are left to be done in numbers.

    ``subs`` refuses to replace a function inside an integral; ``replace`` does not.
    """
    for function, instance in instances.items():
        side = side.replace(function, instance)
    return side.doit(integrals=not instances)


def _value(side: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """Return one side at a point: exact, or in digits if integrals are left; NaN if SymPy cannot integrate."""
    value = side.subs(point)
    if not value.has(sympy.Integral):
        return value.doit()
    try:
        return sympy.N(value.doit(integrals=False), _DIGITS)
    except (NotImplementedError, ValueError, TypeError):
        return sympy.nan


def first_wrong_case(
    formula: sympy.Expr, cases: Iterable[tuple[Mapping[sympy.Symbol, Any], Any]]
) -> tuple[int, tuple[Mapping[sympy.Symbol, Any], sympy.Expr, sympy.Expr] | None]:
    """Return how many cases were compared, and the first where the formula misses the counted number, if any.

    Examples
    --------
    >>> n = sympy.Symbol("n")
    >>> first_wrong_case(n**2, [({n: 1}, 1), ({n: 2}, 4)])
    (2, None)
    """
    number = 0
    for number, (values, counted) in enumerate(cases, start=1):
        # Before they are inserted, since SymPy evaluates a string that it inserts.
        point = {symbol: expression(value, "a case's value") for symbol, value in dict(values).items()}
        exact = expression(counted, "a case's count")
        computed = sympy.simplify(formula.subs(point).doit())
        if computed != exact:
            return number, (values, exact, computed)
    return number, None


def _instances(left: sympy.Expr, right: sympy.Expr) -> dict[Any, sympy.Lambda]:
    """Return a function to try in place of each undefined one; none of its derivatives is simple."""
    found = {(f.func, len(f.args)) for side in (left, right) for f in side.atoms(AppliedUndef)}
    instances = {}
    for k, (function, count) in enumerate(sorted(found, key=str)):
        arguments = sympy.symbols(f"u:{count}", real=True)
        exponent = sympy.Add(*[(i + 1) * u for i, u in enumerate(arguments)]) / (k + 3)
        instances[function] = sympy.Lambda(arguments, sympy.exp(exponent) + sympy.Add(*[u**2 for u in arguments]) / 7)
    return instances


def _draw(symbol: sympy.Symbol, rng: random.Random) -> sympy.Expr:
    """Return a small number that obeys the assumptions of a symbol."""
    size = rng.randint(1, 9) if symbol.is_integer else rng.randint(1, 40)
    value = sympy.Integer(size) if symbol.is_integer else sympy.Rational(size, rng.choice((3, 5, 7)))
    either_sign = symbol.is_extended_positive is None and symbol.is_extended_nonnegative is None
    if symbol.is_extended_negative or (either_sign and rng.random() < 0.5):
        return -value
    return value
