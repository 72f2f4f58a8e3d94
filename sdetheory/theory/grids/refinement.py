"""What finer and coarser grids say about a number: its error, its order, and its limit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NOISE = 1e-13  # relative; below it differences are rounding errors
_HIGHEST = 16.0  # factor by which halving the cells divides an error of fourth order
_REGULAR = 1 / 3  # the observed order may fall short of the expected one by so much


@dataclass(frozen=True, slots=True, kw_only=True)
class GridEstimate:
    """A quantity on a grid and what refinement says about its error.

    Parameters
    ----------
    value : float or ndarray
        On the given grid, or extrapolated to cells of no width.
    error : float
        Estimate of the largest error of an entry of `value`, from grids with a half and a quarter of the cells per
        axis.
    order : float
        Observed order in the spacing of the quantity on the grids, before extrapolation; nan if the differences are
        rounding errors.
    """

    value: Any
    error: float
    order: float


def grid_estimate(fine: Any, half: Any, quarter: Any, *, order: int, extrapolate: bool) -> GridEstimate:
    """Return the estimate from values on three grids, of which the error starts with the given power of the spacing."""
    values = [np.asarray(value, dtype=np.float64) for value in (fine, half, quarter)]
    near, far = (float(np.abs(a - b).max()) for a, b in itertools.pairwise(values))
    # Below this the differences are rounding errors.
    known = near > _NOISE * float(np.abs(values[0]).max()) and far > 0
    observed = float(np.log2(far / near)) if known else float("nan")
    # Terms of several orders may cancel in one difference, which is then no measure of the error.
    near = max(near, far / _HIGHEST) if known else near
    # A quantity of higher order has no first term to remove.
    if not extrapolate or not observed < order + 1:
        gain = 2.0 ** np.clip(observed, 1.0, 2.0) - 1 if known else 1.0
        return GridEstimate(value=values[0][()], error=near / gain, order=observed)
    best, worse = (_extrapolated(*pair, order) for pair in itertools.pairwise(values))
    # The next power is twice the first, as the errors of both kinds of scheme go: h and h², or h² and h⁴.
    # Where the first term is not seen, no gain is counted on.
    gain = 4.0**order - 1 if observed > order - _REGULAR else 1.0
    return GridEstimate(value=best[()], error=float(np.abs(best - worse).max()) / gain, order=observed)


def _extrapolated(fine: Array, coarse: Array, order: int) -> Array:
    """Return what both grids say of cells of no width; in logarithms where both are positive, which it then is too."""
    weight = 2.0**order
    positive = (fine > 0) & (coarse > 0)
    logs = [np.log(np.where(positive, value, 1.0)) for value in (fine, coarse)]
    with np.errstate(over="ignore"):
        return np.where(
            positive,
            np.exp((weight * logs[0] - logs[1]) / (weight - 1)),
            (weight * fine - coarse) / (weight - 1),
        )
