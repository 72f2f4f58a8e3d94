"""Statistics in a stream: those of the stored paths, of the right law, with honest errors."""

import itertools
import warnings

import numba
import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import AccuracyWarning, DivergedError, InvalidInputError
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

# What is tested is how the run is made, not whether it has settled, which it is too short for.
SHORT = pytest.mark.filterwarnings("ignore::sdetheory.errors.AccuracyWarning")

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
HESSIAN = np.array([[2.0, 0.6], [0.6, 1.0]])
METHODS = ("euler-maruyama", "leimkuhler-matthews")
EDGES = np.linspace(-2, 2, 41)


def well(temperature=0.5):
    return st.langevin(st.landscapes.double_well(), temperature)


def bowl(temperature=0.3):
    return st.langevin(st.landscapes.quadratic(HESSIAN), temperature)


def same(one, other):
    """Assert the same bits."""
    for a, b in ((one.mean, other.mean), (one.covariance, other.covariance)):
        np.testing.assert_array_equal(a.value, b.value)
        np.testing.assert_array_equal(a.stderr, b.stderr)
    if one.histogram is not None:
        np.testing.assert_array_equal(one.histogram.counts, other.histogram.counts)
        np.testing.assert_array_equal(one.histogram.totals, other.histogram.totals)


def sample(sde, n_paths=700, **changes):
    bins = EDGES if sde.dimension == 1 else (EDGES, np.linspace(-3, 3, 13))
    arguments = {"dt": 0.02, "n_paths": n_paths, "burn_in": 15, "n_steps": 24, "every": 4, "bins": bins, "rng": 5}
    return st.sample_stationary(sde, **{**arguments, **changes})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", [well, bowl])
@SHORT
def test_statistics_are_those_of_the_stored_paths(make, method, rng):
    sde = make()
    starts = rng.standard_normal((700, sde.dimension))
    streamed = sample(sde, x0=starts, method=method)
    paths = st.simulate(sde, starts, dt=0.02, n_steps=39, rng=5, method=method, save_every=1).paths
    kept = paths[15 + 4 :: 4]
    assert streamed.n_samples == kept.shape[0] * 700
    assert streamed.diverged == 0

    by_path = kept.mean(axis=0)
    mean = mean_estimate(by_path)
    np.testing.assert_allclose(streamed.mean.value, mean.value, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(streamed.mean.stderr, mean.stderr, rtol=1e-10)
    # The mean is estimated too, which takes its own variance from the covariance.
    second = np.einsum("tni,tnj->ij", kept, kept) / (kept.shape[0] * 700)
    covariance = second - np.outer(mean.value, mean.value) + np.cov(by_path.T) / 700
    np.testing.assert_allclose(streamed.covariance.value, covariance, rtol=1e-11, atol=1e-13)

    histogram = streamed.histogram
    counts, _ = np.histogramdd(kept.reshape(-1, sde.dimension), bins=histogram.edges)
    np.testing.assert_array_equal(histogram.counts.sum(axis=0), counts)
    assert histogram.totals.sum() == streamed.n_samples


@pytest.mark.parametrize("make", [well, bowl])
@SHORT
def test_replay_gives_the_same_bits(make):
    for rng in (None, np.random.default_rng(3)):
        first = sample(make(), rng=rng)
        same(st.sample_stationary(**first.replay), first)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
@pytest.mark.parametrize("make", [well, bowl])
@SHORT
def test_threads_do_not_change_a_bit(make):
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(sample(make()))
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    same(*results)


@pytest.mark.parametrize("method", METHODS)
@SHORT
def test_chunks_do_not_change_a_bit(method, monkeypatch, capsys):
    whole = sample(bowl(), method=method)
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 3000)
    same(sample(bowl(), method=method, progress=True), whole)
    assert "burn in" in capsys.readouterr().err


@SHORT
def test_bins_do_not_change_the_moments():
    one, other = sample(well()), sample(well(), bins=None)
    np.testing.assert_array_equal(one.covariance.value, other.covariance.value)
    assert other.histogram is None


@SHORT
def test_the_origin_is_the_default_start():
    same(sample(bowl()), sample(bowl(), x0=np.zeros((700, 2))))


@SHORT
def test_moments_far_from_the_origin_do_not_cancel():
    landscape = st.Landscape.from_sympy("(x - 10**8)**2/2", variables=["x"])
    far = sample(st.langevin(landscape, 1.0), x0=[1e8], bins=None)
    near = sample(st.langevin(st.landscapes.quadratic(1.0), 1.0), bins=None)
    np.testing.assert_allclose(far.covariance.value, near.covariance.value, rtol=1e-5)
    np.testing.assert_allclose(far.mean.value - 1e8, near.mean.value, atol=1e-6)


def relaxed(temperature, rng, method="leimkuhler-matthews", dt=0.3):
    """Sample the bowl after 60 steps of relaxation: e^-12 of the start is left in the slow direction."""
    # One path's variance estimate from one point has the relative deviation sqrt(2); 4 % must be seen.
    n = required_samples(deviation=np.sqrt(2), effect=0.04, alpha=ALPHA, power=0.9999)
    return st.sample_stationary(bowl(temperature), dt=dt, n_paths=n, burn_in=60, n_steps=20, rng=rng, method=method)


def test_covariance_of_a_correlated_quadratic(rng):
    measured = relaxed(0.3, rng)
    law = st.theory.ornstein_uhlenbeck(HESSIAN, 0.3 * np.eye(2))
    assert agrees(measured.covariance, law.covariance, alpha=ALPHA)
    assert agrees(measured.mean, [0.0, 0.0], alpha=ALPHA)
    hotter = st.theory.ornstein_uhlenbeck(HESSIAN, 1.05 * 0.3 * np.eye(2))
    assert not agrees(measured.covariance, hotter.covariance, alpha=ALPHA)
    assert not agrees(measured.covariance, np.diag(np.diag(law.covariance)), alpha=ALPHA)
    assert not agrees(measured.mean, [0.02, 0.0], alpha=ALPHA)


def test_euler_maruyama_has_the_covariance_of_its_recursion(rng):
    """Σ = (1 − hH)Σ(1 − hH) + 2Th: T (H − hH²/2)⁻¹."""
    measured = relaxed(0.3, rng, method="euler-maruyama")
    assert agrees(measured.covariance, 0.3 * np.linalg.inv(HESSIAN - 0.3 * HESSIAN @ HESSIAN / 2), alpha=ALPHA)
    assert not agrees(measured.covariance, 0.3 * np.linalg.inv(HESSIAN), alpha=ALPHA)


@SHORT
def test_histogram_of_the_double_well_is_the_gibbs_law(rng):
    """Cell by cell; what matters is a temperature off by 10 %. h² terms are a hundredth of the errors here."""
    streamed = st.sample_stationary(
        well(), dt=0.02, n_paths=16384, burn_in=500, n_steps=1000, every=20, bins=np.linspace(-2.4, 2.4, 41), rng=rng,
        method="leimkuhler-matthews",
    )  # fmt: skip
    edges = streamed.histogram.edges[0]

    def expected(temperature):
        law = st.theory.gibbs(st.landscapes.double_well(), temperature)
        return np.array([law.probability(a, b) for a, b in itertools.pairwise(edges)]) / np.diff(edges)

    # The outermost cells hold so few samples that their counts are far from normal.
    inner = slice(4, -4)
    density = streamed.histogram.density
    cells = st.Estimate(value=density.value[inner], stderr=density.stderr[inner], n_eff=density.n_eff)
    assert agrees(cells, expected(0.5)[inner], alpha=ALPHA)
    assert not agrees(cells, expected(0.55)[inner], alpha=ALPHA)


def test_errors_are_the_scatter_of_repetitions():
    """Fifty samples of different seeds: their spread is what each says of itself, within a factor of 1.6."""
    samples = [sample(well(), n_paths=2100, rng=seed, burn_in=300) for seed in range(50)]
    inside = [s.histogram.probability(-0.5, 0.5) for s in samples]
    for estimates in ([s.covariance for s in samples], [s.mean for s in samples], inside):
        spread = np.std([np.ravel(e.value)[0] for e in estimates], ddof=1)
        claimed = np.sqrt(np.mean([np.ravel(e.stderr)[0] ** 2 for e in estimates]))
        # A chi-square of 49 degrees of freedom leaves (1/1.6, 1.6) with probability 1e-6.
        assert 1 / 1.6 < spread / claimed < 1.6


@SHORT
def test_probabilities_add_up():
    histogram = sample(well(), bins=np.linspace(-1, 1, 21)).histogram
    left, right = histogram.probability(-1.0, 0.0), histogram.probability(0.0, 1.0)
    assert left.value + right.value + histogram.outside.value == pytest.approx(1.0, rel=1e-14)
    assert histogram.probability(-1.0, 1.0).value == pytest.approx(left.value + right.value, rel=1e-14)
    assert histogram.density.value.sum() * 0.1 == pytest.approx(1 - histogram.outside.value, rel=1e-13)
    assert 0 < left.stderr < 0.1


@SHORT
def test_an_infinite_corner_is_the_end_of_a_grid_that_holds_everything():
    wide = sample(well(), bins=np.linspace(-9, 9, 37)).histogram
    assert wide.outside.value == 0.0
    assert wide.probability(-np.inf, np.inf).value == 1.0
    assert wide.probability(0.0, np.inf).value == wide.probability(0.0, 9.0).value
    narrow = sample(well(), bins=np.linspace(-0.2, 0.2, 5)).histogram
    with pytest.raises(InvalidInputError, match=r"outside the grid.*wider bins"):
        narrow.probability(0.0, np.inf)


@SHORT
def test_a_box_in_two_dimensions():
    streamed = sample(bowl()).histogram
    counts = streamed.counts.sum(axis=0)
    measured = streamed.probability([-1.0, 0.0], [0.5, 1.5]).value
    assert measured == pytest.approx(counts[10:25, 6:9].sum() / streamed.totals.sum(), rel=1e-14)


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (0.0, 0.123, r"0.123 is not an edge of the histogram; the nearest is 0.1"),
        (-3.0, 0.0, "-3 is not an edge"),
        (0.0, 2.1, "2.1 is not an edge"),
        (1.0, 0.0, "lower"),
        (np.nan, 0.0, "lower must be finite"),
    ],
)
@SHORT
def test_boxes_off_the_edges_are_refused(lower, upper, message):
    with pytest.raises(InvalidInputError, match=message):
        sample(well()).histogram.probability(lower, upper)


@pytest.mark.parametrize("n_paths", [2, 5, 16])
@SHORT
def test_few_paths_still_have_errors(n_paths):
    """They would fit one block of lanes, but the groups of the histogram must not be fewer than two."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", AccuracyWarning)  # so short a run has not mixed
        density = sample(well(), n_paths=n_paths).histogram.density
    assert np.isfinite(density.stderr).all()
    assert density.n_eff >= 2


def mixed_starts(n_lost, n=600):
    return np.where(np.arange(n)[:, None] < n_lost, 1e3, 0.5)


@pytest.mark.parametrize("burn_in", [0, 1, 3, 4, 15])
@pytest.mark.parametrize("n_lost", [100, 400])
@SHORT
def test_lost_paths_are_left_out_with_a_warning(n_lost, burn_in):
    """Those on their way out spoil nothing of the others, neither by overflow nor by cancellation."""
    message = f"{n_lost} of 600 paths overflowed and were left out; the first is path 0, at step 4 .* Reduce dt=0.1"
    with pytest.warns(RuntimeWarning, match=message):
        streamed = sample(well(), x0=mixed_starts(n_lost), n_paths=600, dt=0.1, burn_in=burn_in)
    assert streamed.diverged == n_lost
    assert streamed.n_samples == (600 - n_lost) * 6
    assert streamed.mean.n_eff == 600 - n_lost
    with pytest.warns(RuntimeWarning, match=f"{n_lost} of 600 paths overflowed"):
        paths = st.simulate(well(), mixed_starts(n_lost), dt=0.1, n_steps=burn_in + 24, rng=5, save_every=1).paths
    assert np.abs(paths[3, 0]) < 1e155 < np.abs(paths[4, 0])  # its square overflows at step 4
    kept = paths[burn_in + 4 :: 4, n_lost:, 0]
    np.testing.assert_allclose(streamed.mean.value, kept.mean(), rtol=1e-11, atol=1e-13)
    variance = (kept**2).mean() - kept.mean() ** 2 + kept.mean(axis=0).var(ddof=1) / kept.shape[1]
    np.testing.assert_allclose(streamed.covariance.value, variance, rtol=1e-10)


@SHORT
def test_the_histogram_counts_what_is_finite():
    """Lost paths too, as long as they last: its memory knows no paths, so that nothing can be taken back."""
    with pytest.warns(RuntimeWarning, match="overflowed"):
        streamed = sample(well(), x0=mixed_starts(100), n_paths=600, dt=0.1, burn_in=0, every=1)
        paths = st.simulate(well(), mixed_starts(100), dt=0.1, n_steps=24, rng=5, save_every=1).paths[1:]
    finite = paths[np.isfinite(paths)]
    assert streamed.histogram.totals.sum() == finite.size > streamed.n_samples
    np.testing.assert_array_equal(streamed.histogram.counts.sum(axis=0), np.histogram(finite, bins=EDGES)[0])


@pytest.mark.parametrize("n_lost", [600, 599])
@pytest.mark.parametrize("burn_in", [0, 1, 4, 15])
def test_when_all_are_lost_it_is_an_error(n_lost, burn_in):
    with pytest.raises(DivergedError, match=f"{n_lost} of 600 paths overflowed; the first is path 0") as caught:
        sample(well(), x0=mixed_starts(n_lost), n_paths=600, dt=0.1, burn_in=burn_in)
    assert caught.value.result.shape == (600, 1)


GOOD = {"dt": 0.01, "n_paths": 4, "burn_in": 2, "n_steps": 10}
REFUSED = [
    ({"dt": 0.0}, "dt must be > 0"),
    ({"dt": -1.0}, "dt must be > 0"),
    ({"dt": np.nan}, "dt must be finite"),
    ({"n_paths": 1}, "n_paths must be >= 2"),
    ({"n_paths": None}, "n_paths must be real"),
    ({"n_paths": 3.5}, "n_paths must be a whole number"),
    ({"burn_in": -1}, "burn_in must be >= 0"),
    ({"burn_in": 0.5}, "burn_in must be a whole number"),
    ({"n_steps": 0}, "n_steps must be >= 1"),
    ({"n_steps": -5}, "n_steps must be >= 1"),
    ({"every": 0}, "every must be >= 1"),
    ({"every": 3}, "every must divide n_steps; got 3 and 10. Take n_steps=12"),
    ({"x0": [0.0, 0.0]}, "x0 must have shape"),
    ({"x0": np.zeros((3, 1))}, r"got shape \(3, 1\) with n_paths=4"),
    ({"x0": [np.nan]}, "x0 must be finite"),
    ({"method": "leimkuhler-mathews"}, "Did you mean 'leimkuhler-matthews'"),
    ({"method": "runge"}, "method must be one of"),
    ({"rng": -2}, "rng must be"),
    ({"sde": None}, "sde must be an SDE"),
    ({"bins": [0.0, 1.0, 3.0]}, "cells of equal width"),
    ({"bins": [1.0, 0.0]}, "cells of equal width"),
    ({"bins": [0.0, 0.0, 0.0]}, "cells of equal width"),
    ({"bins": [1.0]}, "cells of equal width"),
    ({"bins": []}, "cells of equal width"),
    ({"bins": 50}, "bins must have shape"),
    ({"bins": [0.0, np.inf]}, "bins must be finite"),
    ({"bins": [0.0, np.nan]}, "bins must be finite"),
    ({"bins": (EDGES, EDGES)}, "bins must give edges for each of the 1 coordinates; got 2"),
    ({"sde": bowl(), "bins": EDGES}, "bins must give edges for each of the 2 coordinates; got 1"),
    ({"sde": st.langevin(st.landscapes.quadratic(np.eye(3)), 1.0), "bins": EDGES}, "bins need d = 1 or 2.*Leave bins"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_wrong_arguments_are_refused_before_any_work(change, message, idle):
    with pytest.raises(InvalidInputError, match=message):
        st.sample_stationary(**{"sde": well(), **GOOD, **change})
