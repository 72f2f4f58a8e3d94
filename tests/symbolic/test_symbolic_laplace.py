"""Laplace's method against asymptotic series that are in the books, and against exact integrals."""

import math

import pytest
import sympy
from scipy import integrate

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import is_zero, laplace

X, Y = sympy.symbols("x y", real=True)
T, A, B = sympy.symbols("T a b", positive=True)


def test_any_cost_in_one_dimension():
    """Bender & Orszag (1978), eq. 6.4.35, with the terms of a prefactor; the wrong sign of 5/24 is noticed."""
    k, c3, c4, q1, q2 = sympy.symbols("k c3 c4 q1 q2", positive=True)
    cost = k * X**2 / 2 + c3 * X**3 / 6 + c4 * X**4 / 24
    (found,) = laplace(cost, {X: 0}, temperature=T, prefactor=1 + q1 * X + q2 * X**2 / 2).coefficients
    known = -c4 / (8 * k**2) + 5 * c3**2 / (24 * k**3) + q2 / (2 * k) - q1 * c3 / (2 * k**2)
    assert is_zero(found - known)
    assert not is_zero(found - known.subs(c3**2, -(c3**2)))


def test_bessel_function():
    """Abramowitz & Stegun (1964), eq. 9.7.1: I₀(z) ~ e^z / √(2πz) (1 + 1/(8z) + 9/(2! (8z)²) + 225/(3! (8z)³))."""
    expansion = laplace(1 - sympy.cos(X), {X: 0}, temperature=T, order=3)
    assert expansion.coefficients == (
        *(sympy.Rational(1, 8), sympy.Rational(9, 2 * 64)),
        sympy.Rational(225, 6 * 512),
    )
    assert is_zero(expansion.leading - sympy.sqrt(2 * sympy.pi * T))


def test_a_gaussian_is_exact():
    """The evidence of a Gaussian model is Laplace's value: no corrections, in any dimension."""
    cost = (A * X**2 + 2 * X * Y + B * Y**2) / 2 + X
    det = A * B - 1
    minimum = {X: -B / det, Y: 1 / det}
    expansion = laplace(cost, minimum, temperature=T, order=2)
    assert expansion.coefficients == (0, 0)
    exact = 2 * sympy.pi * T / sympy.sqrt(det) * sympy.exp(B / (2 * det * T))
    assert sympy.simplify(expansion.leading / exact) == 1
    assert sympy.simplify(expansion.value - expansion.leading) == 0


def test_two_dimensions_against_the_contracted_formula():
    """Tierney & Kadane (1986): −f_ijkl H H/8 + f_ijk f_lmn (H_ij H_kl H_mn/8 + H_il H_jm H_kn/12), H the inverse."""
    cost = 2 * X**2 + X * Y + Y**2 + X**3 / 3 - X * Y**2 + X**2 * Y**2 + X**4 / 5 + X**3 * Y
    variables = (X, Y)
    inverse = sympy.hessian(cost, variables).subs({X: 0, Y: 0}).inv()
    r = range(2)

    def f(*indices):
        return cost.diff(*[variables[i] for i in indices]).subs({X: 0, Y: 0})

    known = -sum(f(i, j, k, m) * inverse[i, j] * inverse[k, m] for i in r for j in r for k in r for m in r) / 8
    for i, j, k, m, n, o in ((a, b, c, d, e, g) for a in r for b in r for c in r for d in r for e in r for g in r):
        pair = inverse[i, j] * inverse[k, m] * inverse[n, o] / 8 + inverse[i, m] * inverse[j, n] * inverse[k, o] / 12
        known += f(i, j, k) * f(m, n, o) * pair
    assert laplace(cost, {X: 0, Y: 0}, order=1).coefficients == (sympy.nsimplify(known),)


def test_each_correction_reduces_the_error_by_its_order():
    """∫ exp(−(x²/2 + x⁴/4)/T) by quadrature: the relative error of order n is O(T^{n+1})."""
    expansions = [laplace(X**2 / 2 + X**4 / 4, {X: 0}, temperature=T, order=n) for n in range(3)]

    def error(expansion, t):
        exact = integrate.quad(lambda x: math.exp(-(x**2 / 2 + x**4 / 4) / t), -2, 2, epsrel=1e-13, points=[0])[0]
        return abs(float(expansion.value.subs(T, t)) / exact - 1)

    for n, expansion in enumerate(expansions):
        slope = math.log(error(expansion, 0.002) / error(expansion, 0.001), 2)
        assert abs(slope - (n + 1)) < 0.1


def test_a_change_of_variables_of_constant_determinant_keeps_the_leading_term():
    """A shear does; x + x³ does not, and what it changes the first correction makes up for, to its order."""
    cost = X**2 + Y**2 + X * Y
    sheared = cost.subs(Y, Y + X**2)
    assert laplace(cost, {X: 0, Y: 0}).leading == laplace(sheared, {X: 0, Y: 0}).leading
    # ∫ e^{−(w − 2)²/T} dw with w = x + x³: as a prefactor the Jacobian leaves the leading term as it is.
    line, bent = (X - 2) ** 2, (X + X**3 - 2) ** 2
    exact = laplace(line, {X: 2}, temperature=T)
    transported = laplace(bent, {X: 1}, temperature=T, prefactor=1 + 3 * X**2)
    assert transported.leading == exact.leading
    assert (exact.coefficients, transported.coefficients) == ((0,), (0,))
    # At T = 1 it belongs to the cost: the mode moves, and Laplace's value is another one.
    moved = bent + 2 * sympy.log(1 + X**2) - sympy.log(1 + 3 * X**2) - 2 * sympy.log(1 + X**2)
    with pytest.raises(InvalidInputError, match="gradient of the cost"):
        laplace(moved, {X: 1})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: laplace(X**2, {X: 1}), "gradient of the cost"),
        (lambda: laplace(-(X**2), {X: 0}), "positive definite"),
        (lambda: laplace(X**4, {X: 0}), "positive definite"),
        (lambda: laplace(X**2 - Y**2, {X: 0, Y: 0}), "positive definite"),
        (lambda: laplace(X**2, {X: 0}, prefactor=X), "zero at the minimum"),
        (lambda: laplace(X**2, {X: 0}, order=-1), "order"),
        (lambda: laplace(X**2, {X: 0}, temperature=-1), "temperature must be positive"),
        (lambda: laplace("x**2", {X: 0}), "parse"),
        (lambda: laplace(X**2, {"x": 0}), "symbols"),
        (lambda: laplace(X**2, {}), "one or more symbols"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
