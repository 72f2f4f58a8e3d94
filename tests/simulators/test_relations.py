"""Relations that tie theory and simulation together, whatever the equation."""

import numpy as np
import problems
import pytest
from scipy import linalg

import sdetheory as st
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6


def test_yaidas_relation(rng):
    """Of the discrete stationary law: <x C'> = (h <C'²> + 2T) / 2, whatever h. S. Yaida (2019), ICLR, eq. 8."""
    h, temperature = 0.1, 0.5
    x = st.simulate(
        st.langevin(st.landscapes.double_well(), temperature), [1.0], dt=h, n_steps=400, n_paths=2**18, rng=rng
    ).final[:, 0]
    slope = x**3 - x
    assert agrees(mean_estimate(2 * x * slope - h * slope**2 - 2 * temperature), 0.0, alpha=ALPHA)
    assert not agrees(mean_estimate(2 * x * slope - 2 * temperature), 0.0, alpha=ALPHA)


def test_itos_formula_for_an_expectation(rng):
    """E[g(X_T)] - g(X_0) is the integral of E[f g' + b² g''/2]; for tanh(bW), g = x², with Platen's scheme."""
    b, dt = 0.9, 1 / 64
    x = st.simulate(
        problems.TANH.sde(), [0.0], dt=dt, n_steps=64, n_paths=2**17, rng=rng, method="platen", save_every=1
    ).paths[:, :, 0]
    one = 1 - x**2
    first, second = np.trapezoid(-2 * b**2 * x**2 * one, dx=dt, axis=0), np.trapezoid(b**2 * one**2, dx=dt, axis=0)
    # The trapezoidal rule is off by 2e-5, a hundredth of the error that is left.
    assert agrees(mean_estimate(x[-1] ** 2 - first - second), 0.0, alpha=ALPHA)
    assert not agrees(mean_estimate(x[-1] ** 2 - first), 0.0, alpha=ALPHA)
    assert not agrees(mean_estimate(x[-1] ** 2 - first - 1.05 * second), 0.0, alpha=ALPHA)


CURVATURES = np.array([1.0, 3.0])
TURNING, BALANCED = np.array([[1.0, 0.5], [0.5, 1.0]]), np.diag([1.0, 2.0])


@pytest.mark.parametrize("diffusion", [TURNING, BALANCED], ids=["turning", "balanced"])
def test_the_probability_current(diffusion, rng):
    """The area that paths sweep, E[x dy - y dx] = 2 Q₁₂ dt + O(dt²), with the current Q = HΣ - D of the theory.

    Chaudhari & Soatto (2018): noise that does not match the curvatures drives a rotation, here Q₁₂ = -1/4 and an
    entropy production of 1/3; otherwise there is detailed balance, and no area.
    """
    law = st.theory.ornstein_uhlenbeck(np.diag(CURVATURES), diffusion)
    assert law.entropy_production == pytest.approx(0.0 if diffusion is BALANCED else 1 / 3, abs=1e-14)
    root = np.linalg.cholesky(2 * diffusion)
    sde = st.SDE.from_sympy(["-x", "-3*y"], root.tolist(), variables=["x", "y"])
    dt, curved = 0.05, linalg.expm(-0.05 * np.diag(CURVATURES)) @ law.covariance
    expected = curved[1, 0] - curved[0, 1]
    # Of a step of no length: the rate of the theory.
    short = (linalg.expm(-1e-6 * np.diag(CURVATURES)) @ law.covariance) / 1e-6
    assert short[1, 0] - short[0, 1] == pytest.approx(2 * law.current[0, 1], abs=1e-5)
    run = st.simulate(sde, [0.0, 0.0], dt=dt, n_steps=400, n_paths=2**13, rng=rng, method="exact", save_every=1)
    x, y = np.moveaxis(run.paths[200:], 2, 0)
    area = mean_estimate(np.mean(x[:-1] * y[1:] - y[:-1] * x[1:], axis=0))
    assert agrees(area, expected, alpha=ALPHA)
    # Negative control: the other one, with and without a current.
    assert not agrees(area, 0.0 if diffusion is TURNING else -0.5 * dt, alpha=ALPHA)
    assert not agrees(area, 1.25 * expected if diffusion is TURNING else 0.005, alpha=ALPHA)
