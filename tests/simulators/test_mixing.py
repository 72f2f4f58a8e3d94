"""Autocorrelation time, effective sample size and split R-hat of a stationary sample."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from test_stationary_statistics import ALPHA, estimates, sample, well

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.stats import agrees, required_samples

# What is tested is how the run is made, not whether it has settled, which it is too short for.
SHORT = pytest.mark.filterwarnings("ignore::sdetheory.errors.AccuracyWarning")

# --- Autocorrelation: the discrete Ornstein-Uhlenbeck process is an AR(1) process, exactly ---------------------------

STEP, EVERY, N = 0.1, 2, 400


def autoregression(n_paths, rng, **changes):
    """Sample dx = -x dt + dW by Euler-Maruyama, from its stationary law: coefficient 1 - h a step."""
    sde = st.SDE.from_sympy(["-x"], ["1"], variables=["x"])
    starts = rng.standard_normal((n_paths, 1)) / np.sqrt(2 - STEP)
    given = {"dt": STEP, "n_paths": n_paths, "burn_in": 0, "n_steps": EVERY * N, "every": EVERY, "rng": rng, **changes}
    return st.sample_stationary(sde, starts, observables={"square": "x**2"}, **given)


def inflation(a):
    """N var(mean) / σ² for n samples of an autocorrelation a^k; (1 + a)/(1 - a) for n → ∞."""
    return (1 + a) / (1 - a) - 2 * a * (1 - a**N) / (N * (1 - a) ** 2)


def test_autocorrelation_time_and_effective_sample_size_of_an_autoregression(rng):
    """τ = s (1 + a)/(1 − a)/2 for x; for x² of a Gaussian process with a² instead of a; 8 % must be seen."""
    # One path's square of its mean has the relative deviation sqrt(2), and that of x² not much more: n >> tau.
    n_paths = required_samples(deviation=1.5 * np.sqrt(2), effect=0.08, alpha=ALPHA, power=0.9999)
    result, a = autoregression(n_paths, rng), (1 - STEP) ** EVERY
    for mixing, c in ((result, a), (result.mixing["square"], a**2)):
        time, size = mixing.autocorrelation_time, mixing.effective_sample_size
        exact = EVERY * STEP * inflation(c) / 2
        assert agrees(time, exact, alpha=ALPHA)
        assert agrees(size, n_paths * N / inflation(c), alpha=ALPHA)
        # Without the factor 2; of neighbouring steps; as if samples were independent.
        assert not agrees(time, 2 * exact, alpha=ALPHA)
        assert not agrees(time, exact / EVERY, alpha=ALPHA)
        assert not agrees(time, EVERY * STEP / 2, alpha=ALPHA)
        assert not agrees(size, n_paths * N, alpha=ALPHA)
        assert not agrees(size, n_paths * N / inflation(np.sqrt(c)), alpha=ALPHA)
    # The limit of long paths is what the documentation names, with the bias that it names.
    assert EVERY * STEP * inflation(a) / 2 == pytest.approx(1 - STEP / 2, rel=2 / (EVERY * STEP * N))


def test_effective_sample_size_is_that_of_arviz_on_stored_paths():
    """Geyer's sums over autocorrelations of the same draws; 25 seeds gave differences of 1.09 of our errors (rms)."""
    starts = np.random.default_rng(1).standard_normal((4000, 1)) / np.sqrt(2 - STEP)
    given = {"dt": STEP, "n_paths": 4000, "rng": 2}
    sde = st.SDE.from_sympy(["-x"], ["1"], variables=["x"])
    result = st.sample_stationary(sde, starts, burn_in=0, n_steps=EVERY * N, every=EVERY, **given)
    draws = st.simulate(sde, starts, n_steps=EVERY * N, save_every=EVERY, **given).paths[1:, :, 0].T
    witness = float(array_stats.ess(draws, method="mean"))
    assert agrees(result.effective_sample_size, witness, alpha=ALPHA)
    assert not agrees(result.effective_sample_size, draws.size, alpha=ALPHA)
    assert not agrees(result.effective_sample_size, 2 * witness, alpha=ALPHA)


@SHORT
def test_paths_that_never_mix_count_once_each(rng):
    """Constant paths: V = σ², so that τ is T/2 and the effective sample size the number of paths."""
    still = st.SDE.from_sympy(["0"], ["0"], variables=["x"])
    result = st.sample_stationary(still, rng.standard_normal((50, 1)), dt=0.1, n_paths=50, burn_in=0, n_steps=80)
    assert result.effective_sample_size.value[0] == pytest.approx(50, rel=1e-12)
    assert result.autocorrelation_time.value[0] == pytest.approx(4.0, rel=1e-12)
    assert result.r_hat.value[0] > 1e6


@SHORT
def test_errors_are_the_scatter_of_repetitions():
    """Fifty samples of different seeds: their spread is what each says of itself, within a factor of 1.6."""
    results = [
        sample(well(), n_paths=2100, rng=seed, burn_in=200, n_steps=400, observables={"e": "x**4"}, basins={"r": "x>0"})
        for seed in range(50)
    ]
    for name in estimates(results[0]):
        repeated = [estimates(result)[name] for result in results]
        spread = np.std([np.ravel(e.value)[0] for e in repeated], ddof=1)
        claimed = np.sqrt(np.mean([np.ravel(e.stderr)[0] ** 2 for e in repeated]))
        # A chi-square of 49 degrees of freedom leaves (1/1.6, 1.6) with probability 1e-6.
        assert 1 / 1.6 < spread / claimed < 1.6, name


@SHORT
def test_an_offset_does_not_cancel_what_varies():
    result = sample(well(), observables={"x": "x", "far": "x + 10**8"})
    near, far = result.mixing["x"], result.mixing["far"]
    for name in ("autocorrelation_time", "effective_sample_size", "r_hat"):
        assert getattr(far, name).value == pytest.approx(getattr(near, name).value, rel=1e-6)
    assert near.r_hat.value == pytest.approx(result.r_hat.value[0], rel=1e-12)


# --- R-hat -----------------------------------------------------------------------------------------------------------


@SHORT
def test_r_hat_sees_wells_that_do_not_mix():
    """At a thousandth of a crossing a path, paths from both wells disagree; from one well they agree, wrongly."""
    both = np.where(np.arange(500) % 2, 1.0, -1.0)[:, None]
    given = {"n_paths": 500, "dt": 0.05, "burn_in": 100, "n_steps": 8000, "every": 5, "rng": 1}
    cold = st.sample_stationary(well(0.02), both, **given, basins={"right": "x > 0"})
    assert cold.r_hat.value[0] > 1.1
    assert cold.mixing["right"].r_hat.value > 1.1
    assert (cold.r_hat.value - 1.1)[0] > 5 * cold.r_hat.stderr[0]
    assert st.sample_stationary(well(0.02), np.abs(both), **given).r_hat.value[0] < 1.01


def test_r_hat_of_paths_that_mix():
    """T = 400 with τ of about 1: R-hat is 1 + 2τ/T."""
    given = {"n_paths": 500, "dt": 0.05, "burn_in": 100, "n_steps": 8000, "every": 5, "rng": 1}
    mixed = st.sample_stationary(st.langevin(st.landscapes.quadratic(1.0), 0.5), [3.0], **given)
    assert mixed.r_hat.value[0] < 1.01
    assert agrees(mixed.r_hat, 1 + 2 / 400, alpha=ALPHA)
    assert not agrees(mixed.r_hat, 1.0, alpha=ALPHA)


@pytest.mark.parametrize("column", [2, -3, 2**63, 0.5, True, "r_hat", None, [0], slice("a", None), slice(0, 1, 0)])
def test_a_column_that_is_not_there_is_refused(column):
    pair = st.Estimate(value=np.array([1.0, 2.0]), stderr=np.array([0.1, 0.2]), n_eff=10.0)
    mixing = st.simulators.Mixing(autocorrelation_time=pair, effective_sample_size=pair, r_hat=pair)
    assert mixing.of(-1).r_hat.value == mixing.of(1).r_hat.value == mixing.of(slice(1, None)).r_hat.value[0] == 2.0
    with pytest.raises(InvalidInputError, match="column"):
        mixing.of(column)
    with pytest.raises(InvalidInputError, match="column is for estimates of shape"):
        mixing.of(0).of(0)
