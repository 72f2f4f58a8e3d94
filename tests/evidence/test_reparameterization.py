"""The evidence does not know which coordinates the weights have; the Hessian and Laplace's approximation do."""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy import integrate, special, stats
from weight_models import AFFINE, CONSTANT_DETERMINANT, OTHERS, gaussian, logistic, shear

from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.evidence import (
    CUBIC,
    EXP,
    SINH,
    LinearMap,
    LinearModel,
    WeightModel,
    gaussianizing_map,
    reparameterize,
)


def model_and_map(rng, n, p, condition, shaped=False):
    left, right = (np.linalg.qr(rng.standard_normal((p, p)))[0] for _ in range(2))
    factor = rng.standard_normal((p, p))
    shape = factor @ factor.T + np.eye(p) if shaped else None
    X = rng.standard_normal((n, p))
    model = LinearModel(X, X @ rng.standard_normal(p) + 0.5 * rng.standard_normal(n), prior_shape=shape)
    return model, left * np.geomspace(1.0, condition, p) @ right


@pytest.mark.parametrize(("condition", "tolerance"), [(1.0, 1e-13), (1e3, 1e-11), (1e6, 1e-10)])
@pytest.mark.parametrize(("n", "p"), [(30, 5), (5, 30)])
@pytest.mark.parametrize("shaped", [False, True])
def test_evidence_is_invariant(rng, n, p, condition, tolerance, shaped):
    model, matrix = model_and_map(rng, n, p, condition, shaped)
    precision = np.geomspace(1e-3, 1e3, 7)
    transported = reparameterize(model, matrix)
    np.testing.assert_allclose(
        transported.log_evidence(precision, 0.3), model.log_evidence(precision, 0.3), rtol=tolerance
    )
    occam, other = model.occam(1.0, 0.3), transported.occam(1.0, 0.3)
    assert other.log_occam_factor == pytest.approx(occam.log_occam_factor, rel=10 * tolerance)


@pytest.mark.parametrize(("n", "p"), [(30, 5), (5, 30)])
def test_evidence_of_linear_models_is_invariant_for_any_random_map(rng, n, p):
    """To 1e-10 at condition number 1e6, in forty draws; a prior 1e-8 off in scale is seen."""
    precision = np.geomspace(1e-3, 1e3, 7)
    for draw in range(40):
        model, matrix = model_and_map(rng, n, p, 1e6, shaped=draw % 2 == 0)
        expected, transported = model.log_evidence(precision, 0.3), reparameterize(model, LinearMap(matrix))
        np.testing.assert_allclose(transported.log_evidence(precision, 0.3), expected, rtol=1e-10)
        off = transported.log_evidence(precision * (1 + 1e-8), 0.3)
        assert not np.allclose(off, expected, rtol=1e-10, atol=0.0)


def test_curvature_is_not_invariant(rng):
    model, matrix = model_and_map(rng, 30, 5, 1e3)
    before, after = model.hessian(1.0, 0.3), reparameterize(model, matrix).hessian(1.0, 0.3)
    np.testing.assert_allclose(after, matrix.T @ before @ matrix, rtol=1e-9, atol=1e-9 * np.trace(after))
    assert np.trace(after) > 100 * np.trace(before)


def test_prior_left_behind_changes_the_evidence(rng):
    """Negative control: new coordinates with the old isotropic prior are another model."""
    model, matrix = model_and_map(rng, 30, 5, 1e3)
    untransported = LinearModel(model.X @ matrix, model.y)
    assert abs(untransported.log_evidence(1.0, 0.3) - model.log_evidence(1.0, 0.3)) > 0.1


def test_weights_and_predictions_are_those_of_the_old_model(rng):
    model, matrix = model_and_map(rng, 30, 5, 10.0, shaped=True)
    old, new = model.posterior(1.0, 0.3), reparameterize(model, matrix).posterior(1.0, 0.3)
    np.testing.assert_allclose(matrix @ new.mean, old.mean, rtol=1e-11)
    np.testing.assert_allclose(matrix @ new.covariance @ matrix.T, old.covariance, rtol=1e-10, atol=1e-13)
    assert new.effective_parameters == pytest.approx(old.effective_parameters, rel=1e-12)


def test_there_and_back(rng):
    model, matrix = model_and_map(rng, 30, 5, 100.0, shaped=True)
    back = reparameterize(reparameterize(model, matrix), np.linalg.inv(matrix))
    assert back.log_evidence(1.0, 0.3) == pytest.approx(model.log_evidence(1.0, 0.3), rel=1e-12)
    np.testing.assert_allclose(back.hessian(1.0, 0.3), model.hessian(1.0, 0.3), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 2.0], [2.0, 4.0]], "must be invertible"),
        (np.zeros((2, 2)), "must be invertible"),
        ([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]], "matrix must have shape"),
        ([[1.0, np.inf], [0.0, 1.0]], "matrix must be finite"),
    ],
)
def test_maps_that_lose_weights_are_refused(matrix, message):
    with pytest.raises(InvalidInputError, match=message):
        reparameterize(LinearModel(np.eye(2), [1.0, 2.0]), matrix)


def test_other_models_are_refused():
    with pytest.raises(InvalidInputError, match="must be a LinearModel or a WeightModel; got str"):
        reparameterize("model", np.eye(2))


@pytest.mark.parametrize("phi", [SINH, shear(), AFFINE])
def test_linear_models_go_through_linear_maps_only(phi):
    with pytest.raises(IncompatibleError, match="only a linear map without offset preserves"):
        reparameterize(LinearModel(np.eye(2), [1.0, 2.0]), phi)


def test_maps_of_another_dimension_are_refused(rng):
    with pytest.raises(InvalidInputError, match="the map must be one of 2 weights"):
        reparameterize(WeightModel.of(logistic(rng)), np.eye(3))
    with pytest.raises(InvalidInputError, match="matrix must have shape"):
        reparameterize(LinearModel(np.eye(2), [1.0, 2.0]), LinearMap(np.eye(3)))


def test_a_range_that_does_not_hold_the_weights_is_refused(rng):
    with pytest.raises(InvalidInputError, match="Choose a map whose range holds the model's weights"):
        reparameterize(replace(WeightModel.of(logistic(rng)), start=np.array([-1.0, 1.0])), EXP)


@pytest.mark.parametrize("phi", (CONSTANT_DETERMINANT | OTHERS).values(), ids=CONSTANT_DETERMINANT | OTHERS)
def test_exact_evidence_is_the_same_in_all_coordinates(rng, phi):
    """By quadrature in each; a prior carried over without its Jacobian, or left behind, is rejected."""
    model = WeightModel.of(logistic(rng))
    other, expected = reparameterize(model, phi), pytest.approx(model.log_evidence(), abs=1e-9)
    assert other.log_evidence() == expected
    without_jacobian = replace(other, log_prior=lambda v: model.log_prior(phi.forward(v)), derivatives=None)
    left_behind = replace(other, log_prior=model.log_prior, derivatives=None)
    if phi is not CONSTANT_DETERMINANT["shear"]:  # whose determinant is one
        assert without_jacobian.log_evidence() != expected
    assert left_behind.log_evidence() != expected


def test_exact_evidence_with_three_weights(rng):
    model = WeightModel.of(logistic(rng, n=20, d=3, prior_precision=5.0))
    assert reparameterize(model, SINH).log_evidence() == pytest.approx(model.log_evidence(), abs=1e-9)


@pytest.mark.parametrize("phi", CONSTANT_DETERMINANT.values(), ids=CONSTANT_DETERMINANT)
def test_laplace_is_the_same_if_the_determinant_is_constant(rng, phi):
    model = WeightModel.of(logistic(rng))
    other = reparameterize(model, phi)
    assert other.log_laplace() == pytest.approx(model.log_laplace(), abs=1e-10)
    np.testing.assert_allclose(phi.forward(other.mode()), model.mode(), rtol=1e-7)
    assert abs(model.log_laplace() - model.log_evidence()) > 1e-3


@pytest.mark.parametrize("condition", [1.0, 1e3])
def test_laplace_is_the_same_under_random_linear_maps(rng, condition):
    left, right = (np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(2))
    model = WeightModel.of(logistic(rng, n=60, d=6))
    other = reparameterize(model, left * np.geomspace(1, condition, 6) @ right)
    assert other.log_laplace() == pytest.approx(model.log_laplace(), abs=1e-15 * condition**2 + 1e-11)


def laplace_by_mpmath(data, phi, start):
    """Return Laplace's log evidence of a logistic regression in v, w = phi(v) entry by entry, to 20 digits."""
    X = [[mpmath.mpf(x) for x in row] for row in data.X]
    precision, d = mpmath.mpf(data.prior_precision), data.dimension

    def cost(*v):
        w, volume = [phi(x) for x in v], sum(mpmath.log(mpmath.diff(phi, x)) for x in v)
        margins = [(1 - 2 * int(y)) * mpmath.fdot(row, w) for row, y in zip(X, data.y, strict=True)]
        prior = precision * mpmath.fdot(w, w) / 2 - d * mpmath.log(precision / (2 * mpmath.pi)) / 2
        return sum(mpmath.log1p(mpmath.exp(m)) for m in margins) + prior - volume

    def partial(*orders):
        return lambda *v: mpmath.diff(cost, v, orders)

    mode = tuple(mpmath.findroot([partial(1, 0), partial(0, 1)], start, tol=1e-20))
    determinant = partial(2, 0)(*mode) * partial(0, 2)(*mode) - partial(1, 1)(*mode) ** 2
    return -cost(*mode) + mpmath.log(2 * mpmath.pi) - mpmath.log(determinant) / 2


@pytest.mark.parametrize(
    ("phi", "by_mpmath"), [(SINH, mpmath.sinh), (CUBIC, lambda v: v + v**3)], ids=["sinh", "cubic"]
)
def test_laplace_changes_under_other_maps_by_what_the_formula_says(rng, phi, by_mpmath):
    """Against an independent calculation; forgetting that the mode moves, or the Jacobian, is rejected."""
    data = logistic(rng, n=8)
    model = WeightModel.of(data)
    other = reparameterize(model, phi)
    with mpmath.workdps(25):
        expected = laplace_by_mpmath(data, by_mpmath, tuple(other.mode()))
        before = laplace_by_mpmath(data, lambda w: w, tuple(model.mode()))
    assert other.log_laplace() == pytest.approx(float(expected), abs=1e-10)
    assert other.log_laplace() - model.log_laplace() == pytest.approx(float(expected - before), abs=1e-10)
    assert abs(expected - before) > 1e-3
    v = phi.inverse(model.mode())
    _, hessian = other.gradient_and_hessian(v)
    at_the_old_mode = -other.cost(v) + math.log(2 * math.pi) - 0.5 * np.linalg.slogdet(hessian)[1]
    assert at_the_old_mode != pytest.approx(float(expected), abs=1e-3)


def test_a_map_before_another_is_their_composition(rng):
    """A constant determinant adds nothing to the change that the other map makes."""
    model = WeightModel.of(logistic(rng))
    change = reparameterize(model, SINH).log_laplace() - model.log_laplace()
    there = reparameterize(reparameterize(model, SINH), AFFINE)
    assert there.log_laplace() - model.log_laplace() == pytest.approx(change, abs=1e-9)
    assert there.log_evidence() == pytest.approx(model.log_evidence(), abs=1e-9)


def test_a_poisson_rate_and_its_logarithm():
    """Closed forms throughout: the evidence has Γ(k), Laplace Stirling's formula for Γ(k), or for Γ(k + 1)/k."""
    counts, shape, rate = np.array([2, 4, 1, 3]), 3.0, 0.5
    constant = shape * math.log(rate) - special.gammaln(shape) - special.gammaln(counts + 1).sum()
    k, b = shape + counts.sum(), rate + len(counts)

    def stirling(x):
        return x * math.log(x) - x + 0.5 * math.log(2 * math.pi * x)

    model = WeightModel(
        log_likelihood=lambda w: (
            counts.sum() * np.log(w[:, 0]) - len(counts) * w[:, 0] - special.gammaln(counts + 1).sum()
        ),
        log_prior=lambda w: (
            (shape - 1) * np.log(w[:, 0]) - rate * w[:, 0] + shape * math.log(rate) - special.gammaln(shape)
        ),
        start=[1.0],
        derivatives=lambda w: (b - (k - 1) / w, np.diag((k - 1) / w**2)),
    )
    other = reparameterize(model, EXP)
    assert other.log_evidence() == pytest.approx(constant + special.gammaln(k) - k * math.log(b), abs=1e-11)
    assert model.log_laplace() == pytest.approx(constant + stirling(k - 1) - k * math.log(b), abs=1e-11)
    assert other.log_laplace() == pytest.approx(constant + stirling(k) - math.log(k) - k * math.log(b), abs=1e-11)
    assert abs(other.log_laplace() - model.log_laplace()) > 1e-4


def test_laplace_is_exact_in_the_coordinates_that_make_the_posterior_normal(rng):
    """The coordinates that make another posterior normal, of the same model with half of the data, are rejected."""
    data = logistic(rng, n=10, d=1)
    model = WeightModel.of(data)
    exact = pytest.approx(model.log_evidence(), abs=1e-9)
    assert model.log_laplace() != exact
    other = reparameterize(model, gaussianizing_map(model))
    assert other.log_laplace() == exact
    np.testing.assert_allclose(other.mode(), [0.0], atol=1e-8)
    half = WeightModel.of(replace(data, X=data.X[:5], y=data.y[:5]))
    assert reparameterize(model, gaussianizing_map(half)).log_laplace() != pytest.approx(model.log_evidence(), abs=1e-3)


def test_the_gaussianizing_map_is_the_quantile_of_the_posterior(rng):
    model = WeightModel.of(logistic(rng, n=10, d=1))
    phi = gaussianizing_map(model)

    def mass(low, high):
        return integrate.quad(lambda w: np.exp(20 - model.cost([w])), low, high, epsabs=0, epsrel=1e-11)[0]

    mode = float(model.mode()[0])
    total = mass(-40, mode) + mass(mode, 40)
    for v in (-6.0, -1.0, 0.5, 6.0):
        w = float(phi.forward(np.array([v]))[0])
        tail = mass(w, 40) if v > 0 else mass(-40, w)
        assert stats.norm.sf(abs(v)) == pytest.approx(tail / total, rel=1e-9)


def test_gaussianizing_needs_one_weight_and_a_posterior_that_falls_off(rng):
    with pytest.raises(InvalidInputError, match="takes a model of one weight; got one of 2"):
        gaussianizing_map(WeightModel.of(logistic(rng)))
    cauchy = WeightModel(
        log_likelihood=lambda w: np.zeros(len(w)), log_prior=lambda w: -np.log1p(w[:, 0] ** 2), start=[0.1]
    )
    with pytest.raises(InvalidInputError, match="the posterior must fall off"):
        gaussianizing_map(cauchy)


def test_a_linear_gaussian_model_needs_no_other_coordinates(rng):
    """There Laplace is exact, and stays so under every affine map; under another it is not."""
    X, y = rng.standard_normal((10, 2)), rng.standard_normal(10)
    exact = LinearModel(X, y).log_evidence(0.7, 0.4)
    model = gaussian(X, y, 0.7, 0.4)
    for other in (model, reparameterize(model, AFFINE)):
        assert other.log_laplace() == pytest.approx(exact, abs=1e-9)
    assert reparameterize(model, SINH).log_laplace() != pytest.approx(exact, abs=1e-4)
