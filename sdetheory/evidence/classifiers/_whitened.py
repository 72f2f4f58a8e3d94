"""The posterior in coordinates in which Laplace's approximation is the standard normal density."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ...errors import IncompatibleError, InvalidInputError
from .laplace import Laplace

Array = NDArray[np.float64]

# Examples times points evaluated at once: what fits into the cache.
_BLOCK = 2**17


@dataclass(frozen=True, slots=True, kw_only=True)
class Whitened:
    r"""Weights w = w₀ + L⁻ᵀu with A = LLᵀ, in the directions that the data see.

    There the evidence is Laplace's times a number near one,

    .. math:: P(y) = P_{\text{Laplace}}(y) \int (2\pi)^{-d/2} e^{-[C(w_0 + L^{-T} u) - C(w_0)]} \, du.

    Parameters
    ----------
    model : Regression or SoftmaxRegression
        The rotated model, prior included.
    mode : ndarray, shape (d,)
        w₀ in its coordinates.
    directions : ndarray, shape (d, d)
        L⁻¹, whose rows are the directions of u.
    log_laplace : float
        Laplace's log evidence.
    """

    model: Any
    mode: Array
    directions: Array
    log_laplace: float

    @classmethod
    def of(cls, fit: Laplace) -> Whitened:
        """Whiten an approximation at one prior precision."""
        if not isinstance(fit, Laplace):
            raise InvalidInputError(f"fit must be what laplace() returns; got {type(fit).__name__}")
        if np.ndim(fit.prior_precision):
            raise IncompatibleError("fit must have one prior_precision; index the path first, for example path[0]")
        model = fit._coordinates.at(float(fit.prior_precision))
        mode, _ = fit._coordinates.lower(fit.mode)
        factor = linalg.cholesky(model.hessian(mode), lower=True)
        directions = linalg.solve_triangular(factor, np.eye(len(mode)), lower=True)
        return cls(model=model, mode=mode, directions=directions, log_laplace=float(fit.log_evidence))

    @property
    def dimension(self) -> int:
        """Number d of directions."""
        return len(self.mode)

    def log_density(self, points: Array) -> Array:
        """Return −[C(w₀ + L⁻ᵀu) − C(w₀)] for points u of shape (m, d)."""
        lowest = self.model.cost(self.mode)
        out = np.empty(len(points))
        step = max(1, _BLOCK // (self.model.train_size * (getattr(self.model, "n_classes", None) or 1)))
        for start in range(0, len(points), step):
            block = slice(start, start + step)
            out[block] = lowest - self.model.cost(self.mode + points[block] @ self.directions)
        return out


def log_normal_constant(dimension: int) -> float:
    """Return ln (2π)^(d/2)."""
    return 0.5 * dimension * math.log(2 * math.pi)
