"""Exact laws: closed forms and deterministic numerics, against which samplers are checked."""

from .gibbs import GibbsLaw as GibbsLaw
from .gibbs import gibbs as gibbs
from .ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .ornstein_uhlenbeck import ornstein_uhlenbeck as ornstein_uhlenbeck

__all__ = ["GibbsLaw", "OrnsteinUhlenbeck", "gibbs", "ornstein_uhlenbeck"]
