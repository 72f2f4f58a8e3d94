"""Symbols of one name and different assumptions: SymPy takes them for two, and a reader for one."""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from ...errors import InvalidInputError


def check_spelling(declared: Iterable[sympy.Symbol], *expressions: sympy.Basic) -> None:
    """Refuse expressions with a symbol that has the name of another one, among them or among the declared ones.

    Raises
    ------
    InvalidInputError
        The message shows both spellings.

    Examples
    --------
    >>> check_spelling([sympy.Symbol("x", real=True)], -sympy.Symbol("x"))
    Traceback (most recent call last):
        ...
    sdetheory.errors.InvalidInputError: x is spelled in two ways: Symbol('x', real=True) and Symbol('x'). ...
    """
    seen: dict[str, sympy.Symbol] = {}
    found = set().union(*(e.free_symbols for e in expressions)) if expressions else set()
    for symbol in [*declared, *sorted(found, key=sympy.default_sort_key)]:
        if isinstance(symbol, sympy.Dummy):
            continue  # a name of its own is what it is for
        other = seen.setdefault(symbol.name, symbol)
        if other != symbol:
            raise InvalidInputError(
                f"{symbol.name} is spelled in two ways: {sympy.srepr(other)} and {sympy.srepr(symbol)}. SymPy takes "
                "them for two different symbols; make it once and use it everywhere"
            )
