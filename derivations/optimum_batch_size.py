"""The batch size that keeps the noise scale: B ∝ εN/(1 − m), its exact form, and the rules it competes with.

    python -m derivations.optimum_batch_size --format latex|markdown|text

If the test accuracy is best at one noise scale, whatever the other hyperparameters are, then the best batch size is
the one that has this noise scale. The first derivation solves for it without approximation. The second compares the
linear scaling rule of Goyal et al. (2017) with the square-root rule of Hoffer et al. (2017), the third finds why
the square root is right for adaptive methods (Malladi et al. 2022). At the end the formulas meet
`sdetheory.SGDHyperparameters`, `theory.sgd_covariance` and a Gauss–Hermite quadrature.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy

import sdetheory as st
from derivations.momentum import noise_scale_with_momentum
from sdetheory.symbolic import Derivation, Formula, compare, present

N = sympy.Symbol("N", integer=True, positive=True)
EPSILON, MU, NU, G, K = sympy.symbols("epsilon mu nu g k", positive=True)


def derive() -> tuple[Derivation, ...]:
    """Return the best batch size, the linear and square-root rules for SGD, and the rule for adaptive methods."""
    return best_batch_size(), scaling_rules(), adaptive_rule()


def best_batch_size() -> Derivation:
    """Derive B = N/(1 + g(1 − m)/(ε(1 − τ))), the batch size of a given noise scale."""
    d = Derivation("The optimum batch size", source="Smith & Le (2018), sections 4 and 5")
    batch, inverse = sympy.symbols("B beta", positive=True)
    d.assume(N, "number of training examples", where=N >= 2)
    d.assume(EPSILON, "learning rate; it multiplies the mean gradient")
    d.assume(MU, "$1 − m$, where m is the momentum", where=MU <= 1)
    d.assume(NU, "$1 − τ$, where τ is the dampening", where=NU <= 1)
    d.assume(G, "the noise scale at which the test accuracy is best")
    d.assume(inverse, "one over the batch size, to be determined")
    d.suppose(
        "One best noise scale",
        "the test accuracy depends on ε, N, B and m through the noise scale alone, so that g does not change with them",
    )
    d.suppose("Few of many", "a batch is a small part of the data, $B ≪ N$")
    d.heading("Solve for the batch size")
    scale = noise_scale_with_momentum().result.expression
    known = next(s for s in scale.free_symbols if str(s) == "B")
    solved = d.solve(
        "the batch size has the best noise scale", scale.subs({known: 1 / inverse}), G, unknown=inverse,
        solution=(1 + G * MU / (EPSILON * NU)) / N, using="One best noise scale",
        by="proved in the derivation of the noise scale with momentum, with β for 1/B",
    )  # fmt: skip
    exact = d.define(batch, 1 / inverse, "the optimum batch size")
    closed = d.conclude(batch, N / (1 + G * MU / (EPSILON * NU)), "the exact rule", by=f"insert {solved} into {exact}")
    d.heading("The paper's proportionality")
    simple = EPSILON * N * NU / (G * MU)
    d.step(
        "the rule $B ∝ ε N/(1 − m)$ gives too much by the share B/N of the data", batch / simple, 1 - batch / N,
        by=f"divide {closed} by it", paper="sections 4 and 5",
    )  # fmt: skip
    d.expand(
        "so for a small learning rate it holds to first order", batch, simple, variable=EPSILON, order=2,
        by=f"Taylor series of {closed}", using="Few of many",
    )  # fmt: skip
    d.step(
        "proportionality to N is exact, since g holds N/B only", sympy.Derivative(batch / N, N), 0,
        by=f"differentiate {closed}", paper="section 5",
    )  # fmt: skip
    odds = d.step("proportionality to $ε (1 − τ)/(1 − m)$ is exact for the odds $B/(N − B)$", batch / (N - batch),
                  EPSILON * NU / (G * MU), by=f"insert {closed}")  # fmt: skip
    d.note(
        f"By {odds} a batch never has to be larger than the data: it saturates at N where the rule would go on. "
        "All of this rests on the first assumption, which no derivation can prove: it is a matter of experiment."
    )
    return d


def scaling_rules() -> Derivation:
    """Derive what the linear and the square-root rule keep, for SGD without replacement and a quadratic cost."""
    d = Derivation(
        "Linear against square-root scaling", source="Goyal et al. (2017), Hoffer et al. (2017), both on arXiv"
    )
    batch, noise, curvature = sympy.symbols("B f a", positive=True)
    d.assume(N, "number of training examples", where=N >= 2)
    d.assume(batch, "number of examples in a minibatch", where=batch < N)
    d.assume(EPSILON, "learning rate; it multiplies the mean gradient")
    d.assume(K, "factor by which the batch grows, at least one", where=(K * batch < N, K >= 1))
    d.assume(noise, "covariance of the per-example gradients")
    d.assume(
        curvature,
        "curvature of the total cost $C = a w²/2$; SGD is stable at ε, √(k) ε and k ε",
        where=[step * curvature * EPSILON < 2 * N for step in (1, sympy.sqrt(K), K)],
    )

    def scale(rate: sympy.Expr, size: sympy.Expr) -> sympy.Expr:
        return rate * (N / size - 1)

    def kicked(rate: sympy.Expr, size: sympy.Expr) -> sympy.Expr:
        return (rate / N) ** 2 * N * (N / size - 1) * noise

    def spread(rate: sympy.Expr, size: sympy.Expr) -> sympy.Expr:
        return kicked(rate, size) / (1 - (1 - curvature * rate / N) ** 2)

    start = sympy.Symbol("g_0", real=True)
    one, wide = sympy.symbols("D_0 p_0", positive=True)
    d.heading("Three quantities at the start")
    d.define(start, scale(EPSILON, batch), "the noise scale", by="proved in the derivation of the noise scale")
    first = d.define(one, kicked(EPSILON, batch), "the variance of one step", by="$(ε/N)²$ times $N (N/B − 1) f$")
    d.define(
        wide, spread(EPSILON, batch), "the stationary variance of w",
        by=f"$p = (1 − a ε/N)² p + D$ for a linear recursion, with {first}",
    )  # fmt: skip
    left = (N - K * batch) / (N - batch)
    d.note("Below, $r = (N − k B)/(N − B)$ is nearly one when both batches are small parts of the data.")
    d.heading("Linear rule: k times the batch, k times the learning rate")
    d.step("the noise scale stays but for r", scale(K * EPSILON, K * batch) / start, left, by="cancel")
    d.step("one step gets k times the variance, but for r", kicked(K * EPSILON, K * batch) / one, K * left, by="cancel")
    linear = d.step(
        "the stationary variance stays but for r and the finite step", spread(K * EPSILON, K * batch) / wide,
        left * (2 - curvature * EPSILON / N) / (2 - K * curvature * EPSILON / N), by="cancel",
    )  # fmt: skip
    d.expand(f"to first order in the step the last factor of {linear} is a small growth",
             (2 - curvature * EPSILON / N) / (2 - K * curvature * EPSILON / N),
             1 + (K - 1) * curvature * EPSILON / (2 * N), variable=EPSILON, order=2, by="Taylor series")  # fmt: skip
    d.heading("Square-root rule: k times the batch, √k times the learning rate")
    root = sympy.sqrt(K)
    d.step("the noise scale falls", scale(root * EPSILON, K * batch) / start, left / root, by="cancel")
    d.step("one step keeps its variance, but for r", kicked(root * EPSILON, K * batch) / one, left, by="cancel")
    d.step(
        "the stationary variance falls too", spread(root * EPSILON, K * batch) / wide,
        left / root * (2 - curvature * EPSILON / N) / (2 - root * curvature * EPSILON / N), by="cancel",
    )  # fmt: skip
    ratio = sympy.Symbol("R", positive=True)
    d.define(ratio, spread(K * EPSILON, K * batch) / wide, "ratio of the stationary variances under the linear rule")
    d.conclude(
        ratio, left * (2 * N - curvature * EPSILON) / (2 * N - K * curvature * EPSILON),
        "what the linear rule changes", by=f"{linear}",
    )  # fmt: skip
    return d


def adaptive_rule() -> Derivation:
    """Derive the square-root rule of RMSprop and Adam where gradient noise dominates."""
    d = Derivation("Scaling rule of RMSprop and Adam", source="Malladi, Lyu, Panigrahi & Arora (2022), NeurIPS")
    batch, rate, forget, offset = sympy.symbols("B eta rho delta", positive=True)
    sigma, deviation, h, new_rate, inverse = sympy.symbols("sigma s h eta_1 x", positive=True)
    new_forget, new_offset = sympy.symbols("rho_1 delta_1", real=True)
    gradient, drift = sympy.Symbol("c", real=True, nonzero=True), sympy.Symbol("b", real=True)
    d.assume(batch, "number of examples in a minibatch")
    d.assume(K, "factor by which the batch grows")
    d.assume(rate, "learning rate")
    d.assume(forget, "$1 − β$, the weight of the newest squared gradient in the running mean of squares")
    d.assume(offset, "the small number that is added to the root of that mean")
    d.assume(sigma, "standard deviation of the gradient of one example, along one coordinate")
    d.assume(gradient, "the mean gradient along it")
    d.assume(inverse, "one over the learning rate for k B examples, to be determined")
    d.assume(new_forget, "$1 − β$ for k B examples, to be determined")
    d.assume(new_offset, "the small number for k B examples, to be determined")
    d.suppose(
        "Noise dominates",
        "the running mean of squares is the variance $σ²/B$ of a minibatch gradient: the mean gradient is small beside "
        "its noise, and B is small beside N",
    )
    d.heading("One step, and the time that it lasts")
    d.note(
        "A step is $−η y/s$, where the minibatch gradient y has the mean c and the deviation s. So its variance is η². "
        "Let it last the time $h = η²$: then the noise has unit strength per unit time at every batch size, and only "
        "the drift is left to be compared."
    )
    root = d.define(deviation, sigma / sympy.sqrt(batch), "deviation of a minibatch gradient", using="Noise dominates")
    time = d.define(h, rate**2, "time of a step, the variance of a step")
    mean = d.define(drift, -rate * gradient / deviation / h, "the drift, the mean of a step over its time")
    inserted = d.step("in terms of the hyperparameters", drift, -gradient * sympy.sqrt(batch) / (rate * sigma),
                      by=f"insert {root} and {time} into {mean}")  # fmt: skip
    d.heading("The same equation at k times the batch")
    equal = d.solve(
        "the drifts agree", -gradient * sympy.sqrt(K * batch) / sigma * inverse, drift, unknown=inverse,
        solution=1 / (sympy.sqrt(K) * rate), by=f"{inserted} with k B examples and 1/x for the learning rate",
    )  # fmt: skip
    d.define(new_rate, 1 / inverse, "the new learning rate")
    d.solve(
        "the running mean forgets the same part in a unit of time", new_forget / new_rate**2, forget / h,
        unknown=new_forget, solution=K * forget, by=f"{time} for both",
    )  # fmt: skip
    d.solve(
        "the small number is the same part of the deviation", new_offset / (sigma / sympy.sqrt(K * batch)),
        offset / deviation, unknown=new_offset, solution=offset / sympy.sqrt(K), by=f"{root} for both",
    )  # fmt: skip
    d.step("the linear rule would change the drift", -gradient * sympy.sqrt(K * batch) / (K * rate * sigma),
           drift / sympy.sqrt(K), by=f"{inserted} with k η")  # fmt: skip
    d.conclude(new_rate, sympy.sqrt(K) * rate, "the square-root rule", by=f"{equal}")
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the rules at random hyperparameters; return a line for each, raise SdeTheoryError on a miss."""
    best, linear, adaptive = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(1)
    return [
        *(line for _ in range(2) for line in _meet_hyperparameters(best, rng)),
        *(_meet_recursion(linear, rng) for _ in range(3)),
        *(_meet_quadrature(adaptive, rng) for _ in range(3)),
    ]


def _meet_hyperparameters(best: Formula, rng: np.random.Generator) -> list[str]:
    n, batch = int(rng.integers(5000, 9000)), int(rng.integers(20, 50))
    epsilon, m = rng.uniform(0.01, 0.2), rng.uniform(0.0, 0.9)
    start = st.SGDHyperparameters(learning_rate=epsilon, train_size=n, batch_size=batch, momentum=m)
    here = {"epsilon": epsilon, "N": n, "mu": 1 - m, "nu": 1.0, "g": start.noise_scale}
    lines = []
    for what, change, there in (
        ("learning rate", start.with_learning_rate(3 * epsilon), {"epsilon": 3 * epsilon}),
        ("training set", start.with_train_size(2 * n), {"N": 2 * n}),
        ("momentum", start.with_momentum(0.95), {"mu": 1 - 0.95}),
    ):
        where = f"B after a change of the {what}, from {epsilon:.3g}, N = {n}, m = {m:.3g}, B = {batch}"
        lines.append(compare(where, best(**{**here, **there}), change.exact_batch_size, "sdetheory.SGDHyperparameters"))
    return lines


def _meet_recursion(linear: Formula, rng: np.random.Generator) -> str:
    n, batch, factor = int(rng.integers(100, 1000)), int(rng.integers(1, 20)), int(rng.integers(2, 5))
    epsilon, a = rng.uniform(0.1, 1.0), rng.uniform(0.1, 0.4) * n

    def variance(rate: float, size: int) -> float:
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=size)
        return st.theory.sgd_covariance([[a]], [[1.0]], hp).covariance[0, 0]

    found = variance(factor * epsilon, factor * batch) / variance(epsilon, batch)
    what = (
        f"variances under the linear rule, k = {factor}, N = {n}, B = {batch}, learning rate {epsilon:.3g}, a = {a:.3g}"
    )
    derived = linear(N=n, B=batch, epsilon=epsilon, k=factor, a=a)
    return compare(what, derived, found, "sdetheory.theory.sgd_covariance")


def _meet_quadrature(adaptive: Formula, rng: np.random.Generator) -> str:
    batch, factor, eta = int(rng.integers(1, 100)), int(rng.integers(2, 10)), rng.uniform(0.001, 0.1)
    gradient, sigma = rng.uniform(0.1, 1), rng.uniform(0.5, 5)
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()

    def drift(rate: float, size: int) -> float:
        deviation = sigma / np.sqrt(size)
        step = -rate * (gradient + deviation * nodes) / deviation
        mean = weights @ step
        return mean / (weights @ (step - mean) ** 2)

    what = f"drift over noise of RMSprop at {factor} times B = {batch}, learning rate {eta:.3g}"
    scaled = drift(adaptive(eta=eta, k=factor), factor * batch)
    return compare(what, scaled, drift(eta, batch), "the same at B, both by Gauss-Hermite quadrature")


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
