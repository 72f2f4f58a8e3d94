"""Paths: the same bits whatever surrounds them, the right law, and no silent failure."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.results import mean_estimate
from sdetheory.simulators import _ensemble
from sdetheory.stats import agrees, required_samples

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
METHODS = ("euler-maruyama", "leimkuhler-matthews")
CORRELATED = [[2.0, 0.6], [0.6, 1.0]]


def well(temperature=0.5):
    return st.langevin(st.landscapes.double_well(), temperature)


SDES = {
    "double well": well,
    "sharp and broad": lambda: st.langevin(st.landscapes.sharp_and_broad(), 1.0),
    "quadratic": lambda: st.langevin(st.landscapes.quadratic(CORRELATED), 0.3),
}
each_sde = pytest.mark.parametrize("make", SDES.values(), ids=SDES)
each_method = pytest.mark.parametrize("method", METHODS)


def run(sde, n_paths=40, **changes):
    arguments = {"dt": 0.005, "n_steps": 30, "n_paths": n_paths, "rng": 7, **changes}
    return st.simulate(sde, np.full(sde.dimension, 0.4), **arguments)


@each_method
@each_sde
def test_replay_gives_the_same_bits(make, method):
    """For any source of randomness, and for paths with starting points of their own."""
    sde = make()
    starts = np.linspace(-1, 1, 40 * sde.dimension).reshape(40, sde.dimension)
    for rng in (None, 3, np.random.SeedSequence(5), np.random.default_rng(5)):
        first = st.simulate(sde, starts, dt=0.005, n_steps=30, rng=rng, method=method, save_every=10)
        np.testing.assert_array_equal(first.replay["x0"], starts)
        again = st.simulate(**first.replay)
        np.testing.assert_array_equal(again.paths, first.paths)
        np.testing.assert_array_equal(st.simulate(**again.replay).final, first.final)


def test_a_generator_moves_on_and_none_is_new():
    generator = np.random.default_rng(1)
    finals = [run(well(), rng=rng).final for rng in (generator, generator, None, None, 7)]
    assert len({final.tobytes() for final in finals}) == len(finals)
    np.testing.assert_array_equal(run(well(), rng=np.random.default_rng(1)).final, finals[0])


def test_starting_points_are_not_written_to():
    for starts in (np.ones((32, 1)), np.ones((64, 2))):
        sde = SDES["quadratic"]() if starts.shape[1] == 2 else well()
        kept = starts.copy()
        result = st.simulate(sde, starts, dt=0.01, n_steps=5, rng=0, save_every=5)
        np.testing.assert_array_equal(starts, kept)
        np.testing.assert_array_equal(result.paths[0], kept)
        result.final[:] = np.nan
        assert np.isfinite(result.replay["x0"]).all()


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
@each_method
@each_sde
def test_threads_do_not_change_a_bit(make, method):
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(run(make(), n_paths=1000, method=method).final)
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    np.testing.assert_array_equal(*results)


@each_method
@each_sde
def test_a_path_does_not_depend_on_how_many_there_are(make, method):
    """Nor, then, on the lanes of a block: 16 of them up to 256 here."""
    counts = (1, 17, 300, 5000)
    finals = [run(make(), n_paths=n, method=method).final for n in counts]
    for n, final in zip(counts, finals, strict=True):
        assert final.shape[0] == n
        np.testing.assert_array_equal(final, finals[-1][:n])
    assert len(np.unique(finals[-1][:, 0])) == counts[-1]


@each_method
def test_saved_positions_are_those_of_shorter_runs(method):
    saved = run(SDES["quadratic"](), save_every=10, method=method)
    assert saved.times.tolist() == [0.0, 10 * 0.005, 20 * 0.005, 30 * 0.005]
    assert saved.paths.shape == (4, 40, 2)
    for number, positions in enumerate(saved.paths):
        np.testing.assert_array_equal(run(SDES["quadratic"](), n_steps=10 * number, method=method).final, positions)
    np.testing.assert_array_equal(saved.final, saved.paths[-1])


def test_without_save_every_the_last_position_is_kept():
    result = run(well())
    assert result.times.tolist() == [30 * 0.005]
    np.testing.assert_array_equal(result.paths, result.final[None])


def test_no_steps_are_no_steps():
    for every in (None, 3):
        result = run(well(), n_steps=0, save_every=every)
        np.testing.assert_array_equal(result.paths, np.full((1, 40, 1), 0.4))
        assert result.times.tolist() == [0.0]


def test_chunks_do_not_change_a_bit(monkeypatch, capsys):
    whole = run(SDES["quadratic"](), method="leimkuhler-matthews").final
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 300)
    chunked = run(SDES["quadratic"](), method="leimkuhler-matthews", progress=True)
    np.testing.assert_array_equal(chunked.final, whole)
    assert "simulate" in capsys.readouterr().err


def test_without_noise_it_is_gradient_descent():
    landscape = st.landscapes.quadratic(CORRELATED)
    start = np.array([1.0, -2.0])
    final = st.simulate(st.langevin(landscape, 0.0), start, dt=0.1, n_steps=25, n_paths=3, rng=0).final
    expected = np.linalg.matrix_power(np.eye(2) - 0.1 * np.array(CORRELATED), 25) @ start
    np.testing.assert_allclose(final, np.tile(expected, (3, 1)), rtol=1e-13)


def stationary_variance(method, rng):
    """E[x²] of C = x²/2 at T = 1 with h = 0.4, 60 steps of contraction 0.6 after x = 0."""
    sde = st.langevin(st.landscapes.quadratic(1.0), 1.0)
    n = required_samples(deviation=np.sqrt(2) * 1.25, effect=0.02, alpha=ALPHA, power=0.9999)
    final = st.simulate(sde, [0.0], dt=0.4, n_steps=60, n_paths=n, rng=rng, method=method).final
    return mean_estimate(final[:, 0] ** 2)


def test_euler_maruyama_has_the_stationary_variance_of_its_recursion(rng):
    """X' = (1 − kh) x + sξ with s² = 2Th: s²/(1 − (1 − kh)²) = 1.25, a quarter above T/k."""
    discrete = 2 * 0.4 / (1 - (1 - 0.4) ** 2)
    assert discrete == pytest.approx(1.25)
    measured = stationary_variance("euler-maruyama", rng)
    assert agrees(measured, discrete, alpha=ALPHA)
    assert not agrees(measured, 1.0, alpha=ALPHA)


def test_leimkuhler_matthews_has_the_exact_stationary_variance(rng):
    measured = stationary_variance("leimkuhler-matthews", rng)
    assert agrees(measured, 1.0, alpha=ALPHA)
    assert not agrees(measured, 1.25, alpha=ALPHA)


def test_paths_are_independent(rng):
    """What matters: a correlation of 2 % between neighbours, in a block and across blocks."""
    n = required_samples(deviation=1.0, effect=0.02, alpha=ALPHA, power=0.9999)
    sde = st.langevin(st.landscapes.quadratic(1.0), 1.0)
    x = st.simulate(sde, [0.0], dt=0.4, n_steps=60, n_paths=n + 256, rng=rng).final[:, 0] / np.sqrt(1.25)
    for lag in (1, 16, 256):
        assert agrees(mean_estimate(x[:-lag] * x[lag:]), 0.0, alpha=ALPHA)
    spoiled = x[:-1] + 0.03 * x[1:]
    assert not agrees(mean_estimate(spoiled * x[1:]), 0.0, alpha=ALPHA)


def test_lost_paths_are_counted(rng):
    starts = np.where(rng.random((500, 1)) < 0.3, 1e3, 0.5)
    with pytest.warns(RuntimeWarning, match="of 500 paths overflowed"):
        result = st.simulate(well(), starts, dt=0.1, n_steps=100, rng=rng)
    lost = ~np.isfinite(result.final).all(axis=1)
    assert result.diverged == lost.sum() == (starts == 1e3).sum()
    np.testing.assert_array_equal(lost, starts[:, 0] == 1e3)
    assert run(well()).diverged == 0


@pytest.mark.parametrize("method", ["euler-maruyama", "leimkuhler-matthews", "heun"])
@pytest.mark.parametrize("stride", [1, 7, 1 << 14])
def test_the_first_lost_path_and_its_step_are_named(method, stride, monkeypatch, rng):
    """As a run that saves every step sees them; whatever happens after, and on workers too."""
    monkeypatch.setattr("sdetheory.engine.divergence._STRIDE", stride)
    starts = np.where(np.arange(90)[:, None] % 40 == 33, 6.0, 0.5)  # paths 33 and 73 step over the wells and away
    given = {"dt": 0.1, "n_steps": 30, "rng": rng.integers(99), "method": method, "start": 2.0}
    with pytest.warns(RuntimeWarning, match="2 of 90 paths overflowed; the first is path 33") as caught:
        result = st.simulate(well(), starts, **given)
        whole = st.simulate(well(), starts, **given, save_every=1)
    step = int(np.argmin(np.isfinite(whole.paths[:, 33, 0])))
    assert 3 < step < 20
    assert result.divergence == whole.divergence == st.simulators.Divergence(path=33, step=step)
    assert f"at step {step} (after a time of {step * 0.1:g}). Reduce dt=0.1" in str(caught[0].message)
    with ThreadPoolExecutor(2) as executor, pytest.warns(RuntimeWarning, match=f"path 33, at step {step}"):
        st.simulate(well(), starts, **given, executor=executor)


@pytest.mark.parametrize(
    ("drift", "diffusion", "message"),
    [
        (["-x", "log(y)"], [1, 1], r"component 1 of its drift is nan at \[ 0. -1.\], where path 2 starts"),
        (["1/(x*(y + 1))", "-y"], [1, 1], r"component 0 of its drift is (nan|inf)"),
        (["-x", "-y"], [1, "1/(1 + y)"], r"component 1 of its diffusion is inf"),
        (["-x", "-y"], [1, "sqrt(sqrt(y + 1))"], r"component 1 of its Milstein's terms is (nan|inf)"),
        (["-x", "log(y + t - 2)"], [1, 1], r"component 1 of its drift is nan at .*, where path 2 starts"),
    ],
)
def test_an_equation_that_is_not_finite_at_the_start_is_refused(drift, diffusion, message, monkeypatch):
    """Where one path starts, however late among the paths, and at the time at which it starts."""
    for name in ("advance", "advance_and_record", "advance_listed"):
        monkeypatch.setattr(_ensemble.Ensemble, name, None)
    monkeypatch.setattr(_ensemble, "_BATCH", 2)
    sde = st.SDE.from_sympy(drift, diffusion, variables=["x", "y"])
    method = "milstein" if "sqrt" in str(diffusion) else "euler-maruyama"
    starts = [[0.5, 1.0], [1.0, 0.5], [0.0, -1.0]]
    given = {"dt": 0.01, "method": method, "rng": 1}
    with pytest.raises(InvalidInputError, match=message):
        st.simulate(sde, starts, **given, n_steps=5, start=2.0)
    later = {"start": 2.0, **given}
    with pytest.raises(InvalidInputError, match=message):
        st.first_passage(sde, starts, target="x - 9", max_steps=4, **later)
    with pytest.raises(InvalidInputError, match=message):
        st.residence_times(sde, starts, cores=["x - 9", "-x - 9"], n_steps=4, **later)
    with pytest.raises(InvalidInputError, match=message.split(" at ")[0]):
        st.sample_stationary(sde, starts, n_paths=3, burn_in=0, n_steps=4, **given)


GOOD = {"x0": [0.0], "dt": 0.01, "n_steps": 10, "n_paths": 4}
REFUSED = [
    ({"dt": 0.0}, "dt must be > 0; got 0"),
    ({"dt": -0.01}, "dt must be > 0"),
    ({"dt": np.nan}, "dt must be finite"),
    ({"dt": np.inf}, "dt must be finite"),
    ({"dt": [0.1, 0.2]}, r"dt must have shape \(\)"),
    ({"dt": "small"}, "dt must be real"),
    ({"n_steps": -1}, "n_steps must be >= 0"),
    ({"n_steps": 2.5}, "n_steps must be a whole number"),
    ({"n_steps": None}, "n_steps must be real"),
    ({"n_paths": None}, r"x0 must have shape \(1,\) together with n_paths"),
    ({"n_paths": 0}, "n_paths must be >= 1"),
    ({"n_paths": -3}, "n_paths must be >= 1"),
    ({"n_paths": 1.5}, "n_paths must be a whole number"),
    ({"n_paths": 2**32 + 1}, "n_paths must be >= 1 and <= 4294967296"),
    ({"x0": 0.0}, r"x0 must have shape \(1,\).*got shape \(\)"),
    ({"x0": [0.0, 1.0]}, r"x0 must have shape.*got shape \(2,\) with n_paths=4"),
    ({"x0": np.zeros((3, 1))}, r"got shape \(3, 1\) with n_paths=4"),
    ({"x0": np.zeros((4, 2))}, r"got shape \(4, 2\)"),
    ({"x0": np.zeros((0, 1)), "n_paths": None}, r"got shape \(0, 1\)"),
    ({"x0": np.zeros((2, 2, 1)), "n_paths": None}, r"got shape \(2, 2, 1\)"),
    ({"x0": [np.nan]}, "x0 must be finite"),
    ({"x0": [[0.0], [np.inf]], "n_paths": None}, "x0 must be finite; 1 of 2"),
    ({"x0": ["left"]}, "x0 must be real"),
    ({"x0": None}, "x0 must be real"),
    ({"method": "euler-maruyana"}, "method must be one of.*Did you mean 'euler-maruyama'"),
    ({"method": "runge"}, "method must be one of 'baoab', 'euler-maruyama', .*; got 'runge'"),
    ({"increments": "normal"}, "increments must be one of 'gaussian', 'three-point', 'two-point'; got 'normal'"),
    ({"brownian_dt": 0.003}, "dt must be a whole multiple of brownian_dt; got 0.01 and 0.003"),
    ({"brownian_dt": 0.02}, "dt must be a whole multiple of brownian_dt"),
    ({"brownian_dt": 0.0}, "brownian_dt must be > 0"),
    ({"method": None}, "method must be one of"),
    ({"save_every": 3}, "save_every must divide n_steps.*got 3 and 10. Take n_steps=12"),
    ({"save_every": 0}, "save_every must be >= 1"),
    ({"save_every": 1.5}, "save_every must be a whole number"),
    ({"rng": -1}, "rng must be"),
    ({"rng": "seed"}, "rng must be.*pass an int"),
    ({"rng": np.random}, "rng must be"),
    ({"sde": None}, "sde must be an SDE; got NoneType"),
    ({"sde": st.landscapes.double_well}, "sde must be an SDE; got function.*langevin"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_wrong_arguments_are_refused_before_any_work(change, message, idle):
    with pytest.raises(InvalidInputError, match=message):
        st.simulate(**{"sde": well(), **GOOD, **change})


@pytest.mark.parametrize(
    ("temperature", "message"),
    [
        (-0.1, "temperature must be >= 0; got -0.1"),
        (np.nan, "temperature must be finite"),
        (np.inf, "temperature must be finite"),
        ([1.0, 2.0], r"temperature must have shape \(\)"),
        ("hot", "temperature must be real"),
    ],
)
def test_wrong_temperatures_are_refused(temperature, message, idle):
    with pytest.raises(InvalidInputError, match=message):
        st.langevin(st.landscapes.double_well(), temperature)


def test_langevin_wants_a_landscape():
    with pytest.raises(InvalidInputError, match="landscape must be a Landscape; got str"):
        st.langevin("x**2", 1.0)


def test_the_step_is_a_keyword():
    with pytest.raises(TypeError):
        st.simulate(well(), [0.0], 0.01, 10)
