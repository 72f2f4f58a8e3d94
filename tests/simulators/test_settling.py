"""Runs that are not in a stationary law, equations that have none, and runs of which neither is said."""

import warnings

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.simulators import _settling

RUN = {"dt": 0.01, "n_paths": 64, "burn_in": 500, "n_steps": 2000, "rng": 0}


def equation(drift, diffusion):
    return st.SDE.from_sympy([drift], [diffusion], variables=["x"])


@pytest.mark.parametrize(
    ("drift", "diffusion", "start", "word"),
    [
        ("0", "1", 0.0, "linear drift"),  # Brownian motion
        ("1", "1", 0.0, "linear drift"),
        ("x", "1", 0.0, "linear drift"),  # an unstable Ornstein-Uhlenbeck process
        ("x", "x", 1.0, "∞"),  # geometric Brownian motion, which grows where a > σ²/2
        ("x/10", "x", 1.0, "collect at 0"),  # and dies out where it is not
        ("x - x**2", "2*x", 1.0, "collect at 0"),  # Verhulst beyond σ² = 2
        ("-x/(1 + x**4)", "1", 0.0, "∞"),  # a force that falls off faster than 1/x
    ],
)
def test_equations_without_a_stationary_law(drift, diffusion, start, word):
    with pytest.warns(AccuracyWarning, match=f"no stationary law.*{word}"):
        st.sample_stationary(equation(drift, diffusion), [start], **RUN | {"n_steps": 200})


@pytest.mark.parametrize(
    ("drift", "diffusion", "start"),
    [
        ("-x", "1", 0.0),
        ("1 - x", "sqrt(x)*0.7", 1.0),  # square root process, which does not reach 0
        ("x - x**2", "x/2", 1.0),
        ("-2*x", "sqrt(1 + x**2)", 0.0),  # Student's law
        ("-5*tanh(x)", "1", 0.0),
    ],
)
def test_equations_with_one_pass_in_silence(drift, diffusion, start):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.sample_stationary(equation(drift, diffusion), [start], **RUN | {"burn_in": 1000})


def test_the_question_is_asked_once_for_an_equation_and_answered_for_each_start(monkeypatch):
    def looked(*_):
        raise AssertionError("looked for")

    dies_out, lives = equation("x - x**2", "2*x"), equation("x - x**2", "x/2")
    above, below = np.array([[1.0], [2.0]]), np.array([[-1.0]])
    found = [_settling.no_law(sde, x0) for sde in (dies_out, lives) for x0 in (above, below)]
    monkeypatch.setattr(_settling, "_obstacles", looked)
    assert [_settling.no_law(sde, x0) for sde in (dies_out, lives) for x0 in (above, below)] == found
    assert "collect at 0" in found[0] and found[2] is None
    assert "−∞" in found[3]  # where x² drives paths away
    with pytest.raises(AssertionError, match="looked for"):  # the negative control: another equation would be looked at
        _settling.no_law(equation("x - x**2", "x/2"), above)


def test_a_direction_without_damping_is_seen_among_others():
    sde = st.SDE.from_sympy(["v", "-v"], [["0"], ["1"]], variables=["x", "v"])
    with pytest.warns(AccuracyWarning, match="no stationary law"):
        st.sample_stationary(sde, [0.0, 0.0], **RUN)


def brownian(x):
    return 0.0 * x


def test_functions_show_it_in_the_run():
    sde = st.SDE(drift=brownian, diffusion=[1.0], dimension=1, noise="additive")
    with pytest.warns(AccuracyWarning, match=r"R-hat|drifts"):
        st.sample_stationary(sde, [0.0], **RUN)


def test_wells_that_no_path_leaves():
    well = st.langevin(st.landscapes.double_well(), temperature=0.03)
    with pytest.warns(AccuracyWarning, match="R-hat"):
        st.sample_stationary(well, np.repeat([[-1.0], [1.0]], 32, axis=0), **RUN)


def test_a_start_that_is_not_forgotten():
    with pytest.warns(AccuracyWarning, match="drifts"):
        st.sample_stationary(equation("-x", "1"), [4.0], **RUN | {"burn_in": 0})


def test_settled_runs_raise_no_false_alarm():
    """300 runs in their law: each warns with a chance of 1e-5, so that one does with a chance of 0.3 %."""
    sde, normal = equation("-x", "2**0.5"), np.random.default_rng(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(300):
            st.sample_stationary(
                sde, normal.standard_normal((16, 1)), dt=0.5, n_paths=16, burn_in=10, n_steps=80, rng=seed,
                method="exact",
            )  # fmt: skip


def timed(x, t):
    return -x + np.cos(t)


def untimed(x, t):
    return -x


@pytest.mark.parametrize("drift", ["-x + t", "-x*exp(-t)", "-x + cos(t) + cos(sqrt(2)*t)"])
def test_an_equation_that_changes_for_ever_is_refused(drift):
    with pytest.raises(InvalidInputError, match="depends on t without a period"):
        st.sample_stationary(equation(drift, "1"), [0.0], **RUN)


def test_a_periodic_one_needs_whole_periods():
    sde = equation("-x + cos(t)", "1")
    with pytest.raises(InvalidInputError, match="n_steps = 1885"):  # three times 2π/0.01
        st.sample_stationary(sde, [0.0], **RUN)
    # Over whole periods the mean of dx = (cos t − x) dt + dW is 0; its forced swing has the mean square 1/4.
    sample = st.sample_stationary(sde, [0.0], **RUN | {"n_steps": 1885, "n_paths": 2000})
    assert st.stats.agrees(sample.mean, [0.0], alpha=1e-4)
    assert st.stats.agrees(sample.covariance, [[0.5 / 0.995 + 0.25]], alpha=1e-4)


def test_functions_of_time_are_refused_and_those_that_do_not_use_it_are_not():
    make = {"diffusion": [1.0], "dimension": 1, "noise": "additive"}
    with pytest.raises(InvalidInputError, match="change with time"):
        st.sample_stationary(st.SDE(drift=timed, **make), [0.0], **RUN)
    assert st.sample_stationary(st.SDE(drift=untimed, **make), [0.0], **RUN).diverged == 0


@pytest.mark.parametrize("start", ["soon", np.nan, None, [0.0, 1.0], np.inf])
def test_a_start_is_one_finite_time(start):
    sde = equation("-x", "1")
    calls = (
        lambda: st.simulate(sde, [0.5], dt=0.01, n_steps=3, n_paths=2, start=start),
        lambda: st.first_passage(sde, [0.5], target=("above", 1.0), dt=0.01, max_steps=3, n_paths=2, start=start),
        lambda: st.residence_times(
            sde, [0.5], cores=[("below", 0.0), ("above", 1.0)], dt=0.01, n_steps=3, n_paths=2, start=start
        ),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="start"):
            call()
