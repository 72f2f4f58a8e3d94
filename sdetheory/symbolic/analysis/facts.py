"""What is known of the symbols of a statement: their own assumptions, and the conditions that are stated beside."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator

import sympy
from sympy.core.function import AppliedUndef

from ...errors import InvalidInputError
from .consistency import ORDER, above_zero, contradict, parts_of

_DEPTH = 2  # conditions that are inserted one after another, in all orders
_FORMS = 12  # of an expression, with conditions inserted


class Facts:
    """Conditions on symbols, made use of.

    Parameters
    ----------
    conditions : iterable of relations
        Equations, inequalities and ``Ne``; an ``And`` counts as its parts, and what SymPy knows to be true as nothing.

    Raises
    ------
    InvalidInputError
        Something is no relation, or the conditions contradict each other or the assumptions of their symbols.

    Examples
    --------
    >>> n, b = sympy.symbols("n b", integer=True, positive=True)
    >>> facts = Facts([b < n])
    >>> facts.is_positive(n - b), facts.is_positive(n - 1), facts.is_positive(b - 1)
    (True, True, False)
    """

    def __init__(self, conditions: Iterable[sympy.Basic] = ()) -> None:
        parts = list(itertools.chain.from_iterable(parts_of(condition) for condition in conditions))
        self.conditions = tuple(dict.fromkeys(part for part in parts if part is not sympy.true))
        if sympy.false in self.conditions or contradict(self.conditions):
            raise InvalidInputError(
                f"the conditions {', '.join(map(str, self.conditions))} contradict each other, or what is assumed of "
                "their symbols: nothing obeys them, so that nothing would be said"
            )
        self.equations = [c.lhs - c.rhs for c in self.conditions if isinstance(c, sympy.Eq)]
        self._unequal = [c.lhs - c.rhs for c in self.conditions if isinstance(c, sympy.Ne)]
        self._above = [above_zero(c) for c in self.conditions if isinstance(c, ORDER)]
        self._unequal += [e for e, strict in self._above if strict]
        self._signs: dict[tuple[sympy.Expr, bool], int] = {}

    def solved(self) -> dict[sympy.Basic, sympy.Expr]:
        """Return symbols in terms of others, from the equations that are linear in one with a constant coefficient."""
        values: dict[sympy.Basic, sympy.Expr] = {}
        for equation in self.equations:
            equation = sympy.expand(equation.subs(values))
            for symbol in sorted(equation.free_symbols, key=str):
                slope = equation.diff(symbol)
                if slope.is_Rational and slope != 0 and not equation.has(AppliedUndef):
                    value = sympy.expand(symbol - equation / slope)
                    values = {s: v.subs(symbol, value) for s, v in values.items()} | {symbol: value}
                    break
        return values

    def is_positive(self, e: sympy.Expr) -> bool:
        """Return whether an expression is known to be a positive number."""
        return self._known(e, strict=True)

    def is_nonnegative(self, e: sympy.Expr) -> bool:
        """Return whether an expression is known to be a number that is not negative."""
        return self._known(e, strict=False)

    def _known(self, e: sympy.Expr, *, strict: bool) -> bool:
        """Decide a sign for the whole, for the terms of a sum, and for the factors of a product."""
        if e.is_positive or (not strict and e.is_nonnegative):
            return True
        if e.is_number and (e.is_nonpositive or e.is_real is False):
            return False
        if e.is_Add and len(e.args) < 20:
            weak = all(self._product_sign(term, strict=False) > 0 for term in e.args)
            if weak and (not strict or any(self._product_sign(term, strict=True) > 0 for term in e.args)):
                return True
        if not e.is_Add and self._product_sign(e, strict) > 0:
            return True
        factored = _factored(e)
        if not factored.is_Add and self._product_sign(factored, strict) > 0:
            return True
        return self._sign(e, strict) > 0

    def _product_sign(self, e: sympy.Expr, strict: bool) -> int:
        """Return the sign of a product (1 or -1, weakly unless strict), or 0 where it is not known."""
        sign = 1
        for factor in sympy.Mul.make_args(e):
            base, exponent = factor.as_base_exp()
            if exponent.is_Integer and exponent % 2 == 0 and base.is_real:
                if (strict or exponent < 0) and not self.is_nonzero(base):
                    return 0
                continue
            odd = exponent.is_Integer and base is not sympy.E
            one = self._sign(base if odd else factor, strict or (odd and exponent < 0))
            if one == 0:
                return 0
            sign *= one
        return sign

    def _sign(self, e: sympy.Expr, strict: bool) -> int:
        """Return 1 or -1 where a sign follows from the assumptions, or from one condition or several, else 0."""
        key = (e, strict)
        if key not in self._signs:
            self._signs[key] = 0  # while it is being looked for
            self._signs[key] = self._found_sign(e, strict)
        return self._signs[key]

    def _found_sign(self, e: sympy.Expr, strict: bool) -> int:
        if e.is_positive or e.is_negative:
            return 1 if e.is_positive else -1
        if isinstance(e, sympy.log) and self.is_positive(e.args[0]):
            above = e.args[0] - 1
            return 1 if self._known(above, strict=strict) else -1 if self._known(-above, strict=strict) else 0
        for form in self._forms(e):
            for sign in (1, -1):
                if _positive(sign * form, strict=strict):
                    return sign
        for sign in (1, -1):
            if self._exceeds_root(sign * e, strict):
                return sign
        return 0

    def _exceeds_root(self, e: sympy.Expr, strict: bool) -> bool:
        """Decide a − b √c > 0 by a > 0 and a² > b² c."""
        roots = [t for t in sympy.Add.make_args(e) if any(p.exp == sympy.S.Half for p in t.atoms(sympy.Pow))]
        if len(roots) != 1 or roots[0] == e or not any(p.base.is_Add for p in roots[0].atoms(sympy.Pow)):
            return False
        rest, square = e - roots[0], sympy.expand(roots[0] ** 2)
        if square.has(sympy.sqrt) or self._sign(-roots[0], False) <= 0:
            return False
        return self._sign(rest, False) > 0 and self._known(sympy.expand(rest**2 - square), strict=strict)

    def is_nonzero(self, e: sympy.Expr) -> bool:
        """Return whether an expression is known to be a number other than zero."""
        if e.is_nonzero or (e.is_zero is False and e.is_finite):
            return True
        if self.is_positive(e) or self.is_positive(-e):
            return True
        return any(_ratio(other, e) for other in self._unequal) or self._conjugate_is_nonzero(e)

    def _conjugate_is_nonzero(self, e: sympy.Expr) -> bool:
        """Return whether a² − b² c, a multiple of a − b √c, is known not to be zero."""
        roots = [
            t for t in sympy.Add.make_args(e) if any(f.is_Pow and f.exp == sympy.S.Half for f in sympy.Mul.make_args(t))
        ]
        if len(roots) != 1 or roots[0] == e:
            return False
        product = sympy.expand((e - roots[0]) ** 2 - roots[0] ** 2)
        return not product.has(sympy.sqrt) and self.is_nonzero(product)

    def holds(self, condition: sympy.Basic) -> bool:
        """Return whether a relation is known to hold."""
        if condition == sympy.true or condition in self.conditions:
            return True
        if isinstance(condition, sympy.And):
            return all(self.holds(part) for part in condition.args)
        if isinstance(condition, sympy.Or):
            return any(self.holds(part) for part in condition.args)
        if isinstance(condition, sympy.Ne):
            return self.is_nonzero(condition.lhs - condition.rhs)
        if isinstance(condition, ORDER):
            e, strict = above_zero(condition)
            if e is sympy.oo:
                return True
            return self.is_positive(e) if strict else self.is_nonnegative(e)
        if isinstance(condition, sympy.Eq):
            return sympy.expand((condition.lhs - condition.rhs).subs(self.solved())) == 0
        return False

    def with_slack(self, e: sympy.Expr) -> Iterator[sympy.Expr]:
        """Yield the expression with inequalities inserted: where x > c, x is c and something positive."""
        yield from itertools.islice(self._inserted(e), 1, _FORMS)

    def _forms(self, e: sympy.Expr) -> Iterator[sympy.Expr]:
        e = e.subs(self.solved()).replace(sympy.binomial, self._binomial)
        yield from itertools.islice(self._inserted(e), _FORMS)

    def _binomial(self, n: sympy.Expr, k: sympy.Expr) -> sympy.Expr:
        """Return a symbol of the sign that a binomial coefficient of whole numbers has."""
        if not (n.is_integer and k.is_integer):
            return sympy.binomial(n, k)
        if self.is_nonnegative(k) and self.is_nonnegative(n - k):
            return sympy.Dummy(integer=True, positive=True)
        return sympy.Dummy(integer=True, nonnegative=True) if self.is_nonnegative(n) else sympy.binomial(n, k)

    def _inserted(self, e: sympy.Expr) -> Iterator[sympy.Expr]:
        """Yield the expression with no, one, two ... of the inequalities inserted, in all orders."""
        queue = deque([(e, self._above, _DEPTH)])
        while queue:
            e, above, depth = queue.popleft()
            yield e
            for k, (margin, strict) in enumerate(above if depth else []):
                if e in (margin, -margin):  # it is not to be looked for term by term
                    slack = sympy.Dummy(positive=True) if strict else sympy.Dummy(nonnegative=True)
                    yield slack if e == margin else -slack
                for symbol in sorted(margin.free_symbols & e.free_symbols, key=str):
                    value = _with_slack(margin, symbol, strict)
                    if value is not None:
                        others = [(m.xreplace({symbol: value}), s) for m, s in above[:k] + above[k + 1 :]]
                        queue.append((e.xreplace({symbol: value}), others, depth - 1))


class Assumptions(Facts):
    """What SymPy knows at once from the assumptions of symbols."""

    def is_positive(self, e: sympy.Expr) -> bool:
        """Return whether SymPy knows an expression to be positive."""
        return bool(e.is_positive)

    def is_nonnegative(self, e: sympy.Expr) -> bool:
        """Return whether SymPy knows an expression not to be negative."""
        return bool(e.is_nonnegative)

    def is_nonzero(self, e: sympy.Expr) -> bool:
        """Return whether SymPy knows an expression not to be zero."""
        return bool(e.is_nonzero)


@functools.lru_cache(maxsize=1024)
def _with_slack(margin: sympy.Expr, symbol: sympy.Symbol, strict: bool) -> sympy.Expr | None:
    """Return the symbol in terms of a number that is not negative, where margin > 0 (or >= 0) is linear in it."""
    if margin.has(AppliedUndef) or not symbol.is_real:
        return None
    slope = sympy.expand(margin).coeff(symbol, 1)
    rest = sympy.expand(margin - slope * symbol)
    if rest.has(symbol) or not (slope.is_positive or slope.is_negative) or not rest.is_real:
        return None
    bound = -rest / slope
    if symbol.is_integer and abs(slope) == 1 and bound.is_integer:
        slack = sympy.Dummy("m", integer=True, nonnegative=True) + (1 if strict else 0)
    else:
        slack = sympy.Dummy("p", positive=True) if strict else sympy.Dummy("p", nonnegative=True)
    return bound + slack if slope.is_positive else bound - slack


def _ratio(known: sympy.Expr, e: sympy.Expr) -> bool:
    """Return whether what is known not to be zero is a constant times an expression, or has it as a factor."""
    numerator = sympy.fraction(sympy.together(known))[0]
    wanted = sympy.fraction(sympy.together(e))[0]
    if sympy.expand(numerator - wanted) == 0 or sympy.expand(numerator + wanted) == 0:
        return True
    if not wanted.free_symbols or not wanted.free_symbols <= numerator.free_symbols:
        return False
    quotient = sympy.cancel(numerator / wanted)
    return sympy.denom(sympy.together(quotient)).is_number


@functools.lru_cache(maxsize=1024)
def _factored(e: sympy.Expr) -> sympy.Expr:
    return sympy.factor_terms(sympy.factor(sympy.together(e))) if len(sympy.Add.make_args(e)) < 40 else e


@functools.lru_cache(maxsize=2048)
def _positive(e: sympy.Expr, *, strict: bool) -> bool:
    """Return whether the assumptions of its own symbols make an expression positive (or not negative)."""
    if e.is_positive or (not strict and e.is_nonnegative):
        return True
    if not e.is_real:
        return False
    above_one = {
        n: 1 + sympy.Dummy(integer=True, nonnegative=True) for n in e.free_symbols if n.is_integer and n.is_positive
    }
    e = _exponentials_as_slack(sympy.expand(e.xreplace(above_one)))
    if e.is_positive or (not strict and e.is_nonnegative):
        return True
    factored = _factored(e)
    if factored.is_positive or (not strict and factored.is_nonnegative):
        return True
    return _positive_quadratic(e, strict)


def _positive_quadratic(e: sympy.Expr, strict: bool) -> bool:
    """Return whether a polynomial of second degree in some real symbol has a positive discriminant's opposite."""
    for symbol in sorted(e.free_symbols, key=str):
        if not symbol.is_real or not e.is_polynomial(symbol) or sympy.degree(e, symbol) != 2:
            continue
        a, b, c = sympy.Poly(e, symbol).all_coeffs()
        opposite = sympy.factor(4 * a * c - b**2)
        if a.is_positive and (opposite.is_positive or (not strict and opposite.is_nonnegative)):
            return True
        if b == 0 and _weak(a) and (c.is_positive or sympy.factor(c).is_positive):
            return True
    return False


def _weak(e: sympy.Expr) -> bool:
    return bool(e.is_nonnegative or sympy.factor(e).is_nonnegative)


def _exponentials_as_slack(e: sympy.Expr) -> sympy.Expr:
    """Write e^a as 1 + something positive where a is positive, and as its inverse where a is negative."""
    new = {}
    for power in e.atoms(sympy.exp):
        exponent = power.args[0]
        if exponent.is_positive:
            new.setdefault(power, 1 + sympy.Dummy(positive=True))
        elif exponent.is_negative and sympy.exp(-exponent) not in new:
            new[sympy.exp(-exponent)] = 1 + sympy.Dummy(positive=True)
    new |= {p: 1 / new[sympy.exp(-p.args[0])] for p in e.atoms(sympy.exp) if sympy.exp(-p.args[0]) in new}
    return sympy.together(e.xreplace(new)) if new else e
