"""Section 2: the model against guessing, and what the evidence bounds."""

import itertools

import numpy as np
import pytest
from scipy import optimize, special

import sdetheory as st
from sdetheory.claims import Above, Below

ALPHA = 1e-6
INPUTS = np.array([-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])
LABELS = np.array([0, 0, 0, 1, 0, 1, 1, 1])


@pytest.mark.claim("C21")
def test_log_evidence_ratio_is_that_to_a_model_that_gives_each_label_one_over_n(record):
    """E = C(w₀) + ½ Σ ln(λᵢ/λ) − N ln n, with w₀ found by SciPy, and E → 0 for λ → ∞: the null is the model's limit.

    Thirty examples of three classes. Of six examples the null gives each of the 2⁶ labelings the probability 2⁻⁶, and
    so does the model at large λ; at any λ the evidences of all labelings add up to one, but not their Laplace values.
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

    labelings = np.array(list(itertools.product([0, 1], repeat=6)))

    def each(precision):
        models = [st.models.LogisticRegression(INPUTS[1:7, None], y, prior_precision=precision) for y in labelings]
        return [st.evidence.WeightModel.of(model) for model in models]

    weak = each(0.1)
    exact, laplace = np.exp([m.log_evidence() for m in weak]), np.exp([m.log_laplace() for m in weak])
    record(label="each labeling at λ = 1e9", predicted=2.0**-6, measured=np.exp([m.log_evidence() for m in each(1e9)]),
           rtol=1e-6, wrong_measurements={"λ = 0.1": exact})  # fmt: skip
    record(label="all labelings", predicted=1.0, measured=exact.sum(), rtol=1e-9,
           wrong_measurements={"Laplace": laplace.sum()})  # fmt: skip


@pytest.mark.claim("C22")
def test_laplace_trusts_the_model_from_a_larger_prior_precision_on_than_the_evidence_does(record):
    """E falls below zero where λ grows; Laplace puts that λ a fifth too high, and in between has the wrong sign.

    The λ of E = 0 by the package's Laplace value, over that by its quadrature. Both again from their formulas: the
    minimum as the root of C′, and the integral as a sum over 20001 points.
    """
    data = st.models.LogisticRegression(INPUTS[:, None], LABELS)

    def crossing(ratio):
        return np.exp(
            optimize.brentq(lambda log_precision: ratio(np.exp(log_precision)), np.log(1e-4), 0.0, xtol=1e-10)
        )

    def cost(w, precision):
        return np.logaddexp(0, np.multiply.outer(w, (1 - 2 * LABELS) * INPUTS)).sum(axis=-1) + precision * w**2 / 2

    def by_sum(precision):
        w = np.linspace(-10, 60, 20001)
        integral = special.logsumexp(-cost(w, precision)) + np.log(w[1] - w[0])
        return -integral - np.log(precision / (2 * np.pi)) / 2 - 8 * np.log(2)

    def by_parabola(precision):
        w = optimize.brentq(lambda w: INPUTS @ (special.expit(INPUTS * w) - LABELS) + precision * w, 0, 50)
        p = special.expit(INPUTS * w)
        curvature = INPUTS**2 @ (p * (1 - p)) + precision
        return cost(w, precision) + np.log(curvature / precision) / 2 - 8 * np.log(2)

    laplace = crossing(lambda precision: st.evidence.laplace(data, precision).log_evidence_ratio)
    exact = crossing(lambda precision: -st.evidence.quadrature(st.evidence.laplace(data, precision)) - 8 * np.log(2))
    record(
        label="λ of E = 0, Laplace over exact",
        predicted=1.0,
        measured=laplace / exact,
        found=crossing(by_parabola) / crossing(by_sum),
        rtol=1e-5,
        wrong_predictions={"the other way round": exact / laplace},
    )


def _risk(posterior, true_weights):
    """Return the mean log loss on new observations y = x·w* + n of unit variances, averaged over the posterior."""
    error = np.sum((posterior.mean - true_weights) ** 2) + np.trace(posterior.covariance)
    return np.log(2 * np.pi * posterior.noise_variance) / 2 + (1 + error) / (2 * posterior.noise_variance)


@pytest.mark.claim("C23")
def test_minus_the_log_evidence_is_the_part_of_a_pac_bayes_bound_that_the_data_decide(record, rng):
    """With a given prior the bound is −ln Z/n plus a constant, and −ln Z the smallest N·loss + KL that a law of w has.

    Z is the evidence. The bound holds with probability 1 − δ, δ = 0.05: of 2000 data sets so few may fail that, at the
    rate α, their probability is below δ. A bound without its constants fails half of the time.
    """
    size, delta, precision = 50, 0.05, 100.0
    truth = np.array([0.06, -0.08])
    known = {"input_variance": 1.0, "true_weight_norm": 0.1, "true_noise_variance": 1.0, "delta": delta}

    def drawn():
        inputs = rng.standard_normal((size, 2))
        return st.evidence.LinearModel(inputs, inputs @ truth + rng.standard_normal(size))

    sets = [drawn() for _ in range(2000)]
    losses = np.array([-m.log_evidence(precision, 1.0) / size for m in sets])
    bounds = np.array([st.evidence.pac_bayes_bound(m, precision, 1.0, **known) for m in sets])
    constant = bounds[0] - losses[0]
    record(label="bound less −ln Z/n", predicted=constant, measured=bounds - losses, rtol=1e-9,
           wrong_measurements={"best fit for −ln Z": bounds - [_fit(m) for m in sets]})  # fmt: skip

    model, posterior = sets[0], sets[0].posterior(precision, 1.0)
    mean, covariance = posterior.mean, posterior.covariance
    others = {
        "minimum alone": _loss_and_divergence(model, precision, mean, covariance / 1e6),
        "prior": _loss_and_divergence(model, precision, 0 * mean, np.eye(2) / precision),
        "without correlation": _loss_and_divergence(model, precision, mean, np.diag(1 / np.diag(covariance))),
    }
    smallest = _loss_and_divergence(model, precision, mean, covariance)
    record(label="N·loss + KL of the posterior", predicted=size * losses[0], measured=smallest, rtol=1e-10,
           wrong_measurements=others)  # fmt: skip
    excess = np.array(list(others.values())) - smallest
    record(label="excess of other laws", predicted=Above(0.0), measured=excess,
           wrong_measurements={"posterior": 0.0, "less of it": -excess})  # fmt: skip

    risks = np.array([_risk(m.posterior(precision, 1.0), truth) for m in sets])

    def largest_rate(limits):
        failures = int(np.sum(risks > limits))
        return special.betaincinv(failures + 1, len(sets) - failures, 1 - ALPHA)

    record(
        label="probability of failure, at most",
        predicted=Below(delta),
        measured=largest_rate(bounds),
        alpha=ALPHA,
        wrong_measurements={"−ln Z/n alone": largest_rate(losses)},
    )


def _fit(model):
    """Return the mean log loss of the least-squares fit."""
    rest = model.y - model.X @ np.linalg.lstsq(model.X, model.y, rcond=None)[0]
    return np.mean(np.log(2 * np.pi) + rest**2) / 2


def _loss_and_divergence(model, precision, mean, covariance):
    """Return the total log loss under a normal law of the weights, plus its divergence from the prior."""
    rest = model.y - model.X @ mean
    loss = (rest @ rest + np.trace(model.X @ covariance @ model.X.T) + len(rest) * np.log(2 * np.pi)) / 2
    spread = precision * (mean @ mean + np.trace(covariance))
    return loss + (spread - len(mean) - np.linalg.slogdet(precision * covariance)[1]) / 2


@pytest.mark.claim("C24")
def test_prior_of_the_greatest_evidence_is_not_that_of_the_smallest_pac_bayes_bound(record):
    """Over λ the constant of the bound changes, too: it wants a narrow prior, and is infinite at the λ of the evidence.

    Data of one weight are laid out without chance: quantiles of the normal law, in two orders. The bound is infinite up
    to λ = N, as it averages e^{N·loss} over the prior; its minimum lies beyond.
    """
    size = 100
    quantiles = special.ndtri((np.arange(size) + 0.5) / size)
    noise = quantiles[np.arange(1, size + 1) * 37 % 101 - 1]
    model = st.evidence.LinearModel(quantiles[:, None], 0.4 * quantiles + noise)
    known = {"input_variance": 1.0, "true_weight_norm": 0.4, "true_noise_variance": 1.0}

    precisions = np.logspace(0, 4, 401)
    bounds = [st.evidence.pac_bayes_bound(model, precision, 1.0, **known) for precision in precisions]
    evidence = model.maximize(noise_variance=1.0).prior_precision
    assert np.isinf(st.evidence.pac_bayes_bound(model, evidence, 1.0, **known))
    record(
        label="λ of the bound over λ of the evidence",
        predicted=1.0,
        measured=precisions[np.argmin(bounds)] / evidence,
        found=Above(size / evidence),
        rtol=0.05,
        wrong_predictions={"its inverse": evidence / precisions[np.argmin(bounds)]},
    )
