"""Boxes cut into equal cells."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import NdBSpline, make_interp_spline

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]

BOUNDARIES = ("natural", "reflecting", "absorbing", "periodic")
_PAD = 4  # cells added at each side of a periodic axis before interpolation


class Grid:
    """A box in one to three dimensions, cut into equal cells, and what happens at its sides.

    Parameters
    ----------
    bounds : ndarray, shape (d, 2)
        Lower and upper end of each axis; in one dimension also (2,).
    cells : int or sequence of d int
        Number of cells along each axis, at least 4.
    boundaries : str or sequence of d (str or pair of str)
        For all sides, for each axis, or for the lower and the upper side of each axis:

        - "natural": no flux, and the law is required to be negligible there, as if space went on (default);
        - "reflecting": a wall, no flux; where D is not diagonal the reflection is along the conormal Dn;
        - "absorbing": probability that reaches the side is lost;
        - "periodic": both sides of the axis are the same.

    Attributes
    ----------
    bounds : ndarray, shape (d, 2)
    cells : tuple of int
    boundaries : tuple of pairs of str
    dimension : int
    spacing : ndarray, shape (d,)
        Width of a cell along each axis.
    volume : float
        Of a cell.

    Raises
    ------
    InvalidInputError
        If the bounds are not in order, the dimension is not 1 to 3, a name is unknown, or one side is periodic alone.

    Examples
    --------
    >>> grid = Grid([(-1, 1), (0, 3)], (4, 6), boundaries=["natural", ("reflecting", "absorbing")])
    >>> grid.spacing.tolist(), grid.centers.shape
    ([0.5, 0.5], (4, 6, 2))
    """

    def __init__(
        self,
        bounds: ArrayLike,
        cells: int | Sequence[int],
        *,
        boundaries: str | Sequence[str | Sequence[str]] = "natural",
    ) -> None:
        self.bounds = _validate.box("bounds", bounds)
        self.dimension = d = len(self.bounds)
        if not 1 <= d <= 3:
            raise InvalidInputError(f"bounds must describe 1 to 3 axes; got {d}. Sample the law in more dimensions.")
        counts = _validate.integers("cells", cells, at_least=4)
        if counts.shape not in ((), (d,)):
            raise InvalidInputError(f"cells must be one number or {d}, by bounds; got shape {counts.shape}")
        self.cells = tuple(int(n) for n in np.broadcast_to(counts, (d,)))
        self.boundaries = _sides(boundaries, d)
        self.spacing = (self.bounds[:, 1] - self.bounds[:, 0]) / self.cells
        self.volume = float(np.prod(self.spacing))

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.cells))

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Which axes are periodic."""
        return tuple(lower == "periodic" for lower, _ in self.boundaries)

    @cached_property
    def axes(self) -> tuple[Array, ...]:
        """Centres of the cells along each axis."""
        return tuple(
            lower + h * (np.arange(n) + 0.5)
            for (lower, _), h, n in zip(self.bounds, self.spacing, self.cells, strict=True)
        )

    @cached_property
    def centers(self) -> Array:
        """Centres of the cells, shape (*cells, d)."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1)

    def coarser(self, factor: int) -> Grid:
        """Return the same box with about 1/factor of the cells along each axis."""
        factor = _validate.integer("factor", factor, at_least=1)
        return Grid(self.bounds, [max(n // factor, 4) for n in self.cells], boundaries=self.boundaries)

    def interpolate(self, values: ArrayLike, x: ArrayLike) -> Array:
        """Return cubic spline values at points.

        Parameters
        ----------
        values : ndarray, shape cells
            At the centres.
        x : ndarray, shape (..., d)
            Points in the box.

        Returns
        -------
        ndarray, shape (...)
            The error is of fourth order in the spacing where the values are smooth.
        """
        points = _validate.reals("x", x)
        if points.shape[-1:] != (self.dimension,):
            raise InvalidInputError(f"x must have shape (..., {self.dimension}); got shape {points.shape}")
        low, high = self.bounds.T
        width = np.where(self.periodic, high - low, 0.0)
        points = points - width * np.floor((points - low) / np.where(width, width, 1.0))
        if np.any((points < low) | (points > high)):
            raise InvalidInputError(f"x must lie within the bounds {self.bounds.tolist()} of the grid")
        coefficients, knots = _validate.reals("values", values, shape=self.cells), []
        for axis, centers in enumerate(self.axes):
            if self.periodic[axis]:
                pad = [(_PAD if other == axis else 0,) * 2 for other in range(self.dimension)]
                coefficients = np.pad(coefficients, pad, mode="wrap")
                centers = centers[0] + self.spacing[axis] * np.arange(-_PAD, len(centers) + _PAD)
            spline = make_interp_spline(centers, coefficients, k=3, axis=axis)
            # A spline keeps the axis that it interpolates first.
            coefficients = np.moveaxis(spline.c, 0, axis)
            knots.append(spline.t)
        return NdBSpline(tuple(knots), np.ascontiguousarray(coefficients), 3)(points)

    def __repr__(self) -> str:
        return f"Grid({self.bounds.tolist()}, {self.cells}, boundaries={self.boundaries})"


def _sides(given: str | Sequence[str | Sequence[str]], dimension: int) -> tuple[tuple[str, str], ...]:
    axes = [given] * dimension if isinstance(given, str) else given
    if not isinstance(axes, (list, tuple)) or len(axes) != dimension:
        raise InvalidInputError(
            f"boundaries must be one name or one entry for each of {dimension} axes; got {_validate.shown(given)}"
        )
    sides = []
    for axis in axes:
        pair = (axis, axis) if isinstance(axis, str) else axis
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise InvalidInputError(
                f"boundaries of an axis must be one name or (lower, upper); got {_validate.shown(axis)}"
            )
        lower, upper = (_validate.choice("boundaries", name, BOUNDARIES) for name in pair)
        if (lower == "periodic") != (upper == "periodic"):
            raise InvalidInputError(f"boundaries must be periodic at both sides of an axis or at none; got {axis!r}")
        sides.append((lower, upper))
    return tuple(sides)
