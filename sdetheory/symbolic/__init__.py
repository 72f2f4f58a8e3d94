"""The symbolic witness: formulas proved step by step with SymPy before anything uses them."""

from .densities import stationary_density as stationary_density
from .derivation import Derivation as Derivation
from .derivation import DerivationError as DerivationError
from .first_passage import backward_kolmogorov as backward_kolmogorov
from .first_passage import exit_probability as exit_probability
from .first_passage import mean_first_passage_time as mean_first_passage_time
from .fokker_planck import fokker_planck as fokker_planck
from .fokker_planck import probability_current as probability_current
from .kramers_moyal import gaussian_moments as gaussian_moments
from .kramers_moyal import increment_moments as increment_moments
from .kramers_moyal import recursion_expansion as recursion_expansion
from .kramers_moyal import semigroup_expansion as semigroup_expansion
from .kramers_moyal import weak_mismatch as weak_mismatch
from .laplace import LaplaceExpansion as LaplaceExpansion
from .laplace import laplace as laplace
from .matching import noise_scale as noise_scale
from .moments import MomentEquations as MomentEquations
from .moments import linear_coefficients as linear_coefficients
from .moments import lyapunov as lyapunov
from .moments import moment_equations as moment_equations
from .moments import stability_conditions as stability_conditions
from .moments import stationary_covariance as stationary_covariance
from .parsing import as_expression as as_expression
from .parsing import parse as parse
from .proof import UndecidedError as UndecidedError
from .proof import is_zero as is_zero
from .records import Assumption as Assumption
from .records import Equation as Equation
from .records import Formula as Formula
from .rendering import lecture_notes as lecture_notes
from .sampling import MinibatchMoments as MinibatchMoments
from .sampling import enumerate_minibatches as enumerate_minibatches
from .sampling import minibatch_covariance as minibatch_covariance
from .script import compare as compare
from .script import compare_order as compare_order
from .script import present as present
from .sde import ItoSDE as ItoSDE
from .stationary import entropy_production_density as entropy_production_density
from .stationary import is_stationary as is_stationary
from .stationary import satisfies_detailed_balance as satisfies_detailed_balance
from .stationary import stationarity_residual as stationarity_residual

__all__ = [
    "Assumption",
    "Derivation",
    "DerivationError",
    "Equation",
    "Formula",
    "ItoSDE",
    "LaplaceExpansion",
    "MinibatchMoments",
    "MomentEquations",
    "UndecidedError",
    "as_expression",
    "backward_kolmogorov",
    "compare",
    "compare_order",
    "entropy_production_density",
    "enumerate_minibatches",
    "exit_probability",
    "fokker_planck",
    "gaussian_moments",
    "increment_moments",
    "is_stationary",
    "is_zero",
    "laplace",
    "lecture_notes",
    "linear_coefficients",
    "lyapunov",
    "mean_first_passage_time",
    "minibatch_covariance",
    "moment_equations",
    "noise_scale",
    "parse",
    "present",
    "probability_current",
    "recursion_expansion",
    "satisfies_detailed_balance",
    "semigroup_expansion",
    "stability_conditions",
    "stationarity_residual",
    "stationary_covariance",
    "stationary_density",
    "weak_mismatch",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
