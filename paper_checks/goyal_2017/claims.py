"""The claims of Goyal et al. (2017): the linear rule."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = "quadratic loss, noise that does not depend on the weights, examples drawn independently"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="GDG01",
        check="test_one_step_with_k_times_batch_size_and_learning_rate_does_what_k_steps_do",
        where="§2.1, eqs. 3 and 4",
        whose="paper",
        statement="One step at kη and kB does what k steps at η and B do, if gradients change little on the way.",
        kind="asymptotic",
        verdict="holds to O(η)",
        assumptions=(_SETTING, "judged by mean and variance at equal epochs"),
    ),
    Claim(
        id="GDG02",
        check="test_linear_rule_keeps_the_stationary_variance_of_sgd",
        where="§2.1, the linear rule",
        whose="paper",
        statement="With k times the batch size k times the learning rate leads to the same result.",
        kind="statistical",
        verdict="holds to O(η)",
        assumptions=(_SETTING, "judged by the stationary variance"),
    ),
)

PAPER = Paper(
    name="Goyal et al. (2017)",
    reference="Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, arXiv:1706.02677",
    claims=CLAIMS,
)
