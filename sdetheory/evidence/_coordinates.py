"""The directions of weight space that the data see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ..models import LogisticRegression, SoftmaxRegression

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """A model rotated into as many weights as the rank of its data, and the way back.

    A Gaussian prior N(0, I/λ) is the same in every direction, so a rotation of the weights changes nothing, and in a
    direction that the data do not see the posterior is the prior: the mode is 0 and the curvature λ. With n examples of
    p > n inputs Newton's method thus works on n by n matrices.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
        The rotated model, with rank(X) inputs.
    rows : ndarray, shape (r, p)
        Orthonormal directions of inputs.
    codes : ndarray, shape (m', m)
        Orthonormal directions in the space of classes.
    """

    model: Any
    rows: Array
    codes: Array

    @classmethod
    def of(cls, model: LogisticRegression | SoftmaxRegression) -> Coordinates:
        """Decompose the inputs, and for more classes than two the coding."""
        scores, rows = _principal(model.X)
        if isinstance(model, LogisticRegression):
            return cls(model=replace(model, X=scores), rows=rows, codes=np.ones((1, 1)))
        # What all classes have in common changes no probability.
        coding, codes = _principal(model._coding - model._coding.mean(axis=0))
        return cls(model=replace(model, X=scores, coding=coding), rows=rows, codes=codes)

    def at(self, prior_precision: float) -> Any:
        """Return the rotated model with another prior."""
        return replace(self.model, prior_precision=prior_precision)

    def lift(self, reduced: Array) -> Array:
        """Return the weights of the original model."""
        return (self.codes.T @ reduced.reshape(len(self.codes), len(self.rows)) @ self.rows).ravel()

    def lower(self, w: Array) -> tuple[Array, Array]:
        """Return the rotated weights, and what is left of w in directions that the data do not see."""
        reduced = (self.codes @ w.reshape(self.codes.shape[1], -1) @ self.rows.T).ravel()
        return reduced, w - self.lift(reduced)


def _principal(matrix: Array) -> tuple[Array, Array]:
    """Return (U S, V') of the singular value decomposition, without singular values that are zero up to rounding."""
    left, singular, right = linalg.svd(matrix, full_matrices=False)
    rank = int(np.sum(singular > max(matrix.shape) * np.finfo(np.float64).eps * singular.max(initial=0.0)))
    return left[:, :rank] * singular[:rank], right[:rank]
