"""What enters the symbolic package: SymPy objects and numbers, never a string that SymPy would evaluate."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import sympy

from ..._validate.messages import shown
from ...errors import InvalidInputError
from ._arguments import CHECKS
from .parsing import as_exact

_MOST_BITS = 10_000
"""Largest size of a number: Python prints some 4,300 decimal digits, and messages and formulas show their numbers."""


def sympified(value: Any) -> sympy.Basic:
    """Return a number or a SymPy object as SymPy's; raise SympifyError for all else.

    ``sympy.sympify`` hands a string to Python's ``eval``; with ``strict=True`` too, if it stands in a tuple or a
    dictionary.
    """
    if not isinstance(value, (sympy.Basic, numbers.Number)):
        raise sympy.SympifyError(value)
    return sympy.sympify(value, strict=True)


def expression(value: Any, name: str) -> sympy.Expr:
    """Return a number or a SymPy expression as it is, floats as exact fractions; a string is refused."""
    if isinstance(value, (str, bytes, bool)):
        raise InvalidInputError(
            f"{name} must be a SymPy expression or a number; got {shown(value)}. "
            "Read a formula from a string with sdetheory.symbolic.parse."
        )
    try:
        result = sympified(value)
    except (sympy.SympifyError, TypeError, ValueError):
        result = None
    if not isinstance(result, sympy.Expr):
        raise InvalidInputError(f"{name} must be a SymPy expression or a number; got {shown(value)}")
    if any(max(int(n.p).bit_length(), int(n.q).bit_length()) > _MOST_BITS for n in result.atoms(sympy.Rational)):
        raise InvalidInputError(
            f"{name} must hold no number of more than {_MOST_BITS} binary digits; write it as a power, or as a symbol"
        )
    if result.has(sympy.nan, sympy.zoo):
        raise InvalidInputError(f"{name} is not defined: {result}")
    return result.xreplace({number: as_exact(number) for number in result.atoms(sympy.Float)})


CHECKS |= dict.fromkeys(("left", "right", "solution", "difference"), lambda name, value: expression(value, name))


def condition(value: Any) -> sympy.Basic:
    """Return a relation of symbols as SymPy's, or refuse it."""
    if isinstance(value, (bool, sympy.logic.boolalg.Boolean)):  # SymPy decides some relations itself
        return sympified(value)
    raise InvalidInputError(
        f"where must be a relation such as N >= 2, not a string, or a list of relations; got {shown(value)}"
    )


def entries(values: Any, name: str) -> list[Any]:
    """Return what a sequence holds."""
    try:
        return list(values)
    except Exception:  # whatever a stranger's iteration raises
        raise InvalidInputError(f"{name} must be a sequence; got {shown(values)}") from None


def vector(values: Any, name: str) -> list[sympy.Expr]:
    """Return a sequence, a column, or one expression, as a list of expressions."""
    if isinstance(values, sympy.MatrixBase):
        if 1 not in values.shape:
            raise InvalidInputError(f"{name} must be a vector; got a matrix of shape {values.shape}")
        values = list(values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        values = [values]
    found = [expression(value, name) for value in entries(values, name)]
    if any(value.is_infinite for value in found):
        raise InvalidInputError(f"{name} must be finite; got {shown(values)}")
    return found


def matrix(values: Any, name: str, rows: int | None) -> sympy.ImmutableMatrix:
    """Return nested sequences, a matrix, or one expression, as a matrix with `rows` rows, or any number of them."""
    if isinstance(values, sympy.MatrixBase):
        values = values.tolist()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        values = [[values]]
    found = [vector(row, name) for row in entries(values, name)]
    if rows not in (None, len(found)) or len({len(row) for row in found}) != 1 or not found[0]:
        wanted = "rows of equal length" if rows is None else f"{rows} row(s) of equal length, one for each variable"
        raise InvalidInputError(
            f"{name} must have {wanted}; got {len(found)} row(s) of length {', '.join(str(len(r)) for r in found)}"
        )
    return sympy.ImmutableMatrix(found)


def symbols(values: Any, name: str = "variables") -> tuple[sympy.Symbol, ...]:
    """Return one symbol, or a sequence of different symbols, as a tuple."""
    found = tuple(entries(values, name)) if isinstance(values, Iterable) and not isinstance(values, str) else (values,)
    for symbol in found:
        if not isinstance(symbol, sympy.Symbol):
            raise InvalidInputError(f"{name} must be SymPy symbols; got {shown(symbol)}")
    if not found or len({str(symbol) for symbol in found}) != len(found):
        raise InvalidInputError(f"{name} must be one or more symbols of different names; got {found}")
    return found


def natural(value: Any, name: str, at_least: int = 0) -> int:
    """Return a whole number that is not too small."""
    if isinstance(value, bool) or not isinstance(value, (int, sympy.Integer)) or value < at_least:
        raise InvalidInputError(f"{name} must be a whole number >= {at_least}; got {shown(value)}")
    return int(value)


def square(values: Any, name: str, size: int | None = None, *, symmetric: bool = False) -> sympy.ImmutableMatrix:
    """Return a (size, size) matrix, or one of any size, checked to be symmetric where that is asked for."""
    result = matrix(values, name, size)
    if result.cols != result.rows:
        raise InvalidInputError(f"{name} must be a square matrix of {result.rows} rows; got shape {result.shape}")
    if symmetric and not all(sympy.simplify(entry) == 0 for entry in result - result.T):
        raise InvalidInputError(f"{name} must be a symmetric matrix; got {result.tolist()}")
    return result


def powers(size: int, highest: int, lowest: int = 0) -> Sequence[tuple[int, ...]]:
    """Return the exponents of all monomials in `size` variables, by degree from `lowest` to `highest`."""

    def of_degree(n: int, left: int) -> list[tuple[int, ...]]:
        if n == 1:
            return [(left,)]
        return [(first, *rest) for first in range(left, -1, -1) for rest in of_degree(n - 1, left - first)]

    return [exponents for degree in range(lowest, highest + 1) for exponents in of_degree(size, degree)]


def power_of(term: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """Return the exponent of a symbol in a product."""
    pairs = [factor.as_base_exp() for factor in sympy.Mul.make_args(term)]
    return sympy.Add(*[exponent for base, exponent in pairs if base == symbol])


def truncate(e: sympy.Expr, symbol: sympy.Symbol, degree: int) -> sympy.Expr:
    """Expand, and return the terms up to a power of `symbol`."""
    return sympy.Add(*[t for t in sympy.Add.make_args(sympy.expand(e)) if power_of(t, symbol) <= degree])
