"""Leimkuhler–Matthews: half of each increment a step late, and stationary averages of order 2."""

from __future__ import annotations

import math

from .._kernels.terms import add, add_noise
from ._scheme import Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """X + f dt + B (dW + next dW) / 2; the first m rows of work keep the numbers from step to step."""
    d, lanes = x.shape
    m = xi.shape[0]
    previous, f = work[:m], work[m : m + d]
    drift(x, p, f)
    for j in range(m):
        for lane in range(lanes):
            previous[j, lane] += xi[j, lane]
    add(x, dt, f)
    add_noise(x, 0.5 * math.sqrt(dt), f, previous, matrix, layout)
    for j in range(m):
        for lane in range(lanes):
            previous[j, lane] = xi[j, lane]


SCHEME = Scheme(
    name="leimkuhler-matthews",
    strong_order={"additive": 0.5},
    weak_order=1,
    stationary_order=2,
    calculus="ito",
    drift_evaluations=1,
    source="Leimkuhler & Matthews (2013), AMRX 2013, 34",
    kernel=step,
    scratch=Rows(state=1, noises=1),
    increments=("gaussian",),
    polynomial=(1.0, 1.0),
    lead=1,
    bridged=False,
)
