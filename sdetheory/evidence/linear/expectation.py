"""The log evidence and the risk of ridge regression on average over data sets, from the spectrum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ..decomposition._spectrum import pair
from ._linear_formulas import linear_model
from .model import LinearModel

Array = NDArray[np.float64]


def expected_log_evidence(
    model: LinearModel,
    prior_precision: ArrayLike,
    noise_variance: ArrayLike,
    *,
    true_covariance: ArrayLike,
    true_noise_variance: float,
) -> Any:
    r"""Return the mean of the log evidence over data sets with the model's inputs.

    .. math:: -2\,\mathbb E \ln P(y) = n \ln 2\pi\sigma^2 + (n - r)\frac{\sigma_*^2}{\sigma^2}
              + \sum_i \left[ \ln\left(1 + \frac{s_i^2}{\lambda\sigma^2}\right)
              + \frac{\sigma_*^2 + s_i^2 \omega_i}{\sigma^2 + s_i^2/\lambda} \right]

    Parameters
    ----------
    model : LinearModel
        Gives the inputs; its y is not used. Without intercept.
    prior_precision, noise_variance : float or ndarray
        λ and σ² of the model, broadcast.
    true_covariance : float, or ndarray of shape (p,) or (p, p)
        W, the covariance of the true weights, whose mean is zero: a multiple of the identity, a diagonal, or a matrix;
        positive semidefinite. Nothing else about their law matters.
    true_noise_variance : float
        σ*², the true variance of the noise.

    Returns
    -------
    float or ndarray
        Of the broadcast shape.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range; IncompatibleError if shapes do not broadcast, or there is an intercept.

    Notes
    -----
    ωᵢ is the true variance of the weights along the i-th right singular vector. If the prior is right, W = (λ₀P)⁻¹ and
    σ = σ*, this and :func:`expected_risk` are both best at λ₀, term by term, for whatever inputs. If it is wrong, each
    is best where a weighted mean of ωᵢ - 1/λ vanishes, and the weights differ: kᵢ² for the evidence and, for the
    in-sample risk, kᵢ²/(sᵢ² + λσ²), with kᵢ = sᵢ²/(sᵢ² + λσ²). The risk listens more to the directions that the data
    determine less.

    References
    ----------
    C. Rasmussen and C. Williams (2006), Gaussian Processes for Machine Learning, chapter 7, on average-case risks. The
    weights above are those of the derivatives of the two sums with respect to 1/λ.

    Examples
    --------
    >>> model = LinearModel([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [0.0, 0.0, 0.0])
    >>> precisions = [1.0, 2.0, 4.0]
    >>> truth = {"true_covariance": 0.5, "true_noise_variance": 0.1}       # the prior of λ = 2
    >>> print(expected_log_evidence(model, precisions, 0.1, **truth).round(3))
    [-3.761 -3.585 -3.83 ]
    >>> print(expected_risk(model, precisions, 0.1, **truth).round(5))
    [0.16302 0.16194 0.16529]
    """
    linear_model(model)
    precision, variance = pair(prior_precision, noise_variance, model.y.size)
    truth, noise = _truth(model, true_covariance, true_noise_variance)
    spectrum, along = model._spectrum, _prior_directions(model)
    squares = model._singular**2
    energy = noise + squares * np.sum(_times(along, truth) * along, axis=1)
    x = spectrum.log_ratio(precision, variance)
    spare = (spectrum.size - model.rank) * noise / variance
    spectral = np.sum(np.logaddexp(0.0, x) + energy * special.expit(-x) / variance[..., None], axis=-1)
    return (-0.5 * (spectrum.size * np.log(2 * math.pi * variance) + spare + spectral))[()]


def expected_risk(
    model: LinearModel,
    prior_precision: ArrayLike,
    noise_variance: ArrayLike,
    *,
    true_covariance: ArrayLike,
    true_noise_variance: float,
    input_covariance: ArrayLike | None = None,
) -> Any:
    r"""Return the mean squared error of ridge regression on new observations, over data sets with the model's inputs.

    .. math:: \mathbb E\, (y_* - x_*^T \bar w)^2 = \sigma_*^2
              + \frac1n \sum_i \left[ s_i^2 \omega_i (1 - k_i)^2 + \sigma_*^2 k_i^2 \right], \quad
              k_i = \frac{s_i^2}{s_i^2 + \lambda\sigma^2}

    Parameters
    ----------
    model : LinearModel
        Gives the inputs; its y is not used. Without intercept.
    prior_precision, noise_variance : float or ndarray
        λ and σ² of the model, broadcast; only their product matters.
    true_covariance : float, or ndarray of shape (p,) or (p, p)
        W, the covariance of the true weights, whose mean is zero; positive semidefinite.
    true_noise_variance : float
        σ*², the true variance of the noise.
    input_covariance : float, or ndarray of shape (p,) or (p, p), optional
        Second moment of the new inputs. If not given they are drawn from the model's own rows: the equation above.

    Returns
    -------
    float or ndarray
        Of the broadcast shape.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range; IncompatibleError if shapes do not broadcast, or there is an intercept.

    Notes
    -----
    The posterior mean is ridge regression with penalty t = λσ². For other inputs Σ, with M = 1 - Σᵢ kᵢ vᵢvᵢᵀ, the error
    of the weights has second moment M W M + σ*² Σᵢ kᵢ² vᵢvᵢᵀ/sᵢ², and the risk is its trace against Σ, plus σ*².
    See :func:`expected_log_evidence` for where the two optima agree.

    References
    ----------
    A. Hoerl and R. Kennard (1970), Ridge regression, Technometrics 12, 55, section 4.

    Examples
    --------
    >>> model = LinearModel([[2.0]], [0.0])
    >>> truth = {"true_covariance": 1.0, "true_noise_variance": 1.0}
    >>> print(f"{expected_risk(model, 1.0, 1.0, input_covariance=1.0, **truth):.3f}")
    1.200
    """
    linear_model(model)
    precision, variance = pair(prior_precision, noise_variance, model.y.size)
    truth, noise = _truth(model, true_covariance, true_noise_variance)
    along, squares = _prior_directions(model), model._singular**2
    kept = special.expit(model._spectrum.log_ratio(precision, variance))
    if input_covariance is None:
        omega = np.sum(_times(along, truth) * along, axis=1)
        lost, blurred = (1 - kept) ** 2 @ (squares * omega), kept**2 @ np.ones(model.rank)
        return (noise + (lost + noise * blurred) / model.y.size)[()]
    inputs = _covariance("input_covariance", input_covariance, model.X.shape[1])
    across = model._design.unwhiten(model._right.T).T
    seen = _times(across, inputs) @ across.T
    cross = np.sum(_times(along, truth) * _times(across, inputs), axis=1)
    overlap = np.sum(truth * inputs) if truth.ndim == inputs.ndim == 1 else np.sum(_full(truth) * _full(inputs))
    bias = overlap - 2 * kept @ cross + np.sum(kept @ (seen * (_times(along, truth) @ along.T)) * kept, axis=-1)
    return (noise + bias + noise * (kept**2 @ (np.diag(seen) / squares)))[()]


def _truth(model: LinearModel, true_covariance: ArrayLike, true_noise_variance: float) -> tuple[Array, float]:
    if model.intercept is not None:
        raise IncompatibleError("expectations are those of a model without intercept; centre the data")
    truth = _covariance("true_covariance", true_covariance, model.X.shape[1])
    return truth, _validate.real("true_noise_variance", true_noise_variance, at_least=0.0)


def _covariance(name: str, value: ArrayLike, size: int) -> Array:
    """Return the diagonal (size,) or the matrix (size, size)."""
    if _validate.numbers(name, value).ndim == 2:
        return _validate.positive_semidefinite(name, value, size)
    diagonal = _validate.reals(name, value, at_least=0.0)
    if diagonal.shape not in ((), (size,)):
        raise InvalidInputError(f"{name} must be a number, {size} numbers or a matrix; got shape {diagonal.shape}")
    return np.broadcast_to(diagonal, (size,))


def _prior_directions(model: LinearModel) -> Array:
    """Return Vᵀ R, shape (rank, p): what the data's directions see of the true weights."""
    root = model._design.root
    return model._right if root is None else _times(model._right, root)


def _times(rows: Array, covariance: Array) -> Array:
    return rows * covariance if covariance.ndim == 1 else rows @ covariance


def _full(covariance: Array) -> Array:
    return np.diag(covariance) if covariance.ndim == 1 else covariance
