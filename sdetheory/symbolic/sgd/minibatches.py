"""Covariance of the minibatch gradient, from the indicator variables of the batch.

One component is treated (or one fixed direction u, with per-example gradients g_i = u·∇C_i). A covariance matrix is
determined by its quadratic form u·Σu for all u, so each identity proved here for every u is the matrix identity
(polarization).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import Any

import sympy
from sympy import Derivative, Rational, Subs, binomial

from ... import _validate
from ...errors import InvalidInputError
from ..formulas import _coerce
from ..proofs._bounded import bounded
from ..proofs.derivation import Derivation

SAMPLINGS = ("without-replacement", "with-replacement", "poisson")

N = sympy.Symbol("N", integer=True, positive=True)
B = sympy.Symbol("B", integer=True, positive=True)
F = sympy.Symbol("F", positive=True)
S1, S2 = sympy.symbols("S1 S2", real=True)
V = sympy.Symbol("V", real=True)

MAX_BATCHES = 200_000
"""Most minibatches that are enumerated."""

_TEST_GRADIENTS = (1, 2, 4, 7, 11, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinibatchMoments:
    """Exact moments of Ĝ = (N/B) Σ_{i in batch} g_i over all `count` batches that are possible."""

    mean: sympy.Rational
    covariance: sympy.Rational
    count: int


@bounded("the enumeration of minibatches")
def enumerate_minibatches(
    gradients: Sequence[Any], batch_size: int, sampling: str = "without-replacement"
) -> MinibatchMoments:
    """Return the mean and variance of the minibatch gradient by listing every minibatch.

    Ĝ = (N/B) Σ_{i in batch} g_i, averaged over all subsets of B examples (without replacement), all ordered tuples of
    B draws (with replacement), or all subsets of any size with their probabilities (Poisson), in exact rational
    arithmetic: an independent witness of the formula.

    Parameters
    ----------
    gradients : sequence of int, float or Fraction
        Per-example gradients along one direction; floats are taken as the exact binary fractions they are.
    batch_size : int
        Number of examples in a batch, B; for Poisson sampling their mean number, which stays the divisor.
    sampling : {"without-replacement", "with-replacement", "poisson"}
        How the batch is drawn.

    Returns
    -------
    MinibatchMoments
        ``mean``, ``covariance`` (exact rationals) and the number of batches.

    Raises
    ------
    InvalidInputError
        No gradients or non-numbers, B < 1, B > N but with replacement, or more than `MAX_BATCHES` batches.

    Notes
    -----
    Assumes that all subsets (or tuples) are equally likely, and of Poisson sampling that each example is in the batch
    with chance B/N, independently of the others. Exact; the cost is the number of batches.

    References
    ----------
    Smith & Le (2018), "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", eq. 11.

    Examples
    --------
    >>> enumerate_minibatches([1, 2, 4, 7, 11, 16], 2)
    MinibatchMoments(mean=41, covariance=2002/5, count=15)
    """
    sampling = _validate.choice("sampling", sampling, SAMPLINGS)
    bounded_by_size = sampling != "with-replacement"
    given = _coerce.entries(gradients, "gradients")
    try:
        numbers = [Fraction(g) for g in given if not isinstance(g, str)]
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"gradients must be finite numbers; got {_validate.shown(gradients)} ({error})"
        ) from None
    size = len(numbers)
    if size == 0 or size != len(given):
        raise InvalidInputError(f"gradients must be one or more numbers; got {_validate.shown(gradients)}")
    if not isinstance(batch_size, Integral) or batch_size < 1 or (bounded_by_size and batch_size > size):
        limit = f"from 1 to {size}, the number of gradients" if bounded_by_size else ">= 1"
        raise InvalidInputError(
            f"batch_size must be a whole number {limit} ({sampling}); got {_validate.shown(batch_size)}"
        )
    batch_size = int(batch_size)
    count = {
        "without-replacement": math.comb(size, batch_size), "with-replacement": size**batch_size, "poisson": 2**size,
    }[sampling]  # fmt: skip
    if count > MAX_BATCHES:
        raise InvalidInputError(
            f"gradients and batch_size give too many minibatches to list, more than {MAX_BATCHES}; use smaller N or B"
        )
    scale, chance = Fraction(size, batch_size), Fraction(batch_size, size)
    if sampling == "poisson":
        subsets = [c for k in range(size + 1) for c in itertools.combinations(numbers, k)]
        weighed = [(chance ** len(c) * (1 - chance) ** (size - len(c)), scale * sum(c)) for c in subsets]
    else:
        without = sampling == "without-replacement"
        batches = (
            itertools.combinations(numbers, batch_size) if without else itertools.product(numbers, repeat=batch_size)
        )
        weighed = [(Fraction(1, count), scale * sum(batch)) for batch in batches]
    mean = sum((weight * value for weight, value in weighed), Fraction(0))
    variance = sum((weight * value**2 for weight, value in weighed), Fraction(0)) - mean**2
    return MinibatchMoments(
        mean=Rational(mean.numerator, mean.denominator),
        covariance=Rational(variance.numerator, variance.denominator),
        count=count,
    )


@bounded("the covariance of the minibatch gradient")
def minibatch_covariance(sampling: str = "without-replacement") -> Derivation:
    """Derive the variance V of the minibatch gradient for any data, N and B.

    Without replacement V = N (N/B − 1) F; with replacement V = N (N − 1) F/B, where F is the covariance of the
    per-example gradients with N − 1 in the denominator. If each example is in the batch with chance B/N, independently
    (Poisson), V = (N/B − 1) ((N − 1) F + S1²/N), S1 being the full gradient: the number of examples varies too.

    Parameters
    ----------
    sampling : {"without-replacement", "with-replacement", "poisson"}
        How the batch is drawn.

    Returns
    -------
    Derivation
        Its ``result`` is callable with ``N``, ``B`` and ``F``; and ``S1`` for Poisson sampling.

    Raises
    ------
    InvalidInputError
        Unknown `sampling`.
    DerivationError
        A step failed.

    Notes
    -----
    Exact for every N ≥ 2: the data enter only through S1 = Σ g_i and S2 = Σ g_i². One component; see the module.

    References
    ----------
    Smith & Le (2018), "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", section 5, where F
    is not said to have N − 1 in its denominator.

    Examples
    --------
    >>> print(minibatch_covariance().result)
    V = F*N*(-1 + N/B)
    >>> minibatch_covariance("with-replacement").result(N=6, B=2, F=33.3666666)
    500.499999
    """
    sampling = _validate.choice("sampling", sampling, SAMPLINGS)
    without, poisson = sampling == "without-replacement", sampling == "poisson"
    d = Derivation(
        f"Covariance of the minibatch gradient ({sampling.replace('-', ' ')})", source="Smith & Le (2018), section 5"
    )
    d.assume(N, "number of training examples", where=N >= 2)
    number = "mean number of examples in a minibatch" if poisson else "number of examples in a minibatch"
    d.assume(B, number, where=(B <= N) if without or poisson else ())
    d.assume(S1, "sum of the per-example gradients, $Σ g_i$, which is the full gradient")
    d.assume(S2, "sum of their squares, $Σ g_i²$", where=N * S2 > S1**2)
    d.note(
        "One component of the gradient is followed, or equivalently its projection on a fixed direction u: "
        "$g_i = u · ∇C_i$. A covariance matrix is known once its quadratic form is known for every u, so what is "
        "proved here for one direction holds for the matrix. The examples are fixed numbers; only the choice of the "
        "batch is random. Let $s_i$ count how often example i is in the batch. The minibatch gradient is "
        "$Ĝ = (N/B) Σ s_i g_i$, and everything follows from the first two moments of the $s_i$."
    )
    p, q, r = sympy.symbols("p q r", nonnegative=True)
    moments = {"without-replacement": _moments_of_subsets, "with-replacement": _moments_of_draws}
    moments.get(sampling, _moments_of_coins)(d, p, q, r)

    d.heading("Mean and variance of the minibatch gradient")
    mean, second = sympy.Symbol("m", real=True), sympy.Symbol("M", real=True)
    d.define(mean, N / B * p * S1, "the mean is linear in the $s_i$", by="$E[Ĝ] = (N/B) Σ E[s_i] g_i$")
    unbiased = d.step("the minibatch gradient is unbiased", mean, S1, by="insert the chance of inclusion")
    moment = d.define(
        second, (N / B) ** 2 * (r * S2 + q * (S1**2 - S2)),
        "square the sum and split it into equal and unequal indices",
        by="$E[Ĝ²] = (N/B)² (r Σ g_i² + q Σ g_i g_j)$, where the products of unequal indices sum to $S_1² − S_2$",
    )  # fmt: skip
    variance = d.define(V, second - mean**2, "the variance", by=f"{moment} and {unbiased}")
    covariance = d.define(
        F, (S2 - S1**2 / N) / (N - 1),
        "let F be the sample covariance of the per-example gradients, with N − 1 in the denominator", paper="F(w)",
    )  # fmt: skip
    population = sympy.Symbol("F_pop", nonnegative=True)
    if without:
        claim = N * (N / B - 1) * F
    elif poisson:
        claim = (N / B - 1) * ((N - 1) * F + S1**2 / N)
        d.step("the variance is that of independent terms", V, (N / B - 1) * S2, by=f"collect {variance}")
    else:
        claim = N * (N - 1) * F / B
        d.define(population, S2 / N - (S1 / N) ** 2, "and let the population covariance have N instead")
        d.step("the variance of a sum of independent draws", V, N**2 * population / B, by=f"collect {variance}")
    d.conclude(
        V, claim, "the variance in terms of F", by=f"insert {covariance} into {variance} and collect",
        paper="error variance in section 5" if without else "",
    )  # fmt: skip
    values = {N: len(_TEST_GRADIENTS), S1: sum(_TEST_GRADIENTS), S2: sum(g**2 for g in _TEST_GRADIENTS)}
    sizes = range(1, (4 if sampling == "with-replacement" else len(_TEST_GRADIENTS)) + 1)
    cases = [({**values, B: size}, enumerate_minibatches(_TEST_GRADIENTS, size, sampling).covariance) for size in sizes]
    d.enumerate(
        "a check that shares none of the steps: list every batch of the six gradients 1, 2, 4, 7, 11, 16",
        *(V, claim), cases=cases, by=f"B = 1 to {sizes[-1]}, exact fractions",
    )  # fmt: skip
    return d


def _moments_of_subsets(d: Derivation, p: sympy.Symbol, q: sympy.Symbol, r: sympy.Symbol) -> None:
    """Prove E[s_i], E[s_i s_j] and E[s_i²] for batches that are subsets, by counting them."""
    d.heading("Counting subsets")
    d.note("All subsets of B examples are equally likely, so a probability is a ratio of two counts.")
    count = d.define(
        p, binomial(N - 1, B - 1) / binomial(N, B), "chance that example i is in the batch, $p = E[s_i]$",
        by="example i is fixed, the other B − 1 are chosen among N − 1",
    )  # fmt: skip
    d.step("this is", p, B / N, by=f"cancel the factorials in {count}")
    pairs = d.define(
        q, binomial(N - 2, B - 2) / binomial(N, B), "chance that two given examples are both in it, $q = E[s_i s_j]$",
        by="two are fixed, the other B − 2 are chosen among N − 2",
    )  # fmt: skip
    d.step("this is", q, B * (B - 1) / (N * (N - 1)), by=f"cancel the factorials in {pairs}")
    d.define(r, p, "an example is in the batch once or not at all, so for $r = E[s_i²]$", by="$s_i² = s_i$")


def _differentiated(
    d: Derivation,
    marks: tuple[sympy.Symbol, sympy.Symbol],
    product: sympy.Expr,
    moments: tuple[sympy.Symbol, sympy.Symbol],
    mixed: sympy.Expr,
    *,
    by: str,
) -> tuple[Any, Any]:
    """Prove E[s_i] = B/N and E[s_i s_j] from a generating function; return its equation, and where marks are one."""
    (x, y), (p, q) = marks, moments
    function = d.define(
        sympy.Symbol("P", real=True), product, "the generating function $P = E[x^{s_i} y^{s_j}]$", by=by
    )
    at_one = marks, (1, 1)
    once = d.define(p, Subs(Derivative(product, x), *at_one), "its first derivative is $p = E[s_i]$", by=f"{function}")
    d.step("this is", p, B / N, by=f"differentiate in {once}")
    pairs = d.define(
        q, Subs(Derivative(product, x, y), *at_one), "the mixed derivative is $q = E[s_i s_j]$", by=f"{function}"
    )
    d.step("this is", q, mixed, by=f"differentiate in {pairs}")
    return function, at_one


def _moments_of_coins(d: Derivation, p: sympy.Symbol, q: sympy.Symbol, r: sympy.Symbol) -> None:
    """Prove E[s_i], E[s_i s_j] and E[s_i²] for examples that are taken one by one, from their generating function."""
    d.heading("A coin for each example")
    x, y = sympy.symbols("x y", real=True)
    d.assume(x, "marks example i in the generating function")
    d.assume(y, "marks another example j in it")
    product = (1 - B / N + B / N * x) * (1 - B / N + B / N * y)
    d.note(
        "Each example is taken with chance B/N, independently of the others, so that a batch may have any size, zero "
        "too. The divisor of $Ĝ$ stays B: with the number that was drawn instead, the estimate would have no value for "
        "an empty batch, and it would not be a sum of independent terms."
    )
    _differentiated(d, (x, y), product, (p, q), B**2 / N**2, by="two independent factors")
    d.define(r, p, "an example is in the batch once or not at all, so for $r = E[s_i²]$", by="$s_i² = s_i$")


def _moments_of_draws(d: Derivation, p: sympy.Symbol, q: sympy.Symbol, r: sympy.Symbol) -> None:
    """Prove E[s_i], E[s_i s_j] and E[s_i²] for independent draws, from their generating function."""
    d.heading("Independent draws")
    x, y = sympy.symbols("x y", real=True)
    d.assume(x, "marks example i in the generating function")
    d.assume(y, "marks another example j in it")
    product = ((N - 2 + x + y) / N) ** B
    d.note(
        "Each of the B draws picks any example with chance 1/N, independently of the others. Multiply by x whenever "
        "a draw picks i and by y whenever it picks j: the mean of $x^{s_i} y^{s_j}$ is a product over draws, and its "
        "derivatives at x = y = 1 are the moments."
    )
    function, at_one = _differentiated(d, (x, y), product, (p, q), B * (B - 1) / N**2, by="B equal independent factors")
    twice = d.define(
        r, Subs(Derivative(product, x, x), *at_one) + p,
        "the second derivative is $E[s_i (s_i − 1)]$, hence for $r = E[s_i²]$", by=f"{function}",
    )  # fmt: skip
    d.step("this is", r, B / N + B * (B - 1) / N**2, by=f"differentiate in {twice}")
