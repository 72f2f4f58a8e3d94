"""The claims of Liu, Ziyin & Ueda (2021): the spread of SGD at a learning rate that is not small."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="LZU01",
        check="test_spread_at_any_learning_rate_solves_the_discrete_equation",
        where="§4, covariance of SGD",
        whose="paper",
        statement="SGD on a parabola has the covariance Σ with ΣK + KΣ − λKΣK = λC, at any stable learning rate λ.",
        kind="statistical",
        verdict="holds",
        assumptions=("noise of covariance C that does not depend on the weights",),
    ),
    Claim(
        id="LZU02",
        check="test_noise_like_the_hessian_spreads_more_along_sharp_directions",
        where="§4, covariance of SGD",
        whose="paper",
        statement="If C = K the covariance is λ(2 − λK)⁻¹: wider along sharp directions, not isotropic.",
        kind="identity",
        verdict="holds",
        assumptions=("noise of covariance C that does not depend on the weights",),
    ),
    Claim(
        id="LZU03",
        check="test_heavy_ball_spreads_by_a_factor_that_is_not_one_over_one_minus_mu_alone",
        where="§4, momentum",
        whose="paper",
        statement="With momentum μ the variance is λC(1 + μ)/((1 − μ)k(2(1 + μ) − λk)).",
        kind="statistical",
        verdict="holds",
        assumptions=("C and K commute", "undamped heavy ball"),
    ),
    Claim(
        id="LZU04",
        check="test_heavy_ball_is_stable_up_to_two_times_one_plus_mu_over_the_curvature",
        where="§4, momentum",
        whose="paper",
        statement="SGD with momentum μ is stable if, and only if, λk < 2(1 + μ).",
        kind="identity",
        verdict="holds",
        assumptions=("noise that does not depend on the weights", "undamped heavy ball"),
    ),
)

PAPER = Paper(
    name="Liu, Ziyin & Ueda (2021)",
    reference="Noise and Fluctuation of Finite Learning Rate Stochastic Gradient Descent, ICML, arXiv:2012.03636",
    claims=_CLAIMS,
)
