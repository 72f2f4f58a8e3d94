"""The stochastic differential equations of RMSprop and Adam on a model with data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..optimizers import Adam, RMSprop, check_optimizer
from .sgd_equation import SGDEquation, check_consistency

Array = NDArray[np.float64]


class AdaptiveEquation(SGDEquation):
    """The equation of RMSprop or Adam on a model; built by :func:`sgd_sde`, where it is described.

    Attributes
    ----------
    model : object
        The model, with p weights.
    optimizer : Adam or RMSprop
        The optimizer.
    noise_scale : float
        g.
    step_time : float
        h = ε/N, the time of a step.
    dimension : int
        2p for RMSprop, whose state is (w, s), and 3p for Adam, whose state is (w, m, s).
    """

    def __init__(self, model: Any, hp: SGDHyperparameters, optimizer: Adam | RMSprop) -> None:
        super().__init__(
            model, name=type(optimizer).__name__, n_examples=model.train_size, temperature=0.0,
            noise_scale=float(hp.noise_scale), centered=hp.sampling != "poisson",
        )  # fmt: skip
        self.optimizer, self.step_time = optimizer, float(hp.step_time)
        self.n_weights = model.dimension
        self.dimension = (3 if isinstance(optimizer, Adam) else 2) * model.dimension
        # Of a mean gradient of a batch: what multiplies the variances of the gradients of the examples.
        self.share = self.noise_scale / (float(hp.learning_rate) * model.train_size)
        decays = (optimizer.beta1, optimizer.beta2) if isinstance(optimizer, Adam) else (0.0, optimizer.beta)
        self.forgets = tuple((1 - decay) / self.step_time for decay in decays)

    @property
    def numbers(self) -> list[float]:
        """What the equation is made of besides the model."""
        return [*super().numbers, self.share, *self.forgets, self.optimizer.floor, float(self.centered)]

    def state(self, w: ArrayLike, s: ArrayLike | None = None, m: ArrayLike | None = None) -> Array:
        """Return the state of given weights and averages, for paths to start at.

        Parameters
        ----------
        w : array_like, shape (..., p)
            Weights.
        s, m : array_like, shape (..., p), optional
            Averages of squares, and for Adam of gradients: of the *mean* gradient of a batch, in the units of
            :class:`Adam` and :class:`RMSprop`. By default zero, as optimizers start.

        Returns
        -------
        ndarray, shape (..., 2p) or (..., 3p)
            (w, s), or for Adam (w, m, s).

        Raises
        ------
        InvalidInputError
            Wrong shapes, a negative s, or an m for RMSprop, which has none.
        """
        weights = _validate.vectors("w", w, self.n_weights)
        squares = np.zeros_like(weights) if s is None else _validate.reals("s", s, at_least=0.0)
        if m is not None and not isinstance(self.optimizer, Adam):
            raise InvalidInputError("m must not be given for RMSprop, which averages no gradients")
        means = np.zeros_like(weights) if m is None else _validate.reals("m", m)
        for name, array in (("s", squares), ("m", means)):
            if array.shape != weights.shape:
                raise InvalidInputError(f"{name} must have the shape of w, {weights.shape}; got {array.shape}")
        parts = [weights, means, squares] if isinstance(self.optimizer, Adam) else [weights, squares]
        return np.concatenate(parts, axis=-1)

    def drift(self, x: ArrayLike, time: float = 0.0) -> Array:
        """Return the drift of states of shape (..., 2p) or (..., 3p), as an array of the same shape."""
        points, time = self._points(x), _validate.real("time", time, at_least=0.0)
        flat = [self._move(y, np.full(self.n_examples, -1.0), 1.0, time) for y in points.reshape(-1, self.dimension)]
        return np.reshape(flat, points.shape)

    def diffusion(self, x: ArrayLike, time: float = 0.0) -> Array:
        """Return the noise of states, shape (..., 2p or 3p, N): of RMSprop's weights, or of Adam's averages m."""
        points = self._points(x)
        flat = points.reshape(-1, self.dimension)
        factors = self._factors(flat[:, : self.n_weights])
        found = np.zeros((len(flat), self.dimension, self.n_examples))
        if isinstance(self.optimizer, Adam):
            found[:, self.n_weights : 2 * self.n_weights] = self.forgets[0] / self.n_examples * factors
        else:
            found[:, : self.n_weights] = factors / self._scale(flat[:, -self.n_weights :])[..., None]
        return found.reshape(*points.shape, self.n_examples)

    def _scale(self, squares: Array) -> Array:
        """Return √s + δ, refusing a state at which it is 0."""
        scale = np.sqrt(squares) + self.optimizer.floor
        if not scale.all():
            raise InvalidInputError(
                f"x must have √s + floor above 0, which the equation of {type(self.optimizer).__name__} divides by. "
                "Take sde.state(w, s) with averages of squares s that are not 0, or give the optimizer a floor."
            )
        return scale

    def _points(self, x: ArrayLike) -> Array:
        points = super()._points(x)
        if (points[..., -self.n_weights :] < 0).any():
            raise InvalidInputError("x must have averages of squares, its last p entries, that are not negative")
        return points

    def _move(self, x: Array, weights: Array, dt: float, time: float) -> Array:
        """Return how far a step of length dt goes from a state (2p,) or (3p,), for weights −dt + noise of examples."""
        p, (fast, slow) = self.n_weights, self.forgets
        rows = np.asarray(self.model.per_example_gradients(x[:p]), dtype=np.float64)
        pull, expected, squares = weights @ rows, self._expected(rows), x[-p:]
        change = slow * dt * (expected - squares)
        if not isinstance(self.optimizer, Adam):
            return np.concatenate([pull / self._scale(squares), change])
        means, n = x[p : 2 * p], self.n_examples
        if time > 0:
            unbiased, square = means / -np.expm1(-fast * time), squares / -np.expm1(-slow * time)
        else:  # where both averages are zero, what they tend to once they are divided
            unbiased, square = rows.mean(axis=0), expected
        average = -fast * (pull / n + dt * means)
        return np.concatenate([-n * dt * unbiased / self._scale(square), average, change])

    def _expected(self, rows: Array) -> Array:
        """Return the expected squares of the mean gradient of a batch, for the gradients (N, p) of the examples."""
        mean = rows.mean(axis=0)
        varied = rows - mean if self.centered else rows
        return self.share / (len(rows) - 1) * np.einsum("ij,ij->j", varied, varied) + mean**2

    def _check_start(self, points: Array, time: float, dt: float) -> None:
        """Refuse a state at which the equation says nothing about its optimizer, and steps that overshoot averages."""
        p, slow = self.n_weights, max(self.forgets if isinstance(self.optimizer, Adam) else self.forgets[1:])
        if dt * slow > 1:
            raise InvalidInputError(
                f"dt must be at most {1 / slow:.4g}, the memory of an average of {type(self.optimizer).__name__}; got "
                f"{dt:g}. One step of the optimizer lasts {self.step_time:.4g}."
            )
        if (points[:, -p:] < 0).any():
            raise InvalidInputError("x0 must have averages of squares, its last p entries, that are not negative")
        if time < 0 or (isinstance(self.optimizer, Adam) and time == 0 and points[:, p:].any()):
            raise InvalidInputError(
                "x0 must have averages of zero at start=0, where Adam begins, or start must be the later time at which "
                "they are these; sde.state(w) makes such a state"
            )
        if isinstance(self.optimizer, Adam) and time > 0 and not (points[:, -p:] + self.optimizer.floor).all():
            raise InvalidInputError("x0 must have averages of squares above 0 after start=0, as Adam has no floor here")
        if isinstance(self.optimizer, RMSprop):
            for point in np.unique(points, axis=0):
                rows = np.asarray(self.model.per_example_gradients(point[:p]), dtype=np.float64)
                # The size that s has after the first step.
                least = np.sqrt((1 - self.optimizer.beta) * self._expected(rows))
                scale = np.sqrt(point[-p:]) + self.optimizer.floor
                if (scale < least).any() or not scale.all():
                    raise InvalidInputError(
                        f"x0 must have averages of squares s with √s + floor ≥ {least.max():.4g}, what one step of "
                        "RMSprop brings: from less, the equation makes moves without bound that RMSprop does not. "
                        "Start from sde.state(w, s) with the s of a later step, or give the optimizer a floor."
                    )


def adaptive_sde(
    model: Any, hp: SGDHyperparameters, optimizer: Adam | RMSprop, order: int, temperature: float
) -> AdaptiveEquation:
    """Return the equation of Adam or RMSprop, or refuse what it does not go with; the rest was checked."""
    called = type(optimizer).__name__
    check_optimizer(optimizer)
    if hp.momentum or hp.dampening:
        raise IncompatibleError(f"{called} has averages of its own; give hp no momentum")
    if order == 2 or temperature:
        raise IncompatibleError(
            f"the equation of {called} is known to order 1 without a temperature; got order={order}, "
            f"temperature={temperature:g}"
        )
    if not hp.noise_scale:
        raise IncompatibleError(
            f"the equation of {called} is one for gradients that are mostly noise; batches of all {hp.train_size} "
            "examples have none. Use a smaller batch."
        )
    check_consistency(model, np.zeros(model.dimension), 1)
    return AdaptiveEquation(model, hp, optimizer)
