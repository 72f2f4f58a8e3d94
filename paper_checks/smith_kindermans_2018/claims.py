"""The claims of Smith, Kindermans, Ying & Le (2018): a growing batch in place of a decaying learning rate."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SKYL01",
        check="test_growing_the_batch_is_as_good_as_decaying_the_learning_rate",
        where="Abstract",
        whose="paper",
        statement="A batch k times as large does, epoch by epoch, what a learning rate divided by k does.",
        kind="asymptotic",
        verdict="holds to O(ηA + kB/N)",
        assumptions=("quadratic loss with constant noise", "compared after as many epochs"),
    ),
    Claim(
        id="SKYL02",
        check="test_momentum_and_batch_may_grow_together_at_the_same_noise",
        where="Abstract",
        whose="paper",
        statement="With B ∝ 1/(1 − m) momentum can be raised at the same noise scale, and so the same spread.",
        kind="asymptotic",
        verdict="holds to O(ηA)",
        assumptions=("quadratic loss with constant noise", "B ≪ N, or draws with replacement", "in equilibrium"),
    ),
    Claim(
        id="SKYL03",
        check="test_accumulator_takes_b_over_n_times_one_minus_m_epochs_to_fill",
        where="§4, momentum",
        whose="paper",
        statement="A larger momentum costs progress: its accumulator takes about B/(N(1 − m)) epochs to fill.",
        kind="asymptotic",
        verdict="holds to O(1 − m)",
        assumptions=("a gradient that changes little meanwhile", "the accumulator begins empty"),
    ),
)

PAPER = Paper(
    name="Smith, Kindermans, Ying & Le (2018)",
    reference="Don't Decay the Learning Rate, Increase the Batch Size, ICLR, arXiv:1711.00489",
    claims=_CLAIMS,
)
