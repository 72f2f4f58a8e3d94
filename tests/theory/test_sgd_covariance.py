"""Stationary SGD on quadratic costs: known numbers, iteration of the recursion, and what must be refused."""

import itertools

import numpy as np
import pytest
from scipy import linalg

from sdetheory import SGDHyperparameters
from sdetheory.errors import InvalidInputError
from sdetheory.theory import sgd_covariance

K = np.array([[2.0, 0.5], [0.5, 1.0]])
C = np.array([[1.0, 0.3], [0.3, 2.0]])
KINDS = list(itertools.product(["sgd", "nesterov"], [(0.0, 0.0), (0.5, 0.0), (0.9, 0.9), (0.9, 0.3)]))


def mean_loss(eta, *, batch=5, momentum=0.0, dampening=0.0, sampling="with-replacement", n=11):
    return SGDHyperparameters(learning_rate=eta, train_size=n, batch_size=batch, momentum=momentum,
                              dampening=dampening, sampling=sampling)  # fmt: skip


def hyperparameters_with_noise(eta, momentum=0.0, n=11):
    """With replacement and B = 1, F = N/(N-1) C in mean-loss units has minibatch noise C."""
    return mean_loss(eta, batch=1, momentum=momentum, n=n), n / (n - 1)


def random_case(rng, p):
    factor, other = rng.standard_normal((2, p, p))
    return 20 * (np.eye(p) + factor @ factor.T / p), other @ other.T


def one_step(hessian, noise, hp, optimizer):
    """Apply the recursion, as in the docstring, to unit vectors of (w, v, ξ): the matrices of the step."""
    p = len(hessian)
    rate, m = (1 - hp.dampening) * hp.learning_rate / hp.train_size, hp.momentum
    w, v, xi = np.split(np.eye(3 * p), 3)
    gradient = hessian @ w + xi
    new = m * v - rate * gradient
    w = w + m * new - rate * gradient if optimizer == "nesterov" else w + new
    matrix = np.vstack([w, new])
    return matrix[:, : 2 * p], matrix[:, 2 * p :] @ noise @ matrix[:, 2 * p :].T


def iterated(step, noise, doublings=14):
    """Return the covariance after 2^doublings steps from a point: Σ' = MΣMᵀ + Q, two steps at a time."""
    covariance = noise
    for _ in range(doublings):
        covariance = covariance + step @ covariance @ step.T
        step = step @ step
    return covariance


def minibatch_noise(gradients, batch, sampling):
    """Return the covariance of Ĝ from all the batches there are, one by one."""
    n = len(gradients)
    batches = itertools.combinations(range(n), batch) if sampling == "without-replacement" else itertools.product(
        range(n), repeat=batch)  # fmt: skip
    estimates = np.array([n / batch * gradients[list(chosen)].sum(axis=0) for chosen in batches])
    return np.cov(estimates.T, bias=True)


@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement"])
@pytest.mark.parametrize(("optimizer", "momentum"), KINDS)
def test_iteration_of_the_recursion_with_all_batches(rng, optimizer, momentum, sampling):
    """Curvature and noise do not commute; what the noise of a batch is comes from listing the batches."""
    hessian, _ = random_case(rng, 3)
    gradients = rng.standard_normal((6, 3))
    hp = mean_loss(0.06, batch=3, momentum=momentum[0], dampening=momentum[1], sampling=sampling, n=6)
    law = sgd_covariance(hessian, np.cov(gradients.T), hp, optimizer=optimizer)
    step, noise = one_step(hessian, minibatch_noise(gradients, 3, sampling), hp, optimizer)
    expected = iterated(step, noise)
    np.testing.assert_allclose(law.joint_covariance, expected, rtol=1e-10, atol=1e-11 * np.abs(expected).max())
    np.testing.assert_array_equal(law.covariance, law.joint_covariance[:3, :3])
    assert law.spectral_radius == pytest.approx(np.abs(np.linalg.eigvals(step)).max(), rel=1e-7)
    assert law.excess_cost == pytest.approx(np.trace(hessian @ expected[:3, :3]) / 2, rel=1e-10)
    # Negative controls: F with N in the denominator, and the law of the other optimizer.
    wrong = sgd_covariance(hessian, np.cov(gradients.T, bias=True), hp, optimizer=optimizer)
    assert np.abs(wrong.covariance / expected[:3, :3] - 1).min() > 0.1
    if hp.momentum > 0:
        other = sgd_covariance(
            hessian, np.cov(gradients.T), hp, optimizer="sgd" if optimizer == "nesterov" else "nesterov"
        )
        assert np.abs(other.covariance / expected[:3, :3] - 1).max() > 1e-2


def test_known_numbers_without_momentum():
    """Liu, Ziyin and Ueda: ΣK + KΣ - λKΣK = λC, and λ(2 - λK)⁻¹ where C = K."""
    hp, unbias = hyperparameters_with_noise(0.2)
    law = sgd_covariance(11 * K, unbias * C, hp)
    sigma = law.covariance
    np.testing.assert_allclose(sigma @ K + K @ sigma - 0.2 * K @ sigma @ K, 0.2 * C, rtol=1e-13)
    matched = sgd_covariance(11 * K, unbias * K, hp).covariance
    np.testing.assert_allclose(matched, 0.2 * np.linalg.inv(2 * np.eye(2) - 0.2 * K), rtol=1e-13)
    # The continuous law would be λ/2 times one, whatever K.
    np.testing.assert_allclose(sgd_covariance(11 * K, unbias * K, hp).sde_covariance, 0.1 * np.eye(2), atol=1e-15)


@pytest.mark.parametrize(("momentum", "expected"), [(0.0, 0.0277778), (0.5, 0.0535714)])
def test_known_numbers_of_the_heavy_ball(momentum, expected):
    """λ = 0.1, k = 2, C = 1; and how far g ∝ 1/(1 - m) is off: 1.111 and 1.071."""
    hp, unbias = hyperparameters_with_noise(0.1, momentum)
    law = sgd_covariance([[22.0]], [[unbias]], hp)
    variance = law.covariance[0, 0]
    assert round(variance, 7) == expected
    assert variance == pytest.approx(
        0.1 * (1 + momentum) / ((1 - momentum) * 2 * (2 * (1 + momentum) - 0.2)), rel=1e-14
    )
    assert round(variance / law.sde_covariance[0, 0], 3) == {0.0: 1.111, 0.5: 1.071}[momentum]


def test_loss_is_the_trace_of_the_hessian_for_matched_noise():
    """Jastrzebski: with C = H, E[L] - L* = (η/4S) Tr H for small η; here to first order in η."""
    n, batch = 11, 4
    errors = []
    for eta in (0.02, 0.01, 0.005):
        hp = mean_loss(eta, batch=batch, n=n)
        loss = sgd_covariance(n * K, n / (n - 1) * K, hp).excess_cost / n
        errors.append(loss / (eta / (4 * batch) * np.trace(K)) - 1)
    ratios = np.divide(errors[:-1], errors[1:])
    np.testing.assert_allclose(ratios, 2, atol=0.05)


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
def test_the_fluctuations_dissipate(rng, optimizer):
    """Yaida: ⟨w·∇L⟩ = (η/2)⟨|Ĝ|²⟩ without momentum, exact at any learning rate; with the law's own numbers."""
    hessian, noise = random_case(rng, 4)
    hp = mean_loss(0.05, batch=3)
    law = sgd_covariance(hessian, noise, hp, optimizer=optimizer)
    n, rate = hp.train_size, hp.learning_rate / hp.train_size
    square = np.trace(hessian @ law.covariance @ hessian) + n * (n - 1) / 3 * np.trace(noise)
    assert np.trace(hessian @ law.covariance) == pytest.approx(rate / 2 * square, rel=1e-12)
    assert np.trace(hessian @ law.sde_covariance) != pytest.approx(rate / 2 * square, rel=1e-2)


@pytest.mark.parametrize(("optimizer", "momentum"), KINDS)
def test_small_steps_have_the_law_of_the_equation(rng, optimizer, momentum):
    hessian, noise = random_case(rng, 3)
    errors = []
    for eta in (4e-5, 2e-5, 1e-5):
        hp = mean_loss(eta, momentum=momentum[0], dampening=momentum[1], sampling="without-replacement")
        law = sgd_covariance(hessian, noise, hp, optimizer=optimizer)
        limit = linalg.solve_continuous_lyapunov(hessian, hp.noise_scale * noise)
        np.testing.assert_allclose(law.sde_covariance, limit, rtol=1e-11, atol=1e-12 * np.abs(limit).max())
        errors.append(np.linalg.norm(law.covariance - limit) / np.linalg.norm(limit))
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2, atol=0.01)


def test_curvatures_of_any_range_cost_no_digits():
    """Along independent axes each variance is known; a pull of 1e-15 next to one of 1."""
    values = np.array([1e-14, 1.0, 10.0])
    hp = mean_loss(1.0, momentum=0.9)
    with_axes = sgd_covariance(np.diag(values), np.eye(3), hp).covariance
    alone = [sgd_covariance([[value]], [[1.0]], hp).covariance[0, 0] for value in values]
    np.testing.assert_allclose(with_axes, np.diag(alone), rtol=1e-13)
    rate = 1.0 / 11
    np.testing.assert_allclose(alone[0], rate * 11 * 10 / 5 / (2 * (1 - 0.9) * values[0]), rtol=1e-12)


def test_a_full_batch_has_no_noise():
    hp = mean_loss(0.1, batch=11, momentum=0.5, sampling="without-replacement")
    law = sgd_covariance(11 * K, C, hp)
    assert not law.joint_covariance.any()
    assert not law.sde_covariance.any()


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
@pytest.mark.parametrize("momentum", [0.0, 0.6, 0.95])
def test_the_limit_of_stability_is_where_the_step_grows(optimizer, momentum):
    limit = 2 * (1 + momentum) / (1 if optimizer == "sgd" else 1 + 2 * momentum)
    below, above = (mean_loss(limit * factor, momentum=momentum) for factor in (1 - 1e-6, 1 + 1e-6))
    law = sgd_covariance([[11.0]], [[1.0]], below, optimizer=optimizer)
    assert 1 - 1e-4 < law.spectral_radius < 1
    with pytest.raises(InvalidInputError, match=f"learning_rate must be below {limit:.6g}"):
        sgd_covariance([[11.0]], [[1.0]], above, optimizer=optimizer)
    step, _ = one_step(np.array([[11.0]]), np.eye(1), above, optimizer)
    assert np.abs(np.linalg.eigvals(step)).max() > 1


GOOD = mean_loss(0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.diag([1.0, -1.0]), np.eye(2), GOOD), "hessian must be positive definite"),
        ((np.diag([1.0, 0.0]), np.eye(2), GOOD), "hessian must be positive definite"),
        (([[1.0, 0.5], [0.0, 1.0]], np.eye(2), GOOD), "hessian must be symmetric"),
        ((np.ones((2, 3)), np.eye(2), GOOD), "hessian must have shape"),
        ((np.empty((0, 0)), np.empty((0, 0)), GOOD), "at least one row"),
        (([[np.inf]], [[1.0]], GOOD), "hessian must be finite"),
        ((np.eye(2), np.diag([1.0, -1.0]), GOOD), "gradient_covariance must be positive semidefinite"),
        ((np.eye(2), np.eye(3), GOOD), "gradient_covariance must have shape"),
        ((np.eye(2), np.eye(2), 0.1), "hp must be SGDHyperparameters; got float"),
        ((np.eye(2), np.eye(2), mean_loss([0.1, 0.2])), "hp.learning_rate must have shape"),
        ((np.eye(2), np.eye(2), mean_loss(22.0)), "stability limit"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        sgd_covariance(*arguments)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(InvalidInputError, match="Did you mean 'nesterov'"):
        sgd_covariance(K, C, GOOD, optimizer="nesterow")
