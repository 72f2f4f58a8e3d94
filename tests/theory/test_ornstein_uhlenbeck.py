"""Linear drift with constant noise: known numbers, identities, and an independent integral."""

import numpy as np
import pytest
from scipy import integrate, linalg

from sdetheory.errors import InvalidInputError
from sdetheory.theory import ornstein_uhlenbeck

ROTATING = (np.diag([1.0, 3.0]), np.array([[1.0, 0.5], [0.5, 1.0]]))


def random_case(rng, d):
    factor, skew = rng.standard_normal((2, d, d))
    return np.eye(d) + factor @ factor.T / d + (skew - skew.T), (lambda b: b @ b.T)(rng.standard_normal((d, d)))


def test_known_numbers_of_a_rotating_process():
    law = ornstein_uhlenbeck(*ROTATING)
    np.testing.assert_allclose(law.covariance, [[1, 1 / 4], [1 / 4, 1 / 3]], rtol=1e-14)
    np.testing.assert_allclose(law.current, [[0, -1 / 4], [1 / 4, 0]], atol=1e-15)
    assert law.entropy_production == pytest.approx(1 / 3, rel=1e-13)


def test_independent_axes_do_not_rotate():
    law = ornstein_uhlenbeck(np.diag([1.0, 3.0]), np.diag([1.0, 2.0]))
    np.testing.assert_allclose(law.covariance, np.diag([1.0, 2 / 3]), rtol=1e-14)
    assert law.entropy_production == pytest.approx(0.0, abs=1e-25)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_covariance_is_what_the_noise_accumulates_to(rng, d):
    """Σ = ∫ e^{-Ht} 2D e^{-Hᵀt} dt, by quadrature."""
    hessian, diffusion = random_case(rng, d)
    law = ornstein_uhlenbeck(hessian, diffusion)

    def kernel(t):
        step = linalg.expm(-hessian * t)
        return step @ (2 * diffusion) @ step.T

    expected, _ = integrate.quad_vec(kernel, 0.0, 25.0, epsabs=1e-12, epsrel=1e-12)
    np.testing.assert_allclose(law.covariance, expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(law.current, -law.current.T)
    np.testing.assert_allclose(law.current, hessian @ law.covariance - diffusion, atol=1e-12 * np.trace(diffusion))


def test_isotropic_noise_gives_the_gibbs_law(rng):
    factor = rng.standard_normal((4, 4))
    hessian = factor @ factor.T + np.eye(4)
    law = ornstein_uhlenbeck(hessian, 0.7 * np.eye(4))
    np.testing.assert_allclose(law.covariance, 0.7 * np.linalg.inv(hessian), rtol=1e-11, atol=1e-14)
    assert law.entropy_production == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize("d", [2, 5])
def test_entropy_production_is_the_rate_of_dissipation(rng, d):
    """The force D⁻¹(-Hw) does work on the moving particle: E[(D⁻¹Hw) ∘ dw]/dt = -Tr(D⁻¹HQ), another formula for it."""
    hessian, diffusion = random_case(rng, d)
    law = ornstein_uhlenbeck(hessian, diffusion)
    work = -np.trace(np.linalg.solve(diffusion, hessian @ law.current))
    assert law.entropy_production == pytest.approx(work, rel=1e-9)
    half = -np.trace(np.linalg.solve(2 * diffusion, hessian @ law.current))  # D taken for 2D
    assert law.entropy_production != pytest.approx(half, rel=1e-2)


def test_entropy_production_does_not_depend_on_coordinates(rng):
    hessian, diffusion = random_case(rng, 3)
    change = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    other = ornstein_uhlenbeck(change @ hessian @ np.linalg.inv(change), change @ diffusion @ change.T)
    expected = ornstein_uhlenbeck(hessian, diffusion).entropy_production
    assert other.entropy_production == pytest.approx(expected, rel=1e-9)


def test_singular_noise():
    # Noise in one direction only, which the drift turns into the other: the covariance is regular, the motion is not.
    turning = ornstein_uhlenbeck([[0.0, -1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(turning.covariance, np.eye(2), atol=1e-14)
    assert turning.entropy_production == np.inf
    # The rotating pair beside a third weight that no noise reaches.
    padded = ornstein_uhlenbeck(linalg.block_diag(ROTATING[0], 1.0), linalg.block_diag(ROTATING[1], 0.0))
    assert padded.entropy_production == pytest.approx(1 / 3, rel=1e-12)
    assert ornstein_uhlenbeck(np.eye(2), np.zeros((2, 2))).entropy_production == 0


@pytest.mark.parametrize(
    ("hessian", "diffusion", "message"),
    [
        (np.diag([1.0, -1.0]), np.eye(2), "hessian must have eigenvalues with positive real parts"),
        (np.diag([1.0, 0.0]), np.eye(2), "hessian must have eigenvalues with positive real parts"),
        ([[0.0, 1.0], [-1.0, 0.0]], np.eye(2), "hessian must have eigenvalues with positive real parts"),
        ([[1.0, 1.0], [1.0, 1.0]], np.eye(2), "hessian must have eigenvalues with positive real parts"),
        (np.eye(2), np.diag([1.0, -1.0]), "diffusion must be positive semidefinite"),
        (np.eye(2), [[1.0, 0.5], [0.0, 1.0]], "diffusion must be symmetric"),
        (np.eye(2), np.eye(3), "diffusion must have shape"),
        (np.ones((2, 3)), np.eye(2), "hessian must have shape"),
        (np.empty((0, 0)), np.empty((0, 0)), "at least one row"),
        ([[np.nan]], [[1.0]], "hessian must be finite"),
    ],
)
def test_bad_input_is_refused(hessian, diffusion, message):
    with pytest.raises(InvalidInputError, match=message):
        ornstein_uhlenbeck(hessian, diffusion)
