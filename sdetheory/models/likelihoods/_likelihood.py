"""What a likelihood says of examples with linear predictors z = x·w, and what follows from it for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ... import _validate
from ._normal import normal_average

Array = NDArray[np.float64]


class Arrays:
    """The functions that formulas are made of, on arrays; the simulators have the same ones on symbols."""

    abs = staticmethod(np.abs)
    expit = staticmethod(special.expit)
    select = staticmethod(np.where)

    @staticmethod
    def exp(z: Any) -> Any:
        """Return e^z, infinite where it overflows."""
        with np.errstate(over="ignore"):
            return np.exp(z)


class Likelihood:
    """The cost ℓ(z, y) = −ln P(y | z) of an example, its derivatives in z, and what it predicts.

    `slope` and `curvature` are written once, by operators and the functions of `f`, for arrays and for the compiled
    kernels of the simulators. The curvature is never negative, so that costs are convex.

    Attributes
    ----------
    name : str
        What the regression is called.
    n_classes : int or None
        Number of labels that there are, of which the null model guesses one.
    quadratic : bool
        Whether ℓ is quadratic in z: then gradients are linear, and evidences exact.
    outputs : int
        Number of products of an example with weights.
    compiled : bool
        Whether kernels are made of the formulas.
    steepness : callable or None
        A bound of |∂ ln ℓ″/∂z|, by which an error of z becomes one of ln ℓ″, as a function of z; None if it is one.
    methods : tuple of str
        How predictions are averaged over normal z, the default first; see :meth:`sdetheory.evidence.Laplace.predict`.
    """

    name: str
    n_classes: int | None = None
    quadratic = False
    outputs = 1
    compiled = True
    methods: tuple[str, ...] = ("quadrature",)
    steepness: Callable[[Array], Array] | None = None

    # What each likelihood writes: ℓ, its derivatives, which take the functions f, and the mean of y (of two classes,
    # P(y = 1)); ℓ with those constants that make P sum to one over the labels.
    cost: Any
    slope: Any
    curvature: Any
    mean: Any

    def labels(self, y: ArrayLike) -> NDArray[Any]:
        """Return labels y, shape (n,), if they are such as the likelihood admits: classes, or counts."""
        return _validate.integers("y", y, at_least=0, at_most=None if self.n_classes is None else self.n_classes - 1)

    def total(self, z: Array, y: NDArray[Any]) -> Any:
        """Return the sum of ℓ over the last axis of z."""
        return self.cost(z, y).sum(axis=-1)

    def slopes(self, z: list[Any], y: Any, f: Any) -> list[Any]:
        """Return the slopes in each of the outputs, for a kernel."""
        return [self.slope(z[0], y, f)]

    def information(self, z: Array) -> Array:
        """Return the Fisher information of y about z: the curvature, averaged over y. Here it does not depend on y."""
        return self.curvature(z, 0)

    def null(self, y: NDArray[Any]) -> float:
        """Return the cost of examples to which all weights are zero, which the null model says of all."""
        return float(self.total(np.zeros(len(y)), y)) if self.n_classes is None else len(y) * math.log(self.n_classes)

    def average(self, mean: Array, deviation: Array, method: str) -> Array:
        """Return the mean of y, averaged over z ~ N(mean, deviation²), by one of the methods."""
        return normal_average(self.mean, mean, deviation)
