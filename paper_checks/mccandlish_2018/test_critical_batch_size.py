"""Section 2.3: the critical batch size, from steps against examples on a quadratic that is solved exactly."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import sdetheory as st

CURVATURES, VARIANCES, START = np.array([1.0, 4.0]), np.array([2.0, 0.5]), np.array([1.0, 1.0])
FALL = 0.1  # the loss that is to be reached, of that at the start
SIZES = np.array([1.0, 4.0, 16.0])


def moved(squares, rate, size):
    """Return E w² after a step of SGD on the mean loss, whose gradient has the same covariance everywhere."""
    return (1 - rate * CURVATURES) ** 2 * squares + rate**2 * VARIANCES / size


def steps_to_target(share, size):
    """Return the steps of SGD to the target, at a share of the best learning rate of each step; the last in part."""
    squares, target, steps = START**2, FALL * CURVATURES @ START**2, 0
    while CURVATURES @ squares > target:
        best = CURVATURES**2 @ squares / (CURVATURES**3 @ squares + CURVATURES @ VARIANCES / size)
        before, squares = squares, moved(squares, share * best, size)
        steps += 1
    high, low = np.log(CURVATURES @ before), np.log(CURVATURES @ squares)
    return steps - 1 + (high - np.log(target)) / (high - low)


def critical_size(share):
    """Return S_min and E_min of the line S = S_min + E_min/B through three batch sizes."""
    fewest, least = np.polynomial.polynomial.polyfit(1 / SIZES, [steps_to_target(share, size) for size in SIZES], 1)
    return np.array([fewest, least])


def noise_scales_on_the_way():
    """Return the mean of B_noise over the steps of gradient flow to the target, and its first and last value.

    At a share of the best rate ε_max a step lasts share · ε_max, so that the steps are the integral of 1/ε_max.
    """

    def at(time):
        w = START * np.exp(-CURVATURES * time)
        gradient = CURVATURES * w
        noise = st.models.hessian_noise_scale(gradient, np.diag(VARIANCES), np.diag(CURVATURES))
        density = CURVATURES @ gradient**2 / (gradient @ gradient)
        simple = VARIANCES.sum() / (gradient @ gradient)
        return np.array([density, noise * density, simple * density]), noise

    def loss(time):
        return CURVATURES @ (START * np.exp(-CURVATURES * time)) ** 2 - FALL * CURVATURES @ START**2

    end = scipy.optimize.brentq(loss, 0.0, 10.0, xtol=1e-14)
    steps, noise, simple = scipy.integrate.quad_vec(lambda t: at(t)[0], 0.0, end, epsrel=1e-11)[0]
    return noise / steps, simple / steps, at(0.0)[1], at(end)[1]


@pytest.mark.claim("MK08")
def test_fewest_examples_over_fewest_steps_is_the_mean_noise_scale_of_the_steps(record):
    """E_min/S_min of SGD, from the exact decay of the loss, is the mean of B_noise over the steps without noise.

    The loss falls to a tenth on two curvatures, and B_noise grows on the way: neither its first nor its last value is
    the critical size. There S is 2 S_min, and so E is 2 E_min. What is left is of the order of the share of the best
    rate that is used, by which a path with noise differs from that without. The recursion is checked by the package's.
    """
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=100, batch_size=4, sampling="with-replacement")
    moments = st.theory.sgd_moments(
        100 * np.diag(CURVATURES), np.diag(VARIANCES) * 100 / 99, hp, start=START, steps=[20]
    )  # fmt: skip
    squares = START**2
    for _ in range(20):
        squares = moved(squares, 0.1, 4)
    record(
        label="E w² after 20 steps, package", predicted=squares, rtol=1e-12,
        measured=moments.mean[0] ** 2 + np.diag(moments.covariance[0]),
        wrong_measurements={"the mean's square alone": moments.mean[0] ** 2},
    )  # fmt: skip

    mean, simple, first, last = noise_scales_on_the_way()
    shares = np.array([0.02, 0.01, 0.005])
    found = np.array([critical_size(share) for share in shares])
    misses = np.abs(found[:, 1] / found[:, 0] / mean - 1)
    record(
        label="order of the remainder in ε", predicted=1.0, measured=np.diff(np.log(misses)) / np.diff(np.log(shares)),
        rtol=0.1, wrong_predictions={"second order": 2.0, "no remainder that falls": 0.0},
    )  # fmt: skip
    fewest, least = critical_size(0.001)
    steps = steps_to_target(0.001, least / fewest)
    record(
        label="S/S_min at the critical size", predicted=2.0, measured=steps / fewest, rtol=1e-2,
        wrong_predictions={"no more steps": 1.0, "half as many again": 1.5},
    )  # fmt: skip
    record(
        label="E_min/S_min at a thousandth of the best rate", predicted=mean, measured=least / fewest, rtol=1e-2,
        wrong_predictions={"at the start": first, "at the end": last, "without the Hessian": simple},
    )  # fmt: skip
