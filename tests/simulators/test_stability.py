"""Steps beyond the stability limit of a linear drift are refused: just above it the means really diverge."""

import re

import numpy as np
import pytest
from served import serves

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.simulators import SCHEMES

COUPLED = np.array([[-3.0, 1.0], [1.0, -2.0]])  # a quadratic in two dimensions
SPIRAL = np.array([[-0.5, 2.0], [-2.0, -0.5]])  # μ = −1/2 ± 2i
MIXED = np.diag([-4.0, 1.0])  # what the equation itself lets grow has no limit
STIFFNESS, MASS = np.array([[5.0, 1.0], [1.0, 3.0]]), 2.0


def linear(jacobian, noise=0.3):
    rows = [f"({a})*x + ({b})*y + 1" for a, b in jacobian]
    return st.SDE.from_sympy(rows, [noise, noise], variables=["x", "y"])


def oscillator(friction):
    cost = st.Landscape.from_sympy("5*x**2/2 + x*y + 3*y**2/2", variables=["x", "y"])
    return st.underdamped_langevin(cost, 0.5, friction=friction, mass=MASS)


def known_limit(jacobian, method):
    """Return the limit from the textbooks: closed forms where there are any, else the first step that amplifies."""
    mu = np.linalg.eigvals(jacobian)
    mu = mu[mu.real < 0]
    if len(SCHEMES[method].polynomial) == 3:
        if np.all(mu.imag == 0):
            return (2 / np.abs(mu)).min()
        h = np.linspace(1e-4, 5, 500_001)[:, None] * mu
        return np.linspace(1e-4, 5, 500_001)[np.argmax((np.abs(1 + h + h**2 / 2) > 1).any(axis=1))]
    return (-2 * mu.real / np.abs(mu) ** 2).min()


def final(sde, dt, method, n_steps=3000, start=0.3):
    start = np.broadcast_to(start, sde.dimension)
    return st.simulate(sde, start, dt=dt, n_steps=n_steps, n_paths=2, rng=0, method=method).final


def refusal(sde, dt, method):
    """Return the limit that the error states, and its words."""
    with pytest.raises(InvalidInputError, match="dt must be at most") as caught:
        final(sde, dt, method)
    return float(re.search(r"at most ([\d.]+),", str(caught.value))[1]), str(caught.value)


EXPLICIT = [name for name in SCHEMES if serves(name, linear(COUPLED)) and name != "exact"]


@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("jacobian", [COUPLED, SPIRAL, MIXED], ids=["real", "complex", "one unstable"])
def test_the_limit_of_each_scheme(method, jacobian, monkeypatch):
    """Below it paths come near to the drift's fixed point, above it they leave it, and are refused."""
    limit, sde = known_limit(jacobian, method), linear(jacobian, noise=0.0)
    below, above = limit * 0.99, limit * 1.01
    assert np.isfinite(final(sde, below, method, 10)).all()
    stated, message = refusal(sde, above, method)
    assert stated == pytest.approx(limit, rel=1e-5)
    assert ("2/|μ|" in message) == (jacobian is not SPIRAL)
    # The control 1/|μ| would refuse steps that contract, or let others pass.
    mu = np.linalg.eigvals(jacobian)
    wrong = 1 / np.abs(mu[mu.real < 0]).max()
    assert not 0.9 < wrong / stated < 1.1
    if jacobian is not MIXED:
        fixed, near = np.linalg.solve(jacobian, [-1.0, -1.0]), 1e-6
        monkeypatch.setattr("sdetheory.simulators._ensemble.check_step", lambda *_: None)
        distances = [np.linalg.norm(final(sde, dt, method, 2000, fixed + near) - fixed) for dt in (below, above)]
        assert distances[0] < near / 3 and 3 * near < distances[1]


@pytest.mark.parametrize("friction", [0.01, 0.7, 20.0])
def test_baoab_follows_an_oscillator_up_to_two_over_omega(friction, monkeypatch):
    """Whatever the friction: the exact step matrix, from the drift alone, has its eigenvalues within the circle."""
    omega = np.sqrt(np.linalg.eigvalsh(STIFFNESS).max() / MASS)

    def radius(dt):
        n, kept = np.eye(2), np.exp(-friction * dt)
        zero = np.zeros((2, 2))
        kick = np.block([[n, zero], [-dt / 2 * STIFFNESS, n]])
        move = np.block([[n, dt / 2 / MASS * n], [zero, n]])
        rub = np.block([[n, zero], [zero, kept * n]])
        return np.abs(np.linalg.eigvals(kick @ move @ rub @ move @ kick)).max()

    limit = 2 / omega
    assert radius(limit * (1 - 1e-6)) <= 1 + 1e-6 < 1 + 1e-5 < radius(limit * (1 + 1e-4))
    assert np.isfinite(final(oscillator(friction), limit * (1 - 1e-6), "baoab", 10)).all()
    assert np.isfinite(final(oscillator(friction), (limit + 1 / omega) / 2, "baoab", 10)).all()  # not 1/ω
    stated, message = refusal(oscillator(friction), limit * (1 + 1e-6), "baoab")
    assert stated == pytest.approx(limit, rel=1e-5) and "2/ω" in message
    monkeypatch.setattr("sdetheory.simulators._ensemble.check_step", lambda *_: None)
    if friction < 1:
        assert np.abs(final(oscillator(friction), limit * 1.001, "baoab", 5000)).min() > 1e6


def test_a_step_at_the_limit_and_exact_steps_are_allowed():
    for k in (1.0, 3.0, 7.0, 0.1):
        sde = st.langevin(st.landscapes.quadratic(k), 1.0)
        final(sde, 2 / k, "euler-maruyama", 3)
        final(sde, 100 / k, "exact", 3)
        with pytest.raises(InvalidInputError, match=r"2/\|μ\|"):
            final(sde, 2 / k * (1 + 1e-8), "euler-maruyama", 3)


def test_what_is_not_damped_has_no_limit():
    final(st.SDE.from_sympy(["2*x"], ["x"], variables=["x"]), 10.0, "milstein", 3)
    final(st.SDE.from_sympy(["y", "-x"], [1, 1], variables=["x", "y"]), 0.5, "euler-maruyama", 3)
    final(st.SDE.from_sympy(["0"], [1], variables=["x"]), 1e9, "euler-maruyama", 3)
    final(st.underdamped_langevin(st.landscapes.quadratic(-1.0), 0.5, friction=1.0), 9.0, "baoab", 3)


def test_multiplicative_stratonovich_noise_moves_the_mean_by_itself():
    """E x obeys μ + s²/2 = 1, which grows: nothing to refuse. In Itô's sense μ = −1 alone counts."""
    given = {"drift": ["-x"], "diffusion": ["2*x"], "variables": ["x"]}
    final(st.SDE.from_sympy(**given, calculus="stratonovich"), 2.5, "heun", 3)
    with pytest.raises(InvalidInputError, match="at most 2,"):
        final(st.SDE.from_sympy(**given), 2.5, "platen", 3)


def test_all_simulators_refuse():
    sde = st.langevin(st.landscapes.quadratic(4.0), 1.0)
    with pytest.raises(InvalidInputError, match=r"at most 0\.5,"):
        st.sample_stationary(sde, dt=0.51, n_paths=4, burn_in=0, n_steps=4)
    with pytest.raises(InvalidInputError, match=r"at most 0\.5,"):
        st.first_passage(sde, [0.0], target=("above", 1.0), dt=0.51, n_paths=4, max_steps=4)
    assert st.langevin(st.landscapes.double_well(), 1.0).linear_part() is None  # no limit is known for others
