"""SGD on least squares: noise that depends on the weights, and the learning rates at which it is stable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, gmres

from ...errors import InvalidInputError, SdeTheoryError
from ...hyperparameters import SGDHyperparameters
from . import _feedback, _sgd_recursion

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeastSquaresLaw:
    """The first two moments of stationary SGD on least squares.

    Parameters
    ----------
    mean : ndarray, shape (p,)
        The minimum of the total cost; of many that of least norm, to which a start adds what of it is orthogonal to the
        rows of X.
    covariance : ndarray, shape (p, p)
        Σ of the weights.
    joint_covariance : ndarray, shape (2p, 2p)
        Of (w, v): the weights, then the velocities.
    additive_covariance : ndarray, shape (p, p)
        What Σ would be if the gradient covariance were everywhere what it is at the minimum.
    noise_gain : float
        From 0 to 1, which is the limit of stability in mean square: by how much the noise of the gradients that the
        spread of the weights causes spreads the weights in turn.
    """

    mean: Array
    covariance: Array
    joint_covariance: Array
    additive_covariance: Array
    noise_gain: float


def least_squares_sgd(
    X: ArrayLike, y: ArrayLike, hp: SGDHyperparameters, *, prior_precision: float = 0.0, optimizer: str = "sgd"
) -> LeastSquaresLaw:
    r"""Return the exact stationary mean and covariance of SGD on least squares.

    .. math:: C(w) = \frac{1}{2} \sum_{i=1}^N (x_i \cdot w - y_i)^2 + \frac{\lambda}{2} |w|^2

    Parameters
    ----------
    X : array_like, shape (N, p)
        Inputs, one example a row.
    y : array_like, shape (N,)
        Targets. For a noise variance σ² other than one divide X and y by σ.
    hp : SGDHyperparameters
        Learning rate, N, B, momentum, dampening and sampling, all scalar.
    prior_precision : float
        λ ≥ 0; each example carries an equal share of it.
    optimizer : {"sgd", "nesterov"}
        As for :func:`sgd_covariance`.

    Returns
    -------
    LeastSquaresLaw
        ``mean``, ``covariance``, ``joint_covariance``, ``additive_covariance`` and ``noise_gain``.

    Raises
    ------
    InvalidInputError
        If the shapes do not fit, N is not ``hp.train_size``, X is all zero without a prior, or the learning rate is not
        below the limits of :func:`least_squares_stability_limit`, which the message gives.

    Notes
    -----
    No approximation. The gradient covariance at w is

    .. math::
        F(w) = \frac{1}{N - 1} \sum_i u_i u_i^T, \qquad
        u_i = \Bigl(x_i x_i^T - \frac{X^T X}{N}\Bigr)(w - w^*) + r_i ,

    where rᵢ is the gradient of example i at the minimum w*. The stationary mean is w*, so the mean of F needs only Σ,
    and Σ is that of :func:`sgd_covariance` with it: a linear equation for Σ, of p² numbers. It is solved directly up
    to p = 8, and with more weights by GMRES to a residual of 1e-11. The covariance exists although the law is not
    Gaussian: its tails are those of a power law (Kesten), heavier the nearer ε is to its limit.

    Without a prior, X may have fewer independent rows than there are weights. Gradients then lie in the space of the
    rows, where the law is the one above; what of a start is orthogonal to it stays for ever, without noise. If there
    is a perfect fit, as for p > N as a rule, the gradients vanish there one by one and the covariance is zero.

    References
    ----------
    M. Gürbüzbalaban, U. Şimşekli and L. Zhu (2021), The heavy-tail phenomenon in SGD, ICML, arXiv:2006.04740.
    L. Ziyin, K. Liu, T. Mori and M. Ueda (2022), Strength of minibatch noise in SGD, ICLR, arXiv:2102.05375.
    R. Mulayoff and T. Michaeli (2024), Exact mean square linear stability analysis for SGD, arXiv:2306.07850.

    Examples
    --------
    >>> X, y = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]], [0.0, 1.5, 1.5, 3.0]
    >>> law = least_squares_sgd(X, y, SGDHyperparameters(learning_rate=0.1, train_size=4, batch_size=1))
    >>> law.mean
    array([0.15, 0.9 ])
    >>> law.covariance.diagonal().round(4), law.additive_covariance.diagonal().round(4)
    (array([0.0046, 0.0066]), array([0.0041, 0.0049]))
    """
    step = _sgd_recursion.recursion(hp, optimizer)
    axes, feedback = _feedback.feedback(X, hp, prior_precision, step)
    pull = _sgd_recursion.stable_pulls(step, feedback.values, hp, "X and prior_precision")
    mean, residuals = feedback.minimum(y, prior_precision)
    gain = feedback.gain(step)
    if gain >= 1:
        limit = _feedback.mean_square_limit(feedback, step, hp)
        raise InvalidInputError(
            f"hp.learning_rate must be below {limit:.6g}, the limit of stability in mean square on this X; got "
            f"{hp.learning_rate:.6g}. The mean settles and the variance does not. Use a smaller learning rate, or a "
            "larger batch."
        )
    response, cross, velocities = step.responses(pull)
    source = step.noise / (len(residuals) - 1) * residuals.T @ residuals
    moments = _solved(feedback.operator(response), response * source)
    noise = source + feedback.covariance(moments)
    blocks = [[response * noise, cross * noise], [(cross * noise).T, velocities * noise]]
    joint = np.block([[axes @ block @ axes.T for block in row] for row in blocks])
    joint = (joint + joint.T) / 2
    additive = axes @ (response * source) @ axes.T
    return LeastSquaresLaw(
        mean=axes @ mean,
        covariance=joint[: len(axes), : len(axes)].copy(),
        joint_covariance=joint,
        additive_covariance=(additive + additive.T) / 2,
        noise_gain=gain,
    )


def _solved(operator: Array | LinearOperator, source: Array) -> Array:
    """Return P = operator(P) + source."""
    n = source.size
    if not isinstance(operator, LinearOperator):
        return linalg.solve(np.eye(n) - operator, source.ravel()).reshape(source.shape)
    rest = LinearOperator((n, n), matvec=lambda vector: vector - operator @ vector, dtype=np.float64)  # pyright: ignore[reportCallIssue]
    solution, status = gmres(rest, source.ravel(), rtol=1e-11, restart=100, maxiter=20)
    if status:
        raise SdeTheoryError(
            "the equation of the second moments did not converge; move ε away from the stability limit"
        )
    return solution.reshape(source.shape)
