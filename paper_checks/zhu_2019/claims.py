"""The claims of Zhu, Wu, Yu, Wu & Ma (2019): noise along steep directions escapes sooner."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = "quadratic loss, start at its minimum, noise that does not depend on the weights"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="ZWYWM01",
        check="test_mean_loss_grows_as_a_quarter_of_the_trace_of_one_less_exp_times_the_noise",
        where="§3, proposition 1",
        whose="paper",
        statement="The mean loss at time t is ¼Tr((I − e^{−2Ht})Σ) above that of the minimum.",
        kind="statistical",
        verdict="holds",
        assumptions=(_SETTING,),
    ),
    Claim(
        id="ZWYWM02",
        check="test_trace_of_hessian_times_noise_is_the_rate_of_escape_at_first",
        where="§3, on the escape indicator",
        whose="paper",
        statement="At small t this is ½tTr(HΣ), the indicator of how well a noise escapes.",
        kind="asymptotic",
        verdict="holds to O(t²)",
        assumptions=(_SETTING,),
    ),
    Claim(
        id="ZWYWM03",
        check="test_noise_like_the_hessian_raises_the_loss_more_than_isotropic_noise_of_the_same_trace",
        where="§3, proposition 2",
        whose="paper",
        statement="Noise aligned with the Hessian has a larger indicator than isotropic noise of the same trace.",
        kind="identity",
        verdict="holds under short times",
        assumptions=(_SETTING, "at rest the mean loss depends on the trace alone"),
    ),
)

PAPER = Paper(
    name="Zhu et al. (2019)",
    reference="The Anisotropic Noise in Stochastic Gradient Descent: Its Behavior of Escaping from Sharp Minima and "
    "Regularization Effects, ICML 2019, arXiv:1803.00195",
    claims=CLAIMS,
)
