"""Maps of weights: inverse, Jacobian, determinant and what they do to derivatives."""

import re
from dataclasses import replace

import numpy as np
import pytest
from weight_models import MAPS, shear

from sdetheory.errors import InvalidInputError
from sdetheory.evidence import CUBIC, ElementwiseMap, LinearMap, SmoothMap, two_layer_rescaling
from sdetheory.evidence.coordinates import _differences as differences

POINTS = np.array([[0.3, -1.2], [0.0, 0.5], [-2.0, 1.5]])
each_map = pytest.mark.parametrize("phi", MAPS.values(), ids=MAPS)


@each_map
def test_inverse_leads_back(phi):
    np.testing.assert_allclose(phi.inverse(phi.forward(POINTS)), POINTS, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(phi.check(phi.forward(POINTS[0])), POINTS[0], rtol=1e-12)


@each_map
def test_jacobian_is_the_derivative_and_its_determinant_is_right(phi):
    for v in POINTS:
        np.testing.assert_allclose(phi.jacobian(v), differences.jacobian(phi.forward, v), rtol=1e-9, atol=1e-9)
    signs, expected = np.linalg.slogdet(phi.jacobian(POINTS))
    np.testing.assert_allclose(phi.log_determinant(POINTS), expected, rtol=1e-12, atol=1e-14)
    assert (signs > 0).all()


@each_map
def test_derivatives_are_pulled_back(phi, rng):
    """The chain rule, against differences of the whole; without the Jacobian's term the same comparison fails."""
    factor = rng.standard_normal((2, 2))
    curvature, centre = factor @ factor.T + np.eye(2), rng.standard_normal(2)

    def cost(w):
        return 0.5 * np.einsum("...i,ij,...j", w - centre, curvature, w - centre) + 0.1 * np.sin(w).sum(axis=-1)

    def transported(v, share=1.0):
        return cost(phi.forward(v)) - share * phi.log_determinant(v)

    v = np.array([0.4, -0.7])
    w = phi.forward(v)
    gradient, hessian = phi.pull_back(
        v, curvature @ (w - centre) + 0.1 * np.cos(w), curvature - np.diag(0.1 * np.sin(w))
    )
    np.testing.assert_allclose(gradient, differences.jacobian(transported, v), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(hessian, differences.hessian(transported, v), rtol=1e-7, atol=1e-7)
    forgotten = differences.jacobian(lambda v: transported(v, 0.0), v)
    constant = np.ptp(phi.log_determinant(POINTS)) < 1e-12
    assert np.allclose(gradient, forgotten, rtol=1e-8, atol=1e-8) == constant


def test_rescaling_of_two_layers_has_the_determinant_of_their_sizes():
    phi = two_layer_rescaling(3, 2, 10.0)
    np.testing.assert_allclose(phi.forward(np.ones(5)), [10, 10, 10, 0.1, 0.1])
    assert phi.log_determinant(np.ones(5)) == pytest.approx(np.log(10.0), rel=1e-12)


def fold(v):
    return np.stack([v[..., 0] ** 2 - v[..., 1] ** 2, 2 * v[..., 0] * v[..., 1]], axis=-1)


def unfold(w):
    """Return one of the two roots of a complex number."""
    root = np.sqrt(w[..., 0] + 1j * w[..., 1])
    return np.stack([root.real, root.imag], axis=-1)


def fold_slopes(v):
    a, b = v[..., 0], v[..., 1]
    return 2 * np.stack([np.stack([a, -b], axis=-1), np.stack([b, a], axis=-1)], axis=-2)


def test_a_map_that_covers_twice_is_refused_on_its_other_side():
    """The complex square has a positive determinant throughout, and is no map one to one."""
    square = SmoothMap(fold, unfold, fold_slopes)
    square.log_determinant(np.array([1.0, 0.5]))
    with pytest.raises(InvalidInputError, match="invertible; its inverse leads from φ"):
        square.log_determinant(np.array([[1.0, 0.5], [-1.0, 0.5]]))
    with pytest.raises(InvalidInputError, match="zero or negative at v = "):
        square.log_determinant(np.zeros((1, 2)))


def test_a_map_that_reflects_is_refused_with_advice():
    mirror = SmoothMap(lambda v: v[..., ::-1], lambda w: w[..., ::-1], lambda v: np.eye(2)[::-1] + 0 * v[..., None])
    with pytest.raises(InvalidInputError, match="exchange two of the new weights"):
        mirror.log_determinant(np.ones(2))


@pytest.mark.parametrize("v", [0.0, -1.0])
def test_an_elementwise_map_that_does_not_increase_is_refused(v):
    square = ElementwiseMap(
        function=np.square,
        inverse_function=np.sqrt,
        derivative=lambda v: 2 * v,
        second_derivative=lambda v: 2 + 0 * v,
        third_derivative=lambda v: 0 * v,
    )
    square.log_determinant(np.array([1.0, 2.0]))
    for method in (square.log_determinant, square.jacobian):
        with pytest.raises(InvalidInputError, match=f"derivative is {2 * v:.3g} at v = {v:g}"):
            method(np.array([1.0, v]))


@pytest.mark.parametrize(
    ("matrix", "offset", "message"),
    [
        ([[1.0, 2.0], [2.0, 4.0]], None, "must be invertible; its condition number is"),
        (np.zeros((2, 2)), None, "must be invertible"),
        ([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]], None, "matrix must have shape (2, 2)"),
        ([1.0, 2.0], None, "matrix must have shape (any, any)"),
        ([[1.0, np.nan], [0.0, 1.0]], None, "matrix must be finite"),
        (np.eye(2), [1.0], "offset must have shape (2,)"),
    ],
)
def test_linear_maps_that_are_none_are_refused(matrix, offset, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        LinearMap(matrix, offset)


@pytest.mark.parametrize(("first", "second", "alpha"), [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0), (1, 1, -2.0)])
def test_rescalings_that_are_none_are_refused(first, second, alpha):
    with pytest.raises(InvalidInputError):
        two_layer_rescaling(first, second, alpha)


def wrong(**changes):
    right = shear()
    parts = {name: getattr(right, name) for name in ("function", "inverse_function", "jacobian_function")}
    return SmoothMap(**(parts | changes))


@pytest.mark.parametrize(
    ("phi", "message"),
    [
        (LinearMap(np.eye(3)), "the map must be one of 2 weights, as the model has; got 3"),
        (wrong(inverse_function=lambda w: w * np.nan), "must be 2 finite numbers"),
        (wrong(inverse_function=lambda w: w[..., :1]), "must be 2 finite numbers"),
        (wrong(inverse_function=lambda w: w + 1.0), "its inverse leads from φ(v) to"),
        (replace(CUBIC, inverse_function=np.arcsinh), "forward(inverse(w)) of the map must be w"),
        (replace(CUBIC, derivative=np.cosh), "must be the derivative of forward"),
        (wrong(function=lambda v: v[0]), "forward of the map must take (2, 2) to shape (2, 2); got (2,)"),
        (wrong(jacobian_function=lambda v: np.ones(2)), "jacobian of the map must take"),
        (wrong(jacobian_function=lambda v: 2 * shear().jacobian(v)), "must be the derivative of forward"),
    ],
)
def test_maps_whose_parts_contradict_each_other_are_refused(phi, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        phi.check(np.array([0.5, 1.0]))


def test_second_derivatives_of_a_kink_are_refused():
    kink = SmoothMap(
        lambda v: v + 0.5 * np.abs(v),
        lambda w: np.where(w > 0, w / 1.5, w / 0.5),
        lambda v: (1 + 0.5 * np.sign(v))[..., None] * np.eye(1),
    )
    with pytest.raises(InvalidInputError, match="smooth enough to be differentiated"):
        kink.pull_back(np.array([1e-9]), np.ones(1), np.eye(1))


def test_cubic_inverts_far_out():
    w = np.array([-1e12, -1e-12, 0.0, 1e-12, 1e12])
    np.testing.assert_allclose(CUBIC.forward(CUBIC.inverse(w)), w, rtol=1e-14)


def test_wrong_arguments_of_maps_are_named():
    scaled = LinearMap(np.diag([2.0, 1.0]))
    for method, argument in ((scaled.forward, "v"), (scaled.inverse, "w")):
        with pytest.raises(InvalidInputError, match=f"{argument} must be finite"):
            method(np.array([1.0, np.inf]))  # 0·∞ is no weight
    with pytest.raises(InvalidInputError, match=r"gradient must have shape \(3,\), as v has 3 weights"):
        CUBIC.pull_back(np.zeros(3), np.ones(2), np.eye(2))
    with pytest.raises(InvalidInputError, match="alpha: matrix must be invertible"):
        two_layer_rescaling(1, 1, 1e300)
    with pytest.raises(InvalidInputError, match="n_first and n_second must be at most"):
        two_layer_rescaling(2**40, 1, 2.0)
    with pytest.raises(InvalidInputError, match="w must hold at least one weight"):
        CUBIC.check([])


def test_a_function_that_fails_on_the_points_is_named_with_its_error():
    of_two = wrong(jacobian_function=lambda v: np.broadcast_to(np.eye(2), (*np.shape(v), 2)))
    with pytest.raises(InvalidInputError, match="v: jacobian_function must be a function") as caught:
        of_two.jacobian(np.zeros(3))
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(InvalidInputError, match=r"jacobian_function \(2,\)"):
        wrong(jacobian_function=lambda v: np.ones(2)).log_determinant(np.zeros(2))
