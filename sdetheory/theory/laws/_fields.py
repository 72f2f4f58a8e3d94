"""Drift and diffusion as the grid and the quadratures take them: checked functions of points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]
# A function of points (..., d).
Field = Callable[[Array], Any]

_SEMIDEFINITE = 1e-12  # a negative eigenvalue below this share of the largest is a rounding error of zero


class Fields:
    """The drift f and the diffusion D of dx = f dt + B dW, with D = BBᵀ/2, in d dimensions."""

    def __init__(self, drift: Field, diffusion: Field | ArrayLike, dimension: int) -> None:
        self.dimension, self._drift = dimension, _validate.function("drift", drift, f"of points (..., {dimension})")
        self._function = diffusion if callable(diffusion) else None
        self._constant: Array | None = None
        if not callable(diffusion):
            given = _validate.reals("diffusion", diffusion)
            self._constant = _matrices(given, np.zeros(dimension))
            _check_semidefinite(self._constant[None], np.zeros((1, dimension)))

    @property
    def constant(self) -> bool:
        """Whether D is the same everywhere."""
        return self._constant is not None

    def drift(self, x: Array) -> Array:
        """Return f at points (m, d), shape (m, d)."""
        values = _validate.reals("the values of drift", _validate.called("drift", self._drift, x))
        if values.shape != x.shape:
            raise InvalidInputError(f"drift must map points {x.shape} to values {x.shape}; got shape {values.shape}")
        return values

    def diffusion(self, x: Array) -> Array:
        """Return D at points (m, d), shape (m, d, d)."""
        if self._constant is not None:
            return np.broadcast_to(self._constant, (*x.shape, self.dimension))
        assert self._function is not None
        given = _validate.called("diffusion", self._function, x)
        matrices = _matrices(_validate.reals("the values of diffusion", given), x)
        _check_semidefinite(matrices, x)
        return matrices


def _matrices(values: Array, x: Array) -> Array:
    """Return (..., d, d) from one number, d numbers or a matrix for each point of x (..., d)."""
    d = x.shape[-1]
    if values.shape == x.shape[:-1]:
        return values[..., None, None] * np.eye(d)
    if values.shape == x.shape:
        return values[..., None] * np.eye(d)
    if values.shape == (*x.shape, d):
        return values
    raise InvalidInputError(
        f"diffusion must be a number, d = {d} numbers or a (d, d) matrix, or a function that gives one of them for "
        f"each of the points {x.shape}; got shape {values.shape}"
    )


def _check_semidefinite(matrices: Array, x: Array) -> None:
    asymmetry = np.abs(matrices - np.swapaxes(matrices, -1, -2)).max(axis=(-1, -2))
    size = np.abs(matrices).max(axis=(-1, -2))
    if np.any(asymmetry > 1e-10 * size):
        worst = np.argmax(asymmetry - 1e-10 * size)
        raise InvalidInputError(f"diffusion must be symmetric; at x = {x[worst].tolist()} it is {matrices[worst]}")
    lowest = matrices[..., 0, 0] if x.shape[-1] == 1 else np.linalg.eigvalsh(matrices)[..., 0]
    wrong = lowest < -_SEMIDEFINITE * size
    if wrong.any():
        raise InvalidInputError(
            f"diffusion must be positive semidefinite; at x = {x[wrong][0].tolist()} its smallest eigenvalue is "
            f"{lowest[wrong][0]:.3g}. It is BBᵀ/2 for noise B dW."
        )
