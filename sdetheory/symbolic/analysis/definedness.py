"""Where an expression is defined: what must not vanish, and what must converge.

An identity is claimed for all values that the symbols may have, so that a side which is not defined for some of them
says nothing there. What is not known to be defined must be so on both sides alike (``1/x + 1/y = (x + y)/(x y)``);
``(x**2 - 1)/(x - 1) = x + 1`` is proved where ``x != 1`` is stated.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy
from sympy.core.function import AppliedUndef

from .facts import Assumptions, Facts

# Defined, finite, and smooth for every real argument, and every complex one.
ENTIRE = (sympy.exp, sympy.sin, sympy.cos, sympy.sinh, sympy.cosh, sympy.erf, sympy.erfc, sympy.erfi)
# For every real argument.
SMOOTH = (sympy.tanh, sympy.sech, sympy.atan, sympy.asinh)
# Defined for every real argument, with kinks or jumps.
KINKED = (
    *(sympy.Abs, sympy.sign, sympy.floor, sympy.ceiling, sympy.Max, sympy.Min, sympy.Heaviside),
    *(sympy.re, sympy.im, sympy.conjugate, sympy.Piecewise, sympy.frac),
)
_CONTINUOUS = (sympy.Add, sympy.Mul, sympy.Pow, sympy.log, *ENTIRE, *SMOOTH, sympy.gamma)
_OF_REAL = (*SMOOTH, sympy.floor, sympy.ceiling, sympy.Max, sympy.Min, sympy.Heaviside)
# Kinks and jumps of what is not smooth although it is defined; no derivative is taken through them.
JUMPS = (*KINKED, sympy.Mod, sympy.arg, sympy.DiracDelta, sympy.KroneckerDelta, sympy.SingularityFunction)


def undefined_where(e: sympy.Expr, facts: Facts) -> frozenset[sympy.Basic]:
    """Return what might keep an expression from being defined: factors that may vanish, and other doubtful parts.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", positive=True)
    >>> undefined_where(1 / x + 1 / (x - y), Facts())
    frozenset({x - y})
    >>> undefined_where(1 / x + 1 / (x - y), Facts([x > y]))
    frozenset()
    """
    return frozenset(what for _, what in _doubts(e, facts))


def doubts(e: sympy.Expr) -> frozenset[tuple[str, sympy.Basic]]:
    """Return the same without any condition, each with what is wanted of it: "not 0", or "defined"."""
    return frozenset(_doubts(e, Assumptions()))


def cleared(doubt: tuple[str, sympy.Basic], facts: Facts) -> bool:
    """Return whether the conditions remove a doubt."""
    kind, what = doubt
    return facts.is_nonzero(what) if kind == "not 0" else not undefined_where(what, facts)


def _doubts(e: sympy.Basic, facts: Facts) -> Iterator[tuple[str, sympy.Basic]]:
    if e.is_Atom:
        return
    if isinstance(e, (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit)):
        # One that was left as it is; a finite sum is defined where its terms are.
        finite = isinstance(e, (sympy.Sum, sympy.Product)) and all(
            len(limit) == 3 and all(b.is_integer and b.is_finite for b in limit[1:]) for limit in e.limits
        )
        if finite or (isinstance(e, sympy.Integral) and proper(e, facts)):
            yield from _doubts(e.function.subs({limit[0]: _inner(limit) for limit in e.limits}), facts)
        else:
            yield "defined", e
        return
    if isinstance(e, sympy.Pow) and e.base is not sympy.E:
        yield from _of_power(e, facts)
    elif isinstance(e, sympy.log):
        yield from _may_vanish(e.args[0], facts)
    elif isinstance(e, (sympy.tan, sympy.sec)):
        yield from _may_vanish(sympy.cos(e.args[0]), facts)
    elif isinstance(e, (sympy.cot, sympy.csc)):
        yield from _may_vanish(sympy.sin(e.args[0]), facts)
    elif isinstance(e, (sympy.coth, sympy.csch)):
        yield from _may_vanish(e.args[0], facts)
    elif isinstance(e, (sympy.gamma, sympy.loggamma, sympy.beta)):
        if not all(facts.is_positive(a) for a in e.args):
            yield "defined", e
    elif isinstance(e, sympy.factorial):
        if not facts.is_nonnegative(e.args[0]):
            yield "defined", e
    elif isinstance(e, sympy.binomial):
        if not (facts.is_nonnegative(e.args[0]) and e.args[0].is_integer and e.args[1].is_integer):
            yield "defined", e
    elif isinstance(e, _OF_REAL):
        if not all(a.is_real for a in e.args):
            yield "defined", e
    elif isinstance(e, sympy.Piecewise):
        if e.args[-1][1] != sympy.true:
            yield "defined", e
        for value, _ in e.args:  # a value may be undefined where another one counts
            yield from _doubts(value, facts)
        return
    elif not isinstance(e, (sympy.Add, sympy.Mul, sympy.Pow, AppliedUndef, *ENTIRE, *KINKED, sympy.Derivative)):
        yield "defined", e
    for argument in e.args:
        if isinstance(argument, sympy.Expr):
            yield from _doubts(argument, facts)


def _inner(limit: sympy.Tuple) -> sympy.Symbol:
    """Return a symbol that lies where the variable of an integral or a sum does."""
    variable, low, high = limit
    signs = {}
    if low.is_extended_positive and high.is_extended_positive:
        signs = {"positive": True}
    elif low.is_extended_nonnegative and high.is_extended_nonnegative:
        signs = {"nonnegative": True}
    return sympy.Dummy(variable.name, real=True, **signs, **({"integer": True} if variable.is_integer else {}))


def proper(integral: sympy.Integral, facts: Facts) -> bool:
    """Return whether the integrand is known to be continuous and the limits finite, so that the integral exists."""
    for limit in integral.limits:
        if len(limit) != 3 or not all(b.is_real and b.is_finite for b in limit[1:]):
            return False
    inner = integral.function.subs({limit[0]: _inner(limit) for limit in integral.limits})
    return not jumps(inner) and not undefined_where(inner, facts)


def with_signs_of_integrals(e: sympy.Expr, facts: Facts) -> sympy.Expr:
    """Put a symbol of the same sign in the place of each integral or finite sum that is known to have one."""
    if not e.has(sympy.Integral, sympy.Sum):
        return e
    if isinstance(e, sympy.Sum) and len(e.limits) == 1:
        return _with_sign_of_sum(e, facts)
    if not isinstance(e, sympy.Integral):
        return e.func(*[with_signs_of_integrals(a, facts) if isinstance(a, sympy.Expr) else a for a in e.args])
    if not proper(e, facts):
        return e
    function, limits = e.function, e.limits[-1]
    if len(e.limits) > 1:
        function = sympy.Integral(function, *e.limits[:-1])
    inside = sympy.Dummy(positive=True) if limits[1].is_extended_nonnegative else _inner(limits)
    inner = with_signs_of_integrals(function.subs(limits[0], inside), facts)
    if facts.is_positive(limits[2] - limits[1]) and facts.is_positive(inner):
        return sympy.Dummy(positive=True)
    return sympy.Dummy(real=True) if inner.is_real else e


def _with_sign_of_sum(e: sympy.Sum, facts: Facts) -> sympy.Expr:
    k, low, high = e.limits[0]
    if not (low.is_integer and low.is_finite and high.is_integer and high.is_finite):
        return e
    positive = {"positive": True} if low.is_positive else {"nonnegative": True} if low.is_nonnegative else {}
    term = with_signs_of_integrals(e.function.subs(k, sympy.Dummy(integer=True, **positive)), facts)
    kind = {"integer": True} if term.is_integer else {"real": True}
    if facts.is_nonnegative(high - low) and facts.is_positive(term):
        return sympy.Dummy(positive=True, **kind)
    return sympy.Dummy(**kind) if term.is_real else e


def jumps(e: sympy.Basic, variables: frozenset[sympy.Symbol] | None = None) -> bool:
    """Return whether an expression has a part that may jump or bend (as a function of some variables only)."""
    parts = e.atoms(*JUMPS)
    return bool(parts if variables is None else [p for p in parts if p.free_symbols & variables])


def _of_power(power: sympy.Pow, facts: Facts) -> Iterator[tuple[str, sympy.Basic]]:
    if not (power.exp.is_number and power.exp.is_nonnegative) and not facts.is_positive(power.exp):
        yield from _may_vanish(power.base, facts)


def _may_vanish(e: sympy.Expr, facts: Facts) -> Iterator[tuple[str, sympy.Basic]]:
    if facts.is_nonzero(e):
        return
    numerator, _ = sympy.fraction(sympy.together(e))
    _, factors = sympy.factor_list(numerator) if not numerator.is_number else (1, [(numerator, 1)])
    for factor, _ in factors:
        if not facts.is_nonzero(factor):
            yield "not 0", -factor if factor.could_extract_minus_sign() else factor


def is_continuous(e: sympy.Expr, x: sympy.Symbol, facts: Facts) -> bool:
    """Return whether a function is known to be continuous in a real variable, with real values of all its parts."""
    if not e.has(x):
        return True
    if e == x:
        return True
    if not isinstance(e, _CONTINUOUS):
        return False
    if isinstance(e, sympy.Pow) and e.base is not sympy.E:
        base, exponent = e.as_base_exp()
        if exponent.is_Integer:
            if exponent < 0 and not facts.is_nonzero(base):
                return False
        elif not facts.is_positive(base):
            return False
    if isinstance(e, (sympy.log, sympy.gamma)) and not facts.is_positive(e.args[0]):
        return False
    if isinstance(e, SMOOTH) and not e.args[0].is_real:
        return False
    return all(is_continuous(argument, x, facts) for argument in e.args)
