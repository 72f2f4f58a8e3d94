"""models.check: right models pass, and each of the usual mistakes is found by its name."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.models import FunctionModel, LogisticRegression, ReLUNetwork, check
from sdetheory.models.protocol.model import LOST

N, P, PRIOR = 40, 3, 0.7
DATA = np.random.default_rng(11)
X = DATA.standard_normal((N, P))
Y = (DATA.random(N) < 1 / (1 + np.exp(-X @ [1.0, -2.0, 0.5]))).astype(int)
W = np.array([0.4, -0.3, 0.8])


class Right:
    """A model without a base, made of one of the package; mistakes override its methods."""

    def __init__(self, model=None):
        self.model = LogisticRegression(X, Y, prior_precision=PRIOR) if model is None else model
        self.train_size, self.dimension = self.model.train_size, self.model.dimension
        self.prior_precision = self.model.prior_precision

    def cost(self, w):
        return self.model.cost(w)

    def loss(self, w):
        return self.model.loss(w)

    def gradient(self, w):
        return self.model.gradient(w)

    def minibatch_gradient(self, w, indices):
        return self.model.minibatch_gradient(w, indices)

    def per_example_gradients(self, w):
        return self.model.per_example_gradients(w)

    def weighted_gradient(self, w, weights):
        return self.model.weighted_gradient(w, weights)

    def hessian_vector_product(self, w, v):
        return self.model.hessian_vector_product(w, v)


def without_prior(model, w, indices):
    return model.per_example_gradients(w)[indices] - PRIOR / N * w


MISTAKES = {
    # name: (method, the mistake, the finding's name, words of it)
    "cost of the mean": ("cost", lambda m, w: m.cost(w) / N, "mean loss", "1/N of the right one"),
    "cost of the mean, regularizer of the total": (
        "cost", lambda m, w: m.loss(w) + PRIOR / 2 * (w @ w), "mean loss", "of the mean loss",
    ),
    "cost turned round": ("cost", lambda m, w: -m.cost(w), "sign", "wrong sign"),
    "cost without the regularizer": ("cost", lambda m, w: N * m.loss(w), "regularizer", "λw too much"),
    "cost with the regularizer twice": (
        "cost", lambda m, w: m.cost(w) + PRIOR / 2 * (w @ w), "regularizer", "λw too much",
    ),
    "gradient of the mean": ("gradient", lambda m, w: m.gradient(w) / N, "mean loss", "1/N of the right one"),
    "gradient turned round": ("gradient", lambda m, w: -m.gradient(w), "sign", "wrong sign"),
    "gradient without the regularizer": ("gradient", lambda m, w: m.gradient(w) - PRIOR * w, "regularizer", "−λw"),
    "gradient of another weight": (
        "gradient", lambda m, w: m.gradient(w) * [1, 1, 1.3], "sum of examples", "another vector",
    ),
    "every example has all of the regularizer": (
        "per_example_gradients", lambda m, w: m.per_example_gradients(w) + PRIOR * (1 - 1 / N) * w, "regularizer",
        "(N − 1) λw",
    ),
    "examples of the mean": (
        "per_example_gradients", lambda m, w: m.per_example_gradients(w) / N, "mean loss", "1/N of the right one",
    ),
    "examples without the regularizer": (
        "per_example_gradients", lambda m, w: m.per_example_gradients(w) - PRIOR / N * w, "regularizer", "−λw",
    ),
    "examples in another order": (
        "per_example_gradients", lambda m, w: m.per_example_gradients(w)[::-1], "other examples", "example",
    ),
    "weights of the examples are forgotten": (
        "weighted_gradient", lambda m, w, a: m.gradient(w) * np.mean(a), "other examples", "of example",
    ),
    "the sum over the batch": (
        "minibatch_gradient", lambda m, w, i: m.per_example_gradients(w)[i].sum(axis=0), "minibatch", "sum over the",
    ),
    "the mean over the batch": (
        "minibatch_gradient", lambda m, w, i: m.per_example_gradients(w)[i].mean(axis=0), "mean loss", "1/N",
    ),
    "the sum over the batch times N": (
        "minibatch_gradient",
        lambda m, w, i: m.minibatch_gradient(w, i) * (len(i) if len(i) < N else 1), "minibatch", "B times too large",
    ),
    "a batch with N/B regularizers": (
        "minibatch_gradient",
        lambda m, w, i: N / len(i) * (without_prior(m, w, i).sum(axis=0) + PRIOR * w), "regularizer", "λw too much",
    ),
    "a batch of other examples": (
        "minibatch_gradient", lambda m, w, i: m.minibatch_gradient(w, (i + 1) % N), "other examples|minibatch",
        "example",
    ),
    "a batch in which an example counts once": (
        "minibatch_gradient", lambda m, w, i: m.minibatch_gradient(w, np.unique(i)), "minibatch", "over the examples",
    ),
    "products of the mean": (
        "hessian_vector_product", lambda m, w, v: m.hessian_vector_product(w, v) / N, "mean loss", "1/N",
    ),
    "products turned round": (
        "hessian_vector_product", lambda m, w, v: -m.hessian_vector_product(w, v), "sign", "sign",
    ),
    "products with the regularizer twice": (
        "hessian_vector_product", lambda m, w, v: m.hessian_vector_product(w, v) + PRIOR * v, "regularizer",
        "λw too much",
    ),
    "products of no symmetric matrix": (
        "hessian_vector_product", lambda m, w, v: m.hessian_vector_product(w, v) * [1, 1, 2], "symmetry", "symmetric",
    ),
    "products at another point": (
        "hessian_vector_product", lambda m, w, v: m.hessian_vector_product(w + 1, v), "Hessian", "along a direction",
    ),
    "the mean loss is a total": ("loss", lambda m, w: N * m.loss(w), "mean loss", "N times the mean loss"),
    "a matrix for a vector": ("gradient", lambda m, w: m.gradient(w)[None], "shape", r"(1, 3)"),
    "words": ("cost", lambda m, w: "low", "shape", "low"),
    "not finite": ("gradient", lambda m, w: m.gradient(w) * np.nan, "finiteness", "not finite"),
    "it draws": (
        "minibatch_gradient", lambda m, w, i: m.minibatch_gradient(w, i) * DATA.random(), "randomness", "two answers",
    ),
    "it fails": ("hessian_vector_product", lambda m, w, v: 1 / 0, "error", "ZeroDivisionError"),
}  # fmt: skip


def mistaken(method, function):
    kind = type("Mistaken", (Right,), {method: lambda self, *given: function(self.model, *given)})
    return kind()


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found_by_its_name(name):
    method, function, finding, words = MISTAKES[name]
    found = check(mistaken(method, function), W, rng=1)
    assert not found.ok
    assert any(each.name in finding.split("|") and words in each.what for each in found.findings), found
    assert "\n" not in repr(found) and words in repr(found) and found.findings[0].remedy in repr(found)
    assert all(each.remedy for each in found.findings)


def test_a_model_whose_every_method_is_of_the_mean_is_told_by_its_loss():
    class Mean(Right):
        def cost(self, w):
            return self.model.cost(w) / N

        def gradient(self, w):
            return self.model.gradient(w) / N

        def minibatch_gradient(self, w, indices):
            return self.model.minibatch_gradient(w, indices) / N

        def per_example_gradients(self, w):
            return self.model.per_example_gradients(w) / N

        def weighted_gradient(self, w, weights):
            return self.model.weighted_gradient(w, weights) / N

        def hessian_vector_product(self, w, v):
            return self.model.hessian_vector_product(w, v) / N

    found = check(Mean(), W, rng=1)
    assert [(each.name, each.method) for each in found.findings] == [("mean loss", "cost")]


def test_right_models_pass():
    three = np.arange(N) % 3
    models = [
        Right(),
        st.models.LinearRegression(X, X @ [1.0, 2.0, 3.0], prior_precision=PRIOR),
        st.models.LogisticRegression(X, Y, prior_precision=PRIOR),
        st.models.PoissonRegression(X, three, prior_precision=PRIOR),
        st.models.ProbitRegression(X, Y, prior_precision=PRIOR),
        st.models.SoftmaxRegression(X, three, prior_precision=PRIOR),
        ReLUNetwork(X, three, hidden=6, prior_precision=PRIOR),
        ReLUNetwork(X, three, hidden=6, prior_precision=PRIOR, dtype="float64"),
    ]
    for model in models:
        for seed in range(3):
            found = check(model, np.random.default_rng(seed).standard_normal(model.dimension), rng=seed)
            assert found.ok, found
            assert found.missing == {}


def test_what_a_model_lacks_is_said():
    class Least:
        train_size, dimension = N, P
        minibatch_gradient = Right.minibatch_gradient
        model = LogisticRegression(X, Y)

    found = check(Least(), W, rng=0)
    assert found.ok and "minibatches" in found.examined
    assert set(found.missing) == set(LOST) - {"minibatch_gradient"}
    assert "without gradient" in repr(found)


def test_the_scale_of_the_data_does_not_matter():
    """The same mistakes in other units of the inputs."""
    for scale in (1e-6, 1e6):
        model = LogisticRegression(scale * X, Y, prior_precision=PRIOR * scale**2)
        assert check(Right(model), W / scale, rng=0).ok

        class Mean(Right):
            def cost(self, w):
                return self.model.cost(w) / N

        assert [each.name for each in check(Mean(model), W / scale, rng=0).findings] == ["mean loss", "mean loss"]


def test_single_precision_is_found_out_and_held_to_its_own_accuracy():
    class Single(Right):
        def gradient(self, w):
            return self.model.gradient(w.astype(np.float32)).astype(np.float32).astype(float)

        def cost(self, w):
            return float(np.float32(self.model.cost(w.astype(np.float32))))

    assert check(Single(), W, rng=0).ok

    class Turned(Single):
        def cost(self, w):
            return -super().cost(w)

    assert {each.name for each in check(Turned(), W, rng=0).findings} >= {"sign"}


def test_only_unusable_input_is_refused():
    with pytest.raises(InvalidInputError, match="model must be a model, an object with train_size, dimension"):
        check(3, W)
    with pytest.raises(InvalidInputError, match=r"w must have shape \(3,\)"):
        check(Right(), [1.0])

    class Nothing:
        train_size, dimension = N, P

    with pytest.raises(InvalidInputError, match="must have one of minibatch_gradient, gradient"):
        check(Nothing(), W)


def test_the_table_of_the_protocol_is_what_check_says():
    text = " ".join(st.models.Model.__doc__.split())
    for name in LOST:
        assert f"``{name}``" in text
        assert callable(getattr(st.models.Model, name))


def test_a_function_model_is_checked():
    model = FunctionModel(
        lambda w: float(np.log(np.cosh(w - X)).sum()), lambda w, i: np.tanh(w - X[i]),
        lambda w, v: np.sum(v / np.cosh(w - X) ** 2, axis=0), train_size=N, dimension=P,
    )  # fmt: skip
    assert check(model, W, rng=0).ok
