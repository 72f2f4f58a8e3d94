"""Langevin dynamics between a Gaussian and the posterior of a generalized linear model."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .._kernels.block import BlockFunction
from .sde import SDE

Array = NDArray[np.float64]

_DRIFT = """

def kernel(x, p, out):
    n, d, lanes = int(p[0]), int(p[1]), x.shape[1]
    risen = p[2] * math.floor(p[3] * p[-1] + 1e-9)  # a rise that is due is not missed by rounding
    linear, metric, first = 4, 4 + d, 4 + d + d * d
    given, found, none = np.empty((2, lanes)), np.empty((1, lanes)), np.empty(0)
    for i in range(d):
        for lane in range(lanes):
            out[i, lane] = p[linear + i]
        for j in range(d):
            for lane in range(lanes):
                out[i, lane] = fma(p[metric + i * d + j], x[j, lane], out[i, lane])
    for k in range(n):
        row = first + k * (d + 2)
        for lane in range(lanes):
            given[0, lane], given[1, lane] = p[row + d], p[row + d + 1]
        for i in range(d):
            for lane in range(lanes):
                given[0, lane] = fma(p[row + i], x[i, lane], given[0, lane])
        slopes(given, none, found)
        for i in range(d):
            for lane in range(lanes):
                out[i, lane] = fma(p[row + i], found[0, lane], out[i, lane])
    for i in range(d):
        for lane in range(lanes):
            beta = x[d, lane] + risen
            out[i, lane] = -fma(beta, out[i, lane] - x[i, lane], x[i, lane])
    for lane in range(lanes):
        out[d, lane] = 0.0
"""


def interpolation(
    slopes: str, examples: Array, linear: Array, metric: Array, *, rise: float = 0.0, interval: float = 1.0
) -> SDE:
    r"""Return the equation of (u, β), whose law at each β lies between a Gaussian and a posterior.

    .. math:: du = -[(1 - \beta) u + \beta \nabla U(u)] \, dt + \sqrt 2 \, dW, \qquad
              U(u) = \sum_k \ell(z_k + b_k \cdot u, y_k) + c \cdot u + \tfrac12 u^T M u

    Parameters
    ----------
    slopes : str
        Source of the block function of dℓ/dz of products and targets.
    examples : ndarray, shape (n, d + 2)
        b, z and y of each.
    linear, metric : ndarray, shapes (d,) and (d, d)
        c and M.
    rise, interval : float
        β rises by `rise` after each `interval` of time, a whole number of steps.

    Returns
    -------
    SDE
        Itô, additive noise, of dimension d + 1.
    """
    d = len(linear)
    # The likelihood's kernel becomes a function of this one.
    source = slopes.replace("def kernel(", '@njit(error_model="numpy")\ndef slopes(') + _DRIFT
    numbers = np.concatenate([[len(examples), d, rise, 1 / interval], linear, metric.ravel(), examples.ravel()])
    sde = SDE.__new__(SDE)
    sde.dimension, sde.n_noises, sde.noise, sde.calculus = d + 1, d, "additive", "ito"
    sde.name, sde.underdamped, sde._formulas, sde._diffusion = "Gaussian to posterior", None, None, None
    sde._drift, sde._values = BlockFunction(source, numbers, d + 1), numbers
    sde._constant = math.sqrt(2) * np.eye(d + 1, d)
    return sde
