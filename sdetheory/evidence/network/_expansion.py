"""The cost to second order about a point: one prior precision by Cholesky, all of them by a tridiagonal matrix."""

from __future__ import annotations

import functools
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import linalg as sparse_linalg

from ...errors import AccuracyWarning, InvalidInputError
from ._curvature import Curvature

Array = NDArray[np.float64]

_NATS = 1e-3
"""Error by rounding that needs no word."""


class Expansion:
    r"""−ln P(y|w + δ) ≈ −ℓ + g₀·δ + ½ δᵀBᵀBδ, in what the evidence needs of it.

    K is the smaller one of B Bᵀ and BᵀB. At one λ a Cholesky factor of K + λ tells all; for many K is reduced, once, to
    a tridiagonal matrix, which takes ten times as long.

    Parameters
    ----------
    curvature : Curvature
        B at weights w.
    """

    def __init__(self, curvature: Curvature) -> None:
        self.curvature, self.weights = curvature, curvature.weights
        self.log_likelihood, self.slope = first_order(curvature.model, curvature.weights)
        self.trace = math.nan

    def at(self, precision: Array) -> tuple[Array, Array]:
        """Return ½ ln det(I + K/λ) and ½ gᵀ(BᵀB + λ)⁻¹g for g = g₀ + λw, of the shape of λ."""
        if "spectrum" not in vars(self) and precision.size == 1:
            found = self._by_cholesky(float(precision.ravel()[0]))
        else:
            ratios, squares = (
                np.array([function(float(each)) for each in precision.ravel()])
                for function in (self.spectrum.half_log_ratio, self._by_reduction)
            )
            found = ratios, squares
        return found[0].reshape(precision.shape), found[1].reshape(precision.shape)

    def effective_parameters(self, precision: Array) -> Array:
        """Return Σ s/(s + λ)."""
        s = self.spectrum.eigenvalues
        return np.array([(s / (s + each)).sum() for each in precision.ravel()]).reshape(precision.shape)

    @functools.cached_property
    def spectrum(self) -> Spectrum:
        """The tridiagonal form of K."""
        return Spectrum.of(self._matrix(), self._sides)

    @functools.cached_property
    def largest(self) -> float:
        """The largest eigenvalue of K, to six digits."""
        if "spectrum" in vars(self):
            return float(self.spectrum.eigenvalues[0])
        p = self.weights.size
        if p < 3:  # what ARPACK does not take
            return float(self.spectrum.eigenvalues[0])
        shape: Any = {"shape": (p, p), "matvec": self.curvature.product, "dtype": np.float64}
        operator: Any = sparse_linalg.LinearOperator(**shape)
        options: Any = {"v0": np.random.default_rng(0).standard_normal(p), "tol": 1e-7}
        return float(sparse_linalg.eigsh(operator, k=1, return_eigenvectors=False, **options)[0])

    def _matrix(self) -> Array:
        matrix = self.curvature.matrix()
        self.trace = float(np.trace(matrix))
        return matrix

    @functools.cached_property
    def _sides(self) -> Array:
        """(B g₀, B w), or (g₀, w) if K = BᵀB."""
        sides = self.slope, self.weights
        if self.curvature.dual:
            sides = self.curvature.forward(self.slope), self.curvature.forward(self.weights)
        return np.stack(sides, axis=1)

    def _by_cholesky(self, precision: float) -> tuple[Array, Array]:
        matrix = self._matrix()
        warn_of_rounding(len(matrix), self.trace, precision)
        matrix[np.diag_indices(len(matrix))] += precision
        # Transposed, the symmetric matrix has the layout that LAPACK overwrites without a copy.
        factor = linalg.cholesky(matrix.T, lower=True, overwrite_a=True)
        half = linalg.solve_triangular(factor, self._sides @ (1.0, precision), lower=True)
        # The diagonal is divided before the logarithm: for λ → ∞ the sum keeps its digits.
        ratio = np.log(np.diag(factor) / math.sqrt(precision)).sum()
        return np.array([ratio]), np.array([self._half_decrement(precision, float(half @ half))])

    def _by_reduction(self, precision: float) -> float:
        return self._half_decrement(precision, self.spectrum.inverse_square(precision))

    def _half_decrement(self, precision: float, squared: float) -> float:
        """Return ½ gᵀA⁻¹g from cᵀ(K + λ)⁻¹c, for c = Bg or g."""
        if self.curvature.dual:
            gradient = self.slope + precision * self.weights
            squared = (float(gradient @ gradient) - squared) / precision
        return 0.5 * max(squared, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """K = Q T Qᵀ with T tridiagonal: a system (T + λ)x = Qᵀc takes as many operations as T has rows.

    Parameters
    ----------
    eigenvalues : ndarray, shape (r,)
        Those of K, from large to small and never negative.
    diagonal, beside : ndarray, shapes (r,) and (r − 1,)
        T.
    sides : ndarray, shape (r, 2)
        Qᵀ of the parts of c that do not depend on λ, and that are proportional to it.
    """

    eigenvalues: Array
    diagonal: Array
    beside: Array
    sides: Array

    @classmethod
    def of(cls, matrix: Array, sides: Array) -> Spectrum:
        """Reduce K, which is overwritten."""
        diagonal, beside, rotated = _tridiagonal(matrix, sides)
        eigenvalues = linalg.eigvalsh_tridiagonal(diagonal, beside, lapack_driver="sterf")[::-1]
        return cls(eigenvalues=np.maximum(eigenvalues, 0.0), diagonal=diagonal, beside=beside, sides=rotated)

    def half_log_ratio(self, precision: float) -> float:
        """Return ½ ln det(I + K/λ)."""
        warn_of_rounding(self.eigenvalues.size, float(self.eigenvalues.sum()), precision)
        return 0.5 * float(np.log1p(self.eigenvalues / precision).sum())

    def inverse_square(self, precision: float) -> float:
        """Return cᵀ(K + λ)⁻¹c for c = sides (1, λ)."""
        side = self.sides @ (1.0, precision)
        banded = np.stack([[0.0, *self.beside], self.diagonal + precision])
        return float(side @ linalg.solveh_banded(banded, side))


def first_order(model: Any, w: Array) -> tuple[float, Array]:
    """Return ln P(y|w) and the gradient of −ln P, without the model's own prior."""
    own = float(getattr(model, "prior_precision", 0.0))
    slope = np.asarray(model.gradient(w), dtype=np.float64) - own * w
    log_likelihood = 0.5 * own * float(w @ w) - float(model.cost(w))
    if not (math.isfinite(log_likelihood) and np.isfinite(slope).all()):
        raise InvalidInputError("cost(w) and gradient(w) must be finite at the weights that the evidence is asked for")
    return log_likelihood, slope


def warn_of_rounding(size: int, trace: float, precision: float) -> None:
    """Warn where the rounding error of eigenvalues, of the size of the largest, is seen beside λ."""
    error = 0.5 * size * np.finfo(float).eps * trace / precision
    if error > _NATS:
        warnings.warn(
            f"prior_precision = {precision:.3g} is so small beside the curvature, of trace {trace:.3g}, that rounding "
            f"may change the log evidence by {error:.2g}. Take a larger one",
            AccuracyWarning,
            stacklevel=2,
        )


def warn_of_impossible(model: Any, log_evidence: Any, gradient_term: Any, *, stacklevel: int) -> None:
    """Warn where labels would be more than certain: then the weights are far from any minimum."""
    largest = float(np.max(log_evidence, initial=-np.inf))
    if largest > 0 and hasattr(model, "n_classes"):
        warnings.warn(
            f"the local log evidence is {largest:.3g}, and no probability of labels is above 1: these weights are "
            f"{math.sqrt(2 * np.max(gradient_term)):.3g} posterior standard deviations from the minimum of a cost to "
            "second order, which says nothing of the network there. Train it further",
            AccuracyWarning,
            stacklevel=stacklevel,
        )


def _tridiagonal(matrix: Array, sides: Array) -> tuple[Array, Array, Array]:
    """Return the diagonal and what is beside it of T = QᵀKQ, and Qᵀ of some columns; overwrites K."""
    size = len(matrix)
    if size == 1:
        return matrix[0], np.zeros(0), sides
    reduce, workspace, multiply = linalg.get_lapack_funcs(("sytrd", "sytrd_lwork", "ormqr"), (matrix,))
    work = int(workspace(size, lower=1)[0])
    reduced, diagonal, beside, tau, info = reduce(matrix.T, lower=1, lwork=work, overwrite_a=1)
    if info:
        raise InvalidInputError(f"the Gauss–Newton matrix could not be reduced (LAPACK's dsytrd: {info})")
    rotated = np.array(sides, order="F")
    # The reflections leave the first component alone; the others are those of a QR decomposition.
    rotated[1:] = multiply("L", "T", reduced[1:, :-1], tau, rotated[1:], 64 * sides.shape[1])[0]
    return diagonal, beside, rotated
