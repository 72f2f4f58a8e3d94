"""Exact steps of a linear equation with additive noise: no error at any step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from .._kernels.arithmetic import fma
from ..errors import IncompatibleError
from ._scheme import Layout, Rows, Scheme


def step(x, work, xi, first, count, drift, diffusion, derivative, p, matrix, dt, layout):
    """Make the exact step v + E x + S xi of a linear equation with additive noise; matrix (d, 2 d + 1) is [E, S, v]."""
    d, lanes = x.shape
    for i in range(d):
        for lane in range(lanes):
            work[i, lane] = matrix[i, 2 * d]
        for j in range(d):
            for lane in range(lanes):
                work[i, lane] = fma(matrix[i, d + j], xi[j, lane], fma(matrix[i, j], x[j, lane], work[i, lane]))
    x[:] = work[:d]


class _Exact(Scheme):
    def _layout(self, sde: Any, dt: float) -> Layout:
        """Lay out [E, S, v] of the step x -> E x + S xi + v of dx = (J x + c) dt + B dW.

        The matrix exponential of [J c; 0 0] gives E and v; Van Loan's, of [-J BB'; 0 J'], gives the noise's covariance
        of a step so short that it does not overflow, and doubling that of the whole.
        """
        linear = sde.linear_part()
        if linear is None or sde._constant is None:
            raise IncompatibleError(f"exact steps need a linear drift and additive noise; {sde.name} is not like that")
        jacobian, constant = linear
        d = sde.dimension
        whole = linalg.expm(dt * np.block([[jacobian, constant[:, None]], [np.zeros((1, d + 1))]]))
        noise = sde._constant @ sde._constant.T
        doublings = max(0, math.ceil(math.log2(max(1.0, dt * np.linalg.norm(jacobian)))))
        van_loan = linalg.expm(dt / 2**doublings * np.block([[-jacobian, noise], [np.zeros((d, d)), jacobian.T]]))
        factor = van_loan[d:, d:].T
        covariance = factor @ van_loan[:d, d:]
        for _ in range(doublings):
            covariance = covariance + factor @ covariance @ factor.T
            factor = factor @ factor
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        return self._laid_out(sde, numbers=d, matrix=np.hstack([whole[:d, :d], root, whole[:d, d:]], dtype=np.float64))

    def _longest_step(self, jacobian: NDArray[np.float64]) -> tuple[float, str]:
        return math.inf, "none"


SCHEME = _Exact(
    name="exact",
    strong_order={"additive": math.inf},
    weak_order=math.inf,
    stationary_order=math.inf,
    calculus="ito",
    drift_evaluations=0,
    source="Gardiner (2004), section 4.5.6; Van Loan (1978), IEEE Trans. Autom. Control 23, 395",
    kernel=step,
    scratch=Rows(state=1),
    increments=("gaussian",),
    brownian=False,
)
