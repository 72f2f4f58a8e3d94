"""A model with formulas of its own, as Laplace's method sees it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ... import _validate
from ...errors import InvalidInputError
from ...models._consistency import check

Array = NDArray[np.float64]

REMEDY = (
    "Laplace's method takes any model with dimension, cost(w), gradient(w) and hessian(w) or "
    "hessian_vector_product(w, v), where cost = -ln P(y|w) + prior_precision·|w|²/2, with every constant of the "
    "likelihood. Models that have none of them are built from functions: WeightModel(log_likelihood=..., "
    "log_prior=..., start=...). Linear models have an exact evidence: LinearModel."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnModel:
    """The methods that a user has written, with another Gaussian prior in place of the model's own."""

    model: Any
    prior_precision: float
    batches: bool

    @property
    def dimension(self) -> int:
        """Number of weights."""
        return int(self.model.dimension)

    @property
    def train_size(self) -> int:
        """Number of examples, or one: costs are evaluated point by point."""
        return int(getattr(self.model, "train_size", 1))

    @property
    def n_classes(self) -> int:
        """Number of classes, or one."""
        return int(getattr(self.model, "n_classes", 1) or 1)

    @property
    def _difference(self) -> float:
        return self.prior_precision - float(getattr(self.model, "prior_precision", 0.0))

    def cost(self, w: Array) -> Any:
        """Return C(w), shape (...), one call of the model's cost for each point unless it takes many."""
        points = w.reshape(-1, self.dimension)
        if self.batches:
            costs = _validate.reals("cost(w)", self.model.cost(points), shape=(len(points),))
        else:
            costs = np.array([_validate.real("cost(w)", self.model.cost(point)) for point in points])
        total = costs + 0.5 * self._difference * np.sum(points**2, axis=1)
        return float(total[0]) if w.ndim == 1 else total.reshape(w.shape[:-1])

    def gradient(self, w: Array) -> Array:
        """Return ∇C(w)."""
        own = _validate.reals("gradient(w)", self.model.gradient(w), shape=(self.dimension,))
        return own + self._difference * w

    def hessian(self, w: Array) -> Array:
        """Return ∇∇C(w), from products if the model has no more."""
        if hasattr(self.model, "hessian"):
            own = self.model.hessian(w)
        else:
            own = np.stack([self.model.hessian_vector_product(w, unit) for unit in np.eye(self.dimension)], axis=1)
        matrix = _validate.reals("hessian(w)", own, shape=(self.dimension, self.dimension))
        return 0.5 * (matrix + matrix.T) + self._difference * np.eye(self.dimension)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCoordinates:
    """The model's own weights, unrotated: nothing is known of how the data see them."""

    model: Any
    batches: bool

    @classmethod
    def of(cls, model: Any) -> OwnCoordinates:
        """Check that the model has what Laplace's method needs, and that its parts agree."""
        needed = [name for name in ("dimension", "cost", "gradient") if not hasattr(model, name)]
        if not (hasattr(model, "hessian") or hasattr(model, "hessian_vector_product")):
            needed.append("hessian")
        if needed:
            raise InvalidInputError(
                f"model must have {', '.join(needed)}; got {type(model).__name__}, which has not. {REMEDY}"
            )
        check(model, np.zeros(int(model.dimension)), ("cost", "gradient", "hessian"))
        return cls(model=model, batches=_takes_batches(model))

    def precision(self, prior_precision: float) -> float:
        """Return λ itself."""
        return prior_precision

    def at(self, prior_precision: float) -> OwnModel:
        """Return the model with another prior."""
        return OwnModel(model=self.model, prior_precision=prior_precision, batches=self.batches)

    def lift(self, reduced: Array) -> Array:
        """Return the weights themselves."""
        return reduced

    def lower(self, w: Array) -> tuple[Array, Array]:
        """Return the weights themselves, of which nothing is left."""
        return w, np.zeros(0)

    @property
    def unit(self) -> int:
        """Weights have their own unit, 2⁰."""
        return 0

    def near(self, prior_precision: float, start: Array) -> Array:
        """Return a point near a minimum, by a search in a trust region, which needs no convexity."""
        model = self.at(prior_precision)
        with np.errstate(over="ignore"):
            return optimize.minimize(
                model.cost, start, method="trust-exact", jac=model.gradient, hess=model.hessian, options={"gtol": 1e-6}
            ).x


def _takes_batches(model: Any) -> bool:
    """Return whether cost takes weights (m, p) to (m,), as the models of this package do; it need not."""
    points = 0.1 * np.random.default_rng(0).standard_normal((3, int(model.dimension)))
    single = np.array([float(model.cost(point)) for point in points])
    with contextlib.suppress(Exception), np.errstate(all="ignore"):  # whatever a function for one point does with three
        found = np.asarray(model.cost(points))
        return found.shape == (3,) and bool(np.allclose(found, single, rtol=1e-9))
    return False
