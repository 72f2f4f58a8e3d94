"""Section 2: the posterior, what its minimum predicts, and the comparison of two models."""

import numpy as np
import pytest
import sympy
from scipy import special, stats

import sdetheory as st

from ..estimates import stacked

ALPHA = 1e-6
INPUTS = np.array([-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])
LABELS = np.array([0, 0, 0, 1, 0, 1, 1, 1])
PRECISION = 0.01
NEW = 0.7


class Cost:
    """A multiple of the cost of logistic regression on the eight examples, as a landscape."""

    dimension = 1

    def __init__(self, precision=PRECISION, factor=1.0):
        model = st.models.LogisticRegression(INPUTS[:, None], LABELS, prior_precision=precision)
        self.model, self.factor = st.evidence.WeightModel.of(model), factor

    def value(self, w):
        """Return the cost at points (..., 1)."""
        return self.factor * self.model.cost(w)


@pytest.mark.claim("C10")
def test_posterior_is_the_exponential_of_minus_the_summed_cost_with_the_prior_as_its_l2_term(record):
    """Bayes' theorem, one label after the other on a grid, gives e^{−C}/Z with C = H + λw²/2, H summed over the data.

    The grid has 8001 points 0.005 apart, far finer than the posterior is wide. The mean of the costs in place of the
    sum gives another density, and so does λw².
    """
    grid = np.linspace(-10.0, 30.0, 8001)
    belief = stats.norm(scale=PRECISION**-0.5).pdf(grid)
    for x, y in zip(INPUTS, LABELS, strict=True):
        belief = belief * special.expit((2 * y - 1) * x * grid)
        belief = belief / (belief.sum() * (grid[1] - grid[0]))

    places = np.linspace(-0.5, 4.0, 10)
    others = {"mean cost": Cost(factor=1 / 8), "L2 term without its ½": Cost(precision=2 * PRECISION)}
    wrong = {name: st.theory.gibbs(cost, 1.0).pdf(places[:, None]) for name, cost in others.items()}
    predicted = st.theory.gibbs(Cost(), 1.0).pdf(places[:, None])
    measured = np.interp(places, grid, belief)
    record(label="density", predicted=predicted, measured=measured, rtol=1e-9, wrong_predictions=wrong)


@pytest.mark.claim("C11")
def test_prediction_at_the_minimum_is_that_of_the_posterior_up_to_one_over_n(record):
    """The average of P(y = 1 | x, w) over the posterior is P(y = 1 | x, w₀)(1 + c/N + …), with Laplace's coefficient c.

    The eight examples are repeated 512 and 1024 times, and half of the error must be left. c is the difference that a
    prefactor makes in the symbolic expansion: (q″ − q′C‴/C″)/(2qC″).
    """

    def error(copies):
        model = st.models.LogisticRegression(np.tile(INPUTS, copies)[:, None], np.tile(LABELS, copies))
        fit = st.evidence.laplace(model, PRECISION)
        w, curvature = float(fit.mode[0]), 1 / float(fit.covariance[0, 0])
        grid = w + np.linspace(-12, 12, 4801) / np.sqrt(curvature)
        margins = np.outer(grid, INPUTS * (2 * LABELS - 1))
        weights = special.softmax(-copies * np.logaddexp(0, -margins).sum(axis=1) - PRECISION * grid**2 / 2)
        return weights @ special.expit(grid * NEW) / special.expit(w * NEW) - 1, w, curvature

    copies = 1024
    half, (measured, w, curvature) = error(copies // 2)[0], error(copies)
    record(label="order", predicted=1.0, measured=np.log2(half / measured), rtol=0.01,
           wrong_predictions={"½": 0.5, "2": 2.0})  # fmt: skip

    a, t = sympy.symbols("A T", positive=True)
    u, c3, c4, q1, q2 = sympy.symbols("u C3 C4 q1 q2", real=True)
    cost = a * u**2 / 2 + c3 * u**3 / 6 + c4 * u**4 / 24
    with_q = st.symbolic.laplace(cost, {u: 0}, temperature=t, prefactor=1 + q1 * u + q2 * u**2 / 2)
    without = st.symbolic.laplace(cost, {u: 0}, temperature=t)
    coefficient = sympy.lambdify([a, c3, q1, q2], sympy.simplify(with_q.coefficients[0] - without.coefficients[0]))
    p = special.expit(w * INPUTS)
    third = copies * np.sum(INPUTS**3 * p * (1 - p) * (1 - 2 * p))
    q = special.expit(w * NEW)
    slopes = NEW * (1 - q), NEW**2 * (1 - q) * (1 - 2 * q)
    record(
        label="coefficient of 1/N",
        predicted=coefficient(curvature, third, *slopes),
        measured=measured,
        rtol=0.01,
        wrong_predictions={"without the skewness": coefficient(curvature, 0.0, *slopes)},
    )


@pytest.mark.claim("C12")
def test_prediction_at_the_minimum_is_overconfident_where_the_data_are_separable(record):
    """Two examples at right angles leave every direction of a quarter turn; a third direction is nearly certain at w₀.

    For λ → 0 the posterior spreads evenly over these directions, and of them the share arctan(10/3)/(π/2) predicts 1 at
    x = (1, −0.3). At w₀ the probability tends to 1, as |w₀| grows like ln(1/λ). The two weights are independent in the
    posterior, so that the average is a sum over a grid, with a step of half the scale of the logistic function.
    """
    model = st.models.LogisticRegression([[1.0, 0.0], [0.0, -1.0]], [1, 0])
    precision, new = 1e-4, np.array([1.0, -0.3])
    w = np.arange(-40.0, 9 / np.sqrt(precision), 0.5)
    density = special.softmax(np.log(special.expit(w)) - precision * w**2 / 2)
    average = density @ special.expit(new[0] * w[:, None] + new[1] * w) @ density

    fit = st.evidence.laplace(model, precision)
    record(
        label="λ = 1e-4, up to terms of order √λ",
        predicted=fit.predict(new[None], method="map")[0],
        measured=average,
        found=np.arctan(10 / 3) / (np.pi / 2),
        rtol=np.sqrt(precision),
        wrong_predictions={"a coin": 0.5, "Laplace's Gaussian": fit.predict(new[None])[0]},
    )


@pytest.mark.claim("C13")
def test_ratio_of_evidences_is_the_ratio_of_the_probabilities_of_two_models(record, rng, full):
    """Of data sets drawn from either model with equal odds, P₁/(P₁ + P₂) of those with a given ratio come from model 1.

    Model 1 has one weight, model 2 three. In each of four bins of the predicted probability the mean of (source − p)
    must vanish; the smallest error that would matter is a twentieth (in the full profile a tenth of that).
    """
    size, variance = 6, 1.0
    inputs = np.column_stack([np.ones(size), np.linspace(-1, 1, size), np.linspace(-1, 1, size) ** 2])
    effect = 0.05 if full is None else 0.005
    draws = 4 * st.stats.required_samples(deviation=0.5, effect=effect, alpha=ALPHA / 4, power=1 - 1e-5)
    first = rng.random(draws) < 0.5
    weights = rng.standard_normal((draws, 3)) * np.where(first[:, None], [1.0, 0.0, 0.0], 1.0)
    outputs = weights @ inputs.T + np.sqrt(variance) * rng.standard_normal((draws, size))

    def log_evidence(columns):
        return stats.multivariate_normal(cov=np.eye(size) * variance + columns @ columns.T).logpdf(outputs)

    one, three = inputs[:, :1], inputs
    exact = [log_evidence(one), log_evidence(three)]
    some = [[st.evidence.LinearModel(x, y).log_evidence(1.0, variance) for y in outputs[:20]] for x in (one, three)]
    doubled = [2 * np.array(values) for values in some]
    record(label="LinearModel", predicted=np.array(exact)[:, :20], measured=some, rtol=1e-10,
           wrong_measurements={"twice": doubled})  # fmt: skip

    def bins(p):
        edges = np.quantile(special.expit(exact[0] - exact[1]), [0.25, 0.5, 0.75])
        place = np.searchsorted(edges, special.expit(exact[0] - exact[1]))
        parts = [(first - p)[place == i] for i in range(4)]
        return stacked([st.stats.mean_estimate(part) for part in parts])

    def fit(columns):
        solved = np.linalg.lstsq(columns, outputs.T, rcond=None)[0]
        return -np.sum((outputs.T - columns @ solved) ** 2, axis=0) / (2 * variance)

    odds = exact[0] - exact[1]
    record(
        label="source less its probability, by bins",
        predicted=0.0,
        measured=bins(special.expit(odds)),
        alpha=ALPHA,
        wrong_measurements={
            "best fits alone": bins(special.expit(fit(one) - fit(three))),
            "prior odds 2": bins(special.expit(odds + np.log(2))),
        },
    )
