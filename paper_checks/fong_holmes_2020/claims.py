"""The claims of Fong & Holmes (2020): the evidence is cross-validation, averaged over all sizes of what is left out."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="FH01",
        check="test_log_evidence_is_the_sum_of_the_leave_p_out_log_scores_for_all_p",
        where="§2, proposition 2",
        whose="paper",
        statement="The log evidence is the sum over p = 1 … n of the leave-p-out scores of cross-validation.",
        kind="identity",
        verdict="holds",
        assumptions=("linear model with Gaussian prior and noise, whose predictions are exact",),
    ),
    Claim(
        id="FH02",
        check="test_sum_of_scores_of_predictions_is_free_of_the_order_for_the_log_score_alone",
        where="§2, proposition 1",
        whose="paper",
        statement="The log score alone makes the total score of successive predictions independent of their order.",
        kind="identity",
        verdict="holds",
        assumptions=("of the other scores the squared error and the absolute error are tried",),
    ),
    Claim(
        id="FH03",
        check="test_a_vague_prior_sinks_only_the_scores_of_training_sets_smaller_than_the_number_of_weights",
        where="§3, on sensitivity to the prior",
        whose="paper",
        statement="A vague prior ruins the evidence through the scores of small training sets alone.",
        kind="asymptotic",
        verdict="holds",
        assumptions=("linear model", "n − p examples determine as many directions"),
    ),
    Claim(
        id="FH04",
        check="test_scores_from_random_orders_have_the_mean_of_all_subsets",
        where="§3, on computing the scores",
        whose="paper",
        statement="The scores of random splits estimate those of all splits without bias.",
        kind="statistical",
        verdict="holds",
    ),
)

PAPER = Paper(
    name="Fong & Holmes (2020)",
    reference="On the marginal likelihood and cross-validation, Biometrika 107, 489, arXiv:1905.08737",
    claims=CLAIMS,
)
