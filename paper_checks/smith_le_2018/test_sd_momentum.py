"""Appendix D: momentum, and the noise scale that it makes."""

import numpy as np
import pytest
import sympy

import sdetheory as st

from ..estimates import draws_for, slope

ALPHA = 1e-6
TARGETS = np.array([0.0, 1.0, 3.0, 4.0, 8.0, 20.0])


def settings(learning_rate, momentum, *, dampening=0.0, train_size=6, batch_size=2):
    """Return the hyperparameters of SGD with momentum on the six targets."""
    return st.SGDHyperparameters(
        learning_rate=learning_rate, train_size=train_size, batch_size=batch_size, momentum=momentum,
        dampening=dampening,
    )  # fmt: skip


def exact_law(hp):
    """Return the exact stationary law on C = Σ (w − yᵢ)²/2, whose noise does not depend on w."""
    return st.theory.sgd_covariance([[float(hp.train_size)]], [[TARGETS.var(ddof=1)]], hp)


def spread(hp, n_steps, rng, full):
    """Return the mean square of w about the minimum after `n_steps` of SGD from there, over independent runs."""
    model = st.models.LinearRegression(np.ones((6, 1)), TARGETS)
    runs = draws_for(0.2 if full is None else 0.01, alpha=ALPHA)
    run = st.sgd(model, hp, [TARGETS.mean()], n_steps=n_steps, n_runs=runs, rng=rng)
    return st.stats.mean_estimate((run.final[:, 0] - TARGETS.mean()) ** 2)


@pytest.mark.claim("C91")
def test_noise_scale_with_momentum_is_epsilon_n_over_b_times_one_minus_m_up_to_the_share_of_a_batch(record):
    """Exactly g = ε(N/B − 1)/(1 − m): the paper's εN/(B(1 − m)) is too large by B/N, and at m = 0 it is that of SGD.

    Witnesses: the formula, and the diffusion on a flat cost, where a kick moves the weight by 1/(1 − m) in all.
    """
    epsilon, n, momenta = 0.1, 10_000, np.array([0.0, 0.5, 0.9, 0.99])
    moves = (momenta[:, None] ** np.arange(4000)).sum(axis=1)
    time, b = moves * epsilon / n, 100
    diffusion = (epsilon / n) ** 2 * n * (n / b - 1) * moves**2 / time
    wrong = {"1/(1 − m)²": diffusion * moves, "no momentum": epsilon * (n / b - 1)}
    formula = st.noise_scale(epsilon, n, b, momentum=momenta)
    record(label="from diffusion", predicted=diffusion, measured=formula, rtol=1e-12, wrong_predictions=wrong)
    plain = st.noise_scale(epsilon, n, b)
    wrong = {"m = 0.5": formula[1]}
    record(label="m = 0", predicted=plain, measured=formula[0], rtol=1e-14, wrong_measurements=wrong)
    sizes = np.array([1, 10, 100])
    errors = 1 - st.noise_scale(epsilon, n, sizes, momentum=0.9) / (epsilon * n / (sizes * (1 - 0.9)))
    wrong = {"order 2": 2.0, "exact": 0.0}
    record(label="order in B/N", predicted=1.0, measured=slope(sizes / n, errors), rtol=1e-9, wrong_predictions=wrong)


@pytest.mark.claim("C92")
def test_sgd_with_momentum_is_the_underdamped_langevin_equation_up_to_first_order_in_its_step(record):
    """Match du = −Γ(u + ∇C)dt + Γ√(gF)dW, dw = u dt: Γh = 1 − m, h = ε/((1 − m)N), g = ε(N/B − 1)/(1 − m).

    Witnesses: one step in symbols, for any C and F, and the mean on a quadratic cost after a given time, as h → 0 at
    one friction Γ.
    """
    w, u, z = sympy.symbols("w u z", real=True)
    h, friction, g = sympy.symbols("h Gamma g", positive=True)
    pull, spread = sympy.Function("C")(w).diff(w), sympy.Function("sigma")(w)
    change = -friction * h * (u + pull) - friction * sympy.sqrt(g * h) * spread * z

    def terms_left(noise):
        equation = st.symbolic.ItoSDE([u, -friction * (u + pull)], [[0], [noise * sympy.sqrt(g) * spread]], [w, u])
        step = [h * (u + change), change]
        return len(st.symbolic.weak_mismatch(equation, step, {z: 0, z**2: 1}, step=h, order=1))

    wrong = {"noise as without friction": terms_left(1), "overdamped noise": terms_left(sympy.sqrt(2 * friction))}
    record(label="terms left", predicted=0, measured=terms_left(friction), rtol=0, wrong_measurements=wrong)

    curvature, damping, time = 6.0, 18.0, 1 / 6
    langevin = st.theory.ornstein_uhlenbeck([[0.0, -1.0], [damping * curvature, damping]], np.diag([0.0, 1.0]))
    steps, matched, errors, plain = time / np.array([256, 512]), [], [], []
    for step in steps:
        hp = settings(step * damping * step * 6, 1 - damping * step)
        matched.append([hp.step_time / step, hp.noise_scale / (step * 6 * (6 / 2 - 1))])
        moments = st.theory.sgd_moments([[curvature]], [[1.0]], hp, start=[1.0], steps=round(time / step))
        errors.append(moments.mean.item() - langevin.mean_at(time, [1.0, 0.0])[0])
        plain.append(moments.mean.item() - np.exp(-curvature * time))
    wrong = {"without momentum": np.array(matched) * damping * steps[:, None]}
    record(label="h and g", predicted=1.0, measured=matched, rtol=1e-9, wrong_measurements=wrong)
    record(
        label="order in h",
        predicted=1.0,
        measured=slope(steps, errors),
        rtol=0.02,
        wrong_predictions={"order 2": 2.0},
        wrong_measurements={"overdamped equation": slope(steps, plain)},
    )


@pytest.mark.claim("C93")
def test_variance_with_momentum_is_that_of_the_noise_scale_up_to_first_order_in_epsilon(record, rng, full):
    """The variance is gF/2H · 1/(1 − εH/(2N(1 + m))).

    Witnesses: λC(1 + m)/((1 − m)k(2(1 + m) − λk)) of Liu, Ziyin and Ueda (2021), the exact law, and SGD
    at ε = 1.2, m = ½: 5/3 of gF/2H.
    """
    rate, k, noise, momenta = 0.1, 2.0, 1.0, np.array([0.0, 0.5])
    liu = rate * noise * (1 + momenta) / ((1 - momenta) * k * (2 * (1 + momenta) - rate * k))
    laws = [
        st.theory.sgd_covariance([[2 * k]], [[2 * noise]], settings(rate, m, train_size=2, batch_size=1))
        for m in momenta
    ]
    exact, rule = (np.array([getattr(law, name).item() for law in laws]) for name in ("covariance", "sde_covariance"))
    record(label="variances", predicted=liu, measured=exact, rtol=1e-12, wrong_predictions={"gF/2H": rule})
    wrong = {"g is exact": 1.0, "m does not matter": [10 / 9, 10 / 9]}
    record(label="over gF/2H", predicted=[10 / 9, 15 / 14], measured=exact / rule, rtol=1e-12, wrong_predictions=wrong)

    hp = settings(1.2, 0.5)
    record(
        label="SGD at ε = 1.2, m = ½, over gF/2H",
        predicted=1 / (1 - 1.2 / 3),
        measured=spread(hp, 40, rng, full) / exact_law(hp).sde_covariance.item(),
        alpha=ALPHA,
        wrong_predictions={"gF/2H": 1.0, "without momentum": 1 / (1 - 1.2 / 2)},
    )
    rates = np.array([0.02, 0.01])
    excess = [(law.covariance / law.sde_covariance).item() - 1 for law in (exact_law(settings(r, 0.9)) for r in rates)]
    wrong = {"order 2": 2.0, "order 0": 0.0}
    record(label="order in ε", predicted=1.0, measured=slope(rates, excess), rtol=0.02, wrong_predictions=wrong)


@pytest.mark.claim("C94")
def test_momentum_multiplies_the_noise_scale_by_one_over_one_minus_m_if_it_is_not_damped(record, rng, full):
    """At m = 0.9 the variance of SGD is ten times that at m = 0, up to O(ε); with dampening τ = m it stays the same.

    Witnesses: the formula for g, and SGD, in units of its exact variance at m = 0.
    """
    rate, m = 0.05, 0.9
    plain, undamped, damped = settings(rate, 0.0), settings(rate, m), settings(rate, m, dampening=m)
    ratio = undamped.noise_scale / plain.noise_scale
    wrong = {"damped": damped.noise_scale / plain.noise_scale, "1/(1 − m)²": 100.0}
    record(label="g", predicted=1 / (1 - m), measured=ratio, rtol=1e-12, wrong_measurements=wrong)

    unit = exact_law(plain).covariance.item()
    measured = {hp: spread(hp, 200, rng, full) / unit for hp in (undamped, damped)}
    for hp, other in ((damped, undamped), (undamped, damped)):
        record(
            label=f"SGD, τ = {hp.dampening:g}",
            predicted=exact_law(hp).covariance.item() / unit,
            measured=measured[hp],
            alpha=ALPHA,
            wrong_measurements={"the other convention": measured[other]},
        )


@pytest.mark.claim("C95")
def test_the_factor_one_over_one_minus_m_holds_for_times_long_against_the_memory_of_the_velocity(record, rng):
    """On a flat cost the variance after n steps is gFt up to a part of order 1/((1 − m) n).

    It is less at first, while the velocity builds up. Witnesses: exact moments, and SGD with m = ½ over four
    steps, whose first two moments do not depend on the data.
    """
    steps, rises = np.array([4000, 8000]), {}
    for m in (0.5, 0.9):
        hp = settings(0.1, m)
        moments = st.theory.sgd_moments([[0.0]], [[1.0]], hp, start=[0.0], steps=steps)
        rises[m] = 1 - moments.covariance[:, 0, 0] / (hp.noise_scale * hp.step_time * steps)
    wrong = {"order ½": 0.5, "order 2": 2.0}
    for m, missing in rises.items():
        order = slope(1 / steps, missing)
        record(label=f"order in 1/n, m = {m}", predicted=1.0, measured=order, rtol=0.02, wrong_predictions=wrong)
    gradients = np.exp(np.linspace(0, 3, 6))[:, None]
    model = st.models.FunctionModel(
        lambda w: float(gradients.sum() * w[0]), lambda w, indices: gradients[indices], lambda w, v: np.zeros(1),
        train_size=6, dimension=1,
    )  # fmt: skip
    hp, f = settings(0.1, 0.5), st.models.gradient_covariance(gradients).item()
    limit = hp.noise_scale * f * 4 * hp.step_time
    moments = st.theory.sgd_moments([[0.0]], [[f]], hp, start=[0.0], steps=4)
    final = st.sgd(model, hp, [0.0], n_steps=4, n_runs=draws_for(0.2, alpha=ALPHA), rng=rng).final[:, 0]
    mean = -hp.learning_rate / 6 * gradients.sum() * sum((1 - 0.5**k) / 0.5 for k in range(1, 5))
    record(
        label="SGD after four steps, over gFt",
        predicted=moments.covariance.item() / limit,
        measured=st.stats.mean_estimate((final - mean) ** 2) / limit,
        alpha=ALPHA,
        wrong_predictions={"gFt": 1.0, "gFt without momentum": 0.25},
    )
