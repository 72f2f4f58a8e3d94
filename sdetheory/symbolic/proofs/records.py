"""What a derivation is made of: assumptions, equations, the text between them, and the formula it ends at."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ...errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """What is taken as given: a symbol with its domain and meaning, or (without a symbol) a named sentence."""

    sentence: str
    symbol: sympy.Expr | None = None
    name: str = ""
    domain: str = ""
    conditions: tuple[sympy.Basic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """A numbered equation, with the rule that gives it and the method that proved it; prints as its number."""

    number: int
    statement: str
    left: sympy.Expr
    right: sympy.Expr
    by: str
    method: str
    paper: str = ""
    remainder: sympy.Expr | None = None
    using: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"({self.number})"

    def _repr_latex_(self) -> str:
        rest = "" if self.remainder is None else f" + {sympy.latex(self.remainder)}"
        return rf"$\displaystyle {sympy.latex(self.left)} = {sympy.latex(self.right)}{rest} \qquad ({self.number})$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A result: symbol = expression, callable with numbers or NumPy arrays by the symbols' names.

    Examples
    --------
    >>> n = sympy.Symbol("n", positive=True)
    >>> square = Formula(symbol=sympy.Symbol("a"), expression=n**2)
    >>> square(n=3)
    9
    """

    symbol: sympy.Expr
    expression: sympy.Expr
    conditions: tuple[sympy.Basic, ...] = ()

    def __call__(self, **values: Any) -> Any:
        """Return the value; raise InvalidInputError for a missing, unknown, non-numeric or inadmissible one."""
        # An undefined function has no value, and lambdify would write its name into Python source.
        functions = sorted({str(f.func) for f in self.expression.atoms(AppliedUndef)})
        if functions:
            raise InvalidInputError(f"{self} has no value: it holds the undefined function {', '.join(functions)}")
        symbols = sorted(self.expression.free_symbols, key=str)
        names = [str(symbol) for symbol in symbols]
        missing, unknown = [n for n in names if n not in values], [n for n in values if n not in names]
        if missing or unknown:
            raise InvalidInputError(
                f"{self} needs a value for each of {', '.join(names)}; "
                + "; ".join([f"{n} is missing" for n in missing] + [f"{n} is unknown" for n in unknown])
            )
        for name, value in values.items():
            if not isinstance(value, numbers.Real) and getattr(getattr(value, "dtype", None), "kind", "") not in {
                "i",
                "u",
                "f",
            }:
                raise InvalidInputError(f"{name} must be a number or an array of numbers; got {value!r:.60}")
        # Sign assumptions are tested on a plain symbol, because SymPy takes `positive > 0` for granted.
        plain = {symbol: sympy.Symbol(str(symbol)) for symbol in symbols}
        signs = [plain[s] > 0 for s in symbols if s.is_positive]
        signs += [plain[s] >= 0 for s in symbols if s.is_nonnegative and not s.is_positive]
        stated = [c for c in self.conditions if c.free_symbols <= set(symbols) and not c.has(AppliedUndef)]
        for condition in [*signs, *stated]:
            used = sorted(condition.free_symbols, key=str)
            holds = sympy.lambdify(used, condition, modules="numpy")(*(values[str(s)] for s in used))
            if not getattr(holds, "all", lambda holds=holds: holds)():
                raise InvalidInputError(f"{self} assumes {condition}; got { ({str(s): values[str(s)] for s in used}) }")
        return sympy.lambdify(symbols, self.expression, modules="numpy")(*(values[n] for n in names))

    def __str__(self) -> str:
        return f"{self.symbol} = {self.expression}"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {sympy.latex(self.symbol)} = {sympy.latex(self.expression)}$"


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph between the equations."""

    text: str
