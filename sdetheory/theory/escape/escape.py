"""Escape over a barrier: the asymptotic formulas of Kramers and his successors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, optimize

from ... import _validate
from ...errors import InvalidInputError
from ..laws._box import checked
from .critical_points import Landscape

Array = NDArray[np.float64]

_OFF = 1e-3  # a Newton step this long, relative to the thermal width, moves a given point from a critical one
_SEARCH = 10_000  # steps of the search for a turning point


def kramers_time(
    landscape: Landscape,
    minimum: ArrayLike,
    saddle: ArrayLike,
    *,
    temperature: float,
    friction: float | None = None,
    mass: float = 1.0,
) -> float:
    r"""Return the mean time to leave a minimum over a saddle, by Eyring and Kramers, in any dimension.

    .. math::

        \tau = \frac{2\pi}{\kappa} \sqrt{\frac{|\det H_s|}{\det H_m}} \, e^{\Delta C/T}, \qquad
        \kappa = |\lambda_1| \;\text{ or }\; \sqrt{\tfrac{\gamma^2}{4} + \tfrac{|\lambda_1|}{m}} - \tfrac{\gamma}{2}

    Parameters
    ----------
    landscape : object
        Has ``dimension``, ``value``, ``gradient`` and ``hessian``.
    minimum, saddle : ndarray, shape (d,)
        Critical points; the saddle has one negative curvature λ₁.
    temperature : float
        T > 0.
    friction : float, optional
        γ of dq = p/m dt, dp = -∇C dt - γp dt + √(2γmT) dW. If not given, the motion is overdamped,
        dw = -∇C dt + √(2T) dW.
    mass : float, optional
        m, with friction.

    Returns
    -------
    float
        Mean time until the other side is reached for good. Of the first hits of the saddle itself half return, so that
        they take half as long.

    Raises
    ------
    InvalidInputError
        T ≤ 0, points where the gradient does not vanish, a minimum that is none, a saddle with another number of
        negative curvatures, or one that is not above the minimum.

    Notes
    -----
    Leading order for T ≪ ΔC, with a relative error of order T/ΔC (22 % for the quartic double well at ΔC/T = 2.5), one
    saddle, and friction that is not weak: see :func:`turnover_time`. Several saddles add their rates.

    References
    ----------
    H. Kramers (1940), Physica 7, 284. J. Langer (1969), Ann. Phys. 54, 258.
    P. Hänggi, P. Talkner and M. Borkovec (1990), Rev. Mod. Phys. 62, 251, section IV.

    Examples
    --------
    >>> import sdetheory as st
    >>> print(f"{kramers_time(st.landscapes.double_well(), [-1.0], [0.0], temperature=0.1):.4f}")
    54.1254
    """
    checked(landscape, "gradient", "hessian")
    temperature = _validate.real("temperature", temperature, above=0.0)
    mass = _validate.real("mass", mass, above=0.0)
    bottom, valley = _critical(landscape, "minimum", minimum, temperature, 0)
    top, ridge = _critical(landscape, "saddle", saddle, temperature, 1)
    barrier = float(landscape.value(top) - landscape.value(bottom))
    if barrier <= 0:
        raise InvalidInputError(f"saddle must lie above the minimum; its cost is higher by {barrier:.3g}")
    unstable = -ridge[0]
    if friction is not None:
        gamma = _validate.real("friction", friction, above=0.0)
        unstable = unstable / mass
        # √(γ²/4 + u) - γ/2 without cancellation at strong friction.
        unstable = unstable / (np.hypot(gamma / 2, np.sqrt(unstable)) + gamma / 2)
    entropy = (np.sum(np.log(np.abs(ridge))) - np.sum(np.log(valley))) / 2
    with np.errstate(over="ignore"):
        return float(2 * np.pi / unstable * np.exp(entropy + barrier / temperature))


def depopulation_factor(loss: float) -> float:
    r"""Return the share of Kramers' rate that is left when the bath refills a well too slowly.

    .. math::

        \Upsilon(\delta) = \exp \frac{1}{2\pi} \int_{-\infty}^\infty
        \frac{\ln(1 - e^{-\delta (y^2 + 1/4)})}{y^2 + 1/4} \, dy

    Parameters
    ----------
    loss : float
        δ > 0: energy lost in one round at the height of the barrier, in units of T.

    Returns
    -------
    float
        δ for δ → 0, 1 for δ → ∞.

    Raises
    ------
    InvalidInputError
        δ is not positive.

    References
    ----------
    V. Mel'nikov and S. Meshkov (1986), J. Chem. Phys. 85, 1018.

    Examples
    --------
    >>> print(f"{depopulation_factor(1e-4) / 1e-4:.3f} {depopulation_factor(200.0):.6f}")
    0.992 1.000000
    """
    loss = _validate.real("loss", loss, above=0.0)

    # y = tan(θ)/2 makes the interval finite and the weight constant.
    def integrand(angle: float) -> float:
        return np.log(-np.expm1(-loss / (4 * np.cos(angle) ** 2)))

    value, _ = integrate.quad(integrand, 0.0, np.pi / 2, epsabs=1e-12, epsrel=1e-12, limit=200)
    return float(np.exp(2 * value / np.pi))


def turnover_time(
    landscape: Landscape,
    minimum: float,
    saddle: float,
    *,
    temperature: float,
    friction: float,
    mass: float = 1.0,
    beyond: float | None = None,
) -> float:
    r"""Return the mean escape time of a particle at any friction, in one dimension: the Kramers turnover.

    .. math::

        \tau = \tau_K(\gamma) / \Upsilon, \qquad \Upsilon = \Upsilon(\delta_1) \;\text{ or }\;
        \frac{\Upsilon(\delta_1) \Upsilon(\delta_2)}{\Upsilon(\delta_1 + \delta_2)}, \qquad
        \delta = \frac{\gamma}{T} \oint p \, dq

    Parameters
    ----------
    landscape : object
        Has ``dimension`` 1, ``value``, ``gradient`` and ``hessian``.
    minimum, saddle : float
        Where the well is lowest, and the top of its barrier.
    temperature : float
        T > 0.
    friction : float
        γ > 0 of dq = p/m dt, dp = -C' dt - γp dt + √(2γmT) dW.
    mass : float, optional
        m > 0.
    beyond : float, optional
        The minimum of the well on the other side, from which a particle that keeps its energy comes back. If not given,
        what crosses the barrier does not return.

    Returns
    -------
    float
        Mean time to escape, or with `beyond` to settle in the other well.

    Raises
    ------
    InvalidInputError
        As :func:`kramers_time`; a well that does not rise to the height of the barrier on its other side.

    Notes
    -----
    For T ≪ ΔC. Exact to leading order at weak and at strong friction; between them the formula of Mel'nikov and Meshkov
    is an interpolation. In the quartic double well its time is too short by 5 to 12 % at ΔC/T = 5 and by 2 to 5 % at
    ΔC/T = 10, for frictions from 0.1 to 10; Kramers' formula at friction 0.1 by 48 and 22 %.

    References
    ----------
    V. Mel'nikov and S. Meshkov (1986), J. Chem. Phys. 85, 1018.
    P. Hänggi, P. Talkner and M. Borkovec (1990), Rev. Mod. Phys. 62, 251, section VI.

    Examples
    --------
    >>> import sdetheory as st
    >>> well = st.landscapes.double_well()
    >>> for friction in (0.01, 0.3, 10.0):                      # fastest in between
    ...     print(f"{turnover_time(well, -1.0, 0.0, temperature=0.05, friction=friction):.0f}")
    3798
    803
    6659
    """
    if checked(landscape, "gradient", "hessian") != 1:
        raise InvalidInputError(f"landscape must have one dimension; got {landscape.dimension}. Use kramers_time.")
    minimum, saddle = _validate.real("minimum", minimum), _validate.real("saddle", saddle)
    temperature, mass = _validate.real("temperature", temperature, above=0.0), _validate.real("mass", mass, above=0.0)
    friction = _validate.real("friction", friction, above=0.0)
    kramers = kramers_time(landscape, [minimum], [saddle], temperature=temperature, friction=friction, mass=mass)
    loss = _loss(landscape, minimum, saddle, temperature, friction, mass)
    share = depopulation_factor(loss)
    if beyond is not None:
        beyond = _validate.real("beyond", beyond)
        _critical(landscape, "beyond", [beyond], temperature, 0)
        if (beyond - saddle) * (minimum - saddle) >= 0:
            raise InvalidInputError(f"beyond must lie on the other side of the saddle; got {beyond}")
        other = _loss(landscape, beyond, saddle, temperature, friction, mass)
        share *= depopulation_factor(other) / depopulation_factor(loss + other)
    return kramers / share


def anisotropic_escape_time(
    barrier: float,
    minimum_curvature: float,
    saddle_curvature: float,
    *,
    learning_rate: float,
    batch_size: float,
    split: float = 0.5,
    calculus: str = "ito",
) -> float:
    r"""Return the mean escape time of SGD whose noise is proportional to the curvature, after Xie et al.

    .. math::

        \tau = \frac{2\pi}{h} \exp \left[ \frac{2 B \Delta L}{\eta}
        \left( \frac{s}{H_a} + \frac{1 - s}{|H_b|} \right) \right]

    Parameters
    ----------
    barrier : float
        ΔL > 0, of the *mean* loss L = C/N; time is counted in units of the learning rate η per step.
    minimum_curvature, saddle_curvature : float
        H_a > 0 and |H_b| > 0 of L, along the direction of escape.
    learning_rate, batch_size : float
        η and B.
    split : float
        s in (0, 1): the share of the barrier that is climbed with the noise of the minimum, the rest with that of the
        saddle.
    calculus : {"ito", "stratonovich", "isothermal"}
        Decides the prefactor: h = H_a for Itô, √(H_a|H_b|) for Stratonovich, |H_b| for the isothermal (anti-Itô)
        convention. The formula is usually quoted with |H_b|.

    Returns
    -------
    float
        τ to leading order in η/B.

    Raises
    ------
    InvalidInputError
        An argument is not positive, or s not between 0 and 1.

    Notes
    -----
    Assumes dθ = -L' dt + √(2D) dW with D = ηH_a/2B around the minimum and D = η|H_b|/2B around the saddle, along the
    direction of escape; one most likely path; a curvature across it that is the same at both points; B ≪ N.
    Writing s for the effective share in ∫L'/D makes the exponent exact for any D
    between. The prefactor follows from Laplace's method in the exact passage time, 2π √(D_b/D_a) / √(H_a|H_b|) for Itô
    and with the square root inverted for the isothermal convention. SGD tends to the Itô equation, for which the
    quoted prefactor is wrong by the factor H_a/|H_b|. D = η|L''|/2B taken at face value all the way vanishes where the
    curvature changes sign; there the exponent diverges and nothing escapes, so that s must come from noise that stays
    positive.

    References
    ----------
    Z. Xie, I. Sato and M. Sugiyama (2021), A Diffusion Theory For Deep Learning Dynamics, arXiv:2002.03495.

    Examples
    --------
    >>> time = anisotropic_escape_time(0.25, 2.0, 1.0, learning_rate=0.1, batch_size=1)
    >>> print(f"{time:.3f}")
    133.584
    """
    barrier = _validate.real("barrier", barrier, above=0.0)
    valley = _validate.real("minimum_curvature", minimum_curvature, above=0.0)
    ridge = _validate.real("saddle_curvature", saddle_curvature, above=0.0)
    noise = _validate.real("learning_rate", learning_rate, above=0.0) / (
        2 * _validate.real("batch_size", batch_size, above=0.0)
    )
    share = _validate.real("split", split, above=0.0, below=1.0)
    rates = {"ito": valley, "stratonovich": np.sqrt(valley * ridge), "isothermal": ridge}
    rate = rates[_validate.choice("calculus", calculus, rates)]
    return float(2 * np.pi / rate * np.exp(barrier / noise * (share / valley + (1 - share) / ridge)))


def _critical(landscape: Landscape, name: str, x: ArrayLike, temperature: float, index: int) -> tuple[Array, Array]:
    """Return a point and its curvatures, ascending, if it is critical with the right number of negative ones."""
    d = landscape.dimension
    point = _validate.reals(name, x)
    if point.shape != (d,):
        raise InvalidInputError(
            f"{name} must have shape ({d},), for the {d} axes of landscape; got shape {point.shape}"
        )
    gradient, hessian = np.asarray(landscape.gradient(point)), np.asarray(landscape.hessian(point))
    if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
        raise InvalidInputError(f"{name} must be where landscape has derivatives that are finite; got {point.tolist()}")
    curvatures, axes = np.linalg.eigh(hessian)
    # How far each coordinate is from its extremum, in units of its thermal width √(T/|λ|).
    with np.errstate(divide="ignore"):
        off = np.abs(axes.T @ gradient) / np.sqrt(temperature * np.abs(curvatures))
    if np.any(curvatures == 0) or np.sum(curvatures < 0) != index:
        wanted = "none negative" if index == 0 else "one negative"
        raise InvalidInputError(f"{name} must have curvatures of which {wanted}; got {curvatures} at {point.tolist()}")
    if np.any(off > _OFF):
        raise InvalidInputError(
            f"{name} must be where the gradient vanishes; at {point.tolist()} it is {gradient.tolist()}. "
            "critical_points(landscape, bounds) finds such points."
        )
    return point, curvatures


def _loss(
    landscape: Landscape, minimum: float, saddle: float, temperature: float, friction: float, mass: float
) -> float:
    """Return the energy lost in one round at the height of the barrier, in units of T."""
    with np.errstate(over="ignore", under="ignore"):
        loss = float(np.float64(friction) * _action(landscape, minimum, saddle, mass) / temperature)
    if not 0 < loss < np.inf:
        raise InvalidInputError(
            f"temperature, friction and mass must lose an energy in one round that a float holds; got {loss:g} T"
        )
    return loss


def _action(landscape: Landscape, minimum: float, saddle: float, mass: float) -> float:
    """Return ∮ p dq of the orbit at the height of the barrier."""

    def depth(x: float) -> float:
        return float(landscape.value(np.array([saddle])) - landscape.value(np.array([x])))

    step, last = (minimum - saddle) / 64, minimum
    for _ in range(_SEARCH):
        if depth(last + step) <= 0:
            break
        last += step
    else:
        raise InvalidInputError(
            f"the well at {minimum:g} must rise to the height of the barrier on its other side; it does not up to "
            f"{last:g}"
        )
    turn: float = optimize.brentq(depth, last, last + step, xtol=1e-14)  # pyright: ignore[reportAssignmentType]
    middle, half = (saddle + turn) / 2, (saddle - turn) / 2

    # q = middle + half sin θ removes the root at the turning point.
    def integrand(angle: float) -> float:
        return np.sqrt(2 * mass * max(depth(middle + half * np.sin(angle)), 0.0)) * np.cos(angle)

    value, _ = integrate.quad(integrand, -np.pi / 2, np.pi / 2, epsabs=1e-12, epsrel=1e-10)
    return 2 * abs(half) * value
