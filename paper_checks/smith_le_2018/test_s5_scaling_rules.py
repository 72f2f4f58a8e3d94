"""Section 5: what keeps the noise scale keeps what SGD does."""

import math

import numpy as np
import pytest

import sdetheory as st

ALPHA = 1e-6
N = 1530  # N/B − 1 is 16, 8, 4, 2 and 1 at B = 90, 170, 306, 510 and 765
PAIRS = ((90, 170), (170, 306), (306, 510))
HESSIAN = N * np.array([[1.0, 0.3], [0.3, 0.5]])
NOISE = N * np.array([[2.0, 0.5], [0.5, 1.0]])


def covariance(learning_rate, batch_size, time=3.2):
    """Return the exact covariance of SGD on a quadratic cost, on its way, after steps that last the time."""
    hp = st.SGDHyperparameters(learning_rate=learning_rate, train_size=N, batch_size=batch_size)
    steps = round(time / learning_rate)
    return st.theory.sgd_moments(HESSIAN, NOISE, hp, start=[1.0, -1.0], steps=[steps]).covariance[0]


def orders(other):
    """Return with which power of ε the relative difference within a pair falls, from ε = 0.04 halved twice."""
    found = []
    for halvings, (small, large) in enumerate(reversed(PAIRS)):
        epsilon = 0.04 / 2**halvings
        first = covariance(epsilon, small)
        found.append(np.abs(first - covariance(*other(epsilon, large))).max() / np.abs(first).max())
    return -np.diff(np.log2(found))


@pytest.mark.claim("C71")
def test_learning_rate_and_batch_size_grow_together_without_a_change_at_equal_epochs(record):
    """At 2ε and the batch of equal noise scale the covariance on the way differs by O(ε), at half the steps.

    Witnesses: the derived noise scale is the same, and the exact recursion on a quadratic cost. Controls: B ∝ ε, which
    is not the batch of equal noise scale at B of the order of N; the rule ε ∝ √B; and as many steps as before.
    """
    derived = st.symbolic.noise_scale()
    g, doubled, shortcut = (
        np.array([float(derived.result(epsilon=k, N=N, B=size)) for size in sizes])
        for k, sizes in ((1, [b for b, _ in PAIRS]), (2, [b for _, b in PAIRS]), (2, [2 * b for b, _ in PAIRS]))
    )
    record(
        label="noise scale, derived", predicted=g, measured=doubled, rtol=1e-14, wrong_measurements={"B ∝ ε": shortcut}
    )
    record(
        label="order of the difference in ε",
        predicted=1.0,
        measured=orders(lambda epsilon, large: (2 * epsilon, large)),
        rtol=0.1,
        wrong_measurements={
            "ε ∝ √B": orders(lambda epsilon, large: (math.sqrt(2) * epsilon, large)),
            "equal steps": orders(lambda epsilon, large: (2 * epsilon, large, 6.4)),
        },
    )


@pytest.mark.claim("C72")
def test_a_decaying_learning_rate_is_a_growing_batch(record, rng):
    """One weight, after a phase at (ε, B) and one at (ε/4, B) for 4n steps, or at (ε, B′) for n, of equal noise scale.

    Witnesses: the variances by the exact recursion differ by O(ε), and SGD itself with both schedules has them. The
    sample is large enough to see a tenth. Controls: no change in the second phase, and half the decay.
    """
    y = rng.standard_normal(N)
    model, f = st.models.LinearRegression(np.ones((N, 1)), y), np.var(y, ddof=1)

    def variance(rate, first, second, time=1.0):
        """Return the variance after both phases, given as multiples of ε and batch sizes."""
        total = 0.0
        for factor, batch in (first, second):
            hp = st.SGDHyperparameters(learning_rate=factor * rate, train_size=N, batch_size=batch)
            moments = st.theory.sgd_moments([[N]], [[f]], hp, start=[1.0], steps=[round(time / (factor * rate))])
            total = moments.mean[0, 0] ** 2 * total + moments.covariance[0, 0, 0]
        return total

    def order(first, second):
        gaps = [variance(rate, (1, 90), first) / variance(rate, (1, 90), second) - 1 for rate in (0.05, 0.025, 0.0125)]
        return -np.diff(np.log2(np.abs(gaps)))

    decaying, growing = (0.25, 90), (1, 306)
    record(
        label="order of the difference in ε",
        predicted=1.0,
        measured=order(decaying, growing),
        rtol=0.1,
        wrong_measurements={"half the decay": order((0.5, 90), growing), "no change": order((1, 90), growing)},
    )
    runs = st.stats.required_samples(deviation=math.sqrt(2), effect=0.1, alpha=ALPHA, power=1 - ALPHA)
    rate, start = 0.05, [1.0 + y.mean()]
    schedules = {
        "decaying": ([rate] * 20 + [rate / 4] * 80, [90] * 100),
        "growing": ([rate] * 40, [90] * 20 + [306] * 20),
    }
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=N, batch_size=90)
    for (name, (rates, sizes)), second in zip(schedules.items(), (decaying, growing), strict=True):
        final = st.sgd(
            model, hp, start, n_steps=len(rates), n_runs=runs, rng=rng, learning_rates=rates, batch_sizes=sizes
        ).final[:, 0]
        mean = y.mean() + np.prod(1 - np.array(rates))
        record(
            label=f"variance, {name}",
            predicted=1.0,
            measured=st.stats.mean_estimate((final - mean) ** 2) / variance(rate, (1, 90), second),
            alpha=ALPHA,
            wrong_predictions={"no change": variance(rate, (1, 90), (1, 90)) / variance(rate, (1, 90), second)},
        )
