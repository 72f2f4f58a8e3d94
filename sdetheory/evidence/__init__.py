"""Bayesian evidence: how well a model predicted the data before it saw them."""

from .linear import LinearModel as LinearModel
from .occam import OccamDecomposition as OccamDecomposition
from .posterior import Posterior as Posterior
from .posterior import Prediction as Prediction
from .reparameterization import reparameterize as reparameterize

__all__ = ["LinearModel", "OccamDecomposition", "Posterior", "Prediction", "reparameterize"]
