"""SGD with momentum on its way from a start, against its exact first two moments."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.models import LinearRegression
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

ALPHA = 1e-6
STEPS = np.array([3, 6, 24])


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement"])
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
def test_moments_with_momentum_are_exact_and_not_those_of_a_greater_learning_rate(rng, optimizer, sampling):
    """Mean and covariance after 3, 6 and 24 steps: transient and nearly stationary, with noise that depends on w."""
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
    # Products of normal weights scatter by √2 of their mean, these by a little more. Four percent are to be seen.
    n_runs = required_samples(deviation=1.5, effect=0.04, alpha=ALPHA / 4, power=0.999)
    run = st.sgd(
        LinearRegression(X, y), hp, start, n_steps=24, n_runs=n_runs, optimizer=optimizer, save_every=3, rng=rng
    )  # fmt: skip
    rejected = dict.fromkeys(wrong, 0)
    for row, step in enumerate(STEPS):
        weights = run.paths[step // 3]
        apart = weights - exact.mean[row]
        covariance = mean_estimate(apart[:, :, None] * apart[:, None, :])
        assert agrees(mean_estimate(weights), exact.mean[row], alpha=ALPHA)
        assert agrees(covariance, exact.covariance[row], alpha=ALPHA)
        for name, moments in wrong.items():
            off = np.abs(np.diag(moments.covariance[row]) / np.diag(exact.covariance[row]) - 1)
            if off.max() > 0.04:
                assert not agrees(covariance, moments.covariance[row], alpha=ALPHA), name
                rejected[name] += 1
    assert min(rejected.values()) >= 2
