"""The stationary law of SGD as a diffusion: e^{−C/T} with T = g f/2 for constant noise, and what other noise does.

    python -m derivations.gibbs_law --format latex|markdown|text

The first derivation takes isotropic constant noise, any cost and two weights, and finds the temperature. The second
lets the gradient covariance F depend on the weight, and reads the equation in the sense of Itô, which is the limit of
SGD, and in that of Stratonovich: the density gets an extra −ln F in the exponent, or half of it. The third takes an
example with a tail that falls as a power. At the end the formulas meet `sdetheory.theory` and numerical integrals.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy
from scipy import integrate

from sdetheory.symbolic import (
    Derivation,
    ItoSDE,
    compare,
    fokker_planck,
    moment_equations,
    present,
    probability_current,
)
from sdetheory.theory import gibbs, ornstein_uhlenbeck

X, Y = sympy.symbols("x y", real=True)
G = sympy.Symbol("g", positive=True)


def derive() -> tuple[Derivation, ...]:
    """Return the temperature, the two readings of multiplicative noise, and an example of both."""
    return temperature(), multiplicative_noise(), power_law()


def temperature() -> Derivation:
    """Derive T = g f/2 for gradient noise of covariance f times the identity."""
    d = Derivation("The Gibbs law and its temperature", source="Smith & Le (2018), appendix A")
    level, heat = sympy.symbols("f T", positive=True)
    cost, rate = sympy.Function("C", real=True), sympy.Symbol("R", real=True)
    C = cost(X, Y)
    d.assume(X, "one weight")
    d.assume(Y, "another one")
    d.assume(cost, "the cost, any smooth function")
    d.assume(G, "noise scale of $dw = −∇C dt + √(g F) dW$")
    d.assume(heat, "the temperature, to be determined")
    d.assume(level, "variance of the gradient noise in each direction")
    d.suppose("Isotropic noise", "F is f times the identity, with the same f at every weight")
    sde = ItoSDE.from_covariance([-C.diff(X), -C.diff(Y)], G * level * sympy.eye(2), [X, Y])
    density = sympy.exp(-C / heat)
    d.heading("The density from which nothing flows")
    d.note(
        "Probability flows with the current $J = −(∇C) p − ½ g f ∇p$: the drift carries it down, the noise spreads it. "
        "For $p = e^{−C/T}$ the gradient of p is $−(∇C) p/T$, so the two parts are multiples of each other."
    )
    balance = d.solve("they cancel if", G * level / 2, heat, unknown=heat, solution=G * level / 2,
                      by="$½ g f (∇C) p/T = (∇C) p$", using="Isotropic noise")  # fmt: skip
    first, second = probability_current(sde, density, evaluate=False)
    d.step("no current along x", first, 0, by=f"differentiate; {balance}", using="Isotropic noise")
    d.step("nor along y", second, 0, by=f"differentiate; {balance}", using="Isotropic noise")
    d.step("so the Fokker–Planck equation keeps this density", fokker_planck(sde, density, evaluate=False), 0,
           by="differentiate once more", paper="appendix A")  # fmt: skip
    d.heading("Equipartition")
    motion = d.define(rate, sde.generator(X**2 / 2), "the rate at which the mean of $x²/2$ changes, before averaging",
                      by="Itô's formula")  # fmt: skip
    virial = d.step("in terms of the temperature", rate, heat - X * C.diff(X), by=f"insert T into {motion}")
    d.note(f"In the stationary state the mean does not change: by {virial} the mean of $x ∂C/∂x$ is T for every cost.")
    d.conclude(heat, G * level / 2, "the temperature", by=f"{balance}", paper="appendix A")
    return d


def multiplicative_noise() -> Derivation:
    """Derive the stationary densities of both readings of dw = −C′ dt + √(g F(w)) dW."""
    d = Derivation("Noise that depends on the weight: Itô and Stratonovich", source="Gardiner (2009), section 5.3")
    potential, noise = sympy.Function("phi", real=True), sympy.Function("F", positive=True)
    extra, ratio, pull = sympy.symbols("b r c", real=True)
    ito_density, other_density = sympy.symbols("p_I p_S", positive=True)
    phi, F = potential(X), noise(X)
    d.assume(X, "the weight")
    d.assume(noise, "covariance of the per-example gradients, any smooth positive function")
    d.assume(potential, "the cost with its slopes divided by F: $φ′ = C′/F$")
    d.assume(G, "noise scale")
    slope_of_cost = d.define(pull, F * phi.diff(X), "the slope of the cost, C′")

    d.heading("Itô: the noise is taken at the beginning of each step, as in SGD")
    ito = ItoSDE.from_covariance(-pull, G * F, X)
    at_start = sympy.exp(-2 * phi / G) / F
    law = d.define(ito_density, at_start, "claim: the stationary density, up to a constant factor")
    d.step("it has no current", probability_current(ito, at_start, evaluate=False)[0], 0,
           by=f"differentiate {law}; {slope_of_cost}")  # fmt: skip

    d.heading("Stratonovich: the same letters with another meaning")
    d.note("Read with ∘ dW, the noise is taken half-way, which adds $½ √(g F) (√(g F))′$ to the drift.")
    root = sympy.sqrt(G * F)
    drift = d.define(extra, root * sympy.Derivative(root, X) / 2, "the drift that the reading adds")
    d.step("it pushes towards large noise", extra, G * F.diff(X) / 4, by=f"differentiate {drift}")
    stratonovich = ItoSDE.from_covariance(-pull + extra, G * F, X)
    half_way = sympy.exp(-2 * phi / G) / sympy.sqrt(F)
    half = d.define(other_density, half_way, "claim: its stationary density")
    d.step("it has no current", probability_current(stratonovich, half_way, evaluate=False)[0], 0,
           by=f"differentiate {half}; {drift}, {slope_of_cost}")  # fmt: skip

    d.heading("What noise that depends on the weight does")
    slope = d.step(
        "Itô: the logarithm of the density has the slope", sympy.Derivative(at_start, X) / at_start,
        -2 * (pull + G / 2 * F.diff(X)) / (G * F), by=f"differentiate {law}; {slope_of_cost}",
    )  # fmt: skip
    d.note(
        f"By {slope} the density is highest where $C + (g/2) F$ is lowest: noise moves the peak to where it is weak."
    )
    d.define(ratio, ito_density / other_density, "what distinguishes the two readings")
    d.conclude(ratio, 1 / sympy.sqrt(F), "the calculus is worth a factor", by=f"{law} over {half}")
    return d


def power_law() -> Derivation:
    """Derive the density and the variance for C = k x²/2 and F = f + s x²."""
    d = Derivation("A quadratic cost with noise that grows: a power law", source="Mori, Ziyin, Liu & Ueda (2022), ICML")
    k, level, growth = sympy.symbols("k f s", positive=True)
    variance, other, margin = sympy.symbols("v v_S delta", positive=True)
    d.assume(X, "the weight")
    d.assume(margin, "$2 k/g − s$; it is positive where the variance is finite")
    d.assume(G, "noise scale")
    d.assume(level, "gradient noise at the minimum")
    d.assume(
        growth, "its growth: $F = f + s x²$; below δ, where the other reading has a variance too", where=growth < margin
    )
    d.assume(variance, "stationary variance, to be determined")
    curvature = d.define(k, G * (growth + margin) / 2, "curvature of the cost $C = k x²/2$")
    F = level + growth * X**2
    ito = ItoSDE.from_covariance(-k * X, G * F, X)
    d.heading("The density")
    exponent = 1 + k / (G * growth)
    d.step("a power of F has no current", probability_current(ito, F ** (-exponent), evaluate=False)[0], 0,
           by="differentiate; Itô")  # fmt: skip
    d.heading("The variance")
    found = d.solve("the mean of x² does not change", _rate_of_square(-k * X, G * F, variance), 0, unknown=variance,
                    solution=level / margin, by=f"Itô's formula for x², {curvature}")  # fmt: skip
    d.note("Read in the sense of Stratonovich, the drift has $½ g s x$ more.")
    d.define(other, G * level / (2 * k - 2 * G * growth), "claim: the variance of that reading")
    d.step("its mean of x² does not change", _rate_of_square(-k * X + G * growth * X / 2, G * F, other), 0,
           by="Itô's formula for x²")  # fmt: skip
    d.step("the Stratonovich reading overstates the variance", other / variance,
           (2 * k - G * growth) / (2 * k - 2 * G * growth), by=f"divide by {found}")  # fmt: skip
    d.conclude(variance, level / margin, "the variance, infinite when $g s$ reaches 2 k", by=f"{found}")
    return d


def _rate_of_square(drift: sympy.Expr, noise: sympy.Expr, variance: sympy.Expr) -> sympy.Expr:
    """Return dE[x²]/dt of a linear drift, with `variance` for E[x²]."""
    equations = moment_equations(ItoSDE.from_covariance(drift, noise, X), 2)
    return equations.rate((2,)).subs(equations.symbol((2,)), variance)


class _DoubleWell:
    """C = b (x⁴/4 − x²/2) in the form that `sdetheory.gibbs` reads."""

    dimension = 1

    def __init__(self, height: float) -> None:
        self.height = height

    def value(self, x: np.ndarray) -> np.ndarray:
        return self.height * (x[..., 0] ** 4 / 4 - x[..., 0] ** 2 / 2)

    def virial(self, x: np.ndarray) -> np.ndarray:
        return self.height * (x[..., 0] ** 4 - x[..., 0] ** 2)


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare temperature and variance at random values; return a line for each, raise SdeTheoryError on a miss."""
    heat, _, variance = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(3)
    lines = []
    for _ in range(3):
        g, f, height = rng.uniform(0.1, 2), rng.uniform(0.2, 3), rng.uniform(0.5, 3)
        # The other side knows the diffusion coefficient of the noise, g f/2, and no temperature.
        law = ornstein_uhlenbeck([[height]], [[g * f / 2]])
        what = f"curvature times variance in a parabola of curvature {height:.3g} at g = {g:.3g}, f = {f:.3g}"
        found = height * law.covariance[0, 0]
        lines.append(compare(what, heat(g=g, f=f), found, "sdetheory.theory.ornstein_uhlenbeck"))
        well = _DoubleWell(height)
        mean = gibbs(well, heat(g=g, f=f)).expectation(well.virial)
        what = f"mean of x dC/dx in a double well of depth {height / 4:.3g} at g = {g:.3g}, f = {f:.3g}"
        lines.append(compare(what, g * f / 2, float(mean), "sdetheory.theory.gibbs"))
        s, ratio = rng.uniform(0.1, 2), rng.uniform(3.0, 6.0)
        k = ratio * g * s
        what = f"variance at k = {k:.3g}, g = {g:.3g}, f = {f:.3g}, s = {s:.3g}"
        found = _integrated_variance(k, g, f, s)
        lines.append(compare(what, variance(f=f, delta=2 * k / g - s), found, "integrals over the density"))
    return lines


def _integrated_variance(k: float, g: float, f: float, s: float) -> float:
    """Integrate e^{−(2/g) ∫ C′/F} / F numerically; x = √(f/s) tan θ makes the range finite."""

    def weight(angle: float) -> float:
        x2 = f / s * np.tan(angle) ** 2
        inner = k / (2 * s) * np.log1p(s * x2 / f)
        return np.exp(-2 * inner / g) / (f + s * x2) / np.cos(angle) ** 2

    def moment(power: int) -> float:
        def integrand(angle: float) -> float:
            return (f / s * np.tan(angle) ** 2) ** power * weight(angle)

        return integrate.quad(integrand, 0, np.pi / 2, epsabs=0, epsrel=1e-13)[0]

    return moment(1) / moment(0)


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
