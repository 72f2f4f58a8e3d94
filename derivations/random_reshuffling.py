"""Random reshuffling: the batches of one epoch are correlated, and their noise cancels at its end.

    python -m derivations.random_reshuffling --format latex|markdown|text

SGD mostly shuffles the examples and goes through them once, an epoch, before it shuffles again. The derivation counts
orders and finds the covariance of two batches of one epoch, −N F, whatever the batch size. The sum of the first j
batches then has the variance of a bridge, which ends in no noise at all. At the end the formula meets every order of
the gradients of a model in `sdetheory.models`. What the correlation does to the path of the weights is derived in
`derivations.implicit_regularization`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np
import sympy
from sympy import Rational, Subs, factorial

from sdetheory.models import LogisticRegression, gradient_covariance
from sdetheory.symbolic import Derivation, compare, minibatch_covariance, present

N, B, J = sympy.symbols("N B j", integer=True, positive=True)
F = sympy.Symbol("F", positive=True)
S1, S2 = sympy.symbols("S1 S2", real=True)
GRADIENTS = (1, 2, 4, 7, 11, 16)


def derive() -> tuple[Derivation, ...]:
    """Return the derivation."""
    return (within_epoch(),)


def within_epoch() -> Derivation:
    """Derive −N F, the covariance of two batches of one epoch, and N F j (m − j), the variance of the first j."""
    d = Derivation("Covariance of the batches of one epoch", source="")
    together, apart, covariance, variance, total = sympy.symbols("q_0 q c V V_j", real=True)
    d.assume(N, "number of training examples")
    d.assume(B, "number of examples in a batch; an epoch has $m = N/B$ batches, two at least", where=2 * B <= N)
    d.assume(J, "number of batches that have been seen in this epoch", where=B * J <= N)
    d.assume(S1, "sum of the per-example gradients along one direction, $Σ g_i$, which is the full gradient")
    d.assume(S2, "sum of their squares, $Σ g_i²$", where=N * S2 > S1**2)
    d.suppose(
        "Shuffled", "all orders of the examples are equally likely; batch k takes the places $(k−1) B + 1$ to $k B$"
    )
    d.note(
        "Let $s_i$ tell whether example i is in batch k (1) or not (0), and $t_i$ whether it is in another batch l of "
        "the same epoch. The minibatch gradients are $Ĝ_k = (N/B) Σ s_i g_i$ and $Ĝ_l = (N/B) Σ t_i g_i$."
    )
    d.heading("Counting orders")
    d.define(together, 0, "no example is in both batches, $E[s_i t_i]$", by="each comes once in an epoch")
    pairs = d.define(
        apart, B * B * factorial(N - 2) / factorial(N), "chance that i is in batch k and another example j in batch l, "
        "$E[s_i t_j]$", by="B places for i, B places for j, any order of the rest; over all orders", using="Shuffled",
    )  # fmt: skip
    d.step("this is", apart, B**2 / (N * (N - 1)), by=f"cancel the factorials in {pairs}")
    d.note(
        "Independent batches would have the chance $B²/N²$, which is smaller: what is not in batch k is the more "
        "likely in batch l."
    )
    d.heading("Covariance of two batches")
    product = d.define(
        covariance, (N / B) ** 2 * (together * S2 + apart * (S1**2 - S2)) - S1**2, "$E[Ĝ_k Ĝ_l]$ less the square of "
        "the mean", by="the products of unequal indices sum to $S_1² − S_2$; each batch has the mean $S_1$",
    )  # fmt: skip
    spread = d.define(F, (S2 - S1**2 / N) / (N - 1), "the covariance of the per-example gradients, with N − 1")
    pair = d.step("the covariance is negative, and does not depend on B", covariance, -N * F,
                  by=f"insert {pairs} and {spread} into {product}")  # fmt: skip
    values = {N: len(GRADIENTS), S1: sum(GRADIENTS), S2: sum(g**2 for g in GRADIENTS)}
    d.enumerate("a check that shares none of the steps: all 720 orders of the gradients 1, 2, 4, 7, 11, 16", covariance,
                -N * F, cases=[({**values, B: size}, _covariance_of_two(size)) for size in (1, 2, 3)],
                by="B = 1, 2 and 3, exact numbers")  # fmt: skip
    d.heading("The noise of an epoch cancels")
    known = minibatch_covariance().result.expression
    known = known.subs({symbol: {"N": N, "B": B, "F": F}[str(symbol)] for symbol in known.free_symbols})
    single = d.define(variance, known, "the variance of one batch",
                      by="proved in the derivation of the covariance of the minibatch gradient")  # fmt: skip
    d.step("the correlation of two batches is −1/(m − 1)", covariance / variance, -1 / (N / B - 1),
           by=f"{pair} over {single}")  # fmt: skip
    d.define(total, J * variance + J * (J - 1) * covariance, "the variance of the sum of the first j batches",
             by="j variances and $j (j − 1)$ covariances")  # fmt: skip
    d.step("at the end of the epoch nothing is left", Subs(total, J, N / B), 0, by="every example came once")
    d.conclude(total, N * F * J * (N / B - J), "a bridge: it rises like that of independent batches, and falls to zero",
               by=f"insert {single} and {pair}")  # fmt: skip
    return d


def _covariance_of_two(size: int) -> sympy.Rational:
    """Return the covariance of the first two batches over all orders of `GRADIENTS`."""
    n, orders = len(GRADIENTS), list(itertools.permutations(GRADIENTS))
    pairs = [(sum(order[:size]), sum(order[size : 2 * size])) for order in orders]
    mean = Rational(sum(a * b for a, b in pairs), len(orders)) * Rational(n, size) ** 2
    return mean - Rational(sum(GRADIENTS)) ** 2


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas with every order of small data sets; raise SdeTheoryError on a miss."""
    (bridge,) = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(6)
    lines = []
    X = rng.normal(size=(6, 2))
    model = LogisticRegression(X, np.arange(6) % 2, prior_precision=0.3)
    gradients = model.per_example_gradients(np.array([0.4, -0.7]))
    covariance = gradient_covariance(gradients)
    orders = np.array(list(itertools.permutations(range(6))))
    for size in (1, 2):
        batches = gradients[orders].reshape(len(orders), 6 // size, size, 2).sum(axis=2) * 6 / size
        for seen in (1, 2, 6 // size):
            listed = np.cov(batches[:, :seen].sum(axis=1).T, ddof=0)
            for i, j in ((0, 0), (0, 1)):
                derived = bridge(N=6, B=size, j=seen, F=1.0) * covariance[i, j]
                what = f"entry {i + 1}, {j + 1} of the covariance of the first {seen} batches, B = {size}"
                lines.append(compare(what, derived, listed[i, j], "all 720 orders, sdetheory.models"))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
