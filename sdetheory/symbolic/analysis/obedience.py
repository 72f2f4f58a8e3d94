"""Whether a value is known to be what a symbol is assumed to be."""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy.core.function import AppliedUndef

from .facts import Facts


def unproved_assumption(
    symbol: sympy.Symbol, value: sympy.Expr, facts: Facts, conditions: Iterable[sympy.Basic] = ()
) -> str:
    """Return what a symbol is assumed to be, or a condition on it, that is not known of a value; empty if all is known.

    Examples
    --------
    >>> p, x = sympy.Symbol("p", positive=True), sympy.Symbol("x", real=True)
    >>> unproved_assumption(p, x, Facts()), unproved_assumption(p, x**2 + 1, Facts())
    ('positive', '')
    """
    known = {
        "positive": facts.is_positive, "negative": lambda e: facts.is_positive(-e), "nonzero": facts.is_nonzero,
        "nonnegative": facts.is_nonnegative, "nonpositive": lambda e: facts.is_nonnegative(-e),
    }  # fmt: skip
    assumed = {name for name, holds in symbol.assumptions0.items() if holds}
    for name in (
        "positive",
        "negative",
        "nonnegative",
        "nonpositive",
        "nonzero",
        "zero",
        "integer",
        "rational",
        "real",
    ):
        if name not in assumed or getattr(value, f"is_{name}") is True:
            continue
        if not (name in known and known[name](value)) and not (name == "real" and _is_real(value, facts)):
            return name
    given = symbol._assumptions_orig  # what was declared, without what follows
    for name, holds in given.items():
        if name not in _CHECKED and getattr(value, f"is_{name}") is not holds:
            return name if holds else f"not {name}"
    for condition in conditions:
        if not facts.holds(condition):
            return f"such that {condition}"
    return ""


_CHECKED = frozenset(("positive", "negative", "nonnegative", "nonpositive", "nonzero", "zero", "integer", "rational",
                      "real", "commutative", "finite", "extended_real", "complex"))  # fmt: skip


_REAL = (
    *(sympy.Add, sympy.Mul, sympy.Pow, sympy.exp, sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh),
    *(sympy.Integral, sympy.Sum, sympy.Subs, sympy.Tuple, sympy.erf, sympy.erfc, sympy.atan, sympy.Abs, sympy.sign),
    *(sympy.gamma, sympy.factorial, sympy.binomial, sympy.log, sympy.floor, sympy.ceiling, sympy.Max, sympy.Min),
)


def _is_real(e: sympy.Basic, facts: Facts) -> bool:
    """Return whether an expression is built of real parts by functions that keep them real (its poles apart)."""
    if e.is_real or isinstance(e, (AppliedUndef, sympy.Derivative)):
        return e.is_real is not False
    if isinstance(e, sympy.Pow) and not e.exp.is_integer and e.base is not sympy.E:
        return facts.is_nonnegative(e.base) and _is_real(e.exp, facts)
    if isinstance(e, sympy.log):
        return facts.is_positive(e.args[0])
    return isinstance(e, _REAL) and all(_is_real(a, facts) for a in e.args if isinstance(a, (sympy.Expr, sympy.Tuple)))
