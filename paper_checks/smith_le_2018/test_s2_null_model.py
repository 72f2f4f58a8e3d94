"""Section 2: the model against guessing, and what the evidence bounds."""

import itertools

import numpy as np
import pytest
from scipy import optimize, special

import sdetheory as st

from ..comparison import Above, Below

ALPHA = 1e-6
INPUTS = np.array([-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])


@pytest.mark.claim("C21")
def test_log_evidence_ratio_is_that_to_a_model_that_gives_each_label_one_over_n(record):
    """E = C(w₀) + ½ Σ ln(λᵢ/λ) − N ln n, with w₀ found by SciPy, and E → 0 for λ → ∞: the null is the model's limit.

    Thirty examples of three classes. The null gives each of 2⁸ labelings of eight examples the probability 2⁻⁸; so
    does the model at large λ, and at any λ the probabilities of all labelings add up to one.
    """
    rng = np.random.default_rng(1)
    inputs, labels = rng.standard_normal((30, 2)), np.resize([0, 1, 2], 30)
    inputs += 2 * np.array([[1, 0], [0, 1], [-1, -1]])[labels]
    precision, model = 0.5, st.models.SoftmaxRegression(inputs, labels)
    own = st.models.SoftmaxRegression(inputs, labels, prior_precision=precision)
    w = optimize.minimize(own.cost, np.zeros(own.dimension), jac=own.gradient, method="BFGS", options={"gtol": 1e-9}).x
    cost, curvatures = own.cost(w), np.linalg.eigvalsh(own.hessian(w))
    occam, size = np.log(curvatures / precision).sum(), len(labels)
    record(
        label="E",
        predicted=cost + occam / 2 - size * np.log(3),
        measured=st.evidence.laplace(model, precision).log_evidence_ratio,
        rtol=1e-8,
        wrong_predictions={
            "without the ½": cost + occam - size * np.log(3),
            "two classes": cost + occam / 2 - size * np.log(2),
            "mean cost": cost / size + occam / 2 - np.log(3),
        },
    )
    strong = st.evidence.laplace(model, 1e9)
    record(label="λ → ∞", predicted=0.0, measured=strong.log_evidence_ratio, rtol=0, atol=1e-6,
           wrong_measurements={"two classes": strong.log_evidence_ratio + size * np.log(3 / 2)})  # fmt: skip

    labelings = np.array(list(itertools.product([0, 1], repeat=8)))

    def probabilities(precision, value):
        models = [st.models.LogisticRegression(INPUTS[:, None], y, prior_precision=precision) for y in labelings]
        return np.exp([value(st.evidence.WeightModel.of(m)) for m in models])

    exact = probabilities(0.1, lambda m: m.log_evidence())
    laplace = probabilities(0.1, lambda m: m.log_laplace())
    record(label="each labeling at λ = 1e8", predicted=2.0**-8, measured=probabilities(1e8, lambda m: m.log_evidence()),
           rtol=1e-6, wrong_measurements={"λ = 0.1": exact})  # fmt: skip
    record(label="all labelings", predicted=1.0, measured=exact.sum(), rtol=1e-9,
           wrong_measurements={"Laplace": laplace.sum()})  # fmt: skip
