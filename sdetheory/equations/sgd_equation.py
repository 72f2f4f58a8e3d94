"""An equation whose drift and noise are made of the gradients of a model's examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..models import _consistency
from .sde import SDE

Array = NDArray[np.float64]


class SGDEquation(SDE):
    """The equation of SGD on a model, built by :func:`sgd_sde`, or of Langevin on a model, by :func:`langevin`.

    Attributes
    ----------
    model : object
        The model.
    noise_scale : float
        g; 0 for the equation of Langevin.
    temperature : float
        T.
    order : int
        1 or 2: the weak order, in the learning rate, to which the equation describes SGD.
    centered : bool
        Whether the noise is of the gradients of the examples less their mean; not for Poisson sampling.
    """

    def __init__(
        self, model: Any, *, name: str, n_examples: int, temperature: float, noise_scale: float = 0.0,
        half_step: float = 0.0, centered: bool = True,
    ) -> None:  # fmt: skip
        self.model, self.noise_scale, self.temperature, self.half_step = model, noise_scale, temperature, half_step
        self.order, self.centered = 2 if half_step else 1, centered
        self.dimension, self.n_examples = model.dimension, n_examples
        # One for each example, and at a temperature one for each weight.
        self.n_noises = n_examples + (model.dimension if temperature or not n_examples else 0)
        self.noise, self.calculus, self.name = "general", "ito", f"{name} on {type(model).__name__}"
        self.underdamped = self._formulas = self._constant = None

    @property
    def numbers(self) -> list[float]:
        """What the equation is made of besides the model."""
        later = [] if self.centered and not self.temperature and self.n_examples else [
            float(self.centered), self.temperature, float(self.n_examples)
        ]  # fmt: skip
        return [self.noise_scale, self.half_step, *later]

    def drift(self, x: ArrayLike, time: float = 0.0) -> Array:
        """Return −∇C, modified for order 2, for weights of shape (..., p), as an array of the same shape."""
        points = self._points(x)
        flat = [self.step_gradient(w, None, 1.0) for w in points.reshape(-1, self.dimension)]
        return np.reshape(flat, points.shape)

    def diffusion(self, x: ArrayLike, time: float = 0.0) -> Array:
        """Return the factor √(g/(N − 1)) (∇Cᵢ − mean) of gF, for weights of shape (..., p): shape (..., p, N).

        Poisson sampling has no mean in it. At a temperature √(2T) I follows, which makes it (..., p, N + p); that is
        all that Langevin's equation has, (..., p, p).
        """
        points = self._points(x)
        thermal = np.sqrt(2 * self.temperature) * np.eye(self.dimension)[:, : self.n_noises - self.n_examples]
        thermal = np.broadcast_to(thermal, (*points.shape[:-1], *thermal.shape))
        if not self.n_examples:
            return thermal.copy()
        factors = self._factors(points.reshape(-1, self.dimension))
        return np.concatenate([factors.reshape(*points.shape, self.n_examples), thermal], axis=-1)

    def _factors(self, weights: Array) -> Array:
        """Return the factors (n, p, N) of gF for weights (n, p)."""
        gradients = np.array([self.model.per_example_gradients(w) for w in weights])
        if self.centered:
            gradients = gradients - gradients.mean(axis=1, keepdims=True)
        return np.sqrt(self.noise_scale / (self.n_examples - 1)) * gradients.transpose(0, 2, 1)

    def step_gradient(self, w: Array, weights: Array | None, dt: float) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w), and for order 2 what dt times the modified drift has besides −∇C; a is −dt for None."""
        if not self.n_examples:
            return -dt * np.asarray(self.model.gradient(w), dtype=np.float64)
        weights = np.full(self.n_examples, -dt) if weights is None else weights
        total = weighted_gradient(self.model, w, weights)
        if self.half_step:
            gradient = self.model.gradient(w)
            total = total - dt * self.half_step * hessian_vector_product(self.model, w, gradient)
        return total


def check_consistency(model: Any, w: Array, order: int, *, whole: bool = False) -> None:
    """Refuse a model whose methods, of those that the equation is made of, contradict each other near w.

    An equation without minibatches takes the gradient of the whole cost alone.
    """
    uses = [name for name in ("weighted_gradient", "per_example_gradients") if hasattr(model, name)]
    if whole:
        uses = ["gradient"]
    elif order == 2:
        second = [name for name in ("hessian_vector_product", "hessian") if hasattr(model, name)]
        uses += ["gradient", *second[:1]]
    _consistency.check(model, w, tuple(uses))


def weighted_gradient(model: Any, w: Array, weights: Array) -> Array:
    """Return Σᵢ weightsᵢ ∇Cᵢ(w), by the model's own method where it has one."""
    if hasattr(model, "weighted_gradient"):
        return np.asarray(model.weighted_gradient(w, weights), dtype=np.float64)
    return weights @ np.asarray(model.per_example_gradients(w), dtype=np.float64)


def hessian_vector_product(model: Any, w: Array, v: Array) -> Array:
    """Return H(w) v, by the model's own method where it has one."""
    if hasattr(model, "hessian_vector_product"):
        return np.asarray(model.hessian_vector_product(w, v), dtype=np.float64)
    return np.asarray(model.hessian(w), dtype=np.float64) @ v
