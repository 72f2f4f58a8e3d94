"""The claims of Wu, Ma & E (2018): which minima SGD can stay in."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_INTERPOLATION = "all examples are fitted at the minimum, and quadratic around it"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="WME01",
        check="test_one_weight_is_stable_by_sharpness_and_non_uniformity",
        where="§2.2, eq. 7",
        whose="paper",
        statement="SGD is stable where (1 − ηa)² + η²s²(n − B)/(B(n − 1)) ≤ 1, of curvatures of mean a and spread s.",
        kind="identity",
        verdict="holds",
        assumptions=(_INTERPOLATION, "one weight", "stable in mean square", "batches without replacement"),
    ),
    Claim(
        id="WME02",
        check="test_largest_eigenvalue_is_a_sufficient_condition",
        where="§2.2, theorem 1",
        whose="paper",
        statement="In many directions it is enough that no eigenvalue of (I − ηH)² + η²Σ(n − B)/(B(n − 1)) exceeds 1.",
        kind="identity",
        verdict="holds",
        assumptions=(_INTERPOLATION, "Σ: the covariance of the examples' Hessians", "stable in mean square"),
    ),
    Claim(
        id="WME03",
        check="test_sgd_leaves_the_less_uniform_of_two_equally_sharp_minima",
        where="§1, on the two minima",
        whose="paper",
        statement="Of two equally sharp minima, in both of which gradient descent stays, SGD leaves the less uniform.",
        kind="statistical",
        verdict="holds",
        assumptions=("a start very near the minimum",),
        details=(Detail("f₁ = min(x², 0.1(x − 1)²), f₂ = min(x², 1.9(x − 1)²), η = 0.7, batches of one"),),
    ),
)

PAPER = Paper(
    name="Wu, Ma & E (2018)",
    reference="How SGD Selects the Global Minima in Over-parameterized Learning, NeurIPS",
    claims=CLAIMS,
)
