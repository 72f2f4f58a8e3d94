"""The maximum of the evidence: global, invariant, and honest at the boundaries."""

import math

import numpy as np
import pytest
from scipy import linalg, special

from sdetheory.errors import AccuracyWarning, DivergedError, InvalidInputError
from sdetheory.evidence import LinearModel, leave_one_out, mackay
from sdetheory.evidence.decomposition._spectrum import Spectrum
from sdetheory.evidence.linear._search import Objective
from sdetheory.evidence.linear.maximize import maximize


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


@pytest.mark.parametrize("X", [np.zeros((3, 2)), np.empty((3, 0)), np.full((3, 1), 7.0)])
def test_the_null_model_has_its_maximum(X):
    """Nothing varies once a flat intercept is integrated out: N(y; b, σ²), with b known up to σ²/n."""
    y = np.array([1.0, 2.0, 4.0])
    best = LinearModel(X, y, intercept="flat").maximize()
    variance = np.sum((y - y.mean()) ** 2) / 2
    assert best.kind == "null" and best.prior_precision == math.inf
    assert best.noise_variance == pytest.approx(variance, rel=1e-14)
    assert best.log_evidence == pytest.approx(-math.log(2 * math.pi * variance) - 1 - 0.5 * math.log(3), rel=1e-13)
    known = LinearModel(X, y, intercept="flat").maximize(noise_variance=2.0)
    assert known.log_evidence == pytest.approx(LinearModel(X, y, intercept="flat").log_evidence(1.0, 2.0), rel=1e-13)


def orthogonal_designs():
    n = np.arange(8)
    cosines = np.cos(np.pi * (2 * n[:, None] + 1) * n / 16) * np.where(n, 0.5, 0.125**0.5)
    return {
        "identity": np.eye(5),
        "Hadamard": linalg.hadamard(8).astype(float),
        "cosines": 3e-4 * cosines,
        "one of each group": np.eye(6)[[3, 1, 0, 2, 5, 4]],
        "one row": np.array([[1.0, 2.0, -0.5]]),
        "one number": np.array([[7.0]]),
        "rows of unit length, wide": np.eye(4, 9) * 2.0,
    }


@pytest.mark.parametrize("name", orthogonal_designs())
@pytest.mark.parametrize("unit", [1.0, 1e-160, 1e160])
def test_a_ridge_is_no_interior_maximum(name, unit):
    """With X Xᵀ = s² the covariance of y is (σ² + s²/λ): the best sum is the mean of y², each share as good."""
    X = orthogonal_designs()[name]
    y = np.arange(1.0, len(X) + 1)
    model, mean_square = LinearModel(X, unit * y), np.mean(y**2)
    best = model.maximize() if unit == 1.0 else _warned_maximum(model)
    right = -0.5 * len(X) * (math.log(2 * math.pi * mean_square) + 1) - len(X) * math.log(unit)
    assert best.kind == "ridge" and best.log_evidence == pytest.approx(right, rel=1e-13)
    square = np.sum(X[0] ** 2)
    log_total = np.logaddexp(best.log_noise_variance, math.log(square) - best.log_prior_precision)
    assert log_total == pytest.approx(math.log(mean_square) + 2 * math.log(unit), rel=1e-13, abs=1e-12)
    if unit == 1.0:  # and it is a ridge
        for share in (0.01, 0.5, 0.99):
            at = model.log_evidence(square / (share * mean_square), (1 - share) * mean_square)
            assert at == pytest.approx(right, rel=1e-12)
        # Negative control: a design that is a little off identifies both again.
        assert len(X) == 1 or LinearModel(X * np.linspace(1, 3, len(X))[:, None], y).maximize().kind != "ridge"


def test_a_flat_intercept_on_two_observations_leaves_a_ridge():
    best = LinearModel([[0.0], [3.0]], [1.0, 5.0], intercept="flat").maximize()
    assert best.kind == "ridge"
    # One contrast (y₁ - y₀)/√2 of variance 8, and -½ ln 2 of the intercept.
    assert best.log_evidence == pytest.approx(-0.5 * (math.log(16 * math.pi) + 1 + math.log(2)), rel=1e-14)


def _warned_maximum(model):
    with pytest.warns(AccuracyWarning, match="logarithms"):
        return model.maximize()


@pytest.mark.parametrize("intercept", [None, "flat", "gaussian"])
@pytest.mark.parametrize("unit", [1e-160, 1e-150, 1e150, 1e160])
def test_responses_in_any_unit(rng, intercept, unit):
    X = rng.standard_normal((30, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(30) + 2.0
    before, model = LinearModel(X, y, intercept=intercept).maximize(), LinearModel(X, unit * y, intercept=intercept)
    far = max(unit, 1 / unit) > 1e155
    after = _warned_maximum(model) if far else model.maximize()
    size = 30 - (intercept == "flat")
    assert after.kind == before.kind
    assert after.log_evidence == pytest.approx(before.log_evidence - size * math.log(unit), rel=1e-12)
    for name, power in (("log_prior_precision", -2), ("log_noise_variance", 2)):
        moved = getattr(after, name) - power * math.log(unit)
        assert moved == pytest.approx(getattr(before, name), abs=1e-9)
    if not far:
        at = model.log_evidence(after.prior_precision, after.noise_variance)
        assert at == pytest.approx(after.log_evidence, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-160, 1e160])
def test_scores_and_predictions_in_any_unit(rng, unit):
    X = rng.standard_normal((12, 2))
    y = X @ [1.0, 2.0] + 0.1 * rng.standard_normal(12)
    before, after = LinearModel(X, y), LinearModel(X, unit * y)
    variance = 1e300 if unit > 1 else 1e-300
    ratio = max(1e-300 * variance, 1e-300)  # λσ², on which the mean depends
    fits = after.posterior(1e-300, variance), before.posterior(ratio, 1.0)
    np.testing.assert_allclose(fits[0].mean / unit, fits[1].mean, rtol=1e-9)
    assert np.all(np.isfinite(leave_one_out(after, 1e-300, variance)))
    assert np.all(np.isfinite(fits[0].predict(X[:3]).log_density(unit * y[:3])))
    with pytest.raises(DivergedError):
        mackay(after, 1.0, 1.0)


def test_silent_data_know_no_noise():
    with pytest.raises(InvalidInputError, match="y that is not zero"):
        LinearModel([[1.0], [2.0]], [0.0, 0.0]).maximize()
    best = LinearModel([[1.0], [2.0]], [0.0, 0.0]).maximize(noise_variance=0.5)
    assert best.kind == "null" and best.log_evidence == pytest.approx(-math.log(math.pi), rel=1e-14)
    with pytest.raises(InvalidInputError, match="an observation more"):
        LinearModel([[1.0]], [2.0], intercept="flat").maximize()


def test_mackay_says_when_it_has_not_converged(rng):
    X = rng.standard_normal((40, 3))
    noise = np.linalg.qr(np.column_stack([X, rng.standard_normal(40)]))[0][:, 3]
    with pytest.raises(DivergedError, match="maximize") as caught:
        mackay(LinearModel(X, noise + 1e-3 * X[:, 0]), 1.0, 1.0, max_iterations=50)
    assert caught.value.result[0] > 1.0
    with pytest.raises(InvalidInputError, match="prior_precision must be > 0"):
        mackay(LinearModel(X, noise), 0.0, 1.0)
    with pytest.raises(DivergedError, match=r"noise_variance .* max_iterations or rtol"):
        mackay(LinearModel(X, noise), 1e300, 1.0)
