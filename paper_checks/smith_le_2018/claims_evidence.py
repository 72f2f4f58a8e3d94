"""Sections 1 and 2 and appendix A: the evidence, and Langevin dynamics that samples it."""

from __future__ import annotations

from ..claims import Claim, Figure

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C10",
        check="test_posterior_is_the_exponential_of_minus_the_summed_cost_with_the_prior_as_its_l2_term",
        where="§2, eq. 1",
        statement="The posterior is proportional to e^{−C} with C the summed cross-entropy plus λw²/2.",
        kind="identity",
        verdict="holds",
        assumptions=("logistic regression with one weight and eight examples",),
    ),
    Claim(
        id="C11",
        check="test_prediction_at_the_minimum_is_that_of_the_posterior_up_to_one_over_n",
        where="§2, eqs. 2 and 3",
        statement="A prediction averaged over the posterior is nearly that at the minimum of the cost.",
        kind="asymptotic",
        verdict="holds to O(1/N)",
        assumptions=("one weight", "the same examples over and over"),
    ),
    Claim(
        id="C12",
        check="test_prediction_at_the_minimum_is_overconfident_where_the_data_are_separable",
        where="§2, eqs. 2 and 3",
        statement="The prediction at the minimum stands for the average even where the data are separable.",
        kind="identity",
        verdict="fails here",
        assumptions=("logistic regression with two weights and two examples", "weak prior"),
    ),
    Claim(
        id="C13",
        check="test_ratio_of_evidences_is_the_ratio_of_the_probabilities_of_two_models",
        where="§2, eq. 4",
        statement="At equal prior odds two models are as probable as their evidences say.",
        kind="statistical",
        verdict="holds",
        assumptions=("linear models with Gaussian noise",),
    ),
    Claim(
        id="C04",
        check="test_log_evidence_of_a_gaussian_model_is_minus_cost_minus_half_the_log_curvature_ratios",
        where="§2, eqs. 8 and 9",
        statement="The log evidence is −(C(w₀) + ½ Σ ln(λᵢ/λ)): the depth of the minimum and its breadth.",
        kind="identity",
        verdict="holds under a Gaussian likelihood",
        assumptions=("λᵢ are the eigenvalues of the Hessian of C, the prior's λ included",),
    ),
    Claim(
        id="C05",
        check="test_evidence_is_invariant_under_linear_reparameterization_and_curvature_is_not",
        where="§2, eqs. 5 and 6",
        statement="The evidence does not depend on the parameterization, whereas curvature does.",
        kind="identity",
        verdict="holds under a prior that is carried along",
        assumptions=("linear maps of the weights of a linear model", "the prior's density takes the Jacobian along"),
    ),
    Claim(
        id="C07",
        check="test_occam_factor_penalizes_sharp_minima_of_equal_cost",
        where="§2, eq. 7",
        statement="Of two minima of equal cost the sharper has the smaller evidence, by the factor √(C″/λ).",
        kind="identity",
        verdict="holds under a quadratic cost",
        assumptions=("one weight",),
    ),
    Claim(
        id="C06",
        check="test_langevin_dynamics_at_temperature_one_occupies_minima_by_their_evidence",
        where="Appendix A",
        statement="Langevin dynamics at temperature 1 occupies each minimum in proportion to its evidence.",
        kind="statistical",
        verdict="holds under isotropic noise",
        assumptions=("noise independent of w and equal in all directions, unlike that of SGD", "basins well apart"),
    ),
)

FIGURES: tuple[Figure, ...] = ()
