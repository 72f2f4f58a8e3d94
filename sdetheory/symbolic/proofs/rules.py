"""The rules that count as proof, in one list: what each does, and the conditions that it checks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..analysis.algebra import ALGEBRA


@dataclass(frozen=True, slots=True)
class Described:
    """A rule by its name, as it stands in the method of a step."""

    name: str
    does: str
    checks: str


_OPERATIONS = (
    Described("differentiation under the integral", "Leibniz' rule, with moving limits",
              "both limits are finite; the integrand and its derivative are built of continuous functions, and no "
              "divisor vanishes between the limits"),
    Described("Gaussian integral", "a polynomial times the exponential of a quadratic, over the line or half of it",
              "the coefficient of the square is negative"),
    Described("Euler's integral", "a power times a decaying exponential, over the positive half-line",
              "the power is above −1, the rate is positive"),
    Described("antiderivative", "the difference of an antiderivative at the limits", "its derivative is the integrand, "
              "by the rules below; it is continuous between the limits, and has finite limits at the ends"),
    Described("sum of integrals", "an integral of a sum term by term", "each term converges by itself"),
    Described("equal limits", "an integral over nothing is 0", "the integrand is continuous there"),
    Described("equal terms", "a sum of equal terms", "there are not fewer terms than none"),
    Described("addition", "a sum of a few numbers of terms is written out", "the limits are whole numbers"),
    Described("induction", "a sum is its closed form", "it is right for one term; each further term adds its "
              "difference; there is at least one term"),
    Described("geometric series", "an infinite sum of powers", "the ratio lies between −1 and 1"),
    Described("exponential series", "an infinite sum whose terms have the ratio x/(k + 1)", "none, it converges"),
    Described("zeta function", "an infinite sum of inverse powers", "the power is whole and above one"),
    Described("limit of the partial sums", "an infinite sum as the limit of its closed form", "induction and limit"),
    Described("limit", "the limit that SymPy finds", "it is the same from every side that is asked for, and values "
              "nearer and nearer approach it"),
    Described("series", "an expansion about 0", "it holds from every side from which the variable may come; there is "
              "no jump; the remainder shrinks as its order says"),
    Described("exhaustive enumeration", "both sides are compared with what was counted", "each case obeys the "
              "assumptions and comes once; it says nothing of other cases"),
    Described("insertion", "the solution of a linear equation", "the coefficient is known not to be 0; the solution is "
              "what the unknown is assumed to be"),
    Described("arithmetic", "both sides are the same expression", "none"),
)  # fmt: skip

RULES: tuple[Described, ...] = (*_OPERATIONS, *(Described(rule.name, rule.does, rule.checks) for rule in ALGEBRA))
"""All rules; the method of each step of a derivation names those that proved it."""


def used_in(methods: Iterable[str]) -> tuple[Described, ...]:
    """Return the rules that are named in the methods of some steps.

    Parameters
    ----------
    methods : iterable of str
        ``Equation.method`` of each.

    Returns
    -------
    tuple of Described
        In the order of the list.

    Examples
    --------
    >>> [rule.name for rule in used_in(["proved by limit, cancellation", "definition"])]
    ['limit', 'cancellation']
    """
    named = {name for method in methods for name in re.split(r", | of \d| to order", method.removeprefix("proved by "))}
    return tuple(rule for rule in RULES if rule.name in named)


def table() -> str:
    """Return the list as a table in Markdown, for the page "What counts as proof".

    Returns
    -------
    str
        One row for each rule.

    Examples
    --------
    >>> table().splitlines()[0]
    '| Rule | What it does | What it checks |'
    """
    rows = [f"| {rule.name} | {rule.does} | {rule.checks} |" for rule in RULES]
    return "\n".join(["| Rule | What it does | What it checks |", "|---|---|---|", *rows]) + "\n"
