"""Section 5: the equation of SGD, what it keeps of SGD, and what it leaves out."""

import numpy as np
import pytest
import scipy.linalg
import sympy

import sdetheory as st

from ..estimates import draws_for, slope

ALPHA = 1e-6
TARGETS = np.array([0.0, 1.0, 3.0, 4.0, 8.0, 20.0])


def additive(n):
    """Return C = Σ (w − yᵢ)²/2: curvature N, and F the variance of the targets wherever w is."""
    return st.models.LinearRegression(np.ones((n, 1)), np.resize(TARGETS, n))


@pytest.mark.claim("C83")
def test_one_step_of_the_equation_over_epsilon_over_n_is_a_step_of_sgd(record, rng):
    """Euler–Maruyama with h = ε/N has the stationary covariance of SGD, s²/(a(2 − ah)), not the equation's s²/2a.

    As h → 0 it leaves SGD and goes to the equation, at order 1. Witnesses: theory of both, for H and F that do not
    commute, and simulation of the equation with that step.
    """
    hp = st.SGDHyperparameters(learning_rate=0.5, train_size=6, batch_size=2)
    hessian, f = 6 * np.array([[1.5, 0.4], [0.4, 0.7]]), np.array([[1.0, 0.3], [0.3, 2.0]])
    sgd, diffusion = st.theory.sgd_covariance(hessian, f, hp), hp.noise_scale * f / 2

    def scheme(dt):
        return st.theory.scheme_covariance(hessian, diffusion, dt)

    record(
        label="stationary covariance",
        predicted=sgd.covariance,
        measured=scheme(hp.step_time),
        rtol=1e-11,
        wrong_measurements={
            "the equation": st.theory.ornstein_uhlenbeck(hessian, diffusion).covariance,
            "h = ε/8N": scheme(hp.step_time / 8),
        },
    )
    steps = hp.step_time / np.array([64, 128])
    errors = [scheme(h)[0, 0] / sgd.sde_covariance[0, 0] - 1 for h in steps]
    wrong = {"order 2": 2.0, "order ½": 0.5}
    record(label="order in h", predicted=1.0, measured=slope(steps, errors), rtol=0.02, wrong_predictions=wrong)
    model, hp = additive(6), st.SGDHyperparameters(learning_rate=0.8, train_size=6, batch_size=2)
    law = st.theory.sgd_covariance([[6.0]], [[TARGETS.var(ddof=1)]], hp)
    run = st.simulate(
        st.sgd_sde(model, hp), [TARGETS.mean()], dt=hp.step_time, n_steps=20, rng=rng,
        n_paths=draws_for(0.2, alpha=ALPHA),
    )  # fmt: skip
    record(
        label="simulation, in units of the equation's",
        predicted=law.covariance.item() / law.sde_covariance.item(),
        measured=st.stats.mean_estimate((run.final[:, 0] - TARGETS.mean()) ** 2) / law.sde_covariance.item(),
        alpha=ALPHA,
        wrong_predictions={"the equation": 1.0},
    )


@pytest.mark.claim("C84")
def test_sgd_comes_to_rest_with_the_variance_of_the_equation_up_to_first_order_in_epsilon(record, rng, full):
    """The variance of SGD is gF/2H · 1/(1 − εH/2N): too large by a part of first order.

    Witnesses: the equation's variance in symbols, the exact law of SGD, and SGD itself at ε = 0.8, where the factor is
    5/3.
    """
    a, s, w = sympy.symbols("a s w", positive=True)
    of_equation = st.symbolic.stationary_covariance(st.symbolic.ItoSDE(-a * w, s, w))[0, 0]
    n, f, rates = 6, TARGETS.var(ddof=1), np.array([0.02, 0.01])

    def law(rate):
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=2)
        return hp, st.theory.sgd_covariance([[float(n)]], [[f]], hp)

    hp, exact = law(0.8)
    record(
        label="gF/2H",
        predicted=float(of_equation.subs({a: n, s: np.sqrt(hp.noise_scale * f)})),
        measured=exact.sde_covariance.item(),
        rtol=1e-12,
        wrong_predictions={"gF/H": hp.noise_scale * f / n},
    )
    runs = draws_for(0.2 if full is None else 0.01, alpha=ALPHA)
    run = st.sgd(additive(n), hp, [TARGETS.mean()], n_steps=20, n_runs=runs, rng=rng)
    record(
        label="SGD at ε = 0.8, over gF/2H",
        predicted=1 / (1 - 0.8 / 2),
        measured=st.stats.mean_estimate((run.final[:, 0] - TARGETS.mean()) ** 2) / exact.sde_covariance.item(),
        alpha=ALPHA,
        wrong_predictions={"gF/2H": 1.0},
    )
    excess = [(exact.covariance / exact.sde_covariance).item() - 1 for _, exact in map(law, rates)]
    wrong = {"order 2": 2.0, "order 0": 0.0}
    record(label="order in ε", predicted=1.0, measured=slope(rates, excess), rtol=0.02, wrong_predictions=wrong)


@pytest.mark.claim("C85")
def test_expectations_after_a_fixed_time_are_those_of_the_equation_up_to_first_order_in_epsilon(record):
    """At given N and B the mean of w is off by O(ε), and its variance, which is itself of that order, by a part O(ε).

    Witnesses: the expansion of one step in symbols, which agrees with that of the equation to second order but for one
    term of the drift; and least squares, whose noise depends on w, with exact moments of SGD and of the equation. With
    −(ε/2N) H∇C in the drift the mean is right to second order. No noise at all would do for the mean, not here.
    """
    x, xi = sympy.symbols("x xi", real=True)
    h = sympy.Symbol("h", positive=True)
    cost, spread = (sympy.Function(name)(x) for name in "CS")

    def terms_left(variance, order=2):
        equation = st.symbolic.ItoSDE.from_covariance(-cost.diff(x), variance, x)
        step, moments = -h * (cost.diff(x) + xi), {xi: 0, xi**2: spread}
        return len(st.symbolic.weak_mismatch(equation, step, moments, step=h, order=order))

    wrong = {"2gF": terms_left(2 * h * spread), "no noise": terms_left(0)}
    record(
        label="terms left to second order",
        predicted=1,
        measured=terms_left(h * spread),
        rtol=0,
        wrong_measurements=wrong,
    )

    rates = np.array([0.008, 0.004])
    exact = np.array([_moment_errors(rate) for rate in rates])
    second = np.array([_moment_errors(rate, second_order=True) for rate in rates])
    noisier = np.array([_moment_errors(rate, noise=2.0) for rate in rates])
    record(
        label="order in ε, mean",
        predicted=1.0,
        measured=slope(rates, exact[:, 0]),
        rtol=0.02,
        wrong_predictions={"order ½": 0.5},
        wrong_measurements={"with the second-order drift": slope(rates, second[:, 0])},
    )
    record(
        label="order in ε, relative error of the variance",
        predicted=1.0,
        measured=slope(rates, exact[:, 1]),
        rtol=0.02,
        wrong_predictions={"order 2": 2.0},
        wrong_measurements={"2gF": slope(rates, noisier[:, 1])},
    )


def _moment_errors(rate, *, second_order=False, noise=1.0):
    """Return the error of the equation's mean, and the relative one of its variance, after a given time."""
    X, y, time, start = np.array([[1.0], [1.5], [2.0], [0.5]]), np.array([1.0, 1.0, 3.0, -1.0]), 0.2, 3.0
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=4, batch_size=1)
    sgd = st.theory.least_squares_moments(X, y, hp, start=[start], steps=round(time / hp.step_time))
    w = sympy.Symbol("w", real=True)
    slopes = [x * (x * w - t) for x, t in zip(X[:, 0], y, strict=True)]
    f = sum((s - sum(slopes) / 4) ** 2 for s in slopes) / 3
    drift = -sum(slopes) * (1 + second_order * hp.step_time / 2 * float((X**2).sum()))
    sde = st.symbolic.ItoSDE.from_covariance(sympy.expand(drift), sympy.expand(noise * hp.noise_scale * f), w)
    rates = st.symbolic.moment_equations(sde, 2).rates
    matrix = np.array([[float(rates.get((i,), {}).get((j,), 0)) for j in range(3)] for i in range(3)])
    _, mean, square = scipy.linalg.expm(matrix * time) @ start ** np.arange(3)
    return mean - sgd.mean.item(), (square - mean**2) / sgd.covariance.item() - 1


@pytest.mark.claim("C86")
def test_noise_that_depends_on_the_weights_is_meant_in_the_sense_of_ito(record, rng):
    """E[w] decays as e^{−Ht} with F(w) = s² w², as in the Itô equation; the rate of Stratonovich's is ½ g s² less.

    Least squares with all curvature in one example of a hundred: a tenth of the rate between the two, a thousandth
    between SGD and the equation. w has a relative deviation of about a half.
    """
    w, z, c, k = sympy.symbols("w z c k", real=True)
    h = sympy.Symbol("h", positive=True)
    step, moments = -h * c * w + sympy.sqrt(h) * k * w * z, {z: 0, z**2: 1}
    left = [
        len(st.symbolic.weak_mismatch(build(-c * w, k * w, w), step, moments, step=h, order=1))
        for build in (st.symbolic.ItoSDE, st.symbolic.ItoSDE.from_stratonovich)
    ]
    wrong = {"Stratonovich": left[1]}
    record(label="terms left to first order", predicted=0, measured=left[0], rtol=0, wrong_measurements=wrong)

    n, steps = 100, 500
    model = st.models.LinearRegression(np.eye(n, 1) * np.sqrt(n), np.zeros(n))
    hp = st.SGDHyperparameters(learning_rate=0.002, train_size=n, batch_size=1)
    curvature, s2, time = (
        float(n),
        st.models.gradient_covariance(model.per_example_gradients([1.0])).item(),
        steps * hp.step_time,
    )
    runs = draws_for(0.02, alpha=ALPHA, deviation=0.5)
    final = st.sgd(model, hp, [1.0], n_steps=steps, n_runs=runs, rng=rng).final[:, 0]
    record(
        label="E[w] of SGD",
        predicted=np.exp(-curvature * time),
        measured=st.stats.mean_estimate(final),
        alpha=ALPHA,
        wrong_predictions={"Stratonovich": np.exp(-(curvature - hp.noise_scale * s2 / 2) * time)},
    )


@pytest.mark.claim("C87")
def test_learning_rate_and_batch_size_enter_the_stationary_law_only_through_g_up_to_first_order(record, rng, full):
    """With one g and B = 1, 2, 5, 30 of N = 60 the variance is gF/2H up to the factor 1/(1 − εH/2N).

    At ε = 0.8 against 0.0136 the law is visibly not that of g alone; the difference is of order ε.
    """
    n, g, sizes = 60, 0.8, np.array([1, 2, 5, 30])
    settings = [st.SGDHyperparameters(learning_rate=g * b / (n - b), train_size=n, batch_size=int(b)) for b in sizes]
    model, f = additive(n), np.resize(TARGETS, n).var(ddof=1)
    unit = g * f / (2 * n)
    exact = np.array([st.theory.sgd_covariance([[n]], [[f]], hp).covariance.item() for hp in settings]) / unit
    runs = draws_for(0.2 if full is None else 0.01, alpha=ALPHA)

    def variance(hp, start, n_steps):
        run = st.sgd(model, hp, start[:, None], n_steps=n_steps, rng=rng)
        return st.stats.mean_estimate((run.final[:, 0] - TARGETS.mean()) ** 2) / unit

    settled = TARGETS.mean() + np.sqrt(exact[0] * unit) * rng.standard_normal(runs)
    for hp, ratio, start, n_steps in (
        (settings[0], exact[0], settled, 50),
        (settings[-1], exact[-1], np.full(runs, TARGETS.mean()), 20),
    ):
        record(
            label=f"SGD with B = {hp.batch_size}, over gF/2H",
            predicted=ratio,
            measured=variance(hp, start, n_steps),
            alpha=ALPHA,
            wrong_predictions={"the other": exact[0] + exact[-1] - ratio},
        )
    rates = [hp.learning_rate for hp in settings]
    wrong = {"g alone": 0.0, "order 2": 2.0}
    record(label="order in ε", predicted=1.0, measured=slope(rates, exact - 1), rtol=0.02, wrong_predictions=wrong)
