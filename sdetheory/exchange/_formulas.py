"""SymPy's formulas as trees of names and numbers, and back: no text of a file is ever evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.core import numbers
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.external.gmpy import MPZ
from sympy.functions.elementary import piecewise
from sympy.logic import boolalg


def encode(formula: Any) -> Any:
    """Return a formula as nested lists of text and numbers; raise TypeError where it cannot be made again of them."""
    tree = _tree(formula)
    if decode(tree) != formula:
        raise TypeError("SymPy does not make it again of its parts")
    return tree


def _tree(e: Any) -> Any:
    if isinstance(e, sympy.Symbol) and type(e) is sympy.Symbol:
        return ["Symbol", e.name, {key: value for key, value in e._assumptions_orig.items() if value is not None}]
    if isinstance(e, sympy.Integer):
        return ["Integer", str(e.p)]
    if isinstance(e, sympy.Rational):
        return ["Rational", str(e.p), str(e.q)]
    if isinstance(e, sympy.Float):
        sign, mantissa, exponent, bits = e._mpf_
        return ["Float", sign, str(int(mantissa)), str(exponent), bits, e._prec]
    if isinstance(e, UndefinedFunction):
        return ["Function", e.__name__, dict(e._kwargs)]
    if isinstance(e, AppliedUndef):
        return ["Applied", _tree(e.func), *map(_tree, e.args)]
    if isinstance(e, sympy.MatrixBase):
        return ["Matrix", *map(int, e.shape), *map(_tree, e.flat())]
    if isinstance(e, sympy.Basic) and _known(type(e).__name__) is type(e):
        return [type(e).__name__, *map(_tree, e.args)]
    raise TypeError(f"{type(e).__name__} is no formula that a file can hold")


_PLACES = (sympy, numbers, boolalg, piecewise)
"""Where SymPy keeps the classes of formulas, and those of its constants."""


def _known(name: str) -> type[sympy.Basic] | None:
    """Return SymPy's class of a name."""
    found = next((getattr(place, name) for place in _PLACES if hasattr(place, name)), None)
    return found if isinstance(found, type) and issubclass(found, sympy.Basic) else None


def decode(tree: Any) -> Any:
    """Return the formula of a tree; raise ValueError for what is none."""
    if not (isinstance(tree, list) and tree and isinstance(tree[0], str)):
        raise ValueError("a formula is a list that begins with a name")
    name, *rest = tree
    if name in _LEAVES:
        return _LEAVES[name](*rest)
    kind = _known(name)
    if kind is None:
        raise ValueError(f"SymPy has no formulas called {name!r}")
    return kind(*map(decode, rest))


def _float(sign: int, mantissa: str, exponent: str, bits: int, precision: int) -> sympy.Basic:
    return sympy.Float._new((sign, MPZ(int(mantissa)), int(exponent), bits), precision)


_LEAVES: dict[str, Callable[..., Any]] = {
    "Symbol": lambda name, assumptions: sympy.Symbol(name, **assumptions),
    "Integer": lambda p: sympy.Integer(int(p)),
    "Rational": lambda p, q: sympy.Rational(int(p), int(q)),
    "Float": _float,
    "Function": lambda name, assumptions: sympy.Function(name, **assumptions),
    "Applied": lambda function, *arguments: decode(function)(*map(decode, arguments)),
    "Matrix": lambda rows, columns, *entries: sympy.ImmutableMatrix(rows, columns, [*map(decode, entries)]),
}
