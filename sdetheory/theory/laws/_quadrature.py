"""Adaptive integration over boxes in one to three dimensions, a whole generation of boxes at a time."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInputError

Array = NDArray[np.float64]
# A function of points (m, d) that returns (m, k).
Integrand = Callable[[Array], Array]

ORDER = {1: 16, 2: 10, 3: 6}
# A generation of children may have this many nodes; beyond it the integrand is not smooth enough for boxes.
_MAX_NODES = 2**22


@functools.cache
def _rule(dimension: int) -> tuple[Array, Array]:
    """Return nodes (q, d) and weights (q,) of the tensor Gauss–Legendre rule on the unit box."""
    nodes, weights = np.polynomial.legendre.leggauss(ORDER[dimension])
    grid = np.array(list(itertools.product((nodes + 1) / 2, repeat=dimension)))
    products = np.prod(list(itertools.product(weights / 2, repeat=dimension)), axis=1)
    return grid, products


def nodes(boxes: Array) -> Array:
    """Return the nodes (m, q, d) of boxes (m, 2, d)."""
    unit, _ = _rule(boxes.shape[2])
    return boxes[:, None, 0] + unit * (boxes[:, 1] - boxes[:, 0])[:, None]


def grid(box: Array, count: int) -> Array:
    """Cut a box (2, d) into count equal parts along each axis: (count^d, 2, d)."""
    edges = np.linspace(box[0], box[1], count + 1)
    intervals = [np.stack([edges[:-1, axis], edges[1:, axis]], axis=1) for axis in range(box.shape[1])]
    return np.array([np.stack(cell, axis=1) for cell in itertools.product(*intervals)])


def _apply(integrand: Integrand, boxes: Array) -> tuple[Array, Array]:
    """Return the rule's values for f and for |f| on each box, shapes (m, k)."""
    points = nodes(boxes)
    values = integrand(points.reshape(-1, boxes.shape[2]))
    values = values.reshape(*points.shape[:2], -1)
    weights = _rule(boxes.shape[2])[1][:, None] * np.prod(boxes[:, 1] - boxes[:, 0], axis=1)[:, None, None]
    return np.sum(weights * values, axis=1), np.sum(weights * np.abs(values), axis=1)


def _split(boxes: Array) -> Array:
    """Halve boxes (m, 2, d) along each axis; the 2^d children of a box follow each other."""
    dimension = boxes.shape[2]
    thirds = np.stack([boxes[:, 0], boxes.mean(axis=1), boxes[:, 1]], axis=1)
    axes = np.arange(dimension)
    corners = [np.array(corner) for corner in itertools.product((0, 1), repeat=dimension)]
    children = [np.stack([thirds[:, corner, axes], thirds[:, corner + 1, axes]], axis=1) for corner in corners]
    return np.stack(children, axis=1).reshape(-1, 2, dimension)


def integrate(integrand: Integrand, boxes: Array, tolerance: float) -> tuple[Array, Array, Array, Array]:
    """Integrate a function over disjoint boxes.

    Each box is compared with the sum over its 2^d halves and is halved further until the two agree, relative to the
    integral of |f| over all boxes. What is returned is the finer value, which for a smooth function is far closer to
    the truth than the difference.

    Parameters
    ----------
    integrand : callable
        Maps points (m, d) to values (m, k).
    boxes : ndarray, shape (m, 2, d)
        Lower and upper corners; they should be fine enough that no feature lies between their nodes.
    tolerance : float
        Bound on the difference for each box.

    Returns
    -------
    value, error, scale : ndarray, shape (k,)
        The integral of f, the sum of the differences, and the integral of |f|.
    leaves : ndarray, shape (n, 2, d)
        The boxes where the refinement ended.

    Raises
    ------
    InvalidInputError
        If the boxes become too many: the function jumps, or oscillates faster than they can follow.
    """
    coarse, _ = _apply(integrand, boxes)
    value, error, scale = np.zeros((3, coarse.shape[1]))
    leaves = []
    while len(boxes):
        children = _split(boxes)
        if children.shape[0] * len(_rule(boxes.shape[2])[1]) > _MAX_NODES:
            raise InvalidInputError(
                "the integrand must be smooth on the scale of the law; got one that needs more than "
                f"{_MAX_NODES} points. Pass tighter bounds (start, target, wall); for the indicator of a box use "
                "probability(lower, upper)."
            )
        fine, fine_scale = _apply(integrand, children)
        by_parent = (len(boxes), -1, fine.shape[1])
        sums, sum_scales = fine.reshape(by_parent).sum(axis=1), fine_scale.reshape(by_parent).sum(axis=1)
        total = scale + sum_scales.sum(axis=0)
        difference = np.abs(sums - coarse)
        # The second term ends the refinement at the rounding error of the box itself.
        done = np.all(difference <= tolerance * total + 1e-15 * sum_scales, axis=1)
        value = value + sums[done].sum(axis=0)
        error = error + difference[done].sum(axis=0)
        scale = scale + sum_scales[done].sum(axis=0)
        leaves.append(boxes[done])
        pending = np.repeat(~done, 2 ** boxes.shape[2])
        boxes, coarse = children[pending], fine[pending]
    return value, error, scale, np.concatenate(leaves)


class Cumulative:
    """The integral of a positive function of one variable up to x.

    Parameters
    ----------
    weight : callable
        Maps points (m, 1) to values (m,).
    boxes : ndarray, shape (m, 2, 1)
        Disjoint, and fine enough for the rule to be exact on each: the leaves of :func:`integrate`.
    below, above : float
        What lies outside of them.
    """

    def __init__(self, weight: Callable[[Array], Array], boxes: Array, below: float = 0.0, above: float = 0.0) -> None:
        self._weight, self._boxes = weight, boxes[np.argsort(boxes[:, 0, 0])]
        self._masses = self._inside(self._boxes)
        self._before = below + np.concatenate([[0.0], np.cumsum(self._masses)])
        self._total = self._before[-1] + above

    def _inside(self, boxes: Array) -> Array:
        return _apply(lambda x: self._weight(x)[:, None], boxes)[0][:, 0]

    def share(self, x: Array) -> Array:
        """Return the integral up to x, shape (n,), over the whole; beyond the boxes it stays what it is there."""
        starts = self._boxes[:, 0, 0]
        index = np.clip(np.searchsorted(starts, x, side="right") - 1, 0, len(starts) - 1)
        boxes = self._boxes[index]
        boxes[:, 1, 0] = np.clip(x, boxes[:, 0, 0], boxes[:, 1, 0])
        return np.clip((self._before[index] + self._inside(boxes)) / self._total, 0.0, 1.0)
