"""The symbolic witness: formulas proved step by step with SymPy before anything uses them."""

from .. import _display
from .calculus.densities import stationary_density as stationary_density
from .calculus.exit_problems import backward_kolmogorov as backward_kolmogorov
from .calculus.exit_problems import exit_probability as exit_probability
from .calculus.exit_problems import mean_first_passage_time as mean_first_passage_time
from .calculus.forward_equation import fokker_planck as fokker_planck
from .calculus.forward_equation import probability_current as probability_current
from .calculus.ito_sde import ItoSDE as ItoSDE
from .calculus.kramers_moyal import gaussian_moments as gaussian_moments
from .calculus.kramers_moyal import increment_moments as increment_moments
from .calculus.kramers_moyal import recursion_expansion as recursion_expansion
from .calculus.kramers_moyal import semigroup_expansion as semigroup_expansion
from .calculus.kramers_moyal import weak_mismatch as weak_mismatch
from .calculus.laplace_expansion import LaplaceExpansion as LaplaceExpansion
from .calculus.laplace_expansion import laplace as laplace
from .calculus.moment_equations import MomentEquations as MomentEquations
from .calculus.moment_equations import linear_coefficients as linear_coefficients
from .calculus.moment_equations import lyapunov as lyapunov
from .calculus.moment_equations import moment_equations as moment_equations
from .calculus.moment_equations import stability_conditions as stability_conditions
from .calculus.moment_equations import stationary_covariance as stationary_covariance
from .calculus.stationarity import entropy_production_density as entropy_production_density
from .calculus.stationarity import is_stationary as is_stationary
from .calculus.stationarity import satisfies_detailed_balance as satisfies_detailed_balance
from .calculus.stationarity import stationarity_residual as stationarity_residual
from .formulas.parsing import as_expression as as_expression
from .formulas.parsing import parse as parse
from .proofs.derivation import Derivation as Derivation
from .proofs.failure import DerivationError as DerivationError
from .proofs.proof import UndecidedError as UndecidedError
from .proofs.proof import is_zero as is_zero
from .proofs.records import Assumption as Assumption
from .proofs.records import Equation as Equation
from .proofs.records import Formula as Formula
from .proofs.rendering import lecture_notes as lecture_notes
from .proofs.script import compare as compare
from .proofs.script import compare_order as compare_order
from .proofs.script import present as present
from .sgd.matching import noise_scale as noise_scale
from .sgd.minibatches import MinibatchMoments as MinibatchMoments
from .sgd.minibatches import enumerate_minibatches as enumerate_minibatches
from .sgd.minibatches import minibatch_covariance as minibatch_covariance

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
_display.equip(vars())
