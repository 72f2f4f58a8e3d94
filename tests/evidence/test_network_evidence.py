"""The evidence of networks against the p × p matrices that it never forms, and its refusals."""

import math
import warnings

import numpy as np
import pytest
from scipy import linalg, optimize, special

import sdetheory as st
from sdetheory.errors import AccuracyWarning, IncompatibleError, InvalidInputError
from sdetheory.evidence import laplace
from sdetheory.models import ReLUNetwork, SoftmaxRegression

CURVE = np.geomspace(1e-2, 1e2, 9)

# The formulas hold at any weights, also where they say nothing of a network.
pytestmark = pytest.mark.filterwarnings("ignore:the local log evidence")


def network(rng, n=12, p=3, hidden=4, k=3, **changes):
    X = rng.standard_normal((n, p))
    labels = (X @ rng.standard_normal((p, k))).argmax(axis=1)
    return ReLUNetwork(X, labels, **{"hidden": hidden, "n_classes": k, "dtype": "float64", **changes})


def trained(model, precision, rng):
    """Return weights near a minimum: kinks allow no more."""
    from dataclasses import replace

    posterior = replace(model, prior_precision=precision)
    return optimize.minimize(posterior.cost, model.initial(rng), jac=posterior.gradient, method="BFGS").x


def gauss_newton(model, w):
    """Return JᵀΛJ, with Λ as it is defined."""
    J = np.stack([model.jacobian_vector_product(w, e) for e in np.eye(w.size)], axis=2)
    shares = special.softmax(model.outputs(w), axis=1)
    curvature = shares[:, :, None] * np.eye(shares.shape[1]) - shares[:, :, None] * shares[:, None, :]
    return np.einsum("nkp,nkl,nlq->pq", J, curvature, J, optimize=True)


def dense(model, w, precision):
    """Return the local log evidence and the gradient's term, from matrices of p × p numbers."""
    likelihood = -model.cost(w) + 0.5 * model.prior_precision * w @ w
    slope = model.gradient(w) - model.prior_precision * w
    A = gauss_newton(model, w) + precision * np.eye(w.size)
    gradient = slope + precision * w
    term = 0.5 * gradient @ np.linalg.solve(A, gradient)
    ratio = 0.5 * np.linalg.slogdet(A / precision)[1]
    return likelihood - 0.5 * precision * w @ w + term - ratio, term


@pytest.mark.parametrize("n", [5, 40])
@pytest.mark.parametrize("own_prior", [0.0, 0.7])
def test_curve_and_single_values_are_those_of_dense_matrices(rng, n, own_prior):
    """Fewer rows than weights (10 to 31) and more (80 to 31); at any weights, whatever prior the model has itself."""
    model = network(rng, n=n, prior_precision=own_prior)
    w = model.initial(rng) + 0.2 * rng.standard_normal(model.dimension)
    curve = laplace(model, CURVE, about=w)
    for i, precision in enumerate(CURVE):
        wanted, term = dense(model, w, precision)
        single = laplace(model, precision, about=w)
        assert curve.log_evidence[i] == pytest.approx(wanted, rel=1e-10)
        assert single.log_evidence == pytest.approx(wanted, rel=1e-10)
        assert curve.gradient_term[i] == pytest.approx(term, rel=1e-8)
        matrix = gauss_newton(model, w)
        gamma = np.trace(np.linalg.solve(matrix + precision * np.eye(w.size), matrix))
        assert single.effective_parameters == pytest.approx(gamma, rel=1e-10) == curve.effective_parameters[i]
        assert curve.log_evidence[i] != pytest.approx(wanted - term, rel=1e-3)  # the negative control
    eigenvalues = np.linalg.eigvalsh(gauss_newton(model, w))[::-1][: len(curve.eigenvalues)]
    np.testing.assert_allclose(curve.eigenvalues, eigenvalues, atol=1e-11 * eigenvalues[0])
    single = laplace(model, 1.0, about=w)
    assert single.trace == pytest.approx(eigenvalues.sum(), rel=1e-11)
    assert single.largest_curvature == pytest.approx(eigenvalues[0], rel=1e-6)
    null = -model.train_size * math.log(3)
    assert single.log_evidence_ratio == pytest.approx(null - single.log_evidence, rel=1e-12)
    assert single.log_occam_factor <= 0


def test_maximum_at_fixed_weights_is_mackays(rng):
    model = network(rng, n=30)
    w = trained(model, 0.5, rng)
    best = laplace(model, 0.5, about=w).maximize()
    assert best.prior_precision * w @ w == pytest.approx(best.effective_parameters, rel=1e-9)
    around = best.at(best.prior_precision * np.array([0.9, 1.0, 1.1])).occam.log_evidence
    assert around.argmax() == 1
    h = 1e-5
    ends = best.at(3.0 * np.exp([h, -h])).occam.log_evidence
    at = best.at(3.0)
    slope = 0.5 * (at.effective_parameters - 3.0 * w @ w)
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(slope, rel=1e-6)


def test_local_evidence_has_the_slope_of_its_minimum(rng):
    """Slope d ln P/d ln λ = ½(γ − λ|w★|²), at the minimum w★ of the expansion."""
    model = network(rng)
    w, precision, h = model.initial(rng), 0.8, 1e-5
    fit = laplace(model, precision * np.exp([-h, 0.0, h]), about=w)
    A = gauss_newton(model, w) + precision * np.eye(w.size)
    minimum = w - np.linalg.solve(A, model.gradient(w) + precision * w)
    slope = (fit.log_evidence[2] - fit.log_evidence[0]) / (2 * h)
    assert slope == pytest.approx(0.5 * (fit.effective_parameters[1] - precision * minimum @ minimum), rel=1e-6)


def test_order_of_hidden_units_does_not_matter(rng):
    model = network(rng, hidden=6)
    w = model.initial(rng) + 0.1 * rng.standard_normal(model.dimension)
    other, order = np.empty_like(w), rng.permutation(6)
    for new, old, axis in zip(model.layers(other), model.layers(w), (1, 0, 0, None), strict=True):
        new[...] = old if axis is None else np.take(old, order, axis=axis)
    one, two = (laplace(model, CURVE, about=x).log_evidence for x in (w, other))
    np.testing.assert_allclose(one, two, rtol=1e-11)
    scaled = w.copy()
    model.layers(scaled)[0][...] *= 2  # the negative control: another function
    assert np.abs(laplace(model, CURVE, about=scaled).log_evidence - one).max() > 0.1


def test_rescaling_of_a_unit_changes_the_prior_and_so_the_evidence(rng):
    """w₁ → a w₁, w₂ → w₂/a leaves a rectified network as it is, but not a Gaussian prior (Dinh et al.)."""
    model = network(rng)
    w = model.initial(rng)
    scaled = w.copy()
    for part, a in zip(model.layers(scaled), (3.0, 3.0, 1 / 3.0, 1.0), strict=True):
        part *= a
    np.testing.assert_allclose(model.outputs(scaled), model.outputs(w), rtol=1e-12)
    assert laplace(model, 1.0, about=scaled).log_evidence < laplace(model, 1.0, about=w).log_evidence - 1


class SoftmaxWithProducts:
    """A softmax regression as a user would write it, with the Jacobian of its outputs: J v = X Vᵀ."""

    def __init__(self, X, y, k, prior_precision=0.0):
        self.model = SoftmaxRegression(X, y, n_classes=k, prior_precision=prior_precision)
        self.train_size, self.dimension, self.n_classes = len(X), self.model.dimension, k
        self.prior_precision = prior_precision

    def cost(self, w):
        return self.model.cost(w)

    def gradient(self, w):
        return self.model.gradient(w)

    def jacobian_vector_product(self, w, v):
        return self.model.X @ np.reshape(v, (self.n_classes, -1)).T

    def vector_jacobian_product(self, w, u):
        return (np.transpose(u) @ self.model.X).ravel()

    def curvature_factors(self, w):
        shares = np.exp(self.model.log_probabilities(self.model.X, w))
        root = np.sqrt(shares)
        return root[:, :, None] * (np.eye(self.n_classes) - shares[:, None, :])  # k rows, of which one is redundant


@pytest.mark.parametrize("n", [6, 25])
def test_softmax_regression_with_products_has_laplaces_evidence(rng, n):
    """Outputs linear in the weights: the Gauss–Newton matrix is the Hessian, and a user's model is served like ours."""
    X, y = rng.standard_normal((n, 4)), np.arange(n) % 3
    for precision in (0.3, 5.0):
        exact = laplace(SoftmaxRegression(X, y), precision)
        fit = laplace(SoftmaxWithProducts(X, y, 3), precision, mode=exact.mode)
        assert fit.log_evidence == pytest.approx(exact.log_evidence, rel=1e-10)
        assert fit.log_evidence_ratio == pytest.approx(exact.log_evidence_ratio, rel=1e-10)
        assert fit.decrement < 1e-6


def test_what_is_no_minimum_is_refused(rng):
    model = network(rng)
    w = model.initial(rng)
    with pytest.raises(InvalidInputError, match=r"mode must be the minimum .* gradient .* standard deviations"):
        laplace(model, 1.0, mode=w)
    with pytest.raises(InvalidInputError, match="many minima"):
        laplace(model, 1.0)
    with pytest.raises(InvalidInputError, match="not both"):
        laplace(model, 1.0, mode=w, about=w)
    with pytest.raises(InvalidInputError, match="each prior_precision has its own"):
        laplace(model, [1.0, 2.0], mode=w)
    with pytest.raises(InvalidInputError, match="about must have shape"):
        laplace(model, 1.0, about=w[1:])
    with pytest.raises(IncompatibleError, match="about= serves networks"):
        laplace(SoftmaxRegression(model.X, model.y), 1.0, about=np.zeros(9))
    with pytest.raises(IncompatibleError, match=r"\|w\|² = 0"):
        laplace(model, 1.0, about=np.zeros(model.dimension)).maximize()


def test_networks_too_large_are_referred_to_lanczos():
    model = ReLUNetwork(np.zeros((6000, 30)), np.zeros(6000), hidden=400, n_classes=3)
    with pytest.raises(InvalidInputError, match=r"order 12000.*lanczos_evidence"):
        laplace(model, 1.0, about=model.initial(0))


def test_a_mode_is_accepted(rng):
    """Weights of zero are the null model's minimum where the prior is strong and the classes are equal in number."""
    X = rng.standard_normal((9, 2))
    model = ReLUNetwork(X, np.arange(9) % 3, hidden=2, dtype="float64")
    fit = laplace(model, 10.0, mode=np.zeros(model.dimension))
    # Of the outputs' biases the curvature is n(1 − 1/k)/k on the k − 1 directions that a softmax sees: n/k each.
    assert fit.log_evidence == pytest.approx(-9 * math.log(3) - 0.5 * 2 * math.log(1 + 3.0 / 10.0), rel=1e-12)


def test_products_that_do_not_belong_together_are_refused(rng):
    class Wrong(SoftmaxWithProducts):
        def vector_jacobian_product(self, w, u):
            return -super().vector_jacobian_product(w, u)

    X, y = rng.standard_normal((8, 4)), np.arange(8) % 3
    with pytest.raises(InvalidInputError, match="of one Jacobian"):
        laplace(Wrong(X, y, 3), 1.0, about=np.ones(12))
    with pytest.raises(InvalidInputError, match="vector_jacobian_product"):
        st.evidence.lanczos_evidence(SoftmaxRegression(X, y), 1.0, about=np.ones(12))


def test_subclasses_get_what_they_wrote(rng):
    class Halved(ReLUNetwork):
        """Overrides a product, and inherits a Gram matrix that does not know it."""

        def jacobian_vector_product(self, w, v, X=None):
            return 0.5 * super().jacobian_vector_product(w, v, X)

        def vector_jacobian_product(self, w, u):
            return 0.5 * super().vector_jacobian_product(w, u)

    class Another(ReLUNetwork):
        """Overrides the cost alone."""

        def cost(self, w):
            return 2 * super().cost(w)

        def gradient(self, w):
            return 2 * super().gradient(w)

    base = network(rng)
    w = base.initial(rng)
    options = {"hidden": 4, "n_classes": 3, "dtype": "float64"}
    quarter = laplace(Halved(base.X, base.y, **options), 1.0, about=w)
    assert quarter.trace == pytest.approx(0.25 * laplace(base, 1.0, about=w).trace, rel=1e-12)
    with pytest.raises(InvalidInputError, match="overrides cost, gradient"):
        laplace(Another(base.X, base.y, **options), 1.0, about=w)


def test_predictions_are_those_of_the_linearized_network(rng):
    model = network(rng)
    w, X_new = trained(model, 0.5, rng), rng.standard_normal((4, 3))
    fit = laplace(model, 0.5, about=w)
    J = np.stack([model.jacobian_vector_product(w, e, X_new) for e in np.eye(w.size)], axis=2)
    A = gauss_newton(model, w) + 0.5 * np.eye(w.size)
    means, covariances = fit.predict_outputs(X_new)
    np.testing.assert_allclose(covariances, J @ np.linalg.solve(A, np.swapaxes(J, 1, 2)), atol=1e-10)
    step = np.linalg.solve(A, model.gradient(w) + 0.5 * w)
    np.testing.assert_allclose(means, model.outputs(w, X_new) - J @ step, atol=1e-10)
    # 40,000 draws: the standard error of a probability is at most 0.0025, five of them 0.0125 (alpha 1e-5 for all 12).
    draws = rng.standard_normal((40_000, w.size)) @ linalg.cholesky(np.linalg.inv(A))
    sampled = special.softmax(means + np.einsum("mkp,sp->smk", J, draws), axis=2).mean(axis=0)
    found = fit.predict(X_new)
    np.testing.assert_allclose(found, sampled, atol=0.0125)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    with pytest.raises(IncompatibleError, match="one prior_precision"):
        laplace(model, CURVE, about=w).predict(X_new)
    user = laplace(SoftmaxWithProducts(model.X, model.y, 3), 1.0, about=np.zeros(9))
    with pytest.raises(IncompatibleError, match="jacobian_gram_at"):
        user.predict(X_new)


def test_local_evidence_that_no_network_can_have_is_told(rng):
    """Labels of probability 1e-9 at weights far from a minimum, which a cost to second order makes better than sure."""
    model = network(rng, n=40)
    w = 3 * model.initial(rng)
    with pytest.warns(AccuracyWarning, match="no probability of labels is above 1"):
        fit = laplace(model, 1.0, about=w)
    assert fit.log_evidence > 0 > fit.occam.log_evidence


def test_rounding_is_told(rng):
    model = network(rng, n=30)
    w = model.initial(rng)
    for precision in (1e-13, [1e-13, 1.0]):
        with pytest.warns(AccuracyWarning, match="rounding"):
            laplace(model, precision, about=w)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        laplace(model, 1e-6, about=w)
