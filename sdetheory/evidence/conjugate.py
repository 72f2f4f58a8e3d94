"""The linear model whose noise variance is unknown: its evidence is a Student density."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import _validate
from ..errors import InvalidInputError
from ._search import Objective, maxima
from .linear import LinearModel
from .posterior import Posterior

Array = NDArray[np.float64]


class NormalInverseGamma:
    r"""A linear model with the conjugate prior of weights and noise variance.

    .. math:: \sigma^2 \sim \mathrm{InvGamma}(a, b), \qquad
              w \mid \sigma^2 \sim N\left(0,\; \sigma^2 (t P)^{-1}\right), \quad t = \lambda\sigma^2

    Parameters
    ----------
    model : LinearModel
        Data, prior shape and intercept; its decomposition serves here too.
    shape, scale : float
        a > 0 and b > 0: the prior mean of 1/σ² is a/b.

    Raises
    ------
    InvalidInputError
        If `model` is not a LinearModel, or a number is not positive and finite.

    Notes
    -----
    The ratio t = λσ² is known, not λ. With σ² integrated out, y is a Student variable with 2a degrees of freedom,

    .. math:: \ln P(y) = \ln\frac{\Gamma(a + n/2)}{\Gamma(a)} + a \ln b - \left(a + \tfrac n2\right)
              \ln\left(b + \tfrac12 Q\right) - \tfrac n2 \ln 2\pi - \tfrac12 \sum_i \ln(1 + s_i^2/t)

    with Q = |r|² + Σ cᵢ² t/(sᵢ² + t). A flat intercept leaves n - 1 in place of n and adds -½ ln n.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, exercises 3.12, 3.13 and 3.23.

    Examples
    --------
    >>> model = NormalInverseGamma(LinearModel([[1.0], [1.0]], [1.0, 2.0]), shape=1.0, scale=1.0)
    >>> print(f"{model.log_evidence(1.0):.4f}")      # -ln 2π - ½ ln 3 - 2 ln 2
    -3.7735
    """

    def __init__(self, model: LinearModel, *, shape: float, scale: float) -> None:
        if not isinstance(model, LinearModel):
            raise InvalidInputError(f"model must be a LinearModel; got {type(model).__name__}")
        self.model = model
        self.shape = _validate.real("shape", shape, above=0.0)
        self.scale = _validate.real("scale", scale, above=0.0)

    def log_evidence(self, precision_ratio: ArrayLike) -> Any:
        """Return ln P(y | X), weights and noise variance integrated out.

        Parameters
        ----------
        precision_ratio : float or ndarray
            t = λσ² > 0.

        Returns
        -------
        float or ndarray
            Of the same shape.

        Raises
        ------
        InvalidInputError
            If t is not positive and finite.
        """
        ratio = _validate.reals("precision_ratio", precision_ratio, above=0.0)
        spectrum, half = self.model._spectrum, 0.5 * self.model._spectrum.size
        intercept = (spectrum.n > spectrum.size) * math.log(spectrum.n)
        # Differences of large terms are taken on paper, so that a, b → ∞, where σ² = b/a is known, keeps its digits.
        gammas = special.gammaln(half) - special.betaln(self.shape, half) if half else 0.0
        misfit = 0.5 * self._misfit(ratio)
        tail = self.shape * np.log1p(misfit / self.scale) + half * np.log(2 * math.pi * (self.scale + misfit))
        volume = spectrum._sum(lambda x, _: np.logaddexp(0.0, x), ratio, np.ones_like(ratio))
        return gammas - tail - 0.5 * (volume + intercept)

    def log_evidence_ratio(self, precision_ratio: ArrayLike) -> Any:
        """Return E = -ln P(y | X) + ln P(y | null): the null model has the same prior of σ² and no weights.

        Parameters
        ----------
        precision_ratio : float or ndarray
            t = λσ² > 0.

        Returns
        -------
        float or ndarray
            Of the same shape; trust this model only where it is negative.

        Raises
        ------
        InvalidInputError
            If t is not positive and finite.

        References
        ----------
        S. Smith and Q. Le (2018), arXiv:1710.06451, eq. 10.
        """
        ratio = _validate.reals("precision_ratio", precision_ratio, above=0.0)
        spectrum, ones = self.model._spectrum, np.ones_like(ratio)
        volume = spectrum._sum(lambda x, _: np.logaddexp(0.0, x), ratio, ones)
        explained = spectrum._sum(lambda x, e: e * special.expit(x), ratio, ones)
        null = self.scale + 0.5 * (spectrum.residual_square + float(np.sum(spectrum.coordinates**2)))
        # ln(b + Q/2) less that of the null model: each form has its digits where the other has not.
        near = np.log1p(-0.5 * np.minimum(explained, null) / null)
        gain = np.where(explained < null, near, np.log((self.scale + 0.5 * self._misfit(ratio)) / null))
        return 0.5 * volume + (self.shape + 0.5 * spectrum.size) * gain[()]

    def maximize(self) -> float:
        """Return the t of the largest evidence, found by the same global search; inf if the null model wins.

        Returns
        -------
        float
            t = λσ².

        Raises
        ------
        InvalidInputError
            If no input varies.
        """
        spectrum = self.model._spectrum
        if not spectrum.log_squares.size:
            raise InvalidInputError("maximize() needs inputs that vary; this model has rank 0, and t does not matter")
        objective = Objective(
            spectrum.log_squares,
            spectrum.coordinates**2,
            spectrum.residual_square + 2 * self.scale,
            spectrum.size + 2 * self.shape,
        )
        found = [math.exp(log_ratio) for log_ratio in maxima(objective)]
        best = max(found, key=lambda t: float(self.log_evidence(t)), default=math.inf)
        return best if best < math.inf and float(self.log_evidence_ratio(best)) <= 0 else math.inf

    def posterior(self, precision_ratio: float) -> StudentPosterior:
        """Return the posterior at one t.

        Parameters
        ----------
        precision_ratio : float
            t = λσ² > 0.

        Returns
        -------
        StudentPosterior
            Law of the weights, of σ², and predictions.

        Raises
        ------
        InvalidInputError
            If t is not a positive finite number.
        """
        ratio = _validate.real("precision_ratio", precision_ratio, above=0.0)
        return StudentPosterior(
            standard=self.model.posterior(ratio, 1.0),
            shape=self.shape + 0.5 * self.model._spectrum.size,
            scale=self.scale + 0.5 * float(self._misfit(np.asarray(ratio))),
        )

    def _misfit(self, ratio: Array) -> Any:
        spectrum = self.model._spectrum
        return spectrum.residual_square + spectrum._sum(lambda x, e: e * special.expit(-x), ratio, np.ones_like(ratio))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentPrediction:
    """Student laws of new observations: centre and scale, each of shape (m,), and their degrees of freedom."""

    mean: Array
    scale: Array
    degrees_of_freedom: float

    def log_density(self, y: ArrayLike) -> Array:
        """Return the log density of each observation by itself, shape (m,)."""
        y = _validate.reals("y", y, shape=self.mean.shape)
        nu = self.degrees_of_freedom
        constant = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - 0.5 * math.log(nu * math.pi)
        return constant - np.log(self.scale) - 0.5 * (nu + 1) * np.log1p(((y - self.mean) / self.scale) ** 2 / nu)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentPosterior:
    """Posterior of weights and noise variance: σ² ~ InvGamma(shape, scale), w | σ² normal with covariance ∝ σ².

    Parameters
    ----------
    standard : Posterior
        The posterior of the weights at σ² = 1.
    shape, scale : float
        a + n/2 and b + Q/2.
    """

    standard: Posterior
    shape: float
    scale: float

    @property
    def mean(self) -> Array:
        """Posterior mean of the weights, shape (p,); it does not depend on σ²."""
        return self.standard.mean

    def predict(self, X_new: ArrayLike) -> StudentPrediction:
        """Predict observations at new inputs.

        Parameters
        ----------
        X_new : ndarray, shape (m, p)
            One row per observation; raw inputs, if the model has features.

        Returns
        -------
        StudentPrediction
            With 2·shape degrees of freedom.

        Raises
        ------
        InvalidInputError
            If `X_new` does not have p columns of finite numbers.
        """
        normal = self.standard.predict(X_new)
        return StudentPrediction(
            mean=normal.mean,
            scale=np.sqrt(normal.variance * self.scale / self.shape),
            degrees_of_freedom=2 * self.shape,
        )
