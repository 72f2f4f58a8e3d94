"""From inputs to the coordinates in which the prior of a linear model is isotropic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import InvalidInputError
from ._graded import normalized
from ._twofold import Twofold

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
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
        made = _validate.called("features", self.features, X)
        return _validate.reals(f"features({name})", made, shape=(len(X), width))

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

    def exact_columns(self, X: Array) -> tuple[Twofold, Indices, Array]:
        """Return (X - mean) R⁻¹ with an intercept's column in twofold precision, and the relative errors of its digits.

        The columns come as a factor near one and a power of two, so that no unit overflows. X is taken for exact, but a
        column far from zero has fewer digits left after centring: the last result says how many times fewer.
        """
        lost = np.ones(X.shape[1])
        columns, exponents = normalized(Twofold(X), np.zeros(X.shape[1], dtype=np.int64))
        if self.centre is not None:
            centred = columns - columns.sum(axis=0) / float(len(X))
            size, spread = (np.abs(part.hi).max(axis=0, initial=0.0) for part in (columns, centred))
            np.divide(size, spread, out=lost, where=spread > 0)
            columns, exponents = normalized(centred, exponents)
        if self.root is not None and self.root.ndim == 1:
            mantissa, power = np.frexp(self.root)
            columns, exponents = normalized(columns / mantissa, exponents - power)
        elif self.root is not None:
            columns, exponents = _solved(columns, exponents, self.root)
        if self.intercept_root is not None:
            ones = Twofold(np.ones((len(X), 1))) / self.intercept_root
            columns = Twofold(np.hstack([columns.hi, ones.hi]), np.hstack([columns.lo, ones.lo]))
            columns, exponents = normalized(columns, np.append(exponents, 0))
            lost = np.append(lost, 1.0)
        return columns, exponents, np.maximum(lost, 1.0)

    def unwhiten(self, coordinates: Array) -> Array:
        """Return R⁻¹ v: the weights of whitened coordinates, shape (p, ...); the Gaussian intercept's is left out."""
        weights = coordinates if self.intercept_root is None else coordinates[:-1]
        if self.root is None:
            return weights
        if self.root.ndim == 2:
            return linalg.solve_triangular(self.root, weights)
        return (weights.T / self.root).T


def _solved(columns: Twofold, exponents: Indices, root: Array) -> tuple[Twofold, Indices]:
    """Return columns R⁻¹ for a triangular R, whose own columns have lost their units before."""
    unit = np.frexp(np.abs(np.diag(root)))[1]
    scaled, exponents = np.ldexp(root, -unit), exponents - unit
    common = int(exponents.max(initial=0))
    columns = columns.scaled(exponents - common)
    for j in range(len(root)):
        column = columns[:, j]
        if j:
            column = column - (columns[:, :j] * scaled[:j, j]).sum(axis=1)
        columns[:, j] = column / float(scaled[j, j])
    return normalized(columns, np.full(len(root), common))


def prior_root(prior_shape: ArrayLike | None, size: int) -> Array | None:
    """Return R with P = RᵀR of a prior shape that is a matrix, a diagonal, or None."""
    if prior_shape is None:
        return None
    if _validate.numbers("prior_shape", prior_shape).ndim == 1:
        return np.sqrt(_validate.reals("prior_shape", prior_shape, shape=(size,), above=0.0))
    matrix = _validate.symmetric("prior_shape", prior_shape, size)
    # Powers of two bring the diagonal near one, exactly: whether a matrix is definite does not depend on units.
    diagonal = np.diag(matrix)
    unit = np.frexp(diagonal)[1] // 2 if np.all(diagonal > 0) else np.zeros(size, dtype=np.int64)
    try:
        scaled = np.ldexp(np.ldexp(matrix, -unit), -unit[:, None])
        return np.ldexp(linalg.cholesky(_validate.positive_definite("prior_shape", scaled, size)), unit)
    except linalg.LinAlgError:
        raise InvalidInputError(
            "prior_shape must be positive definite; got a matrix that is singular to working precision. "
            "Remove the weights that it does not constrain, or add a multiple of the identity."
        ) from None
