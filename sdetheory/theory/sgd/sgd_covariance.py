"""The stationary law of SGD on a quadratic cost, at any learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ...hyperparameters import SGDHyperparameters
from . import _sgd_recursion

Array = NDArray[np.float64]


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SGDLaw:
    """The first two moments of stationary SGD on a quadratic cost; the mean is the minimum.

    Parameters
    ----------
    hessian : ndarray, shape (p, p)
        H of the total cost.
    covariance : ndarray, shape (p, p)
        Σ, of the weights.
    joint_covariance : ndarray, shape (2p, 2p)
        Of (w, v): the weights, then the velocities.
    sde_covariance : ndarray, shape (p, p)
        What the weights have in the limit of small steps, by HΣ + ΣH = gF: the law of dw = -∇C dt + √(gF) dW.
    spectral_radius : float
        Largest modulus of the eigenvalues of one step of the mean: n steps leave about its n-th power of the start.
    """

    hessian: Array
    covariance: Array
    joint_covariance: Array
    sde_covariance: Array
    spectral_radius: float

    @property
    def excess_cost(self) -> float:
        """Mean of the total cost above its minimum, Tr(HΣ)/2."""
        return 0.5 * float(np.sum(self.hessian * self.covariance))


def sgd_covariance(
    hessian: ArrayLike, gradient_covariance: ArrayLike, hp: SGDHyperparameters, *, optimizer: str = "sgd"
) -> SGDLaw:
    r"""Return the exact stationary covariance of SGD on a quadratic cost with additive noise.

    .. math::
        v' = m v - \kappa \hat G, \quad w' = w + v', \quad \hat G = H w + \xi, \quad \kappa = (1 - \tau) \epsilon / N,

    where the noise ξ of the minibatch has the covariance N(N/B − 1)F without replacement and N(N − 1)F/B with; Poisson
    sampling has (N/B − 1)((N − 1)F + H w wᵀ H/N), as the number of examples varies. The covariance of (w, v) solves the
    discrete Lyapunov equation of this linear step.

    Parameters
    ----------
    hessian : array_like, shape (p, p)
        H of the *total* cost C, symmetric and positive definite.
    gradient_covariance : array_like, shape (p, p)
        F, covariance of the per-example gradients with N − 1 in the denominator; it need not commute with H.
    hp : SGDHyperparameters
        Learning rate, N, B, momentum, dampening and sampling, all scalar.
    optimizer : {"sgd", "nesterov"}
        The heavy ball above, or Nesterov's method in the form that keeps the weights at which gradients are taken:
        w′ = w + m v′ − κ Ĝ(w), with the same v′.

    Returns
    -------
    SGDLaw
        ``covariance``, ``joint_covariance``, ``sde_covariance``, ``spectral_radius`` and ``excess_cost``.

    Raises
    ------
    InvalidInputError
        If H is not symmetric positive definite, F not positive semidefinite of the same size, a hyperparameter not
        scalar, or the learning rate not below the stability limit, which the message gives.

    Notes
    -----
    Exact at any learning rate, for noise of any distribution that does not depend on w and is independent from step
    to step. In the eigenbasis of H the equation falls apart into one of 4 × 4 for each pair of axes. With the pulls
    a = κλᵢ, b = κλⱼ and the decays α, β of the two velocities (m for the heavy ball) it is solved by

    .. math::
        \Sigma_{ij} = \frac{\kappa^2 \mathrm{Cov}(\hat G)_{ij}}
            {a (1 - \beta) + b (1 - \alpha) - (a - \alpha b)(b - \beta a) / (1 - \alpha\beta)} ,

    which is accurate for curvatures of any range, where a general solver loses digits as κλ → 0. Without momentum it
    is H Σ + Σ H − κ H Σ H = κ Cov(Ĝ). The relative difference from `sde_covariance` is of order κλ/(1 + m) for the
    heavy ball. What Poisson sampling has from the gradient multiplies each entry by 1/(1 − b λᵢλⱼ r), with
    b = (N/B − 1)/N and r the Σᵢⱼ of a unit of Cov(Ĝ)ᵢⱼ: exact as well. Cost: O(p³).

    References
    ----------
    K. Liu, L. Ziyin and M. Ueda (2021), Noise and fluctuation of finite learning rate stochastic gradient descent,
    ICML, arXiv:2012.03636 (the equation without momentum, and with it for commuting H and F).
    S. L. Smith and Q. V. Le (2018), arXiv:1710.06451, Section 5 (the noise scale g).
    I. Sutskever et al. (2013), On the importance of initialization and momentum in deep learning, ICML (Nesterov).

    Examples
    --------
    >>> hp = SGDHyperparameters(learning_rate=0.2, train_size=10, batch_size=5)
    >>> law = sgd_covariance([[20.0, 5.0], [5.0, 10.0]], [[1.0, 0.3], [0.3, 2.0]], hp)
    >>> law.covariance.round(6)
    array([[ 0.007016, -0.002138],
           [-0.002138,  0.023367]])
    >>> law.sde_covariance.round(6)
    array([[ 0.005619, -0.002476],
           [-0.002476,  0.021238]])
    """
    matrix, values, axes = _sgd_recursion.curvatures(hessian)
    noise = _validate.positive_semidefinite("gradient_covariance", gradient_covariance, len(matrix))
    step = _sgd_recursion.recursion(hp, optimizer, poisson=True)
    pull = _sgd_recursion.stable_pulls(step, values, hp, "hessian")
    rotated = step.noise * axes.T @ noise @ axes

    responses = step.responses(pull)
    # What the gradient itself adds to the noise of Poisson sampling, for each unit of Σ.
    feedback = step.gradient * np.outer(values, values) * responses[0]
    if feedback.max() >= 1:
        raise InvalidInputError(
            f"hp.learning_rate must be below the limit at which the variance of Poisson sampling grows without bound; "
            f"got {hp.learning_rate:.6g}, at which it feeds {feedback.max():.3g} times itself. Use a smaller one."
        )
    weights, cross, velocities = (response * rotated / (1 - feedback) for response in responses)
    turned = axes @ cross @ axes.T
    joint = np.block([[_turned(weights, axes), turned], [turned.T, _turned(velocities, axes)]])
    return SGDLaw(
        hessian=matrix,
        covariance=joint[: len(matrix), : len(matrix)].copy(),
        joint_covariance=joint,
        sde_covariance=_turned(step.rate / (1 - step.momentum) * rotated / (values[:, None] + values), axes),
        spectral_radius=float(step.radius(pull).max()),
    )


def _turned(matrix: Array, axes: Array) -> Array:
    """Return a symmetric matrix in the original coordinates, symmetric to the last bit."""
    turned = axes @ matrix @ axes.T
    return (turned + turned.T) / 2
