"""Kramers' escape time: the exact mean passage time in one dimension, and its limit of low temperature.

    python -m derivations.kramers --format latex|markdown|text

A weight that obeys dw = −C′ dt + √(2T) dW sits in a minimum of the cost and must climb a barrier to leave. The first
derivation proves the exact mean time to get from one point to another. The second takes the limit of low temperature by
Laplace's method and finds Kramers' formula, the third its first correction. At the end the formulas meet
`sdetheory.theory`. Two weights follow in `derivations.eyring_kramers`, noise that follows the curvature in
`derivations.anisotropic_escape`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy
from numpy.polynomial import Polynomial
from sympy import Derivative, Integral, exp, oo, pi, sqrt

from sdetheory.symbolic import Derivation, compare, compare_order, laplace, present
from sdetheory.theory import kramers_time, mean_first_passage_time

T, KA, KB, BARRIER = sympy.symbols("T K_a K_b dC", positive=True)
X, Y, Z, U, V = sympy.symbols("x y z u v", real=True)
TIME = sympy.Symbol("tau", positive=True)
SOURCE = "Kramers (1940), Physica 7, 284"


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return passage_time(), one_dimension(), correction()


def passage_time() -> Derivation:
    """Derive τ(x) = (1/T) ∫ e^{C(y)/T} ∫ e^{−C(z)/T} dz dy, the exact mean first-passage time."""
    d = Derivation("The exact mean passage time in one dimension", source="Gardiner (2009), section 5.5.2")
    cost = sympy.Function("C", real=True)
    wall, target = sympy.symbols("r c", real=True)
    time, mass = sympy.symbols("tau M", real=True)
    ramp, rise, top = sympy.symbols("tau_r a c_r", positive=True)
    d.assume(T, "temperature")
    d.assume(cost, "the cost, any smooth function")
    d.assume(target, "where the clock stops")
    d.assume(X, "where the weight starts", where=target >= X)
    d.assume(wall, "a wall that reflects, beyond the start; it may be at −∞", where=wall <= X)
    d.assume(Y, "a point on the way")
    d.assume(Z, "a point behind it")

    d.heading("An equation for the mean time")
    d.note(
        "Start at x and wait for a short time h. The time that is left is then shorter by h on average, but it is also "
        "the mean of τ over the points that were reached meanwhile, and by Itô's formula that mean changes at the rate "
        "$T τ″ − C′ τ′$ (drift $−C′$, noise of variance 2T per unit time). So $T τ″ − C′ τ′ = −1$, with τ = 0 at the "
        "target and τ′ = 0 at the wall."
    )
    d.heading("Its solution")
    behind = Integral(exp(-cost(Z) / T), (Z, wall, Y))
    d.define(mass, behind.subs(Y, X), "what is behind x, up to a factor the stationary probability of being there")
    claim = d.define(time, Integral(exp(cost(Y) / T) * behind, (Y, X, target)) / T, "claim: the mean time")
    slope = d.step("its slope", Derivative(time, X), -exp(cost(X) / T) * mass / T, by=f"differentiate {claim} by its "
                   "lower limit")  # fmt: skip
    d.step(
        "it obeys the equation", T * Derivative(time, (X, 2)) - Derivative(cost(X), X) * Derivative(time, X), -1,
        by=f"differentiate {slope} once more; the derivative of the mass is $e^{{-C/T}}$",
    )  # fmt: skip
    d.step("the clock stops at the target", sympy.Subs(time, X, target), 0, by=f"an integral over nothing, in {claim}")
    d.step("the wall reflects", sympy.Subs(Derivative(time, X), X, wall), 0, by=f"there is no mass behind, in {slope}")
    d.heading("Two costs for which the integrals are elementary")
    flat = Integral(Integral(1, (Z, wall, Y)), (Y, X, target)) / T
    d.step("on a plain, C = 0, the time grows with the square of the distance", flat,
           ((target - wall) ** 2 - (X - wall) ** 2) / (2 * T), by=f"integrate {claim}")  # fmt: skip
    d.assume(rise, "slope of a ramp, $C = a x$; the weight starts at its foot, with the wall behind it")
    d.assume(top, "the target on the ramp, measured from its foot")
    climb = d.define(ramp, Integral(exp(rise * Y / T) * Integral(exp(-rise * Z / T), (Z, 0, Y)), (Y, 0, top)) / T,
                     "the time to climb a ramp", by=f"{claim} with $C = a x$")  # fmt: skip
    d.conclude(ramp, T / rise**2 * (exp(rise * top / T) - 1) - top / rise,
               "it is exponential in the height of the climb over T", by=f"integrate {climb}")  # fmt: skip
    return d


def one_dimension() -> Derivation:
    """Derive τ = 2π/√(C″(a)|C″(b)|) e^{ΔC/T}."""
    d = Derivation("Kramers' time in one dimension", source=SOURCE)
    bottom = sympy.Symbol("C_a", real=True)
    valley, ridge = sympy.symbols("I_a I_b", positive=True)
    _assume_barrier(d)
    d.assume(bottom, "the cost at the minimum")
    d.assume(U, "distance from the minimum or the top of the barrier")
    d.suppose(
        "Low temperature",
        "T is so small against $ΔC$ that the cost may be replaced by its parabolas at the minimum and at the top, and "
        "that these may be integrated over all u; the next derivation tells the error",
    )
    d.heading("Two integrals that do not interfere")
    d.note(
        "In the exact time $τ = (1/T) ∫ e^{C(y)/T} ∫ e^{-C(z)/T} dz dy$ the first factor is largest at the top of the "
        "barrier, y = b. For such y the inner integral has the whole well behind it, whose weight is concentrated at "
        "the minimum, z = a. So the inner integral does not depend on y, and the two separate."
    )
    below = d.define(valley, Integral(exp(-(bottom + KA * U**2 / 2) / T), (U, -oo, oo)), "the inner integral, over the "
                     "valley", using="Low temperature")  # fmt: skip
    above = d.define(ridge, Integral(exp((bottom + BARRIER - KB * U**2 / 2) / T), (U, -oo, oo)),
                     "the outer one, over the ridge", using="Low temperature")  # fmt: skip
    inner = d.step("the valley is a Gaussian", valley, sqrt(2 * pi * T / KA) * exp(-bottom / T),
                   by=f"Gaussian integral {below}")  # fmt: skip
    outer = d.step("the ridge too, upside down", ridge, sqrt(2 * pi * T / KB) * exp((bottom + BARRIER) / T),
                   by=f"Gaussian integral {above}")  # fmt: skip
    d.heading("Their product")
    product = d.define(TIME, ridge * valley / T, "the mean time to the other side", by="the exact time, separated")
    d.conclude(TIME, 2 * pi / sqrt(KA * KB) * exp(BARRIER / T), "Kramers' time",
               by=f"insert {inner} and {outer} into {product}")  # fmt: skip
    d.note(
        "The way down on the other side costs nothing beside this. A weight that only has to touch the top is there in "
        "half the time: the outer integral then ends at u = 0, and half of those that touch it fall back."
    )
    d.step("half the ridge", Integral(exp((bottom + BARRIER - KB * U**2 / 2) / T), (U, -oo, 0)), ridge / 2,
           by="the Gaussian is even")  # fmt: skip
    return d


def correction() -> Derivation:
    """Derive the relative error of Kramers' formula to first order in T."""
    d = Derivation("The first correction to Kramers' time", source="")
    third_a, fourth_a, third_b, fourth_b = sympy.symbols("C_3a C_4a C_3b C_4b", real=True)
    change, in_valley, on_ridge, ratio = sympy.symbols("k k_a k_b r", real=True)
    d.assume(T, "temperature")
    for symbol, text in (
        (KA, "second derivative of the cost at the minimum"), (third_a, "third derivative there"),
        (fourth_a, "fourth derivative there"), (KB, "minus the second derivative at the top of the barrier"),
        (third_b, "third derivative there"), (fourth_b, "fourth derivative there"),
    ):  # fmt: skip
        d.assume(symbol, text)
    d.note(
        "Laplace's method gives $∫ e^{-C/T}$ as the Gaussian integral times $1 + c_1 T$, with $c_1 = 5 C_3²/(24 A³) − "
        "C_4/(8 A²)$ for the derivatives A, $C_3$ and $C_4$ at the minimum. This was proved in the derivations of the "
        "evidence. On the ridge it is −C that has a minimum."
    )
    costs = ((in_valley, KA, third_a, fourth_a), (on_ridge, KB, -third_b, -fourth_b))
    valley, ridge = (
        d.define(symbol, laplace(curvature * U**2 / 2 + third * U**3 / 6 + fourth * U**4 / 24, {U: 0}, temperature=T)
                 .coefficients[0], f"the {where}", by=f"Laplace's method to second order, for {what}")
        for (symbol, curvature, third, fourth), where, what in zip(costs, ("valley", "ridge"), ("C", "−C"), strict=True)
    )  # fmt: skip
    both = d.define(ratio, (1 + in_valley * T) * (1 + on_ridge * T), "the exact time over Kramers', but for T²",
                    by="it is a product of the two integrals")  # fmt: skip
    d.define(change, in_valley + on_ridge, "the sum of the two")
    d.expand("they add", ratio, 1 + change * T, variable=T, order=2, by=f"{both}")
    d.conclude(
        change,
        5 * third_a**2 / (24 * KA**3) + 5 * third_b**2 / (24 * KB**3) - fourth_a / (8 * KA**2) + fourth_b / (8 * KB**2),
        "the exact time is Kramers' times $1 + k T$ and higher powers", by=f"{valley} and {ridge}",
    )  # fmt: skip
    return d


def _assume_barrier(d: Derivation) -> None:
    d.assume(T, "temperature")
    d.assume(KA, "curvature of the cost at the minimum, $C″(a)$")
    d.assume(KB, "curvature downwards at the top of the barrier, $|C″(b)|$")
    d.assume(BARRIER, "height of the barrier above the minimum, $ΔC$")


class _Line:
    """A polynomial cost of one weight; `coefficients` from the lowest."""

    dimension = 1

    def __init__(self, *coefficients: float) -> None:
        self.cost = Polynomial(coefficients)

    def value(self, w: np.ndarray) -> float:
        return float(self.cost(w[..., 0]))

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return self.cost.deriv()(w)

    def hessian(self, w: np.ndarray) -> np.ndarray:
        return self.cost.deriv(2)(w)[..., None]

    def derivatives(self, x: float) -> list[float]:
        return [float(self.cost.deriv(n)(x)) for n in (2, 3, 4)]


# Name, cost, minimum, top of the barrier, and a target beyond it.
_WELLS = (
    ("quartic double well", _Line(0, 0, -1 / 2, 0, 1 / 4), -1.0, 0.0, 1.0),
    ("cubic well", _Line(0, 0, 1 / 2, -1 / 3), 0.0, 1.0, 1.7),
)


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas with the numerics; return a line for each, raise SdeTheoryError on a miss."""
    ramp, kramers, first = (derivation.result for derivation in derivations)
    by_integrals, by_formula = "sdetheory.theory.mean_first_passage_time", "sdetheory.theory.kramers_time"
    lines = []
    for slope, height, heat in ((1.0, 0.5, 0.5), (2.0, 1.0, 0.3)):
        found = mean_first_passage_time(lambda x, a=slope: 0 * x - a, heat, start=0.0, target=height, wall=0.0)
        what = f"climb of a ramp of slope {slope} to {height} at T = {heat}"
        lines.append(compare(what, ramp(a=slope, c_r=height, T=heat), found, by_integrals))

    heats = (0.01, 0.005, 0.0025)
    for name, cost, minimum, top, target in _WELLS:
        (ka, c3a, c4a), (kb, c3b, c4b) = cost.derivatives(minimum), cost.derivatives(top)
        barrier = float(cost.cost(top) - cost.cost(minimum))
        slope = first(K_a=ka, C_3a=c3a, C_4a=c4a, K_b=-kb, C_3b=c3b, C_4b=c4b)
        errors, rests = [], []
        for heat in heats:
            derived = kramers(K_a=ka, K_b=-kb, dC=barrier, T=heat)
            found = mean_first_passage_time(lambda x, c=cost: -c.gradient(x), heat, start=minimum, target=target)
            errors.append(found / derived - 1)
            rests.append(found / derived - 1 - slope * heat)
        found = kramers_time(cost, [minimum], [top], temperature=0.1)
        lines.append(compare(f"{name} at T = 0.1", kramers(K_a=ka, K_b=-kb, dC=barrier, T=0.1), found, by_formula))
        lines.append(compare_order(f"error of Kramers' formula in T, {name}", 1, heats, errors, by_integrals))
        lines.append(compare_order(f"with the correction 1 + {slope:.4g} T", 2, heats, rests, by_integrals))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
