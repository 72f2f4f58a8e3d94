"""The logarithm of a density, from its derivative: a sum of real functions, singular only where the integrand is.

SymPy's integrals of rational functions come with logarithms of negative numbers and with roots of unknown sign; here
each term is a function that the table of integrals in :mod:`._laws` knows by its form.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy

from ..proofs.proof import UndecidedError
from ._signs import positive

Terms = dict[sympy.Expr, sympy.Expr]
"""Function of y: its coefficient."""


def add(terms: Terms, function: sympy.Expr, coefficient: sympy.Expr) -> None:
    """Add a multiple of a function to a sum."""
    total = sympy.expand(sympy.simplify(terms.pop(function, sympy.S.Zero) + coefficient))
    if total != 0:
        terms[function] = total


def antiderivative(e: sympy.Expr, y: sympy.Symbol) -> Terms:
    """Return ∫ e dy as functions and their coefficients; what is not in the table is left to SymPy, and checked.

    Examples
    --------
    >>> y = sympy.Symbol("y", real=True)
    >>> a = sympy.Symbol("a", positive=True)
    >>> antiderivative(a / y - y + sympy.tanh(y), y)
    {y**2: -1/2, log(y): a, log(cosh(y)): 1}
    """
    terms: Terms = {}
    together = sympy.cancel(sympy.together(e)) if e.is_rational_function(y) else None
    if together is not None:
        for term in sympy.Add.make_args(sympy.apart(together, y)):
            for piece in sympy.Add.make_args(sympy.expand(term)) if term.is_polynomial(y) else [term]:
                _rational(piece, y, terms)
        return terms
    for term in sympy.Add.make_args(sympy.expand(e)):
        if term.is_rational_function(y):
            for function, coefficient in antiderivative(term, y).items():
                add(terms, function, coefficient)
        else:
            _other(term, y, terms)
    return terms


def _rational(term: sympy.Expr, y: sympy.Symbol, terms: Terms) -> None:
    """Integrate one partial fraction."""
    numerator, denominator = sympy.fraction(sympy.together(term))
    if not denominator.has(y):
        for (n,), c in sympy.Poly(numerator, y).terms():
            if c != 0:
                add(terms, y ** (n + 1), c / denominator / (n + 1))
        return
    constant, rest = sympy.factor(denominator).as_independent(y, as_Add=False)
    base, power = rest.as_base_exp()
    polynomial = sympy.Poly(base, y)
    numerator = sympy.Poly(numerator / constant, y)
    if polynomial.degree() == 1 and numerator.degree() <= 0:
        slope, offset = polynomial.all_coeffs()
        point = y + sympy.simplify(offset / slope)
        value = numerator.nth(0) / slope**power
        if power == 1:
            add(terms, sympy.log(point), value)
        else:
            add(terms, point ** (1 - power), value / (1 - power))
    elif polynomial.degree() == 2 and numerator.degree() <= 1 and power == 1:
        _quadratic(polynomial, numerator, y, terms)
    else:
        _by_sympy(term, y, terms)


def _quadratic(polynomial: sympy.Poly, numerator: sympy.Poly, y: sympy.Symbol, terms: Terms) -> None:
    a, b, c = polynomial.all_coeffs()
    center, square = sympy.simplify(-b / (2 * a)), sympy.simplify((c - b**2 / (4 * a)) / a)
    slope, value = numerator.nth(1) / a, (numerator.nth(0) + numerator.nth(1) * center) / a
    sign = positive(square)
    if sign:
        add(terms, sympy.log(sympy.expand((y - center) ** 2) + square), slope / 2)
        width = sympy.sqrt(square)
        add(terms, sympy.atan((y - center) / width), value / width)
    elif positive(-square):
        root = sympy.sqrt(-square)
        add(terms, sympy.log(y - center - root), slope / 2 + value / (2 * root))
        add(terms, sympy.log(y - center + root), slope / 2 - value / (2 * root))
    else:
        raise UndecidedError(
            f"whether {polynomial.as_expr()} has real roots depends on the sign of {square}; give its symbols signs, "
            "or numbers"
        )


# Function of u = αy + β: its antiderivative in u.
_TABLE: dict[type, Callable[[sympy.Expr], tuple[sympy.Expr, int]]] = {
    sympy.tanh: lambda u: (sympy.log(sympy.cosh(u)), 1),
    sympy.coth: lambda u: (sympy.log(sympy.sinh(u)), 1),
    sympy.tan: lambda u: (sympy.log(sympy.cos(u)), -1),
    sympy.cot: lambda u: (sympy.log(sympy.sin(u)), 1),
    sympy.sin: lambda u: (sympy.cos(u), -1),
    sympy.cos: lambda u: (sympy.sin(u), 1),
    sympy.sinh: lambda u: (sympy.cosh(u), 1),
    sympy.cosh: lambda u: (sympy.sinh(u), 1),
    sympy.exp: lambda u: (sympy.exp(u), 1),
    sympy.sign: lambda u: (sympy.Abs(u), 1),
}


def _other(term: sympy.Expr, y: sympy.Symbol, terms: Terms) -> None:
    constant, rest = term.as_independent(y, as_Add=False)
    if isinstance(rest, tuple(_TABLE)):
        u = rest.args[0]
        slope = u.diff(y)
        if not slope.has(y):
            function, sign = _TABLE[rest.func](u)
            add(terms, function, constant * sign / slope)
            return
    base, power = rest.as_base_exp()
    if base == y and not power.has(y):
        return add(terms, y ** (power + 1), constant / (power + 1))
    quotient = sympy.simplify(rest * y)
    if quotient == sympy.log(y):
        return add(terms, sympy.log(y) ** 2, constant / 2)
    # y / √(y² + c)
    quotient = sympy.simplify(y**2 / rest**2)
    if quotient.is_polynomial(y) and sympy.Poly(quotient, y).degree() == 2 and not (quotient - y**2).has(y):
        return add(terms, sympy.sqrt(quotient), constant)
    _by_sympy(term, y, terms)


def _by_sympy(term: sympy.Expr, y: sympy.Symbol, terms: Terms) -> None:
    found = sympy.integrate(term, y)
    if found.has(sympy.Integral, sympy.Piecewise, sympy.I) or sympy.simplify(found.diff(y) - term) != 0:
        raise UndecidedError(f"SymPy finds no antiderivative of {term}, a term of the logarithm's derivative")
    for piece in sympy.Add.make_args(sympy.expand(found)):
        constant, rest = piece.as_independent(y, as_Add=False)
        add(terms, rest, constant)
