"""The Fokker–Planck operator as a Markov chain on the cells of a grid."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from ... import _validate
from ...errors import InvalidInputError
from ..laws._fields import Fields
from .grid import Grid

Array = NDArray[np.float64]
# Negative inside a region, or a truth value for being inside.
Region = Callable[[Array], Any]

_REACH = 8  # the longest jump, in cells
_LEAST_CUT = 1e-6  # a link is cut no shorter than this share of it
_ZERO = 1e-13  # weights and eigenvalues below this share of the largest are rounding errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A Markov chain on cells.

    Parameters
    ----------
    matrix : sparse array, shape (n, n)
        Entry [y, x] is the rate of jumps from cell x to cell y; the diagonal makes column x sum to -exits[x].
    exits : ndarray, shape (n,)
        Rate at which probability is absorbed from each cell.
    inside : ndarray of bool, shape (n,)
        Cells whose centre is in the region; they have neither jumps nor exits.
    steepness : ndarray, shape (n,)
        Largest |Péclet number| of the jumps from each cell; infinite where the drift acts without noise.
    """

    matrix: Any
    exits: Array
    inside: NDArray[np.bool_]
    steepness: Array


def bernoulli(z: Array) -> Array:
    """Return z/(eᶻ - 1), the weight of Scharfetter and Gummel."""
    with np.errstate(over="ignore"):
        return 1 / special.exprel(z)


def decompose(matrices: Array) -> tuple[NDArray[np.int64], Array]:
    """Write matrices (m, d, d) as Σₖ cₖ vₖvₖᵀ with integer vectors and cₖ ≥ 0; return v (m, K, d) and c (m, K).

    Selling's algorithm (Conway and Sloane 1992; Fehrenbach and Mirebeau 2014): d + 1 integer vectors that sum to zero
    are changed until no two of them make an acute angle in the metric of the matrix.
    """
    m, _, d = matrices.shape
    if d == 1:
        return np.ones((m, 1, 1), dtype=np.int64), matrices[:, 0]
    base = np.tile(np.vstack([np.eye(d), -np.ones(d)]), (m, 1, 1))
    pairs = list(itertools.combinations(range(d + 1), 2))
    tolerance = _ZERO * np.trace(matrices, axis1=1, axis2=2)
    active = np.arange(m)
    while len(active):
        b = base[active]
        products = b @ matrices[active] @ np.swapaxes(b, 1, 2)
        acute = np.stack([products[:, i, j] for i, j in pairs], axis=1) > tolerance[active, None]
        todo = acute.any(axis=1)
        active, b, first = active[todo], b[todo], acute[todo].argmax(axis=1)
        for n, (i, j) in enumerate(pairs):
            rows = first == n
            others = [k for k in range(d + 1) if k not in (i, j)]
            b[np.ix_(rows, others)] += (4 - d) * b[rows, i][:, None]
            b[rows, i] *= -1
        base[active] = b
        if np.any(np.abs(b) > _REACH):
            worst = matrices[active[np.argmax(np.abs(b).max(axis=(1, 2)))]]
            raise InvalidInputError(
                "diffusion must be such that jumps between cells at most "
                f"{_REACH} apart can make it, or the density would go negative; measured in cells it is "
                f"{worst.tolist()}, nearly singular along a direction that no two cells share. Rotate the coordinates "
                "so that it becomes diagonal, or choose the numbers of cells so that the cells are as oblong as it is."
            )
    products = base @ matrices @ np.swapaxes(base, 1, 2)
    weights = np.stack([np.maximum(-products[:, i, j], 0.0) for i, j in pairs], axis=1)
    if d == 2:
        thirds = base[:, [({0, 1, 2} - {i, j}).pop() for i, j in pairs]]
        vectors = np.stack([-thirds[..., 1], thirds[..., 0]], axis=-1)
    else:
        rest = [sorted({0, 1, 2, 3} - {i, j}) for i, j in pairs]
        vectors = np.cross(base[:, [k for k, _ in rest]], base[:, [n for _, n in rest]])
    return np.rint(vectors).astype(np.int64), weights


def generator(fields: Fields, grid: Grid, region: Region | None = None) -> Generator:
    """Return the chain whose forward equation is the Fokker–Planck equation, to second order in the spacing.

    D = Σ cₖ vₖvₖᵀ gives jumps ±vₖ. From x to y = x + v the rate is c(x) B(-P), back it is c(y) B(P), with
    B(z) = z/(eᶻ - 1) and P = v·D⁻¹f averaged over the link, so that drift, covariance and, where there is one, a
    potential are met. A region absorbs: the links that cross its boundary are cut there.
    """
    return _Assembly(fields, grid, region).result()


class _Assembly:
    def __init__(self, fields: Fields, grid: Grid, region: Region | None) -> None:
        self.fields, self.grid = fields, grid
        self.x = grid.centers.reshape(-1, grid.dimension)
        self.index = np.indices(grid.cells).reshape(grid.dimension, -1)
        self.f, self.d = fields.drift(self.x), fields.diffusion(self.x)
        self.level = np.ones(grid.size) if region is None else region_levels("region", region, self.x)
        self.inside = self.level <= 0
        self.exits, self.steepness = np.zeros(grid.size), np.zeros(grid.size)
        self.entries: list[tuple[NDArray[np.int64], NDArray[np.int64], Array]] = []
        singular = np.linalg.eigvalsh(self.d)[:, 0] <= _ZERO * np.abs(self.d).max()
        # Noise that fails in isolated points is bridged by the average over a link.
        self.degenerate = bool(singular.any())

    def result(self) -> Generator:
        for step, weights in self._jumps():
            self._link(step, weights)
            for sign in (1, -1):
                self._cross(sign * step, weights)
        if self.degenerate:
            for axis in range(self.grid.dimension):
                self._upwind(axis)
        size = self.grid.size
        rows, columns, rates = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        matrix = sparse.csc_array((rates, (rows, columns)), shape=(size, size))
        matrix.eliminate_zeros()
        diagonal = -np.asarray(matrix.sum(axis=0)).ravel() - self.exits
        matrix = sparse.csc_array(matrix + sparse.dia_array((diagonal[None], [0]), shape=(size, size)))
        return Generator(matrix=matrix, exits=self.exits, inside=self.inside, steepness=self.steepness)

    def _jumps(self) -> list[tuple[NDArray[np.int64], Array]]:
        """Return each jump, up to sign, with its weight c in every cell."""
        h = self.grid.spacing
        scaled = (self.d[:1] if self.fields.constant else self.d) / (h[:, None] * h)
        vectors, weights = decompose(scaled)
        # One of v and -v: the one whose first entry other than zero is positive.
        leading = np.take_along_axis(vectors, (vectors != 0).argmax(axis=2)[..., None], axis=2)
        vectors = vectors * np.sign(leading)
        used = weights > _ZERO * weights.max()
        jumps = []
        for step in np.unique(vectors[used], axis=0):
            weight = np.sum(np.where(np.all(vectors == step, axis=2) & used, weights, 0.0), axis=1)
            jumps.append((step, np.broadcast_to(weight, self.grid.size)))
        return jumps

    def _neighbours(self, step: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the cell at x + step, and whether there is one."""
        shape, periodic = np.array(self.grid.cells)[:, None], np.array(self.grid.periodic)[:, None]
        target = self.index + step[:, None]
        target = np.where(periodic, target % shape, target)
        exists = np.all((target >= 0) & (target < shape), axis=0)
        cells = np.ravel_multi_index(tuple(np.where(exists, target, 0)), self.grid.cells)
        return np.asarray(cells, dtype=np.int64), exists

    def _exponent(self, start: NDArray[np.int64], displacement: Array, end: NDArray[np.int64] | None) -> Array:
        """Return ∫ D⁻¹f·dl along straight links from centres, by averages of f and of D after Simpson."""
        drift, diffusion = self._averages(start, displacement, end)
        if self.degenerate:
            force = np.einsum("mij,mj->mi", _inverse(diffusion), drift)
        else:
            force = np.linalg.solve(diffusion, drift[..., None])[..., 0]
        return np.sum(displacement * force, axis=1)

    def _averages(self, start: NDArray[np.int64], displacement: Array, end: NDArray[np.int64] | None) -> Any:
        middle = self._wrapped(self.x[start] + displacement / 2)
        last = self._wrapped(self.x[start] + displacement) if end is None else self.x[end]
        f_last = self.fields.drift(last) if end is None else self.f[end]
        drift = (self.f[start] + 4 * self.fields.drift(middle) + f_last) / 6
        if self.fields.constant:
            return drift, self.d[start]
        d_last = self.fields.diffusion(last) if end is None else self.d[end]
        return drift, (self.d[start] + 4 * self.fields.diffusion(middle) + d_last) / 6

    def _wrapped(self, x: Array) -> Array:
        low, high = self.grid.bounds.T
        return np.where(self.grid.periodic, low + (x - low) % (high - low), np.clip(x, low, high))

    def _link(self, step: NDArray[np.int64], weights: Array) -> None:
        target, exists = self._neighbours(step)
        start = np.flatnonzero(exists & ((weights > 0) | (weights[target] > 0)))
        end = target[start]
        exponent = self._exponent(start, np.broadcast_to(step * self.grid.spacing, (len(start), len(step))), end)
        np.maximum.at(self.steepness, start, np.abs(exponent))
        np.maximum.at(self.steepness, end, np.abs(exponent))
        self._jump(start, end, weights[start], exponent)
        self._jump(end, start, weights[end], -exponent)

    def _jump(self, start: NDArray[np.int64], end: NDArray[np.int64], weights: Array, exponent: Array) -> None:
        """Add jumps between cells, cut at the boundary of the region where they enter it."""
        free = ~self.inside[start] & ~self.inside[end]
        self.entries.append((end[free], start[free], weights[free] * bernoulli(-exponent[free])))
        enters = ~self.inside[start] & self.inside[end]
        start, end = start[enters], end[enters]
        cut = np.maximum(self.level[start] / (self.level[start] - self.level[end]), _LEAST_CUT)
        np.add.at(self.exits, start, weights[enters] * bernoulli(-cut * exponent[enters]) / cut)

    def _cross(self, step: NDArray[np.int64], weights: Array) -> None:
        """Let the jumps that leave the box through an absorbing side end there; the others do not happen."""
        _, exists = self._neighbours(step)
        start = np.flatnonzero(~exists & ~self.inside & (weights > 0))
        displacement = step * self.grid.spacing
        low, high = self.grid.bounds.T
        with np.errstate(divide="ignore", invalid="ignore"):
            cuts = np.where(step == 0, np.inf, (np.where(step > 0, high, low) - self.x[start]) / displacement)
        cuts[:, list(self.grid.periodic)] = np.inf
        side = cuts.argmin(axis=1)
        absorbs = np.array(
            [self.grid.boundaries[axis][int(step[axis] > 0)] == "absorbing" for axis in range(len(step))]
        )
        keep = absorbs[side]
        start, cut = start[keep], cuts.min(axis=1)[keep]
        if len(start):
            exponent = self._exponent(start, cut[:, None] * displacement, None)
            np.add.at(self.exits, start, weights[start] * bernoulli(-exponent) / cut)

    def _upwind(self, axis: int) -> None:
        """Add the drift that no noise accompanies, as jumps downstream: first order, but never negative."""
        step = np.eye(self.grid.dimension, dtype=np.int64)[axis]
        h = self.grid.spacing[axis]
        target, exists = self._neighbours(step)
        start = np.flatnonzero(exists)
        end = target[start]
        drift, diffusion = self._averages(start, np.broadcast_to(step * h, (len(start), len(step))), end)
        bare = self._without_noise(drift, diffusion, axis) / h
        self.steepness[start[bare != 0]] = np.inf
        for origin, goal, rate in ((start, end, np.maximum(bare, 0)), (end, start, np.maximum(-bare, 0))):
            free = ~self.inside[origin] & ~self.inside[goal]
            self.entries.append((goal[free], origin[free], rate[free]))
            enters = ~self.inside[origin] & self.inside[goal]
            np.add.at(self.exits, origin[enters], rate[enters])
        for sign in (1, -1):
            if self.grid.boundaries[axis][int(sign > 0)] == "absorbing":
                _, exists = self._neighbours(sign * step)
                start = np.flatnonzero(~exists & ~self.inside)
                bare = self._without_noise(self.f[start], self.d[start], axis)
                np.add.at(self.exits, start, np.maximum(sign * bare, 0) / h)

    def _without_noise(self, drift: Array, diffusion: Array, axis: int) -> Array:
        """Return the component along an axis of the part of f that is not in the range of D."""
        bare = drift - np.einsum("mij,mjk,mk->mi", diffusion, _inverse(diffusion), drift)
        return np.where(np.abs(bare[:, axis]) > 1e-10 * np.abs(self.f).max(), bare[:, axis], 0.0)


def _inverse(diffusion: Array) -> Array:
    return np.asarray(np.linalg.pinv(diffusion, rcond=_ZERO, hermitian=True), dtype=np.float64)


def region_levels(name: str, region: Region, x: Array) -> Array:
    """Return the values of a region at points (m, d), shape (m,), not positive inside; ±1/2 for truth values."""
    given = _validate.called(name, _validate.function(name, region, "of points (m, d)"), x)
    values = _validate.reals(f"the values of {name}", given)
    if np.asarray(given).dtype == bool:
        values = np.where(values > 0, -0.5, 0.5)
    if values.shape != x.shape[:-1]:
        raise InvalidInputError(
            f"{name} must map points {x.shape} to truth values or distances {x.shape[:-1]}, as a region; got shape "
            f"{values.shape}"
        )
    if not (values <= 0).any():
        raise InvalidInputError(
            f"{name} must contain the centre of a cell; the region holds none. Refine the grid or move it."
        )
    if (values <= 0).all():
        raise InvalidInputError(f"{name} must leave some cells outside; the region holds all of them")
    return values
