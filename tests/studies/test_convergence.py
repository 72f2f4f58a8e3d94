"""Orders of convergence, measured; and figures of what was measured."""

import chains
import matplotlib as mpl
import numpy as np
import pytest
from scipy import linalg

import sdetheory as st
from sdetheory.errors import DivergedError, IncompatibleError, InvalidInputError
from sdetheory.stats import agrees
from sdetheory.studies.convergence import _slope

mpl.use("Agg")
import matplotlib.pyplot as plt

ALPHA = 1e-6  # false-alarm rate of one statistical assertion
DTS = 2.0 ** -np.arange(5, 11)


def geometric(calculus="ito"):
    return st.SDE.from_sympy(["x"], ["x"], variables=["x"], calculus=calculus)


def solution(w):
    return np.exp(0.5 + w)


def study(rng, method="euler-maruyama", sde=None, **changes):
    arguments = {"time": 1.0, "dts": DTS, "n_paths": 8000, "exact": solution, "rng": rng, **changes}
    return st.convergence_study(sde or geometric(), [1.0], method=method, **arguments)


def has_order(measured, kind, declared):
    low, high = measured.interval(kind, alpha=ALPHA)
    return low <= declared <= high and declared - 0.25 < low and high < declared + 0.25


@pytest.mark.parametrize("exact", [solution, None], ids=["exact", "finest run"])
@pytest.mark.parametrize(("method", "order"), [("euler-maruyama", 0.5), ("milstein", 1.0), ("platen", 1.0)])
def test_strong_order_of_geometric_brownian_motion(method, order, exact, rng):
    measured = study(rng, method, exact=exact)
    assert has_order(measured, "strong", order)
    assert not has_order(measured, "strong", 1.5 - order)


def test_heun_solves_the_stratonovich_equation(rng):
    """The equation dx = x ∘ dW + x dt/2 is the Itô equation of drift 1."""
    assert has_order(study(rng, "heun", geometric().to_stratonovich()), "strong", 1.0)
    wrong = study(rng, "heun", geometric("stratonovich"))
    assert has_order(wrong, "strong", 0.0)  # it converges, but not to the Itô solution


@pytest.mark.parametrize(("order", "after", "n"), [(0.5, 1.0, 5), (1.0, 1.0, 5), (2.0, 1.0, 5), (0.5, 0.5, 8)])
@pytest.mark.parametrize("size", [-0.9, -0.3, 0.1, 1.0])
def test_the_bias_is_bounded(order, after, n, size):
    """Of errors h^p (1 + c h^q) with q = 1 and four halvings, or q = 1/2 and seven; the slope alone is not right."""
    steps = 0.25 * 2.0 ** -np.arange(n)[::-1]
    slope, bias = _slope(steps, steps**order * (1 + size * steps**after), np.ones(n))
    assert 1e-3 < abs(slope - order) <= bias
    assert np.isinf(_slope(steps[:3], steps[:3] ** order, np.ones(3))[1])


def test_errors_are_exact_where_they_are_known(rng):
    """Euler–Maruyama has E x² = (1 + 3h + h²)ⁿ, against e³."""
    shared = {"n_paths": 50_000, "dts": [1 / 4, 1 / 8, 1 / 16]}
    # The same from the number instead of the solution, and with increments that follow no path.
    for other in ({}, {"exact": None, "expectation": np.exp(3), "increments": "three-point"}):
        result = study(rng, **shared, **other)
        exact = (1 + 3 * result.dts + result.dts**2) ** (1 / result.dts) - np.exp(3)
        assert agrees(result.weak_error, exact, alpha=ALPHA)
        assert not agrees(result.weak_error, exact * 0.4, alpha=ALPHA)
        assert (result.strong_order is None) == (result.strong_error is None) == bool(other)
        if other:
            with pytest.raises(InvalidInputError, match='kind must be "weak"'):
                result.interval("strong", alpha=ALPHA)
        assert result.reference == "exact"


def test_weak_order_of_the_mean(rng):
    """E x = (1 + h)ⁿ, against e: order 1. With little noise the paths' errors are hardly larger than the mean's."""
    sde = st.SDE.from_sympy(["x"], ["x/5"], variables=["x"])
    little = {"sde": sde, "exact": lambda w: np.exp(0.98 + w / 5), "observable": lambda x: x[:, 0]}
    result = study(rng, **little, n_paths=100_000, dts=2.0 ** -np.arange(3, 8))
    assert agrees(result.weak_error, (1 + result.dts) ** (1 / result.dts) - np.e, alpha=ALPHA)
    assert has_order(result, "weak", 1.0), result.interval("weak", alpha=ALPHA)
    assert not has_order(result, "weak", 2.0)


@pytest.mark.parametrize("method", ["baoab", "exact", "leimkuhler-matthews", "platen"])
def test_weak_errors_of_every_scheme(method, rng):
    """Of a linear equation, against the recursion of the scheme's mean; two of them follow no Brownian path."""
    bowl = st.landscapes.quadratic(2.0)
    sde = st.underdamped_langevin(bowl, 0.1, friction=1.5) if method == "baoab" else st.langevin(bowl, 0.1)
    x0, jacobian = np.eye(sde.dimension)[0], sde.linear_part()[0]
    limit = (linalg.expm(jacobian) @ x0)[0]
    result = st.convergence_study(
        sde, x0, time=1.0, dts=[1 / 2, 1 / 4, 1 / 8], n_paths=2**16, method=method, expectation=limit, rng=rng,
        observable=lambda x: x[:, 0],
    )  # fmt: skip
    exact = []
    for h in result.dts:
        step = chains.Step(sde, method, h)
        one = step(np.eye(sde.dimension), np.zeros((step.numbers, sde.dimension)))
        exact.append((np.linalg.matrix_power(one, round(1 / h)) @ x0)[0] - limit)
    assert agrees(result.weak_error, exact, alpha=ALPHA)
    assert not agrees(result.weak_error, np.array(exact) + 0.02, alpha=ALPHA)


def test_an_error_that_is_not_resolved_has_no_order(rng):
    """The mean of a martingale has no weak error at all."""
    sde = st.SDE.from_sympy(["0"], ["x"], variables=["x"])
    result = study(rng, sde=sde, exact=lambda w: np.exp(w - 0.5), observable=lambda x: x[:, 0], n_paths=8000)
    assert np.isnan(result.weak_order.value) and np.isnan(result.interval("weak", alpha=ALPHA)).all()
    assert agrees(result.weak_error, 0.0, alpha=ALPHA)


def test_replay_gives_the_same_bits():
    for changes in ({}, {"exact": None, "expectation": 1.0, "increments": "three-point"}):
        first = study(None, n_paths=100, **changes)
        again = st.convergence_study(**first.replay)
        if not changes:
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
        ({"expectation": 1.0}, "give one of them"),
        ({"exact": None, "expectation": np.nan}, "expectation must be finite"),
        ({"increments": "two-point"}, "does not follow a Brownian path"),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(InvalidInputError, match=words):
        study(0, **{"n_paths": 64, **changes})


def test_a_square_that_overflows_names_the_start():
    with pytest.raises(InvalidInputError, match=r"\|x\|² overflows.* x0"):
        st.convergence_study(geometric(), [1e200], time=1.0, dts=DTS, n_paths=64, rng=0)


def test_schemes_without_a_path_are_refused():
    for exact in (None, solution):
        with pytest.raises(IncompatibleError, match="does not follow a Brownian path"):
            study(0, "exact", st.langevin(st.landscapes.quadratic(1.0), 1.0), exact=exact)
    with pytest.raises(IncompatibleError):
        study(0, "milstein", geometric("stratonovich"))


def test_intervals_of_what_was_not_asked_are_refused(rng):
    measured = study(rng, n_paths=64)
    with pytest.raises(InvalidInputError, match="kind must be one of"):
        measured.interval("mean", alpha=0.1)
    with pytest.raises(InvalidInputError, match="alpha"):
        measured.interval("weak", alpha=0.0)


def test_overflow_is_reported():
    sde = st.SDE.from_sympy(["-x**3"], [1.0], variables=["x"])
    with pytest.warns(RuntimeWarning, match="at step"), pytest.raises(DivergedError, match="overflowed at dt"):
        st.convergence_study(sde, [100.0], time=1.0, dts=[1 / 4, 1 / 8], n_paths=64, rng=0)


def test_figures():
    try:
        ax = st.plotting.plot_convergence(study(0, n_paths=200))
        assert ax.get_xscale() == "log"
        assert "strong, order" in ax.get_legend_handles_labels()[1][0]
        only_weak = study(0, n_paths=200, exact=None, expectation=np.exp(3))
        assert "strong, not resolved" not in st.plotting.plot_convergence(only_weak).get_legend_handles_labels()[1]
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
