"""Probabilities of classes, averaged over activations that are normal."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from ...errors import AccuracyWarning

Array = NDArray[np.float64]

# Largest standard error of a probability that needs no word, and how many points are tried for it: 8 sequences of 2¹⁴.
_ERROR, _SEQUENCES, _FIRST, _LAST = 1e-4, 8, 8, 14
# Numbers held at once.
_BLOCK = 2**22


def softmax_normal(mean: Array, coding: Array, covariance: Array) -> Array:
    """Return the expectations of softmax(mean + coding z) for z ~ N(0, covariance), shapes (m, k), (k, d), (m, d, d).

    By scrambled Sobol sequences, whose points are doubled until no probability has a standard error above 1e-4, found
    from eight independent scramblings; if 2¹⁷ points are not enough a warning says how large it is. The points are the
    same in each call and for each example, so that results can be repeated and are smooth in the inputs.
    """
    from scipy.stats import qmc  # half a second that nothing else here needs

    m, k = mean.shape
    d = coding.shape[1]
    if not d:
        return special.softmax(mean, axis=1)
    # Positive semidefinite up to rounding; a Cholesky factor might not exist.
    values, vectors = np.linalg.eigh(covariance)
    spread = coding @ (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
    engines = [qmc.Sobol(d, scramble=True, rng=np.random.default_rng(seed)) for seed in range(_SEQUENCES)]
    sums, count, size = np.zeros((_SEQUENCES, m, k)), 0, 2**_FIRST
    step = max(1, _BLOCK // (k * 2**_FIRST))
    while True:
        for total, engine in zip(sums, engines, strict=True):
            for _ in range(size // 2**_FIRST):
                points = special.ndtri(np.clip(engine.random(2**_FIRST), 1e-16, 1 - 1e-16))
                for start in range(0, m, step):
                    block = slice(start, start + step)
                    activations = mean[block, None, :] + points @ np.swapaxes(spread[block], 1, 2)
                    total[block] += special.softmax(activations, axis=2).sum(axis=1)
        count += size
        estimates = sums / count
        error = float(estimates.std(axis=0, ddof=1).max(initial=0.0)) / math.sqrt(_SEQUENCES)
        if error <= _ERROR or count >= 2**_LAST:
            break
        size = count
    if error > _ERROR:
        warnings.warn(
            f"probabilities averaged over the posterior have standard errors up to {error:.2g}: the activations vary "
            'widely in many classes. Take method="map" for the probabilities at the mode, or fewer classes.',
            AccuracyWarning,
            stacklevel=3,
        )
    return estimates.mean(axis=0)


def activation_covariance(factor: Array, seen: Array, outputs: int) -> Array:
    """Return the covariances (m, d, d) of W x for weights W (d, r) with precision LLᵀ, and inputs (m, r)."""
    r = seen.shape[1]
    inverse = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True).reshape(len(factor), outputs, r)
    spread = np.einsum("qdr,mr->mqd", inverse, seen, optimize=True)
    return np.swapaxes(spread, 1, 2) @ spread
