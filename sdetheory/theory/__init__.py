"""Exact laws: closed forms and deterministic numerics, against which samplers are checked."""

from .approximate_posterior import average_covariance as average_covariance
from .approximate_posterior import kl_divergence as kl_divergence
from .approximate_posterior import optimal_learning_rate as optimal_learning_rate
from .approximate_posterior import optimal_preconditioner as optimal_preconditioner
from .basins import BasinWeights as BasinWeights
from .basins import basin_weights as basin_weights
from .comparison import compare_laws as compare_laws
from .critical_points import CriticalPoint as CriticalPoint
from .critical_points import critical_points as critical_points
from .critical_points import lowest_pass as lowest_pass
from .crossover import Crossover as Crossover
from .crossover import crossover_temperature as crossover_temperature
from .escape import anisotropic_escape_time as anisotropic_escape_time
from .escape import depopulation_factor as depopulation_factor
from .escape import kramers_time as kramers_time
from .escape import turnover_time as turnover_time
from .first_passage import mean_first_passage_time as mean_first_passage_time
from .fokker_planck import FokkerPlanck as FokkerPlanck
from .fokker_planck import Modes as Modes
from .fokker_planck import fokker_planck as fokker_planck
from .gibbs import GibbsLaw as GibbsLaw
from .gibbs import gibbs as gibbs
from .grid import Grid as Grid
from .kesten import kesten_exponent as kesten_exponent
from .law_comparison import Distance as Distance
from .law_comparison import LawComparison as LawComparison
from .least_squares import LeastSquaresLaw as LeastSquaresLaw
from .least_squares import least_squares_sgd as least_squares_sgd
from .marginal import MarginalLaw as MarginalLaw
from .one_dimension import NoStationaryLaw as NoStationaryLaw
from .one_dimension import OneDimensionalLaw as OneDimensionalLaw
from .one_dimension import power_law as power_law
from .one_dimension import stationary_law as stationary_law
from .optimum_noise import OptimumNoise as OptimumNoise
from .optimum_noise import optimum_noise as optimum_noise
from .ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from .ornstein_uhlenbeck import ornstein_uhlenbeck as ornstein_uhlenbeck
from .refinement import GridEstimate as GridEstimate
from .scheme_covariance import baoab_covariance as baoab_covariance
from .scheme_covariance import scheme_covariance as scheme_covariance
from .sgd_covariance import SGDLaw as SGDLaw
from .sgd_covariance import sgd_covariance as sgd_covariance
from .sgd_moments import SGDMoments as SGDMoments
from .sgd_moments import least_squares_moments as least_squares_moments
from .sgd_moments import sgd_moments as sgd_moments
from .stability_limit import StabilityLimit as StabilityLimit
from .stability_limit import least_squares_stability_limit as least_squares_stability_limit
from .stability_limit import sgd_stability_limit as sgd_stability_limit
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
    "LeastSquaresLaw",
    "MarginalLaw",
    "Modes",
    "NoStationaryLaw",
    "OneDimensionalLaw",
    "OptimumNoise",
    "OrnsteinUhlenbeck",
    "SGDLaw",
    "SGDMoments",
    "StabilityLimit",
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
    "transition",
    "turnover_time",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
