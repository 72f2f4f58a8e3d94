"""Sections 4 to 6: where the evidence and predictions part, and what its conditional part mends."""

import numpy as np
import pytest
import scipy.stats

import sdetheory as st

from ..comparison import Above, Below

VARIANCE, FIRST = 0.1, 60
PIXELS, PRECISIONS = np.array([1, 2, 4, 8, 16, 32]), 10.0 ** np.arange(-8, 3.5, 1.0)


@pytest.fixture(scope="module")
def images():
    """120 images of MNIST 0/1 and 200 of its test set: 7 × 7 pixels, those of the largest variance first."""
    data = st.datasets.mnist(train_size=120)
    inputs, test = (x.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49) for x in (data.x_train, data.x_test))
    order = np.argsort(-inputs.var(axis=0), kind="stable")
    return inputs[:, order], 2.0 * data.y_train - 1, test[:, order], 2.0 * data.y_test - 1


@pytest.fixture(scope="module")
def scores(images):
    """Return the evidence, its conditional part and the mean test score of each model, shape (pixels, precisions)."""
    inputs, labels, test, truth = images
    found = np.empty((3, len(PIXELS), len(PRECISIONS)))
    for i, k in enumerate(PIXELS):
        model = st.evidence.LinearModel(inputs[:, :k], labels)
        found[0, i] = model.log_evidence(PRECISIONS, VARIANCE)
        found[1, i] = st.evidence.conditional_evidence(model, PRECISIONS, VARIANCE, train_size=FIRST)
        for j, precision in enumerate(PRECISIONS):
            prediction = model.posterior(precision, VARIANCE).predict(test[:, :k])
            found[2, i, j] = prediction.log_density(truth).mean()
    return found


@pytest.mark.claim("LIW01")
def test_log_evidence_falls_by_half_the_number_of_weights_per_log_precision_while_predictions_stay(
    record, images, scores
):
    """From λ = 1e-7 to 1e-8 models of k pixels lose (k/2) ln 10 of evidence, and no test score changes.

    Witnesses for eight pixels: the package's evidence and the normal density of all labels.
    """
    inputs, labels, _, _ = images
    exact = [
        scipy.stats.multivariate_normal(cov=VARIANCE * np.eye(120) + inputs[:, :8] @ inputs[:, :8].T / p).logpdf(labels)
        for p in (1e-5, 1e-4)
    ]
    record(label="slope from normal densities, eight pixels", predicted=4.0, measured=np.diff(exact)[0] / np.log(10),
           rtol=1e-3, wrong_predictions={"all weights, not half": 8.0, "none": 0.0})  # fmt: skip
    changes = np.abs(np.diff(scores[2], axis=1))
    record(label="change of the mean test score", predicted=Below(1e-4), measured=changes[:, 0],
           wrong_measurements={"from λ = 10 to 100": changes[:, 9]})  # fmt: skip
    record(
        label="slope of the log evidence in ln λ",
        predicted=PIXELS / 2,
        measured=(scores[0, :, 1] - scores[0, :, 0]) / np.log(10),
        rtol=1e-4,
        wrong_predictions={"all weights, not half": PIXELS, "none": np.zeros(6)},
        wrong_measurements={"its conditional part": (scores[1, :, 1] - scores[1, :, 0]) / np.log(10)},
    )


@pytest.mark.claim("LIW02")
def test_conditional_evidence_is_the_part_of_the_sum_of_predictions_that_comes_after_the_first_examples(record, images):
    """Witnesses: the difference of two evidences, the sum of single predictions, and the package's."""
    inputs, labels, _, _ = images
    model = st.evidence.LinearModel(inputs[:, :8], labels)
    first = st.evidence.LinearModel(inputs[:FIRST, :8], labels[:FIRST])
    precisions = np.array([1e-3, 1.0])
    terms = np.array([st.evidence.sequential(model, p, VARIANCE) for p in precisions])
    wrong = {"the whole evidence": terms.sum(axis=1), "the first part": terms[:, :FIRST].sum(axis=1)}
    whole, part = (m.log_evidence(precisions, VARIANCE) for m in (model, first))
    record(label="difference of evidences", predicted=terms[:, FIRST:].sum(axis=1), measured=whole - part, rtol=1e-9,
           wrong_measurements=wrong)  # fmt: skip
    record(
        label="conditional_evidence",
        predicted=terms[:, FIRST:].sum(axis=1),
        measured=st.evidence.conditional_evidence(model, precisions, VARIANCE, train_size=FIRST),
        rtol=1e-9,
        wrong_measurements=wrong,
    )


@pytest.mark.claim("LIW03")
def test_evidence_prefers_the_model_that_predicts_worse(record, scores):
    """Two pixels with λ = 0.1 against sixteen with λ = 1e-8: 55 nats for the former, whose test score is worse."""
    narrow, wide = scores[:, 1, 7], scores[:, 4, 0]
    record(label="test score of two pixels less that of sixteen", predicted=Below(-0.5), measured=narrow[2] - wide[2],
           wrong_measurements={"two pixels, wide prior": narrow[2] - scores[2, 1, 0]})  # fmt: skip
    record(
        label="log evidence of two pixels less that of sixteen",
        predicted=Above(10.0),
        measured=narrow[0] - wide[0],
        wrong_measurements={"its conditional part": narrow[1] - wide[1]},
    )


@pytest.mark.claim("LIW04")
def test_conditional_evidence_ranks_models_more_as_test_scores_do(record, scores, picture):
    """Spearman's correlation with the test score over 72 models is 0.77 for the evidence, 0.91 for its later half."""
    evidence, conditional = (
        float(scipy.stats.spearmanr(scores[i].ravel(), scores[2].ravel()).statistic) for i in (0, 1)
    )
    picture(lambda figure: draw(figure, scores))
    record(
        label="rank correlation with the test score",
        predicted=Above(evidence + 0.05),
        measured=conditional,
        wrong_measurements={"the evidence": evidence, "of nothing": 0.0},
    )


def draw(figure, scores):
    """Draw the test score of each model over its evidence, and over the conditional part."""
    axes = figure.subplots(1, 2, sharey=True)
    for ax, values, name in zip(axes, scores[:2], ("log evidence", "conditional log evidence"), strict=True):
        for k, x, y in zip(PIXELS, values, scores[2], strict=True):
            ax.plot(x, y, "o-", label=f"{k} pixels")
        ax.set_xlabel(name)
    axes[0].set_ylabel("mean test log score")
    axes[1].legend(fontsize=7)


@pytest.mark.claim("LIW05")
def test_prior_of_the_highest_evidence_is_not_the_one_that_predicts_best(record, scores):
    """With λ of the highest evidence sixteen pixels lose 0.07 nats an image, less with that of its later half.

    It is a small loss: λ = 1000 would cost thirty times as much.
    """
    evidence, conditional, test = (part[4] for part in scores)
    losses = {
        "conditional evidence": test.max() - test[conditional.argmax()],
        "evidence": test.max() - test[evidence.argmax()],
        "λ = 1000": test.max() - test[-1],
    }
    record(label="loss of test score with λ of the evidence", predicted=Below(0.1), measured=losses["evidence"],
           wrong_measurements={"λ = 1000": losses["λ = 1000"]})  # fmt: skip
    record(
        label="loss of test score with λ of the evidence",
        predicted=Above(0.03),
        measured=losses["evidence"],
        wrong_measurements={"λ of the conditional evidence": losses["conditional evidence"]},
    )
