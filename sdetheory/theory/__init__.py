"""Exact laws: closed forms and deterministic numerics, against which samplers are checked."""

from .. import _display
from .escape.basins import BasinWeights as BasinWeights
from .escape.basins import basin_weights as basin_weights
from .escape.critical_points import CriticalPoint as CriticalPoint
from .escape.critical_points import critical_points as critical_points
from .escape.critical_points import lowest_pass as lowest_pass
from .escape.crossover import Crossover as Crossover
from .escape.crossover import crossover_temperature as crossover_temperature
from .escape.escape import anisotropic_escape_time as anisotropic_escape_time
from .escape.escape import depopulation_factor as depopulation_factor
from .escape.escape import kramers_time as kramers_time
from .escape.escape import turnover_time as turnover_time
from .escape.passage_times import mean_first_passage_time as mean_first_passage_time
from .grids.fokker_planck import FokkerPlanck as FokkerPlanck
from .grids.fokker_planck import fokker_planck as fokker_planck
from .grids.grid import Grid as Grid
from .grids.modes import Modes as Modes
from .grids.refinement import GridEstimate as GridEstimate
from .grids.transitions import Transition as Transition
from .grids.transitions import transition as transition
from .laws._compare_laws import compare_laws as compare_laws
from .laws.gibbs import GibbsLaw as GibbsLaw
from .laws.gibbs import gibbs as gibbs
from .laws.law_comparison import Distance as Distance
from .laws.law_comparison import LawComparison as LawComparison
from .laws.marginal import MarginalLaw as MarginalLaw
from .laws.one_dimension import NoStationaryLaw as NoStationaryLaw
from .laws.one_dimension import OneDimensionalLaw as OneDimensionalLaw
from .laws.one_dimension import power_law as power_law
from .laws.one_dimension import stationary_law as stationary_law
from .laws.optimum_noise import OptimumNoise as OptimumNoise
from .laws.optimum_noise import optimum_noise as optimum_noise
from .laws.ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .laws.ornstein_uhlenbeck import ornstein_uhlenbeck as ornstein_uhlenbeck
from .laws.scheme_covariance import baoab_covariance as baoab_covariance
from .laws.scheme_covariance import scheme_covariance as scheme_covariance
from .sgd.approximate_posterior import average_covariance as average_covariance
from .sgd.approximate_posterior import kl_divergence as kl_divergence
from .sgd.approximate_posterior import optimal_learning_rate as optimal_learning_rate
from .sgd.approximate_posterior import optimal_preconditioner as optimal_preconditioner
from .sgd.kesten import kesten_exponent as kesten_exponent
from .sgd.least_squares import LeastSquaresLaw as LeastSquaresLaw
from .sgd.least_squares import least_squares_sgd as least_squares_sgd
from .sgd.one_way_layout import BestBatchSize as BestBatchSize
from .sgd.one_way_layout import OneWayLayout as OneWayLayout
from .sgd.sgd_covariance import SGDLaw as SGDLaw
from .sgd.sgd_covariance import sgd_covariance as sgd_covariance
from .sgd.sgd_moments import SGDMoments as SGDMoments
from .sgd.sgd_moments import least_squares_moments as least_squares_moments
from .sgd.sgd_moments import sgd_moments as sgd_moments
from .sgd.stability_limit import StabilityLimit as StabilityLimit
from .sgd.stability_limit import least_squares_stability_limit as least_squares_stability_limit
from .sgd.stability_limit import sgd_stability_limit as sgd_stability_limit
from .sgd.stationary_sgd import StationarySGD as StationarySGD
from .sgd.stationary_sgd import stationary_sgd as stationary_sgd

__all__ = [
    "BasinWeights",
    "BestBatchSize",
    "CriticalPoint",
    "Crossover",
    "Distance",
    "FokkerPlanck",
    "GibbsLaw",
    "Grid",
    "GridEstimate",
    "LawComparison",
    "LeastSquaresLaw",
    "MarginalLaw",
    "Modes",
    "NoStationaryLaw",
    "OneDimensionalLaw",
    "OneWayLayout",
    "OptimumNoise",
    "OrnsteinUhlenbeck",
    "SGDLaw",
    "SGDMoments",
    "StabilityLimit",
    "StationarySGD",
    "Transition",
    "anisotropic_escape_time",
    "average_covariance",
    "baoab_covariance",
    "basin_weights",
    "compare_laws",
    "critical_points",
    "crossover_temperature",
    "depopulation_factor",
    "fokker_planck",
    "gibbs",
    "kesten_exponent",
    "kl_divergence",
    "kramers_time",
    "least_squares_moments",
    "least_squares_sgd",
    "least_squares_stability_limit",
    "lowest_pass",
    "mean_first_passage_time",
    "optimal_learning_rate",
    "optimal_preconditioner",
    "optimum_noise",
    "ornstein_uhlenbeck",
    "power_law",
    "scheme_covariance",
    "sgd_covariance",
    "sgd_moments",
    "sgd_stability_limit",
    "stationary_law",
    "stationary_sgd",
    "transition",
    "turnover_time",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
