"""The maximum of the evidence: global, invariant, and honest at the boundaries."""

import math

import numpy as np
import pytest
from scipy import special

from sdetheory.errors import DivergedError, InvalidInputError
from sdetheory.evidence import LinearModel, mackay
from sdetheory.evidence._search import Objective
from sdetheory.evidence._spectrum import Spectrum
from sdetheory.evidence.maximize import maximize


def random_spectrum(rng):
    """Return a design by its spectrum: eigenvalues 1e-8 to 1e2, weights over six decades, any aspect ratio."""
    n, p = int(rng.integers(3, 40)), int(rng.integers(1, 40))
    rank = min(n, p)
    singular = np.sort(10 ** rng.uniform(-4, 1, rank))[::-1]
    noise = 10 ** rng.uniform(-4, 1)
    weights = rng.standard_normal(rank) * 10 ** rng.uniform(-3, 3, rank)
    return Spectrum(
        log_squares=2 * np.log(singular),
        coordinates=singular * weights + noise * rng.standard_normal(rank),
        residual=float(noise * np.sqrt(rng.chisquare(n - rank))) if n > rank else 0.0,
        size=n,
        n=n,
    )


def profile(spectrum, log_ratio):
    """Return the log evidence at the best σ² for each ln λσ², straight from its definition."""
    p = special.expit(log_ratio[:, None] - spectrum.log_squares)
    variance = (spectrum.residual_square + p @ spectrum.coordinates**2) / spectrum.size
    volume = np.logaddexp(0.0, spectrum.log_squares - log_ratio[:, None]).sum(axis=1)
    return -0.5 * (spectrum.size * (np.log(2 * np.pi * variance) + 1) + volume)


def dense_range(spectrum):
    low, high = spectrum.log_squares.min() - 30, spectrum.log_squares.max() + 30
    if spectrum.residual_square > 0:
        norm = np.sum(spectrum.coordinates**2 / np.exp(spectrum.log_squares))
        low = min(low, np.log(spectrum.residual_square / norm) - 10)
    return low, high


def test_no_dense_search_finds_more_on_random_designs(rng):
    """A thousand of them in each run; other roots of the seed draw others."""
    several = 0
    for _ in range(1000):
        spectrum = random_spectrum(rng)
        best = maximize(spectrum, None)
        grid = np.linspace(*dense_range(spectrum), 401)
        values = profile(spectrum, grid)
        peak = int(np.argmax(values))
        finer = np.linspace(grid[max(0, peak - 1)], grid[min(400, peak + 1)], 101)
        gap = max(values[peak], profile(spectrum, finer).max()) - best.log_evidence
        assert gap < 1e-6
        inside = values[1:-1]
        seen = np.sum((inside > values[:-2] + 1e-8) & (inside > values[2:] + 1e-8))
        found = sum(maximum.kind == "interior" for maximum in best.local_maxima)
        assert found >= seen
        several += len(best.local_maxima) > 1
    assert several > 100  # the designs do have several maxima: a local search would not do


@pytest.fixture
def two_maxima():
    """One strong direction whose weight is small, and two weak ones whose weights are large."""
    X, y = np.zeros((20, 3)), np.ones(20)
    X[0, 0], X[1, 1], X[2, 2] = 100.0, 1.0, 1.0
    y[:3] = 10.0
    return LinearModel(X, y)


def test_all_local_maxima_are_reported(two_maxima):
    best = two_maxima.maximize()
    assert [maximum.kind for maximum in best.local_maxima] == ["interior", "interior"]
    assert best.log_evidence == best.local_maxima[0].log_evidence > best.local_maxima[1].log_evidence + 10
    for maximum in best.local_maxima:
        at = two_maxima.log_evidence(maximum.prior_precision, maximum.noise_variance)
        for angle in np.linspace(0, 2 * np.pi, 12):
            step = np.exp(1e-3 * np.array([np.cos(angle), np.sin(angle)]))
            assert two_maxima.log_evidence(*(step * [maximum.prior_precision, maximum.noise_variance])) < at
    # Negative control: MacKay's iteration, started at λ = σ² = 100, stays at the lower one.
    trapped = two_maxima.log_evidence(*mackay(two_maxima, 100.0, 100.0))
    assert trapped == pytest.approx(best.local_maxima[1].log_evidence, abs=1e-9)


def test_mackay_agrees_at_every_interior_maximum(rng):
    compared = 0
    for _ in range(20):
        n, p = int(rng.integers(8, 30)), int(rng.integers(1, 8))
        X = rng.standard_normal((n, p))
        model = LinearModel(X, X @ rng.standard_normal(p) + 0.5 * rng.standard_normal(n))
        for maximum in model.maximize().local_maxima:
            if maximum.kind != "interior":
                continue
            precision, variance = mackay(model, 1.1 * maximum.prior_precision, 0.9 * maximum.noise_variance)
            assert precision == pytest.approx(maximum.prior_precision, rel=1e-8)
            assert variance == pytest.approx(maximum.noise_variance, rel=1e-8)
            compared += 1
    assert compared >= 15


@pytest.mark.parametrize("intercept", [None, "flat", "gaussian"])
@pytest.mark.parametrize("c", [1e-8, 3.0, 1e6])
def test_units_of_y_and_of_the_inputs(rng, intercept, c):
    X = rng.standard_normal((20, 5)) * np.geomspace(1e-3, 10, 5)
    y = X @ rng.standard_normal(5) + 0.1 * rng.standard_normal(20)
    before = LinearModel(X, y, intercept=intercept).maximize()
    dimension = 20 - (intercept == "flat")
    after = LinearModel(X, c * y, intercept=intercept).maximize()
    assert after.log_evidence == pytest.approx(before.log_evidence - dimension * math.log(c), abs=1e-9)
    assert after.noise_variance == pytest.approx(before.noise_variance * c**2, rel=1e-8)
    assert after.prior_precision == pytest.approx(before.prior_precision / c**2, rel=1e-8)
    if intercept == "gaussian":
        return  # the intercept's column does not scale with the inputs
    after = LinearModel(c * X, y, intercept=intercept).maximize()
    assert after.log_evidence == pytest.approx(before.log_evidence, abs=1e-9)
    assert after.prior_precision == pytest.approx(before.prior_precision * c**2, rel=1e-8)
    assert after.noise_variance == pytest.approx(before.noise_variance, rel=1e-8)


def test_a_power_of_two_moves_it_to_the_last_digits(rng):
    """Powers of two round nothing, so that the search must take the same steps; sums may differ in their order."""
    X, y = rng.standard_normal((30, 8)), rng.standard_normal(30)
    y += X[:, 0]
    before, after = LinearModel(X, y).maximize(), LinearModel(X, 2.0**40 * y).maximize()
    assert after.noise_variance == pytest.approx(before.noise_variance * 2.0**80, rel=1e-13)
    assert after.log_evidence == pytest.approx(before.log_evidence - 30 * 40 * math.log(2), rel=1e-14)


def test_noise_leaves_the_null_model(rng):
    X = rng.standard_normal((40, 3))
    noise = np.linalg.qr(np.column_stack([X, rng.standard_normal(40)]))[0][:, 3]
    best = LinearModel(X, noise).maximize()
    assert best.kind == "null" and best.prior_precision == math.inf
    assert best.noise_variance == pytest.approx(1 / 40)
    assert best.log_evidence == pytest.approx(LinearModel(X, noise).log_evidence(1e15, 1 / 40), abs=1e-9)


def test_a_wide_design_may_need_no_noise():
    """As many weights as observations, and weak directions that carry what the prior says: no noise is needed."""
    X = np.diag([3.0, 1.0, 0.3, 0.1])
    y = X @ np.array([1.0, -1.0, 1.0, -1.0])
    best = LinearModel(X, y).maximize()
    assert best.kind == "noise-free" and best.noise_variance == 0
    assert best.prior_precision == pytest.approx(1.0)
    assert best.log_evidence == pytest.approx(LinearModel(X, y).log_evidence(1.0, 1e-14), abs=1e-9)
    # Negative control: a weak direction that would need a large weight is noise.
    assert LinearModel(X, np.ones(4)).maximize().kind != "noise-free"


@pytest.mark.parametrize("intercept", [None, "flat"])
def test_boundaries_are_limits_of_the_evidence_itself(rng, intercept):
    dimension = 5 if intercept is None else 4
    kinds = set()
    for _ in range(30):
        X, y = rng.standard_normal((5, 9)), rng.standard_normal(5)
        model = LinearModel(X, y, intercept=intercept)
        for maximum in model.maximize().local_maxima:
            kinds.add(maximum.kind)
            if maximum.kind == "null":
                limit = model.log_evidence(1e14, maximum.noise_variance)
            else:
                limit = model.log_evidence(maximum.prior_precision, maximum.noise_variance or 1e-14)
            assert maximum.log_evidence == pytest.approx(limit, abs=1e-9)
            if maximum.kind == "noise-free":
                assert model.rank == dimension
    assert {"null", "noise-free"} <= kinds


def test_a_perfect_fit_of_fewer_weights_is_unbounded(rng):
    X = rng.standard_normal((10, 2))
    model = LinearModel(X, X @ [1.0, 2.0])
    best = model.maximize()
    assert best.kind == "unbounded" and best.log_evidence == math.inf and best.noise_variance == 0
    assert best.prior_precision == pytest.approx(2 / 5)
    # And it is: eight times ln 10 for each factor 100 in σ².
    rise = model.log_evidence(0.4, 1e-12) - model.log_evidence(0.4, 1e-10)
    assert rise == pytest.approx(4 * math.log(100), rel=1e-9)


def test_known_noise_leaves_one_variable(rng):
    X = rng.standard_normal((25, 6)) * np.geomspace(0.01, 10, 6)
    model = LinearModel(X, X @ rng.standard_normal(6) + 0.3 * rng.standard_normal(25))
    best = model.maximize(noise_variance=0.09)
    grid = np.geomspace(1e-12, 1e12, 200_001)
    values = model.log_evidence(grid, 0.09)
    assert best.log_evidence >= values.max() - 1e-9
    assert best.prior_precision == pytest.approx(grid[np.argmax(values)], rel=1e-3)
    assert best.noise_variance == 0.09
    silent = LinearModel(X, 1e-3 * model.y).maximize(noise_variance=0.09)
    assert silent.kind == "null"
    assert silent.log_evidence == pytest.approx(LinearModel(X, 1e-3 * model.y).log_evidence(1e16, 0.09), abs=1e-9)


def test_bounds_of_the_third_derivative_hold(rng):
    """The search is only as good as its bound: compare it with differences of the second derivative."""
    for m_known in (False, True):
        tightest = 0.0
        for _ in range(200):
            spectrum = random_spectrum(rng)
            objective = Objective(
                spectrum.log_squares,
                spectrum.coordinates**2,
                spectrum.residual_square,
                None if m_known else spectrum.size,
            )
            u = np.linspace(*dense_range(spectrum), 500)
            _, above, _ = objective.slopes(u + 1e-4)
            _, below, _ = objective.slopes(u - 1e-4)
            third, bound = np.abs(above - below) / 2e-4, objective.slopes(u)[2]
            scale = 1e-6 * (1 + bound.max())
            assert np.all(third <= bound * (1 + 1e-3) + scale * (third < scale))
            tightest = max(tightest, float(np.max(third[bound > 1e-3] / bound[bound > 1e-3])))
        assert tightest > 0.2  # not vacuous


def test_slopes_are_derivatives(rng):
    spectrum = random_spectrum(rng)
    objective = Objective(spectrum.log_squares, spectrum.coordinates**2, spectrum.residual_square, spectrum.size)
    u = np.linspace(spectrum.log_squares.min() - 2, spectrum.log_squares.max() + 5, 40)
    difference = (profile(spectrum, u + 1e-5) - profile(spectrum, u - 1e-5)) / 2e-5
    np.testing.assert_allclose(objective.slopes(u)[0], difference, rtol=1e-5, atol=1e-6)
    second = (objective.slopes(u + 1e-5)[0] - objective.slopes(u - 1e-5)[0]) / 2e-5
    np.testing.assert_allclose(objective.slopes(u)[1], second, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("X", "y"), [([[0.0], [0.0]], [1.0, 2.0]), ([[1.0], [2.0]], [0.0, 0.0])])
def test_nothing_to_maximize_is_refused(X, y):
    with pytest.raises(InvalidInputError, match="inputs that vary and a y that is not zero"):
        LinearModel(X, y).maximize()


def test_mackay_says_when_it_has_not_converged(rng):
    X = rng.standard_normal((40, 3))
    noise = np.linalg.qr(np.column_stack([X, rng.standard_normal(40)]))[0][:, 3]
    with pytest.raises(DivergedError, match="maximize") as caught:
        mackay(LinearModel(X, noise + 1e-3 * X[:, 0]), 1.0, 1.0, max_iterations=50)
    assert caught.value.result[0] > 1.0
    with pytest.raises(InvalidInputError, match="prior_precision must be > 0"):
        mackay(LinearModel(X, noise), 0.0, 1.0)
