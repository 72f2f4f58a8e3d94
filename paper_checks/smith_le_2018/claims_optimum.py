"""The optimum batch size over the training set's size: what can be solved exactly, and networks up to N = 60,000."""

from __future__ import annotations

from ..claims import Claim, Figure

LAYOUT = "least squares on ten groups, one input each, in discrete time, without replacement; no sampling"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C100",
        check="test_noise_only_adds_to_the_loss_of_one_run_on_least_squares",
        where="§5, fig. 6, one run",
        statement="On least squares one run's weights predict the better the larger the batch: there is no optimum.",
        kind="identity",
        verdict="holds",
        assumptions=(
            LAYOUT,
            "an objection, not a claim of the paper",
            "the mean of the weights does not depend on B, so that noise only adds",
        ),
    ),
    Claim(
        id="C101",
        check="test_an_ensemble_on_least_squares_has_an_optimum_in_proportion_to_rate_and_size",
        where="§5, fig. 6, exact",
        statement="The batch at which an ensemble of runs predicts best is proportional to εN/(1 − m).",
        kind="asymptotic",
        verdict="holds to O(ε + 1/N)",
        assumptions=(
            LAYOUT,
            "our reading: the prediction is that of mean and variance over runs, as of a posterior",
            "the noise of the labels is what the model says",
            "after many steps",
        ),
    ),
    Claim(
        id="C102",
        check="test_an_ensemble_that_is_too_sure_of_its_labels_has_an_optimum_that_stops_growing",
        where="§5, fig. 6, misspecified",
        statement="The optimum is proportional to N also if labels are noisier than the model says.",
        kind="asymptotic",
        verdict="fails here",
        assumptions=(
            LAYOUT,
            "an objection, not a claim of the paper",
            "σ² = 1.2 s²: noise makes up for what is not modelled, and N does not change that",
        ),
    ),
)

FIGURES: tuple[Figure, ...] = ()
