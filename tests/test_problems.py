"""The problems themselves: each solution solves its equation, and the noise is of the type that is said."""

import numpy as np
import problems
import pytest
import sympy

by_name = {"ids": lambda problem: problem.name}


def ito_residual(problem):
    """Return what is left of dX - f dt - B dW when X is the solution, at five random points, with 30 digits."""
    f, b, u = problem.symbolic()
    t, *w = sympy.symbols(["t", *[f"W{j}" for j in range(problem.n_noises)]], real=True)
    at = dict(zip(sympy.symbols(problem.variables, real=True), u, strict=True))
    drift = u.diff(t) + sum((u.diff(v, 2) for v in w), sympy.zeros(len(u), 1)) / 2
    left = [*(drift - f.subs(at)), *(u.jacobian(w) - b.subs(at)), *(u.subs(dict.fromkeys((t, *w), 0)) - start(problem))]
    points = np.random.default_rng(0).integers(1, 1000, size=(5, 1 + len(w)))
    values = [{s: sympy.Rational(int(v), 997) for s, v in zip((t, *w), point, strict=True)} for point in points]
    return max(abs(sympy.N(e.subs(value), 30)) for e in left for value in values)


def start(problem):
    return sympy.Matrix([sympy.Rational(str(v)) for v in problem.x0])


@pytest.mark.parametrize("problem", problems.SOLVED, **by_name)
def test_the_solution_solves_the_equation(problem):
    assert ito_residual(problem) < 1e-25
    wrong = problems.Problem(**{**vars(problem), "drift": tuple(f"({f}) + x0/50 + 1/50" for f in problem.drift)})
    assert ito_residual(wrong) > 1e-3


@pytest.mark.parametrize("problem", [*problems.SOLVED, *problems.LINEAR], **by_name)
def test_the_noise_is_what_the_problem_says(problem):
    assert problem.sde().noise == problem.noise


def test_ten_problems_and_more_have_solutions_and_a_source():
    assert len(problems.SOLVED) >= 10
    assert all(problem.source.startswith(("KP", "R")) for problem in (*problems.SOLVED, *problems.LINEAR))
