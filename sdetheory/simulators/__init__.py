"""Monte Carlo: ensembles of SDE paths, their stationary statistics, and minibatch noise."""

from .minibatch import MinibatchCovariance as MinibatchCovariance
from .minibatch import minibatch_covariance as minibatch_covariance
from .sde import SDE as SDE
from .sde import langevin as langevin
from .simulate import Run as Run
from .simulate import simulate as simulate
from .stationary import Histogram as Histogram
from .stationary import StationarySample as StationarySample
from .stationary import sample_stationary as sample_stationary
