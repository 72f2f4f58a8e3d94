"""The stationary covariance of a linear equation as an integration scheme with a finite step has it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from ... import _validate
from ...errors import InvalidInputError
from .ornstein_uhlenbeck import ornstein_uhlenbeck

Array = NDArray[np.float64]

# A step of dw = -λ w dt multiplies the mean of w by 1 - z, or by 1 - z + z²/2, with z = λ dt.
_ORDER = {"euler-maruyama": 1, "milstein": 1, "leimkuhler-matthews": 1, "heun": 2, "platen": 2}
_METHODS = [*_ORDER, "exact"]


def scheme_covariance(hessian: ArrayLike, diffusion: ArrayLike, dt: float, *, method: str = "euler-maruyama") -> Array:
    r"""Return the exact stationary covariance of a scheme that integrates an Ornstein–Uhlenbeck process.

    .. math:: dw = -H w \, dt + \sqrt{2D} \, dW

    Parameters
    ----------
    hessian, diffusion : array_like, shape (d, d)
        H and D, as for :func:`ornstein_uhlenbeck`; H need not be symmetric.
    dt : float
        Step, in units of the equation's time.
    method : {"euler-maruyama", "milstein", "leimkuhler-matthews", "heun", "platen", "exact"}
        The scheme, by the name that ``simulate`` has for it. For BAOAB see :func:`baoab_covariance`.

    Returns
    -------
    ndarray, shape (d, d)
        Σ of the scheme's state.

    Raises
    ------
    InvalidInputError
        If H is not stable, D not positive semidefinite of its size, or dt not between 0 and the limit of stability,
        which the message gives.

    Notes
    -----
    For any increments with the mean and covariance of a Wiener process, two-point and three-point ones included. With
    h = dt a step is w′ = M w + noise of covariance Q:

    - Euler–Maruyama, and Milstein, which is the same for additive noise: M = 1 − hH, Q = 2hD;
      so HΣ + ΣHᵀ − hHΣHᵀ = 2D, of first order in h.
    - Heun, and Platen's scheme of weak order 2, the same here: M = 1 − hH + h²H²/2, Q = (1 − hH/2) 2hD (1 − hH/2)ᵀ;
      of second order.
    - Leimkuhler–Matthews: M = 1 − hH with the mean of two successive increments, so that
      Σ = MΣMᵀ + hD + h(MD + DMᵀ)/2. For D = T·I and symmetric H it is T H⁻¹, without error; if H and D do not
      commute, of first order.
    - Exact steps have the covariance of the equation.

    The equation is turned into one in continuous time, by Cayley's transform, which loses no digits as h → 0.

    References
    ----------
    P. Kloeden and E. Platen (1992), Numerical Solution of Stochastic Differential Equations, Sections 10.2 and 15.1.
    B. Leimkuhler and C. Matthews (2013), Rational construction of stochastic numerical methods for molecular sampling,
    AMRX 2013, 34.

    Examples
    --------
    >>> for method in ("euler-maruyama", "heun", "leimkuhler-matthews", "exact"):
    ...     print(f"{scheme_covariance([[2.0]], [[1.0]], 0.1, method=method)[0, 0]:.6f}")
    0.555556
    0.494505
    0.500000
    0.500000
    """
    law = ornstein_uhlenbeck(hessian, diffusion)
    method = _validate.choice("method", method, _METHODS)
    dt = _validate.real("dt", dt, above=0.0)
    if method == "exact":
        return law.covariance
    order = _ORDER[method]
    _check_step(law.hessian, dt, order, method)
    one = np.eye(len(law.hessian))
    # M = 1 - dt rate.
    rate = law.hessian if order == 1 else law.hessian - dt / 2 * law.hessian @ law.hessian
    noise = 2 * law.diffusion
    if method == "leimkuhler-matthews":
        turned = law.hessian @ law.diffusion
        noise = noise - dt / 2 * (turned + turned.T)
    elif order == 2:
        half = one - dt / 2 * law.hessian
        noise = half @ noise @ half.T
    cayley = np.linalg.inv(one - dt / 2 * rate)
    covariance = linalg.solve_continuous_lyapunov(cayley @ rate, cayley @ noise @ cayley.T)
    return (covariance + covariance.T) / 2


def baoab_covariance(hessian: ArrayLike, temperature: float, dt: float, *, mass: float = 1.0) -> Array:
    r"""Return the exact stationary covariance of BAOAB on an underdamped Langevin equation with a quadratic cost.

    .. math:: dq = \frac{p}{m}\, dt, \qquad dp = -H q\, dt - \gamma p\, dt + \sqrt{2 \gamma m T}\, dW

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        H, symmetric and positive definite.
    temperature : float
        T ≥ 0.
    dt : float
        Step.
    mass : float
        m > 0.

    Returns
    -------
    ndarray, shape (2d, 2d)
        Of (q, p): the positions, without error, T H⁻¹; the momenta, m T (1 − dt² H/4m). They are independent.

    Raises
    ------
    InvalidInputError
        If H is not symmetric positive definite, a number out of range, or dt not below 2/ω, where ω² is the largest
        eigenvalue of H/m.

    Notes
    -----
    The friction γ > 0 drops out. For weights of unit curvature and mass a half step of kick and drift turns this law
    into one of q with the variance T/(1 − dt²/4) and p with the variance T, independent; friction and noise keep it,
    and the other half of the step, which is the first in reverse, turns it back.

    References
    ----------
    B. Leimkuhler and C. Matthews (2013), Rational construction of stochastic numerical methods for molecular sampling,
    AMRX 2013, 34.

    Examples
    --------
    >>> baoab_covariance([[4.0]], 0.5, 0.5)
    array([[0.125, 0.   ],
           [0.   , 0.375]])
    """
    square = _validate.reals("hessian", hessian, shape=(None, None))
    if not square.size:
        raise InvalidInputError("hessian must have one row at least; got none")
    matrix = _validate.positive_definite("hessian", square, len(square))
    temperature = _validate.real("temperature", temperature, at_least=0.0)
    mass = _validate.real("mass", mass, above=0.0)
    dt = _validate.real("dt", dt, above=0.0)
    limit = 2 * np.sqrt(mass / np.linalg.eigvalsh(matrix)[-1])
    if dt >= limit:
        raise InvalidInputError(
            f"dt must be below {limit:.6g}, which is 2/ω with the fastest oscillation ω = √(hessian/mass); got {dt:g}. "
            "Reduce dt."
        )
    positions = temperature * np.linalg.inv(matrix)
    momenta = mass * temperature * (np.eye(len(matrix)) - dt**2 / (4 * mass) * matrix)
    zero = np.zeros_like(matrix)
    return np.block([[(positions + positions.T) / 2, zero], [zero, (momenta + momenta.T) / 2]])


def _check_step(hessian: Array, dt: float, order: int, method: str) -> None:
    rates = np.linalg.eigvals(hessian)
    z = dt * rates
    if np.all(np.abs(1 - z + (z**2 / 2 if order == 2 else 0)) < 1):
        return
    if order == 1:  # |1 - λh|² = 1
        limit = float(np.min(2 * rates.real / np.abs(rates) ** 2))
    else:  # |1 - λh + λ²h²/2|² = 1, divided by h
        cubics = [[abs(r) ** 4 / 4, -r.real * abs(r) ** 2, 2 * r.real**2, -2 * r.real] for r in rates]
        limit = min(float(root.real) for c in cubics for root in np.roots(c) if root.real > 0 == root.imag)
    raise InvalidInputError(
        f"dt must be below {limit:.6g}, where {method} loses stability on this drift; got {dt:g}. Reduce dt, or use "
        'method="exact".'
    )
