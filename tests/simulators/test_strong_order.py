"""Strong orders: paths tend to the solution of the right equation, at the declared order, for each type of noise.

The intervals are those of ConvergenceStudy: Student's at ALPHA from a jackknife over 32 batches of paths, and a bound
of the bias by the next order in h. With 4096 paths they are narrow enough to leave out the declared order ± 0.25.
"""

import chains
import numpy as np
import problems
import pytest
from served import solver

import sdetheory as st
from sdetheory.simulators.schemes import SCHEMES
from sdetheory.studies.convergence import _interval, _order

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
DTS = 2.0 ** -np.arange(11, 4, -1)
by_name = {"ids": lambda value: getattr(value, "name", str(value))}
METHODS = [name for name, scheme in SCHEMES.items() if scheme.brownian and scheme.bridged]

# With noise that depends on the time alone schemes do better than with others of its type.
TIMED = (problems.GROWING, problems.SHRINKING)
CASES = [
    (problem, method)
    for problem in problems.SOLVED
    for method in METHODS
    if problem not in TIMED and problem.noise in SCHEMES[method].strong_order
]


def study(sde, x0, method, rng, exact=None, dts=DTS):
    if not SCHEMES[method].polynomial:
        # A step that is not linear where the equation is adds an error of the order of h, which √h must outweigh.
        dts = dts / 8
    return st.convergence_study(sde, x0, time=1.0, dts=dts, n_paths=4096, method=method, exact=exact, rng=rng)


def solution(problem):
    return lambda wiener: problem.exact(1.0, wiener)


def has_order(measured, declared):
    return holds(measured.interval("strong", alpha=ALPHA), declared)


def holds(interval, declared):
    low, high = interval
    return low <= declared <= high and declared - 0.25 < low and high < declared + 0.25


def reaches_the_solution(measured, declared):
    """With order p the error is about h^p, for solutions of order 1."""
    return measured.strong_error.value[0] < 4 * measured.dts[0] ** declared


@pytest.mark.parametrize(("problem", "method"), CASES, **by_name)
def test_strong_order_and_limit(problem, method, rng):
    measured = study(solver(problem, method), problem.x0, method, rng, solution(problem))
    declared = SCHEMES[method].strong_order[problem.noise]
    assert has_order(measured, declared), measured.interval("strong", alpha=ALPHA)
    assert not has_order(measured, 1.5 - declared)
    assert reaches_the_solution(measured, declared)


@pytest.mark.parametrize(
    "problem", [problems.GEOMETRIC, problems.TANH, problems.DIAGONAL, problems.SPIRAL, problems.CIRCLE], **by_name
)
def test_the_wrong_calculus_has_another_limit(problem, rng):
    """Negative control: Heun on Itô's drift, Milstein on Stratonovich's."""
    drift = [str(e) for e in problem.sde().to_stratonovich()._formulas.drift]
    other = {"variables": problem.variables, "parameters": problem.parameters}
    for method, sde in (
        ("heun", problem.sde("stratonovich")),
        ("milstein", st.SDE.from_sympy(drift, problem.diffusion, **other)),
    ):
        measured = study(sde, problem.x0, method, rng, solution(problem))
        assert not has_order(measured, 1.0)
        assert measured.strong_error.value[0] > 10 * 4 * DTS[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("problem", TIMED, **by_name)
def test_noise_that_changes_with_time(problem, method, rng):
    """There is no b b', and the trapezoidal rule of two drifts a step gains another order since all is linear."""
    order = SCHEMES[method].drift_evaluations
    measured = study(solver(problem, method), problem.x0, method, rng, solution(problem))
    assert has_order(measured, order), measured.interval("strong", alpha=ALPHA)


@pytest.mark.parametrize("method", METHODS)
def test_strong_order_with_additive_noise(method, rng):
    """No solution is known: against a run with 1/16 of the smallest step."""
    measured = study(st.langevin(st.landscapes.double_well(), 0.25), [0.0], method, rng, dts=DTS[2:])
    assert has_order(measured, SCHEMES[method].strong_order["additive"])
    assert not has_order(measured, 0.5)


@pytest.mark.parametrize("method", [name for name in METHODS if "general" in SCHEMES[name].strong_order])
def test_strong_order_with_general_noise(method, rng):
    problem = problems.NON_COMMUTING
    measured = study(solver(problem, method), problem.x0, method, rng, dts=DTS[2:])
    assert has_order(measured, SCHEMES[method].strong_order["general"])
    assert not has_order(measured, 1.0)


def test_strong_order_of_leimkuhler_matthews(rng):
    """Half a step of noise is always missing, and half of the next is there too early: order 1/2."""
    sde, seed = st.langevin(st.landscapes.double_well(), 0.25), int(rng.integers(2**32))
    # Euler-Maruyama on the same path is right to O(h).
    fine = {"dt": DTS[0], "n_steps": round(1 / DTS[0]), "n_paths": 4096, "rng": seed}
    measured = study(sde, [0.0], "leimkuhler-matthews", seed, lambda _: st.simulate(sde, [0.0], **fine).final)
    assert has_order(measured, SCHEMES["leimkuhler-matthews"].strong_order["additive"])
    assert not has_order(measured, 1.0)


def test_strong_order_of_baoab(rng):
    """Its numbers are integrals of exp(-friction (t - s)) dW: those of a step are sums over shorter ones, weighted."""
    friction, levels = 1.5, range(3, 11)
    sde = st.underdamped_langevin(st.landscapes.double_well(), 0.25, friction=friction)
    xi, ends = rng.standard_normal((2 ** levels[-1], 2048)), []
    for level in reversed(levels):
        step, x = chains.Step(sde, "baoab", 2.0**-level), np.zeros((2, 2048))
        for number in xi:
            x = step(x, number[None])
        ends.append(x.T)
        kept = np.exp(-friction * 2.0**-level)
        xi = (kept * xi[0::2] + xi[1::2]) / np.sqrt(1 + kept**2)
    errors = np.array([np.linalg.norm(coarse - ends[0], axis=1) for coarse in ends[3:]])
    _, order, bias = _order(2.0 ** -np.array(levels)[::-1][3:], errors, own=2.0 ** -levels[-1])
    assert holds(_interval(order, bias, ALPHA), SCHEMES["baoab"].strong_order["additive"]), (order, bias)
    assert not holds(_interval(order, bias, ALPHA), 0.5)


def test_one_brownian_path_at_many_resolutions():
    free = st.SDE.from_sympy(["0", "0"], [1.0, 1.0], variables=["v", "w"])

    def end(level, seed=11):
        shared = {"brownian_dt": 2.0**-11, "n_steps": 2**level, "n_paths": 300, "rng": seed}
        return st.simulate(free, [0.0, 0.0], dt=2.0**-level, **shared).final

    for level in (3, 11):
        np.testing.assert_allclose(end(level), end(0), rtol=1e-11, atol=1e-12)
    assert np.abs(end(3, seed=12) - end(0)).max() > 1
