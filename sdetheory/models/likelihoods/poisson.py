"""The Poisson likelihood of counts, with logarithmic link."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from scipy import special

from ._likelihood import Array, Arrays, Likelihood


class Poisson(Likelihood):
    """ℓ = e^z − y z + ln y!, for counts of mean e^z."""

    name = "Poisson"

    def cost(self, z: Array, y: NDArray[Any]) -> Array:
        """Return e^z − y z + ln y!."""
        return Arrays.exp(z) - y * z + special.gammaln(y + 1.0)

    def slope(self, z: Any, y: Any, f: Any = Arrays) -> Any:
        """Return e^z − y."""
        return f.exp(z) - y

    def curvature(self, z: Any, y: Any, f: Any = Arrays) -> Any:
        """Return e^z."""
        return f.exp(z)

    def mean(self, z: Array) -> Array:
        """Return e^z."""
        return Arrays.exp(z)

    def average(self, mean: Array, deviation: Array, method: str) -> Array:
        """Return the mean of a log-normal variable."""
        return Arrays.exp(mean + 0.5 * deviation**2)
