"""The claims of Smith, Dherin, Barrett & De (2021): which loss SGD with random reshuffling descends on average."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SDBD01",
        check="test_mean_path_of_an_epoch_follows_the_modified_loss_to_third_order",
        where="§2, modified loss",
        whose="paper",
        statement="The mean over shuffles of an epoch follows the flow of C + (ε/4m)Σ|∇C_k|², up to O(m³ε³).",
        kind="asymptotic",
        verdict="holds to O(ε³)",
        assumptions=("smooth losses", "all orders of the batches are equally likely"),
    ),
    Claim(
        id="SDBD02",
        check="test_mean_penalty_over_batches_adds_the_disagreement_of_examples",
        where="§2, batch size",
        whose="paper",
        statement="Over the ways to form batches the penalty is (ε/4)(|∇C|² + (N − B)/(N − 1) Γ/B), Γ the spread.",
        kind="identity",
        verdict="holds",
        assumptions=("Γ = (1/N)Σ|∇C_i − ∇C|²",),
    ),
    Claim(
        id="SDBD03",
        check="test_independent_batches_have_the_same_penalty",
        where="§2, modified loss, without shuffling",
        whose="reading",
        statement="SGD with independent batches descends the same modified loss.",
        kind="asymptotic",
        verdict="fails here",
        assumptions=("the paper treats shuffling alone: this is what a reader may expect, not what is written",),
    ),
)

PAPER = Paper(
    name="Smith, Dherin, Barrett & De (2021)",
    reference="On the Origin of Implicit Regularization in Stochastic Gradient Descent, ICLR, arXiv:2101.12176",
    claims=_CLAIMS,
)
