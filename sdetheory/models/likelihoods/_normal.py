"""What functions of a linear predictor are on average when that is normal."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


def normal_average(function: Callable[[Array], Array], mean: Array, deviation: Array) -> Array:
    """Return the expectation of a smooth function of z ~ N(mean, deviation²).

    By the trapezoidal rule, which converges exponentially; its step is halved until nothing changes by 1e-12.
    """
    last, step = np.full(np.shape(mean), np.nan), 0.5
    while True:
        nodes = np.arange(-9.0, 9.0 + step / 2, step)
        weights = step * np.exp(-0.5 * nodes**2) / math.sqrt(2 * math.pi)
        value = function(np.asarray(mean)[..., None] + np.asarray(deviation)[..., None] * nodes) @ weights
        if step < 1e-3 or np.allclose(value, last, rtol=1e-12, atol=1e-15):
            return value
        last, step = value, step / 2


def logistic_normal(mean: Array, deviation: Array) -> Array:
    """Return the expectation of 1/(1 + e^−z) for z ~ N(mean, deviation²), to 1e-12.

    The trapezoidal rule converges exponentially for integrands that are analytic in a strip about the axis. Up to
    deviation 1 it integrates the logistic function over the normal density; beyond, where that function becomes a step,
    the normal distribution function over the logistic density.
    """
    step = 0.5
    normal, logistic = np.arange(-9.0, 9.0 + step, step), np.arange(-38.0, 38.0 + step, step)
    narrow = np.minimum(deviation, 1.0)[..., None]
    inner = special.expit(mean[..., None] + narrow * normal) @ np.exp(-0.5 * normal**2) / math.sqrt(2 * math.pi)
    wide = np.maximum(deviation, 1.0)[..., None]
    weights = special.expit(logistic) * special.expit(-logistic)
    outer = special.ndtr((mean[..., None] - logistic) / wide) @ weights
    return step * np.where(deviation <= 1.0, inner, outer)
