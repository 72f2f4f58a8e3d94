"""Scores of cross-validation, and how the evidence is made of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import _validate
from ...errors import AccuracyWarning, InvalidInputError
from ...results import Estimate, mean_estimate
from ..decomposition._spectrum import pair
from ._linear_formulas import linear_model
from .model import LinearModel
from .sequential import Learner

Array = NDArray[np.float64]

# All subsets of this many observations take about a second.
_LARGEST = 14


def leave_one_out(model: LinearModel, prior_precision: ArrayLike, noise_variance: ArrayLike) -> Any:
    r"""Return the log density of each observation given all the others, in closed form.

    .. math:: \ln p(y_i \mid y_{-i}) = \ln N\left(\frac{e_i}{1 - h_i};\; 0,\; \frac{\sigma^2}{1 - h_i}\right),
              \quad e = (1 - H) y

    Parameters
    ----------
    model : LinearModel
        The model of all n observations.
    prior_precision, noise_variance : float or ndarray
        λ > 0 and σ² > 0, broadcast.

    Returns
    -------
    ndarray, shape (..., n)
        One score for each observation; the leading shape is the broadcast one. Their mean is the leave-one-out
        log score. With a flat intercept a single observation scores 0, the log of its improper density.

    Raises
    ------
    InvalidInputError
        If an argument is not positive and finite; IncompatibleError if the shapes do not broadcast.

    Notes
    -----
    H is the matrix that maps y to the fitted values, and h its diagonal. 1 - h is a sum of positive terms, so that
    an observation that nearly determines a weight keeps its digits. No model is fitted again.

    References
    ----------
    C. Rasmussen and C. Williams (2006), Gaussian Processes for Machine Learning, eqs. 5.10 to 5.12.

    Examples
    --------
    >>> from sdetheory.evidence import LinearModel
    >>> print(leave_one_out(LinearModel([[1.0], [1.0]], [1.0, 2.0]), 1.0, 1.0).round(4))
    [-1.1217 -1.8717]
    """
    linear_model(model)
    precision, variance = pair(prior_precision, noise_variance, model.y.size)
    if not model._spectrum.size:
        return np.zeros((*precision.shape, model.y.size))
    variance = variance[..., None]
    ignored = special.expit(-model._spectrum.log_ratio(precision, variance[..., 0]))
    freedom = _unexplained(model) + ignored @ (model._left**2).T
    error = model._residual + (ignored * model._spectrum.coordinates) @ model._left.T
    with np.errstate(over="ignore"):  # where the log density itself is beyond the range of doubles
        return -0.5 * (np.log(2 * np.pi * variance / freedom) + (error / np.sqrt(variance * freedom)) ** 2)


def _unexplained(model: LinearModel) -> Array:
    """Return 1 - Σⱼ Uᵢⱼ² (less 1/n for a flat intercept), the share of each observation that no weights explain.

    Where little is left it is the square of a difference of vectors, as the difference of squares has no digits.
    """
    n, flat = model.y.size, model.intercept == "flat"
    if model.rank == n - flat:
        return np.zeros(n)
    share = 1 - flat / n - np.sum(model._left**2, axis=1)
    for i in np.flatnonzero(share < 0.01):
        unit = np.zeros(n)
        unit[i] = 1.0
        share[i] = np.sum(model._reject(model._reject(unit)) ** 2)
    return share


def cross_validation(
    model: LinearModel,
    prior_precision: float,
    noise_variance: float,
    *,
    permutations: int | None = None,
    rng: Any = None,
) -> Array | Estimate:
    r"""Return the leave-k-out log scores for k = 1 to n; their sum is the log evidence.

    .. math:: \ln P(y) = \sum_{k=1}^n S_k, \qquad
              S_k = \binom{n}{k}^{-1} \sum_{|T| = k} \frac1k \sum_{j \in T} \ln p(y_j \mid y_{-T})

    Parameters
    ----------
    model : LinearModel
        The model of all n observations.
    prior_precision, noise_variance : float
        λ > 0 and σ² > 0.
    permutations : int, optional
        Estimate the scores from so many random orders (at least 2), each of which leaves out its last k observations
        for every k. If not given all 2ⁿ subsets are enumerated.
    rng : None, int, SeedSequence or Generator
        Randomness of the orders.

    Returns
    -------
    ndarray, shape (n,), or Estimate
        S₁, the leave-one-out score, to Sₙ, the prior's; an Estimate of them from orders, whose terms are correlated, as
        one order gives all of them.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range, or there are more than 14 observations and no `permutations`.

    Notes
    -----
    So the evidence averages over training sets of every size, the empty one included, whereas generalization asks for
    the largest only: S₁.

    References
    ----------
    E. Fong and C. Holmes (2020), On the marginal likelihood and cross-validation, Biometrika 107, 489, proposition 2.

    Examples
    --------
    >>> from sdetheory.evidence import LinearModel
    >>> model = LinearModel([[1.0], [1.0]], [1.0, 2.0])
    >>> scores = cross_validation(model, 1.0, 1.0)
    >>> print(scores.round(4), f"{scores.sum():.4f}")     # the log evidence
    [-1.4967 -1.8905] -3.3872
    """
    linear_model(model)
    precision = _validate.real("prior_precision", prior_precision, above=0.0)
    variance = _validate.real("noise_variance", noise_variance, above=0.0)
    learner, rows, y = Learner.start(model, precision, variance)
    n = len(y)
    if permutations is not None:
        permutations = _validate.integer("permutations", permutations, at_least=2)
        generator = _validate.generator(rng)
        orders = (generator.permutation(n) for _ in range(permutations))
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            sampled = np.array([_held_out(learner, rows[order], y[order]) for order in orders])
        return mean_estimate(_representable(sampled, precision, variance))
    if n > _LARGEST:
        raise InvalidInputError(
            f"all subsets of {n} observations are too many (at most {_LARGEST} are enumerated). Give permutations, for "
            "example 1000, to sample them."
        )
    scores = np.zeros(n)
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        _enumerate(learner, rows, y, 0, np.ones(n, dtype=bool), scores)
    sizes = np.arange(1, n + 1)
    scores = _representable(scores, precision, variance) / (special.binom(n, sizes) * sizes)
    total = float(model.log_evidence(precision, variance))
    if abs(scores.sum() - total) > 1e-6 * max(1.0, abs(total)):
        warnings.warn(
            f"scores add up to {scores.sum():.9g} and the log evidence is {total:.9g}: subsets of these inputs hardly "
            "tell weights apart, and rounding errors of their scores are as large. Bring the columns to one unit, or "
            "take a larger prior_precision.",
            AccuracyWarning,
            stacklevel=2,
        )
    return scores


def _representable(scores: Array, precision: float, variance: float) -> Array:
    if not np.isfinite(scores).all():
        raise InvalidInputError(
            f"prior_precision = {precision:g} and noise_variance = {variance:g} put the log density of some "
            "observation beyond the range of doubles; take values nearer to the scale of the data"
        )
    return scores


def _held_out(learner: Learner, rows: Array, y: Array) -> Array:
    """Return the mean score of the last k observations after learning those before them, for each k."""
    n, scores = len(y), np.empty(len(y))
    for i in range(n):
        scores[n - i - 1] = learner.log_densities(rows[i:], y[i:]).mean()
        learner = learner.learn(rows[i], float(y[i]))
    return scores


def _enumerate(learner: Learner, rows: Array, y: Array, first: int, out: NDArray[np.bool_], scores: Array) -> None:
    """Add the scores of all subsets that learn, beyond what is learned, observations from `first` on."""
    left_out = int(out.sum())
    if left_out:
        scores[left_out - 1] += learner.log_densities(rows[out], y[out]).sum()
    for i in range(first, len(y)):
        out[i] = False
        _enumerate(learner.learn(rows[i], float(y[i])), rows, y, i + 1, out, scores)
        out[i] = True
