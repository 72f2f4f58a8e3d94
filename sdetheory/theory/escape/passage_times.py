"""The exact mean first-passage time in one dimension."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ..laws import _quadrature
from ..laws._fields import Field, Fields
from ..laws._potential import CALCULI, Potential, antiderivative, unresolved

Array = NDArray[np.float64]

_TOLERANCE = 1e-13


def mean_first_passage_time(
    drift: Field,
    diffusion: Field | ArrayLike,
    *,
    start: float,
    target: float,
    wall: float | None = None,
    calculus: str = "ito",
) -> float:
    r"""Return the mean time to go from one point to another in one dimension.

    .. math::

        \tau = \int_{x_0}^{b} s'(y) \int_{a}^{y} m(z) \, dz \, dy, \quad
        s' = D^{w - 1} e^{-\varphi}, \; m = D^{-w} e^{\varphi}, \; \varphi = \int \frac{f}{D} \, dx

    for a target b above the start x₀, with a below; mirrored otherwise. w = 1 for Itô and 1/2 for Stratonovich.

    Parameters
    ----------
    drift : callable
        f, as it stands in the equation dx = f dt + √(2D) dW: maps points (..., 1) to (..., 1).
    diffusion : float or callable
        D > 0: a number or a function of points (..., 1).
    start, target : float
        x₀ and b.
    wall : float, optional
        a, a reflecting wall on the far side of the start; none, if not given.
    calculus : {"ito", "stratonovich"}
        How the equation is meant.

    Returns
    -------
    float
        τ, to a relative 1e-10 for smooth fields. It is infinite if the process can stay away for ever, or so long that
        the mean does not exist (∫m diverges at a), and if it exceeds the range of floats.

    Raises
    ------
    InvalidInputError
        Start and target are equal, the wall is not beyond the start, or the fields are not as described.

    References
    ----------
    C. Gardiner (2009), Stochastic Methods, section 5.5.2.

    Examples
    --------
    >>> tau = mean_first_passage_time(lambda x: x - x**3, 0.1, start=-1.0, target=1.0)
    >>> print(f"{tau:.4f}")
    66.2686
    """
    _validate.choice("calculus", calculus, CALCULI)
    start, target = _validate.real("start", start), _validate.real("target", target)
    if start == target:
        raise InvalidInputError(f"start and target must differ; got {start:g} twice")
    sign = np.sign(target - start)
    far = -np.inf if wall is None else sign * _validate.real("wall", wall)
    if not far <= sign * start:
        raise InvalidInputError(f"wall must lie beyond the start, seen from the target; got wall = {wall}")
    if sign > 0:
        fields = Fields(drift, diffusion, 1)
    else:
        mirrored = (lambda x: np.asarray(diffusion(-x))) if callable(diffusion) else diffusion
        fields = Fields(lambda x: -np.asarray(drift(-x)), mirrored, 1)
    return _time(Potential(fields, calculus, far, sign * target, sign * start), sign * start)


def _time(potential: Potential, start: float) -> float:
    far, _ = potential.ends
    if not far.integrable:
        return np.inf
    x, edges = potential.nodes, potential.edges
    if start < edges[0]:
        raise InvalidInputError(
            f"start must be where drift and diffusion can be followed, within {abs(edges[0]):.3g} of the target; got "
            f"{start:.3g}"
        )
    speed = potential.log_density(x.ravel()).reshape(x.shape)
    # Masses are kept as logarithms: s' and m may be beyond floats where their product is not.
    tops = speed.max(axis=1)
    series = antiderivative(np.exp(speed - tops[:, None]), np.diff(edges))
    ends = potential.log_density(np.array([far.edge, far.inner]))
    outer, inner = np.exp(ends - ends.max())
    with np.errstate(divide="ignore"):
        rest = np.log(far.rest(np.array([outer]), np.array([inner]))) + ends.max()
        masses = np.log(series.sum(axis=1)) + tops
    below = np.logaddexp.accumulate(np.concatenate([rest, masses]))
    scale = potential.log_scale(x.ravel()).reshape(x.shape).max(axis=1)
    top = (scale + below[1:])[edges[1:] > start].max()

    def integrand(points: Array) -> Array:
        y = points[:, 0]
        panel = np.clip(np.searchsorted(edges, y, side="right") - 1, 0, len(edges) - 2)
        t = 2 * (y - edges[panel]) / (edges[panel + 1] - edges[panel]) - 1
        scale, inside = potential.log_scale(y) - top, legendre.legval(t, series[panel].T, tensor=False)
        return (np.exp(scale + below[panel]) + np.exp(scale + tops[panel]) * inside)[:, None]

    boxes = np.clip(np.stack([edges[:-1], edges[1:]], axis=1), start, None)[:, :, None]
    with np.errstate(over="ignore", invalid="ignore"):
        value, *_ = _quadrature.integrate(integrand, boxes[boxes[:, 0, 0] < boxes[:, 1, 0]], _TOLERANCE)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(value[0] * np.exp(top))
    if np.isnan(mean):
        raise unresolved("are too far apart for the integrals")
    return mean
