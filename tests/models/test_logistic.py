"""Logistic regression against high-precision arithmetic and finite differences."""

import mpmath
import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.models import LogisticRegression, gradient_covariance

LAMBDA = 0.7


@pytest.fixture
def model(rng):
    return LogisticRegression(rng.standard_normal((12, 3)), rng.integers(0, 2, 12), prior_precision=LAMBDA)


def mp_cost(model, w):
    """Evaluate the definition in 60 digits."""
    with mpmath.workdps(60):
        w = [mpmath.mpf(float(c)) for c in w]
        total = mpmath.mpf(model.prior_precision) * mpmath.fsum(c * c for c in w) / 2
        for x, y in zip(model.X, model.y, strict=True):
            z = mpmath.fsum(mpmath.mpf(float(a)) * c for a, c in zip(x, w, strict=True))
            total += mpmath.log(1 + mpmath.exp((1 - 2 * int(y)) * z))
        return total


def test_cost_is_its_definition(model, rng):
    for scale in (0.0, 1.0, 300.0):
        w = scale * rng.standard_normal(3)
        assert model.cost(w) == pytest.approx(float(mp_cost(model, w)), rel=1e-13)


def test_large_margins_neither_overflow_nor_lose_digits():
    """A well-fitted example keeps its tiny cost e^{−z} and gradient, a badly fitted one costs its margin."""
    fitted = LogisticRegression([[1.0], [1.0]], [1, 1])
    w = np.array([50.0])
    assert fitted.cost(w) == pytest.approx(2 * np.exp(-50.0), rel=1e-14, abs=0.0)
    assert fitted.gradient(w)[0] == pytest.approx(-2 * np.exp(-50.0), rel=1e-14, abs=0.0)
    assert fitted.hessian(w)[0, 0] == pytest.approx(2 * np.exp(-50.0), rel=1e-14, abs=0.0)
    wrong = LogisticRegression([[1.0]], [0])
    assert wrong.cost([1e6]) == 1e6 and wrong.gradient([1e6])[0] == 1.0 and wrong.hessian([1e6])[0, 0] == 0.0


def test_gradient_and_hessian_are_derivatives(model, rng):
    w = rng.standard_normal(3)
    # Central differences in 60 digits: the step h leaves h²/6 C''' and no rounding error.
    h, basis = 1e-6, np.eye(3)
    with mpmath.workdps(60):
        slopes = [float((mp_cost(model, w + h * e) - mp_cost(model, w - h * e)) / (2 * h)) for e in basis]
    np.testing.assert_allclose(model.gradient(w), slopes, rtol=1e-8, atol=1e-8)
    columns = [(model.gradient(w + h * e) - model.gradient(w - h * e)) / (2 * h) for e in basis]
    np.testing.assert_allclose(model.hessian(w), columns, rtol=1e-7, atol=1e-7)


def test_gradient_at_a_known_point():
    """At w = 0 every probability is 1/2."""
    model = LogisticRegression([[1.0, 2.0], [3.0, -1.0]], [1, 0], prior_precision=LAMBDA)
    assert model.cost([0, 0]) == pytest.approx(2 * np.log(2), rel=1e-15)
    np.testing.assert_array_equal(model.gradient([0, 0]), [1.0, -1.5])
    np.testing.assert_allclose(model.hessian([0, 0]), model.X.T @ model.X / 4 + LAMBDA * np.eye(2), rtol=1e-14)


def test_per_example_gradients_sum_to_the_gradient(model, rng):
    w = rng.standard_normal(3)
    each = model.per_example_gradients(w)
    assert each.shape == (model.train_size, model.dimension) == (12, 3)
    np.testing.assert_allclose(each.sum(axis=0), model.gradient(w), rtol=1e-13, atol=1e-13)


def test_each_per_example_gradient_is_that_of_the_example_alone(model, rng):
    w = rng.standard_normal(3)
    for x, y, gradient in zip(model.X, model.y, model.per_example_gradients(w), strict=True):
        alone = LogisticRegression(x[None], [y], prior_precision=LAMBDA / 12)
        np.testing.assert_allclose(gradient, alone.gradient(w), rtol=1e-13, atol=1e-14)


def test_prior_does_not_change_the_gradient_covariance(model, rng):
    w = rng.standard_normal(3)
    without = LogisticRegression(model.X, model.y)
    np.testing.assert_allclose(
        gradient_covariance(model.per_example_gradients(w)),
        gradient_covariance(without.per_example_gradients(w)),
        rtol=1e-12,
        atol=1e-13,
    )


def test_hessian_is_symmetric_and_bounded_below_by_the_prior(model, rng):
    hessian = model.hessian(rng.standard_normal(3))
    np.testing.assert_array_equal(hessian, hessian.T)
    assert np.linalg.eigvalsh(hessian)[0] > LAMBDA


def test_gradient_covariance_has_n_minus_one_in_the_denominator(rng):
    gradients = rng.standard_normal((7, 4)) + 100.0
    np.testing.assert_allclose(gradient_covariance(gradients), np.cov(gradients.T), rtol=1e-10)
    assert gradient_covariance([[1], [2], [4], [7], [11], [16]])[0, 0] == pytest.approx(1001 / 30, rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [0, 1]), r"X must have shape \(any, any\)"),
        (([[1.0], [np.inf]], [0, 1]), "X must be finite"),
        (([[1.0], [2.0]], [0, 1, 1]), r"y must have shape \(2,\)"),
        (([[1.0], [2.0]], [-1, 1]), "y must be >= 0 and <= 1"),
        (([[1.0], [2.0]], [0, 0.5]), "y must be a whole number"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        LogisticRegression(*arguments)


def test_refusals_of_values(model):
    with pytest.raises(InvalidInputError, match="prior_precision must be >= 0"):
        LogisticRegression([[1.0]], [1], prior_precision=-1.0)
    for method in (model.cost, model.gradient, model.per_example_gradients, model.hessian):
        with pytest.raises(InvalidInputError, match=r"w must have shape \((\.\.\., )?3,?\)"):
            method([1.0, 2.0])
    with pytest.raises(InvalidInputError, match="at least 2 rows; got 1"):
        gradient_covariance([[1.0, 2.0]])
