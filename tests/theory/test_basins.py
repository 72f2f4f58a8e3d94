"""Weights of basins against exact integrals and against laws in one dimension, and where evidence misjudges them."""

import math

import numpy as np
import pytest
from scipy import integrate

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.theory import basin_weights, crossover_temperature, gibbs, stationary_law

LANDSCAPE = st.landscapes.sharp_and_broad(separation=4.0)
# One sharp basin at the origin and a broad one at (4, 0), in two dimensions.
PLANE = st.Landscape.from_sympy(
    "-logaddexp(-10*(x**2 + 2*y**2), -1 - (x - 4)**2 - y**2)", variables=["x", "y"], name="sharp and broad plane"
)
TILTED = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/20", variables=["x"])


@pytest.mark.parametrize(("temperature", "printed"), [(0.25, "0.0838952"), (1.0, "0.6478126")])
def test_known_numbers_of_a_sharp_and_a_broad_minimum(temperature, printed):
    law = basin_weights(LANDSCAPE, temperature)
    assert [point.position.round(6).tolist() for point in law.minima] == [[0.0], [4.0]]
    assert f"{law.weights[1]:.7f}" == printed
    assert f"{law.laplace_weights[1]:.7f}" == printed
    assert law.weights.sum() == pytest.approx(1.0, abs=1e-12)
    # The temperature upside down is the plausible mistake.
    assert abs(basin_weights(LANDSCAPE, 1 / temperature).weights[1] - float(printed)) > 0.01 or temperature == 1.0


def test_evidence_of_each_basin_is_its_local_integral():
    """At T = 1 the cost is the negative logarithm of a mixture: evidences are √(2π/100) and e^-1 √(2π/4)."""
    law = basin_weights(LANDSCAPE, 1.0)
    exact = np.array([0.0, -1.0]) + 0.5 * np.log(2 * np.pi / np.array([100.0, 4.0]))
    np.testing.assert_allclose(law.log_evidence, exact, atol=1e-7)
    np.testing.assert_allclose(law.laplace_log_evidence, exact, atol=1e-7)
    assert np.logaddexp(*law.log_evidence) == pytest.approx(gibbs(LANDSCAPE, 1.0).log_partition, abs=1e-10)


@pytest.mark.parametrize("temperature", [0.05, 0.02, 0.01])
def test_laplace_is_off_by_a_share_of_the_temperature(temperature):
    """For x⁴/4 - x²/2 the next term is T(5c₃²/(24 k³) - c₄/(8 k²)) = T(5·36/192 - 6/32) = 3T/4, k = 2, c₃ = c₄ = 6."""
    law = basin_weights(st.landscapes.double_well(), temperature)
    assert law.laplace_error / temperature == pytest.approx([-0.75, -0.75], abs=6 * temperature)


def test_weights_of_a_tilted_double_well_against_quadrature():
    temperature = 0.15

    def weight(x):
        return np.exp(-float(TILTED.value([x])) / temperature)

    top = np.roots([1, 0, -1, 0.05]).real
    top = top[np.abs(top) < 0.5][0]
    parts = [integrate.quad(weight, *ends, epsabs=0, epsrel=1e-12)[0] for ends in ((-6, top), (top, 6))]
    np.testing.assert_allclose(basin_weights(TILTED, temperature).weights, np.array(parts) / sum(parts), atol=1e-10)
    split_at_zero = integrate.quad(weight, 0, 6)[0] / sum(parts)
    assert abs(basin_weights(TILTED, temperature).weights[1] - split_at_zero) > 1e-3


def test_known_crossover_temperature():
    found = crossover_temperature(LANDSCAPE, [0.0], [4.0], (-4.0, 10.0))
    assert f"{found.temperature:.7f}" == "0.6213349"
    assert f"{found.laplace_temperature:.7f}" == f"{2 / np.log(25):.7f}" == "0.6213349"


def test_crossover_in_two_dimensions():
    """With determinants 20·40 and 2·2 Laplace's T* is 2/ln 200; the grid places the ridge to a cell."""
    found = crossover_temperature(PLANE, [0.0, 0.0], [4.0, 0.0], [(-2.5, 9.5), (-5.5, 5.5)], cells=100)
    assert found.laplace_temperature == pytest.approx(2 / np.log(200), rel=1e-6)
    assert found.temperature == pytest.approx(2 / np.log(200), rel=1e-5)


def test_weights_in_two_and_three_dimensions():
    law = basin_weights(PLANE, 1.0)
    evidence = np.log(2 * np.pi) - 0.5 * np.log([800.0, 4.0]) - [0.0, 1.0]
    np.testing.assert_allclose(law.log_evidence, evidence, atol=2e-3)  # what one basin leaks into the other
    np.testing.assert_allclose(law.weights, law.laplace_weights, atol=2e-3)
    space = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/20 + (y - x)**2 + 3*z**2/2 + y*z/2", variables=["x", "y", "z"])
    # The Gaussian directions integrate to a factor and to a shift of the cost along x.
    across = np.array([[2.0, 0.5], [0.5, 3.0]])
    shift = np.array([0.0, 0.5]) @ np.linalg.inv(across) @ np.array([0.0, 0.5]) / 2
    line = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/20 - s*x**2", variables=["x"], parameters={"s": shift})
    np.testing.assert_allclose(basin_weights(space, 0.1, cells=40).weights, basin_weights(line, 0.1).weights, atol=3e-3)


def turned(angle, temperature):
    """Return C = U(u) + v², turned, with a box: borders are lines u = const at an angle to the lattice."""
    c, s = math.cos(angle), math.sin(angle)
    u, v = f"({c!r}*x + {s!r}*y)", f"({c!r}*y - {s!r}*x)"
    half = math.sqrt(1 + math.sqrt(160 * temperature))
    return st.Landscape.from_sympy(f"({u}**2 - 1)**2/4 + {u}/20 + {v}**2", variables=["x", "y"]), [(-half, half)] * 2


@pytest.mark.parametrize("angle", [0.0, 0.2, 0.5])
def test_borders_at_any_angle_are_of_second_order(angle):
    """Ways down on a lattice alone are wrong by 1e-3 at an angle of 0.2, and by 2e-4 on any lattice at one of 0.5."""
    landscape, box = turned(angle, 0.3)
    exact = basin_weights(TILTED, 0.3).weights
    for cells in (32, 64, 128):
        law = basin_weights(landscape, 0.3, bounds=box, cells=cells)
        assert np.abs(law.weights - exact).max() < min(law.error, 0.3 / cells**2)
    # A border that is a tenth of a cell off would be seen: the density there is 0.15.
    assert np.abs(law.weights - exact).max() < 0.1 * 0.15 * np.ptp(box[0]) / 128


def test_a_curved_border_converges():
    """Two wells of different widths, of which the narrow one is beside the other: refinement is the only witness."""
    found = [basin_weights(PLANE, 1.0, bounds=[(-5, 12), (-7, 7)], cells=cells) for cells in (80, 160, 320)]
    weights = np.array([law.weights[0] for law in found])
    assert abs(weights[1] - weights[2]) < 0.5 * abs(weights[0] - weights[2])
    for law in found[:2]:
        assert abs(law.weights[0] - weights[2]) < 2 * law.error


def test_a_slow_noise_where_it_is_weak_keeps_the_law_there():
    """State-dependent noise: the failure is the exact one, of order one in ln odds, and evidence does not know it."""
    temperature = 0.15

    def diffusion(x):
        return temperature * (1 + 0.5 * np.tanh(3 * x))

    law = basin_weights(TILTED, temperature, diffusion=diffusion)
    (left, right) = (point.position[0] for point in law.minima)
    assert left < right
    slope = lambda y: float(TILTED.gradient([y])[0] / diffusion(y))  # noqa: E731

    def weight(x):
        return np.exp(-integrate.quad(slope, 0.0, x, epsabs=1e-12)[0]) / diffusion(x)

    top = np.roots([1, 0, -1, 0.05]).real
    top = top[np.abs(top) < 0.5][0]
    parts = [integrate.quad(weight, *ends, epsabs=0, epsrel=1e-9)[0] for ends in ((-4, top), (top, 4))]
    np.testing.assert_allclose(law.weights, np.array(parts) / sum(parts), rtol=1e-7)
    odds = np.diff(law.failure)[0]
    assert odds == pytest.approx(np.log(parts[1] / parts[0]) - np.diff(np.log(law.gibbs_weights))[0], abs=1e-6)
    assert abs(odds) > 1
    # Constant noise at the temperature is the control: no failure.
    np.testing.assert_allclose(basin_weights(TILTED, temperature, diffusion=temperature).failure, 0.0, atol=1e-8)


def test_anisotropic_noise_in_two_dimensions_has_a_temperature_for_each_axis():
    """C = U(x) + y²: with D = diag(a, b) the x coordinate is at temperature a, whatever the trace of D."""
    plane = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/20 + y**2", variables=["x", "y"])
    law = basin_weights(plane, 0.15, diffusion=[0.25, 0.05], cells=160, bounds=[(-3.2, 3.2), (-2.4, 2.4)])
    np.testing.assert_allclose(law.weights, basin_weights(TILTED, 0.25).weights, atol=1e-3)
    np.testing.assert_allclose(law.gibbs_weights, basin_weights(TILTED, 0.15).weights, atol=1e-3)
    assert law.error < 5e-3
    assert abs(law.weights[0] - law.gibbs_weights[0]) > 0.05


def test_state_dependent_noise_in_two_dimensions_against_one():
    plane = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/20 + y**2", variables=["x", "y"])

    def noise(x):
        d = 0.15 * (1 + 0.5 * np.tanh(3 * x[..., 0]))
        return np.stack([d, np.full_like(d, 0.15)], axis=-1)

    law = basin_weights(plane, 0.15, diffusion=noise, cells=160, bounds=[(-3.2, 3.2), (-2.8, 2.8)])
    line = stationary_law(lambda x: x - x**3 - 0.05, lambda x: 0.15 * (1 + 0.5 * np.tanh(3 * x)))
    top = np.roots([1, 0, -1, 0.05]).real
    assert law.weights[1] == pytest.approx(line.probability(top[np.abs(top) < 0.5][0], np.inf), abs=1e-3)
    assert abs(law.failure[1]) > 0.5


def test_anisotropic_noise_in_three_dimensions():
    """The coordinate x is at the temperature of its own noise."""
    space = st.Landscape.from_sympy("(x**2 - 1)**2/4 + x/20 + y**2 + z**2", variables=["x", "y", "z"])
    box = [(-2.8, 2.8), (-2.1, 2.1), (-2.1, 2.1)]
    law = basin_weights(space, 0.15, diffusion=[0.25, 0.15, 0.15], bounds=box, cells=28)
    error = np.abs(law.weights - basin_weights(TILTED, 0.25).weights).max()
    assert error < min(law.error, 1e-3)
    assert np.abs(law.gibbs_weights - basin_weights(TILTED, 0.15).weights).max() < 1e-3
    assert abs(law.weights[0] - law.gibbs_weights[0]) > 50 * error


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: basin_weights(LANDSCAPE, 0.0), InvalidInputError, "temperature must be > 0"),
        (lambda: basin_weights(LANDSCAPE, 1.0, bounds=(5.0, 6.0)), InvalidInputError, "must have a minimum"),
        (lambda: basin_weights(st.landscapes.quadratic(-1.0), 1.0), InvalidInputError, "no stationary law"),
        (
            lambda: basin_weights(st.Landscape.from_sympy("log(1 + x**2)", variables=["x"]), 0.1, diffusion=3.0),
            IncompatibleError, "not integrable",
        ),
        (
            lambda: basin_weights(PLANE, 0.2, diffusion=2.0, bounds=[(-2.5, 7.0), (-3.5, 3.5)]), InvalidInputError,
            "grid must hold the law",
        ),
        (lambda: basin_weights(PLANE, 1.0, bounds=[(-2.5, 6.0), (-6, 6)]), InvalidInputError, "upper side of axis 0"),
        (lambda: basin_weights(LANDSCAPE, 1.0, bounds=(-2.0, 5.0)), InvalidInputError, "must hold the law"),
        (lambda: crossover_temperature(LANDSCAPE, [4.0], [0.0], (-4, 10)), InvalidInputError, "every temperature"),
        (lambda: crossover_temperature(LANDSCAPE, [0.0], [1.0], (-4, 10)), InvalidInputError, "must be a minimum"),
        (
            lambda: crossover_temperature(st.landscapes.double_well(), [-1.0], [1.0], (-4, 4)), InvalidInputError,
            "every temperature",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_maximum_too_narrow_for_the_search_is_found_between_its_minima():
    """At separation 8 the maximum lies on a kink between the bowls, which no start of Newton's method finds."""
    landscape = st.landscapes.sharp_and_broad(separation=8.0)
    found = basin_weights(landscape, 1.0)
    exact = np.array([np.sqrt(2 * np.pi / 100), np.exp(-1) * np.sqrt(2 * np.pi / 4)])
    np.testing.assert_allclose(found.weights, exact / exact.sum(), rtol=1e-9)
    assert np.abs(found.weights - exact[::-1] / exact.sum()).max() > 0.1


@pytest.mark.parametrize(
    "ask",
    [basin_weights, lambda line, t, **options: crossover_temperature(line, [0.0], [4.0], (-4.0, 10.0), **options)],
)
def test_cells_are_looked_at_before_any_work_and_in_one_dimension_too(ask):
    calls = []

    class Counted:
        dimension = 1

        def value(self, x):
            calls.append(x)
            return st.landscapes.sharp_and_broad(separation=4.0).value(x)

        gradient = hessian = value

    with pytest.raises(InvalidInputError, match="cells must be >= 16"):
        ask(Counted(), 0.25, cells=3)
    assert not calls
