"""The evidence by Laplace's method: fit, Occam factor, and the comparison with guessing.

    python -m derivations.evidence_laplace --format latex|markdown|text

The first derivation treats one weight, the second two (and shows what more add), the third proves that the result is
exact for a linear model with Gaussian noise and any number of examples, and the fourth computes the first correction
for a cost that is not quadratic. At the end the formulas meet the numerics of `sdetheory.evidence`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy
from scipy import optimize
from sympy import Integral, Rational, exp, log, oo, pi, sqrt

from sdetheory.evidence import LinearModel, laplace
from sdetheory.models import LogisticRegression
from sdetheory.symbolic import Derivation, compare, present
from sdetheory.symbolic import laplace as expand_integral

LAMBDA = sympy.Symbol("lambda", positive=True)
N, CLASSES = sympy.symbols("N n", integer=True, positive=True)
C0, W, W0 = sympy.symbols("C0 w w0", real=True)
RATIO = sympy.Symbol("E", real=True)
SOURCE = "Smith & Le (2018), section 2, eqs. 5 to 10; MacKay (1992)"


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return one_weight(), two_weights(), gaussian(), correction()


def one_weight() -> Derivation:
    """Derive E = C(w₀) + ½ ln(A/λ) − N ln n, the log evidence ratio in favour of guessing."""
    d = Derivation("Evidence of a model with one weight", source=SOURCE)
    likelihood = sympy.Function("H", real=True)
    curvature, excess = sympy.symbols("A h", positive=True)
    fit = sympy.Symbol("H0", real=True)
    log_evidence, occam = sympy.symbols("L O", real=True)
    d.assume(LAMBDA, "precision of the prior, which is a normal density of variance 1/λ")
    d.assume(N, "number of examples")
    d.assume(CLASSES, "number of classes", where=CLASSES >= 2)
    d.assume(W, "the weight")
    d.assume(likelihood, "minus the log-likelihood of the labels, so that $P(y|w) = e^{-H}$")
    d.assume(W0, "the weight at the minimum of the cost")
    d.assume(fit, "H at the minimum")
    d.assume(excess, "second derivative of H at the minimum")
    d.suppose("Laplace", "the cost is replaced by its parabola at the minimum; the last derivation tells the error")

    d.heading("From likelihood and prior to the cost")
    prior = sqrt(LAMBDA / (2 * pi)) * exp(-LAMBDA * W**2 / 2)
    d.step("the prior is normalized", Integral(prior, (W, -oo, oo)), 1, by="Gaussian integral")
    joint = d.step(
        "likelihood times prior is the exponential of minus a cost $C = H + λ w²/2$", exp(-likelihood(W)) * prior,
        sqrt(LAMBDA / (2 * pi)) * exp(-(likelihood(W) + LAMBDA * W**2 / 2)), by="product of exponentials",
        paper="text before eq. 5",
    )  # fmt: skip
    lowest = d.define(C0, fit + LAMBDA * W0**2 / 2, "the cost at its minimum", by=f"cost of {joint} at $w_0$")
    second = d.define(
        curvature, excess + sympy.Derivative(LAMBDA * W**2 / 2, (W, 2)), "its curvature there, the prior's included",
        by=f"second derivative of the cost of {joint}",
    )  # fmt: skip

    d.heading("The integral")
    parabola = C0 + curvature * (W - W0) ** 2 / 2
    value = d.step(
        "the evidence is the integral over the weight",
        Integral(sqrt(LAMBDA / (2 * pi)) * exp(-parabola), (W, -oo, oo)), exp(-C0) * sqrt(LAMBDA / curvature),
        by=f"Gaussian integral of {joint}, with {lowest} and {second}", paper="eqs. 5 and 6", using="Laplace",
    )  # fmt: skip
    log_value = d.define(
        log_evidence, log(exp(-C0) * sqrt(LAMBDA / curvature)), "its logarithm", by=f"logarithm of {value}"
    )
    depth = d.step(
        "which is depth and breadth", log_evidence, -(C0 + log(curvature / LAMBDA) / 2), by=f"rules of the logarithm "
        f"in {log_value}", paper="eq. 7",
    )  # fmt: skip

    d.heading("Occam's razor")
    at_mode = prior.subs(W, W0)
    factor = d.define(
        occam, log(at_mode * sqrt(2 * pi / curvature)),
        "the Occam factor is the prior density at the minimum times the width of the posterior, $√(2π/A)$: the share "
        "of the prior's volume that the data leave", by="definition (MacKay)",
    )  # fmt: skip
    d.step("the log evidence is the best fit plus the Occam factor", log_evidence, -fit + occam,
           by=f"insert {factor} and {lowest} into {depth}")  # fmt: skip
    d.step(
        "in terms of the curvature of the likelihood alone the penalty is positive, as $h > 0$ in a convex problem",
        log(curvature / LAMBDA) / 2, log(1 + excess / LAMBDA) / 2, by=f"{second}",
    )  # fmt: skip

    d.heading("Against guessing")
    null = (Rational(1) / CLASSES) ** N
    d.step("the null model gives each label the probability 1/n", log(null), -N * log(CLASSES), by="independent labels")
    d.define(RATIO, log(null) - log_evidence, "the log evidence ratio in favour of the null model")
    d.conclude(
        RATIO, fit + LAMBDA * W0**2 / 2 + log((excess + LAMBDA) / LAMBDA) / 2 - N * log(CLASSES),
        "the model deserves trust only if this is negative", by=f"insert {depth}, {lowest} and {second}",
        paper="eq. 10",
    )  # fmt: skip
    return d


def two_weights() -> Derivation:
    """Derive E = C(w₀) + ½ Σ ln(λᵢ/λ) − N ln n for two weights, and what each further weight adds."""
    d = Derivation("Evidence of a model with several weights", source=SOURCE)
    u, v = sympy.symbols("u v", real=True)
    a, c = sympy.symbols("a c", positive=True)
    b = sympy.Symbol("b", real=True)
    root = sqrt((a - c) ** 2 + 4 * b**2)
    first, second = sympy.symbols("lambda1 lambda2", real=True)
    schur = sympy.Symbol("s", positive=True)
    d.assume(LAMBDA, "precision of the prior of each weight")
    d.assume(N, "number of examples")
    d.assume(CLASSES, "number of classes", where=CLASSES >= 2)
    d.assume(C0, "cost at its minimum, the prior's part included")
    d.assume(u, "distance of the first weight from the minimum")
    d.assume(v, "distance of the second weight from the minimum")
    d.assume(a, "second derivative of the cost by the first weight twice")
    d.assume(b, "second derivative of the cost by both weights")
    d.assume(schur, "what is left of the curvature of v when u is free to follow; positive at a minimum")
    d.suppose("Laplace", "the cost is replaced by its parabola at the minimum")
    curved = d.define(c, schur + b**2 / a, "second derivative of the cost by the second weight twice")

    d.heading("The integral, one weight after the other")
    inner = d.step(
        "the parabola is a square in u and a rest in v", (a * u**2 + 2 * b * u * v + c * v**2) / 2,
        a * (u + b * v / a) ** 2 / 2 + schur * v**2 / 2, by=f"complete the square, with {curved}",
    )  # fmt: skip
    over_u = d.step(
        "the integral over u does not depend on v", Integral(exp(-a * (u + b * v / a) ** 2 / 2), (u, -oo, oo)),
        sqrt(2 * pi / a), by=f"Gaussian integral of the first part of {inner}",
    )  # fmt: skip
    over_v = d.step("the integral over v is", Integral(exp(-schur * v**2 / 2), (v, -oo, oo)), sqrt(2 * pi / schur),
                    by=f"Gaussian integral of the second part of {inner}")  # fmt: skip
    hessian = sympy.Matrix([[a, b], [b, c]])
    both = d.step(
        "together they hold the determinant of the Hessian", sqrt(2 * pi / a) * sqrt(2 * pi / schur),
        2 * pi / sqrt(hessian.det()), by=f"product of {over_u} and {over_v}; determinant with {curved}",
    )  # fmt: skip

    d.heading("Eigenvalues")
    larger = d.define(first, (a + c + root) / 2, "the larger eigenvalue of the Hessian")
    smaller = d.define(second, (a + c - root) / 2, "and the smaller one")
    x = sympy.Symbol("x", real=True)
    d.assume(x, "the unknown of the characteristic polynomial")
    d.step("these are its eigenvalues", (x * sympy.eye(2) - hessian).det(), (x - first) * (x - second),
           by="characteristic polynomial")  # fmt: skip
    product = d.step("their product is the determinant", first * second, hessian.det(), by=f"{larger} and {smaller}")
    value = sympy.Symbol("P", positive=True)
    evidence = d.define(
        value, LAMBDA / (2 * pi) * exp(-C0) * 2 * pi / sqrt(hessian.det()),
        "the evidence, with a factor $√(λ/2π)$ of the prior for each weight", by=f"{both}", using="Laplace",
        paper="eq. 8",
    )  # fmt: skip
    d.step(
        "each direction contributes a factor $√(λ/λ_i)$, as one weight did; squared", value**2,
        exp(-2 * C0) * (LAMBDA / first) * (LAMBDA / second), by=f"insert {product} into {evidence}", paper="eq. 9",
    )  # fmt: skip
    d.note(
        "For p weights turn to the eigenvectors of the Hessian. The rotation has determinant one and leaves the "
        "isotropic prior as it is, so that the integral is a product of p integrals over one weight each."
    )
    eigenvalue = sympy.Symbol("k", positive=True)
    d.assume(eigenvalue, "eigenvalue of a further direction")
    d.step(
        "each further direction adds half the logarithm of its eigenvalue over λ",
        -log(Integral(sqrt(LAMBDA / (2 * pi)) * exp(-eigenvalue * u**2 / 2), (u, -oo, oo))),
        log(eigenvalue / LAMBDA) / 2, by="Gaussian integral", paper="eq. 9",
    )  # fmt: skip

    d.heading("Against guessing")
    d.define(RATIO, -N * log(CLASSES) - log(value), "the log evidence ratio in favour of the null model",
             paper="eq. 10")  # fmt: skip
    d.conclude(
        RATIO, C0 + log(hessian.det() / LAMBDA**2) / 2 - N * log(CLASSES), "the result for two weights",
        by=f"logarithm of {evidence}; the determinant is positive, as it is $a s$ by {curved}",
    )  # fmt: skip
    return d


def gaussian() -> Derivation:
    """Derive the evidence of a linear model exactly, in two ways, for any number of examples."""
    d = Derivation(
        "Exactness for a linear model with Gaussian noise", source="MacKay (1992); Bishop (2006), section 3.5"
    )
    variance = sympy.Symbol("sigma2", positive=True)
    xx = sympy.Symbol("Sxx", positive=True)
    xy, total = sympy.symbols("Sxy L", real=True)
    yy, curvature, perpendicular = sympy.symbols("Syy A Ry", positive=True)
    mode, x, y = sympy.symbols("m x y", real=True)
    d.assume(LAMBDA, "precision of the prior of the one weight w")
    d.assume(variance, "variance of the noise: $y_i = w x_i$ plus independent Gaussian noise")
    d.assume(N, "number of examples")
    d.assume(W, "the weight")
    d.assume(x, "input of one of the examples")
    d.assume(y, "output of the same example")
    d.assume(xx, "sum of the squared inputs")
    d.assume(xy, "sum of input times output")
    d.assume(yy, "sum of the squared outputs", where=xx * yy >= xy**2)

    d.heading("By an integral over the weight")
    cost = N * log(2 * pi * variance) / 2 + (yy - 2 * W * xy + W**2 * xx) / (2 * variance) + LAMBDA * W**2 / 2
    a = d.define(curvature, LAMBDA + xx / variance, "the curvature of the cost, the same everywhere")
    d.step("this is the second derivative of the cost", sympy.Derivative(cost, (W, 2)), curvature, by="differentiate")
    m = d.define(mode, xy / (variance * curvature), "the minimum of the cost")
    d.step("where the slope is zero", sympy.Subs(sympy.Derivative(cost, W), W, mode), 0, by=f"insert {m}")
    lowest = cost.subs(W, mode)
    square = d.step("the cost is exactly its parabola", cost, lowest + curvature * (W - mode) ** 2 / 2,
                    by=f"complete the square with {a} and {m}")  # fmt: skip
    one = d.step(
        "so Laplace's integral is no approximation",
        Integral(sqrt(LAMBDA / (2 * pi)) * exp(-curvature * (W - mode) ** 2 / 2), (W, -oo, oo)),
        sqrt(LAMBDA / curvature), by=f"Gaussian integral of {square}",
    )  # fmt: skip
    depth = d.define(total, -lowest + log(LAMBDA / curvature) / 2, "the log evidence", by=f"{square} and {one}")

    d.heading("By the law of the outputs")
    d.note(
        "Without the weight: the outputs are jointly Gaussian with mean zero and covariance $K$, which is $σ²$ times "
        "the identity plus $x xᵀ/λ$. Their density needs $yᵀ K^{-1} y$ and the determinant of $K$."
    )
    solution = y / variance - x * xy / (variance**2 * curvature)
    overlap = xy / variance - xx * xy / (variance**2 * curvature)
    solved = d.step(
        "the vector z with $K z = y$ has the entries $y/σ² − x S_{xy}/((σ²)² A)$, and its product with x is as here",
        variance * solution + x * overlap / LAMBDA, y, by="one entry of $K z$",
    )  # fmt: skip
    form = d.define(perpendicular, yy / variance - xy**2 / (variance**2 * curvature), "hence $yᵀ K^{-1} y$ is",
                    by=f"product of y with the vector of {solved}")  # fmt: skip
    along = d.step(
        "the vector x is an eigenvector of $K$, whose other eigenvalues are all $σ²$",
        variance * x + x * xx / LAMBDA, variance * curvature / LAMBDA * x, by="one entry of $K x$",
    )  # fmt: skip
    determinant = variance ** (N - 1) * variance * curvature / LAMBDA
    d.step("the determinant of $K$ is the product of the eigenvalues", log(determinant),
           N * log(variance) + log(curvature / LAMBDA), by=f"$N − 1$ times $σ²$, and {along}")  # fmt: skip
    d.step(
        "the density of the outputs is the integral over the weight",
        -N * log(2 * pi) / 2 - log(determinant) / 2 - perpendicular / 2, total, by=f"{form} and {depth}",
    )  # fmt: skip
    d.conclude(
        total,
        -N * log(2 * pi * variance) / 2 - log(1 + xx / (LAMBDA * variance)) / 2
        - (yy - xy**2 / (xx + LAMBDA * variance)) / (2 * variance),
        "the log evidence", by=f"insert {a} and {m} into {depth}",
    )  # fmt: skip
    return d


def correction() -> Derivation:
    """Derive the relative error of Laplace's method, T (5 C₃²/(24 A³) − C₄/(8 A²)), to first order."""
    d = Derivation("The first correction to Laplace's method", source="Tierney & Kadane (1986)")
    curvature = sympy.Symbol("A", positive=True)
    third, fourth, u, r = sympy.symbols("C3 C4 u r", real=True)
    coefficient = sympy.Symbol("c1", real=True)
    d.assume(curvature, "second derivative of the cost at its minimum")
    d.assume(third, "third derivative there")
    d.assume(fourth, "fourth derivative there")
    d.assume(u, "distance from the minimum, in units of $√(T)$")
    d.assume(r, "$√(T)$, which is small; the integrand is $e^{-C/T}$, and $T = 1$ in the evidence")
    d.suppose("Asymptotic", "the series in r may be integrated term by term, as an asymptotic series")
    cost = curvature * (r * u) ** 2 / 2 + third * (r * u) ** 3 / 6 + fourth * (r * u) ** 4 / 24
    weight = exp(-curvature * u**2 / 2)
    odd = -third * u**3 / 6
    even = third**2 * u**6 / 72 - fourth * u**4 / 24
    series = d.expand(
        "beside the Gaussian the integrand has", exp(-(cost / r**2 - curvature * u**2 / 2)), 1 + r * odd + r**2 * even,
        variable=r, order=3, by="series of the exponential",
    )  # fmt: skip
    mean = sqrt(curvature / (2 * pi))
    powers = [
        d.step(f"the Gaussian mean of $u^{n}$", Integral(mean * u**n * weight, (u, -oo, oo)), value,
               by="Gaussian integral")
        for n, value in ((3, 0), (4, 3 / curvature**2), (6, 15 / curvature**3))
    ]  # fmt: skip
    d.define(coefficient, Integral(mean * even * weight, (u, -oo, oo)), "the coefficient of $r² = T$ in the integral",
             by=f"{series}; the term in r vanishes by {powers[0]}", using="Asymptotic")  # fmt: skip
    d.conclude(
        coefficient, 5 * third**2 / (24 * curvature**3) - fourth / (8 * curvature**2),
        "the evidence is Laplace's value times $1 + c_1 T$ and higher powers; zero for a parabola",
        by=f"insert {powers[1]} and {powers[2]}",
    )  # fmt: skip
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the derived formulas with independent numbers; return a line for each, raise SdeTheoryError on a miss."""
    one, two, linear, first = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(0)
    lines = []
    for precision in (0.1, 1.0, 30.0):
        x = rng.normal(size=12)
        labels = np.arange(12) % 2
        w0 = _root(x, labels, precision)
        chance = _logistic(w0 * x)
        fit = -float(np.log(np.where(labels == 1, chance, 1 - chance)).sum())
        numbers = {"h": float((chance * (1 - chance)) @ x**2), "w0": w0, "H0": fit, "lambda": precision}
        found = laplace(LogisticRegression(x[:, None], labels), precision).log_evidence_ratio
        lines.append(compare(f"E of a logistic regression, one weight, lambda = {precision}",
                             one(N=12, n=2, **numbers), float(found), "sdetheory.evidence.laplace"))  # fmt: skip

        X = rng.normal(size=(12, 2))
        fitted = laplace(LogisticRegression(X, labels), precision)
        chance = _logistic(X @ fitted.mode)
        fit = -float(np.log(np.where(labels == 1, chance, 1 - chance)).sum())
        hessian = (X.T * (chance * (1 - chance))) @ X + precision * np.eye(2)
        numbers = {"a": hessian[0, 0], "b": hessian[0, 1], "c": hessian[1, 1], "lambda": precision}
        cost = fit + precision * float(fitted.mode @ fitted.mode) / 2
        lines.append(compare(f"E of a logistic regression, two weights, lambda = {precision}",
                             float(two(N=12, n=2, C0=cost, **numbers)), float(fitted.log_evidence_ratio),
                             "sdetheory.evidence.laplace"))  # fmt: skip

        y = 2 * x + rng.normal(size=12)
        numbers = {"Sxx": float(x @ x), "Sxy": float(x @ y), "Syy": float(y @ y), "lambda": precision, "sigma2": 0.7}
        found = LinearModel(x[:, None], y).log_evidence(precision, 0.7)
        lines.append(compare(f"log evidence of a linear model, lambda = {precision}", float(linear(N=12, **numbers)),
                             float(found), "sdetheory.evidence.LinearModel"))  # fmt: skip
    t = sympy.Symbol("t", positive=True)
    for name, cost, place in (
        ("t - log t, Stirling's n!", t - log(t), 1),
        ("cosh(t - 1)", sympy.cosh(t - 1), 1),
        ("exp(t) - 2 t", exp(t) - 2 * t, log(2)),
    ):
        values = [float(sympy.diff(cost, t, n).subs(t, place)) for n in (2, 3, 4)]
        found = expand_integral(cost, {t: place}).coefficients[0]
        lines.append(compare(f"first correction for the cost {name}", first(A=values[0], C3=values[1], C4=values[2]),
                             float(found), "sdetheory.symbolic.laplace"))  # fmt: skip
    return lines


def _root(x: np.ndarray, labels: np.ndarray, precision: float) -> float:
    """Return where the slope of the cost of a logistic regression with one weight vanishes."""

    def slope(w: float) -> float:
        return float(precision * w + x @ (_logistic(w * x) - labels))

    return float(optimize.root_scalar(slope, bracket=(-99.0, 99.0), xtol=1e-15).root)


def _logistic(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
