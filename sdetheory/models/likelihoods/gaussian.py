"""The Gaussian likelihood of unit variance, without its constant: least squares."""

from __future__ import annotations

from typing import Any

from ... import _validate
from ._likelihood import Array, Arrays, Likelihood


class Gaussian(Likelihood):
    """ℓ = (z − y)²/2."""

    name = "linear"
    quadratic = True

    def labels(self, y: Any) -> Array:
        """Return y, any finite numbers."""
        return _validate.reals("y", y, shape=(None,))

    def cost(self, z: Array, y: Array) -> Array:
        """Return (z − y)²/2."""
        return 0.5 * (z - y) ** 2

    def slope(self, z: Any, y: Any, f: Any = Arrays) -> Any:
        """Return z − y."""
        return z - y

    def curvature(self, z: Any, y: Any, f: Any = Arrays) -> Any:
        """Return 1."""
        return z**0

    def mean(self, z: Array) -> Array:
        """Return z."""
        return z
