"""Numbers with a bound on their error: interval arithmetic where it serves, two precisions elsewhere.

A value that is compared in order to refute a statement is an interval that holds the true one. Elementary functions of
real numbers, and integrals of such over a bounded range, are enclosed rigorously by mpmath's intervals. Special
functions and complex numbers are computed by SymPy with twenty-five and with fifty digits, and the interval is a
thousand times wider than the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mpmath
import sympy
from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp.libmpi import mpi_atan

_BITS = (120, 600)  # precisions of intervals; the second resolves what the first leaves open
_PANELS = (16, 128)  # of a quadrature
_MOST_TERMS = 400  # of a sum that is added up


class NoEnclosure(Exception):
    """The value has no bound on its error here: a pole, a branch, or a function without an enclosure."""


def encloses(e: sympy.Expr, box: Mapping[sympy.Symbol, tuple[Any, Any]], bits: int = 80) -> tuple[Any, Any] | None:
    """Return the ends of an interval that holds a real expression for all values in a box, or None.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> low, high = encloses(2 + sympy.cos(x), {x: (0, 10)})
    >>> float(low), float(high)
    (1.0, 3.0)
    >>> encloses(1 / x, {x: (-1, 1)}) is None
    True
    """
    arithmetic = _Intervals(bits)
    try:
        intervals = {s: arithmetic.between(low, high) for s, (low, high) in box.items()}
        found = arithmetic.value(e, intervals)
    except (NoEnclosure, OverflowError, ValueError):
        return None
    return found.a, found.b


def differs_from_zero(e: sympy.Expr) -> bool | None:
    """Return whether a number is known not to be 0 (True), or is 0 within a very small error (False), or None.

    Examples
    --------
    >>> differs_from_zero(sympy.exp(sympy.pi * sympy.sqrt(163)) - 640320**3 - 744)
    True
    >>> differs_from_zero(sympy.sqrt(2) * sympy.sqrt(3) - sympy.sqrt(6))
    False
    """
    if e.is_Rational:
        return bool(e != 0)
    for bits in _BITS:
        try:
            found = _Intervals(bits).value(e, {})
        except (NoEnclosure, OverflowError, ValueError):
            return _by_two_precisions(e)
        if found.a > 0 or found.b < 0:
            return True
    return False if found.delta < mpmath.mpf(2) ** -300 else None


def _by_two_precisions(e: sympy.Expr) -> bool | None:
    if e.has(sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative):
        return None
    terms = sympy.Add.make_args(e)
    for digits in (25, 100):
        total, error = sympy.S.Zero, sympy.Float(10) ** (-digits - 100)
        for term in terms:  # each by itself: SymPy looks long for the digits of a sum that cancels
            try:
                coarse, fine = (sympy.N(term, n, maxn=400) for n in (digits, 2 * digits))
            except (ValueError, TypeError, NotImplementedError, ArithmeticError, AttributeError):
                return None
            if not all(_is_plain(part) for v in (coarse, fine) for part in v.as_real_imag()):
                return None
            total += fine
            error += 1000 * abs(coarse - fine) + abs(fine) * sympy.Float(10) ** (1 - digits)
        if abs(total) > error:
            return True
    return False


def _is_plain(part: sympy.Expr) -> bool:
    return bool((part.is_Float or part.is_Rational) and part.is_finite)


class _Intervals:
    """Interval arithmetic on expressions, in a context of its own."""

    def __init__(self, bits: int) -> None:
        self.iv = MPIntervalContext()
        self.iv.prec = bits
        self.panels = _PANELS[bits > _BITS[0]]

    def between(self, low: Any, high: Any) -> Any:
        ends = [self.value(sympy.S.Zero + low, {}), self.value(sympy.S.Zero + high, {})]
        return self.iv.mpf([min(e.a for e in ends), max(e.b for e in ends)])

    def value(self, e: sympy.Expr, box: Mapping[sympy.Basic, Any]) -> Any:
        iv = self.iv
        if e in box:
            return box[e]
        if e.is_Rational:
            return iv.mpf(e.p) / iv.mpf(e.q)
        if e is sympy.pi:
            return +iv.pi
        if e is sympy.E:
            return iv.exp(iv.mpf(1))
        if isinstance(e, sympy.Integral):
            return self.integral(e, box)
        if isinstance(e, sympy.Sum):
            return self.sum(e, box)
        if isinstance(e, sympy.Piecewise):
            return self.piecewise(e, box)
        if not e.args:
            raise NoEnclosure
        if isinstance(e, sympy.Pow) and e.base is not sympy.E:
            return self.power(e, box)
        arguments = [self.value(argument, box) for argument in e.args]
        operation = _OPERATIONS.get(type(e))
        if operation is None:
            raise NoEnclosure
        return operation(iv, *arguments)

    def power(self, e: sympy.Pow, box: Mapping[sympy.Basic, Any]) -> Any:
        base = self.value(e.base, box)
        if e.exp.is_Integer:
            if e.exp < 0 and base.a <= 0 <= base.b:
                raise NoEnclosure
            return base ** int(e.exp) if e.exp > 0 else 1 / base ** int(-e.exp)
        if base.a <= 0:
            if base.a == 0 and e.exp.is_Rational and e.exp > 0:
                top = self.iv.exp(self.value(e.exp, box) * self.iv.log(base.b)) if base.b > 0 else self.iv.mpf(0)
                return self.iv.mpf([0, top.b])
            raise NoEnclosure
        return self.iv.exp(self.value(e.exp, box) * self.iv.log(base))

    def piecewise(self, e: sympy.Piecewise, box: Mapping[sympy.Basic, Any]) -> Any:
        if any(condition.free_symbols for _, condition in e.args):
            raise NoEnclosure
        for value, condition in e.args:
            if condition == sympy.true:
                return self.value(value, box)
            if condition != sympy.false:
                raise NoEnclosure
        raise NoEnclosure

    def sum(self, e: sympy.Sum, box: Mapping[sympy.Basic, Any]) -> Any:
        if len(e.limits) != 1 or not all(b.is_Integer for b in e.limits[0][1:]):
            raise NoEnclosure
        k, low, high = e.limits[0]
        if not 0 <= high - low < _MOST_TERMS:
            raise NoEnclosure
        return sum((self.value(e.function.subs(k, n), box) for n in range(low, high + 1)), self.iv.mpf(0))

    def integral(self, e: sympy.Integral, box: Mapping[sympy.Basic, Any]) -> Any:
        """Add h f(m) + h³ f″/24 (the midpoint rule), with f″ enclosed in each panel."""
        if len(e.limits) != 1 or len(e.limits[0]) != 3 or box:
            raise NoEnclosure
        x, low, high = e.limits[0]
        if not all(b.is_number and b.is_finite and b.is_real for b in (low, high)):
            raise NoEnclosure
        inside = sympy.Dummy(real=True)
        f = e.function.subs(x, inside)
        if f.has(sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Piecewise, sympy.Heaviside, sympy.floor):
            raise NoEnclosure
        bend = f.diff(inside, 2)
        start, end = self.value(low, {}), self.value(high, {})
        h = (end - start) / self.panels
        total = self.iv.mpf(0)
        for k in range(self.panels):
            left, right = start + k * h, start + (k + 1) * h
            panel = self.iv.mpf([min(left.a, right.a), max(left.b, right.b)])
            middle = (left + right) / 2
            total += h * self.value(f, {inside: middle}) + h**3 * self.value(bend, {inside: panel}) / 24
        return total


def _positive(iv: Any, x: Any) -> Any:
    if x.a <= 0:
        raise NoEnclosure
    return iv.log(x)


def _quotient(iv: Any, above: Any, below: Any) -> Any:
    if below.a <= 0 <= below.b:
        raise NoEnclosure
    return above / below


def _extreme(which: Any) -> Any:
    return lambda iv, *xs: iv.mpf([which(x.a for x in xs), which(x.b for x in xs)])


def _sign(iv: Any, x: Any) -> Any:
    if x.a <= 0 <= x.b:
        raise NoEnclosure
    return iv.mpf(1 if x.a > 0 else -1)


def _add(iv: Any, *xs: Any) -> Any:
    return sum(xs, iv.mpf(0))


def _multiply(iv: Any, *xs: Any) -> Any:
    product = iv.mpf(1)
    for x in xs:
        product = product * x
    return product


_OPERATIONS = {
    sympy.Add: _add,
    sympy.Mul: _multiply,
    sympy.exp: lambda iv, x: iv.exp(x),
    sympy.log: _positive,
    sympy.sin: lambda iv, x: iv.sin(x),
    sympy.cos: lambda iv, x: iv.cos(x),
    sympy.tan: lambda iv, x: _quotient(iv, iv.sin(x), iv.cos(x)),
    sympy.sinh: lambda iv, x: (iv.exp(x) - iv.exp(-x)) / 2,
    sympy.cosh: lambda iv, x: (iv.exp(x) + iv.exp(-x)) / 2,
    sympy.tanh: lambda iv, x: 1 - 2 / (1 + iv.exp(2 * x)),
    sympy.atan: lambda iv, x: iv.make_mpf(mpi_atan(x._mpi_, iv.prec)),
    sympy.Abs: lambda iv, x: abs(x),
    sympy.sign: _sign,
    sympy.Max: _extreme(max),
    sympy.Min: _extreme(min),
}
