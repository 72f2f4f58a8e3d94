"""Stochastic differential equations: from formulas, from functions of one's own, from landscapes and models."""

from .. import _display
from .adaptive import AdaptiveEquation as AdaptiveEquation
from .langevin import langevin as langevin
from .langevin import underdamped_langevin as underdamped_langevin
from .sde import SDE as SDE
from .sgd_equation import SGDEquation as SGDEquation
from .sgd_sde import sgd_sde as sgd_sde

__all__ = [
    "SDE",
    "AdaptiveEquation",
    "SGDEquation",
    "langevin",
    "sgd_sde",
    "underdamped_langevin",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
