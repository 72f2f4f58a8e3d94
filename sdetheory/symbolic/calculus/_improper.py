"""Whether an integral converges, by the growth of its integrand at the ends; and whether two numbers are one."""

from __future__ import annotations

import sympy

from ..proofs.proof import UndecidedError
from ._laws import Form
from ._signs import positive

_ENTIRE = (sympy.exp, sympy.sin, sympy.cos, sympy.sinh, sympy.cosh, sympy.tanh, sympy.atan, sympy.erf, sympy.Abs)


def is_smooth(form: Form) -> bool:
    """Whether the density is known to be continuous and positive inside the support: of its parts this can be seen."""
    y = form.y

    def fine(e: sympy.Expr) -> bool:
        if not e.has(y) or e == y:
            return True
        if isinstance(e, (sympy.Add, sympy.Mul, *_ENTIRE)):
            return all(fine(argument) for argument in e.args)
        if isinstance(e, sympy.Pow) and not e.exp.has(y):
            whole = e.exp.is_integer and e.exp.is_nonnegative
            return fine(e.base) and bool(whole or never_zero(e.base))
        return isinstance(e, sympy.log) and never_zero(e.args[0]) and fine(e.args[0])

    def never_zero(e: sympy.Expr) -> bool:
        return bool(e.is_positive or positive(e))

    return all(fine(function) for function in form.rest) and all(
        (n.is_integer and n.is_nonnegative) or not form.line for n in form.powers
    )


def converges_at_ends(f: sympy.Expr, y: sympy.Symbol, low: sympy.Expr, high: sympy.Expr) -> bool:
    """Return whether ∫ f dy converges, for an f > 0 that is continuous inside; see :func:`converges`."""
    return all([converges(f, y, low, from_above=True), converges(f, y, high, from_above=False)])


def converges(f: sympy.Expr, y: sympy.Symbol, end: sympy.Expr, *, from_above: bool) -> bool:
    """Return whether ∫ f dy converges at one end, for an f > 0 that is continuous near it.

    With d the distance to a finite end (or |y| at an infinite one) and e = lim d f′/f, the integral to ∞ converges for
    e < −1 and diverges for e > −1; at a finite end it is the other way round. For e = −1 it diverges if d f does not
    tend to zero.

    Raises
    ------
    UndecidedError
        A limit was not found, or none of these cases is known to hold.
    """
    d = sympy.Dummy("d", positive=True)
    infinite = end.is_infinite
    place = (d if end == sympy.oo else -d) if infinite else end + d if from_above else end - d
    g = sympy.expand_log(f.subs(y, place), force=True)
    target = sympy.oo if infinite else sympy.S.Zero
    try:
        growth = sympy.limit(sympy.simplify(d * g.diff(d) / g), d, target, "+")
        excess = (growth + 1) * (-1 if infinite else 1)
        if excess == 0 and sympy.limit(d * g, d, target, "+").is_extended_positive:
            return False
    except (NotImplementedError, ValueError, TypeError, AttributeError, sympy.PoleError) as error:
        raise UndecidedError(f"how {f} behaves at {end} was not found out ({type(error).__name__})") from None
    sign = positive(excess) if not growth.has(sympy.Limit, sympy.AccumBounds, sympy.nan) else None
    if sign is None or excess == 0:
        raise UndecidedError(
            f"whether the integral of {f} converges at {end} depends on the sign of {excess}; give its symbols "
            "signs, or numbers"
        )
    return sign


def same_number(found: sympy.Expr, integral: sympy.Integral) -> bool:
    """Return whether a closed form agrees with quadrature at two points of its parameters, to eight digits."""
    for k in (0, 1):
        point = {}
        for i, symbol in enumerate(sorted(found.free_symbols | integral.free_symbols, key=str)):
            size = sympy.Rational(7 + 3 * i + 5 * k, 5 + i)
            point[symbol] = sympy.ceiling(size) if symbol.is_integer else -size if symbol.is_negative else size
        values = [sympy.N(e.subs(point), 15) for e in (found, integral)]
        if not all(v.is_number and v.is_extended_real and v.is_finite for v in values) or values[1] == 0:
            return False
        if abs(values[0] / values[1] - 1) > sympy.Float("1e-8"):
            return False
    return True
