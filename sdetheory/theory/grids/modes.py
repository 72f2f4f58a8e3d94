"""The slow modes of a Fokker–Planck equation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """The slowest modes of a Fokker–Planck equation.

    Parameters
    ----------
    eigenvalues : ndarray, shape (k,)
        λ with p(t) ~ e^{λt}, slowest first; the zero of the stationary law is not among them.
    densities : ndarray, shape (k, *cells)
        Right eigenvectors, each scaled so that ∫|φ| dx = 1. The sign structure of the slowest ones shows the metastable
        sets.
    """

    eigenvalues: NDArray[np.complex128]
    densities: NDArray[np.complex128]
