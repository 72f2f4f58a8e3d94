"""Formulas and equations in LaTeX, as notebooks show them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sympy

_LONGEST = 10_000
"""The largest denominator of a fraction that is shown as one."""


def latex(expression: sympy.Basic) -> str:
    """Return a formula; names of several letters stand upright, as one word, and long numbers have six digits."""
    names = {s: sympy.latex(s) for s in expression.free_symbols}
    upright = {s: rf"\mathrm{{{text}}}" for s, text in names.items() if re.fullmatch("[A-Za-z]{2,}", text)}
    long = {n for n in expression.atoms(sympy.Float, sympy.Rational) if n.is_Float or n.q > _LONGEST}
    short = {n: sympy.Float(n, 6) for n in long}
    return sympy.latex(expression.xreplace(short), symbol_names=upright)


def displayed(left: str, expression: sympy.Basic, values: Mapping[sympy.Symbol, float]) -> str:
    """Return ``left`` = expression with the values of its parameters, as one displayed line."""
    line = r", \quad ".join([f"{left} = {latex(expression)}", *_values(values)])
    return rf"$\displaystyle {line}$"


def differential(
    variables: Sequence[sympy.Symbol],
    drift: Sequence[sympy.Expr],
    diffusion: sympy.Matrix,
    *,
    time: str = "t",
    calculus: str = "ito",
    values: Mapping[sympy.Symbol, float] | None = None,
) -> str:
    """Return dx = f dt + B dW, a row for each variable, with the values of the parameters in the last."""
    product = r" \circ" if calculus == "stratonovich" else r"\,"
    rows = []
    for i, (variable, f) in enumerate(zip(variables, drift, strict=True)):
        terms = [rf"{_factor(f)}\, d{time}"] if f != 0 else []
        for j in range(diffusion.shape[1]):
            if diffusion[i, j] != 0:
                factor = _factor(diffusion[i, j])
                terms.append(f"{factor}{product if factor else ''} dW_{{{j + 1}}}".strip())
        rows.append(rf"d{latex(variable)} &= {' + '.join(terms) or '0'}")
    if values:
        rows.append("& " + r", \quad ".join(_values(values)))
    body = r" \\ ".join(rows)
    return rf"$$\begin{{aligned}} {body} \end{{aligned}}$$"


def _values(values: Mapping[sympy.Symbol, float]) -> list[str]:
    return [f"{latex(symbol)} = {value:.6g}" for symbol, value in values.items()]


def _factor(expression: sympy.Expr) -> str:
    text = latex(expression)
    if expression == 1:
        return ""
    return rf"\left({text}\right)" if expression.is_Add or text.startswith("-") else text
