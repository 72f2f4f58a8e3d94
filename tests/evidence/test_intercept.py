"""Intercepts integrated out, features, diagonal priors, and the shapes at the edge."""

import numpy as np
import pytest
from scipy import stats

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearModel, reparameterize

PRECISION, VARIANCE = 0.7, 0.3


def problem(rng, n, p):
    X = rng.standard_normal((n, p)) + 3.0
    return X, X @ rng.standard_normal(p) - 2.0 + 0.5 * rng.standard_normal(n)


def density(X, y, intercept_variance):
    """Return ln N(y; 0, σ²I + XXᵀ/λ + τ²11ᵀ)."""
    covariance = VARIANCE * np.eye(len(y)) + X @ X.T / PRECISION + intercept_variance
    return stats.multivariate_normal(np.zeros(len(y)), covariance).logpdf(y)


SHAPES = [(30, 4), (6, 20), (5, 5), (8, 0), (1, 3), (1, 0), (2, 1)]


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_gaussian_intercept_is_a_column_of_ones_with_its_own_prior(rng, n, p):
    X, y = problem(rng, n, p)
    for tau in (0.1, 1.0, 30.0):
        model = LinearModel(X, y, intercept="gaussian", intercept_precision=1 / (PRECISION * tau**2))
        assert model.log_evidence(PRECISION, VARIANCE) == pytest.approx(density(X, y, tau**2), rel=1e-10)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_flat_intercept_is_the_limit_of_a_wide_one(rng, n, p):
    """Less ln of the prior at 0, ln P tends to the improper density; the remainder falls as 1/τ²."""
    X, y = problem(rng, n, p)
    flat = LinearModel(X, y, intercept="flat").log_evidence(PRECISION, VARIANCE)
    remainders = []
    for tau in (1e2, 1e3):
        wide = LinearModel(X, y, intercept="gaussian", intercept_precision=1 / (PRECISION * tau**2))
        limit = wide.log_evidence(PRECISION, VARIANCE) + 0.5 * np.log(2 * np.pi * tau**2)
        remainders.append(limit - flat)
    assert abs(remainders[1]) < 1e-3
    assert remainders[0] / remainders[1] == pytest.approx(100, rel=0.02)
    if n > 1:
        # Negative control: without -½ ln n the limit is missed.
        assert abs(remainders[1] - 0.5 * np.log(n)) > 0.3


@pytest.mark.parametrize(("n", "p"), [(30, 4), (6, 20)])
def test_flat_intercept_is_the_integral_over_it(rng, n, p):
    X, y = problem(rng, n, p)
    offsets = np.linspace(-400.0, 400.0, 8001) + np.mean(y)
    covariance = VARIANCE * np.eye(n) + X @ X.T / PRECISION
    values = stats.multivariate_normal(np.zeros(n), covariance).logpdf(y - offsets[:, None])
    integral = np.log(np.sum(np.exp(values - values.max())) * (offsets[1] - offsets[0])) + values.max()
    assert LinearModel(X, y, intercept="flat").log_evidence(PRECISION, VARIANCE) == pytest.approx(integral, rel=1e-10)


def test_flat_intercept_forgets_where_zero_is(rng):
    X, y = problem(rng, 12, 3)
    before = LinearModel(X, y, intercept="flat")
    for shift in (10.0, 1e8):
        after = LinearModel(X + shift * np.array([1.0, -2.0, 0.5]), y + shift, intercept="flat")
        assert after.rank == 3
        # Adding 1e8 rounds the data themselves, to 1e-8.
        tolerance = 1e-11 if shift < 1e3 else 1e-6
        assert after.log_evidence(PRECISION, VARIANCE) == pytest.approx(
            before.log_evidence(PRECISION, VARIANCE), rel=tolerance
        )
    wide = X[:3] + 1e8  # no more rows than columns: the mean that rounding leaves must not count as a direction
    assert LinearModel(wide, y[:3], intercept="flat").rank == 2


@pytest.mark.parametrize("intercept", ["flat", "gaussian"])
@pytest.mark.parametrize(("n", "p"), [(30, 4), (6, 20), (8, 0), (1, 3)])
def test_posterior_with_an_intercept(rng, n, p, intercept):
    X, y = problem(rng, n, p)
    model = LinearModel(X, y, intercept=intercept, intercept_precision=0.5 if intercept == "gaussian" else None)
    posterior, X_new = model.posterior(PRECISION, VARIANCE), rng.standard_normal((5, p))
    design, new = (np.column_stack([rows, np.ones(len(rows))]) for rows in (X, X_new))
    prior = PRECISION * np.diag([1.0] * p + [0.5 if intercept == "gaussian" else 0.0])
    hessian = design.T @ design / VARIANCE + prior
    mean = np.linalg.solve(hessian, design.T @ y / VARIANCE)
    np.testing.assert_allclose([*posterior.mean, posterior.intercept], mean, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(posterior.covariance, np.linalg.inv(hessian)[:p, :p], rtol=1e-9, atol=1e-12)
    prediction = posterior.predict(X_new)
    np.testing.assert_allclose(prediction.mean, new @ mean, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        prediction.variance, VARIANCE + np.sum(new @ np.linalg.inv(hessian) * new, axis=1), rtol=1e-9
    )
    expected = hessian if intercept == "gaussian" else hessian[:p, :p] - n * np.outer(X.mean(0), X.mean(0)) / VARIANCE
    np.testing.assert_allclose(model.hessian(PRECISION, VARIANCE), expected, rtol=1e-9, atol=1e-10)
    assert prediction.log_density(np.zeros(5)) == pytest.approx(
        stats.norm(prediction.mean, np.sqrt(prediction.variance)).logpdf(0.0)
    )


@pytest.mark.parametrize("intercept", [None, "flat", "gaussian"])
@pytest.mark.parametrize(("n", "p"), [(30, 4), (6, 20), (8, 0), (1, 3)])
def test_parts_add_up_with_an_intercept(rng, n, p, intercept):
    X, y = problem(rng, n, p)
    model = LinearModel(X, y, intercept=intercept)
    occam = model.occam(PRECISION, VARIANCE)
    assert occam.log_evidence == pytest.approx(model.log_evidence(PRECISION, VARIANCE), rel=1e-12)
    posterior = model.posterior(PRECISION, VARIANCE)
    fit = stats.norm.logpdf(y, X @ posterior.mean + posterior.intercept, np.sqrt(VARIANCE)).sum()
    assert occam.log_likelihood_at_mode == pytest.approx(fit, rel=1e-10)
    assert posterior.effective_parameters == pytest.approx(model.effective_parameters(PRECISION, VARIANCE), abs=1e-13)
    null = model.log_evidence(1e200, VARIANCE)
    assert model.log_evidence_ratio(PRECISION, VARIANCE) == pytest.approx(
        null - model.log_evidence(PRECISION, VARIANCE), rel=1e-9, abs=1e-12
    )


def test_diagonal_prior_is_the_matrix_without_the_matrix(rng):
    X, y = problem(rng, 10, 4)
    diagonal = np.array([0.1, 1.0, 20.0, 3.0])
    ours, full = LinearModel(X, y, prior_shape=diagonal), LinearModel(X, y, prior_shape=np.diag(diagonal))
    assert ours.log_evidence(PRECISION, VARIANCE) == pytest.approx(full.log_evidence(PRECISION, VARIANCE), rel=1e-13)
    np.testing.assert_allclose(
        ours.posterior(PRECISION, VARIANCE).covariance, full.posterior(PRECISION, VARIANCE).covariance, rtol=1e-10
    )
    np.testing.assert_allclose(ours.hessian(PRECISION, VARIANCE), full.hessian(PRECISION, VARIANCE))


@pytest.mark.parametrize("intercept", ["flat", "gaussian"])
def test_an_intercept_survives_a_change_of_coordinates(rng, intercept):
    X, y = problem(rng, 10, 4)
    kappa = 0.3 if intercept == "gaussian" else None
    model = LinearModel(X, y, prior_shape=[0.5, 1.0, 2.0, 4.0], intercept=intercept, intercept_precision=kappa)
    other = reparameterize(model, rng.standard_normal((4, 4)))
    assert other.log_evidence(PRECISION, VARIANCE) == pytest.approx(model.log_evidence(PRECISION, VARIANCE), rel=1e-11)


def test_features_are_applied_to_old_and_new_inputs(rng):
    x, new = rng.uniform(-1, 1, 20), rng.uniform(-1, 1, 5)
    y = np.sin(3 * x) + 0.1 * rng.standard_normal(20)

    def cubic(inputs):
        return np.vander(inputs, 4)

    ours, by_hand = LinearModel(x, y, features=cubic), LinearModel(cubic(x), y)
    assert ours.log_evidence(1.0, 0.01) == by_hand.log_evidence(1.0, 0.01)
    ahead, expected = ours.posterior(1.0, 0.01).predict(new), by_hand.posterior(1.0, 0.01).predict(cubic(new))
    np.testing.assert_array_equal(ahead.mean, expected.mean)
    np.testing.assert_array_equal(ahead.variance, expected.variance)


def test_no_weights_and_one_observation():
    empty = LinearModel(np.empty((3, 0)), [1.0, 2.0, 3.0])
    assert empty.rank == 0 and empty.log_evidence_ratio(1.0, 1.0) == 0
    assert empty.log_evidence(5.0, 2.0) == pytest.approx(stats.norm(scale=2**0.5).logpdf([1.0, 2.0, 3.0]).sum())
    assert empty.posterior(1.0, 1.0).predict(np.empty((2, 0))).variance.tolist() == [1.0, 1.0]
    # One observation with a flat intercept: its improper density is 1, whatever it is.
    assert LinearModel([[2.0]], [5.0], intercept="flat").log_evidence(1.0, 0.1) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"intercept": "Flat"}, InvalidInputError, "Did you mean 'flat'"),
        ({"intercept": "flat", "intercept_precision": 1.0}, IncompatibleError, "needs intercept='gaussian'"),
        ({"intercept": "gaussian", "intercept_precision": 0.0}, InvalidInputError, "intercept_precision must be > 0"),
        ({"prior_shape": [1.0, -1.0]}, InvalidInputError, "prior_shape must be > 0"),
        ({"prior_shape": [1.0]}, InvalidInputError, "prior_shape must have shape"),
        ({"features": lambda x: x[:1]}, InvalidInputError, r"features\(X\) must have shape \(2"),
        ({"features": lambda x: x[:, 0]}, InvalidInputError, r"features\(X\) must have shape"),
    ],
)
def test_bad_options_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        LinearModel([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0], **arguments)


def test_a_density_needs_one_value_per_prediction():
    with pytest.raises(InvalidInputError, match="y must have shape"):
        LinearModel([[1.0]], [1.0]).posterior(1.0, 1.0).predict([[1.0]]).log_density([1.0, 2.0])
