"""Stochastic modified equations: their orders over a fixed time, and what becomes of these when it is not fixed."""

import numpy as np
import pytest
import scipy.optimize
import sympy

import sdetheory as st
from sdetheory.claims import Above, Below

from ..estimates import order

ALPHA = 1e-6
A, VARIANCE, START, TIME = 2.0, 1.0, 1.0, 1.0


def sgd_law(rate):
    """Return mean and second moment of SGD at the end: f = A x²/2 as one tenth of a total cost, F as its noise."""
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=10, batch_size=1, sampling="with-replacement")
    moments = st.theory.sgd_moments(
        [[10 * A]], [[VARIANCE * 10 / 9]], hp, start=[START], steps=round(TIME / rate)
    )  # fmt: skip
    return np.array([moments.mean[0, 0], moments.covariance[0, 0, 0] + moments.mean[0, 0] ** 2])


def equation_law(rate, bend):
    """Return the same of the equation with the drift −(A + bend η A²)x."""
    law = st.theory.ornstein_uhlenbeck([[A + bend * rate * A**2]], [[rate * VARIANCE / 2]])
    mean = law.mean_at(TIME, [START])[0]
    return np.array([mean, law.covariance_at(TIME)[0, 0] + mean**2])


def orders(bend):
    """Return the observed orders of mean and second moment."""
    rates = 0.1 / 2.0 ** np.arange(7)
    return order([equation_law(rate, bend) - sgd_law(rate) for rate in rates])


def one_step_mismatch(correction):
    """Return what a step adds to E f(SGD) − E f(equation), up to η², for any loss, noise and f, in one dimension."""
    x, xi = sympy.symbols("x xi", real=True)
    eta = sympy.Symbol("eta", positive=True)
    loss, noise, f = (sympy.Function(name)(x) for name in ("L", "S", "f"))
    stepped = st.symbolic.recursion_expansion(
        f, -eta * (loss.diff(x) + xi), x, {xi: 0, xi**2: noise}, step=eta, order=2
    )
    drift = -(loss + correction * eta * loss.diff(x) ** 2).diff(x)
    sde = st.symbolic.ItoSDE.from_covariance(drift, eta * noise, x)
    return sympy.expand(stepped - st.symbolic.semigroup_expansion(sde, f, step=eta, order=2)), eta


def proved_order(correction):
    """Return the weak order: the power of η that a step leaves out, less one for the 1/η steps."""
    mismatch, eta = one_step_mismatch(correction)
    return next((k - 1 for k in (1, 2) if not st.symbolic.is_zero(mismatch.coeff(eta, k))), 2)


@pytest.mark.claim("LTE01")
def test_equation_of_first_order_follows_sgd_to_first_order(record):
    """Errors of mean and second moment at t = 1 are halved with η.

    Witnesses: the expansion of one step for any loss and noise, and exact moments of SGD and of the equation.
    """
    record(
        label="proof, for any loss and noise", predicted=1, measured=proved_order(sympy.S.Zero), rtol=0,
        wrong_measurements={"with the drift of second order": proved_order(sympy.Rational(1, 4))},
    )  # fmt: skip
    record(
        label="orders of mean and second moment", predicted=np.ones(2), measured=orders(0.0), rtol=0.02,
        wrong_measurements={"with the drift of second order": orders(0.5)},
    )  # fmt: skip


@pytest.mark.claim("LTE02")
def test_equation_of_second_order_follows_sgd_to_second_order(record):
    """Errors of mean and second moment at t = 1 are quartered when η is halved. ⅛ or ½ for the ¼ would not do.

    Witnesses: the expansion of one step for any loss and noise, and exact moments of SGD and of the equation.
    """
    record(
        label="proof, for any loss and noise", predicted=2, measured=proved_order(sympy.Rational(1, 4)), rtol=0,
        wrong_measurements={
            "½ for ¼": proved_order(sympy.Rational(1, 2)), "−¼ for ¼": proved_order(-sympy.Rational(1, 4)),
        },
    )  # fmt: skip
    record(
        label="orders of mean and second moment", predicted=np.full(2, 2.0), measured=orders(0.5), rtol=0.02,
        wrong_measurements={"no correction": orders(0.0), "½ for ¼": orders(1.0)},
    )  # fmt: skip


@pytest.mark.claim("LTE03")
def test_equation_of_second_order_is_nearer_to_sgd_on_logistic_regression(record, rng):
    """The error of E w after six long steps is less than half of that of the first-order equation.

    E w of SGD is the mean over all 4⁶ sequences of examples. Both equations are simulated in 32 steps for one of SGD,
    which takes about 1/32 of the first-order error for itself.
    """
    X = np.array([[1.0, 0.5], [-0.4, 1.2], [0.8, -1.0], [0.3, 0.9]])
    model, n_steps = st.models.LogisticRegression(X, [1, 0, 1, 1], prior_precision=1.0), 6
    hp = st.SGDHyperparameters(learning_rate=0.5, train_size=4, batch_size=1)
    start = np.array([2.0, 2.0])
    weights = start[None]
    for _ in range(n_steps):
        weights = np.concatenate([
            weights - hp.step_time * np.array([model.minibatch_gradient(w, np.array([i])) for w in weights])
            for i in range(4)
        ])  # fmt: skip
    exact = weights.mean(axis=0)

    def error(order):
        # The larger deviation of w is 0.28, the first-order error 0.08; a quarter of it is to be seen.
        n = st.stats.required_samples(deviation=0.28, effect=0.02, alpha=ALPHA, power=1 - 1e-6)
        sde = st.sgd_sde(model, hp, order=order)
        final = st.simulate(sde, start, dt=hp.step_time / 32, n_steps=32 * n_steps, n_paths=n, rng=rng).final
        return final.mean(axis=0) - exact, final.std(axis=0, ddof=1) / np.sqrt(n), float(n)

    (first, error_1, n), (second, error_2, _) = error(1), error(2)
    ratio = second / first
    stderr = np.hypot(error_2, ratio * error_1) / np.abs(first)
    record(
        label="error of the second-order equation over that of the first", predicted=Below(0.5),
        measured=st.Estimate(value=np.abs(ratio), stderr=stderr, n_eff=n), alpha=ALPHA,
        wrong_measurements={"the first-order equation": st.Estimate(value=np.ones(2), stderr=stderr, n_eff=n)},
    )  # fmt: skip


@pytest.mark.claim("LTE04")
def test_second_order_does_not_extend_to_the_stationary_variance(record):
    """SGD on a parabola varies more than the first-order equation says; the second-order one says that it varies less.

    ησ²/(a(2 − ηa)) for SGD, ησ²/(2a) and ησ²/(a(2 + ηa)) for the equations. The relative error is of order 1 for both,
    and the second is the larger one.
    """

    def variances(rate):
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=10, batch_size=1, sampling="with-replacement")
        exact = st.theory.sgd_covariance([[10 * A]], [[VARIANCE * 10 / 9]], hp).covariance[0, 0]
        equations = [st.theory.ornstein_uhlenbeck([[A + b * rate * A**2]], [[rate * VARIANCE / 2]]) for b in (0, 0.5)]
        return np.array([exact, *(law.covariance[0, 0] for law in equations)])

    def misses(bend):
        return [variances(rate)[1 if bend == 0 else 2] / variances(rate)[0] - 1 for rate in 0.1 / 2.0 ** np.arange(7)]

    record(
        label="order of the relative error", predicted=2.0, measured=order(misses(0.5)), found=1.0, rtol=0.02,
        wrong_predictions={"0": 0.0},
    )  # fmt: skip
    x, eta, a, s = sympy.symbols("x eta a s", positive=True)
    sde = st.symbolic.ItoSDE.from_covariance(-(a + eta * a**2 / 2) * x, eta * s, x)
    proved = st.symbolic.moment_equations(sde, 2).stationary()[(2,)]
    sgd, first, second = variances(0.1)
    record(
        label="variance at η = 0.1, a = 2, σ² = 1: SGD's is predicted", predicted=sgd, measured=second, rtol=1e-10,
        found=float(proved.subs({eta: 0.1, a: A, s: VARIANCE})), wrong_predictions={"first order": first},
    )  # fmt: skip


@pytest.mark.claim("LTE05")
def test_best_learning_rates_on_a_parabola_are_constant_and_then_fall_like_one_over_time(record):
    """Forty learning rates that together make E x² of SGD least at the end, found by minimization.

    The paper's 1/(1 + a(t − t*)) is that of the equation, in units of the largest rate, with a the curvature. For
    SGD itself 1/u grows by exactly ηa a step once u < 1.
    """
    rate, n = 0.3, 40

    def end(u):
        square = 100.0
        for step in rate * u:
            square = (1 - A * step) ** 2 * square + step**2 * VARIANCE
        return np.log(square)

    found = scipy.optimize.minimize(end, np.full(n, 0.5), bounds=[(1e-6, 1.0)] * n, options={"ftol": 1e-15}).x
    falling = found < 0.999
    record(
        label="number of steps at the largest rate", predicted=Above(2), measured=np.sum(~falling),
        wrong_measurements={"decay from the start": 1},
    )  # fmt: skip
    growth = np.diff(1 / found[falling])
    record(
        label="growth of 1/u a step", predicted=np.full(len(growth), rate * A), measured=growth, rtol=0.01,
        wrong_predictions={"2a": np.full(len(growth), 2 * rate * A)},
    )  # fmt: skip
