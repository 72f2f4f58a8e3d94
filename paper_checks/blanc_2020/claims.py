"""The claims of Blanc, Gupta, Valiant & Valiant (2020): noisy labels move SGD along the minima."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = ("the product of two weights and one example", "labels with fresh noise at each step")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="BGV01",
        check="test_noise_of_labels_moves_the_mean_towards_smaller_gradients_of_the_model",
        where="§1, on the implicit regularizer",
        whose="paper",
        statement="At a minimum without error, noise of labels acts as a cost in proportion to Σ|∇f|².",
        kind="asymptotic",
        verdict="holds to O(ε)",
        assumptions=_SETTING,
        read_in="the abstract of arXiv:1904.09080",
    ),
    Claim(
        id="BGV02",
        check="test_sgd_with_noisy_labels_stays_only_where_the_regularizer_is_stationary",
        where="§1, on stable minima",
        whose="paper",
        statement="SGD with noisy labels stays at a minimum only where Σ|∇f|² is stationary along the minima.",
        kind="statistical",
        verdict="holds",
        assumptions=_SETTING,
        read_in="a summary of the paper, sciencestack.ai",
    ),
)

PAPER = Paper(
    name="Blanc et al. (2020)",
    reference="Implicit Regularization for Deep Neural Networks Driven by an Ornstein–Uhlenbeck Like Process, COLT, "
    "arXiv:1904.09080",
    claims=CLAIMS,
)
