"""The exact evidence against SciPy, against fifty digits, and against itself."""

import tracemalloc

import mpmath
import numpy as np
import pytest
from scipy import linalg, stats

from sdetheory.errors import AccuracyWarning, IncompatibleError, InvalidInputError
from sdetheory.evidence import LinearModel, NormalInverseGamma, leave_one_out, sequential

SHAPES = [(40, 5), (5, 40), (9, 9)]


def problem(rng, n, p, condition=10.0):
    """Return inputs with a given condition number, and observations that they explain in part."""
    k = min(n, p)
    left, right = (np.linalg.qr(rng.standard_normal((size, k)))[0] for size in (n, p))
    X = left * np.geomspace(1.0, 1 / condition, k) @ right.T
    return X, X @ rng.standard_normal(p) + 0.5 * rng.standard_normal(n)


def spd(rng, p):
    factor = rng.standard_normal((p, p))
    return factor @ factor.T + np.eye(p)


def log_evidence_in_fifty_digits(X, y, precision, variance):
    """Return ln N(y; 0, σ²I + XXᵀ/λ), from the (n, n) matrix itself."""
    with mpmath.workdps(50):
        X, y, n = mpmath.matrix(X.tolist()), mpmath.matrix(y.tolist()), len(y)
        factor = mpmath.cholesky(variance * mpmath.eye(n) + X * X.T / mpmath.mpf(precision))
        whitened = mpmath.lu_solve(factor, y)
        log_determinant = 2 * sum(mpmath.log(factor[i, i]) for i in range(n))
        return -(n * mpmath.log(2 * mpmath.pi) + log_determinant + (whitened.T * whitened)[0]) / 2


def relative_error(value, exact):
    with mpmath.workdps(50):
        return float(abs((mpmath.mpf(float(value)) - exact) / exact))


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("shaped", [False, True])
def test_evidence_is_the_density_of_the_marginal_normal(rng, n, p, shaped):
    X, y = problem(rng, n, p)
    shape = spd(rng, p) if shaped else None
    covariance = 0.3 * np.eye(n) + X @ np.linalg.solve(0.7 * (np.eye(p) if shape is None else shape), X.T)
    expected = stats.multivariate_normal(np.zeros(n), covariance).logpdf(y)
    assert LinearModel(X, y, prior_shape=shape).log_evidence(0.7, 0.3) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(("condition", "tolerance"), [(10.0, 1e-12), (1e8, 1e-9)])
@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize(
    ("precision", "variance"),
    [(1.0, 0.25), (1e-8, 1e-12), (1e-12, 1e-2), (1e-12, 1e-6), (1e-12, 1e-12), (1e3, 1e-4), (1.0, 1e3)],
)
def test_evidence_has_the_digits_it_promises(rng, n, p, condition, tolerance, precision, variance):
    X, y = problem(rng, n, p, condition)
    exact = log_evidence_in_fifty_digits(X, y, precision, variance)
    assert relative_error(LinearModel(X, y).log_evidence(precision, variance), exact) < tolerance


@pytest.mark.parametrize(("n", "p"), [(6, 15), (8, 8), (15, 6)])
def test_weak_directions_keep_their_digits(rng, n, p, monkeypatch):
    """Where they explain most of y (λσ² far below s_min²) a plain decomposition has lost seven digits."""
    ours, plain = [], []
    for _ in range(10):
        X, y = problem(rng, n, p, 1e8)
        exact = log_evidence_in_fifty_digits(X, y, 1e-12, 1e-9)
        ours.append(relative_error(LinearModel(X, y).log_evidence(1e-12, 1e-9), exact))
        with monkeypatch.context() as patch:
            patch.setattr("sdetheory.evidence.decomposition._decomposition.WEAK", 0.0)
            plain.append(relative_error(LinearModel(X, y).log_evidence(1e-12, 1e-9), exact))
    assert max(ours) < 1e-10
    assert max(plain) > 10 * max(ours) and max(plain) > 1e-10  # the negative control


def test_refined_directions_are_orthonormal(rng):
    for shape in [(30, 12), (12, 30), (12, 12)]:
        X, y = problem(rng, *shape, 1e9)
        for intercept in (None, "flat"):
            model = LinearModel(X, y, intercept=intercept)
            assert model._singular[-1] < 1e-6 * model._singular[0]
            for basis in (model._left, model._right.T):
                np.testing.assert_allclose(basis.T @ basis, np.eye(model.rank), atol=1e-14)
            rows = X - X.mean(axis=0) if intercept else X
            np.testing.assert_allclose(model._left * model._singular @ model._right, rows, atol=1e-14)


def test_residual_survives_where_the_fit_is_nearly_perfect(rng):
    X, _ = problem(rng, 12, 3)
    y = X @ [1e4, -2e4, 3e4] + 1e-3 * rng.standard_normal(12)
    exact = log_evidence_in_fifty_digits(X, y, 1e-8, 1e-6)
    # Absolute, as the terms may cancel: |r|²/σ² is about 10.
    assert abs(LinearModel(X, y).log_evidence(1e-8, 1e-6) - float(exact)) < 1e-6
    # Negative control: |y|² - |c|² has lost most of its digits.
    left = linalg.svd(X, full_matrices=False)[0]
    naive = (y @ y - (left.T @ y) @ (left.T @ y)) / 1e-6
    assert abs(naive - LinearModel(X, y)._spectrum.residual_square / 1e-6) > 1e-5


def test_laplace_formula_is_exact_for_a_gaussian_likelihood(rng):
    X, y = problem(rng, 20, 6)
    model, precision, variance = LinearModel(X, y), 0.4, 0.2
    mode = model.posterior(precision, variance).mean
    cost = (
        np.sum((y - X @ mode) ** 2) / (2 * variance) + 10 * np.log(2 * np.pi * variance) + precision * mode @ mode / 2
    )
    curvatures = np.linalg.eigvalsh(model.hessian(precision, variance))
    laplace = -cost - 0.5 * np.sum(np.log(curvatures / precision))
    assert model.log_evidence(precision, variance) == pytest.approx(laplace, rel=1e-12)
    wrong = -cost - np.sum(np.log(curvatures / precision))  # the ½ forgotten
    assert abs(model.log_evidence(precision, variance) - wrong) > 1.0
    occam = model.occam(precision, variance)
    assert occam.cost_at_mode == pytest.approx(cost, rel=1e-12)
    assert occam.half_log_curvature_ratio == pytest.approx(0.5 * np.sum(np.log(curvatures / precision)), rel=1e-12)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_occam_parts_add_up(rng, n, p):
    X, y = problem(rng, n, p)
    model, precision = LinearModel(X, y, prior_shape=spd(rng, p)), np.geomspace(1e-6, 1e6, 25)
    occam = model.occam(precision, 0.3)
    np.testing.assert_array_equal(occam.log_likelihood_at_mode + occam.log_occam_factor, occam.log_evidence)
    np.testing.assert_allclose(occam.log_evidence, model.log_evidence(precision, 0.3), rtol=1e-13)
    np.testing.assert_allclose(-occam.cost_at_mode - occam.half_log_curvature_ratio, occam.log_evidence, rtol=1e-13)
    assert np.all(occam.half_log_curvature_ratio >= 0) and np.all(occam.log_occam_factor <= 0)


def test_occam_factor_is_posterior_volume_over_prior_volume(rng):
    X, y = problem(rng, 20, 4)
    shape = spd(rng, 4)
    model = LinearModel(X, y, prior_shape=shape)
    mode = model.posterior(0.4, 0.2).mean
    prior = stats.multivariate_normal(np.zeros(4), np.linalg.inv(0.4 * shape)).logpdf(mode)
    volume = -0.5 * np.linalg.slogdet(model.hessian(0.4, 0.2) / (2 * np.pi))[1]
    assert model.occam(0.4, 0.2).log_occam_factor == pytest.approx(prior + volume, rel=1e-11)


def test_strong_prior_is_the_null_model(rng):
    X, y = problem(rng, 30, 4)
    model = LinearModel(X, y)
    null = stats.norm(scale=np.sqrt(0.5)).logpdf(y).sum()
    assert model.log_evidence_ratio(2.0, 0.5) == pytest.approx(null - model.log_evidence(2.0, 0.5), rel=1e-11)
    assert model.log_evidence(1e300, 0.5) == pytest.approx(null, rel=1e-14)
    # To first order in 1/λ, far below the rounding error of either evidence.
    first_order = (np.sum(X**2) - np.sum((X.T @ y) ** 2) / 0.5) / (2 * 0.5)
    assert model.log_evidence_ratio(1e30, 0.5) * 1e30 == pytest.approx(first_order, rel=1e-10)


def test_evidence_trusts_signal_and_refuses_noise(rng):
    X = rng.standard_normal((50, 5))
    signal = X @ np.ones(5) + 0.1 * rng.standard_normal(50)
    assert LinearModel(X, signal).log_evidence_ratio(1.0, 0.01) < -100
    # Noise orthogonal to the inputs: here the sign is certain, not only likely.
    noise = linalg.qr(np.column_stack([X, rng.standard_normal(50)]), mode="economic")[0][:, -1]
    assert LinearModel(X, noise).log_evidence_ratio(1.0, 0.01) > 0


@pytest.mark.parametrize("precision", [1e-20, 1.0, 1e20])
def test_duplicated_columns_are_one_column_with_half_the_prior_precision(rng, precision):
    X, y = problem(rng, 15, 3)
    with pytest.warns(AccuracyWarning, match="rank of the inputs is 3"):
        doubled = LinearModel(np.hstack([X, X]), y)
    assert doubled.rank == 3
    assert doubled.log_evidence(precision, 0.1) == pytest.approx(
        LinearModel(X, y).log_evidence(precision / 2, 0.1), rel=1e-12
    )


def test_inputs_that_are_all_zero_leave_the_null_model():
    model = LinearModel(np.zeros((4, 2)), np.arange(4.0))
    assert model.rank == 0 and model.log_evidence_ratio(1.0, 1.0) == 0
    assert model.posterior(2.0, 1.0).covariance == pytest.approx(np.eye(2) / 2)


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_posterior_and_predictions(rng, n, p):
    X, y = problem(rng, n, p)
    shape, X_new = spd(rng, p), rng.standard_normal((7, p))
    model = LinearModel(X, y, prior_shape=shape)
    posterior = model.posterior(0.4, 0.2)
    inverse = np.linalg.inv(X.T @ X / 0.2 + 0.4 * shape)
    np.testing.assert_allclose(posterior.covariance, inverse, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(posterior.mean, inverse @ X.T @ y / 0.2, rtol=1e-10, atol=1e-12)
    assert posterior.effective_parameters == pytest.approx(p - 0.4 * np.trace(inverse @ shape), abs=1e-10)
    prediction = posterior.predict(X_new)
    np.testing.assert_allclose(prediction.mean, X_new @ posterior.mean, rtol=1e-12)
    np.testing.assert_allclose(prediction.variance, 0.2 + np.diag(X_new @ inverse @ X_new.T), rtol=1e-10)


def test_variance_keeps_its_digits_under_a_very_weak_prior(rng):
    X, y = problem(rng, 30, 3)
    covariance = LinearModel(X, y).posterior(1e-100, 0.2).covariance
    np.testing.assert_allclose(covariance, 0.2 * np.linalg.inv(X.T @ X), rtol=1e-11)


def test_evidence_is_the_product_of_predictions(rng):
    """P(y) = ∏ P(yᵢ | y₁ … yᵢ₋₁): the evidence and the predictive law must agree."""
    X, y = problem(rng, 8, 3)
    total = stats.norm.logpdf(y[0], scale=np.sqrt(0.2 + X[0] @ X[0] / 0.4))
    for i in range(1, 8):
        ahead = LinearModel(X[:i], y[:i]).posterior(0.4, 0.2).predict(X[i : i + 1])
        total += stats.norm.logpdf(y[i], ahead.mean[0], np.sqrt(ahead.variance[0]))
    assert LinearModel(X, y).log_evidence(0.4, 0.2) == pytest.approx(total, rel=1e-12)


def test_curves_and_grids_broadcast(rng, monkeypatch):
    model = LinearModel(*problem(rng, 12, 5))
    precision, variance = np.geomspace(1e-3, 1e3, 7), np.geomspace(0.01, 1.0, 4)
    grid = model.log_evidence(precision[:, None], variance)
    one_by_one = [[model.log_evidence(a, b) for b in variance] for a in precision]
    np.testing.assert_array_equal(grid, one_by_one)
    monkeypatch.setattr("sdetheory.evidence.decomposition._spectrum._BLOCK", 8)  # many blocks, the last one shorter
    np.testing.assert_array_equal(model.log_evidence(precision[:, None], variance), one_by_one)


def test_data_cannot_change_under_the_model(rng):
    X, y = problem(rng, 6, 2)
    model, before = LinearModel(X, y), X[0, 0]
    X[0, 0] = 17.0
    assert model.X[0, 0] == before
    with pytest.raises(ValueError, match="read-only"):
        model.y[0] = 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": [1.0, 2.0], "y": [1.0, 2.0]}, "X must have shape"),
        ({"X": [[1.0], [2.0]], "y": [1.0]}, "y must have shape"),
        ({"X": [[1.0], [np.nan]], "y": [1.0, 2.0]}, "X must be finite"),
        ({"X": np.empty((0, 2)), "y": []}, "at least one observation"),
        ({"X": [[1.0]], "y": ["a"]}, "y must be real numbers"),
        ({"X": [[1.0]], "y": [1.0], "prior_shape": [[-1.0]]}, "prior_shape must be positive definite"),
        ({"X": np.eye(2), "y": [1.0, 2.0], "prior_shape": [[1.0, 0.5], [0.0, 1.0]]}, "prior_shape must be symmetric"),
        ({"X": np.eye(13), "y": np.ones(13), "prior_shape": linalg.hilbert(13)}, "must be positive definite"),
    ],
)
def test_bad_models_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        LinearModel(**arguments)


@pytest.mark.parametrize("method", ["log_evidence", "log_evidence_ratio", "occam", "posterior", "hessian"])
@pytest.mark.parametrize("bad", [(0.0, 1.0), (1.0, -1.0), (np.inf, 1.0), (1.0, "a")])
def test_bad_hyperparameters_are_refused(method, bad):
    with pytest.raises(InvalidInputError, match=r"prior_precision|noise_variance"):
        getattr(LinearModel([[1.0]], [1.0]), method)(*bad)


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(IncompatibleError, match="must broadcast"):
        LinearModel([[1.0]], [1.0]).log_evidence([1.0, 2.0], [1.0, 2.0, 3.0])


def test_predictions_need_the_same_inputs():
    with pytest.raises(InvalidInputError, match="X_new must have shape"):
        LinearModel([[1.0]], [1.0]).posterior(1.0, 1.0).predict([[1.0, 2.0]])


@pytest.mark.parametrize("shaped", [False, True])
def test_wide_inputs_are_held_twice_and_never_squared(rng, shaped):
    """The copy that is kept and the one that is decomposed; a (p, p) matrix would be 25 times the data."""
    X, y = rng.standard_normal((200, 5000)), rng.standard_normal(200)
    shape = np.linspace(1, 2, 5000) if shaped else None
    tracemalloc.start()
    try:
        model = LinearModel(X, y, prior_shape=shape)
        model.log_evidence(np.geomspace(1e-4, 1e4, 200), 1.0)
        model.maximize()
        model.posterior(1.0, 1.0).predict(X[:10])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * X.nbytes


def test_as_many_noise_variances_as_observations_are_no_grid(rng):
    """They would be one variance each; the remedy that the message names is the right model."""
    X, y = problem(rng, 6, 2)
    variances = np.geomspace(0.1, 2.0, 6)
    for method in ("log_evidence", "log_evidence_ratio", "effective_parameters", "occam"):
        with pytest.raises(IncompatibleError, match=r"noise_variance\[None, :\]"):
            getattr(LinearModel(X, y), method)(0.7, variances)
    roots = np.sqrt(variances)
    ours = LinearModel(X / roots[:, None], y / roots).log_evidence(0.7, 1.0) - np.log(roots).sum()
    expected = stats.multivariate_normal(np.zeros(6), np.diag(variances) + X @ X.T / 0.7).logpdf(y)
    assert ours == pytest.approx(expected, rel=1e-11)
    grid = LinearModel(X, y).log_evidence(0.7, variances[None, :])
    np.testing.assert_allclose(grid[0], [LinearModel(X, y).log_evidence(0.7, v) for v in variances])
    assert LinearModel(X, y).log_evidence(np.full(6, 0.7), variances).shape == (6,)


@pytest.mark.parametrize("shape", [(60, 5), (60, 8), (8, 60)])
@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1e11])
def test_large_inputs_keep_their_units_too(rng, shape, unit, monkeypatch):
    """By LAPACK's Jacobi method, where twofold precision would take too long."""
    X, y = problem(rng, *shape)
    X[:, ::2] *= unit
    small = LinearModel(X, y)
    monkeypatch.setattr("sdetheory.evidence.decomposition._decomposition._SMALL", 0)
    large = LinearModel(X, y)
    assert large.rank == small.rank == min(shape)
    np.testing.assert_allclose(large._singular, small._singular, rtol=1e-12)
    for precision, variance in ((1e-30, 0.1), (1e-3, 0.1), (1e10, 0.3)):
        assert large.log_evidence(precision, variance) == pytest.approx(
            small.log_evidence(precision, variance), rel=1e-9
        )
    if shape[0] > shape[1]:
        with pytest.warns(AccuracyWarning, match=f"rank of the inputs is {shape[1]}"):
            repeated = LinearModel(np.column_stack([X, X[:, 1]]), y)
        assert repeated.rank == shape[1]


@pytest.mark.parametrize("intercept", [None, "flat", "gaussian"])
def test_a_rank_below_p_is_said_with_the_columns(rng, intercept):
    X, y = problem(rng, 12, 4)
    sums = np.column_stack([X, X[:, 0] + X[:, 2]])
    with pytest.warns(AccuracyWarning, match="rank of the inputs is") as caught:
        model = LinearModel(sums, y, intercept=intercept)
    assert model.rank == 4 + (intercept == "gaussian")
    assert sum(f"column {j}" in str(caught[0].message) for j in range(5)) == 1
    assert caught[0].filename == __file__
    # Neither zeros, nor constants beside a flat intercept, nor more columns than observations are a mistake.
    LinearModel(np.column_stack([X, np.zeros(12)]), y, intercept=intercept)
    LinearModel(rng.standard_normal((4, 9)), y[:4], intercept=intercept)
    constant = np.column_stack([X, np.full(12, 0.1)])
    if intercept == "gaussian":
        with pytest.warns(AccuracyWarning, match="column 4 of X|the intercept"):
            assert LinearModel(constant, y, intercept=intercept).rank == 5
    else:
        assert LinearModel(constant, y, intercept=intercept).rank == (5 if intercept is None else 4)


def test_a_subclass_with_an_evidence_of_its_own_is_not_overruled(rng):
    class Tempered(LinearModel):
        def log_evidence(self, prior_precision, noise_variance):
            return 0.5 * super().log_evidence(prior_precision, noise_variance)

    class Bare(LinearModel):
        pass

    X, y = problem(rng, 8, 2)
    model = Tempered(X, y)
    for call in (
        lambda m: NormalInverseGamma(m, shape=1.0, scale=1.0),
        lambda m: leave_one_out(m, 1.0, 1.0),
        lambda m: sequential(m, 1.0, 1.0),
        lambda m: m.maximize(),
    ):
        with pytest.raises(IncompatibleError, match="log_evidence"):
            call(model)
        call(Bare(X, y))
