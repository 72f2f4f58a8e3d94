"""SGD with momentum on its way from a start, against its exact first two moments."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.models import LinearRegression
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

ALPHA = 1e-6
STEPS = np.array([2, 5, 30])


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement"])
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
def test_moments_with_momentum_are_exact_and_not_those_of_a_greater_learning_rate(rng, optimizer, sampling):
    """Mean and covariance after 2, 5 and 30 steps: transient and nearly stationary, with noise that depends on w."""
    X, y, start = np.cos(np.arange(16.0)).reshape(8, 2), np.sin(3 * np.arange(8.0)), [2.0, -1.0]
    given = {"train_size": 8, "batch_size": 2, "sampling": sampling}
    hp = st.SGDHyperparameters(learning_rate=0.2, momentum=0.6, **given)
    of = {"start": start, "steps": STEPS}
    exact = st.theory.least_squares_moments(X, y, hp, optimizer=optimizer, **of)
    other = {"sgd": "nesterov", "nesterov": "sgd"}[optimizer]
    wrong = {
        "plain SGD at ε/(1 − m)": st.theory.least_squares_moments(
            X, y, st.SGDHyperparameters(learning_rate=0.2 / (1 - 0.6), **given), **of
        ),
        "the other momentum": st.theory.least_squares_moments(X, y, hp, optimizer=other, **of),
    }
    # The nearest wrong variance, relative; products of weights scatter by less than thrice their mean.
    variances = exact.covariance.diagonal(axis1=1, axis2=2)
    gaps = [np.abs(w.covariance.diagonal(axis1=1, axis2=2) / variances - 1).max(axis=1).min() for w in wrong.values()]
    n_runs = required_samples(deviation=3.0, effect=min(gaps), alpha=ALPHA / 4, power=0.999)
    run = st.sgd(
        LinearRegression(X, y), hp, start, n_steps=30, n_runs=n_runs, optimizer=optimizer, save_every=1, rng=rng
    )  # fmt: skip
    for row, step in enumerate(STEPS):
        mean = mean_estimate(run.paths[step])
        apart = run.paths[step] - exact.mean[row]
        covariance = mean_estimate(apart[:, :, None] * apart[:, None, :])
        assert agrees(mean, exact.mean[row], alpha=ALPHA)
        assert agrees(covariance, exact.covariance[row], alpha=ALPHA)
        for name, moments in wrong.items():
            assert not agrees(covariance, moments.covariance[row], alpha=ALPHA), name
