"""The claims of Lotfi, Izmailov, Benton, Goldblum & Wilson (2022): the evidence is not generalization."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_DATA = "linear model of labels ±1 of MNIST 0/1, noise variance 0.1"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="LIW01",
        check="test_log_evidence_falls_by_half_the_number_of_weights_per_log_precision_while_predictions_stay",
        where="§4, on the prior's width",
        whose="paper",
        statement="A wider prior lowers the evidence without end while what the model predicts no longer changes.",
        kind="asymptotic",
        verdict="holds",
        assumptions=(_DATA,),
    ),
    Claim(
        id="LIW02",
        check="test_conditional_evidence_is_the_part_of_the_sum_of_predictions_that_comes_after_the_first_examples",
        where="§5, eq. 4",
        whose="paper",
        statement="The conditional evidence, ln P(D) − ln P(D_<m), leaves out the predictions of the first m examples.",
        kind="identity",
        verdict="holds",
        assumptions=(_DATA,),
    ),
    Claim(
        id="LIW03",
        check="test_evidence_prefers_the_model_that_predicts_worse",
        where="§4, on model selection",
        whose="paper",
        statement="The evidence can prefer the model that generalizes worse, where its conditional part does not.",
        kind="empirical",
        verdict="holds under zeros and ones",
        assumptions=(
            _DATA,
            "the better model has the wider prior",
            "the two models were found on these digits: on 2/3, 4/5, 6/7 and 8/9 they are no example",
        ),
    ),
    Claim(
        id="LIW04",
        check="test_conditional_evidence_ranks_models_more_as_test_scores_do",
        where="§6",
        whose="paper",
        statement="Over many models the conditional evidence agrees with the test score better than the evidence does.",
        kind="empirical",
        verdict="holds",
        assumptions=(
            _DATA,
            "so do four other pairs of digits",
            "1 to 32 pixels and eleven decades of prior precision, ranks",
        ),
    ),
    Claim(
        id="LIW05",
        check="test_other_digits_do_not_say_whether_the_prior_of_the_highest_evidence_costs_predictions",
        where="§4, on learning hyperparameters",
        whose="paper",
        statement="The prior of the highest evidence need not be that of the best predictions.",
        kind="empirical",
        verdict="open",
        assumptions=(
            "linear model of labels ±1, sixteen pixels, noise variance 0.1",
            "on zeros and ones, where sixteen pixels were chosen for their loss, it is 0.07 nats ± 0.02",
        ),
        needs="18,000 test images: on the 400 of 2/3, 4/5, 6/7 and 8/9 the loss is 0.006 nats ± 0.010",
    ),
    Claim(
        id="LIW06",
        check="test_with_one_wide_prior_for_all_sizes_the_evidence_falls_as_test_scores_rise",
        where="§6, on architectures",
        whose="paper",
        statement="Over architectures the evidence can be negatively correlated with generalization.",
        kind="empirical",
        verdict="holds under one prior for all sizes, much wider than the weights",
        assumptions=(
            "linear model of labels ±1 of five pairs of digits, noise variance 0.1; an architecture is a number of "
            "pixels, from 1 to 24; mean over pairs",
            "λ = 1e-80: each weight costs half of ln 1/λ; on five other pairs it is positive at 1e-8, and at 1e-40 "
            "negative on four: of sixes and sevens two pixels say most, and there is nothing to rank",
        ),
        read_in="the abstract, arXiv:2202.11678",
        details=(
            Detail("networks on CIFAR-10 and CIFAR-100", "the readme of the paper's code"),
            Detail("one prior precision for all sizes; with each size's best one the correlation is positive"),
        ),
    ),
)

PAPER = Paper(
    name="Lotfi et al. (2022)",
    reference="Bayesian Model Selection, the Marginal Likelihood, and Generalization, ICML 2022, arXiv:2202.11678",
    claims=CLAIMS,
)
