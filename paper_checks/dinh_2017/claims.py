"""The claims of Dinh, Pascanu, Bengio & Bengio (2017): what curvature does not say."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="D01",
        check="test_rescaling_two_layers_keeps_predictions_and_multiplies_curvature_by_alpha_squared",
        where="§4.2, theorem 4",
        whose="paper",
        statement="Weights α⁻¹W₁ and αW₂ of a rectified network predict the same, with a Hessian of any large norm.",
        kind="identity",
        verdict="holds",
    ),
    Claim(
        id="D02",
        check="test_region_of_low_loss_around_a_minimum_of_two_layers_has_infinite_volume",
        where="§4.1, theorem 2",
        whose="paper",
        statement="The region around a minimum of two layers in which the loss stays low has an infinite volume.",
        kind="identity",
        verdict="holds under no weight decay",
        assumptions=("two linear layers of one weight each",),
    ),
    Claim(
        id="D03",
        check="test_epsilon_sharpness_of_the_same_predictions_is_as_large_as_one_likes",
        where="§4.3, definition 3",
        whose="paper",
        statement="The rise of the loss within a ball around a minimum can be made large without another prediction.",
        kind="identity",
        verdict="holds",
        assumptions=("two linear layers of one weight each",),
    ),
    Claim(
        id="D04",
        check="test_other_coordinates_change_curvature_but_not_the_evidence_nor_curvature_relative_to_the_prior",
        where="§5.1, of model reparametrization",
        whose="paper",
        statement="How flat a minimum is depends on the coordinates, so that it cannot explain what a model predicts.",
        kind="identity",
        verdict="holds under flatness without the prior",
        assumptions=("two linear layers of one weight each", "Gaussian prior and noise"),
    ),
    Claim(
        id="D05",
        check="test_rescaled_minimum_is_a_minimum_of_the_cost_too",
        where="§3, definition 5",
        whose="paper",
        statement="The rescaled weights are a minimum of the training cost as deep as the one they come from.",
        kind="identity",
        verdict="holds under no weight decay",
        assumptions=("two linear layers of one weight each",),
    ),
)

PAPER = Paper(
    name="Dinh et al. (2017)",
    reference="Sharp Minima Can Generalize For Deep Nets, ICML 2017, arXiv:1703.04933",
    claims=CLAIMS,
)
