"""Section 3, figure 2: the evidence ratio E and the test cross-entropy over the strength of the prior."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

import sdetheory as st
from sdetheory.claims import Above, Below

from . import labelled_data as labelled

# The data are drawn from the root seed.
pytestmark = pytest.mark.usefixtures("rng")

ALPHA = 1e-6
LN2 = math.log(2)


@pytest.mark.claim("C44")
def test_random_labels_are_learnt_by_heart_and_the_test_cross_entropy_explodes(record, picture):
    """From λ = 1 to 0.01, 1e-4 and 1e-6 the training cross-entropy falls for every data set or labeling, each time.

    It must: where the prior is weaker, the fit is never worse. The test cross-entropy rises each time, of logarithms
    and on average, and ends above ln 2, worse than guessing. The bounds are zero. Controls: the one for the other.
    """
    for setting in labelled.SETTINGS:
        curve = labelled.curve(setting, "random")
        train, test = (np.diff(np.log(loss[:, 12::-4]), axis=1) for loss in (curve.train_loss, curve.test_loss))
        record(label=f"{setting}: change of ln training", predicted=Below(0.0), measured=train,
               wrong_measurements={"test": test})  # fmt: skip
        record(label=f"{setting}: change of ln test", predicted=Above(0.0), measured=st.stats.mean_estimate(test),
               alpha=ALPHA, wrong_measurements={"training": st.stats.mean_estimate(train)})  # fmt: skip
        fitted, ends = (
            st.stats.mean_estimate(np.log(loss[:, 0] / LN2)) for loss in (curve.train_loss, curve.test_loss)
        )
        record(label=f"{setting}: ln of test over ln 2", predicted=Above(0.0), measured=ends, alpha=ALPHA,
               wrong_measurements={"training": fitted})  # fmt: skip
    picture(lambda figure: draw_curves(figure, "random"), size=(8.0, 5.5))


@pytest.mark.claim("C45")
def test_evidence_of_random_labels_prefers_the_model_for_some_labelings(record, rng):
    """E > 0 at every λ is not true of all labelings, neither of sums nor of images.

    For λ → ∞ λE tends to (tr XᵀX − |Σ yᵢxᵢ|²)/8 with labels ±1: its mean over labelings is zero, so that its sign must
    vary. Here λ is 100 and more, where it does; 200 labelings of 200 sums and of 100 images each.
    """
    inputs = {"MNIST": st.datasets.mnist(train_size=100).x_train, "synthetic": labelled.inputs(rng, 200)[0]}
    for setting, x in inputs.items():
        labelings = [rng.integers(0, 2, len(x)) for _ in range(200)]
        models = [st.models.LogisticRegression(x, y) for y in labelings]
        least = np.array([st.evidence.laplace(m, labelled.PRECISIONS[16::2]).log_evidence_ratio.min() for m in models])
        limit = [(x**2).sum() > (((2 * y - 1) @ x) ** 2).sum() for y in labelings]
        record(
            label=f"{setting}: share of labelings with E > 0 at every λ",
            predicted=1.0,
            measured=st.stats.mean_estimate(least > 0),
            alpha=ALPHA,
            found=Below(0.9),
            wrong_predictions={"never": 0.0, "more than the limit allows": Above(np.mean(limit) + 0.01)},
        )


@pytest.mark.claim("C46")
def test_evidence_of_random_labels_prefers_guessing_on_average(record):
    """Averaged over labelings E > 0 for λ from 1e-6 to 10, where the model can fit; it is negative with true labels."""
    fits = labelled.PRECISIONS <= 10.1
    for setting in labelled.SETTINGS:
        true = labelled.curve(setting, "true").log_evidence_ratio[:, fits]
        record(
            label=f"{setting}: E",
            predicted=Above(0.0),
            measured=st.stats.mean_estimate(labelled.curve(setting, "random").log_evidence_ratio[:, fits]),
            alpha=ALPHA,
            wrong_measurements={"true labels": labelled.average(setting, "true", true)},
        )


@pytest.mark.claim("C47")
def test_test_cross_entropy_tends_to_ln_2_and_the_evidence_ratio_to_0_as_the_prior_gets_strong(record):
    """Both differ from their limits by a/λ + O(1/λ²): the order is measured from λ = 1e7 to 1e8.

    For E a = (tr XᵀX − |g|²)/8 and for the test cross-entropy a = −⟨yx⟩·g/4 with g = Σ yᵢxᵢ and labels ±1.
    """
    for setting in labelled.SETTINGS:
        for labels in ("random", "true"):
            split = model, x, y = labelled.splits(setting, labels)[0]
            curve = st.evidence.evidence_curve([split], np.array([1e7, 1e8]))
            pull = (2 * model.y - 1) @ model.X
            trace, strength = np.sum(model.X**2), pull @ pull
            slopes = np.array([(trace - strength) / 8, -((2 * y - 1) @ x / len(y)) @ pull / 4])
            scale = np.array([trace / 8, np.linalg.norm((2 * y - 1) @ x / len(y)) * math.sqrt(strength) / 4])
            differences = np.array([curve.log_evidence_ratio[0], curve.test_loss[0] - LN2])
            record(
                label=f"{setting}, {labels} labels: λ times E and times the difference from ln 2",
                predicted=slopes / scale,
                measured=1e8 * differences[:, 1] / scale,
                rtol=0.01,
                atol=0.01,
                wrong_measurements={"limits 1 and 0.69": 1e8 * (differences[:, 1] + [1, LN2 - 0.69]) / scale},
                wrong_predictions={"Occam factor alone": [1.0, 0.0]},
            )
        orders = np.log10(differences[:, 0] / differences[:, 1])
        record(label=f"{setting}, true labels: order", predicted=1.0, measured=orders, rtol=0.01,
               wrong_predictions={"½": 0.5, "2": 2.0})  # fmt: skip


@pytest.mark.claim("C48")
def test_weak_priors_are_rejected_by_laplaces_evidence_and_predict_badly_for_sums(record):
    """At λ = 1e-6 Laplace's E is above 20 nats, and the test cross-entropy above 2 ln 2, though labels are true."""
    curve = labelled.curve("synthetic", "true")
    weak, moderate = ({"E": curve.log_evidence_ratio[:, i], "loss": curve.test_loss[:, i]} for i in (0, 14))
    for name, bound in (("loss", 2 * LN2), ("E", 20.0)):
        record(
            label=f"{name} at λ = 1e-6",
            predicted=Above(bound),
            measured=st.stats.mean_estimate(weak[name]),
            alpha=ALPHA,
            wrong_measurements={"λ = 10": st.stats.mean_estimate(moderate[name])},
        )


@pytest.mark.claim("C49")
def test_weak_priors_are_not_rejected_by_the_evidence_and_predict_well_for_images(record):
    """At λ = 1e-6 the test cross-entropy is a twentieth of ln 2 at most, and E, −518 nats, near its minimum of −532."""
    curve, other = labelled.curve("MNIST", "true"), labelled.curve("synthetic", "true")
    record(
        label="test cross-entropy at λ = 1e-6",
        predicted=Above(LN2),
        measured=curve.test_loss[:, 0].mean(),
        found=Below(LN2 / 20),
        wrong_predictions={"that of sums": Above(other.test_loss[:, 0].mean())},
    )
    record(
        label="largest E of all λ",
        predicted=Above(0.0),
        measured=curve.log_evidence_ratio.mean(axis=0).max(),
        found=Below(-5.0),
        wrong_predictions={"that of sums": Above(other.log_evidence_ratio.mean(axis=0).max())},
    )


@pytest.mark.claim("C111")
def test_weak_priors_are_rejected_by_laplaces_evidence_and_predict_badly_for_whitened_images(record):
    """At λ = 1e-6 Laplace's E is positive and the test cross-entropy above ln 2, for whitened images.

    Two folds of zeros and ones. The bounds are zero and guessing. Control: λ = 10.
    """
    splits = []
    for model, x_test, y_test in labelled.splits("MNIST", "true")[:2]:
        x, x_test = labelled.whitened(model.X, x_test)
        splits.append((st.models.LogisticRegression(x, model.y), x_test, y_test))
    curve = st.evidence.evidence_curve(splits, labelled.PRECISIONS[::2])
    for label, values, bound in (("test loss", curve.test_loss, LN2), ("E", curve.log_evidence_ratio, 0.0)):
        record(
            label=f"{label} at λ = 1e-6",
            predicted=Above(bound),
            measured=values[:, 0],
            wrong_measurements={"λ = 10": values[:, 7]},
        )


@pytest.mark.claim("C50")
def test_moderate_priors_are_trusted_by_the_evidence_and_beat_guessing(record, picture):
    """At λ = 10 E < 0 with true labels, and the test cross-entropy is below ln 2; with random labels neither is so."""
    for setting in reversed(labelled.SETTINGS):
        true, random = labelled.curve(setting, "true"), labelled.curve(setting, "random")
        for name, bound in (("test_loss", LN2), ("log_evidence_ratio", 0.0)):
            record(
                label=f"{setting}: {name.replace('_', ' ')}",
                predicted=Below(bound),
                measured=labelled.average(setting, "true", getattr(true, name)[:, 14]),
                alpha=ALPHA,
                wrong_measurements={"random labels": st.stats.mean_estimate(getattr(random, name)[:, 14])},
            )
    picture(lambda figure: draw_curves(figure, "true"), size=(8.0, 5.5))


@pytest.mark.claim("C51")
def test_evidence_and_test_cross_entropy_are_best_within_a_decade_of_each_other_for_sums(record):
    """λ of the least E over λ of the least test cross-entropy in decades, averaged over 60 data sets.

    A decade is the step of a sweep over decades, within which two optima are the same. Training cross-entropy alone
    would take the weakest prior.
    """
    curve = labelled.curve("synthetic", "true")
    singles = [
        replace(curve, log_evidence_ratio=ratio[None], test_loss=loss[None])
        for ratio, loss in zip(curve.log_evidence_ratio, curve.test_loss, strict=True)
    ]
    decades = st.stats.mean_estimate(np.array([single.distance.value for single in singles]))
    best = math.log10(curve.best_by_test_loss)
    record(label="not less than −1", predicted=Above(-1.0), measured=decades, alpha=ALPHA,
           wrong_measurements={"training cross-entropy": -6 - best})  # fmt: skip
    record(label="decades", predicted=Below(1.0), measured=decades, alpha=ALPHA,
           wrong_measurements={"guessing": 5 - best})  # fmt: skip


@pytest.mark.claim("C52")
def test_five_folds_of_images_cannot_tell_whether_evidence_and_test_cross_entropy_are_best_at_the_same_prior(record):
    """The distance of the two best λ, of averages over five folds of 1000 images: 0.3 decades ± 0.7, by jackknife.

    The test cross-entropy is so flat that leaving one fold out moves its best λ by more than their distance. Control:
    the error that sums have.
    """
    distance = labelled.curve("MNIST", "true").distance
    other = labelled.curve("synthetic", "true").distance
    record(
        label="decades",
        predicted=0.0,
        rival=1.0,
        measured=distance,
        alpha=0.05,
        stored=True,
        wrong_measurements={
            "with the error of sums": st.Estimate(value=distance.value, stderr=other.stderr, n_eff=other.n_eff),
            "three decades": st.Estimate(value=3.0, stderr=distance.stderr, n_eff=distance.n_eff),
        },
    )


@pytest.mark.claim("C53")
def test_the_evidence_puts_priors_in_the_order_of_their_test_cross_entropies(record):
    """Spearman's correlation over λ of E and the test cross-entropy, both averaged, is above 0.9 in all four cases.

    The training cross-entropy, which knows no Occam factor, has the order of the test cross-entropy in none.
    """
    for setting in reversed(labelled.SETTINGS):
        for labels in ("random", "true"):
            curve = labelled.curve(setting, labels)
            train, test = curve.train_loss.mean(axis=0), curve.test_loss.mean(axis=0)
            record(
                label=f"{setting}, {labels} labels",
                predicted=Above(0.9),
                measured=curve.rank_correlation.value,
                wrong_measurements={"training cross-entropy": scipy.stats.spearmanr(train, test).statistic},
            )


@pytest.mark.claim("C54")
def test_exact_evidence_does_not_reject_the_weak_priors_that_laplaces_rejects(record, rng):
    """As λ → 0 the exact evidence is the share of directions that separate the labels: more than 2⁻ᴺ on average.

    The true direction is as likely under the prior as any other. So E is negative on average, and above t with the
    probability e^{−t} at most: the 63 nats that Laplace's formula finds for 200 sums (C48) are its own error. Here are
    60 data sets of 30 sums of 30 inputs, whose share is a normal probability, by SciPy.
    """
    n, exact, approximate = 30, [], []
    for _ in range(60):
        x, y = labelled.inputs(rng, n, n)
        exact.append(-_log_share(x, y, rng) - n * LN2)
        model = st.models.LogisticRegression(x, y)
        approximate.append(st.evidence.laplace(model, labelled.PRECISIONS[::2]).log_evidence_ratio[0])
    record(
        label="E of true labels, λ → 0",
        predicted=Above(0.0),
        measured=st.stats.mean_estimate(np.array(exact)),
        alpha=ALPHA,
        found=Below(0.0),
        wrong_predictions={"Laplace's E at λ = 1e-6": np.mean(approximate), "twice as many nats": Below(-8.0)},
    )


def _log_share(x, y, rng):
    """Return the log of the share of directions w with x·w on the side of zero that each label says."""
    signed = (2 * y - 1)[:, None] * x
    normal = scipy.stats.multivariate_normal(cov=signed @ signed.T, allow_singular=True, seed=rng)
    normal.maxpts, normal.abseps, normal.releps = 20_000, 0.0, 0.05
    return normal.logcdf(np.zeros(len(y)))


def draw_curves(figure, labels):
    """Draw figure 2: cross-entropies, and E beneath them, over λ in both settings."""
    for column, setting in zip(figure.subplots(2, 2, sharex=True).T, labelled.SETTINGS, strict=True):
        curve = labelled.curve(setting, labels)
        test, train = st.plotting.shades(st.plotting.SAMPLE, 3)[1:]
        column[0].loglog(curve.prior_precision, curve.train_loss.mean(axis=0), "--", color=train, label="training")
        column[0].loglog(curve.prior_precision, curve.test_loss.mean(axis=0), color=test, label="test")
        column[0].axhline(LN2, color=st.plotting.GUIDE, ls=":", label="guessing, ln 2")
        column[0].set(title=f"{setting}, {labels} labels", ylabel="cross-entropy (nats)", ylim=(1e-4, None))
        column[0].legend()
        ratio = curve.log_evidence_ratio.mean(axis=0)
        column[1].semilogx(curve.prior_precision, ratio, color=st.plotting.THEORY)
        column[1].axhline(0.0, color=st.plotting.GUIDE, ls=":")
        column[1].set(xlabel="prior precision λ", ylabel="E (nats)", yscale="symlog")
