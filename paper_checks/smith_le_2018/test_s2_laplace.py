"""Section 2: what Laplace's method is good for, and the Occam factor."""

import numpy as np
import pytest
import sympy
from scipy import special

import sdetheory as st
from sdetheory.claims import Above

ALPHA = 1e-6
INPUTS = np.array([-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])
LABELS = np.array([0, 0, 0, 1, 0, 1, 1, 1])


@pytest.mark.claim("C17")
def test_log_evidence_is_depth_and_breadth_up_to_one_over_n(record):
    """Eq. 7 misses (5C‴²/(24C″³) − C⁗/(8C″²)) of the log evidence, which is c/N, as C is a sum over the data.

    The eight examples are repeated 512 and 1024 times. The remainder is the quadrature less Laplace's value; it halves,
    and is the next term of the symbolic expansion. Without the ½ there is a remainder that grows, of order ln N.
    """

    def remainder(copies, half=0.5):
        data = np.tile(INPUTS, copies)[:, None], np.tile(LABELS, copies)
        fit = st.evidence.laplace(st.models.LogisticRegression(*data), 0.01)
        exact = st.evidence.WeightModel.of(st.models.LogisticRegression(*data, prior_precision=0.01)).log_evidence()
        return exact + fit.occam.cost_at_mode + 2 * half * fit.occam.half_log_curvature_ratio, fit

    copies = 1024
    measured, fit = remainder(copies)
    order = np.log2(remainder(copies // 2)[0] / measured)
    without = np.log2(remainder(copies // 2, half=1.0)[0] / remainder(copies, half=1.0)[0])
    record(label="order", predicted=1.0, measured=order, rtol=0.01, wrong_measurements={"without the ½": without},
           wrong_predictions={"½": 0.5, "2": 2.0})  # fmt: skip

    a = sympy.Symbol("A", positive=True)
    u, c3, c4 = sympy.symbols("u C3 C4", real=True)
    expansion = st.symbolic.laplace(a * u**2 / 2 + c3 * u**3 / 6 + c4 * u**4 / 24, {u: 0})
    coefficient = sympy.lambdify([a, c3, c4], expansion.coefficients[0])
    p = special.expit(fit.mode[0] * INPUTS)
    third = copies * np.sum(INPUTS**3 * p * (1 - p) * (1 - 2 * p))
    fourth = copies * np.sum(INPUTS**4 * p * (1 - p) * (1 - 6 * p * (1 - p)))
    curvature = 1 / fit.covariance[0, 0]
    record(
        label="c/N",
        predicted=coefficient(curvature, third, fourth),
        measured=measured,
        rtol=0.01,
        wrong_predictions={"skewness alone": coefficient(curvature, third, 0), "opposite": -measured},
    )


@pytest.mark.claim("C18")
def test_curvatures_are_at_least_those_of_the_prior_in_logistic_regression(record):
    """λᵢ ≥ λ for all 784 directions of MNIST 0/1, so that no direction gains evidence; eqs. 8 and 9 are one.

    A likelihood that is not convex, such as that of an outlier with Cauchy noise, has a minimum broader than the prior.
    """
    data, precision = st.datasets.mnist(train_size=100), 1.0
    model = st.models.LogisticRegression(data.x_train, data.y_train, prior_precision=precision)
    fit = st.evidence.laplace(model, precision)
    hessian, cost = model.hessian(fit.mode), model.cost(fit.mode)
    values = np.linalg.eigvalsh(hessian)

    outlier = st.evidence.WeightModel(
        log_likelihood=lambda w: -np.log(np.pi * (1 + (4 - w[:, 0]) ** 2)),
        log_prior=lambda w: -(w[:, 0] ** 2 + np.log(2 * np.pi)) / 2,
        start=[0.0],
    )
    broad = outlier.gradient_and_hessian(outlier.mode())[1]
    record(
        label="smallest λᵢ/λ, up to rounding",
        predicted=Above(1 - 1e-9),
        measured=values[0] / precision,
        wrong_measurements={"not convex": broad[0, 0], "without the prior's λ": values[0] / precision - 1},
    )
    occam = np.log(values / precision).sum()
    wrong = {"without the ½": -cost - occam, "λ + λᵢ": -cost - np.log1p(values / precision).sum() / 2}
    eq8 = len(values) / 2 * np.log(precision) - cost - np.linalg.slogdet(hessian)[1] / 2
    record(label="eq. 8", predicted=fit.log_evidence, measured=eq8, rtol=1e-9, wrong_measurements=wrong)
    record(label="eq. 9", predicted=fit.log_evidence, measured=-cost - occam / 2, rtol=1e-9, wrong_measurements=wrong)


@pytest.mark.claim("C19")
def test_occam_factor_is_the_share_of_the_prior_that_the_data_leave(record, rng, full):
    """The mean of P(y|w)/P(y|w₀) over weights drawn from the prior is √Π(λ/λᵢ) times e^{−λ|w₀|²/2}: MacKay's factor.

    The square root alone, the paper's second term, is a quarter too large here. A tenth would matter; as no likelihood
    exceeds the largest, the variance is at most the mean times that.
    """
    x = np.linspace(-1, 1, 6)
    inputs, outputs = np.column_stack([np.ones(6), x]), 0.6 + 0.8 * x + 0.3 * np.cos(9 * x)
    precision, variance = 0.5, 0.25
    model = st.evidence.LinearModel(inputs, outputs)
    parts = model.occam(precision, variance)
    occam = np.exp(parts.log_occam_factor)

    def log_likelihood(w):
        return -np.sum((outputs - w @ inputs.T) ** 2, axis=-1) / (2 * variance)

    mode = log_likelihood(model.posterior(precision, variance).mean)
    largest = np.exp(log_likelihood(np.linalg.lstsq(inputs, outputs, rcond=None)[0]) - mode)
    draws = st.stats.required_samples(
        deviation=np.sqrt(occam * largest), effect=occam / (10 if full is None else 100), alpha=ALPHA, power=1 - 1e-5
    )
    shares = np.exp(log_likelihood(rng.standard_normal((draws, 2)) / np.sqrt(precision)) - mode)
    breadth = np.exp(-parts.half_log_curvature_ratio)
    record(
        predicted=occam,
        measured=st.stats.mean_estimate(shares),
        alpha=ALPHA,
        wrong_predictions={"breadth alone": breadth, "without the ½": breadth * occam, "all of the prior": 1.0},
    )


@pytest.mark.claim("C20")
def test_laplace_misses_the_evidence_of_separable_data_under_a_weak_prior(record):
    """Two examples at right angles: by symmetry the four labelings are equally likely, so that the evidence is ¼.

    It is the share of directions that fit, at any λ. Eq. 9 falls below it without bound as λ → 0: |w₀| grows like
    ln(1/λ), and the minimum lies in a corner of the valley that it should stand for.
    """
    fit = st.evidence.laplace(st.models.LogisticRegression([[1.0, 0.0], [0.0, -1.0]], [1, 0]), np.logspace(-8, 0, 9))
    assert (np.diff(fit.log_evidence) > 0).all()
    weak = fit[5]
    record(
        label=f"λ = {weak.prior_precision:g}",
        predicted=weak.log_evidence,
        measured=st.evidence.quadrature(weak),
        found=-np.log(4),
        rtol=1e-9,
        wrong_predictions={"best fit": 0.0},
    )
