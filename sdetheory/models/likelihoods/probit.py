"""The likelihood of two classes with probit link."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ._likelihood import Array, Arrays, Likelihood
from ._mills import ratio_and_gap


class Probit(Likelihood):
    """ℓ = −ln Φ((2y − 1) z), for P(y = 1) = Φ(z)."""

    name = "probit"
    n_classes = 2

    def cost(self, z: Array, y: NDArray[Any]) -> Array:
        """Return −ln Φ((2y − 1) z)."""
        return -special.log_ndtr((2 * y - 1) * z)

    def slope(self, z: Any, y: Any, f: Any = Arrays) -> Any:
        """Return (1 − 2y) φ/Φ."""
        return (1 - 2 * y) * ratio_and_gap((1 - 2 * y) * z, f)[0]

    def curvature(self, z: Any, y: Any, f: Any = Arrays) -> Any:
        """Return φ/Φ (φ/Φ + (2y − 1) z)."""
        ratio, gap = ratio_and_gap((1 - 2 * y) * z, f)
        return ratio * gap

    def information(self, z: Array) -> Array:
        """Return φ²/Φ(z)Φ(−z): the curvature depends on y, as the link is not canonical."""
        return -self.slope(z, 0) * self.slope(z, 1)

    def steepness(self, z: Array) -> Array:
        """Return 1 + |z|."""
        return 1 + np.abs(z)

    def mean(self, z: Array) -> Array:
        """Return Φ(z)."""
        return special.ndtr(z)

    def average(self, mean: Array, deviation: Array, method: str) -> Array:
        """Return P(x·w + n > 0) for standard normal n."""
        return special.ndtr(mean / np.sqrt(1 + deviation**2))
