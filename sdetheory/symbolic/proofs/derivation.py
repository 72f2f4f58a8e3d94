"""A derivation: named assumptions, steps that SymPy proves as they are added, and a result that can be called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy

from ...errors import InvalidInputError
from ..formulas import _coerce
from ..formulas._arguments import checked
from . import rendering
from .enumeration import count_cases
from .expansions import NoExpansion, remainder_below, sides_of
from .failure import DerivationError, failure
from .known import SECONDS_OF_A_STEP, Known, in_time
from .proof import UndecidedError, decide
from .records import Assumption, Equation, Formula, Heading, Note


class Derivation:
    r"""A chain of equations from stated assumptions to a result, each proved when it is added.

    Texts may hold inline mathematics between dollar signs, in characters that also read well in a terminal
    (``$E[s_i s_j]$``, ``$ε/N$``). An equation prints as its number, so that ``by=f"insert {first}"`` refers to it.

    Parameters
    ----------
    title : str
        What is derived.
    source : str
        Where it is found in the literature.

    Raises
    ------
    DerivationError
        By the methods that add an equation: it is false, or no proof was found.
    InvalidInputError
        By the same: a symbol was neither assumed nor defined, or is stated twice.

    Examples
    --------
    >>> n, k, s = (sympy.Symbol(x, integer=True, positive=True) for x in "nks")
    >>> d = Derivation("Sum of the first integers")
    >>> d.assume(n, "how many are added")
    >>> first = d.define(s, sympy.Sum(k, (k, 1, n)), "the sum")
    >>> d.conclude(s, n * (n + 1) / 2, "the closed form", by=f"sum {first} by pairs").number
    2
    >>> d.result(n=100)
    5050.0
    >>> d.step("a wrong guess", s, n**2 / 2, by="hope")
    Traceback (most recent call last):
        ...
    sdetheory.symbolic.proofs.failure.DerivationError: step (3) "a wrong guess" does not hold: at n=13: left 91...
    """

    _shown = ("title", "equations")

    @checked
    def __init__(self, title: str, *, source: str = "") -> None:
        rendering.check_text("title", title)
        rendering.check_text("source", source)
        self.title, self.source = title, source
        self.body: list[Heading | Note | Equation] = []
        self._known = Known(title)
        self._result: Formula | None = None

    @property
    def assumptions(self) -> list[Assumption]:
        """The assumptions so far."""
        return self._known.assumptions

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations so far, in order of their numbers."""
        return tuple(item for item in self.body if isinstance(item, Equation))

    @property
    def result(self) -> Formula:
        """The formula that :meth:`conclude` proved; InvalidInputError before that."""
        if self._result is None:
            raise InvalidInputError(f"the derivation {self.title!r} has no result yet; call conclude()")
        return self._result

    @checked
    def assume(self, symbol: Any, sentence: str, *, where: Any = ()) -> None:
        """State a symbol (or an undefined function), what it means and which relations (`where`) it obeys.

        Relations that no value obeys, by themselves or with those that were stated before, are refused.
        """
        self._known.require_new(symbol)
        rendering.check_text("sentence", sentence)
        relations = [_coerce.condition(c) for c in (where if isinstance(where, (tuple, list)) else (where,))]
        if sympy.false in relations:
            raise InvalidInputError(f"where: a condition on {symbol} contradicts the symbol's own assumptions")
        self._known.assume(symbol, sentence, tuple(c for c in relations if c is not sympy.true))

    @checked
    def suppose(self, name: str, sentence: str) -> None:
        """State an assumption that is about no symbol: an approximation, a property of the data.

        A step that rests on it says so with ``using=name``; a name that was not stated is refused.
        """
        rendering.check_text("name", name)
        rendering.check_text("sentence", sentence)
        self._known.suppose(name, sentence)

    def heading(self, text: str) -> None:
        """Begin a section."""
        rendering.check_text("text", text)
        self.body.append(Heading(text))

    def note(self, text: str) -> None:
        """Add a paragraph of explanation; it proves nothing."""
        rendering.check_text("text", text)
        self.body.append(Note(" ".join(text.split())))

    @checked
    def define(
        self,
        symbol: Any,
        value: Any,
        statement: str,
        *,
        by: str = "definition",
        paper: str = "",
        using: str | Sequence[str] = (),
    ) -> Equation:
        """Give a new symbol a value in terms of stated ones; later steps may use it.

        The value must be known to be what the symbol is assumed to be: a positive symbol has a positive value.
        """
        self._known.require_new(symbol)
        value = _coerce.expression(value, "value")
        self._known.require_stated(value, "value")
        self._require_obedience(symbol, "value", value, statement)
        equation = self._add(statement, symbol, value, by, "definition", paper, using=using)
        self._known.define(symbol, value)
        return equation

    @checked
    def step(
        self, statement: str, left: Any, right: Any, *, by: str, paper: str = "", using: str | Sequence[str] = ()
    ) -> Equation:
        """Add left = right, proved by the listed rules with all definitions inserted; see :func:`is_zero`."""
        return self._prove(statement, left, right, by, paper, using)

    def _prove(
        self, statement: str, left: Any, right: Any, by: str, paper: str, using: str | Sequence[str],
        names: tuple[str, str] = ("left", "right"),
    ) -> Equation:  # fmt: skip
        """Add left = right, proved; `names` are those that the caller knows the sides by."""
        left, right = (_coerce.expression(side, name) for side, name in zip((left, right), names, strict=True))
        resolved = self._known.resolved(left, names[0]), self._known.resolved(right, names[1])
        verdict = decide(*resolved, self._known.relations(), SECONDS_OF_A_STEP)
        if not verdict.answer:
            raise failure(len(self.equations) + 1, statement, left, right, verdict, names)
        return self._add(statement, left, right, by, f"proved by {', '.join(verdict.rules)}", paper, using=using)

    @checked
    def expand(
        self,
        statement: str,
        left: Any,
        right: Any,
        *,
        variable: sympy.Symbol,
        order: int,
        by: str,
        paper: str = "",
        using: str | Sequence[str] = (),
    ) -> Equation:
        """Add left = right + O(variable**order) for variable → 0, proved by the Taylor series of the difference.

        It must hold from both sides, unless the assumptions of the variable allow only one.
        """
        left, right = _coerce.expression(left, "left"), _coerce.expression(right, "right")
        variable, order = _coerce.symbols(variable, "variable")[0], _coerce.natural(order, "order")
        self._known.require_stated(variable, "variable")
        if variable in self._known.definitions:
            raise InvalidInputError(
                f"variable: {variable} is defined as {self._known.definitions[variable]}; expand in that"
            )
        difference = self._known.resolved(left, "left") - self._known.resolved(right, "right")
        reason = ""
        try:
            wrong = in_time(lambda: remainder_below(difference, variable, order, self._known.facts()), "the expansion")
            reason = f"they differ by {wrong} + O({variable}**{order})" if wrong != 0 else ""
        except (NoExpansion, UndecidedError) as error:
            reason = str(error)
        if reason:
            raise DerivationError(
                f'step ({len(self.equations) + 1}) "{statement}" does not hold to O({variable}**{order}), or could not '
                f"be proved to: left {left}, right {right}; {reason}",
                *(left, right, None),
            )
        sides = sides_of(variable, self._known.facts())
        method = f"proved by series to order {order} in {variable}" + (" from both sides" if len(sides) == 2 else "")
        remainder = sympy.Order(variable**order)
        return self._add(statement, left, right, by, method, paper, remainder=remainder, using=using)

    @checked
    def enumerate(
        self,
        statement: str,
        left: Any,
        right: Any,
        *,
        cases: Iterable[tuple[Mapping[Any, Any], Any]],
        by: str,
        paper: str = "",
    ) -> Equation:
        """Add left = right in the cases that were counted: each gives values of the symbols, and the number counted.

        The number must be what the right side is in that case, and what the left side is. The left side says what was
        counted: a symbol that was defined or solved for, or one of the stated symbols that the cases leave free; if
        its value follows from the case, it is compared. Cases that occur twice, and values that the symbols may not
        have, are refused. The equation is proved for these cases, not for others.
        """
        left, right = _coerce.expression(left, "left"), _coerce.expression(right, "right")
        resolved = self._known.resolved(left, "left"), self._known.resolved(right, "right")
        count = in_time(lambda: count_cases(*resolved, cases, self._known.facts()), "the enumeration")
        if count.fault:
            raise DerivationError(
                f'step ({len(self.equations) + 1}) "{statement}" does not hold: {count.fault}. '
                f"Here left is {left}, right is {right}, and cases are what was counted.",
                *(left, right, count.point),
            )
        return self._add(statement, left, right, by, f"proved by exhaustive enumeration of {count.number} cases", paper)

    @checked
    def solve(
        self,
        statement: str,
        left: Any,
        right: Any,
        *,
        unknown: Any,
        solution: Any,
        by: str,
        paper: str = "",
        using: str | Sequence[str] = (),
    ) -> Equation:
        """Determine an assumed symbol from left = right; the equation must be linear in it, so the solution is unique.

        The solution must be known to be what the unknown is assumed to be. Later steps see the unknown defined by it.
        """
        left, right = _coerce.expression(left, "left"), _coerce.expression(right, "right")
        solution = _coerce.expression(solution, "solution")
        if unknown not in self._known.symbols or unknown in self._known.definitions:
            raise InvalidInputError(f"unknown must be an assumed symbol that is still undetermined; got {unknown}")
        difference = self._known.resolved(left, "left") - self._known.resolved(right, "right")
        slope = in_time(lambda: sympy.simplify(sympy.diff(difference, unknown)), "the coefficient")
        if slope.has(unknown) or not self._known.facts().is_nonzero(slope):
            raise DerivationError(
                f'step ({len(self.equations) + 1}) "{statement}" does not determine {unknown}: the coefficient of '
                f"{unknown} is {slope}, not a constant known to be non-zero, for left {left}, right {right}",
                *(left, right, None),
            )
        value = self._known.resolved(solution, "solution")
        if value.has(unknown):
            raise InvalidInputError(f"the solution {solution} still contains {unknown}")
        replaced = {unknown: value}
        sides = [self._known.resolve(side).subs(replaced) for side in (left, right)]
        verdict = decide(*sides, [c for c in self._known.relations() if not c.has(unknown)], SECONDS_OF_A_STEP)
        if not verdict.answer:
            inserted = left.subs(unknown, solution), right.subs(unknown, solution)
            raise failure(len(self.equations) + 1, statement, *inserted, verdict, ("left, with the solution", "right"))
        self._require_obedience(unknown, "solution", solution, statement)
        self._add(statement, left, right, by, "condition", paper, using=using)
        self._known.determine(unknown, value)
        return self._add(
            f"solved for ${unknown}$", unknown, solution, "the equation is linear in the unknown", "proved by insertion"
        )

    @checked
    def conclude(
        self, symbol: Any, value: Any, statement: str, *, by: str, paper: str = "", using: str | Sequence[str] = ()
    ) -> Equation:
        """Prove symbol = value as in :meth:`step` and make it the result."""
        if symbol not in self._known.definitions:
            raise InvalidInputError(
                f"symbol must be one that define() or solve() determined, to be concluded; {symbol} is not"
            )
        if self._result is not None:
            raise InvalidInputError(f"the derivation {self.title!r} has a result already: {self._result}")
        equation = self._prove(statement, symbol, value, by, paper, using, ("symbol", "value"))
        self._result = Formula(symbol=symbol, expression=equation.right, conditions=self._known.conditions())
        return equation

    def to_text(self) -> str:
        """Return the derivation for a terminal."""
        return rendering.to_text(self)

    def to_markdown(self) -> str:
        """Return the derivation as Markdown with dollar mathematics (MyST, GitHub)."""
        return rendering.to_markdown(self)

    _repr_markdown_ = to_markdown

    @checked
    def to_latex(self, *, standalone: bool = False) -> str:
        r"""Return the body of an article (it needs amsmath), or the whole document with ``standalone=True``."""
        return rendering.to_latex(self, standalone=standalone)

    def _add(
        self,
        statement: str,
        left: Any,
        right: Any,
        by: str,
        method: str,
        paper: str = "",
        *,
        remainder: Any = None,
        using: str | Sequence[str] = (),
    ) -> Equation:
        for name, text in (("statement", statement), ("by", by), ("paper", paper)):
            rendering.check_text(name, text)
        names = (using,) if isinstance(using, str) else tuple(using)
        self._known.require_supposed(names, statement)
        equation = Equation(
            number=len(self.equations) + 1, statement=statement, left=left, right=right, by=by, method=method,
            paper=paper, remainder=remainder, using=names,
        )  # fmt: skip
        self.body.append(equation)
        return equation

    def _require_obedience(self, symbol: Any, name: str, value: sympy.Expr, statement: str) -> None:
        """Refuse a value that is not known to be what the symbol is assumed to be."""
        if not isinstance(symbol, sympy.Symbol):
            return
        missing = self._known.missing(symbol, value)
        if missing:
            raise DerivationError(
                f'step ({len(self.equations) + 1}) "{statement}": {symbol} is assumed to be {missing}, which is not '
                f"known of its {name}, {self._known.resolve(value)}. State what makes it so with "
                "assume(..., where=...), or use another symbol",
                *(symbol, value, None),
            )
