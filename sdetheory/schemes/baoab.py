"""BAOAB: kick, drift, friction with its noise, drift, kick, for the underdamped Langevin equation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels.arithmetic import fma
from ..errors import IncompatibleError
from ._scheme import Layout, Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Kick, drift, friction and noise, drift, kick, for x = (position, momentum) of d / 2 components each.

    The drift function gives the force in its last d / 2 rows; matrix (d / 2, 3) holds 1 / mass, the factor of the
    momentum over dt, exp(-friction dt), and the amplitude of the noise that goes with it.
    """
    n = x.shape[0] // 2
    lanes = x.shape[1]
    drift(x, p, work)
    for i in range(n):
        for lane in range(lanes):
            momentum = fma(0.5 * dt, work[n + i, lane], x[n + i, lane])
            position = fma(0.5 * dt * matrix[i, 0], momentum, x[i, lane])
            momentum = fma(matrix[i, 2], xi[i, lane], matrix[i, 1] * momentum)
            x[i, lane] = fma(0.5 * dt * matrix[i, 0], momentum, position)
            x[n + i, lane] = momentum
    p[-1] += dt
    drift(x, p, work)
    for i in range(n):
        for lane in range(lanes):
            x[n + i, lane] = fma(0.5 * dt, work[n + i, lane], x[n + i, lane])


class _Baoab(Scheme):
    def _layout(self, sde: Any, dt: float) -> Layout:
        """Lay out for each momentum: 1 / mass, the factor that friction leaves, the noise that balances it."""
        if sde.underdamped is None:
            raise IncompatibleError(f"baoab needs positions and momenta; {sde.name} is not from underdamped_langevin")
        mass, friction, temperature = sde.underdamped
        kept = np.exp(-friction * dt)
        row = [1 / mass, float(kept), float(np.sqrt(-np.expm1(-2 * friction * dt) * mass * temperature))]
        return self._laid_out(sde, drift=sde._force, matrix=np.array([row] * (sde.dimension // 2)))

    def _longest_step(self, jacobian: NDArray[np.float64]) -> tuple[float, str]:
        """Return the step 2/ω at which it loses stability, whatever the friction, and the rule."""
        half = len(jacobian) // 2
        square = float(-np.linalg.eigvals(jacobian[:half, half:] @ jacobian[half:, :half]).real.min())
        omega = np.sqrt(max(square, 0.0))
        return 2 / omega if omega > 0 else np.inf, f"2/ω with its fastest oscillation, ω = {omega:.4g}"


SCHEME = _Baoab(
    name="baoab",
    strong_order={"additive": 1.0},
    weak_order=2,
    stationary_order=2,
    calculus="ito",
    drift_evaluations=2,
    source="Leimkuhler & Matthews (2013), AMRX 2013, 34",
    kernel=step,
    scratch=Rows(state=1),
    increments=("gaussian", "three-point"),
    brownian=False,
)
