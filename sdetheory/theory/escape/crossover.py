"""The temperature at which a broad basin begins to outweigh a deeper one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from ... import _validate
from ...errors import InvalidInputError
from ..laws._box import checked
from .basins import basin_weights, cells_each_way
from .critical_points import Landscape, critical_points, numbered

_REACH = 16.0  # a crossover is sought up to so many times above and below its Laplace value


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """Where two basins weigh the same.

    Parameters
    ----------
    temperature : float
        T at which their probabilities are equal; above it the broader basin wins.
    laplace_temperature : float
        Its Laplace value, 2ΔC / ln(det H₁/det H₂).
    """

    temperature: float
    laplace_temperature: float


def crossover_temperature(
    landscape: Landscape,
    sharp: ArrayLike,
    broad: ArrayLike,
    bounds: ArrayLike,
    *,
    cells: int | None = None,
) -> Crossover:
    r"""Return the temperature at which a broad basin begins to weigh more than a deeper, sharper one.

    .. math:: Z_1(T^*) = Z_2(T^*), \qquad T^* \approx \frac{2 (C_2 - C_1)}{\ln \det H_1 / \det H_2}

    Parameters
    ----------
    landscape : object
        As for :func:`basin_weights`.
    sharp, broad : ndarray, shape (d,)
        The minima.
    bounds : ndarray, shape (d, 2)
        Box that holds both basins.
    cells : int, optional
        As for :func:`basin_weights`.

    Returns
    -------
    Crossover
        Exact, to the accuracy of the weights, and by Laplace.

    Raises
    ------
    InvalidInputError
        A point that is no minimum; one basin that wins at every temperature, being both deeper and broader; no
        crossover within a factor of 16 of Laplace's.

    Examples
    --------
    >>> import sdetheory as st
    >>> landscape = st.landscapes.sharp_and_broad(separation=4.0)
    >>> found = crossover_temperature(landscape, [0.0], [4.0], (-4.0, 10.0))
    >>> print(f"{found.temperature:.7f} {found.laplace_temperature:.7f}")
    0.6213349 0.6213349
    """
    cells = cells_each_way(cells)
    box = _validate.box("bounds", bounds, checked(landscape, "gradient", "hessian"))
    minima = [point for point in critical_points(landscape, box) if point.index == 0]
    tolerance = 1e-4 * np.ptp(box, axis=1)
    first, second = (numbered(minima, name, x, tolerance) for name, x in (("sharp", sharp), ("broad", broad)))
    if first == second:
        raise InvalidInputError(f"sharp and broad must be different minima; both are {minima[first].position.tolist()}")
    rise = minima[second].value - minima[first].value
    narrowing = float(np.sum(np.log(minima[first].curvatures)) - np.sum(np.log(minima[second].curvatures)))
    if rise <= 0 or narrowing <= 0:
        raise InvalidInputError(
            "sharp must be deeper than broad and have the larger determinant of curvatures, or one basin wins at "
            f"every temperature; its cost is lower by {rise:.6g} and its log determinant larger by {narrowing:.6g}"
        )
    guess = 2 * rise / narrowing

    def odds(log_temperature: float) -> float:
        evidence = basin_weights(landscape, float(np.exp(log_temperature)), bounds=box, cells=cells).log_evidence
        return float(evidence[second] - evidence[first])

    low, high = np.log(guess), np.log(guess)
    step = 0.1
    while odds(low) > 0 or odds(high) < 0:
        low, high, step = low - step, high + step, 2 * step
        if high - np.log(guess) > np.log(_REACH):
            raise InvalidInputError(
                f"the basins must cross within a factor of {_REACH:g} of Laplace's temperature, {guess:.6g}; they do "
                "not. Where no barrier is left, basins have lost their meaning."
            )
    crossing: float = low
    if high > low:
        crossing = optimize.brentq(odds, low, high, xtol=1e-11)  # pyright: ignore[reportAssignmentType]
    return Crossover(temperature=float(np.exp(crossing)), laplace_temperature=float(guess))
