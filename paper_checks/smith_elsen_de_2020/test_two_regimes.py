"""The best learning rate of a batch size: with little noise curvature limits it, with much noise its temperature."""

import numpy as np
import pytest
import sympy

from sdetheory.claims import Above, Below

from ..estimates import order
from ..noisy_quadratic import NoisyQuadratic

CURVATURES = np.geomspace(0.01, 1.0, 20)
QUADRATIC = NoisyQuadratic(curvatures=CURVATURES, variances=CURVATURES, squares=np.ones(20))
EXAMPLES = 2**20  # that all batch sizes may see, in equal epochs


def equal_epochs(sizes, examples=EXAMPLES, quadratic=QUADRATIC):
    """Return the best learning rates and their losses after a number of examples."""
    return np.transpose([quadratic.best_rate(size, examples // size) for size in sizes])


@pytest.mark.claim("SED01")
def test_best_rate_is_proportional_to_a_small_batch_and_equal_epochs_give_equal_losses(record):
    """B = 1 to 16: ε ∝ B and one loss, up to shares that are halved with B. The losses are also the package's.

    For small ε both the decay, e^(−2εhE/B), and the spread of the weights, εσ²/2B, know nothing but ε/B.
    """
    sizes = 2 ** np.arange(5)
    rates, losses = equal_epochs(sizes)
    record(
        label="loss at B = 4, package", predicted=QUADRATIC.package_loss(rates[2], 4, EXAMPLES // 4), rtol=1e-9,
        measured=losses[2], wrong_measurements={"at twice the rate": QUADRATIC.loss(2 * rates[2], 4, EXAMPLES // 4)},
    )  # fmt: skip
    powers, growth = np.diff(np.log2(rates)), np.diff(np.log(losses))
    record(
        label="order of both remainders in B", predicted=1.0, measured=[order(growth[::-1]), order(1 - powers[::-1])],
        rtol=0.05, wrong_predictions={"second order": 2.0, "no remainder that falls": 0.0},
    )  # fmt: skip
    record(
        label="loss at 2B over that at B", predicted=1.0, measured=np.exp(growth), rtol=0.01,
        wrong_measurements={"with equal steps": losses_of_equal_steps(sizes)[1:] / losses_of_equal_steps(sizes)[:-1]},
    )  # fmt: skip
    record(
        label="power of B in the best rate", predicted=1.0, measured=powers, rtol=0.01,
        wrong_predictions={"square root": 0.5, "no dependence": 0.0},
    )  # fmt: skip


def losses_of_equal_steps(sizes, steps=64):
    """Return the losses at the best rates after equal numbers of steps."""
    return np.array([QUADRATIC.best_rate(size, steps)[1] for size in sizes])


@pytest.mark.claim("SED02")
def test_best_rate_is_nearly_constant_for_large_batches_and_the_loss_rises(record):
    """From 16 times the batch at which ε ∝ B would reach 1/h_max: ε stays within a factor of two, the loss doubles.

    Without noise the best rate lies between 1/h_max, below which all directions gain by more, and 2/h_max, where the
    steepest no longer falls. The loss is then that of slow directions, and inversely proportional to the steps while
    these are fewer than h_max/h_min; 16 times the batch makes it more than twice as large.
    """
    (rate,), _ = equal_epochs([1])
    meeting = 2 ** round(np.log2(1 / (rate * CURVATURES.max())))
    large, small = meeting * 2 ** np.arange(4, 9), meeting // 2 ** np.arange(8, 3, -1)
    (rates, losses), (small_rates, small_losses) = equal_epochs(large), equal_epochs(small)
    record(
        label="loss at 16B over that at B", predicted=Above(2.0), measured=losses[-1] / losses[0],
        wrong_measurements={"small batches": small_losses[-1] / small_losses[0]},
    )  # fmt: skip
    record(
        label="largest best rate over the smallest, for 16 times the batch", predicted=Below(2.0),
        measured=rates.max() / rates.min(),
        wrong_measurements={"small batches": small_rates.max() / small_rates.min(), "linear rule": 16.0, "root": 4.0},
    )  # fmt: skip


@pytest.mark.claim("SED03")
def test_with_equal_steps_larger_batches_reach_smaller_training_losses(record):
    """Loss at B over that at 4B after 64 steps, each at its best rate, for B = 1 to 4⁹.

    At every learning rate the loss is that without noise and a term in 1/B, so that its minimum falls as B grows.
    """
    sizes = 4 ** np.arange(10)
    losses = losses_of_equal_steps(sizes)
    epochs = equal_epochs(sizes)[1]
    record(
        label="loss at B over that at 4B", predicted=Above(1.0), measured=losses[:-1] / losses[1:],
        wrong_measurements={"with equal epochs": epochs[:-1] / epochs[1:]},
    )  # fmt: skip


@pytest.mark.claim("SED04")
def test_rate_that_minimizes_the_training_loss_falls_as_the_epochs_grow(record):
    """With four times the examples the best rate is smaller, at B = 1; at B = E/4, of four steps, it is not.

    For one weight it is ε = B ln(4h²Ew₀²/σ²)/(2hE) to first order in ε, solved in symbols.
    """
    rate, size, h, examples, w, s = sympy.symbols("epsilon B h E w sigma", positive=True)
    loss = w**2 * sympy.exp(-2 * rate * h * examples / size) + rate * s**2 / (2 * h * size)
    (best,) = sympy.solve(loss.diff(rate), rate)
    one, budget, sizes = NoisyQuadratic(curvatures=np.ones(1), variances=np.ones(1), squares=np.ones(1)), 2**14, (4, 2)
    formula = [float(best.subs({h: 1, w: 1, s: 1, examples: budget, size: b})) for b in sizes]
    found = equal_epochs(sizes, budget, one)[0]
    logarithm = np.log(budget) / (2 * budget) * np.array(sizes)
    record(
        label="order in ε of what the formula leaves out", predicted=1.0, rtol=0.05,
        measured=order(found / formula - 1),
        wrong_measurements={"ln E alone": order(found / logarithm - 1)},
    )  # fmt: skip

    budgets = 4 ** np.arange(6, 11)
    noisy = np.array([equal_epochs([1], budget)[0][0] for budget in budgets])
    steep = np.array([equal_epochs([budget // 4], budget)[0][0] for budget in budgets])
    record(
        label="best rate of four times the examples, relative", predicted=Below(1.0), measured=noisy[1:] / noisy[:-1],
        wrong_measurements={"B = E/4": steep[1:] / steep[:-1]},
    )  # fmt: skip
