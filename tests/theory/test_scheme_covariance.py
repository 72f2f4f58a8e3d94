"""Integration schemes with a finite step on linear equations: each step iterated, and the orders they are of."""

import numpy as np
import pytest
from scipy import linalg

from sdetheory.errors import InvalidInputError
from sdetheory.theory import baoab_covariance, ornstein_uhlenbeck, scheme_covariance

METHODS = ["euler-maruyama", "milstein", "leimkuhler-matthews", "heun", "platen", "exact"]
ORDERS = {"euler-maruyama": 1, "milstein": 1, "leimkuhler-matthews": 1, "heun": 2, "platen": 2}


def random_case(rng, d):
    factor, skew, noise = rng.standard_normal((3, d, d))
    return np.eye(d) + factor @ factor.T / d + (skew - skew.T) / 2, noise @ noise.T + np.eye(d) / 2


def step(method, hessian, diffusion, h):
    """Apply one step, as in the books, to unit vectors of (x, last numbers, new numbers)."""
    d = len(hessian)
    root = np.linalg.cholesky(2 * h * diffusion)
    x, last, new = np.split(np.eye(3 * d), 3)
    if method in ("heun", "platen"):
        predicted = x - h * hessian @ x + root @ new
        moved = x - h / 2 * hessian @ (x + predicted) + root @ new
    elif method == "leimkuhler-matthews":
        moved = x - h * hessian @ x + root @ (last + new) / 2
    else:
        moved = x - h * hessian @ x + root @ new
    matrix = np.vstack([moved, new])
    return matrix[:, : 2 * d], matrix[:, 2 * d :] @ matrix[:, 2 * d :].T


def iterated(matrix, noise, doublings=20):
    covariance = noise
    for _ in range(doublings):
        covariance = covariance + matrix @ covariance @ matrix.T
        matrix = matrix @ matrix
    return covariance


@pytest.mark.parametrize("method", METHODS[:-1])
def test_iteration_of_the_step(rng, method):
    hessian, diffusion = random_case(rng, 3)
    h = 0.15
    expected = iterated(*step(method, hessian, diffusion, h))[:3, :3]
    found = scheme_covariance(hessian, diffusion, h, method=method)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    others = {
        "euler-maruyama": "heun",
        "milstein": "platen",
        "heun": "euler-maruyama",
        "platen": "leimkuhler-matthews",
        "leimkuhler-matthews": "euler-maruyama",
    }
    wrong = scheme_covariance(hessian, diffusion, h, method=others[method])
    assert np.abs(wrong - expected).max() > 1e-2 * np.abs(expected).max()


def test_known_variance_of_one_axis():
    """S² / (1 - (1 - λh)²) with the noise variance S² of a step."""
    for a, d, h in [(2.0, 1.0, 0.1), (0.5, 3.0, 1.0)]:
        found = scheme_covariance([[a]], [[d]], h)[0, 0]
        assert found == pytest.approx(2 * d * h / (1 - (1 - a * h) ** 2), rel=1e-13)
        assert found == pytest.approx(d / a / (1 - a * h / 2), rel=1e-14)
        assert found != pytest.approx(d / a, rel=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_order_in_the_step(rng, method):
    hessian, diffusion = random_case(rng, 3)
    limit = ornstein_uhlenbeck(hessian, diffusion).covariance
    errors = [
        np.linalg.norm(scheme_covariance(hessian, diffusion, h, method=method) - limit) for h in (4e-4, 2e-4, 1e-4)
    ]
    if method == "exact":
        assert errors == [0, 0, 0]
    else:
        np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), ORDERS[method], atol=0.01)


def test_leimkuhler_and_matthews_sample_a_quadratic_without_error(rng):
    factor = rng.standard_normal((3, 3))
    hessian = np.eye(3) + factor @ factor.T
    h = 1 / np.linalg.eigvalsh(hessian)[-1]
    found = scheme_covariance(hessian, 0.3 * np.eye(3), h, method="leimkuhler-matthews")
    np.testing.assert_allclose(found, 0.3 * np.linalg.inv(hessian), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", METHODS[:-1])
@pytest.mark.parametrize("turning", [0.0, 0.8, 3.0])
def test_the_limit_of_stability(method, turning):
    hessian = np.array([[1.0, turning], [-turning, 1.0]])
    with pytest.raises(InvalidInputError, match="dt must be below") as error:
        scheme_covariance(hessian, np.eye(2), 50.0, method=method)
    limit = float(str(error.value).split("below ")[1].split(",")[0])
    below, above = limit * (1 - 1e-4), limit * (1 + 1e-4)
    assert np.abs(np.linalg.eigvals(step(method, hessian, np.eye(2), below)[0])).max() < 1
    assert np.abs(np.linalg.eigvals(step(method, hessian, np.eye(2), above)[0])).max() > 1
    assert np.isfinite(scheme_covariance(hessian, np.eye(2), below, method=method)).all()
    with pytest.raises(InvalidInputError, match=f"where {method} loses stability"):
        scheme_covariance(hessian, np.eye(2), above, method=method)


@pytest.mark.parametrize("friction", [0.1, 3.0])
def test_iteration_of_baoab(rng, friction):
    """Kick, drift, friction and noise, drift, kick, written out for two coupled weights."""
    factor = rng.standard_normal((2, 2))
    hessian, temperature, mass, h = np.eye(2) + factor @ factor.T, 0.7, 2.0, 0.6
    one, zero = np.eye(2), np.zeros((2, 2))
    kick = np.block([[one, zero], [-h / 2 * hessian, one]])
    drift = np.block([[one, h / 2 / mass * one], [zero, one]])
    kept = np.exp(-friction * h)
    noise = np.diag([0, 0, 1, 1]) * mass * temperature * (1 - kept**2)
    rest = kick @ drift
    matrix = rest @ np.diag([1, 1, kept, kept]) @ drift @ kick
    found = baoab_covariance(hessian, temperature, h, mass=mass)
    np.testing.assert_allclose(found, iterated(matrix, rest @ noise @ rest.T), rtol=1e-11, atol=1e-12)
    exact = linalg.block_diag(temperature * np.linalg.inv(hessian), mass * temperature * one)
    assert np.abs(found - exact).max() > 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scheme_covariance([[1.0]], [[1.0]], 0.0), "dt must be > 0"),
        (lambda: scheme_covariance([[1.0]], [[1.0]], np.nan), "dt must be finite"),
        (lambda: scheme_covariance([[-1.0]], [[1.0]], 0.1), "hessian must have eigenvalues with positive real parts"),
        (lambda: scheme_covariance([[1.0]], [[-1.0]], 0.1), "diffusion must be positive semidefinite"),
        (lambda: scheme_covariance([[1.0]], [[1.0]], 0.1, method="huen"), "Did you mean 'heun'"),
        (lambda: baoab_covariance([[4.0]], 1.0, 1.0), "dt must be below 1, which is 2/ω"),
        (lambda: baoab_covariance([[-4.0]], 1.0, 1.0), "hessian must be positive definite"),
        (lambda: baoab_covariance([[4.0]], -1.0, 0.1), "temperature must be >= 0"),
        (lambda: baoab_covariance([[4.0]], 1.0, 0.1, mass=0.0), "mass must be > 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
