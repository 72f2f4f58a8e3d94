"""Sharpness can be made anything by a change of coordinates that leaves the function and the evidence alone."""

import itertools
import re

import numpy as np
import pytest
from scipy import integrate, stats
from weight_models import log_normal

from sdetheory.errors import InvalidInputError
from sdetheory.evidence import LinearMap, WeightModel, epsilon_sharpness, reparameterize, sharpness, two_layer_rescaling
from sdetheory.evidence.coordinates import _differences as differences

X = np.array([-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0])
Y = 1.2 * np.maximum(X, 0) + 0.1 * np.cos(7 * X)
NOISE = 0.2**2
ALPHA = 10.0


def network(w):
    """Return w₂ ReLU(w₁x) at the inputs, from weights (..., 2)."""
    return w[..., 1:] * np.maximum(w[..., :1] * X, 0)


def loss(w):
    return 0.5 * np.sum((Y - network(w)) ** 2, axis=-1) / NOISE


def log_likelihood(w):
    return log_normal(Y - network(w), NOISE)


def relu(first_variance=1.0):
    """Return the network with priors N(0, first_variance) and N(0, 1)."""
    return WeightModel(
        log_likelihood=log_likelihood,
        log_prior=lambda w: log_normal(w, np.array([first_variance, 1.0])),
        start=[1.0, 1.0],
    )


def exact_evidence(first_variance=1.0):
    """Return ln P(y) with w₂ integrated out on paper and w₁ by adaptive quadrature between the kinks."""

    def integrand(w1):
        hidden = np.maximum(w1 * X, 0)
        given = stats.multivariate_normal(cov=NOISE * np.eye(X.size) + np.outer(hidden, hidden))
        return given.pdf(Y) * stats.norm.pdf(w1, scale=first_variance**0.5)

    limits = np.array([-9, 0, 0.3, 1, 3, 9]) * first_variance**0.5
    pieces = [integrate.quad(integrand, *piece, epsabs=0, epsrel=1e-10)[0] for piece in itertools.pairwise(limits)]
    return float(np.log(sum(pieces)))


def best_fit():
    """Return a minimum of the loss with layers of equal norm."""
    hidden = np.maximum(X, 0)
    return np.full(2, np.sqrt(hidden @ Y / (hidden @ hidden)))


def test_rescaling_leaves_the_function_and_makes_the_minimum_as_sharp_as_one_likes():
    """Dinh et al.: at the rescaled minimum the same loss, and a Hessian that grows as α²."""
    w = best_fit()
    before = sharpness(differences.hessian(loss, w))
    for alpha in (1.0, 10.0, 1000.0):
        phi = two_layer_rescaling(1, 1, alpha)
        v = phi.inverse(w)
        np.testing.assert_allclose(network(v), network(w), rtol=1e-12)
        scale = np.diag(phi.matrix)
        hessian = differences.hessian(lambda u, s=scale: loss(u / s), w) * np.outer(scale, scale)
        transported = phi.jacobian(v).T @ differences.hessian(loss, w) @ phi.jacobian(v)
        np.testing.assert_allclose(hessian, transported, rtol=1e-6, atol=1e-6 * alpha)
        after = sharpness(hessian)
        assert after.trace == pytest.approx(before.trace * (alpha**2 + alpha**-2) / 2, rel=1e-6)
        assert after.largest_eigenvalue == pytest.approx(after.trace, rel=1e-6)  # the other is along the valley: zero


def test_evidence_and_laplace_do_not_see_the_rescaling_if_the_prior_goes_along():
    model, expected = relu(), pytest.approx(exact_evidence(), abs=1e-7)
    other = reparameterize(model, two_layer_rescaling(1, 1, ALPHA))
    assert model.log_evidence() == expected
    assert other.log_evidence() == expected
    assert other.log_laplace() == pytest.approx(model.log_laplace(), abs=1e-9)
    np.testing.assert_allclose(other.mode() * [ALPHA, 1 / ALPHA], model.mode(), rtol=1e-7)


def test_the_same_prior_in_rescaled_coordinates_is_the_same_model_and_a_worse_minimum():
    """The rescaling is a symmetry of the likelihood, so the whole integral cannot change, whatever the prior.

    What changes is the share of the rescaled minimum: posterior density times volume of the peak, by the change of the
    norm and of the curvature. With the prior transported it does not.
    """
    phi = two_layer_rescaling(1, 1, ALPHA)
    left_behind = WeightModel(
        log_likelihood=lambda v: log_likelihood(phi.forward(v)), log_prior=relu().log_prior, start=[1.0, 1.0]
    )
    assert left_behind.log_evidence() == pytest.approx(exact_evidence(), abs=1e-7)

    def share(model, v):
        return -model.cost(v) - 0.5 * sharpness(model.gradient_and_hessian(v)[1]).log_determinant

    w = relu().mode()
    v = phi.inverse(w)
    at_minimum = share(relu(), w)
    assert share(reparameterize(relu(), phi), v) == pytest.approx(at_minimum, abs=1e-8)
    # On paper: residuals r, hidden layer h at w₁ = 1, loss Hessian [[w₂²hh, w₁w₂hh - rh], [., w₁²hh]]/σ².
    hidden = np.maximum(X, 0)
    square, slack = hidden @ hidden / NOISE, (Y - network(w)) @ hidden / NOISE

    def log_determinant(a, b):
        return np.log((b**2 * square + 1) * (a**2 * square + 1) - (a * b * square - slack) ** 2)

    change = -0.5 * (v @ v - w @ w) - 0.5 * (log_determinant(*v) - log_determinant(*w))
    assert share(relu(), v) - at_minimum == pytest.approx(change, abs=1e-7)
    assert change < -10


def test_a_map_that_is_no_symmetry_needs_the_prior_to_go_along():
    """Rescaling one layer alone: with the prior left behind the evidence is that of a wider prior."""
    alpha = 2.0
    phi = LinearMap(np.diag([alpha, 1.0]))
    model, exact = relu(), exact_evidence()
    left_behind = WeightModel(
        log_likelihood=lambda v: log_likelihood(phi.forward(v)), log_prior=model.log_prior, start=[0.5, 1.0]
    )
    change = left_behind.log_evidence() - model.log_evidence()
    assert change == pytest.approx(exact_evidence(alpha**2) - exact, abs=2e-7)
    assert abs(change) > 0.1
    assert reparameterize(model, phi).log_evidence() == pytest.approx(exact, abs=1e-7)


def test_measures_relative_to_the_prior_are_invariant(rng):
    """The plain ones are not; nor are they if the prior stays behind."""
    factor, matrix = rng.standard_normal((2, 4, 4))
    hessian, prior = factor @ factor.T, np.diag([1.0, 2.0, 3.0, 4.0])
    plain, relative = sharpness(hessian), sharpness(hessian, prior_hessian=prior)
    moved = matrix.T @ hessian @ matrix
    moved = 0.5 * (moved + moved.T)
    carried = matrix.T @ prior @ matrix
    for name in ("trace", "largest_eigenvalue", "log_determinant"):
        before = pytest.approx(getattr(relative, name), rel=1e-8)
        assert getattr(sharpness(moved, prior_hessian=0.5 * (carried + carried.T)), name) == before
        assert getattr(sharpness(moved, prior_hessian=prior), name) != before
        assert getattr(sharpness(moved), name) != pytest.approx(getattr(plain, name), rel=1e-8)
    assert plain.trace == pytest.approx(np.trace(hessian), rel=1e-12)
    assert plain.log_determinant == pytest.approx(np.linalg.slogdet(hessian)[1], rel=1e-9)
    determinant = 2 * np.linalg.slogdet(matrix)[1]
    assert sharpness(moved).log_determinant == pytest.approx(plain.log_determinant + determinant, rel=1e-8)


def test_a_flat_direction_has_no_determinant():
    flat = sharpness([[1.0, 1.0], [1.0, 1.0]])
    assert (flat.trace, flat.largest_eigenvalue) == pytest.approx((2.0, 2.0))
    assert flat.log_determinant < -30


@pytest.mark.parametrize("radius", [1e-3, 0.1, 1.0])
def test_epsilon_sharpness_of_a_bowl_is_its_largest_curvature(rng, radius):
    factor = rng.standard_normal((4, 4))
    hessian, minimum = factor @ factor.T, rng.standard_normal(4)
    rise = epsilon_sharpness(lambda w: 0.5 + 0.5 * (w - minimum) @ hessian @ (w - minimum), minimum, radius)
    assert rise == pytest.approx(sharpness(hessian).largest_eigenvalue * radius**2 / 2 / 1.5, rel=1e-6)


def test_epsilon_sharpness_finds_the_worst_point_of_a_ball():
    """Against a fine grid of the circle, for the network's loss, before and after the rescaling."""
    w = best_fit()
    angles = np.linspace(0, 2 * np.pi, 100_001)
    found = []
    for at in (w, two_layer_rescaling(1, 1, 2.0).inverse(w)):
        circle = at + 0.2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        expected = (loss(circle).max() - loss(at)) / (1 + loss(at))
        found.append(epsilon_sharpness(loss, at, 0.2))
        assert found[-1] == pytest.approx(expected, rel=1e-6)
    assert found[1] > 1.5 * found[0]


def test_epsilon_sharpness_is_not_held_by_axes_on_which_nothing_rises():
    assert epsilon_sharpness(lambda w: (w[0] * w[1]) ** 2, [0.0, 0.0], 2.0) == pytest.approx(4.0, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((loss, [1.0, 1.0], 0.0), "radius must be > 0"),
        ((loss, [[1.0, 1.0]], 0.1), "w must have shape (any,)"),
        ((lambda w: -1.0, [1.0], 0.1), "loss(w) must be >= 0"),
        ((lambda w: 1.0, [], 0.1), "w must hold at least one weight"),
    ],
)
def test_balls_that_are_none_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        epsilon_sharpness(*arguments)


@pytest.mark.parametrize(
    ("hessian", "prior", "message"),
    [
        ([[1.0, 0.0]], None, "hessian must have shape (1, 1)"),
        ([[1.0, 2.0], [0.0, 1.0]], None, "hessian must be symmetric"),
        ([[1.0, 0.0], [0.0, -1.0]], None, "hessian must be positive semidefinite"),
        (np.eye(2), np.zeros((2, 2)), "prior_hessian must be positive definite"),
        (np.eye(2), np.eye(3), "prior_hessian must have shape (2, 2)"),
    ],
)
def test_matrices_that_are_no_curvature_of_a_minimum_are_refused(hessian, prior, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        sharpness(hessian, prior_hessian=prior)
