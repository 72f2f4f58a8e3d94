"""SGD on least squares: every batch listed, the second moments iterated, and limits known in closed form."""

import itertools

import numpy as np
import pytest

from sdetheory import SGDHyperparameters
from sdetheory.errors import InvalidInputError
from sdetheory.theory import (
    least_squares_moments,
    least_squares_sgd,
    least_squares_stability_limit,
    sgd_covariance,
    sgd_stability_limit,
)

SAMPLINGS = ["with-replacement", "without-replacement"]
KINDS = [("sgd", 0.0, 0.0), ("sgd", 0.6, 0.0), ("sgd", 0.6, 0.6), ("nesterov", 0.6, 0.0), ("nesterov", 0.9, 0.4)]
RIDGE = 0.3
# Five examples, few enough that all batches can be listed, and far from any limit at the learning rate of 0.3.
INPUTS = np.array([[1.0, 0.2], [-0.5, 1.0], [0.8, -1.2], [0.3, 0.9], [-1.1, 0.4]])
TARGETS = np.array([0.7, -0.4, 1.5, 0.2, 0.9])


def problem(rng, n=5, p=2):
    return rng.standard_normal((n, p)) + 0.5, rng.standard_normal(n)


def settings(rate, n, *, batch=2, momentum=0.0, dampening=0.0, sampling="with-replacement"):
    return SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=batch, momentum=momentum,
                              dampening=dampening, sampling=sampling)  # fmt: skip


def steps_of_all_batches(X, y, hp, optimizer, ridge=RIDGE):
    """Return the matrix of the step of (w, v, 1) for each batch there is, from the definition of the recursion."""
    n, p = X.shape
    draw = itertools.combinations(range(n), hp.batch_size)
    if hp.sampling == "with-replacement":
        draw = itertools.product(range(n), repeat=hp.batch_size)
    rate, m = (1 - hp.dampening) * hp.learning_rate / n, hp.momentum
    w, v, one = np.split(np.eye(2 * p + 1), [p, 2 * p])
    matrices = []
    for chosen in map(list, draw):
        x = X[chosen]
        gradient = n / len(chosen) * (x.T @ (x @ w - y[chosen][:, None] * one)) + ridge * w
        new = m * v - rate * gradient
        moved = w + m * new - rate * gradient if optimizer == "nesterov" else w + new
        matrices.append(np.vstack([moved, new, one]))
    return np.array(matrices)


def second_moment_operator(steps, p):
    """Return the mean of M ⊗ M over the batches, where M moves (w - w*, v)."""
    linear = steps[:, : 2 * p, : 2 * p]
    return np.einsum("sij,skl->ikjl", linear, linear).reshape(4 * p**2, -1) / len(steps)


def stationary_moments(steps, p):
    """Return mean and covariance of (w, v) from the equations of the first and second moments of (w, v, 1)."""
    mean_step = steps.mean(axis=0)
    mean = np.linalg.solve(np.eye(2 * p) - mean_step[: 2 * p, : 2 * p], mean_step[: 2 * p, 2 * p])
    # About the mean each batch moves by M z + q, with q of mean zero.
    offset = np.einsum("sij,j->si", steps[:, : 2 * p], np.append(mean, 1.0)) - mean
    source = offset.T @ offset / len(steps)
    square = np.linalg.solve(np.eye(4 * p**2) - second_moment_operator(steps, p), source.ravel())
    return mean, square.reshape(2 * p, 2 * p)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("optimizer", "momentum", "dampening"), KINDS)
def test_every_batch_listed(optimizer, momentum, dampening, sampling):
    X, y = INPUTS, TARGETS
    hp = settings(0.3, 5, momentum=momentum, dampening=dampening, sampling=sampling)
    law = least_squares_sgd(X, y, hp, prior_precision=RIDGE, optimizer=optimizer)
    mean, square = stationary_moments(steps_of_all_batches(X, y, hp, optimizer), 2)
    np.testing.assert_allclose(law.mean, mean[:2], rtol=1e-11)
    np.testing.assert_allclose(law.mean, np.linalg.solve(X.T @ X + RIDGE * np.eye(2), X.T @ y), rtol=1e-11)
    np.testing.assert_allclose(law.joint_covariance, square, rtol=1e-9, atol=1e-10 * np.abs(square).max())
    # Negative controls: noise that does not depend on the weights, and the prior left out of the examples' gradients.
    assert np.abs(law.additive_covariance / square[:2, :2] - 1).max() > 0.02
    without = least_squares_sgd(X, y, hp, optimizer=optimizer)
    assert np.abs(without.covariance / square[:2, :2] - 1).max() > 0.02


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_additive_part_is_the_law_with_the_noise_of_the_minimum(rng, sampling):
    X, y = problem(rng, n=40, p=3)
    hp = settings(0.05, 40, batch=4, momentum=0.8, sampling=sampling)
    law = least_squares_sgd(X, y, hp, prior_precision=RIDGE)
    gradients = X * (X @ law.mean - y)[:, None] + RIDGE / 40 * law.mean
    additive = sgd_covariance(X.T @ X + RIDGE * np.eye(3), np.cov(gradients.T), hp)
    np.testing.assert_allclose(law.additive_covariance, additive.covariance, rtol=1e-11)
    excess = []
    for rate in (4e-4, 2e-4, 1e-4):
        law = least_squares_sgd(X, y, settings(rate, 40, batch=4, sampling=sampling), prior_precision=RIDGE)
        excess.append(np.linalg.norm(law.covariance - law.additive_covariance) / np.linalg.norm(law.covariance))
    np.testing.assert_allclose(np.divide(excess[:-1], excess[1:]), 2, atol=0.01)  # of first order in ε


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("optimizer", "momentum", "dampening"), KINDS)
def test_the_limits_are_where_moments_start_to_grow(optimizer, momentum, dampening, sampling):
    X, y = INPUTS, TARGETS
    hp = settings(0.1, 5, momentum=momentum, dampening=dampening, sampling=sampling)
    limit = least_squares_stability_limit(X, hp, prior_precision=RIDGE, optimizer=optimizer)
    assert limit.mean == pytest.approx(
        sgd_stability_limit(X.T @ X + RIDGE * np.eye(2), hp, optimizer=optimizer), rel=1e-13
    )

    def radii(rate):
        steps = steps_of_all_batches(
            X, y, settings(rate, 5, momentum=momentum, dampening=dampening, sampling=sampling), optimizer
        )
        mean = np.abs(np.linalg.eigvals(steps.mean(axis=0)[:4, :4])).max()
        return mean, np.abs(np.linalg.eigvals(second_moment_operator(steps, 2))).max()

    assert radii(limit.mean * (1 - 1e-6))[0] < 1 < radii(limit.mean * (1 + 1e-6))[0]
    assert radii(limit.mean_square * (1 - 1e-6))[1] < 1 < radii(limit.mean_square * (1 + 1e-6))[1]
    # It is the first crossing: no smaller learning rate is unstable.
    assert max(radii(rate)[1] for rate in np.linspace(0.01, 0.999, 60) * limit.mean_square) < 1
    assert limit.mean_square < 0.9 * limit.mean


@pytest.mark.parametrize("p", [3, 12])
@pytest.mark.parametrize(("sampling", "batch"), [("with-replacement", 1), ("without-replacement", 3)])
def test_the_limit_without_momentum_has_a_closed_form(rng, sampling, batch, p):
    """Mulayoff and Michaeli: ε = 2/λmax of (H ⊕ H)/2 against E[Ĥ ⊗ Ĥ], for the mean loss."""
    n = 4 * p
    X = rng.standard_normal((n, p))
    hessians = X[:, :, None] * X[:, None, :]
    mean = hessians.mean(axis=0)
    share = (n - batch) / (batch * (n - 1)) if sampling == "without-replacement" else 1 / batch
    square = np.einsum("nij,nkl->ikjl", hessians, hessians).reshape(p**2, -1) / n
    square = (1 - share) * np.kron(mean, mean) + share * square
    drift = (np.kron(mean, np.eye(p)) + np.kron(np.eye(p), mean)) / 2
    expected = 2 / np.linalg.eigvals(np.linalg.solve(drift, square)).real.max()
    found = least_squares_stability_limit(X, settings(0.1, n, batch=batch, sampling=sampling))
    assert found.mean_square == pytest.approx(expected, rel=1e-10)
    assert found.mean == pytest.approx(2 / np.linalg.eigvalsh(mean)[-1], rel=1e-12)


@pytest.mark.parametrize(("batch", "expected"), [(1, 0.6667), (4, 1.3333)])
def test_known_limit_for_gaussian_inputs(batch, expected):
    """η < 2/(1 + 2/b): six inputs with the second and fourth moment of a Gaussian, drawn with replacement."""
    X = np.sqrt(3.0) * np.array([1.0, -1.0, 0.0, 0.0, 0.0, 0.0])[:, None]
    limit = least_squares_stability_limit(X, settings(0.1, 6, batch=batch))
    assert round(limit.mean_square, 4) == expected
    assert limit.mean_square == pytest.approx(2 / (1 + 2 / batch), rel=1e-11)
    assert limit.mean == pytest.approx(2.0, rel=1e-13)
    y = X[:, 0] + np.array([0.1, 0.2, 0.0, 0.3, -0.4, -0.2])
    variances = []
    for share in (0.9, 0.99, 0.999):  # the variance has a pole at the limit
        law = least_squares_sgd(X, y, settings(share * limit.mean_square, 6, batch=batch))
        variances.append(law.covariance[0, 0] * (1 - share))
        rate = share * limit.mean_square
        assert law.noise_gain == pytest.approx(rate * 2 / batch / (2 - rate), rel=1e-11)
    np.testing.assert_allclose(variances[1:], variances[-1], rtol=0.05)
    with pytest.raises(
        InvalidInputError, match=f"below {limit.mean_square:.6g}, the limit of stability in mean square"
    ):
        least_squares_sgd(X, y, settings(1.001 * limit.mean_square, 6, batch=batch))


def test_many_weights_give_the_law_of_few(rng):
    """Solved by GMRES; put into its own equation: Σ is the additive law of the gradient covariance averaged over Σ."""
    n, p = 60, 30
    X, y = rng.standard_normal((n, p)), rng.standard_normal(n)
    hp = settings(0.05, n, batch=6, momentum=0.5)
    law = least_squares_sgd(X, y, hp, prior_precision=1.0)
    H = X.T @ X + np.eye(p)
    root = np.linalg.cholesky(law.covariance)
    parts = [np.cov((X * (X @ (law.mean + s * np.sqrt(p) * column) - y)[:, None]).T)
             for column in root.T for s in (1, -1)]  # fmt: skip
    expected = sgd_covariance(H, np.mean(parts, axis=0), hp).joint_covariance
    np.testing.assert_allclose(law.joint_covariance, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())
    limit = least_squares_stability_limit(X, hp, prior_precision=1.0).mean_square
    near = least_squares_sgd(X, y, settings(0.999 * limit, n, batch=6, momentum=0.5), prior_precision=1.0)
    assert 0.99 < near.noise_gain < 1
    with pytest.raises(InvalidInputError, match="mean square"):
        least_squares_sgd(X, y, settings(1.001 * limit, n, batch=6, momentum=0.5), prior_precision=1.0)


@pytest.mark.parametrize("p", [2, 12])
def test_a_full_batch_and_a_perfect_fit_have_no_noise(rng, p):
    X, y = problem(rng, n=p + 3, p=p)
    full = settings(0.1, p + 3, batch=p + 3, momentum=0.5, sampling="without-replacement")
    assert np.abs(least_squares_sgd(X, y, full).joint_covariance).max() == 0
    limit = least_squares_stability_limit(X, full)
    assert limit.mean_square == pytest.approx(limit.mean, rel=1e-14)
    fitted = least_squares_sgd(X, X @ np.arange(p), settings(0.1, p + 3))
    np.testing.assert_allclose(fitted.mean, np.arange(p), rtol=1e-10, atol=1e-10)
    assert np.abs(fitted.covariance).max() < 1e-22


# More weights than examples, of which two have one input and different targets, so that noise is left at the minimum.
WIDE = np.array([[1.0, 0.2, -0.4, 0.3], [-0.5, 1.0, 0.6, -0.2], [1.0, 0.2, -0.4, 0.3]])
# Columns of which the third is the sum of the others.
COLLINEAR = np.column_stack([INPUTS, INPUTS.sum(axis=1)])
START = np.array([2.0, -1.0, 3.0, 0.5])


def transient_moments(steps, start, n):
    """Return mean and covariance of w after n steps, from the second moments of (w, v, 1)."""
    p = len(start)
    state = np.concatenate([start, np.zeros(p), [1.0]])
    operator = sum(np.kron(step, step) for step in steps) / len(steps)
    moment = (np.linalg.matrix_power(operator, n) @ np.outer(state, state).ravel()).reshape(len(state), -1)
    mean = moment[:p, -1]
    return mean, moment[:p, :p] - np.outer(mean, mean)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("optimizer", "momentum", "dampening"), KINDS)
@pytest.mark.parametrize("X", [WIDE, COLLINEAR], ids=["wide", "collinear"])
def test_where_no_example_pulls_the_start_is_kept(X, optimizer, momentum, dampening, sampling):
    n, p = X.shape
    y, start = TARGETS[:n], START[:p]
    hp = settings(0.2, n, momentum=momentum, dampening=dampening, sampling=sampling)
    kind = {"optimizer": optimizer}
    law = least_squares_sgd(X, y, hp, **kind)
    np.testing.assert_allclose(law.mean, np.linalg.pinv(X) @ y, rtol=1e-10)
    steps = steps_of_all_batches(X, y, hp, optimizer, ridge=0.0)
    kept = start - np.linalg.pinv(X) @ X @ start
    moments = least_squares_moments(X, y, hp, start=start, steps=[3, 3000], **kind)
    for row, after in enumerate([3, 3000]):
        mean, covariance = transient_moments(steps, start, after)
        np.testing.assert_allclose(moments.mean[row], mean, rtol=1e-10)
        np.testing.assert_allclose(moments.covariance[row], covariance, atol=1e-10 * np.abs(covariance).max())
    np.testing.assert_allclose(law.mean + kept, mean, rtol=1e-9)
    np.testing.assert_allclose(law.covariance, covariance, rtol=1e-8, atol=1e-9 * np.abs(covariance).max())
    # No noise leaves the rows of X. A start that is forgotten, and noise without feedback, are the negative controls.
    assert np.abs(law.covariance @ kept).max() < 1e-13 * np.abs(law.covariance).max()
    assert np.abs(law.mean - mean).max() > 0.1
    assert np.abs(law.additive_covariance - covariance).max() > 0.005 * np.abs(covariance).max()


def test_a_small_prior_has_the_law_without_one_where_examples_pull():
    """On the rows of X the limit λ → 0 is regular; elsewhere a prior forgets the start, and no noise is added."""
    hp = settings(0.2, 3)
    law = least_squares_sgd(WIDE, TARGETS[:3], hp)
    gaps = []
    for ridge in (1e-4, 1e-5):
        near = least_squares_sgd(WIDE, TARGETS[:3], hp, prior_precision=ridge)
        gaps.append(np.abs(near.covariance - law.covariance).max())
        assert np.abs(near.mean - law.mean).max() < 10 * ridge
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.01)
    limits = [
        least_squares_stability_limit(WIDE, hp, prior_precision=ridge).mean_square for ridge in (0.0, 1e-7)
    ]  # fmt: skip
    assert limits[1] == pytest.approx(limits[0], rel=1e-6)


@pytest.mark.parametrize(("n", "p"), [(4, 12), (12, 30)])
def test_more_weights_than_examples_fit_without_noise(rng, n, p):
    X, y = problem(rng, n=n, p=p)
    law = least_squares_sgd(X, y, settings(0.05 * n / p, n))
    np.testing.assert_allclose(X @ law.mean, y, atol=1e-10)
    assert np.abs(law.covariance).max() < 1e-22
    assert 0 < law.noise_gain < 1
    with pytest.raises(InvalidInputError, match="stability in mean square"):
        limit = least_squares_stability_limit(X, settings(0.1, n)).mean_square
        least_squares_sgd(X, y, settings(1.01 * limit, n))


def test_bad_input_is_refused(rng):
    X, y = problem(rng)
    hp = settings(0.1, 5)
    for arguments, message in [
        ((X, y[:4], hp), "y must have shape"),
        ((X, y, settings(0.1, 6)), "X must have hp.train_size = 6 rows; got 5"),
        ((0 * X, y, hp), "X must have an entry other than zero"),
        ((X, y * np.nan, hp), "y must be finite"),
        ((X[:, 0], y, hp), "X must have shape"),
        ((X, y, settings(1e3, 5)), "learning_rate must be below"),
        ((X, y, "fast"), "hp must be SGDHyperparameters"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            least_squares_sgd(*arguments)
    with pytest.raises(InvalidInputError, match="prior_precision must be >= 0"):
        least_squares_stability_limit(X, hp, prior_precision=-1.0)
