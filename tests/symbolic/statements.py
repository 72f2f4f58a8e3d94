"""Statements that are true or false, with the reason: what an engine that proves formulas must not get wrong.

Each says that an expression is zero for all values of its symbols that obey their assumptions and the conditions (and
for all smooth functions in the place of undefined ones). A statement about an expression that is not defined for some
of these values is false, as is one about an integral or a sum that diverges.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp
from sympy import Abs, Derivative, Eq, Function, I, Integral, Limit, Ne, Piecewise, Rational, Subs, Sum, oo, pi, sqrt

x, y, t, u, a, b, c = sp.symbols("x y t u a b c", real=True)
p, q, r, s = sp.symbols("p q r s", positive=True)
h = sp.Symbol("h", negative=True)
w = sp.Symbol("w", nonpositive=True)
v = sp.Symbol("v", nonnegative=True)
z, z2 = sp.symbols("z z2")
j = sp.Symbol("j", imaginary=True)
k, n, m = sp.symbols("k n m", integer=True, positive=True)
i0 = sp.Symbol("i0", integer=True)
odd, even = sp.Symbol("o", odd=True), sp.Symbol("e", even=True)
prime = sp.Symbol("l", prime=True)
f, g = Function("f", real=True), Function("g", positive=True)
step = Piecewise((1, t < x), (0, True))


@dataclass(frozen=True)
class Statement:
    """`difference` = 0 under `conditions`: what is right, and why."""

    difference: sp.Expr
    why: str
    conditions: tuple = field(default=())


def say(difference, why, *conditions):
    return Statement(sp.sympify(difference), why, conditions)


FALSE = [
    # ---- algebra and assumptions
    say((x + y) ** 2 - x**2 - y**2, "2 x y is missing"),
    say(x**3 - x, "it has the zeros 0, 1, −1 only"),
    say(x * (x - 1) * (x - 2) * (x + 1) * (x + 2) * (x - 3), "zero at the six smallest whole numbers only"),
    say(sp.sin(pi * x), "zero at the whole numbers only"),
    say((x**2 - 1) / (x - 1) - x - 1, "not defined at x = 1"),
    say((x**2 - 2 * x) / x - x + 2, "not defined at x = 0"),
    say((a**2 - a * b) / (a - b) - a, "not defined where a = b"),
    say((a**2 - b**2) / (a - b) - a - b, "0/0, by the condition", Eq(a, b)),
    say(a - b, "c links them by squares only", Eq(a**2, c), Eq(b**2, c)),
    say(sp.exp(sp.pi * sqrt(163)) - 640320**3 - 744, "it is −7.5e−13"),
    say(sqrt(x + 1) ** 2 - x, "it is 1"),
    say(x**y * x**-y - 1 + (y - y**2), "y − y² is not 0"),
    say(Abs(x) - x, "x may be negative"),
    say(Abs(x + y) - Abs(x) - Abs(y), "a triangle's side"),
    say(sqrt(w**2) - w, "w is not positive"),
    say((-1) ** i0 - 1, "whole numbers may be odd"),
    say((-1) ** (n * (n + 1) / 2) - (-1) ** n, "n = 3"),
    say(sp.floor(x) + sp.floor(-x), "−1 between whole numbers"),
    say(sp.floor(2 * x) - 2 * sp.floor(x), "x = 1/2"),
    say(sp.ceiling(x) - sp.floor(x) - 1, "0 at whole numbers"),
    say(sp.Mod(x, 2) - x, "x = 3"),
    say(sp.sign(x) ** 2 - 1, "0 at x = 0"),
    say(sp.sign(x) * sp.sign(y) - 1, "signs may differ"),
    say(sp.Max(x, y) - x, "y may be larger"),
    say(n**2 + n + 41 - (n + 20) ** 2, "different polynomials"),
    say(prime**2 - 2 * prime, "l = 3"),
    say(sp.factorial(n + 1) - n * sp.factorial(n), "n! is missing"),
    say(sp.binomial(n, 2) - n**2 / 2, "n (n − 1)/2"),
    say(sp.gamma(p + 1) - sp.gamma(p), "a factor p is missing"),
    say(sp.Heaviside(x) - 1, "0 for negative x"),
    say(p + q - r, "three sides, one condition only", p < r, q < r),
    # ---- branches
    say(sqrt(z**2) - z, "z = −1"),
    say(sp.log(z**2) - 2 * sp.log(z), "z = −1"),
    say(sp.log(x * y) - sp.log(x) - sp.log(y), "both negative"),
    say(sqrt(x) * sqrt(y) - sqrt(x * y), "both negative"),
    say((x**2) ** Rational(1, 2) - x, "x < 0"),
    say((z**3) ** Rational(1, 3) - z, "z = −1"),
    say(sp.log(sp.exp(z)) - z, "the imaginary part beyond π"),
    say(sp.asin(sp.sin(x)) - x, "x beyond π/2"),
    say(sp.atan(x) + sp.atan(1 / x) - pi / 2, "−π/2 for negative x"),
    say(sp.atan(sp.tan(x)) - x, "x beyond π/2"),
    say(sp.exp(z) - sp.conjugate(sp.exp(z)), "z not real"),
    say(Abs(z) ** 2 - z**2, "z not real"),
    say(sp.re(z * z2) - sp.re(z) * sp.re(z2), "imaginary parts"),
    say(sp.conjugate(j) - j, "j is imaginary"),
    say(sp.arg(x), "π for negative x"),
    say(sp.acosh(sp.cosh(x)) - x, "x negative"),
    # ---- integrals
    say(Integral(1 / (x - a) ** 2, (x, 0, 1)) - (-1 / (1 - a) - 1 / a), "diverges for 0 < a < 1"),
    say(Integral(1 / x**2, (x, -1, 1)) + 2, "diverges at 0"),
    say(Integral(1 / x, (x, -1, 1)), "diverges at 0, though odd"),
    say(Integral(1 / x, (x, -1, 2)) - sp.log(2), "diverges at 0"),
    say(Integral(1 / sp.cos(x) ** 2, (x, 0, 3)) - sp.tan(3), "diverges at π/2"),
    say(Integral(sp.tan(x), (x, 0, 2)) + sp.log(Abs(sp.cos(2))), "diverges at π/2"),
    say(Integral(sp.exp(a * x), (x, 0, oo)) + 1 / a, "diverges for positive a"),
    say(Integral(x**a, (x, 0, 1)) - 1 / (a + 1), "diverges for a ≤ −1"),
    say(Integral(sp.exp(-a * x**2), (x, -oo, oo)) - sqrt(pi) / sqrt(a), "diverges for a ≤ 0"),
    say(Integral(sp.sin(x), (x, 0, oo)) - 1, "has no limit"),
    say(Integral(sp.cos(a * x), (x, 0, oo)), "has no limit"),
    say(Integral(x / (1 + x**2), (x, -oo, oo)), "only its principal value is 0"),
    say(Integral(1 / (x - p), (x, 0, q)) - sp.log((q - p) / p), "diverges for q > p"),
    say(Integral(1 / (2 + sp.cos(x)), (x, 0, 2 * pi)), "the antiderivative of the books jumps at π"),
    say(Integral(x**2, (x, 0, 1)) - Rational(1, 2), "1/3"),
    say(Integral(sp.exp(-(t**2)), (t, 0, x)) - x, "not the identity"),
    say(Integral(Abs(t), (t, -1, x)) - (x**2 - 1) / 2, "for a kink at 0"),
    say(Integral(f(t), (t, 0, x)) - x * f(x), "f is not constant"),
    say(Integral(f(t) * g(t), (t, 0, 1)) - Integral(f(t), (t, 0, 1)) * Integral(g(t), (t, 0, 1)), "no product rule"),
    say(Integral(sp.exp(-p * t) * t, (t, 0, oo)) - 1 / p, "1/p²"),
    # ---- differentiation
    say(Derivative(Integral(step, (t, 0, 5)), x), "the integrand jumps at x"),
    say(Derivative(Integral(sp.Heaviside(x - t), (t, 0, 5)), x), "the integrand jumps at x"),
    say(Derivative(Integral(sp.sign(x - t), (t, -5, 5)), x), "2 for |x| < 5"),
    say(Derivative(Integral(sp.floor(x - t), (t, 0, 1)), x), "1"),
    say(Derivative(Integral(sp.sin(x * u) / u, (u, 0, oo)), x) - Integral(sp.cos(x * u), (u, 0, oo)), "diverges"),
    say(Derivative(Integral(f(t), (t, x, 1)), x) - f(x), "the sign of the lower limit"),
    say(Derivative(Integral(sp.exp(x * t), (t, 0, x)), x) - Integral(t * sp.exp(x * t), (t, 0, x)), "a moving limit"),
    say(Derivative(Integral(f(x * t), (t, 0, 1)), x) - f(x), "not the mean value"),
    say(Derivative(f(x) ** 2, x) - f(x) * Derivative(f(x), x), "a factor 2"),
    say(Derivative(f(x**2), x) - Derivative(f(x), x), "the chain rule"),
    say(Subs(Derivative(Abs(x), x), x, 0), "there is a kink"),
    say(Subs(Derivative(x * Abs(x), x), x, 1), "2"),
    # ---- sums, products and limits
    say(Sum(k, (k, 1, n)) - n**2 / 2, "n/2 is missing"),
    say(Sum(k**2, (k, 1, n)) - n * (n + 1) * (2 * n + 1) / 3, "6"),
    say(Sum(1 / k, (k, 1, oo)), "diverges"),
    say(Sum((-1) ** k, (k, 0, oo)) - Rational(1, 2), "only in Abel's sense"),
    say(Sum(x**k, (k, 0, oo)) - 1 / (1 - x), "diverges for |x| ≥ 1"),
    say(Sum(x**k, (k, 0, n)) - (1 - x ** (n + 1)) / (1 - x), "not defined at x = 1"),
    say(Sum(k, (k, 1, i0)) - i0 * (i0 + 1) / 2 - sp.Heaviside(-i0 - 2), "negative upper limits"),
    say(sp.Product(k, (k, 1, n)) - n**n, "n!"),
    say(Limit(Abs(x) / x, x, 0, "+-") - 1, "the sides differ"),
    say(Limit(sp.sin(1 / x), x, 0), "it oscillates"),
    say(Limit((1 + 1 / x) ** x, x, oo) - 1, "e"),
    say(Limit(sp.exp(a * x), x, oo), "a may be positive"),
    # ---- undefined functions
    say(f(x + y) - f(x) - f(y), "f need not be linear"),
    say(f(-x) - f(x), "f need not be even"),
    say(Abs(f(x)) - f(x), "f may be negative"),
    say(sp.log(g(x) ** 2) - sp.log(g(x)), "a factor 2"),
    say(f(x) / f(x + 1) - 1, "f need not be periodic"),
]

TRUE = [
    # ---- algebra and assumptions
    say((x + y) ** 2 - x**2 - 2 * x * y - y**2, "expansion"),
    say((x**2 - 1) / (x - 1) - x - 1, "x is not 1", Ne(x, 1)),
    say((a**2 - a * b) / (a - b) - a, "a > b", a > b),
    say(1 / x + 1 / y - (x + y) / (x * y), "both sides are defined at the same points"),
    say(1 / (p * (p + 1)) - 1 / p + 1 / (p + 1), "partial fractions"),
    say(a - b, "both are c", Eq(a, c), Eq(b, c)),
    say(x**4 + y**4 + 2 * x**2 * y**2 - 1, "the square of the condition", Eq(x**2 + y**2, 1)),
    say(sqrt(w**2 - 2 * w + 1) - 1 + w, "w ≤ 0 < 1"),
    say(sqrt(x**2 - 2 * x + 1) - Abs(x - 1), "a square"),
    say(sqrt(x**2 - 2 * x + 1) - x + 1, "x > 1", x > 1),
    say(sqrt(v**2 + 4 * v + 4) - v - 2, "v ≥ 0"),
    say(Abs(h) + h, "h is negative"),
    say(Abs(x) ** 2 - x**2, "x is real"),
    say(Abs(x) * sp.sign(x) - x, "for every sign"),
    say(sp.Max(x, y) + sp.Min(x, y) - x - y, "one of each"),
    say(Abs(x - y) - sp.Max(x, y) + sp.Min(x, y), "for every order"),
    say(sp.Heaviside(x - 1) * (x - 1) - (Abs(x - 1) + x - 1) / 2, "a ramp"),
    say((-1) ** odd + 1, "o is odd"),
    say((-1) ** (2 * i0) - 1, "an even power"),
    say((-1) ** (i0 + 2) - (-1) ** i0, "a period of 2"),
    say(sp.cos(pi * even) - 1, "e is even"),
    say(sp.sin(pi * i0), "i0 is whole"),
    say(j * sp.conjugate(j) + j**2, "j is imaginary"),
    say(Abs(z) ** 2 - z * sp.conjugate(z), "complex numbers"),
    say(sp.re(z) ** 2 + sp.im(z) ** 2 - Abs(z) ** 2, "complex numbers"),
    say(sp.re(z * z2) - sp.re(z) * sp.re(z2) + sp.im(z) * sp.im(z2), "complex numbers"),
    say(sp.floor(i0), "i0 is whole and lies in [0, 1)", i0 >= 0, i0 < 1),
    say(sp.floor(n / 2) + sp.ceiling(n / 2) - n, "parity"),
    say(sp.factorial(n) - n * sp.factorial(n - 1), "n ≥ 1"),
    say(sp.binomial(n, k) - sp.binomial(n, n - k), "symmetry", k <= n),
    say(sp.binomial(n + 1, k) - sp.binomial(n, k) - sp.binomial(n, k - 1), "Pascal's triangle", k <= n),
    say(sp.gamma(p + 2) - p * (p + 1) * sp.gamma(p), "twice the recursion"),
    # ---- elementary functions
    say(sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1, "a hyperbola"),
    say(sp.cos(3 * x) - 4 * sp.cos(x) ** 3 + 3 * sp.cos(x), "a triple angle"),
    say(sp.sin(x + y) - sp.sin(x) * sp.cos(y) - sp.cos(x) * sp.sin(y), "an addition theorem"),
    say(sp.tanh(2 * x) - 2 * sp.tanh(x) / (1 + sp.tanh(x) ** 2), "an addition theorem"),
    say(sp.exp(x) * sp.exp(y) - sp.exp(x + y), "exponentials"),
    say(sp.log(p * q) - sp.log(p) - sp.log(q), "p and q are positive"),
    say(sp.log(p**2) - 2 * sp.log(p), "p is positive"),
    say(sp.log((p + q) / q) - sp.log(1 + p / q), "the same argument"),
    say(sp.log(x**2 - 1) - sp.log(x - 1) - sp.log(x + 1), "x > 1", x > 1),
    say(p**x * q**x - (p * q) ** x, "p and q are positive"),
    say(p**x - sp.exp(x * sp.log(p)), "p is positive"),
    say(sp.atan(p) + sp.atan(1 / p) - pi / 2, "p is positive"),
    say(sp.erf(x) + sp.erfc(x) - 1, "by definition"),
    say(sp.erf(-x) + sp.erf(x), "erf is odd"),
    say(sqrt(5 + 2 * sqrt(6)) - sqrt(2) - sqrt(3), "square both sides"),
    say((sqrt(2) + 1) ** 5 * (sqrt(2) - 1) ** 5 - 1, "(√2 + 1)(√2 − 1) = 1"),
    say(sp.cbrt(2 + sqrt(5)) - (1 + sqrt(5)) / 2, "the cube of the golden ratio"),
    say(sp.cos(pi / 5) - (1 + sqrt(5)) / 4, "the pentagon"),
    # ---- integrals
    say(Integral(1 / (x - a) ** 2, (x, 0, 1)) - (-1 / (1 - a) - 1 / a), "a lies beyond", a > 1),
    say(Integral(1 / x**2, (x, 1, 2)) - Rational(1, 2), "no pole between"),
    say(Integral(1 / sp.cos(x) ** 2, (x, 0, 1)) - sp.tan(1), "no pole between"),
    say(Integral(sp.exp(-p * x), (x, 0, oo)) - 1 / p, "p is positive"),
    say(
        Integral(sp.exp(-p * x**2 + q * x), (x, -oo, oo)) - sqrt(pi / p) * sp.exp(q**2 / (4 * p)), "a square completed"
    ),
    say(Integral(x**4 * sp.exp(-p * x**2 / 2), (x, -oo, oo)) - 3 * sqrt(2 * pi) * p ** Rational(-5, 2), "3 σ⁴"),
    say(Integral(x ** (p - 1) * sp.exp(-q * x), (x, 0, oo)) - sp.gamma(p) / q**p, "Euler"),
    say(Integral(sp.sin(x * s) / s, (s, 0, oo)) - pi / 2 * sp.sign(x), "Dirichlet"),
    say(Integral(1 / (1 + x**2), (x, -oo, oo)) - pi, "arctan at both ends"),
    say(Integral(1 / (2 + sp.cos(x)), (x, 0, 2 * pi)) - 2 * pi / sqrt(3), "residues"),
    say(Integral(1 / sqrt(x), (x, 0, 1)) - 2, "an integrable pole"),
    say(Integral(sp.log(x), (x, 0, 1)) + 1, "x ln x − x"),
    say(Integral(1 / x, (x, p, p * q)) - sp.log(q), "both limits are positive"),
    say(Integral(a * x**2 + b, (x, 0, c)) - a * c**3 / 3 - b * c, "a polynomial"),
    say(Integral(x * sp.exp(-p * x), (x, 0, q)) - (1 - (1 + p * q) * sp.exp(-p * q)) / p**2, "by parts"),
    say(Integral(Integral(1, (u, 0, t)), (t, 0, x)) - x**2 / 2, "a triangle"),
    say(Integral(2 * f(t), (t, 0, x)) - 2 * Integral(f(u), (u, 0, x)), "linear, whatever the variable is called"),
    say(Integral(f(t) + g(t), (t, 0, x)) - Integral(f(t), (t, 0, x)) - Integral(g(t), (t, 0, x)), "linear"),
    # ---- differentiation
    say(Derivative(Integral(f(t), (t, 0, x)), x) - f(x), "the fundamental theorem"),
    say(Derivative(Integral(f(t), (t, x, 2 * x)), x) - 2 * f(2 * x) + f(x), "moving limits"),
    say(Derivative(Integral(sp.sin(x * t**2), (t, 0, 1)), x) - Integral(t**2 * sp.cos(x * t**2), (t, 0, 1)), "smooth"),
    say(
        Derivative(Integral(sp.exp(x * t**2), (t, 0, x)), x)
        - Integral(t**2 * sp.exp(x * t**2), (t, 0, x))
        - sp.exp(x**3),
        "Leibniz with a moving limit",
    ),
    say(Derivative(Integral(sp.exp(-p * t**2), (t, -oo, oo)), p) + sqrt(pi) / (2 * p ** Rational(3, 2)), "Gauss"),
    say(Derivative(f(x) * g(x), x) - f(x) * g(x).diff(x) - g(x) * f(x).diff(x), "the product rule"),
    say(Derivative(sp.log(g(x)), x) - g(x).diff(x) / g(x), "g is positive"),
    say(Subs(Derivative(sp.exp(2 * x), x), x, 0) - 2, "the slope at 0"),
    # ---- sums, products and limits
    say(Sum(k, (k, 1, n)) - n * (n + 1) / 2, "by pairs"),
    say(Sum(k**3, (k, 1, n)) - (n * (n + 1) / 2) ** 2, "Nicomachus"),
    say(Sum(2**k, (k, 0, n)) - 2 ** (n + 1) + 1, "geometric"),
    say(Sum(1 / (k * (k + 1)), (k, 1, n)) - n / (n + 1), "telescopes"),
    say(Sum(k * sp.factorial(k), (k, 1, n)) - sp.factorial(n + 1) + 1, "telescopes"),
    say(Sum(x**k, (k, 0, oo)) - 1 / (1 - x), "|x| < 1", x > -1, x < 1),
    say(Sum(x**k / sp.factorial(k), (k, 0, oo)) - sp.exp(x), "the exponential series"),
    say(Sum(1 / k**2, (k, 1, oo)) - pi**2 / 6, "Basel"),
    say(Sum(1 / (k * (k + 1)), (k, 1, oo)) - 1, "telescopes"),
    say(Sum(a * f(k), (k, 1, n)) - a * Sum(f(k), (k, 1, n)), "linear"),
    say(Limit(sp.sin(x) / x, x, 0) - 1, "the classic"),
    say(Limit((1 + p / x) ** x, x, oo) - sp.exp(p), "Euler"),
    say(Limit(sp.exp(-p * x) * x**3, x, oo), "p is positive"),
    # ---- undefined functions
    say(Abs(g(x)) - g(x), "g is positive"),
    say(sqrt(g(x) ** 2) - g(x), "g is positive"),
    say(sp.log(g(x) * sp.exp(f(x))) - sp.log(g(x)) - f(x), "g is positive, f is real"),
    say((f(x) + 1) ** 2 - f(x) ** 2 - 2 * f(x) - 1, "expansion"),
    say(I**2 + 1, "by definition"),
]
