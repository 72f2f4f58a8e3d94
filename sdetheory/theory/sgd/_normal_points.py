"""Points that stand for a standard normal law: the mean over them is an expectation, up to an error that shrinks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special
from scipy.stats import qmc

Array = NDArray[np.float64]


def normal_points(count: int, dimension: int, seed: np.random.SeedSequence) -> Array:
    """Return `count` points, a power of two: scrambled Sobol points and their opposites, whitened.

    Means of polynomials up to the third degree are exact but for rounding, as all odd moments vanish and the second
    ones are made those of the normal law; for other smooth functions the error falls like that of Sobol's points.
    """
    half = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(seed)).random(count // 2)
    # A scrambled point may lie on the border, where the normal quantile is infinite.
    normal = special.ndtri(np.clip(half, 2.0**-32, 1 - 2.0**-32))
    root = linalg.cholesky(normal.T @ normal / len(normal), lower=True)
    white = linalg.solve_triangular(root, normal.T, lower=True).T
    return np.concatenate([white, -white])
