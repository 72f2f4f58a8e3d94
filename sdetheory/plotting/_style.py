"""Where to draw, and how axes are numbered."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from .. import _validate
from ..errors import InvalidInputError


def axes_or_new(ax: Any) -> Any:
    """Return the axes that were given, or those of a new figure."""
    return plt.subplots(layout="constrained")[1] if ax is None else panels("ax", ax, 1, "the figure")[0]


def plain_log(axis: Any) -> None:
    """Write 1, 2 and 5 at a logarithmic axis of few decades, where powers of ten are too few."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def panels(name: str, axes: Any, count: int, purpose: str) -> Any:
    """Return an array of so many axes, if that is what was given."""
    given = axes.ravel() if isinstance(axes, np.ndarray) else axes
    several = list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
    found = np.empty(len(several), dtype=object)
    found[:] = several if all(isinstance(ax, Axes) for ax in several) else None
    if len(found) != count or not all(isinstance(ax, Axes) for ax in found):
        one = {1: "an Axes", 2: "two panels, each an Axes", 3: "three panels, each an Axes"}[count]
        got = f"{len(found)} of them" if all(isinstance(ax, Axes) for ax in found) else _validate.shown(axes)
        raise InvalidInputError(
            f"{name} must be {one} of matplotlib, for {purpose}; got {got}. plt.subplots makes some."
        )
    return found
