"""What a linear model believes after it has seen the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import _validate

if TYPE_CHECKING:
    from .linear import LinearModel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Mean and variance of new observations, each of shape (m,); the variance includes the noise."""

    mean: Array
    variance: Array


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
    effective_parameters : float
        γ = Σ s²/(s² + λσ²), the number of weights that the data determine; between 0 and the rank.
    """

    model: LinearModel
    prior_precision: float
    noise_variance: float
    mean: Array
    effective_parameters: float

    @property
    def covariance(self) -> Array:
        """The inverse of the Hessian, shape (p, p); computed anew at each access, at a cost of p²·rank."""
        seen, unseen, variances = self._directions(np.eye(self.mean.size))
        return (seen * variances) @ seen.T + unseen @ unseen.T / self.prior_precision

    def predict(self, X_new: ArrayLike) -> Prediction:
        r"""Predict observations at new inputs.

        .. math:: y_* \sim N(x_*^T \bar w,\; \sigma^2 + x_*^T A^{-1} x_*)

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per observation.

        Returns
        -------
        Prediction
            ``mean`` and ``variance``, each of shape (m,).

        Raises
        ------
        InvalidInputError
            If `X_new` does not have p columns of finite numbers.
        """
        X_new = _validate.reals("X_new", X_new, shape=(None, self.mean.size))
        seen, unseen, variances = self._directions(X_new)
        variance = self.noise_variance + seen**2 @ variances + np.sum(unseen**2, axis=1) / self.prior_precision
        return Prediction(mean=X_new @ self.mean, variance=variance)

    def _directions(self, X_new: Array) -> tuple[Array, Array, Array]:
        """Split whitened rows into components along the data's directions and the rest, whose variance is 1/λ.

        The rest is formed by subtraction before it is squared: 1/λ minus a sum would lose all digits at small λ.
        """
        whitened = self.model._whiten(X_new)
        seen = whitened @ self.model._right.T
        log_ratio = self.model._log_ratio(self.prior_precision, self.noise_variance)
        unseen = whitened - seen @ self.model._right
        if len(self.model._right) == self.mean.size:
            # Nothing is unseen; the rounding error left here would count at 1/λ.
            unseen[:] = 0.0
        return seen, unseen, special.expit(-log_ratio) / self.prior_precision
