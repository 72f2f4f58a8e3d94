"""What SGD and its SDE ask of a model, for every model, against definitions and finite differences."""

import itertools

import numpy as np
import pytest
import sympy

from sdetheory.errors import InvalidInputError
from sdetheory.models import (
    FunctionModel,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    ProbitRegression,
    SoftmaxRegression,
    gradient_covariance,
)


def _linear(rng):
    return LinearRegression(rng.standard_normal((7, 3)), rng.standard_normal(7), prior_precision=0.4)


def _logistic(rng):
    return LogisticRegression(rng.standard_normal((7, 3)), rng.integers(0, 2, 7), prior_precision=0.4)


def _poisson(rng):
    return PoissonRegression(rng.standard_normal((7, 3)), rng.integers(0, 5, 7), prior_precision=0.4)


def _probit(rng):
    return ProbitRegression(rng.standard_normal((7, 3)), rng.integers(0, 2, 7), prior_precision=0.4)


def _softmax(rng):
    return SoftmaxRegression(rng.standard_normal((7, 2)), rng.integers(0, 3, 7), n_classes=3, prior_precision=0.4)


def _coded(rng):
    X, y = rng.standard_normal((7, 2)), rng.integers(0, 3, 7)
    return SoftmaxRegression(X, y, n_classes=3, coding=np.eye(3)[:, :2], prior_precision=0.4)


def _function(rng):
    places = rng.standard_normal((7, 2))
    return FunctionModel(
        lambda w: float(np.log(np.cosh(w - places)).sum()),
        lambda w, indices: np.tanh(w - places[indices]),
        lambda w, v: np.sum(v / np.cosh(w - places) ** 2, axis=0),
        train_size=7,
        dimension=2,
    )


@pytest.fixture(
    params=[_linear, _logistic, _poisson, _probit, _softmax, _coded, _function], ids=lambda make: make.__name__[1:]
)
def model(request, rng):
    return request.param(rng)


def test_gradients_are_derivatives_of_the_cost(model, rng):
    w, v, h = rng.standard_normal(model.dimension), rng.standard_normal(model.dimension), 1e-5
    slopes = [(model.cost(w + h * e) - model.cost(w - h * e)) / (2 * h) for e in np.eye(model.dimension)]
    # A central difference errs by h² times the third derivative and by rounding over h: both below 1e-8 here.
    np.testing.assert_allclose(model.gradient(w), slopes, rtol=1e-6, atol=1e-8)
    change = (model.gradient(w + h * v) - model.gradient(w - h * v)) / (2 * h)
    np.testing.assert_allclose(model.hessian_vector_product(w, v), change, rtol=1e-6, atol=1e-8)
    if hasattr(model, "hessian"):
        np.testing.assert_allclose(model.hessian_vector_product(w, v), model.hessian(w) @ v, rtol=1e-12, atol=1e-13)


def test_gradients_of_examples_make_all_others(model, rng):
    w, a = rng.standard_normal(model.dimension), rng.standard_normal(7)
    each = model.per_example_gradients(w)
    assert each.shape == (7, model.dimension)
    np.testing.assert_allclose(each.sum(axis=0), model.gradient(w), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(model.weighted_gradient(w, a), a @ each, rtol=1e-12, atol=1e-13)
    for indices in ([3], [0, 5, 5], [*range(7)]):
        estimate = 7 / len(indices) * each[indices].sum(axis=0)
        np.testing.assert_allclose(model.minibatch_gradient(w, np.array(indices)), estimate, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 6, 7])
def test_all_minibatches_have_the_mean_and_covariance_of_theory(model, rng, batch_size):
    w = rng.standard_normal(model.dimension)
    subsets = np.array([*itertools.combinations(range(7), batch_size)])
    noise = np.array([model.minibatch_gradient(w, subset) for subset in subsets]) - model.gradient(w)
    scale = 7 * np.abs(model.per_example_gradients(w)).max()
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=1e-13 * scale)
    exact = noise.T @ noise / len(noise)
    F = gradient_covariance(model.per_example_gradients(w))
    np.testing.assert_allclose(exact, 7 * (7 / batch_size - 1) * F, rtol=1e-11, atol=1e-12 * scale**2)
    if batch_size < 7:
        with pytest.raises(AssertionError):  # the covariance with N in the denominator
            np.testing.assert_allclose(exact, 6 * (7 / batch_size - 1) * F, rtol=1e-11, atol=1e-12 * scale**2)


def test_derivatives_by_sympy():
    """One example each, differentiated symbolically and evaluated with 30 digits."""
    a, b = sympy.symbols("a b")
    x, w = (sympy.Rational(3, 2), sympy.Rational(-7, 10)), {a: sympy.Rational(4, 5), b: sympy.Rational(1, 3)}
    z = x[0] * a + x[1] * b
    prior = sympy.Rational(2, 5) / 2 * (a**2 + b**2)
    inputs, point = np.array([x], dtype=float), np.array([0.8, 1 / 3])
    cases = [
        ((z - sympy.Rational(9, 10)) ** 2 / 2, LinearRegression(inputs, [0.9], prior_precision=0.4)),
        (sympy.log(1 + sympy.exp(-z)), LogisticRegression(inputs, [1], prior_precision=0.4)),
        (sympy.log(1 + sympy.exp(z)), LogisticRegression(inputs, [0], prior_precision=0.4)),
    ]
    for fit, model in cases:
        cost = fit + prior
        gradient = [float(cost.diff(s).subs(w).evalf(30)) for s in (a, b)]
        hessian = [[float(cost.diff(s, t).subs(w).evalf(30)) for t in (a, b)] for s in (a, b)]
        np.testing.assert_allclose(model.cost(point), float(cost.subs(w).evalf(30)), rtol=1e-14)
        np.testing.assert_allclose(model.gradient(point), gradient, rtol=1e-13)
        np.testing.assert_allclose(model.hessian(point), hessian, rtol=1e-13)


def test_loss_and_accuracy_on_other_data(rng):
    X, y, w = rng.standard_normal((9, 3)), rng.integers(0, 2, 9), rng.standard_normal(3)
    logistic = LogisticRegression(X[:5], y[:5], prior_precision=2.0)
    softmax = SoftmaxRegression(X[:5], y[:5], n_classes=2, coding=[[0.0], [1.0]], prior_precision=2.0)
    plain = LogisticRegression(X, y)
    for model in (logistic, softmax):
        assert model.loss(w, X, y) == pytest.approx(plain.cost(w) / 9, rel=1e-13)
        assert model.accuracy(w, X, y) == np.mean((X @ w > 0) == y)
        assert model.loss(w) == pytest.approx(model.loss(w, X[:5], y[:5]), rel=1e-14)
    linear = LinearRegression(X[:5], y[:5], prior_precision=2.0)
    assert linear.loss(w, X, y) == pytest.approx(np.mean((X @ w - y) ** 2) / 2, rel=1e-14)


def test_refusals(rng):
    model = _logistic(rng)
    with pytest.raises(InvalidInputError, match=r"weights must have shape \(7,\); got shape \(6,\)"):
        model.weighted_gradient(np.zeros(3), np.zeros(6))
    with pytest.raises(InvalidInputError, match="X and y must be given together"):
        model.loss(np.zeros(3), X=np.zeros((2, 3)))
    with pytest.raises(InvalidInputError, match="y must be >= 0 and <= 1; got 2"):
        model.accuracy(np.zeros(3), np.zeros((1, 3)), [2])
    with pytest.raises(InvalidInputError, match="y must be >= 0 and <= 2; got 3"):
        _softmax(rng).loss(np.zeros(6), np.zeros((1, 2)), [3])
    with pytest.raises(InvalidInputError, match="y must be finite"):
        LinearRegression(np.ones((2, 1)), [0.0, np.nan])
    with pytest.raises(InvalidInputError, match="cost must be a function; got float"):
        FunctionModel(1.0, print, print, train_size=1, dimension=1)
    wrong = FunctionModel(lambda w: 0.0, lambda w, i: np.zeros((1, 1)), lambda w, v: v, train_size=2, dimension=1)
    with pytest.raises(InvalidInputError, match=r"must have shape \(2, 1\); got shape \(1, 1\)"):
        wrong.gradient([0.0])
