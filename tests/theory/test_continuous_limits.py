"""Equations that stand for SGD with a small learning rate, against its exact moments: Li, Tai and E; Jastrzębski et al.

In units of the mean loss: f = a w²/2, gradient noise of variance σ² = 1, learning rate η, time η a step.
"""

import numpy as np
import pytest

from sdetheory import SGDHyperparameters
from sdetheory.theory import ornstein_uhlenbeck, sgd_covariance, sgd_moments

N, A = 1000, 2.0
# B = 1 with replacement, F with N - 1 in the denominator: the minibatch noise of the mean loss has variance 1.
F = [[N / (N - 1)]]


def settings(eta, batch=1):
    return SGDHyperparameters(learning_rate=eta, train_size=N, batch_size=batch, sampling="with-replacement")


def first(eta):
    """Return dX = -∇f dt + √η dW."""
    return ornstein_uhlenbeck([[A]], [[eta / 2]])


def second(eta):
    """Return the same with the drift -∇(f + (η/4) |∇f|²)."""
    return ornstein_uhlenbeck([[A * (1 + eta * A / 2)]], [[eta / 2]])


def interpolating(eta):
    """Return the equation that has the law of SGD at every step: the rate -ln(1 - ηa)/η, and the noise to match."""
    rate = -np.log1p(-eta * A) / eta
    return ornstein_uhlenbeck([[rate]], [[rate * eta / (A * (2 - eta * A))]])


def test_known_stationary_variances():
    eta = 0.1
    law = sgd_covariance([[N * A]], F, settings(eta))
    assert round(law.covariance[0, 0], 7) == 0.0277778
    assert round(first(eta).covariance[0, 0], 7) == round(law.sde_covariance[0, 0], 7) == 0.025
    assert round(second(eta).covariance[0, 0], 7) == 0.0227273  # the correction has the wrong sign
    exact = interpolating(eta)
    assert round(exact.hessian[0, 0], 7) == 2.2314355
    assert round(2 * exact.diffusion[0, 0], 7) == 0.1239686
    assert exact.covariance[0, 0] == pytest.approx(law.covariance[0, 0], rel=1e-13)


def test_one_equation_interpolates_sgd():
    eta, steps = 0.1, np.array([0, 1, 2, 10])
    moments = sgd_moments([[N * A]], F, settings(eta), start=[1.0], steps=steps)
    exact = interpolating(eta)
    np.testing.assert_allclose(exact.mean_at(eta * steps, [1.0]), moments.mean, rtol=1e-13)
    np.testing.assert_allclose(exact.covariance_at(eta * steps), moments.covariance, rtol=1e-12)


@pytest.mark.parametrize(("equation", "order"), [(first, 1), (second, 2)])
@pytest.mark.parametrize("moment", ["mean", "second moment"])
def test_weak_orders(equation, order, moment):
    """At the time T = 1 from w = 1."""
    errors = []
    for n in (100, 200, 400, 800):
        eta = 1 / n
        moments = sgd_moments([[N * A]], F, settings(eta), start=[1.0], steps=n)
        mean, law = moments.mean[0, 0], equation(eta)
        other = law.mean_at(1.0, [1.0])[0]
        if moment == "mean":
            errors.append(mean - other)
        else:
            square = mean**2 + moments.covariance[0, 0, 0]
            errors.append(square - other**2 - law.covariance_at(1.0)[0, 0])
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert abs(orders[-1] - order) < 0.02
    assert np.all(np.diff(np.abs(orders - order)) < 0)


def test_rate_over_batch_is_not_all_that_counts():
    """With C = H the law is (η/S)(2 - ηH)⁻¹: (η, S) → (kη, kS) keeps it only to first order in ηH."""
    hessian = np.array([[2.0, 0.5], [0.5, 1.0]])

    def law(eta, batch):
        return sgd_covariance(N * hessian, N / (N - 1) * hessian, settings(eta, batch)).covariance

    np.testing.assert_allclose(law(0.3, 4), 0.3 / 4 * np.linalg.inv(2 * np.eye(2) - 0.3 * hessian), rtol=1e-12)
    broken = [np.linalg.norm(law(4 * eta, 4) - law(eta, 1)) / np.linalg.norm(law(eta, 1)) for eta in (4e-3, 2e-3, 1e-3)]
    np.testing.assert_allclose(np.divide(broken[:-1], broken[1:]), 2, atol=0.02)
    assert broken[0] > 3e-3
