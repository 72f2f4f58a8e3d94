"""Heun: a trapezoidal rule in drift and noise, whose limit is the Stratonovich equation."""

from __future__ import annotations

import math

from .._kernels.terms import DIAGONAL, add, add_noise
from ._scheme import NOISES, Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Predictor and trapezoidal corrector, for the Stratonovich equation."""
    d = x.shape[0]
    rows = (work.shape[0] - 3 * d) // 2
    f, predicted, g = work[:d], work[d : 2 * d], work[2 * d : 3 * d]
    b, c = work[3 * d : 3 * d + rows], work[3 * d + rows :]
    root = math.sqrt(dt)
    drift(x, p, f)
    if layout >= DIAGONAL:
        diffusion(x, p, b)
    predicted[:] = x
    add(predicted, dt, f)
    add_noise(predicted, root, b, xi, matrix, layout)
    p[-1] += dt
    drift(predicted, p, g)
    add(x, 0.5 * dt, f)
    add(x, 0.5 * dt, g)
    if layout >= DIAGONAL:
        diffusion(predicted, p, c)
        add_noise(x, 0.5 * root, b, xi, matrix, layout)
        add_noise(x, 0.5 * root, c, xi, matrix, layout)
    else:
        add_noise(x, root, b, xi, matrix, layout)


SCHEME = Scheme(
    name="heun",
    strong_order=dict.fromkeys(NOISES, 1.0) | {"general": 0.5},
    weak_order=1,
    stationary_order=2,
    calculus="stratonovich",
    drift_evaluations=2,
    source="Rümelin (1982), SIAM J. Numer. Anal. 19, 604",
    kernel=step,
    scratch=Rows(state=3, diffusion=2),
    polynomial=(1.0, 1.0, 0.5),
)
