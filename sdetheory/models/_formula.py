"""Whose formulas a model obeys: those of a class of this package, or its own.

A fast path (a compiled kernel, a closed form) computes what a class's methods say, without calling them. So it belongs
to the class that was written with it, and stands only as long as a model's methods are that class's. Code that has a
fast path asks the model for what that is made of, never for its class:

    likelihood = likelihood_of(model)
    if likelihood is not None: ...

A subclass that overrides nothing keeps the fast path. One that overrides any method, property or helper of the class,
be it in its own body, in a mixin or on one instance, is ``None`` to every fast path, and is served by its methods or
refused. What only reads off results (`MEASURES`) may be overridden freely.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Kind = TypeVar("Kind", bound=type)

MEASURES = frozenset({"accuracy", "loss", "initial"})
"""Methods for which no fast path stands."""

_written: dict[type, dict[str, Any]] = {}
"""The classes that are declared, with what their names meant when they were."""

_with_formulas: set[type] = set()


def extensible(kind: Kind) -> Kind:
    """Remember what the names of a class mean; the outermost decorator, as slots make a new class."""
    names = {name for each in kind.__mro__[:-1] for name in vars(each) if not name.startswith("__")}
    _written[kind] = {name: _meaning(kind, name) for name in names}
    return kind


def declared(kind: Kind) -> Kind:
    """Take a class as one whose formulas a fast path may know."""
    _with_formulas.add(kind)
    return extensible(kind)


def declaring_class(kind: type) -> type | None:
    """Return the declared class that a class is or descends from; None for a class of the user's own."""
    return next((each for each in kind.__mro__ if each in _written), None)


def overridden(model: Any) -> set[str]:
    """Return which names of the declared class mean something else on this model."""
    kind = type(model)
    base = declaring_class(kind)
    if base is None:
        return set()
    own = getattr(model, "__dict__", {})
    found = {name for name, meaning in _written[base].items() if _differs(_meaning(kind, name), meaning)}
    found |= {name for name in own if name in _written[base] and callable(own[name])}
    return found if kind.__getattribute__ is object.__getattribute__ else found | {"__getattribute__"}


def formula_of(model: Any) -> type | None:
    """Return the declared class whose formulas are the model's, or None if it has formulas of its own."""
    base = declaring_class(type(model))
    return None if base not in _with_formulas or overridden(model) - MEASURES else base


def likelihood_of(model: Any) -> Any:
    """Return the likelihood of the examples given their products with weights; None if the model obeys no such."""
    return None if formula_of(model) is None else getattr(model, "likelihood", None)


def stated(model: Any, names: tuple[str, ...]) -> list[str]:
    """Return which methods a user has written: of a subclass those that it overrides, of other models all it has."""
    if declaring_class(type(model)) not in _with_formulas:
        return [name for name in names if callable(getattr(model, name, None))]
    own = getattr(model, "__dict__", {})
    written = overridden(model)
    return [name for name in names if name in written and (name in own or not derived(type(model), name))]


def derived(kind: type, name: str) -> bool:
    """Whether a method was made from one that the class overrides."""
    return _meaning(kind, name) in _DERIVED


def _meaning(kind: type, name: str) -> Any:
    """Return what a class has under a name, without calling a descriptor."""
    for each in kind.__mro__:
        if name in each.__dict__:
            return each.__dict__[name]
    return None


def _differs(found: Any, meaning: Any) -> bool:
    if found is meaning:
        return False
    # Another default of a field is data, which a fast path reads like any other; a property may be anything.
    is_field = hasattr(type(meaning), "__set__") and not isinstance(meaning, property)
    return not is_field or hasattr(type(found), "__get__")


class ModelBase:
    """Base of the models: a subclass may override any of the methods, and what is inherited follows.

    A subclass that writes `per_example_gradients` alone gets `gradient`, `minibatch_gradient` and `weighted_gradient`
    from it; one that writes `minibatch_gradient` or `weighted_gradient` alone gets the others from that. `hessian` and
    `hessian_vector_product` follow each other. A method that a subclass writes is never replaced. `cost` follows
    nothing: write it too where it is to be used.
    """

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        base = declaring_class(cls)
        if base is None:
            return
        meanings = {name: _meaning(cls, name) for name in _written[base]}
        written = {n for n, m in meanings.items() if m is not _written[base][n] and m not in _DERIVED}
        for group in (_FROM_GRADIENTS, _FROM_HESSIANS):
            source = next((name for name in group if name in written), None)
            for name, function in group.get(source, {}).items():
                if name in meanings and name not in written:
                    setattr(cls, name, function)


def _sum_of_examples(self: Any, w: ArrayLike) -> Array:
    """Return the sum of the gradients of the examples."""
    return np.sum(self.per_example_gradients(w), axis=0)


def _batch_of_examples(self: Any, w: Array, indices: NDArray[np.integer]) -> Array:
    """Return (n/B) Σ ∇Cᵢ(w) over the indices."""
    return self.train_size / len(indices) * np.sum(np.asarray(self.per_example_gradients(w))[indices], axis=0)


def _weighted_examples(self: Any, w: ArrayLike, weights: ArrayLike) -> Array:
    """Return Σᵢ aᵢ ∇Cᵢ(w) from the gradients of the examples."""
    return np.asarray(weights, dtype=np.float64) @ np.asarray(self.per_example_gradients(w))


def _whole_batch(self: Any, w: ArrayLike) -> Array:
    """Return the gradient as the estimate by a batch of all examples."""
    return self.minibatch_gradient(np.asarray(w), np.arange(self.train_size))


def _batches_of_one(self: Any, w: ArrayLike) -> Array:
    """Return the gradients of the examples as estimates by batches of one."""
    n = self.train_size
    return np.stack([np.asarray(self.minibatch_gradient(np.asarray(w), np.array([i]))) / n for i in range(n)])


def _weights_of_all(self: Any, w: ArrayLike) -> Array:
    """Return the gradient as the weighted gradient with all weights 1."""
    return self.weighted_gradient(w, np.ones(self.train_size))


def _weights_of_one(self: Any, w: ArrayLike) -> Array:
    """Return the gradients of the examples as weighted gradients."""
    return np.stack([self.weighted_gradient(w, weights) for weights in np.eye(self.train_size)])


def _weights_of_a_batch(self: Any, w: Array, indices: NDArray[np.integer]) -> Array:
    """Return (n/B) Σ ∇Cᵢ(w) as a weighted gradient."""
    n = self.train_size
    return self.weighted_gradient(w, n / len(indices) * np.bincount(indices, minlength=n))


def _product_of_hessian(self: Any, w: ArrayLike, v: ArrayLike) -> Array:
    """Return ∇∇C(w) v from the Hessian."""
    return np.asarray(self.hessian(w)) @ np.asarray(v)


def _hessian_of_products(self: Any, w: ArrayLike) -> Array:
    """Return the Hessian, column by column."""
    return np.stack([self.hessian_vector_product(w, v) for v in np.eye(self.dimension)], axis=1)


# The first of these that a subclass writes makes those that it does not.
_FROM_GRADIENTS: dict[Any, dict[str, Any]] = {
    "per_example_gradients": {
        "gradient": _sum_of_examples,
        "minibatch_gradient": _batch_of_examples,
        "weighted_gradient": _weighted_examples,
    },
    "minibatch_gradient": {
        "gradient": _whole_batch,
        "per_example_gradients": _batches_of_one,
        "weighted_gradient": _weighted_examples,
    },
    "weighted_gradient": {
        "gradient": _weights_of_all,
        "per_example_gradients": _weights_of_one,
        "minibatch_gradient": _weights_of_a_batch,
    },
}
_FROM_HESSIANS: dict[Any, dict[str, Any]] = {
    "hessian_vector_product": {"hessian": _hessian_of_products},
    "hessian": {"hessian_vector_product": _product_of_hessian},
}
_DERIVED = {f for group in (_FROM_GRADIENTS, _FROM_HESSIANS) for made in group.values() for f in made.values()}
