"""Chains in three dimensions that are too large to factor, against the same chains factored, and against exact laws."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.theory import Grid, fokker_planck, ornstein_uhlenbeck
from sdetheory.theory.grids import _krylov
from sdetheory.theory.grids import fokker_planck as module

HESSIAN = np.array([[1.0, 0.3, 0.0], [-0.2, 0.8, 0.0], [0.0, 0.3, 0.6]])
OBLIQUE = np.array([[0.5, 0.1, 0.0], [0.1, 0.3, 0.0], [0.0, 0.0, 0.2]])


def linear(x):
    return -x @ HESSIAN.T


def two_wells(x):
    """Two wells at ±1, a current around them, and a third coordinate that follows."""
    return np.stack(
        [x[..., 0] - x[..., 0] ** 3 + x[..., 1], -x[..., 1] - x[..., 0], -x[..., 2] + x[..., 0] / 2], axis=-1
    )


PROBLEMS = {
    "a current and oblique noise": (linear, OBLIQUE, [(-5, 5), (-4.5, 4.5), (-5, 5)], 28),
    "two wells": (two_wells, 0.3, [(-3, 3), (-4, 4), (-4, 4)], 24),
}


def side(x):
    return 1.0 - x[:, 0]


def found(law):
    return law.density, law.modes(3).eigenvalues, law.mean_first_passage_time(side)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_large_chain_gives_what_the_factored_one_does(problem, monkeypatch):
    """The same law, from its peak down to tails below 1e-15 of it, the same slow modes and mean times."""
    drift, diffusion, box, cells = PROBLEMS[problem]
    factored, iterated = (fokker_planck(drift, diffusion, Grid(box, cells)) for _ in range(2))
    density, rates, times = found(factored)
    assert density.min() < 1e-15 * density.max()
    monkeypatch.setattr(module, "_LARGE", cells**3 - 1)
    for ours, theirs, precision in zip(found(iterated), (density, rates, times), (1e-9, 1e-6, 1e-8), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=precision)
    assert isinstance(iterated._inverse.killed.lu, _krylov.Krylov)
    assert iterated.density.min() > 0


def test_the_error_is_of_second_order(monkeypatch):
    """From 28 cells to 42 the error falls by 2.25; the covariance is that of the Ornstein-Uhlenbeck law."""
    monkeypatch.setattr(module, "_LARGE", 1000)
    exact, errors = ornstein_uhlenbeck(HESSIAN, OBLIQUE).covariance, []
    for cells in (28, 42):
        law = fokker_planck(linear, OBLIQUE, Grid([(-5, 5), (-4.5, 4.5), (-5, 5)], cells))
        errors.append(np.abs(law.expectation(lambda x: x[:, :, None] * x[:, None]) - exact).max())
    assert 2.1 < errors[0] / errors[1] < 2.4


def test_what_the_iterations_do_not_reach_is_refused(monkeypatch):
    monkeypatch.setattr(module, "_LARGE", 1000)
    monkeypatch.setattr(_krylov, "_MOST_ITERATIONS", 3)
    law = fokker_planck(linear, OBLIQUE, Grid([(-5, 5), (-4.5, 4.5), (-5, 5)], 28))
    with pytest.raises(InvalidInputError, match="must be solved within 3 iterations"):
        law.density  # noqa: B018
