"""What a derivation may use: symbols that were stated, with what they mean, obey and are worth."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ... import _validate
from ...errors import InvalidInputError, SdeTheoryError
from ..analysis.facts import Facts
from . import rendering
from .evaluation import missing_assumption
from .proof import bounded
from .records import Assumption

SECONDS_OF_A_STEP = 120.0  # of the processor that a step may take: a page is proved once, perhaps on a slow machine
in_time = functools.partial(bounded, seconds=SECONDS_OF_A_STEP)


class Known:
    """The assumptions and definitions of a derivation, and the refusal of what is neither.

    Parameters
    ----------
    title : str
        The derivation's, for messages.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", positive=True)
    >>> known = Known("An example")
    >>> known.assume(x, "a length", (x < 1,))
    >>> known.define(y, x**2)
    >>> known.resolved(y + 1, "left")
    x**2 + 1
    >>> known.missing(y, -x)
    'positive'
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.assumptions: list[Assumption] = []
        self.symbols: set[sympy.Basic] = set()
        self.definitions: dict[sympy.Basic, sympy.Expr] = {}

    def assume(self, symbol: Any, sentence: str, conditions: tuple[sympy.Basic, ...]) -> None:
        """Take up a new symbol with relations that some value obeys; leave all as it was if they are refused."""
        self.symbols.add(symbol)
        try:
            for condition in conditions:
                self.require_stated(condition, "where")
            together = [self.resolve(c) for c in (*self.conditions(), *conditions)]
            in_time(lambda: Facts(together), "comparing conditions")
        except SdeTheoryError:
            self.symbols.discard(symbol)
            raise
        self.assumptions.append(
            Assumption(symbol=symbol, sentence=sentence, domain=rendering.domain(symbol), conditions=conditions)
        )

    def suppose(self, name: str, sentence: str) -> None:
        """Take up an assumption that is about no symbol."""
        if name in self._supposed():
            raise InvalidInputError(f"the assumption {name!r} is already stated in {self.title!r}")
        self.assumptions.append(Assumption(name=name, sentence=sentence))

    def define(self, symbol: sympy.Basic, value: sympy.Expr) -> None:
        """Give a new symbol its value."""
        self.definitions[symbol] = self.resolve(value)
        self.symbols.add(symbol)

    def determine(self, unknown: sympy.Basic, value: sympy.Expr) -> None:
        """Give an assumed symbol its value, also in the definitions that hold it."""
        replaced = {unknown: value}
        self.definitions = {s: e.xreplace(replaced) for s, e in self.definitions.items()} | replaced

    def resolve(self, expression: sympy.Expr) -> sympy.Expr:
        """Return an expression with all definitions inserted."""
        return expression.xreplace(self.definitions)

    def resolved(self, expression: sympy.Expr, name: str) -> sympy.Expr:
        """Return the same, of an expression all of whose symbols are stated."""
        self.require_stated(expression, name)
        return self.resolve(expression)

    def conditions(self) -> tuple[sympy.Basic, ...]:
        """Return the relations as they were stated."""
        return tuple(c for assumption in self.assumptions for c in assumption.conditions)

    def relations(self) -> list[sympy.Basic]:
        """Return the relations with all definitions inserted."""
        return [self.resolve(condition) for condition in self.conditions()]

    def facts(self) -> Facts:
        """Return what is known of the symbols."""
        return Facts(self.relations())

    def missing(self, symbol: sympy.Symbol, value: sympy.Expr) -> str:
        """Return what the symbol is assumed to be and the value is not known to be, or nothing."""
        resolved = self.resolve(value)
        facts = Facts(c for c in self.relations() if not c.has(symbol))
        conditions = [self.resolve(c).subs(symbol, resolved) for c in self.conditions() if c.has(symbol)]
        return in_time(lambda: missing_assumption(symbol, resolved, facts, conditions), "checking what is assumed")

    def require_new(self, symbol: Any) -> None:
        """Refuse what is no symbol, or the name of one that is stated."""
        if not isinstance(symbol, (sympy.Symbol, sympy.core.function.UndefinedFunction)):
            raise InvalidInputError(
                f"symbol must be a symbol of SymPy or an undefined function; got {_validate.shown(symbol)}"
            )
        rendering.check_name(str(symbol))
        if str(symbol) in {str(s) for s in self.symbols}:
            raise InvalidInputError(f"symbol: {symbol} is already stated in {self.title!r}; use another name")

    def require_stated(self, expression: sympy.Basic, name: str) -> None:
        """Refuse an expression with a symbol that is neither assumed nor defined."""
        used = expression.free_symbols | {f.func for f in expression.atoms(AppliedUndef)}
        for symbol in sorted(used - self.symbols, key=str):
            same = " (a symbol of that name is, with other assumptions)" * (str(symbol) in map(str, self.symbols))
            raise InvalidInputError(
                f"{name}: {symbol} is used in {expression} but neither assumed nor defined{same}; "
                "state it with assume()"
            )

    def require_supposed(self, names: Sequence[str], statement: str) -> None:
        """Refuse the name of an assumption that was not stated."""
        supposed = self._supposed()
        for name in names:
            if name not in supposed:
                raise InvalidInputError(
                    f'using: "{statement}" uses the assumption {name!r:.60}, which is not stated; call '
                    f"suppose({name!r:.60}, ...). "
                    f"Stated are: {', '.join(supposed) or 'none'}"
                )

    def _supposed(self) -> list[str]:
        return [assumption.name for assumption in self.assumptions if assumption.name]
