"""The stationary law of linear drift with constant noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from .. import _validate
from ..errors import InvalidInputError

Array = NDArray[np.float64]

# Eigenvalues below this share of the largest are rounding errors of zero.
_RANK_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class OrnsteinUhlenbeck:
    """The stationary law N(0, Σ) of an Ornstein–Uhlenbeck process, and its currents.

    Parameters
    ----------
    hessian, diffusion : ndarray, shape (d, d)
        H and D of the equation dw = -Hw dt + √(2D) dW.
    covariance : ndarray, shape (d, d)
        Σ.
    current : ndarray, shape (d, d)
        Q = HΣ - D, antisymmetric. The probability current is J(w) = -Q Σ⁻¹ w p(w); it vanishes (detailed balance) if
        and only if Q does. Q[i, j] - Q[j, i] is the mean of (wᵢ dwⱼ - wⱼ dwᵢ)/dt, twice the area swept per unit time.
    """

    hessian: Array
    diffusion: Array
    covariance: Array
    current: Array

    @property
    def entropy_production(self) -> float:
        r"""Rate at which the stationary process produces entropy, in nats per unit time.

        .. math:: \int \frac{J^T D^{-1} J}{p} \, dw = \mathrm{Tr}(Q^T D^{-1} Q \Sigma^{-1}) \ge 0

        Every component of w is taken as even under reversal of time. Where D is singular the rate is infinite if there
        is a current in a direction without noise: a deterministic motion is never seen backwards.
        """
        noise, noise_axes = np.linalg.eigh(self.diffusion)
        noisy = noise > _RANK_TOLERANCE * max(noise[-1], 0.0)
        spread, axes = np.linalg.eigh(self.covariance)
        reached = spread > _RANK_TOLERANCE * max(spread[-1], 0.0)
        # Q maps into the directions that the noise reaches, so that a singular Σ may be inverted on those alone.
        flow = noise_axes.T @ self.current @ axes[:, reached]
        scale = np.linalg.norm(self.hessian) * np.linalg.norm(self.covariance)
        if np.any(np.abs(flow[~noisy]) > _RANK_TOLERANCE * scale):
            return np.inf
        # As a sum of squares it cannot come out negative, however small it is.
        return float(np.sum(flow[noisy] ** 2 / noise[noisy, None] / spread[reached]))


def ornstein_uhlenbeck(hessian: ArrayLike, diffusion: ArrayLike) -> OrnsteinUhlenbeck:
    r"""Return the stationary law of an Ornstein–Uhlenbeck process.

    .. math:: dw = -H w \, dt + \sqrt{2D} \, dW, \qquad H \Sigma + \Sigma H^T = 2D

    Parameters
    ----------
    hessian : ndarray, shape (d, d)
        H. Every eigenvalue must have a positive real part; it need not be symmetric.
    diffusion : ndarray, shape (d, d)
        D, symmetric positive semidefinite. Langevin noise of temperature T is D = T·I; the noise of SGD with scale g is
        D = gF/2.

    Returns
    -------
    OrnsteinUhlenbeck
        ``covariance``, ``current`` and ``entropy_production``.

    Raises
    ------
    InvalidInputError
        If H is not square or not stable, or D is not symmetric positive semidefinite of the same size.

    Notes
    -----
    Continuous time: SGD with a finite learning rate has corrections of relative order (learning rate × curvature).
    The noise does not depend on w, so Itô and Stratonovich agree. The Lyapunov equation is solved by Schur
    decomposition (Bartels and Stewart); the relative error is about 1e-16 times the condition number of the equation.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, section 4.5.6 (stationary covariance).
    C. Godrèche and J.-M. Luck (2019), Characterising the nonequilibrium stationary states of Ornstein–Uhlenbeck
    processes, J. Phys. A 52, 035002 (current and entropy production).
    P. Chaudhari and S. Soatto (2018), Stochastic gradient descent performs variational inference, arXiv:1710.11029.

    Examples
    --------
    >>> law = ornstein_uhlenbeck([[1.0, 0.0], [0.0, 3.0]], [[1.0, 0.5], [0.5, 1.0]])
    >>> law.covariance.round(4)
    array([[1.    , 0.25  ],
           [0.25  , 0.3333]])
    >>> law.current
    array([[ 0.  , -0.25],
           [ 0.25,  0.  ]])
    >>> print(f"{law.entropy_production:.6f}")
    0.333333
    """
    hessian = _validate.reals("hessian", hessian, shape=(None, None))
    hessian = _validate.reals("hessian", hessian, shape=(len(hessian), len(hessian)))
    if hessian.size == 0:
        raise InvalidInputError("hessian must have at least one row; got shape (0, 0)")
    diffusion = _validate.positive_semidefinite("diffusion", diffusion, len(hessian))
    slowest = float(np.linalg.eigvals(hessian).real.min())
    # A flat direction comes out of the eigenvalue solver as a rounding error of either sign.
    if slowest <= len(hessian) * np.finfo(np.float64).eps * np.linalg.norm(hessian):
        raise InvalidInputError(
            f"hessian must have eigenvalues with positive real parts; the smallest real part is {slowest:.3g}, so that "
            "the process does not settle. Remove the flat or unstable direction, or add weight decay."
        )
    covariance = linalg.solve_continuous_lyapunov(hessian, 2 * diffusion)
    covariance = (covariance + covariance.T) / 2
    drift = hessian @ covariance
    # HΣ - D with D = (HΣ + ΣHᵀ)/2 put in, which is antisymmetric to the last bit.
    return OrnsteinUhlenbeck(hessian=hessian, diffusion=diffusion, covariance=covariance, current=(drift - drift.T) / 2)
