"""The noise scale of SGD: from the choice of a minibatch to g = ε(N/B − 1).

    python derivations/noise_scale.py --format latex|markdown|text

The first derivation counts minibatches and finds the variance of the minibatch gradient. The second compares one
step of SGD with a stochastic differential equation over the time ε/N, and finds g. Both are then repeated for sampling
with replacement, and for Poisson sampling, which takes each example by a coin of its own. At the end the formulas meet
numbers that were obtained in other ways: by listing every minibatch, and from `sdetheory.noise_scale`, which imports no
symbols.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import sdetheory as st
from sdetheory.symbolic import Derivation, compare, enumerate_minibatches, minibatch_covariance, noise_scale, present

GRADIENTS = (1, 2, 4, 7, 11, 16)


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order: covariance, then noise scale, for each way of sampling."""
    samplings = ("without-replacement", "with-replacement", "poisson")
    return tuple(build(sampling) for sampling in samplings for build in (minibatch_covariance, noise_scale))


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the derived formulas with independent numbers; return a line for each, raise SdeTheoryError on a miss."""
    covariance, scale, covariance_with, scale_with, covariance_of_coins, scale_of_coins = (
        derivation.result for derivation in derivations
    )
    n = len(GRADIENTS)
    mean = sum(GRADIENTS) / n
    sample_covariance = sum((g - mean) ** 2 for g in GRADIENTS) / (n - 1)
    lines = []
    for sampling, formula, largest in (
        ("without-replacement", covariance, n),
        ("with-replacement", covariance_with, 3),
    ):
        for size in range(1, largest + 1):
            listed = float(enumerate_minibatches(GRADIENTS, size, sampling).covariance)
            what = f"variance of the minibatch gradient of {GRADIENTS}, B = {size}, {sampling}"
            lines.append(compare(what, formula(N=n, B=size, F=sample_covariance), listed, "every batch listed"))
    for size in range(1, n + 1):
        listed = float(enumerate_minibatches(GRADIENTS, size, "poisson").covariance)
        what = f"variance of the minibatch gradient of {GRADIENTS}, B = {size}, poisson"
        derived = covariance_of_coins(N=n, B=size, F=sample_covariance, S1=sum(GRADIENTS))
        lines.append(compare(what, derived, listed, "every batch listed"))
    for sampling, formula in (
        ("without-replacement", scale),
        ("with-replacement", scale_with),
        ("poisson", scale_of_coins),
    ):
        for learning_rate, train_size, batch_size in ((0.1, 1000, 32), (1.0, 60000, 128), (0.01, 7, 7)):
            numeric = float(st.noise_scale(learning_rate, train_size, batch_size, sampling=sampling))
            what = f"g at ε = {learning_rate}, N = {train_size}, B = {batch_size}, {sampling}"
            derived = formula(epsilon=learning_rate, N=train_size, B=batch_size)
            lines.append(compare(what, derived, numeric, "sdetheory.noise_scale"))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
