"""The optimum batch size over the training set's size: what can be solved exactly, and networks up to N = 60,000."""

from __future__ import annotations

from sdetheory.claims import Claim, Figure

from .texts import ABSTRACT

LAYOUT = "least squares on ten groups, one input each, in discrete time, without replacement; no sampling"

IMAGES = "64 rectified units, 1,000 to 60,000 images of Fashion-MNIST, ε = 0.05, m = 0.9, 8,000 steps, stored study"
NEEDS = (
    "more sizes between 4,000 and 60,000: four places about a line leave two degrees of freedom, which make the "
    "interval, not the seeds"
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C100",
        check="test_noise_only_adds_to_the_loss_of_one_run_on_least_squares",
        where="§5, fig. 6, one run",
        whose="objection",
        statement="On least squares one run's weights predict the better the larger the batch: there is no optimum.",
        kind="identity",
        verdict="holds",
        assumptions=(
            LAYOUT,
            "the mean of the weights does not depend on B, so that noise only adds",
        ),
    ),
    Claim(
        id="C101",
        check="test_an_ensemble_on_least_squares_has_an_optimum_in_proportion_to_rate_and_size",
        where="§5, fig. 6, exact",
        whose="reading",
        statement="The batch at which an ensemble of runs predicts best is proportional to εN/(1 − m).",
        kind="asymptotic",
        verdict="holds to O(ε + 1/N)",
        assumptions=(
            LAYOUT,
            "the prediction is that of mean and variance over runs, as of a posterior",
            "the noise of the labels is what the model says",
            "after many steps",
        ),
    ),
    Claim(
        id="C102",
        check="test_an_ensemble_that_is_too_sure_of_its_labels_has_an_optimum_that_stops_growing",
        where="§5, fig. 6, misspecified",
        whose="objection",
        statement="The optimum is proportional to N also if labels are noisier than the model says.",
        kind="asymptotic",
        verdict="fails here",
        assumptions=(
            LAYOUT,
            "σ² = 1.2 s²: noise makes up for what is not modelled, and N does not change that",
        ),
    ),
    Claim(
        id="C103",
        check="test_whether_the_optimum_of_the_test_loss_is_proportional_to_the_number_of_images_is_open",
        where="§5, fig. 6, test loss",
        whose="reading",
        statement="The batch that makes the test loss least is proportional to the size of the training set.",
        kind="empirical",
        verdict="open",
        assumptions=(
            IMAGES,
            "at equal steps, seeds 2 to 7, which the protocol names",
            "one curve for all N, scaled, has the exponent 0.2 [-0.9, 1.3]; it fits badly: at 4,000 images the loss "
            "has two minima",
        ),
        needs=NEEDS,
    ),
    Claim(
        id="C104",
        check="test_whether_the_optimum_of_the_accuracy_is_proportional_to_the_number_of_images_is_open",
        where="§5, fig. 6",
        whose="paper",
        statement="The batch that makes the test accuracy highest is proportional to the size of the training set.",
        kind="empirical",
        verdict="open",
        assumptions=(
            IMAGES,
            "at equal steps, seeds 4 to 7, which the protocol names",
            "one curve for all N, scaled, has the exponent 0.5 [0.0, 1.1]; all six seeds from 2 to 7 would say 0.6 "
            "[0.3, 1.0]",
        ),
        read_in=ABSTRACT,
        needs=NEEDS,
    ),
    Claim(
        id="C105",
        check="test_optimum_of_the_test_loss_grows_in_proportion_from_each_number_of_images_to_the_next",
        where="§5, fig. 6, steps of N",
        whose="reading",
        statement="The batch that makes the test loss least grows in proportion from each N to the next.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            IMAGES,
            "at equal steps, seeds 4 to 7, the best tried batch of each, with no shape assumed",
            "from 1,000 to 4,000 images the exponent is -1.0 ± 0.3, to 16,000 it is 0.5 ± 0.3; from there to 60,000, "
            "where the paper looks, 1.1 ± 0.7, which allows one",
        ),
    ),
    Claim(
        id="C106",
        check="test_the_longer_the_training_the_smaller_the_optimum",
        where="§5, fig. 6, budget",
        whose="objection",
        statement="The longer the training, the smaller the batch that makes the test loss least.",
        kind="empirical",
        verdict="holds under 60,000 images",
        assumptions=(IMAGES, "the last 4,000 of 8,000 steps make it 2 to 16 times smaller, seed by seed"),
    ),
    Claim(
        id="C107",
        check="test_the_optimum_is_far_from_the_edge_of_stability_of_the_full_batch",
        where="§5, fig. 6, edge",
        whose="reading",
        statement="The optimum is no effect of the edge of stability: the curvature there is far below its limit.",
        kind="empirical",
        verdict="holds",
        assumptions=(IMAGES, "the share of the limit grows with N, to 0.04 at 60,000"),
    ),
)

FIGURES: tuple[Figure, ...] = ()
