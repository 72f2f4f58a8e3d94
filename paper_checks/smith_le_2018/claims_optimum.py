"""The optimum batch size over the training set's size: what can be solved exactly, and networks up to N = 60,000."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Figure

from .texts import ABSTRACT, TEXT

LAYOUT = "least squares on ten groups, one input each, in discrete time, without replacement; no sampling"

IMAGES = "64 rectified units, 1,000 to 60,000 images of Fashion-MNIST, ε = 0.05, m = 0.9, 8,000 steps, stored study"
RATES = "64 rectified units, 4,000 images of Fashion-MNIST, ε/(1 − m) from 0.125 to 1, seeds 2 to 7, stored study"
FINER = "a finer grid of batches: the loss is flat near its least, and one curve for all settings fits badly"
DETAILS = (Detail("ε = 1", TEXT), Detail("large is some 20,000 images or more"))

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
        check="test_optimum_of_the_test_loss_is_proportional_to_the_number_of_images",
        where="§5, fig. 6, test loss",
        whose="reading",
        statement="The batch that makes the test loss least is proportional to the size of the training set.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            IMAGES,
            "at equal steps, seeds 2 to 7, which the protocol names",
            "one curve for six N, scaled, has the exponent 0.2 [-0.4, 0.8]; it fits badly: at 4,000 images the loss "
            "has two minima",
        ),
    ),
    Claim(
        id="C104",
        check="test_optimum_of_the_accuracy_is_proportional_to_the_number_of_images",
        where="§5, fig. 6, all sizes",
        whose="reading",
        statement="The batch that makes the test accuracy highest is proportional to the size of the training set.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            IMAGES,
            "at equal steps, seeds 4 to 7, which the protocol names",
            "one curve for six N, scaled, has the exponent 0.6 [0.3, 0.8]: it grows, but not in proportion; "
            "with seeds 2 and 3, known when the protocol was written, it is 0.6 too, in an interval as wide as 2.8",
        ),
        details=DETAILS,
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
            "from 1,000 to 4,000 images the exponent is -1.0 ± 0.3, to 8,000 it is 0.0 ± 0.5; from there to 16,000, "
            "30,000 and 60,000 it is 1.0 ± 0.5, 1.3 ± 1.4 and 1.0 ± 1.8, which allow one",
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
    Claim(
        id="C108",
        check="test_optimum_of_the_accuracy_from_16000_images_on_is_proportional_to_their_number",
        where="§5, fig. 6",
        whose="paper",
        statement="The optimum batch size is proportional to the size of the training set, if that is large.",
        kind="empirical",
        verdict="holds under test accuracy, from 16,000 images on",
        assumptions=(
            IMAGES,
            "at equal steps, labels as they are and 20 % of them random, seeds 4 to 7, which the protocol names",
            "the exponent is 1.0 [0.6, 1.4]; with seeds 2 and 3, known when the protocol was written, 1.0 [0.2, 1.9], "
            "which would not exclude one half",
        ),
        read_in=ABSTRACT,
        details=DETAILS,
    ),
    Claim(
        id="C117",
        check="test_optimum_of_the_test_loss_from_16000_images_on_is_proportional_to_their_number",
        where="§5, fig. 6, test loss of large sets",
        whose="reading",
        statement="The batch that makes the test loss least is proportional to the number of images, if that is large.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            IMAGES,
            "at equal steps, labels as they are and 20 % of them random, seeds 2 to 7, which the protocol names",
            "from 16,000 images on it grows faster: the exponent is 1.4 [1.05, 1.66]",
        ),
    ),
    Claim(
        id="C112",
        check="test_optimum_is_proportional_to_the_learning_rate",
        where="§5, fig. 5, test loss",
        whose="reading",
        statement="The batch that makes the test loss least is proportional to the learning rate.",
        kind="empirical",
        verdict="open",
        assumptions=(RATES, "one curve for nine pairs of ε and m has the exponent 0.8 [0.3, 1.3]"),
        needs=FINER,
    ),
    Claim(
        id="C113",
        check="test_optimum_is_proportional_to_what_momentum_multiplies_the_noise_by",
        where="§5, fig. 7, test loss",
        whose="reading",
        statement="The batch that makes the test loss least is proportional to 1/(1 − m).",
        kind="empirical",
        verdict="open",
        assumptions=(RATES, "one curve for nine pairs of ε and m has the exponent 0.7 [0.1, 1.3]"),
        needs=FINER,
    ),
    Claim(
        id="C114",
        check="test_optimum_after_equal_steps_is_proportional_to_the_learning_rate",
        where="§5, fig. 5, equal steps",
        whose="reading",
        statement="After equally many steps the batch that makes the test loss least is proportional to ε.",
        kind="empirical",
        verdict="open",
        assumptions=(RATES, "4,000 steps at m = 0.9, ε from 0.0125 to 0.1: the exponent is -2 [-8, 4]"),
        needs="batches that train on both sides of the optimum: from ε = 0.05 on the smallest that trains is the best",
    ),
    Claim(
        id="C115",
        check="test_losses_at_all_rates_and_momenta_are_those_of_one_noise_scale",
        where="§5, g alone",
        whose="reading",
        statement="After one ε/(1 − m) × steps the test loss depends on ε, B and m by g = εN/(B(1 − m)) alone.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            RATES,
            "g explains 79 % of the variance of the losses, where 90 % had been written down; B alone explains 11 %, "
            "ε/B 22 %",
        ),
    ),
)

FIGURES: tuple[Figure, ...] = ()
