"""A model that contradicts itself is refused with the factor that was seen; a right one never."""

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.models import FunctionModel, LinearRegression, LogisticRegression, ReLUNetwork, SoftmaxRegression
from sdetheory.models._consistency import check

N = 50
DATA = np.random.default_rng(5)
X = DATA.standard_normal((N, 2))
Y = X @ [1.0, -2.0] + 0.1 * DATA.standard_normal(N)
BEST = np.linalg.lstsq(X, Y, rcond=None)[0]
ALL = (
    "minibatch_gradient", "weighted_gradient", "per_example_gradients", "gradient", "cost", "hessian_vector_product",
    "hessian",
)  # fmt: skip


def least_squares(cost=1.0, gradients=1.0, hessian=1.0, X=X, Y=Y):
    return FunctionModel(
        lambda w: cost * float(((X @ w - Y) ** 2).sum() / 2),
        lambda w, i: gradients * (X[i] @ w - Y[i])[:, None] * X[i],
        lambda w, v: hessian * X.T @ (X @ v),
        train_size=len(X),
        dimension=X.shape[1],
    )


class Own:
    """A model without a base: all that it has is its own."""

    def __init__(self, model):
        self.model, self.train_size, self.dimension = model, model.train_size, model.dimension

    def __getattr__(self, name):
        if name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)


WRONG = [
    ({"gradients": 1 / N}, r"minibatch_gradient .* is 1/50 = 1/N times the slope of cost.*multiply it by N"),
    ({"cost": 1 / N}, r"minibatch_gradient .* is 50 = N times the slope of cost.*cost looks like .* mean loss"),
    ({"gradients": -1.0}, r"is -1 times the slope of cost.*The sign of one of them is wrong"),
    ({"hessian": 1 / N}, r"hessian_vector_product .* is 1/50 = 1/N times the derivative of minibatch_gradient"),
    ({"hessian": -1.0}, r"hessian_vector_product .* is -1 times the derivative of minibatch_gradient"),
    ({"cost": 0.5}, r"is 2 times the slope of cost"),
    ({"hessian": 0.0}, r"hessian_vector_product"),
]


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("wrong, words", WRONG, ids=lambda value: str(value)[:16])
def test_the_usual_slips_are_found(wrong, words, scale):
    """Whatever the units of the inputs."""
    for w in (np.zeros(2), np.array([3.0, 1.0]) / scale):
        with pytest.raises(InvalidInputError, match=words):
            check(least_squares(**wrong, X=scale * X), w, ("minibatch_gradient",))
        check(least_squares(X=scale * X), w, ("minibatch_gradient",))


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in WRONG], ids=str)
def test_they_are_found_at_the_minimum(wrong):
    """Where the gradient is rounding error, a point beside it is asked."""
    with pytest.raises(InvalidInputError, match="must belong to one function"):
        check(least_squares(**wrong), BEST, ("minibatch_gradient",))


def test_gradients_of_other_examples_are_found():
    class Shifted(Own):
        def minibatch_gradient(self, w, indices):
            return self.model.minibatch_gradient(w, (indices + 1) % N)

    # Summed over all examples nothing is wrong.
    with pytest.raises(InvalidInputError, match=r"over the examples \[.*another vector than minibatch_gradient says"):
        check(Shifted(LinearRegression(X, Y)), np.zeros(2), ("minibatch_gradient",))

    class Mean(Own):
        def minibatch_gradient(self, w, indices):
            return self.model.minibatch_gradient(w, indices) / N

    with pytest.raises(
        InvalidInputError, match=r"times minibatch_gradient.*minibatch_gradient looks like that of the mean"
    ):
        check(Mean(LinearRegression(X, Y)), np.zeros(2), ("minibatch_gradient",))


def test_what_a_subclass_inherits_is_held_against_it_where_it_is_used():
    class Clipped(LinearRegression):
        def minibatch_gradient(self, w, indices):
            rows, r = self.X[indices], self.X[indices] @ w - self.y[indices]
            return N / len(indices) * np.clip(r, -0.5, 0.5) @ rows

    class Halved(LinearRegression):
        def cost(self, w):
            return super().cost(w) / 2

    class Alone(LinearRegression):
        def gradient(self, w):
            return 3 * super().gradient(w)

    class Bent(LogisticRegression):
        def _slopes(self, products, y):
            return products - y

    w = np.zeros(2)
    check(Clipped(X, Y), w, ("minibatch_gradient",))
    with pytest.raises(InvalidInputError, match="with cost inherited from LinearRegression"):
        check(Clipped(X, Y), w, ("minibatch_gradient", "cost"))
    with pytest.raises(InvalidInputError, match="is 2 times the slope of cost, with minibatch_gradient inherited"):
        check(Halved(X, Y), w, ("minibatch_gradient",))
    with pytest.raises(InvalidInputError, match="gradient summed over all examples is 3 times minibatch_gradient"):
        check(Alone(X, Y), w, ("minibatch_gradient",))
    bent = Bent(X, (Y > 0).astype(int))
    check(bent, w, ("weighted_gradient",))
    with pytest.raises(InvalidInputError, match="with hessian_vector_product inherited from LogisticRegression"):
        check(bent, w, ("weighted_gradient", "gradient", "hessian_vector_product"))


def test_single_precision_is_looser_and_sees_the_factor():
    right = ReLUNetwork(X, (Y > 0).astype(int), hidden=20)
    w = right.initial(0)
    check(Own(right), w, ALL)

    class Mean(Own):
        def cost(self, w):
            return self.model.cost(w) / N

    with pytest.raises(InvalidInputError, match="is 50 = N times the slope of cost"):
        check(Mean(right), w, ("minibatch_gradient",))


def kinked(X, y, delta):
    """Return absolute, hinge and Huber losses, which have kinks, and flat parts."""
    signs, n, p = 2.0 * (y > 0) - 1, len(X), X.shape[1]

    def huber(w):
        r = np.abs(X @ w - y)
        return float(np.where(r < delta, r**2 / 2, delta * (r - delta / 2)).sum())

    sizes = {"train_size": n, "dimension": p}
    return [
        FunctionModel(
            lambda w: float(np.abs(X @ w - y).sum()), lambda w, i: np.sign(X[i] @ w - y[i])[:, None] * X[i],
            lambda w, v: 0 * v, **sizes,
        ),
        FunctionModel(
            lambda w: float(np.maximum(0, 1 - signs * (X @ w)).sum()),
            lambda w, i: -(signs[i] * (signs[i] * (X[i] @ w) < 1))[:, None] * X[i], lambda w, v: 0 * v, **sizes,
        ),
        FunctionModel(
            huber, lambda w, i: np.clip(X[i] @ w - y[i], -delta, delta)[:, None] * X[i],
            lambda w, v: (X * (np.abs(X @ w - y) < delta)[:, None]).T @ (X @ v), **sizes,
        ),
    ]  # fmt: skip


def single(X, y):
    """Return least squares that is computed in single precision and does not say so."""
    X, y = X.astype(np.float32), y.astype(np.float32)

    def residuals(w, i=slice(None)):
        return X[i] @ w.astype(np.float32) - y[i]

    return FunctionModel(
        lambda w: float((residuals(w) ** 2).sum() / 2), lambda w, i: (residuals(w, i)[:, None] * X[i]).astype(float),
        lambda w, v: (X.T @ (X @ v.astype(np.float32))).astype(float), train_size=len(X), dimension=X.shape[1],
    )  # fmt: skip


@pytest.mark.parametrize("number", range(25))
def test_a_right_model_is_never_refused(rng, number):
    """At zero, at random and at a minimum; inputs, targets and weights of scales from 1e-8 to 1e8; with kinks."""
    n, p = int(rng.choice([1, 2, 3, 7, 50, 200])), int(rng.choice([1, 2, 5, 20]))
    scales = 10.0 ** rng.uniform(-8, 8, 3) if number % 3 else np.ones(3)
    X, y = scales[0] * rng.standard_normal((n, p)), scales[1] * rng.standard_normal(n)
    if number % 5 == 0:
        X *= 10.0 ** rng.uniform(-8, 8, p)
    two, three = rng.integers(0, 2, n), rng.integers(0, 3, n)
    prior = float(rng.choice([0.0, 1e-8, 1.0, 1e8]))
    counts = rng.poisson(2, n)
    models = [
        LinearRegression(X, y, prior_precision=prior),
        LogisticRegression(X, two, prior_precision=prior),
        SoftmaxRegression(X, three, n_classes=3, prior_precision=prior),
        ReLUNetwork(X, three, hidden=5, n_classes=3, prior_precision=prior),
        ReLUNetwork(X, three, hidden=30, n_classes=3, prior_precision=prior, dtype="float64"),
        *kinked(X, y, 0.3 * scales[1]),
        single(X, y),
        FunctionModel(
            lambda w: float((np.exp(X @ w) - counts * (X @ w)).sum()),
            lambda w, i: (np.exp(X[i] @ w) - counts[i])[:, None] * X[i],
            lambda w, v: (X * np.exp(X @ w)[:, None]).T @ (X @ v), train_size=n, dimension=p,
        ),
    ]  # fmt: skip
    for model in models:
        starts = [np.zeros(model.dimension), *rng.standard_normal((2, model.dimension)) * [[scales[2]], [1.0]]]
        if model.dimension == p:
            starts.append(np.linalg.lstsq(X, y, rcond=None)[0])
        if hasattr(model, "initial"):
            starts.append(model.initial(rng))
        for w in starts:
            with np.errstate(all="ignore"):
                check(Own(model), w, ALL)


def test_what_cannot_be_asked_is_not_held_against_a_model():
    class Noisy(Own):
        generator = np.random.default_rng(0)

        def minibatch_gradient(self, w, indices):
            return self.generator.standard_normal(2)

    class Broken(Own):
        def cost(self, w):
            raise RuntimeError

        def hessian_vector_product(self, w, v):
            return "no"

        def gradient(self, w):
            return np.full(2, np.nan)

    right = LinearRegression(X, Y)
    check(Noisy(right), np.zeros(2), ("minibatch_gradient",))  # dropout, say: there is no one gradient to compare
    check(Broken(right), np.zeros(2), ("minibatch_gradient",))
    check(least_squares(cost=0.0), np.zeros(2), ("minibatch_gradient",))  # no cost is known


def test_little_is_asked():
    """Of a right model some twenty full gradients, and nothing of one that has a single method."""
    asked = []

    class Counting(Own):
        def minibatch_gradient(self, w, indices):
            asked.append(len(indices))
            return self.model.minibatch_gradient(w, indices)

    check(Counting(LogisticRegression(X, (Y > 0).astype(int))), np.ones(2), ("minibatch_gradient",))
    assert sum(asked) <= 25 * N, asked
    asked.clear()

    class Least:
        train_size, dimension = N, 2
        minibatch_gradient = Counting.minibatch_gradient

    check(Least(), np.zeros(2), ("minibatch_gradient",))
    assert not asked
