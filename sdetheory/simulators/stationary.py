"""Stationary statistics of an SDE, sampled in memory that does not grow with the number of steps."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import DivergedError, InvalidInputError
from ..results import Estimate, mean_estimate
from ._ensemble import Ensemble
from .sde import SDE

_GROUPS = 128
"""Paths are counted in at most so many groups; the scatter between groups gives the errors of a histogram."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Histogram:
    """Counts of the sampled positions on a grid of equal cells, with errors from independent groups of paths.

    Attributes
    ----------
    edges : tuple of d ndarrays
        Edges of the cells along each axis.
    counts : ndarray, shape (n_groups, *cells)
        Number of samples in each cell, for each group of paths.
    totals : ndarray, shape (n_groups,)
        Number of finite samples of each group, those outside the grid included.
    """

    edges: tuple[NDArray[np.float64], ...]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]

    @property
    def density(self) -> Estimate:
        """Probability density in each cell: arrays of the shape of the grid."""
        volume = math.prod(float(edge[1] - edge[0]) for edge in self.edges)
        fraction = self._fraction(self.counts.reshape(len(self.counts), -1) / volume)
        shape = self.counts.shape[1:]
        return Estimate(
            value=fraction.value.reshape(shape), stderr=fraction.stderr.reshape(shape), n_eff=fraction.n_eff
        )

    @property
    def outside(self) -> Estimate:
        """Probability of the points outside the grid."""
        return self._fraction(self.totals - self.counts.reshape(len(self.counts), -1).sum(axis=1))

    def probability(self, lower: ArrayLike, upper: ArrayLike) -> Estimate:
        """Return the probability of a box of whole cells.

        Parameters
        ----------
        lower, upper : float or ndarray, shape (d,)
            Corners of the box; each must lie on an edge. An infinite one stands for the end of the grid.

        Returns
        -------
        Estimate
            The fraction of all samples that lie in the box, with its standard error.

        Raises
        ------
        InvalidInputError
            A corner is not on an edge, or samples outside the grid could belong to the box.
        """
        chosen = self.counts
        for axis, (edge, a, b) in enumerate(
            zip(
                self.edges,
                np.broadcast_to(lower, len(self.edges)),
                np.broadcast_to(upper, len(self.edges)),
                strict=True,
            )
        ):
            start, stop = (_edge(edge, corner) for corner in (a, b))
            if start >= stop:
                raise InvalidInputError(f"lower must be below upper on each axis; got {a:g} and {b:g}")
            chosen = chosen.take(np.arange(start, stop), axis=axis + 1)
        if np.isinf([*np.ravel(lower), *np.ravel(upper)]).any() and self.outside.value > 0:
            raise InvalidInputError(
                f"a fraction {self.outside.value:.2g} of the samples is outside the grid, so an unbounded box cannot "
                "be counted; sample again with wider bins"
            )
        return self._fraction(chosen.reshape(len(chosen), -1).sum(axis=1))

    def _fraction(self, counts: NDArray[Any]) -> Estimate:
        # A ratio of sums over groups: its error is that of the residuals, to first order.
        totals = self.totals.reshape(-1, *[1] * (counts.ndim - 1))
        value = counts.sum(axis=0) / self.totals.sum()
        residual = mean_estimate((counts - value * totals) / self.totals.mean())
        return Estimate(value=value[()], stderr=residual.stderr, n_eff=residual.n_eff)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationarySample:
    """What :func:`sample_stationary` returns.

    Attributes
    ----------
    mean : Estimate
        Mean position, arrays of shape (d,). Standard errors come from the scatter between independent paths.
    covariance : Estimate
        Covariance of the position, arrays of shape (d, d).
    histogram : Histogram or None
        Counts on the grid that ``bins`` asked for.
    n_samples : int
        Number of positions that entered.
    diverged : int
        Number of paths that overflowed; they enter neither mean nor covariance. What they did before, while still
        finite, is counted in the histogram.
    replay : dict
        Arguments that repeat the sample to the same bits: ``sample_stationary(**sample.replay)``.
    """

    mean: Estimate
    covariance: Estimate
    histogram: Histogram | None
    n_samples: int
    diverged: int
    replay: dict[str, Any]


def sample_stationary(
    sde: SDE,
    x0: ArrayLike | None = None,
    *,
    dt: float,
    n_paths: int,
    burn_in: int,
    n_steps: int,
    every: int = 1,
    bins: ArrayLike | Sequence[ArrayLike] | None = None,
    rng: Any = None,
    method: str = "euler-maruyama",
    progress: bool = False,
) -> StationarySample:
    r"""Sample the stationary distribution of an SDE by long independent paths, keeping statistics and no paths.

    Parameters
    ----------
    sde : SDE
        The equation, for example from :func:`langevin`.
    x0 : ndarray, shape (d,) or (n_paths, d), optional
        Where the paths start; the origin by default.
    dt : float
        Step h > 0.
    n_paths : int
        Number of independent paths, at least 2; more paths make better error bars.
    burn_in : int
        Steps before the first sample: several relaxation times.
    n_steps : int
        Steps after it.
    every : int, optional
        Take a sample every so many steps; it must divide ``n_steps``. Neighbouring steps are nearly the same position,
        so a larger value loses little and saves the time of counting.
    bins : ndarray, or sequence of d ndarrays, optional
        Edges of equal cells of a histogram, for d = 1 or 2.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7).
    method : {"euler-maruyama", "leimkuhler-matthews"}, optional
        The stationary law of the first is correct to O(h), of the second to O(h²). See :func:`simulate`.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    StationarySample
        Mean, covariance and histogram, each with its standard error.

    Raises
    ------
    InvalidInputError
        Wrong shapes, numbers that are not finite, dt ≤ 0, counts that do not fit, cells that are not equal; before any
        work is done.
    DivergedError
        Fewer than two paths stayed finite.

    Warns
    -----
    RuntimeWarning
        Some paths overflowed and were left out.

    Notes
    -----
    Samples of one path are correlated, paths are not: every standard error is the scatter of time averages between
    paths (or, for histograms, between up to 128 groups of paths) over the root of their number. It knows nothing of a
    burn-in that is too short or of the bias in h. Memory is O(n_paths d²) and O(cells).

    References
    ----------
    .. [1] B. Leimkuhler and C. Matthews, "Rational construction of stochastic numerical methods for molecular
       sampling", Applied Mathematics Research eXpress 2013.

    Examples
    --------
    >>> import sdetheory as st
    >>> sde = st.langevin(st.landscapes.quadratic(2.0), temperature=0.5)
    >>> sample = sample_stationary(sde, dt=0.05, n_paths=2000, burn_in=200, n_steps=400, every=4, rng=0,
    ...                            method="leimkuhler-matthews")
    >>> bool(abs(sample.covariance.z_score(0.25)) < 4)
    True
    """
    n_paths = _validate.integer("n_paths", n_paths, at_least=2)
    if x0 is None:
        x0 = np.zeros(sde.dimension if isinstance(sde, SDE) else 0)
    ensemble = Ensemble.prepare(sde, x0, dt=dt, n_paths=n_paths, rng=rng, method=method)
    burn_in = _validate.integer("burn_in", burn_in, at_least=0)
    n_steps = _validate.integer("n_steps", n_steps, at_least=1)
    every = _validate.integer("every", every, at_least=1)
    if n_steps % every:
        raise InvalidInputError(
            f"every must divide n_steps; got {every} and {n_steps}. Take n_steps={-(-n_steps // every) * every}."
        )
    edges = None if bins is None else _edges(bins, sde.dimension)
    replay = {
        "sde": sde, "x0": ensemble.positions(), "dt": ensemble.dt, "n_paths": n_paths, "burn_in": burn_in,
        "n_steps": n_steps, "every": every, "bins": edges, "rng": ensemble.seed, "method": method,
    }  # fmt: skip

    for chunk in ensemble.chunks(burn_in, progress=progress, label="burn in"):
        ensemble.advance(chunk)

    blocks, dimension, lanes = ensemble.state.shape
    # Moments about a point of the path itself do not cancel, wherever other paths are.
    origin = ensemble.state.copy()
    first = np.zeros_like(ensemble.state)
    second = np.zeros((blocks, dimension * (dimension + 1) // 2, lanes))
    shape = np.array([len(edge) - 1 for edge in edges or ()], dtype=np.int64)
    lower = np.array([edge[0] for edge in edges or ()], dtype=np.float64)
    scale = np.array([(len(edge) - 1) / (edge[-1] - edge[0]) for edge in edges or ()], dtype=np.float64)
    counts = np.zeros((min(blocks, _GROUPS), int(np.prod(shape)) + 1), dtype=np.int64)
    for chunk in ensemble.chunks(n_steps // every, steps_each=every, progress=progress, label="sample"):
        ensemble.advance_and_record(chunk, every, origin, first, second, lower, scale, shape, counts, n_paths)

    n_records = n_steps // every
    averages = ensemble.unblocked(first) / n_records, ensemble.unblocked(second) / n_records
    finite = np.isfinite(averages[0]).all(axis=1) & np.isfinite(averages[1]).all(axis=1)
    diverged = int(n_paths - finite.sum())
    if n_paths - diverged < 2:
        raise DivergedError(
            f"{diverged} of {n_paths} paths overflowed. Reduce dt, or start nearer to the minima.",
            result=ensemble.positions(),
        )
    if diverged:
        warnings.warn(f"{diverged} of {n_paths} paths overflowed and were left out; reduce dt", RuntimeWarning, 2)
    centre, *moments = _about_one_point(ensemble.unblocked(origin)[finite], *(a[finite] for a in averages))
    mean, covariance = _moments(*moments)
    histogram = None
    if edges is not None:
        inner = counts[:, :-1].reshape(len(counts), *shape)
        histogram = Histogram(edges=edges, counts=inner, totals=counts.sum(axis=1))
    return StationarySample(
        mean=Estimate(value=mean.value + centre, stderr=mean.stderr, n_eff=mean.n_eff),
        covariance=covariance,
        histogram=histogram,
        n_samples=n_records * int(finite.sum()),
        diverged=diverged,
        replay=replay,
    )


def _about_one_point(
    origins: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a point inside the cloud, and the paths' averages about it instead of about origins of their own."""
    centre = np.median(origins + first, axis=0)
    shift = origins - centre
    rows, columns = np.tril_indices(first.shape[1])
    products = shift[:, rows] * first[:, columns] + first[:, rows] * shift[:, columns]
    return centre, first + shift, second + products + shift[:, rows] * shift[:, columns]


def _moments(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    """Return mean and covariance from time averages by path, of x and of the products of its components."""
    mean = mean_estimate(first)
    dimension = first.shape[1]
    rows, columns = np.tril_indices(dimension)
    # Each path's contribution to E[xx'] - E[x]E[x]', linearized about the means (exact for the value itself).
    centred = first - mean.value
    influence = second - mean.value[rows] * first[:, columns] - mean.value[columns] * first[:, rows]
    influence += mean.value[rows] * mean.value[columns]
    packed = mean_estimate(influence)
    # The mean itself is estimated; what that takes from the covariance is its own variance.
    packed_value = packed.value + np.mean(centred[:, rows] * centred[:, columns], axis=0) / (len(first) - 1)
    value, stderr = np.empty((2, dimension, dimension))
    value[rows, columns] = value[columns, rows] = packed_value
    stderr[rows, columns] = stderr[columns, rows] = packed.stderr
    return mean, Estimate(value=value, stderr=stderr, n_eff=packed.n_eff)


def _edges(bins: Any, dimension: int) -> tuple[NDArray[np.float64], ...]:
    if dimension > 2:
        raise InvalidInputError(f"bins need d = 1 or 2; this SDE has d = {dimension}. Leave bins out.")
    sequence = isinstance(bins, list | tuple) and len(bins) and np.ndim(bins[0]) == 1
    axes = tuple(bins) if sequence else (bins,)
    if len(axes) != dimension:
        raise InvalidInputError(f"bins must give edges for each of the {dimension} coordinates; got {len(axes)}")
    edges = tuple(_validate.reals("bins", axis, shape=(None,)) for axis in axes)
    for edge in edges:
        widths = np.diff(edge)
        if len(edge) < 2 or not (widths > 0).all() or np.ptp(widths) > 1e-9 * np.ptp(edge):
            raise InvalidInputError(
                "bins must be increasing edges of cells of equal width, such as np.linspace(-2, 2, 101)"
            )
    return edges


def _edge(edge: NDArray[np.float64], corner: float) -> int:
    """Return the number of the edge at which a corner lies."""
    if np.isnan(corner):
        raise InvalidInputError("a corner of the box is NaN; it must lie on an edge of the histogram")
    position = np.clip((corner - edge[0]) / (edge[-1] - edge[0]), 0.0, 1.0) * (len(edge) - 1)
    number = int(np.rint(position))
    if abs(position - number) > 1e-6 or (np.isfinite(corner) and not edge[0] <= corner <= edge[-1]):
        raise InvalidInputError(f"{corner:g} is not an edge of the histogram; the nearest is {edge[number]:g}")
    return number
