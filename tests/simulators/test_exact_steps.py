"""Exact steps of linear equations: the right law at any step, and short ones add up to long ones."""

import numpy as np
import pytest
from scipy import linalg

import sdetheory as st
from sdetheory.results import mean_estimate
from sdetheory.simulators.schemes import SCHEMES, prepare
from sdetheory.stats import agrees

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
A = np.array([[2.0, 0.7], [-0.4, 1.0]])
B = np.array([[0.8, 0.0], [0.3, 0.5]])


def turning():
    return st.SDE.from_sympy([f"-({a})*x - ({b})*y" for a, b in A], B.tolist(), variables=["x", "y"])


@pytest.mark.parametrize("dt", [0.01, 1.0, 7.0, 1000.0])
def test_exact_steps_are_exact_at_any_dt(dt, rng):
    sigma = linalg.solve_continuous_lyapunov(A, B @ B.T)
    x0 = np.array([1.0, -2.0])
    kept = linalg.expm(-2 * dt * A)
    x = st.simulate(turning(), x0, dt=dt, n_steps=2, n_paths=200_000, rng=rng, method="exact").final
    y = x - kept @ x0
    products = mean_estimate(np.einsum("ni,nj->nij", y, y).reshape(-1, 4))
    expected = (sigma - kept @ sigma @ kept.T).ravel()
    assert agrees(mean_estimate(y), [0.0, 0.0], alpha=ALPHA)
    assert agrees(products, expected, alpha=ALPHA)
    assert not agrees(products, 1.05 * expected, alpha=ALPHA)


def test_exact_steps_do_not_depend_on_their_number():
    """Deterministic: one step of the mean and the covariance equals sixteen shorter ones, with a constant drift too."""
    sde = st.SDE.from_sympy(["1 - 2*x", "x - 3"], [[1, 0], [1, 2]], variables=["x", "y"])
    one, short = (prepare(sde, SCHEMES["exact"], "gaussian", dt, 1).matrix for dt in (1.6, 0.1))
    e, s, v = short[:, :2], short[:, 2:4], short[:, 4]
    kept, covariance, mean = np.eye(2), np.zeros((2, 2)), np.zeros(2)
    for _ in range(16):
        kept, covariance, mean = e @ kept, e @ covariance @ e.T + s @ s.T, e @ mean + v
    np.testing.assert_allclose(one[:, :2], kept, rtol=1e-12)
    np.testing.assert_allclose(one[:, 2:4] @ one[:, 2:4].T, covariance, rtol=1e-12)
    np.testing.assert_allclose(one[:, 4], mean, rtol=1e-12)
