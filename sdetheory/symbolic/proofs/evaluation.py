"""Derivatives, integrals, sums, limits and insertions are carried out, as far as a rule allows; the rest stays."""

from __future__ import annotations

from collections.abc import Iterable

import sympy
from sympy.core.function import AppliedUndef

from ..analysis.definedness import jumps, proper, with_signs_of_integrals
from ..analysis.facts import Facts
from ..analysis.integrals import closed_form, decided, limit_at
from ..analysis.obedience import unproved_assumption
from ..analysis.sums import closed_sum

_OPERATIONS = (sympy.Integral, sympy.Sum, sympy.Product, sympy.Derivative, sympy.Subs, sympy.Limit)


class Evaluation:
    """Carries out the operations in an expression, and notes by which rules.

    Parameters
    ----------
    facts : Facts
        What is known of the symbols.

    Examples
    --------
    >>> x, t = sympy.symbols("x t", real=True)
    >>> step = Evaluation(Facts())
    >>> step(sympy.Derivative(sympy.Integral(sympy.sin(x * t**2), (t, 0, x)), x))
    sin(x**3) + Integral(t1**2*cos(t1**2*x), (t1, 0, x))
    >>> sorted(step.used)
    ['differentiation under the integral']
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.used: set[str] = set()

    def __call__(self, e: sympy.Expr) -> sympy.Expr:
        """Return the expression with its operations carried out."""
        if not e.has(*_OPERATIONS, sympy.Piecewise, sympy.Trace, sympy.Determinant):
            return e
        if isinstance(e, sympy.Integral):
            return self._integral(e)
        if isinstance(e, sympy.Sum):
            return self._sum(e)
        if isinstance(e, sympy.Derivative):
            return self._derivative(e)
        if isinstance(e, sympy.Subs):
            return self._inserted(e)
        if isinstance(e, sympy.Limit):
            return self._limit(e)
        if isinstance(e, sympy.Product):
            return e
        if isinstance(e, (sympy.Trace, sympy.Determinant)):
            return e.doit()
        if isinstance(e, sympy.Piecewise):
            pairs = [(self(value), condition) for value, condition in e.args]
            return decided(sympy.Piecewise(*pairs, evaluate=False), self.facts)
        return e.func(*[self(a) if isinstance(a, sympy.Expr) else a for a in e.args])

    def _integral(self, e: sympy.Integral) -> sympy.Expr:
        if not all(len(limit) == 3 for limit in e.limits):
            return e
        function, limit = _peeled(e)
        return self._over_one(function, *limit)

    def _over_one(self, f: sympy.Expr, x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
        low, high = self(low), self(high)
        inside = _stand_in(x, low, high, f)
        f = self(f.subs(x, inside))
        if low == high and low.is_finite and proper(sympy.Integral(f, (inside, low, high)), self.facts):
            self.used.add("equal limits")
            return sympy.S.Zero
        found = closed_form(f, (inside, low, high), self.facts)
        if found is not None:
            self.used.add(found[1])
            return found[0]
        outside, f = f.as_independent(inside, as_Add=False)
        whole = sympy.Integral(f, (inside, low, high))
        if f.is_Add and proper(whole, self.facts):
            return outside * sympy.Add(*[self._over_one(term, inside, low, high) for term in f.args])
        return outside * whole

    def _sum(self, e: sympy.Sum) -> sympy.Expr:
        if len(e.limits) > 1:
            return e
        k, low, high = e.limits[0]
        f = sympy.expand(self(e.function))
        found = closed_sum(f, (k, low, high), self.facts)
        if found is not None:
            self.used.add(found[1])
            return found[0]
        finite = low.is_finite and high.is_finite
        if finite and f.is_Add:
            return sympy.Add(*[self._sum(sympy.Sum(term, (k, low, high))) for term in f.args])
        outside, f = f.as_independent(k, as_Add=False) if finite else (sympy.S.One, f)
        return outside * sympy.Sum(f, (k, low, high))

    def _limit(self, e: sympy.Limit) -> sympy.Expr:
        function, x, end, side = e.args
        found = limit_at(self(function), x, end, str(side), self.facts.conditions)
        if found is None:
            return e
        self.used.add("limit")
        return found

    def _inserted(self, e: sympy.Subs) -> sympy.Expr:
        function, variables, point = e.args
        # Where a value is not what its symbol was assumed to be, nothing that was assumed may be used.
        weaker = {
            v: sympy.Dummy(v.name, real=True) if v.is_real and p.is_real else sympy.Dummy(v.name)
            for v, p in zip(variables, point, strict=True)
            if not self._may_be(v, p)
        }
        function, variables = function.xreplace(weaker), tuple(weaker.get(v, v) for v in variables)
        # What is known of the variables holds of what is inserted, so it need not be known here.
        apart = Evaluation(_without(self.facts, frozenset(variables)))
        inner = apart(function)
        if inner.has(sympy.Derivative) and any(d.has(*variables) for d in inner.atoms(sympy.Derivative)):
            inner = sympy.Subs(inner, variables, point)
            return self._formal(inner)
        self.used |= apart.used
        return self(inner.subs(dict(zip(variables, point, strict=True)), simultaneous=True))

    def _formal(self, e: sympy.Subs) -> sympy.Expr:
        """Insert into derivatives of undefined functions, which SymPy does; of others they were not allowed."""
        derivatives = e.expr.atoms(sympy.Derivative)
        if all(isinstance(d.expr, AppliedUndef) for d in derivatives):
            return e.doit(integrals=False, sums=False)
        return e

    def _may_be(self, variable: sympy.Symbol, value: sympy.Expr) -> bool:
        """Return whether a value is known to be what the symbol that it replaces was assumed to be."""
        return not unproved_assumption(variable, value, self.facts)

    def _derivative(self, e: sympy.Derivative) -> sympy.Expr:
        # A closed form is differentiated, so it must hold in a neighbourhood, not only where an equation does.
        apart = Evaluation(_open(self.facts))
        inner = apart(e.expr)
        result = inner
        for variable, count in e.variable_count:
            if (
                not isinstance(variable, sympy.Symbol)
                or not isinstance(count, sympy.Integer)
                or self._is_counted(variable, inner)
            ):
                return e
            for _ in range(count):
                found = apart._slope(result, variable)
                if found is None:
                    return e
                result = found
        self.used |= apart.used
        return result

    def _is_counted(self, variable: sympy.Symbol, e: sympy.Expr) -> bool:
        """Return whether a symbol has whole values only, and an expression may have used that."""
        return bool(variable.is_integer) and not e.is_rational_function(variable)

    def _slope(self, e: sympy.Expr, x: sympy.Symbol) -> sympy.Expr | None:
        """Return the derivative of an expression, with that of each integral and sum by its own rule, or None."""
        if not e.has(x):
            return sympy.S.Zero
        opaque = sorted(_outermost(e, x), key=str)
        stand_ins = {part: sympy.Function(f"F{k}")(x) for k, part in enumerate(opaque)}
        outer = e.xreplace(stand_ins)
        if jumps(outer, frozenset({x})):
            return None
        result = outer.diff(x)
        for part, stand_in in stand_ins.items():
            slope = self._slope_of(part, x)
            if slope is None:
                return None
            result = result.xreplace({stand_in.diff(x): slope}).xreplace({stand_in: part})
        return result

    def _slope_of(self, part: sympy.Expr, x: sympy.Symbol) -> sympy.Expr | None:
        if isinstance(part, sympy.Integral):
            return self._leibniz(part, x)
        if isinstance(part, sympy.Sum) and len(part.limits) == 1:
            k, low, high = part.limits[0]
            if low.has(x) or high.has(x) or not (low.is_finite and high.is_finite):
                return None
            slope = self._slope(part.function, x)
            return None if slope is None else self(sympy.Sum(slope, (k, low, high)))
        return None

    def _leibniz(self, e: sympy.Integral, x: sympy.Symbol) -> sympy.Expr | None:
        """d/dx ∫_a^b f dt = f(b) b′ − f(a) a′ + ∫_a^b ∂f/∂x dt, where f and ∂f/∂x are continuous, a and b finite."""
        if not proper(e, self.facts):
            return None
        function, (t, low, high) = _peeled(e)
        slope = self._slope(function, x)
        ends = [self._slope(end, x) for end in (low, high)]
        if slope is None or None in ends or not proper(sympy.Integral(slope, (t, low, high)), self.facts):
            return None
        self.used.add("differentiation under the integral")
        at_high, at_low = function.subs(t, high) * ends[1], function.subs(t, low) * ends[0]
        return at_high - at_low + self._over_one(slope, t, low, high)


def _peeled(e: sympy.Integral) -> tuple[sympy.Expr, sympy.Tuple]:
    """Return the integrand of the outermost integral, and its limit; SymPy writes nested ones as one."""
    inner = sympy.Integral(e.function, *e.limits[:-1]) if len(e.limits) > 1 else e.function
    return inner, e.limits[-1]


def _outermost(e: sympy.Expr, x: sympy.Symbol) -> set[sympy.Expr]:
    """Return the integrals, sums and other operations of an expression that depend on a symbol."""
    if isinstance(e, (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit)):
        return {e} if e.has(x) else set()
    if isinstance(e, (sympy.Derivative, sympy.Subs)):
        formal = isinstance(e.args[0], AppliedUndef)
        return set() if formal else {e} if e.has(x) else set()
    return set().union(*(_outermost(a, x) for a in e.args)) if e.args else set()


def _stand_in(x: sympy.Symbol, low: sympy.Expr, high: sympy.Expr, f: sympy.Expr) -> sympy.Symbol:
    """Return the symbol for the variable of an integral: equal ones for equal ranges, so that integrals compare."""
    taken = {str(s) for s in f.atoms(sympy.Symbol) - {x}}
    name = next(name for k in range(1, 99) if (name := f"t{k}") not in taken)
    assumed = {"positive": True} if x.is_positive else {"real": True}
    if low.is_extended_nonnegative and high.is_extended_nonnegative and not x.is_positive:
        assumed = {"nonnegative": True}
    return sympy.Symbol(name, **assumed)


def _open(facts: Facts) -> Facts:
    strict = (sympy.Ne, sympy.StrictGreaterThan, sympy.StrictLessThan)
    return Facts(c for c in facts.conditions if isinstance(c, strict))


def _without(facts: Facts, symbols: frozenset[sympy.Symbol]) -> Facts:
    return Facts(c for c in facts.conditions if not c.free_symbols & symbols)


def missing_assumption(
    symbol: sympy.Symbol, value: sympy.Expr, facts: Facts, conditions: Iterable[sympy.Basic] = ()
) -> str:
    """Return the same as :func:`unproved_assumption`, for a value that may hold integrals and derivatives.

    Examples
    --------
    >>> p, t = sympy.Symbol("p", positive=True), sympy.Symbol("t", real=True)
    >>> missing_assumption(p, sympy.Integral(sympy.exp(t**2), (t, 0, 1)), Facts())
    ''
    """
    conditions = list(conditions)
    for form in (value, Evaluation(facts)(value)):
        missing = unproved_assumption(symbol, with_signs_of_integrals(form, facts), facts, conditions)
        if not missing:
            break
    return missing


def left_undone(e: sympy.Expr) -> list[sympy.Basic]:
    """Return the derivatives and insertions that no rule allowed, which might hide anything."""
    undone = [d for d in e.atoms(sympy.Derivative) if not isinstance(d.expr, AppliedUndef)]
    return undone + [
        s for s in e.atoms(sympy.Subs) if not all(isinstance(d.expr, AppliedUndef) for d in s.atoms(sympy.Derivative))
    ]
