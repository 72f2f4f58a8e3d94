"""The ensemble kernel against a loop over steps in NumPy."""

import naive
import numpy as np
import pytest

import sdetheory as st
from sdetheory._kernels import noise
from sdetheory._kernels.drivers import ensemble, statistics
from sdetheory._kernels.records import Clock
from sdetheory.simulators import _ensemble
from sdetheory.simulators.schemes import SCHEMES, prepare

KEY = np.uint64(123456789), np.uint64(987654321)
DT = 0.02


def landscape(d):
    variables = [f"x{i}" for i in range(d)]
    terms = [f"(x{i}**2 - {i + 1})**2/4" for i in range(d)] + [f"x{i}*x{i + 1}/3" for i in range(d - 1)]
    return st.Landscape.from_sympy(" + ".join(terms), variables=variables)


def force(x):
    """Return the same by hand."""
    d = x.shape[1]
    f = -(x**2 - np.arange(1, d + 1)) * x
    f[:, :-1] -= x[:, 1:] / 3
    f[:, 1:] -= x[:, :-1] / 3
    return f


def normal(lanes, first_path=0):
    z, words = np.empty((4, lanes)), np.empty((2, lanes), np.uint64)

    def one(q):
        noise.fill_normals(z, words, first_path, q // 4, *KEY)
        return z[q % 4].copy()

    return one


def blocks(x, lanes):
    return x.reshape(-1, lanes, x.shape[1]).transpose(0, 2, 1).copy(order="C")


def paths(state):
    return state.transpose(0, 2, 1).reshape(-1, state.shape[1])


def equation(d, amplitude=0.3):
    """Return the SDE whose noise has the amplitudes 0.3, 0.6, ... a step."""
    bowls = landscape(d)
    amplitudes = amplitude * np.arange(1.0, d + 1) / np.sqrt(DT)
    x = bowls.variables
    return st.SDE.from_sympy([-bowls.expression.diff(v) for v in x], amplitudes.tolist(), variables=x)


def advance(x, d, n_steps, averaged, *, lanes=16, step=0, first_path=0):
    method = SCHEMES["leimkuhler-matthews" if averaged else "euler-maruyama"]
    scheme, given, numbers = prepare(equation(d), method, "gaussian", DT, 1).records
    numbers = numbers._replace(path=first_path, key=np.array(KEY))
    state = blocks(x, lanes)
    ensemble.advance(state, scheme, given, numbers, Clock(DT, 0.0, step), 1, n_steps, np.empty((0, 0, d)))
    return paths(state)


@pytest.mark.parametrize("averaged", [0, 1])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_agrees_with_the_loop(d, averaged, rng):
    x = rng.standard_normal((48, d))
    expected = naive.ensemble(
        x, force, dt=DT, amplitude=0.3 * np.arange(1, d + 1), n_steps=50, normal=normal(48), averaged=bool(averaged)
    )
    np.testing.assert_allclose(advance(x, d, 50, averaged), expected, rtol=1e-13, atol=1e-13)
    # Negative control: the other method on the same noise is far away.
    assert np.abs(advance(x, d, 50, 1 - averaged) - expected).max() > 1e-3


@pytest.mark.parametrize("averaged", [0, 1])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_neither_chunks_nor_lanes_nor_the_first_path_change_a_bit(d, averaged, rng):
    x = rng.standard_normal((64, d))
    whole = advance(x, d, 23, averaged, lanes=16)
    np.testing.assert_array_equal(advance(x, d, 23, averaged, lanes=64), whole)
    in_chunks, step = x, 0
    for chunk in (1, 2, 7, 13):
        in_chunks = advance(in_chunks, d, chunk, averaged, step=step)
        step += chunk
    np.testing.assert_array_equal(in_chunks, whole)
    np.testing.assert_array_equal(advance(x[32:], d, 23, averaged, first_path=32), whole[32:])
    assert not np.array_equal(advance(x[32:], d, 23, averaged, first_path=0), whole[32:])


@pytest.mark.parametrize("averaged", [0, 1])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_a_path_that_is_lost_stays_in_its_lane(averaged, bad, rng):
    x = rng.standard_normal((32, 2))
    healthy = advance(x, 2, 20, averaged)
    ill = x.copy()
    ill[5] = bad
    result = advance(ill, 2, 20, averaged)
    assert not np.isfinite(result[5]).any()
    np.testing.assert_array_equal(np.delete(result, 5, axis=0), np.delete(healthy, 5, axis=0))


def test_there_is_one_compiled_signature():
    """However the arguments are typed: a second one costs seconds in every process that meets it."""
    well, bowl = st.landscapes.double_well(), st.landscapes.quadratic(np.array([1, 2], dtype=np.int32))
    points = np.asfortranarray(np.ones((20, 2), dtype=np.float32))
    st.simulate(st.langevin(well, 1), [0], dt=0.01, n_steps=3, n_paths=4, rng=1)
    st.simulate(st.langevin(well, np.float32(0.5)), [[0.0]], dt=np.float32(0.01), n_steps=np.int32(2), rng=1)
    st.simulate(st.langevin(bowl, 0), points, dt=0.1, n_steps=2.0, rng=1, method="leimkuhler-matthews")
    st.simulate(st.langevin(bowl, 0), points[::2], dt=0.1, n_steps=4, rng=1, save_every=2)
    gbm = st.SDE.from_sympy(["x"], ["x/2"], variables=["x"])
    for sde, method in ((gbm, "milstein"), (gbm, "platen"), (gbm.to_stratonovich(), "heun")):
        for increments in ("gaussian", "three-point", "two-point"):
            if method != "platen" or increments != "two-point":
                st.simulate(sde, [1], dt=0.1, n_steps=4, n_paths=3, rng=1, method=method, increments=increments)
    st.simulate(gbm, [1], dt=0.1, brownian_dt=0.05, n_steps=4, n_paths=3, rng=1)
    user = st.SDE(drift=lambda x: -x, diffusion=[1], dimension=1, noise="additive")
    st.simulate(user, [1], dt=0.1, n_steps=4, n_paths=3, rng=1)
    for method in ("exact", "leimkuhler-matthews"):
        st.simulate(st.langevin(bowl, 1), points, dt=0.1, n_steps=4, rng=1, method=method)
    heavy = st.underdamped_langevin(bowl, 1, friction=1)
    st.simulate(heavy, [1, 0, 0, 0], dt=0.1, n_steps=4, n_paths=3, rng=1, method="baoab")
    for bins in (None, [0, 1, 2], [np.arange(3), np.arange(4, dtype=np.float32)]):
        sde = st.langevin(well if bins == [0, 1, 2] else bowl, 1)
        st.sample_stationary(sde, dt=0.1, n_paths=64, burn_in=1, n_steps=2, bins=bins, rng=1)
    assert len(ensemble.advance.signatures) == 1
    assert len(statistics.advance_and_record.signatures) == 1


@pytest.mark.parametrize("d", [1, 2, 10, 300])
@pytest.mark.parametrize("n_paths", [1, 2, 16, 100, 1000, 10**6])
def test_lanes_are_a_power_of_two_and_blocks_are_several(n_paths, d):
    """Two blocks at least: the errors of a histogram come from the scatter between groups of blocks."""
    lanes = _ensemble._lanes(n_paths, d)
    assert lanes in (1, 2, 4, 8, 16, 32, 64, 128, 256)
    assert n_paths == 1 or -(-n_paths // lanes) >= 2
    assert n_paths < 1000 or lanes >= 16
