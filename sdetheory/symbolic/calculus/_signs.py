"""What is known of the sign of an expression from the assumptions of its symbols."""

from __future__ import annotations

import sympy


def positive(e: sympy.Expr) -> bool | None:
    """Return whether an expression is positive for all admissible values (True), for none (False), or unknown (None).

    Examples
    --------
    >>> a, b = sympy.symbols("a b", positive=True)
    >>> positive(a**2 + 2 * a * b), positive(-a - b), positive(a - b)
    (True, False, None)
    """
    forms = [e]
    for rewrite in (sympy.expand, lambda e: sympy.factor(sympy.together(e))):
        for form in forms:
            if form.is_extended_positive:
                return True
            if form.is_extended_nonpositive:
                return False
        forms = [rewrite(e)]
    numerator, denominator = sympy.fraction(forms[0])
    signs = [_of_sum(part) for part in (numerator, denominator)]
    if None in signs or signs[1] == 0:
        return _by_symmetry(forms[0])
    return signs[0] * signs[1] > 0  # type: ignore


def _of_sum(e: sympy.Expr) -> int | None:
    """Return the sign of a product of sums, each expanded."""
    sign = 1
    for factor in sympy.Mul.make_args(e):
        base, exponent = factor.as_base_exp()
        expanded = sympy.expand(factor)
        if expanded.is_positive or (exponent.is_even and base.is_nonzero and base.is_real):
            continue
        if expanded.is_zero:
            return 0
        if not expanded.is_negative:
            return None
        sign = -sign
    return sign


def _by_symmetry(e: sympy.Expr) -> bool | None:
    # The last word: what SymPy says of the whole.
    if e.is_extended_positive:
        return True
    return False if e.is_extended_nonpositive else None


def decided(conditions: list[sympy.Expr]) -> tuple[list[sympy.Expr], sympy.Expr | None]:
    """Return which of some expressions are not known to be positive, and the first that is known not to be."""
    left = []
    for condition in conditions:
        answer = positive(condition)
        if answer is False:
            return [], condition
        if answer is None:
            numerator, denominator = sympy.fraction(sympy.together(condition))
            left.append(sympy.expand(numerator) if positive(denominator) else sympy.factor(condition))
    return left, None
