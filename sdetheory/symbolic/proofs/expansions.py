"""Expansions about 0, on every side from which the variable may come."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy.core.function import AppliedUndef

from ...errors import SdeTheoryError
from ..analysis.algebra import vanishes
from ..analysis.definedness import jumps
from ..analysis.facts import Facts
from ..analysis.points import admissible
from .evaluation import Evaluation, left_undone

_NEAR = (10**3, 10**7)  # inverses of the distances at which the size of a remainder is looked at
_GROWTH = 300  # of the remainder over its order, between these; another order would make it 10^4 times larger


class NoExpansion(SdeTheoryError):
    """There is no proof that the remainder is of the order, for the reason in the message."""


def sides_of(variable: sympy.Symbol, facts: Facts) -> tuple[int, ...]:
    """Return the sides from which a symbol may go to 0: (1,), (-1,), both or none.

    Examples
    --------
    >>> x, h = sympy.Symbol("x", real=True), sympy.Symbol("h", positive=True)
    >>> sides_of(x, Facts()), sides_of(h, Facts()), sides_of(x, Facts([x > 1]))
    ((1, -1), (1,), ())
    """
    if variable.is_integer or variable.is_zero:
        return ()
    sides = [
        side
        for side in (1, -1)
        if not (variable.is_extended_nonpositive if side > 0 else variable.is_extended_nonnegative)
    ]
    near = sympy.Rational(1, 10**12)
    alone = [c for c in facts.conditions if c.free_symbols == {variable} and not c.has(AppliedUndef)]
    return tuple(side for side in sides if all(c.subs(variable, side * near) == sympy.true for c in alone))


def remainder_below(difference: sympy.Expr, variable: sympy.Symbol, order: int, facts: Facts) -> sympy.Expr:
    """Return what keeps an expression from being O(variable**order): 0, or the terms below that order.

    Raises
    ------
    NoExpansion
        It could not be expanded, or its size near 0 does not confirm the expansion.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> remainder_below(sympy.exp(x) - 1 - x, x, 2, Facts()), remainder_below(sympy.exp(x) - 1 - x, x, 3, Facts())
    (0, x**2/2)
    >>> remainder_below(sympy.Abs(x) - x, x, 3, Facts())
    -2*x
    """
    sides = sides_of(variable, facts)
    if not sides:
        raise NoExpansion(f"{variable} cannot go to 0, by its assumptions and conditions")
    e = Evaluation(facts)(difference)
    if left_undone(e) or e.has(sympy.Limit):
        raise NoExpansion(f"no rule allows to carry out the operations in {e}")
    for side in sides:
        wrong = _on_one_side(e, variable, order, side, facts)
        if wrong != 0:
            return wrong
    return sympy.S.Zero


def _on_one_side(e: sympy.Expr, x: sympy.Symbol, order: int, side: int, facts: Facts) -> sympy.Expr:
    t = sympy.Dummy("t", positive=True)
    here = e.subs(x, side * t)
    if here == 0 or vanishes(here, Facts()):
        return sympy.S.Zero
    if jumps(here, frozenset({t})) or here.has(sympy.nan, sympy.zoo):
        raise NoExpansion(f"{e} has a part that may jump at {x} = 0")
    try:
        wrong, failed = sympy.simplify(sympy.series(here, t, 0, order).removeO()), ""
    except (NotImplementedError, ValueError, TypeError, AttributeError, ArithmeticError, sympy.PoleError) as error:
        wrong, failed = None, f"{e} could not be expanded about {x} = 0 from that side: {error!s:.80}"
    if wrong == 0 or (wrong is not None and vanishes(wrong, facts)):
        _confirm(here, t, order, x, facts)
        return sympy.S.Zero
    if not here.has(AppliedUndef, sympy.Integral, sympy.Sum) and _is_small(here, t, order):
        return sympy.S.Zero
    if wrong is None:
        raise NoExpansion(failed)
    return wrong.subs(t, side * x)


def _is_small(e: sympy.Expr, t: sympy.Symbol, order: int) -> bool:
    """Return whether e/t^order has a finite limit, for what vanishes faster than any power."""
    try:
        return sympy.limit(e / t**order, t, 0, "+") == 0
    except (NotImplementedError, ValueError, TypeError, AttributeError, ArithmeticError, sympy.PoleError):
        return False


def _confirm(e: sympy.Expr, t: sympy.Symbol, order: int, x: sympy.Symbol, facts: Facts) -> None:
    """Compare the size of a remainder with its order at two distances, for admissible values of the other symbols."""
    if e.has(AppliedUndef, sympy.Integral, sympy.Sum):
        return
    others = [c for c in facts.conditions if not c.has(x, AppliedUndef)]
    for point in admissible(e.free_symbols - {t}, others, 4):
        sizes = [_size(e, t, inverse, point, order) for inverse in _NEAR]
        if None not in sizes and sizes[1] > _GROWTH * max(sizes[0], sympy.Float("1e-3")):
            raise NoExpansion(_grows(point, sizes, x, order))


def _size(e: sympy.Expr, t: sympy.Symbol, inverse: int, point: dict, order: int) -> sympy.Expr | None:
    value = sympy.N(e.subs(point).subs(t, 1 / sympy.Float(inverse, 60)), 30, maxn=300)
    if not value.is_number or not value.is_finite or value.has(sympy.nan, sympy.zoo):
        return None
    size = abs(value)
    return size * sympy.Integer(inverse) ** order if size.is_Float or size.is_Rational else None


def _grows(point: dict, sizes: Sequence[sympy.Expr], x: sympy.Symbol, order: int) -> str:
    at = ", ".join(f"{s}={v}" for s, v in point.items())
    return (
        f"the difference is {sympy.N(sizes[0], 3)} {x}**{order} at |{x}| = 1/{_NEAR[0]} and {sympy.N(sizes[1], 3)} "
        f"{x}**{order} at 1/{_NEAR[1]}{' for ' * bool(at)}{at}"
    )
