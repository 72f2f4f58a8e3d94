"""The gradient noise scale of McCandlish, its unbiased estimators, and how it differs from g.

    python -m derivations.gradient_noise_scale --format latex|markdown|text

Two quantities are called noise scale. McCandlish's is a batch size: that at which a step gains half of what the full
gradient would. Smith and Le's g = ε (N/B − 1) is the strength of the noise in the stochastic differential equation.
The first derivation finds the best learning rate of a noisy step and the gradient noise scale; the second the price in
steps and examples; the third the unbiased estimators, also when examples are drawn without replacement; the fourth
where the two meet. At the end the formulas meet `sdetheory.models`, `theory.sgd_covariance` and averages over every
minibatch.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np
import sympy
from sympy import Derivative, Subs

from sdetheory import SGDHyperparameters
from sdetheory.models import gradient_covariance
from sdetheory.symbolic import Derivation, compare, minibatch_covariance, present
from sdetheory.theory import sgd_covariance

B, N = sympy.symbols("B N", positive=True)
EPSILON = sympy.Symbol("epsilon", positive=True)
SOURCE = "McCandlish et al. (2018), An empirical model of large-batch training"


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return best_step(), price(), estimators(), two_noise_scales()


def best_step() -> Derivation:
    """Derive ε = (|G|²/GᵀHG)/(1 + Tr(HΣ)/(B GᵀHG)), the best learning rate of a noisy step."""
    d = Derivation("The best step with a noisy gradient", source=SOURCE)
    square, bent, spread = sympy.symbols("G_2 G_H S_H", positive=True)
    best, largest, batch_noise, full = sympy.symbols("e e_m B_n D_m", positive=True)
    gain = sympy.Symbol("D", real=True)
    g1, g2, h11, h12, h22, s11, s12, s22, z1, z2 = sympy.symbols("G1 G2 h11 h12 h22 s11 s12 s22 z1 z2", real=True)
    for symbol, text in (
        (EPSILON, "learning rate; the step is $−ε Ĝ$"), (B, "number of examples in a minibatch"),
        (square, "$|G|²$, G being the gradient of the mean loss"), (bent, "$Gᵀ H G$, H being its Hessian"),
        (spread, "Tr S_H, where S is the covariance of the gradient of one example"),
    ):  # fmt: skip
        d.assume(symbol, text)
    d.suppose("Parabola", "the loss is replaced by its second-order Taylor polynomial over the step")
    d.suppose("Independent", "the examples of a batch are drawn independently, so that $Ĝ − G$ has mean zero and the "
              "covariance $S/B$")  # fmt: skip

    d.heading("What a noisy step gains")
    for symbol, text in ((g1, "first entry of G"), (g2, "second entry of G"), (z1, "first entry of $Ĝ − G$"),
                         (z2, "second entry of $Ĝ − G$"), (h11, "entry of H"), (h12, "entry of H"), (h22, "entry of H"),
                         (s11, "entry of S"), (s12, "entry of S"), (s22, "entry of S")):  # fmt: skip
        d.assume(symbol, text)
    mean, noise = sympy.Matrix([g1, g2]), sympy.Matrix([z1, z2])
    hessian, covariance = sympy.Matrix([[h11, h12], [h12, h22]]), sympy.Matrix([[s11, s12], [s12, s22]])
    quadratic = ((mean + noise).T * hessian * (mean + noise))[0]
    in_moments = (
        (mean.T * hessian * mean)[0] + 2 * (mean.T * hessian * noise)[0]
        + h11 * z1**2 + 2 * h12 * z1 * z2 + h22 * z2**2
    )  # fmt: skip
    split = d.step("the quadratic term of the step, in two dimensions", quadratic, in_moments, by="expand")
    d.step(
        "the terms of second order in the noise have the mean Tr(S_H)/B (those of first order have mean zero)",
        (h11 * s11 + 2 * h12 * s12 + h22 * s22) / B, sympy.Trace(sympy.ImmutableMatrix(hessian * covariance)) / B,
        by=f"$z_i z_j$ has the mean $S_{{ij}}/B$, inserted into {split}", using="Independent",
    )  # fmt: skip
    expected = d.define(
        gain, EPSILON * square - EPSILON**2 * (bent + spread / B) / 2, "the expected decrease of the loss",
        by="first and second order of the Taylor polynomial", using=("Parabola", "Independent"),
    )  # fmt: skip

    d.heading("The best learning rate")
    d.define(largest, square / bent, "the best one without noise")
    d.define(batch_noise, spread / bent, "the gradient noise scale")
    optimum = d.define(best, largest / (1 + batch_noise / B), "claim: the best one with noise")
    d.step("there the decrease is stationary", Subs(Derivative(gain, EPSILON), EPSILON, best), 0,
           by=f"differentiate {expected}")  # fmt: skip
    d.step("and it is a maximum, as this is negative", Derivative(gain, (EPSILON, 2)), -bent - spread / B,
           by=f"differentiate {expected} twice")  # fmt: skip
    d.define(full, square**2 / (2 * bent), "the decrease without noise, at its best learning rate")
    d.step("the decrease at the best learning rate", Subs(gain, EPSILON, best), full / (1 + batch_noise / B),
        by=f"insert {optimum} into {expected}")  # fmt: skip
    d.note("At $B$ equal to the gradient noise scale a step gains half of what the full gradient would.")
    c = sympy.Symbol("c", positive=True)
    d.assume(c, "a curvature that is the same in all directions")
    trace = sympy.Symbol("S", positive=True)
    d.assume(trace, "Tr S")
    d.step("if H is c times the identity the gradient noise scale needs no Hessian",
           Subs(spread / bent, (spread, bent), (c * trace, c * square)),
           trace / square, by="divide by c")  # fmt: skip
    d.conclude(best, square / (bent + spread / B), "the best learning rate", by=f"insert into {optimum}")
    return d


def price() -> Derivation:
    """Derive (S/S₀ − 1)(X/X₀ − 1) = 1, the trade of steps S against examples X."""
    d = Derivation("Steps against examples", source=SOURCE)
    batch_noise, fewest_steps = sympy.symbols("B_n S_0", positive=True)
    steps, examples, fewest_examples = sympy.symbols("S X X0", positive=True)
    d.assume(B, "number of examples in a minibatch")
    d.assume(batch_noise, "gradient noise scale, the same all along the way")
    d.assume(fewest_steps, "number of steps that the full gradient would need")
    first = d.define(steps, fewest_steps * (1 + batch_noise / B), "number of steps with minibatches",
                     by="each gains a share $1/(1 + B_n/B)$")  # fmt: skip
    second = d.define(examples, B * steps, "number of examples that they read")
    smallest = d.define(fewest_examples, fewest_steps * batch_noise, "the fewest examples, in the limit of small B")
    d.step("this limit is reached", sympy.Limit(B * fewest_steps * (1 + batch_noise / B), B, 0, "+"), fewest_examples,
           by=f"limit of {second}")  # fmt: skip
    d.step("so that both prices are on a hyperbola", (steps / fewest_steps - 1) * (examples / fewest_examples - 1), 1,
           by=f"insert {first}, {second} and {smallest}")  # fmt: skip
    d.conclude(examples, fewest_steps * (B + batch_noise), "the number of examples", by=f"insert {first} in {second}")
    return d


def estimators() -> Derivation:
    """Derive the unbiased estimators of |G|² and Tr S from two batch sizes, for a finite training set."""
    d = Derivation("Unbiased estimators from two batch sizes", source=SOURCE)
    square, trace, small, large = sympy.symbols("G_2 S B1 B2", positive=True)
    p, q, e1, e2, trace_hat, square_hat = sympy.symbols("p q e1 e2 Shat Ghat_2", real=True)
    for symbol, text in (
        (N, "number of training examples"), (small, "the smaller batch size"), (large, "the larger batch size"),
        (square, "$|G|²$, G being the mean gradient of the training set"),
        (trace, "Tr S, the covariance of the examples' gradients with $N − 1$ in the denominator"),
    ):  # fmt: skip
        d.assume(symbol, text, where=large > small if symbol is large else ())
    d.heading("Expectations")
    proved = minibatch_covariance().result.expression
    variances = [
        proved.subs({symbol: value for symbol in proved.free_symbols for name, value in
                     (("N", N), ("B", size), ("F", trace)) if str(symbol) == name}) / N**2
        for size in (small, large)
    ]  # fmt: skip
    rule = (
        "$|G|²$ plus the variance, from the derivation of the covariance of the minibatch gradient (there a sum of N)"
    )
    first = d.define(e1, square + variances[0], "the mean of $|Ĝ|²$ over batches of the smaller size", by=rule)
    second = d.define(e2, square + variances[1], "and of the larger size", by="the same")
    d.step("that is, the variance has a part which a finite training set takes away", e1,
           square + trace * (1 / small - 1 / N), by=f"rewrite {first}")  # fmt: skip
    d.heading("Solved")
    spread = d.define(trace_hat, (e1 - e2) / (1 / small - 1 / large), "claim: Tr S is")
    d.step("it is", trace_hat, trace, by=f"insert {first} and {second} into {spread}; N drops out")
    biased = d.define(
        square_hat, (large * e2 - small * e1) / (large - small), "McCandlish's estimator of $|G|²$ has the mean"
    )
    d.step(
        "which is less than $|G|²$ by Tr S/N: it belongs to the population that the examples were drawn from",
        square_hat, square - trace / N, by=f"insert {first} and {second} into {biased}",
    )  # fmt: skip
    d.step(
        "the common error: one batch alone, $|Ĝ|²$ at $B_1$, is too large by Tr S times", (e1 - square) / trace,
        1 / small - 1 / N, by=f"{first}",
    )  # fmt: skip
    noise = sympy.Symbol("B_s", real=True)
    d.assume(p, "mean of $|Ĝ|²$ over the smaller batches, as measured")
    d.assume(q, "mean of $|Ĝ|²$ over the larger batches, as measured", where=sympy.Ne(large * q, small * p))
    d.define(noise, ((p - q) / (1 / small - 1 / large)) / ((large * q - small * p) / (large - small)),
             "the gradient noise scale Tr S over $|G|²$: a ratio of means, never a mean of ratios")  # fmt: skip
    d.conclude(noise, small * large * (p - q) / (large * q - small * p), "the estimate from two measured means",
               by="cancel")  # fmt: skip
    return d


def two_noise_scales() -> Derivation:
    """Derive 2B/(aε) for the gradient noise scale in the stationary state, and its product with g."""
    d = Derivation("Gradient noise scale and g", source="Smith & Le (2018), section 5; McCandlish et al. (2018)")
    curvature, variance = sympy.symbols("a s", positive=True)
    w, z = sympy.symbols("w z", real=True)
    scale = sympy.Symbol("g", nonnegative=True)
    stationary, square, gradient_noise = sympy.symbols("V G_2 B_s", positive=True)
    for symbol, text in (
        (curvature, "curvature of the mean loss $a w²/2$"), (variance, "variance of the gradient of one example"),
        (EPSILON, "learning rate"), (B, "batch size"), (N, "number of training examples"), (w, "the weight"),
        (z, "error of the minibatch gradient, of mean zero, variance $s/B$, independent of w"),
    ):  # fmt: skip
        d.assume(symbol, text, **({"where": EPSILON * curvature < 2} if symbol is EPSILON else {}))
    d.suppose("Independent", "the examples of a batch are drawn independently, B small beside N")
    d.suppose("Stationary", "SGD with a constant learning rate has run for long")
    recursion = d.step("one step", (w - EPSILON * (curvature * w + z)) ** 2, (1 - EPSILON * curvature) ** 2 * w**2
                       - 2 * (1 - EPSILON * curvature) * EPSILON * w * z + EPSILON**2 * z**2, by="expand")  # fmt: skip
    solved = d.define(
        stationary,
        EPSILON * variance / (B * curvature * (2 - EPSILON * curvature)),
        "claim: the stationary variance is",
    )
    d.step(
        "the mean of a step leaves it as it is, and only it, as the equation is linear",
        (1 - EPSILON * curvature) ** 2 * stationary + EPSILON**2 * variance / B, stationary,
        by=f"mean of {recursion} with {solved}", using=("Independent", "Stationary"),
    )  # fmt: skip
    signal = d.define(square, curvature**2 * stationary, "the mean of $|G|²$", by="$G = a w$")
    noise = d.define(gradient_noise, variance / square, "the gradient noise scale there")
    found = d.step("it says how large the batch is, not how noisy the data are", gradient_noise,
                   B * (2 - EPSILON * curvature) / (EPSILON * curvature),
                   by=f"insert {signal} and {solved} into {noise}")  # fmt: skip
    d.note(
        "Far from the minimum the gradient noise scale depends neither on the learning rate nor on the batch size, "
        "unlike g. Near the minimum it grows as g falls, because the weights come to rest closer to it."
    )
    small = d.define(scale, EPSILON * N / B, "Smith and Le's noise scale, for B small beside N")
    d.expand("their product depends on the problem alone, for a small learning rate", scale * gradient_noise,
             2 * N / curvature, variable=EPSILON, order=1, by=f"product of {small} and {found}")  # fmt: skip
    d.conclude(gradient_noise, 2 * B / (EPSILON * curvature) - B, "the gradient noise scale in the stationary state",
               by=f"divide in {found}")  # fmt: skip
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the derived formulas with independent numbers; return a line for each, raise SdeTheoryError on a miss."""
    step, examples, estimate, stationary = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(0)
    lines = []
    root = rng.normal(size=(2, 2))
    hessian, gradients = root @ root.T + np.eye(2), rng.normal(size=(6, 2)) + 2
    mean = gradients.mean(axis=0)
    # Independent draws from six examples have the covariance with six, not five, in the denominator.
    covariance = gradient_covariance(gradients) * 5 / 6
    known = {"G_2": float(mean @ mean), "G_H": float(mean @ hessian @ mean)}
    bent = float(np.trace(hessian @ covariance))
    full_gain = _best_of_batches(mean[None], hessian)[1]
    for size in (1, 2, 4):
        batches = np.array([gradients[list(b)].mean(axis=0) for b in itertools.product(range(6), repeat=size)])
        rate, gain = _best_of_batches(batches, hessian)
        lines.append(compare(f"best learning rate at B = {size}", step(S_H=bent, B=size, **known), rate,
                             "every batch listed"))  # fmt: skip
        found = size * 300 * full_gain / gain
        lines.append(compare(f"examples read at B = {size} where the full gradient takes 300 steps",
                             examples(B=size, B_n=bent / known["G_H"], S_0=300), found,
                             "every batch listed"))  # fmt: skip
    for small, large in ((1, 6), (2, 3), (2, 5)):
        means = [
            float(
                np.mean([np.sum(gradients[list(b)].mean(axis=0) ** 2) for b in itertools.combinations(range(6), size)])
            )
            for size in (small, large)
        ]
        trace = float(np.trace(gradient_covariance(gradients)))
        lines.append(compare(f"noise scale from batches of {small} and {large} of six examples",
                             estimate(B1=small, B2=large, p=means[0], q=means[1]),
                             trace / (known["G_2"] - trace / 6), "sdetheory.models.gradient_covariance"))  # fmt: skip
    for rate, size, curvature in ((0.1, 4, 2.0), (0.7, 32, 1.3)):
        sgd = SGDHyperparameters(learning_rate=rate, train_size=100, batch_size=size, sampling="with-replacement")
        # With N in the denominator the covariance of the gradients is 3, with N − 1 a little more.
        variance = sgd_covariance([[100 * curvature]], [[3.0 * 100 / 99]], sgd).covariance[0, 0]
        lines.append(compare(f"gradient noise scale at rest, epsilon = {rate}, B = {size}, a = {curvature}",
                             stationary(epsilon=rate, B=size, a=curvature), 3.0 / (curvature**2 * variance),
                             "sdetheory.theory.sgd_covariance"))  # fmt: skip
    return lines


def _best_of_batches(batches: np.ndarray, hessian: np.ndarray) -> tuple[float, float]:
    """Return the learning rate of the largest mean decrease of a quadratic loss over all batches, and that decrease."""
    mean = batches.mean(axis=0)
    shift = np.linalg.solve(hessian, mean)  # where the loss has the slope of the mean gradient

    def decrease(rate: float) -> float:
        after = shift - rate * batches
        return float(shift @ hessian @ shift - np.einsum("bi,ij,bj->b", after, hessian, after).mean()) / 2

    # The decrease is a parabola without constant term.
    one, two = decrease(1.0), decrease(2.0)
    slope, curve = 2 * one - two / 2, two / 2 - one
    return -slope / (2 * curve), -(slope**2) / (4 * curve)


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
