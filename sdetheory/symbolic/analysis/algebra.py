"""The rules of algebra: rewritings that are equal wherever both forms are defined, tried one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy
from sympy.core.function import AppliedUndef

from .definedness import ENTIRE, KINKED, SMOOTH, is_continuous, jumps
from .facts import Facts


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewriting that counts as proof: what it does, and on which conditions."""

    name: str
    does: str
    checks: str
    rewrite: Callable[[sympy.Expr, Facts], sympy.Expr | None]


_TRIGONOMETRIC = (
    *(sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sec, sympy.csc),
    *(sympy.sinh, sympy.cosh, sympy.tanh, sympy.coth, sympy.sech, sympy.csch),
)
_ELEMENTARY = (
    *(sympy.Add, sympy.Mul, sympy.Pow, sympy.log, sympy.atan, sympy.gamma, sympy.loggamma, sympy.polygamma),
    *(sympy.Symbol, sympy.NumberSymbol, sympy.Number, type(sympy.I), AppliedUndef, sympy.Derivative, sympy.Tuple),
    *(*_TRIGONOMETRIC, *ENTIRE, *SMOOTH, sympy.asin, sympy.acos, sympy.Integral, sympy.Sum),
)


def vanishes(e: sympy.Expr, facts: Facts, rules: Sequence[Rule] | None = None) -> str | None:
    """Return the name of the first rule (of some, or of all) that turns an expression into 0, or None.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> vanishes(sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1, Facts())
    'exponentials'
    >>> vanishes(x - 1, Facts()) is None
    True
    """
    if e == 0:
        return "arithmetic"
    for rule in ALGEBRA if rules is None else rules:
        if rule.rewrite(e, facts) == 0:
            return rule.name
    return None


def _expansion(e: sympy.Expr, _: Facts) -> sympy.Expr:
    return sympy.expand(e)


def _cancellation(e: sympy.Expr, _: Facts) -> sympy.Expr:
    numerator, _denominator = sympy.fraction(sympy.together(e))
    expanded = sympy.expand(numerator)
    return expanded if expanded == 0 else sympy.cancel(sympy.together(e))


def _equations(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Insert conditions that are equations; polynomial ones by division."""
    if not facts.equations:
        return None
    e = e.subs(facts.solved())
    if sympy.expand(e) == 0:
        return sympy.S.Zero
    numerator = sympy.expand(sympy.numer(sympy.together(e)))
    relations = [r for q in facts.equations if (r := sympy.expand(q.subs(facts.solved()))) != 0]
    symbols = sorted(set().union(numerator.free_symbols, *(r.free_symbols for r in relations)), key=str)
    if not relations or not all(r.is_polynomial(*symbols) for r in [numerator, *relations]):
        return numerator
    basis = sympy.groebner(relations, *symbols)
    return basis.reduce(numerator)[1]


def _binomials(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Write factorials and binomials as products; the few cases at the edge, where that is not allowed, one by one."""
    if not e.has(sympy.binomial, sympy.factorial):
        return None
    for call in sorted(e.atoms(sympy.binomial, sympy.factorial), key=str):
        if not all(a.is_integer for a in call.args):
            return None
        n, *k = call.args
        wanted = [n] if not k else [k[0], n - k[0]]
        for argument in wanted:
            if facts.is_nonnegative(argument):
                continue
            if not k:
                return None
            short = next((m for m in (1, 2, 3) if facts.is_nonnegative(argument + m)), None)
            symbol = next((s for s in sorted(argument.free_symbols, key=str) if abs(argument.coeff(s, 1)) == 1), None)
            if short is None or symbol is None:
                return None
            for m in range(1, short + 1):  # the argument is -m
                value = symbol - (argument + m) / argument.coeff(symbol, 1)
                if not _holds_where(e, symbol, sympy.expand(value), facts):
                    return None
    return sympy.combsimp(e)


def _holds_where(e: sympy.Expr, symbol: sympy.Symbol, value: sympy.Expr, facts: Facts) -> bool:
    """Return whether an expression vanishes in a case of its own, as far as the case occurs."""
    conditions = [c.subs(symbol, value) for c in facts.conditions]
    if sympy.false in conditions:
        return True
    try:
        there = Facts(conditions)
    except ValueError:  # the case contradicts the conditions
        return True
    special = e.subs(symbol, value)
    return not special.has(sympy.nan, sympy.zoo) and vanishes(special, there) is not None


def _exponentials(e: sympy.Expr, _: Facts) -> sympy.Expr | None:
    """Write trigonometric and hyperbolic functions in exponentials, and compare fractions of these."""
    if not e.has(*_TRIGONOMETRIC, sympy.exp):
        return None
    e = e.rewrite(_TRIGONOMETRIC, sympy.exp)
    numerator = sympy.numer(sympy.together(sympy.powsimp(sympy.expand(e))))
    return sympy.powsimp(sympy.expand(numerator))


def _roots(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Take squares out of roots, with the sign that they are known to have."""
    if not any(p.exp.is_Rational and p.exp.q > 1 for p in e.atoms(sympy.Pow)):
        return None
    forms = [e, *facts.with_slack(e)]
    for form in forms:
        out = form.replace(_is_root, lambda root: _root(root, facts))
        for candidate in (out, sympy.sqrtdenest(out)):
            if _cancellation(candidate, facts) == 0:
                return sympy.S.Zero
    return None


def _is_root(e: sympy.Basic) -> bool:
    return isinstance(e, sympy.Pow) and e.exp.is_Rational and e.exp.q > 1 and e.base.is_Add


def _root(root: sympy.Pow, facts: Facts) -> sympy.Expr:
    base = sympy.factor(sympy.together(root.base))
    outside, inside = sympy.S.One, []
    for factor in sympy.Mul.make_args(base):
        inner, power = factor.as_base_exp()
        if root.exp.q == 2 and power.is_Integer and power % 2 == 0 and inner.is_real:
            size = (
                inner if facts.is_nonnegative(inner) else -inner if facts.is_nonnegative(-inner) else sympy.Abs(inner)
            )
            outside *= size ** (power * root.exp)
        else:
            inside.append(factor)
    return outside * sympy.Mul(*inside) ** root.exp


def _logarithms(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Write logarithms of products of positive numbers as sums."""
    if not e.has(sympy.log):
        return None
    for form in [e, *facts.with_slack(e)]:
        apart = form.replace(sympy.log, lambda a: sympy.expand_log(sympy.log(sympy.factor(sympy.together(a)))))
        if _cancellation(sympy.expand_log(apart), facts) == 0:
            return sympy.S.Zero
    return None


def _powers(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Combine powers of the same base, and write x^a of a positive x as e^(a ln x)."""
    for form in (sympy.powsimp(sympy.powdenest(e)), sympy.powsimp(sympy.expand(e)), _in_logarithms(e)):
        if _cancellation(form, facts) == 0:
            return sympy.S.Zero
    return None


def _in_logarithms(e: sympy.Expr) -> sympy.Expr:
    def write(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        if base is not sympy.E and base.is_positive and not exponent.is_Integer:
            log = sympy.expand_log(sympy.log(sympy.factor(sympy.together(base))))
            return sympy.exp(sympy.expand(exponent * log), evaluate=False)
        return sympy.Pow(base, exponent)

    def plain(exponent: sympy.Expr) -> sympy.Expr:
        return sympy.exp(sympy.expand(sympy.expand_log(exponent)), evaluate=False)

    written = e.replace(sympy.exp, plain).replace(sympy.Pow, write)
    # Each e^(sum) becomes a product of opaque factors, so that cancellation compares them.
    atoms: dict[sympy.Expr, sympy.Symbol] = {}

    def split(exponent: sympy.Expr) -> sympy.Expr:
        product = sympy.S.One
        for term in sympy.Add.make_args(sympy.expand(exponent)):
            number, rest = term.as_coeff_Mul()
            key, power = (rest / number.q, number.p) if number.is_Rational else (term, 1)
            product *= atoms.setdefault(key, sympy.Dummy()) ** power
        return product

    return written.replace(sympy.exp, split)


def _parts(e: sympy.Expr, _: Facts) -> sympy.Expr | None:
    """Write complex symbols as x + i y, and take real and imaginary parts."""
    complex_symbols = [s for s in e.free_symbols if not s.is_real]
    if not e.has(sympy.re, sympy.im, sympy.conjugate, sympy.Abs) or not complex_symbols or e.has(AppliedUndef):
        return None
    new = {
        s: sympy.Dummy(real=True) + sympy.I * sympy.Dummy(real=True)
        for s in complex_symbols
        if s.is_complex is not False
    }
    written = sympy.expand_complex(e.subs(new))
    return sympy.expand(sympy.numer(sympy.together(written)))


def _signs(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Go through the cases of |a|, sign a, Heaviside, Max and Min: a > 0, a < 0, and a = 0 by insertion."""
    call = next(iter(sorted(e.atoms(sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Heaviside), key=str)), None)
    if call is None or not all(a.is_real for a in call.args) or len(e.atoms(type(call))) > 4:
        return None
    argument = call.args[0] if not isinstance(call, (sympy.Max, sympy.Min)) else call.args[0] - call.args[1]
    if len(call.args) > 2 or (argument.is_number and argument.is_nonzero is None):
        return None

    def where(sign: int) -> sympy.Expr:
        def chosen(a: sympy.Expr, b: sympy.Expr, positive: bool) -> sympy.Expr:
            return a if positive else b

        new = {
            sympy.Abs(argument): sign * argument, sympy.Abs(-argument): sign * argument,
            sympy.sign(argument): sympy.Integer(sign), sympy.sign(-argument): sympy.Integer(-sign),
            sympy.Heaviside(argument): sympy.Integer(sign > 0), sympy.Heaviside(-argument): sympy.Integer(sign < 0),
        }  # fmt: skip
        if isinstance(call, (sympy.Max, sympy.Min)):
            a, b = call.args
            new |= {sympy.Max(a, b): chosen(a, b, sign > 0), sympy.Min(a, b): chosen(b, a, sign > 0)}
        return e.xreplace(new)

    for sign in (1, -1):
        impossible = facts.is_nonnegative(-sign * argument)
        if not impossible and vanishes(where(sign), facts) is None:
            return None
    if not facts.is_nonzero(argument):
        symbol = next((s for s in sorted(argument.free_symbols, key=str) if argument.coeff(s, 1).is_Rational
                       and not argument.coeff(s, 1).is_zero and not argument.coeff(s, 0).has(s)
                       and argument.is_polynomial(s) and sympy.degree(argument, s) == 1), None)  # fmt: skip
        if symbol is None or not _holds_where(
            e, symbol, sympy.expand(symbol - argument / argument.coeff(symbol, 1)), facts
        ):
            return None
    return sympy.S.Zero


def _gammas(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Γ(x + 1) = x Γ(x) and B(x, y) = Γ(x) Γ(y)/Γ(x + y), for positive arguments."""
    calls = e.atoms(sympy.gamma, sympy.beta)
    if not calls or not all(facts.is_positive(a) for c in calls for a in c.args):
        return None
    found = sympy.gammasimp(e.rewrite(sympy.beta, sympy.gamma))
    return sympy.S.Zero if _cancellation(found, facts) == 0 else None


def _tails(e: sympy.Expr, facts: Facts) -> sympy.Expr | None:
    """Write erfc as 1 − erf."""
    return _cancellation(e.rewrite(sympy.erfc, sympy.erf), facts) if e.has(sympy.erfc) else None


def _constancy(e: sympy.Expr, _: Facts) -> sympy.Expr | None:
    """Look at one point of a function that is continuous on an interval, and has the derivative 0."""
    if jumps(e) or not e.has(sympy.atan, sympy.log, sympy.erf, sympy.acosh, sympy.asinh):
        return None
    for x in sorted(e.free_symbols, key=str):
        if not x.is_real or x.is_integer or x.is_rational or (x.is_nonzero and not (x.is_positive or x.is_negative)):
            continue
        if is_continuous(e, x, Facts()) and vanishes(e.diff(x), Facts(), CHEAP):
            value = e.subs(x, -1 if x.is_negative else 1)
            if value == 0 or vanishes(value, Facts(), CHEAP):
                return sympy.S.Zero
    return None


def _algebraic_numbers(e: sympy.Expr, _: Facts) -> sympy.Expr | None:
    if e.free_symbols or not e.is_algebraic or e.has(sympy.Integral, sympy.Sum):
        return None
    t = sympy.Dummy()
    try:
        return sympy.S.Zero if sympy.minimal_polynomial(e, t) == t else None
    except (NotImplementedError, ValueError):
        return None


def _simplification(e: sympy.Expr, _: Facts) -> sympy.Expr | None:
    """SymPy's search over its rules, for smooth elementary functions, where it takes no branch for another."""
    if jumps(e) or e.has(*KINKED) or not all(isinstance(part, _ELEMENTARY) for part in sympy.preorder_traversal(e)):
        return None
    if not all(s.is_real for s in e.free_symbols):
        return None
    return sympy.simplify(e)


ALGEBRA = (
    Rule("expansion", "products and powers are multiplied out",
         "a power of a product or of a power is taken apart only where the signs allow it", _expansion),
    Rule("cancellation", "fractions are brought over a common divisor, and the numerator is 0",
         "every divisor is known not to be 0, or stands on both sides", _cancellation),
    Rule("equations", "conditions that are equations are inserted, polynomial ones by division",
         "only constants are divided by", _equations),
    Rule("binomial identities", "factorials and binomial coefficients are written as products",
         "the arguments are whole and not negative; cases at the edge are inserted one by one", _binomials),
    Rule("exponentials", "sin, cos, sinh, cosh and the like are written in exponentials, and the exponential of a sum "
         "as a product", "divisors as in a cancellation", _exponentials),
    Rule("roots", "squares are taken out of roots, with their absolute value",
         "they are squares of real numbers; the sign is dropped only where it is known", _roots),
    Rule("logarithms", "the logarithm of a product or a power is taken apart", "the factors are positive, the exponent "
         "is real", _logarithms),
    Rule("powers", "powers of one base are combined, or written as exponentials of logarithms",
         "the base is positive where the exponent is not whole", _powers),
    Rule("erfc", "erfc is one less erf", "none, both are entire", _tails),
    Rule("gamma function", "the gamma function is reduced by its recursion, and the beta function to it",
         "all arguments are positive", _gammas),
    Rule("cases of a sign", "absolute values, signs, steps, Max and Min are replaced by what they are on either side, "
         "and at the kink by insertion", "the argument is real; each case that may occur is proved", _signs),
    Rule("real and imaginary parts", "a complex symbol is written with two real ones", "none", _parts),
    Rule("constancy", "a derivative is 0, and so is the value at one point", "the function is continuous for all real, "
         "positive or negative values of a symbol", _constancy),
    Rule("algebraic numbers", "a number built from roots has the minimal polynomial of 0", "there are no symbols",
         _algebraic_numbers),
    Rule("simplification", "the search of SymPy over identities of elementary functions", "all symbols are real; there "
         "is no jump, no kink and no step; at five or more admissible points the value is 0 within its error",
         _simplification),
)  # fmt: skip

CHEAP = ALGEBRA[:4]
"""The rules that are tried before any number is computed."""
