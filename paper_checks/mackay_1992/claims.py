"""The claims of MacKay (1992): the evidence of linear models, on which Smith & Le build."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="MAC01",
        check="test_log_evidence_is_best_fit_plus_occam_factor",
        where="§3, on the evidence of α and β",
        whose="paper",
        statement="The evidence is the best-fit likelihood times an Occam factor, exactly so for Gaussian models.",
        kind="identity",
        verdict="holds",
    ),
    Claim(
        id="MAC02",
        check="test_at_the_maximum_each_well_determined_parameter_takes_one_unit_of_the_penalty",
        where="§4, on well-determined parameters",
        whose="paper",
        statement="Where the evidence is largest α|w|² = γ and β|r|² = N − γ, γ counting well-determined parameters.",
        kind="identity",
        verdict="holds",
        assumptions=("the maximum is inside the range of both",),
    ),
    Claim(
        id="MAC03",
        check="test_evidence_penalizes_a_model_with_more_parameters_than_the_data_need",
        where="§2, on Occam's razor",
        whose="paper",
        statement="The evidence falls where parameters are added that the data do not need, though the fit improves.",
        kind="empirical",
        verdict="holds",
        assumptions=("averaged over 20 draws of 60 values of a cubic with noise, Legendre polynomials",),
    ),
    Claim(
        id="MAC04",
        check="test_evidence_ranks_models_as_their_test_scores_do",
        where="§6, on evidence and generalization",
        whose="paper",
        statement="Of models whose prior and noise are set by the evidence, those of higher evidence predict better.",
        kind="empirical",
        verdict="holds under four pairs of digits of five",
        assumptions=("linear models of labels ±1 of MNIST from 1 to 49 pixels", "it fails for sixes and sevens"),
    ),
)

PAPER = Paper(
    name="MacKay (1992)",
    reference="Bayesian Interpolation, Neural Computation 4, 415",
    claims=CLAIMS,
)
