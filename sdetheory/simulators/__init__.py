"""Monte Carlo: ensembles of SDE paths, their stationary statistics, and minibatch noise."""

from ..engine.divergence import Divergence as Divergence
from .first_passage import FirstPassage as FirstPassage
from .first_passage import first_passage as first_passage
from .langevin import langevin as langevin
from .langevin import underdamped_langevin as underdamped_langevin
from .minibatch import MinibatchCovariance as MinibatchCovariance
from .minibatch import minibatch_covariance as minibatch_covariance
from .mixing import Mixing as Mixing
from .optimizers import Adam as Adam
from .optimizers import RMSprop as RMSprop
from .residence import ResidenceTimes as ResidenceTimes
from .residence import residence_times as residence_times
from .schemes import SCHEMES as SCHEMES
from .schemes import Scheme as Scheme
from .sde import SDE as SDE
from .sgd import SGDRun as SGDRun
from .sgd import sgd as sgd
from .sgd_sde import SGDEquation as SGDEquation
from .sgd_sde import sgd_sde as sgd_sde
from .simulate import Run as Run
from .simulate import simulate as simulate
from .stationary import Histogram as Histogram
from .stationary import StationarySample as StationarySample
from .stationary import sample_stationary as sample_stationary
from .svag import SVAGRun as SVAGRun
from .svag import svag as svag
from .targets import Crossing as Crossing

__all__ = [
    "SCHEMES",
    "SDE",
    "Adam",
    "Crossing",
    "Divergence",
    "FirstPassage",
    "Histogram",
    "MinibatchCovariance",
    "Mixing",
    "RMSprop",
    "ResidenceTimes",
    "Run",
    "SGDEquation",
    "SGDRun",
    "SVAGRun",
    "Scheme",
    "StationarySample",
    "first_passage",
    "langevin",
    "minibatch_covariance",
    "residence_times",
    "sample_stationary",
    "sgd",
    "sgd_sde",
    "simulate",
    "svag",
    "underdamped_langevin",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
