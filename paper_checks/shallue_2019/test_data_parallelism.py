"""Steps to a target against batch size, exactly, on the noisy quadratic model of Zhang et al."""

import numpy as np
import pytest

from sdetheory.claims import Above, Below

from ..estimates import order
from ..noisy_quadratic import NoisyQuadratic

CURVATURES = np.geomspace(0.01, 1.0, 20)
TARGET = 0.01 * 10  # a hundredth of the loss at the start, to which all directions contribute alike


def workload(noise=64.0):
    """Return a quadratic whose examples have gradients with variances in proportion to the curvatures."""
    return NoisyQuadratic(curvatures=CURVATURES, variances=noise * CURVATURES, squares=1 / CURVATURES)


def steps(sizes, quadratic):
    """Return the fewest steps to the target."""
    return np.array([quadratic.steps_to(TARGET, size) for size in sizes])


@pytest.mark.claim("SHA01")
def test_steps_to_a_target_scale_perfectly_then_less_and_then_not_at_all(record):
    """n(2B)/n(B) is ½ to first order in B, never less, and one for batches 256 times the critical one.

    The loss at B = 256 after 100 steps is the package's too.
    """
    quadratic = workload()
    record(
        label="loss at B = 256, package", predicted=quadratic.package_loss(0.2, 256, 100), rtol=1e-9,
        measured=quadratic.loss(0.2, 256, 100), wrong_measurements={"half the batch": quadratic.loss(0.2, 128, 100)},
    )  # fmt: skip
    critical = 2 ** round(np.log2(quadratic.critical_size(TARGET)))
    small = steps((4, 2, 1, 0.5), quadratic)
    record(
        label="order in B of the departure from perfect scaling", predicted=1.0, rtol=0.05,
        measured=order(2 * small[:-1] / small[1:] - 1), wrong_predictions={"second order": 2.0, "none": 0.0},
    )  # fmt: skip
    curve = steps(2 ** np.arange(19), quadratic)
    ratios = curve[1:] / curve[:-1]
    record(label="n(2B)/n(B), B = 1 to 2¹⁷", predicted=Above(0.5), measured=ratios,
           wrong_measurements={"n ∝ B^(−1.01)": 2**-1.01})  # fmt: skip
    record(label="its rise with B while it is below 0.99", predicted=Above(0.0),
           measured=np.diff(ratios)[ratios[1:] < 0.99], wrong_measurements={"perfect scaling": 0.0})  # fmt: skip
    last = steps((256 * critical, 512 * critical), quadratic)
    record(
        label="n(2B)/n(B) at 256 times the critical size", predicted=1.0, measured=last[1] / last[0], rtol=0.02,
        wrong_measurements={"at the critical size": np.divide(*steps((2 * critical, critical), quadratic))},
        wrong_predictions={"perfect scaling": 0.5},
    )  # fmt: skip


@pytest.mark.claim("SHA02")
def test_noise_of_the_data_shifts_the_curve_and_its_shape_stays(record):
    """With 512 times the variance the same numbers of steps belong to 512 times the batch: only σ²/B enters."""
    sizes = np.array([1, 8, 64, 512])
    own, noisier = steps(sizes, workload()), workload(512 * 64.0)
    record(
        label="steps at 512 times the noise and the batch", predicted=own, measured=steps(512 * sizes, noisier),
        rtol=1e-6, wrong_measurements={"the same batch": steps(sizes, noisier)},
    )  # fmt: skip
    critical = [quadratic.critical_size(0.02 * 10) for quadratic in (workload(), noisier)]
    record(
        label="critical size of the noisier one, relative", predicted=Above(100.0), measured=critical[1] / critical[0],
        wrong_measurements={"as the root of the noise": np.sqrt(512.0)},
    )  # fmt: skip


@pytest.mark.claim("SHA03")
def test_best_rate_follows_neither_the_linear_nor_the_square_root_rule(record):
    """Power of B in the best rate: above ¾, which no root has, for small batches, and below ¼ for large ones.

    Half way between the rules is where a rule must be told from its neighbour.
    """
    quadratic = workload()
    critical = quadratic.critical_size(TARGET)

    def power(size):
        rates = [quadratic.best_rate(b, round(quadratic.steps_to(TARGET, b)))[0] for b in (size, 2 * size)]
        return np.log2(rates[1] / rates[0])

    small, large = power(critical / 256), power(256 * critical)
    record(label="at 1/256 of the critical size", predicted=Above(0.75), measured=small,
           wrong_measurements={"square root": 0.5, "large batch": large})  # fmt: skip
    record(label="at 256 times the critical size", predicted=Below(0.25), measured=large,
           wrong_measurements={"square root": 0.5, "linear": 1.0, "small batch": small})  # fmt: skip
