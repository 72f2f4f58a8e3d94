"""The claims of Hoffer, Hubara & Soudry (2017): the square-root rule, and steps rather than epochs."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = "quadratic loss, noise that does not depend on the weights, examples drawn independently"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="HHS01",
        check="test_learning_rate_by_the_root_of_batch_size_keeps_the_covariance_of_a_step",
        where="§4, eq. 7",
        whose="paper",
        statement="A learning rate in proportion to √B keeps the covariance of one step.",
        kind="statistical",
        verdict="holds under independent examples in a batch",
        assumptions=("logistic regression on coarse images of MNIST 0/1 at w = 0",),
    ),
    Claim(
        id="HHS02",
        check="test_learning_rate_by_the_root_of_batch_size_keeps_the_law_of_sgd",
        where="§4, the square-root rule",
        whose="paper",
        statement="A learning rate in proportion to √B makes large batches behave as small ones.",
        kind="statistical",
        verdict="fails here",
        assumptions=(_SETTING, "judged by the stationary variance, which the linear rule keeps"),
    ),
)

PAPER = Paper(
    name="Hoffer et al. (2017)",
    reference="Train longer, generalize better: closing the generalization gap in large batch training of neural "
    "networks, NeurIPS 2017, arXiv:1705.08741",
    claims=CLAIMS,
)
