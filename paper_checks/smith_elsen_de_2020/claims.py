"""The claims of Smith, Elsen & De (2020): where noise limits training, and where curvature does."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_ABSTRACT = "the abstract of arXiv:2006.15081"
_SETTING = (
    "quadratic loss, twenty curvatures over two decades, noise that does not depend on the weights",
    "a constant learning rate",
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SED01",
        check="test_best_rate_is_proportional_to_a_small_batch_and_equal_epochs_give_equal_losses",
        where="§2, noise-dominated regime",
        whose="paper",
        statement="With equal epochs the best learning rate grows as a small batch, and the loss does not change.",
        kind="asymptotic",
        verdict="holds to O(ε)",
        assumptions=(*_SETTING, "judged by the training loss"),
    ),
    Claim(
        id="SED02",
        check="test_best_rate_is_nearly_constant_for_large_batches_and_the_loss_rises",
        where="§2, curvature-dominated regime",
        whose="paper",
        statement="Beyond a batch size the best learning rate stays, and after equal epochs the loss is larger.",
        kind="asymptotic",
        verdict="holds",
        assumptions=(*_SETTING, "judged by the training loss", "stays: within a factor of two, for 16 times the batch"),
    ),
    Claim(
        id="SED03",
        check="test_with_equal_steps_larger_batches_reach_smaller_training_losses",
        where="Abstract",
        whose="paper",
        statement="After equal numbers of steps large batches have smaller training losses.",
        kind="identity",
        verdict="holds",
        assumptions=_SETTING,
        read_in=_ABSTRACT,
    ),
    Claim(
        id="SED04",
        check="test_rate_that_minimizes_the_training_loss_falls_as_the_epochs_grow",
        where="§4, on the epoch budget",
        whose="paper",
        statement="The learning rate that makes the training loss least falls as the number of epochs grows.",
        kind="asymptotic",
        verdict="holds under a batch small enough for noise to dominate",
        assumptions=_SETTING,
    ),
)

PAPER = Paper(
    name="Smith, Elsen & De (2020)",
    reference="On the Generalization Benefit of Noise in Stochastic Gradient Descent, ICML, arXiv:2006.15081",
    claims=CLAIMS,
)
