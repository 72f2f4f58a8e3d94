"""Ours and other people's tools on the same work; each result agrees with the exact law before any clock runs."""

import math

import laws
import numpy as np
import peers
import pytest

import sdetheory as st

# Peers warn about themselves: that is not what is measured.
pytestmark = pytest.mark.filterwarnings("default")

PATHS, STEPS, DT = 100_000, 1_000, 0.01
W1 = "W1 double well, 100,000 paths × 1,000 steps"
W2 = "W2 the same, every 10th step stored"
W3 = "W3 ten dimensions, dense A and B, 10,000 × 1,000"
W4 = "W4 geometric Brownian motion, Milstein, 100,000 × 1,000"
W5 = "W5 Müller–Brown surface, 20,000 × 1,000"


@pytest.fixture(scope="module")
def double_well():
    return st.langevin(st.landscapes.double_well(), peers.T)


@pytest.fixture(scope="module")
def law():
    return laws.double_well(STEPS, DT)


def moments(x):
    x = np.ravel(x)
    return np.stack([x**2, x**4], axis=1)


def simulate_double_well(sde, **options):
    return st.simulate(sde, [0.0], dt=DT, n_steps=STEPS, n_paths=PATHS, rng=1, **options)


# W1: (name in the table, module that must be there, function, number of paths, bar, rounds)
DOUBLE_WELL = [
    ("plain Numba loop", "numba", lambda n: peers.numba_double_well(np.zeros(n), DT, STEPS), PATHS, 1 / 10, 5),
    ("NumPy, two threads, SFC64", "numpy", lambda n: peers.numpy_double_well(n, STEPS, DT), PATHS, 1 / 7, 5),
    ("JAX by hand", "jax", lambda n: peers.jax_double_well(n, STEPS, DT), PATHS, 1 / 7, 5),
    ("diffrax, one vector", "diffrax", lambda n: peers.diffrax_double_well(n, STEPS, DT), PATHS, 1 / 7, 5),
    (
        "diffrax, vmapped", "diffrax",
        lambda n: peers.diffrax_double_well(n, STEPS, DT, vmapped=True), PATHS // 10, 1 / 7, 3,
    ),
    ("torchsde", "torchsde", lambda n: peers.torchsde_double_well(n, STEPS, DT), PATHS // 10, 1 / 7, 3),
    ("sdeint", "sdeint", lambda n: peers.sdeint_double_well(n, STEPS, DT), 200, 1 / 7, 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "module", "peer", "n_paths", "bar", "rounds"), DOUBLE_WELL, ids=[row[0] for row in DOUBLE_WELL]
)
def test_w1(compare, double_well, law, name, module, peer, n_paths, bar, rounds):
    pytest.importorskip(module)
    assert laws.agrees(moments(peer(n_paths)), law) is True
    assert laws.agrees(moments(simulate_double_well(double_well).final), law) is True
    compare(
        W1, bar, lambda: simulate_double_well(double_well), lambda: peer(n_paths),
        against=name, units=(PATHS * STEPS, n_paths * STEPS), rounds=rounds,
    )  # fmt: skip


def test_w1_two_point_increments(compare, double_well):
    def ours():
        return simulate_double_well(double_well, increments="two-point")

    assert laws.agrees(moments(ours().final), laws.double_well(STEPS, DT, "two-point")) is True
    compare(
        "W1 with two-point increments", 1 / 60, ours, lambda: peers.numba_double_well(np.zeros(PATHS), DT, STEPS),
        against="plain Numba loop", units=PATHS * STEPS, rounds=5,
    )  # fmt: skip


def numba_stored():
    return peers.numba_double_well_stored(np.zeros((PATHS, STEPS // 10 + 1)), DT, 10)


STORED = [
    ("plain Numba loop", "numba", numba_stored, lambda paths: paths[:, -1]),
    (
        "NumPy, two threads, SFC64", "numpy",
        lambda: peers.numpy_double_well(PATHS, STEPS, DT, every=10), lambda paths: paths[-1],
    ),
    ("JAX by hand", "jax", lambda: peers.jax_double_well(PATHS, STEPS, DT, every=10), lambda paths: paths[:, -1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "peer", "last"), STORED, ids=[row[0] for row in STORED])
def test_w2(compare, double_well, law, name, module, peer, last):
    pytest.importorskip(module)
    assert laws.agrees(moments(last(peer())), law) is True
    compare(
        W2, 1 / 6, lambda: simulate_double_well(double_well, save_every=10), peer,
        against=name, units=PATHS * STEPS, rounds=5,
    )  # fmt: skip


LINEAR = [("NumPy + BLAS, two threads", "threadpoolctl", "numpy_linear"), ("JAX by hand", "jax", "jax_linear")]


@pytest.mark.parametrize(("name", "module", "peer"), LINEAR, ids=[row[0] for row in LINEAR])
def test_w3(compare, name, module, peer):
    pytest.importorskip(module)
    n_paths, d, rng = 10_000, 10, np.random.default_rng(0)
    drift = -np.eye(d) + 0.15 * rng.standard_normal((d, d))
    noise = np.eye(d) + 0.3 * rng.standard_normal((d, d))
    variables = [f"x{i}" for i in range(d)]
    formulas = [" + ".join(f"({a!r})*{x}" for a, x in zip(row, variables, strict=True)) for row in drift.tolist()]
    sde = st.SDE.from_sympy(formulas, noise.tolist(), variables=variables)

    def ours():
        return st.simulate(sde, np.ones(d), dt=DT, n_steps=STEPS, n_paths=n_paths, rng=1).final

    def theirs():
        return getattr(peers, peer)(n_paths, STEPS, DT, drift, noise)

    mean, covariance = laws.linear(STEPS, DT, drift, noise)
    for x in (ours(), theirs()):
        assert laws.agrees(x, mean) is True
        squares = ((x - mean)[:, :, None] * (x - mean)[:, None, :]).reshape(n_paths, -1)
        assert laws.agrees(squares, covariance.ravel()) is True
    compare(W3, 1 / 3, ours, theirs, against=name, units=n_paths * STEPS, rounds=3)


def test_w4(compare):
    pytest.importorskip("jax")
    mu, sigma, dt = 0.1, 0.2, 0.001
    sde = st.SDE.from_sympy(["mu*x"], ["sigma*x"], variables=["x"], parameters={"mu": mu, "sigma": sigma})

    def ours():
        return st.simulate(sde, [1.0], dt=dt, n_steps=STEPS, n_paths=PATHS, rng=1, method="milstein").final

    def theirs():
        return peers.jax_gbm_milstein(PATHS, STEPS, dt, mu, sigma)

    for x in (ours(), theirs()):
        x = np.ravel(x)
        assert laws.agrees(np.stack([x, x**2], axis=1), laws.gbm_milstein(STEPS, dt, mu, sigma)) is True
    compare(W4, 1 / 8, ours, theirs, against="JAX by hand", units=PATHS * STEPS, rounds=5)


def mueller_brown_formula():
    terms = zip(peers.AMPLITUDE, peers.XX, peers.XY, peers.YY, peers.X0, peers.Y0, strict=True)
    return " + ".join(
        f"({c})*exp(({a})*(x - ({x}))**2 + ({b})*(x - ({x}))*(y - ({y})) + ({e})*(y - ({y}))**2)"
        for c, a, b, e, x, y in terms
    )


KINDS = [("from SymPy", 1 / 6), ("user's own @njit drift", 1 / 3)]


@pytest.mark.parametrize(("kind", "bar"), KINDS, ids=[row[0] for row in KINDS])
def test_w5(compare, kind, bar):
    n_paths, start, temperature, dt = 20_000, [-0.5, 1.4], 0.15, 0.005
    if kind == "from SymPy":
        landscape = st.Landscape.from_sympy(mueller_brown_formula(), variables=["x", "y"])
        sde = st.langevin(landscape, temperature)
    else:
        amplitude = math.sqrt(2 * temperature) * np.ones(2)
        sde = st.SDE(drift=peers.mueller_brown_force, diffusion=amplitude, dimension=2, noise="additive")

    def ours(n_steps=STEPS):
        return st.simulate(sde, start, dt=dt, n_steps=n_steps, n_paths=n_paths, rng=1).final

    def theirs(n_steps=STEPS):
        return peers.numba_mueller_brown(np.tile(start, (n_paths, 1)), dt, n_steps, temperature)

    force = np.vectorize(lambda x, y: peers.mueller_brown_force((x, y)), signature="(),()->(),()")
    law = laws.mueller_brown(lambda p: np.stack(force(p[..., 0], p[..., 1]), axis=-1), start, 100, dt, temperature)
    for x in (ours(100), theirs(100)):
        assert laws.agrees(x, law) is True
    compare(f"{W5}, {kind}", bar, ours, theirs, against="plain Numba loop", units=n_paths * STEPS, rounds=3)
