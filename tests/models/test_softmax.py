"""Softmax regression against its definition and finite differences."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.models import LogisticRegression, SoftmaxRegression


@pytest.fixture(params=["identity", "reference class"])
def model(rng, request):
    coding = None if request.param == "identity" else np.eye(4)[:, :3]
    return SoftmaxRegression(
        rng.standard_normal((15, 3)), rng.integers(0, 4, 15), n_classes=4, coding=coding, prior_precision=0.7
    )


def test_cost_is_its_definition(model, rng):
    w = rng.standard_normal((2, model.dimension))
    for weights, cost in zip(w, model.cost(w), strict=True):
        logits = model.X @ (model.coding @ weights.reshape(-1, 3)).T
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected = -np.log(probabilities[np.arange(15), model.y]).sum() + 0.35 * weights @ weights
        assert cost == pytest.approx(expected, rel=1e-13) == model.cost(weights)


def test_gradient_and_hessian_are_derivatives(model, rng):
    w, h, basis = rng.standard_normal(model.dimension), 1e-5, np.eye(model.dimension)
    slopes = [(model.cost(w + h * e) - model.cost(w - h * e)) / (2 * h) for e in basis]
    np.testing.assert_allclose(model.gradient(w), slopes, rtol=1e-6, atol=1e-8)
    columns = [(model.gradient(w + h * e) - model.gradient(w - h * e)) / (2 * h) for e in basis]
    np.testing.assert_allclose(model.hessian(w), columns, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.hessian(w), model.hessian(w).T, rtol=0, atol=1e-14)


def test_two_classes_with_one_of_reference_are_logistic_regression(rng):
    X, y = rng.standard_normal((9, 2)), rng.integers(0, 2, 9)
    softmax = SoftmaxRegression(X, y, n_classes=2, coding=[[0.0], [1.0]], prior_precision=0.3)
    logistic = LogisticRegression(X, y, prior_precision=0.3)
    w = rng.standard_normal(2)
    assert softmax.cost(w) == pytest.approx(logistic.cost(w), rel=1e-13)
    np.testing.assert_allclose(softmax.gradient(w), logistic.gradient(w), rtol=1e-12)
    np.testing.assert_allclose(softmax.hessian(w), logistic.hessian(w), rtol=1e-12)


def test_well_fitted_examples_keep_their_digits():
    model = SoftmaxRegression([[1.0]], [1], n_classes=2)
    assert model.gradient([0.0, 50.0])[1] == pytest.approx(-np.exp(-50.0), rel=1e-14, abs=0.0)


def test_labels_leave_no_class_out_unless_it_is_said():
    X = np.ones((4, 1))
    for y in ([1, 2, 2, 1], [0, 2, 0, 2]):
        with pytest.raises(InvalidInputError, match="return_inverse"):
            SoftmaxRegression(X, y)
    assert SoftmaxRegression(X, [1, 2, 2, 1], n_classes=3).dimension == 3
    assert SoftmaxRegression(X, np.unique([1, 2, 2, 1], return_inverse=True)[1]).n_classes == 2


def test_refusals(rng):
    X = np.ones((3, 2))
    with pytest.raises(InvalidInputError, match="labels below n_classes = 2; got 2"):
        SoftmaxRegression(X, [0, 1, 2], n_classes=2)
    with pytest.raises(InvalidInputError, match="y must be a whole number"):
        SoftmaxRegression(X, [0, 1, 0.5])
    with pytest.raises(InvalidInputError, match=r"coding must have shape \(3, any\)"):
        SoftmaxRegression(X, [0, 1, 2], coding=np.eye(2))
    with pytest.raises(InvalidInputError, match=r"w must have shape \(\.\.\., 6\)"):
        SoftmaxRegression(X, [0, 1, 2]).cost([1.0])
