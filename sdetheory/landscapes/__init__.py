"""Synthetic cost functions: one symbolic definition each, compiled for simulation."""

from .. import _display
from .landscape import Landscape as Landscape
from .library import double_well as double_well
from .library import quadratic as quadratic
from .library import sharp_and_broad as sharp_and_broad

__all__ = [
    "Landscape",
    "double_well",
    "quadratic",
    "sharp_and_broad",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
