"""The Markov chain on a grid: jumps that are never negative, and that make the operator they should."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.theory import Grid, fokker_planck
from sdetheory.theory.grids._generator import bernoulli, decompose


def random_matrices(rng, count, d):
    b = rng.normal(size=(count, d, d)) * np.exp(rng.normal(size=(count, d, 1)) / 2)
    return b @ np.swapaxes(b, 1, 2) + 0.3 * np.eye(d)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_matrix_is_a_sum_of_jumps_with_positive_weights(d):
    matrices = random_matrices(np.random.default_rng(1), 300, d)
    vectors, weights = decompose(matrices)
    assert weights.min() >= 0
    sums = np.einsum("mk,mki,mkj->mij", weights, vectors, vectors)
    np.testing.assert_allclose(sums, matrices, rtol=1e-10, atol=1e-12 * np.abs(matrices).max())
    assert weights.shape[1] == d * (d + 1) // 2


def test_neighbours_along_axes_and_one_diagonal_would_not_do():
    """The negative control: the usual nine-point split has a negative weight where one axis is much noisier."""
    matrix = np.array([[4.0, 1.5], [1.5, 1.0]])
    assert matrix[1, 1] - abs(matrix[0, 1]) < 0
    _, weights = decompose(matrix[None])
    assert weights.min() >= 0


def test_a_noise_along_an_irrational_direction_is_refused():
    along = np.array([1.0, np.sqrt(2)])
    with pytest.raises(InvalidInputError, match="Rotate the coordinates"):
        fokker_planck(lambda x: -x, np.outer(along, along), Grid([(-1, 1), (-1, 1)], 8))


def test_bernoulli_function():
    z = np.array([-800.0, -1.0, 0.0, 1e-9, 800.0])
    np.testing.assert_allclose(bernoulli(z), [800.0, 1 / (1 - np.exp(-1)), 1.0, 1 - 5e-10, 0.0], rtol=1e-14)
    assert bernoulli(np.array([2.0])) - bernoulli(np.array([-2.0])) == pytest.approx(-2.0)


def drift(x):
    u, v = x[..., 0], x[..., 1]
    return np.stack([u - u**3 - 2 * v, np.sin(u) - 2 * v], axis=-1)


def diffusion(x):
    """Not diagonal; the sign of the off-diagonal entry changes, and it is larger than an entry of the diagonal."""
    u, v = x[..., 0], x[..., 1]
    matrix = np.empty((*u.shape, 2, 2))
    matrix[..., 0, 0], matrix[..., 1, 1] = 1 + 0.5 * np.sin(v), 0.3
    matrix[..., 0, 1] = matrix[..., 1, 0] = 0.35 * np.sin(u + v)
    return matrix


def test_rates_are_not_negative_and_conserve_probability():
    law = fokker_planck(drift, diffusion, Grid([(-3, 3), (-3, 3)], (40, 50)))
    rates = law.generator.tocoo()
    off = rates.coords[0] != rates.coords[1]
    assert rates.data[off].min() > 0
    sums = np.abs(np.asarray(law.generator.sum(axis=0)))
    assert sums.max() < 1e-14 * np.abs(rates.data).max()


def backward_error(cells, factor=1.0):
    """Return the largest error of Lᵀφ against f·∇φ + D:∇∇φ, away from the walls."""
    grid = Grid([(-2, 2), (-2, 2)], cells)
    law = fokker_planck(drift, diffusion, grid)
    x = grid.centers
    u, v = x[..., 0], x[..., 1]
    phi = np.sin(u) * np.cos(2 * v)
    gradient = np.stack([np.cos(u) * np.cos(2 * v), -2 * np.sin(u) * np.sin(2 * v)], axis=-1)
    mixed = -2 * np.cos(u) * np.sin(2 * v)
    hessian = np.stack([np.stack([-phi, mixed], -1), np.stack([mixed, -4 * phi], -1)], -1)
    expected = np.sum(drift(x) * gradient, -1) + factor * np.sum(diffusion(x) * hessian, (-1, -2))
    inner = np.max(np.abs(x), axis=-1) < 1.2
    return np.abs((law.generator.T @ phi.ravel()).reshape(grid.cells) - expected)[inner].max()


def test_the_generator_is_consistent_to_second_order():
    errors = [backward_error(cells) for cells in (60, 120, 240)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert orders[0] < orders[1] == pytest.approx(2.0, abs=0.15)
    # With BBᵀ for D = BBᵀ/2 the same errors would not vanish.
    assert backward_error(240, factor=2.0) > 100 * errors[-1]
