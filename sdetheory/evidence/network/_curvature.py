"""The Gauss–Newton matrix JᵀΛJ = BᵀB of a model that knows the derivatives of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ...models._consistency import check
from ...models._formula import overridden

Array = NDArray[np.float64]

LARGEST = 10_000
"""Largest order of a matrix that is decomposed: two of them, 1.6 GB, at 10,000."""
_PRODUCTS = ("jacobian_vector_product", "vector_jacobian_product", "curvature_factors")
_COSTS = {"cost", "loss", "gradient", "minibatch_gradient", "weighted_gradient", "per_example_gradients", "hessian"}
_ADJOINT = 1e-6
"""Relative error beyond which two products do not belong to one Jacobian; single precision stays below."""


class HasJacobian(Protocol):
    """A model that knows the derivatives of its outputs."""

    def jacobian_vector_product(self, w: Any, v: Any) -> Any:
        """Return J(w) v, shape (n, k)."""
        ...

    def vector_jacobian_product(self, w: Any, u: Any) -> Any:
        """Return J(w)ᵀ u, shape (p,)."""
        ...

    def curvature_factors(self, w: Any) -> Any:
        """Return R, shape (n, m, k)."""
        ...


def has_jacobian(model: Any) -> bool:
    """Whether a model answers for the derivatives of its outputs."""
    return all(callable(getattr(model, name, None)) for name in _PRODUCTS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curvature:
    """B = R J at weights w: how to multiply by it, and its Gram matrix.

    Parameters
    ----------
    model : object
        What has the products.
    weights : ndarray, shape (p,)
        w.
    factors : ndarray, shape (n, m, k)
        R, whose squares are the Hessians of −ln P in the k outputs of an example.
    has_gram : bool
        Whether B Bᵀ comes from the model, or is made of products.
    """

    model: Any
    weights: Array
    factors: Array
    has_gram: bool

    @classmethod
    def of(cls, model: Any, name: str, w: ArrayLike) -> Curvature:
        """Ask a model, after checks that its parts belong together; `name` is that of the argument w."""
        if not has_jacobian(model):
            raise InvalidInputError(
                f"model must have {', '.join(_PRODUCTS)}, the derivatives of its outputs; got {type(model).__name__}, "
                "which has not. Networks of this package have them; others are served by laplace(model, λ)."
            )
        written = overridden(model)
        if written & _COSTS and not written >= set(_PRODUCTS):
            raise InvalidInputError(
                f"{type(model).__name__} overrides {', '.join(sorted(written & _COSTS))}, so that inherited "
                f"derivatives of outputs may belong to another cost; override {', '.join(_PRODUCTS)} too"
            )
        p, n = int(model.dimension), int(model.train_size)
        weights = _validate.reals(name, w, shape=(p,))
        check(model, weights, ("cost", "gradient"))
        factors = _validate.reals("curvature_factors(w)", model.curvature_factors(weights), shape=(n, None, None))
        gram = callable(getattr(model, "jacobian_gram", None))
        # A Gram matrix that is inherited knows nothing of products that are not.
        own = gram and ("jacobian_gram" in written or not written & set(_PRODUCTS))
        curvature = cls(model=model, weights=weights, factors=factors, has_gram=own)
        curvature._check_products()
        return curvature

    @property
    def rows(self) -> int:
        """Number n m of rows of B."""
        return self.factors.shape[0] * self.factors.shape[1]

    @property
    def dual(self) -> bool:
        """Whether B Bᵀ is smaller than BᵀB."""
        return self.rows < self.weights.size

    def forward(self, v: Array) -> Array:
        """Return B v, shape (n m,)."""
        n, _, k = self.factors.shape
        moved = _validate.reals(
            "jacobian_vector_product(w, v)", self.model.jacobian_vector_product(self.weights, v), shape=(n, k)
        )
        return (self.factors @ moved[:, :, None]).ravel()

    def backward(self, u: Array) -> Array:
        """Return Bᵀ u, shape (p,)."""
        n, m, _ = self.factors.shape
        back = (u.reshape(n, 1, m) @ self.factors)[:, 0]
        return _validate.reals(
            "vector_jacobian_product(w, u)",
            self.model.vector_jacobian_product(self.weights, back),
            shape=(self.weights.size,),
        )

    def product(self, v: Array) -> Array:
        """Return BᵀB v."""
        return self.backward(self.forward(v))

    def matrix(self) -> Array:
        """Return the smaller one of B Bᵀ and BᵀB."""
        size = min(self.rows, self.weights.size)
        if size > LARGEST:
            raise InvalidInputError(
                f"the evidence of {type(self.model).__name__} needs a matrix of order {size}, the smaller one of "
                f"{self.rows} = examples × (classes − 1) and {self.weights.size} weights; up to {LARGEST} is made. "
                "Take lanczos_evidence(model, λ, about=w), which samples, or fewer examples."
            )
        return self.gram() if self.dual else self._columns(self.product, size)

    def gram(self) -> Array:
        """Return B Bᵀ."""
        if self.has_gram:
            found = self.model.jacobian_gram(self.weights, self.factors)
            return _validate.reals("jacobian_gram(w, factors)", found, shape=(self.rows, self.rows))
        return self._columns(lambda u: self.forward(self.backward(u)), self.rows)

    @staticmethod
    def _columns(product: Any, size: int) -> Array:
        matrix = np.empty((size, size))
        for j in range(size):
            unit = np.zeros(size)
            unit[j] = 1.0
            matrix[j] = product(unit)
        return 0.5 * (matrix + matrix.T)

    def _check_products(self) -> None:
        """Refuse products that are not those of one Jacobian, as ⟨u, Bv⟩ = ⟨Bᵀu, v⟩."""
        rng = np.random.default_rng(0)
        v, u = rng.standard_normal(self.weights.size), rng.standard_normal(self.rows)
        ahead, back = self.forward(v), self.backward(u)
        size = float(np.linalg.norm(u) * np.linalg.norm(ahead) + np.linalg.norm(v) * np.linalg.norm(back))
        one, two = float(u @ ahead), float(back @ v)
        if abs(one - two) > _ADJOINT * size:
            raise InvalidInputError(
                "jacobian_vector_product and vector_jacobian_product must be J v and Jᵀ u of one Jacobian: u·(Jv) is "
                f"{one:.6g} and (Jᵀu)·v is {two:.6g}, weighted by curvature_factors, for vectors at random"
            )
