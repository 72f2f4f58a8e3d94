"""Heun: a trapezoidal rule in drift and noise, whose limit is the Stratonovich equation."""

from __future__ import annotations

import math

from .._kernels.terms import DIAGONAL, add, add_noise
from ._scheme import NOISES, Rows, Scheme


def step(x, work, xi, first, count, equation, dt):
    """Predictor and trapezoidal corrector, for the Stratonovich equation."""
    p = equation.parameters
    d = x.shape[0]
    rows = (work.shape[0] - 3 * d) // 2
    f, predicted, g = work[:d], work[d : 2 * d], work[2 * d : 3 * d]
    b, c = work[3 * d : 3 * d + rows], work[3 * d + rows :]
    root = math.sqrt(dt)
    equation.drift(x, p, f)
    if equation.layout >= DIAGONAL:
        equation.diffusion(x, p, b)
    predicted[:] = x
    add(predicted, dt, f)
    add_noise(predicted, root, b, xi, equation)
    p[-1] += dt
    equation.drift(predicted, p, g)
    add(x, 0.5 * dt, f)
    add(x, 0.5 * dt, g)
    if equation.layout >= DIAGONAL:
        equation.diffusion(predicted, p, c)
        add_noise(x, 0.5 * root, b, xi, equation)
        add_noise(x, 0.5 * root, c, xi, equation)
    else:
        add_noise(x, root, b, xi, equation)


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
