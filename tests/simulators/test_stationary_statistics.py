"""Expectations, basins, autocorrelation time, effective sample size and R-hat in a stream: exact laws and witnesses."""

import dataclasses
import signal
import warnings

import numba
import numpy as np
import pytest
import sympy
from arviz_stats.base import array_stats
from test_checkpoint import make_no_steps

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.results import mean_estimate
from sdetheory.simulators import _ensemble
from sdetheory.stats import agrees

# What is tested is how the run is made, not whether it has settled, which it is too short for.
SHORT = pytest.mark.filterwarnings("ignore::sdetheory.errors.AccuracyWarning")

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
OBSERVABLES = {"energy": "(x**2 - 1)**2/4", "own": lambda x: x[0] ** 4}
BASINS = {"right": "x > 0", "own right": lambda x: x[0] > 0.0}


def well(temperature=0.5):
    return st.langevin(st.landscapes.double_well(), temperature)


def plane(scale=1.0):
    return st.SDE.from_sympy(
        ["-k*x + 0.6*y", "-y"], [scale, scale], variables=["x", "y"], parameters={"k": 2.0}, name="plane"
    )


def own_plane():
    def drift(x, t, p):
        return -p[0] * x[0] + 0.6 * x[1], -x[1]

    return st.SDE(drift=drift, diffusion=[1.0, 1.0], dimension=2, noise="additive", parameters=[2.0])


def sample(sde, n_paths=700, **changes):
    arguments = {"dt": 0.02, "n_paths": n_paths, "burn_in": 15, "n_steps": 48, "every": 4, "rng": 5}
    return st.sample_stationary(sde, **{**arguments, **changes})


def estimates(result):
    """Return all new estimates by name."""
    found = {f"E {k}": e for k, e in result.expectations.items()} | {f"P {k}": e for k, e in result.occupancy.items()}
    for owner, mixing in {"": result, **result.mixing}.items():
        for name in ("autocorrelation_time", "effective_sample_size", "r_hat"):
            found[f"{owner} {name}"] = getattr(mixing, name)
    return found


def same(one, other):
    """Assert the same bits."""
    a, b = estimates(one), estimates(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name].value, b[name].value, err_msg=name)
        np.testing.assert_array_equal(a[name].stderr, b[name].stderr, err_msg=name)


def without(result, *names):
    """Return a sample without some of what was asked."""
    kept = {
        attribute: {name: entry for name, entry in getattr(result, attribute).items() if name not in names}
        for attribute in ("expectations", "occupancy", "mixing")
    }
    return dataclasses.replace(result, **kept)


# --- What the stored paths say ---------------------------------------------------------------------------------------


def energy_and_time(x, t):
    return x[0] ** 2 + x[1] * t


FORMULAS = {
    "formulas": (plane, {"f": "x**2 + y*t", "g": "k*x - 10**6"}),
    "mixed": (plane, {"f": energy_and_time, "g": "k*x - 10**6"}),
    "functions": (own_plane, {"f": energy_and_time, "g": lambda x, t, p: p[0] * x[0] - 10**6}),
    "formulas for functions": (own_plane, {"f": "x0**2 + x1*t", "g": "p0*x0 - 10**6"}),
}


@pytest.mark.parametrize("case", FORMULAS)
@SHORT
def test_statistics_are_those_of_the_stored_paths(case, rng):
    make, observables = FORMULAS[case]
    sde, starts = make(), rng.standard_normal((700, 2))
    streamed = sample(sde, x0=starts, observables=observables, basins={"B": lambda x: x[0] > x[1]})
    run = st.simulate(sde, starts, dt=0.02, n_steps=63, rng=5, save_every=1)
    kept, times = run.paths[15 + 4 :: 4], run.times[15 + 4 :: 4, None]
    x, y = kept[..., 0], kept[..., 1]
    series = {"f": x**2 + y * times, "g": 2 * x - 1e6, "B": (x > y).astype(float)}
    for name, draws in series.items():
        by_path = mean_estimate(draws.mean(axis=0))
        estimate = (streamed.occupancy if name == "B" else streamed.expectations)[name]
        np.testing.assert_allclose(estimate.value, by_path.value, rtol=1e-12)
        np.testing.assert_allclose(estimate.stderr, by_path.stderr, rtol=1e-9)
    assert list(streamed.expectations) == ["f", "g"] and list(streamed.occupancy) == ["B"]
    chosen = {name: streamed.mixing[name] for name in series}
    for name, draws in {**series, 0: x, 1: y}.items():
        r_hat = streamed.r_hat.value[name] if name in (0, 1) else chosen[name].r_hat.value
        assert r_hat == pytest.approx(array_stats.rhat(draws.T, method="split"), abs=1e-10, rel=0)
        assert abs(r_hat - array_stats.rhat(draws.T, method="identity")) > 1e-6
        variance = draws.var() + draws.mean(axis=0).var(ddof=1) / 700
        size = 700 * variance / draws.mean(axis=0).var(ddof=1)
        own = streamed.effective_sample_size.value[name] if name in (0, 1) else chosen[name].effective_sample_size.value
        assert own == pytest.approx(size, rel=1e-8)


@SHORT
def test_r_hat_of_an_odd_number_of_samples():
    """The later half has one more; by the definition, with the mean length of a half."""
    streamed = sample(well(), burn_in=0, n_steps=44)
    draws = st.simulate(well(), [0.0], n_paths=700, dt=0.02, n_steps=44, rng=5, save_every=4).paths[1:, :, 0]
    halves = draws[:5], draws[5:]
    within = sum(((half - half.mean(axis=0)) ** 2).sum() for half in halves) / 700 / 9
    between = np.concatenate([half.mean(axis=0) for half in halves]).var(ddof=1)
    assert streamed.r_hat.value[0] == pytest.approx(np.sqrt(1 - 2 / 11 + between / within), rel=1e-11)


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_r_hat_needs_two_samples_in_a_half(n_samples):
    streamed = sample(well(), n_steps=4 * n_samples)
    assert np.isnan(streamed.r_hat.value).all()
    assert np.isfinite(streamed.autocorrelation_time.value).all()


# --- Expectations and basins -----------------------------------------------------------------------------------------


def test_energy_and_occupation_follow_the_gibbs_law(rng):
    """A tilted well: what matters is a temperature off by 10 %, or a border off by 0.1. h² terms are a tenth."""
    tilted = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/10", variables=["x"])
    result = st.sample_stationary(
        st.langevin(tilted, 0.5), dt=0.02, n_paths=16384, burn_in=1500, n_steps=1000, every=20, rng=rng,
        method="leimkuhler-matthews", observables={"C": tilted.expression}, basins={"deep": "x < 0", "top": "x**2<.25"},
    )  # fmt: skip
    law, hot = (st.theory.gibbs(tilted, temperature) for temperature in (0.5, 0.55))
    assert agrees(result.expectations["C"], law.expectation(tilted.value), alpha=ALPHA)
    assert not agrees(result.expectations["C"], hot.expectation(tilted.value), alpha=ALPHA)
    for name, ends, wrong in (("deep", (-np.inf, 0.0), (-np.inf, 0.1)), ("top", (-0.5, 0.5), (-0.6, 0.6))):
        assert agrees(result.occupancy[name], law.probability(*ends), alpha=ALPHA)
        assert not agrees(result.occupancy[name], law.probability(*wrong), alpha=ALPHA)


X, Y = sympy.symbols("x y")
REGIONS = ["x > 0.25", "0.25 <= x", "x - 0.25", X - 0.25, X > 0.25, X >= 0.25, lambda x: x[0] > 0.25]
REGIONS += [lambda x: x[0] - 0.25, numba.njit(lambda x, t, p: x[0] >= 0.25)]
BOXES = ["0 < x < 1 and y > x", "x > 0 and 1 > x and x < y", "Min(x, 1 - x, y - x)", sympy.Min(X, 1 - X, Y - X)]
BOXES += [lambda x: x[0] > 0 and x[0] < 1 and x[1] > x[0]]


@pytest.mark.parametrize("forms", [REGIONS, BOXES], ids=["half", "box"])
@SHORT
def test_a_region_can_be_said_in_many_ways(forms):
    basins = {f"{i}": form for i, form in enumerate(forms)} | {"not": "-x + 0.25"}
    occupancy = sample(plane(), basins=basins, n_paths=200).occupancy
    first = occupancy["0"]
    assert 0.05 < first.value < 0.5
    assert {(e.value, e.stderr) for name, e in occupancy.items() if name != "not"} == {(first.value, first.stderr)}
    assert occupancy["not"].value != first.value


@SHORT
def test_a_basin_never_or_always_visited_has_the_error_of_one_path():
    result = sample(well(), n_paths=40, basins={"never": "x > 50", "always": "x < 50", "right": "x > 0"})
    assert (result.occupancy["never"].value, result.occupancy["never"].stderr) == (0.0, 1 / 40)
    assert (result.occupancy["always"].value, result.occupancy["always"].stderr) == (1.0, 1 / 40)
    assert result.occupancy["right"].stderr > 1 / 40
    assert np.isnan(result.mixing["never"].r_hat.value)


@SHORT
def test_a_boundary_counts_half():
    still = st.SDE.from_sympy(["0"], ["0"], variables=["x"])
    starts = [[0.0], [1.0], [-1.0], [0.0]]
    result = st.sample_stationary(
        still, starts, dt=0.1, n_paths=4, burn_in=0, n_steps=4, basins={"right": "x > 0", "left": "x < 0"}
    )
    assert result.occupancy["right"].value == result.occupancy["left"].value == 0.5


@SHORT
def test_a_constant_has_no_error():
    constant = sample(well(), observables={"two": "2"}).expectations["two"]
    assert (constant.value, constant.stderr) == (2.0, 0.0)


@SHORT
def test_an_observable_that_is_not_finite_spoils_itself_only():
    with pytest.warns(RuntimeWarning, match=r"'log' was not finite on \d+ of 700 paths"):
        result = sample(well(), burn_in=100, observables={"log": "log(x)", "x": "x"})
    assert np.isnan(result.expectations["log"].value)
    same(sample(well(), burn_in=100, observables={"x": "x"}), without(result, "log"))
    assert result.diverged == 0


@SHORT
def test_lost_paths_are_left_out():
    starts = np.where(np.arange(600)[:, None] < 100, 1e3, 0.5)
    given = {"n_paths": 600, "dt": 0.1, "burn_in": 4, "observables": OBSERVABLES, "basins": BASINS}
    with pytest.warns(RuntimeWarning, match="100 of 600 paths overflowed"):
        result = sample(well(), x0=starts, **given)
    with pytest.warns(RuntimeWarning, match="100 of 600 paths overflowed"):
        run = st.simulate(well(), starts, dt=0.1, n_steps=52, rng=5, save_every=1)
    paths = run.paths[8::4, 100:, 0]
    assert result.expectations["own"].value == pytest.approx((paths**4).mean(), rel=1e-11)
    assert result.occupancy["own right"].value == pytest.approx((paths > 0).mean(), rel=1e-11)
    assert result.r_hat.value[0] == pytest.approx(array_stats.rhat(paths.T, method="split"), abs=1e-10)


# --- The same bits, however the work is cut --------------------------------------------------------------------------


@pytest.mark.parametrize("make", [well, plane])
@SHORT
def test_no_statistic_changes_by_what_else_is_asked(make):
    one, two = {"a": "x**2"}, {"c": "x - 3", "d": "cos(x)"}
    bare, some = sample(make()), sample(make(), observables=one)
    more = sample(
        make(), observables=one | two, basins={"b": "x > 0"}, bins=(np.linspace(-3, 3, 7),) * bare.mean.value.size
    )
    for name in ("mean", "covariance", "autocorrelation_time", "effective_sample_size", "r_hat"):
        for other in (some, more):
            np.testing.assert_array_equal(getattr(bare, name).value, getattr(other, name).value)
            np.testing.assert_array_equal(getattr(bare, name).stderr, getattr(other, name).stderr)
    same(some, without(more, "b", "c", "d"))


@SHORT
def test_replay_threads_and_chunks_give_the_same_bits(monkeypatch):
    whole = sample(well(), observables=OBSERVABLES, basins=BASINS)
    same(st.sample_stationary(**whole.replay), whole)
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 3000)
    try:
        numba.set_num_threads(1)
        same(st.sample_stationary(**whole.replay), whole)
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


@pytest.mark.parametrize("chunks", [3, 14, 20, 21, 24])
@SHORT
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, monkeypatch, chunks):
    """Before, at and after the middle, where the halves divide; a chunk is one sample, or one step of burn-in."""
    given = {"observables": {"e": "x**4"}, "basins": {"right": "x > 0"}, "checkpoint": tmp_path / "run.npz"}
    make, count = _ensemble.Ensemble.advance_and_record, iter(range(10**9))

    def interrupted(self, *arguments):
        if next(count) == chunks - 14:
            signal.raise_signal(signal.SIGINT)
        make(self, *arguments)

    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        patch.setattr(_ensemble, "_CHUNK", 1)
        patch.setattr(_ensemble.Ensemble, "advance_and_record", interrupted)
        partial = sample(well(), **given)
    n = partial.n_samples // 700
    assert partial.interrupted == (n < 12)
    assert np.isfinite(partial.r_hat.value).all() == (n >= 8)
    same(sample(well(), **given), sample(well(), **{**given, "checkpoint": None}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("observables", {"e": "x**2"}),
        ("observables", {"f": "x**4"}),
        ("observables", {"e": lambda x: x[0] ** 4}),
        ("basins", {"b": "x > 0"}),
    ],
)
@SHORT
def test_the_checkpoint_of_other_observables_is_refused(tmp_path, name, value):
    sample(well(), observables={"e": "x**4"}, checkpoint=tmp_path / "run.npz")
    with pytest.raises(InvalidInputError, match="observables differs"):
        sample(well(), **{"observables": {"e": "x**4"}, name: value}, checkpoint=tmp_path / "run.npz")


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observables": ["x"]}, "observables must be a mapping of names"),
        ({"observables": {1: "x"}}, "observables must be a mapping of names"),
        ({"basins": "x > 0"}, "basins must be a mapping of names"),
        ({"observables": {"a": "y"}}, "observable 'a': unknown name 'y'"),
        ({"observables": {"a": "x.real"}}, "observable 'a': attribute access"),
        ({"observables": {"a": "x > 0"}}, "observable 'a': the comparison"),
        (
            {"observables": {"a": 3.0}},
            "must be a formula in x, barrier, t, or a function of x; got float",
        ),
        (
            {"observables": {"a": np.cos}},
            "must be a formula in x, barrier, t, or a function of x; got ufunc",
        ),
        ({"observables": {"a": lambda: 1.0}}, "observable 'a' must take x, x and t, or x, t and parameters"),
        ({"observables": {"a": lambda x: (x[0], 1.0)}}, "observable 'a' .* must return 1 numbers"),
        ({"observables": {"a": lambda x: x[1]}}, "observable 'a' .* reads beyond x"),
        ({"observables": {"a": lambda x: {}["a"]}}, "observable 'a' .* cannot be compiled"),
        ({"basins": {"b": "x >"}}, "basin 'b': cannot read the formula"),
        ({"basins": {"b": "x == 0"}}, "basin 'b': the comparison"),
        ({"basins": {"b": "x > 0 or x < -1"}}, "basin 'b': the Boolean operation"),
        ({"basins": {"b": X > Y}}, "basin 'b': unknown symbol 'y'"),
        ({"basins": {"b": [1.0]}}, "basin 'b' must be a formula"),
        ({"observables": {"a": "x"}, "basins": {"a": "x > 0"}}, "must have different names; both have 'a'"),
    ],
)
def test_wrong_observables_are_refused_before_any_step(change, message, monkeypatch):
    make_no_steps(monkeypatch)
    with pytest.raises(InvalidInputError, match=message):
        sample(well(), **change)
