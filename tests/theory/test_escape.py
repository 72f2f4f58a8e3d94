"""Escape times: exact quadrature, the grid, and the asymptotic formulas, each against the others."""

import numpy as np
import pytest
from scipy import integrate, sparse, special
from scipy.sparse.linalg import eigs

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.theory import (
    Grid,
    anisotropic_escape_time,
    depopulation_factor,
    fokker_planck,
    kramers_time,
    lowest_pass,
    mean_first_passage_time,
    transition,
    turnover_time,
)

WELL = st.landscapes.double_well()


def force(x):
    return x - x**3


# Exact times in one dimension


@pytest.mark.parametrize(
    ("temperature", "exact", "kramers", "gap"),
    [(0.1, 66.2686, 54.1254, 0.0335453), (0.05, 729.671, 659.382, 0.00277614)],
)
def test_known_numbers_of_the_quartic_double_well(temperature, exact, kramers, gap):
    tau = mean_first_passage_time(force, temperature, start=-1.0, target=1.0)
    asymptotic = kramers_time(WELL, [-1.0], [0.0], temperature=temperature)
    assert f"{tau:.6g}" == f"{exact:.6g}"
    assert f"{asymptotic:.6g}" == f"{kramers:.6g}"
    # The ratios 1.2244 and 1.1066: Kramers' formula is not exact, and at T = 0.1 not within 5 %.
    assert round(tau / asymptotic, 4) == {0.1: 1.2244, 0.05: 1.1066}[temperature]
    assert round(gap * tau / 2, 4) == {0.1: 1.1115, 0.05: 1.0128}[temperature]


def test_kramers_is_the_limit_of_low_temperature_to_first_order():
    temperatures = np.array([0.02, 0.01, 0.005])
    ratios = [
        mean_first_passage_time(force, t, start=-1.0, target=1.0) / kramers_time(WELL, [-1.0], [0.0], temperature=t)
        for t in temperatures
    ]
    errors = np.array(ratios) - 1
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 1.0, atol=0.1)
    # Without its prefactor, or with the curvature of the minimum twice, the error would stay.
    assert abs(np.sqrt(2) * ratios[-1] - 1) > 10 * errors[-1]


@pytest.mark.parametrize("calculus", ["ito", "stratonovich"])
def test_quadrature_agrees_with_nested_adaptive_integrals(calculus):
    weight = {"ito": 1.0, "stratonovich": 0.5}[calculus]

    def noise(x):
        return 0.2 + 0.1 * np.sin(2 * x)

    phi = integrate.solve_ivp(
        lambda x, y: force(x) / noise(x), (-3, 1.5), [0.0], rtol=1e-12, atol=1e-12, dense_output=True
    ).sol

    def mass(y):
        return integrate.quad(lambda z: noise(z) ** -weight * np.exp(phi(z)[0] - phi(y)[0]), -3, y, epsrel=1e-9)[0]

    expected, _ = integrate.quad(lambda y: noise(y) ** (weight - 1) * mass(y), -0.5, 1.5, epsrel=1e-8)
    tau = mean_first_passage_time(force, noise, start=-0.5, target=1.5, wall=-3.0, calculus=calculus)
    assert tau == pytest.approx(expected, rel=1e-7)


def test_simple_motions():
    def still(x):
        return 0 * x

    assert mean_first_passage_time(still, 0.5, start=0.0, target=1.0, wall=0.0) == pytest.approx(1.0, rel=1e-12)
    assert mean_first_passage_time(lambda x: still(x) - 2, 1.0, start=3.0, target=1.0) == pytest.approx(1.0, rel=1e-12)
    # Without a wall it returns, but the mean is infinite; with the drift away it need not return at all.
    assert mean_first_passage_time(still, 0.5, start=0.0, target=1.0) == np.inf
    assert mean_first_passage_time(lambda x: still(x) + 1, 1.0, start=3.0, target=1.0) == np.inf
    mirrored = mean_first_passage_time(lambda x: -force(-x) + 0.1, 0.2, start=1.0, target=-1.2)
    assert mirrored == pytest.approx(mean_first_passage_time(lambda x: force(x) - 0.1, 0.2, start=-1.0, target=1.2))


@pytest.mark.parametrize("start", [0.0, -3.0, -30.0, -200.0])
def test_a_start_far_up_the_slope(start):
    """With dx = −x dt + dW, τ = √π ∫ e^{y²} (1 + erf y) dy, in which e^{y²} alone is no float from y = −27 on."""
    tau = mean_first_passage_time(lambda x: -x, 0.5, start=start, target=1.0)
    exact, _ = integrate.quad(lambda y: special.erfcx(-y), start, 1.0, epsabs=0, epsrel=1e-13, limit=200)
    assert tau == pytest.approx(np.sqrt(np.pi) * exact, rel=1e-10)


@pytest.mark.parametrize(
    ("place", "value"), [("start", -1e5), ("start", -(2.0**63)), ("target", 2.0**63), ("wall", -1e300)]
)
def test_places_too_far_apart_are_refused_by_name(place, value):
    settings = {"start": 0.0, "target": 1.0, "wall": None, place: value}
    with pytest.raises(InvalidInputError, match=rf"{place}.*nearer"):
        mean_first_passage_time(lambda x: -x, 0.5, **settings)


# The grid in one and two dimensions


def test_brownian_exit_from_a_disc_is_of_second_order():
    """E τ = (R² - r²)/4D with R = 1."""
    errors, blunt = [], []
    for cells in (30, 60, 120):
        grid = Grid([(-1.2, 1.2)] * 2, cells)
        law = fokker_planck(lambda x: 0 * x, 0.5, grid)
        radius = np.linalg.norm(grid.centers, axis=-1)
        exact = np.maximum(1 - radius**2, 0) / 2
        smooth = law.mean_first_passage_time(lambda x: 1 - np.linalg.norm(x, axis=1))
        errors.append(np.abs(smooth - exact).max())
        blunt.append(np.abs(law.mean_first_passage_time(lambda x: np.linalg.norm(x, axis=1) > 1) - exact).max())
    assert errors[-1] < 1e-4
    assert np.log2(errors[0] / errors[-1]) / 2 == pytest.approx(2.0, abs=0.4)
    # A region of truth values is placed to half a cell.
    assert blunt[-1] > 10 * errors[-1]


def test_absorbing_sides_agree_with_quadrature():
    exact = mean_first_passage_time(force, 0.1, start=-1.0, target=1.0)
    errors = []
    for cells in (100, 200, 400):
        grid = Grid((-2.5, 1.0), cells, boundaries=[("natural", "absorbing")])
        times = fokker_planck(force, 0.1, grid).mean_first_passage_time()
        errors.append(abs(float(grid.interpolate(times, [[-1.0]])[0]) - exact))
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2.0, atol=0.2)


def rotated(cells):
    """Turn the double well with a valley across it by 45 degrees, with its noise θ·diag(1 + x², 2), and escape."""
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)

    def drift(w):
        x = w @ turn
        return np.stack([force(x[..., 0]), -2 * x[..., 1]], axis=-1) @ turn.T

    def diffusion(w):
        x = w @ turn
        inner = np.zeros((*w.shape, 2))
        inner[..., 0, 0], inner[..., 1, 1] = 0.06 * (1 + x[..., 0] ** 2), 0.12
        return turn @ inner @ turn.T

    grid = Grid([(-1.8, 1.8)] * 2, cells)
    law = fokker_planck(drift, diffusion, grid)
    times = law.mean_first_passage_time(lambda w: 1 - (w @ turn)[:, 0])
    return float(grid.interpolate(times, [-np.ones(2) / np.sqrt(2)])[0])


def test_anisotropic_noise_on_the_grid_agrees_with_quadrature_and_the_corrected_formula():
    exact = mean_first_passage_time(force, lambda x: 0.06 * (1 + x**2), start=-1.0, target=1.0)
    times = [rotated(cells) for cells in (70, 140)]
    assert (4 * times[1] - times[0]) / 3 == pytest.approx(exact, rel=2e-3)
    # The Stratonovich reading of the same formula is another process.
    other = mean_first_passage_time(force, lambda x: 0.06 * (1 + x**2), start=-1.0, target=1.0, calculus="stratonovich")
    assert abs(other / exact - 1) > 0.1


def proportional(theta):
    """D = θ(1 + x²): θH_a at the minimum (H_a = 2) and θ|H_b| at the saddle (|H_b| = 1), as the theorem assumes."""
    return lambda x: theta * (1 + x**2)


def test_the_prefactor_of_xie_is_right_for_isothermal_noise_and_wrong_for_ito():
    integral, _ = integrate.quad(lambda x: (x**3 - x) / (1 + x**2), -1, 0)
    split = (integral / 0.25 - 1) / (1 / 2 - 1)
    errors, printed = [], []
    for theta in (0.01, 0.005, 0.0025):
        exact = mean_first_passage_time(force, proportional(theta), start=-1.0, target=1.0)
        formula = {
            calculus: anisotropic_escape_time(
                0.25, 2.0, 1.0, learning_rate=2 * theta, batch_size=1, split=split, calculus=calculus
            )
            for calculus in ("ito", "isothermal")
        }
        errors.append(exact / formula["ito"] - 1)
        printed.append(exact / formula["isothermal"])
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 1.0, atol=0.1)
    assert abs(errors[-1]) < 0.01
    assert printed[-1] == pytest.approx(0.5, rel=0.01)  # |H_b|/H_a


def curvature_noise(rest):
    return lambda x: 0.1 * np.sqrt((3 * x**2 - 1) ** 2 + rest**2)


def test_curvature_noise_at_face_value_lets_nothing_escape():
    """D = θ|C''| vanishes at the inflection: the time grows without bound as the noise left there shrinks."""
    times = [
        mean_first_passage_time(force, curvature_noise(rest), start=-1.0, target=0.0) for rest in (1e-2, 1e-4, 1e-6)
    ]
    assert np.all(np.log10(np.divide(times[1:], times[:-1])) > 1)


class Narrowing:
    """A valley that narrows towards the saddle: C = (x² - 1)²/4 + k y²/2, k = 1 + 3e^{-4x²}."""

    dimension = 2

    def value(self, w):
        x, y = w[..., 0], w[..., 1]
        return (x**2 - 1) ** 2 / 4 + (1 + 3 * np.exp(-4 * x**2)) * y**2 / 2

    def gradient(self, w):
        x, y = w[..., 0], w[..., 1]
        bump = 3 * np.exp(-4 * x**2)
        return np.stack([x**3 - x - 4 * x * bump * y**2, (1 + bump) * y], axis=-1)

    def hessian(self, w):
        x, y = w[..., 0], w[..., 1]
        bump = 3 * np.exp(-4 * x**2)
        first, mixed = 3 * x**2 - 1 + (32 * x**2 - 4) * bump * y**2, -8 * x * bump * y
        return np.stack([np.stack([first, mixed], -1), np.stack([mixed, 1 + bump], -1)], -1)


def test_eyring_kramers_in_two_dimensions():
    cost = Narrowing()
    saddle = lowest_pass(cost, [-1.0, 0.0], [1.0, 0.0], [(-2, 2), (-1, 1)], starts=64)
    np.testing.assert_allclose(saddle.position, 0, atol=1e-9)
    for temperature in (0.05, 0.025):
        half, times = 1.6 * np.sqrt(temperature / 0.05), []
        for cells in (60, 120):
            grid = Grid([(-1.8, 1.8), (-half, half)], cells)
            law = fokker_planck(lambda x: -cost.gradient(x), temperature, grid)
            field = law.mean_first_passage_time(lambda x: 1 - x[:, 0])
            times.append(float(grid.interpolate(field, [[-1.0, 0.0]])[0]))
        exact = (4 * times[1] - times[0]) / 3
        ratio = exact / kramers_time(cost, [-1.0, 0.0], saddle.position, temperature=temperature)
        # The correction is of order T/ΔC, with a small coefficient here.
        assert abs(ratio - 1) < 0.1 * temperature / 0.25
        # Without the curvature across the path the time would be shorter by √(4/1.05).
        in_one_dimension = kramers_time(WELL, [-1.0], [0.0], temperature=temperature)
        assert exact / in_one_dimension > 1.5


# Transitions


def test_committor_is_the_scale_function():
    law = fokker_planck(force, 0.1, Grid((-2.5, 2.5), 500))
    crossing = transition(law, lambda x: x[:, 0] < -1, lambda x: x[:, 0] > 1)
    between = np.flatnonzero(np.abs(law.grid.axes[0]) < 1)
    x = law.grid.axes[0][between[0] - 1 : between[-1] + 2]
    scale = integrate.cumulative_trapezoid(np.exp((x**4 / 4 - x**2 / 2) / 0.1), x, initial=0.0)
    np.testing.assert_allclose(crossing.committor[between], scale[1:-1] / scale[-1], atol=1e-5)
    np.testing.assert_allclose(crossing.backward_committor, 1 - crossing.committor, atol=1e-9)
    tau = mean_first_passage_time(force, 0.1, start=-1.0, target=1.0)
    assert 1 / crossing.rate == pytest.approx(tau, rel=2e-3)


def test_transition_without_detailed_balance():
    """Flux there equals flux back, and the backward committor is not 1 - q."""

    def drift(x):
        u, v = x[..., 0], x[..., 1]
        return np.stack([u - u**3 - v, u**3 - u - v], axis=-1)

    law = fokker_planck(drift, 0.15, Grid([(-2.6, 2.6), (-2.4, 2.4)], 60))
    left, right = (
        (lambda x: (x[:, 0] + 1) ** 2 + x[:, 1] ** 2 < 0.1),
        (lambda x: (x[:, 0] - 1) ** 2 + x[:, 1] ** 2 < 0.1),
    )
    there, back = transition(law, left, right), transition(law, right, left)
    assert there.flux == pytest.approx(back.flux, rel=1e-9)
    np.testing.assert_allclose(there.committor + back.committor, 1.0, atol=1e-9)
    assert np.abs(there.backward_committor - 1 + there.committor).max() > 0.05
    with pytest.raises(InvalidInputError, match="no cell in common"):
        transition(law, left, left)


# Underdamped motion and the turnover


def test_strong_friction_is_overdamped_motion():
    slow = kramers_time(WELL, [-1.0], [0.0], temperature=0.05, friction=1e4, mass=2.0)
    assert slow == pytest.approx(1e4 * 2.0 * kramers_time(WELL, [-1.0], [0.0], temperature=0.05), rel=1e-6)
    assert turnover_time(WELL, -1.0, 0.0, temperature=0.05, friction=50.0) == pytest.approx(
        kramers_time(WELL, [-1.0], [0.0], temperature=0.05, friction=50.0), rel=1e-9
    )


def kramers_gap(temperature, friction, modes=80, functions=80):
    """Slowest rate of the Kramers equation, by Hermite functions of momentum and of position (Risken, chapter 10)."""
    scale, number = 1.3 * np.sqrt(temperature / 2), np.arange(1, functions + 8)
    lower = np.diag(np.sqrt(number / 2), 1)
    q, derivative = scale * (lower + lower.T), np.sqrt(temperature) * (lower - lower.T) / scale
    slope = (q @ q @ q - q) / (2 * np.sqrt(temperature))
    # The last functions miss what the matrices of q would take from beyond.
    down, up = (derivative + slope)[:functions, :functions], (derivative - slope)[:functions, :functions]
    root = np.sqrt(np.arange(1.0, modes))
    matrix = -friction * sparse.kron(sparse.diags_array(np.arange(modes, dtype=float)), sparse.eye_array(functions))
    matrix -= sparse.kron(sparse.diags_array(root, offsets=1), up)
    matrix -= sparse.kron(sparse.diags_array(root, offsets=-1), down)
    start = np.cos(np.arange(modes * functions))
    values = eigs(sparse.csc_matrix(matrix), k=3, sigma=3e-5, v0=start, return_eigenvectors=False)
    return np.sort(-values.real)[1]


def test_the_spectrum_of_the_kramers_equation_has_the_overdamped_limit():
    friction = 30.0
    overdamped = 0.00277614064 / friction
    assert kramers_gap(0.05, friction) == pytest.approx(overdamped, rel=5 / friction**2)


def test_turnover_against_the_spectrum_of_the_kramers_equation():
    """Each of two equal wells loses at half the gap."""
    friction = np.array([0.1, 0.3, 1.0, 10.0])
    errors, naive = {}, {}
    for temperature in (0.05, 0.025):
        exact = np.array([2 / kramers_gap(temperature, g) for g in friction])
        formula = [turnover_time(WELL, -1.0, 0.0, temperature=temperature, friction=g, beyond=1.0) for g in friction]
        errors[temperature] = np.abs(formula / exact - 1)
        kramers = [kramers_time(WELL, [-1.0], [0.0], temperature=temperature, friction=g) for g in friction]
        naive[temperature] = np.abs(kramers / exact - 1)
    assert errors[0.05].max() < 0.13
    # The error falls as T does.
    assert np.all(errors[0.025] < 0.6 * errors[0.05])
    # Without the depopulation factor it is wrong at weak friction.
    assert naive[0.05][0] > 0.4
    assert naive[0.025][0] > 4 * errors[0.025][0]


def test_momentum_on_the_grid_agrees_with_the_spectrum_after_extrapolation():
    """Drift without noise is of first order; three grids make a few per cent of it."""

    def drift(x):
        return np.stack([x[..., 1], force(x[..., 0]) - x[..., 1]], axis=-1)

    def settled(x):
        energy = x[:, 1] ** 2 / 2 + (x[:, 0] ** 2 - 1) ** 2 / 4
        return np.where(x[:, 0] > 0, energy - 0.08, 0.17)

    times = []
    for cells in (60, 120, 240):
        grid = Grid([(-2, 2), (-1.5, 1.5)], cells)
        field = fokker_planck(drift, [0.0, 0.05], grid, first_order=True).mean_first_passage_time(settled)
        times.append(float(grid.interpolate(field, [[-1.0, 0.0]])[0]))
    exact = 2 / kramers_gap(0.05, 1.0)
    assert (8 * times[2] - 6 * times[1] + times[0]) / 3 == pytest.approx(exact, rel=0.05)
    assert times[2] < 0.8 * exact


def test_depopulation_factor_at_both_ends():
    assert depopulation_factor(1e-8) == pytest.approx(1e-8, rel=1e-3)
    assert depopulation_factor(1e-4) / 1e-4 == pytest.approx(1 - 0.8239 * 1e-2, abs=1e-4)
    assert depopulation_factor(100.0) == pytest.approx(1.0, abs=1e-10)


# Refusals


@pytest.mark.parametrize(
    ("minimum", "saddle", "temperature", "message"),
    [
        (-1.0, 0.0, 0.0, "temperature must be > 0"),
        (-1.0, 0.0, -1.0, "temperature must be > 0"),
        (-0.9, 0.0, 0.1, "gradient vanishes"),
        (0.0, 0.0, 0.1, "minimum must have curvatures of which none negative"),
        (-1.0, 1.0, 0.1, "saddle must have curvatures of which one negative"),
    ],
)
def test_refusals_of_kramers(minimum, saddle, temperature, message):
    with pytest.raises(InvalidInputError, match=message):
        kramers_time(WELL, [minimum], [saddle], temperature=temperature)


def test_other_refusals():
    with pytest.raises(InvalidInputError, match="start and target must differ"):
        mean_first_passage_time(force, 0.1, start=1.0, target=1.0)
    with pytest.raises(InvalidInputError, match="wall must lie beyond the start"):
        mean_first_passage_time(force, 0.1, start=-1.0, target=1.0, wall=0.0)
    with pytest.raises(InvalidInputError, match="positive semidefinite"):
        mean_first_passage_time(force, -0.1, start=-1.0, target=1.0)
    with pytest.raises(InvalidInputError, match="other side of the saddle"):
        turnover_time(WELL, -1.0, 0.0, temperature=0.1, friction=1.0, beyond=-1.0)
    with pytest.raises(InvalidInputError, match="split must be"):
        anisotropic_escape_time(0.25, 2.0, 1.0, learning_rate=0.1, batch_size=1, split=1.5)
    law = fokker_planck(force, 0.1, Grid((-2.5, 2.5), 50))
    with pytest.raises(InvalidInputError, match="holds none"):
        law.mean_first_passage_time(lambda x: x[:, 0] - 9 > 0)
