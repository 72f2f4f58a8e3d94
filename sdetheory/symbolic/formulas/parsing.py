"""Read a formula from a string without ever evaluating it as Python.

The text goes through :func:`ast.parse`, which builds a tree and runs nothing; the tree is then walked against a
whitelist and each node is built into SymPy by hand. What is not on the list is refused, by name.
"""

from __future__ import annotations

import ast
import keyword
import math
import numbers
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..._validate.messages import abbreviated
from ...errors import InvalidInputError, SdeTheoryError, TimeLimitError
from . import _remedies
from ._arguments import checked
from ._builder import Builder, allowed, shorten
from ._deadline import OUT_OF_TIME, deadline
from ._size import MOST_FROM_TEXT, check_work, too_large

MAX_LENGTH = 10_000
"""Longest text that is read, in characters."""

MAX_CALLS = 500
"""Most calls of functions."""

TIME_LIMIT = 10.0
"""Seconds of the processor after which reading is given up, should all counts have let something pass."""

Symbols = Mapping[str, sympy.Symbol] | Iterable[sympy.Symbol | str]


@checked
def parse(text: str, *, symbols: Symbols) -> sympy.Expr:
    """Return the SymPy expression that a string spells.

    Allowed are ``+ - * / **``, parentheses, numbers, `symbols`, ``pi``, ``E`` and the functions in `FUNCTIONS`.
    A decimal number becomes the exact fraction it prints (0.25 is 1/4), so that symbolic results stay clean.

    Parameters
    ----------
    text : str
        The formula, in Python's notation.
    symbols : mapping of str to Symbol, or iterable of Symbol or str
        The names that may occur. A plain string stands for a real symbol.

    Returns
    -------
    sympy.Expr
        The expression; its free symbols are among `symbols`.

    Raises
    ------
    InvalidInputError
        The text holds something that is not on the list, is too long, too deep or has too large numbers, or would keep
        SymPy or the compiler busy for more than about a second (counted, not timed).

    Notes
    -----
    Nothing is evaluated: no ``eval``, no ``sympify``. A symbol named ``pi`` or ``E`` takes precedence over the
    constant.

    Examples
    --------
    >>> parse("(x**2 - 1)**2 + 0.25*exp(-y)", symbols=["x", "y"])
    (x**2 - 1)**2 + exp(-y)/4
    >>> parse("x.__class__", symbols=["x"])
    Traceback (most recent call last):
        ...
    sdetheory.errors.InvalidInputError: text, in the symbols x: attribute access 'x.__class__' is not allowed ...
    """
    with _naming("text", symbols):
        return _parsed(text, symbols)


def _parsed(text: str, symbols: Symbols) -> sympy.Expr:
    table = {unicodedata.normalize("NFKC", name): symbol for name, symbol in _symbol_table(symbols).items()}
    for name in table:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise InvalidInputError(f"the symbol {name!r} cannot be written in a string formula; rename it")
    if not isinstance(text, str):
        raise InvalidInputError(f"a formula must be a string; got {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(
            f"a formula may have at most {MAX_LENGTH} characters; got {len(text)}. Build it in SymPy instead."
        )
    if "#" in text:
        raise InvalidInputError(f"a comment is not allowed in a formula; got {shorten(text)!r}")
    line = " ".join(text.split())  # on one line, so that a node's columns find its text
    try:
        tree = ast.parse(line, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "nested too deeply or malformed"
        reason += f" ({remedy})" if (remedy := _remedies.of_text(line)) else ""
        raise InvalidInputError(f"cannot read the formula {shorten(text)!r}: {reason}. {allowed(table)}") from None
    calls = sum(isinstance(node, ast.Call) for node in ast.walk(tree))
    if calls > MAX_CALLS:
        raise too_large(f"the formula {shorten(text)!r} calls {calls} functions, and may call {MAX_CALLS}")
    try:
        with deadline(TIME_LIMIT, f"reading the formula {shorten(text)!r}"):
            expression = Builder(line, table).build(tree.body, 0)
    except OUT_OF_TIME as error:
        raise TimeLimitError(f"{error}; simplify it, or write its constants as decimal numbers") from None
    except RecursionError:
        raise InvalidInputError(f"the formula {shorten(text)!r} is nested too deeply; take it apart") from None
    except SdeTheoryError:
        raise
    except Exception as error:  # SymPy compares and simplifies while it builds
        reason = f"{type(error).__name__}: {error!s:.80}"
        raise InvalidInputError(f"SymPy cannot build the formula {shorten(text)!r} ({reason}); simplify it") from error
    check_work(f"formula {shorten(text)!r}", [expression], MOST_FROM_TEXT)
    return expression


@checked
def as_expression(value: Any, symbols: Symbols) -> sympy.Expr:
    """Return a string, number or SymPy expression as an expression in `symbols`.

    Parameters
    ----------
    value : str, real number or sympy.Expr
        A string is read by :func:`parse`. The free symbols of an expression are matched with `symbols` by name, so
        that ``sympy.Symbol("x")`` means the declared ``x`` whatever its assumptions. Floats become exact fractions.
    symbols : mapping of str to Symbol, or iterable of Symbol or str
        The names that may occur.

    Returns
    -------
    sympy.Expr
        The expression in the declared symbols.

    Raises
    ------
    InvalidInputError
        A free symbol or a function is unknown, or the value is none of the three kinds, or not finite.

    Examples
    --------
    >>> as_expression(0.5 * sympy.Symbol("x"), ["x"])
    x/2
    """
    with _naming("value", symbols):
        return expression_of(value, symbols)


def expression_of(value: Any, symbols: Symbols) -> sympy.Expr:
    """Return what :func:`as_expression` does; a refusal is for the caller to complete by the argument's name.

    Examples
    --------
    >>> expression_of("2*x", ["x"])
    2*x
    """
    if isinstance(value, str):
        return _parsed(value, symbols)
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, sympy.Basic)):
        return sympy.Integer(int(value)) if isinstance(value, numbers.Integral) else as_exact(value)
    if not isinstance(value, sympy.Expr):
        raise InvalidInputError(f"expected a string, a number or a SymPy expression; got {type(value).__name__}")
    table = _symbol_table(symbols)
    undefined = sorted(str(f.func) for f in value.atoms(AppliedUndef))
    if undefined:
        raise InvalidInputError(f"unknown function {undefined[0]!r} in {shorten(str(value))}; define it")
    unknown = sorted(str(s) for s in value.free_symbols if str(s) not in table)
    if unknown:
        raise InvalidInputError(
            f"unknown symbol {unknown[0]!r} in {shorten(str(value))}: {_remedies.of_name(unknown[0], table)}"
            f"{allowed(table)}"
        )
    matched: dict[sympy.Basic, sympy.Basic] = {s: table[str(s)] for s in value.free_symbols}
    matched |= {f: as_exact(f) for f in value.atoms(sympy.Float)}
    expression = value.xreplace(matched)
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise InvalidInputError(f"the expression {shorten(str(value))} is not finite")
    return expression


def _symbol_table(symbols: Symbols) -> dict[str, sympy.Symbol]:
    named = symbols.items() if isinstance(symbols, Mapping) else [(str(s), s) for s in symbols]
    return {name: sympy.Symbol(s, real=True) if isinstance(s, str) else s for name, s in named}


def as_exact(value: Any) -> sympy.Rational:
    """Return the fraction that the shortest decimal of a float spells."""
    number = float(value)
    if not math.isfinite(number):
        raise InvalidInputError(f"expected a finite number; got {value}")
    return sympy.Rational(repr(number))


@contextmanager
def _naming(name: str, symbols: Symbols) -> Iterator[None]:
    """Let a refusal say which argument holds the formula, and what it was to be written in."""
    try:
        yield
    except InvalidInputError as error:
        names = abbreviated(", ".join(_symbol_table(symbols))) or "(none)"
        raise type(error)(f"{name}, in the symbols {names}: {error}") from error.__cause__
