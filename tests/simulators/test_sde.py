"""Equations from formulas: what is found in them, what they become, and what they refuse."""

import numpy as np
import problems
import pytest
import sympy

import sdetheory as st
from sdetheory._kernels import block
from sdetheory.errors import IncompatibleError, InvalidInputError

EVERY = [*problems.SOLVED, *problems.LINEAR]
each = pytest.mark.parametrize("problem", EVERY, ids=lambda p: p.name)


FUNCTIONS = {name: getattr(np, name) for name in ("exp", "sin", "cos", "tanh", "cosh", "sqrt")}


def points(d, rng):
    return rng.uniform(-0.8, 0.8, size=(20, d))


@each
def test_fields_are_the_formulas(problem, rng):
    x, sde = points(len(problem.x0), rng), problem.sde()
    names = {"t": 0.3, **problem.parameters, **FUNCTIONS}
    for point in x:
        here = {**names, **dict(zip(problem.variables, point, strict=True))}
        f = [eval(e, {}, here) for e in problem.drift]
        b = [[eval(e, {}, here) for e in row] for row in problem.diffusion]
        np.testing.assert_allclose(sde.drift(point, 0.3), f, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(sde.diffusion(point, 0.3), b, rtol=1e-13, atol=1e-15)
    assert sde.diffusion(x).shape == (20, sde.dimension, sde.n_noises)
    assert sde.drift(x.reshape(4, 5, -1)).shape == (4, 5, sde.dimension)


@each
def test_conversions_go_round(problem, rng):
    x, sde = points(len(problem.x0), rng), problem.sde()
    other = sde.to_stratonovich()
    assert other.calculus == "stratonovich"
    assert other.to_stratonovich() is other and sde.to_ito() is sde
    np.testing.assert_allclose(other.to_ito().drift(x, 0.2), sde.drift(x, 0.2), rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(other.diffusion(x, 0.2), sde.diffusion(x, 0.2))


@each
def test_conversions_agree_with_finite_differences(problem, rng):
    sde, h = problem.sde(), 1e-5
    for x in points(len(problem.x0), rng)[:5]:
        b = sde.diffusion(x, 0.2)
        correction = np.zeros(sde.dimension)
        for j in range(sde.n_noises):
            step = h * b[:, j]
            correction += (sde.diffusion(x + step, 0.2) - sde.diffusion(x - step, 0.2))[:, j] / (4 * h)
        np.testing.assert_allclose(
            sde.drift(x, 0.2) - sde.to_stratonovich().drift(x, 0.2), correction, rtol=1e-7, atol=1e-9
        )
    # Negative control: the correction matters, except where the noise is additive.
    assert (np.abs(correction).max() > 1e-6) == (problem not in (problems.GROWING, problems.SHRINKING))


@pytest.mark.parametrize(
    ("diffusion", "noise", "n_noises"),
    [
        (["s", 1], "additive", 2),
        ([["s"], ["0"]], "additive", 1),
        ([["t"], ["0"]], "commutative", 1),
        ([["0"], ["t"]], "commutative", 1),
        (["t", "1"], "diagonal", 2),
        ([["t", "1"], ["1", "t"]], "commutative", 2),
        ([["t", "1", "2"], ["1", "t", "s"]], "commutative", 3),
        ([["x"], ["y"]], "scalar", 1),
        (["x", "y"], "diagonal", 2),
        (["y", "x"], "general", 2),
    ],
)
def test_noise_is_found_and_every_scheme_that_serves_it_runs(diffusion, noise, n_noises):
    sde = st.SDE.from_sympy(["-x", "-y"], diffusion, variables=["x", "y"], parameters={"s": 0.5})
    assert (sde.noise, sde.n_noises) == (noise, n_noises)
    assert sde.diffusion([0.5, 0.25], 2.0).shape == (2, n_noises)
    methods = ["euler-maruyama", "platen", *([] if noise == "general" else ["milstein"])]
    for method in methods:
        run = st.simulate(sde, [1.0, 2.0], dt=0.01, n_steps=3, n_paths=5, rng=0, method=method, start=1.0)
        assert np.isfinite(run.final).all() and np.ptp(run.final) > 0


X, Y, K = sympy.symbols("x y k", real=True)
BENT = [
    sympy.Piecewise((sympy.sin(X) * sympy.tanh(Y), X > K), (sympy.log(2 + X**2), True)),
    sympy.Max(Y, K * X) * sympy.cos(Y) - sympy.Abs(X) ** 3,
]
BENT_NOISE = [
    [sympy.Piecewise((2 + X, X > K), (sympy.exp(X - Y), True)), sympy.sqrt(1 + Y**2)],
    [sympy.Max(X, K * Y), sympy.cos(X) * sympy.Abs(Y)],
    [1, K * sympy.tanh(X) ** 2],
]


def test_milsteins_terms_of_every_function_agree_with_differences(rng):
    """The compiled Lʲb of pieces, kinks and parameters, beside the compiled drift and diffusion they go with."""
    sde = st.SDE.from_sympy([*BENT, 0], BENT_NOISE, variables=["x", "y", "z"], parameters={"k": 0.3})
    h, compared = 1e-5, 0
    for point in rng.uniform(-1.5, 1.5, size=(30, 3)):
        x, y, _ = point
        f = [np.sin(x) * np.tanh(y) if x > 0.3 else np.log(2 + x**2), max(y, 0.3 * x) * np.cos(y) - abs(x) ** 3, 0]
        b = [
            [2 + x if x > 0.3 else np.exp(x - y), np.sqrt(1 + y**2)],
            [max(x, 0.3 * y), np.cos(x) * abs(y)],
            [1, 0.3 * np.tanh(x) ** 2],
        ]
        np.testing.assert_allclose(sde.drift(point), f, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(sde.diffusion(point), b, rtol=1e-13, atol=1e-15)
        if min(abs(x - 0.3), abs(x - 0.3 * y), abs(y)) < 1e-3:
            continue  # A difference taken across a joint is wrong.
        ups, downs = (np.array([sde.diffusion(point + s * h * np.array(b)[:, j]) for j in (0, 1)]) for s in (1, -1))
        along = (ups - downs) / (2 * h)
        terms = [[along[0][i, 0], along[0][i, 1] + along[1][i, 0], along[1][i, 1]] for i in range(3)]
        measured = sde._derivative(point).reshape(3, 3)
        np.testing.assert_allclose(measured, terms, rtol=1e-6, atol=1e-7)
        compared += 1
        # Negative control: one part in a thousand is seen.
        assert not np.allclose(1.001 * measured, terms, rtol=1e-6, atol=1e-7)
    assert compared > 20


def test_milsteins_terms_that_cannot_be_compiled_are_named():
    sde = st.SDE.from_sympy(["-x"], [2 + sympy.sign(X)], variables=["x"])
    shared = {"dt": 0.1, "n_steps": 2, "n_paths": 2, "rng": 0}
    assert np.isfinite(st.simulate(sde, [1.0], **shared).final).all()
    with pytest.raises(InvalidInputError, match="the Milstein step holds DiracDelta"):
        st.simulate(sde, [1.0], method="milstein", **shared)


def test_the_time_is_that_of_the_step():
    """Without noise: x' = t by left points; the clock starts at `start`."""
    sde = st.SDE.from_sympy(["t"], ["0*x"], variables=["x"])
    for start in (0.0, 2.0):
        run = st.simulate(sde, [0.0], dt=0.25, n_steps=4, n_paths=2, rng=0, start=start, save_every=1)
        times = start + 0.25 * np.arange(5)
        np.testing.assert_allclose(run.times, times, rtol=1e-15)
        np.testing.assert_allclose(run.paths[:, 0, 0], np.append(0.0, np.cumsum(0.25 * times[:-1])), rtol=1e-14)
    heun = st.simulate(sde, [0.0], dt=0.25, n_steps=4, n_paths=2, rng=0, start=2.0, method="heun").final
    np.testing.assert_allclose(heun, (3.0**2 - 2.0**2) / 2, rtol=1e-14)


def test_the_time_may_have_another_name():
    sde = st.SDE.from_sympy(["tau*t"], ["x"], variables=["x"], parameters={"t": 3.0}, time="tau")
    assert sde.drift([0.0], 2.0).tolist() == [6.0]


def test_parameters_change_without_compiling(monkeypatch):
    sde = problems.GEOMETRIC.sde()
    shared = {"dt": 0.1, "n_steps": 5, "n_paths": 8, "rng": 1, "method": "milstein"}
    first = st.simulate(sde, [1.0], **shared).final
    compiled = block.compiled_source.cache_info().misses
    other = sde.with_parameters(sigma=0.1)
    assert not np.array_equal(st.simulate(other, [1.0], **shared).final, first)
    np.testing.assert_array_equal(st.simulate(other.with_parameters(sigma=0.8), [1.0], **shared).final, first)
    np.testing.assert_array_equal(st.simulate(sde, [1.0], **shared).final, first)
    assert block.compiled_source.cache_info().misses == compiled
    # Negative control: another formula is another kernel.
    st.SDE.from_sympy(["mu*x/7"], ["sigma*x"], variables=["x"], parameters={"mu": 1, "sigma": 1}).drift([1.0])
    assert block.compiled_source.cache_info().misses == compiled + 1


def test_parameters_of_additive_noise_change_too():
    sde = st.SDE.from_sympy(["-x"], ["s"], variables=["x"], parameters={"s": 1.0})
    assert sde.with_parameters(s=3).diffusion([0.0]).tolist() == [[3.0]]


def test_an_underdamped_equation_stays_one():
    bowl = st.Landscape.from_sympy("k*x**2", variables=["x"], parameters={"k": 1.0})
    sde = st.underdamped_langevin(bowl, 1, friction=2)
    for changed in (sde.with_parameters(k=2.0), sde.to_stratonovich()):
        st.simulate(changed, [0.0, 0.0], dt=0.1, n_steps=2, n_paths=2, rng=0, method="baoab")


GOOD = {"drift": ["-x"], "diffusion": ["x"], "variables": ["x"]}
REFUSED = [
    ({"drift": ["-x", "x"]}, "drift must have 1 entries"),
    ({"drift": []}, "drift must have 1 entries"),
    ({"diffusion": ["x", "x"]}, "drift must have 1 entries and diffusion 1"),
    ({"diffusion": [["x", "1"], ["1"]], "drift": ["x", "y"], "variables": ["x", "y"]}, "rows of one length"),
    ({"diffusion": [["x"], "1"], "drift": ["x", "y"], "variables": ["x", "y"]}, "rows of one length"),
    ({"diffusion": [[]]}, r"diffusion must have shape \(1,\) or \(1, m\); got \(1, 0\)"),
    ({"variables": []}, "distinct names"),
    ({"variables": ["x", "x"], "drift": ["x", "x"], "diffusion": ["1", "1"]}, "distinct names"),
    ({"variables": ["t"], "drift": ["t"], "diffusion": ["t"]}, "distinct names"),
    ({"parameters": {"x": 1.0}}, "distinct names"),
    ({"parameters": {"k": np.nan}}, "parameter k must be finite"),
    ({"parameters": {"k": "1"}}, "parameter k must be real"),
    ({"drift": ["-q*x"]}, "q"),
    ({"calculus": "Ito"}, "calculus must be one of"),
    ({"drift": ["__import__('os').system('true')"]}, "the call of .*__import__.* is not allowed"),
    ({"drift": ["x.__class__"]}, "attribute access 'x.__class__' is not allowed"),
    ({"drift": ["(lambda: x)()"]}, "the call of 'lambda: x' is not allowed"),
    ({"drift": ["open('/etc/passwd')"]}, "the function 'open' is not allowed"),
    ({"drift": ["x; x"]}, "cannot read the formula"),
    ({"diffusion": ["9**9**9**9*x"]}, "the huge power"),
    ({"drift": ["x" + "+x" * 100_000]}, "at most 10000 characters"),
    ({"drift": [None]}, "expected a string, a number or a SymPy expression"),
    ({"drift": ["nan*x"]}, "unknown name 'nan'"),
    ({"drift": ["I*x"]}, "unknown name 'I'"),
    ({"drift": [sympy.gamma(sympy.Symbol("x"))]}, "the drift holds gamma"),
    ({"diffusion": [sympy.zeta(sympy.Symbol("x"))]}, "the diffusion holds zeta"),
    ({"drift": [sympy.Function("f")(sympy.Symbol("x"))]}, "unknown function 'f'"),
    ({"diffusion": [["x", "1"], ["1", "x"]]}, "drift must have 1 entries and diffusion 1"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_wrong_and_hostile_formulas_are_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        st.SDE.from_sympy(**{**GOOD, **change})


def test_wrong_points_are_refused():
    sde = problems.DIAGONAL.sde()
    for x in (1.0, [1.0], [1.0, 2.0, 3.0], [[1.0], [2.0]], [np.nan, 0.0]):
        with pytest.raises(InvalidInputError, match="x must"):
            sde.drift(x)
        with pytest.raises(InvalidInputError, match="x must"):
            sde.diffusion(x)


def test_unknown_parameters_are_refused():
    with pytest.raises(InvalidInputError, match=r"parameter must be one of 'mu', 'sigma'; got 'sgima'.*mean 'sigma'"):
        problems.GEOMETRIC.sde().with_parameters(sgima=1.0)
    with pytest.raises(InvalidInputError, match="sigma must be finite"):
        problems.GEOMETRIC.sde().with_parameters(sigma=np.inf)


def test_functions_have_no_formulas():
    sde = st.SDE(drift=lambda x: -x, diffusion=lambda x: x, dimension=1, noise="scalar")
    for action in (sde.to_stratonovich, sde.with_parameters):
        with pytest.raises(IncompatibleError, match=r"needs formulas; build the equation with SDE.from_sympy"):
            action()
    with pytest.raises(IncompatibleError, match="Milstein's scheme needs formulas"):
        st.simulate(sde, [1.0], dt=0.1, n_steps=1, n_paths=2, method="milstein")
    assert sde.linear_part() is None


def test_the_linear_part():
    sde = st.SDE.from_sympy(["k*(y - x) + 1", "x*2"], [1, 1], variables=["x", "y"], parameters={"k": 3.0})
    jacobian, constant = sde.linear_part()
    assert jacobian.tolist() == [[-3.0, 3.0], [2.0, 0.0]] and constant.tolist() == [1.0, 0.0]
    for drift in ("x**2", "t*x", "t", "sin(x)"):
        assert st.SDE.from_sympy([drift], [1], variables=["x"]).linear_part() is None


def test_it_says_what_it_is():
    assert repr(problems.GEOMETRIC.sde()) == "<SDE 'geometric Brownian motion': d = 1, scalar noise, ito>"
