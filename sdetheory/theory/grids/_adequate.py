"""Whether a grid is wide and fine enough for a law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInputError
from .grid import Grid

STEEP = 2.0
"""A density that changes by more than e² from cell to cell is not resolved."""
_STEEP_SHARE = 0.1  # so much of the probability may lie in such cells
_EDGE = 1e-6  # the density at a natural side, relative to the largest


def check_sides(grid: Grid, held: NDArray[np.float64]) -> None:
    """Refuse a law that the box does not hold, of which `held` (d, 2) is the density at the sides by the largest."""
    natural = np.array(grid.boundaries) == "natural"
    if np.any(held[natural] > _EDGE):
        axis, side = np.unravel_index(np.argmax(np.where(natural, held, 0)), held.shape)
        low, high = grid.bounds[axis]
        wider = high + (high - low) / 4 if side else low - (high - low) / 4
        raise InvalidInputError(
            f"grid must hold the law; at the {'upper' if side else 'lower'} side of axis {axis}, x = "
            f"{grid.bounds[axis, side]:g}, the density is {held[axis, side]:.2g} of its maximum. Move the "
            f"side, to {wider:g} say; if it does not fall there, there is no stationary law. If the side is a "
            "wall, make it 'reflecting'."
        )


def check_resolution(grid: Grid, coarse: float) -> None:
    """Refuse a law of which too large a share, `coarse`, lies in steep cells."""
    if coarse > _STEEP_SHARE:
        raise InvalidInputError(
            f"grid must resolve the law; {coarse:.0%} of the probability lies in cells with a Péclet number "
            f"|h f/D| above {STEEP:g}. Use more cells, or narrower bounds; got {grid.cells} cells."
        )
