"""The linear model whose noise variance is unknown: its evidence is a Student density."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import _validate
from ...errors import InvalidInputError
from ..posterior import Posterior
from ._linear_formulas import linear_model
from ._search import Objective, maxima
from .model import LinearModel

Array = NDArray[np.float64]

# Logarithms up to which numbers, and sums of them, are doubles.
_FAR = 650.0


class NormalInverseGamma:
    r"""A linear model with the conjugate prior of weights and noise variance.

    .. math:: \sigma^2 \sim \mathrm{InvGamma}(a, b), \qquad
              w \mid \sigma^2 \sim N\left(0,\; \sigma^2 (t P)^{-1}\right), \quad t = \lambda\sigma^2

    Parameters
    ----------
    model : LinearModel
        Data, prior shape and intercept; its decomposition serves here too.
    shape, scale : float
        a > 0 and b > 0: the prior mean of 1/σ² is a/b. Both zero is the reference prior 1/σ², below.

    Raises
    ------
    InvalidInputError
        If `model` is not a LinearModel, a number is negative or not finite, or one of the two is zero and the other
        not: then the evidence is 0 or infinite, and a ratio of two depends on how the limit is taken. With the
        reference prior also if y is zero, or one observation has a flat intercept.

    Notes
    -----
    The ratio t = λσ² is known, not λ. With σ² integrated out, y is a Student variable with 2a degrees of freedom,

    .. math:: \ln P(y) = \ln\frac{\Gamma(a + n/2)}{\Gamma(a)} + a \ln b - \left(a + \tfrac n2\right)
              \ln\left(b + \tfrac12 Q\right) - \tfrac n2 \ln 2\pi - \tfrac12 \sum_i \ln(1 + s_i^2/t)

    with Q = |r|² + Σ cᵢ² t/(sᵢ² + t). A flat intercept leaves n - 1 in place of n and adds -½ ln n.

    For a, b → 0 this falls without bound, as the prior has no norm in the limit. But all models of the same data share
    what is lost, ln Γ(a) - a ln b: with the density 1/σ² in place of the prior,

    .. math:: \ln P(y) = \ln\Gamma(\tfrac n2) - \tfrac n2 \ln \pi Q - \tfrac12 \sum_i \ln(1 + s_i^2/t),

    whose differences are the limits of those of proper priors: Bayes factors between models of one y, such as Jeffreys
    and Zellner take. By itself it changes with the unit of σ² as the density of y does, and is no probability.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, exercises 3.12, 3.13 and 3.23. A. Zellner (1986), On
    assessing prior distributions and Bayesian regression analysis with g-prior distributions, on the limit.

    Examples
    --------
    >>> model = NormalInverseGamma(LinearModel([[1.0], [1.0]], [1.0, 2.0]), shape=1.0, scale=1.0)
    >>> print(f"{model.log_evidence(1.0):.4f}")      # -ln 2π - ½ ln 3 - 2 ln 2
    -3.7735
    """

    _shown = ("shape", "scale", "model")

    def __init__(self, model: LinearModel, *, shape: float, scale: float) -> None:
        self.model = linear_model(model)
        self.shape = _validate.real("shape", shape, at_least=0.0)
        self.scale = _validate.real("scale", scale, at_least=0.0)
        if (self.shape > 0) != (self.scale > 0):
            raise InvalidInputError(
                f"shape and scale must both be positive, or both zero for the reference prior 1/σ²; got shape = "
                f"{shape} and scale = {scale}, a prior without norm under which the evidence has no limit"
            )
        spectrum = model._spectrum
        if not self.shape and not (spectrum.size and spectrum.norm):
            raise InvalidInputError(
                "the reference prior needs a y that is not zero (after centring, with a flat intercept) and more "
                "observations than intercepts, or every evidence is infinite; give shape > 0 and scale > 0"
            )
        # y is measured in units of its length, so that none of its squares overflows; b in those of its square.
        self._unit = unit = spectrum.norm or 1.0
        self._spectrum = replace(spectrum, coordinates=spectrum.coordinates / unit, residual=spectrum.residual / unit)
        self._log_scale = math.log(self.scale) - 2 * math.log(self._unit) if self.scale else -math.inf

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
        spectrum, half = self._spectrum, 0.5 * self._spectrum.size
        intercept = (spectrum.n > spectrum.size) * math.log(spectrum.n)
        log_misfit = self._log_half_misfit(ratio)
        total = np.logaddexp(self._log_scale, log_misfit)
        tail = half * (math.log(2 * math.pi) + total + 2 * math.log(self._unit))
        gammas = special.gammaln(half) if half else 0.0
        if self.shape:
            # Differences of large terms are taken on paper: a, b → ∞, where σ² = b/a is known, keeps its digits.
            gammas -= special.betaln(self.shape, half) if half else 0.0
            tail = tail + self.shape * np.logaddexp(0.0, log_misfit - self._log_scale)
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
        spectrum, ones = self._spectrum, np.ones_like(ratio)
        volume = spectrum._sum(lambda x, _: np.logaddexp(0.0, x), ratio, ones)
        explained = spectrum._sum(lambda x, e: e * special.expit(x), ratio, ones)
        null = self._scale_in_units + 0.5 * spectrum.norm**2
        # ln(b + Q/2) less that of the null model: each form has its digits where the other has not.
        near = np.log1p(-0.5 * np.minimum(explained, null) / null)
        misfit = np.exp(self._log_half_misfit(ratio))
        gain = np.where(explained < null, near, np.log((self._scale_in_units + misfit) / null))
        return 0.5 * volume + (self.shape + 0.5 * spectrum.size) * gain[()]

    def maximize(self) -> float:
        """Return the t of the largest evidence, found by the same global search; inf if the null model is as good.

        Returns
        -------
        float
            t = λσ².

        Raises
        ------
        InvalidInputError
            If no input varies, or, with the reference prior, weights explain y entirely.
        """
        spectrum = self._spectrum
        if not spectrum.log_squares.size:
            raise InvalidInputError("maximize() needs inputs that vary; this model has rank 0, and t does not matter")
        if not self.shape and spectrum.residual <= spectrum.n * np.finfo(np.float64).eps:
            raise InvalidInputError(
                "maximize() needs noise that the data or the prior know of; weights explain y entirely, and under the "
                "reference prior t → 0 is as good or infinitely better. Give shape > 0 and scale > 0."
            )
        objective = Objective(
            spectrum.log_squares,
            spectrum.coordinates**2,
            spectrum.residual**2 + 2 * self._scale_in_units,
            spectrum.size + 2 * self.shape,
        )
        found = [math.exp(log_ratio) for log_ratio in maxima(objective) if abs(log_ratio) < _FAR]
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
            shape=self.shape + 0.5 * self._spectrum.size,
            scale=self.scale + math.exp(float(self._log_half_misfit(np.asarray(ratio)))) * self._unit * self._unit,
        )

    @property
    def _scale_in_units(self) -> float:
        """b/|y|², or a number beside which y does not count."""
        return math.exp(min(self._log_scale, _FAR))

    def _log_half_misfit(self, ratio: Array) -> Any:
        """Return ln Q/2 in units of |y|²."""
        share = self._spectrum._sum(lambda x, e: e * special.expit(-x), ratio, np.ones_like(ratio))
        with np.errstate(divide="ignore"):
            return np.log(0.5 * (self._spectrum.residual**2 + share))


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
