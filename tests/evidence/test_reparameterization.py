"""The evidence does not know which coordinates the weights have; the Hessian does."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.evidence import LinearModel, reparameterize


def model_and_map(rng, n, p, condition, shaped=False):
    left, right = (np.linalg.qr(rng.standard_normal((p, p)))[0] for _ in range(2))
    factor = rng.standard_normal((p, p))
    shape = factor @ factor.T + np.eye(p) if shaped else None
    X = rng.standard_normal((n, p))
    model = LinearModel(X, X @ rng.standard_normal(p) + 0.5 * rng.standard_normal(n), prior_shape=shape)
    return model, left * np.geomspace(1.0, condition, p) @ right


@pytest.mark.parametrize(("condition", "tolerance"), [(1.0, 1e-13), (1e3, 1e-11), (1e6, 1e-10)])
@pytest.mark.parametrize(("n", "p"), [(30, 5), (5, 30)])
@pytest.mark.parametrize("shaped", [False, True])
def test_evidence_is_invariant(rng, n, p, condition, tolerance, shaped):
    model, matrix = model_and_map(rng, n, p, condition, shaped)
    precision = np.geomspace(1e-3, 1e3, 7)
    transported = reparameterize(model, matrix)
    np.testing.assert_allclose(
        transported.log_evidence(precision, 0.3), model.log_evidence(precision, 0.3), rtol=tolerance
    )
    occam, other = model.occam(1.0, 0.3), transported.occam(1.0, 0.3)
    assert other.log_occam_factor == pytest.approx(occam.log_occam_factor, rel=10 * tolerance)


def test_curvature_is_not_invariant(rng):
    model, matrix = model_and_map(rng, 30, 5, 1e3)
    before, after = model.hessian(1.0, 0.3), reparameterize(model, matrix).hessian(1.0, 0.3)
    np.testing.assert_allclose(after, matrix.T @ before @ matrix, rtol=1e-9, atol=1e-9 * np.trace(after))
    assert np.trace(after) > 100 * np.trace(before)


def test_prior_left_behind_changes_the_evidence(rng):
    """Negative control: new coordinates with the old isotropic prior are another model."""
    model, matrix = model_and_map(rng, 30, 5, 1e3)
    untransported = LinearModel(model.X @ matrix, model.y)
    assert abs(untransported.log_evidence(1.0, 0.3) - model.log_evidence(1.0, 0.3)) > 0.1


def test_weights_and_predictions_are_those_of_the_old_model(rng):
    model, matrix = model_and_map(rng, 30, 5, 10.0, shaped=True)
    old, new = model.posterior(1.0, 0.3), reparameterize(model, matrix).posterior(1.0, 0.3)
    np.testing.assert_allclose(matrix @ new.mean, old.mean, rtol=1e-11)
    np.testing.assert_allclose(matrix @ new.covariance @ matrix.T, old.covariance, rtol=1e-10, atol=1e-13)
    assert new.effective_parameters == pytest.approx(old.effective_parameters, rel=1e-12)


def test_there_and_back(rng):
    model, matrix = model_and_map(rng, 30, 5, 100.0, shaped=True)
    back = reparameterize(reparameterize(model, matrix), np.linalg.inv(matrix))
    assert back.log_evidence(1.0, 0.3) == pytest.approx(model.log_evidence(1.0, 0.3), rel=1e-12)
    np.testing.assert_allclose(back.hessian(1.0, 0.3), model.hessian(1.0, 0.3), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 2.0], [2.0, 4.0]], "must be invertible"),
        (np.zeros((2, 2)), "must be invertible"),
        ([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]], "matrix must have shape"),
        ([[1.0, np.inf], [0.0, 1.0]], "matrix must be finite"),
    ],
)
def test_maps_that_lose_weights_are_refused(matrix, message):
    with pytest.raises(InvalidInputError, match=message):
        reparameterize(LinearModel(np.eye(2), [1.0, 2.0]), matrix)


def test_other_models_are_refused():
    with pytest.raises(InvalidInputError, match="must be a LinearModel"):
        reparameterize("model", np.eye(2))
