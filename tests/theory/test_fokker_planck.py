"""Fokker–Planck equations on a grid against exact laws: order, conservation, positivity, spectrum, refusals."""

import numpy as np
import pytest
from scipy import integrate, linalg, sparse

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.theory import Grid, fokker_planck, ornstein_uhlenbeck, power_law

HESSIAN = np.array([[1.0, 0.0], [0.0, 3.0]])
OBLIQUE = np.array([[1.0, 0.5], [0.5, 1.0]])


def l1(grid, density, exact):
    return float(np.abs(density - exact).sum() * grid.volume)


def orders(errors):
    return np.log2(np.divide(errors[:-1], errors[1:]))


def linear(x):
    return -x @ HESSIAN.T


def gaussian(x, covariance):
    exponent = np.einsum("...i,ij,...j->...", x, np.linalg.inv(covariance), x) / 2
    return np.exp(-exponent) / np.sqrt(np.linalg.det(2 * np.pi * covariance))


def well(x):
    return x - x**3


# Stationary laws


def multiplicative(cells, sign=-1):
    grid = Grid((-6, 6), cells, boundaries="reflecting")
    law = fokker_planck(lambda x: sign * x, lambda x: 0.4 * (x**2 / 2 + 0.1), grid)
    exact = power_law(1.0, 1.0, slope=0.8, floor=0.1).pdf(grid.axes[0])
    return l1(grid, law.density, exact / (exact.sum() * grid.volume))


def test_second_order_in_one_dimension_with_state_dependent_noise():
    errors = [multiplicative(cells) for cells in (200, 400, 800)]
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)
    assert errors[-1] < 1e-3
    # The wrong sign of the drift: nothing like it.
    assert multiplicative(200, sign=1) > 0.5


def test_fourth_order_where_there_is_a_potential_and_the_noise_is_constant():
    errors = []
    for cells in (50, 100, 200):
        grid = Grid((-2.2, 2.2), cells)
        exact = np.exp(-(grid.axes[0] ** 4 / 4 - grid.axes[0] ** 2 / 2 + np.cos(3 * grid.axes[0]) / 9) / 0.1)
        law = fokker_planck(lambda x: x - x**3 + np.sin(3 * x) / 3, 0.1, grid)
        errors.append(l1(grid, law.density, exact / (exact.sum() * grid.volume)))
    np.testing.assert_allclose(orders(errors), 4.0, atol=0.3)


def oblique(cells):
    grid = Grid([(-7, 7), (-4.5, 4.5)], cells)
    return fokker_planck(linear, OBLIQUE, grid)


def test_second_order_in_two_dimensions_with_oblique_noise_and_a_current():
    exact = ornstein_uhlenbeck(HESSIAN, OBLIQUE)
    densities, currents, rates = [], [], []
    for cells in (30, 60, 120):
        law = oblique(cells)
        x = law.grid.centers
        density = gaussian(x, exact.covariance)
        current = -(x @ np.linalg.inv(exact.covariance) @ exact.current.T) * density[..., None]
        densities.append(l1(law.grid, law.density, density))
        currents.append(l1(law.grid, law.current, current))
        flow = np.einsum("...i,ij,...j->...", law.current, np.linalg.inv(OBLIQUE), law.current)
        rates.append(abs(np.sum(flow / law.density) * law.grid.volume - exact.entropy_production))
    np.testing.assert_allclose(orders(densities), 2.0, atol=0.1)
    np.testing.assert_allclose(orders(currents), 2.0, atol=0.15)
    assert rates[-1] < 0.01 * exact.entropy_production
    # Detailed balance has no current, and another covariance: T H⁻¹.
    assert l1(law.grid, law.density, gaussian(x, np.linalg.inv(HESSIAN))) > 100 * densities[-1]
    assert l1(law.grid, current, 0 * current) > 100 * currents[-1]


def manufactured(cells):
    """D varies, its off-diagonal entry changes sign, and a current flows: f = (D + Q)∇ln p + ∇·D has the law p."""

    def diffusion(x):
        u, v = x[..., 0], x[..., 1]
        matrix = np.empty((*u.shape, 2, 2))
        matrix[..., 0, 0], matrix[..., 1, 1] = 1 + 0.5 * np.sin(v), 0.8 + 0.3 * np.cos(u)
        matrix[..., 0, 1] = matrix[..., 1, 0] = 0.45 * np.sin(u + v)
        return matrix

    def drift(x):
        u, v = x[..., 0], x[..., 1]
        matrix = diffusion(x) + np.array([[0.0, 0.7], [-0.7, 0.0]])
        slope = 0.45 * np.cos(u + v)
        return -np.einsum("...ij,...j->...i", matrix, x) + np.stack([slope, slope], -1)

    grid = Grid([(-5.5, 5.5), (-5.5, 5.5)], cells)
    law = fokker_planck(drift, diffusion, grid)
    assert law.density.min() >= 0
    return l1(grid, law.density, gaussian(grid.centers, np.eye(2)))


def test_second_order_for_general_diffusion():
    errors = [manufactured(cells) for cells in (40, 80, 160)]
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.25)
    assert errors[-1] < 5e-3


def test_current_in_a_tilted_periodic_potential():
    """J = T(1 - e^{-2πF/T}) / ∬ e^{(V(y) - V(x))/T}, x from y to y + 2π: Risken, section 11.3."""
    temperature, force = 0.5, 0.4

    def potential(x):
        return -np.cos(x) - force * x

    double, _ = integrate.dblquad(
        lambda s, x: np.exp((potential(x + s) - potential(x)) / temperature), 0, 2 * np.pi, 0, 2 * np.pi
    )
    exact = temperature * (1 - np.exp(-2 * np.pi * force / temperature)) / double
    errors = []
    for cells in (20, 40, 80):
        grid = Grid((0, 2 * np.pi), cells, boundaries="periodic")
        law = fokker_planck(lambda x: force - np.sin(x), temperature, grid)
        assert np.ptp(law.current) < 1e-12  # without sources it is the same everywhere
        errors.append(abs(law.current.mean() - exact))
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.15)


def test_three_dimensions():
    mixing = np.array([[1.0, 0.3, 0.0], [0.3, 1.0, -0.2], [0.0, -0.2, 0.7]])
    hessian = np.array([[1.0, 0.5, 0.0], [-0.5, 1.0, 0.0], [0.0, 0.3, 1.2]])
    exact = ornstein_uhlenbeck(hessian, mixing).covariance
    law = fokker_planck(lambda x: -x @ hessian.T, mixing, Grid([(-6.2, 6.2)] * 3, 24))
    assert law.density.min() >= 0
    assert law.density.sum() * law.grid.volume == pytest.approx(1.0, abs=1e-12)
    error = np.abs(law.expectation(lambda x: x[:, :, None] * x[:, None]) - exact).max()
    assert error < 0.05 * np.abs(exact).max()
    assert np.abs(exact - mixing).max() > 2 * error  # the negative control: the law of the drift -x


def test_first_order_where_drift_acts_without_noise():
    """A particle with momentum: e^{-(q² + p²)/2T}."""

    def drift(x):
        return np.stack([x[..., 1], -x[..., 0] - x[..., 1]], axis=-1)

    errors = []
    for cells in (64, 128, 256):
        grid = Grid([(-8, 8), (-8, 8)], cells)
        with pytest.raises(InvalidInputError, match="first_order"):
            fokker_planck(drift, [0.0, 1.0], grid)
        law = fokker_planck(drift, [0.0, 1.0], grid, first_order=True)
        assert law.density.min() >= 0
        errors.append(l1(grid, law.density, gaussian(grid.centers, np.eye(2))))
    np.testing.assert_allclose(orders(errors), 1.0, atol=0.2)


def test_density_between_the_centres():
    law = oblique(120)
    x = np.random.default_rng(3).normal(size=(20, 2)) * 0.5
    exact = gaussian(x, ornstein_uhlenbeck(HESSIAN, OBLIQUE).covariance)
    np.testing.assert_allclose(law.pdf(x), exact, rtol=5e-3)


def test_refinement_tells_the_error_and_the_order():
    estimate = oblique(120).refined(lambda law: law.expectation(lambda x: x[:, 0] * x[:, 1]))
    error = abs(estimate.value - 0.25)
    assert estimate.order == pytest.approx(2.0, abs=0.1)
    assert 0.5 * error < estimate.error < 2 * error


def polynomial(law):
    """Return numbers with known errors, of which the negative one forbids logarithms."""
    h = law.grid.spacing[0]
    return np.array([-3.0 + 2 * h**2 + 5 * h**4, 1.0 + h**4])


def test_extrapolation_removes_what_is_of_second_order():
    law = fokker_planck(well, 0.1, Grid((-2.5, 2.5), 320))
    h = law.grid.spacing[0]
    estimate = law.refined(polynomial, extrapolate=True)
    # (4 - 16)/3 of an error of fourth order is left, and of the positive number by logarithms to the next order.
    np.testing.assert_allclose(estimate.value - [-3.0, 1.0], [-20 * h**4, -4 * h**4], rtol=1e-3)
    assert estimate.error == pytest.approx(20 * h**4, rel=1e-9)
    assert estimate.order == pytest.approx(2.0, abs=0.05)
    plain = law.refined(polynomial)
    assert plain.error == pytest.approx(2 * h**2, rel=0.05)
    np.testing.assert_allclose(plain.value, polynomial(law), rtol=1e-15)
    # Without a term of second order nothing is removed; an accidental agreement of two grids is not believed.
    assert law.refined(lambda law: polynomial(law)[1], extrapolate=True).value == 1 + h**4
    accident = {320: 1.0, 160: 1.0 + 1e-9, 80: 1.1}
    for extrapolate in (False, True):
        estimate = law.refined(lambda law: accident[law.grid.cells[0]], extrapolate=extrapolate)
        assert estimate.value == 1.0
        assert estimate.error > 1e-3


def test_extrapolated_density_is_of_fourth_order_and_positive():
    exact = ornstein_uhlenbeck(HESSIAN, OBLIQUE).covariance
    errors, control = [], []
    for cells in (48, 96, 192):
        law = oblique(cells)
        centers, estimate = law.grid.centers, law.extrapolated_density
        density = gaussian(centers, exact)
        assert estimate.value.min() > 0
        assert estimate.value.sum() * law.grid.volume == pytest.approx(1.0, abs=1e-12)
        largest = np.abs(estimate.value - density).max()
        assert 0.5 * largest < estimate.error < 10 * largest
        errors.append(l1(law.grid, estimate.value, density))
        # The negative control: weights for an error of first order; and without logarithms it is negative far out.
        coarse = fokker_planck(linear, OBLIQUE, law.grid.coarser(2)).pdf(centers)
        control.append(l1(law.grid, 2 * law.density - coarse, density))
        assert cells > 48 or (4 * law.density - coarse).min() < 0
    np.testing.assert_allclose(orders(errors), 4.0, atol=0.2)
    np.testing.assert_allclose(orders(control), 2.0, atol=0.2)
    assert errors[-1] < 1e-6 < 50 * errors[-1] < l1(law.grid, law.density, density)


def test_upstream_drift_is_extrapolated_from_first_to_second_order():
    """A particle with momentum in a parabola: E q² = T."""

    def drift(x):
        return np.stack([x[..., 1], -x[..., 0] - x[..., 1]], axis=-1)

    errors = []
    for cells in (128, 256):
        grid = Grid([(-6, 6), (-6, 6)], cells, boundaries="reflecting")
        law = fokker_planck(drift, [0.0, 0.7], grid, first_order=True)
        plain, best = (
            law.refined(lambda law: law.expectation(lambda x: x[:, 0] ** 2), extrapolate=extrapolate)
            for extrapolate in (False, True)
        )
        assert 1.0 < best.order < 1.3
        assert 0.5 * abs(best.value - 0.7) < best.error < 5 * abs(best.value - 0.7)
        assert abs(best.value - 0.7) < 0.1 * abs(plain.value - 0.7)
        errors.append(abs(best.value - 0.7))
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.3)


@pytest.mark.parametrize("cells", [50, 8, (64, 66)])
def test_cells_that_cannot_be_halved_twice_are_not_extrapolated(cells):
    box = [(-4, 4)] * np.size(cells)
    law = fokker_planck(lambda x: -x, 0.5, Grid(box, cells))
    with pytest.raises(InvalidInputError, match="multiples of 4"):
        law.refined(lambda law: law.spectral_gap, extrapolate=True)
    with pytest.raises(InvalidInputError, match="multiples of 4"):
        _ = law.extrapolated_density


# Conservation, positivity, time


def spike(grid):
    density = np.zeros(grid.cells)
    density[tuple(n // 3 for n in grid.cells)] = 1 / grid.volume
    return density


@pytest.mark.parametrize("n_steps", [None, 30])
def test_mass_is_conserved_and_density_never_negative(n_steps):
    law = oblique(40)
    path = law.evolve(spike(law.grid), [0.0, 0.01, 0.5, 5.0], n_steps=n_steps)
    np.testing.assert_allclose(path.sum(axis=(1, 2)) * law.grid.volume, 1.0, rtol=0, atol=1e-12)
    assert path.min() >= 0
    assert law.density.min() >= 0
    assert law.density.sum() * law.grid.volume == pytest.approx(1.0, abs=1e-12)


def test_steep_drift_does_not_make_it_negative_and_central_differences_do():
    grid = Grid((-2, 2), 40)
    law = fokker_planck(lambda x: -60 * x, 0.4, grid)
    assert law.evolve(spike(grid), [0.02])[0].min() >= 0
    # The negative control: fluxes f(pᵢ + pᵢ₊₁)/2 - D(pᵢ₊₁ - pᵢ)/h.
    face = grid.axes[0][:-1] + grid.spacing[0] / 2
    h = grid.spacing[0]
    up, down = 0.4 / h**2 - 60 * face / (2 * h), 0.4 / h**2 + 60 * face / (2 * h)
    diagonal = -np.append(up, 0) - np.insert(down, 0, 0)
    central = sparse.diags_array([up, diagonal, down], offsets=[-1, 0, 1]).toarray()
    assert np.abs(central.sum(axis=0)).max() < 1e-10
    assert (linalg.expm(0.02 * central) @ spike(grid)).min() < -1e-3


def test_evolution_is_the_exponential_of_the_generator():
    law = fokker_planck(well, 0.2, Grid((-2.5, 2.5), 50))
    start = spike(law.grid)
    exact = np.array([linalg.expm(t * law.generator.toarray()) @ start for t in (0.3, 2.0)])
    np.testing.assert_allclose(law.evolve(start, [0.3, 2.0]), exact, rtol=1e-9, atol=1e-12)
    errors = [np.abs(law.evolve(start, [2.0], n_steps=n)[0] - exact[1]).max() for n in (100, 200, 400)]
    np.testing.assert_allclose(orders(errors), 1.0, atol=0.1)


def test_mean_and_variance_relax_as_they_should():
    law = fokker_planck(lambda x: -x, 0.5, Grid((-5, 5), 400))
    x = law.grid.axes[0]
    path = law.evolve(gaussian(x[:, None] - 1.5, np.array([[0.04]])), [0.25, 1.0])
    means = path @ x * law.grid.volume
    variances = path @ x**2 * law.grid.volume - means**2
    decay = np.exp(-np.array([0.25, 1.0]))
    np.testing.assert_allclose(means, 1.5 * decay, rtol=1e-3)
    np.testing.assert_allclose(variances, 0.5 + (0.04 - 0.5) * decay**2, rtol=1e-3)


# Spectrum


# A Legendre–Galerkin method for the same operator gives these digits with 60 to 160 polynomials.
@pytest.mark.parametrize(("temperature", "known"), [(0.1, 0.0335452873), (0.05, 0.00277614064)])
def test_spectral_gap_of_the_quartic_double_well(temperature, known):
    law = fokker_planck(well, temperature, Grid((-2.5, 2.5), 1600))
    assert law.spectral_gap == pytest.approx(known, rel=1e-4)
    # The slow mode moves probability between the wells.
    mode = law.modes(1).densities[0].real
    assert np.sum(np.diff(np.sign(mode[np.abs(mode) > 1e-9 * np.abs(mode).max()])) != 0) == 1


@pytest.mark.parametrize(("temperature", "known"), [(0.1, 0.0335452873), (0.05, 0.00277614064)])
def test_extrapolated_spectral_gap_of_the_quartic_double_well(temperature, known):
    errors = []
    for cells in (64, 128, 256):
        law = fokker_planck(well, temperature, Grid((-2.5, 2.5), cells))
        estimate = law.refined(lambda law: law.spectral_gap, extrapolate=True)
        errors.append(abs(estimate.value - known))
        assert 0.5 * errors[-1] < estimate.error < 20 * errors[-1]
    assert errors[0] < 1e-4 * known
    np.testing.assert_allclose(orders(errors), 4.0, atol=0.1)
    assert abs(law.spectral_gap - known) > 1e-4 * known  # 256 cells do not do it without


def test_spectral_gap_in_two_dimensions():
    def drift(x):
        u, v = (x[..., 0] + x[..., 1]) / np.sqrt(2), (x[..., 1] - x[..., 0]) / np.sqrt(2)
        return np.stack([u - u**3 + 3 * v, u - u**3 - 3 * v], axis=-1) / np.sqrt(2)

    law = fokker_planck(drift, 0.1, Grid([(-1.9, 1.9)] * 2, 160))
    known, estimate = 0.0335452873, law.refined(lambda law: law.spectral_gap, extrapolate=True)
    assert estimate.value == pytest.approx(known, rel=1e-4)
    assert abs(law.spectral_gap - known) > 1e-4 * known
    # Without detailed balance: the least curvature is the rate, whatever the noise.
    estimate = oblique(128).refined(lambda law: law.spectral_gap, extrapolate=True)
    assert estimate.value == pytest.approx(1.0, rel=1e-4)
    assert 0.5 * abs(estimate.value - 1) < estimate.error < 1e-4


def test_wells_that_hardly_leak_are_weighed_or_refused():
    """ΔC/T = 20 and 50: the rates are 1e-12 and 1e-25 of the fastest, which is near and below the rounding errors."""

    def law(temperature):
        return fokker_planck(lambda x: well(x) - 0.1 * temperature, temperature, Grid((-1.8, 1.8), 200))

    x = law(0.0125).grid.axes[0]
    exact = np.exp(-(x**4 / 4 - x**2 / 2) / 0.0125 - 0.1 * x)
    np.testing.assert_allclose(
        law(0.0125).density, exact / exact.sum() / law(0.0125).grid.volume, rtol=1e-6, atol=1e-30
    )
    with pytest.raises(InvalidInputError, match="leaks"):
        _ = law(0.005).density
    with pytest.raises(InvalidInputError, match="slowest rate"):
        law(0.0105).modes(1)


def test_a_rotation_has_complex_eigenvalues():
    turning = np.array([[1.0, 2.0], [-2.0, 1.0]])
    law = fokker_planck(lambda x: -x @ turning.T, 1.0, Grid([(-5.5, 5.5)] * 2, 100))
    np.testing.assert_allclose(np.sort_complex(law.modes(3).eigenvalues), [-2, -1 - 2j, -1 + 2j], rtol=0.01)


def test_survivors_in_a_box_with_absorbing_sides():
    gaps = [
        fokker_planck(lambda x: 0 * x, 0.3, Grid((0, 2), n, boundaries="absorbing")).spectral_gap for n in (50, 100)
    ]
    errors = np.abs(np.array(gaps) - 0.3 * np.pi**2 / 4)
    assert errors[1] < 1e-4
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)


# Refusals


def test_a_domain_too_small_for_the_law_is_reported():
    with pytest.raises(InvalidInputError, match=r"upper side of axis 0, x = 1\.5.*Move the side, to 2\.75"):
        _ = fokker_planck(lambda x: -x, 0.5, Grid((-3.5, 1.5), 50)).density
    law = fokker_planck(lambda x: -x, 0.5, Grid((-3.5, 1.5), 50, boundaries="reflecting"))
    assert law.boundary_density[0, 1] == pytest.approx(np.exp(-(1.45**2)), rel=0.02)


@pytest.mark.parametrize("drift", [lambda x: x, lambda x: 0 * x, lambda x: -1.2 * x / (1 + x**2)])
def test_no_law_on_the_line_shows_at_natural_sides(drift):
    with pytest.raises(InvalidInputError, match="no stationary law"):
        _ = fokker_planck(drift, 1.0, Grid((-5, 5), 100)).density


def test_a_grid_too_coarse_is_reported():
    for noise in (1e-4, 1e-12):
        with pytest.raises(InvalidInputError, match="Péclet number"):
            _ = fokker_planck(lambda x: -x, noise, Grid((-1, 1), 20)).density
    _ = fokker_planck(lambda x: -x, 1e-4, Grid((-1, 1), 400)).density


@pytest.mark.parametrize(
    ("diffusion", "message"),
    [
        (-0.1, "positive semidefinite"),
        ([[1.0, 2.0], [2.0, 1.0]], "positive semidefinite"),
        ([[1.0, 2.0], [0.0, 1.0]], "symmetric"),
        (np.ones(3), "diffusion must be a number"),
        (lambda x: np.ones((len(x), 3)), "diffusion must be a number"),
        (lambda x: x[..., 0], "positive semidefinite"),
        (lambda x: np.full(len(x), np.nan), "finite"),
    ],
)
def test_diffusions_that_are_none(diffusion, message):
    with pytest.raises(InvalidInputError, match=message):
        fokker_planck(linear, diffusion, Grid([(-1, 1), (-1, 1)], 8))


def test_parts_without_connection_are_reported():
    """Noise and drift vanish at 0, where nothing passes."""
    law = fokker_planck(
        lambda x: x - x**3, lambda x: np.where(np.abs(x) < 0.1, 0, x**2), Grid((-3, 3), 60), first_order=True
    )
    with pytest.raises(InvalidInputError, match="2 parts"):
        _ = law.density


def test_no_noise_at_all_is_reported():
    with pytest.raises(InvalidInputError, match="component without noise"):
        fokker_planck(lambda x: -x, 0.0, Grid((-1, 1), 20))
    with pytest.raises(InvalidInputError, match="20 parts"):
        _ = fokker_planck(lambda x: 0 * x, 0.0, Grid((-1, 1), 20)).density


def test_nothing_stays_where_a_side_absorbs():
    law = fokker_planck(lambda x: -x, 1.0, Grid((-1, 1), 20, boundaries=[("absorbing", "reflecting")]))
    with pytest.raises(IncompatibleError, match="absorbing side"):
        _ = law.density


def test_refusals_of_evolve():
    law = fokker_planck(lambda x: -x, 0.5, Grid((-4, 4), 40))
    start = spike(law.grid)
    with pytest.raises(InvalidInputError, match="density must be >= 0"):
        law.evolve(-start, [1.0])
    with pytest.raises(InvalidInputError, match="increasing"):
        law.evolve(start, [1.0, 0.5])
    with pytest.raises(InvalidInputError, match="Pass n_steps"):
        law.evolve(start, [1e9])
