"""Steps written out whole, against the general schemes and against fewer steps a call."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory._kernels import noise
from sdetheory.equations import SDE, _formulas

DRIFTS = {
    1: ["k*x0 - x0**3"],
    2: ["x1 - x0*exp(-x0**2)", "-k*x1 + sin(x0)"],
    3: ["x1 - x0", "x2 - x1*x0", "-x2 + k*x1"],
}
ADDITIVE = [["1/2", 0, 0], ["1/5", "1/3", 0], [0, "k/7", "1/4"]]
STATE_DEPENDENT = [["x0/2", 0, 0], ["x0/5", "x1/3", 0], [0, "k*x1/7", "x2/4"]]
CASES = {
    "amplitudes": lambda d: [f"(1 + {i})/5" for i in range(d)],
    "matrix": lambda d: [row[:d] for row in ADDITIVE[:d]],
    "diagonal": lambda d: [f"k*x{i}/(1 + x{i}**2)" for i in range(d)],
    "general": lambda d: [row[:d] for row in STATE_DEPENDENT[:d]],
    "time": lambda d: [f"x{i}*cos(time)/3" for i in range(d)],
}


def equation(kind, d):
    variables = [f"x{i}" for i in range(d)]
    return SDE.from_sympy(DRIFTS[d], CASES[kind](d), variables=variables, parameters={"k": 0.8}, time="time")


def final(sde, n_steps=37, **options):
    start = np.linspace(0.5, 1.5, sde.dimension)
    return st.simulate(sde, start, dt=0.01, n_steps=n_steps, n_paths=50, rng=5, **options).final


@pytest.fixture
def general(monkeypatch):
    """Return a function that runs the general scheme."""

    def run(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(_formulas, "step_source", lambda *_, **__: None)
            return final(*arguments, **options)

    return run


@pytest.mark.parametrize("increments", ["gaussian", "two-point", "three-point"])
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("kind", CASES)
def test_a_step_is_that_of_the_general_scheme(general, kind, d, increments):
    sde = equation(kind, d)
    np.testing.assert_allclose(final(sde, increments=increments), general(sde, increments=increments), rtol=1e-12)
    # Negative control: other numbers of the same law.
    other = "three-point" if increments == "two-point" else "two-point"
    assert np.abs(final(sde, increments=other) - general(sde, increments=increments)).max() > 1e-3


@pytest.mark.parametrize(("kind", "d"), [("general", 1), ("diagonal", 2), ("diagonal", 3), ("time", 2)])
def test_milstein_too(general, kind, d):
    sde = equation(kind, d)
    np.testing.assert_allclose(final(sde, method="milstein"), general(sde, method="milstein"), rtol=1e-12)
    assert np.abs(final(sde) - general(sde, method="milstein")).max() > 1e-4


def test_milstein_with_commutative_noise(general):
    # Both noises act on both components, through functions of one linear form each: they commute.
    sde = SDE.from_sympy(["-x", "-y"], [["x", "x/2"], ["y", "y/2"]], variables=["x", "y"])
    assert sde.noise == "commutative"
    np.testing.assert_allclose(final(sde, method="milstein"), general(sde, method="milstein"), rtol=1e-12)


@pytest.mark.parametrize("kind", CASES)
def test_a_shared_brownian_path_too(general, kind):
    sde = equation(kind, 2)
    np.testing.assert_allclose(final(sde, brownian_dt=0.0025), general(sde, brownian_dt=0.0025), rtol=1e-12)


def test_a_long_step_is_left_to_the_general_scheme():
    d = 25
    variables = [f"x{i}" for i in range(d)]
    linear = [" + ".join(f"{j + 1}*{x}" for j, x in enumerate(variables)) for _ in variables]
    sde = SDE.from_sympy(linear, np.eye(d).tolist(), variables=variables)
    assert sde._formulas.step(0, packed=False, milstein=False) is None


@pytest.mark.parametrize("first", [0, 128, 2**40])
def test_packed_numbers_are_the_same_numbers(first):
    key = np.array([7, 8], np.uint64)
    words, z, packed = np.empty((2, 16), np.uint64), np.empty((256, 16)), np.empty((8, 16))
    noise.two_point(z, words, first, 3, key)
    noise.packed_two_point(packed, words, first, 3, key)
    bits = (packed.view(np.uint64)[:, None, :] >> np.arange(32, dtype=np.uint64)[:, None]) & np.uint64(1)
    np.testing.assert_array_equal(1.0 - 2.0 * bits.reshape(256, 16).astype(float), z)


def test_positions_saved_in_the_kernel_are_those_saved_outside(monkeypatch):
    sde = equation("diagonal", 2)
    options = {"dt": 0.01, "n_steps": 60, "n_paths": 37, "rng": 1, "save_every": 6}
    inside = st.simulate(sde, [1.0, 1.0], **options).paths
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 37 * 2)
    np.testing.assert_array_equal(st.simulate(sde, [1.0, 1.0], **options).paths, inside)
    assert len(np.unique(inside[:, 0, 0])) == 11
