"""Schedules with the same noise scale, on a parabola of curvature 1 per example."""

import numpy as np
import pytest

import sdetheory as st

from ..estimates import order, stacked

ALPHA = 1e-6
N, SIZE, FACTOR = 1000, 4, 5


def settings(rate, size, *, n=N, momentum=0.0, sampling="with-replacement"):
    """Return hyperparameters."""
    return st.SGDHyperparameters(
        learning_rate=rate, train_size=n, batch_size=size, momentum=momentum, sampling=sampling
    )


def mean_square(phases, start):
    """Return E x² after phases, each hyperparameters and a time in units of the mean loss; the noise has variance 1."""
    square = start
    for hp, time in phases:
        n = round(time / hp.learning_rate)
        moments = st.theory.sgd_moments(
            [[float(hp.train_size)]], [[hp.train_size / (hp.train_size - 1)]], hp, start=[1.0], steps=n
        )
        square = moments.mean[0, 0] ** 2 * square + moments.covariance[0, 0, 0]
    return square


def annealed(rate, *, decay=FACTOR, growth=1, start=0.01, **options):
    """Return E x² after the time 2 at a rate, and 1/2 at a lower one or with larger batches."""
    first, second = settings(rate, SIZE, **options), settings(rate / decay, SIZE * growth, **options)
    return mean_square([(first, 2.0), (second, 0.5)], start)


@pytest.mark.claim("SKYL01")
def test_growing_the_batch_is_as_good_as_decaying_the_learning_rate(record, rng):
    """E x² by both schedules, k = 5, on the way to the new equilibrium: they differ by O(η), and by O(B/N).

    Witnesses: exact moments, and minibatches of a thousand examples. A fifth of E x² would matter there.
    """
    rate = 0.05
    model = st.models.LinearRegression(np.ones((N, 1)), rng.permutation(np.tile([1.0, -1.0], N // 2)))
    runs = st.stats.required_samples(deviation=np.sqrt(2), effect=0.2, alpha=ALPHA, power=1 - 1e-6)
    first, slow, fast = round(2 / rate), round(0.5 * FACTOR / rate), round(0.5 / rate)
    schedules = (
        (np.repeat([rate, rate / FACTOR], [first, slow]), np.full(first + slow, SIZE)),
        (np.full(first + fast, rate), np.repeat([SIZE, FACTOR * SIZE], [first, fast])),
    )
    squares = [
        st.sgd(
            model, settings(rate, SIZE), [0.1], n_steps=len(rates), n_runs=runs, rng=rng, learning_rates=rates,
            batch_sizes=sizes,
        ).final[:, 0] ** 2
        for rates, sizes in schedules
    ]  # fmt: skip
    record(
        label="minibatches: E x² with decay, with growth", alpha=ALPHA,
        predicted=[annealed(rate), annealed(rate, decay=1, growth=FACTOR)],
        measured=st.stats.mean_estimate(squares, axis=1),
        wrong_predictions={"neither": [annealed(rate, decay=1)] * 2, "√k": [annealed(rate, decay=FACTOR**0.5)] * 2},
    )  # fmt: skip

    def miss(rate, growth=FACTOR, **options):
        return annealed(rate, decay=1, growth=growth, **options) / annealed(rate, **options) - 1

    rates = 0.05 / 2.0 ** np.arange(8)
    sizes = 500 * 2 ** np.arange(6)

    def unlike(growth):
        # From the minimum, and in tiny steps, so that only the noise counts.
        options = {"start": 0.0, "sampling": "without-replacement"}
        return order([miss(1e-6, growth, n=int(n), **options) for n in sizes])

    record(
        label="order of the relative difference in B/N", predicted=1.0, measured=unlike(FACTOR), rtol=0.02,
        wrong_measurements={"√k": unlike(2)},
    )  # fmt: skip

    def orders(growth):
        return [order([miss(r, growth, start=start) for r in rates]) for start in (9.0, 0.0)]

    record(
        label="orders of the relative difference in η, far from the minimum and at it", predicted=[1.0, 1.0],
        measured=orders(FACTOR), rtol=0.02, wrong_measurements={"√k": orders(2)},
    )  # fmt: skip


@pytest.mark.claim("SKYL02")
def test_momentum_and_batch_may_grow_together_at_the_same_noise(record, rng):
    """The stationary variance at (m, B) = (0, 2) and (0.9, 20) differs by a relative O(η).

    Witnesses: the package's rule and exact laws, and minibatches. A tenth would matter there.
    """
    grown = settings(0.1, 2, n=10**6).with_momentum(0.9)
    record(
        label="B of the same noise scale, m = 0.9", predicted=20, measured=grown.batch_size, rtol=0,
        wrong_predictions={"B/(1 − m²)": round(2 / 0.19)},
    )  # fmt: skip

    def variance(rate, size, m):
        return st.theory.sgd_covariance([[1.0 * N]], [[N / (N - 1)]], settings(rate, size, momentum=m)).covariance[0, 0]

    model, found = st.models.LinearRegression(np.ones((N, 1)), np.tile([1.0, -1.0], N // 2)), []
    for size, m in ((2, 0.0), (20, 0.9)):
        hp = settings(0.2, size, momentum=m)
        # A thousand steps of one run are worth forty draws and more.
        runs = st.stats.required_samples(deviation=np.sqrt(2 / 40), effect=0.05, alpha=ALPHA, power=1 - 1e-6)
        found.append(st.sgd(model, hp, [0.0], n_steps=1200, n_runs=runs, average_from=200, rng=rng).covariance)
    record(
        label="minibatches, η = 0.2: variances", predicted=[variance(0.2, 2, 0.0), variance(0.2, 20, 0.9)], alpha=ALPHA,
        measured=stacked([covariance[0, 0] for covariance in found]),
        wrong_predictions={"B not grown": [variance(0.2, 2, 0.0), variance(0.2, 2, 0.9)]},
    )  # fmt: skip
    rates = 0.2 / 2.0 ** np.arange(6)
    record(
        label="order of the relative difference in η", predicted=1.0, rtol=0.02,
        measured=order([variance(r, 20, 0.9) / variance(r, 2, 0.0) - 1 for r in rates]),
        wrong_measurements={"B ∝ 1/(1 − m²)": order([variance(r, 11, 0.9) / variance(r, 2, 0.0) - 1 for r in rates])},
    )  # fmt: skip


@pytest.mark.claim("SKYL03")
def test_accumulator_takes_b_over_n_times_one_minus_m_epochs_to_fill(record):
    """On a slope that is nearly constant the progress of m/(1 − m) steps is lost, which is 1/(1 − m) to O(1 − m).

    A step is B/N epochs. The lag of the exact mean is measured after 40 lengths of the memory.
    """

    def lag(m):
        slope, n = 1e-12, round(40 / (1 - m))
        hp = settings(1.0, 1, momentum=m)
        moved = 1 - st.theory.sgd_moments([[slope * N]], [[0.0]], hp, start=[1.0], steps=n).mean[0, 0]
        return n - moved * (1 - m) / slope

    rest = 0.2 / 2.0 ** np.arange(5)
    lags = np.array([lag(1 - r) for r in rest])
    record(
        label="lag in steps", predicted=(1 - rest) / rest, measured=lags, rtol=1e-3,
        wrong_predictions={"1/(1 − m)²": 1 / rest**2, "½/(1 − m)": 1 / rest / 2},
    )  # fmt: skip
    record(
        label="order of the relative error of 1/(1 − m)", predicted=1.0, measured=order(lags * rest - 1), rtol=0.02,
        wrong_measurements={"1/(1 − m²)": order(lags * (1 - (1 - rest) ** 2) - 1)},
    )  # fmt: skip
