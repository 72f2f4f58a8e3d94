"""Grids: what they refuse, and how they interpolate."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.theory import Grid


@pytest.mark.parametrize(
    ("arguments", "boundaries", "message"),
    [
        (((1, -1), 8), "natural", "lower < upper"),
        (((1, 1), 8), "natural", "lower < upper"),
        (((-1, 1), 3), "natural", ">= 4"),
        (([(-1, 1)] * 4, 8), "natural", "1 to 3 axes"),
        (([(-1, 1)] * 2, (8, 8, 8)), "natural", "cells must be one number or 2"),
        (((-1, 1), 8), "reflectin", "Did you mean 'reflecting'"),
        (((-1, 1), 8), [("periodic", "natural")], "both sides"),
        (((-1, 1), 8), ["natural", "natural"], "one entry for each of 1 axes"),
        (((-1, 1), 8), [("natural",) * 3], r"\(lower, upper\)"),
    ],
)
def test_refusals(arguments, boundaries, message):
    with pytest.raises(InvalidInputError, match=message):
        Grid(*arguments, boundaries=boundaries)


def test_interpolation_is_of_fourth_order():
    points = np.random.default_rng(0).uniform((-1, 0), (1, 3), size=(50, 2))
    errors = []
    for cells in (20, 40):
        grid = Grid([(-1, 1), (0, 3)], cells)
        values = np.exp(grid.centers[..., 0]) * np.sin(grid.centers[..., 1])
        exact = np.exp(points[:, 0]) * np.sin(points[:, 1])
        errors.append(np.abs(grid.interpolate(values, points) - exact).max())
    assert errors[0] / errors[1] > 10


def test_interpolation_across_a_periodic_side():
    grid = Grid((0, 2 * np.pi), 64, boundaries="periodic")
    values = np.sin(grid.axes[0])
    x = np.array([0.0, 0.01, 2 * np.pi - 0.01, 7.0, -1.0])
    np.testing.assert_allclose(grid.interpolate(values, x[:, None]), np.sin(x), atol=1e-6)


def test_points_outside_are_refused():
    with pytest.raises(InvalidInputError, match="within the bounds"):
        Grid((0, 1), 8).interpolate(np.ones(8), [[1.5]])
