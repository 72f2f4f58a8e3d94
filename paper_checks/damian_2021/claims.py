"""The claims of Damian, Ma & Lee (2021): what noisy labels add to the loss."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = ("the product of two weights and one example", "labels with fresh noise at each step", "small noise")
_ABSTRACT = "the abstract of arXiv:2106.06530"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="DML01",
        check="test_large_rates_penalize_large_eigenvalues_by_more_than_the_trace",
        where="§1, eq. 1",
        whose="paper",
        statement="SGD with noisy labels follows L + λR with R = −(1/2η)Tr ln(1 − (η/2)H): at large rates not Tr H/4.",
        kind="asymptotic",
        verdict="holds to O(σ²)",
        assumptions=_SETTING,
        read_in=_ABSTRACT,
    ),
    Claim(
        id="DML02",
        check="test_strength_of_the_regularizer_is_rate_times_variance_over_batch_size",
        where="§1, eq. 1",
        whose="paper",
        statement="The strength of the regularizer is λ = ησ²/B.",
        kind="asymptotic",
        verdict="holds to O(σ²)",
        assumptions=_SETTING,
        read_in=_ABSTRACT,
    ),
)

PAPER = Paper(
    name="Damian, Ma & Lee (2021)",
    reference="Label Noise SGD Provably Prefers Flat Global Minimizers, NeurIPS, arXiv:2106.06530",
    claims=CLAIMS,
)
