"""Exact laws: closed forms and deterministic numerics, against which samplers are checked."""

from .basins import BasinWeights as BasinWeights
from .basins import Crossover as Crossover
from .basins import basin_weights as basin_weights
from .basins import crossover_temperature as crossover_temperature
from .comparison import Distance as Distance
from .comparison import LawComparison as LawComparison
from .comparison import compare_laws as compare_laws
from .critical_points import CriticalPoint as CriticalPoint
from .critical_points import critical_points as critical_points
from .critical_points import lowest_pass as lowest_pass
from .escape import anisotropic_escape_time as anisotropic_escape_time
from .escape import depopulation_factor as depopulation_factor
from .escape import kramers_time as kramers_time
from .escape import turnover_time as turnover_time
from .first_passage import mean_first_passage_time as mean_first_passage_time
from .fokker_planck import FokkerPlanck as FokkerPlanck
from .fokker_planck import GridEstimate as GridEstimate
from .fokker_planck import Modes as Modes
from .fokker_planck import fokker_planck as fokker_planck
from .gibbs import GibbsLaw as GibbsLaw
from .gibbs import gibbs as gibbs
from .grid import Grid as Grid
from .marginal import MarginalLaw as MarginalLaw
from .one_dimension import NoStationaryLaw as NoStationaryLaw
from .one_dimension import OneDimensionalLaw as OneDimensionalLaw
from .one_dimension import power_law as power_law
from .one_dimension import stationary_law as stationary_law
from .ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .ornstein_uhlenbeck import ornstein_uhlenbeck as ornstein_uhlenbeck
from .transitions import Transition as Transition
from .transitions import transition as transition

__all__ = [
    "BasinWeights",
    "CriticalPoint",
    "Crossover",
    "Distance",
    "FokkerPlanck",
    "GibbsLaw",
    "Grid",
    "GridEstimate",
    "LawComparison",
    "MarginalLaw",
    "Modes",
    "NoStationaryLaw",
    "OneDimensionalLaw",
    "OrnsteinUhlenbeck",
    "Transition",
    "anisotropic_escape_time",
    "basin_weights",
    "compare_laws",
    "critical_points",
    "crossover_temperature",
    "depopulation_factor",
    "fokker_planck",
    "gibbs",
    "kramers_time",
    "lowest_pass",
    "mean_first_passage_time",
    "ornstein_uhlenbeck",
    "power_law",
    "stationary_law",
    "transition",
    "turnover_time",
]
