"""Implicit regularization by random reshuffling: the loss that the mean path of an epoch descends.

    python -m derivations.implicit_regularization --format latex|markdown|text

The first derivation finds the modified loss of Smith, Dherin, Barrett and De: averaged over all orders of the batches,
an epoch of SGD follows the flow of C + (ε/4m) Σ |∇L_k|² to third order in the learning rate. The second writes it in
terms of the examples, for any batch size. The last two go through every order of four examples in symbols, and of six
in numbers. At the end flows meet the mean over every order for a model of `sdetheory.models`.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import integrate
from sympy import Derivative, Rational, Subs, Sum

from sdetheory.models import LogisticRegression
from sdetheory.symbolic import Derivation, Equation, compare_order, minibatch_covariance, present

Array = NDArray[np.float64]

N, B, M, K = sympy.symbols("N B m k", integer=True, positive=True)
F, EPSILON = sympy.Symbol("F", nonnegative=True), sympy.Symbol("epsilon", positive=True)
X = sympy.Symbol("x", real=True)
SOURCE = "Smith, Dherin, Barrett & De (2021), On the origin of implicit regularization in SGD, ICLR"
GRADIENTS = (1, 2, 4, 7, 11, 16)


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return modified_loss(), over_batches(), every_order(), more_examples()


def modified_loss() -> Derivation:
    """Derive (ε/4m) Σ |∇L_k|², what must be added to the mean loss for the mean path of an epoch."""
    d = Derivation("Implicit regularization by random reshuffling", source=SOURCE)
    g, extra, smooth = (sympy.Function(name, real=True) for name in ("g", "R", "h"))
    a, b = sympy.symbols("a b", real=True)
    total, bend, product, mean, flow, slope, other = sympy.symbols("S D P E W r r_0", real=True)
    for symbol, text in (
        (EPSILON, "learning rate; a step is $x → x − ε g(k, x)$"), (M, "number of batches in an epoch, $N/B$"),
        (K, "one of them"), (X, "the weight at the beginning of the epoch"),
        (g, "$g(k, x)$ is the gradient of the mean loss $L_k$ of batch k, any smooth function of x"),
        (extra, "what is added to the mean loss C, times 1/ε; any smooth function"),
        (slope, "its slope R′ at x, to be determined"), (other, "the same for independent batches"),
        (smooth, "a gradient, any smooth function"), (a, "a coefficient"), (b, "another one"),
    ):  # fmt: skip
        d.assume(symbol, text)
    d.suppose("Shuffled", "the m batches of an epoch come in any order with the same chance")
    d.note(
        "One weight is followed. With more, g is a vector, g′ is its matrix of derivatives, a Hessian, and the "
        "products g′ g below are matrix times vector; nothing else changes."
    )
    d.heading("One step, to second order")
    d.note("After some steps the weight is $x + ε a + ε² b$ up to ε³. One more step with a gradient h gives")
    at = X + EPSILON * a + EPSILON**2 * b
    step = d.expand(
        "one step", at - EPSILON * smooth(at),
        X + EPSILON * (a - smooth(X)) + EPSILON**2 * (b - a * smooth(X).diff(X)), variable=EPSILON, order=3,
        by="Taylor series of h",
    )  # fmt: skip
    d.heading("An epoch in a given order")
    d.note(
        f"By {step} each step adds −g to a, so that a is minus the sum of the gradients that came before. And it adds "
        "$−a g′$ to b: every gradient meets the derivative of every later one. For two batches:"
    )
    first = X - EPSILON * g(1, X)
    d.expand(
        "first batch 1, then batch 2", first - EPSILON * g(2, first),
        X - EPSILON * (g(1, X) + g(2, X)) + EPSILON**2 * g(1, X) * g(2, X).diff(X), variable=EPSILON, order=3,
        by=f"{step} twice",
    )  # fmt: skip
    d.heading("The mean over all orders")
    d.note("An order and its reverse are equally likely, so that in half of all cases batch i is before batch k.")
    terms = K, 1, M
    d.define(total, Sum(g(K, X), terms), "sum of the gradients, which is m times C′")
    d.define(bend, Sum(g(K, X).diff(X), terms), "sum of their derivatives")
    d.define(product, Sum(g(K, X) * g(K, X).diff(X), terms), "sum of the products of each with its own derivative")
    average = d.define(
        mean, X - EPSILON * total + EPSILON**2 / 2 * (total * bend - product), "the mean after an epoch, up to ε³",
        by="half of the sum over all pairs of different batches: S D has all pairs, P those of a batch with itself",
        using="Shuffled",
    )  # fmt: skip
    d.heading("The flow of a modified loss")
    d.note(
        "Let the weight flow down $C + ε R$ for the time $m ε$ of an epoch, with the velocity $v = −(C′ + ε R′)$. The "
        "acceleration is $v v′$."
    )
    velocity = -(total / M + EPSILON * extra(X).diff(X))
    acceleration = velocity * -(bend / M + EPSILON * extra(X).diff(X, 2))
    flowed = d.define(flow, X + M * EPSILON * velocity + (M * EPSILON) ** 2 / 2 * acceleration,
                      "the weight after an epoch of the flow, up to ε³", by="Taylor series in time")  # fmt: skip
    series = d.expand(
        "in powers of ε", flow, X - EPSILON * total + EPSILON**2 * (total * bend / 2 - M * extra(X).diff(X)),
        variable=EPSILON, order=3, by=f"collect {flowed}",
    )  # fmt: skip
    d.heading("They agree")
    d.solve(
        "the terms with ε² agree if", total * bend / 2 - M * slope, (total * bend - product) / 2, unknown=slope,
        solution=product / (2 * M), by=f"{series} and {average}, with r for R′",
    )  # fmt: skip
    d.solve(
        "with independent batches the gradient of one step knows nothing of the next, and only this is left",
        total * bend / 2 - M * other, M * (M - 1) / 2 * total / M * bend / M, unknown=other,
        solution=total * bend / (2 * M**2), by="the same with the mean of the product, $C′ C″$, for each of the "
        "$m (m − 1)/2$ pairs",
    )  # fmt: skip
    d.step("which is the slope of $|∇C|²/4$, as for the full gradient", other, Derivative((total / M) ** 2 / 4, X),
           by="differentiate the right side")  # fmt: skip
    d.conclude(slope, Derivative(Sum(g(K, X) ** 2, terms) / (4 * M), X),
               "the modified loss is $C + (ε/4 m) Σ |∇L_k|²$", by="differentiate the right side")  # fmt: skip
    return d


def over_batches() -> Derivation:
    """Derive ¼ (|∇C|² + (N − B)/(N − 1) Γ/B), the mean of (1/4m) Σ |∇L_k|² over the ways to form batches."""
    d = Derivation("The modified loss in terms of the examples", source=SOURCE)
    square, gamma, mean = sympy.symbols("G_2 Gamma R", nonnegative=True)
    d.assume(N, "number of training examples", where=N >= 2)
    d.assume(B, "batch size", where=B <= N)
    d.assume(square, "$|∇C|²$, C being the mean loss")
    d.assume(gamma, "$(1/N) Σ |∇C_i − ∇C|²$, how much the examples disagree")
    spread = d.define(F, N * gamma / (N - 1), "the trace of the covariance with N − 1", by="change of the denominator")
    known = minibatch_covariance().result.expression
    known = known.subs({symbol: {"N": N, "B": B, "F": F}[str(symbol)] for symbol in known.free_symbols})
    variance = d.step("the variance of the gradient of a batch", known / N**2, (N - B) * gamma / ((N - 1) * B),
                      by=f"proved in the derivation of its covariance, for N times it; {spread}")  # fmt: skip
    total = d.define(mean, (square + known / N**2) / 4, "the mean of $|∇L_k|²/4$ over all batches",
                     by="square of the mean plus variance")  # fmt: skip
    d.step("a full batch leaves what gradient descent has by itself", Subs(mean, B, N), square / 4, by=f"{total}")
    d.note(
        "The term with Γ is smaller where the examples agree. Small batches thus look for places where no batch "
        "disagrees with the rest; the strength goes with ε/B, the ratio that also sets the noise scale."
    )
    d.conclude(mean, (square + (N - B) * gamma / ((N - 1) * B)) / 4, "the mean of R over all ways to form the batches",
               by=f"insert {variance} into {total}")  # fmt: skip
    return d


def every_order() -> Derivation:
    """Prove the mean path over all 24 orders of four examples, in batches of one and of two."""
    d = Derivation("Every order of four examples", source=SOURCE)
    p, q, r = (sympy.symbols(f"{name}_1:5", real=True) for name in "pqr")
    slope, curvature, gamma = sympy.symbols("C' C'' gamma", real=True)
    singles, doubles = sympy.symbols("E_1 E_2", real=True)
    d.assume(EPSILON, "learning rate; the epoch begins at x = 0")
    for i in range(4):
        d.assume(p[i], f"slope of the loss of example {i + 1} at 0")
        d.assume(q[i], "its second derivative")
        d.assume(r[i], "its third derivative")
    d.define(slope, sympy.Add(*p) / 4, "slope of the mean loss")
    d.define(curvature, sympy.Add(*q) / 4, "its second derivative")
    products = sympy.Add(*[a * b for a, b in zip(p, q, strict=True)])
    d.define(gamma, products / 4 - slope * curvature, "half of the slope of Γ, the mean of $(C_i′ − C′) (C_i″ − C″)$")
    d.heading("Batches of one")
    one = _define_mean(d, singles, p, q, r, 1)
    d.step("as predicted: the flow has $½ m² C′ C″ − m R′$ at ε², here with m = 4 and $R′ = ½ (C′ C″ + γ)$", singles,
           -4 * EPSILON * slope + EPSILON**2 * (8 * slope * curvature - 2 * (slope * curvature + gamma)),
           by=f"insert into {one}; the third derivatives are not in it")  # fmt: skip
    d.heading("Batches of two")
    two = _define_mean(d, doubles, p, q, r, 2)
    d.step("as predicted, with m = 2 and $R′ = ½ (C′ C″ + γ/3)$", doubles,
           -2 * EPSILON * slope + EPSILON**2 * (2 * slope * curvature - (slope * curvature + gamma / 3)),
           by=f"insert into {two}")  # fmt: skip
    d.conclude(doubles, -2 * EPSILON * slope + EPSILON**2 * (slope * curvature - gamma / 3),
               "the mean over all orders", by=f"collect {two}")  # fmt: skip
    return d


def more_examples() -> Derivation:
    """Derive the coefficient of ε² for any N and B, and count it over all orders of four and six examples."""
    d = Derivation("The second order of an epoch for any batch size", source=SOURCE)
    slope, curvature, gamma, second = sympy.symbols("C' C'' gamma w", real=True)
    for symbol, text in (
        (N, "number of examples"), (B, "batch size, a divisor of N"),
        (slope, "slope of the mean loss at the beginning of the epoch"), (curvature, "its second derivative there"),
        (gamma, "mean of $(C_i′ − C′) (C_i″ − C″)$, half of the slope of Γ"),
    ):  # fmt: skip
        d.assume(symbol, text, where=N >= 2 if symbol is N else ())
    m = N / B
    flow = d.define(
        second, m**2 / 2 * slope * curvature - m / 2 * (slope * curvature + (N - B) / ((N - 1) * B) * gamma),
        "the coefficient of ε² in the weight after an epoch",
        by="$½ m² C′ C″ − m R′$ of the flow, with R from the derivation in terms of the examples",
    )  # fmt: skip
    short = m / 2 * ((m - 1) * slope * curvature - (N - B) / ((N - 1) * B) * gamma)
    d.enumerate(
        "it is that of the mean over all orders of four and of six examples, for every batch size", second, short,
        cases=_counted(N, B, slope, curvature, gamma), by="slopes 1, 2, 4, ... and second derivatives 3, −1, 2, ...",
    )  # fmt: skip
    d.conclude(second, short, "the coefficient", by=f"collect {flow}")
    return d


def _define_mean(d: Derivation, symbol: sympy.Symbol, p: Sequence[Any], q: Sequence[Any], r: Sequence[Any],
                 size: int) -> Equation:  # fmt: skip
    value = sympy.collect(_mean_over_orders(p, q, r, size), EPSILON, lambda e: sympy.collect(e, q, sympy.factor))
    return d.define(symbol, value, "the mean of the weight over all 24 orders, up to ε³", by="compose the steps")


def _mean_over_orders(p: Sequence[Any], q: Sequence[Any], r: Sequence[Any], size: int) -> sympy.Expr:
    """Return the mean over all orders of the weight after an epoch from 0, up to ε²."""
    orders = list(itertools.permutations(range(len(p))))
    ends = []
    for order in orders:
        x = sympy.S.Zero
        for start in range(0, len(p), size):
            batch = order[start : start + size]
            gradient = sympy.Add(*[p[i] + q[i] * x + r[i] * x**2 / 2 for i in batch]) / size
            powers = sympy.Poly(x - EPSILON * gradient, EPSILON)
            x = sympy.Add(*[powers.coeff_monomial(EPSILON**n) * EPSILON**n for n in range(3)])
        ends.append(x)
    return sympy.expand(sympy.Add(*ends) / len(orders))


def _counted(*symbols: sympy.Symbol) -> Iterator[tuple[Mapping[Any, Any], Any]]:
    """Yield N, B, C′, C″ and γ with the coefficient of ε² of the mean over all orders, for exact numbers."""
    for n in (4, 6):
        p, q = [Rational(x) for x in GRADIENTS[:n]], [Rational(x) for x in (3, -1, 2, 5, -4, 7)[:n]]
        mean_p, mean_q = sum(p) / n, sum(q) / n
        gamma = sum((a - mean_p) * (b - mean_q) for a, b in zip(p, q, strict=True)) / n
        for size in (size for size in range(1, n + 1) if n % size == 0):
            total = sympy.S.Zero
            for order in itertools.permutations(range(n)):
                first = Rational(0)
                for start in range(0, n, size):
                    batch = order[start : start + size]
                    total -= first * sum(q[i] for i in batch) / size
                    first -= sum(p[i] for i in batch) / size
            values = dict(zip(symbols, (n, size, mean_p, mean_q, gamma), strict=True))
            yield values, total / math.factorial(n)


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare flows with the mean over every order of four examples; raise SdeTheoryError on a miss."""
    _, regular, *_ = (derivation.result for derivation in derivations)
    lines = []
    X = np.random.default_rng(6).normal(size=(4, 2))
    examples = [LogisticRegression(X[i : i + 1], [i % 2], prior_precision=0.05) for i in range(4)]
    start, rates = np.array([0.4, -0.7]), (0.1, 0.05, 0.025)
    for size in (1, 2):
        weights = [regular(N=4, B=size, G_2=square, Gamma=1.0 - square) for square in (1.0, 0.0)]
        ends = [_mean_end(examples, start, rate, size) for rate in rates]
        for name, on, order in (("the loss", 0.0, 2), ("the modified loss", 1.0, 3)):
            flowed = [_flow(examples, start, rate, 4 // size, [on * a for a in weights]) for rate in rates]
            errors = [float(np.linalg.norm(end - other)) for end, other in zip(ends, flowed, strict=True)]
            what = f"mean over all 24 orders less the flow of {name}, B = {size}"
            lines.append(compare_order(what, order, rates, errors, "sdetheory.models"))
    return lines


def _mean_end(examples: Sequence[LogisticRegression], start: Array, rate: float, size: int) -> Array:
    """Return the weights after an epoch, the mean over all orders of the examples."""
    ends = []
    for order in itertools.permutations(examples):
        w = start
        for first in range(0, len(order), size):
            w = w - rate * sum(example.gradient(w) for example in order[first : first + size]) / size
        ends.append(w)
    return np.mean(ends, axis=0)


def _flow(
    examples: Sequence[LogisticRegression], start: Array, rate: float, steps: int, extra: Sequence[float]
) -> Array:
    """Return where the flow of C + ε (extra₀ |∇C|² + extra₁ Γ) is after the time of some steps."""

    def velocity(_: float, w: Array) -> Array:
        g, h = np.array([e.gradient(w) for e in examples]), np.array([e.hessian(w) for e in examples])
        slope, bend = g.mean(axis=0), h.mean(axis=0)
        disagreement = np.einsum("nij,nj->i", h - bend, g - slope) / len(examples)
        return -slope - 2 * rate * (extra[0] * bend @ slope + extra[1] * disagreement)

    solution = integrate.solve_ivp(velocity, (0.0, steps * rate), start, method="DOP853", rtol=1e-12, atol=1e-14)
    return solution.y[:, -1]


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
