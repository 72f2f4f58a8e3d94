"""The cost to second order about a point: one tridiagonal matrix serves every prior precision."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.linalg import lapack

from ...errors import AccuracyWarning, InvalidInputError
from ._curvature import Curvature

Array = NDArray[np.float64]

_NATS = 1e-3
"""Error by rounding that needs no word."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expansion:
    r"""−ln P(y|w + δ) ≈ −ℓ + g₀·δ + ½ δᵀBᵀBδ, in what the evidence needs of it.

    K, the smaller one of B Bᵀ and BᵀB, is Q T Qᵀ with T tridiagonal. No eigenvectors are needed: a system
    (T + λ)x = Qᵀc is solved in as many operations as T has rows.

    Parameters
    ----------
    weights : ndarray, shape (p,)
        w.
    log_likelihood : float
        ℓ = ln P(y|w).
    slope : ndarray, shape (p,)
        g₀, without the prior.
    dual : bool
        Whether K is B Bᵀ.
    eigenvalues : ndarray, shape (r,)
        Those of K, from large to small and never negative; the others of BᵀB are zero.
    diagonal, beside : ndarray, shapes (r,) and (r − 1,)
        T.
    sides : ndarray, shape (r, 2)
        Qᵀ of (B g₀, B w), or of (g₀, w) if K = BᵀB.
    """

    weights: Array
    log_likelihood: float
    slope: Array
    dual: bool
    eigenvalues: Array
    diagonal: Array
    beside: Array
    sides: Array

    @classmethod
    def of(cls, curvature: Curvature) -> Expansion:
        """Expand about the weights of a curvature."""
        model, w = curvature.model, curvature.weights
        log_likelihood, slope = first_order(model, w)
        sides = np.stack([slope, w], axis=1)
        if curvature.dual:
            sides = np.stack([curvature.forward(slope), curvature.forward(w)], axis=1)
        diagonal, beside, rotated = _tridiagonal(curvature.matrix(), sides)
        eigenvalues = linalg.eigvalsh_tridiagonal(diagonal, beside, lapack_driver="sterf")[::-1]
        if not np.isfinite(eigenvalues).all():
            raise InvalidInputError("the Gauss–Newton matrix must be finite; weights this large overflow")
        return cls(
            weights=w, log_likelihood=log_likelihood, slope=slope, dual=curvature.dual,
            eigenvalues=np.maximum(eigenvalues, 0.0), diagonal=diagonal, beside=beside, sides=rotated,
        )  # fmt: skip

    def half_log_curvature_ratio(self, precision: Array) -> Array:
        """Return ½ ln det(I + K/λ), of the shape of λ."""
        rounding = 0.5 * self.eigenvalues.size * np.finfo(float).eps * self.eigenvalues[0]
        if rounding > _NATS * float(precision.min()):
            warnings.warn(
                f"prior_precision = {float(precision.min()):.3g} is so small beside the largest curvature, "
                f"{self.eigenvalues[0]:.3g}, that rounding changes the log evidence by up to "
                f"{rounding / float(precision.min()):.2g}. Take a larger one",
                AccuracyWarning,
                stacklevel=4,
            )
        return self._summed(lambda each: 0.5 * np.log1p(self.eigenvalues / each).sum(), precision)

    def effective_parameters(self, precision: Array) -> Array:
        """Return Σ s/(s + λ)."""
        return self._summed(lambda each: (self.eigenvalues / (self.eigenvalues + each)).sum(), precision)

    def gradient_term(self, precision: Array) -> Array:
        """Return ½ gᵀ(BᵀB + λ)⁻¹g for g = g₀ + λw, by how much the minimum of the expansion is lower."""
        return self._summed(self._half_decrement, precision)

    def _half_decrement(self, precision: float) -> float:
        side = self.sides @ (1.0, precision)
        solved = linalg.solveh_banded(np.stack([[0.0, *self.beside], self.diagonal + precision]), side)
        squared = float(side @ solved)
        if self.dual:
            gradient = self.slope + precision * self.weights
            squared = (float(gradient @ gradient) - squared) / precision
        return 0.5 * max(squared, 0.0)

    @staticmethod
    def _summed(function: Any, precision: Array) -> Array:
        return np.array([function(float(each)) for each in precision.ravel()]).reshape(precision.shape)


def first_order(model: Any, w: Array) -> tuple[float, Array]:
    """Return ln P(y|w) and the gradient of −ln P, without the model's own prior."""
    own = float(getattr(model, "prior_precision", 0.0))
    slope = np.asarray(model.gradient(w), dtype=np.float64) - own * w
    log_likelihood = 0.5 * own * float(w @ w) - float(model.cost(w))
    if not (math.isfinite(log_likelihood) and np.isfinite(slope).all()):
        raise InvalidInputError("cost(w) and gradient(w) must be finite at the weights that the evidence is asked for")
    return log_likelihood, slope


def _tridiagonal(matrix: Array, sides: Array) -> tuple[Array, Array, Array]:
    """Return the diagonal and what is beside it of T = QᵀKQ, and Qᵀ of some columns; overwrites K."""
    size = len(matrix)
    if size == 1:
        return matrix[0], np.zeros(0), sides
    work = int(lapack.dsytrd_lwork(size, lower=1)[0])
    # Transposed, the symmetric matrix has the layout that LAPACK overwrites without a copy.
    reduced, diagonal, beside, tau, info = lapack.dsytrd(matrix.T, lower=1, lwork=work, overwrite_a=1)
    if info:
        raise InvalidInputError(f"the Gauss–Newton matrix could not be reduced (LAPACK's dsytrd: {info})")
    rotated = np.array(sides, order="F")
    # The reflections leave the first component alone; the others are those of a QR decomposition.
    lower = lapack.dormqr("L", "T", reduced[1:, :-1], tau, rotated[1:], 64 * sides.shape[1])
    rotated[1:] = lower[0]
    return diagonal, beside, rotated
