"""Milstein: strong order 1 for noise whose fields commute, by their iterated integrals."""

from __future__ import annotations

import math
from typing import Any

from .._kernels.arithmetic import fma
from .._kernels.terms import DIAGONAL, GENERAL, add, add_noise
from ._scheme import Layout, Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Euler-Maruyama and the iterated integrals of commutative noise.

    `derivative` gives L^j b^j of each component for the layout DIAGONAL (d rows). For GENERAL it gives, for each
    component i and each pair j <= k, the sum of L^j b^ik and L^k b^ij (half of it for j = k): d m (m + 1) / 2 rows.
    """
    d, lanes = x.shape
    m = xi.shape[0]
    f = work[:d]
    rows = 0 if layout < DIAGONAL else (d if layout == DIAGONAL else d * m)
    b, c = work[d : d + rows], work[d + rows :]
    drift(x, p, f)
    diffusion(x, p, b)
    derivative(x, p, c)
    add(x, dt, f)
    add_noise(x, math.sqrt(dt), b, xi, matrix, layout)
    half = 0.5 * dt
    if layout == DIAGONAL:
        for i in range(d):
            for lane in range(lanes):
                x[i, lane] = fma(half * c[i, lane], fma(xi[i, lane], xi[i, lane], -1.0), x[i, lane])
    elif layout == GENERAL:
        row = 0
        for i in range(d):
            for j in range(m):
                for k in range(j, m):
                    one = 1.0 if j == k else 0.0
                    # The row for j = k holds L^j b^ij itself, the others the sum of two equal terms.
                    for lane in range(lanes):
                        x[i, lane] = fma(half * c[row, lane], fma(xi[j, lane], xi[k, lane], -one), x[i, lane])
                    row += 1


class _Milstein(Scheme):
    def _laid_out(self, sde: Any, **changes: Any) -> Layout:
        derivative = None if changes["diffusion"] is None else sde._derivative
        return super()._laid_out(sde, derivative=derivative, **changes)

    def _written_out(self, sde: Any, noise: int, *, packed: bool) -> str | None:
        return sde._formulas.step(noise, packed=packed, milstein=True)


SCHEME = _Milstein(
    name="milstein",
    strong_order=dict.fromkeys(("additive", "scalar", "diagonal", "commutative"), 1.0),
    weak_order=1,
    stationary_order=1,
    calculus="ito",
    drift_evaluations=1,
    source="Kloeden & Platen (1992), section 10.3",
    kernel=step,
    scratch=Rows(state=1, diffusion=1, derivative=1),
    polynomial=(1.0, 1.0),
)
