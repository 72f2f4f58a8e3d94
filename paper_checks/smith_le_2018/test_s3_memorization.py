"""Section 3, figure 1: small linear models memorize random labels, and generalize if labels are true."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize

import sdetheory as st
from sdetheory.claims import Above, Below

from . import labelled_data as labelled

# The data are drawn from the root seed.
pytestmark = pytest.mark.usefixtures("rng")

ALPHA = 1e-6


def cover(n, d):
    """Return Cover's probability that random labels of n points in d dimensions can be separated."""
    return 2.0 ** (1 - n) * sum(math.comb(n - 1, k) for k in range(d))


def separable(x, y):
    """Return whether some w has x·w on the right side of zero for every label, by linear programming."""
    rows = (1 - 2 * y)[:, None] * x
    return scipy.optimize.linprog(np.zeros(x.shape[1]), rows, -np.ones(len(y)), bounds=(None, None)).status == 0


@pytest.mark.claim("C35")
def test_random_labels_can_be_separated_with_the_probability_of_cover(record, rng):
    """The probability is 2^{1−N} Σ_{k<d} C(N − 1, k): certain up to N = d, and ½ at N = 2d.

    Witnesses: all 256 labelings of eight points in three dimensions, labelings drawn at N = 2d = 30, and whether
    logistic regression with hardly any prior fits them. An error of a quarter would matter.
    """
    x = rng.standard_normal((8, 3))
    count = sum(separable(x, np.array(y)) for y in itertools.product((0, 1), repeat=8))
    wrong = {"with an intercept": 256 * cover(8, 4), "N for N − 1": 2 * sum(math.comb(8, k) for k in range(3))}
    record(label="all labelings", predicted=256 * cover(8, 3), measured=count, rtol=1e-12, wrong_predictions=wrong)

    n, d = 30, 15
    draws = st.stats.required_samples(deviation=0.5, effect=0.25, alpha=ALPHA, power=1 - 1e-6)
    sets = [(rng.standard_normal((n, d)), rng.integers(0, 2, n)) for _ in range(draws)]
    linear = np.array([separable(*one) for one in sets])
    models = [st.models.LogisticRegression(x, y) for x, y in sets[:100]]
    fitted = [m.accuracy(st.evidence.laplace(m, np.geomspace(1e-8, 1, 9)).mode[0]) == 1 for m in models]
    record(
        label="share of a hundred for which linear programming and regression agree",
        predicted=1.0,
        measured=np.mean(fitted == linear[:100]),
        rtol=1e-12,
        wrong_measurements={"every labeling fitted": np.mean(linear[:100])},
    )
    wrong = {"one half at N = d": cover(n, n // 4), "always": 1.0}
    share = st.stats.mean_estimate(linear)
    record(label="drawn at N = 2d", predicted=cover(n, d), measured=share, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("C36")
def test_a_weakly_regularized_linear_model_memorizes_random_labels(record, picture):
    """At λ = 1e-6 the training accuracy is above 0.95, though labels say nothing, as the test accuracy of ½ shows.

    200 and 784 weights, 200 and 800 examples. With λ = 1 images are not yet memorized.
    """
    for setting in labelled.SETTINGS:
        curve = labelled.curve(setting, "random")
        record(
            label=f"{setting}: training accuracy",
            predicted=Above(0.95),
            measured=curve.train_accuracy[:, 0].mean(),
            wrong_measurements={"strong prior": curve.train_accuracy[:, -1].mean(), "guessing": 0.5},
        )
    for setting in labelled.SETTINGS:
        measured = st.stats.mean_estimate(labelled.curve(setting, "random").test_accuracy[:, 0])
        wrong = {"memory that generalizes": labelled.curve(setting, "true").test_accuracy[:, 0].mean()}
        record(label=f"{setting}: test accuracy", predicted=0.5, measured=measured, alpha=ALPHA,
               wrong_predictions=wrong)  # fmt: skip
    picture(lambda figure: draw_accuracies(figure, "random"), size=(8.0, 3.2))


@pytest.mark.claim("C37")
def test_the_same_weakly_regularized_model_generalizes_if_labels_are_true(record, picture):
    """At the same λ = 1e-6 the test accuracy is far above ½: 0.74 for sums, 0.997 for images."""
    for setting in reversed(labelled.SETTINGS):
        predicted = Above(0.95 if setting == "MNIST" else 0.7)
        true, random = (labelled.curve(setting, labels).test_accuracy[:, 0] for labels in ("true", "random"))
        record(
            label=f"{setting}: test accuracy",
            predicted=predicted,
            measured=labelled.average(setting, "true", true),
            alpha=ALPHA,
            wrong_measurements={"random labels": labelled.average(setting, "random", random)},
        )
    picture(lambda figure: draw_accuracies(figure, "true"), size=(8.0, 3.2))


@pytest.mark.claim("C38")
def test_a_stronger_prior_does_not_improve_the_accuracy_by_what_a_test_set_would_show(record):
    """No λ has a test accuracy that is better than at λ = 1e-6 by two standard errors of it on 1000 examples.

    That is 2√(p(1 − p)/1000), p the accuracy at λ = 1e-6. The average over many data sets may show what one cannot.
    """
    for setting in reversed(labelled.SETTINGS):
        accuracy = labelled.curve(setting, "true").test_accuracy
        p = accuracy[:, 0].mean()
        significant = 2 * math.sqrt(p * (1 - p) / 1000)
        useless = labelled.curve(setting, "random").test_accuracy[:, 0].mean()
        record(
            label=f"{setting}: gain in test accuracy",
            predicted=Below(significant),
            measured=labelled.average(setting, "true", accuracy[:, 1:] - accuracy[:, :1]),
            alpha=ALPHA,
            wrong_measurements={"true labels instead of random ones": accuracy[:, 1:].mean(axis=0) - useless},
        )


@pytest.mark.claim("C39")
def test_the_mean_margin_falls_as_the_prior_gets_weaker(record):
    """The mean distance from the boundary y x·w/|w| grows at each step from λ = 1e-4 over 1e-2 and 1 to 100.

    For λ → ∞ the direction of w is that of the largest mean margin; for λ → 0, that of the largest least margin. Not
    divided by |w| margins go the other way.
    """
    for setting, labels in itertools.product(labelled.SETTINGS, ("true", "random")):
        distances = labelled.margins(setting, labels)
        lengths = np.linalg.norm(labelled.weights(setting, labels), axis=-1)
        record(
            label=f"{setting}, {labels} labels",
            predicted=Above(0.0),
            measured=labelled.average(setting, labels, np.diff(distances, axis=1)),
            alpha=ALPHA,
            wrong_measurements={"not divided by |w|": np.diff(distances * lengths, axis=1).mean(axis=0)},
        )


def margin_ratio(setting):
    """Return the mean margin with true labels over that with random ones at λ = 1e-4, averaged apart."""
    true, random = (
        labelled.average(setting, labels, labelled.margins(setting, labels)[:, 0]) for labels in ("true", "random")
    )
    value, errors = (true, [random]) if setting == "MNIST" else (true.value, [true, random])
    relative = math.sqrt(sum((part.stderr / part.value) ** 2 for part in errors))
    ratio = value / random.value
    return st.Estimate(value=ratio, stderr=ratio * relative, n_eff=random.n_eff)


@pytest.mark.claim("C40")
def test_margins_of_true_labels_are_about_half_as_large_again_as_those_of_random_ones(record):
    """At λ = 1e-4 the ratio of mean margins is nearer to 1½ than to 1¼ or 1¾, over 60 data sets each.

    The bounds, 1.375 and 1.625, are what "about half as large again" means among quarters.
    """
    ratio, images = margin_ratio("synthetic"), margin_ratio("MNIST")
    wrong = {"no difference": 1.0, "a quarter": 1.25}
    record(label="not much less", predicted=Above(1.375), measured=ratio, alpha=ALPHA, wrong_measurements=wrong)
    record(label="ratio", predicted=Below(1.625), measured=ratio, alpha=ALPHA, wrong_measurements={"images": images})


@pytest.mark.claim("C41")
def test_margins_of_true_labels_of_images_are_more_than_fifty_times_those_of_random_ones(record):
    """Zeros and ones lie far apart, and 800 random labels of them can hardly be separated: no factor of 1.5."""
    record(
        label="ratio of margins",
        predicted=Below(1.6),
        measured=margin_ratio("MNIST"),
        alpha=ALPHA,
        found=Above(50.0),
        wrong_predictions={"that of sums": Below(5.0)},
    )


@pytest.mark.claim("C42")
def test_with_as_many_weights_as_examples_any_labels_are_fitted_and_sgd_from_zero_finds_the_shortest_fit(record, rng):
    """Xᵀ(XXᵀ)⁻¹y fits random labels; SGD from 0 converges to it, as its steps never leave the span of the examples.

    From elsewhere it converges to another fit: the start is kept in the directions that no example has. As many steps
    are made as bring the distance below a part in 1e4 but for one chance in a million, by Markov's inequality.
    """
    images = st.datasets.mnist(train_size=20).x_train
    for setting, x in (("synthetic", rng.standard_normal((50, 200))), ("MNIST", images)):
        y = 2.0 * rng.integers(0, 2, len(x)) - 1
        shortest = x.T @ np.linalg.solve(x @ x.T, y)
        model = st.models.LinearRegression(x, y)
        record(
            label=f"{setting}: fit",
            predicted=y,
            measured=x @ shortest,
            rtol=1e-9,
            wrong_measurements={"ten weights": x[:, 150:160] @ np.linalg.lstsq(x[:, 150:160], y)[0]},
        )
        largest = np.max(np.sum(x**2, axis=1))
        hp = st.SGDHyperparameters(learning_rate=1 / largest, train_size=len(x), batch_size=1)
        # The mean squared distance shrinks by this factor a step, or faster (Strohmer & Vershynin 2009).
        factor = 1 - np.linalg.svd(x, compute_uv=False)[-1] ** 2 / (len(x) * largest)
        error = ALPHA * (1e-4 * np.abs(shortest).max() / np.linalg.norm(shortest)) ** 2
        starts = np.stack([np.zeros(x.shape[1]), rng.standard_normal(x.shape[1])])
        found = st.sgd(model, hp, starts, n_steps=math.ceil(math.log(error) / math.log(factor)), rng=rng).final
        record(
            label=f"{setting}: weights",
            predicted=shortest,
            measured=found[0],
            rtol=0.0,
            atol=1e-4 * np.abs(shortest).max(),
            wrong_measurements={"from another start": found[1]},
        )


@pytest.mark.claim("C43")
def test_the_largest_curvature_is_larger_with_random_labels_than_with_true_ones(record):
    """Largest eigenvalue of the Hessian of C at λ = 1e-2: more than 50 times that of true labels for images.

    Random labels leave more examples near the boundary, where the logistic loss is curved.
    """
    for setting, factor in zip(labelled.SETTINGS, (1.5, 50.0), strict=True):
        largest = {labels: _largest_curvatures(setting, labels) for labels in ("true", "random")}
        average = np.mean(largest["true"])
        record(
            label=f"{setting}: random over true labels",
            predicted=Above(factor),
            measured=st.stats.mean_estimate(largest["random"] / average),
            alpha=ALPHA,
            wrong_measurements={"true labels": 1.0},
        )


def _largest_curvatures(setting, labels):
    precision, found = labelled.WEIGHTS_AT[1], labelled.weights(setting, labels)[:, 1]
    models = [replace(model, prior_precision=precision) for model, _, _ in labelled.splits(setting, labels)]
    return np.array([np.linalg.norm(m.hessian(w), 2) for m, w in zip(models, found, strict=True)])


def draw_accuracies(figure, labels):
    """Draw figure 1: training and test accuracy over λ in both settings."""
    for axes, setting in zip(figure.subplots(1, 2, sharey=True), labelled.SETTINGS, strict=True):
        curve = labelled.curve(setting, labels)
        test, train = st.plotting.shades(st.plotting.SAMPLE, 3)[1:]
        axes.semilogx(curve.prior_precision, curve.train_accuracy.mean(axis=0), "--", color=train, label="training")
        axes.semilogx(curve.prior_precision, curve.test_accuracy.mean(axis=0), color=test, label="test")
        axes.set(title=f"{setting}, {labels} labels", xlabel="prior precision λ", ylabel="accuracy", ylim=(0.4, 1.02))
        axes.legend()
