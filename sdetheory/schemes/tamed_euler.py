"""Tamed Euler: no step of the drift is longer than 1, so that drifts that grow faster than linearly cannot throw paths.

Where the drift is one-sided Lipschitz and grows at most like a polynomial, and the noise is globally Lipschitz, paths
tend to the solution as h → 0, while the moments of Euler-Maruyama's go to infinity. For fixed h a path is led back from
afar by a step of at most 1, in whatever units x has: slowly, but it stays finite. With additive noise it is the tamed
Milstein scheme of Wang & Gan (2013), of strong order 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .._kernels.arithmetic import fma
from .._kernels.terms import DIAGONAL, add_noise
from ._scheme import NOISES, Rows, Scheme
from ._stability import explicit_limit


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """X + f dt / (1 + |f| dt) + B dW."""
    d, lanes = x.shape
    f, largest, share, b = work[:d], work[d], work[d + 1], work[d + 2 :]
    drift(x, p, f)
    if layout >= DIAGONAL:
        diffusion(x, p, b)
    # In units of the largest component: the square of what is finite may overflow.
    largest[:] = 1.0
    share[:] = 0.0
    for i in range(d):
        for lane in range(lanes):
            largest[lane] = max(largest[lane], abs(f[i, lane]))
    for i in range(d):
        for lane in range(lanes):
            part = f[i, lane] / largest[lane]
            share[lane] = fma(part, part, share[lane])
    for lane in range(lanes):
        share[lane] = dt / (1.0 + dt * largest[lane] * math.sqrt(share[lane]))
    for i in range(d):
        for lane in range(lanes):
            x[i, lane] = fma(share[lane], f[i, lane], x[i, lane])
    add_noise(x, math.sqrt(dt), b, xi, matrix, layout)


class _TamedEuler(Scheme):
    def _longest_step(self, jacobian: NDArray[np.float64]) -> tuple[float, str]:
        """Return Euler-Maruyama's: beyond it paths leave the fixed point, though not for infinity."""
        return explicit_limit(jacobian, (1.0, 1.0))


SCHEME = _TamedEuler(
    name="tamed-euler",
    strong_order=dict.fromkeys(NOISES, 0.5) | {"additive": 1.0},
    weak_order=1,
    stationary_order=1,
    calculus="ito",
    drift_evaluations=1,
    source="Hutzenthaler, Jentzen & Kloeden (2012), Ann. Appl. Probab. 22, 1611",
    kernel=step,
    scratch=Rows(state=1, diffusion=1, more=2),
)
