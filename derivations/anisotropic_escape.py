"""Escape by noise that follows the curvature, and what its reading (Itô or another) decides.

    python -m derivations.anisotropic_escape --format latex|markdown|text

The noise of SGD is strong where the loss is curved: in Xie, Sato and Sugiyama's theory D = (η/2B) H along the direction
of escape. The first derivation proves the exact mean passage time for noise D(x) of any shape, in every reading of the
stochastic integral. The second takes the limit of little noise: the exponent is that of an effective potential, and the
prefactor depends on the reading. The formula as it is usually quoted belongs to the isothermal reading; SGD tends to
Itô's. The third shows what happens if D ∝ |L″| is taken at its word. At the end the formulas meet `sdetheory.theory`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy
from scipy import integrate
from sympy import Derivative, Integral, Subs, exp, log, oo, pi, sqrt

from sdetheory.symbolic import Derivation, ItoSDE, compare, compare_order, present
from sdetheory.theory import anisotropic_escape_time, mean_first_passage_time

SOURCE = "Xie, Sato & Sugiyama (2021), arXiv:2002.03495"
ETA, B, HA, HB, BARRIER, THETA = sympy.symbols("eta B H_a H_b dL theta", positive=True)
READING, SHARE = sympy.symbols("w s", real=True)
X, Y, Z, U = sympy.symbols("x y z u", real=True)
READINGS = {"ito": 1, "stratonovich": sympy.Rational(1, 2), "isothermal": 0}


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return passage_time(), escape_time(), at_its_word()


def passage_time() -> Derivation:
    """Derive τ = ∫ D^{w−1} e^{Φ} ∫ D^{−w} e^{−Φ}, with Φ′ = L′/D, in the reading w."""
    d = Derivation("The exact mean passage time with noise that depends on the place", source="Gardiner (2009), 5.5.2")
    noise, potential = sympy.Function("D", positive=True), sympy.Function("Phi", real=True)
    time, drift, mass = sympy.symbols("tau f M", real=True)
    target, wall = sympy.symbols("c r", real=True)
    d.assume(noise, "half the variance of the noise per unit time, any smooth positive function")
    d.assume(potential, "effective potential, whose slope is $L′/D$, L being the loss")
    d.assume(X, "the weight; it obeys $dx = −L′ dt + √(2 D) dW$")
    d.assume(READING, "how this is read: 1 for Itô, ½ for Stratonovich, 0 for the isothermal reading")
    for symbol, text in ((Y, "a point on the way"), (Z, "a point behind it"), (target, "where the clock stops"),
                         (wall, "a wall that reflects, beyond the start")):  # fmt: skip
        d.assume(symbol, text)

    d.heading("The readings")
    d.note(
        "The noise of a short time h is multiplied by $√(2 D)$ at the beginning of h (Itô), by the mean of beginning "
        "and end (Stratonovich), or by its value at the end (isothermal). Noise and step are correlated in the last "
        "two, which gives the drift $(1 − w) D′$ beside $−L′$. So the mean of any function changes at the rate "
        "$D τ″ + ((1 − w) D′ − L′) τ′$, and as in the derivation of Kramers' time this is −1 for the mean passage time."
    )
    meaning = d.define(drift, -noise(X) * Derivative(potential(X), X) + (1 - READING) * Derivative(noise(X), X),
                     "the drift in Itô's reading", by="$L′ = D Φ′$")  # fmt: skip
    root = sqrt(2 * noise(X))
    converted = ItoSDE.from_stratonovich(-noise(X) * potential(X).diff(X), root, X).drift[0]
    d.step("for Stratonovich it is that of the conversion formula", Subs(drift, READING, sympy.Rational(1, 2)),
           converted, by="half the derivative of the noise times the noise")  # fmt: skip
    d.heading("The mean time")
    behind = Integral(noise(Z) ** -READING * exp(-potential(Z)), (Z, wall, Y))
    d.define(mass, behind.subs(Y, X), "what is behind x, but for a factor")
    claim = d.define(time, Integral(noise(Y) ** (READING - 1) * exp(potential(Y)) * behind, (Y, X, target)),
                     "claim: the mean time")  # fmt: skip
    falling = -(noise(X) ** (READING - 1)) * exp(potential(X)) * mass
    slope_of_time = d.step("its slope", Derivative(time, X), falling, by=f"differentiate {claim} by its lower limit")
    d.step("it obeys the equation", noise(X) * Derivative(falling, X) + drift * falling, -1,
           by=f"differentiate {slope_of_time} once more, with {meaning}")  # fmt: skip
    d.step("the clock stops at the target", Subs(time, X, target), 0, by=f"an integral over nothing, in {claim}")
    d.conclude(time, Integral(noise(Y) ** (READING - 1) * exp(potential(Y)) * behind, (Y, X, target)),
               "so this is the exact mean time", by=f"{claim}, proved")  # fmt: skip
    return d


def escape_time() -> Derivation:
    """Derive τ = 2π H_b^{w−1} H_a^{−w} exp[(2BΔL/η)(s/H_a + (1 − s)/H_b)]."""
    d = Derivation("Escape time of SGD with noise in proportion to the curvature", source=SOURCE)
    low = sympy.Symbol("phi_a", real=True)
    climb, valley, ridge, time = sympy.symbols("dPhi I_a I_b tau", positive=True)
    slope = sympy.Symbol("k", positive=True)
    for symbol, text in (
        (ETA, "learning rate, which is also the time of one step"), (B, "batch size, small against N"),
        (HA, "curvature of the mean loss L at the minimum, along the direction of escape"),
        (HB, "the same downwards at the saddle, $|L″|$"), (BARRIER, "height of the barrier, $ΔL$"),
    ):  # fmt: skip
        d.assume(symbol, text)
    d.assume(SHARE, "share of the barrier that is climbed with the noise of the minimum, the rest with that of the "
             "saddle", where=(SHARE > 0, SHARE < 1))  # fmt: skip
    d.assume(READING, "reading of the stochastic integral: 1 for Itô, ½ for Stratonovich, 0 for isothermal")
    d.assume(low, "effective potential at the minimum")
    d.assume(U, "distance from the minimum or the saddle")
    d.suppose("Little noise", "η/B is so small that Φ may be replaced by its parabolas, and D by its values, at the "
              "minimum and at the saddle; the relative error is of order η/B")  # fmt: skip
    d.suppose("One way", "the escape is along one direction, and the curvatures across it do not change")

    d.heading("The effective potential")
    strength = d.define(THETA, ETA / (2 * B), "the noise is $D = θ H$ with", by="the minibatch gradient has the "
                        "variance $H/B$ where the covariance is the Hessian; D is half of η times that")  # fmt: skip
    d.note(
        "What is climbed is not L but Φ with the slope $L′/D$, which counts the same height for more where D is small."
    )
    height = d.define(climb, SHARE * BARRIER / (THETA * HA) + (1 - SHARE) * BARRIER / (THETA * HB),
                      "its barrier", by="sum $L′/D$ over the way, with $D = θ H_a$ on a share s of the height and "
                      "$θ H_b$ on the rest", using="One way")  # fmt: skip
    d.assume(slope, "curvature of L at a critical point, where $D = θ k$")
    steep = d.step("its curvature at both points is the same", slope / (THETA * slope), 1 / THETA,
                   by="the slope L′ is zero there, so that $Φ″ = L″/D$: the curvature of L cancels")  # fmt: skip
    d.heading("The two integrals")
    inner = d.define(valley, Integral((THETA * HA) ** -READING * exp(-(low + U**2 / (2 * THETA))), (U, -oo, oo)),
                     "over the valley", by=f"the exact passage time, with {steep}", using="Little noise")  # fmt: skip
    outer = d.define(
        ridge, Integral((THETA * HB) ** (READING - 1) * exp(low + climb - U**2 / (2 * THETA)), (U, -oo, oo)),
        "over the ridge", by=f"the exact passage time, with {steep}", using="Little noise",
    )  # fmt: skip
    d.step(
        "the first is a Gaussian", valley, (THETA * HA) ** -READING * sqrt(2 * pi * THETA) * exp(-low), by=f"{inner}"
    )
    d.step("the second too", ridge, (THETA * HB) ** (READING - 1) * sqrt(2 * pi * THETA) * exp(low + climb),
           by=f"{outer}")  # fmt: skip
    product = d.define(time, valley * ridge, "the mean escape time", by="the two integrals separate, as for Kramers")
    d.heading("The readings differ by the prefactor")
    for name, weight, prefactor in (
        ("Itô, to which SGD tends: the curvature of the minimum", 1, 1 / HA),
        ("Stratonovich: the geometric mean", sympy.Rational(1, 2), 1 / sqrt(HA * HB)),
        ("isothermal: the curvature of the saddle, which is what is usually quoted", 0, 1 / HB),
    ):  # fmt: skip
        d.step(name, Subs(time, READING, weight), 2 * pi * prefactor * exp(climb), by=f"insert w into {product}")
    d.step("so the quoted time is wrong by this factor for SGD", Subs(time, READING, 0) / Subs(time, READING, 1),
           HA / HB, by="divide the third by the first")  # fmt: skip
    d.note(
        "The exponent is the same in all readings. It falls with the curvature of the minimum: with noise of this kind "
        "a sharp minimum is left exponentially sooner. With isotropic noise, in Kramers' formula, only the root of the "
        "curvature counts."
    )
    d.conclude(
        time, 2 * pi * HB ** (READING - 1) * HA**-READING
        * exp(2 * B * BARRIER / ETA * (SHARE / HA + (1 - SHARE) / HB)),
        "the escape time", by=f"insert {height} and {strength} into {product}",
    )  # fmt: skip
    return d


def at_its_word() -> Derivation:
    """Derive the effective potential of D = θ|L″| in the quartic double well, which has no upper bound."""
    d = Derivation("Noise in proportion to the curvature, taken at its word", source="")
    rise = sympy.Symbol("dPhi", real=True)
    d.assume(THETA, "$η/(2 B)$, as before")
    d.assume(Y, "how far the weight has climbed from its minimum at −1; the curvature changes sign at $−1/√(3)$",
             where=(Y > -1, 3 * Y**2 > 1, Y < 0))  # fmt: skip
    d.assume(U, "a point on the way")
    loss = U**4 / 4 - U**2 / 2
    d.step("the quartic double well has the slope", Derivative(loss, U), U**3 - U, by="differentiate $u⁴/4 − u²/2$")
    d.step("and the curvature", Derivative(loss, (U, 2)), 3 * U**2 - 1, by="differentiate twice")
    d.step("the quotient has an elementary integral", Derivative(U**2 / 6 - log(3 * U**2 - 1) / 9, U),
           (U**3 - U) / (3 * U**2 - 1), by="differentiate the integral")  # fmt: skip
    total = d.define(rise, ((Y**2 - 1) / 6 - log((3 * Y**2 - 1) / 2) / 9) / THETA, "so the effective potential rises "
                     "by", by="its values at y and at −1")  # fmt: skip
    d.note(
        f"In {total} the height grows without bound as the curvature $3 y² − 1$ goes to zero. No noise is left there "
        "to carry the weight on, and nothing escapes. The share s must come from noise that stays positive: from "
        "several directions, or a covariance that is not quite the Hessian."
    )
    d.conclude(rise, -(log((3 * Y**2 - 1) / 2) / 9 + (1 - Y**2) / 6) / THETA, "the effective height", by=f"{total}")
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas with the numerics; return a line for each, raise SdeTheoryError on a miss."""
    _, escape, height = (derivation.result for derivation in derivations)
    lines = []
    for calculus, weight in READINGS.items():
        for eta, batch, share in ((0.1, 1, 0.5), (0.02, 3, 0.3)):
            found = anisotropic_escape_time(
                0.25, 2.0, 1.0, learning_rate=eta, batch_size=batch, split=share, calculus=calculus
            )
            derived = escape(eta=eta, B=batch, s=share, dL=0.25, H_a=2.0, H_b=1.0, w=float(weight))
            what = f"{calculus} at learning rate {eta}, B = {batch}, s = {share}"
            lines.append(compare(what, derived, found, "sdetheory.theory.anisotropic_escape_time"))

    # D = θ (1 + x²) is θ H_a at the minimum of the quartic double well and θ |H_b| at its top.
    share = ((np.log(2) - 0.5) / 0.25 - 1) / (1 / 2 - 1)
    strengths = (0.01, 0.005, 0.0025)
    for calculus in READINGS:
        errors = []
        for theta in strengths:
            # The isothermal reading is Itô's with D′ in the drift.
            extra, numeric = (2 * theta, "ito") if calculus == "isothermal" else (0.0, calculus)
            found = mean_first_passage_time(
                lambda x, e=extra: x - x**3 + e * x, lambda x, t=theta: t * (1 + x**2), start=-1.0, target=1.0,
                calculus=numeric,
            )  # fmt: skip
            derived = escape(eta=2 * theta, B=1, s=share, dL=0.25, H_a=2.0, H_b=1.0, w=float(READINGS[calculus]))
            errors.append(found / derived - 1)
        what = f"error of the formula in the strength of the noise, {calculus}"
        lines.append(compare_order(what, 1, strengths, errors, "sdetheory.theory.mean_first_passage_time"))
    for y in (-0.9, -0.7, -0.58):
        found, _ = integrate.quad(lambda u: (u**3 - u) / (0.02 * (3 * u**2 - 1)), -1.0, y, epsabs=1e-13, epsrel=1e-13)
        lines.append(
            compare(
                f"effective height at {y} with D = 0.02 times the curvature",
                height(theta=0.02, y=y),
                found,
                "quadrature",
            )
        )
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
