"""Basins of a cost on a lattice: which minimum the way of steepest descent leads to."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ..errors import InvalidInputError
from .grid import Grid

Array = NDArray[np.float64]

_NEAR = 3.0  # spacings between a lowest point of the lattice and the minimum that it stands for


def basins(landscape: Any, minima: Array, grid: Grid, values: Array) -> NDArray[np.int64]:
    """Return the number of the minimum, a row of (k, d), that each cell's centre belongs to; shape cells.

    Boundaries are right to about a cell. Where a narrow valley lies obliquely, a point of the lattice can be below all
    its neighbours; it then belongs where descent in continuous space leads.
    """
    roots = _descend(np.minimum(values, 1e300), grid.spacing)
    lowest, inverse = np.unique(roots, return_inverse=True)
    labels = np.array([_minimum(landscape, minima, x, grid) for x in grid.centers.reshape(-1, grid.dimension)[lowest]])
    return labels[inverse].reshape(grid.cells)


def _descend(values: Array, spacing: Array) -> NDArray[np.int64]:
    """Return the flat index of the lowest point at the end of the steepest way down, for each point."""
    padded = np.pad(values, 1, constant_values=np.inf)
    target = np.arange(values.size).reshape(values.shape)
    indices = np.pad(target, 1, constant_values=-1)
    steepest = np.zeros(values.shape)
    for offset in itertools.product((-1, 0, 1), repeat=values.ndim):
        if not any(offset):
            continue
        window = tuple(slice(1 + o, 1 + o + n) for o, n in zip(offset, values.shape, strict=True))
        slope = (values - padded[window]) / np.linalg.norm(np.array(offset) * spacing)
        better = slope > steepest
        steepest = np.where(better, slope, steepest)
        target = np.where(better, indices[window], target)
    target = target.ravel()
    while True:
        further = target[target]
        if np.array_equal(further, target):
            return target
        target = further


def _minimum(landscape: Any, minima: Array, x: Array, grid: Grid) -> int:
    distances = np.max(np.abs(minima - x) / grid.spacing, axis=1)
    if distances.min() > _NEAR:
        found = optimize.minimize(lambda y: float(landscape.value(y)), x, jac=landscape.gradient, method="BFGS")
        distances = np.max(np.abs(minima - found.x) / grid.spacing, axis=1)
        if distances.min() > _NEAR:
            raise InvalidInputError(
                f"every basin must have one of the minima found; descent from x = {x.tolist()} leads to "
                f"{found.x.tolist()}. Pass bounds that hold this point, or a cost with minima that are not flat."
            )
    return int(np.argmin(distances))
