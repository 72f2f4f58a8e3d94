"""The stationary law of SGD on any model: exact for least squares, and against every sequence of batches listed."""

import itertools
import warnings

import numpy as np
import pytest

from sdetheory import SGDHyperparameters
from sdetheory.errors import AccuracyWarning, IncompatibleError, InvalidInputError
from sdetheory.models import LinearRegression, LogisticRegression, PoissonRegression, SoftmaxRegression
from sdetheory.theory import least_squares_sgd, least_squares_stability_limit, sgd_covariance, stationary_sgd
from sdetheory.theory.sgd import _closure, _fixed_point, _normal_points, _sgd_recursion

POINTS = 64
LABELS = np.array([0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0])
INPUTS = np.column_stack([np.ones(12), np.sin(np.arange(12.0) * 2.1) + 0.1 * np.arange(12)])


def settings(rate, n=12, *, batch=2, momentum=0.0, dampening=0.0, sampling="without-replacement"):
    return SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=batch, momentum=momentum,
                              dampening=dampening, sampling=sampling)  # fmt: skip


def poisson_sampling(rate, n, batch):
    """Return settings with Poisson sampling, whether the hyperparameters take it already or not."""
    hp = settings(rate, n, batch=batch)
    object.__setattr__(hp, "sampling", "poisson")
    return hp


def logistic(prior=1.0):
    return LogisticRegression(INPUTS, LABELS, prior_precision=prior)


# ---- least squares: nothing is left out
@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement"])
@pytest.mark.parametrize(
    ("optimizer", "momentum", "dampening"),
    [("sgd", 0.0, 0.0), ("sgd", 0.8, 0.0), ("sgd", 0.8, 0.8), ("nesterov", 0.6, 0.2)],
)
def test_least_squares_has_its_exact_law(rng, optimizer, momentum, dampening, sampling):
    X, y = rng.standard_normal((20, 3)) + 0.3, rng.standard_normal(20)
    hp = settings(0.06, 20, batch=3, momentum=momentum, dampening=dampening, sampling=sampling)
    law = stationary_sgd(LinearRegression(X, y, prior_precision=0.7), hp, points=256, optimizer=optimizer)
    exact = least_squares_sgd(X, y, hp, prior_precision=0.7, optimizer=optimizer)
    size = np.abs(exact.covariance).max()
    np.testing.assert_allclose(law.mean, exact.mean, rtol=0, atol=1e-11)
    np.testing.assert_allclose(law.covariance, exact.covariance, rtol=0, atol=1e-9 * size)
    np.testing.assert_allclose(law.joint_covariance, exact.joint_covariance, rtol=0, atol=1e-9 * size)
    np.testing.assert_allclose(law.mode_covariance, exact.additive_covariance, rtol=0, atol=1e-10 * size)
    assert law.trace_error < 1e-9 * law.trace and law.sampling_error < 1e-9 * law.trace
    assert law.order == 3
    limit = least_squares_stability_limit(X, hp, prior_precision=0.7, optimizer=optimizer)
    np.testing.assert_allclose([law.mean_limit, law.mean_square_limit], [limit.mean, limit.mean_square], rtol=1e-8)
    # The negative control: noise that does not grow with the distance.
    assert law.ratio_to_mode > 1.01


def test_least_squares_by_poisson_sampling():
    """One weight: E[w'²] over batches of any size, from Σ qᵢ(1 − qᵢ)(N/B)² ∇Cᵢ² with q = B/N, solved by hand."""
    x, y = np.array([1.0, 2.0, -0.5, 1.5]), np.array([0.5, 1.0, 0.7, -0.4])
    law = stationary_sgd(LinearRegression(x[:, None], y), poisson_sampling(0.2, 4, 2), points=POINTS)
    w, rate, curvature = x @ y / (x @ x), 0.2 / 4, x @ x
    factor = 4 / 2 - 1  # (N/B)² q (1 − q)
    additive = factor * np.sum((x * (x * w - y)) ** 2)
    variance = rate**2 * additive / (1 - (1 - rate * curvature) ** 2 - rate**2 * factor * np.sum(x**4))
    np.testing.assert_allclose(law.covariance, variance, rtol=1e-9)


@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement", "poisson"])
def test_cumulants_of_the_minibatch(sampling):
    """Every batch of two from five examples listed, of any number by Poisson sampling."""
    rows, n, batch = np.array([1.0, 2.0, 4.0, -3.0, 0.5]), 5, 2
    hp = poisson_sampling(0.1, n, batch) if sampling == "poisson" else settings(0.1, n, batch=batch, sampling=sampling)
    chosen = {
        "with-replacement": [np.bincount(b, minlength=n) for b in itertools.product(range(n), repeat=batch)],
        "without-replacement": [np.bincount(b, minlength=n) for b in itertools.combinations(range(n), batch)],
        "poisson": list(itertools.product((0, 1), repeat=n)),
    }[sampling]
    counts = np.array(chosen)
    q = batch / n
    weights = q ** counts.sum(axis=1) * (1 - q) ** (n - counts.sum(axis=1)) if sampling == "poisson" else None
    estimates = n / batch * counts @ rows
    centred = estimates - np.average(estimates, weights=weights)
    draws = _closure.Draws.of(hp, _sgd_recursion.recursion(hp, "sgd", poisson=True))
    d = draws.deviations(rows[:, None])[:, 0]
    assert draws.second * np.sum(d**2) / (n - 1) == pytest.approx(np.average(centred**2, weights=weights), rel=1e-12)
    assert draws.third * np.sum(d**3) == pytest.approx(np.average(centred**3, weights=weights), rel=1e-12)


# ---- a cost that is not quadratic: every sequence of batches listed
class Lopsided:
    """Two examples of w²/2 + w³/6 + w⁴/8 whose gradients differ less and less with w."""

    train_size, dimension = 2, 1

    def per_example_gradients(self, w):
        half, apart = (w + w**2 / 2 + w**3 / 2) / 2, 0.35 - 0.1 * w
        return np.array([half + apart, half - apart])

    def gradient(self, w):
        return self.per_example_gradients(w).sum(axis=0)

    def hessian(self, w):
        return np.diag(1 + w + 1.5 * w**2)


def listed(hp, law, steps):
    """Return mean and variance of w after all sequences of batches of one, from where the law says."""
    x, weights = np.polynomial.hermite_e.hermegauss(5)
    roots = np.linalg.cholesky(law.joint_covariance + 1e-15 * np.eye(2))
    pairs = np.array(list(itertools.product(range(5), repeat=2)))
    w, v = law.mean + roots[0] @ x[pairs].T, roots[1] @ x[pairs].T
    chance = np.prod(weights[pairs], axis=1) / 2 / np.pi
    if hp.momentum == 0:  # the velocity at the start is forgotten at once
        w, v, chance = law.mean + roots[0, 0] * x, 0 * x, weights / np.sqrt(2 * np.pi)
    rate = hp.learning_rate / 2
    for _ in range(steps):
        gradients = 2 * Lopsided().per_example_gradients(w)
        v = np.concatenate([hp.momentum * v - rate * g for g in gradients])
        w, chance = np.concatenate([w, w]) + v, np.concatenate([chance, chance]) / 2
    mean = chance @ w
    return mean, chance @ (w - mean) ** 2


@pytest.mark.parametrize(("momentum", "rate"), [(0.0, 0.5), (0.0, 0.25), (0.5, 0.3)])
def test_every_sequence_of_batches_listed(momentum, rate):
    """Each order is nearer than that before it, and the error that is stated holds the true one."""
    hp = settings(rate, 2, batch=1, momentum=momentum)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # far from the mean the curvature is large
        second, third = (stationary_sgd(Lopsided(), hp, order=k, points=1024) for k in (2, 3))
    mean, variance = listed(hp, third, 17)
    errors = [abs(law.trace - variance) for law in (second, third)]
    assert errors[1] < errors[0] / 3
    assert errors[1] < third.trace_error
    np.testing.assert_allclose(third.covariance_error, third.trace_error, rtol=1e-6)
    assert abs(third.mean - mean) < abs(second.mean - mean) / 2
    assert abs(third.mean - mean) < third.mean_error < abs(third.mode - mean) / 4


def test_orders_in_the_learning_rate():
    """Relative errors of order ε at order 2 and ε² or less at order 3, between ε = 0.5 and 0.25."""
    errors = []
    for rate in (0.5, 0.25):
        hp = settings(rate, 2, batch=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)
            laws = [stationary_sgd(Lopsided(), hp, order=k, points=4096) for k in (2, 3)]
        _, variance = listed(hp, laws[1], 18)
        errors.append([abs(law.trace / variance - 1) for law in laws])
    powers = np.log2(np.divide(*errors))
    assert 0.5 < powers[0] < 1.5 < powers[1], powers


# ---- what does not depend on the coordinates
def test_softmax_of_two_classes_is_logistic_regression():
    """Its weights lie in a plane, to which the noise is confined; their difference has the logistic law."""
    two = stationary_sgd(SoftmaxRegression(INPUTS, LABELS, prior_precision=2.0), settings(1.0))
    one = stationary_sgd(logistic(), settings(2.0))  # both classes move, each by as much
    apart = np.hstack([-np.eye(2), np.eye(2)])
    np.testing.assert_allclose(apart @ two.mean, one.mean, rtol=0, atol=0.01 * np.sqrt(one.trace))
    np.testing.assert_allclose(apart @ two.covariance @ apart.T, one.covariance, rtol=0.01, atol=0.01 * one.trace)
    together = np.hstack([np.eye(2), np.eye(2)])
    np.testing.assert_allclose(together @ two.covariance @ together.T, 0.0, atol=1e-12 * two.trace)
    assert two.mean_square_limit == pytest.approx(one.mean_square_limit / 2, rel=1e-6)


def test_units_of_the_inputs():
    """Columns a million times larger, with the prior and the learning rate in their units: the law follows."""
    unit = 1e6
    X = INPUTS * unit
    law = stationary_sgd(LogisticRegression(INPUTS, LABELS, prior_precision=1.0), settings(1.0), points=POINTS)
    other = stationary_sgd(
        LogisticRegression(X, LABELS, prior_precision=unit**2), settings(1.0 / unit**2), points=POINTS
    )
    np.testing.assert_allclose(other.mean * unit, law.mean, rtol=1e-7)
    np.testing.assert_allclose(other.covariance * unit**2, law.covariance, rtol=1e-7)
    np.testing.assert_allclose(other.mean_square_limit * unit**2, law.mean_square_limit, rtol=1e-7)


def test_products_with_the_hessian_are_enough():
    class Products:
        def __init__(self, model):
            self.train_size, self.dimension = model.train_size, model.dimension
            self.gradient, self.per_example_gradients = model.gradient, model.per_example_gradients
            self.hessian_vector_product = model.hessian_vector_product

    a, b = (stationary_sgd(m, settings(1.0), points=POINTS) for m in (logistic(), Products(logistic())))
    np.testing.assert_allclose(a.covariance, b.covariance, rtol=1e-9)


# ---- the error that more points reduce
def test_sampling_error_is_the_scatter_of_the_points():
    """Over 24 sets of points: chi-square with 23 degrees at alpha = 1e-4 for a factor of 3 either way."""
    laws = [stationary_sgd(logistic(), settings(2.0), points=POINTS, rng=seed) for seed in range(24)]
    scatter = np.std([law.trace for law in laws], ddof=1)
    stated = np.sqrt(np.mean([law.sampling_error**2 for law in laws]))
    assert 1 / 3 < scatter / stated < 3
    more = np.mean([stationary_sgd(logistic(), settings(2.0), points=1024, rng=s).sampling_error for s in range(4)])
    assert more < stated / 1.5
    again = stationary_sgd(logistic(), settings(2.0), points=POINTS, rng=3)
    np.testing.assert_array_equal(again.covariance, laws[3].covariance)


def test_points_have_the_moments_of_the_normal_law():
    x = _normal_points.normal_points(256, 3, np.random.SeedSequence(1))
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(x.T @ x / 256, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.mean(x**4, axis=0), 3.0, rtol=0.1)


# ---- without noise, and with much
def test_a_full_batch_stays_at_the_minimum():
    law = stationary_sgd(logistic(), settings(1.0, batch=12), points=POINTS)
    np.testing.assert_array_equal(law.covariance, 0.0)
    np.testing.assert_array_equal(law.mean, law.mode)
    assert np.isnan(law.ratio_to_mode) and law.trace_error == 0


def test_small_steps_have_the_law_of_the_mode():
    law = stationary_sgd(logistic(), settings(1e-4), points=POINTS)
    rows = logistic().per_example_gradients(law.mode)
    mode = sgd_covariance(logistic().hessian(law.mode), np.cov(rows.T), settings(1e-4)).covariance
    np.testing.assert_allclose(law.mode_covariance, mode, rtol=1e-10)
    assert abs(law.ratio_to_mode - 1) < 1e-3 < abs(stationary_sgd(logistic(), settings(0.5)).ratio_to_mode - 1)


def test_a_law_says_itself_on_one_line():
    law = stationary_sgd(logistic(), settings(1.0), points=POINTS)
    share = law.learning_rate / law.mean_square_limit
    assert f"at {100 * share:.3g} % of the stability limit" in str(law) and f"{law.ratio_to_mode:.3g} times" in str(law)
    assert "\n" not in str(law) + repr(law)


def test_a_law_to_be_doubted_warns():
    counts = PoissonRegression(INPUTS, np.arange(12) % 5, prior_precision=1.0)
    with pytest.warns(AccuracyWarning):
        stationary_sgd(
            counts, settings(0.3 * stationary_sgd(counts, settings(1e-6), points=POINTS).mean_limit, batch=2)
        )
    limits = stationary_sgd(logistic(), settings(1e-3, batch=1), points=POINTS)
    assert 1.1 * limits.mean_square_limit < limits.mean_limit
    with pytest.warns(AccuracyWarning):
        stationary_sgd(logistic(), settings(1.1 * limits.mean_square_limit, batch=1), points=POINTS)


# ---- refusals
def test_no_minimum_is_refused():
    separable = LogisticRegression(INPUTS, (INPUTS[:, 1] > 0.5).astype(int))
    with pytest.raises(InvalidInputError, match="prior"):
        stationary_sgd(separable, settings(0.1))


def test_a_flat_direction_is_refused():
    with pytest.raises(InvalidInputError, match="positive definite"):
        stationary_sgd(SoftmaxRegression(INPUTS, LABELS), settings(0.1))


def test_beyond_the_limits_is_refused():
    X, y = INPUTS, INPUTS[:, 1] + np.cos(np.arange(12.0))
    limit = least_squares_stability_limit(X, settings(0.1, batch=1))
    assert limit.mean_square < 0.9 * limit.mean
    with pytest.raises(InvalidInputError, match=f"mean square below {limit.mean_square:.4g}"):
        stationary_sgd(LinearRegression(X, y), settings(1.01 * limit.mean_square, batch=1), points=POINTS)
    with pytest.raises(InvalidInputError, match="stability limit"):
        stationary_sgd(LinearRegression(X, y), settings(1.01 * limit.mean), points=POINTS)


def test_a_model_that_contradicts_itself_is_refused():
    class Mean(LogisticRegression):
        def gradient(self, w):
            return super().gradient(w) / self.train_size

    with pytest.raises(IncompatibleError, match="multiply it by N"):
        stationary_sgd(Mean(INPUTS, LABELS, prior_precision=1.0), settings(0.1), start=[0.3, 0.1])
    with pytest.raises(IncompatibleError, match="train_size"):
        stationary_sgd(logistic(), settings(0.1, 13))


def test_gradients_that_are_not_finite_are_refused():
    class Broken(LogisticRegression):
        def per_example_gradients(self, w):
            rows = super().per_example_gradients(w)
            return rows if np.linalg.norm(w) < 1.3 else rows + np.nan

    assert np.linalg.norm(stationary_sgd(logistic(), settings(0.01), points=POINTS).mode) < 1.2
    with pytest.raises(InvalidInputError, match="overflow"):
        stationary_sgd(Broken(INPUTS, LABELS, prior_precision=1.0), settings(3.0), points=POINTS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"points": 1000}, "power of two"),
        ({"points": 4}, "points"),
        ({"order": 4}, "order"),
        ({"start": [0.0]}, "start"),
        ({"optimizer": "adam"}, "optimizer"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        stationary_sgd(logistic(), settings(0.1), **arguments)


def test_a_model_without_what_is_needed_is_refused():
    class Bare:
        train_size, dimension = 12, 2

        def gradient(self, w):
            return w

        def per_example_gradients(self, w):
            return np.outer(np.ones(12), w) / 12

    with pytest.raises(InvalidInputError, match="hessian_vector_product"):
        stationary_sgd(Bare(), settings(0.1))
    with pytest.raises(InvalidInputError, match="per_example_gradients"):
        stationary_sgd(3, settings(0.1))


def test_poisson_sampling_of_least_squares_is_refused_by_the_formulas_without_it():
    with pytest.raises(IncompatibleError, match="stationary_sgd"):
        least_squares_sgd(INPUTS, LABELS.astype(float), poisson_sampling(0.1, 12, 2))


# ---- the iteration
def test_fixed_points_of_maps_that_expand_in_part():
    """A linear map with an eigenvalue of −1.5 is solved too, and a map without a fixed point is not."""
    matrix = np.diag([0.9, -1.5, 0.2])
    found = _fixed_point.fixed_point(lambda x: matrix @ x + 1.0, np.zeros(3))
    np.testing.assert_allclose(found, 1 / (1 - np.diag(matrix)), rtol=1e-8)
    assert _fixed_point.fixed_point(lambda x: x + 1.0 + x**2, np.zeros(1)) is None
    assert _fixed_point.fixed_point(lambda x: None, np.zeros(1)) is None
