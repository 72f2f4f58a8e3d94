"""Stochastic modified equations of SGD, of first and second order, and the one that has the right stationary variance.

    python -m derivations.modified_equations --format latex|markdown|text

The first derivation expands one step of SGD, and an Itô equation over the time of one step, in powers of the learning
rate, for any loss and any gradient noise in one dimension, and finds the equations of Li, Tai and E. The second takes
a quadratic loss, where all is known, and shows that the second-order equation has a worse stationary variance. The
third finds the correction of the noise that makes it right, the last the linear equation that interpolates SGD exactly.
At the end the formulas meet `theory.ornstein_uhlenbeck` and `theory.sgd_covariance`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy

from sdetheory import SGDHyperparameters
from sdetheory.symbolic import (
    Derivation,
    ItoSDE,
    compare,
    moment_equations,
    present,
    recursion_expansion,
    semigroup_expansion,
)
from sdetheory.theory import ornstein_uhlenbeck, sgd_covariance

ETA, CURVATURE, NOISE = sympy.symbols("eta a S", positive=True)
X, XI = sympy.symbols("x xi", real=True)


def derive() -> tuple[Derivation, ...]:
    """Return the modified equations, what the second-order one does to the stationary variance, and the cure."""
    return second_order_drift(), stationary_variances(), corrected_noise(), interpolation()


def second_order_drift() -> Derivation:
    """Derive the drift −∇(L + (η/4)|∇L|²) of the second-order equation."""
    d = Derivation("Stochastic modified equations of SGD", source="Li, Tai & E (2019), JMLR 20(40)")
    loss, noise, f = (sympy.Function(name, real=True) for name in ("L", "S", "f"))
    correction, sgd, flow1, flow2 = sympy.symbols("b U W_1 W_2", real=True)
    L, S, test = loss(X), noise(X), f(X)
    d.assume(X, "the weight")
    d.assume(loss, "the mean loss, any smooth function")
    d.assume(noise, "variance of the minibatch gradient, any smooth positive function")
    d.assume(f, "any smooth function whose mean is wanted")
    d.assume(ETA, "learning rate; a step of SGD lasts the time η")
    d.assume(XI, "gradient noise of one step: mean zero, variance S(x)")
    d.assume(correction, "correction of the drift, to be determined; it may depend on x")

    d.heading("One step of SGD")
    d.note(
        "A step takes x to $x − η (L′ + ξ)$. Expand f there in powers of η and take the mean over ξ: the means of ξ "
        "and ξ² are 0 and S, and the third power of the step is of order η³."
    )
    slope, bend = test.diff(X), test.diff(X, 2)
    expansion = recursion_expansion(test, -ETA * (L.diff(X) + XI), X, {XI: 0, XI**2: S}, step=ETA, order=2)
    after = d.define(sgd, expansion, "the mean of f after a step, up to η²", by="Kramers–Moyal expansion")
    d.step(
        "in order of the derivatives of f", sgd,
        test - ETA * L.diff(X) * slope + ETA**2 / 2 * (L.diff(X) ** 2 + S) * bend, by=f"collect terms of {after}",
    )  # fmt: skip

    d.heading("First order: the same drift, and noise of variance η S")
    d.note(
        "The mean of f along an Itô equation changes at the rate $A f = drift f′ + ½ variance f″$, so in the time η it "
        "becomes $f + η A f + ½ η² A A f$ up to order η³."
    )
    first = ItoSDE.from_covariance(-L.diff(X), ETA * S, X)
    flowed = d.define(flow1, semigroup_expansion(first, test, step=ETA, order=2), "the mean of f after the time η, up "
                      "to η²", by="insert drift −L′ and variance η S")  # fmt: skip
    d.expand("to first order they agree", sgd - flow1, 0, variable=ETA, order=2, by=f"{after} and {flowed}")
    missed = d.step(
        "to second order they do not", sgd - flow1, -(ETA**2) / 2 * L.diff(X) * L.diff(X, 2) * slope,
        by=f"{after} and {flowed}: the terms with f″ agree, those with f′ do not",
    )  # fmt: skip

    d.heading("Second order: a drift of order η more")
    d.note("A drift η b more adds η² b f′ in the time η, and at this order nothing else.")
    d.solve(
        "the terms with f′ agree", ETA**2 * correction, -(ETA**2) / 2 * L.diff(X) * L.diff(X, 2), unknown=correction,
        solution=-L.diff(X) * L.diff(X, 2) / 2, by=f"{missed}",
    )  # fmt: skip
    modified = d.step(
        "the drift is that of a modified loss", -L.diff(X) + ETA * correction,
        -sympy.Derivative(L + ETA / 4 * L.diff(X) ** 2, X), by="differentiate the right side",
    )  # fmt: skip
    second = ItoSDE.from_covariance(-(L + ETA / 4 * L.diff(X) ** 2).diff(X), ETA * S, X)
    cured = d.define(flow2, semigroup_expansion(second, test, step=ETA, order=2), "the mean of f with this drift",
                     by=f"insert the drift {modified}, and the variance η S as before")  # fmt: skip
    d.step("now they agree to second order", sgd - flow2, 0, by=f"{after} and {cured}")
    d.conclude(correction, -sympy.Derivative(L.diff(X) ** 2, X) / 4, "the correction of the drift", by=f"{modified}")
    return d


def stationary_variances() -> Derivation:
    """Derive the stationary variances of SGD and of its modified equations for a quadratic loss."""
    d = Derivation("Stationary variance of SGD and of its modified equations", source="Li, Tai & E (2019)")
    p, p1, p2 = sympy.symbols("p p_1 p_2", positive=True)
    _assume_quadratic(d)
    d.assume(p1, "stationary variance of the first-order equation, to be determined")
    d.assume(p2, "stationary variance of the second-order equation, to be determined")
    d.heading("SGD itself")
    exact = d.define(p, ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE)), "claim: the stationary variance of SGD")
    d.step(
        "a step does not change it", (1 - ETA * CURVATURE) ** 2 * p + ETA**2 * NOISE, p,
        by=f"x goes to $(1 − η a) x − η ξ$; insert {exact}",
    )  # fmt: skip
    d.heading("The modified equations")
    d.note("An equation with the drift −K x and noise of variance A per unit time has the variance $A/(2 K)$.")
    first = d.solve(
        "first order, in equilibrium", _rate_of_square(CURVATURE, ETA * NOISE, p1), 0, unknown=p1,
        solution=ETA * NOISE / (2 * CURVATURE), by="Itô's formula for x²: drift −a x, noise η S",
    )  # fmt: skip
    stiff = CURVATURE + ETA * CURVATURE**2 / 2
    second = d.solve(
        "second order, in equilibrium", _rate_of_square(stiff, ETA * NOISE, p2), 0, unknown=p2,
        solution=ETA * NOISE / (2 * CURVATURE + ETA * CURVATURE**2),
        by="Itô's formula for x²: drift $−(L + (η/4) L′²)′ = −(a + η a²/2) x$, noise η S",
    )  # fmt: skip
    d.heading("The second-order equation is the worse one here")
    d.expand("SGD varies more than the first-order equation says", p / p1, 1 + ETA * CURVATURE / 2,
             variable=ETA, order=2, by=f"series of {exact} over {first}")  # fmt: skip
    d.expand("the second-order equation says that it varies less", p2 / p1, 1 - ETA * CURVATURE / 2,
             variable=ETA, order=2, by=f"series of {second} over {first}")  # fmt: skip
    d.note(
        "This is no contradiction. The variance is itself of order η. An error of order η² in it is what second order "
        "allows."
    )
    d.conclude(p, ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE)), "the variance of SGD", by=f"{exact}")
    return d


def corrected_noise() -> Derivation:
    """Derive the correction of the noise that makes the stationary variance right to second order."""
    d = Derivation("A modified equation with the right stationary variance", source="")
    c, p3 = sympy.Symbol("c", real=True), sympy.Symbol("p_3", positive=True)
    _assume_quadratic(d)
    d.assume(c, "strength of the correction, to be determined")
    ratio = sympy.Symbol("r", real=True)
    stiff = CURVATURE + ETA * CURVATURE**2 / 2
    d.heading("Noise of variance η S (1 + c η a), with the second-order drift")
    d.define(ratio, (1 + c * ETA * CURVATURE) * CURVATURE / stiff, "its stationary variance over $η S/(2 a)$",
             by="noise over twice the rate of the drift")  # fmt: skip
    series = d.expand("for a small learning rate", ratio, 1 + (c - sympy.Rational(1, 2)) * ETA * CURVATURE,
                      variable=ETA, order=2, by="Taylor series")  # fmt: skip
    sgd = ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE))
    wanted = d.expand("for SGD the same ratio is", sgd / (ETA * NOISE / (2 * CURVATURE)), 1 + ETA * CURVATURE / 2,
                      variable=ETA, order=2, by="proved in the derivation of the stationary variances")  # fmt: skip
    d.solve("the terms with η agree", (c - sympy.Rational(1, 2)) * CURVATURE, CURVATURE / 2, unknown=c, solution=1,
            by=f"{series} and {wanted}")  # fmt: skip
    corrected = d.define(p3, ratio * ETA * NOISE / (2 * CURVATURE), "so the corrected equation has the variance")
    d.expand("it is right in the two lowest orders", p3, sgd, variable=ETA, order=3, by=f"{corrected}")
    d.conclude(p3, ETA * NOISE * (1 + ETA * CURVATURE) / (2 * CURVATURE + ETA * CURVATURE**2),
               "the variance with the corrected noise", by=f"{corrected} with c = 1")  # fmt: skip
    return d


def interpolation() -> Derivation:
    """Derive the linear equation that passes exactly through the means and variances of SGD."""
    d = Derivation("The equation that interpolates SGD exactly", source="")
    rate, noise, p = sympy.symbols("rho A p", positive=True)
    _assume_quadratic(d, at_most=1)
    d.heading("Mean and variance after the time η")
    slope = d.define(rate, -sympy.log(1 - ETA * CURVATURE) / ETA, "claim: the rate of the drift")
    d.define(p, ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE)), "the stationary variance of SGD",
             by="proved in the derivation of the stationary variances")  # fmt: skip
    spread = d.define(noise, 2 * rate * p, "claim: the variance of the noise per unit time")
    d.step("the mean shrinks as in one step of SGD", sympy.exp(-rate * ETA), 1 - ETA * CURVATURE, by=f"insert {slope}")
    d.step(
        "the variance that is added is that of one step", noise * (1 - sympy.exp(-2 * rate * ETA)) / (2 * rate),
        ETA**2 * NOISE, by=f"the noise, damped by the drift, summed over the time η; {slope}, {spread}",
    )  # fmt: skip
    d.heading("Its first terms are the modified equation with corrected noise")
    d.expand("the drift", rate, CURVATURE + ETA * CURVATURE**2 / 2, variable=ETA, order=2, by=f"series of {slope}")
    d.expand("the noise", noise, ETA * NOISE * (1 + ETA * CURVATURE), variable=ETA, order=3, by=f"series of {spread}")
    d.conclude(
        noise, -2 * NOISE * sympy.log(1 - ETA * CURVATURE) / (CURVATURE * (2 - ETA * CURVATURE)), "the exact noise",
        by=f"insert {slope} into {spread}",
    )  # fmt: skip
    return d


def _assume_quadratic(d: Derivation, at_most: int = 2) -> None:
    d.assume(CURVATURE, "curvature of the mean loss $L = a x²/2$")
    d.assume(ETA, "learning rate; SGD is stable" + " and does not overshoot" * (at_most == 1),
             where=at_most > ETA * CURVATURE)  # fmt: skip
    d.assume(NOISE, "variance of the minibatch gradient, constant")


def _rate_of_square(rate: sympy.Expr, noise: sympy.Expr, variance: sympy.Expr) -> sympy.Expr:
    """Return dE[x²]/dt for the drift −rate x, with `variance` for E[x²] and 0 for E[x]."""
    equations = moment_equations(ItoSDE.from_covariance(-rate * X, noise, X), 2)
    return equations.rate((2,)).subs(equations.symbol((2,)), variance)


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the variances at random values; return a line for each, raise SdeTheoryError on a miss."""
    _, sgd, corrected, exact = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(2)
    lines = []
    for _ in range(3):
        a, s = rng.uniform(0.5, 3), rng.uniform(0.1, 5)
        eta = rng.uniform(0.02, 0.9) / a
        values = {"a": a, "S": s, "eta": eta}
        where = f"at a = {a:.3g}, S = {s:.3g}, learning rate {eta:.3g}"
        # Of two examples one a batch: the cost and the gradient covariance are twice those of the mean loss.
        hp = SGDHyperparameters(learning_rate=eta, train_size=2, batch_size=1)
        found = sgd_covariance([[2 * a]], [[2 * s]], hp).covariance[0, 0]
        lines.append(compare(f"variance of SGD {where}", sgd(**values), found, "sdetheory.theory.sgd_covariance"))
        law = ornstein_uhlenbeck([[a + eta * a**2 / 2]], [[eta * s * (1 + eta * a) / 2]])
        how = "sdetheory.ornstein_uhlenbeck"
        lines.append(compare(f"with corrected noise {where}", corrected(**values), law.covariance[0, 0], how))
        law = ornstein_uhlenbeck([[-np.log1p(-eta * a) / eta]], [[exact(**values) / 2]])
        lines.append(compare(f"SGD by the interpolating equation {where}", sgd(**values), law.covariance[0, 0], how))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
