"""The claims of Malladi, Lyu, Panigrahi & Arora (2022): adaptive methods scale with the root of the batch size."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = (
    "one weight, quadratic loss, noise of the labels far above the gradient",
    "judged by the stationary variance",
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="MLPA01",
        check="test_rmsprop_keeps_its_law_by_the_square_root_rule",
        where="§5, definition 5.1",
        whose="paper",
        statement="RMSprop with κB keeps its law if η grows as √κ and 1 − β as κ.",
        kind="statistical",
        verdict="holds under gradient noise that dominates",
        assumptions=_SETTING,
    ),
    Claim(
        id="MLPA02",
        check="test_adam_keeps_its_law_by_the_square_root_rule",
        where="§5, definition 5.2",
        whose="paper",
        statement="Adam with κB keeps its law if η grows as √κ, and 1 − β₁ and 1 − β₂ as κ.",
        kind="statistical",
        verdict="holds under gradient noise that dominates",
        assumptions=_SETTING,
    ),
    Claim(
        id="MLPA03",
        check="test_linear_rule_of_sgd_makes_the_variance_of_rmsprop_grow_as_the_root_of_kappa",
        where="§5, on the linear rule",
        whose="paper",
        statement="The linear rule, which is right for SGD, changes the law of adaptive methods.",
        kind="statistical",
        verdict="holds",
        assumptions=_SETTING,
    ),
    Claim(
        id="MLPA04",
        check="test_square_root_rule_needs_gradient_noise_that_dominates",
        where="§4, on the regime of large noise",
        whose="reading",
        statement="The rule is one for gradients that are mostly noise; where they are mostly signal it fails.",
        kind="statistical",
        verdict="holds",
        assumptions=("one weight, quadratic loss, a start far from the minimum",),
    ),
    Claim(
        id="MLPA05",
        check="test_floor_must_fall_as_the_root_of_kappa",
        where="§5, definition 5.1",
        whose="paper",
        statement="The floor that is added to the root of the second moment must fall as 1/√κ.",
        kind="statistical",
        verdict="holds under gradient noise that dominates",
        assumptions=_SETTING,
    ),
    Claim(
        id="MLPA06",
        check="test_sde_of_rmsprop_is_a_weak_approximation_of_order_one",
        where="§4, theorem 4.2",
        whose="paper",
        statement="RMSprop's SDE gives expectations to first order in η², with noise σ and floor in proportion to 1/η.",
        kind="asymptotic",
        verdict="holds to O(η²)",
        assumptions=("one weight, quadratic loss, noise of two values", "1 − β in proportion to η²"),
    ),
)

PAPER = Paper(
    name="Malladi et al. (2022)",
    reference="On the SDEs and Scaling Rules for Adaptive Gradient Algorithms, NeurIPS 2022, arXiv:2205.10287",
    claims=CLAIMS,
)
