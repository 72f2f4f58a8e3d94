"""The claims of Smith & Le (2018), in the order of its sections."""

from __future__ import annotations

from sdetheory.claims import Paper

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
    findings=(
        "The optimum batch size is proportional to εN: by test accuracy it is, on networks with 16,000 to 60,000 "
        "images, where its exponent over N is 1.0 [0.6, 1.4] (C108). By the test loss it grows faster there (C117), "
        "from 1,000 images on slower (C103, C104), and for the learning rate the test loss cannot decide (C112; by "
        "accuracy C62). For ensembles on least squares it is exact (C101); one run there has no optimum (C100).",
        "The noise of small batches drives the parameters towards minima whose evidence is large: on a network of 16 "
        "units the evidence grows from the whole batch to g = 4.5 by 5.8 [4.6, 7.1] nats, all of it from flatter "
        "minima (C120), and ranks the minima of one prior by their test loss (C121); at g = 16 no more than 1.5 nats "
        "of it are left (C125), and the best prior by evidence is not the one by test loss (C123).",
        "Evidence penalizes sharp minima and does not depend on the parameterization (C04, C05), and explains why "
        "small linear models memorize random labels and generalize on real ones (C36, C37, C08, C09), on images if "
        "their pixels are whitened (C111, C49).",
        "The noise scale ε(N/B − 1) is exact for a step (C01, C03). That its noise is Langevin's, which weighs minima "
        "by their evidence, needs isotropic noise (C06, C34).",
    ),
    headlines=("C108", "C120"),
    superseded={"C66": "C108", "C67": "C108"},
)
