"""The claims of Mori, Ziyin, Liu & Ueda (2022): noise in proportion to the loss makes power laws."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_NOISE = "one weight, Itô's equation with the noise ηhL/B, L including its least value"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="MZLU01",
        check="test_covariance_of_gradients_of_least_squares_is_twice_the_loss_times_the_hessian",
        where="§3, on the noise of the squared loss",
        whose="paper",
        statement="The covariance of the gradients of least squares is 2L(w)H, in proportion to the loss.",
        kind="statistical",
        verdict="holds under weights at the minimum",
        assumptions=("three normal inputs, noise of the labels that does not depend on them",),
    ),
    Claim(
        id="MZLU02",
        check="test_stationary_density_is_a_power_of_the_loss",
        where="§4, on the stationary distribution",
        whose="paper",
        statement="The stationary density is L to the power −φ, with φ = 1 + B/(ηh).",
        kind="identity",
        verdict="holds",
        assumptions=(_NOISE, "parabola"),
    ),
    Claim(
        id="MZLU03",
        check="test_sgd_on_least_squares_has_the_tail_of_that_power_law",
        where="§4, on the tail of SGD",
        whose="paper",
        statement="SGD on least squares has the tail exponent 2φ − 1 = 1 + 2B/(ηh), and a variance if η < 2B/h.",
        kind="statistical",
        verdict="fails here",
        assumptions=("one normal input, where the gradient noise away from the minimum is twice 2LH",),
        details=(Detail("the exponent 1 + 2B/(ηh)"),),
    ),
    Claim(
        id="MZLU04",
        check="test_escape_time_is_a_power_of_the_ratio_of_losses",
        where="§4, on the escape rate",
        whose="paper",
        statement="The escape rate is a power of L(saddle)/L(minimum), with the exponent −(B/(ηh) + 1 − n/2).",
        kind="asymptotic",
        verdict="holds to O(L(minimum)/L(saddle))",
        assumptions=(_NOISE, "n = 1", "the shape of the barrier and its curvatures stay, its height grows"),
        details=(Detail("the exponent −(B/(ηh) + 1 − n/2)"),),
    ),
    Claim(
        id="MZLU05",
        check="test_without_loss_at_the_minimum_there_is_no_stationary_density",
        where="§4, on interpolation",
        whose="paper",
        statement="If the least loss is zero there is no stationary density: SGD collapses onto the minimum.",
        kind="identity",
        verdict="holds",
        assumptions=(_NOISE, "parabola"),
    ),
)

PAPER = Paper(
    name="Mori et al. (2022)",
    reference="Power-Law Escape Rate of SGD, ICML 2022, arXiv:2105.09557",
    claims=CLAIMS,
)
