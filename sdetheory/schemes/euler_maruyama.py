"""Euler–Maruyama: the drift and the noise at the start of the step."""

from __future__ import annotations

import math
from typing import Any

from .._kernels.terms import DIAGONAL, add, add_noise
from ._scheme import NOISES, Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """X + f dt + B dW."""
    d = x.shape[0]
    drift(x, p, work)
    f, b = work[:d], work[d:]
    if layout >= DIAGONAL:
        diffusion(x, p, b)
    add(x, dt, f)
    add_noise(x, math.sqrt(dt), b, xi, matrix, layout)


class _EulerMaruyama(Scheme):
    def _written_out(self, sde: Any, noise: int, *, packed: bool) -> str | None:
        return sde._formulas.step(noise, packed=packed, milstein=False)


SCHEME = _EulerMaruyama(
    name="euler-maruyama",
    strong_order=dict.fromkeys(NOISES, 0.5) | {"additive": 1.0},
    weak_order=1,
    stationary_order=1,
    calculus="ito",
    drift_evaluations=1,
    source="Kloeden & Platen (1992), section 10.2",
    kernel=step,
    scratch=Rows(state=1, diffusion=1),
    polynomial=(1.0, 1.0),
)
