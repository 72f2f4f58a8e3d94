"""First-passage times: against quadrature and the inverse Gaussian law, bit for bit, and refusals."""

import itertools

import numba
import numpy as np
import pytest
from scipy import integrate, linalg, stats

import sdetheory as st
from sdetheory._kernels import noise
from sdetheory._kernels.drivers.passages import advance_to_target
from sdetheory._kernels.signatures import NOISE, compiled
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.results import mean_estimate
from sdetheory.simulators import _ensemble
from sdetheory.stats import agrees

ALPHA = 1e-6  # false-alarm rate of one statistical assertion


def well(temperature):
    return st.langevin(st.landscapes.double_well(), temperature)


def exact_mean(temperature, start, end):
    """Return 1/T ∫ e^{C(y)/T} ∫_{−∞}^y e^{−C(z)/T} dz dy from `start` to `end`, for C = x⁴/4 − x²/2."""

    def cost(x):
        return x**4 / 4 - x**2 / 2

    def inner(y):
        return integrate.quad(lambda z: np.exp((cost(y) - cost(z)) / temperature), -4, y, epsabs=1e-11)[0]

    return integrate.quad(inner, start, end, epsabs=1e-9)[0] / temperature


def passage(sde, x0, target, n_paths=200, **changes):
    return st.first_passage(
        sde, x0, target=target, n_paths=n_paths, **{"dt": 0.02, "max_steps": 2000, "rng": 3, **changes}
    )


def test_the_quadrature_knows_the_published_value():
    assert exact_mean(0.1, -1, 1) == pytest.approx(66.2686, abs=1e-4)


@pytest.mark.parametrize(("temperature", "dt"), [(0.1, 0.01), (0.25, 0.005)])
def test_mean_time_from_well_to_well(temperature, dt, rng):
    """4,000 paths: 1.6 %, so that Kramers' formula, 18 % short at T = 0.1, is rejected."""
    result = passage(well(temperature), [-1.0], ("above", 1.0), 4000, dt=dt, max_steps=300_000, rng=rng)
    expected = exact_mean(temperature, -1, 1)
    assert result.censored == 0
    assert agrees(result.mean, expected, alpha=ALPHA)
    assert not agrees(result.mean, np.pi * np.sqrt(2) * np.exp(0.25 / temperature), alpha=ALPHA)


def test_the_bridge_removes_the_bias_that_its_absence_has(rng):
    """To the barrier's top, in coarse steps. What is left of the bias is 1/4 of a standard error or so."""
    expected = exact_mean(0.1, -1, 0)
    means = [
        passage(well(0.1), [-1.0], ("above", 0.0), 20_000, dt=0.02, max_steps=100_000, rng=rng, bridge=bridge).mean
        for bridge in (True, False)
    ]
    assert agrees(means[0], expected, alpha=ALPHA)
    assert not agrees(means[1], expected, alpha=ALPHA)


def brownian(drift=1.0):
    return st.SDE.from_sympy(["m"], [1.0], variables=["x"], parameters={"m": drift})


def test_drifting_brownian_motion_arrives_by_the_inverse_gaussian_law(rng):
    """Each step is exact, the bridge too: what remains is the interpolation within a step, below dt."""
    law = stats.invgauss(mu=1 / 2.0, scale=4.0)  # level a = 2, drift 1: mean a, shape a²
    for bridge in (True, False):
        result = passage(brownian(), [0.0], ("above", 2.0), 10_000, max_steps=5000, rng=rng, bridge=bridge)
        assert result.censored == 0
        assert (stats.kstest(result.times, law.cdf).pvalue > ALPHA) == bridge
    assert law.mean() == pytest.approx(2.0)


def geometric(noise):
    if noise == "scalar":
        return st.SDE.from_sympy(["x"], ["x"], variables=["x"]), [1.0], "x - E"
    drift, target = ["x", "y"], "x - E"
    if noise == "diagonal":
        return st.SDE.from_sympy(drift, ["x", "y"], variables=["x", "y"]), [1.0, 1.0], target
    rows = [["3*x/5", "4*x/5"], ["4*y/5", "3*y/5"]]
    return st.SDE.from_sympy(drift, rows, variables=["x", "y"]), [1.0, 1.0], target


@pytest.mark.parametrize("noise", ["scalar", "diagonal", "commutative"])
def test_noise_that_depends_on_the_state(noise, rng):
    """Geometric Brownian motion from 1 to e: its logarithm has drift 1/2 and arrives after 2 on average."""
    sde, start, target = geometric(noise)
    results = [
        passage(sde, start, target, 40_000, dt=0.02, max_steps=20_000, method="milstein", rng=rng, bridge=bridge)
        for bridge in (True, False)
    ]
    assert [r.censored for r in results] == [0, 0]
    assert agrees(results[0].mean, 2.0, alpha=ALPHA)
    assert not agrees(results[1].mean, 2.0, alpha=ALPHA)


def test_a_ball_in_two_dimensions(rng):
    """Brownian motion leaves a ball of radius r after r²/d on average."""
    sde = st.SDE.from_sympy([0, 0], [1, 1], variables=["x", "y"])
    results = [
        passage(sde, [0.0, 0.0], "x**2 + y**2 - 1", 20_000, dt=0.002, max_steps=20_000, rng=rng, bridge=bridge)
        for bridge in (True, False)
    ]
    assert agrees(results[0].mean, 0.5, alpha=ALPHA)
    assert not agrees(results[1].mean, 0.5, alpha=ALPHA)


def test_a_crossing_along_any_direction_scales_out():
    sde = st.SDE.from_sympy([1, 0], [[1, 0.5], [0, 1]], variables=["x", "y"])
    target = st.Crossing(direction=[1.0, -0.5], level=1.0)
    first = passage(sde, [0.0, 0.0], target)
    np.testing.assert_allclose(passage(sde, [0.0, 0.0], "x - y/2 - 1").times, first.times, rtol=1e-12)
    longer = st.Crossing(direction=[4.0, -2.0], level=4.0)
    np.testing.assert_allclose(passage(sde, [0.0, 0.0], longer).times, first.times, rtol=1e-12)


def test_below_mirrors_above():
    up, down = passage(brownian(), [0.0], ("above", 1.0), 4000), passage(brownian(-1.0), [0.0], ("below", -1.0), 4000)
    assert agrees(up.mean, 1.0, alpha=ALPHA)
    assert agrees(down.mean, 1.0, alpha=ALPHA)


def test_a_target_that_moves():
    """Without noise: x = t meets 2 − t at 1, from another start too."""
    sde = st.SDE.from_sympy(["1"], ["k"], variables=["x"], parameters={"k": 0.0})
    np.testing.assert_allclose(passage(sde, [0.0], "x + t - 2", 2, bridge=False).times, 1.0, rtol=1e-9)
    np.testing.assert_allclose(passage(sde, [0.0], "x + t - 7", 2, start=5.0).times, 1.0, rtol=1e-9)


def test_functions_of_your_own():
    sde = st.SDE(drift=lambda x: -x, diffusion=[1.0], dimension=1, noise="additive")
    same = st.SDE.from_sympy(["-x"], [1], variables=["x"])
    first = passage(sde, [0.0], "x0 - 1")
    np.testing.assert_allclose(first.times, passage(same, [0.0], ("above", 1.0)).times, rtol=1e-12)


def exact_survival(temperature, window, n=1500):
    """Return S(window) and ∫ S dt from −1 to an absorbing 1: eigenvalues of the symmetrized generator on a grid."""
    y, h = np.linspace(-3, 1, n, endpoint=False, retstep=True)
    c = (y**4 / 4 - y**2 / 2) / temperature
    up = np.exp(-np.diff(np.append(c, -0.25 / temperature)) / 2)  # the last one leads out
    down = np.append(0.0, np.exp(np.diff(c) / 2))
    rate = temperature / h**2
    values, vectors = linalg.eigh_tridiagonal(rate * (up + down), np.full(n - 1, -rate))
    start = np.argmin(np.abs(y + 1))
    weights = vectors[start] * np.exp(c[start] / 2) * (np.exp(-c / 2) @ vectors)
    return weights @ np.exp(-values * window), weights @ (-np.expm1(-values * window) / values)


def test_censoring_is_counted_and_the_rate_survives_it(rng):
    """Controls: the mean of what was seen, and its inverse as the rate, as if nobody were still waiting."""
    expected = exact_mean(0.1, -1, 1)
    survival, at_risk = exact_survival(0.1, 80.0)
    assert exact_survival(0.1, 1e5)[1] == pytest.approx(expected, rel=1e-4)
    result = passage(well(0.1), [-1.0], ("above", 1.0), 8000, dt=0.01, max_steps=8000, rng=rng)
    assert 0 < result.censored == np.isnan(result.times).sum()
    assert result.mean is None
    assert result.window == pytest.approx(80.0)
    assert agrees(result.restricted_mean, at_risk, alpha=ALPHA)
    assert agrees(result.rate, (1 - survival) / at_risk, alpha=ALPHA)
    seen = mean_estimate(result.times[np.isfinite(result.times)])
    assert not agrees(seen, at_risk, alpha=ALPHA)
    assert not agrees(result.rate, 1 / seen.value, alpha=ALPHA)


def test_restricted_mean_of_brownian_motion(rng):
    law = stats.invgauss(mu=1 / 2.0, scale=4.0)
    expected = law.expect(lambda t: t, lb=0, ub=2.0) + 2.0 * law.sf(2.0)
    result = passage(brownian(), [0.0], ("above", 2.0), 10_000, dt=0.01, max_steps=200, rng=rng)
    assert agrees(result.restricted_mean, expected, alpha=ALPHA)
    assert not agrees(result.restricted_mean, 2.0, alpha=ALPHA)
    at_risk = np.where(np.isfinite(result.times), result.times, 2.0)
    assert result.rate.value == pytest.approx((10_000 - result.censored) / at_risk.sum())


def test_nobody_arrives():
    result = passage(well(0.01), [-1.0], ("above", 1.0), max_steps=10)
    assert result.censored == 200
    assert result.rate.value == 0 < result.rate.stderr


def fill(source, lanes=50_000, rows=4, first=8):
    """Return numbers of consecutive paths, from a function of the signature NOISE."""

    @numba.njit
    def call(function, z, words, first, path, key):
        function(z, words, first, path, key)

    z, key = np.empty((rows, lanes)), np.append([11, 12], np.arange(lanes)).astype(np.uint64)
    call(compiled(NOISE, source), z, np.empty((2, lanes), np.uint64), first, 0, key)
    return z


def uniform_of_the_normals(z, words, first, path, key):
    """Fill z as uniform_of_listed does, but from the very words that the normals are made of."""
    for lane in range(z.shape[1]):
        w = noise.philox(np.uint64(lane), np.uint64(0), np.uint64(first >> 2), np.uint64(0), key[0], key[1])
        for i in range(4):
            z[i, lane] = (np.float64(w[i]) + 0.5) * 2.0**-32


def test_the_bridge_has_uniform_numbers_of_its_own():
    """Uniform, and uncorrelated with one another and with the normals of the same steps; controls fail either."""
    u, z = fill(noise.uniform_of_listed), fill(noise.gaussian)
    np.testing.assert_array_equal(fill(noise.gaussian_of_listed), z)
    assert 0 < u.min() < u.max() < 1
    assert stats.kstest(u.ravel(), "uniform").pvalue > ALPHA
    # 0.02/e = 0.0074 off: with 200,000 numbers 3.3 / √n, where 2.7 / √n is the bound.
    assert stats.kstest(u.ravel() ** 1.02, "uniform").pvalue < ALPHA

    def uncorrelated(u):
        together = np.vstack([u, z, z**2])
        correlations = np.corrcoef(together)[np.triu_indices(len(together), 1)] * np.sqrt(u.shape[1])
        return np.abs(correlations).max() < stats.norm.isf(ALPHA / 2 / correlations.size)

    assert uncorrelated(u)
    assert not uncorrelated(fill(uniform_of_the_normals))
    assert not np.array_equal(u, fill(noise.uniform_of_listed, first=12))


def test_one_signature_serves_all_targets_and_equations():
    passage(well(0.25), [-1.0], ("above", 0.5), 20)
    sde, start, target = geometric("commutative")
    passage(sde, start, target, 20, bridge=False)
    assert len(advance_to_target.signatures) == 1


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_threads_do_not_change_a_bit():
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(passage(well(0.25), [-1.0], ("above", 0.5), 1000).times)
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    np.testing.assert_array_equal(*results)


def test_neither_the_number_of_paths_nor_of_steps_nor_chunks_matter(monkeypatch):
    first = passage(well(0.25), [-1.0], ("above", 0.5), 3000)
    for n_paths in (2, 7, 129):
        few = passage(well(0.25), [-1.0], ("above", 0.5), n_paths)
        np.testing.assert_array_equal(few.times, first.times[:n_paths])
    short = passage(well(0.25), [-1.0], ("above", 0.5), 3000, max_steps=333)
    arrived = np.isfinite(short.times)
    np.testing.assert_array_equal(short.times[arrived], first.times[arrived])
    assert np.all(~(first.times[~arrived] < 333 * 0.02))
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 3000 * 37)
    np.testing.assert_array_equal(passage(well(0.25), [-1.0], ("above", 0.5), 3000).times, first.times)


def test_paths_that_have_arrived_cost_nothing(monkeypatch):
    """The steps made, of all lanes, are at most twice those that somebody needs; five times without packing."""
    made = []
    advance = _ensemble.Ensemble.advance_listed

    def counting(self, driver, n_steps, *arguments):
        made.append(n_steps * self.state.size)
        advance(self, driver, n_steps, *arguments)

    monkeypatch.setattr(_ensemble.Ensemble, "advance_listed", counting)
    monkeypatch.setattr(_ensemble, "_CHUNK", 2**20)
    result = passage(well(0.25), [-1.0], ("above", 1.0), 3000, max_steps=100_000)
    needed = result.times.sum() / 0.02
    assert needed < sum(made) < 2 * needed
    assert 3000 * result.times.max() / 0.02 > 5 * needed


def test_replay_gives_the_same_bits():
    for rng in (None, 3, np.random.default_rng(5)):
        first = passage(well(0.25), [-1.0], ("above", 0.5), 50, rng=rng)
        np.testing.assert_array_equal(st.first_passage(**first.replay).times, first.times)


def test_the_bridge_only_makes_times_shorter():
    with_bridge = passage(brownian(), [0.0], ("above", 1.0)).times
    without = passage(brownian(), [0.0], ("above", 1.0), bridge=False).times
    assert np.all(with_bridge <= without)
    assert np.any(with_bridge < without)


def test_overflow_is_reported():
    """−1e150 squared is still finite; from the next step on it is not."""
    sde = st.SDE.from_sympy(["-x**2"], [0.1], variables=["x"])
    starts = np.full((20, 1), -0.5)
    starts[3:5] = -1e150
    with pytest.warns(RuntimeWarning, match=r"2 of 20 paths overflowed and .* path 3, at step 2 \(after"):
        result = st.first_passage(sde, starts, target="x - 1000", dt=0.1, max_steps=9, rng=0)
    assert (result.diverged, result.censored) == (2, 18)
    assert result.divergence == st.simulators.Divergence(path=3, step=2)
    with pytest.raises(st.errors.DivergedError, match=r"20 of 20 .* path 0, at step 2"):
        st.first_passage(sde, np.full((20, 1), -1e150), target="x - 1000", dt=0.1, max_steps=20, rng=0)


def test_overflow_of_a_component_that_the_target_does_not_see():
    sde = st.SDE.from_sympy(["1", "y**3"], [1, 0], variables=["x", "y"])
    with pytest.warns(RuntimeWarning, match="1 of 3 paths overflowed"):
        result = st.first_passage(sde, [[0, 0], [0, 1e2], [0, 1]], target="x - 4", dt=0.1, max_steps=8, rng=0)
    with np.errstate(over="ignore"):
        y = list(itertools.accumulate(range(8), lambda y, _: y + 0.1 * y**3, initial=np.float64(100.0)))
    assert result.divergence == st.simulators.Divergence(path=1, step=int(np.argmin(np.isfinite(y))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": ("above", -2.0)}, "start outside the target"),
        ({"target": ("over", 1.0)}, "above"),
        ({"target": ("above", np.nan)}, "level must be finite"),
        ({"target": 1.0}, "got float"),
        ({"target": "y - 1"}, "unknown name"),
        ({"target": "barrier"}, "must depend on x"),
        ({"target": st.Crossing(direction=[1.0, 0.0], level=1.0)}, "shape"),
        ({"max_steps": 0}, "max_steps"),
        ({"dt": -0.1}, "dt must be > 0"),
        ({"n_paths": 1}, "n_paths must be >= 2"),
        ({"start": np.inf}, "start must be finite"),
    ],
)
def test_refusals(changes, words):
    arguments = {"target": ("above", 1.0), "dt": 0.01, "max_steps": 10, "n_paths": 4, **changes}
    with pytest.raises(InvalidInputError, match=words):
        st.first_passage(well(0.25), [-1.0], **arguments)


@pytest.mark.parametrize(
    ("direction", "level", "words"),
    [([0.0], 1.0, "direction must not be zero"), ([np.nan], 1.0, "direction must be finite"), (1.0, 1.0, "direction"),
     ([1.0], np.inf, "level must be finite"), ([1.0], "1", "level must be real")],
)  # fmt: skip
def test_a_crossing_of_no_numbers_is_refused_where_it_is_made(direction, level, words):
    with pytest.raises(InvalidInputError, match=words):
        st.Crossing(direction=direction, level=level)


def test_a_method_whose_points_are_not_on_a_path():
    with pytest.raises(IncompatibleError, match="euler-maruyama"):
        passage(well(0.25), [-1.0], ("above", 1.0), method="leimkuhler-matthews")
    sde = st.SDE.from_sympy([0, 0], [1, 1], variables=["x", "y"])
    with pytest.raises(InvalidInputError, match="one dimension"):
        passage(sde, [0.0, 0.0], ("above", 1.0))
