"""What a curve of evidences costs, against one singular value decomposition."""

import numpy as np
from scipy import linalg

import sdetheory as st


def test_curve_of_200_precisions(compare):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2000, 500)), rng.standard_normal(2000)
    precisions = np.geomspace(1e-4, 1e4, 200)
    compare(
        "evidence at 200 values of λ (n = 2,000, p = 500), against one SVD",
        1.3,
        lambda: st.evidence.LinearModel(x, y).log_evidence(precisions, 1.0),
        lambda: linalg.svd(x, full_matrices=False),
    )
