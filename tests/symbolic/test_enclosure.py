"""Intervals hold the values that mpmath computes, and nothing is said where there is none."""

import mpmath
import pytest
import sympy
from sympy import Abs, Integral, atan, cos, exp, log, oo, pi, sin, sqrt, tan, tanh

from sdetheory.symbolic.analysis.enclosure import differs_from_zero, encloses
from sdetheory.symbolic.analysis.facts import Facts
from sdetheory.symbolic.analysis.integrals import closed_form
from sdetheory.symbolic.analysis.points import admissible
from sdetheory.symbolic.analysis.sums import closed_sum

x = sympy.Symbol("x", real=True)
p = sympy.Symbol("p", positive=True)
k, n = sympy.symbols("k n", integer=True, positive=True)


@pytest.mark.parametrize(
    "e", [exp(x) * sin(3 * x), log(2 + x) / (3 + cos(x)), atan(x) ** 3, tanh(x) - Abs(x), sqrt(x + 2) ** 3, tan(x / 2)]
)
def test_an_interval_holds_all_values_in_its_box(e):
    value = sympy.lambdify(x, e, "mpmath")
    low, high = encloses(e, {x: (-1, 1)})
    rounding = mpmath.mpf("1e-14")  # of the values, which mpmath computes with 53 bits
    assert all(low - rounding <= value(mpmath.mpf(i) / 50) <= high + rounding for i in range(-50, 51))
    narrow = encloses(e, {x: (sympy.Rational(1, 3), sympy.Rational(1, 3))})
    assert narrow[1] - narrow[0] < mpmath.mpf("1e-18")
    assert not narrow[0] <= value(mpmath.mpf("0.34")) <= narrow[1]  # the negative control


@pytest.mark.parametrize("e", [1 / x, log(x), sqrt(x), x ** sympy.Rational(-1, 2), tan(2 * x), sympy.gamma(x)])
def test_there_is_no_interval_about_a_pole_or_a_branch(e):
    assert encloses(e, {x: (-1, 1)}) is None


@pytest.mark.parametrize(
    ("number", "differs"),
    [
        (exp(pi * sqrt(163)) - 640320**3 - 744, True),  # -7.5e-13
        (sympy.gamma(sympy.Rational(1, 2)) - sqrt(pi), False),
        (sympy.gamma(sympy.Rational(1, 3)) - 2, True),
        (sqrt(-2 + 0 * x) * sqrt(-3 + 0 * x) - sqrt(6), True),
        (Integral(exp(-(x**2)), (x, 0, 1)) - sympy.Rational(3, 4), True),
        (Integral(exp(-(x**2)), (x, 0, 1)) - sqrt(pi) / 2 * sympy.erf(1), None),
        (Integral(1 / (x - sympy.Rational(1, 2)) ** 2, (x, 0, 1)) + 4, None),  # it diverges
        (Integral(sin(x), (x, 0, oo)), None),
    ],
)
def test_numbers_are_told_apart_where_their_error_allows(number, differs):
    assert differs_from_zero(number) is differs


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (exp(-3 * x**2 + x), -oo, oo),
        (x**4 * exp(-(x**2)), -oo, oo),
        (exp(-(x**2)), 1, oo),
        (x**2 * exp(-2 * x), 0, oo),
        (1 / (1 + x**2), -oo, oo),
        (1 / sqrt(x), 0, 1),
        (log(x), 0, 1),
        (1 / x, 2, 5),
        (1 / cos(x) ** 2, sympy.Rational(-1, 2), 0),
    ],
)
def test_closed_forms_agree_with_quadrature(f, low, high):
    found = closed_form(f, (x, low, high), Facts())
    if found is None:  # not every pole is seen to lie outside
        assert f.has(cos)
        return
    ends = [mpmath.mpf(float(end)) for end in (low, high)]
    numeric = mpmath.quad(sympy.lambdify(x, f, "mpmath"), ends)
    assert abs(sympy.N(found[0]) - numeric) < 1e-9


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (1 / x**2, -1, 1), (1 / x, -1, 2), (1 / x, 1, oo), (1 / cos(x) ** 2, 0, 3), (tan(x), 0, 2), (sin(x), 0, oo),
        (x / (1 + x**2), -oo, oo), (1 / (x - p), 0, 2 * p), (x**p, 1, oo), (exp(x), 0, oo), (sympy.S.One, 0, oo),
    ],
)  # fmt: skip
def test_a_divergent_integral_has_no_closed_form(f, low, high):
    assert closed_form(f, (x, low, high), Facts()) is None


def test_sums_are_proved_or_left():
    assert closed_sum(k**2, (k, 1, n), Facts())[0].subs(n, 10) == 385
    assert closed_sum(sympy.Rational(1, 3) ** k, (k, 0, oo), Facts())[0] == sympy.Rational(3, 2)
    for f in (1 / k, (-1) ** k, x**k, 2**k):
        assert closed_sum(f, (k, 1, oo), Facts()) is None


@pytest.mark.parametrize("assumed", ["nonpositive", "odd", "even", "prime", "composite", "imaginary", "irrational"])
def test_points_obey_the_assumptions(assumed):
    symbol = sympy.Symbol("s", **{assumed: True})
    found = [point[symbol] for point in admissible([symbol], (), 8)]
    assert len(found) >= 5
    assert all(getattr(value, f"is_{assumed}") for value in found)


def test_points_obey_the_conditions():
    a, b, c = sympy.symbols("a b c", real=True)
    conditions = [sympy.Eq(a, 2 * c), sympy.Eq(b, c**2), c > 1]
    for point in admissible([a, b], conditions, 6):
        assert point[a] == 2 * point[c]
        assert point[b] == point[c] ** 2
        assert point[c] > 1
    assert list(admissible([a], [sympy.Eq(a**2, -1)], 3)) == []
