"""Estimates from sums over time by path: what the scatter between independent paths tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._intervals import law_of_mean
from ..results import Estimate, mean_of


def pairs(dimension: int, n_observables: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which two columns each second moment is of: all pairs of components, and each observable's square."""
    rows, columns = np.tril_indices(dimension)
    own = np.arange(dimension, dimension + n_observables)
    return np.append(rows, own), np.append(columns, own)


def about_one_point(
    origins: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a point inside the cloud, and the paths' averages about it instead of about origins of their own."""
    centre = np.median(origins + first, axis=0)
    shift = origins - centre
    products = shift[:, rows] * first[:, columns] + first[:, rows] * shift[:, columns]
    return centre, first + shift, second + products + shift[:, rows] * shift[:, columns]


def covariance(first: NDArray[np.float64], second: NDArray[np.float64]) -> Estimate:
    """Return the covariance from time averages by path, of x and of the products of its components."""
    dimension = first.shape[1]
    rows, columns = np.tril_indices(dimension)
    mean = first.mean(axis=0)
    # Each path's contribution to E[xx'] - E[x]E[x]', linearized about the means, and its part of what the mean takes
    # from that, being estimated itself: without it the contributions of few paths scatter too little.
    centred = first - mean
    influence = second - mean[rows] * first[:, columns] - mean[columns] * first[:, rows] + mean[rows] * mean[columns]
    taken = centred[:, rows] * centred[:, columns]
    value = influence.mean(axis=0) + taken.mean(axis=0) / (len(first) - 1)
    influence += taken / (len(first) - 1)
    packed = mean_of(influence)
    # A path's mean square is positive, and its law is near a gamma one, as that of a sum of normal squares is.
    with np.errstate(invalid="ignore", divide="ignore"):
        law = law_of_mean(influence, value, positive=rows == columns)
    packed = Estimate(value=value, stderr=packed.stderr, n_eff=packed.n_eff, law=law)
    where = np.empty((dimension, dimension), dtype=np.intp)
    where[rows, columns] = where[columns, rows] = np.arange(len(rows))
    return packed[where]
