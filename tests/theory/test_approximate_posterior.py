"""SGD as a sampler of the posterior: optima found by numeric search, averages summed term by term."""

import dataclasses

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from sdetheory import SGDHyperparameters
from sdetheory.errors import InvalidInputError
from sdetheory.theory import (
    average_covariance,
    kl_divergence,
    optimal_learning_rate,
    optimal_preconditioner,
    ornstein_uhlenbeck,
    sgd_covariance,
)

A = np.array([[2.0, 0.5], [0.5, 1.0]])
C = np.array([[1.0, 0.3], [0.3, 2.0]])
N, S = 1000, 10
F = C * N / (N - 1)  # with N - 1 in the denominator


def settings(rate=0.01, *, n=N, batch=S, momentum=0.0, dampening=0.0, sampling="with-replacement"):
    return SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=batch, momentum=momentum,
                              dampening=dampening, sampling=sampling)  # fmt: skip


def best_rate(divergence, guess):
    """Return the argmin over ln ε: a second witness, which knows nothing of the formula."""
    bounds = np.log(guess) - 2, np.log(guess) + 2
    found = optimize.minimize_scalar(lambda x: divergence(np.exp(x)), bounds=bounds, options={"xatol": 1e-9})
    return float(np.exp(found.x))


def random_covariance(rng, d):
    factor = rng.standard_normal((d, d))
    return factor @ factor.T + 0.1 * np.eye(d)


def test_divergence_is_the_integral():
    """∫ q ln(q/p) in two dimensions, by quadrature."""
    q, p, shift = np.array([[1.0, 0.4], [0.4, 0.5]]), np.array([[2.0, -0.3], [-0.3, 1.0]]), np.array([0.5, -1.0])
    own, other = stats.multivariate_normal([0, 0], q), stats.multivariate_normal(-shift, p)
    expected, _ = integrate.dblquad(
        lambda y, x: own.pdf([x, y]) * (own.logpdf([x, y]) - other.logpdf([x, y])), -9, 9, -7, 7, epsabs=1e-9
    )
    assert kl_divergence(q, p, shift=shift) == pytest.approx(expected, rel=1e-7)
    assert kl_divergence(p, q, shift=shift) != pytest.approx(expected, rel=0.1)  # the other way round


def test_divergence_of_near_and_of_singular_laws(rng):
    base = random_covariance(rng, 4)
    assert kl_divergence(base, base) == 0
    x = 1e-9
    assert kl_divergence((1 + x) * np.eye(4), np.eye(4)) == pytest.approx(4 * x**2 / 4, rel=1e-6)
    change = rng.standard_normal((4, 4)) + 4 * np.eye(4)
    other = random_covariance(rng, 4)
    moved = kl_divergence(change @ base @ change.T, change @ other @ change.T)
    assert moved == pytest.approx(kl_divergence(base, other), rel=1e-10)
    assert kl_divergence(np.diag([1.0, 0.0]), np.eye(2)) == np.inf


def test_known_learning_rate():
    """Mandt, Hoffman and Blei: η* = 2SD/(N Tr BBᵀ) = 0.01333333."""
    hp = settings()
    found = optimal_learning_rate(F, hp)
    assert round(found, 8) == 0.01333333
    assert found == pytest.approx(2 * S * 2 / (N * np.trace(C)), rel=1e-13)

    def divergence(rate):
        law = sgd_covariance(N * A, F, settings(rate))
        return kl_divergence(law.sde_covariance, np.linalg.inv(N * A))

    assert best_rate(divergence, 0.02) == pytest.approx(found, rel=1e-6)
    # Known bug of a public code, off by a power of S; and the denominator of F.
    assert best_rate(divergence, 0.02) != pytest.approx(found / S, rel=1e-3)
    assert best_rate(divergence, 0.02) != pytest.approx(optimal_learning_rate(C, hp), rel=1e-4)


@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement"])
@pytest.mark.parametrize(("momentum", "dampening"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.9), (0.5, 0.2)])
def test_learning_rate_is_the_argmin_of_the_divergence(rng, momentum, dampening, sampling):
    """For random curvature and noise of three weights, at a batch that is not small."""
    hessian, noise = 40 * random_covariance(rng, 3), random_covariance(rng, 3)
    hp = settings(n=40, batch=25, momentum=momentum, dampening=dampening, sampling=sampling)

    def divergence(rate):
        own = dataclasses.replace(hp, learning_rate=rate)
        law = ornstein_uhlenbeck(hessian, own.noise_scale * noise / 2)
        return kl_divergence(law.covariance, np.linalg.inv(hessian))

    found = optimal_learning_rate(noise, hp)
    assert best_rate(divergence, found * 1.7) == pytest.approx(found, rel=1e-6)
    shortcut = 2 * 3 * (1 - momentum) * 25 / ((1 - dampening) * 40 * np.trace(noise))  # N/B for N/B - 1
    assert abs(shortcut / found - 1) > 0.02


def test_the_exact_law_has_its_optimum_nearby():
    """At finite ε the argmin of the exact law differs by a relative O(ε λ/N): halved with the batch, at a fixed N."""
    misses = []
    for batch in (8, 4, 2):
        found = optimal_learning_rate(F, settings(batch=batch))

        def divergence(rate, batch=batch):
            law = sgd_covariance(N * A, F, settings(rate, batch=batch))
            return kl_divergence(law.covariance, np.linalg.inv(N * A))

        misses.append(best_rate(divergence, found) / found - 1)
    np.testing.assert_allclose(np.divide(misses[:-1], misses[1:]), 2, atol=0.05)
    assert -0.02 < misses[0] < 0


def test_preconditioned_steps_sample_the_posterior(rng):
    hessian, noise = 40 * random_covariance(rng, 3), random_covariance(rng, 3)
    hp = settings(0.3, n=40, batch=10, sampling="without-replacement")
    best = optimal_preconditioner(noise, hp)
    law = ornstein_uhlenbeck(best @ hessian, hp.noise_scale * best @ noise @ best / 2)
    np.testing.assert_allclose(law.covariance, np.linalg.inv(hessian), rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(best, best.T)
    wrong = ornstein_uhlenbeck(best @ hessian / 2, hp.noise_scale * best @ noise @ best / 8)  # 1/g for 2/g
    assert kl_divergence(wrong.covariance, np.linalg.inv(hessian)) > 0.1
    # Mandt et al.: H* = 2S/(ηN) (BBᵀ)⁻¹.
    np.testing.assert_allclose(optimal_preconditioner(F, settings(0.05)), 2 * S / (0.05 * N) * np.linalg.inv(C))


@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.8), ("nesterov", 0.8)])
def test_average_is_the_sum_of_all_autocovariances(rng, optimizer, momentum):
    hessian, noise = 40 * random_covariance(rng, 3), random_covariance(rng, 3)
    hp = settings(0.05, n=40, batch=10, momentum=momentum, sampling="without-replacement")
    law = sgd_covariance(hessian, noise, hp, optimizer=optimizer)
    rate, m, one = 0.05 / 40, momentum, np.eye(3)
    ahead = m if optimizer == "nesterov" else 0.0
    kick = rate * np.vstack([(1 + ahead) * one, one])
    move = np.block([[one, m * (ahead if ahead else 1) * one], [0 * one, m * one]])
    move[:, :3] -= kick @ hessian
    for n in (1, 2, 37):
        total, lagged = n * law.joint_covariance, law.joint_covariance
        for k in range(1, n):
            lagged = move @ lagged
            total = total + (n - k) * (lagged + lagged.T)
        found = average_covariance(hessian, noise, hp, n_steps=n, optimizer=optimizer)
        np.testing.assert_allclose(found, total[:3, :3] / n**2, rtol=1e-10, atol=1e-14)
    many = 10**7
    limit = np.linalg.inv(hessian) @ (40 * 3 * noise) @ np.linalg.inv(hessian)
    found = many * average_covariance(hessian, noise, hp, n_steps=many, optimizer=optimizer)
    np.testing.assert_allclose(found, limit, rtol=1e-4, atol=1e-5 * np.abs(limit).max())


def test_known_covariance_of_an_average():
    """S T Cov → A⁻¹CA⁻¹ = [[.391837, -.595918], [-.595918, 2.497959]]; at T = 1e5 and η = 0.05: .391769."""
    hp = settings(0.05)
    at_1e5 = S * 1e5 * average_covariance(N * A, F, hp, n_steps=10**5)
    limit = S * 1e9 * average_covariance(N * A, F, hp, n_steps=10**9)
    np.testing.assert_array_equal(limit.round(6), [[0.391837, -0.595918], [-0.595918, 2.497959]])
    assert round(at_1e5[0, 0], 6) == 0.391769
    # It falls short by the ends of the sum, Σ_k k C(k) / T.
    step = np.eye(2) - 0.05 * A
    stationary = S * sgd_covariance(N * A, F, hp).covariance
    inverse = np.linalg.inv(np.eye(2) - step)
    ends = inverse @ inverse @ step @ stationary
    np.testing.assert_allclose(at_1e5, limit - (ends + ends.T) / 1e5, rtol=1e-7)


def test_an_epoch_of_averaging_gives_the_posterior():
    """With C = A and T = N/S, as Mandt et al. say: A⁻¹/N, up to the ends of the sum."""
    posterior = np.linalg.inv(N * A)
    misses = []
    for n in (2 * 10**4, 4 * 10**4, 8 * 10**4):
        hp = settings(0.5, n=n, batch=10)
        found = average_covariance(n * A, A * n / (n - 1), hp, n_steps=n // 10)
        misses.append(np.linalg.norm(found * n - posterior * N) / np.linalg.norm(posterior * N))
    np.testing.assert_allclose(np.divide(misses[:-1], misses[1:]), 2, atol=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kl_divergence(np.eye(2), np.diag([1.0, 0.0])), "reference must be positive definite"),
        (lambda: kl_divergence(-np.eye(2), np.eye(2)), "covariance must be positive semidefinite"),
        (lambda: kl_divergence(np.eye(2), np.eye(3)), "reference must have shape"),
        (lambda: kl_divergence(np.eye(2), np.eye(2), shift=[1.0]), "shift must have shape"),
        (lambda: optimal_learning_rate(np.zeros((2, 2)), settings()), "must not be zero"),
        (lambda: optimal_learning_rate(F, settings(batch=N, sampling="without-replacement")), "below train_size"),
        (lambda: optimal_learning_rate(F, 0.1), "hp must be SGDHyperparameters"),
        (lambda: optimal_preconditioner(np.diag([1.0, 0.0]), settings()), "must be positive definite"),
        (lambda: average_covariance(N * A, F, settings(), n_steps=0), "n_steps must be >= 1"),
        (lambda: average_covariance(N * A, F, settings(9.0), n_steps=1), "stability limit"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
