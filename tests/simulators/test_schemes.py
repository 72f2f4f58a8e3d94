"""Schemes: they converge, to the right limit, at the declared orders; and they are refused where they would not."""

import itertools

import numba
import numpy as np
import problems
import pytest
import sympy
from scipy import linalg, special
from scipy.stats import binomtest

import sdetheory as st
from sdetheory._kernels import schemes as kernels
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.results import mean_estimate
from sdetheory.simulators.schemes import SCHEMES, prepare
from sdetheory.stats import agrees

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
BATCHES = 32
FINEST = 11
LEVELS = range(7, FINEST + 1)
WIENER = {m: st.SDE.from_sympy(["0"] * m, [1.0] * m, variables=[f"w{j}" for j in range(m)]) for m in (1, 2)}
by_name = {"ids": lambda value: getattr(value, "name", str(value))}


# The problems themselves.


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


# Strong orders.


def follow(sde, x0, level, method, seed=11, n_paths=8192):
    """Run to time 1 in 2^level steps along the Brownian path of 2^FINEST steps."""
    return st.simulate(
        sde, x0, dt=2.0**-level, brownian_dt=2.0**-FINEST, n_steps=2**level, n_paths=n_paths, rng=seed, method=method
    ).final


def wiener(m):
    """Return the end of that Brownian path."""
    return follow(WIENER[m], np.zeros(m), FINEST, "euler-maruyama")


def order(samples, root):
    """Return the slope of log error against log step, and half its confidence interval: a jackknife over batches.

    samples[level] holds what is averaged over paths; the steps are halved from one to the next.
    """
    levels = np.arange(len(samples))
    means = np.array([[np.mean(part) for part in np.array_split(s, BATCHES)] for s in samples])

    def slope(m):
        return -np.polyfit(levels, np.log2(np.abs(m)) * (0.5 if root else 1.0), 1)[0]

    without = np.array([slope(np.delete(means, i, axis=1).mean(axis=1)) for i in range(BATCHES)])
    stderr = np.sqrt((BATCHES - 1) / BATCHES * np.sum((without - without.mean()) ** 2))
    return slope(means.mean(axis=1)), -special.stdtrit(BATCHES - 1, ALPHA / 2) * stderr


def strong_order(errors):
    return order([np.sum(e**2, axis=1) for e in errors], root=True)


def assert_order(measured, declared):
    """Check that the interval, and 0.02 for higher terms of the error, holds the declared order and no neighbour."""
    slope, half = measured
    assert abs(slope - declared) <= half + 0.02, (slope, half)
    assert half + 0.02 < 0.25 - abs(slope - declared), (slope, half)


def solver(problem, method):
    sde = problem.sde()
    return sde.to_stratonovich() if SCHEMES[method].calculus == "stratonovich" else sde


# With noise that depends on the time alone every scheme does better than with others of its type.
MULTIPLICATIVE = [p for p in problems.SOLVED if p not in (problems.GROWING, problems.SHRINKING)]


@pytest.mark.parametrize("method", ["euler-maruyama", "milstein", "heun"])
@pytest.mark.parametrize("problem", MULTIPLICATIVE, **by_name)
def test_strong_order_and_limit(problem, method):
    exact = problem.exact(1.0, wiener(problem.n_noises))
    sde = solver(problem, method)
    errors = [follow(sde, problem.x0, level, method) - exact for level in LEVELS]
    declared = SCHEMES[method].strong_order[problem.noise]
    assert_order(strong_order(errors), declared)
    # The limit is the solution: with order p, the relative error is about h^p.
    size = np.sqrt(np.mean(exact**2))
    assert np.sqrt(np.mean(errors[-1] ** 2)) < 4 * max(1.0, size) * 2.0 ** (-declared * FINEST)


@pytest.mark.parametrize(
    "problem", [problems.GEOMETRIC, problems.TANH, problems.DIAGONAL, problems.SPIRAL, problems.CIRCLE], **by_name
)
def test_the_wrong_calculus_has_another_limit(problem):
    """Negative control: Heun on Itô's drift, Milstein on Stratonovich's."""
    exact = problem.exact(1.0, wiener(problem.n_noises))
    stratonovich = problem.sde().to_stratonovich()
    for method, sde in (
        ("heun", problem.sde("stratonovich")),
        ("milstein", st.SDE.from_sympy(
            [str(e) for e in stratonovich._formulas.drift], problem.diffusion, variables=problem.variables,
            parameters=problem.parameters,
        )),
    ):  # fmt: skip
        error = follow(sde, problem.x0, FINEST, method) - exact
        assert np.sqrt(np.mean(error**2)) > 10 * 4 * 2.0**-FINEST
        with pytest.raises(AssertionError):
            assert_order(strong_order([follow(sde, problem.x0, n, method) - exact for n in LEVELS]), 1.0)


@pytest.mark.parametrize(("problem", "slopes"), [(problems.GROWING, (1, 2)), (problems.SHRINKING, (1, 2))])
def test_noise_that_changes_with_time(problem, slopes):
    exact = problem.exact(1.0, wiener(1))
    for method, expected in zip(("euler-maruyama", "heun"), slopes, strict=True):
        errors = [follow(solver(problem, method), problem.x0, level, method) - exact for level in LEVELS]
        assert strong_order(errors)[0] == pytest.approx(expected, abs=0.02)


def self_order(sde, x0, method):
    """Return the strong order from the differences of neighbouring levels, where no solution is known."""
    ends = [follow(sde, x0, level, method) for level in range(6, FINEST + 1)]
    return strong_order([a - b for a, b in itertools.pairwise(ends)])


@pytest.mark.parametrize("method", ["euler-maruyama", "milstein", "heun"])
def test_strong_order_with_additive_noise(method):
    sde = st.langevin(st.landscapes.double_well(), 0.25)
    assert SCHEMES[method].strong_order["additive"] == 1.0
    assert_order(self_order(sde, [0.0], method), 1.0)


@pytest.mark.parametrize("method", ["euler-maruyama", "heun"])
def test_strong_order_with_general_noise(method):
    problem = problems.NON_COMMUTING
    assert_order(self_order(solver(problem, method), problem.x0, method), SCHEMES[method].strong_order["general"])


def test_one_brownian_path_at_many_resolutions():
    coarse = [follow(WIENER[2], [0.0, 0.0], level, "euler-maruyama", n_paths=300) for level in (0, 3, FINEST)]
    for ends in coarse[1:]:
        np.testing.assert_allclose(ends, coarse[0], rtol=1e-11, atol=1e-12)
    other = follow(WIENER[2], [0.0, 0.0], 3, "euler-maruyama", seed=12, n_paths=300)
    assert np.abs(other - coarse[0]).max() > 1


# Weak orders.


@numba.njit
def _step(scheme, x, work, xi, drift, diffusion, derivative, p, matrix, dt, layout):
    scheme(x, work, xi, drift, diffusion, derivative, p, matrix, dt, layout)


def nodes(increments, m, count):
    """Return points (count, N) and weights that integrate what a step needs of its m increments and further signs."""
    if increments == "two-point":
        one = np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    else:
        points, weights = np.polynomial.hermite_e.hermegauss(3 if increments == "three-point" else 6)
        one = points, weights / weights.sum()
    axes = [one] * m + [(np.array([-1.0, 1.0]), np.array([0.5, 0.5]))] * (count - m)
    points = np.array(list(itertools.product(*[a for a, _ in axes]))).T
    return np.ascontiguousarray(points), np.prod(list(itertools.product(*[w for _, w in axes])), axis=1)


def moments_of_the_scheme(sde, x0, method, increments, n):
    """Return E[X] and E[X X'] after n steps to time 1, without sampling: the equation is linear, so is the step."""
    d, dt = sde.dimension, 1.0 / n
    plan = prepare(sde, SCHEMES[method], increments, dt, 1)
    xi, weights = nodes(increments, sde.n_noises, int(plan.plan[1]))
    states = np.repeat(np.eye(d), xi.shape[1], axis=1)
    work = np.zeros((plan.plan[4], states.shape[1]))
    scheme, *fields, _ = plan.functions
    xi_all = np.ascontiguousarray(np.tile(xi, d))
    _step(scheme, states, work, xi_all, *fields, plan.parameters, plan.matrix, dt, plan.plan[0])
    maps = states.reshape(d, d, -1)
    first = maps @ weights
    second = np.einsum("ain,bjn,n->abij", maps, maps, weights).reshape(d * d, d * d)
    power = np.linalg.matrix_power
    x0 = np.array(x0)
    return np.concatenate([power(first, n) @ x0, power(second, n) @ np.kron(x0, x0)])


CASES = [
    ("euler-maruyama", 1, ("gaussian", "three-point", "two-point")),
    ("milstein", 1, ("gaussian", "three-point", "two-point")),
    ("heun", 1, ("gaussian", "three-point", "two-point")),
    ("platen", 2, ("gaussian", "three-point")),
]


@pytest.mark.parametrize(
    ("problem", "method", "declared", "increments"),
    [
        pytest.param(problem, m, p, i, id=f"{problem.name}-{m}-{i}")
        for problem in problems.LINEAR
        for m, p, all_ in CASES
        for i in all_
        if problem.noise in SCHEMES[m].strong_order
    ],
)
def test_weak_order_without_noise(problem, method, declared, increments):
    """Moments of linear equations by recursion: no statistical error at all."""
    assert SCHEMES[method].weak_order == declared
    sde = solver(problem, method)
    mean, second = problems.linear_moments(problem, 1.0)
    exact = np.concatenate([mean, second.ravel()])
    errors = [
        np.linalg.norm(moments_of_the_scheme(sde, problem.x0, method, increments, 2**k) - exact) for k in (7, 8, 9)
    ]
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.abs(slopes - declared).max() < 0.06, (slopes, errors)


def test_the_recursion_is_what_the_engine_does(rng):
    """And so the moments above are those of simulate: also with the signs that Platen's scheme draws."""
    problem = problems.NON_COMMUTING
    for method, increments in (("platen", "gaussian"), ("platen", "three-point"), ("euler-maruyama", "two-point")):
        expected = moments_of_the_scheme(problem.sde(), problem.x0, method, increments, 2)
        x = st.simulate(
            problem.sde(), problem.x0, dt=0.5, n_steps=2, n_paths=2**20, rng=rng, method=method, increments=increments
        ).final
        products = np.einsum("ni,nj->nij", x, x).reshape(-1, 4)
        assert agrees(mean_estimate(np.hstack([x, products])), expected, alpha=ALPHA)
        assert not agrees(mean_estimate(np.hstack([x, products])), expected + 0.02, alpha=ALPHA)


def quadratic(z):
    return z**2 + z


def bias(method, increments, level, n_paths=2**19, calculus="ito", seed=5):
    """Return, by path, p(arsinh X) of the scheme less that of the solution for the same increments.

    The solution is sinh(t + W), and p(z) = z² + z, so that increments with the first two moments of the normal law
    give it the right expectation: E[p(t + W)] = t² + 2t.
    """
    sde = problems.SINH.sde()
    sde = sde.to_stratonovich() if calculus == "stratonovich" else sde
    shared = {"dt": 2.0**-level, "n_steps": 2**level, "n_paths": n_paths, "rng": seed, "increments": increments}
    x = st.simulate(sde, [0.0], method=method, **shared).final[:, 0]
    w = st.simulate(WIENER[1], [0.0], **shared).final[:, 0]
    return quadratic(np.arcsinh(x)) - quadratic(1.0 + w), quadratic(1.0 + w)


def test_the_expectation_of_the_control_variate(rng):
    z = sympy.Symbol("z")
    t, moments = sympy.Symbol("t", positive=True), [1, 0, sympy.Symbol("t", positive=True)]
    law = sum(c * m for c, m in zip(sympy.Poly(quadratic(t + z), z).all_coeffs()[::-1], moments, strict=True))
    assert sympy.expand(law - (t**2 + 2 * t)) == 0
    for increments in ("gaussian", "three-point", "two-point"):
        _, control = bias("euler-maruyama", increments, 3, seed=rng)
        assert agrees(mean_estimate(control), 3.0, alpha=ALPHA)
        assert not agrees(mean_estimate(control), 3.1, alpha=ALPHA)


@pytest.mark.parametrize(
    ("method", "increments", "levels"),
    [
        *[("euler-maruyama", increments, range(4, 8)) for increments in ("gaussian", "three-point", "two-point")],
        ("platen", "gaussian", range(1, 5)),
        ("platen", "three-point", range(2, 6)),
    ],
)
def test_weak_order_of_a_nonlinear_equation(method, increments, levels):
    samples = [bias(method, increments, level)[0] for level in levels]
    slope, half = order(samples, root=False)
    print(method, increments, slope, half, [s.mean() for s in samples])
    declared = SCHEMES[method].weak_order
    # Steps are not small: higher terms of the error move the slope by up to 0.1.
    assert abs(slope - declared) <= half + 0.1
    assert half < 0.25


# Stationary laws.


A = np.array([[2.0, 0.7], [-0.4, 1.0]])
B = np.array([[0.8, 0.0], [0.3, 0.5]])


def rotating():
    return st.SDE.from_sympy(
        [f"-({r[0]})*x - ({r[1]})*y" for r in A], B.tolist(), variables=["x", "y"], name="a flow that turns"
    )


@pytest.mark.parametrize("dt", [0.01, 1.0, 7.0, 1000.0])
def test_exact_steps_are_exact_at_any_dt(dt, rng):
    sigma = linalg.solve_continuous_lyapunov(A, B @ B.T)
    x0 = np.array([1.0, -2.0])
    kept = linalg.expm(-2 * dt * A)
    x = st.simulate(rotating(), x0, dt=dt, n_steps=2, n_paths=200_000, rng=rng, method="exact").final
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


def second_moment(method, dt, rng, sde, n=2**18, time=12.0):
    steps = round(time / dt)
    return mean_estimate(
        st.simulate(sde, np.zeros(sde.dimension), dt=dt, n_steps=steps, n_paths=n, rng=rng, method=method).final[:, 0]
        ** 2
    )


def test_leimkuhler_matthews_is_better_than_euler_maruyama(rng):
    """E[x²] of C = x²/2 + cos x at T = 1: errors of O(h²) against O(h), where neither is exact."""
    sde = st.langevin(st.Landscape.from_sympy("x**2/2 + cos(x)", variables=["x"]), 1.0)
    x = np.linspace(-12, 12, 4001)
    weight = np.exp(-(x**2) / 2 - np.cos(x))
    exact = np.sum(x**2 * weight) / np.sum(weight)
    euler, averaged = (second_moment(m, 0.3, rng, sde) for m in ("euler-maruyama", "leimkuhler-matthews"))
    assert not agrees(euler, exact, alpha=ALPHA)
    assert abs(averaged.value - exact) < 0.3 * abs(euler.value - exact)


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_baoab_has_the_exact_positions_of_a_quadratic(dt, rng):
    """Leimkuhler & Matthews (2013): <q²> = T/k at any stable step; here k = 2, T = 0.5, m = 1."""
    sde = st.underdamped_langevin(st.landscapes.quadratic(2.0), temperature=0.5, friction=1.5)
    q = second_moment("baoab", dt, rng, sde, time=20.0)
    assert agrees(q, 0.25, alpha=ALPHA)
    assert not agrees(q, 1.03 * 0.25, alpha=ALPHA)
    if dt == 0.5:
        assert not agrees(second_moment("euler-maruyama", 0.25, rng, sde, time=20.0), 0.25, alpha=ALPHA)


def test_baoab_has_the_momenta_of_its_recursion(rng):
    """Of a harmonic oscillator: the step is linear, and its covariance solves a discrete Lyapunov equation."""
    mass, friction, temperature, k, dt = 2.0, 0.7, 0.5, 3.0, 0.4
    kick, drift = np.array([[1, 0], [-k * dt / 2, 1]]), np.array([[1, dt / (2 * mass)], [0, 1]])
    c = np.exp(-friction * dt)
    step = kick @ drift @ np.diag([1, c]) @ drift @ kick
    noise = kick @ drift @ np.array([0, np.sqrt(mass * temperature * (1 - c**2))])
    expected = linalg.solve_discrete_lyapunov(step, np.outer(noise, noise))
    sde = st.underdamped_langevin(st.landscapes.quadratic(k), temperature, friction=friction, mass=mass)
    x = st.simulate(sde, [0.0, 0.0], dt=dt, n_steps=150, n_paths=2**18, rng=rng, method="baoab").final
    measured = mean_estimate(np.einsum("ni,nj->nij", x, x).reshape(-1, 4))
    assert agrees(measured, expected.ravel(), alpha=ALPHA)
    assert not agrees(measured, np.diag([temperature / k, mass * temperature]).ravel(), alpha=ALPHA)


# Increments.


def increments_of(kind, rng, n=2**19, seed=None):
    return st.simulate(
        WIENER[2], [0.0, 0.0], dt=1.0, n_steps=3, n_paths=n, rng=rng if seed is None else seed, increments=kind,
        save_every=1,
    ).paths  # fmt: skip


@pytest.mark.parametrize(("kind", "exact"), [("two-point", 3), ("three-point", 5)])
def test_moments_of_increments(kind, exact, rng):
    xi = np.diff(increments_of(kind, rng), axis=0).round(12)
    values = {"two-point": [-1.0, 1.0], "three-point": [-np.sqrt(3), 0.0, np.sqrt(3)]}[kind]
    np.testing.assert_allclose(np.unique(xi), values, atol=1e-11)
    probabilities = {"two-point": [0.5, 0.5], "three-point": [1 / 6, 2 / 3, 1 / 6]}[kind]
    for value, probability in zip(values, probabilities, strict=True):
        hits = int(np.isclose(xi, value, atol=1e-6).sum())
        assert binomtest(hits, xi.size, probability).pvalue > ALPHA
        assert binomtest(hits, xi.size, 1.01 * probability).pvalue < ALPHA
    normal = special.factorial2(np.arange(1, 7) - 1) * (np.arange(1, 7) % 2 == 0)
    moments = [float(np.dot(probabilities, np.power(values, k))) for k in range(1, 7)]
    np.testing.assert_allclose(moments[:exact], normal[:exact], atol=1e-12)
    assert abs(moments[5 if exact == 5 else 3] - normal[5 if exact == 5 else 3]) > 1


@pytest.mark.parametrize("kind", ["two-point", "three-point"])
def test_increments_are_uncorrelated(kind, rng):
    """Steps, components and neighbouring paths, and their squares; a correlation of 1 % would be seen."""
    xi = np.diff(increments_of(kind, rng), axis=0).reshape(3, -1, 2)
    columns = np.concatenate([xi[:, :-1].transpose(1, 0, 2).reshape(-1, 6), xi[:1, 1:, 0].T], axis=1)
    products = np.stack([columns[:, i] * columns[:, j] for i in range(7) for j in range(i)], axis=1)
    assert agrees(mean_estimate(products), np.zeros(21), alpha=ALPHA)
    assert not agrees(mean_estimate(products + 0.01), np.zeros(21), alpha=ALPHA)
    if kind == "three-point":
        squares = np.stack(
            [(columns[:, i] ** 2 - 1) * (columns[:, j] ** 2 - 1) for i in range(7) for j in range(i)], axis=1
        )
        assert agrees(mean_estimate(squares), np.zeros(21), alpha=ALPHA)


@pytest.mark.parametrize("kind", ["two-point", "three-point"])
def test_increments_are_functions_of_their_position(kind):
    whole = increments_of(kind, None, n=1000, seed=3)
    np.testing.assert_array_equal(increments_of(kind, None, n=100, seed=3), whole[:, :100])
    assert not np.array_equal(increments_of(kind, None, n=1000, seed=4), whole)
    assert not np.array_equal(whole[1] - whole[0], whole[2] - whole[1])


# Refusals.


def general():
    return problems.NON_COMMUTING.sde()


def gbm(calculus="ito"):
    return problems.GEOMETRIC.sde(calculus)


def well():
    return st.langevin(st.landscapes.double_well(), 1.0)


REFUSED = [
    (general, "milstein", "gaussian", "milstein serves additive, scalar, diagonal, commutative noise; .* has general"),
    (gbm, "heun", "gaussian", r"heun solves stratonovich equations; .* is a ito equation.*to_stratonovich\(\)"),
    (lambda: gbm("stratonovich"), "euler-maruyama", "gaussian", r"solves ito equations.*to_ito\(\)"),
    (lambda: gbm("stratonovich"), "milstein", "gaussian", r"solves ito equations.*to_ito\(\)"),
    (lambda: gbm("stratonovich"), "platen", "gaussian", r"solves ito equations"),
    (gbm, "platen", "two-point", "two-point increments would spoil platen, which has weak order 2"),
    (gbm, "leimkuhler-matthews", "gaussian", "serves additive noise; .* Use euler-maruyama or milstein or platen"),
    (well, "leimkuhler-matthews", "two-point", "two-point increments would spoil leimkuhler-matthews"),
    (gbm, "exact", "gaussian", "exact serves additive noise"),
    (well, "exact", "gaussian", "exact steps need a linear drift and additive noise; Langevin equation.* not like"),
    (rotating, "exact", "three-point", "three-point increments would spoil exact"),
    (well, "baoab", "gaussian", "baoab needs positions and momenta; .*is not from underdamped_langevin"),
    (gbm, "baoab", "gaussian", "baoab serves additive noise"),
]


@pytest.mark.parametrize(("make", "method", "increments", "message"), REFUSED)
def test_schemes_are_refused_where_they_do_not_apply(make, method, increments, message):
    sde = make()
    with pytest.raises(IncompatibleError, match=message):
        st.simulate(
            sde, np.ones(sde.dimension), dt=0.1, n_steps=1, n_paths=2, rng=0, method=method, increments=increments
        )


@pytest.mark.parametrize(("method", "increments"), [("platen", "gaussian"), ("euler-maruyama", "two-point")])
def test_brownian_paths_are_refused_where_there_are_none(method, increments):
    with pytest.raises(IncompatibleError, match="does not follow a Brownian path"):
        st.simulate(gbm(), [1.0], dt=0.1, brownian_dt=0.05, n_steps=1, n_paths=2, method=method, increments=increments)


def test_unknown_names_are_refused():
    with pytest.raises(InvalidInputError, match="Did you mean 'milstein'"):
        st.simulate(gbm(), [1.0], dt=0.1, n_steps=1, n_paths=2, method="millstein")
    with pytest.raises(InvalidInputError, match="increments must be one of"):
        st.simulate(gbm(), [1.0], dt=0.1, n_steps=1, n_paths=2, increments="three")


def test_every_scheme_is_declared():
    for name, scheme in SCHEMES.items():
        assert scheme.name == name
        assert scheme.source and scheme.weak_order > 0 and scheme.calculus in ("ito", "stratonovich")
        assert set(scheme.strong_order) <= {"additive", "scalar", "diagonal", "commutative", "general"}
        assert scheme.kernel is getattr(kernels, scheme.kernel.__name__)


# Three witnesses.


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


@pytest.mark.parametrize("turns", [True, False])
def test_the_probability_current(turns, rng):
    """The area that paths sweep: E[x dy - y dx] per step is (EΣ)₂₁ - (EΣ)₁₂, and zero in detailed balance."""
    jacobian = A if turns else np.array([[2.0, 0.6], [0.6, 1.0]])
    noise = B if turns else np.eye(2)
    sde = st.SDE.from_sympy([f"-({r[0]})*x - ({r[1]})*y" for r in jacobian], noise.tolist(), variables=["x", "y"])
    sigma = linalg.solve_continuous_lyapunov(jacobian, noise @ noise.T)
    step = linalg.expm(-0.1 * jacobian) @ sigma
    expected = step[1, 0] - step[0, 1]
    paths = st.simulate(
        sde, [0.0, 0.0], dt=0.1, n_steps=200, n_paths=2**15, rng=rng, method="exact", save_every=1
    ).paths[100:]
    area = np.mean(paths[:-1, :, 0] * paths[1:, :, 1] - paths[:-1, :, 1] * paths[1:, :, 0], axis=0)
    assert agrees(mean_estimate(area), expected, alpha=ALPHA)
    assert not agrees(mean_estimate(area), expected + 0.005, alpha=ALPHA)
    assert abs(expected) < 1e-15 if not turns else not agrees(mean_estimate(area), 0.0, alpha=ALPHA)
