"""Derivatives of functions that come without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import differentiate

from ...errors import InvalidInputError

Array = NDArray[np.float64]

# Adaptive differences of order eight: the error estimate is far above the error.
_TOLERANCES = {"rtol": 1e-9, "atol": 1e-11}
_ACCEPTED = 1e-6
# First steps in units of where the cost has changed by about a nat: shorter ones near the edge of the prior.
_STEPS = (0.5, 0.1, 0.02, 0.004)


def jacobian(function: Callable[[Array], Any], x: Array, step: float = 0.5) -> Array:
    """Return the derivatives (..., d) of function, which maps points (m, d) to values (m, ...), at one point (d,).

    Differences start at `step` in every direction and become shorter.
    """
    shape = np.shape(function(x[None]))[1:]

    def flat(columns: Array) -> Array:
        points = np.moveaxis(columns, 0, -1)
        values = np.asarray(function(points.reshape(-1, x.size)))
        return np.moveaxis(values.reshape(*points.shape[:-1], -1), -1, 0)

    with np.errstate(invalid="ignore"):  # next to infinite values; the error estimate is nan then
        found = differentiate.jacobian(flat, x, tolerances=_TOLERANCES, initial_step=step)
    return _accepted(found).reshape(*shape, x.size)


def hessian(function: Callable[[Array], Any], x: Array, step: float = 0.5) -> Array:
    """Return the second derivatives (d, d) of function, which maps points (m, d) to values (m,), at one point (d,)."""

    def flat(columns: Array) -> Array:
        points = np.moveaxis(columns, 0, -1)
        return np.reshape(function(points.reshape(-1, x.size)), points.shape[:-1])

    with np.errstate(invalid="ignore"):
        found = differentiate.hessian(flat, x, tolerances=_TOLERANCES, initial_step=step)
    matrix = _accepted(found, "ddf")
    return 0.5 * (matrix + matrix.T)


def in_units(cost: Callable[[Array], Any], x: Array, unit: Array) -> tuple[Array, Array]:
    """Return gradient and Hessian of a cost at x, from differences over shares of `unit`: one in each direction."""

    def scaled(points: Array) -> Any:
        return cost(x + unit * points)

    refused: InvalidInputError | None = None
    for step in _STEPS:
        try:
            gradient, curvature = (f(scaled, np.zeros(x.size), step) for f in (jacobian, hessian))
            return gradient / unit, curvature / unit / unit[:, None]
        except InvalidInputError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _accepted(result: Any, name: str = "df") -> Array:
    """Return the derivatives if differences of different steps agree."""
    values = np.asarray(result[name])
    if not np.all(result.error <= _ACCEPTED * (1 + np.abs(values).max(initial=0.0))):
        raise InvalidInputError(
            "the functions must be smooth enough to be differentiated numerically; differences of different steps "
            f"disagree by {np.max(result.error):.3g}. Pass their derivatives, move away from kinks, or take "
            "coordinates in which the mode is not at an edge of the prior, such as ln w for w > 0."
        )
    return values
