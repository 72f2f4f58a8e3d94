"""∫ f/D dx on adaptive panels: what densities and passage times in one dimension are made of."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from ...errors import InvalidInputError
from ._fields import Fields

Array = NDArray[np.float64]

CALCULI = {"ito": 1.0, "stratonovich": 0.5}

_ORDER = 16
_NODES = legendre.leggauss(_ORDER)[0]
# Legendre coefficients of the polynomial through the nodes.
_TRANSFORM = np.linalg.inv(legendre.legvander(_NODES, _ORDER - 1))
_FARTHEST, _NEAREST = 100, 50  # octaves away from a finite point, and towards it
_NEGLIGIBLE = 800.0  # e^-800 is no float
_FORGOTTEN = 50.0  # what lies so much lower than a start adds nothing that shows to a passage from there
_RANGE = 4.0  # a panel on which the exponent varies by no more is integrated to rounding errors
_MAX_PANELS = 2**17
_MAX_STEEP = 2**15  # panels of the range that matters, each of e⁴: a second's work
_MARGIN = 1e-3  # of an exponent from the one that divides convergence from divergence


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What ∫p does at one end.

    Parameters
    ----------
    position : float
        Of the end; may be infinite.
    edge, inner : float
        Where the panels stop, and the point from which the distance to the end doubles or halves until there.
    exponent : float
        α of p ~ |x|^-α at infinity, or of p ~ |x - end|^-α at a finite end; ±inf for faster laws.
    integrable : bool
        Whether ∫p converges there.
    """

    position: float
    edge: float
    inner: float
    exponent: float
    integrable: bool

    def rest(self, outer: Array, inner: Array) -> Array:
        """Return ∫h beyond the edge of a function with the values h(edge) and h(inner), as if it were a power."""
        if self.edge == self.position:
            return np.zeros_like(outer)
        far = np.isinf(self.position)
        distance = abs(self.edge) if far else abs(self.edge - self.position)
        ratio = np.divide(outer, inner, out=np.zeros_like(outer), where=inner != 0)
        # The integrals over the octaves beyond form a geometric series.
        power = np.log2(np.maximum(ratio, 1e-300)) * (1 if far else -1)
        converges = power < -1 if far else power > -1
        rest = np.divide(distance * outer, np.abs(power + 1), out=np.zeros_like(outer), where=power != -1)
        return np.where(outer == 0, 0.0, np.where(converges, rest, np.copysign(np.inf, outer)))


def antiderivative(values: Array, widths: Array) -> Array:
    """Return Legendre coefficients (m, q + 1) of integrals from the left ends, for values (m, q) at the nodes."""
    return legendre.legint(values @ _TRANSFORM.T, lbnd=-1, axis=1) * widths[:, None] / 2


class Potential:
    """φ = ∫ f/D dx between two ends, and with it ln p = φ - w ln D and ln s' = -φ - (1 - w) ln D.

    p is the speed density, which is the stationary density up to a factor, s the scale function; w = 1 for Itô and 1/2
    for Stratonovich. What lies far below the maximum of the density does not matter, unless paths `start` there.
    """

    def __init__(self, fields: Fields, calculus: str, low: float, high: float, start: float | None = None) -> None:
        self.fields, self.weight, self.low, self.high, self._start = fields, CALCULI[calculus], low, high, start
        with np.errstate(over="ignore", invalid="ignore"):  # what is not a number is refused
            edges = self._reach()
            self._build(np.stack([edges[:-1], edges[1:]], axis=1))
            self.ends = (self._end(low, 0), self._end(high, -1))
            if all(end.integrable for end in self.ends):
                self._split_steep()

    def force(self, x: Array) -> Array:
        """Return f/D at points (m,)."""
        return self.fields.drift(x[:, None])[:, 0] / self._noise(x)

    def _noise(self, x: Array) -> Array:
        noise = self.fields.diffusion(x[:, None])[:, 0, 0]
        if not np.all(noise > 0):
            raise InvalidInputError(
                f"diffusion must be positive between the bounds; at x = {x[~(noise > 0)][0]:g} it is zero, where the "
                "line falls into parts. Pass bounds for one of them."
            )
        return noise

    def phi(self, x: Array) -> Array:
        """Return φ at points (m,), 0 near its maximum."""
        panel = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2)
        left, right = self.edges[panel], self.edges[panel + 1]
        t = np.clip(2 * (x - left) / (right - left) - 1, -1.0, 1.0)
        return np.asarray(self.base[panel] + legendre.legval(t, self.series[panel].T, tensor=False), dtype=np.float64)

    def log_density(self, x: Array) -> Array:
        """Return ln p at points (m,), up to a constant."""
        return self.phi(x) - self.weight * np.log(self._noise(x))

    def log_scale(self, x: Array) -> Array:
        """Return ln s' at points (m,), up to the same constant with the other sign."""
        return -self.phi(x) - (1 - self.weight) * np.log(self._noise(x))

    @property
    def nodes(self) -> Array:
        """Nodes of the panels, shape (m, q)."""
        return self.edges[:-1, None] + (_NODES + 1) / 2 * np.diff(self.edges)[:, None]

    def _reach(self) -> Array:
        """Return edges, octave by octave from a middle point to both ends, or to where the fields overflow."""
        low, high = self.low, self.high
        if np.isfinite(low) and np.isfinite(high):
            middle = (low + high) / 2
        elif np.isfinite(low) or np.isfinite(high):
            middle = low + 1.0 if np.isfinite(low) else high - 1.0
        else:
            middle = 0.0
        if middle in (low, high):
            raise unresolved(f"lie at {middle:.3g}, where floats leave out whole numbers")
        self._middle = middle
        return np.concatenate([self._octaves(middle, low)[::-1], [middle], self._octaves(middle, high)])

    def _octaves(self, middle: float, end: float) -> Array:
        if np.isfinite(end) and self._finite(np.array([end])):
            return np.array([end], dtype=np.float64)
        if np.isfinite(end):
            # The distances to the end are kept well above the spacing of floats there.
            distance: Any = (end - middle) * 2.0 ** -np.arange(1, _NEAREST + 1)
            return end - distance[np.abs(distance) > 1e-9 * abs(end)]
        levels = 2.0 ** np.arange(-1, _FARTHEST)
        edges: Array = middle + np.sign(end) * levels
        for n, (x, y) in enumerate(itertools.pairwise(edges)):
            if not self._finite(x + (_NODES + 1) / 2 * (y - x)):
                if n < 2:
                    self.force(edges[: n + 2])  # says what is wrong
                return edges[: n + 1]
        return edges

    def _finite(self, x: Array) -> bool:
        with np.errstate(all="ignore"):
            try:
                return bool(np.isfinite(self.force(x)).all())
            except InvalidInputError:
                return False

    def _build(self, panels: Array) -> None:
        """Integrate f/D over panels (m, 2), halving those that are not resolved."""
        done, series = [], []
        while len(panels):
            if len(panels) > _MAX_PANELS:
                raise unresolved("jump, oscillate without end or overflow")
            widths = np.diff(panels, axis=1)
            if not np.isfinite(widths).all():
                raise unresolved("would be needed over a length that no float holds")
            x = panels[:, :1] + (_NODES + 1) / 2 * widths
            coefficients = self.force(x.ravel()).reshape(x.shape) @ _TRANSFORM.T
            tail, largest = np.abs(coefficients[:, -2:]).sum(axis=1), np.abs(coefficients).max(axis=1)
            # The rounding error of x makes one of f/D, by its slope.
            noise = 1e-14 * largest * (1 + np.abs(panels).max(axis=1) / widths[:, 0])
            resolved = (tail * widths[:, 0] <= 1e-13) | (tail <= noise)
            done.append(panels[resolved])
            integral = legendre.legint(coefficients[resolved], lbnd=-1, axis=1)
            series.append(integral * widths[resolved] / 2)
            panels = _halves(panels[~resolved])
        panels, self.series = np.concatenate(done), np.concatenate(series)
        order = np.argsort(panels[:, 0])
        self.edges = np.append(panels[order, 0], panels[order[-1], 1])
        self.series = self.series[order]
        gains = self.series.sum(axis=1)  # Legendre polynomials are 1 at the right end
        # Summed from the maximum outwards, so that rounding errors are small where the density is not.
        start = int(np.searchsorted(self.edges, self._middle))
        top = int(np.argmax(_outward(gains, start)))
        self.base = _outward(gains, top)[:-1]

    def _split_steep(self) -> None:
        """Halve panels until neither density nor scale varies by more than e⁴ on one that matters."""
        while True:
            x = np.concatenate([self.edges[:-1, None], self.nodes, self.edges[1:, None]], axis=1)
            values = self.log_density(x.ravel()).reshape(x.shape)
            # Where the largest value lies inside, the maximum between the nodes may be higher still.
            inside = (values.argmax(axis=1) % (x.shape[1] - 1)) != 0
            spread, lowest = np.ptp(values, axis=1), values.max() - _NEGLIGIBLE
            if self._start is not None:
                lowest = min(lowest, float(self.log_density(np.array([self._start]))[0]) - _FORGOTTEN)
            above = values.max(axis=1) - lowest
            relevant = ~(above + inside * spread <= 0)
            total = float(np.sum(np.clip(above, 0.0, spread)))
            if not total <= _RANGE * _MAX_STEEP:
                raise unresolved(f"let the exponent of the density vary by {total:.3g} in all")
            steep = relevant & (spread > _RANGE)
            if not steep.any():
                return
            panels = np.stack([self.edges[:-1], self.edges[1:]], axis=1)
            middle = panels[steep].mean(axis=1)
            if np.any((middle <= panels[steep, 0]) | (middle >= panels[steep, 1])):
                raise unresolved(f"vary by more than e⁴ between two neighbouring floats near {middle[0]:.3g}")
            self._build(np.concatenate([panels[~steep], _halves(panels[steep])]))

    def _end(self, position: float, side: int) -> End:
        edge = float(self.edges[side])
        if edge == position:
            return End(position=position, edge=edge, inner=edge, exponent=0.0, integrable=True)
        inner = edge / 2 if np.isinf(position) else position + 2 * (edge - position)
        outer_value, inner_value = self.log_density(np.array([edge, inner]))
        drop = float(np.log2(np.e) * (inner_value - outer_value))
        if np.isnan(drop):
            raise unresolved(f"give no density near {edge:.3g}")
        if np.isinf(position):
            exponent = np.inf if drop > 100 else -np.inf if drop < -100 else drop
            return End(position=position, edge=edge, inner=inner, exponent=exponent, integrable=exponent > 1 + _MARGIN)
        exponent = np.inf if drop < -100 else -np.inf if drop > 100 else -drop
        return End(position=position, edge=edge, inner=inner, exponent=exponent, integrable=exponent < 1 - _MARGIN)


def unresolved(what: str) -> InvalidInputError:
    """Return the refusal of fields, or of places, whose numbers do not come out."""
    return InvalidInputError(
        "drift and diffusion must be smooth, and bounds (start, target and wall) of the size on which they vary; got "
        f"ones that {what}. Choose another unit of length, or ends that are nearer."
    )


def _outward(gains: Array, start: int) -> Array:
    """Return sums (m + 1,) of gains (m,) between edges, 0 at the edge `start`."""
    return np.concatenate([-np.cumsum(gains[:start][::-1])[::-1], [0.0], np.cumsum(gains[start:])])


def _halves(panels: Array) -> Array:
    middle = panels.mean(axis=1)
    return np.concatenate([np.stack([panels[:, 0], middle], axis=1), np.stack([middle, panels[:, 1]], axis=1)])
