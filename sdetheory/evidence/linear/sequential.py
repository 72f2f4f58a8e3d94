"""The evidence as a sum of predictions, each of an observation not yet seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import InvalidInputError
from ..decomposition._twofold import Twofold
from ._linear_formulas import linear_model
from .model import LinearModel

Array = NDArray[np.float64]

# Add rows to a triangle by reflections, and solve with one; trsm, as trtrs may start threads for a handful of numbers.
(_append,) = linalg.get_lapack_funcs(("tpqrt",), dtype=np.float64)
(_solve,) = linalg.get_blas_funcs(("trsm",), dtype=np.float64)


@dataclass(slots=True)
class Learner:
    """The posterior after some observations: the triangular root of σ² times its precision, beside that of its mean.

    Adding a row to a triangle subtracts nothing, so that a prior 1e16 times wider than the posterior costs no digits;
    a root of the covariance would lose half of them. A flat intercept is integrated out by contrasts: an observation
    enters as its difference to the mean of the i before it, times √(i/(i + 1)), which keeps the noise independent and
    of variance σ².
    """

    triangle: Array
    variance: float
    flat: bool
    count: int = 0
    centre: Any = 0.0
    level: float = 0.0

    @classmethod
    def start(cls, model: LinearModel, precision: float, variance: float) -> tuple[Learner, Array, Array]:
        """Return the prior, and the observations in the coordinates that it speaks of: rows (n, rank) and y (n,)."""
        triangle = math.sqrt(precision) * math.sqrt(variance) * np.eye(model.rank + 1)
        triangle[-1, -1] = 0.0
        prior = cls(triangle, variance, model.intercept == "flat")
        return prior, model._left * model._singular, model.y - model._level

    def log_densities(self, rows: Array, y: Array) -> Array:
        """Return ln p(yᵢ | all learned so far) for each row by itself."""
        if self.flat and self.count == 0:
            return np.zeros(len(y))  # the improper density of the first observation is 1
        rows, y, log_shrink = self._contrast(rows, y)
        variance, error = np.full(len(y), self.variance), y
        if rows.shape[1]:
            reach = _solve(1.0, self.triangle[:-1, :-1], rows.T, trans_a=1)
            variance, error = self.variance * (1 + np.sum(reach**2, axis=0)), y - self.triangle[:-1, -1] @ reach
        return log_shrink - 0.5 * (np.log(2 * math.pi * variance) + error**2 / variance)

    def learn(self, row: Array, y: float) -> Learner:
        """Return the posterior after one more observation."""
        triangle = self.triangle
        if not (self.flat and self.count == 0):
            contrast, value, _ = self._contrast(row[None, :], np.array([y]))
            triangle = _append(0, 1, triangle, np.column_stack([contrast, value]))[0]
        share = 1 / (self.count + 1)
        centre, level = self.centre + (row - self.centre) * share, self.level + (y - self.level) * share
        return Learner(triangle, self.variance, self.flat, self.count + 1, centre, level)

    def _contrast(self, rows: Array, y: Array) -> tuple[Array, Array, float]:
        if not self.flat:
            return rows, y, 0.0
        shrink = math.sqrt(self.count / (self.count + 1))
        return (rows - self.centre) * shrink, (y - self.level) * shrink, math.log(shrink)


def ordering(order: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """Return a permutation of the observations, the given order if none."""
    if order is None:
        return np.arange(n)
    order = _validate.integers("order", order)
    if sorted(order.ravel().tolist()) != list(range(n)):
        raise InvalidInputError(f"order must name each of the observations 0 to {n - 1} once; got {order!r:.80}")
    return order


def sequential(
    model: LinearModel, prior_precision: float, noise_variance: float, *, order: ArrayLike | None = None
) -> Array:
    r"""Return the log density of each observation given those before it; their sum is the log evidence.

    .. math:: \ln P(y) = \sum_{i=1}^n \ln p(y_i \mid y_1, \ldots, y_{i-1})

    Parameters
    ----------
    model : LinearModel
        The model; with a flat intercept the first term is 0, the log of its improper density.
    prior_precision, noise_variance : float
        λ > 0 and σ² > 0.
    order : ndarray of int, shape (n,), optional
        The order in which the observations come; the terms depend on it, their sum does not.

    Returns
    -------
    ndarray, shape (n,)
        The terms, in that order.

    Raises
    ------
    InvalidInputError
        If a number is not positive and finite, or `order` is not a permutation.

    Notes
    -----
    Each observation is added to a triangular root of the posterior precision: n·rank² operations, by another route than
    the determinant and the quadratic form of :meth:`LinearModel.log_evidence`.

    References
    ----------
    A. Dawid (1984), Statistical theory: the prequential approach, J. R. Statist. Soc. A 147, 278.

    Examples
    --------
    >>> from sdetheory.evidence import LinearModel
    >>> model = LinearModel([[1.0], [1.0]], [1.0, 2.0])
    >>> terms = sequential(model, 1.0, 1.0)
    >>> print(terms.round(4), f"{terms.sum():.4f}")      # the log evidence
    [-1.5155 -1.8717] -3.3872
    """
    linear_model(model)
    precision = _validate.real("prior_precision", prior_precision, above=0.0)
    variance = _validate.real("noise_variance", noise_variance, above=0.0)
    chosen = ordering(order, model.y.size)
    if model._factors.exact_left is not None:
        return _terms_in_twofold(model, model._factors.exact_left, precision, variance, chosen)
    learner, rows, y = Learner.start(model, precision, variance)
    terms = np.empty(len(y))
    for i, index in enumerate(chosen):
        terms[i] = learner.log_densities(rows[index : index + 1], y[index : index + 1])[0]
        learner = learner.learn(rows[index], float(y[index]))
    return terms


def _terms_in_twofold(
    model: LinearModel, left: Twofold, precision: float, variance: float, chosen: NDArray[np.int64]
) -> Array:
    """Return the terms for inputs that need 32 digits: the first few observations may hardly tell weights apart.

    In units of σ and of each direction's s. Rotations add an observation to the triangle; the determinant of the
    predictive variance is what its diagonal grows by, and what they leave of y is the scaled error of the prediction.
    """
    n, rank = left.shape
    flat = model.intercept == "flat"
    exponent = int(np.frexp(np.abs(model.y).max())[1])
    y = Twofold(np.ldexp(model.y, -exponent))
    if flat:
        y = y - y.sum() / float(n)
    rows = Twofold(np.column_stack([left.hi, y.hi]), np.column_stack([left.lo, y.lo]))
    # √(λσ²)/s, which overflows for directions that the data do not see beside the prior.
    roots = np.exp(np.minimum(-0.5 * model._spectrum.log_ratio(precision, variance), 300.0))
    triangle = Twofold(np.column_stack([np.diag(roots), np.zeros(rank)]))
    unit = math.sqrt(variance) * 2.0**-exponent
    terms = np.zeros(n)
    total = Twofold(np.zeros(rank + 1))
    for i, index in enumerate(chosen):
        row, log_size = rows[index], 0.0
        if flat:
            total, before = total + row, total
            if not i:
                continue
            # √(i/(i + 1)) times the difference to the mean of the i before: independent noise of variance σ².
            row = (row * float(i) - before) / Twofold(float(i * (i + 1))).sqrt()
            log_size = 0.5 * math.log(i / (i + 1))
        for j in range(rank):
            old, new = triangle[j, j:], row[j:]
            radius = (old[0] * old[0] + new[0] * new[0]).sqrt()
            cosine, sine = old[0] / radius, new[0] / radius
            log_size += math.log(float(cosine.hi))
            triangle[j, j:], row[j:] = old * cosine + new * sine, new * cosine - old * sine
        terms[i] = log_size - 0.5 * (math.log(2 * math.pi * variance) + (float(row.hi[-1]) / unit) ** 2)
    return terms


def conditional_evidence(
    model: LinearModel,
    prior_precision: ArrayLike,
    noise_variance: ArrayLike,
    *,
    train_size: int,
    order: ArrayLike | None = None,
) -> Any:
    r"""Return the log evidence of the later observations given the first ones.

    .. math:: \ln P(y_{m+1}, \ldots, y_n \mid y_1, \ldots, y_m) = \ln P(y) - \ln P(y_1, \ldots, y_m)

    Parameters
    ----------
    model : LinearModel
        The model of all n observations.
    prior_precision, noise_variance : float or ndarray
        λ > 0 and σ² > 0, broadcast.
    train_size : int
        m, from 1 to n - 1.
    order : ndarray of int, shape (n,), optional
        Which observations come first.

    Returns
    -------
    float or ndarray
        Of the broadcast shape.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range; IncompatibleError if shapes do not broadcast.

    Notes
    -----
    The evidence itself falls as a weak prior is made weaker, by (rank/2) ln λ, although predictions no longer change;
    its conditional part does not. This is why the evidence alone does not rank models by how they generalize.

    References
    ----------
    S. Lotfi, P. Izmailov, G. Benton, M. Goldblum and A. Wilson (2022), Bayesian model selection, the marginal
    likelihood, and generalization, arXiv:2202.11678, section 5.

    Examples
    --------
    >>> from sdetheory.evidence import LinearModel
    >>> model = LinearModel([[1.0], [2.0], [3.0]], [1.1, 1.9, 3.2])
    >>> print(model.log_evidence([1e-4, 1e-8], 0.1).round(3))
    [ -6.59  -11.195]
    >>> print(conditional_evidence(model, [1e-4, 1e-8], 0.1, train_size=1).round(3))
    [-1.066 -1.066]
    """
    linear_model(model)
    chosen = ordering(order, model.y.size)
    train_size = _validate.integer("train_size", train_size, at_least=1, at_most=model.y.size - 1)
    first = model._subset(chosen[:train_size])
    return model.log_evidence(prior_precision, noise_variance) - first.log_evidence(prior_precision, noise_variance)
