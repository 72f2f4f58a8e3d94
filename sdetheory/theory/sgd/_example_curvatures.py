"""How the noise of SGD near a minimum grows with the distance from it: the curvatures of the examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import eigs

from ._closure import Cost, Draws
from ._sgd_recursion import Recursion

Array = NDArray[np.float64]

_MOST_WEIGHTS = 32
_MOST_ENTRIES = 2**26
_DENSE = 64
_STEP = 1e-4
"""In units of the width of the law: what third derivatives add to a central difference is of its square."""


@dataclass(frozen=True, slots=True)
class ExampleCurvatures:
    """The map P -> c/(N - 1) Σ Aᵢ P Aᵢ of second moments of w to the covariance of Ĝ, on the axes of the Hessian.

    It is that of a model made linear at its minimum: Aᵢ is the Hessian of an example less the mean of all.
    """

    values: Array
    map: Array

    @classmethod
    def at_minimum(cls, cost: Cost, draws: Draws, hessian: Array, widths: Array) -> ExampleCurvatures | None:
        """Return the map from differences of the gradients of the examples; None if it were too large to keep."""
        p = len(hessian)
        n = len(cost.rows(np.zeros(p)))
        if p > _MOST_WEIGHTS or n * p**2 > _MOST_ENTRIES:
            return None
        values, axes = np.linalg.eigh(hessian)
        slopes = np.empty((n, p, p))
        for j, axis in enumerate(axes.T):
            h = _STEP * float(np.sqrt(axis @ widths @ axis))
            slopes[:, :, j] = (cost.rows(h * axis) - cost.rows(-h * axis)) @ axes / (2 * h)
        flat = draws.deviations(slopes.reshape(n, p * p))
        products = (flat.T @ flat).reshape(p, p, p, p)  # of entries (a, c) and (b, d)
        scale = draws.second / (n - 1)
        return cls(values, scale * products.transpose(0, 2, 1, 3).reshape(p * p, p * p))

    def gain(self, step: Recursion) -> float:
        """Return the spectral radius of the map followed by the response to noise; 1 is the limit in mean square."""
        response = step.responses(step.rate * self.values)[0]
        matrix = response.ravel()[:, None] * self.map
        if not matrix.any():
            return 0.0
        if len(matrix) <= _DENSE:
            return float(np.abs(linalg.eigvals(matrix)).max())
        # A positive map: its radius is an eigenvalue, whose eigenvector is a covariance, near to the identity.
        start = np.eye(len(self.values)).ravel()
        return float(np.abs(eigs(matrix, k=1, which="LM", v0=start, return_eigenvectors=False)[0]))
