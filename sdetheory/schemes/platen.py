"""Platen's explicit scheme of weak order 2."""

from __future__ import annotations

import math
from typing import Any

from .._kernels.terms import GENERAL, add, add_noise
from . import heun
from ._scheme import NOISES, Layout, Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Make a step of the explicit scheme of weak order 2, Kloeden & Platen (1992), eq. 15.1.3; layout GENERAL.

    xi has m numbers for the increments and m (m - 1) / 2 more, of which the signs are used.
    """
    d, lanes = x.shape
    # work: f, g, stage, two values of B, and the start; rows of B: r = d m.
    r = (work.shape[0] - 4 * d) // 3
    m = r // d
    f, g, stage, start = work[:d], work[d : 2 * d], work[2 * d : 3 * d], work[3 * d : 4 * d]
    b = work[4 * d : 4 * d + r]
    plus = work[4 * d + r : 4 * d + 2 * r]
    minus = work[4 * d + 2 * r :]
    root = math.sqrt(dt)
    dw = xi[:m]
    start[:] = x
    drift(start, p, f)
    diffusion(start, p, b)
    stage[:] = start
    add(stage, dt, f)
    add_noise(stage, root, b, dw, matrix, GENERAL)
    now = p[-1]
    p[-1] = now + dt
    drift(stage, p, g)
    p[-1] = now
    add(x, 0.5 * dt, f)
    add(x, 0.5 * dt, g)
    add_noise(x, 0.5 * root, b, dw, matrix, GENERAL)
    for j in range(m):
        # Supporting values along noise j: with the drift for the term of noise j itself ...
        for sign in (1.0, -1.0):
            for i in range(d):
                for lane in range(lanes):
                    stage[i, lane] = start[i, lane] + dt * f[i, lane] + sign * root * b[i * m + j, lane]
            p[-1] = now + dt
            diffusion(stage, p, plus if sign > 0 else minus)
            p[-1] = now
        for i in range(d):
            row = i * m + j
            for lane in range(lanes):
                w = dw[j, lane]
                x[i, lane] += 0.25 * root * (plus[row, lane] + minus[row, lane]) * w
                x[i, lane] += 0.25 * root * (plus[row, lane] - minus[row, lane]) * (w * w - 1.0)
        if m == 1:
            continue
        # ... and without it for the terms of the other noises.
        for sign in (1.0, -1.0):
            for i in range(d):
                for lane in range(lanes):
                    stage[i, lane] = start[i, lane] + sign * root * b[i * m + j, lane]
            diffusion(stage, p, plus if sign > 0 else minus)
        for i in range(d):
            for k in range(m):
                if k == j:
                    continue
                low, high = min(j, k), max(j, k)
                extra = m + low * m - low * (low + 1) // 2 + high - low - 1
                orientation = 1.0 if j < k else -1.0
                row = i * m + k
                for lane in range(lanes):
                    v = math.copysign(orientation, orientation * xi[extra, lane])
                    difference = plus[row, lane] - minus[row, lane]
                    x[i, lane] += 0.25 * root * (plus[row, lane] + minus[row, lane] - 2.0 * b[row, lane]) * dw[k, lane]
                    x[i, lane] += 0.25 * root * difference * (dw[j, lane] * dw[k, lane] + v)


class _Platen(Scheme):
    def _layout(self, sde: Any, dt: float) -> Layout:
        if sde._constant is not None:
            # Where the noise is constant both make the same step, and Heun's in less time.
            return heun.SCHEME._layout(sde, dt)
        m = sde.n_noises
        return self._laid_out(sde, noise=GENERAL, diffusion=sde._full_diffusion, numbers=m + m * (m - 1) // 2)


SCHEME = _Platen(
    name="platen",
    strong_order=dict.fromkeys(NOISES, 1.0) | {"general": 0.5},
    weak_order=2,
    stationary_order=2,
    calculus="ito",
    drift_evaluations=2,
    source="Kloeden & Platen (1992), eq. 15.1.3",
    kernel=step,
    scratch=Rows(state=4, diffusion=3),
    increments=("gaussian", "three-point"),
    polynomial=(1.0, 1.0, 0.5),
)
