"""The learning rates at which SGD loses stability."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from ...hyperparameters import SGDHyperparameters
from . import _feedback, _sgd_recursion


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilityLimit:
    """The learning rates ε at which SGD loses stability.

    Parameters
    ----------
    mean : float
        Below it the mean of the weights settles.
    mean_square : float
        Below it their variance settles too; never larger than `mean`.
    """

    mean: float
    mean_square: float


def least_squares_stability_limit(
    X: ArrayLike, hp: SGDHyperparameters, *, prior_precision: float = 0.0, optimizer: str = "sgd"
) -> StabilityLimit:
    r"""Return the learning rates at which SGD on least squares loses stability, in the mean and in mean square.

    Parameters
    ----------
    X, hp, prior_precision, optimizer
        As for :func:`least_squares_sgd`; the learning rate of `hp` is not used, nor are any targets.

    Returns
    -------
    StabilityLimit
        ``mean`` and ``mean_square``, values of ε that multiply the mean gradient.

    Raises
    ------
    InvalidInputError
        If the shapes do not fit, or X is all zero without a prior.

    Notes
    -----
    The mean is stable up to :func:`sgd_stability_limit`. Without a prior the limits are those on the rows of X, which
    may be fewer than the weights; SGD moves nothing else. The second moments are iterated by a positive linear map; it
    contracts if and only if the noise that a spread of the weights causes, accumulated, spreads them by less: the
    spectral radius of that map of p² numbers is ``noise_gain``. The limit is the root of noise_gain(ε) = 1, to a
    relative 1e-12. At B = N there is no noise, and both limits are the same.

    References
    ----------
    T. Damm (2004), Rational Matrix Equations in Stochastic Control (resolvent positive maps).
    R. Mulayoff and T. Michaeli (2024), arXiv:2306.07850 (the limit without momentum in closed form).

    Examples
    --------
    >>> x = [[3**0.5], [-(3**0.5)], [0.0], [0.0], [0.0], [0.0]]  # the second and fourth moments of a Gaussian
    >>> hp = SGDHyperparameters(learning_rate=0.1, train_size=6, batch_size=1, sampling="with-replacement")
    >>> limit = least_squares_stability_limit(x, hp)
    >>> round(limit.mean, 6), round(limit.mean_square, 6)
    (2.0, 0.666667)
    """
    step = _sgd_recursion.recursion(hp, optimizer)
    _, feedback = _feedback.feedback(X, hp, prior_precision, step)
    return StabilityLimit(
        mean=float(hp.learning_rate * step.limit / (step.rate * feedback.values[-1])),
        mean_square=_feedback.mean_square_limit(feedback, step, hp),
    )


def sgd_stability_limit(hessian: ArrayLike, hp: SGDHyperparameters, *, optimizer: str = "sgd") -> float:
    r"""Return the learning rate at which the mean of SGD on a quadratic cost loses stability.

    .. math::
        \frac{\epsilon \lambda_{\max}}{N} < \frac{2 (1 + m)}{1 - \tau} \;\text{(heavy ball)}, \qquad
        \frac{\epsilon \lambda_{\max}}{N} < \frac{2 (1 + m)}{(1 - \tau)(1 + 2m)} \;\text{(Nesterov)}

    Parameters
    ----------
    hessian : array_like, shape (p, p)
        H of the *total* cost, symmetric and positive definite.
    hp : SGDHyperparameters
        N, momentum and dampening, scalar; the learning rate is not used.
    optimizer : {"sgd", "nesterov"}
        As for :func:`sgd_covariance`.

    Returns
    -------
    float
        The limit of ε. If the noise of the gradients does not depend on the weights, it is that of the variance too;
        for least squares, where it does, see :func:`least_squares_stability_limit`.

    Raises
    ------
    InvalidInputError
        If the Hessian is not symmetric positive definite, or a hyperparameter not scalar.

    References
    ----------
    B. Polyak (1964), Some methods of speeding up the convergence of iteration methods (heavy ball).
    J. Cohen et al. (2021), Gradient descent on neural networks typically occurs at the edge of stability, ICLR,
    arXiv:2103.00065 (both limits).

    Examples
    --------
    >>> hp = SGDHyperparameters(learning_rate=0.1, train_size=100, batch_size=10, momentum=0.9)
    >>> sgd_stability_limit([[200.0]], hp), round(sgd_stability_limit([[200.0]], hp, optimizer="nesterov"), 6)
    (1.9, 0.678571)
    """
    _, values, _ = _sgd_recursion.curvatures(hessian)
    step = _sgd_recursion.recursion(hp, optimizer, poisson=True)
    return float(hp.learning_rate * step.limit / (step.rate * values[-1]))
