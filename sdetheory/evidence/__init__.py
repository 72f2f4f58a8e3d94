"""Bayesian evidence: how well a model predicted the data before it saw them."""

from .. import _display
from .classifiers.curve import EvidenceCurve as EvidenceCurve
from .classifiers.curve import evidence_curve as evidence_curve
from .classifiers.laplace import Laplace as Laplace
from .classifiers.laplace import laplace as laplace
from .classifiers.reference import Reference as Reference
from .classifiers.reference import importance_sampling as importance_sampling
from .classifiers.reference import quadrature as quadrature
from .classifiers.symmetry import log_equivalent_modes as log_equivalent_modes
from .classifiers.thermodynamic import annealed as annealed
from .classifiers.thermodynamic import thermodynamic as thermodynamic
from .coordinates.gaussianize import gaussianizing_map as gaussianizing_map
from .coordinates.map import Map as Map
from .coordinates.maps import CUBIC as CUBIC
from .coordinates.maps import EXP as EXP
from .coordinates.maps import SINH as SINH
from .coordinates.maps import ElementwiseMap as ElementwiseMap
from .coordinates.maps import LinearMap as LinearMap
from .coordinates.maps import SmoothMap as SmoothMap
from .coordinates.maps import two_layer_rescaling as two_layer_rescaling
from .coordinates.reparameterization import reparameterize as reparameterize
from .coordinates.sharpness import Sharpness as Sharpness
from .coordinates.sharpness import epsilon_sharpness as epsilon_sharpness
from .coordinates.sharpness import sharpness as sharpness
from .coordinates.weight_model import WeightModel as WeightModel
from .linear.conjugate import NormalInverseGamma as NormalInverseGamma
from .linear.conjugate import StudentPrediction as StudentPrediction
from .linear.cross_validation import cross_validation as cross_validation
from .linear.cross_validation import leave_one_out as leave_one_out
from .linear.expectation import expected_log_evidence as expected_log_evidence
from .linear.expectation import expected_risk as expected_risk
from .linear.mackay import mackay as mackay
from .linear.maximize import EvidenceMaximum as EvidenceMaximum
from .linear.model import LinearModel as LinearModel
from .linear.sequential import conditional_evidence as conditional_evidence
from .linear.sequential import sequential as sequential
from .network.fit import NetworkLaplace as NetworkLaplace
from .network.lanczos import LanczosEvidence as LanczosEvidence
from .network.lanczos import lanczos_evidence as lanczos_evidence
from .occam import OccamDecomposition as OccamDecomposition
from .pac_bayes import pac_bayes_bound as pac_bayes_bound
from .posterior import Posterior as Posterior
from .posterior import Prediction as Prediction

__all__ = [
    "CUBIC",
    "EXP",
    "SINH",
    "ElementwiseMap",
    "EvidenceCurve",
    "EvidenceMaximum",
    "LanczosEvidence",
    "Laplace",
    "LinearMap",
    "LinearModel",
    "Map",
    "NetworkLaplace",
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
    "lanczos_evidence",
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
_display.equip(vars())
