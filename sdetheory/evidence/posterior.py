"""What a linear model believes after it has seen the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import _validate

if TYPE_CHECKING:
    from .linear.model import LinearModel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Normal law of new observations: mean and variance, each of shape (m,); the variance includes the noise."""

    mean: Array
    variance: Array

    def log_density(self, y: ArrayLike) -> Array:
        """Return ln N(yᵢ; meanᵢ, varianceᵢ), shape (m,): each observation by itself, not jointly."""
        y = _validate.reals("y", y, shape=self.mean.shape)
        with np.errstate(over="ignore"):  # where the log density itself is beyond the range of doubles
            return -0.5 * (np.log(2 * math.pi * self.variance) + ((y - self.mean) / np.sqrt(self.variance)) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """The Gaussian posterior of the weights.

    Parameters
    ----------
    model : LinearModel
        The model that was conditioned on its data.
    prior_precision, noise_variance : float
        λ and σ².
    mean : ndarray, shape (p,)
        Posterior mean, which is also the mode w₀.
    intercept : float
        Posterior mean of the intercept; 0 in a model without one.
    effective_parameters : float
        γ = Σ s²/(s² + λσ²), the number of weights that the data determine; between 0 and the rank.
    """

    model: LinearModel
    prior_precision: float
    noise_variance: float
    mean: Array
    intercept: float
    effective_parameters: float

    @property
    def covariance(self) -> Array:
        """Covariance of the weights, shape (p, p); computed anew at each access, at a cost of p²·rank.

        The inverse of the Hessian, or, with a Gaussian intercept, the weights' block of it.
        """
        design = self.model._design
        size = self.model._right.shape[1]
        seen, unseen = self._split(np.eye(size))
        root = design.unwhiten(np.hstack([seen, unseen]))
        return root @ root.T

    def predict(self, X_new: ArrayLike) -> Prediction:
        r"""Predict observations at new inputs.

        .. math:: y_* \sim N(x_*^T \bar w + \bar b,\; \sigma^2 + x_*^T A^{-1} x_*)

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per observation; raw inputs, if the model has features.

        Returns
        -------
        Prediction
            ``mean`` and ``variance``, each of shape (m,). A flat intercept adds σ²/n to the variance, and x is then
            taken from the mean of the data.

        Raises
        ------
        InvalidInputError
            If `X_new` does not have p columns of finite numbers.
        """
        X_new = self.model._design.inputs("X_new", X_new, self.mean.size)
        seen, unseen = self._split(self.model._design.whiten(X_new))
        variance = self.noise_variance + np.sum(seen**2, axis=1) + np.sum(unseen**2, axis=1)
        if self.model.intercept == "flat":
            variance += self.noise_variance / self.model.y.size
        return Prediction(mean=X_new @ self.mean + self.intercept, variance=variance)

    def _split(self, whitened: Array) -> tuple[Array, Array]:
        """Split whitened rows into components along the data's directions and the rest, in units that vary by one.

        The rest is formed by subtraction before it is squared: 1/λ minus a sum would lose all digits at small λ.
        """
        right = self.model._right
        seen = whitened @ right.T
        unseen = whitened - seen @ right
        if len(right) == right.shape[1]:
            # Nothing is unseen; the rounding error left here would count at 1/λ.
            unseen[:] = 0.0
        log_ratio = self.model._spectrum.log_ratio(self.prior_precision, self.noise_variance)
        # σ²/(s² + λσ²) in the form whose parts neither over- nor underflow.
        by_data = np.sqrt(special.expit(log_ratio)) * (math.sqrt(self.noise_variance) / self.model._singular)
        by_prior = np.sqrt(special.expit(-log_ratio)) / math.sqrt(self.prior_precision)
        return seen * np.where(log_ratio > 0, by_data, by_prior), unseen / math.sqrt(self.prior_precision)
