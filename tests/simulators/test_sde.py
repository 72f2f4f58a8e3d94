"""Equations from formulas: what is found in them, what they become, and what they refuse."""

import numpy as np
import problems
import pytest

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
    ({"diffusion": [[]]}, "diffusion"),
    ({"variables": []}, "distinct names"),
    ({"variables": ["x", "x"], "drift": ["x", "x"], "diffusion": ["1", "1"]}, "distinct names"),
    ({"variables": ["t"], "drift": ["t"], "diffusion": ["t"]}, "distinct names"),
    ({"parameters": {"x": 1.0}}, "distinct names"),
    ({"parameters": {"k": np.nan}}, "parameter k must be finite"),
    ({"parameters": {"k": "1"}}, "parameter k must be real"),
    ({"drift": ["-q*x"]}, "q"),
    ({"calculus": "Ito"}, "calculus must be one of"),
    ({"drift": ["__import__('os').system('true')"]}, "."),
    ({"drift": ["x.__class__"]}, "."),
    ({"drift": ["(lambda: x)()"]}, "."),
    ({"drift": ["open('/etc/passwd')"]}, "."),
    ({"drift": ["x; x"]}, "."),
    ({"diffusion": ["9**9**9**9*x"]}, "."),
    ({"drift": ["x" + "+x" * 100_000]}, "."),
    ({"drift": [None]}, "."),
    ({"drift": ["nan*x"]}, "."),
    ({"drift": ["I*x"]}, "."),
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
