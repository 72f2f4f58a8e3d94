"""The claims of Yaida (2018): what holds in every stationary state of SGD, without any equation for it."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Y01",
        check="test_pull_on_the_weights_balances_the_squared_minibatch_gradient",
        where="§2, FDR1",
        whose="paper",
        statement="In a stationary state ⟨θ·∇L⟩ = (η/2)⟨|∇L_B|²⟩ at any learning rate, for any loss and any noise.",
        kind="statistical",
        verdict="holds",
        assumptions=("the law is stationary and has second moments", "batches are drawn independently of the weights"),
    ),
    Claim(
        id="Y02",
        check="test_squared_gradient_is_half_of_eta_times_the_trace_of_hessian_and_gradient_moments",
        where="§2, FDR2",
        whose="paper",
        statement="In a stationary state ⟨|∇L|²⟩ = (η/2)⟨Tr H C̃⟩, where C̃ = ⟨∇L_B ∇L_Bᵀ⟩ holds signal and noise.",
        kind="identity",
        verdict="holds under a quadratic loss",
        assumptions=("the noise may depend on the weights", "for other losses the paper adds O(η²)"),
    ),
    Claim(
        id="Y03",
        check="test_relation_with_momentum_holds_for_the_velocity",
        where="Appendix, momentum",
        whose="paper",
        statement="With heavy-ball momentum μ the relation becomes ⟨θ·∇L⟩ = ((1 + μ)/2η)⟨|v|²⟩.",
        kind="identity",
        verdict="holds",
        assumptions=("undamped heavy ball: v ← μv − η∇L_B, θ ← θ + v", "measured on least squares"),
    ),
    Claim(
        id="Y04",
        check="test_two_sides_differ_until_sgd_is_stationary",
        where="§3, learning-rate schedule",
        whose="paper",
        statement="The two sides are equal only in the stationary state, and so tell when it is reached.",
        kind="statistical",
        verdict="holds",
        assumptions=("logistic regression from a distant start",),
    ),
)

PAPER = Paper(
    name="Yaida (2018)",
    reference="Fluctuation-dissipation relations for stochastic gradient descent, ICLR 2019, arXiv:1810.00004",
    claims=_CLAIMS,
)
