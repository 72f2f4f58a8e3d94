"""The monitor of the gradient noise scale, in a loop of one's own."""

import json
import math
import pickle

import numpy as np
import pytest
from scipy import stats as distributions

from sdetheory.errors import InvalidInputError
from sdetheory.models import NoiseScaleMonitor, noise_scale_from_batches
from sdetheory.stats import agrees

ALPHA = 1e-5


def gradients(rng, mean=1.0, devices=4, size=8, p=3):
    """Return mean gradients of batches on some devices: |G|² = 3, Tr F = 12 and B_simple = 4."""
    return mean + 2 * rng.standard_normal((devices, p)) / size**0.5


def watched(rng, steps, **options):
    monitor = NoiseScaleMonitor(8, 32, **options)
    for _ in range(steps):
        monitor.update_from_gradients(gradients(rng))
    return monitor


def test_parts_are_those_of_the_appendix(rng):
    """Averages over the window, of all steps alike; the last ones alone are in it."""
    monitor = NoiseScaleMonitor(2, 8, window=3)
    pairs = rng.uniform(1, 2, (5, 2)) * [4, 1]
    for small, large in pairs:
        monitor.update(small, large)
    small, large = pairs[-3:].mean(axis=0)
    found = monitor.estimate()
    assert found.trace.value == pytest.approx((small - large) / (1 / 2 - 1 / 8), rel=1e-13)
    assert found.squared_gradient.value == pytest.approx((8 * large - 2 * small) / 6, rel=1e-12)
    assert found.noise_scale.value == pytest.approx(found.trace.value / found.squared_gradient.value, rel=1e-14)
    assert monitor.steps == 5
    two = noise_scale_from_batches(pairs[-3:, 0], pairs[-3:, 1], 2, 8)
    assert two.noise_scale.value == pytest.approx(found.noise_scale.value, rel=1e-12)


def test_devices_and_norms_are_the_same(rng):
    one, two = NoiseScaleMonitor(8, 32), NoiseScaleMonitor(8, 32)
    for _ in range(30):
        rows = gradients(rng)
        one.update_from_gradients(list(rows))
        two.update(np.sum(rows**2, axis=1), np.sum(rows.mean(axis=0) ** 2))
    assert one.estimate().interval == pytest.approx(two.estimate().interval, rel=1e-12)


def test_tensors_of_pytorch(rng):
    torch = pytest.importorskip("torch")
    one, two = NoiseScaleMonitor(8, 32), NoiseScaleMonitor(8, 32)
    for _ in range(3):
        rows = gradients(rng)
        one.update_from_gradients([torch.from_numpy(row) for row in rows])
        two.update_from_gradients(rows)
    assert one.estimate().interval == two.estimate().interval


def test_estimates_are_those_of_the_law_and_not_a_mean_of_ratios(rng):
    found = watched(rng, 4000, window=4000).estimate(alpha=ALPHA)
    assert agrees(found.trace, 12.0, alpha=ALPHA) and agrees(found.squared_gradient, 3.0, alpha=ALPHA)
    assert agrees(found.noise_scale, 4.0, alpha=ALPHA) and found.interval[0] < 4 < found.interval[1]
    naive = np.mean(np.sum(gradients(rng, devices=4000) ** 2, axis=1))  # noise counted as gradient
    assert not agrees(found.squared_gradient, naive, alpha=ALPHA)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_intervals_hold_the_truth_also_of_steps_that_depend_on_each_other(rng, correlation):
    """At 90 %, of 600 steps whose |G|² wanders with a correlation time of ten; a binomial count at ALPHA.

    Taken as independent, the errors of the wandering steps are a third of what they are, and hold too little.
    """
    hits = naive = 0
    repetitions = 200
    for _ in range(repetitions):
        monitor, wander = NoiseScaleMonitor(8, 32, window=600), rng.standard_normal()
        shocks = (1 - correlation**2) ** 0.5 * rng.standard_normal(600)
        squares = []
        for shock in shocks:
            wander = correlation * wander + shock
            square = 3 * (1 + 0.4 * wander)
            squares.append((square + 12 / 8 * rng.gamma(6, 1 / 6), square + 12 / 32 * rng.gamma(6, 1 / 6)))
            monitor.update(*np.maximum(squares[-1], 0.0))
        low, high = monitor.estimate(alpha=0.1).interval
        hits += low <= 4.0 <= high
        z = (np.array(squares)[:, 1] * 32 - np.array(squares)[:, 0] * 8) / 24
        naive += abs(z.mean() - 3) < 1.645 * z.std() / 600**0.5
    assert hits > repetitions * 0.9 or distributions.binomtest(hits, repetitions, 0.9).pvalue > ALPHA
    if correlation:
        assert distributions.binomtest(naive, repetitions, 0.9).pvalue < ALPHA


def test_an_interval_at_any_step(rng):
    monitor = NoiseScaleMonitor(8, 32)
    with pytest.raises(InvalidInputError, match="needs a step"):
        monitor.estimate()
    for step in range(1, 60):
        monitor.update_from_gradients(gradients(rng))
        found = monitor.estimate()
        assert 0 <= found.interval[0] < found.interval[1]
        if step == 1:
            assert found.interval == (0.0, math.inf) and math.isnan(found.noise_scale.stderr)
    assert found.interval[1] < math.inf


def test_where_the_gradient_is_lost_in_the_noise_the_interval_has_no_end(rng):
    monitor = NoiseScaleMonitor(8, 32)
    for _ in range(100):
        monitor.update_from_gradients(gradients(rng, mean=0.0))
    assert monitor.estimate().interval[1] == math.inf


@pytest.mark.parametrize("copy", ["pickle", "state_dict"])
def test_a_monitor_goes_on_where_it_was(rng, copy):
    monitor = watched(rng, 45, window=30)
    if copy == "pickle":
        other = pickle.loads(pickle.dumps(monitor))
    else:
        other = NoiseScaleMonitor(8, 32, window=30)
        other.load_state_dict(json.loads(json.dumps(monitor.state_dict())))
    for _ in range(7):
        rows = gradients(rng)
        monitor.update_from_gradients(rows)
        other.update_from_gradients(rows)
    assert other.steps == monitor.steps == 52 and other.estimate().interval == monitor.estimate().interval


def test_sums_in_place_of_means_are_refused(rng):
    """The sum over devices, and the sizes the wrong way round; a factor of both cancels."""
    monitor, scaled = NoiseScaleMonitor(8, 32), NoiseScaleMonitor(8, 32)
    for _ in range(100):
        rows = gradients(rng)
        monitor.update(np.sum(rows**2, axis=1), np.sum(rows.sum(axis=0) ** 2))
        scaled.update(np.sum((1024 * rows) ** 2, axis=1), np.sum((1024 * rows.mean(axis=0)) ** 2))
    with pytest.raises(InvalidInputError, match=r"trace of the noise must not be negative.*not of sums"):
        monitor.estimate()
    assert scaled.estimate().noise_scale.value == pytest.approx(4.0, rel=0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((8, 8), "small must be less than large; got 8 and 8. One batch size does not tell"),
        ((0, 8), "small must be >= 1"),
        ((8, 16.5), "large must be"),
        ((8, 16, 1), "window must be >= 2"),
    ],
)
def test_refusals_of_a_monitor(arguments, message):
    small, large, *window = arguments
    with pytest.raises(InvalidInputError, match=message):
        NoiseScaleMonitor(small, large, **({"window": window[0]} if window else {}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 1.0), "of step 3; leave out a step that has overflowed: small_squares must be finite"),
        ((1.0, math.inf), r"of step 3.*large_square must be finite"),
        ((1.0, -1.0), "large_square must be >= 0"),
        (([], 1.0), "small_squares must"),
        (([[1.0]], 1.0), "small_squares must"),
    ],
)
def test_refusals_of_a_step_leave_the_monitor_as_it_is(rng, arguments, message):
    monitor = watched(rng, 2)
    before = monitor.state_dict()
    with pytest.raises(InvalidInputError, match=message):
        monitor.update(*arguments)
    with pytest.raises(InvalidInputError, match="gradients must be those of large/small = 32/8 batches; got 3"):
        monitor.update_from_gradients(gradients(rng, devices=3))
    with pytest.raises(InvalidInputError, match="gradients must"):
        monitor.update_from_gradients(["a", "b"])
    assert monitor.state_dict() == before


def test_refusals_of_a_state(rng):
    monitor = watched(rng, 2)
    state = monitor.state_dict()
    wrong = [
        ({}, "state must be what"),
        (None, "state must be what"),
        ({**state, "small": 4}, "state must be of a monitor with small = 8; got 4"),
        ({**state, "steps": 7}, "squares of the state"),
        ({**state, "squares": [[1.0, math.nan]] * 2}, "squares of the state must be finite"),
    ]
    for given, message in wrong:
        with pytest.raises(InvalidInputError, match=message):
            monitor.load_state_dict(given)
    assert monitor.state_dict() == state
    zero = NoiseScaleMonitor(8, 32)
    zero.update(0.0, 0.0)
    with pytest.raises(InvalidInputError, match="must not all be zero"):
        zero.estimate()
