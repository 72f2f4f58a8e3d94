"""Basins of a cost on a lattice: which minimum the way of steepest descent leads to, and where the borders are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from ...errors import InvalidInputError
from ..grids.grid import Grid

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

_NEAR = 3.0  # spacings between a lowest point of the lattice and the minimum that it stands for
_SURE = 0.9  # of the height of its lowest pass, up to which a basin is told by the cost alone
_BISECTIONS = 30  # of the height of a pass
_HALVINGS = 10  # of a link that a border crosses
_LONGEST = 4  # way down, in lengths of the longest axis
_SMOOTH = 5  # cells over which the direction of a border is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Links of the lattice along one axis that a border crosses.

    Parameters
    ----------
    start, end : ndarray, shape (m,)
        Flat indices of the points that a link joins.
    crossing : ndarray, shape (m,)
        Where it is crossed, from 0 at the start to 1 at the end.
    weight : ndarray, shape (m,)
        Square of the component of the border's normal along the axis.
    """

    start: Labels
    end: Labels
    crossing: Array
    weight: Array


class Watershed:
    """The basins of minima, rows of (k, d), on a lattice, where a law counts.

    Attributes
    ----------
    labels : ndarray of int, shape cells
        The minimum that each cell's centre belongs to.
    """

    def __init__(self, landscape: Any, minima: Array, grid: Grid, values: Array, counts: NDArray[np.bool_]) -> None:
        self._landscape, self._grid, self._count = landscape, grid, len(minima)
        values = np.minimum(values, 1e300)
        self._rough = _rough(landscape, minima, grid, values, counts)
        self._core = _cores(values, grid, minima, float(values[counts].max()))
        self.labels = self._rough.copy()
        # The lattice knows few directions, so that along a ridge its ways down cross to the wrong side: borders are
        # followed to where descent in continuous space has them.
        done = (self._core >= 0) | ~counts
        while True:
            edge = np.asarray(ndimage.binary_dilation(_edges(self.labels)), dtype=np.bool_) & ~done
            if not edge.any():
                break
            self.labels[edge] = self._settle(grid.centers[edge])
            done |= edge
        self._borders = [self._border(axis, counts) for axis in range(grid.dimension)]

    def shares(self, density: Array) -> Array:
        """Return the sum of a density (cells) over each basin, shape (k,), to second order in the spacing."""
        flat, labels = density.ravel(), self.labels.ravel()
        total: Any = np.bincount(labels, flat, self._count)
        for border in self._borders:
            logs = np.log(np.maximum([flat[border.start], flat[border.end]], 1e-300))
            there = np.exp((1 - border.crossing) * logs[0] + border.crossing * logs[1])
            # The sum over centres has the border half way.
            moved = border.weight * (border.crossing - 0.5) * there
            np.add.at(total, labels[border.start], moved)
            np.add.at(total, labels[border.end], -moved)
        return total

    def _settle(self, x: Array) -> Labels:
        """Return the minimum to which steepest descent leads from points (m, d)."""
        found, active = np.empty(len(x), dtype=np.int64), np.arange(len(x))
        low, high = self._grid.bounds.T
        stride = float(self._grid.spacing.min())
        for _ in range(_LONGEST * max(self._grid.cells)):
            cells = self._cells_of(x)
            core = self._core[cells]
            found[active] = np.where(core >= 0, core, self._rough[cells])
            active, x = active[core < 0], x[core < 0]
            if not len(active):
                break
            one = self._downhill(x)
            two = self._downhill(x + stride / 2 * one)
            three = self._downhill(x + stride / 2 * two)
            four = self._downhill(x + stride * three)
            x = np.clip(x + stride / 6 * (one + 2 * two + 2 * three + four), low, high)
        return found

    def _downhill(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            slope = np.asarray(self._landscape.gradient(x), dtype=np.float64)
            size = np.linalg.norm(slope, axis=-1, keepdims=True)
            return np.nan_to_num(-slope / np.maximum(size, 1e-300), posinf=0.0, neginf=0.0)

    def _cells_of(self, x: Array) -> tuple[Labels, ...]:
        index = np.floor((x - self._grid.bounds[:, 0]) / self._grid.spacing).astype(np.int64)
        return tuple(np.clip(index, 0, np.array(self._grid.cells) - 1).T)

    def _border(self, axis: int, counts: NDArray[np.bool_]) -> Border:
        ahead, behind = (np.arange(self._grid.size).reshape(self._grid.cells).take(
            range(first, self._grid.cells[axis] - 1 + first), axis=axis).ravel() for first in (1, 0))  # fmt: skip
        labels, used = self.labels.ravel(), counts.ravel()
        crossed = (labels[ahead] != labels[behind]) & (used[ahead] | used[behind])
        start, end = behind[crossed], ahead[crossed]
        points = self._grid.centers.reshape(-1, self._grid.dimension)
        low, high = np.zeros(len(start)), np.ones(len(start))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            x = points[start] + middle[:, None] * (points[end] - points[start])
            within = self._settle(x) == labels[start]
            low, high = np.where(within, middle, low), np.where(within, high, middle)
        weight = np.zeros(len(start))
        for basin in range(self._count):
            share = ndimage.uniform_filter((self.labels == basin).astype(np.float64), _SMOOTH, mode="nearest")
            slopes: Any = np.gradient(share, *self._grid.spacing)
            normal = np.stack(slopes, axis=-1).reshape(points.shape)
            here = labels[start] == basin
            normal = (normal[start] + normal[end])[here]
            weight[here] = normal[:, axis] ** 2 / np.maximum(np.sum(normal**2, axis=1), 1e-300)
        return Border(start=start, end=end, crossing=(low + high) / 2, weight=weight)


def _edges(labels: Labels) -> NDArray[np.bool_]:
    """Mark the points with a neighbour of another label."""
    return ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)


def _cores(values: Array, grid: Grid, minima: Array, highest: float) -> Labels:
    """Return for each point the minimum that it can only fall to, as the lowest pass is above it, or -1.

    Passes are sought up to the highest cost.
    """
    index = np.floor((minima - grid.bounds[:, 0]) / grid.spacing).astype(np.int64)
    seeds: Labels = np.asarray(np.ravel_multi_index(tuple(index.T), grid.cells))
    cores = np.full(values.shape, -1)
    for basin, seed in enumerate(seeds):
        floor = values.flat[seed]
        low, high = floor, max(floor, highest)
        for _ in range(_BISECTIONS):
            level = (low + high) / 2
            parts = _parts(values <= level)
            low, high = (low, level) if np.sum(parts.flat[seeds] == parts.flat[seed]) > 1 else (level, high)
        parts = _parts(values <= floor + _SURE * (low - floor))
        cores[parts == parts.flat[seed]] = basin
    return cores


def _parts(mask: NDArray[np.bool_]) -> Labels:
    """Return a number for each connected part of the points that are marked, and 0 elsewhere."""
    numbered: Any = ndimage.label(mask)
    return numbered[0]


def _rough(landscape: Any, minima: Array, grid: Grid, values: Array, counts: NDArray[np.bool_]) -> Labels:
    """Return the minimum at the end of the steepest way down on the lattice, shape cells.

    Where a narrow valley lies obliquely, a point of the lattice can be below all its neighbours; it then belongs where
    descent in continuous space leads. A basin in which nothing counts may have a minimum that is not known; it goes to
    the first.
    """
    roots = _descend(values, grid.spacing)
    lowest, inverse = np.unique(roots, return_inverse=True)
    labels = np.zeros(len(lowest), dtype=np.int64)
    for n in np.unique(inverse.ravel()[counts.ravel()]):
        labels[n] = _minimum(landscape, minima, grid.centers.reshape(-1, grid.dimension)[lowest[n]], grid)
    return labels[inverse].reshape(grid.cells)


def _descend(values: Array, spacing: Array) -> NDArray[np.int64]:
    """Return the flat index of the lowest point at the end of the steepest way down, for each point."""
    padded = np.pad(values, 1, constant_values=np.inf)
    target = np.arange(values.size).reshape(values.shape)
    indices = np.pad(target, 1, constant_values=-1)
    steepest = np.zeros(values.shape)
    for offset in itertools.product((-1, 0, 1), repeat=values.ndim):
        if not any(offset):
            continue
        window = tuple(slice(1 + o, 1 + o + n) for o, n in zip(offset, values.shape, strict=True))
        slope = (values - padded[window]) / np.linalg.norm(np.array(offset) * spacing)
        better = slope > steepest
        steepest = np.where(better, slope, steepest)
        target = np.where(better, indices[window], target)
    target = target.ravel()
    while True:
        further = target[target]
        if np.array_equal(further, target):
            return target
        target = further


def _minimum(landscape: Any, minima: Array, x: Array, grid: Grid) -> int:
    distances = np.max(np.abs(minima - x) / grid.spacing, axis=1)
    if distances.min() > _NEAR:
        found = optimize.minimize(lambda y: float(landscape.value(y)), x, jac=landscape.gradient, method="BFGS")
        distances = np.max(np.abs(minima - found.x) / grid.spacing, axis=1)
        if distances.min() > _NEAR:
            raise InvalidInputError(
                f"every basin must have one of the minima found; descent from x = {x.tolist()} leads to "
                f"{found.x.tolist()}. Pass bounds that hold this point, or a cost with minima that are not flat."
            )
    return int(np.argmin(distances))
