"""The equations of RMSprop and Adam: order one against the optimizers themselves, their coefficients, refusals."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models import FunctionModel, LinearRegression, LogisticRegression
from sdetheory.stats import agrees, mean_estimate

ALPHA = 1e-5
N = 64
# In the units of Malladi et al.: ση and εη, (1 − β)/η², the time η²n at rate zero and then at η, and the start.
NOISE, FLOOR, FAST, SLOW, BEFORE, TIME, START = 1.0, 0.5, 4.0, 2.0, 0.5, 0.5, 1.0


def labels(skewed):
    """Return 64 quantiles of variance 1 and mean 0: of a normal law, or of an exponential one."""
    law = scipy.stats.expon if skewed else scipy.stats.norm
    y = law.ppf((np.arange(N) + 0.5) / N)
    return (y - y.mean()) / y.std()


def setting(kind, n, skewed=False):
    """Return a model of one weight, hyperparameters and optimizer for n steps in TIME: C = Σ (w − yᵢ)²/2, B = 1."""
    eta = np.sqrt(TIME / n)
    model = LinearRegression(np.ones((N, 1)), NOISE / eta * labels(skewed))
    hp = st.SGDHyperparameters(learning_rate=eta, train_size=N, batch_size=1, sampling="with-replacement")
    fast, slow, floor = 1 - FAST * eta**2, 1 - SLOW * eta**2, FLOOR / eta
    adam = kind == "adam"
    return model, hp, st.Adam(beta1=fast, beta2=slow, floor=floor) if adam else st.RMSprop(beta=slow, floor=floor)


def trained(kind, n, n_runs, rng, skewed=False):
    """Return the weights after training, in which the averages fill at rate zero before the weights move."""
    model, hp, optimizer = setting(kind, n, skewed)
    waiting = round(BEFORE / TIME * n)
    rates = np.append(np.zeros(waiting), np.full(n, hp.learning_rate))
    return st.sgd(
        model, hp, [START], n_steps=len(rates), n_runs=n_runs, rng=rng, optimizer=optimizer, learning_rates=rates
    ).final[:, 0]


def moments(kind, *, floor=FLOOR, noise=NOISE):
    """Return E w and E w² of the equation, whose s is not random where F is constant: a linear system."""

    def move(time, y, free):
        w, m, ww, wm, mm = y
        gamma = [-np.expm1(-rate * time) for rate in (FAST, SLOW)]
        square = noise**2 * gamma[1]
        if kind == "adam":
            pull = free / (gamma[0] * (np.sqrt(square / gamma[1]) + floor))
            return [-pull * m, FAST * (w - m), -2 * pull * wm, -pull * mm + FAST * (ww - wm),
                    2 * FAST * (wm - mm) + (noise * FAST) ** 2]  # fmt: skip
        scale = np.sqrt(square) + floor
        return [-free * w / scale, 0.0, free * (-2 * ww / scale + (noise / scale) ** 2), 0.0, 0.0]

    y = np.array([START, 0.0, START**2, 0.0, 0.0])
    for begin, end, free in ((1e-9, BEFORE, 0.0), (BEFORE, BEFORE + TIME, 1.0)):
        y = scipy.integrate.solve_ivp(move, (begin, end), y, args=(free,), rtol=1e-10, atol=1e-12).y[:, -1]
    return y[[0, 2]]


def slope(kind, counts, n_runs, rng, exact, skewed=False):
    """Return the order in η² of the error of E w, from two numbers of steps, and its standard error."""
    errors = []
    for n in counts:
        w = trained(kind, n, n_runs, rng, skewed)
        errors.append((w.mean() - exact[0], w.std(ddof=1) / np.sqrt(n_runs)))
    (first, e1), (second, e2) = errors
    order = np.log(abs(first / second)) / np.log(counts[1] / counts[0])
    return order, np.hypot(e1 / first, e2 / second) / np.log(counts[1] / counts[0])


@pytest.mark.parametrize("kind", ["adam", "rmsprop"])
def test_weak_order_is_one_against_the_optimizer_itself(rng, kind):
    """From 5 and 20 steps: the standard error of the order is some 0.05; 0.25 on either side is its next term.

    An equation without the floor, or with twice the noise, has errors that stay.
    """
    counts, n_runs = (5, 20), 1_000_000
    order, error = slope(kind, counts, n_runs, rng, moments(kind))
    z = scipy.stats.norm.isf(ALPHA / 2)
    assert z * error < 0.4
    assert abs(order - 1) < 0.25 + z * error
    assert order - z * error > 0.5
    wrong = {"no floor": {"floor": 0.0}, "twice the noise": {"noise": 2 * NOISE}}
    for name, changes in wrong.items():
        order, error = slope(kind, counts, 100_000, rng, moments(kind, **changes))
        assert order + z * error < 0.5, name


@pytest.mark.parametrize("kind", ["adam", "rmsprop"])
def test_skewed_noise_leaves_an_error_of_the_order_of_the_learning_rate(rng, kind):
    """Labels that are exponential quantiles: the order in η² is about a half, and not one."""
    order, error = slope(kind, (20, 80), 400_000, rng, moments(kind), skewed=True)
    z = scipy.stats.norm.isf(ALPHA / 2)
    assert order - z * error > 0.2 and order + z * error < 0.7


@pytest.mark.parametrize("kind", ["adam", "rmsprop"])
def test_simulated_paths_have_the_moments_of_the_equation(rng, kind):
    """400 paths from the state that waiting leaves, by steps a quarter of the optimizer's: 2 to 5 % of error."""
    n = 20
    model, hp, optimizer = setting(kind, n)
    sde = st.sgd_sde(model, hp, optimizer=optimizer)
    eta, paths = hp.learning_rate, 400
    unit = hp.step_time / eta**2
    square = (NOISE / eta) ** 2 * -np.expm1(-SLOW * BEFORE)
    w = np.full((paths, 1), START)
    if kind == "adam":
        gamma = -np.expm1(-FAST * BEFORE)
        spread = NOISE * np.sqrt(FAST / 2 * -np.expm1(-2 * FAST * BEFORE))
        m = gamma * START + spread * rng.standard_normal((paths, 1))
        x0 = sde.state(w, np.full((paths, 1), square), m)
    else:
        x0 = sde.state(w, np.full((paths, 1), square))
    run = st.simulate(sde, x0, dt=hp.step_time / 4, n_steps=4 * n, start=BEFORE * unit, rng=rng)
    found = mean_estimate(np.column_stack([run.final[:, 0], run.final[:, 0] ** 2]))
    # Euler–Maruyama's own error is of the order of dt, a quarter of the 0.01 that the optimizer's is of η².
    assert agrees(found, moments(kind), alpha=ALPHA)
    assert not agrees(found, moments(kind, floor=0.0), alpha=ALPHA)
    assert not agrees(found, moments(kind, noise=2 * NOISE), alpha=ALPHA)
    # The squares of the mean gradient add w²η² to it, with η² = 0.025 and weights of up to two.
    square = (NOISE / eta) ** 2 * -np.expm1(-SLOW * (BEFORE + TIME))
    assert np.all(run.final[:, -1] > 0.995 * square) and np.all(run.final[:, -1] < 1.15 * square)


def logistic():
    X = np.array([[1.0, 0.2], [0.4, -1.1], [-0.7, 0.8], [1.3, 0.5], [0.1, 0.9], [-0.6, -0.4]])
    return LogisticRegression(X, np.arange(6) % 2, prior_precision=0.6)


def settings(sampling="without-replacement", **changes):
    given = {"learning_rate": 0.02, "train_size": 6, "batch_size": 2, "sampling": sampling}
    return st.SGDHyperparameters(**given | changes)


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement", "poisson"])
def test_coefficients_are_those_of_a_step(sampling):
    """Per step: mean and covariance of the moves, and the expected squares of the mean gradient of a batch."""
    model, hp, w = logistic(), settings(sampling), np.array([0.3, -0.5])
    rows = model.per_example_gradients(w)
    F, G = st.models.gradient_covariance(rows), rows.sum(axis=0)
    if sampling == "poisson":
        F = F + np.outer(G, G) / 30
    cov = {"without-replacement": 6 * 2 * F, "with-replacement": 15 * F, "poisson": 2 * 5 * F}[sampling] / 36
    squares = np.diag(cov) + (G / 6) ** 2
    h, s, m = hp.step_time, np.array([0.2, 0.5]), np.array([0.1, -0.3])

    rms = st.sgd_sde(model, hp, optimizer=st.RMSprop(beta=0.9, floor=0.01))
    x = rms.state(w, s)
    scale = np.sqrt(s) + 0.01
    np.testing.assert_allclose(h * rms.drift(x)[:2], -0.02 * G / 6 / scale, rtol=1e-12)
    np.testing.assert_allclose(h * rms.drift(x)[2:], 0.1 * (squares - s), rtol=1e-12)
    factor = rms.diffusion(x)
    np.testing.assert_allclose(h * factor[:2] @ factor[:2].T, 0.02**2 * cov / np.outer(scale, scale), rtol=1e-12)
    assert not factor[2:].any() and factor.shape == (4, 6)

    adam = st.sgd_sde(model, hp, optimizer=st.Adam(beta1=0.8, beta2=0.9, floor=0.01))
    x, time = adam.state(w, s, m), 7 * h
    fast, slow = -np.expm1(-0.2 * 7), -np.expm1(-0.1 * 7)
    drift = h * adam.drift(x, time)
    np.testing.assert_allclose(drift[:2], -0.02 * m / fast / (np.sqrt(s / slow) + 0.01), rtol=1e-12)
    np.testing.assert_allclose(drift[2:4], 0.2 * (G / 6 - m), rtol=1e-12)
    np.testing.assert_allclose(drift[4:], 0.1 * (squares - s), rtol=1e-12)
    factor = adam.diffusion(x)
    np.testing.assert_allclose(h * factor[2:4] @ factor[2:4].T, 0.2**2 * cov, rtol=1e-12)
    assert not factor[:2].any() and not factor[4:].any()
    # Once corrected averages tend to these as the time does to zero.
    begin = h * adam.drift(adam.state(w))
    np.testing.assert_allclose(begin[:2], -0.02 * G / 6 / (np.sqrt(squares) + 0.01), rtol=1e-12)


def in_python(model):
    """Return the same model as one of the user's own, whose paths are made one by one."""
    return FunctionModel(
        model.cost, lambda w, i: model.per_example_gradients(w)[i], model.hessian_vector_product, train_size=6,
        dimension=2,
    )  # fmt: skip


@pytest.mark.parametrize("sampling", ["without-replacement", "poisson"])
@pytest.mark.parametrize("optimizer", [st.Adam(beta2=0.99), st.RMSprop(beta=0.9)], ids=["adam", "rmsprop"])
def test_both_ways_of_making_steps_agree(optimizer, sampling):
    """With 70 paths in blocks, and with 9 one by one."""
    finals = []
    for model in (logistic(), in_python(logistic())):
        sde = st.sgd_sde(model, settings(sampling), optimizer=optimizer)
        x0 = sde.state([0.3, -0.5], None if isinstance(optimizer, st.Adam) else [0.1, 0.2])
        given = {"dt": sde.step_time / 2, "n_steps": 30, "rng": 3, "save_every": 10}
        finals.append(st.simulate(sde, x0, n_paths=70, **given).paths)
        few = st.simulate(sde, x0, n_paths=9, **given).paths
        np.testing.assert_array_equal(few, finals[-1][:, :9])
    np.testing.assert_allclose(finals[0], finals[1], rtol=1e-9, atol=1e-12)
    assert np.ptp(finals[0][-1], axis=0).min() > 1e-6 and np.isfinite(finals[0]).all()


def test_many_points_at_once():
    sde = st.sgd_sde(logistic(), settings(), optimizer=st.Adam())
    points = sde.state(np.full((2, 3, 2), 0.3), np.full((2, 3, 2), 0.2), np.zeros((2, 3, 2)))
    assert points.shape == (2, 3, 6) == sde.drift(points, 1.0).shape
    assert sde.diffusion(points).shape == (2, 3, 6, 6)
    np.testing.assert_allclose(sde.diffusion(points)[1, 2], sde.diffusion(points[0, 0]), rtol=1e-14)


def test_same_bits_for_any_number_of_paths_and_after_a_checkpoint(tmp_path):
    sde = st.sgd_sde(logistic(), settings(), optimizer=st.Adam())
    given = {"dt": sde.step_time / 2, "rng": 3}
    start = sde.state([0.3, -0.5])
    whole = st.simulate(sde, start, n_steps=20, n_paths=40, **given)
    few = st.simulate(sde, start, n_steps=20, n_paths=17, save_every=5, checkpoint=tmp_path / "run", **given)
    assert np.array_equal(few.final, whole.final[:17]) and np.isfinite(whole.final).all()
    again = st.simulate(sde, start, n_steps=20, n_paths=17, save_every=5, checkpoint=tmp_path / "run", **given)
    assert np.array_equal(again.paths, few.paths)
    other = st.sgd_sde(logistic(), settings(), optimizer=st.Adam(beta2=0.99))
    with pytest.raises(InvalidInputError, match="checkpoint"):
        st.simulate(other, start, n_steps=20, n_paths=17, save_every=5, checkpoint=tmp_path / "run", **given)


def test_refusals():
    model, adam, rms = logistic(), st.Adam(), st.RMSprop()
    for hp, options, words in (
        (settings(batch_size=6), {}, "mostly noise"),
        (settings(momentum=0.5), {}, "averages of its own"),
        (settings(), {"order": 2}, "order 1"),
        (settings(), {"temperature": 1.0}, "temperature=1"),
    ):
        with pytest.raises(IncompatibleError, match=words):
            st.sgd_sde(model, hp, optimizer=adam, **options)
    with pytest.raises(InvalidInputError, match="optimizer must be one of 'sgd'"):
        st.sgd_sde(model, settings(), optimizer="adam")
    sde = st.sgd_sde(model, settings(), optimizer=rms)
    with pytest.raises(InvalidInputError, match=r"√s \+ floor ≥"):
        st.simulate(sde, sde.state([0.3, -0.5]), dt=sde.step_time, n_steps=1, n_paths=2)
    good = sde.state([0.3, -0.5], [0.1, 0.1])
    st.simulate(sde, good, dt=sde.step_time, n_steps=1, n_paths=2)
    with pytest.raises(InvalidInputError, match="not negative"):
        st.simulate(sde, -good, dt=sde.step_time, n_steps=1, n_paths=2)
    with pytest.raises(InvalidInputError, match="dt must be at most"):
        st.simulate(sde, good, dt=101 * sde.step_time, n_steps=1, n_paths=2)
    with pytest.raises(IncompatibleError, match="only simulate takes it"):
        st.sample_stationary(sde, good, dt=0.1, n_paths=2, burn_in=1, n_steps=10)
    with pytest.raises(InvalidInputError, match="m must not be given for RMSprop"):
        sde.state([0.0, 0.0], m=[0.0, 0.0])
    with pytest.raises(InvalidInputError, match="s must have the shape of w"):
        sde.state([0.0, 0.0], [0.1])
    other = st.sgd_sde(model, settings(), optimizer=adam)
    with pytest.raises(InvalidInputError, match="averages of zero at start=0"):
        st.simulate(other, other.state([0.0, 0.0], [0.1, 0.1]), dt=other.step_time, n_steps=1, n_paths=2)
    st.simulate(other, other.state([0.0, 0.0], [0.1, 0.1]), dt=other.step_time, n_steps=1, n_paths=2, start=0.1)


@pytest.mark.parametrize("optimizer", [st.RMSprop(floor=0.0), st.Adam(floor=0.0)], ids=["rmsprop", "adam"])
def test_no_division_by_an_average_of_zero(optimizer):
    """Without a floor s = 0 leaves nothing to divide by: a refusal, where infinity and no number were returned."""
    model = LinearRegression(np.ones((8, 1)), np.arange(8.0))
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=8, batch_size=4)
    sde = st.sgd_sde(model, hp, optimizer=optimizer)
    zero, good = sde.state([0.3]), sde.state([0.3], [0.1])
    with pytest.raises(InvalidInputError, match=r"x must have √s \+ floor above 0"):
        sde.drift(zero, 0.5)
    assert np.isfinite(sde.drift(good, 0.5)).all()
    with pytest.raises(InvalidInputError, match="x0 must have averages of squares"):
        st.simulate(sde, zero, dt=sde.step_time, n_steps=1, n_paths=2, start=0.5)
    if isinstance(optimizer, st.Adam):  # where Adam begins, its divided averages have a limit
        assert np.isfinite(sde.drift(zero)).all()
    else:
        with pytest.raises(InvalidInputError, match=r"x must have √s \+ floor above 0"):
            sde.diffusion(zero)
        fitted = st.sgd_sde(LinearRegression(np.ones((8, 1)), np.zeros(8)), hp, optimizer=optimizer)
        with pytest.raises(InvalidInputError, match="x0 must have averages of squares"):
            st.simulate(fitted, fitted.state([0.0]), dt=sde.step_time, n_steps=1, n_paths=2)
