"""Weak orders, without any sampling: the chains are the engine's own steps, integrated over their noise.

Then the steps that the engine makes with random numbers are compared with the chains, and so the orders are its own.
"""

import chains
import numpy as np
import problems
import pytest
from scipy import linalg
from served import BROWNIAN, MULTIPLICATIVE, solver

import sdetheory as st
from sdetheory.results import mean_estimate
from sdetheory.simulators.schemes import SCHEMES
from sdetheory.stats import agrees

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
LEVELS = (5, 6, 7, 8)
CASES = [(method, increments) for method in BROWNIAN for increments in SCHEMES[method].increments]


@pytest.mark.parametrize(
    ("problem", "method", "increments"),
    [
        pytest.param(problem, method, increments, id=f"{problem.name}-{method}-{increments}")
        for problem in problems.LINEAR
        for method, increments in CASES
        if problem.noise in SCHEMES[method].strong_order and SCHEMES[method].polynomial
    ],
)
def test_weak_order_of_linear_equations(problem, method, increments):
    """The mean and the second moments, by their recursion."""
    mean, second = problems.linear_moments(problem, 1.0)
    exact, sde = np.concatenate([mean, second.ravel()]), solver(problem, method)
    found = [chains.moments(sde, problem.x0, method, increments, 2**k) for k in LEVELS]
    chains.assert_order([np.linalg.norm(f - exact) for f in found], SCHEMES[method].weak_order)
    with pytest.raises(AssertionError):
        chains.assert_order([np.linalg.norm(f - 1.001 * exact) for f in found], SCHEMES[method].weak_order)


def waves(x):
    return np.cos(2 * x) + np.sin(2 * x + 0.3)


@pytest.mark.parametrize(("method", "increments"), [case for case in CASES if case[0] in MULTIPLICATIVE])
def test_weak_order_of_a_nonlinear_equation(method, increments):
    """Of X = arctan(a W): its equation has the period π."""
    problem, circle = problems.ARCTAN, chains.Circle(np.pi, 128)
    w = np.linspace(-12, 12, 20001)
    normal = np.exp(-(w**2) / 2)
    exact = np.sum(normal * waves(problem.exact(1.0, w[:, None])[:, 0])) / np.sum(normal)
    sde, u, start = solver(problem, method), waves(circle.x), circle.at(np.array(problem.x0))

    def error(n):
        return (start @ circle.expectation(sde, method, 1 / n, n, u, increments))[0] - exact

    chains.assert_order([error(2**k) for k in LEVELS], SCHEMES[method].weak_order)


def well():
    """Return a potential of period 2π with two wells of different depths."""
    return st.Landscape.from_sympy("cos(x) + sin(2*x)/3", variables=["x"])


def langevin(temperature=0.5):
    return st.langevin(well(), temperature)


def landscape_waves(x):
    return np.cos(x) + np.sin(x) / 2


def expectation(sde, circle, u, time, temperature=0.5):
    """Return the E[u(X_t)] of the equation, by its generator."""
    generator = sde.drift(circle.x[:, None]) * circle.derivative() + temperature * circle.derivative(2)
    return linalg.expm(time * generator) @ u


@pytest.mark.parametrize(("method", "increments"), CASES)
def test_weak_order_with_additive_noise(method, increments):
    """Heun's scheme makes the step of Platen's here, and so has its order, but for two-point increments."""
    circle = chains.Circle(2 * np.pi)
    sde, u = langevin(), landscape_waves(circle.x)
    exact = expectation(sde, circle, u, 1.0)

    def error(n):
        return np.linalg.norm(circle.expectation(sde, method, 1 / n, n, u, increments) - exact)

    as_platen = method == "heun" and increments != "two-point"
    chains.assert_order([error(2**k) for k in LEVELS], 2 if as_platen else SCHEMES[method].weak_order)


def test_weak_order_of_baoab():
    friction, temperature = 1.0, 0.7
    sde = st.underdamped_langevin(well(), temperature, friction=friction)
    phase = chains.Phase(np.sqrt(temperature))
    exact = linalg.expm(phase.generator(sde, friction, temperature))
    weight = np.abs(phase.p) < 2
    for u in (np.cos(phase.q), phase.p**2):
        found = [np.linalg.matrix_power(phase.chain(sde, 2.0**-k), 2**k) @ u for k in (2, 3, 4, 5)]
        chains.assert_order([np.linalg.norm((f - exact @ u)[weight]) for f in found], SCHEMES["baoab"].weak_order)


# What is sampled is what was integrated.


@pytest.mark.parametrize(
    ("method", "increments"), [("platen", "gaussian"), ("platen", "three-point"), ("euler-maruyama", "two-point")]
)
def test_moments_are_those_of_the_engine(method, increments, rng):
    """Also with the signs that Platen's scheme draws."""
    problem = problems.NON_COMMUTING
    expected = chains.moments(problem.sde(), problem.x0, method, increments, 2)
    run = st.simulate(
        problem.sde(), problem.x0, dt=0.5, n_steps=2, n_paths=2**18, rng=rng, method=method, increments=increments
    )
    products = np.einsum("ni,nj->nij", run.final, run.final).reshape(-1, 4)
    measured = mean_estimate(np.hstack([run.final, products]))
    assert agrees(measured, expected, alpha=ALPHA)
    assert not agrees(measured, expected + 0.02, alpha=ALPHA)


@pytest.mark.parametrize("method", [m for m in BROWNIAN if m != "euler-maruyama"])
def test_the_circle_is_that_of_the_engine(method, rng):
    """With steps so large that the chain is far from the equation."""
    h, circle, sde = 0.5, chains.Circle(2 * np.pi), langevin()
    u, start = landscape_waves(circle.x), np.array([0.3])
    expected = circle.at(start) @ circle.expectation(sde, method, h, 2, u)
    exact = circle.at(start) @ expectation(sde, circle, u, 2 * h)
    x = st.simulate(sde, start, dt=h, n_steps=2, n_paths=2**18, rng=rng, method=method).final[:, 0]
    assert agrees(mean_estimate(landscape_waves(x)), expected, alpha=ALPHA)
    assert not agrees(mean_estimate(landscape_waves(x)), exact, alpha=ALPHA)
