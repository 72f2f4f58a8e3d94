"""Orders of convergence, measured; and figures of what was measured."""

import matplotlib as mpl
import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import DivergedError, IncompatibleError, InvalidInputError
from sdetheory.stats import agrees

mpl.use("Agg")
import matplotlib.pyplot as plt

ALPHA = 1e-6  # false-alarm rate of one statistical assertion
DTS = 2.0 ** -np.arange(5, 11)


def geometric(calculus="ito"):
    return st.SDE.from_sympy(["x"], ["x"], variables=["x"], calculus=calculus)


def solution(w):
    return np.exp(0.5 + w)


def study(method="euler-maruyama", sde=None, **changes):
    arguments = {"time": 1.0, "dts": DTS, "n_paths": 8000, "exact": solution, "rng": 5, **changes}
    return st.convergence_study(sde or geometric(), [1.0], method=method, **arguments)


@pytest.mark.parametrize("exact", [solution, None], ids=["exact", "finest run"])
@pytest.mark.parametrize(("method", "order", "wrong"), [("euler-maruyama", 0.5, 1.0), ("milstein", 1.0, 0.5)])
def test_strong_order_of_geometric_brownian_motion(method, order, wrong, exact):
    measured = study(method, exact=exact).strong_order
    # The next order in h is in the slope too: 0.03 at most, from the steps' ratio to the time.
    assert abs(measured.value - order) < 0.05 + 5 * measured.stderr
    assert not agrees(measured, wrong, alpha=ALPHA)
    assert measured.stderr < 0.05


def test_heun_solves_the_stratonovich_equation():
    """The equation dx = x ∘ dW + x dt/2 is the Itô equation of drift 1."""
    sde = geometric().to_stratonovich()
    measured = study("heun", sde).strong_order
    assert abs(measured.value - 1) < 0.05 + 5 * measured.stderr
    wrong = study("heun", geometric("stratonovich"))
    assert abs(wrong.strong_order.value) < 0.1  # it converges, but not to the Itô solution


def test_errors_are_exact_where_they_are_known():
    """Euler–Maruyama has E x² = (1 + 3h + h²)ⁿ, against e³."""
    result = study(n_paths=50_000, dts=[1 / 4, 1 / 8, 1 / 16])
    exact = (1 + 3 * result.dts + result.dts**2) ** (1 / result.dts) - np.exp(3)
    assert agrees(result.weak_error, exact, alpha=ALPHA)
    assert not agrees(result.weak_error, exact * 0.4, alpha=ALPHA)


def test_weak_order_of_the_mean():
    """E x = (1 + h)ⁿ, against e: order 1. The fit differs from 1 by the next order, 0.03."""
    result = study(observable=lambda x: x[:, 0], n_paths=40_000, dts=[1 / 4, 1 / 8, 1 / 16, 1 / 32])
    slope = np.polyfit(np.log(result.dts), np.log(np.e - (1 + result.dts) ** (1 / result.dts)), 1)[0]
    assert abs(result.weak_order.value - slope) < 0.03 + 5 * result.weak_order.stderr
    assert not agrees(result.weak_order, 2.0, alpha=ALPHA)


def test_additive_noise_gains_half_an_order():
    sde = st.langevin(st.landscapes.double_well(), 0.25)
    result = st.convergence_study(sde, [0.5], time=1.0, dts=DTS[:4], n_paths=4000, rng=1)
    assert abs(result.strong_order.value - 1) < 0.1 + 5 * result.strong_order.stderr
    assert not agrees(result.strong_order, 0.5, alpha=ALPHA)


def test_an_error_that_is_not_resolved_has_no_order():
    """The mean of a martingale has no weak error at all."""
    sde = st.SDE.from_sympy(["0"], ["x"], variables=["x"])
    result = study(sde=sde, exact=lambda w: np.exp(w - 0.5), observable=lambda x: x[:, 0], n_paths=4000)
    assert np.isnan(result.weak_order.value)
    assert agrees(result.weak_error, 0.0, alpha=ALPHA)


def test_replay_gives_the_same_bits():
    first = study(n_paths=100, rng=None)
    again = st.convergence_study(**first.replay)
    np.testing.assert_array_equal(again.strong_error.value, first.strong_error.value)
    np.testing.assert_array_equal(again.weak_error.value, first.weak_error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dts": [0.1]}, "at least two"),
        ({"dts": [0.3, 0.1]}, "divide time"),
        ({"dts": [0.5, -0.1]}, "dts must be > 0"),
        ({"dts": [1 / 2, 1 / 3]}, "whole multiple"),
        ({"n_paths": 10}, "n_paths"),
        ({"time": 0.0}, "time"),
        ({"exact": lambda w: w[:, 0]}, "what exact returns must have shape"),
        ({"observable": lambda x: x}, "what observable returns must have shape"),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(InvalidInputError, match=words):
        study(**{"n_paths": 64, **changes})


def test_schemes_without_a_path_are_refused():
    for exact in (None, solution):
        with pytest.raises(InvalidInputError):
            study("platen", exact=exact)
    with pytest.raises(IncompatibleError):
        study("milstein", geometric("stratonovich"))


def test_overflow_is_reported():
    sde = st.SDE.from_sympy(["-x**3"], [1.0], variables=["x"])
    with pytest.raises(DivergedError, match="overflowed at dt"):
        st.convergence_study(sde, [100.0], time=1.0, dts=[1 / 4, 1 / 8], n_paths=64, rng=0)


def test_figures():
    try:
        ax = st.plotting.plot_convergence(study(n_paths=200))
        assert ax.get_xscale() == "log"
        assert "strong, order" in ax.get_legend_handles_labels()[1][0]
        sde = st.langevin(st.landscapes.quadratic(1.0), 1.0)
        sampling = {"dt": 0.1, "n_paths": 64, "burn_in": 10, "n_steps": 100, "rng": 0}
        sample = st.sample_stationary(sde, **sampling, bins=np.linspace(-4, 4, 21))
        law = st.theory.gibbs(st.landscapes.quadratic(1.0), 1.0)
        assert st.plotting.plot_histogram(sample, law, plt.figure().add_subplot()).get_lines()
        result = st.first_passage(sde, [0.0], target=("above", 1.0), dt=0.05, max_steps=100, n_paths=200, rng=0)
        assert st.plotting.plot_first_passage(result, mean=3.0).get_yscale() == "log"
        nobody = st.first_passage(sde, [0.0], target=("above", 30.0), dt=0.05, max_steps=9, n_paths=20, rng=0)
        assert st.plotting.plot_first_passage(nobody)
        for figure in map(plt.figure, plt.get_fignums()):
            figure.canvas.draw()
        with pytest.raises(InvalidInputError, match="one dimension; got none"):
            st.plotting.plot_histogram(st.sample_stationary(sde, **sampling))
    finally:
        plt.close("all")
