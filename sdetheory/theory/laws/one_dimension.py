"""The stationary law in one dimension, for noise that depends on the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ... import _validate
from ...errors import InvalidInputError
from . import _quadrature
from ._fields import Field, Fields
from ._potential import CALCULI, Potential

Array = NDArray[np.float64]

_TOLERANCE = 1e-13
_NEGLIGIBLE = 745.0  # e^-745 is the smallest float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoStationaryLaw:
    """The answer that there is no stationary law without current.

    Parameters
    ----------
    reason : str
        What fails, and where.
    end : float
        The end at which the integral of the density diverges.
    exponent : float
        α of p ~ |x|^-α at infinity, where α ≤ 1 diverges; of p ~ |x - end|^-α at a finite end, where α ≥ 1 does.
    """

    reason: str
    end: float
    exponent: float

    @property
    def exists(self) -> bool:
        """False."""
        return False


def stationary_law(
    drift: Field,
    diffusion: Field | ArrayLike,
    *,
    calculus: str = "ito",
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> OneDimensionalLaw | NoStationaryLaw:
    r"""Return the stationary law of an equation in one dimension with any noise.

    .. math::

        dx = f \, dt + b \, dW, \quad D = b^2/2: \qquad p(x) \propto D(x)^{-w} \exp \int^x \frac{f}{D} \, dy

    with w = 1 for Itô and w = 1/2 for Stratonovich.

    Parameters
    ----------
    drift : callable
        f, as it stands in the equation: maps points (..., 1) to (..., 1).
    diffusion : float or callable
        D: a number, or a function of points (..., 1) that gives (...), (..., 1) or (..., 1, 1). Positive between the
        bounds; it may vanish at them.
    calculus : {"ito", "stratonovich"}
        How the equation is meant.
    bounds : tuple of two floats, optional
        Ends of the line; a finite one is a reflecting wall, or a point where the noise vanishes.

    Returns
    -------
    OneDimensionalLaw or NoStationaryLaw
        Both say so in ``exists``. There is none if the density is not integrable at an end: it does not decay faster
        than ``1/|x|`` (flat or repelling), or it grows as ``1/|x - a|`` at a point a where the noise vanishes
        (collapse onto a).

    Raises
    ------
    InvalidInputError
        Fields of a wrong shape or not smooth, a noise that is negative, or zero between the bounds.

    Notes
    -----
    No current: on the line, and between walls, the stationary current is zero. The integral of f/D is taken by Legendre
    series on panels that double in length from the middle outwards (to 2¹⁰⁰, or 2⁻⁵⁰ of the interval from a finite end)
    and are halved until resolved; densities are accurate to 1e-11 or so, relative. At an end the law goes on as the
    power that the last octave shows. An exponent within 1e-3 of 1 counts as divergent: it cannot be told from it.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, section 5.3.3. H. Risken (1989), The Fokker–Planck Equation, section 5.2.
    T. Mori, L. Ziyin, K. Liu and M. Ueda (2022), Power-law escape rate of SGD, arXiv:2105.09557.

    Examples
    --------
    Noise that grows with the loss x²/2 makes heavy tails:

    >>> law = stationary_law(lambda x: -x, lambda x: 0.4 * (x**2 / 2 + 0.1))
    >>> print(f"{law.variance:.8f} {law.tail_exponents[1]:.3f}")
    0.05000000 7.000
    >>> stationary_law(lambda x: -x / (1 + x**2), 1.0).exists
    False
    """
    _validate.choice("calculus", calculus, CALCULI)
    low, high = checked_bounds(bounds)
    potential = Potential(Fields(drift, diffusion, 1), calculus, low, high)
    for end in potential.ends:
        if not end.integrable:
            if np.isinf(end.position):
                what = f"p ~ |x|^{-end.exponent:.4g}, which must fall faster than 1/|x|"
            else:
                what = f"p ~ |x - {end.position:g}|^{-end.exponent:.4g}, which must stay below 1/|x - {end.position:g}|"
            return NoStationaryLaw(
                reason=f"the density is not integrable at {end.position:g}: {what}",
                end=end.position,
                exponent=end.exponent,
            )
    return OneDimensionalLaw(potential)


class OneDimensionalLaw:
    """A stationary law on the line; made by :func:`stationary_law`.

    Attributes
    ----------
    bounds : tuple of two floats
        Ends of the line.
    tail_exponents : tuple of two floats
        α at the lower and the upper end, with p ~ |x|^-α at infinity and p ~ |x - end|^-α at a finite end; inf where
        the law falls faster than any power that matters. At infinity moments below order α - 1 exist.
    """

    _shown = ("bounds", "tail_exponents")

    def __init__(self, potential: Potential) -> None:
        self._potential = potential
        self.bounds = (potential.low, potential.high)
        self.tail_exponents = (potential.ends[0].exponent, potential.ends[1].exponent)
        x, edges = potential.nodes, potential.edges
        values = potential.log_density(x.ravel()).reshape(x.shape)
        self._peak = float(values.max())
        relevant = values.max(axis=1) > self._peak - _NEGLIGIBLE
        self._boxes = np.stack([edges[:-1], edges[1:]], axis=1)[relevant, :, None]
        self._mass = float(self._integral(lambda x: np.ones((len(x), 1)))[0])

    @property
    def exists(self) -> bool:
        """True."""
        return True

    def _weight(self, x: Array) -> Array:
        return np.exp(self._potential.log_density(x) - self._peak)

    def _integral(self, f: Callable[[Array], Array], lower: float = -np.inf, upper: float = np.inf) -> Array:
        """Return ∫ f·weight for f from (m, 1) to (m, k), with power laws beyond the panels."""

        def integrand(x: Array) -> Array:
            return f(x) * self._weight(x[:, 0])[:, None]

        boxes = np.clip(self._boxes, lower, upper)
        boxes = boxes[boxes[:, 0, 0] < boxes[:, 1, 0]]
        value = _quadrature.integrate(integrand, boxes, _TOLERANCE)[0] if len(boxes) else np.zeros(1)
        for end in self._potential.ends:
            inside = min(end.position, end.edge) >= lower and max(end.position, end.edge) <= upper
            if inside and np.isfinite(end.exponent):
                outer, inner = integrand(np.array([[end.edge], [end.inner]]))
                value = value + end.rest(outer, inner)
        return value

    def pdf(self, x: ArrayLike) -> Any:
        """Return the density at points (..., 1), as an array (...); 0 outside the bounds.

        Beyond the last panel, where a power law has next to nothing left, the value at its edge is returned.
        """
        points = _validate.reals("x", x)
        if points.shape[-1:] != (1,):
            raise InvalidInputError(f"x must have shape (..., 1); got shape {points.shape}. Write x[..., None].")
        low, high = self._potential.edges[[0, -1]]
        flat = points.reshape(-1)
        values = self._weight(np.clip(flat, low, high)) / self._mass
        values[(flat < self.bounds[0]) | (flat > self.bounds[1])] = 0.0
        return values.reshape(points.shape[:-1])[()]

    def cdf(self, x: ArrayLike) -> Any:
        """Return the probability of values up to x, at points (..., 1), as an array (...)."""
        points = _validate.vectors("x", x, 1)
        flat = points.ravel()
        share = self._cumulative.share(flat)
        # Beyond the panels the rest goes on as a power: towards a pole it may hold more than a float adds to 1.
        for end, sign in zip(self._potential.ends, (1, -1), strict=True):
            beyond = (flat - end.edge) * sign < 0
            if beyond.any() and np.isfinite(end.exponent):
                origin = end.position if np.isfinite(end.position) else 0.0
                left = (end.position - flat[beyond]) * sign < 0
                ratio = np.where(left, (flat[beyond] - origin) / (end.edge - origin), 0.0)
                tail = share[beyond] if sign == 1 else 1 - share[beyond]
                tail *= np.power(ratio, 1 - end.exponent, out=np.zeros_like(ratio), where=left)
                share[beyond] = tail if sign == 1 else 1 - tail
        return share.reshape(points.shape[:-1])[()]

    @cached_property
    def _cumulative(self) -> _quadrature.Cumulative:
        leaves = _quadrature.integrate(lambda x: self._weight(x[:, 0])[:, None], self._boxes, _TOLERANCE)[3]
        rest = []
        for end in self._potential.ends:
            weights = self._weight(np.array([end.edge, end.inner]))[:, None]
            rest.append(float(end.rest(weights[:1], weights[1:])[0, 0]) if np.isfinite(end.exponent) else 0.0)
        return _quadrature.Cumulative(lambda x: self._weight(x[:, 0]), leaves, *rest)

    def expectation(self, f: Callable[[Array], Any]) -> Any:
        """Return E f(x); f maps points (m, 1) to values (m,) or (m, ...).

        Where the integral diverges the value is infinite, or nan if it does so at both ends with opposite signs.
        """
        shape: tuple[int, ...] = ()
        _validate.function("f", f, "of points (m, 1)")

        def checked(x: Array) -> Array:
            nonlocal shape
            values = _validate.reals("the values of f", _validate.called("f", f, x))
            if values.shape[:1] != (len(x),):
                raise InvalidInputError(f"f must map points {x.shape} to ({len(x)}, ...); got shape {values.shape}")
            shape = values.shape[1:]
            return values.reshape(len(x), -1)

        with np.errstate(invalid="ignore"):
            value = self._integral(checked) / self._mass
        return value.reshape(shape)[()]

    def probability(self, lower: float, upper: float) -> float:
        """Return the probability of lower ≤ x ≤ upper; infinite ends are allowed."""
        lower, upper = float(_validate.extended("lower", lower)), float(_validate.extended("upper", upper))
        if lower > upper:
            raise InvalidInputError(f"lower must not exceed upper; got {lower} and {upper}")
        mass = float(self._integral(lambda x: np.ones((len(x), 1)), lower, upper)[0])
        return min(mass / self._mass, 1.0)

    @cached_property
    def mean(self) -> float:
        """Mean; nan if it does not exist."""
        return float(self.expectation(lambda x: x)[0]) if self._has_moment(1) else np.nan

    @cached_property
    def variance(self) -> float:
        """Variance; inf if the mean exists and the variance does not, nan if neither does."""
        if not self._has_moment(2):
            return np.inf if self._has_moment(1) else np.nan
        return float(self.expectation(lambda x: (x - self.mean) ** 2)[0])

    def _has_moment(self, order: int) -> bool:
        ends = self._potential.ends
        return all(np.isfinite(end.position) or end.exponent > order + 1 + 1e-6 for end in ends)


def power_law(curvature: float, noise_scale: float, *, slope: float, floor: float, calculus: str = "ito") -> Any:
    r"""Return the law of SGD on a parabola whose noise grows with the loss: a Student t.

    .. math::

        dx = -C' dt + \sqrt{g s (C + c_0)} \, dW, \quad C = k x^2 / 2: \qquad
        p \propto (C + c_0)^{-(w + 2/(g s))}

    with w = 1 for Itô, which is what SGD tends to, and w = 1/2 for Stratonovich.

    Parameters
    ----------
    curvature : float
        k > 0.
    noise_scale : float
        g > 0.
    slope : float
        s > 0 of the gradient variance F = s(C + c₀).
    floor : float
        c₀ > 0. With c₀ = 0 the noise vanishes at the minimum, x collapses onto it, and there is no density.
    calculus : {"ito", "stratonovich"}
        How the equation is meant.

    Returns
    -------
    scipy.stats.rv_frozen
        Student t with ν = 2w - 1 + 4/(gs) degrees of freedom and scale √(2c₀/(kν)). The variance 2c₀/(k(ν - 2)) is
        finite if ν > 2, that is gs < 4 for Itô.

    Raises
    ------
    InvalidInputError
        An argument is not positive.

    References
    ----------
    T. Mori, L. Ziyin, K. Liu and M. Ueda (2022), Power-law escape rate of SGD, arXiv:2105.09557 (φ = 1 + 2/(gs)).

    Examples
    --------
    >>> print(f"{power_law(1.0, 1.0, slope=0.8, floor=0.1).var():.4f}")
    0.0500
    """
    k = _validate.real("curvature", curvature, above=0.0)
    g = _validate.real("noise_scale", noise_scale, above=0.0)
    s, c0 = _validate.real("slope", slope, above=0.0), _validate.real("floor", floor, above=0.0)
    weight = CALCULI[_validate.choice("calculus", calculus, CALCULI)]
    freedom = 2 * weight - 1 + 4 / (g * s)
    return stats.t(freedom, scale=np.sqrt(2 * c0 / (k * freedom)))


def checked_bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    """Return two ends in order; they may be infinite."""
    ends = _validate.extended("bounds", bounds, None)
    if ends.shape != (2,):
        raise InvalidInputError(f"bounds must be two numbers; got {_validate.shown(bounds)}")
    low, high = map(float, ends)
    if not low < high or low == np.inf or high == -np.inf:
        raise InvalidInputError(f"bounds must have lower < upper; got {bounds}")
    return low, high
