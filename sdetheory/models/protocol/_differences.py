"""Derivatives by differences, each with its error: what the two sides disagree by, and rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SINGLE, _DOUBLE = 1e-6, 1e-14
"""Relative errors of sums, with room."""
_DECISIVE, _SHARP = 0.1, 1e-2
"""Shares of a number: a greater error decides nothing, a smaller one need not be the least."""


class Slope(NamedTuple):
    """The derivative of a cost, or of a vector, along a unit vector u by one length of step, with its error."""

    u: Array
    value: Array
    error: float

    @property
    def share(self) -> float:
        """The error as a share of the value."""
        size = float(np.linalg.norm(self.value))
        return self.error / size if size else np.inf


class Differences:
    """Differences about weights w, with steps that the precision of the model allows.

    Parameters
    ----------
    about : tuple
        w; a function from weights to the gradient of the whole, or None; a source of signs.
    n : int
        Number of examples.
    """

    def __init__(self, about: Any, n: int) -> None:
        self.w, gradient, generator = about
        self.n, self.unit, self.single, self.size = n, _DOUBLE, False, 0.0
        rms = float(np.sqrt(np.mean(self.w**2))) or 1.0
        self.beside = (np.abs(self.w) + rms) * generator.choice([-1.0, 1.0], (3, self.w.size))
        self.noise = self.bend = 0.0
        if gradient is None or (here := gradient(self.w)) is None:
            return
        self.size = float(np.linalg.norm(here))
        # The very same number in spite of another thirteenth digit: single precision, whatever the dtype says.
        elsewhere = self.w + 0.1 * self.beside[0]
        one, two = gradient(elsewhere), gradient(elsewhere + 1e-13 * self.beside[0])
        if one is not None and two is not None and one.any():
            self.single = bool(np.mean((one == two)[one != 0]) > 0.9)
            # By how much gradients change where they do: what a curvature may come from, even where it vanishes.
            ends = [(one, elsewhere), *([(g, 0.0)] if self.w.any() and (g := gradient(0 * self.w)) is not None else [])]
            self.bend = max(float(np.linalg.norm(g - here) / np.linalg.norm(end - self.w)) for g, end in ends)
        self.unit = _SINGLE if self.single else _DOUBLE
        self.noise = self._noise(gradient, here)

    @property
    def _digit(self) -> float:
        """Relative size of a change of weights that numbers just notice."""
        return _SINGLE if self.single else 1e-13

    def differ(self, a: Array, b: Array, times: float = 1.0) -> bool:
        """Whether two gradients, of which sums of n are known with `noise`, are not the same up to rounding."""
        largest = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
        return float(np.linalg.norm(a - b)) > 100 * self.unit * largest + max(1.0, times / 10) * self.noise

    def along(self, function: Callable[[Array], Any], directions: Iterable[Array]) -> list[list[Slope]]:
        """Return the derivatives of a number or a vector along directions, each by all lengths of step that decide."""
        here = function(self.w)
        if here is None:
            return []
        noise = self._noise(function, here)
        found = [self._derivatives(function, here, noise, direction) for direction in directions if direction.any()]
        return [steps for steps in found if steps]

    def verdict(self, said: Callable[[Array], Array], found: list[list[Slope]], slack: float = 0.0) -> str:
        """Say whether derivatives that a model states along u "agree" with those found, are "off", or "undecided"."""
        told = [self._one(said, steps, slack) for steps in found]
        return "off" if "off" in told else "agrees" if "agrees" in told else "undecided"

    def first_off(self, said: Callable[[Array], Array], found: list[list[Slope]], slack: float) -> Slope:
        """Return the surest derivative that contradicts what a model states."""
        steps = next(steps for steps in found if self._one(said, steps, slack) == "off")
        return min(steps, key=lambda slope: slope.share)

    def _noise(self, function: Callable[[Array], Any], here: Any) -> float:
        """Return ten times what a change of the weights in their last digits makes of a function."""
        near = [function(self.w + self._digit * signs) for signs in self.beside]
        moved = max((float(np.linalg.norm(each - here)) for each in near if each is not None), default=0.0)
        return 10 * (self.unit * float(np.linalg.norm(here)) + moved)

    def _one(self, said: Callable[[Array], Array], steps: list[Slope], slack: float) -> str:
        """Compare along one direction: what one length of step says may be far from the limit, so any may agree."""
        for slope in steps:
            value = np.atleast_1d(said(slope.u))
            sizes = float(np.linalg.norm(value)), float(np.linalg.norm(slope.value))
            if float(np.linalg.norm(value - slope.value)) <= 1.5 * slope.error + 10 * self.unit * max(sizes) + slack:
                return "agrees"
        return "off"

    def _derivatives(self, function: Any, here: Array, noise: float, direction: Array) -> list[Slope]:
        unit = direction / np.abs(direction).max()
        unit = unit / np.linalg.norm(unit)
        length = float(np.linalg.norm(self.w)) or 1.0
        found: list[Slope] = []
        larger = None
        for h in length * 10.0 ** -np.arange(0.5, 10.0):
            ahead, behind = self._rounded(self.w + h * unit), self._rounded(self.w - h * unit)
            step = float(np.linalg.norm(ahead - behind)) / 2
            up, down = (function(ahead), function(behind)) if step else (None, None)
            if up is None or down is None or not (np.isfinite(up).all() and np.isfinite(down).all()):
                larger = None
                continue
            value = np.atleast_1d(up - down) / (2 * step)
            if larger is not None:
                # A step counts only if one of a tenth says the same, as it does not beyond a kink or in saturation.
                found.append(larger._replace(error=larger.error + float(np.linalg.norm(value - larger.value))))
            curved = float(np.linalg.norm(up - 2 * here + down)) / step
            larger = Slope((ahead - behind) / (2 * step), value, curved + noise / step)
        least = min((slope.share for slope in found), default=np.inf)
        return [slope for slope in found if slope.share <= min(_DECISIVE, max(_SHARP, 10 * least))]

    def _rounded(self, w: Array) -> Array:
        return w.astype(np.float32).astype(np.float64) if self.single else w
