"""Whose formulas a model obeys: what a subclass writes is what runs, and what it inherits follows."""

import dataclasses

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.models import (
    FunctionModel,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    ProbitRegression,
    ReLUNetwork,
    SoftmaxRegression,
    fisher_information,
)
from sdetheory.models._formula import formula_of, overridden

MODELS = [LinearRegression, LogisticRegression, PoissonRegression, ProbitRegression, SoftmaxRegression, ReLUNetwork]
RNG = np.random.default_rng(3)
X, LABELS = RNG.standard_normal((6, 2)), np.array([0, 1, 1, 0, 1, 0])
ROWS = RNG.standard_normal((6, 12))


def made(kind):
    return kind(X, LABELS, **({"hidden": 2, "dtype": "float64"} if issubclass(kind, ReLUNetwork) else {}))


@pytest.mark.parametrize("kind", MODELS)
def test_a_bare_subclass_keeps_the_formulas(kind):
    bare = type("Bare", (kind,), {"describe": lambda self: "more"})
    assert formula_of(made(kind)) is kind
    assert formula_of(made(bare)) is kind
    watched = type("Watched", (kind,), {"accuracy": lambda self, w: 0.0, "loss": lambda self, w: 0.0})
    assert formula_of(made(watched)) is kind


@pytest.mark.parametrize("kind", MODELS)
def test_whatever_is_overridden_ends_the_fast_path(kind):
    """Every method, property and helper, in a subclass, in a mixin, and on one instance."""
    names = [
        name
        for each in kind.__mro__[:-1]
        for name, thing in vars(each).items()
        if not name.startswith(("__", "_repr_")) and (callable(thing) or isinstance(thing, property))
    ]
    assert {"cost", "minibatch_gradient", "train_size"} <= {*names}
    for name in {*names} - {"accuracy", "loss", "initial"}:
        thing = next(vars(each)[name] for each in kind.__mro__ if name in vars(each))
        other = property(thing.fget) if isinstance(thing, property) else lambda self, *given, f=thing: f(self, *given)
        for bases in ((kind,), (type("Mixin", (), {name: other}), kind)):
            changed = type("Changed", bases, {name: other} if len(bases) == 1 else {})
            assert formula_of(made(changed)) is None and name in overridden(made(changed)), name
        if callable(thing):
            one = made(type("Bare", (kind,), {}))
            object.__setattr__(one, name, lambda *given: None)
            assert formula_of(one) is None and name in overridden(one), name


def test_a_field_of_a_subclass_is_data_and_a_property_is_not():
    @dataclasses.dataclass(frozen=True, eq=False)
    class Ridge(LinearRegression):
        prior_precision: float = 2.0

    class Noisy(LinearRegression):
        X = property(lambda self: np.ones((6, 2)), lambda self, value: None)

    assert formula_of(Ridge(X, LABELS)) is LinearRegression
    np.testing.assert_array_equal(Ridge(X, LABELS).hessian([0, 0]), X.T @ X + 2 * np.eye(2))
    noisy = object.__new__(Noisy)
    assert formula_of(noisy) is None and overridden(noisy) == {"X"}


def test_others_have_formulas_of_their_own():
    model = FunctionModel(len, len, len, train_size=1, dimension=1)
    assert formula_of(model) is None and formula_of(3) is None and not overridden(3)

    class Sneaky(LinearRegression):
        def __getattribute__(self, name):
            return super().__getattribute__(name)

    assert formula_of(made(Sneaky)) is None


def test_a_class_that_is_changed_itself_is_another(monkeypatch):
    monkeypatch.setattr(LinearRegression, "_slopes", lambda self, products, y: products)
    assert formula_of(made(LinearRegression)) is None


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("source", ["per_example_gradients", "minibatch_gradient", "weighted_gradient"])
def test_the_gradients_that_are_inherited_follow_the_one_that_is_written(kind, source):
    p = made(kind).dimension
    rows = np.tile(ROWS, (1, 3))[:, :p] + np.arange(p)
    written = {
        "per_example_gradients": lambda self, w: rows,
        "minibatch_gradient": lambda self, w, indices: 6 / len(indices) * rows[indices].sum(axis=0),
        "weighted_gradient": lambda self, w, weights: np.asarray(weights) @ rows,
    }
    model, w = made(type("Mine", (kind,), {source: written[source]})), np.zeros(p)
    few, weights = np.array([2, 2, 5]), np.arange(6.0)
    np.testing.assert_allclose(model.gradient(w), rows.sum(axis=0))
    np.testing.assert_allclose(model.per_example_gradients(w), rows)
    np.testing.assert_allclose(model.minibatch_gradient(w, few), 2 * rows[few].sum(axis=0))
    np.testing.assert_allclose(model.weighted_gradient(w, weights), weights @ rows)
    # What is written is not replaced, here or in a subclass of the subclass.
    for bases in ((kind,), (type("Mine", (kind,), {source: written[source]}),)):
        both = type("Both", bases, {source: written[source], "gradient": lambda self, w: "mine"})
        assert made(both).gradient(w) == "mine"
    again = made(type("Again", (type(model),), {"per_example_gradients": lambda self, w: 0 * rows}))
    assert not np.any(again.gradient(w))


def test_hessians_follow_each_other():
    H = np.array([[2.0, 1.0], [1.0, 3.0]])
    for written in ({"hessian": lambda self, w: H}, {"hessian_vector_product": lambda self, w, v: H @ v}):
        model = made(type("Mine", (LogisticRegression,), written))
        np.testing.assert_array_equal(model.hessian(np.zeros(2)), H)
        np.testing.assert_array_equal(model.hessian_vector_product(np.zeros(2), [1.0, 2.0]), H @ [1.0, 2.0])


def test_the_fisher_information_is_that_of_the_formula():
    bare = made(type("Bare", (LogisticRegression,), {}))
    w = np.array([0.3, -0.1])
    np.testing.assert_array_equal(fisher_information(bare, w), fisher_information(made(LogisticRegression), w))
    changed = made(type("Changed", (LogisticRegression,), {"_slopes": lambda self, products, y: products - y}))
    with pytest.raises(InvalidInputError, match=r"Changed, which overrides _slopes: the formula need not hold"):
        fisher_information(changed, w)
