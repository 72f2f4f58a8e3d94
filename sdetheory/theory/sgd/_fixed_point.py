"""Fixed points of a map that nearly contracts, by the acceleration of Anderson."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_DEPTH = 8
_ITERATIONS = 120
_EXACT = 1e-10
_ENOUGH = 1e-8


def fixed_point(apply: Callable[[Array], Array | None], start: Array) -> Array | None:
    """Return x = apply(x), or None where none is found; entries are of order one.

    `apply` is None where x means nothing: an accelerated step that leads there is taken back to the plain one before.
    """
    x, points, images = start, [], []
    safe: Array | None = None
    best, found = np.inf, None
    for _ in range(_ITERATIONS):
        image = apply(x)
        if image is None or not np.isfinite(image).all():
            if safe is None:
                return None
            x, safe, points, images = safe, None, [], []
            continue
        size = 1 + float(np.abs(image).max())
        rest = float(np.abs(image - x).max()) / size
        if rest <= _EXACT or (rest <= _ENOUGH and rest > best / 2):  # rounding is reached
            return image if rest <= best else found
        best, found = min(best, rest), image if rest < best else found
        points, images = [*points, x][-_DEPTH:], [*images, image][-_DEPTH:]
        x, safe = image, None
        if len(points) > 1:
            rests = np.array(images) - np.array(points)
            weights = np.linalg.lstsq(np.diff(rests, axis=0).T, rests[-1], rcond=1e-12)[0]
            x, safe = image - weights @ np.diff(np.array(images), axis=0), image
    return None
