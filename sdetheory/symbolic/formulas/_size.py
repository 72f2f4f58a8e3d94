"""How much work an expression makes, counted before it is done: the verdict does not depend on the machine.

The counts are upper bounds that take one look at each subexpression: of the operations in generated code, of the terms
of first and second derivatives, and of the digits of the numbers inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import sympy

from ...errors import InvalidInputError
from .functions import logaddexp, logistic

MOST_FROM_TEXT = 2500
"""Most work for a formula that was read from a string; compiling that much takes about a second."""

MOST = 40_000
"""Most work for any formula: what was built in SymPy on purpose may take a while."""

# In multiplications; by the time that the compiler spends on them.
_CALLS = {
    sympy.exp: 15, sympy.log: 15, sympy.sin: 20, sympy.cos: 20, logistic: 20, sympy.tanh: 40, logaddexp: 40,
    sympy.Abs: 1, sympy.sign: 2, sympy.Heaviside: 3,
}  # fmt: skip
_OTHER_CALL = 10
_POWER = 40


class Measure(NamedTuple):
    """The tree of an expression in numbers; what is shared counts as often as it occurs.

    Attributes
    ----------
    nodes : int
        Size of the tree.
    symbols : frozenset
        The variables inside.
    slope, curvature : int
        Sizes of all first derivatives together, and of all second derivatives.
    bits : int
        Binary digits of the fractions inside, together.
    finite : bool
        Whether no infinity and nothing undefined stands inside.
    """

    nodes: int
    symbols: frozenset[sympy.Symbol]
    slope: int
    curvature: int
    bits: int
    finite: bool


class Ruler:
    """Measures expressions, each subexpression once; without `variables` every symbol counts as one."""

    def __init__(self, variables: Iterable[sympy.Symbol] | None = None) -> None:
        self._variables = None if variables is None else frozenset(variables)
        self._known: dict[sympy.Basic, Measure] = {}

    def __call__(self, e: sympy.Basic) -> Measure:
        """Return the measure of an expression, however deep."""
        waiting = [e]
        while waiting:
            node = waiting[-1]
            if node not in self._known:
                missing = [argument for argument in node.args if argument not in self._known]
                if missing:
                    waiting += missing
                    continue
                parts = [self._known[argument] for argument in node.args]
                self._known[node] = _measured(node, parts) if parts else self._leaf(node)
            waiting.pop()
        return self._known[e]

    def _leaf(self, e: sympy.Basic) -> Measure:
        counts = isinstance(e, sympy.Symbol) and (self._variables is None or e in self._variables)
        bits = int(e.p).bit_length() + int(e.q).bit_length() if isinstance(e, sympy.Rational) else 0
        finite = e not in (sympy.oo, -sympy.oo, sympy.zoo, sympy.nan)
        return Measure(1, frozenset([e] if counts else []), int(counts), 0, bits, finite)


def _measured(e: sympy.Basic, parts: Sequence[Measure]) -> Measure:
    nodes = 1 + sum(part.nodes for part in parts)
    counts = [len(part.symbols) for part in parts]
    slope, curvature = sum(part.slope for part in parts), sum(part.curvature for part in parts)
    if not isinstance(e, (sympy.Add, sympy.Piecewise, sympy.Tuple)):
        # Each derivative of an argument comes with a factor that may be as large as the expression.
        factor = nodes
        if isinstance(e, (sympy.Max, sympy.Min)):
            factor *= len(parts)
        elif isinstance(e, sympy.Pow) and parts[1].symbols:
            factor *= 2
        curvature += 2 * sum(counts) * slope + sum(counts) ** 2 * factor
        slope += sum(counts) * factor
    return Measure(
        nodes,
        frozenset().union(*(part.symbols for part in parts)),
        slope,
        curvature,
        sum(part.bits for part in parts),
        all(part.finite for part in parts),
    )


def distinct(expressions: Iterable[sympy.Basic]) -> Iterator[sympy.Basic]:
    """Iterate over all subexpressions, each once (``preorder_traversal`` repeats what is shared)."""
    seen: set[sympy.Basic] = set()
    waiting = list(expressions)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += node.args
            yield node


def work(expressions: Iterable[sympy.Basic]) -> int:
    """Return about how many multiplications the code of expressions has, each subexpression counted once.

    Constants are computed beforehand and cost nothing.
    """
    ruler = Ruler()
    return sum(_own_work(node) for node in distinct(expressions) if node.args and ruler(node).symbols)


def _own_work(e: sympy.Basic) -> int:
    if isinstance(e, sympy.Pow):
        exponent = e.exp
        if exponent.is_Rational and exponent.q <= 2:  # type: ignore
            return abs(int(exponent.p)).bit_length() + 2 * int(exponent.q)  # type: ignore
        return _POWER
    if isinstance(e, sympy.Function) and not isinstance(e, sympy.Piecewise):
        return _CALLS.get(e.func, 3 * len(e.args) if isinstance(e, (sympy.Max, sympy.Min)) else _OTHER_CALL)
    return len(e.args)


def check_work(title: str, expressions: Sequence[sympy.Basic], most: int = MOST) -> None:
    """Refuse expressions whose code would be too long.

    Raises
    ------
    InvalidInputError
        The message names the `title`, what was counted and what helps.
    """
    amount = work(expressions)
    if amount > most:
        raise too_large(f"the {title} has about {amount} operations, and at most {most} are compiled")


def check_slopes(
    title: str, expressions: Iterable[sympy.Expr], variables: Sequence[sympy.Symbol], order: int, most: int = MOST
) -> None:
    """Refuse to differentiate what would grow too much; `order` is 1 or 2.

    Terms of derivatives are counted apart, though many are alike: three of them are as much work as one operation.
    """
    most *= 3
    ruler = Ruler(variables)
    measures = [ruler(e) for e in expressions]
    amount = sum(m.slope if order == 1 else m.curvature + len(variables) ** 2 for m in measures)
    if amount > most:
        raise too_large(f"the {title} would have about {_rounded(amount)} terms, and at most {most} are written out")


def too_large(what: str) -> InvalidInputError:
    """Return the error of a formula that makes too much work."""
    return InvalidInputError(
        f"{what}; take the formula apart, or write it with fewer factors, functions and Max or Min "
        "(a compiled function of your own may hold loops: sdetheory.SDE(drift=...))"
    )


def _rounded(amount: int) -> str:
    return str(amount) if amount < 10**9 else "more than 10**9"
