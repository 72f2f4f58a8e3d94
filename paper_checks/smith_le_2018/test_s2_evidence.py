"""Section 2: the evidence as depth and breadth of a minimum, whatever its coordinates."""

import numpy as np
import pytest
import scipy.stats

import sdetheory as st
from sdetheory.claims import Above, Below


@pytest.fixture(scope="module")
def model():
    """Linear model of labels ±1 from the ten leading principal components of 200 images of MNIST 0/1."""
    data = st.datasets.mnist(train_size=200)
    centered = data.x_train - data.x_train.mean(axis=0)
    components = np.linalg.svd(centered, full_matrices=False)[2][:10]
    return st.evidence.LinearModel(centered @ components.T, 2 * data.y_train - 1)


@pytest.mark.claim("C04")
def test_log_evidence_of_a_gaussian_model_is_minus_cost_minus_half_the_log_curvature_ratios(record, model):
    """Eq. 9, −(C(w₀) + ½ Σ ln(λᵢ/λ)), is exact where the cost is quadratic: at any λ, whether it fits or not.

    Witnesses: the normal density of all labels at once, the package's evidence and its parts, and the paper's formula
    with the eigenvalues of the Hessian.
    """
    variance, precisions = 0.5, np.array([1e-3, 1.0, 1e3])
    identity, gram = np.eye(len(model.y)), model.X @ model.X.T
    exact = [
        scipy.stats.multivariate_normal(cov=variance * identity + gram / precision).logpdf(model.y)
        for precision in precisions
    ]
    parts = model.occam(precisions, variance)
    curvatures = np.array([np.linalg.eigvalsh(model.hessian(precision, variance)) for precision in precisions])
    log_ratios = np.log(curvatures / precisions[:, None]).sum(axis=1)

    wrong = {"without the ½": -(parts.cost_at_mode + log_ratios), "depth alone": -parts.cost_at_mode}
    evidence = model.log_evidence(precisions, variance)
    record(label="LinearModel", predicted=exact, measured=evidence, rtol=1e-10, wrong_measurements=wrong)
    record(label="parts", predicted=exact, measured=parts.log_evidence, rtol=1e-10, wrong_measurements=wrong)
    formula = -(parts.cost_at_mode + log_ratios / 2)
    record(label="eq. 9", predicted=exact, measured=formula, rtol=1e-10, wrong_measurements=wrong)


@pytest.mark.claim("C05")
def test_evidence_is_invariant_under_linear_reparameterization_and_curvature_is_not(record, model, rng):
    """With w = Av the evidence stays, while trace and largest eigenvalue of the Hessian grow a thousandfold at least.

    A stretches five random directions a thousandfold and shrinks the others. A prior left behind changes the evidence.
    """
    precision, variance = 1.0, 0.5
    rotation = np.linalg.qr(rng.standard_normal((10, 10))).Q
    other = st.evidence.reparameterize(model, rotation * np.repeat([1e-3, 1e3], 5) @ rotation.T)

    def sharpness(m):
        hessian = m.hessian(precision, variance)
        return np.array([np.trace(hessian), np.linalg.eigvalsh(hessian)[-1]])

    rotated = st.evidence.reparameterize(model, rotation)
    record(
        label="growth of trace and largest eigenvalue",
        predicted=Above(1e3),
        measured=sharpness(other) / sharpness(model),
        wrong_measurements={"a mere rotation": sharpness(rotated) / sharpness(model)},
    )
    left_behind = st.evidence.LinearModel(other.X, other.y)
    record(
        label="log evidence",
        predicted=model.log_evidence(precision, variance),
        measured=other.log_evidence(precision, variance),
        rtol=1e-8,
        wrong_measurements={"prior not transported": left_behind.log_evidence(precision, variance)},
    )


@pytest.mark.claim("C07")
def test_occam_factor_penalizes_sharp_minima_of_equal_cost(record):
    """Eq. 7, ln P = −(C(w₀) + ½ ln(C″/λ)), falls by ½ ln 10 for each decade of curvature.

    The evidence √(λ/2π) ∫ e^{−C} dw is integrated numerically.
    """
    cost, precision, curvatures = 1.0, 0.01, np.logspace(0, 4, 5)
    bowl = st.Landscape.from_sympy("c + k*x**2/2", variables=["x"], parameters={"c": cost, "k": 1.0})
    log_integrals = [st.theory.gibbs(bowl.with_parameters(k=k), 1.0).log_partition for k in curvatures]
    measured = np.log(precision / (2 * np.pi)) / 2 + log_integrals

    depth = np.full(5, -cost)
    record(
        label="change from one curvature to the next",
        predicted=Below(0.0),
        measured=np.diff(measured),
        wrong_measurements={"depth alone": np.diff(depth)},
    )
    log_ratios = np.log(curvatures / precision)
    wrong = {
        "without the ½": depth - log_ratios,
        "expansion without its ½": depth - (log_ratios + np.log(2)) / 2,
        "temperature 2": depth / 2 - (log_ratios - np.log(2)) / 2,
    }
    record(label="eq. 7", predicted=depth - log_ratios / 2, measured=measured, rtol=1e-10, wrong_predictions=wrong)
