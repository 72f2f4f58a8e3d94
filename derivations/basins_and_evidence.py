"""How long Langevin dynamics stays in each of two basins, and that at T = 1 this is their evidence.

    python -m derivations.basins_and_evidence --format latex|markdown|text

The first derivation goes from the stochastic differential equation of SGD with isotropic noise to its stationary
density e^{−C/T}, to the weights of two basins in it, and to Bayes' rule: at T = 1 the odds of two basins are the ratio
of their evidences. The second treats the landscape for which this holds without approximation. At the end the formulas
meet `sdetheory.theory.gibbs`, which integrates numerically, and `sdetheory.evidence`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
import sympy
from sympy import Derivative, Integral, exp, log, oo, pi, sqrt

from sdetheory.evidence import WeightModel
from sdetheory.landscapes import sharp_and_broad
from sdetheory.symbolic import Derivation, ItoSDE, compare, fokker_planck, present, probability_current
from sdetheory.theory import gibbs

C1, C2 = sympy.symbols("C1 C2", real=True)
K1, K2 = sympy.symbols("k1 k2", positive=True)
T = sympy.Symbol("T", positive=True)
LAMBDA = sympy.Symbol("lambda", positive=True)
ODDS = sympy.Symbol("R", real=True)
W = sympy.Symbol("w", real=True)
SOURCE = "Smith & Le (2018), section 4 and appendix A"


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return odds(), crossover(), mixture()


def odds() -> Derivation:
    """Derive the log odds (C₂ − C₁)/T + ½ ln(k₂/k₁) of two basins, and that at T = 1 they are the evidence ratio."""
    d = Derivation("Weights of two basins, and their evidences", source=SOURCE)
    cost = sympy.Function("C", real=True)
    noise_scale, isotropic = sympy.symbols("g f", positive=True)
    middle, u, lowest = sympy.symbols("m u C0", real=True)
    curvature = sympy.Symbol("k", positive=True)
    d.assume(W, "the weight")
    d.assume(
        cost, "cost, summed over the examples, with the prior's part: minus the logarithm of likelihood times prior"
    )
    d.assume(noise_scale, "noise scale of SGD")
    d.assume(isotropic, "covariance of the gradients, the same at every w")
    d.suppose("Isotropic", "the noise has the same strength at every w and in every direction, which that of SGD has "
              "not")  # fmt: skip

    d.heading("From the noise to the stationary density")
    temperature = d.define(T, noise_scale * isotropic / 2, "the temperature", by="$2 T$ is the variance per unit time")
    sde = ItoSDE(-cost(W).diff(W), sqrt(noise_scale * isotropic), W)
    gibbs_density = exp(-cost(W) / T)
    current = d.step(
        "SGD with noise scale g carries no probability if its density is $e^{-C/T}$",
        probability_current(sde, gibbs_density, evaluate=False)[0], 0,
        by=f"current of $dw = −C′ dt + √(g f) dW$, with {temperature}", paper="appendix A", using="Isotropic",
    )  # fmt: skip
    d.step("so this density does not change in time", fokker_planck(sde, gibbs_density, evaluate=False), 0,
           by=f"Fokker-Planck equation; minus the slope of {current}", using="Isotropic")  # fmt: skip

    d.heading("The weight of a basin")
    d.assume(lowest, "cost at the bottom of a basin")
    d.assume(curvature, "curvature there")
    d.assume(middle, "place of the bottom")
    for symbol, text in ((C1, "cost at the bottom of basin 1"), (C2, "cost at the bottom of basin 2"),
                         (K1, "curvature of basin 1"), (K2, "curvature of basin 2")):  # fmt: skip
        d.assume(symbol, text)
    d.suppose("Laplace", "within its basin the cost is replaced by its parabola, and the basins are well apart")
    share = d.step(
        "the probability of a basin is proportional to the integral over it",
        Integral(exp(-(lowest + curvature * (W - middle) ** 2 / 2) / T), (W, -oo, oo)),
        exp(-lowest / T) * sqrt(2 * pi * T / curvature), by="Gaussian integral", using="Laplace",
    )  # fmt: skip
    weight_1, weight_2 = sympy.symbols("p1 p2", positive=True)
    first = d.define(weight_1, exp(-C1 / T) * sqrt(2 * pi * T / K1), "weight of basin 1", by=f"{share}")
    second = d.define(weight_2, exp(-C2 / T) * sqrt(2 * pi * T / K2), "weight of basin 2", by=f"{share}")

    d.heading("The same, by Bayes' rule")
    d.assume(LAMBDA, "precision of the prior; the exponential of minus the cost is the posterior but for a factor")
    d.assume(u, "another name for the weight, in the integral")
    evidence = d.step(
        "let a model be all weights of one basin; its evidence is the basin's integral, times the prior's constant",
        Integral(sqrt(LAMBDA / (2 * pi)) * exp(-lowest - curvature * (u - middle) ** 2 / 2), (u, -oo, oo)),
        exp(-(lowest + log(curvature / LAMBDA) / 2)), by="Gaussian integral", paper="eq. 7", using="Laplace",
    )  # fmt: skip
    log_ratio = sympy.Symbol("L", real=True)
    bayes = d.define(
        log_ratio, -(C1 + log(K1 / LAMBDA) / 2) + (C2 + log(K2 / LAMBDA) / 2),
        "the logarithm of the ratio of the evidences of basin 1 and basin 2", by=f"{evidence}, twice",
    )  # fmt: skip
    d.note(
        "The prior probability of a model is that of its basin; it is in the evidence already, as the prior is shared."
    )

    d.heading("The bridge")
    ratio = d.define(ODDS, log(weight_1) - log(weight_2), "the log odds of the basins under Langevin dynamics",
                     by=f"{first} and {second}")  # fmt: skip
    d.step(
        "a temperature other than one changes the odds by the difference in depth alone", ODDS - log_ratio,
        (C2 - C1) * (1 / T - 1), by=f"insert {bayes} into {ratio}",
    )  # fmt: skip
    d.note(
        "So at T = 1 the dynamics visits each basin in proportion to its evidence. A colder one prefers depth more "
        "than the evidence does, a hotter one less; SGD has T = 1 only if its noise scale is $2/f$."
    )
    d.step(
        "and does not feel the scale of the prior, which is the same for both", Derivative(log_ratio, LAMBDA), 0,
        by=f"differentiate {bayes}",
    )  # fmt: skip
    d.conclude(
        ODDS, (C2 - C1) * 2 / (noise_scale * isotropic) + log(K2 / K1) / 2, "the log odds: depth over temperature, and "
        "breadth", by=f"insert {first}, {second} and {temperature} into {ratio}",
    )  # fmt: skip
    return d


def crossover() -> Derivation:
    """Derive the temperature T* = 2 (C₂ − C₁)/ln(k₁/k₂) at which a sharp deep and a broad basin weigh the same."""
    d = Derivation("Where the broad basin overtakes the deep one", source=SOURCE)
    step, contrast = sympy.symbols("D q", positive=True)
    inverse, result = sympy.symbols("x T", positive=True)
    d.assume(step, "how much deeper the sharp basin is, $C_2 − C_1$")
    d.assume(contrast, "logarithm of the ratio of the curvatures, $ln(k_1/k_2)$")
    d.assume(inverse, "one over the temperature at which both weigh the same, to be determined")
    solved = d.solve(
        "the log odds are zero", step * inverse - contrast / 2, 0, unknown=inverse, solution=contrast / (2 * step),
        by="log odds of the derivation of the weights of two basins",
    )  # fmt: skip
    d.define(result, 1 / inverse, "the temperature", by=f"{solved}")
    d.conclude(result, 2 * step / contrast, "above it the dynamics is mostly in the broad basin, below in the deep one",
               by="one over the inverse temperature")  # fmt: skip
    return d


def mixture() -> Derivation:
    """Derive the share of the broad basin of C = −ln Σ e^{−Cᵢ − kᵢ(w − mᵢ)²/2} at T = 1, which is exact."""
    d = Derivation("Two basins whose weights are exact", source="landscape sharp_and_broad")
    a, b = sympy.symbols("m1 m2", real=True)
    share = sympy.Symbol("P2", positive=True)
    d.assume(W, "the weight")
    for symbol, text in ((C1, "cost at the bottom of basin 1"), (C2, "cost at the bottom of basin 2"),
                         (K1, "curvature of basin 1"), (K2, "curvature of basin 2"),
                         (a, "place of basin 1"), (b, "place of basin 2")):  # fmt: skip
        d.assume(symbol, text)
    one, two = exp(-C1 - K1 * (W - a) ** 2 / 2), exp(-C2 - K2 * (W - b) ** 2 / 2)
    cost = sympy.Symbol("C", real=True)
    d.define(cost, -log(one + two), "the cost")
    split = d.step("at T = 1 its density is a sum of two Gaussians",
                   exp(-cost), one + two, by="exponential of a logarithm")  # fmt: skip
    shares = [
        d.step(f"the integral of part {i}", Integral(part, (W, -oo, oo)), exp(-c) * sqrt(2 * pi / k), by=f"{split}")
        for i, part, c, k in ((1, one, C1, K1), (2, two, C2, K2))
    ]
    total = exp(-C1) * sqrt(2 * pi / K1) + exp(-C2) * sqrt(2 * pi / K2)
    defined = d.define(share, exp(-C2) * sqrt(2 * pi / K2) / total, "the share of part 2",
                       by=f"{shares[1]} over the sum of {shares[0]} and {shares[1]}")  # fmt: skip
    d.conclude(share, 1 / (1 + exp(C2 - C1) * sqrt(K2 / K1)), "the share of the broad basin, for any distance",
               by=f"divide in {defined}")  # fmt: skip
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the derived formulas with independent numbers; return a line for each, raise SdeTheoryError on a miss."""
    log_odds, equal, share = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(3):
        k1, k2, deeper = rng.uniform(20, 60), rng.uniform(4, 8), rng.uniform(0.5, 2)
        # So far apart that what one basin leaks into the other is below the last digit.
        landscape = sharp_and_broad(sharp_curvature=k1, broad_curvature=k2, broad_cost=deeper, separation=16.0)
        named = f"k = {k1:.4g} and {k2:.4g}, C2 - C1 = {deeper:.4g}"
        # The wanted probability is one half by definition, so that only the right temperature passes.
        law = gibbs(landscape, equal(D=deeper, q=math.log(k1 / k2)), bounds=(-8.0, 24.0))
        lines.append(compare(f"probability of the deep basin at the derived temperature, {named}", 0.5,
                             law.probability(-8.0, 6.0), "sdetheory.theory.gibbs"))  # fmt: skip
        for temperature in (0.4, 1.0):
            law = gibbs(landscape, temperature, bounds=(-8.0, 24.0))
            deep, broad = law.probability(-8.0, 6.0), law.probability(6.0, 24.0)
            numbers = {"C1": 0.0, "C2": deeper, "k1": k1, "k2": k2}
            lines.append(compare(f"log odds at T = {temperature:.4g}, {named}",
                                 float(log_odds(g=4 * temperature, f=0.5, **numbers)), math.log(deep / broad),
                                 "sdetheory.theory.gibbs"))  # fmt: skip
        law = gibbs(landscape, 1.0, bounds=(-8.0, 24.0))
        lines.append(compare(f"share of the broad basin at T = 1, {named}", float(share(**numbers)),
                             law.probability(6.0, 24.0), "sdetheory.theory.gibbs"))  # fmt: skip
        evidences = [_evidence(c, k).log_laplace() for c, k in ((0.0, k1), (deeper, k2))]
        lines.append(compare(f"log odds at T = 1, {named}", float(log_odds(g=4.0, f=0.5, **numbers)),
                             evidences[0] - evidences[1], "ratio of sdetheory.evidence"))  # fmt: skip
    lines.append(compare("share of the broad basin of the default landscape", share(C1=0.0, C2=1.0, k1=100.0, k2=4.0),
                         5 / (5 + math.e), "by hand"))  # fmt: skip
    return lines


def _evidence(cost: float, curvature: float) -> WeightModel:
    """Return a basin as a model: a prior of precision 1, and what the parabola leaves for the likelihood."""
    return WeightModel(
        log_likelihood=lambda w: -cost - (curvature - 1) * w[:, 0] ** 2 / 2,
        log_prior=lambda w: -(w[:, 0] ** 2) / 2 - math.log(2 * math.pi) / 2,
        start=[0.3],
        derivatives=lambda w: (curvature * w, np.array([[curvature]])),
    )


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
