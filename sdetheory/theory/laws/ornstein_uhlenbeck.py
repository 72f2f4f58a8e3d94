"""The stationary law of linear drift with constant noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]

# Eigenvalues below this share of the largest are rounding errors of zero.
_RANK_TOLERANCE = 1e-12
_FORGOTTEN = 2000.0  # relaxation times: e^-745 is the smallest float, and powers of t may come before it


@dataclass(frozen=True, slots=True, kw_only=True)
class OrnsteinUhlenbeck:
    """The stationary law N(0, Σ) of an Ornstein–Uhlenbeck process, its currents, and its course in time.

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

    @property
    def area_rate(self) -> Array:
        """Mean rate at which the process sweeps area in each plane, E[wᵢ dwⱼ - wⱼ dwᵢ]/(2 dt): Q itself.

        Positive where it turns from axis i to axis j.
        """
        return self.current

    @property
    def relaxation_times(self) -> Array:
        """Times 1/Re μ in which the mean forgets e-fold, one for each eigenvalue μ of H, the longest first."""
        return np.sort(1 / np.linalg.eigvals(self.hessian).real)[::-1]

    def autocovariance(self, t: ArrayLike) -> Array:
        """Return the stationary E[w(s + t) w(s)ᵀ]: e^{-Ht} Σ for t ≥ 0, and the transpose of that at |t| for t < 0.

        Parameters
        ----------
        t : float or array_like, shape (...)
            Time lags.

        Returns
        -------
        ndarray, shape (..., d, d)
            Even in t, or symmetric, only if there is no current.
        """
        lag = _validate.reals("t", t)
        forward = self._decay(np.abs(lag)) @ self.covariance
        return np.where(lag[..., None, None] < 0, np.swapaxes(forward, -1, -2), forward)

    def spectrum(self, frequency: ArrayLike) -> NDArray[np.complex128]:
        r"""Return the power spectral density of the stationary process.

        .. math::
            S(\omega) = \int E[w(t) w(0)^T] \, e^{-i\omega t} \, dt
                = (H + i\omega)^{-1} \, 2D \, (H^T - i\omega)^{-1},
            \qquad \Sigma = \int S \, \frac{d\omega}{2\pi}

        Parameters
        ----------
        frequency : float or array_like, shape (...)
            ω, in radians per unit time; two-sided.

        Returns
        -------
        ndarray of complex, shape (..., d, d)
            Hermitian. Its imaginary part vanishes if there is no current. S(0) is the covariance of a time average,
            multiplied by the time.
        """
        omega = _validate.reals("frequency", frequency)[..., None, None]
        resolvent = np.linalg.inv(self.hessian + 1j * omega * np.eye(len(self.hessian)))
        return resolvent @ (2 * self.diffusion) @ np.conj(np.swapaxes(resolvent, -1, -2))

    def mean_at(self, t: ArrayLike, start: ArrayLike) -> Array:
        """Return E[w(t)] = e^{-Ht} w(0).

        Parameters
        ----------
        t : float or array_like, shape (...)
            Times t ≥ 0.
        start : array_like, shape (d,)
            w(0), or its mean.

        Returns
        -------
        ndarray, shape (..., d)
            The mean.
        """
        time = _validate.reals("t", t, at_least=0.0)
        origin = _validate.reals("start", start, shape=(len(self.hessian),))
        return self._decay(time) @ origin

    def covariance_at(self, t: ArrayLike, start: ArrayLike | None = None) -> Array:
        r"""Return the covariance of w(t).

        .. math:: \Sigma(t) = e^{-Ht} \Sigma(0) e^{-H^T t} + \int_0^t e^{-Hs} \, 2D \, e^{-H^T s} \, ds

        Parameters
        ----------
        t : float or array_like, shape (...)
            Times t ≥ 0.
        start : array_like, shape (d, d), optional
            Σ(0); by default the process starts from a point.

        Returns
        -------
        ndarray, shape (..., d, d)
            The covariance, to full relative accuracy for short times too.
        """
        d = len(self.hessian)
        time = _validate.reals("t", t, at_least=0.0)
        origin = np.zeros((d, d)) if start is None else _validate.positive_semidefinite("start", start, d)
        found = np.empty((*time.shape, d, d))
        for index in np.ndindex(time.shape):
            kept, gathered = self._gathered(float(time[index]))
            found[index] = kept @ origin @ kept.T + gathered
        return found

    def _decay(self, t: Array) -> Array:
        """Return e^{-Ht}, shape (..., d, d); long after the slowest mode has fallen below all floats it is zero."""
        last = _FORGOTTEN * float(np.max(self.relaxation_times))
        left = _exponential(-np.minimum(t, last)[..., None, None] * self.hessian)
        return np.where(t[..., None, None] < last, left, 0.0)

    def _gathered(self, t: float) -> tuple[Array, Array]:
        """Return e^{-Ht} and the noise gathered in t: Van Loan's for a short time, then doubled."""
        d = len(self.hessian)
        doublings = max(0, math.ceil(math.log2(max(1.0, t * np.linalg.norm(self.hessian)))))
        block = np.block([[self.hessian, 2 * self.diffusion], [np.zeros((d, d)), -self.hessian.T]])
        exponential = _exponential(t / 2**doublings * block)
        kept = exponential[d:, d:].T
        gathered = kept @ exponential[:d, d:]
        for _ in range(doublings):
            gathered = gathered + kept @ gathered @ kept.T
            kept = kept @ kept
        return kept, (gathered + gathered.T) / 2


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
        ``covariance``, ``current``, ``entropy_production``, ``area_rate``, ``relaxation_times``, and as functions
        ``autocovariance``, ``spectrum``, ``mean_at`` and ``covariance_at``.

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
    C. Gardiner (2009), Stochastic Methods, section 4.5.6 (covariance, autocovariance and spectrum).
    C. Van Loan (1978), Computing integrals involving the matrix exponential, IEEE Trans. Autom. Control 23, 395.
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
    >>> law.autocovariance(1.0).round(4), law.covariance_at(1.0).round(4)
    (array([[0.3679, 0.092 ],
           [0.0124, 0.0166]]), array([[0.8647, 0.2454],
           [0.2454, 0.3325]]))
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


def _exponential(matrices: Array) -> Array:
    return np.asarray(linalg.expm(matrices), dtype=np.float64)
