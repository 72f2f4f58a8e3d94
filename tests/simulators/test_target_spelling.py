"""A target is a set: its passage times do not depend on the function that describes it."""

import sys

import numpy as np
import pytest
import sympy

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.simulators import targets
from sdetheory.stats import agrees

ALPHA = 1e-6  # false-alarm rate of one statistical assertion
LINE = ["x**9 - 1", "exp(5*x) - exp(5)", "1 - exp(5 - 5*x)", "(x - 1)**3", "tanh(3*x - 3)", "log(1 + (x - 1)/9)"]
DISC = ["x**2 + y**2 - 1", "sqrt(x**2 + y**2) - 1", "(x**2 + y**2)**4 - 1", "log(x**2 + y**2)", "(x**2 + y**2 - 1)**3"]


def times(sde, x0, target, **changes):
    settings = {"dt": 0.02, "max_steps": 100_000, "n_paths": 4000, "rng": 3} | changes
    return st.first_passage(sde, x0, target=target, **settings).times


def assert_same(first, other, dt):
    """All but a percent: a crossing at the edge of the bridge's probability may be decided otherwise."""
    assert np.mean(np.abs(first - other) > 0.05 * dt) < 0.01


def drifting():
    return st.SDE.from_sympy(["1"], ["1"], variables=["x"])


@pytest.mark.parametrize("target", LINE)
@pytest.mark.parametrize("bridge", [True, False])
def test_an_end_of_an_interval(target, bridge):
    first, other = (times(drifting(), [0.0], t, bridge=bridge) for t in (("above", 1.0), target))
    assert_same(first, other, 0.02)


@pytest.mark.parametrize("target", LINE[:2])
def test_the_mean_is_the_exact_one(target):
    """Brownian motion with drift 1 reaches 1 after 1 on average."""
    mean = st.first_passage(
        drifting(), [0.0], target=target, dt=0.02, max_steps=100_000, n_paths=20_000, rng=3
    ).mean  # fmt: skip
    assert agrees(mean, 1.0, alpha=ALPHA)


def test_the_function_itself_as_the_distance_would_be_noticed(monkeypatch):
    """The negative control: φ taken for linear although it bends."""
    right = targets.target_function
    module = sys.modules["sdetheory.simulators.first_passage"]
    monkeypatch.setattr(module, "target_function", lambda *a: (right(*a)[0], False))
    mean = st.first_passage(
        drifting(), [0.0], target="x**9 - 1", dt=0.02, max_steps=100_000, n_paths=20_000, rng=3
    ).mean  # fmt: skip
    assert not agrees(mean, 1.0, alpha=ALPHA)


@pytest.mark.parametrize("target", DISC[1:])
@pytest.mark.parametrize(
    "noise", [["1", "1"], [["1", "1/2"], ["0", "1"]], ["sqrt(1 + x**2)", "1"], [["1", "x/2"], ["0", "1"]]]
)
def test_a_disc(target, noise):
    """Additive noise, with one amplitude or mixed, and noise that changes."""
    sde = st.SDE.from_sympy(["-x/2", "0"], noise, variables=["x", "y"])
    settings = {"dt": 0.01, "max_steps": 20_000, "n_paths": 1000}
    assert_same(*(times(sde, [0.1, 0.2], t, **settings) for t in (DISC[0], target)), 0.01)


def test_a_target_that_moves_and_bends():
    sde = st.SDE.from_sympy(["0"], ["1"], variables=["x"])
    assert_same(*(times(sde, [0.0], t, dt=0.01) for t in ("x - 1 + t", "(x - 1 + t)**3")), 0.01)


def test_a_small_disc_is_not_jumped_over():
    """From outside, the ray to a disc of two standard deviations of a step ends inside it."""
    sde = st.SDE.from_sympy(["-x", "-y"], ["1", "1"], variables=["x", "y"])
    settings = {"dt": 0.01, "max_steps": 20_000, "n_paths": 500}
    spellings = "0.01 - x**2 - y**2", "0.1 - sqrt(x**2 + y**2)"
    assert_same(*(times(sde, [1.0, 0.0], t, **settings) for t in spellings), 0.01)


def test_momentum_needs_no_bridge():
    sde = st.underdamped_langevin(st.landscapes.double_well(), 0.5, friction=1.0)
    settings = {"dt": 0.05, "n_paths": 300, "method": "baoab"}
    first, other = (times(sde, [-1.0, 0.0], t, **settings) for t in ("x - 1/2", "x**3 - 1/8"))
    np.testing.assert_allclose(first, other, rtol=0, atol=1e-3 * 0.05)


def test_cores():
    sde = st.langevin(st.landscapes.double_well(), temperature=0.25)
    settings = {"dt": 0.02, "n_steps": 5000, "n_paths": 200, "rng": 0}
    plain = st.residence_times(sde, [-1.0], cores=[("below", -1.0), ("above", 1.0)], **settings)
    spelled = st.residence_times(sde, [-1.0], cores=["-1 - x**9", "exp(5*x) - exp(5)"], **settings)
    assert spelled.moves.tolist() == plain.moves.tolist()
    np.testing.assert_allclose(spelled.mean_times.value, plain.mean_times.value, rtol=1e-4)


def test_chunks_and_lanes_change_no_bit(monkeypatch):
    sde = st.SDE.from_sympy(["-x/2", "0"], [["1", "x/2"], ["0", "1"]], variables=["x", "y"])
    settings = {"dt": 0.01, "max_steps": 3000}
    whole = times(sde, [0.1, 0.2], DISC[2], n_paths=700, **settings)
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 1)
    np.testing.assert_array_equal(times(sde, [0.1, 0.2], DISC[2], n_paths=700, **settings), whole)
    np.testing.assert_array_equal(times(sde, [0.1, 0.2], DISC[2], n_paths=30, **settings), whole[:30])


def test_a_function_that_only_jumps_is_refused():
    x = sympy.Symbol("x", real=True)
    with pytest.raises(InvalidInputError, match="only jumps"):
        times(drifting(), [0.0], sympy.Piecewise((1, x > 1), (-1, True)))
