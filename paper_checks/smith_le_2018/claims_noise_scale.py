"""The theory of section 5 and appendices C and D: the noise scale of SGD."""

from __future__ import annotations

from ..claims import Claim, Figure

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C01",
        check="test_covariance_of_the_minibatch_gradient_is_n_times_n_over_b_minus_one_times_f",
        where="§5, before eq. 12",
        statement="The covariance of the minibatch gradient is N(N/B − 1)F, F the covariance of per-example gradients.",
        kind="identity",
        verdict="holds under F with N − 1 in its denominator",
        assumptions=("the batch is drawn without replacement", "the data are fixed, only the batch is random"),
    ),
    Claim(
        id="C02",
        check="test_minibatch_gradients_on_mnist_have_the_covariance_n_times_n_over_b_minus_one_times_f",
        where="§5, before eq. 12",
        statement="Minibatch gradients of a model of real images have that covariance too.",
        kind="statistical",
        verdict="holds",
        assumptions=("logistic regression on MNIST 0/1 at w = 0", "F has N − 1 in its denominator"),
    ),
    Claim(
        id="C03",
        check="test_noise_scale_is_the_learning_rate_times_n_over_b_minus_one",
        where="§5, eq. 12",
        statement="SGD has the noise scale g = ε(N/B − 1), so that one step has covariance gF over the time ε/N.",
        kind="statistical",
        verdict="holds",
        assumptions=("the batch is drawn without replacement", "no momentum", "drift and F are frozen within a step"),
    ),
    Claim(
        id="C75",
        check="test_a_step_of_sgd_is_gradient_descent_with_the_gradient_of_the_batch_times_n_over_b",
        where="§5, eq. 11",
        statement="A step of SGD is one of gradient descent with the batch's gradient, scaled by N/B, for the full one.",
        kind="identity",
        verdict="holds",
        assumptions=("no momentum",),
    ),
    Claim(
        id="C76",
        check="test_the_minibatch_gradient_is_right_on_average",
        where="§5, before eq. 12",
        statement="The error of the minibatch gradient has the mean zero.",
        kind="statistical",
        verdict="holds",
        assumptions=("all batches are equally likely",),
    ),
    Claim(
        id="C77",
        check="test_gradients_of_two_examples_of_a_batch_are_uncorrelated_up_to_one_part_in_n",
        where="§5, before eq. 12",
        statement="The gradients of two different examples of a batch are uncorrelated.",
        kind="asymptotic",
        verdict="holds to O(1/N)",
        assumptions=("the data are fixed", "drawn without replacement; with replacement it holds exactly"),
    ),
    Claim(
        id="C78",
        check="test_the_noise_vanishes_when_the_batch_is_the_whole_training_set",
        where="§5, before eq. 12",
        statement="The noise vanishes when the batch is the whole training set.",
        kind="identity",
        verdict="holds under sampling without replacement",
    ),
    Claim(
        id="C79",
        check="test_the_shortcut_epsilon_n_over_b_is_too_large_by_the_share_of_the_data_in_a_batch",
        where="§5, after eq. 12",
        statement="The noise scale is about εN/B.",
        kind="asymptotic",
        verdict="holds to O(B/N)",
    ),
    Claim(
        id="C80",
        check="test_f_is_the_fisher_information_where_the_labels_come_from_the_model_at_those_weights",
        where="§5, F(w)",
        statement="The covariance F of gradients is the Fisher information, so that noise knows the curvature.",
        kind="statistical",
        verdict="holds under labels that the model draws at these very weights",
        assumptions=("logistic regression", "a reading of F that the paper does not spell out"),
    ),
)

FIGURES: tuple[Figure, ...] = ()
