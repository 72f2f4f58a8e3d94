"""Training on minibatches: SGD and its relatives, run many times, and the noise of its gradients."""

from .. import _display
from ..optimizers import Adam as Adam
from ..optimizers import RMSprop as RMSprop
from .minibatch_noise import MinibatchCovariance as MinibatchCovariance
from .minibatch_noise import minibatch_covariance as minibatch_covariance
from .schedules import Cosine as Cosine
from .schedules import Milestones as Milestones
from .schedules import Schedule as Schedule
from .schedules import WarmUp as WarmUp
from .sgd import SGDRun as SGDRun
from .sgd import sgd as sgd
from .stopping import EarlyStopping as EarlyStopping
from .svag import SVAGRun as SVAGRun
from .svag import svag as svag

__all__ = [
    "Adam",
    "Cosine",
    "EarlyStopping",
    "Milestones",
    "MinibatchCovariance",
    "RMSprop",
    "SGDRun",
    "SVAGRun",
    "Schedule",
    "WarmUp",
    "minibatch_covariance",
    "sgd",
    "svag",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
