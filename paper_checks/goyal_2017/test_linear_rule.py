"""Section 2.1: the linear rule."""

import numpy as np
import pytest

import sdetheory as st

ALPHA = 1e-6
N, DEVIATION, FACTOR = 64, 2.0, 4


@pytest.fixture(scope="module")
def model():
    """One weight of unit curvature; the labels, and so the gradients, have the deviation 2."""
    labels = np.linspace(-1.0, 1.0, N)
    return st.models.LinearRegression(np.ones((N, 1)), DEVIATION * labels / labels.std())


def setting(rate, batch_size):
    """Return the hyperparameters of a run that draws its examples independently."""
    return st.SGDHyperparameters(
        learning_rate=rate, train_size=N, batch_size=batch_size, sampling="with-replacement"
    )  # fmt: skip


def variance(rate, batch_size):
    """Return the exact stationary variance."""
    noise = [[DEVIATION**2 * N / (N - 1)]]
    return st.theory.sgd_covariance([[float(N)]], noise, setting(rate, batch_size)).covariance.item()


@pytest.mark.claim("GDG01")
def test_one_step_with_k_times_batch_size_and_learning_rate_does_what_k_steps_do(record, model):
    """Mean and variance after 1/η steps from w = 5, at k = 4 relative to k = 1: their difference is of order η."""
    rates = np.array([1 / 48, 1 / 96, 1 / 192])

    def moments(rate, batch_size, steps):
        found = st.theory.least_squares_moments(model.X, model.y, setting(rate, batch_size), start=[5.0],
                                                steps=steps)  # fmt: skip
        return np.array([found.mean.item(), found.covariance.item()])

    def change(power):
        found = []
        for rate in rates:
            steps = round(1 / rate)
            large = moments(FACTOR**power * rate, 2 * FACTOR, steps // FACTOR)
            found.append(np.abs(large / moments(rate, 2, steps) - 1))
        return np.array(found)

    linear = change(1)
    record(label="change at η = 1/192", predicted=0.0, measured=linear[-1], rtol=0.0, atol=0.02,
           wrong_measurements={"square root": change(0.5)[-1]})  # fmt: skip
    record(
        label="order of the change in η",
        predicted=1.0,
        measured=np.diff(np.log(linear), axis=0) / np.diff(np.log(rates))[:, None],
        rtol=0.1,
        wrong_predictions={"second order": 2.0, "none": 0.0},
    )


@pytest.mark.claim("GDG02")
def test_linear_rule_keeps_the_stationary_variance_of_sgd(record, model, rng, full):
    """Four times η and B: the variance grows by the factor (2 − η)/(2 − 4η), where the root rule halves it.

    Witnesses: the exact law and SGD. An error of a fifth would matter.
    """
    rates = np.array([0.04, 0.02, 0.01])
    linear = np.array([variance(FACTOR * r, 2 * FACTOR) / variance(r, 2) for r in rates])
    root = np.array([variance(2 * r, 2 * FACTOR) / variance(r, 2) for r in rates])
    record(label="exact law", predicted=(2 - rates) / (2 - 4 * rates), measured=linear, rtol=1e-10,
           wrong_measurements={"square root": root})  # fmt: skip
    runs = 200 if full is None else 10_000
    run = st.sgd(model, setting(0.16, 8), [0.0], n_steps=2500, n_runs=runs, rng=rng, average_from=100)
    measured = run.covariance[0, 0]
    record(label="SGD at 4η and 4B", predicted=variance(0.04, 2) * linear[0], measured=measured, alpha=ALPHA,
           wrong_predictions={"square root": variance(0.08, 8), "rate as it was": variance(0.04, 8)})  # fmt: skip
    record(
        label="order of the change in η",
        predicted=1.0,
        measured=np.diff(np.log(linear - 1)) / np.diff(np.log(rates)),
        rtol=0.1,
        wrong_predictions={"second order": 2.0, "none": 0.0},
    )
