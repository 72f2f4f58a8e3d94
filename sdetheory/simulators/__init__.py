"""Monte Carlo: ensembles of SDE paths, their stationary statistics, and minibatch noise."""

from .. import _display
from ..engine.divergence import Divergence as Divergence
from .first_passage import FirstPassage as FirstPassage
from .first_passage import first_passage as first_passage
from .mixing import Mixing as Mixing
from .residence import ResidenceTimes as ResidenceTimes
from .residence import residence_times as residence_times
from .schemes import SCHEMES as SCHEMES
from .schemes import Scheme as Scheme
from .simulate import Run as Run
from .simulate import simulate as simulate
from .stationary import Histogram as Histogram
from .stationary import StationarySample as StationarySample
from .stationary import sample_stationary as sample_stationary
from .targets import Crossing as Crossing

__all__ = [
    "SCHEMES",
    "Crossing",
    "Divergence",
    "FirstPassage",
    "Histogram",
    "Mixing",
    "ResidenceTimes",
    "Run",
    "Scheme",
    "StationarySample",
    "first_passage",
    "residence_times",
    "sample_stationary",
    "simulate",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
