"""Colours, and where to draw."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

BLUE, RED, GREY = "#2166ac", "#b2182b", "0.45"
"""Theory, samples, and what is beside the point."""
ORANGE, TEAL = "#e08214", "#35978f"
"""Parts of a whole; told apart by their dashes too."""


def axes_or_new(ax: Any) -> Any:
    return plt.subplots(layout="constrained")[1] if ax is None else ax
