"""Where e^{-C/T} lives: the search for a box that holds all of it, and the proof that there is one."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[np.float64]

# e^-60 = 1e-26: what is left out beyond it is far below the rounding error of the whole.
_DEPTH = 60.0
_FARTHEST = 20  # the search ends at |x| = 2^20
_SAMPLES = {1: 2001, 2: 129, 3: 41}  # along each axis; odd, so that the origin and the axes are among them
_ZOOMS = 8  # each of 2/128: together below the spacing of floats
_ROUNDS = 40  # each shrinks the box up to sixtyfold, so that the last is far below any width a float can resolve


class Landscape(Protocol):
    """What a law needs of a cost: its dimension, and its values (...) at points (..., d)."""

    @property
    def dimension(self) -> int: ...

    def value(self, x: Any, /) -> Any: ...


def checked(landscape: Any, *methods: str, name: str = "landscape") -> int:
    """Return the dimension of a landscape, if it has what is asked of it."""
    hint = "sdetheory.landscapes has some, and Landscape.from_sympy makes one of a formula."
    _validate.having(name, landscape, ["dimension", "value", *methods], "a landscape", hint=hint)
    return _validate.integer(f"{name}.dimension", landscape.dimension, at_least=1)


def cost(landscape: Landscape, x: Array) -> Array:
    """Return C at points (..., d); far from the origin overflow to +inf is as it should be."""
    with np.errstate(all="ignore"):
        values = np.asarray(landscape.value(x), dtype=np.float64)
    if values.shape != x.shape[:-1]:
        raise InvalidInputError(
            f"landscape.value must map shape {x.shape} to shape {x.shape[:-1]}; got shape {values.shape}"
        )
    wrong = np.isnan(values) | (values == -np.inf)
    if wrong.any():
        raise InvalidInputError(
            f"landscape must have costs that are numbers or +inf; got {values[wrong][0]} at "
            f"x = {x[wrong][0].tolist()}. Pass bounds that leave such points out."
        )
    return values


def search(landscape: Landscape, temperature: float, dimension: int) -> Array:
    """Return a box (2, d) that holds every point with (C - min C)/T below the depth, as far as samples can tell."""
    levels = 2.0 ** np.arange(-3, _FARTHEST + 1)
    samples = [_sample(landscape, np.tile([[-level], [level]], dimension)) for level in levels]
    _check_decay(landscape, temperature, dimension, levels[-1])
    lowest = min(float(values.min()) for _, values in samples)
    if not np.isfinite(lowest):
        raise InvalidInputError("landscape must have a finite cost near the origin; got +inf throughout. Pass bounds.")
    reach = max(np.max(np.abs(x[_relevant(c, lowest, temperature)]), initial=0.0) for x, c in samples)
    if reach >= levels[-1]:
        raise _no_law(temperature, f"is still within {_DEPTH:g} T of its minimum at |x| = {reach:.3g}")
    half = levels[np.searchsorted(levels, reach, side="right")]
    box: Any = np.tile([[-half], [half]], dimension)
    for _ in range(_ROUNDS):
        x, values = _sample(landscape, box)
        lowest = min(lowest, float(values.min()))
        inside = x[_relevant(values, lowest, temperature)]
        margin = 2 * np.ptp(box, axis=0) / (_SAMPLES[dimension] - 1)
        box, previous = np.array([inside.min(axis=0) - margin, inside.max(axis=0) + margin]), box
        if np.all(np.ptp(box, axis=0) > 0.9 * np.ptp(previous, axis=0)):
            break
    edge = lowest_on_faces(landscape, box)
    if (cost(landscape, edge).min() - lowest) / temperature < _DEPTH / 2:
        raise _no_law(temperature, "stays low along a direction that leaves every box")
    return box


def _sample(landscape: Landscape, box: Array) -> tuple[Array, Array]:
    axes = np.linspace(box[0], box[1], _SAMPLES[box.shape[1]]).T
    x = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return x, cost(landscape, x)


def _relevant(values: Array, lowest: float, temperature: float) -> NDArray[np.bool_]:
    """Mark the samples that lie low, and local minima whose bottom may lie low between the samples.

    A basin that falls between two samples shows itself as a sample below its neighbours; how far below bounds how much
    deeper the bottom is.
    """
    values = np.minimum(values, 1e300)
    valley = values <= ndimage.minimum_filter(values, 3, mode="nearest")
    slack = np.where(valley, ndimage.maximum_filter(values, 3, mode="nearest") - values, 0.0)
    return values - slack - lowest <= _DEPTH * temperature


def _check_decay(landscape: Landscape, temperature: float, dimension: int, level: float) -> None:
    """Refuse costs that grow too slowly: e^{-C/T} is integrable if C gains more than d T ln 2 when |x| doubles."""
    edge = lowest_on_faces(landscape, np.tile([[-level], [level]], dimension))
    values, halfway = cost(landscape, edge), cost(landscape, edge / 2)
    with np.errstate(invalid="ignore"):
        gain = np.where(np.isinf(values), np.inf, values - halfway)
    if gain.min() <= dimension * temperature * np.log(2):
        worst = edge[np.argmin(gain)]
        raise _no_law(temperature, f"gains only {gain.min():.3g} from x = {(worst / 2).tolist()} to twice that")


def lowest_on_faces(landscape: Landscape, box: Array) -> Array:
    """Return the lowest point on each side of a box, shape (2d, d).

    Found by sampling each side ever more closely: a flat valley may leave the box between any two fixed samples.
    """
    points = []
    for axis in range(box.shape[1]):
        for side in box[:, axis]:
            ends = box.copy()
            ends[:, axis] = side
            count, best = _SAMPLES[2], ends[0]
            for _ in range(_ZOOMS):
                axes = list(np.linspace(ends[0], ends[1], count).T)
                axes[axis] = np.array([side])
                x = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(box.T))
                best = x[int(np.argmin(cost(landscape, x)))]
                step = (ends[1] - ends[0]) / (count - 1)
                ends = np.array([np.maximum(best - step, ends[0]), np.minimum(best + step, ends[1])])
            points.append(best)
    return np.array(points)


def _no_law(temperature: float, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"landscape must rise fast enough that e^(-C/T) can be normalized at temperature {temperature:g}; the cost "
        f"{what}, so that no stationary law was found. Pass bounds to confine it, or add weight decay."
    )
