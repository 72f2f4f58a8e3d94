"""The claims of Zhang et al. (2019): what momentum and preconditioning do at which batch size."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_SETTING = ("twenty curvatures over two decades, variances in proportion to them", "the best constant rate for each")
_REVIEW = "a review of the paper, liner.com"
_ABSTRACT = "the abstract of arXiv:1907.04164"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="ZLN01",
        check="test_best_rate_rises_with_the_batch_up_to_the_critical_size",
        where="§3, noisy quadratic model",
        whose="paper",
        statement="The best learning rate rises linearly with batch size up to about the critical one.",
        kind="asymptotic",
        verdict="holds to O(B)",
        assumptions=_SETTING,
        read_in=_REVIEW,
    ),
    Claim(
        id="ZLN02",
        check="test_momentum_saves_steps_at_large_batches_only",
        where="§3, on momentum",
        whose="paper",
        statement="Momentum saves nothing at small batch sizes, and much at large ones.",
        kind="asymptotic",
        verdict="holds",
        assumptions=(*_SETTING, "undamped heavy ball", "much: more than half of the steps"),
        read_in="a summary of the paper, sciencestack.ai",
    ),
    Claim(
        id="ZLN03",
        check="test_momentum_extends_the_range_of_perfect_scaling",
        where="§3, on momentum",
        whose="paper",
        statement="Momentum extends the range of batch sizes that scale almost perfectly.",
        kind="asymptotic",
        verdict="holds",
        assumptions=(*_SETTING, "undamped heavy ball"),
    ),
    Claim(
        id="ZLN04",
        check="test_preconditioning_makes_the_critical_size_larger",
        where="Abstract",
        whose="paper",
        statement="Preconditioning gives larger critical batch sizes than SGD with momentum has.",
        kind="asymptotic",
        verdict="holds under the paper's curvatures 1/i; not with twenty over two decades",
        assumptions=(
            "preconditioned by the root of the curvature, with momentum too",
            "critical: E_min/S_min, with the best constant rate for each batch size",
        ),
        read_in=_ABSTRACT,
        details=(Detail("hᵢ = σᵢ² = 1/i, i up to 10⁴, E wᵢ² = 1 at the start, target 0.01"),),
    ),
)

PAPER = Paper(
    name="Zhang et al. (2019)",
    reference="Which Algorithmic Choices Matter at Which Batch Sizes?, NeurIPS, arXiv:1907.04164",
    claims=CLAIMS,
)
