"""A step that overshoots is found for drifts that are not linear, before the run; a good one draws no warning."""

import warnings

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import AccuracyWarning

FORMULAS = ["-200*tanh(x)", "-500*x/(1 + x**2)", "-200*sin(x)", "-100*x/sqrt(1 + x**2)"]


def equation(drift, noise="1"):
    return st.SDE.from_sympy([drift], [noise], variables=["x"])


def warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [w for w in caught if issubclass(w.category, AccuracyWarning) and "too long a step" in str(w.message)]


def simulate(sde, dt, x0=(0.0,), n_steps=200, **changes):
    return lambda: st.simulate(sde, list(x0), dt=dt, n_steps=n_steps, n_paths=64, rng=0, **changes)


@pytest.mark.parametrize("drift", FORMULAS)
def test_formulas(drift):
    x0 = 1.3
    assert len(warned(simulate(equation(drift), 0.05, [x0]))) == 1
    assert not warned(simulate(equation(drift), 0.05 / 50, [x0]))


def test_what_it_warns_of_is_wrong():
    """The variance of −200 tanh x is 0.00251 (by quadrature); at dt = 0.05 it comes out ten thousand times as large."""
    sde = equation(FORMULAS[0])
    x = np.linspace(-0.5, 0.5, 20_001)
    density = np.cosh(x) ** -400.0
    variance = (x**2 @ density) / density.sum()
    assert variance == pytest.approx(0.00251, rel=1e-2)
    settings = {"n_paths": 512, "burn_in": 200, "n_steps": 2000, "rng": 0}
    with pytest.warns(AccuracyWarning, match="too long a step"):
        sample = st.sample_stationary(sde, [0.0], dt=0.05, **settings)
    assert sample.covariance.value[0, 0] > 1000 * variance
    sample = st.sample_stationary(sde, [0.0], dt=0.0002, **settings)
    assert sample.covariance.value[0, 0] == pytest.approx(variance, rel=0.05)


def test_functions_of_your_own():
    sde = st.SDE(drift=lambda x: -200 * np.tanh(x), diffusion=[1.0], dimension=1, noise="additive")
    assert len(warned(simulate(sde, 0.05))) == 1
    assert not warned(simulate(sde, 0.0005))


@pytest.mark.parametrize(("method", "increments"), [
    ("euler-maruyama", "two-point"), ("milstein", "gaussian"), ("platen", "gaussian"), ("platen", "three-point"),
    ("leimkuhler-matthews", "gaussian"),
])  # fmt: skip
def test_every_scheme(method, increments):
    sde = equation("-200*tanh(x)")
    assert len(warned(simulate(sde, 0.05, method=method, increments=increments))) == 1
    assert not warned(simulate(sde, 0.001, method=method, increments=increments))


def test_momentum_in_a_narrow_well():
    well = st.Landscape.from_sympy("200*log(cosh(x))", variables=["x"])
    sde = st.underdamped_langevin(well, 1.0, friction=1.0)
    assert warned(simulate(sde, 0.3, [0.5, 0.0], method="baoab"))
    assert not warned(simulate(sde, 0.02, [0.5, 0.0], method="baoab"))


def test_one_stiff_component_of_two_is_named():
    sde = st.SDE.from_sympy(["-sin(x)", "-300*tanh(y)"], ["1", "1"], variables=["x", "y"])
    (warning,) = warned(simulate(sde, 0.05, [0.0, 0.0]))
    assert "component 1" in str(warning.message)


def test_passages_and_residences():
    sde = equation("-200*tanh(x)")
    settings = {"dt": 0.05, "n_paths": 50, "rng": 0}
    assert warned(lambda: st.first_passage(sde, [0.0], target=("above", 1.0), max_steps=100, **settings))
    cores = [("below", -1.0), ("above", 1.0)]
    assert warned(lambda: st.residence_times(sde, [0.0], cores=cores, n_steps=100, **settings))


def test_a_stiff_place_that_is_reached_late():
    """Paths drift for eight hundred steps before they come to the steep well about 5."""
    sde = equation("(1 - tanh(20*(x - 2)))/4 - 100*(1 + tanh(20*(x - 2)))*tanh(x - 5)", "1/10")
    assert not warned(simulate(sde, 0.02, [-6.0], n_steps=300))
    assert warned(simulate(sde, 0.02, [-6.0], n_steps=1100))


@pytest.mark.parametrize(
    ("sde", "dt", "x0"),
    [
        (st.langevin(st.landscapes.double_well(), 0.25), 0.2, [0.0]),
        (equation("sin(50*t) - x**3"), 0.02, [0.0]),
        (equation("x - x**3", "x/2"), 0.05, [0.5]),
        (st.SDE.from_sympy(["y", "-sin(x)"], ["0", "1/100"], variables=["x", "y"]), 0.1, [1.0, 0.0]),
        (equation("0*x", "1 + x**2/9"), 0.01, [0.0]),
        (equation("-x**3", "0"), 0.1, [1.0]),
        (equation("-x**3", "0"), 0.1, [0.0]),
    ],
)
def test_good_steps_draw_no_warning(sde, dt, x0):
    assert not warned(simulate(sde, dt, x0, n_steps=2000))


def test_the_scouts_leave_the_run_alone(monkeypatch):
    sde = st.langevin(st.landscapes.double_well(), 0.25)
    first = simulate(sde, 0.01)().final
    monkeypatch.setattr("sdetheory.simulators._scout._LOOKS", ())
    np.testing.assert_array_equal(simulate(sde, 0.01)().final, first)
