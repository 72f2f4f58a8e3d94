"""The claims of Jastrzębski et al. (2017): learning rate, batch size and gradient covariance choose the minimum."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="JKA01",
        check="test_mean_loss_in_equilibrium_is_eta_over_4s_times_the_trace_of_the_hessian",
        where="§2, loss and width",
        whose="paper",
        statement="If the gradient covariance is the Hessian, SGD's mean loss above the minimum is (η/4S) Tr H.",
        kind="asymptotic",
        verdict="holds to O(ηH)",
        assumptions=("quadratic loss, C = H", "batches are drawn with replacement, or S ≪ N"),
    ),
    Claim(
        id="JKA02",
        check="test_same_ratio_of_learning_rate_to_batch_size_gives_the_same_law",
        where="§2, one equation",
        whose="paper",
        statement="SGD with (kη, kS) is another discretization of the same equation, and has the same law.",
        kind="asymptotic",
        verdict="holds to O(kηH)",
        assumptions=("compared after as many epochs", "batches are drawn with replacement, or kS ≪ N"),
    ),
    Claim(
        id="JKA03",
        check="test_odds_of_two_minima_follow_from_depth_width_and_eta_over_s",
        where="§2, odds of minima",
        whose="paper",
        statement="Minima A and B have odds √(det H_B/det H_A) exp((2S/ησ²)(L_B − L_A)), for isotropic noise σ²I.",
        kind="asymptotic",
        verdict="holds to O(ησ²/S)",
        assumptions=("noise of covariance σ²I everywhere", "equilibrium between the basins"),
    ),
    Claim(
        id="JKA04",
        check="test_odds_depend_on_the_widths_whatever_the_noise_is_like",
        where="§2, odds of minima, beyond isotropic noise",
        whose="reading",
        statement="Equally deep minima have the odds of their widths at any η/S, also if noise grows with curvature.",
        kind="identity",
        verdict="fails here",
        assumptions=(
            "the theorem is stated for isotropic noise: this is what a reader may expect, not what is written",
            "noise in proportion to the curvature of each basin, as for C = H",
        ),
    ),
)

PAPER = Paper(
    name="Jastrzębski et al. (2017)",
    reference="Three Factors Influencing Minima in SGD, arXiv:1711.04623",
    claims=_CLAIMS,
)
