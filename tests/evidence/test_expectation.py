"""The expected log evidence and the expected risk of ridge regression: one optimum if the prior is right, else two."""

import numpy as np
import pytest
from scipy import optimize

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearModel, expected_log_evidence, expected_risk
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

ALPHA, POWER = 1e-4, 0.999
NOISE = 0.2
SHAPES = [(15, 4), (4, 15), (6, 6)]


def inputs(rng, n, p, spread=1.0):
    return rng.standard_normal((n, p)) * np.geomspace(1, spread, p)


def spd(rng, p):
    factor = rng.standard_normal((p, p))
    return factor @ factor.T / p + 0.1 * np.eye(p)


def best_precision(curve):
    """Return the λ of the smallest value, to about 1e-8."""
    found = optimize.minimize_scalar(lambda u: float(curve(np.exp(u))), bracket=(-1, 1), tol=1e-12)
    return float(np.exp(found.x))


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("shaped", [False, True])
def test_both_are_what_their_definitions_say(rng, n, p, shaped):
    X, shape, truth, new = inputs(rng, n, p), spd(rng, p) if shaped else np.eye(p), spd(rng, p), spd(rng, p)
    model, precision, variance = LinearModel(X, np.zeros(n), prior_shape=shape), 1.7, 0.4
    marginal = variance * np.eye(n) + X @ np.linalg.solve(precision * shape, X.T)
    true_marginal = NOISE * np.eye(n) + X @ truth @ X.T
    expected = -0.5 * (
        n * np.log(2 * np.pi) + np.linalg.slogdet(marginal)[1] + np.trace(np.linalg.solve(marginal, true_marginal))
    )
    known = {"true_covariance": truth, "true_noise_variance": NOISE}
    assert expected_log_evidence(model, precision, variance, **known) == pytest.approx(expected, rel=1e-11)
    ridge = np.linalg.solve(X.T @ X + precision * variance * shape, X.T)
    shrink = np.eye(p) - ridge @ X
    error = shrink @ truth @ shrink.T + NOISE * ridge @ ridge.T
    risk = expected_risk(model, precision, variance, input_covariance=new, **known)
    assert risk == pytest.approx(NOISE + np.trace(new @ error), rel=1e-10)
    in_sample = expected_risk(model, precision, variance, **known)
    assert in_sample == pytest.approx(NOISE + np.trace(X.T @ X / n @ error), rel=1e-10)
    assert in_sample == pytest.approx(expected_risk(model, precision, variance, input_covariance=X.T @ X / n, **known))


@pytest.mark.parametrize("intercept", ["covariance", "diagonal", "number"])
def test_kinds_of_covariance_agree(rng, intercept):
    model, diagonal = LinearModel(inputs(rng, 6, 3), np.zeros(6)), np.array([0.5, 0.5, 0.5])
    given = {"covariance": np.diag(diagonal), "diagonal": diagonal, "number": 0.5}[intercept]
    full = {"true_covariance": np.diag(diagonal), "input_covariance": np.eye(3), "true_noise_variance": NOISE}
    ours = {"true_covariance": given, "input_covariance": 1.0, "true_noise_variance": NOISE}
    assert expected_risk(model, 1.0, 1.0, **ours) == pytest.approx(expected_risk(model, 1.0, 1.0, **full), rel=1e-13)


def test_averages_over_data_sets_are_the_formulas(rng):
    n, p, precision = 10, 4, 2.0
    X, truth, new = inputs(rng, n, p), np.array([2.0, 1.0, 0.5, 0.1]), rng.standard_normal((1, 4))
    model = LinearModel(X, np.zeros(n))
    known = {"true_covariance": truth, "true_noise_variance": NOISE}
    expected = expected_log_evidence(model, precision, NOISE, **known)
    risk = expected_risk(model, precision, NOISE, input_covariance=new.T @ new, **known) - NOISE

    def draw():
        weights = rng.standard_normal(p) * truth**0.5
        data = LinearModel(X, X @ weights + rng.standard_normal(n) * NOISE**0.5)
        error = new[0] @ (data.posterior(precision, NOISE).mean - weights)
        return data.log_evidence(precision, NOISE), error**2

    # The error to be seen: the noise variance counted twice in the trace, or in the risk.
    wrong = [expected_log_evidence(model, precision, NOISE, true_covariance=truth, true_noise_variance=2 * NOISE)]
    wrong += [
        expected_risk(
            model, precision, NOISE, true_covariance=truth, true_noise_variance=2 * NOISE, input_covariance=new.T @ new
        )
        - 2 * NOISE
    ]
    pilot = np.array([draw() for _ in range(200)])
    sizes = [
        required_samples(deviation=1.5 * pilot[:, i].std(), effect=abs(wrong[i] - right), alpha=ALPHA, power=POWER)
        for i, right in enumerate((expected, risk))
    ]
    draws = np.array([draw() for _ in range(max(sizes))])
    for i, right in enumerate((expected, risk)):
        measured = mean_estimate(draws[:, i])
        assert agrees(measured, right, alpha=ALPHA)
        assert not agrees(measured, wrong[i], alpha=ALPHA)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("true_precision", [0.1, 3.0])
def test_a_right_prior_makes_one_optimum_of_both(rng, n, p, true_precision):
    X, shape, new = inputs(rng, n, p, 0.01), spd(rng, p), spd(rng, p)
    model = LinearModel(X, np.zeros(n), prior_shape=shape)
    known = {"true_covariance": np.linalg.inv(true_precision * shape), "true_noise_variance": NOISE}
    evidence = best_precision(lambda a: -expected_log_evidence(model, a, NOISE, **known))
    assert evidence == pytest.approx(true_precision, rel=1e-5)
    for moment in (None, new):  # whatever the new inputs
        risk = best_precision(lambda a, moment=moment: expected_risk(model, a, NOISE, input_covariance=moment, **known))
        assert risk == pytest.approx(true_precision, rel=1e-5)


def test_a_wrong_prior_parts_them(rng):
    """Weights that are large where the inputs vary most: the evidence asks for less shrinkage than the risk."""
    n, p = 50, 8
    left, right = np.linalg.qr(rng.standard_normal((n, p)))[0], np.linalg.qr(rng.standard_normal((p, p)))[0]
    singular = np.geomspace(10, 0.1, p)
    model = LinearModel(left * singular @ right, np.zeros(n))

    def optima(omega):
        known = {"true_covariance": right.T * omega @ right, "true_noise_variance": NOISE}
        return (
            best_precision(lambda a: -expected_log_evidence(model, a, NOISE, **known)),
            best_precision(lambda a: expected_risk(model, a, NOISE, **known)),
        )

    def stationary(precision, omega):
        """Return the two weighted means of ω - 1/λ, of which each optimum makes one vanish."""
        t = precision * NOISE
        kept = singular**2 / (singular**2 + t)
        weights = np.array([kept**2, kept**2 / (singular**2 + t)])
        return weights @ (omega - 1 / precision) / (weights @ omega)

    for omega, low, high in [(singular / 10, 1.5, 10.0), (0.1 / singular, 0.1, 1 / 1.5)]:
        evidence, risk = optima(omega)
        assert low < risk / evidence < high  # one way or the other, by the sign of the correlation
        assert abs(stationary(evidence, omega)[0]) < 1e-5 and abs(stationary(risk, omega)[1]) < 1e-5
        assert abs(stationary(evidence, omega)[1]) > 0.1  # and the other does not
    # What it costs: excess risk at the evidence's λ beyond the least, for weights that grow with s. New inputs like
    # the old ones lose 7 %, inputs of all directions alike 82 %; the numbers depend on the spectrum alone.
    omega = singular / 10
    known = {"true_covariance": right.T * omega @ right, "true_noise_variance": NOISE}
    evidence = best_precision(lambda a: -expected_log_evidence(model, a, NOISE, **known))
    for moment, cost in [(None, 0.0695), (1.0, 0.8157)]:

        def excess(precision, moment=moment):
            return expected_risk(model, precision, NOISE, input_covariance=moment, **known) - NOISE

        assert excess(evidence) / excess(best_precision(excess)) - 1 == pytest.approx(cost, abs=1e-3)
    evidence, risk = optima(np.full(p, 0.5))
    assert risk / evidence == pytest.approx(1, rel=1e-5)  # the negative control: a right prior


def test_wrong_noise_parts_them_too(rng):
    """The risk only sees λσ², and corrects a wrong σ² through λ; the evidence does not."""
    model = LinearModel(inputs(rng, 20, 4), np.zeros(20))
    known = {"true_covariance": 0.5, "true_noise_variance": NOISE}
    risk = best_precision(lambda a: expected_risk(model, a, 4 * NOISE, **known))
    assert risk == pytest.approx(2.0 / 4, rel=1e-5)
    evidence = best_precision(lambda a: -expected_log_evidence(model, a, 4 * NOISE, **known))
    assert abs(evidence / risk - 1) > 0.5


def test_curves_broadcast(rng):
    model = LinearModel(inputs(rng, 6, 3), np.zeros(6))
    known = {"true_covariance": 0.5, "true_noise_variance": NOISE}
    precisions, variances = np.geomspace(0.1, 10, 4)[:, None], np.array([0.1, 1.0])
    for curve in (
        expected_log_evidence(model, precisions, variances, **known),
        expected_risk(model, precisions, variances, **known),
        expected_risk(model, precisions, variances, input_covariance=1.0, **known),
    ):
        assert curve.shape == (4, 2)


def test_bad_truths_are_refused(rng):
    model = LinearModel(inputs(rng, 6, 3), np.zeros(6))
    with pytest.raises(InvalidInputError, match="true_covariance must be a number, 3 numbers or a matrix"):
        expected_risk(model, 1.0, 1.0, true_covariance=[1.0, 1.0], true_noise_variance=1.0)
    for wrong in ([[1.0], [1.0, 2.0]], np.ma.masked_values(np.eye(3), 1.0), "wide"):
        with pytest.raises(InvalidInputError, match="true_covariance must"):
            expected_risk(model, 1.0, 1.0, true_covariance=wrong, true_noise_variance=1.0)
    with pytest.raises(InvalidInputError, match="true_covariance must be positive semidefinite"):
        expected_risk(model, 1.0, 1.0, true_covariance=-np.eye(3), true_noise_variance=1.0)
    with pytest.raises(IncompatibleError, match="without intercept"):
        flat = LinearModel(model.X, model.y, intercept="flat")
        expected_log_evidence(flat, 1.0, 1.0, true_covariance=1.0, true_noise_variance=1.0)
