"""Bayesian evidence: how well a model predicted the data before it saw them."""

from .conjugate import NormalInverseGamma as NormalInverseGamma
from .conjugate import StudentPrediction as StudentPrediction
from .cross_validation import cross_validation as cross_validation
from .cross_validation import leave_one_out as leave_one_out
from .curve import EvidenceCurve as EvidenceCurve
from .curve import evidence_curve as evidence_curve
from .expectation import expected_log_evidence as expected_log_evidence
from .expectation import expected_risk as expected_risk
from .gaussianize import gaussianizing_map as gaussianizing_map
from .laplace import Laplace as Laplace
from .laplace import laplace as laplace
from .linear import LinearModel as LinearModel
from .maps import CUBIC as CUBIC
from .maps import EXP as EXP
from .maps import SINH as SINH
from .maps import ElementwiseMap as ElementwiseMap
from .maps import LinearMap as LinearMap
from .maps import Map as Map
from .maps import SmoothMap as SmoothMap
from .maps import two_layer_rescaling as two_layer_rescaling
from .maximize import EvidenceMaximum as EvidenceMaximum
from .maximize import mackay as mackay
from .occam import OccamDecomposition as OccamDecomposition
from .pac_bayes import pac_bayes_bound as pac_bayes_bound
from .posterior import Posterior as Posterior
from .posterior import Prediction as Prediction
from .reference import Reference as Reference
from .reference import importance_sampling as importance_sampling
from .reference import quadrature as quadrature
from .reparameterization import reparameterize as reparameterize
from .sequential import conditional_evidence as conditional_evidence
from .sequential import sequential as sequential
from .sharpness import Sharpness as Sharpness
from .sharpness import epsilon_sharpness as epsilon_sharpness
from .sharpness import sharpness as sharpness
from .symmetry import log_equivalent_modes as log_equivalent_modes
from .thermodynamic import annealed as annealed
from .thermodynamic import thermodynamic as thermodynamic
from .weight_model import WeightModel as WeightModel

__all__ = [
    "CUBIC",
    "EXP",
    "SINH",
    "ElementwiseMap",
    "EvidenceCurve",
    "EvidenceMaximum",
    "Laplace",
    "LinearMap",
    "LinearModel",
    "Map",
    "NormalInverseGamma",
    "OccamDecomposition",
    "Posterior",
    "Prediction",
    "Reference",
    "Sharpness",
    "SmoothMap",
    "StudentPrediction",
    "WeightModel",
    "annealed",
    "conditional_evidence",
    "cross_validation",
    "epsilon_sharpness",
    "evidence_curve",
    "expected_log_evidence",
    "expected_risk",
    "gaussianizing_map",
    "importance_sampling",
    "laplace",
    "leave_one_out",
    "log_equivalent_modes",
    "mackay",
    "pac_bayes_bound",
    "quadrature",
    "reparameterize",
    "sequential",
    "sharpness",
    "thermodynamic",
    "two_layer_rescaling",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
