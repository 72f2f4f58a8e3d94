"""Evidence meets dynamics: how a stationary law shares its probability among minima."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ..grids.fokker_planck import fokker_planck
from ..grids.grid import Grid
from ..laws._box import checked, cost, lowest_on_faces
from ..laws._fields import Field
from ..laws.gibbs import GibbsLaw, gibbs
from ..laws.one_dimension import NoStationaryLaw, stationary_law
from ._watershed import Watershed
from .critical_points import CriticalPoint, Landscape, critical_points

Array = NDArray[np.float64]

_CELLS = {2: 192, 3: 64}
_CELLS_OF_A_LAW = {2: 192, 3: 32}  # where the Fokker–Planck equation is solved
_COUNTS = 1e-9  # below this share of the largest density borders do not matter
_EDGE = 1e-6  # the density at a side of the box, relative to that of the lowest minimum


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BasinWeights:
    """What :func:`basin_weights` returns; entries are in the order of the minima, lowest cost first.

    Parameters
    ----------
    temperature : float
        T.
    minima : tuple of CriticalPoint
    weights : ndarray, shape (k,)
        Probability of each basin in the stationary law of the dynamics.
    gibbs_weights : ndarray, shape (k,)
        The same under e^{-C/T}/Z: each basin's evidence, over that of all. Without `diffusion` it is the same.
    laplace_weights : ndarray, shape (k,)
        The Laplace value of `gibbs_weights`.
    log_evidence : ndarray, shape (k,)
        ln ∫ e^{-C/T} dw over each basin.
    laplace_log_evidence : ndarray, shape (k,)
        -C/T + (d/2) ln 2πT - ½ ln det ∇∇C at each minimum.
    error : float
        Estimate of the largest error of a weight: in two and three dimensions the change from half as many cells,
        which for an error of second order is three times too large.
    """

    temperature: float
    minima: tuple[CriticalPoint, ...]
    weights: Array
    gibbs_weights: Array
    laplace_weights: Array
    log_evidence: Array
    laplace_log_evidence: Array
    error: float

    @property
    def laplace_error(self) -> Array:
        """Laplace's log evidence less the exact one, shape (k,)."""
        return self.laplace_log_evidence - self.log_evidence

    @property
    def failure(self) -> Array:
        """ln(weights/gibbs_weights), shape (k,): by how much the evidence misjudges where the dynamics stays."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(self.weights / self.gibbs_weights)


def basin_weights(
    landscape: Landscape,
    temperature: float,
    *,
    diffusion: Field | ArrayLike | None = None,
    bounds: ArrayLike | None = None,
    cells: int | None = None,
) -> BasinWeights:
    r"""Return how much of the stationary law lies in the basin of each minimum, beside the basin's evidence.

    .. math::

        P_i = \frac{Z_i}{\sum_j Z_j}, \qquad Z_i = \int_{\text{basin } i} e^{-C/T} \, dw
        \approx e^{-C_i/T} \sqrt{\frac{(2 \pi T)^d}{\det \nabla \nabla C_i}}

    for isotropic noise; for other noise P comes from the stationary law of :math:`dw = -\nabla C \, dt + B \, dW`,
    :math:`BB^T = 2D`, in Itô's sense.

    Parameters
    ----------
    landscape : object
        Has ``dimension``, 1 to 3, ``value``, ``gradient`` and ``hessian``, at points (..., d).
    temperature : float
        T > 0. At T = 1, with C the negative log posterior, Zᵢ is the evidence that a minimum stands for.
    diffusion : float, ndarray or callable, optional
        D, as :func:`stationary_law` (one dimension) and :func:`fokker_planck` (two and three) take it. Isotropic T if
        not given.
    bounds : ndarray, shape (d, 2), optional
        Box that holds the law and its minima. If not given, the one outside which (C - min C)/T > 60.
    cells : int, optional
        Cells along each axis in two (192) or three dimensions (64, and 32 with `diffusion`).

    Returns
    -------
    BasinWeights
        With minima, weights, evidence and Laplace values.

    Raises
    ------
    InvalidInputError
        T ≤ 0, no minimum within the bounds, a cost without stationary law, a box that is too small for the law of the
        dynamics, one basin whose minimum was not found.
    IncompatibleError
        The noise leaves no stationary law.

    Notes
    -----
    A basin is where steepest descent leads to its minimum. In one dimension it ends at the maxima, and weights are
    right to 1e-10. In more, links of a lattice that a border crosses are cut by following descent from points on them,
    and a weight is of second order in the spacing: with the usual cells right to about 1e-5 in two dimensions and 1e-4
    in three where the noise is isotropic, and better where barriers are high. With `diffusion` the error of the law is
    added, of second order too. Minima and passes must be some cells apart.

    References
    ----------
    S. Smith and Q. Le (2018), arXiv:1710.06451, appendix A. S. Jastrzębski et al. (2017), arXiv:1711.04623.

    Examples
    --------
    A sharp minimum of cost 0 and a broad one of cost 1: the noise decides.

    >>> import sdetheory as st
    >>> landscape = st.landscapes.sharp_and_broad(separation=4.0)
    >>> for temperature in (0.25, 1.0):
    ...     law = basin_weights(landscape, temperature)
    ...     print(f"{law.weights[1]:.7f} {law.laplace_weights[1]:.7f}")
    0.0838952 0.0838952
    0.6478126 0.6478126

    Noise of the same strength at the sharp minimum, and weaker by a tenth at the broad one, drives the law there:

    >>> law = basin_weights(landscape, 0.25, diffusion=lambda x: 0.25 - 0.0125 * (1 + np.tanh(5 * x - 10)))
    >>> print(f"{law.weights[1]:.4f} {law.gibbs_weights[1]:.4f}")
    0.7702 0.0839
    """
    checked(landscape, "gradient", "hessian")
    cells = cells_each_way(cells)
    law = gibbs(landscape, temperature, bounds=bounds)
    points = critical_points(landscape, law.bounds)
    minima = tuple(point for point in points if point.index == 0)
    if not minima:
        raise InvalidInputError(
            f"landscape must have a minimum within the bounds; none was found in {law.bounds.tolist()}. "
            "Pass wider bounds."
        )
    _check_box(law, minima[0].value)
    if law.dimension == 1:
        gibbs_weights, weights, error = _on_the_line(law, landscape, points, diffusion)
    else:
        gibbs_weights, weights, error = _on_a_grid(law, landscape, minima, diffusion, cells)
    curvatures = np.array([point.curvatures for point in minima])
    laplace = -np.array([point.value for point in minima]) / law.temperature + 0.5 * np.sum(
        np.log(2 * np.pi * law.temperature / curvatures), axis=1
    )
    with np.errstate(divide="ignore"):
        evidence = np.log(gibbs_weights) + law.log_partition
    return BasinWeights(
        temperature=law.temperature, minima=minima, weights=weights, gibbs_weights=gibbs_weights,
        laplace_weights=special.softmax(laplace), log_evidence=evidence, laplace_log_evidence=laplace, error=error,
    )  # fmt: skip


def _check_box(law: GibbsLaw, lowest: float) -> None:
    """Refuse a given box that cuts off a part of the law."""
    edge = lowest_on_faces(law.landscape, law.bounds.T)
    held = np.exp((lowest - cost(law.landscape, edge)) / law.temperature).reshape(-1, 2)
    if held.max() > _EDGE:
        axis, side = np.unravel_index(np.argmax(held), held.shape)
        low, high = law.bounds[axis]
        wider = high + (high - low) / 4 if side else low - (high - low) / 4
        raise InvalidInputError(
            f"bounds must hold the law; at the {'upper' if side else 'lower'} side of axis {axis}, x = "
            f"{law.bounds[axis, side]:g}, the density is {held[axis, side]:.2g} of its maximum. Move the side, to "
            f"{wider:g} say."
        )


def _on_the_line(
    law: GibbsLaw, landscape: Landscape, points: list[CriticalPoint], diffusion: Field | ArrayLike | None
) -> tuple[Array, Array, float]:
    order = [float(point.position[0]) for point in points if point.index == 0]
    ranks = np.argsort(np.argsort(order))
    places = np.sort(order)
    tops = np.array([point.position[0] for point in points if point.index == 1])
    inner = [tops[(tops > a) & (tops < b)] for a, b in itertools.pairwise(places)]
    if any(len(between) != 1 for between in inner):
        raise InvalidInputError(
            f"between two minima there must be one maximum; got minima {places.tolist()} and maxima {tops.tolist()}. "
            "Some critical points were missed, or are degenerate."
        )
    ends = np.array([-np.inf, *(float(between[0]) for between in inner), np.inf])

    def shares(probability: Any) -> Array:
        return np.array([probability(a, b) for a, b in itertools.pairwise(ends)])[ranks]

    weights = shares(law.probability)
    if diffusion is None:
        return weights, weights, 1e-10
    confined = tuple(law.bounds[0]) if law.confined else (-np.inf, np.inf)
    moved = stationary_law(lambda x: -np.asarray(landscape.gradient(x)), diffusion, bounds=confined)
    if isinstance(moved, NoStationaryLaw):
        raise IncompatibleError(f"diffusion must leave a stationary law; {moved.reason}")
    return weights, shares(moved.probability), 1e-10


def cells_each_way(cells: int | None) -> int | None:
    """Return the number of cells of a grid along each axis, checked before any work; None leaves the choice to it."""
    return None if cells is None else _validate.integer("cells", cells, at_least=16)


def _on_a_grid(
    law: GibbsLaw,
    landscape: Landscape,
    minima: tuple[CriticalPoint, ...],
    diffusion: Field | ArrayLike | None,
    cells: int | None,
) -> tuple[Array, Array, float]:
    usual = (_CELLS if diffusion is None else _CELLS_OF_A_LAW)[law.dimension]
    count = usual if cells is None else cells
    positions = np.array([point.position for point in minima])
    results = []
    for n in (count, count // 2):
        grid = Grid(law.bounds, n)
        values = cost(landscape, grid.centers)
        # For a smooth density that vanishes at the sides the sum over centres converges faster than any power.
        laws = [np.exp(-(values - values.min()) / law.temperature)]
        if diffusion is not None:
            # The coarser grid is a witness of the error only, and may be too coarse for a law.
            moved = fokker_planck(lambda x: -np.asarray(landscape.gradient(x)), diffusion, grid, first_order=n < count)
            laws.append(moved.density)
        counts = np.any([p > _COUNTS * p.max() for p in laws], axis=0)
        watershed = Watershed(landscape, positions, grid, values, counts)
        results.append([watershed.shares(p) / p.sum() for p in laws])
    whole, half = results
    error = max(float(np.abs(a - b).max()) for a, b in zip(whole, half, strict=True))
    return whole[0], whole[-1], error
