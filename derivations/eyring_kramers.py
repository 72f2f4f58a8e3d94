"""The way out of a minimum over a saddle, by Eyring and Kramers, and a sharp minimum against a broad one.

    python -m derivations.eyring_kramers --format latex|markdown|text

Two weights obey dw = −∇C dt + √(2T) dW. To leave a minimum they climb to the lowest pass, a saddle of the cost. The
first derivation finds the stream over the saddle, with any Hessian in the minimum and any at the saddle, and from it
the mean time to escape. The second compares a sharp minimum with a broad one. At the end the formulas meet
`sdetheory.theory`. One weight is treated in `derivations.kramers`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy
from scipy import optimize
from sympy import Derivative, Integral, cos, exp, oo, pi, sin, sqrt

from sdetheory.symbolic import Derivation, compare, present
from sdetheory.theory import kramers_time

T, BARRIER = sympy.symbols("T dC", positive=True)
X, Y, Z, U, V = sympy.symbols("x y z u v", real=True)
TIME = sympy.Symbol("tau", positive=True)


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return saddle(), sharp_and_broad()


def saddle() -> Derivation:
    """Derive τ = (2π/κ) √(κν/det M) e^{ΔC/T} in two dimensions, for any two Hessians."""
    d = Derivation("The way over a saddle", source="Langer (1969); Hänggi, Talkner & Borkovec (1990), section IV")
    angle, top, bottom = sympy.symbols("phi C_s C_a", real=True)
    kappa, nu, schur, m11 = sympy.symbols("kappa nu s m11", positive=True)
    m12, m22, h11, h12, h22 = sympy.symbols("m12 m22 h11 h12 h22", real=True)
    well, flux = sympy.symbols("P J", positive=True)
    step = sympy.Symbol("q", real=True)
    d.assume(T, "temperature")
    d.assume(bottom, "the cost at the minimum")
    d.assume(BARRIER, "height of the saddle above the minimum, $ΔC$")
    d.assume(m11, "second derivative of the cost at the minimum, by the first weight twice")
    d.assume(m12, "the mixed one")
    d.assume(schur, "what is left of the curvature along the second weight when the first is free to follow")
    d.assume(kappa, "curvature downwards along the way over the saddle; the eigenvalue of the Hessian there is $−κ$")
    d.assume(nu, "the other eigenvalue of the Hessian at the saddle, across the way")
    d.assume(angle, "angle between the way and the first axis")
    d.assume(X, "distance from the saddle along the first axis, or from the minimum")
    d.assume(Y, "the same along the second axis")
    d.suppose("Low temperature", "T is so small against ΔC that the cost may be replaced by its second-order Taylor "
              "polynomials at the minimum and at the saddle")  # fmt: skip

    d.heading("Along and across the way")
    along = d.define(U, cos(angle) * X + sin(angle) * Y, "distance along the way")
    across = d.define(V, -sin(angle) * X + cos(angle) * Y, "distance across it")
    d.define(h11, -kappa * cos(angle) ** 2 + nu * sin(angle) ** 2, "the Hessian at the saddle, from its eigenvalues")
    d.define(h22, -kappa * sin(angle) ** 2 + nu * cos(angle) ** 2, "likewise")
    d.define(h12, -(kappa + nu) * sin(angle) * cos(angle), "likewise; any matrix with one negative eigenvalue is so")
    d.step("its determinant is the product of the eigenvalues", h11 * h22 - h12**2, -kappa * nu, by="insert")
    shape = d.step("the cost at the saddle", (h11 * X**2 + 2 * h12 * X * Y + h22 * Y**2) / 2,
                   (-kappa * U**2 + nu * V**2) / 2, by=f"insert {along} and {across}")  # fmt: skip

    d.heading("A stream over the saddle")
    d.note(
        "Keep the well full and take away what reaches the other side. In between is a stationary density "
        "$p = q e^{-C/T}$, where q falls from 1 in the well to 0 beyond. Its current is $−p ∇C − T ∇p$, that is "
        "$−T e^{-C/T} ∇q$. It must have no sources: $T ∇² q − ∇C · ∇q = 0$, which is solved by a q that depends on u "
        "only."
    )
    u, v = sympy.symbols("u_0 v_0", real=True)
    d.assume(u, "a value of u")
    d.assume(v, "a value of v")
    d.assume(Z, "a value beyond it")
    fall = d.define(step, Integral(sqrt(kappa / (2 * pi * T)) * exp(-kappa * Z**2 / (2 * T)), (Z, u, oo)),
                    "claim: q at $u_0$")  # fmt: skip
    d.step("there are no sources, as the slope of C along u is −κ u", T * Derivative(step, (u, 2))
           + kappa * u * Derivative(step, u), 0, by=f"differentiate {fall}; {shape}")  # fmt: skip
    d.step("it is 1 in the well", sympy.Limit(step, u, -oo), 1, by=f"Gaussian integral {fall}")
    d.step("and 0 beyond", sympy.Limit(step, u, oo), 0, by="an integral over nothing")
    d.assume(top, "the cost at the saddle")
    density = exp(-(top + (-kappa * u**2 + nu * v**2) / 2) / T)
    current = d.step("the current along u", -T * density * Derivative(step, u),
                     sqrt(kappa * T / (2 * pi)) * exp(-(top + nu * v**2 / 2) / T),
                     by=f"insert {fall} and {shape}: it does not depend on u")  # fmt: skip
    stream = d.define(flux, Integral(sqrt(kappa * T / (2 * pi)) * exp(-(bottom + BARRIER + nu * v**2 / 2) / T),
                                     (v, -oo, oo)), "the flux through the pass", by=f"sum {current} across the way, "
                      "the saddle being at $C_a + ΔC$", using="Low temperature")  # fmt: skip
    rate = d.step("it is", flux, T * sqrt(kappa / nu) * exp(-(bottom + BARRIER) / T), by=f"Gaussian integral {stream}")

    d.heading("What is in the well")
    d.define(m22, schur + m12**2 / m11, "second derivative at the minimum, by the second weight twice")
    d.step("so that s is the determinant of the Hessian M over its first entry", schur, (m11 * m22 - m12**2) / m11,
           by="the same, turned round")  # fmt: skip
    square = d.step("complete the square", (m11 * X**2 + 2 * m12 * X * Y + m22 * Y**2) / 2,
                    m11 * (X + m12 * Y / m11) ** 2 / 2 + schur * Y**2 / 2, by="expand")  # fmt: skip
    gauss = Integral(exp(-m11 * Z**2 / (2 * T)), (Z, -oo, oo)) * Integral(exp(-schur * Z**2 / (2 * T)), (Z, -oo, oo))
    full = d.define(well, exp(-bottom / T) * gauss, "the integral of $e^{-C/T}$ over the well",
                    by=f"first over x, then over y, with {square}", using="Low temperature")  # fmt: skip
    amount = d.step("it is", well, 2 * pi * T / sqrt(m11 * schur) * exp(-bottom / T), by=f"Gaussian integrals {full}")

    d.heading("The mean time")
    mean = d.define(TIME, well / flux, "what is in the well over what leaves it per unit time")
    d.step("if the curvature across is the same at both points, this is the time of one dimension",
           sympy.Subs(TIME, (m12, schur), (0, nu)), 2 * pi / sqrt(m11 * kappa) * exp(BARRIER / T),
           by=f"{mean} for a diagonal M with ν as its second entry")  # fmt: skip
    d.note("Each further weight gives a factor to flux and well, so that the determinants take in all eigenvalues.")
    d.conclude(
        TIME, 2 * pi / kappa * sqrt(kappa * nu / (m11 * schur)) * exp(BARRIER / T),
        "the formula of Eyring and Kramers: the determinant at the saddle, but for its sign, over that at the minimum",
        by=f"insert {amount} and {rate} into {mean}",
    )  # fmt: skip
    return d


def sharp_and_broad() -> Derivation:
    """Derive the temperature at which a deep sharp minimum and a shallow broad one hold a weight equally long."""
    d = Derivation("Sharp against broad", source="Smith & Le (2018), section 4 and appendix A")
    sharp, broad, deeper, unstable = sympy.symbols("K_1 K_2 delta kappa", positive=True)
    first, second, ratio, inverse, equal = sympy.symbols("tau_1 tau_2 r beta T_x", positive=True)
    d.assume(T, "temperature")
    d.assume(broad, "curvature of the broad minimum, or the determinant of its Hessian")
    d.assume(sharp, "the same of the sharp one", where=sharp > broad)
    d.assume(unstable, "curvature downwards at the barrier between them")
    d.assume(BARRIER, "height of the barrier above the broad minimum")
    d.assume(deeper, "by how much the sharp minimum is deeper")
    d.assume(inverse, "inverse of a temperature, to be determined")
    kramers = "proved in the derivation of Kramers' time"
    d.define(first, 2 * pi / sqrt(sharp * unstable) * exp((BARRIER + deeper) / T), "time in the sharp one", by=kramers)
    d.define(second, 2 * pi / sqrt(broad * unstable) * exp(BARRIER / T), "time in the broad one", by=kramers)
    odds = d.define(ratio, first / second, "their ratio")
    d.step("nothing is left of the barrier", ratio, sqrt(broad / sharp) * exp(deeper / T), by=f"divide in {odds}")
    d.step("at equal depth the sharp minimum is left sooner", sympy.Subs(ratio, deeper, 0), sqrt(broad / sharp),
           by=f"{odds} with δ = 0")  # fmt: skip
    d.note(
        "In equilibrium as many leave one as the other, so that the weight is found in each in proportion to the time. "
        "The ratio is thus that of the probabilities, $e^{-C/T}/√K$ in each minimum, which at T = 1 are evidences."
    )
    met = d.solve(
        "the times are equal if", deeper * inverse, sympy.log(sharp / broad) / 2, unknown=inverse,
        solution=sympy.log(sharp / broad) / (2 * deeper), by=f"logarithm of {odds}, with β for 1/T",
    )  # fmt: skip
    d.define(equal, 1 / inverse, "the temperature above which the broad minimum holds the weight for longer",
             by=f"{met}")  # fmt: skip
    d.conclude(equal, 2 * deeper / sympy.log(sharp / broad), "depth against breadth", by=f"{met}")
    return d


class _Bend:
    """A valley that bends on its way over the saddle: C = a (x² − 1)² + k (y − c x − e x²)²/2."""

    dimension = 2

    def __init__(self, a: float, k: float, c: float, e: float) -> None:
        self.a, self.k, self.c, self.e = a, k, c, e

    def value(self, w: np.ndarray) -> float:
        x, y = w
        return float(self.a * (x**2 - 1) ** 2 + self.k * (y - self.c * x - self.e * x**2) ** 2 / 2)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        x, y = w
        rest, slope = y - self.c * x - self.e * x**2, self.c + 2 * self.e * x
        return np.array([4 * self.a * x * (x**2 - 1) - self.k * rest * slope, self.k * rest])

    def hessian(self, w: np.ndarray) -> np.ndarray:
        x, y = w
        rest, slope = y - self.c * x - self.e * x**2, self.c + 2 * self.e * x
        along = self.a * (12 * x**2 - 4) + self.k * (slope**2 - 2 * self.e * rest)
        return np.array([[along, -self.k * slope], [-self.k * slope, self.k]])


class _Line:
    """C = x⁴/4 − x³/3 − x²: a deep sharp minimum at 2, a shallow broad one at −1, the barrier between them at 0."""

    dimension = 1

    def value(self, w: np.ndarray) -> float:
        x = float(w[0])
        return x**4 / 4 - x**3 / 3 - x**2

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return w * (w + 1) * (w - 2)

    def hessian(self, w: np.ndarray) -> np.ndarray:
        return (3 * w**2 - 2 * w - 2)[:, None]


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas with the numerics; return a line for each, raise SdeTheoryError on a miss."""
    eyring, equal = (derivation.result for derivation in derivations)
    how = "sdetheory.theory.kramers_time"
    lines = []
    rng = np.random.default_rng(7)
    for _ in range(3):
        a, k, c, e = rng.uniform(0.3, 2, size=4)
        bend = _Bend(a, k, c, e)
        minimum = np.array([-1.0, e - c])
        (down, across), _ = np.linalg.eigh(bend.hessian(np.zeros(2)))
        m = bend.hessian(minimum)
        schur = m[1, 1] - m[0, 1] ** 2 / m[0, 0]
        derived = eyring(kappa=-down, nu=across, m11=m[0, 0], s=schur, dC=a, T=a / 5)
        found = kramers_time(bend, minimum, [0.0, 0.0], temperature=a / 5)
        what = f"two weights in a bent valley, a = {a:.3g}, k = {k:.3g}, c = {c:.3g}, e = {e:.3g}"
        lines.append(compare(what, derived, found, how))

    line = _Line()
    deep, shallow = np.array([2.0]), np.array([-1.0])

    def excess(heat: float) -> float:
        return np.log(
            kramers_time(line, deep, [0.0], temperature=heat) / kramers_time(line, shallow, [0.0], temperature=heat)
        )

    found: float = optimize.brentq(excess, 1.0, 20.0, xtol=1e-14, rtol=1e-15)
    numbers = {"K_1": line.hessian(deep)[0, 0], "K_2": line.hessian(shallow)[0, 0]}
    derived = equal(**numbers, delta=line.value(shallow) - line.value(deep))
    lines.append(compare("temperature at which two minima hold a weight equally long", derived, found, how))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
