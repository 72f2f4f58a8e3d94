"""The evidence beside the test loss: against direct computation, shapes with known optima, and labels of both kinds."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from scipy import special

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import EvidenceCurve, LinearModel, OccamDecomposition, evidence_curve, laplace, quadrature
from sdetheory.models import LogisticRegression, SoftmaxRegression

PATH = np.geomspace(0.01, 100, 5)


def test_logistic_curves_are_those_of_the_modes(rng):
    splits = [(LogisticRegression(rng.standard_normal((20, 3)), rng.permutation(20) % 2),
               rng.standard_normal((9, 3)), rng.integers(0, 2, 9)) for _ in range(3)]  # fmt: skip
    curve = evidence_curve(splits, PATH)
    for s, (model, X, y) in enumerate(splits):
        for i, precision in enumerate(PATH):
            fit = laplace(model, precision)
            np.testing.assert_allclose(curve.log_evidence[s, i], fit.log_evidence, rtol=1e-10)
            np.testing.assert_allclose(curve.log_evidence_ratio[s, i], fit.log_evidence_ratio, rtol=1e-8)
            for losses, accuracies, inputs, labels in (
                (curve.train_loss, curve.train_accuracy, model.X, model.y),
                (curve.test_loss, curve.test_accuracy, X, y),
            ):
                chance = special.expit(inputs @ fit.mode)
                np.testing.assert_allclose(losses[s, i], -np.log(np.where(labels, chance, 1 - chance)).mean())
                assert accuracies[s, i] == np.mean((chance > 0.5) == labels)


def test_two_softmax_classes_are_logistic_regression_at_half_the_precision(rng):
    X, y = rng.standard_normal((20, 3)), rng.permutation(20) % 2
    X_test, y_test = rng.standard_normal((9, 3)), rng.integers(0, 2, 9)
    two = evidence_curve([(SoftmaxRegression(X, y), X_test, y_test)], PATH)
    one = evidence_curve([(LogisticRegression(X, y), X_test, y_test)], PATH / 2)
    for name in ("log_evidence", "log_evidence_ratio", "train_loss", "test_loss", "train_accuracy", "test_accuracy"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=1e-8)


@pytest.mark.parametrize("intercept", [None, "flat"])
def test_linear_curves_are_those_of_ridge_regression(rng, intercept):
    X, y, X_test, y_test = (rng.standard_normal(shape) for shape in ((12, 3), 12, (7, 3), 7))
    model, variance = LinearModel(X, y, intercept=intercept), 0.3
    curve = evidence_curve([(model, X_test, y_test)], PATH, noise_variance=variance)
    np.testing.assert_allclose(curve.log_evidence[0], model.log_evidence(PATH, variance), rtol=1e-13)
    x_mean, y_mean = (X.mean(axis=0), y.mean()) if intercept else (0.0, 0.0)
    for i, precision in enumerate(PATH):
        centred = X - x_mean
        w = np.linalg.solve(centred.T @ centred + precision * variance * np.eye(3), centred.T @ (y - y_mean))
        for losses, inputs, values in ((curve.train_loss, X, y), (curve.test_loss, X_test, y_test)):
            law = scipy.stats.norm((inputs - x_mean) @ w + y_mean, math.sqrt(variance))
            np.testing.assert_allclose(losses[0, i], -law.logpdf(values).mean(), rtol=1e-10)
    assert curve.train_accuracy is None and curve.test_accuracy is None
    assert math.isnan(curve.distance.stderr) and np.isnan(curve.average(curve.test_loss).stderr).all()
    for wrong in (1.0, curve.test_loss[0], np.vstack([curve.test_loss] * 2)):
        with pytest.raises(InvalidInputError, match="values must have a row for each of the 1 splits"):
            curve.average(wrong)


def made_up(precision, ratio, loss):
    """Return a curve of which only the evidence and the test loss count."""
    parts = OccamDecomposition(log_likelihood_at_mode=-ratio, weight_penalty=0.0, half_log_curvature_ratio=0.0)
    return EvidenceCurve(
        prior_precision=precision, occam=parts, log_evidence_ratio=ratio, train_loss=loss, test_loss=loss
    )


def test_distance_of_parabolas_and_its_error_are_exact(rng):
    """Averages of parabolas of equal width have their vertex at the average, between and on unequal points."""
    by_evidence, by_loss = rng.uniform(-1, 1, (2, 6))
    precision = 10.0 ** np.array([-3, -2, -1.5, -0.4, 0.3, 0.9, 2.2, 3.0])
    ratio = (np.log10(precision) - by_evidence[:, None]) ** 2
    loss = 3 * (np.log10(precision) - by_loss[:, None]) ** 2
    curve = made_up(precision, ratio, loss)
    difference = by_evidence - by_loss
    assert math.log10(curve.best_by_evidence) == pytest.approx(by_evidence.mean(), abs=1e-12)
    assert math.log10(curve.best_by_test_loss) == pytest.approx(by_loss.mean(), abs=1e-12)
    assert curve.distance.value == pytest.approx(difference.mean(), abs=1e-12)
    assert curve.distance.stderr == pytest.approx(difference.std(ddof=1) / math.sqrt(6), rel=1e-9)


def test_rank_correlation_and_excess_loss():
    ratio = np.array([[3.0, 1.0, 2.0, 5.0], [3.0, 1.0, 2.0, 5.0]])
    same, opposite = made_up(PATH[:4], ratio, ratio**3), made_up(PATH[:4], ratio, -ratio)
    assert same.rank_correlation.value == pytest.approx(1) and same.rank_correlation.stderr == 0
    assert opposite.rank_correlation.value == pytest.approx(-1)
    assert same.excess_loss.value == 0 and opposite.excess_loss.value == 4
    assert opposite.best_by_test_loss == pytest.approx(PATH[3]), "at the end of the grid, no parabola"


def signs_of_sums(rng, random):
    """Return 60 training and 2,000 test examples with 60 inputs, labels by the sign of their sum or by coins."""
    x = rng.standard_normal((2060, 60))
    y = rng.integers(0, 2, 2060) if random else (x.sum(axis=1) > 0).astype(int)
    return LogisticRegression(x[:60], y[:60]), x[60:], y[60:]


def test_evidence_ranks_priors_by_their_test_loss_where_the_training_loss_does_not(rng):
    """Smith and Le, figure 2b. The paper's task, a third of its size; the negative control is the training loss.

    Over 60 seeds: rank correlation 0.98 ± 0.02 (training loss −0.64 ± 0.02), distance 0.1 ± 0.2 decades (−4.7 ± 0.1),
    lowest E −3.6 ± 0.7, each five of these standard deviations or more from its bound.
    """
    curve = evidence_curve([signs_of_sums(rng, random=False) for _ in range(8)], np.geomspace(1e-4, 1e4, 17))
    assert curve.rank_correlation.value > 0.8
    assert abs(curve.distance.value) < 1
    assert curve.log_evidence_ratio.mean(axis=0).min() < 0 < curve.log_evidence_ratio.mean(axis=0)[0]
    fitted = made_up(curve.prior_precision, curve.train_loss, curve.test_loss)
    assert fitted.rank_correlation.value < 0
    assert abs(fitted.distance.value) > 4


def test_evidence_of_random_labels_falls_with_the_prior_and_so_does_the_loss(rng):
    """Figure 2a. The negative control: the model memorizes, so that its training loss says the opposite.

    Over 60 seeds the rank correlations are 0.993 ± 0.010 and −0.998 ± 0.003.
    """
    curve = evidence_curve([signs_of_sums(rng, random=True) for _ in range(8)], np.geomspace(1e-4, 1e4, 17))
    assert curve.rank_correlation.value > 0.8
    assert curve.train_accuracy.mean(axis=0)[0] == 1
    assert made_up(curve.prior_precision, curve.train_loss, curve.test_loss).rank_correlation.value < -0.9


def test_some_labelings_get_evidence_below_minus_one_but_no_more_than_chance_allows():
    """P(E < −t) ≤ e^−t over all labelings of six examples, by quadrature at two λ.

    So E > −1 is no law for random labels. Swapping the classes changes nothing: half of the labelings do. Those of one
    class alone, which have no Laplace approximation to start from, are counted as below.
    """
    X = np.random.default_rng(0).standard_normal((6, 1))
    labelings = [y for y in itertools.product((0, 1), repeat=6) if not y[0] and any(y)]
    precisions = (0.1, 1.0)
    ratio = np.array([[-6 * math.log(2) - quadrature(laplace(LogisticRegression(X, y), precision))
                       for precision in precisions] for y in labelings])  # fmt: skip
    assert np.sum(ratio.min(axis=1) < -1) > 0
    for t in (0.25, 0.5, 1.0, 2.0):
        share = (np.sum(ratio < -t, axis=0) + 1) / (len(labelings) + 1)
        assert np.all(share <= math.exp(-t)), t
    wrong = ratio - 3.0  # three nats too good
    assert np.any((np.sum(wrong < -2.0, axis=0) + 1) / (len(labelings) + 1) > math.exp(-2.0)), "negative control"


def test_bad_input():
    model, X = LogisticRegression([[-1.0], [1.0]], [0, 1]), [[0.5]]
    line = LinearModel([[-1.0], [1.0]], [0.0, 1.0])
    for splits, precision in (([], PATH), ([(model, X, [1])], PATH[::-1]), ([(model, X, [1])], [1.0]),
                              ([(model, X, [1])], [0.0, 1.0]), ([(model, [[0.5, 1.0]], [1])], PATH),
                              ([(model, X, [2])], PATH), ([(model, X, [1, 0])], PATH)):  # fmt: skip
        with pytest.raises(InvalidInputError):
            evidence_curve(splits, precision)
    with pytest.raises(InvalidInputError, match="y_test"):
        evidence_curve([(line, X, [1.0, 2.0])], PATH, noise_variance=1.0)
    for splits, variance in (([(model, X, [1]), (line, X, [1])], None), ([(line, X, [1.0])], None),
                             ([(model, X, [1])], 1.0)):  # fmt: skip
        with pytest.raises(IncompatibleError):
            evidence_curve(splits, PATH, noise_variance=variance)


def test_a_subclass_is_measured_by_its_own_methods(rng):
    """Examples at the boundary count as ones: its accuracy, and the cost of its own that the curve minimizes."""

    class Cautious(LogisticRegression):
        __slots__ = ()

        def cost(self, w):
            return super().cost(w) + 0.5 * np.sum(np.square(np.asarray(w)), axis=-1)

        def gradient(self, w):
            return super().gradient(w) + np.asarray(w)

        def hessian(self, w):
            return super().hessian(w) + np.eye(self.dimension)

        def accuracy(self, w, X=None, y=None):
            return 0.25

    X, y = rng.standard_normal((20, 2)), rng.integers(0, 2, 20)
    ours = evidence_curve([(Cautious(X, y), X, y)], [0.5, 2.0])
    right = evidence_curve([(LogisticRegression(X, y), X, y)], [1.5, 3.0])  # one more of precision, in the cost alone
    np.testing.assert_allclose(ours.test_accuracy, 0.25)
    parts = [curve.occam.cost_at_mode for curve in (ours, right)]
    np.testing.assert_allclose(parts[0], parts[1], rtol=1e-9)
    with pytest.raises(InvalidInputError, match="splits must be of type"):
        evidence_curve([(3.0, X, y)], [0.5, 2.0])
