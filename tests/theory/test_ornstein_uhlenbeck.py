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


def test_area_swept_is_that_of_a_simulated_step():
    """E[w₁ dw₂ - w₂ dw₁]/(2 dt), the mean over the stationary law of the drift's area: w and -Hw span it."""
    law = ornstein_uhlenbeck(*ROTATING)
    drift = -law.hessian
    swept = (law.covariance @ drift.T - drift @ law.covariance) / 2
    np.testing.assert_allclose(law.area_rate, swept, atol=1e-15)
    assert law.area_rate[0, 1] == pytest.approx(-1 / 4, rel=1e-14)


def test_relaxation_times_are_those_of_the_mean(rng):
    hessian, diffusion = random_case(rng, 4)
    law = ornstein_uhlenbeck(hessian, diffusion)
    times = law.relaxation_times
    assert np.all(np.diff(times) <= 0)
    # The slowest decay is that of the whole, up to a factor, whatever the start.
    early, late = (np.linalg.norm(linalg.expm(-hessian * n * times[0])) for n in (40, 240))
    assert np.log(early / late) == pytest.approx(200.0, abs=2.0)
    assert np.sum(1 / times) == pytest.approx(np.trace(hessian), rel=1e-12)


def test_autocovariance_and_spectrum_are_a_fourier_pair(rng):
    hessian, diffusion = random_case(rng, 3)
    law = ornstein_uhlenbeck(hessian, diffusion)
    # E[w(t) w(0)ᵀ] decays from Σ as the mean does, by its differential equation.
    h = 1e-4
    slope = (law.autocovariance(0.5 + h) - law.autocovariance(0.5 - h)) / (2 * h)
    np.testing.assert_allclose(slope, -hessian @ law.autocovariance(0.5), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(law.autocovariance([-0.7, 0.0])[0], law.autocovariance(0.7).T, rtol=1e-14)
    np.testing.assert_allclose(law.autocovariance(0.0), law.covariance, rtol=1e-14)
    # Negative control: Σ e^{-Ht}, on the wrong side, does not match where there is a current.
    assert np.abs(law.covariance @ linalg.expm(-hessian * 0.7) - law.autocovariance(0.7)).max() > 1e-2
    for omega in (0.0, 1.3, -4.0):

        def kernel(t, omega=omega):
            forward = law.autocovariance(t)
            return forward * np.exp(-1j * omega * t) + forward.T * np.exp(1j * omega * t)

        expected, _ = integrate.quad_vec(kernel, 0.0, 30.0, epsabs=1e-9, epsrel=1e-9)
        np.testing.assert_allclose(law.spectrum(omega), expected, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(law.spectrum(omega), law.spectrum(omega).conj().T, atol=1e-12)
    power, _ = integrate.quad_vec(lambda omega: law.spectrum(omega).real / np.pi, 0.0, np.inf, epsabs=1e-9)
    np.testing.assert_allclose(power, law.covariance, rtol=1e-7, atol=1e-8)
    assert law.spectrum(np.zeros((2, 5))).shape == (2, 5, 3, 3)


def test_without_a_current_the_spectrum_is_real():
    law = ornstein_uhlenbeck(np.diag([1.0, 3.0]), np.diag([1.0, 2.0]))
    assert np.abs(law.spectrum(1.5).imag).max() < 1e-15
    # Lorentzians 2D / (H² + ω²).
    np.testing.assert_allclose(np.diag(law.spectrum(1.5).real), [2 / (1 + 2.25), 4 / (9 + 2.25)], rtol=1e-14)
    turning = ornstein_uhlenbeck(*ROTATING).spectrum(1.5)[0, 1]
    assert turning == pytest.approx(1 / ((1 + 1.5j) * (3 - 1.5j)), rel=1e-14)
    assert abs(turning.imag) > 0.08


def test_moments_in_time_solve_their_equations(rng):
    """dm/dt = -Hm and dΣ/dt = -HΣ - ΣHᵀ + 2D, integrated by Runge and Kutta."""
    hessian, diffusion = random_case(rng, 3)
    law = ornstein_uhlenbeck(hessian, diffusion)
    start, spread = rng.standard_normal(3), np.diag([1.0, 0.0, 2.0])

    def slope(t, state):
        mean, covariance = state[:3], state[3:].reshape(3, 3)
        turned = hessian @ covariance
        return np.append(-hessian @ mean, (2 * diffusion - turned - turned.T).ravel())

    times = [0.0, 0.3, 1.0, 4.0]
    state = np.append(start, spread.ravel())
    path = integrate.solve_ivp(slope, (0.0, 4.0), state, "DOP853", times, rtol=1e-12, atol=1e-13).y.T
    np.testing.assert_allclose(law.mean_at(times, start), path[:, :3], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(law.covariance_at(times, spread).reshape(4, 9), path[:, 3:], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(law.covariance_at(200.0), law.covariance, rtol=1e-11)
    half = ornstein_uhlenbeck(hessian, diffusion / 2)  # D taken for 2D
    assert np.abs(half.covariance_at(0.3) / law.covariance_at(0.3) - 1).max() > 0.4


def test_short_times_keep_their_digits(rng):
    hessian, diffusion = random_case(rng, 3)
    t = 1e-12
    short = ornstein_uhlenbeck(hessian, diffusion).covariance_at(t)
    np.testing.assert_allclose(short, 2 * t * diffusion, rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda law: law.mean_at(-1.0, [0.0, 0.0]), "t must be >= 0"),
        (lambda law: law.mean_at(1.0, [0.0]), "start must have shape"),
        (lambda law: law.covariance_at(1.0, -np.eye(2)), "start must be positive semidefinite"),
        (lambda law: law.autocovariance(np.inf), "t must be finite"),
        (lambda law: law.spectrum("fast"), "frequency must be real numbers"),
    ],
)
def test_bad_times_are_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(ornstein_uhlenbeck(*ROTATING))


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
