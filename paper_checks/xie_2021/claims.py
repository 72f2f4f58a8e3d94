"""The claims of Xie, Sato & Sugiyama (2021): SGD leaves sharp minima exponentially faster."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_NOISE = "one weight; noise θ(1 + κ²x²)κ², which is θ = η/2B times the curvature at minimum and saddle"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="XSS01",
        check="test_log_escape_time_is_linear_in_batch_size_over_learning_rate",
        where="§3, theorem 3.2",
        whose="paper",
        statement="The logarithm of the escape time is 2ΔL(s/H_a + (1 − s)/|H_b|) times B/η, plus a constant.",
        kind="asymptotic",
        verdict="holds to O(η/B)",
        assumptions=(_NOISE,),
    ),
    Claim(
        id="XSS02",
        check="test_exponent_falls_with_curvature_for_noise_like_the_hessian_and_not_for_isotropic_noise",
        where="§3, theorems 3.1 and 3.2",
        whose="paper",
        statement="SGD leaves sharp minima exponentially sooner, Langevin dynamics by a power of the curvature.",
        kind="asymptotic",
        verdict="holds",
        assumptions=(_NOISE,),
    ),
    Claim(
        id="XSS03",
        check="test_prefactor_of_the_escape_time_is_two_pi_over_the_curvature_of_the_saddle",
        where="§3, theorem 3.2, its prefactor",
        whose="paper",
        statement="The escape time has the prefactor 2π/|H_b|.",
        kind="asymptotic",
        verdict="fails here",
        assumptions=(_NOISE, "Itô's equation, to which SGD tends"),
        details=(Detail("the prefactor 2π/|H_b|"),),
    ),
    Claim(
        id="XSS04",
        check="test_gradient_noise_has_the_covariance_of_the_hessian_at_a_minimum",
        where="§3, eq. 4",
        whose="paper",
        statement="Near a minimum the covariance of gradients is the Hessian, so that D = ηH/2B.",
        kind="statistical",
        verdict="holds under labels drawn from the model",
        assumptions=("logistic regression with three normal inputs",),
    ),
    Claim(
        id="XSS05",
        check="test_share_s_of_the_barrier_is_between_zero_and_one_for_noise_equal_to_the_hessian",
        where="§3, theorem 3.2, its share s",
        whose="paper",
        statement="With D = η|H|/2B all along the path the exponent is that of a share s between 0 and 1.",
        kind="identity",
        verdict="fails here",
        assumptions=("one weight in the quartic double well",),
        details=(Detail("0 < s < 1"),),
    ),
)

PAPER = Paper(
    name="Xie et al. (2021)",
    reference="A Diffusion Theory For Deep Learning Dynamics, ICLR 2021, arXiv:2002.03495",
    claims=CLAIMS,
)
