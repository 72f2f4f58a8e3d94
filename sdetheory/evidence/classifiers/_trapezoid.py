"""Integrals over up to three dimensions by the trapezoidal rule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInputError

Array = NDArray[np.float64]
LogDensity = Callable[[Array], Array]

# Below e⁻⁴⁰ of its maximum the integrand does not count.
_NEGLIGIBLE = -40.0
_BLOCK = 2**16


def log_integral(log_density: LogDensity, dimension: int, most_points: int = 5 * 10**6) -> float:
    """Return ln ∫ exp(log_density), a function of points (m, d), with a peak of height and width one at the origin.

    Steps are halved until the result stays within 1e-7. For analytic densities the rule converges exponentially, so
    that the last halving leaves about the square of that. It gives up beyond most_points points.
    """
    box, step, last = _box(log_density, dimension, most_points), 1.0, math.inf
    while True:
        total = _log_sum(log_density, box, step, most_points)
        if abs(total - last) <= 1e-7:
            return total
        step, last = step / 2, total


def _points(axes: list[Any]) -> Array:
    """Return the points of a grid, shape (m, d)."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def _box(log_density: LogDensity, dimension: int, most_points: int) -> Array:
    """Return limits (d, 2) on whose faces the density is negligible, as far as samples can tell."""
    box = np.tile([-8.0, 8.0], (dimension, 1))
    grown = True
    while grown:
        grown = False
        for axis, side in itertools.product(range(dimension), (0, 1)):
            axes = [np.linspace(low, high, 33) for low, high in box]
            axes[axis] = box[axis, [side]]
            if log_density(_points(axes)).max() > _NEGLIGIBLE:
                box[axis, side] *= 1.5
                grown = True
        if np.prod(np.ptp(box, axis=1)) > most_points:
            raise InvalidInputError(
                "the posterior must fall off on every side of its mode; it is not negligible at "
                f"{np.abs(box).max():.3g} standard deviations. Take coordinates in which it does."
            )
    return box


def _log_sum(log_density: LogDensity, box: Array, step: float, most_points: int) -> float:
    """Return the log of the trapezoidal sum over a box."""
    axes = [np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step for low, high in box]
    if math.prod(map(len, axes)) > most_points:
        raise InvalidInputError(
            "the integral did not converge: in these coordinates the posterior is not smooth, or far from Gaussian. "
            "Take others."
        )
    if not axes:
        return 0.0
    rest = math.prod(map(len, axes[1:]))
    slabs = np.array_split(axes[0], math.ceil(len(axes[0]) * rest / _BLOCK))
    total = sum(float(np.exp(log_density(_points([slab, *axes[1:]]))).sum()) for slab in slabs if slab.size)
    return math.log(total) + len(axes) * math.log(step)
