"""Section 3: true and random labels."""

from __future__ import annotations

from ..claims import Claim, Figure

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C08",
        check="test_evidence_prefers_the_model_to_guessing_when_labels_are_true",
        where="§3, fig. 2b",
        statement="With true labels the evidence prefers the model to guessing, at the best strength of the prior.",
        kind="empirical",
        verdict="holds",
        assumptions=("linear model of labels ±1 with noise variance 1 instead of logistic regression", "MNIST 0/1"),
    ),
    Claim(
        id="C09",
        check="test_evidence_prefers_guessing_to_the_model_when_labels_are_random_on_average",
        where="§3, fig. 2a",
        statement="With random labels the evidence prefers guessing to the model, whatever the strength of the prior.",
        kind="statistical",
        verdict="holds under averaging over labelings",
        assumptions=("linear model of labels ±1 with noise variance 1 instead of logistic regression", "MNIST 0/1"),
    ),
)

FIGURES: tuple[Figure, ...] = ()
