"""The claims of Smith & Le (2018), in the order of its sections."""

from __future__ import annotations

from ..claims import Paper
from . import (
    claims_batch_size,
    claims_evidence,
    claims_labels,
    claims_network_evidence,
    claims_noise_scale,
    claims_optimum,
)

_PARTS = (
    claims_evidence,
    claims_labels,
    claims_batch_size,
    claims_noise_scale,
    claims_optimum,
    claims_network_evidence,
)

PAPER = Paper(
    name="Smith & Le (2018)",
    reference="A Bayesian Perspective on Generalization and Stochastic Gradient Descent, ICLR 2018, arXiv:1710.06451",
    claims=tuple(claim for part in _PARTS for claim in part.CLAIMS),
    figures=tuple(figure for part in _PARTS for figure in part.FIGURES),
    superseded={"C66": "C104", "C67": "C104"},
)
