"""Costs that are sums over data, with their per-example gradients."""

from .function_model import FunctionModel as FunctionModel
from .gradient_noise import gradient_covariance as gradient_covariance
from .linear import LinearRegression as LinearRegression
from .logistic import LogisticRegression as LogisticRegression
from .network import ReLUNetwork as ReLUNetwork
from .softmax import SoftmaxRegression as SoftmaxRegression
