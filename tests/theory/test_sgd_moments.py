"""Moments of SGD on its way: every sequence of batches listed, the recursion iterated, and the laws it tends to."""

import itertools

import numpy as np
import pytest

from sdetheory import SGDHyperparameters
from sdetheory.errors import DivergedError, InvalidInputError
from sdetheory.theory import (
    least_squares_moments,
    least_squares_sgd,
    least_squares_stability_limit,
    sgd_covariance,
    sgd_moments,
)

KINDS = [("sgd", 0.0, 0.0), ("sgd", 0.6, 0.3), ("nesterov", 0.6, 0.0)]
SAMPLINGS = ["with-replacement", "without-replacement"]


def settings(rate, n, *, batch=2, momentum=0.0, dampening=0.0, sampling="without-replacement"):
    return SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=batch, momentum=momentum,
                              dampening=dampening, sampling=sampling)  # fmt: skip


def every_run(gradient, start, hp, optimizer, steps):
    """Return the final weights of each sequence of batches there is, all equally likely."""
    n, rate = hp.train_size, (1 - hp.dampening) * hp.learning_rate / hp.train_size
    draw = itertools.combinations(range(n), hp.batch_size)
    if hp.sampling == "with-replacement":
        draw = itertools.product(range(n), repeat=hp.batch_size)
    batches = [list(chosen) for chosen in draw]
    final = []
    for run in itertools.product(batches, repeat=steps):
        w, v = np.array(start), np.zeros(len(start))
        for chosen in run:
            move = rate * n / len(chosen) * sum(gradient(w, i) for i in chosen)
            v = hp.momentum * v - move
            w = w + hp.momentum * v - move if optimizer == "nesterov" else w + v
        final.append(w)
    return np.mean(final, axis=0), np.cov(np.transpose(final), bias=True)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("optimizer", "momentum", "dampening"), KINDS)
def test_every_sequence_of_batches(rng, optimizer, momentum, dampening, sampling):
    """Least squares with a prior, and additive noise around a saddle: three steps of all batches."""
    X, y, shifts = rng.standard_normal((4, 2)), rng.standard_normal(4), rng.standard_normal((4, 2))
    hp = settings(0.4, 4, momentum=momentum, dampening=dampening, sampling=sampling)
    start, ridge = [2.0, -1.0], 0.5
    found = least_squares_moments(X, y, hp, start=start, steps=3, prior_precision=ridge, optimizer=optimizer)
    mean, covariance = every_run(lambda w, i: X[i] * (X[i] @ w - y[i]) + ridge / 4 * w, start, hp, optimizer, 3)
    np.testing.assert_allclose(found.mean[0], mean, rtol=1e-12)
    np.testing.assert_allclose(found.covariance[0], covariance, rtol=1e-11)
    hessian = np.array([[3.0, 1.0], [1.0, -2.0]])
    additive = sgd_moments(hessian, np.cov(shifts.T), hp, start=start, steps=3, optimizer=optimizer)
    shifts -= shifts.mean(axis=0)
    mean, covariance = every_run(lambda w, i: hessian @ w / 4 + shifts[i], start, hp, optimizer, 3)
    np.testing.assert_allclose(additive.mean[0], mean, rtol=1e-12)
    np.testing.assert_allclose(additive.covariance[0], covariance, rtol=1e-11)
    # Negative controls: one step fewer, and N in the denominator.
    fewer = sgd_moments(hessian, np.cov(shifts.T), hp, start=start, steps=2, optimizer=optimizer)
    assert np.abs(fewer.covariance[0] / covariance - 1).max() > 0.1
    biased = sgd_moments(hessian, np.cov(shifts.T, bias=True), hp, start=start, steps=3, optimizer=optimizer)
    assert np.abs(biased.covariance[0] / covariance - 1).min() > 0.2


@pytest.mark.parametrize(("optimizer", "momentum", "dampening"), KINDS)
def test_any_number_of_steps_in_any_order(rng, optimizer, momentum, dampening):
    factor, other = rng.standard_normal((2, 3, 3))
    hessian, noise = 5 * (np.eye(3) + factor @ factor.T), other @ other.T
    hp = settings(0.05, 20, momentum=momentum, dampening=dampening)
    start = rng.standard_normal(3)
    steps = [37, 0, 1000, 5, 5, 12345]
    found = sgd_moments(hessian, noise, hp, start=start, steps=steps, optimizer=optimizer)
    for index, n in enumerate(steps[:-1]):
        rate, m = (1 - dampening) * 0.05 / 20, momentum
        one, zero = np.eye(3), np.zeros((3, 3))
        ahead = m if optimizer == "nesterov" else 0.0
        kick = rate * np.vstack([(1 + ahead) * one, one])
        move = np.block([[one, m * (ahead if ahead else 1) * one], [zero, m * one]])
        move[:, :3] -= kick @ hessian
        z, covariance = np.append(start, np.zeros(3)), np.zeros((6, 6))
        for _ in range(n):
            z = move @ z
            covariance = move @ covariance @ move.T + 20 * (20 / 2 - 1) * kick @ noise @ kick.T
        np.testing.assert_allclose(found.mean[index], z[:3], rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(found.covariance[index], covariance[:3, :3], rtol=1e-9, atol=1e-13)
    law = sgd_covariance(hessian, noise, hp, optimizer=optimizer)
    np.testing.assert_allclose(found.covariance[-1], law.covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.mean[-1], 0, atol=1e-12)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_least_squares_tends_to_its_law(rng, sampling):
    X, y = np.sqrt(10) * np.linalg.qr(rng.standard_normal((10, 3)))[0], rng.standard_normal(10)
    limit = least_squares_stability_limit(X, settings(0.2, 10, momentum=0.5, sampling=sampling)).mean_square
    hp = settings(limit / 2, 10, momentum=0.5, sampling=sampling)
    law = least_squares_sgd(X, y, hp, prior_precision=0.7)
    late = least_squares_moments(X, y, hp, start=[5.0, 0.0, 0.0], steps=[1000], prior_precision=0.7)
    np.testing.assert_allclose(late.mean[0], law.mean, rtol=1e-10)
    np.testing.assert_allclose(late.covariance[0], law.covariance, rtol=1e-9, atol=1e-11)


def test_plain_steps_in_closed_form():
    """One axis: the variance is κ²V (1 - q^2n)/(1 - q²), for a pull of 1e-9 and at a saddle too."""
    hp = settings(1.0, 10)
    for curvature in (4.0, 1e-8, -2.0):
        q, rate, v = 1 - curvature / 10, 0.1, 10 * (10 / 2 - 1)
        found = sgd_moments([[curvature]], [[1.0]], hp, start=[1.0], steps=50)
        assert found.mean[0, 0] == pytest.approx(q**50, rel=1e-12)
        series = sum(q ** (2 * k) for k in range(50))
        assert found.covariance[0, 0, 0] == pytest.approx(rate**2 * v * series, rel=1e-12)
    flat = sgd_moments([[0.0]], [[1.0]], hp, start=[1.0], steps=50)
    assert flat.covariance[0, 0, 0] == pytest.approx(50 * 0.01 * 40, rel=1e-13)


def test_overflow_is_an_error_that_keeps_what_there_is():
    with pytest.raises(DivergedError, match="overflow by step 100000") as error:
        sgd_moments([[-5.0]], [[1.0]], settings(1.0, 10), start=[1.0], steps=[3, 100000])
    assert error.value.result.mean[0, 0] == pytest.approx(1.5**3)
    with pytest.raises(DivergedError):
        least_squares_moments([[1.0], [3.0]], [1.0, 0.0], settings(9.0, 2, batch=1), start=[1.0], steps=1000)


def test_bad_input_is_refused():
    hp = settings(0.1, 4)
    for call, message in [
        (lambda: sgd_moments(np.eye(2), np.eye(2), hp, start=[1.0], steps=1), "start must have shape"),
        (lambda: sgd_moments(np.eye(2), np.eye(2), hp, start=[1.0, 0.0], steps=-1), "steps must be >= 0"),
        (lambda: sgd_moments(np.eye(2), np.eye(2), hp, start=[1.0, 0.0], steps=1.5), "steps must be a whole number"),
        (lambda: sgd_moments(np.eye(2), -np.eye(2), hp, start=[1.0, 0.0], steps=1), "positive semidefinite"),
        (lambda: sgd_moments(np.eye(2), np.eye(2), 0.1, start=[1.0, 0.0], steps=1), "hp must be SGDHyperparameters"),
        (lambda: least_squares_moments(np.ones((3, 1)), [1, 2, 3], hp, start=[1.0], steps=1), "4 rows; got 3"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            call()
