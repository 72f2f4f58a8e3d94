"""SVAG: SGD with the noise turned up and the step turned down, which tends to its stochastic differential equation.

    python -m derivations.svag --format latex|markdown|text

Stochastic variance amplified gradients (Li, Malladi and Arora) take steps η/l with a combination of two minibatch
gradients. The first derivation finds the moments of this gradient: the mean is kept, the variance grows l times. The
second compares a step with the stochastic differential equation and finds that they agree to order 1/l. The third finds
the stationary variance on a parabola for every l: from that of SGD at l = 1 to that of the equation at l → ∞. At the
end the formulas meet averages over all pairs of minibatches, and `sdetheory.theory`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import Rational, sqrt

from sdetheory import SGDHyperparameters
from sdetheory.models import gradient_covariance
from sdetheory.symbolic import Derivation, ItoSDE, compare, enumerate_minibatches, present, semigroup_expansion
from sdetheory.theory import ornstein_uhlenbeck, sgd_covariance

ETA, L, H, NOISE, CURVATURE = sympy.symbols("eta l h S a", positive=True)
X, MEAN, K3, K4 = sympy.symbols("x G k_3 k_4", real=True)
SOURCE = "Li, Malladi & Arora (2021), On the validity of modeling SGD with stochastic differential equations"
GRADIENTS = (1, 2, 4, 7, 11, 16)


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return moments(), one_step(), stationary_variance()


def moments() -> Derivation:
    """Derive the mean and the cumulants of the amplified gradient; the variance is l times that of a minibatch."""
    d = Derivation("Moments of the amplified gradient", source=SOURCE)
    root, first, second = sympy.symbols("r p q", real=True)
    z1, z2 = sympy.symbols("z_1 z_2", real=True)
    mean, variance, third, fourth = sympy.symbols("m V k_3l k_4l", real=True)
    d.assume(L, "amplification", where=L >= 1)
    d.assume(MEAN, "the gradient, which is the mean of the minibatch gradient")
    d.assume(NOISE, "variance of the minibatch gradient")
    d.assume(K3, "its third cumulant: the mean cube of the noise")
    d.assume(K4, "its fourth cumulant: the mean fourth power less $3 S²$")
    d.assume(z1, "noise of the first minibatch gradient, $G + z_1$")
    d.assume(z2, "noise of the second one")
    d.suppose("Independent", "the two batches are drawn independently of each other, by the same rule")
    d.heading("The combination")
    strength = d.define(root, sqrt(2 * L - 1), "strength of the combination")
    one = d.define(first, (1 + root) / 2, "weight of the first minibatch gradient")
    two = d.define(second, (1 - root) / 2, "weight of the second one")
    d.step("the weights add up to one", first + second, 1, by=f"{one} and {two}")
    d.step("their squares to l", first**2 + second**2, L, by=f"{one} and {two}, with {strength}")
    d.heading("Mean and variance")
    split = d.step("the amplified gradient is", first * (MEAN + z1) + second * (MEAN + z2),
                   MEAN + first * z1 + second * z2, by="the weights add up to one")  # fmt: skip
    d.define(mean, first * MEAN + second * MEAN, "its mean", by="the noise has mean zero")
    d.step("it is kept", mean, MEAN, by="the weights add up to one")
    spread = d.define(variance, (first**2 + second**2) * NOISE, "its variance", using="Independent",
                      by=f"mean square of the noise in {split}, as $z_1 z_2$ has mean zero")  # fmt: skip
    d.heading("Higher cumulants")
    d.note("Cumulants of a sum of independent terms add, and that of order n of p z is $p^n$ times that of z.")
    d.define(third, (first**3 + second**3) * K3, "the third cumulant", by="sum", using="Independent")
    d.define(fourth, (first**4 + second**4) * K4, "the fourth one", by="sum", using="Independent")
    d.step("the third grows like l too", third, (3 * L - 1) / 2 * K3, by=f"insert {strength}")
    d.step("and the fourth like l²", fourth, (L**2 + 2 * L - 1) / 2 * K4, by=f"insert {strength}")
    d.note(
        "In l steps of length η/l the cumulant of order n is multiplied by $l (η/l)^n$. The variance then stays at "
        "$η² S$. The third cumulant is $η³ (3 l − 1)/(2 l²)$ times $k_3$ and vanishes like 1/l, as does the fourth: "
        "what is left is Gaussian noise."
    )
    d.conclude(variance, L * NOISE, "the variance is amplified l times", by=f"insert the weights into {spread}")
    d.enumerate("a check that shares none of the steps: every pair of minibatches of the gradients 1, 2, 4, 7, 11, 16",
                variance, L * NOISE, cases=_pairs(), by="B = 1 to 3 and l = 1, 2, 5, exact numbers")  # fmt: skip
    return d


def _pairs() -> Iterator[tuple[Mapping[Any, Any], Any]]:
    """Yield l and S with the variance of the amplified gradient over all pairs of minibatches."""
    for size, amplification in itertools.product((1, 2, 3), (1, 2, 5)):
        means = [Fraction(sum(batch), size) for batch in itertools.combinations(GRADIENTS, size)]
        root = sqrt(2 * amplification - 1)
        mean = Rational(sum(GRADIENTS), len(GRADIENTS))
        squares = [
            ((1 + root) / 2 * Rational(one) + (1 - root) / 2 * Rational(two) - mean) ** 2
            for one, two in itertools.product(means, repeat=2)
        ]
        variance = enumerate_minibatches(GRADIENTS, size).covariance / len(GRADIENTS) ** 2
        yield {L: amplification, NOISE: variance}, sympy.expand(sympy.Add(*squares) / len(squares))


def one_step() -> Derivation:
    """Derive the mean of a function after a step of SVAG and along the equation; they differ by h² only."""
    d = Derivation("A step of SVAG against the stochastic differential equation", source=SOURCE)
    loss, noise, test = (sympy.Function(name, real=True) for name in ("L", "S", "f"))
    k3, k4 = sympy.Function("k_3", real=True), sympy.Function("k_4", real=True)
    amplification, after, along, miss = sympy.symbols("l U W d", real=True)
    third, fourth, *means = sympy.symbols("c_3 c_4 mu_2 mu_3 mu_4", real=True)
    d.assume(X, "the weight")
    d.assume(ETA, "learning rate of SGD")
    d.assume(H, "length of a step of SVAG, $η/l$", where=H <= ETA)
    for function, text in ((loss, "the mean loss, any smooth function"),
                           (noise, "variance of the minibatch gradient at x, any smooth function"),
                           (k3, "its third cumulant"), (k4, "its fourth cumulant"),
                           (test, "any smooth function whose mean is wanted")):  # fmt: skip
        d.assume(function, text)
    slope = loss(X).diff(X)
    d.define(amplification, ETA / H, "amplification")
    d.heading("A step of SVAG")
    d.note(
        "A step takes x to $x − h (L′ + ξ)$. The noise ξ has mean zero and the cumulants that were proved. Each power "
        "of the step brings a factor h and at most a factor √l from the noise, so that terms with the fifth are beyond "
        "h²."
    )
    amplified = amplification * noise(X)
    d.define(third, (3 * amplification - 1) / 2 * k3(X), "the third cumulant of ξ")
    d.define(fourth, (amplification**2 + 2 * amplification - 1) / 2 * k4(X), "the fourth one")
    d.define(means[0], slope**2 + amplified, "the mean of $(L′ + ξ)²$")
    d.define(means[1], slope**3 + 3 * slope * amplified + third, "the mean of its cube")
    d.define(means[2], slope**4 + 6 * slope**2 * amplified + 4 * slope * third + fourth + 3 * amplified**2,
             "the mean of its fourth power", by="the fourth moment of ξ is $c_4 + 3 (l S)²$")  # fmt: skip
    taylor = test(X) - H * slope * test(X).diff(X) + sympy.Add(
        *[(-H) ** n / sympy.factorial(n) * mean * test(X).diff(X, n) for n, mean in enumerate(means, start=2)]
    )  # fmt: skip
    stepped = d.define(after, taylor, "the mean of f after a step", by="Taylor polynomial of f")
    d.heading("The equation")
    sde = ItoSDE.from_covariance(-slope, ETA * noise(X), X)
    flowed = d.define(along, semigroup_expansion(sde, test(X), step=H, order=1), "the mean of f after the time h along "
                      "$dx = −L′ dt + √(η S) dW$", by="insert drift and variance")  # fmt: skip
    d.expand("they agree to first order in h, for every η", after, along, variable=H, order=2,
             by=f"{stepped} and {flowed}")  # fmt: skip
    d.note(
        "Over a fixed time there are 1/h steps, so that the error of SVAG is of order h, which is 1/l. At l = 1 "
        "nothing is small but η itself. The equation is thus the limit of SVAG, and SGD is near it if it is near SVAG."
    )
    rest = d.define(
        miss, -(H**3) / 6 * third * test(X).diff(X, 3) + H**4 / 24 * (fourth + 4 * slope * third) * test(X).diff(X, 4),
        "what noise that is not Gaussian adds to a step", by=f"the terms of {stepped} with $c_3$ and $c_4$",
    )  # fmt: skip
    d.expand("it is of the order of what was left out", miss,
             H**2 * (ETA**2 / 48 * k4(X) * test(X).diff(X, 4) - ETA / 4 * k3(X) * test(X).diff(X, 3)),
             variable=H, order=3, by=f"series of {rest}")  # fmt: skip
    d.conclude(
        miss, H**2 * ((3 * ETA - H) * k3(X) * (H * slope * test(X).diff(X, 4) - test(X).diff(X, 3)) / 12
                      + (ETA**2 + 2 * ETA * H - H**2) * k4(X) * test(X).diff(X, 4) / 48),
        "for any h; over a fixed time it vanishes like h: the limit forgets all but the variance", by=f"collect {rest}",
    )  # fmt: skip
    return d


def stationary_variance() -> Derivation:
    """Derive p = ηS/(a(2 − ηa/l)), the stationary variance of SVAG on a parabola."""
    d = Derivation("Stationary variance of SVAG", source=SOURCE)
    p, limit = sympy.symbols("p p_0", positive=True)
    d.assume(CURVATURE, "curvature of the mean loss $L = a x²/2$")
    d.assume(L, "amplification", where=L >= 1)
    d.assume(ETA, "learning rate", where=ETA * CURVATURE < 2)
    d.assume(NOISE, "variance of the minibatch gradient, constant")
    claim = d.define(p, ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE / L)), "claim: the stationary variance")
    d.step(
        "a step does not change it", (1 - ETA * CURVATURE / L) ** 2 * p + (ETA / L) ** 2 * L * NOISE, p,
        by=f"a step of length $η/l$ with noise of variance l S; insert {claim}",
    )  # fmt: skip
    d.step("at l = 1 it is that of SGD", sympy.Subs(p, L, 1), ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE)),
           by=f"insert into {claim}")  # fmt: skip
    last = d.define(
        limit, ETA * NOISE / (2 * CURVATURE), "that of the equation, noise over twice the rate of the drift"
    )
    d.step("for large l it tends to that of the equation", sympy.Limit(p, L, sympy.oo), limit, by=f"limit of {claim}")
    d.step("what is left is", p / limit - 1, ETA * CURVATURE / (2 * L - ETA * CURVATURE), by=f"{claim} over {last}")
    d.conclude(p, ETA * NOISE / (CURVATURE * (2 - ETA * CURVATURE / L)), "the variance at any l", by=f"{claim}")
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas with enumerations and `theory`; raise SdeTheoryError on a miss."""
    amplified, _, variance = (derivation.result for derivation in derivations)
    lines = []
    gradients = np.array(GRADIENTS, dtype=float)
    covariance = gradient_covariance(gradients[:, None])[0, 0]
    for size, times in itertools.product((1, 2), (2, 4, 16)):
        means = np.array([np.mean(batch) for batch in itertools.combinations(gradients, size)])
        first, second = (1 + np.sqrt(2 * times - 1)) / 2, (1 - np.sqrt(2 * times - 1)) / 2
        listed = np.var(first * means[:, None] + second * means)
        derived = amplified(l=times, S=covariance * (1 / size - 1 / len(gradients)))
        lines.append(compare(f"variance of the amplified gradient, B = {size}, l = {times}", derived, listed,
                             "every pair of batches"))  # fmt: skip
    for times in (1, 2, 4, 8, 16):
        # Of two examples one a batch: the cost and the gradient covariance are twice those of the mean loss.
        sgd = SGDHyperparameters(learning_rate=0.1 / times, train_size=2, batch_size=1)
        found = sgd_covariance([[4.0]], [[2.0 * times]], sgd).covariance[0, 0]
        what = f"stationary variance at learning rate 0.1, a = 2, S = 1, l = {times}"
        derived = variance(eta=0.1, a=2.0, S=1.0, l=times)
        lines.append(compare(what, derived, found, "sdetheory.theory.sgd_covariance"))
    law = ornstein_uhlenbeck([[2.0]], [[0.05]])
    lines.append(compare("the same for l = 1e15", variance(eta=0.1, a=2.0, S=1.0, l=1e15), law.covariance[0, 0],
                         "sdetheory.theory.ornstein_uhlenbeck"))  # fmt: skip
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
