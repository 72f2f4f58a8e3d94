"""Derivatives of functions that come without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import differentiate

from ..errors import InvalidInputError

Array = NDArray[np.float64]

# Adaptive differences of order eight: the error estimate is far above the error.
_TOLERANCES = {"rtol": 1e-9, "atol": 1e-11}
_ACCEPTED = 1e-6


def jacobian(function: Callable[[Array], Any], x: Array) -> Array:
    """Return the derivatives (..., d) of function, which maps points (m, d) to values (m, ...), at one point (d,)."""
    shape = np.shape(function(x[None]))[1:]

    def flat(columns: Array) -> Array:
        points = np.moveaxis(columns, 0, -1)
        values = np.asarray(function(points.reshape(-1, x.size)))
        return np.moveaxis(values.reshape(*points.shape[:-1], -1), -1, 0)

    with np.errstate(invalid="ignore"):  # next to infinite values; the error estimate is nan then
        return _accepted(differentiate.jacobian(flat, x, tolerances=_TOLERANCES)).reshape(*shape, x.size)


def hessian(function: Callable[[Array], Any], x: Array) -> Array:
    """Return the second derivatives (d, d) of function, which maps points (m, d) to values (m,), at one point (d,)."""

    def flat(columns: Array) -> Array:
        points = np.moveaxis(columns, 0, -1)
        return np.reshape(function(points.reshape(-1, x.size)), points.shape[:-1])

    with np.errstate(invalid="ignore"):
        matrix = _accepted(differentiate.hessian(flat, x, tolerances=_TOLERANCES), "ddf")
    return 0.5 * (matrix + matrix.T)


def _accepted(result: Any, name: str = "df") -> Array:
    """Return the derivatives if differences of different steps agree."""
    values = np.asarray(result[name])
    if not np.all(result.error <= _ACCEPTED * (1 + np.abs(values).max(initial=0.0))):
        raise InvalidInputError(
            "the functions must be smooth enough to be differentiated numerically; differences of different steps "
            f"disagree by {np.max(result.error):.3g}. Pass their derivatives, or move away from kinks and from the "
            "edge of the prior."
        )
    return values
