"""Costs that are sums over data, with their per-example gradients."""

from .. import _display
from .adapters.adapted_model import AdaptedModel as AdaptedModel
from .adapters.from_jax import from_jax as from_jax
from .adapters.from_torch import from_torch as from_torch
from .function_model import FunctionModel as FunctionModel
from .linear import LinearRegression as LinearRegression
from .logistic import LogisticRegression as LogisticRegression
from .network import ReLUNetwork as ReLUNetwork
from .noise._ratio import GradientNoiseScale as GradientNoiseScale
from .noise.batches import noise_scale_from_batches as noise_scale_from_batches
from .noise.fisher import fisher_discrepancy as fisher_discrepancy
from .noise.fisher import fisher_information as fisher_information
from .noise.gradient_noise import gradient_covariance as gradient_covariance
from .noise.gradient_noise_scale import gradient_noise_scale as gradient_noise_scale
from .noise.gradient_noise_scale import hessian_noise_scale as hessian_noise_scale
from .noise.gradient_noise_scale import simple_noise_scale as simple_noise_scale
from .noise.monitor import NoiseScaleMonitor as NoiseScaleMonitor
from .noise.noise_shape import NoiseShape as NoiseShape
from .noise.noise_shape import minibatch_noise_shape as minibatch_noise_shape
from .noise.noise_shape import tail_index as tail_index
from .poisson import PoissonRegression as PoissonRegression
from .probit import ProbitRegression as ProbitRegression
from .protocol.check import Conformance as Conformance
from .protocol.check import check as check
from .protocol.findings import Finding as Finding
from .protocol.model import Model as Model
from .softmax import SoftmaxRegression as SoftmaxRegression

__all__ = [
    "AdaptedModel",
    "Conformance",
    "Finding",
    "FunctionModel",
    "GradientNoiseScale",
    "LinearRegression",
    "LogisticRegression",
    "Model",
    "NoiseScaleMonitor",
    "NoiseShape",
    "PoissonRegression",
    "ProbitRegression",
    "ReLUNetwork",
    "SoftmaxRegression",
    "check",
    "fisher_discrepancy",
    "fisher_information",
    "from_jax",
    "from_torch",
    "gradient_covariance",
    "gradient_noise_scale",
    "hessian_noise_scale",
    "minibatch_noise_shape",
    "noise_scale_from_batches",
    "simple_noise_scale",
    "tail_index",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
