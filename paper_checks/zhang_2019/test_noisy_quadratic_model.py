"""The noisy quadratic model, whose loss is exact, with momentum and preconditioned."""

import numpy as np
import pytest

from sdetheory.claims import Above, Below

from ..estimates import order
from ..noisy_quadratic import NoisyQuadratic

CURVATURES = np.geomspace(0.01, 1.0, 20)
TARGET = 0.01 * 10  # a hundredth of the loss at the start
MOMENTA = (0.0, 0.5, 0.67, 0.8)  # 0.67 is the best for a condition number of 100 without noise
PLAIN = NoisyQuadratic(curvatures=CURVATURES, variances=64 * CURVATURES, squares=1 / CURVATURES)


@pytest.fixture(scope="module")
def critical():
    """Return the critical batch sizes of SGD and of the heavy ball."""
    return PLAIN.critical_size(TARGET), PLAIN.critical_size(TARGET, momenta=MOMENTA)


@pytest.mark.claim("ZLN01")
def test_best_rate_rises_with_the_batch_up_to_the_critical_size(record, critical):
    """ε ∝ B to first order in B, where a target is reached in the fewest steps; and no more far beyond."""

    def rates(sizes):
        return np.array([PLAIN.best_rate(b, round(PLAIN.steps_to(TARGET, b)))[0] for b in sizes])

    powers = np.diff(np.log2(rates(critical[0] / 2.0 ** np.arange(12, 6, -1))))
    far = np.diff(np.log2(rates((64 * critical[0], 128 * critical[0]))))
    record(
        label="order of the remainder in B", predicted=1.0, measured=order(1 - powers[::-1]), rtol=0.1,
        wrong_predictions={"second order": 2.0, "no remainder that falls": 0.0},
    )  # fmt: skip
    record(
        label="power of B, below 1/512 of the critical size", predicted=1.0, measured=powers[:3], rtol=0.02,
        wrong_predictions={"square root": 0.5}, wrong_measurements={"64 times the critical size": far},
    )  # fmt: skip


@pytest.mark.claim("ZLN02")
def test_momentum_saves_steps_at_large_batches_only(record, critical):
    """Steps of the heavy ball over those of SGD: one at small B, less than a half without noise.

    At 1/256 of the critical size noise sets all but a hundredth of the steps. Without noise the steps are as the
    condition number and as its root: 100 and 10. The loss with momentum is the package's.
    """
    record(
        label="loss with m = 0.8, package", predicted=PLAIN.package_loss(0.2, 256, 100, momentum=0.8), rtol=1e-9,
        measured=PLAIN.loss(0.2, 256, 100, momentum=0.8), wrong_measurements={"m = 0": PLAIN.loss(0.2, 256, 100)},
    )  # fmt: skip

    def share(size):
        return PLAIN.steps_to(TARGET, size, momenta=MOMENTA) / PLAIN.steps_to(TARGET, size)

    small, large = share(critical[0] / 256), share(256 * critical[0])
    record(label="at 1/256 of the critical size", predicted=1.0, measured=small, rtol=0.02,
           wrong_measurements={"at 256 times": large})  # fmt: skip
    record(label="at 256 times the critical size", predicted=Below(0.5), measured=large,
           wrong_measurements={"at 1/256": small})  # fmt: skip


@pytest.mark.claim("ZLN03")
def test_momentum_extends_the_range_of_perfect_scaling(record, critical):
    """The batch that needs twice the fewest examples is more than twice as large with momentum.

    It is about E_min/S_min, of which E_min is the same for both, and S_min less than half. A momentum of 0.1 is not
    enough for that.
    """
    slight = PLAIN.critical_size(TARGET, momenta=(0.1,)) / critical[0]
    record(label="critical size with momentum over that without", predicted=Above(2.0),
           measured=critical[1] / critical[0], wrong_measurements={"m = 0.1": slight, "none": 1.0})  # fmt: skip


def preconditioned(curvatures, multiples, squares):
    """Return a quadratic with σ² = h and several directions a curvature, as it is and preconditioned by h^(−1/2).

    In the coordinates h^(1/4)w the steps of h^(−1/2)∇L are those of SGD.
    """
    return [
        NoisyQuadratic(curvatures=curvatures**p, variances=multiples * curvatures**p,
                       squares=multiples * squares * curvatures ** (1 - p))
        for p in (1.0, 0.5)
    ]  # fmt: skip


def critical_ratio(quadratics, target):
    """Return E_min/S_min of the second over that of the first, both with momentum."""
    momenta = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)
    first, second = (q.steps_to(target, 1) / q.steps_to(target, 2**30, momenta=momenta) for q in quadratics)
    return second / first


@pytest.mark.claim("ZLN04")
def test_preconditioning_makes_the_critical_size_larger(record):
    """E_min/S_min of the preconditioned heavy ball over that of the heavy ball: above one for h = 1/i up to 10⁴.

    E_min falls too, and for twenty curvatures over two decades it falls by more than S_min: there it is below one. The
    loss at the start is the same in the other coordinates. Curvatures 1/i are put together in octaves.
    """
    numbers = np.arange(1, 10**4 + 1)
    octaves, multiples = np.unique(np.floor(np.log2(numbers)), return_counts=True)
    papers = preconditioned(2.0 ** -(octaves + 0.5), multiples, np.ones(len(octaves)))
    ours = preconditioned(CURVATURES, np.full(20, 64.0), 1 / (64 * CURVATURES))
    start = float(papers[0].loss(0.0, 1, 1))
    record(label="loss at the start in other coordinates", predicted=start, measured=papers[1].loss(0.0, 1, 1),
           rtol=1e-12, wrong_predictions={"twice": 2 * start})  # fmt: skip
    record(label="critical size of the preconditioned, relative", predicted=Above(1.0),
           measured=critical_ratio(papers, 0.01), wrong_measurements={"two decades": critical_ratio(ours, TARGET)},
    )  # fmt: skip
