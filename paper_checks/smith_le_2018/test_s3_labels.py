"""Section 3: the evidence tells true labels from random ones."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.claims import Above, Below

ALPHA = 1e-6


@pytest.mark.claim("C08")
def test_evidence_prefers_the_model_to_guessing_when_labels_are_true(record, rng):
    """At the best λ the log evidence ratio E in favour of guessing is negative, beyond what chance would allow.

    For labels ±1 that carry no information e^{−E} has a mean of at most 1, so E < −t has a probability of at most
    e^{−t}; the bound makes that α for all λ together, and random labels do not reach it.
    """
    data = st.datasets.mnist(train_size=800)
    precisions = np.logspace(-2, 6, 33)

    def smallest(labels):
        return st.evidence.LinearModel(data.x_train, 2 * labels - 1).log_evidence_ratio(precisions, 1.0).min()

    record(
        predicted=Below(np.log(ALPHA / precisions.size)),
        measured=smallest(data.y_train),
        alpha=ALPHA,
        wrong_measurements={"random labels": smallest(st.datasets.random_labels(data.y_train, rng=rng))},
    )


@pytest.mark.claim("C09")
def test_evidence_prefers_guessing_to_the_model_when_labels_are_random_on_average(record, rng):
    """Averaged over labelings E = ½ Σ [ln(1 + x) − x/(1 + x)] > 0 at every λ, with x = s²/λ, s the singular values.

    A single labeling may be luckier: with a strong prior about a third of them reach E < 0, and one in thirty E < −1.
    The smallest error that matters is the fit, ½ Σ x/(1 + x), some fifty standard errors of 300 labelings or more. E
    is skewed, so the rate is lower here, and the comparison keeps to λ ≤ 1000, where several directions contribute.
    Images are rotated into their span, which leaves E as it is and has an eighth of the inputs to decompose.
    """
    data = st.datasets.mnist(train_size=100)
    precisions = np.logspace(-2, 6, 17)
    singular, span = np.linalg.svd(data.x_train, full_matrices=False)[1:]
    images = data.x_train @ span.T

    def ratio(labels):
        return st.evidence.LinearModel(images, 2 * labels - 1).log_evidence_ratio(precisions, 1.0)

    curves = np.array([ratio(st.datasets.random_labels(data.y_train, rng=rng)) for _ in range(300)])
    x = singular**2 / precisions[:, None]
    occam, fit = np.log1p(x).sum(axis=1) / 2, (x / (1 + x)).sum(axis=1) / 2
    weak = precisions <= 1000

    record(
        label="average, predicted at every λ",
        predicted=Above(0.0),
        measured=occam - fit,
        wrong_measurements={"true labels": ratio(data.y_train)},
    )
    record(
        label="share of labelings with E < 0 somewhere",
        predicted=Above(0.0),
        measured=st.stats.mean_estimate((curves < 0).any(axis=1)),
        alpha=ALPHA,
        wrong_measurements={"the average": float((occam < fit).any())},
    )
    record(
        label="average, λ ≤ 1000",
        predicted=(occam - fit)[weak],
        measured=st.stats.mean_estimate(curves[:, weak]),
        alpha=ALPHA / 10,
        wrong_predictions={"Occam factor without the fit": occam[weak], "true labels": ratio(data.y_train)[weak]},
    )
