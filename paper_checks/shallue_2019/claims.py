"""The claims of Shallue et al. (2019): how many steps a larger batch saves."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = (
    "the noisy quadratic model in place of a network: twenty curvatures over two decades",
    "a constant learning rate, the best for each batch size",
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SHA01",
        check="test_steps_to_a_target_scale_perfectly_then_less_and_then_not_at_all",
        where="§4.1, on the three regimes",
        whose="paper",
        statement="Steps to a target fall as 1/B at first, then by less, and from some batch size on no more.",
        kind="asymptotic",
        verdict="holds",
        assumptions=_SETTING,
    ),
    Claim(
        id="SHA02",
        check="test_noise_of_the_data_shifts_the_curve_and_its_shape_stays",
        where="Abstract",
        whose="paper",
        statement="How steps depend on batch size differs by orders of magnitude between workloads.",
        kind="identity",
        verdict="holds",
        assumptions=(*_SETTING, "workloads that differ by the variance of their gradients"),
        read_in="the abstract, jmlr.org/papers/v20/18-789",
    ),
    Claim(
        id="SHA03",
        check="test_best_rate_follows_neither_the_linear_nor_the_square_root_rule",
        where="§4.7, on scaling rules",
        whose="paper",
        statement="No rule, linear or square root, tells the best learning rate at all batch sizes.",
        kind="asymptotic",
        verdict="holds",
        assumptions=_SETTING,
    ),
)

PAPER = Paper(
    name="Shallue et al. (2019)",
    reference="Measuring the Effects of Data Parallelism on Neural Network Training, JMLR 20(112), arXiv:1811.03600",
    claims=CLAIMS,
)
