"""References for Laplace's approximation: the same integral without the approximation."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

from ... import _validate
from ...errors import AccuracyWarning, IncompatibleError, InvalidInputError
from ...results import Estimate
from ._trapezoid import log_integral
from ._whitened import Whitened, log_normal_constant
from .laplace import Laplace

Array = NDArray[np.float64]

# Degrees of freedom of the proposal. Eight would make standard errors a fifth smaller, but leave some posteriors'
# flanks to a few large weights.
_FREEDOM = 5.0
_MOST_ROUNDS = 12
# Weights are worth so many samples where the logarithm of their mean is nearly normal.
_FEWEST = 50
# Points times examples: half a minute.
_MOST_EVALUATIONS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A sampled log evidence, with what is needed to judge it.

    Parameters
    ----------
    log_evidence : Estimate
        ln P(y) with its standard error.
    effective_samples : float
        (Σw)²/Σw² of the importance weights w: how many independent samples of the posterior they are worth.
    pareto_k : float
        Shape of a generalized Pareto distribution fitted to the largest weights. Below 0.5 their variance is finite and
        the standard error can be believed; above 0.7 it means nothing.
    """

    log_evidence: Estimate
    effective_samples: float
    pareto_k: float


def quadrature(fit: Laplace) -> float:
    r"""Return ln P(y) of a model with up to three weights by numerical integration.

    .. math:: P(y) = \left( \frac{\lambda}{2\pi} \right)^{p/2} \int e^{-C(w)} \, dw

    Parameters
    ----------
    fit : Laplace
        The model at one prior precision. Weights that the data do not see do not count.

    Returns
    -------
    float
        ln P(y), to 1e-10.

    Raises
    ------
    InvalidInputError
        If there are more than three weights, or the integral would take more than half a minute: separable data and a
        very weak prior make a posterior far narrower on one side than on the other.
    IncompatibleError
        If `fit` is a path.

    Notes
    -----
    The trapezoidal rule, which converges exponentially for analytic integrands, in coordinates in which the posterior
    is nearly a standard normal density; on a box beyond which the integrand is below e⁻⁴⁰ of its maximum; with steps
    halved until ln P(y) stays within 1e-7: each halving about squares the error, so that the last value is right to
    1e-10.

    References
    ----------
    L. Trefethen and J. Weideman (2014), The exponentially convergent trapezoidal rule, SIAM Review 56, 385.

    Examples
    --------
    >>> from sdetheory.evidence import laplace
    >>> from sdetheory.models import LogisticRegression
    >>> fit = laplace(LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1]), 1e-3)
    >>> print(f"{fit.log_evidence:.6f} {quadrature(fit):.6f}")
    -0.984045 -0.728516
    """
    target = Whitened.of(fit)
    if target.dimension > 3:
        raise InvalidInputError(
            f"quadrature takes up to three weights; got {target.dimension}. Use importance_sampling."
        )
    try:
        total = log_integral(target.log_density, target.dimension, _MOST_EVALUATIONS // target.model.train_size)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the integral did not converge: the posterior is far from Gaussian at prior_precision = "
            f"{float(fit.prior_precision):.3g}. Use importance_sampling."
        ) from error
    return target.log_laplace + total - log_normal_constant(target.dimension)


def importance_sampling(fit: Laplace, *, n_samples: int = 50_000, rng: Any = None) -> Reference:
    r"""Estimate ln P(y) of a model by importance sampling about its mode.

    .. math:: P(y) = \left( \frac{\lambda}{2\pi} \right)^{p/2} E_q \left[ \frac{e^{-C(w)}}{q(w)} \right]

    Parameters
    ----------
    fit : Laplace
        The model at one prior precision.
    n_samples : int
        Number of weights drawn for the estimate, at least 1,000; a tenth more is drawn in each round of adapting q.
    rng : None, int, SeedSequence or Generator
        Source of randomness (SPEC 7).

    Returns
    -------
    Reference
        ln P(y) with its standard error, and how degenerate the importance weights are.

    Raises
    ------
    InvalidInputError
        If `fit` is no result of laplace(), or there are too few samples.
    IncompatibleError
        If `fit` is a path.

    Warns
    -----
    AccuracyWarning
        The weights are worth fewer than 50 samples, or the Pareto shape of their tail is above 0.5 by three of its own
        standard errors.

    Notes
    -----
    q is Student's t distribution with 5 degrees of freedom, in antithetic pairs. Starting from Laplace's Gaussian,
    location and scale are adapted to the mean and the covariance of the posterior, in rounds in which the weights are
    raised to a power that keeps an eighth of the samples effective, until that power is one. The last round, whose q
    does not depend on its own samples, makes the estimate. The posterior's tails are no heavier than the prior's,
    which is Gaussian, so the weights are bounded. The standard error, from the scatter of pairs, is that of a
    logarithm to first order: its bias is half the square.

    References
    ----------
    A. Owen (2013), Monte Carlo theory, methods and examples, chapter 9.
    A. Vehtari, D. Simpson, A. Gelman, Y. Yao and J. Gabry (2024), Pareto smoothed importance sampling, JMLR 25, 72.
    J. Zhang and M. Stephens (2009), A new and efficient estimation method for the generalized Pareto distribution,
    Technometrics 51, 316.

    Examples
    --------
    >>> from sdetheory.evidence import laplace
    >>> from sdetheory.models import LogisticRegression
    >>> fit = laplace(LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1]), 0.1)
    >>> reference = importance_sampling(fit, rng=0)
    >>> bool(abs(reference.log_evidence.z_score(quadrature(fit))) < 4), reference.log_evidence.stderr < 0.005
    (True, True)
    """
    target = Whitened.of(fit)
    n_samples = _validate.integer("n_samples", n_samples, at_least=1000)
    generator = _validate.generator(rng)
    if not target.dimension:
        raise IncompatibleError("the data see no direction of the weights; Laplace's evidence is exact")
    location, scale = np.zeros(target.dimension), np.eye(target.dimension)
    for _ in range(_MOST_ROUNDS):
        points, log_weights = _weighted(target, location, scale, max(n_samples // 20, 500), generator)
        weights, power = _tempered(log_weights.ravel())
        points = points.reshape(-1, target.dimension)
        location = weights @ points
        centred = points - location
        scale = linalg.cholesky((centred * weights[:, None]).T @ centred, lower=True)
        if power == 1.0:
            break
    _, log_weights = _weighted(target, location, scale, -(-n_samples // 2), generator)
    return summarize(target.log_laplace, log_weights, "Take more samples, or a stronger prior.")


def _tempered(log_weights: Array) -> tuple[Array, float]:
    """Return normalized weights to the largest power ≤ 1 that leaves an eighth of the samples effective."""

    def excess(power: float) -> float:
        return 1 / float(np.sum(special.softmax(power * log_weights) ** 2)) - log_weights.size / 8

    power: Any = 1.0 if excess(1.0) >= 0 else optimize.brentq(excess, 0.0, 1.0, xtol=1e-3)
    return special.softmax(power * log_weights), power


def _weighted(
    target: Whitened, location: Array, scale: Array, n_pairs: int, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Draw antithetic pairs from the t distribution; return points (2, n_pairs, d) and log weights (2, n_pairs)."""
    d = target.dimension
    normal = generator.standard_normal((n_pairs, d))
    mixing = np.sqrt(_FREEDOM / generator.chisquare(_FREEDOM, n_pairs))
    offsets = (normal * mixing[:, None]) @ scale.T
    points = location + np.stack([offsets, -offsets])
    squared = np.sum(normal**2, axis=1) * mixing**2
    log_proposal = (
        special.gammaln((_FREEDOM + d) / 2)
        - special.gammaln(_FREEDOM / 2)
        - 0.5 * d * math.log(_FREEDOM * math.pi)
        - np.log(np.diag(scale)).sum()
        - 0.5 * (_FREEDOM + d) * np.log1p(squared / _FREEDOM)
    )
    log_target = target.log_density(points.reshape(-1, d)).reshape(2, n_pairs) - log_normal_constant(d)
    return points, log_target - log_proposal


def summarize(offset: float, log_weights: Array, remedy: str) -> Reference:
    """Return offset + ln mean of the weights; those of one column, shape (m, n), depend on each other.

    Warn, with the remedy, if the standard error cannot be believed.
    """
    highest = log_weights.max()
    weights = np.exp(log_weights - highest)
    independent = weights.mean(axis=0)
    mean = independent.mean()
    stderr = independent.std(ddof=1) / math.sqrt(independent.size) / mean
    effective = float(weights.sum() ** 2 / np.sum(weights**2))
    shape = _pareto_shape(weights.ravel())
    # The fit's own standard error is (1 + k)/√tail.
    if shape - 3 * (1 + shape) / math.sqrt(_tail(weights.size)) > 0.5 or effective < _FEWEST:
        warnings.warn(
            f"the evidence rests on few of the {weights.size} weights: they are worth {effective:.3g} samples, their "
            f"tail has the Pareto shape {shape:.2g} (of finite variance below 0.5). The standard error is too small. "
            f"{remedy}",
            AccuracyWarning, 3,
        )  # fmt: skip
    return Reference(
        log_evidence=Estimate(
            value=float(offset + highest + np.log(mean)), stderr=float(stderr), n_eff=float(independent.size)
        ),
        effective_samples=effective,
        pareto_k=shape,
    )


def _tail(n: int) -> int:
    """Return how many of n weights are the largest ones."""
    return int(min(0.2 * n, 3 * math.sqrt(n)))


def _pareto_shape(weights: Array) -> float:
    """Fit a generalized Pareto distribution to the largest weights, after Zhang and Stephens; return its shape.

    The posterior mean of one parameter b, over a grid and with a data-dependent prior, gives the shape as
    k = mean ln(1 − bx). Unlike the maximum of the likelihood it exists for bounded tails.
    """
    tail = _tail(weights.size)
    largest = np.sort(weights)[-tail - 1 :]
    x = largest[1:] - largest[0]
    quarter = x[tail // 4]
    if not quarter > 0:
        return -math.inf
    m = 30 + int(math.sqrt(tail))
    b = 1 / x[-1] + (1 - np.sqrt(m / (np.arange(m) + 0.5))) / (3 * quarter)
    shapes = np.log1p(-b[:, None] * x).mean(axis=1)
    log_likelihoods = tail * (np.log(-b / shapes) - shapes - 1)
    return float(np.log1p(-(special.softmax(log_likelihoods) @ b) * x).mean())
