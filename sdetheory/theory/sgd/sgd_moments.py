"""The mean and the covariance of SGD on its way from a start, at any step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import DivergedError, InvalidInputError
from ...hyperparameters import SGDHyperparameters
from . import _feedback, _sgd_recursion

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SGDMoments:
    """The first two moments of the weights after given numbers of steps.

    Parameters
    ----------
    steps : ndarray, shape (k,)
        Numbers of steps, as asked for.
    mean : ndarray, shape (k, p)
        E[w] over runs from the same start.
    covariance : ndarray, shape (k, p, p)
        Their covariance.
    """

    steps: NDArray[np.int64]
    mean: Array
    covariance: Array


def sgd_moments(
    hessian: ArrayLike,
    gradient_covariance: ArrayLike,
    hp: SGDHyperparameters,
    *,
    start: ArrayLike,
    steps: ArrayLike,
    optimizer: str = "sgd",
) -> SGDMoments:
    r"""Return mean and covariance of SGD on a quadratic cost after n steps from a start without velocity.

    .. math:: z_n = M^n z_0, \qquad \Sigma_n = \sum_{k < n} M^k Q (M^k)^T, \qquad z = (w, v)

    Parameters
    ----------
    hessian : array_like, shape (p, p)
        H of the *total* cost C = wᵀHw/2, symmetric; saddles and flat directions are welcome.
    gradient_covariance : array_like, shape (p, p)
        F, with N − 1 in the denominator, the same everywhere.
    hp : SGDHyperparameters
        Learning rate, N, B, momentum, dampening and sampling, all scalar; any learning rate.
    start : array_like, shape (p,)
        w at the start, counted from the critical point.
    steps : int or array_like of ints, shape (k,)
        Numbers n ≥ 0 of steps.
    optimizer : {"sgd", "nesterov"}
        As for :func:`sgd_covariance`.

    Returns
    -------
    SGDMoments
        ``mean`` and ``covariance``, for each number of steps.

    Raises
    ------
    InvalidInputError
        If H is not symmetric, F not positive semidefinite, or the shapes do not fit.
    DivergedError
        If the moments overflow, for an unstable recursion after many steps.

    Notes
    -----
    Exact at any learning rate. Sums over n steps are doubled from those over n/2, without differences of large
    numbers: O(p³ log n).

    Examples
    --------
    >>> hp = SGDHyperparameters(learning_rate=0.5, train_size=10, batch_size=5)
    >>> moments = sgd_moments([[4.0]], [[1.0]], hp, start=[1.0], steps=[0, 1, 10])
    >>> moments.mean[:, 0].round(6), moments.covariance[:, 0, 0].round(6)
    (array([1.      , 0.8     , 0.107374]), array([0.      , 0.025   , 0.068644]))
    """
    square = _validate.reals("hessian", hessian, shape=(None, None))
    matrix = _validate.symmetric("hessian", square, len(square))
    noise = _validate.positive_semidefinite("gradient_covariance", gradient_covariance, len(matrix))
    step = _sgd_recursion.recursion(hp, optimizer)
    origin = _validate.reals("start", start, shape=(len(matrix),))
    wanted = _steps(steps)
    p = len(matrix)
    move, kick = step.matrices(matrix)
    source = step.noise * kick @ noise @ kick.T
    mean, covariance = np.append(origin, np.zeros(p)), np.zeros((2 * p, 2 * p))
    means, covariances = np.empty((len(wanted), p)), np.empty((len(wanted), p, p))
    done = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for index in np.argsort(wanted):
            power, added = accumulated(move, source, int(wanted[index]) - done)
            mean, covariance = power @ mean, power @ covariance @ power.T + added
            done = int(wanted[index])
            means[index], covariances[index] = mean[:p], (covariance[:p, :p] + covariance[:p, :p].T) / 2
    return _finite(SGDMoments(steps=wanted, mean=means, covariance=covariances), "hessian, gradient_covariance, hp")


def least_squares_moments(
    X: ArrayLike,
    y: ArrayLike,
    hp: SGDHyperparameters,
    *,
    start: ArrayLike,
    steps: ArrayLike,
    prior_precision: float = 0.0,
    optimizer: str = "sgd",
) -> SGDMoments:
    r"""Return mean and covariance of SGD on least squares after n steps from a start without velocity.

    Parameters
    ----------
    X, y, hp
        As for :func:`least_squares_sgd`; any learning rate, stable or not.
    start : array_like, shape (p,)
        w at the start.
    steps : int or array_like of ints, shape (k,)
        Numbers n ≥ 0 of steps.
    prior_precision, optimizer
        As for :func:`least_squares_sgd`.

    Returns
    -------
    SGDMoments
        ``mean`` and ``covariance``, for each number of steps.

    Raises
    ------
    InvalidInputError
        If the shapes do not fit, or X is all zero without a prior.
    DivergedError
        If the moments overflow, for an unstable recursion after many steps.

    Notes
    -----
    Exact: on a quadratic cost the first two moments of w and v close, and the gradient covariance enters by its mean
    over the present law, which is quadratic in w. Without a prior no example moves the part of w that is orthogonal to
    the rows of X, so that it stays as at the start. Iterated step by step: O(n (N p² + p³)).

    Examples
    --------
    >>> X, y = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]], [0.0, 1.5, 1.5, 3.0]
    >>> hp = SGDHyperparameters(learning_rate=0.1, train_size=4, batch_size=1)
    >>> moments = least_squares_moments(X, y, hp, start=[5.0, 5.0], steps=[1, 1000])
    >>> moments.covariance.diagonal(axis1=1, axis2=2).round(4)
    array([[0.2113, 3.8292],
           [0.0046, 0.0066]])
    """
    step = _sgd_recursion.recursion(hp, optimizer)
    axes, feedback = _feedback.feedback(X, hp, prior_precision, step)
    minimum, residuals = feedback.minimum(y, prior_precision)
    p, r = axes.shape
    origin = _validate.reals("start", start, shape=(p,))
    wanted = _steps(steps)
    move, kick = step.matrices(np.diag(feedback.values))
    source = step.noise / (len(residuals) - 1) * residuals.T @ residuals
    mean, square = np.append(axes.T @ origin - minimum, np.zeros(r)), np.zeros((2 * r, 2 * r))
    means, covariances = np.empty((len(wanted), p)), np.empty((len(wanted), p, p))
    kept = origin - axes @ (axes.T @ origin)
    with np.errstate(over="ignore", invalid="ignore"):
        for n in range(int(wanted.max(initial=0)) + 1):
            for index in np.flatnonzero(wanted == n):
                means[index] = axes @ (mean[:r] + minimum) + kept
                turned = axes @ square[:r, :r] @ axes.T
                covariances[index] = (turned + turned.T) / 2
            moments = square[:r, :r] + np.outer(mean[:r], mean[:r])
            noise = source + feedback.covariance(moments) + feedback.cross(mean[:r], residuals)
            mean, square = move @ mean, move @ square @ move.T + kick @ noise @ kick.T
    return _finite(SGDMoments(steps=wanted, mean=means, covariance=covariances), "X, y, hp, prior_precision")


def _steps(steps: ArrayLike) -> NDArray[np.int64]:
    wanted = np.atleast_1d(_validate.integers("steps", steps, at_least=0))
    if wanted.ndim != 1:
        raise InvalidInputError(f"steps must be a whole number or have shape (k,); got shape {wanted.shape}")
    return wanted


def accumulated(move: Array, source: Array, n: int) -> tuple[Array, Array]:
    """Return M^n and the sum over k < n of M^k Q (M^k)ᵀ."""
    power, total = np.eye(len(move)), np.zeros_like(source)
    for bit in f"{n:b}":
        total = total + power @ total @ power.T
        power = power @ power
        if bit == "1":
            total = move @ total @ move.T + source
            power = move @ power
    return power, total


def _finite(moments: SGDMoments, given: str) -> SGDMoments:
    kept = np.isfinite(moments.mean).all(axis=1) & np.isfinite(moments.covariance).all(axis=(1, 2))
    if not kept.all():
        raise DivergedError(
            f"the moments overflow by step {moments.steps[~kept].min()}: the recursion of these {given} and start is "
            "unstable. Use a smaller learning rate or fewer steps.",
            moments,
        )
    return moments
