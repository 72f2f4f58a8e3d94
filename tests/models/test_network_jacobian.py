"""The derivatives of a network's outputs against differences, each other and the matrices that they stand for."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.models import ReLUNetwork, _cross_entropy

N, P, H, K = 9, 4, 5, 3


@pytest.fixture
def model(rng):
    return ReLUNetwork(rng.standard_normal((N, P)), rng.integers(0, K, N), hidden=H, n_classes=K, dtype="float64")


@pytest.fixture
def w(model, rng):
    return model.initial(rng) + 0.3 * rng.standard_normal(model.dimension)


def jacobian(model, w, X=None):
    return np.stack([model.jacobian_vector_product(w, e, X) for e in np.eye(model.dimension)], axis=2)


def test_products_are_those_of_the_jacobian(model, w, rng):
    h = 1e-6
    slopes = [(model.outputs(w + h * e) - model.outputs(w - h * e)) / (2 * h) for e in np.eye(model.dimension)]
    J = jacobian(model, w)
    np.testing.assert_allclose(J, np.stack(slopes, axis=2), rtol=1e-6, atol=1e-8)
    u = rng.standard_normal((N, K))
    np.testing.assert_allclose(model.vector_jacobian_product(w, u), np.einsum("nkp,nk->p", J, u), atol=1e-13)


def test_gradient_is_the_jacobian_times_the_residuals(model, w):
    residuals = _cross_entropy.probabilities(model.outputs(w))
    _cross_entropy.subtract_labels(residuals, model.y)
    np.testing.assert_allclose(model.vector_jacobian_product(w, residuals), model.gradient(w), atol=1e-13)


def test_gram_matrices_are_products_of_jacobians(model, w, rng):
    J, R = jacobian(model, w), rng.standard_normal((N, 2, K))
    B = np.einsum("nmk,nkp->nmp", R, J).reshape(2 * N, -1)
    np.testing.assert_allclose(model.jacobian_gram(w, R), B @ B.T, rtol=1e-12, atol=1e-12)
    X_new = rng.standard_normal((2, P))
    there = jacobian(model, w, X_new)
    cross, own = model.jacobian_gram_at(w, R, X_new)
    np.testing.assert_allclose(cross, there @ B.T, atol=1e-12)
    np.testing.assert_allclose(own, there @ np.swapaxes(there, 1, 2), atol=1e-12)


def test_gram_matrix_does_not_depend_on_its_blocks(model, w, monkeypatch):
    from sdetheory.models.relu import _jacobian

    R = model.curvature_factors(w)
    whole = model.jacobian_gram(w, R)
    monkeypatch.setattr(_jacobian, "_BLOCK", 1)
    np.testing.assert_allclose(model.jacobian_gram(w, R), whole, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("spread", [1.0, 30.0, 300.0])
def test_factors_are_roots_of_the_curvature_to_all_digits(rng, spread):
    """Also where an example is fitted so well that 1 − P is below the rounding of P."""
    outputs = spread * rng.standard_normal((50, 4))
    shares = _cross_entropy.probabilities(outputs.copy())
    R = _cross_entropy.curvature_factors(shares)
    assert R.shape == (50, 3, 4)
    found = np.swapaxes(R, 1, 2) @ R
    wanted = -shares[:, :, None] * shares[:, None, :]
    others = shares[:, None, :] * (1 - np.eye(4))
    wanted[:, range(4), range(4)] = shares * others.sum(axis=2)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-300)


def test_single_precision_networks_answer_in_double(rng):
    model = ReLUNetwork(rng.standard_normal((N, P)), rng.integers(0, K, N), hidden=H, n_classes=K)
    w = model.initial(0)
    double = ReLUNetwork(model.X, model.y, hidden=H, n_classes=K, dtype="float64")
    assert model.jacobian_gram(w, model.curvature_factors(w)).dtype == np.float64
    np.testing.assert_allclose(model.outputs(w), double.outputs(w.astype(float)), rtol=1e-12)


def test_wrong_shapes_are_refused_by_name(model, w):
    for name, call in {
        "w": lambda: model.outputs(w[1:]),
        "v": lambda: model.jacobian_vector_product(w, w[1:]),
        "u": lambda: model.vector_jacobian_product(w, np.zeros((N, K + 1))),
        "factors": lambda: model.jacobian_gram(w, np.zeros((N, K))),
        "X": lambda: model.jacobian_gram_at(w, model.curvature_factors(w), np.zeros((2, P + 1))),
    }.items():
        with pytest.raises(InvalidInputError, match=rf"^{name} must"):
            call()
