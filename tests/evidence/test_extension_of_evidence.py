"""Maps and weight models of one's own: the override is what runs, or it is refused."""

import numpy as np
import pytest

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearMap, LinearModel, Map, WeightModel, reparameterize


class Doubling(Map):
    """w = 2 v, by the abstract methods."""

    def forward(self, v):
        return 2 * v

    def inverse(self, w):
        return w / 2

    def jacobian(self, v):
        return 2 * np.eye(v.shape[-1]) * np.ones((*v.shape, 1))

    def log_determinant(self, v):
        return v.shape[-1] * np.log(2) * np.ones(v.shape[:-1])

    def pull_back(self, v, gradient, hessian):
        return 2 * gradient, 4 * hessian


def model(kind=WeightModel):
    return kind(
        log_likelihood=lambda w: -np.sum((w - 1) ** 2, axis=-1) / 2,
        log_prior=lambda w: -np.sum(w**2, axis=-1) / 2 - np.log(2 * np.pi) / 2,
        start=np.zeros(1),
    )


def test_a_map_of_ones_own_is_what_runs():
    other = reparameterize(model(), Doubling())
    np.testing.assert_allclose(other.mode(), model().mode() / 2, atol=1e-9)
    assert other.log_evidence() == pytest.approx(model().log_evidence(), abs=1e-9)
    np.testing.assert_allclose(other.gradient_and_hessian(np.zeros(1))[1], [[8.0]], rtol=1e-6)


def test_a_linear_map_with_other_methods_is_no_matrix():
    class Shifted(LinearMap):
        def forward(self, v):
            return super().forward(v) + 1

    with pytest.raises(IncompatibleError, match="Shifted overrides forward of LinearMap"):
        reparameterize(LinearModel([[1.0], [2.0]], [1.0, 2.0]), Shifted([[2.0]]))
    with pytest.raises(InvalidInputError, match=r"forward\(inverse\(w\)\) of the map must be w"):
        reparameterize(model(), Shifted([[2.0]]))


def test_a_cost_of_ones_own_is_what_is_integrated():
    class Steeper(WeightModel):
        def cost(self, w):
            return super().cost(w) + 3 * np.sum(np.asarray(w) ** 2, axis=-1)

    # ∫ e^{−(w − 1)²/2 − w²/2 − 3w²}/√(2π): a Gaussian of precision 8 about 1/8.
    right = -0.5 + 1 / 16 - np.log(8) / 2
    for found in (model(Steeper).log_evidence(), model(Steeper).log_laplace()):
        assert found == pytest.approx(right, abs=1e-7)
    assert abs(model().log_evidence() - right) > 0.1
    with pytest.raises(IncompatibleError, match="Steeper overrides cost"):
        reparameterize(model(Steeper), Doubling())
