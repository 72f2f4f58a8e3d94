"""Coordinates in which Laplace's approximation is exact."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy import special

from ... import _validate
from ...errors import InvalidInputError
from .maps import SmoothMap
from .weight_model import WeightModel

Array = NDArray[np.float64]

_PANEL = 0.25  # posterior standard deviations
_FARTHEST = 1e4
# Below e⁻²⁰⁰ of the maximum the density is cut: far beyond the e⁻³² that evidences look at.
_DEPTH = 200.0
# Within a panel the density changes by a factor of forty at most, which Newton's method solves in a few steps.
_NEWTON = 8
_ORDER = 16
_NODES, _WEIGHTS = legendre.leggauss(_ORDER)
# From values at the nodes to coefficients of Legendre polynomials.
_PROJECTION = _WEIGHTS[:, None] * legendre.legvander(_NODES, _ORDER - 1) * (np.arange(_ORDER) + 0.5)


def gaussianizing_map(model: WeightModel) -> SmoothMap:
    r"""Return the map that makes the posterior of one weight a standard normal density.

    .. math:: \varphi(v) = F^{-1}(\Phi(v)), \qquad \varphi'(v) = \frac{N(v; 0, 1)}{p(\varphi(v))}

    F is the posterior's distribution function, p its density, Φ the normal distribution function. In v Laplace's
    approximation of the evidence is exact.

    Parameters
    ----------
    model : WeightModel
        A model of one weight.

    Returns
    -------
    SmoothMap
        φ, for |v| up to about 19.

    Raises
    ------
    InvalidInputError
        If the model has more than one weight, or a posterior that does not fall off.

    Notes
    -----
    That such coordinates exist does not make them cheap: F is the integral that Laplace's approximation is to save. In
    several dimensions the same construction, one conditional distribution after the other, gives a triangular map
    (Rosenblatt); for a linear model with Gaussian prior and noise the identity does. F is tabulated by Gauss–Legendre
    panels of a quarter of a standard deviation, each tail from its own end. Assumes a smooth positive density on the
    whole line; a positive weight is one after :data:`EXP`.

    References
    ----------
    M. Rosenblatt (1952), Remarks on a multivariate transformation, Annals of Mathematical Statistics 23, 470.

    Examples
    --------
    >>> from sdetheory.evidence import reparameterize
    >>> from sdetheory.models import LogisticRegression
    >>> model = WeightModel.of(LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 0, 1], prior_precision=0.1))
    >>> print(f"{model.log_evidence():.8f} {model.log_laplace():.8f}")
    -3.13316692 -3.22260164
    >>> print(f"{reparameterize(model, gaussianizing_map(model)).log_laplace():.8f}")
    -3.13316692
    """
    asked = ("dimension", "mode", "cost", "gradient_and_hessian")
    _validate.having("model", model, asked, "a WeightModel", hint="WeightModel(...) makes one.")
    if model.dimension != 1:
        raise InvalidInputError(f"gaussianizing_map takes a model of one weight; got one of {model.dimension}")
    mode = model.mode()
    lowest = model.cost(mode)
    width = float(model.gradient_and_hessian(mode)[1][0, 0]) ** -0.5
    left, right = (float(mode[0]) + unit * _reach(model, float(mode[0]), unit, lowest) for unit in (-width, width))
    edges = np.linspace(left, right, int((right - left) / (_PANEL * width)) + 2)
    half = np.diff(edges)[:, None] / 2
    density = np.exp(lowest - model.cost((edges[:-1, None] + half * (1 + _NODES))[..., None]))
    # Of each panel the Legendre series of the integral from its left end, as a function of t in (-1, 1).
    primitive = legendre.legint(half * density @ _PROJECTION, axis=1, lbnd=-1)
    slopes = legendre.legder(primitive, axis=1)
    masses = primitive.sum(axis=1)
    below = np.concatenate([[0.0], np.cumsum(masses)])
    above = np.concatenate([np.cumsum(masses[::-1])[::-1], [0.0]])
    total = below[-1]

    def partial(panel: NDArray[np.int64], t: Array) -> tuple[Array, Array]:
        """Return the integral from the left end of a panel to t, and its derivative."""
        basis = legendre.legvander(t, _ORDER)
        return np.sum(basis * primitive[panel], axis=-1), np.sum(basis[..., :-1] * slopes[panel], axis=-1)

    def quantile(v: Array) -> Array:
        """Solve F(w) = Φ(v), each v from the tail that is nearer."""
        left_tail = v <= 0
        wanted = special.ndtr(-np.abs(v)) * total
        panel = np.where(
            left_tail,
            np.searchsorted(below, wanted, side="right") - 1,
            len(masses) - np.searchsorted(above[::-1], wanted, side="right"),
        ).clip(0, len(masses) - 1)
        # What is left for this panel, measured from its left end.
        rest = np.where(left_tail, wanted - below[panel], masses[panel] - (wanted - above[panel + 1]))
        t = 2 * rest / masses[panel] - 1
        for _ in range(_NEWTON):
            got, rate = partial(panel, t)
            t = (t - (got - rest) / rate).clip(-1, 1)
        return edges[panel] + half[panel, 0] * (1 + t)

    def normal_score(w: Array) -> Array:
        """Return Φ⁻¹(F(w)), from the tail that is nearer."""
        panel = (np.searchsorted(edges, w, side="right") - 1).clip(0, len(masses) - 1)
        part = partial(panel, ((w - edges[panel]) / half[panel, 0] - 1).clip(-1, 1))[0]
        lower, upper = below[panel] + part, above[panel + 1] + masses[panel] - part
        return np.where(lower < upper, special.ndtri(lower / total), -special.ndtri(upper / total))

    def slope(v: Array) -> Array:
        log_density = lowest - model.cost(quantile(v)) - np.log(total)
        return np.exp(-0.5 * v**2 - 0.5 * np.log(2 * np.pi) - log_density[..., None])[..., None]

    return SmoothMap(quantile, normal_score, slope)


def _reach(model: WeightModel, mode: float, unit: float, lowest: float) -> float:
    """Return how many units from the mode the density has fallen below the depth."""
    distance = 8.0
    while model.cost(np.array([mode + distance * unit])) - lowest < _DEPTH:
        distance *= 1.25
        if distance > _FARTHEST:
            raise InvalidInputError(
                f"the posterior must fall off; at w = {mode + distance * unit:.3g} it still has e^-{_DEPTH:g} of its "
                "maximum. Give it a prior that does."
            )
    return distance
