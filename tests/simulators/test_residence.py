"""Residence times: against quadrature, bit for bit, and refusals."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import integrate
from test_checkpoint import stop_after

import sdetheory as st
from sdetheory._kernels.drivers.residence import advance_between_cores
from sdetheory.errors import DivergedError, IncompatibleError, InvalidInputError
from sdetheory.simulators import Divergence
from sdetheory.stats import agrees

ALPHA = 1e-6  # false-alarm rate of one statistical assertion
TILT, TEMPERATURE = 0.08, 0.2
TILTED = st.Landscape.from_sympy("x**4/4 - x**2/2 + k*x", variables=["x"], parameters={"k": TILT})
CORES = [("below", -1.0), ("above", 1.0)]


def cost(x):
    return (x**4 / 4 - x**2 / 2 + TILT * x) / TEMPERATURE


def exact_times(edge=1.0):
    """Return the mean first-passage times −edge → edge and back: 1/T ∫ e^{C(y)/T} ∫ e^{−C(z)/T} dz dy."""
    y = np.linspace(-4, 4, 80_001)
    weight = np.exp(-cost(y))
    below = integrate.cumulative_simpson(weight, x=y, initial=0)
    between = np.abs(y) <= edge + 1e-9
    return [
        integrate.simpson((np.exp(cost(y)) * part)[between], x=y[between]) / TEMPERATURE
        for part in (below, below[-1] - below)
    ]


def exact_occupancy():
    """Return the stationary probability that −1 was visited last: the mean of the committor."""
    y = np.linspace(-4, 4, 80_001)
    weight, between = np.exp(-cost(y)), np.abs(y) <= 1 + 1e-9
    climb = integrate.cumulative_simpson(np.where(between, np.exp(cost(y)), 0.0), x=y, initial=0)
    return integrate.simpson(weight * (1 - climb / climb[-1]), x=y) / integrate.simpson(weight, x=y)


def stay(sde=None, x0=(-1.0,), **changes):
    given = {"cores": CORES, "dt": 0.01, "n_steps": 2000, "n_paths": 300, "rng": 3, **changes}
    return st.residence_times(sde or st.langevin(TILTED, TEMPERATURE), x0, **given)


def test_the_two_exact_answers_agree():
    """Renewal theory: the occupancy of a core is its share of a cycle. Gibbs' law of a side is another number."""
    left, right = exact_times()
    assert exact_occupancy() == pytest.approx(left / (left + right), rel=1e-6)
    side = st.theory.gibbs(TILTED, TEMPERATURE).probability(-np.inf, 0.0)
    assert abs(side - exact_occupancy()) > 0.005


@pytest.fixture(scope="module")
def long():
    """Return a run of some 48 cycles a path, 14,000 moves each way: 1 %; Kramers misses the times by 10 % and more."""
    return stay(n_steps=200_000, rng=11)


def test_times_rates_and_occupancy(long):
    """Controls: Kramers' formula, and the ratio of depths alone, e^{ΔC/T}."""
    left, right = exact_times()
    assert agrees(long.mean_times, [left, right], alpha=ALPHA)
    assert agrees(long.rates, [[0, 1 / left], [1 / right, 0]], alpha=ALPHA)
    share = left / (left + right)
    assert agrees(long.occupancy, [share, 1 - share], alpha=ALPHA)
    minima = [np.roots([1, 0, -1, TILT])[[i]].item() for i in range(3)]
    low, top, high = sorted(minima)
    kramers = [
        2 * np.pi * np.exp(cost(top) - cost(m)) / np.sqrt((3 * m**2 - 1) * (1 - 3 * top**2)) for m in (low, high)
    ]
    assert not agrees(long.mean_times, kramers, alpha=ALPHA)
    ratio = np.exp(cost(high) - cost(low))
    assert not agrees(long.occupancy, [ratio / (1 + ratio), 1 / (1 + ratio)], alpha=ALPHA)
    assert long.moves[0, 1] - long.moves[1, 0] in range(301)
    assert long.window == pytest.approx(2000.0)


def test_without_the_bridge_stays_are_too_long():
    left, right = exact_times(0.5)
    coarse = {"dt": 0.02, "n_steps": 50_000, "n_paths": 600, "cores": [("below", -0.5), ("above", 0.5)]}
    assert agrees(stay(**coarse).mean_times, [left, right], alpha=ALPHA)
    assert not agrees(stay(**coarse, bridge=False).mean_times, [left, right], alpha=ALPHA)


def test_two_cores_and_first_passage_share_their_paths():
    """The first move is the first passage, to the last bit; and the time before a core is visited counts for none."""
    passage = st.first_passage(
        st.langevin(TILTED, TEMPERATURE), [-1.0], target=CORES[1], dt=0.01, max_steps=2000, n_paths=300, rng=3
    )
    arrived = np.isfinite(passage.times)
    never = [("below", -1.0), ("above", 1.0), ("above", 50.0)]
    moved = stay().moves
    assert moved[0, 1] >= arrived.sum() > 0
    assert stay(cores=[CORES[1], ("below", -40.0)]).mean_times.value[0] == np.inf
    since = passage.window * 300 - np.where(arrived, passage.times, passage.window).sum()
    late = stay(cores=[CORES[1], ("below", -40.0)])
    assert 1 / late.rates.stderr[0, 1] == pytest.approx(since)
    np.testing.assert_array_equal(stay(cores=never).moves[:2, :2], moved)


def test_three_cores_in_a_row():
    """On a line nobody passes the middle unseen; from there both sides are as likely."""
    symmetric = st.langevin(st.landscapes.double_well(), 0.2)
    starts = np.where(np.arange(600) % 2, 1.0, -1.0)[:, None]
    cores = [CORES[0], "1/25 - x**2", CORES[1]]
    result = stay(symmetric, starts, cores=cores, n_steps=20_000, dt=0.005, n_paths=600)
    assert result.moves[0, 2] == result.moves[2, 0] == 0 < result.moves.sum()
    assert np.all(result.moves.diagonal() == 0)
    difference = result.rates.value[1, 0] - result.rates.value[1, 2]
    # Bounded by the sum of the two errors, whatever their correlation.
    assert abs(difference) < 5 * (result.rates.stderr[1, 0] + result.rates.stderr[1, 2])
    assert result.occupancy.value.sum() == pytest.approx(1)
    assert agrees(result.occupancy, result.occupancy.value[::-1], alpha=ALPHA)


def assert_same(a, b):
    for name in ("mean_times", "rates", "occupancy"):
        np.testing.assert_array_equal(getattr(a, name).value, getattr(b, name).value)
        np.testing.assert_array_equal(getattr(a, name).stderr, getattr(b, name).stderr)
    np.testing.assert_array_equal(a.moves, b.moves)


def test_chunks_workers_checkpoints_and_replays_do_not_change_a_bit(tmp_path, monkeypatch):
    first = stay(x0=[0.2], n_paths=601)
    assert np.all(first.moves.diagonal() == 0)  # the first visit to a core is no move
    assert_same(st.residence_times(**first.replay), first)
    with ThreadPoolExecutor(2) as executor:
        assert_same(stay(x0=[0.2], n_paths=601, executor=executor), first)
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 601 * 100)
    assert_same(stay(x0=[0.2], n_paths=601, checkpoint=tmp_path / "run.npz"), first)
    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="interrupted after"):
        stop_after(patch, 5)
        partial = stay(x0=[0.2], n_paths=601, checkpoint=tmp_path / "part.npz")
    assert partial.interrupted and 0 < partial.window < 20
    assert_same(partial, stay(x0=[0.2], n_paths=601, n_steps=round(partial.window / 0.01)))
    assert_same(stay(x0=[0.2], n_paths=601, checkpoint=tmp_path / "part.npz"), first)
    with pytest.raises(InvalidInputError, match="parameters of the cores differs"):
        stay(x0=[0.2], n_paths=601, cores=[CORES[0], ("above", 1.1)], checkpoint=tmp_path / "run.npz")
    assert len(advance_between_cores.signatures) == 1


def test_overflow_is_reported():
    sde = st.SDE.from_sympy(["-x**2"], [0.1], variables=["x"])
    given = {"cores": [("below", -3.0), ("above", 1.0)], "dt": 0.1, "n_steps": 9}
    with pytest.warns(RuntimeWarning, match=r"1 of 4 paths overflowed .* path 2, at step 2"):
        result = stay(sde, [[0.0], [0.0], [-1e150], [0.0]], n_paths=None, **given)
    assert (result.diverged, result.divergence) == (1, Divergence(path=2, step=2))
    with pytest.raises(DivergedError, match=r"4 of 4 .* step 2"):
        stay(sde, [-1e150], **given | {"n_paths": 4})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cores": [("above", 1.0)]}, "at least two"),
        ({"cores": "x - 1"}, "at least two"),
        ({"cores": [("above", 1.0), 3.0]}, "got float"),
        ({"cores": [("below", 0.0), ("below", 1.0)]}, r"must not overlap; path 0 .* \[0, 1\]"),
        ({"n_steps": 0}, "n_steps"),
        ({"n_paths": 1}, "n_paths must be >= 2"),
    ],
)
def test_refusals(changes, words):
    with pytest.raises(InvalidInputError, match=words):
        stay(**changes)


def test_a_method_whose_points_are_not_on_a_path():
    with pytest.raises(IncompatibleError, match="euler-maruyama"):
        stay(method="leimkuhler-matthews")
