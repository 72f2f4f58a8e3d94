"""Three answers to a statement: proved by listed rules, refuted by an admissible point, or undecided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ... import _validate
from ...errors import SdeTheoryError
from ..analysis.algebra import CHEAP, vanishes
from ..analysis.definedness import cleared, doubts
from ..analysis.facts import Facts
from ..formulas import _coerce
from ..formulas._deadline import OUT_OF_TIME, deadline
from .counterexample import Search, counterexample
from .evaluation import Evaluation, left_undone

SECONDS = 30.0
"""The processor's time that one question may take; then it is undecided."""

_ENOUGH = 5  # points where a simplification must have been seen to be right, if it has symbols


class UndecidedError(SdeTheoryError):
    """Neither a proof nor a counterexample was found, within the time."""


_NOWHERE = Search(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found out about left = right.

    Attributes
    ----------
    answer : bool or None
        True is proved, False refuted, None undecided.
    rules : tuple of str
        The rules of the proof, by their names in :data:`sdetheory.symbolic.proofs.rules.RULES`.
    search : Search
        The counterexample.
    reason : str
        Why it is undecided.
    """

    answer: bool | None
    rules: tuple[str, ...] = ()
    search: Search = _NOWHERE
    reason: str = ""


def is_zero(difference: sympy.Expr, conditions: Iterable[sympy.Basic] = ()) -> bool:
    """Return whether an expression vanishes identically: True is proved, False has a counterexample.

    The rules that count as proof are listed in :data:`sdetheory.symbolic.proofs.rules.RULES` and in the page "What
    counts as proof". An expression must be defined for all values that are allowed, or what may keep it from that must
    stand in two of its terms: ``(x**2 - 1)/(x - 1) - x - 1`` needs the condition ``Ne(x, 1)``.

    Parameters
    ----------
    difference : Expr
        What is to be zero for all values of its symbols and for all smooth functions in the place of undefined ones.
    conditions : iterable of relations, optional
        What the values obey, beside the symbols' own assumptions.

    Returns
    -------
    bool
        The answer.

    Raises
    ------
    UndecidedError
        Neither was found, within 30 s of the processor's time.
    InvalidInputError
        It is no expression, or the conditions contradict each other.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> is_zero(sympy.cosh(x) ** 2 - sympy.sinh(x) ** 2 - 1), is_zero(sympy.Function("f")(x) - x)
    (True, False)
    """
    difference = _coerce.expression(difference, "difference")
    with _validate.naming("conditions"):
        verdict = decide(difference, None, conditions)
    if verdict.answer is None:
        raise UndecidedError(f"could not decide whether the difference {difference} is zero: {verdict.reason}")
    return verdict.answer


def decide(
    left: sympy.Expr, right: sympy.Expr | None, conditions: Iterable[sympy.Basic], seconds: float = SECONDS
) -> Verdict:
    """Decide left = right (or left = 0, if right is None); an error of SymPy's, or too long a time, is undecided.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> decide((x**2 - 1) / (x - 1), x + 1, []).reason
    'it is not known that x - 1 is not 0, where one side is not defined; state it as a condition'
    >>> decide((x**2 - 1) / (x - 1), x + 1, [sympy.Ne(x, 1)]).rules
    ('cancellation',)
    """
    facts = bounded(lambda: Facts(conditions), "comparing the conditions", seconds)
    try:
        return bounded(lambda: _decide(left, right, facts), "the question", seconds)
    except SdeTheoryError as error:
        return Verdict(answer=None, reason=str(error))


def bounded(compute: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """Return what a computation returns; what SymPy raises, and too long a time, become an UndecidedError."""
    try:
        with deadline(seconds, what):
            return compute()
    except OUT_OF_TIME as error:
        raise UndecidedError(f"{error}; take it apart") from error
    except SdeTheoryError:
        raise
    except Exception as error:  # SymPy raises whatever its parts do; none of it is an answer
        raise UndecidedError(f"{what}: SymPy gave up ({type(error).__name__}: {error!s:.80})") from error


def _decide(left: sympy.Expr, right: sympy.Expr | None, facts: Facts) -> Verdict:
    evaluation = Evaluation(facts)
    if right is None:
        terms = [evaluation(term) for term in sympy.Add.make_args(left)]
        sides = (sympy.Add(*terms), sympy.S.Zero)
        unsure = _once([doubts(term) for term in terms])
    else:
        sides = (evaluation(left), evaluation(right))
        unsure = doubts(sides[0]) ^ doubts(sides[1])
    difference = sides[0] - sides[1]
    strange = _strange(difference)
    if strange:
        return Verdict(answer=None, reason=f"it holds {strange}")
    used = tuple(sorted(evaluation.used))
    rule = vanishes(difference, facts, CHEAP)
    search = Search(0)
    if rule is None:
        search = counterexample(*sides, facts)
        if search.point is not None:
            return Verdict(answer=False, search=search)
        if left_undone(difference):
            return Verdict(answer=None, reason=f"no rule allows to carry out {left_undone(difference)[0]}")
        rule = vanishes(difference, facts)
    if rule is None:
        return Verdict(answer=None, reason="no rule turns it into 0, and no counterexample was found")
    if rule == "simplification" and search.compared < _ENOUGH and difference.free_symbols:
        return Verdict(answer=None, reason="SymPy simplifies it to 0, but there were too few points to confirm that")
    left_over = [doubt for doubt in sorted(unsure, key=str) if not cleared(doubt, facts)]
    if len(left_over) > 1 and all(kind == "not 0" for kind, _ in left_over):
        # What a product is known not to be, none of its factors is.
        left_over = [] if facts.is_nonzero(sympy.expand(sympy.Mul(*[what for _, what in left_over]))) else left_over
    if facts.equations:  # a divisor on both sides may be 0 by a condition
        terms = [left] if right is None else [left, right]
        left_over += [d for t in terms for d in doubts(t) if d[1].subs(facts.solved()) == 0]
    if left_over:
        return Verdict(answer=None, reason=_doubtful(*left_over[0]))
    return Verdict(answer=True, rules=(*used, rule) if rule != "arithmetic" or not used else used)


def _once(of_terms: list[frozenset[tuple[str, sympy.Basic]]]) -> frozenset[tuple[str, sympy.Basic]]:
    """Return what stands in one term only, so that the others are defined where that one is not."""
    every = frozenset().union(*of_terms)
    return frozenset(d for d in every if sum(d in of_term for of_term in of_terms) == 1)


def _doubtful(kind: str, doubt: sympy.Basic) -> str:
    if isinstance(doubt, (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit)):
        return f"it is not known that {doubt} converges, on one side"
    if kind == "not 0":
        return f"it is not known that {doubt} is not 0, where one side is not defined; state it as a condition"
    return f"it is not known that {doubt} is defined, which one side needs; state it as a condition"


def _strange(e: sympy.Basic) -> str:
    """Return in words what an expression holds that is no number, if it does."""
    if e.has(sympy.Order):
        return "a term of an order, which is no number; use expand()"
    if e.has(sympy.nan, sympy.zoo, sympy.AccumBounds):
        return "what is not defined"
    if e.has(sympy.MatrixExpr) or any(a.is_commutative is False for a in e.atoms(sympy.Symbol)):
        return "matrices or operators; state it for their entries"
    if e.has(sympy.oo, -sympy.oo) and not e.has(sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit):
        return "infinity, which is no number"
    return ""


def spelled(point: Mapping[Any, Any]) -> str:
    """Return a point as text."""
    return ", ".join(f"{symbol}={value}" for symbol, value in sorted(point.items(), key=str))
