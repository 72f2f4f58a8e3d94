"""What users extend: the override is what runs, or it is refused before anything runs."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.models import (
    FunctionModel,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    ProbitRegression,
    ReLUNetwork,
    SoftmaxRegression,
)

N = 40
DATA = np.random.default_rng(5)
X = DATA.standard_normal((N, 2))
Y = X @ [1.0, -2.0] + 0.1 * DATA.standard_normal(N)
LABELS = (Y > 0).astype(int)
FULL = st.SGDHyperparameters(learning_rate=0.1, train_size=N, batch_size=N)
FEW = st.SGDHyperparameters(learning_rate=0.1, train_size=N, batch_size=5)
ON_ONE_PRODUCT = [LinearRegression, LogisticRegression, PoissonRegression, ProbitRegression]
MODELS = [*ON_ONE_PRODUCT, SoftmaxRegression, ReLUNetwork]


def made(kind):
    if issubclass(kind, LinearRegression):
        return kind(X, Y)
    return kind(X, LABELS, **({"hidden": 3, "dtype": "float64"} if issubclass(kind, ReLUNetwork) else {}))


def moved(model, w):
    """Return what one step of each simulator makes of a full batch, in units of −∇C; without noise they agree."""
    one, step = {"n_steps": 1, "rng": 0}, FULL.step_time
    sde = {"dt": 1e-3 * step, "n_paths": 1, **one}
    ends = [
        (st.sgd(model, FULL, w, **one).final, step),
        (st.svag(model, FULL, w, factor=1, n_runs=1, **one).final, step),
        (st.simulate(st.sgd_sde(model, FULL), w, **sde).final, sde["dt"]),
    ]
    return [(end[0] - w) / time for end, time in ends]


class Tripled:
    """Three times the cost and all that follows from it, by the public methods alone."""

    def cost(self, w):
        return 3 * super().cost(w)

    def per_example_gradients(self, w):
        return 3 * super().per_example_gradients(w)

    def hessian_vector_product(self, w, v):
        return 3 * super().hessian_vector_product(w, v)


@pytest.mark.parametrize("kind", MODELS)
def test_a_bare_subclass_is_trained_as_its_base(kind):
    model, bare = made(kind), made(type("Bare", (kind,), {}))
    start = 0.1 * DATA.standard_normal(model.dimension)
    for one, other in zip(moved(model, start), moved(bare, start), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", MODELS)
def test_overridden_methods_are_what_simulators_run(kind):
    model, own = made(kind), made(type("Mine", (Tripled, kind), {}))
    w = 0.1 * np.random.default_rng(2).standard_normal(model.dimension)
    right = -3 * model.gradient(w)
    for found in moved(own, w):
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-10 * np.abs(right).max())
    # The negative control: the base's formula is another step.
    assert not np.allclose(right, moved(model, w)[0], rtol=0.1)


@pytest.mark.parametrize("kind", ON_ONE_PRODUCT)
def test_overridden_slopes_are_what_simulators_run(kind):
    class Huber(kind):
        def _slopes(self, products, y):
            return np.clip(super()._slopes(products, y), -0.2, 0.2)

    w = np.array([0.3, 0.1])
    right = -np.clip(made(kind)._slopes(X @ w, made(kind).y), -0.2, 0.2) @ X
    one = made(type("Bare", (kind,), {}))
    object.__setattr__(one, "_slopes", made(Huber)._slopes)
    for model in (made(Huber), one):
        for found in moved(model, w):
            np.testing.assert_allclose(found, right, rtol=1e-9)


def test_a_method_of_one_instance_is_what_runs():
    class Bare(LinearRegression):
        pass

    model = Bare(X, Y)
    object.__setattr__(model, "minibatch_gradient", lambda w, indices: np.array([N, 0.0]))
    np.testing.assert_allclose(st.sgd(model, FULL, np.zeros(2), n_steps=1).final[0], [-0.1, 0.0])


def test_what_contradicts_the_override_is_refused_by_every_simulator():
    class Halved(LinearRegression):
        def cost(self, w):
            return 0.5 * super().cost(w)

    mean = FunctionModel(
        lambda w: float(((X @ w - Y) ** 2).sum() / 2), lambda w, i: (X[i] @ w - Y[i])[:, None] * X[i] / N,
        lambda w, v: X.T @ (X @ v), train_size=N, dimension=2,
    )  # fmt: skip
    for model in (Halved(X, Y), mean):
        calls = [
            lambda m=model: st.sgd(m, FEW, np.zeros(2), n_steps=5),
            lambda m=model: st.svag(m, FEW, np.zeros(2), factor=2, n_steps=4, n_runs=2),
            lambda m=model: st.sgd_sde(m, FEW),
            lambda m=model: st.compare(m, FEW, np.zeros(2), n_steps=4, n_runs=2),
            lambda m=model: st.models.simple_noise_scale(m, np.zeros(2)),
            lambda m=model: st.minibatch_covariance(m, 5, n_draws=4, w=np.zeros(2)),
            lambda m=model: st.batch_size_study(
                lambda seed, n: (m, {"cost": m.cost}, np.zeros(2)), learning_rates=0.1, train_sizes=N,
                batch_sizes=[2, 4], n_steps=2,
            ),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(InvalidInputError, match="must belong to one function"):
                call()


def test_order_two_uses_the_products_of_the_gradients_or_refuses():
    class Bent(LinearRegression):
        def _slopes(self, products, y):
            return np.tanh(products - y)

    class Whole(Bent):
        def _curvatures(self, products):
            return 1 / np.cosh(products - self.y) ** 2

    w, dt = np.array([0.3, 0.1]), 1e-3 * FULL.step_time
    st.sgd_sde(Bent(X, Y), FULL)
    with pytest.raises(InvalidInputError, match="hessian_vector_product inherited from LinearRegression"):
        st.sgd_sde(Bent(X, Y), FULL, order=2)
    model = Whole(X, Y)
    run = st.simulate(st.sgd_sde(model, FULL, order=2), w, dt=dt, n_steps=1, n_paths=1, rng=0)
    g = model.gradient(w)
    np.testing.assert_allclose((run.final[0] - w) / dt, -g - FULL.step_time / 2 * model.hessian(w) @ g, rtol=1e-9)


def test_a_comparison_follows_the_override_and_says_whose_cost_it_watches():
    class Huber(LinearRegression):
        def per_example_gradients(self, w):
            return np.clip(self.X @ np.asarray(w) - self.y, -0.2, 0.2)[:, None] * self.X

    given = {"n_steps": 4, "n_runs": 8, "halvings": 0, "multiples": (), "svag": (), "orders": (1,), "rng": 1}
    with pytest.warns(AccuracyWarning, match="'cost' is what Huber inherits, not what its gradients descend"):
        watched = st.compare(Huber(X, Y), FULL, np.zeros(2), **given)
    found = st.compare(Huber(X, Y), FULL, np.zeros(2), **given, observables={"first": lambda w: w[:, 0]})
    ends = st.sgd(Huber(X, Y), FULL, np.zeros(2), n_steps=4).final[0]
    for comparison in (watched, found):
        np.testing.assert_allclose(comparison.processes["SGD"].mean.value[-1], ends, rtol=1e-12)


def test_an_overridden_cost_is_what_a_comparison_watches():
    own = made(type("Mine", (Tripled, LinearRegression), {}))
    given = {"n_steps": 2, "n_runs": 4, "halvings": 0, "multiples": (), "svag": (), "orders": (), "rng": 1}
    run = st.compare(own, FULL, np.zeros(2), **given)
    w = st.sgd(own, FULL, np.zeros(2), n_steps=2).final[0]
    assert run.processes["SGD"].observables.value[-1, 0] == pytest.approx(3 * LinearRegression(X, Y).cost(w))


def test_numbers_of_a_subclass_of_an_optimizer_are_what_runs():
    class Slow(st.Adam):
        beta1 = property(lambda self: 0.5, lambda self, value: None)

    model = LinearRegression(X, Y)
    found, right, other = (
        st.sgd(model, FEW, np.zeros(2), n_steps=9, rng=0, optimizer=o).final
        for o in (Slow(), st.Adam(beta1=0.5), st.Adam())
    )
    np.testing.assert_array_equal(found, right)
    assert np.any(found != other)

    class Decoupled(st.Adam):
        def update(self, w, gradient):
            return w

    with pytest.raises(InvalidInputError, match=r"what Decoupled adds \(update\) no simulator would call"):
        st.sgd(model, FEW, np.zeros(2), n_steps=9, optimizer=Decoupled())


def test_a_subclass_of_an_equation_or_a_landscape_is_no_other_equation():
    class Mine(st.SDE):
        def drift(self, x, time=0.0):
            return -100 * np.asarray(x)

    class Steep(st.Landscape):
        def gradient(self, x):
            return 100 * super().gradient(x)

    class Own(type(st.sgd_sde(LinearRegression(X, Y), FEW))):
        def step_gradient(self, w, weights, dt):
            return 0 * w

    given = {"drift": lambda x: -x, "diffusion": [1.0], "dimension": 1, "noise": "additive"}
    run = {"dt": 0.01, "n_steps": 2, "n_paths": 2}
    with pytest.raises(InvalidInputError, match="paths would not follow drift of Mine"):
        st.simulate(Mine(**given), [1.0], **run)
    one = st.SDE(**given)
    one.diffusion = lambda x, time=0.0: np.zeros((1, 1))
    with pytest.raises(InvalidInputError, match="paths would not follow diffusion of SDE"):
        st.sample_stationary(one, [1.0], dt=0.01, n_paths=4, burn_in=1, n_steps=2)
    with pytest.raises(InvalidInputError, match="the equation would not follow gradient of Steep"):
        st.langevin(Steep.from_sympy("x**2/2", variables=["x"]), temperature=1.0)
    with pytest.raises(InvalidInputError, match="paths would not follow step_gradient of Own"):
        st.simulate(
            Own(LinearRegression(X, Y), name="SGD", n_examples=len(X), temperature=0.0, noise_scale=FEW.noise_scale),
            np.zeros(2),
            **run,
        )


def test_functions_of_an_equation_are_what_runs():
    sde = st.SDE(drift=lambda x: 1.0 + 0 * x, diffusion=[0.0], dimension=1, noise="additive")
    np.testing.assert_allclose(st.simulate(sde, [0.0], dt=0.1, n_steps=5, n_paths=1).final, [[0.5]])
    wait = st.first_passage(sde, [0.0], target="x0 - 1", dt=0.125, max_steps=50, n_paths=4, rng=0)
    np.testing.assert_allclose(wait.times, 1.0)


def test_observables_and_problems_are_what_runs():
    class Weight:
        def __call__(self, w):
            return w[:, 1] ** 2

    class Problem:
        def __call__(self, seed, train_size):
            return LinearRegression(X[:train_size], Y[:train_size]), {"second": lambda w: w[1] ** 2}, np.zeros(2)

    given = {"n_steps": 2, "n_runs": 4, "halvings": 0, "multiples": (), "svag": (), "orders": (), "rng": 1}
    run = st.compare(LinearRegression(X, Y), FULL, np.zeros(2), **given, observables={"second": Weight()})
    w = st.sgd(LinearRegression(X, Y), FULL, np.zeros(2), n_steps=2).final[0]
    assert run.processes["SGD"].observables.value[-1, 0] == pytest.approx(w[1] ** 2)
    study = st.batch_size_study(Problem(), learning_rates=0.1, train_sizes=N, batch_sizes=[N], n_steps=2, seeds=[0])
    assert study.table["second"][0] == pytest.approx(w[1] ** 2)
