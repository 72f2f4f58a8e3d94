"""From inputs to the coordinates in which the prior of a linear model is isotropic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .. import _validate
from ..errors import InvalidInputError

Array = NDArray[np.float64]
Features = Callable[[Array], ArrayLike]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is done to inputs before they are decomposed: features, intercept, prior.

    Attributes: the map of features; R with P = RᵀR, triangular (p, p), or its diagonal (p,), or None for the identity;
    the mean of the rows that a flat intercept takes away; √κ of the Gaussian intercept.
    """

    features: Features | None = None
    root: Array | None = None
    centre: Array | None = None
    intercept_root: float | None = None

    def inputs(self, name: str, X: ArrayLike, width: int | None = None) -> Array:
        """Return the features of checked inputs, shape (m, p)."""
        if self.features is None:
            return _validate.reals(name, X, shape=(None, width))
        X = _validate.reals(name, X)
        if X.ndim == 0:
            raise InvalidInputError(f"{name} must have one row per observation; got the number {X}")
        return _validate.reals(f"features({name})", self.features(X), shape=(len(X), width))

    def whiten(self, X: Array) -> Array:
        """Return (X - centre) R⁻¹, with the column of a Gaussian intercept; never the array that was given."""
        rows = X.copy() if self.centre is None else X - self.centre
        if self.root is not None and self.root.ndim == 1:
            rows /= self.root
        elif self.root is not None:
            rows = linalg.solve_triangular(self.root, rows.T, trans=1).T
        if self.intercept_root is not None:
            rows = np.column_stack([rows, np.full(len(rows), 1 / self.intercept_root)])
        return np.ascontiguousarray(rows)

    def unwhiten(self, coordinates: Array) -> Array:
        """Return R⁻¹ v: the weights of whitened coordinates, shape (p, ...); the Gaussian intercept's is left out."""
        weights = coordinates if self.intercept_root is None else coordinates[:-1]
        if self.root is None:
            return weights
        if self.root.ndim == 2:
            return linalg.solve_triangular(self.root, weights)
        return (weights.T / self.root).T


def prior_root(prior_shape: ArrayLike | None, size: int) -> Array | None:
    """Return R with P = RᵀR of a prior shape that is a matrix, a diagonal, or None."""
    if prior_shape is None:
        return None
    if np.ndim(prior_shape) == 1:
        return np.sqrt(_validate.reals("prior_shape", prior_shape, shape=(size,), above=0.0))
    try:
        return linalg.cholesky(_validate.positive_definite("prior_shape", prior_shape, size))
    except linalg.LinAlgError:
        raise InvalidInputError(
            "prior_shape must be positive definite; got a matrix that is singular to working precision. "
            "Remove the weights that it does not constrain, or add a multiple of the identity."
        ) from None
