"""The symbolic witness: formulas proved step by step with SymPy before anything uses them."""

from .derivation import Derivation as Derivation
from .derivation import DerivationError as DerivationError
from .matching import noise_scale as noise_scale
from .parsing import as_expression as as_expression
from .parsing import parse as parse
from .records import Assumption as Assumption
from .records import Equation as Equation
from .records import Formula as Formula
from .sampling import MinibatchMoments as MinibatchMoments
from .sampling import enumerate_minibatches as enumerate_minibatches
from .sampling import minibatch_covariance as minibatch_covariance
