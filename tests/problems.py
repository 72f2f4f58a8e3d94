"""Stochastic differential equations whose solutions, or whose moments, are known.

A solution is a function of the time and of the Wiener process at that time, so that it can be compared path by path;
``tests/test_problems.py`` derives by Itô's formula that each solves its equation. Linear equations have the
moments of linear recursions. Formulas are Itô's.

References: KP is P. E. Kloeden and E. Platen (1992), Numerical Solution of Stochastic Differential Equations, Springer;
R is A. Rößler (2010), Runge-Kutta methods for the strong approximation of solutions of stochastic differential
equations, SIAM J. Numer. Anal. 48, 922.
"""

from dataclasses import dataclass, field

import numpy as np
import sympy

import sdetheory as st


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An SDE and its solution in t and W0, W1, ..., or, if it is linear, its matrices."""

    name: str
    source: str
    noise: str
    drift: tuple[str, ...]
    diffusion: tuple[tuple[str, ...], ...]
    x0: tuple[float, ...]
    solution: tuple[str, ...] | None = None
    matrices: tuple[np.ndarray, ...] | None = None
    parameters: dict[str, float] = field(default_factory=dict)

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(f"x{i}" for i in range(len(self.x0)))

    @property
    def n_noises(self) -> int:
        return len(self.diffusion[0])

    def sde(self, calculus: str = "ito") -> st.SDE:
        """Return the equation; with another calculus, one of the same letters that means something else."""
        return st.SDE.from_sympy(
            self.drift, self.diffusion, variables=self.variables, parameters=self.parameters, calculus=calculus,
            name=self.name,
        )  # fmt: skip

    def symbolic(self) -> tuple[sympy.Matrix, sympy.Matrix, sympy.Matrix]:
        """Return drift, diffusion and solution as expressions, with numbers for the parameters."""
        noises = [f"W{j}" for j in range(self.n_noises)]
        names = {n: sympy.Symbol(n, real=True) for n in (*self.variables, "t", *noises)}
        values = {sympy.Symbol(k): sympy.Rational(str(v)) for k, v in self.parameters.items()}

        def read(rows):
            return sympy.Matrix(rows).applyfunc(lambda e: sympy.sympify(str(e), locals=names).subs(values))

        assert self.solution is not None
        return read(self.drift), read([list(row) for row in self.diffusion]), read(self.solution)

    def exact(self, time: float, wiener: np.ndarray) -> np.ndarray:
        """Return the solution for values of the Wiener process, shape (n, m)."""
        symbols = [sympy.Symbol("t", real=True), *[sympy.Symbol(f"W{j}", real=True) for j in range(self.n_noises)]]
        function = sympy.lambdify(symbols, list(self.symbolic()[2]), "numpy")
        return np.stack([np.broadcast_to(v, len(wiener)) for v in function(time, *wiener.T)], axis=1)


def _linear(name: str, source: str, noise: str, matrices: list[list[list[float]]], x0: tuple[float, ...]) -> Problem:
    a, *b = matrices
    d = range(len(x0))

    def row(matrix, i):
        return " + ".join(f"({matrix[i][k]})*x{k}" for k in d)

    return Problem(
        name=name, source=source, noise=noise, x0=x0,
        drift=tuple(row(a, i) for i in d), diffusion=tuple(tuple(row(m, i) for m in b) for i in d),
        matrices=tuple(np.array(m, dtype=float) for m in matrices),
    )  # fmt: skip


GEOMETRIC = Problem(
    name="geometric Brownian motion",
    source="KP section 4.4",
    noise="scalar",
    drift=("mu*x0",),
    diffusion=(("sigma*x0",),),
    parameters={"mu": 0.5, "sigma": 0.8},
    x0=(1.0,),
    solution=("exp((mu - sigma**2/2)*t + sigma*W0)",),
)
TANH = Problem(
    name="hyperbolic tangent",
    source="KP section 4.4: reducible, h = artanh",
    noise="scalar",
    drift=("-b**2*x0*(1 - x0**2)",),
    diffusion=(("b*(1 - x0**2)",),),
    parameters={"b": 0.9},
    x0=(0.0,),
    solution=("tanh(b*W0)",),
)
ARCTAN = Problem(
    name="arc tangent",
    source="KP section 4.4: reducible, h = tan",
    noise="scalar",
    drift=("-a**2*sin(x0)*cos(x0)**3",),
    diffusion=(("a*cos(x0)**2",),),
    parameters={"a": 0.9},
    x0=(0.0,),
    solution=("atan(a*W0)",),
)
ARSINH = Problem(
    name="inverse hyperbolic sine",
    source="KP section 4.4: reducible, h = sinh",
    noise="scalar",
    drift=("-tanh(x0)/cosh(x0)**2/2",),
    diffusion=(("1/cosh(x0)",),),
    x0=(0.0,),
    solution=("asinh(W0)",),
)
SINH = Problem(
    name="hyperbolic sine",
    source="KP section 4.4: reducible, h = arsinh; R, the test problem of scalar noise",
    noise="scalar",
    drift=("x0/2 + sqrt(x0**2 + 1)",),
    diffusion=(("sqrt(x0**2 + 1)",),),
    x0=(0.0,),
    solution=("sinh(t + W0)",),
)
GROWING = Problem(
    name="growing noise",
    source="KP section 4.4: linear, with coefficients that depend on time",
    noise="diagonal",
    drift=("2*x0/(1 + t) + (1 + t)**2",),
    diffusion=(("(1 + t)**2",),),
    x0=(1.0,),
    solution=("(1 + t)**2*(1 + t + W0)",),
)
SHRINKING = Problem(
    name="shrinking noise",
    source="R, the test problem of additive noise",
    noise="diagonal",
    drift=("b/sqrt(1 + t) - x0/(2*(1 + t))",),
    diffusion=(("a*b/sqrt(1 + t)",),),
    parameters={"a": 0.5, "b": 0.5},
    x0=(1.0,),
    solution=("(1 + b*(t + a*W0))/sqrt(1 + t)",),
)
DIAGONAL = Problem(
    name="two of a kind",
    source="KP section 4.4, two reducible equations side by side",
    noise="diagonal",
    drift=("x0/4", "-x1*(1 - x1**2)/2"),
    diffusion=(("x0*7/10", "0"), ("0", "sqrt(1/2)*(1 - x1**2)")),
    x0=(1.0, 0.0),
    solution=("exp(t/4 - t*49/200 + W0*7/10)", "tanh(sqrt(1/2)*W1)"),
)
TWO_NOISES = Problem(
    name="two noises on one component",
    source="KP section 4.4: linear, several noises",
    noise="commutative",
    drift=("x0/2",),
    diffusion=(("x0/2", "x0*3/5"),),
    x0=(1.0,),
    solution=("exp(t*(1/2 - 1/8 - 9/50) + W0/2 + W1*3/5)",),
)
SPIRAL = Problem(
    name="stretched and turned",
    source="KP section 4.8: linear, with matrices that commute",
    noise="commutative",
    drift=("x0*(1/8 - 9/50)", "x1*(1/8 - 9/50)"),
    diffusion=(("x0/2", "-x1*3/5"), ("x1/2", "x0*3/5")),
    x0=(1.0, 0.0),
    solution=("exp(W0/2)*cos(W1*3/5)", "exp(W0/2)*sin(W1*3/5)"),
)
CIRCLE = Problem(
    name="Brownian motion on the unit circle",
    source="KP section 4.4",
    noise="scalar",
    drift=("-x0/2", "-x1/2"),
    diffusion=(("-x1",), ("x0",)),
    x0=(1.0, 0.0),
    solution=("cos(W0)", "sin(W0)"),
)
SOLVED = (
    GEOMETRIC, TANH, ARCTAN, ARSINH, SINH, GROWING, SHRINKING, DIAGONAL, TWO_NOISES, SPIRAL, CIRCLE,
)  # fmt: skip

NON_COMMUTING = _linear(
    "two matrices that do not commute",
    "KP section 4.8: linear; moments from their linear equations",
    "general",
    [[[-0.6, 0.3], [-0.2, -0.4]], [[0.3, 0.5], [0.0, 0.2]], [[0.1, 0.0], [0.6, -0.3]]],
    (1.0, 0.5),
)
LINEAR_SCALAR = _linear("linear, one noise", "KP section 4.4", "scalar", [[[-0.5]], [[0.6]]], (1.0,))
LINEAR_COMMUTING = _linear(
    "linear, commuting", "KP section 4.8", "commutative",
    [[[-0.3, 0.2], [-0.2, -0.5]], [[0.5, 0.0], [0.0, 0.5]], [[0.0, -0.6], [0.6, 0.0]]], (1.0, 0.5),
)  # fmt: skip
LINEAR_DIAGONAL = _linear(
    "linear, diagonal", "KP section 4.8", "diagonal",
    [[[-0.3, 0.2], [-0.2, -0.5]], [[0.5, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.6]]], (1.0, 0.5),
)  # fmt: skip
LINEAR = (NON_COMMUTING, LINEAR_SCALAR, LINEAR_COMMUTING, LINEAR_DIAGONAL)


def linear_moments(problem: Problem, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Return E[X] and E[X X'] of a linear problem: m' = A m, M' = A M + M A' + sum of B M B'."""
    from scipy.linalg import expm

    assert problem.matrices is not None
    a, *bs = problem.matrices
    one, x0 = np.eye(len(a)), np.array(problem.x0)
    generator = np.kron(a, one) + np.kron(one, a) + sum(np.kron(b, b) for b in bs)
    second = expm(time * generator) @ np.kron(x0, x0)
    return expm(time * a) @ x0, second.reshape(len(a), len(a))
