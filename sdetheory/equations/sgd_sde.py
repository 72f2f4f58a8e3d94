"""The stochastic differential equation of SGD on a model with data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..models import _consistency
from .sde import SDE

Array = NDArray[np.float64]


class SGDEquation(SDE):
    """The equation of SGD on a model; built by :func:`sgd_sde`, where it is described.

    Attributes
    ----------
    model : object
        The model.
    noise_scale : float
        g.
    order : int
        1 or 2: the weak order, in the learning rate, to which the equation describes SGD.
    """

    def __init__(self, model: Any, hp: SGDHyperparameters, order: int) -> None:
        self.model, self.noise_scale, self.order = model, float(hp.noise_scale), order
        self.dimension, self.n_noises = model.dimension, model.train_size
        self.noise, self.calculus, self.name = "general", "ito", f"SGD on {type(model).__name__}"
        self.underdamped = self._formulas = self._constant = None
        self.half_step = 0.5 * hp.step_time if order == 2 else 0.0

    def drift(self, x: ArrayLike, time: float = 0.0) -> Array:
        """Return −∇C, modified for order 2, for weights of shape (..., p), as an array of the same shape."""
        points = self._points(x)
        flat = [self.step_gradient(w, np.full(self.n_noises, -1.0), 1.0) for w in points.reshape(-1, self.dimension)]
        return np.reshape(flat, points.shape)

    def diffusion(self, x: ArrayLike, time: float = 0.0) -> Array:
        """Return the (..., p, N) factor √(g/(N − 1)) (∇Cᵢ − mean) of gF, for weights of shape (..., p)."""
        points = self._points(x)
        gradients = np.array([self.model.per_example_gradients(w) for w in points.reshape(-1, self.dimension)])
        centered = gradients - gradients.mean(axis=1, keepdims=True)
        factor = np.sqrt(self.noise_scale / (self.n_noises - 1)) * centered
        return factor.transpose(0, 2, 1).reshape(*points.shape, self.n_noises)

    def step_gradient(self, w: Array, weights: Array, dt: float) -> Array:
        """Return Σᵢ aᵢ ∇Cᵢ(w), and for order 2 what dt times the modified drift has besides −∇C."""
        total = weighted_gradient(self.model, w, weights)
        if self.half_step:
            gradient = self.model.gradient(w)
            total = total - dt * self.half_step * hessian_vector_product(self.model, w, gradient)
        return total


def sgd_sde(model: Any, hp: SGDHyperparameters, *, order: int = 1) -> SGDEquation:
    r"""Return the stochastic differential equation of SGD on a model.

    .. math::
        dw = -\nabla C\, dt + \sqrt{g F(w)}\, dW, \qquad
        \sqrt{g F}\, dW = \sqrt{\frac{g}{N - 1}} \sum_{i=1}^N (\nabla C_i - \overline{\nabla C})\, dW_i,

    Itô, with g = ``hp.noise_scale`` and F the covariance of the gradients of the N examples (N − 1). For order 2 the
    drift is that of the cost which gradient descent with steps δ = ε/N descends to second order,

    .. math:: -\nabla \Bigl( C + \frac{\delta}{4} |\nabla C|^2 \Bigr) = -\nabla C - \frac{\delta}{2} H \nabla C .

    Parameters
    ----------
    model : object
        A model of the package, or anything with ``train_size``, ``dimension``, ``gradient(w)`` and
        ``per_example_gradients(w)``; with ``weighted_gradient(w, weights)`` = Σᵢ weightsᵢ ∇Cᵢ(w) no step forms the
        (N, p) array of gradients.
    hp : SGDHyperparameters
        Numbers, not arrays; its train_size must be the model's.
    order : {1, 2}
        Weak order in the learning rate. Order 2 needs ``hessian_vector_product(w, v)`` or ``hessian(w)``, and no
        momentum.

    Returns
    -------
    SGDEquation
        An SDE that :func:`simulate` takes. One step of SGD lasts ``hp.step_time``; ``dt`` may be far shorter.

    Raises
    ------
    InvalidInputError
        A model without these methods or that contradicts itself, hyperparameters that are arrays, or of another number
        of examples.
    IncompatibleError
        Order 2 with momentum, or for a model without second derivatives.

    Notes
    -----
    A Gaussian vector of covariance F needs no matrix square root: N Gaussian weights on the centred gradients have it.
    An Euler–Maruyama step is then *one* weighted gradient, Σᵢ aᵢ ∇Cᵢ(w) with aᵢ = −dt + √(dt g/(N − 1)) (ξᵢ − ξ̄), so
    that drift and noise together cost what a gradient costs. Regressions on one product x·w run in a compiled kernel,
    other models path by path. Normals come from the stream that all simulators use: the bits of a path depend on
    neither the number of threads (if the model's own methods do not) nor that of paths.

    Momentum enters through the factor in g and in the time of a step alone: this is the overdamped limit, right for
    times long against the 1/(1 − m) steps of memory. Within these, and for the order in ε, it says nothing.

    Order 2 describes expectations after a fixed time. Its *stationary* covariance is no better than that of order 1,
    and its correction has the wrong sign: with curvature a of the mean loss the variance is εσ²/(a(2 + εa)), where SGD
    has εσ²/(a(2 − εa)).

    References
    ----------
    S. L. Smith and Q. V. Le, arXiv:1710.06451, Section 5 (Eq. 11). Q. Li, C. Tai and W. E, "Stochastic Modified
    Equations and Dynamics of Stochastic Gradient Algorithms I", JMLR 20 (2019), Theorem 9, where the cost is the mean
    and η = ε.

    Examples
    --------
    >>> import sdetheory as st
    >>> model = st.models.LogisticRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [1, 0, 1], prior_precision=0.1)
    >>> hp = st.SGDHyperparameters(learning_rate=0.1, train_size=3, batch_size=1)
    >>> sde = st.sgd_sde(model, hp)
    >>> sde.drift([0.0, 0.0])
    array([0.5 , 1.75])
    >>> st.simulate(sde, [0.0, 0.0], dt=hp.step_time / 4, n_steps=100, n_paths=50, rng=1).final.shape
    (50, 2)
    """
    check_model(model, hp)
    if order not in (1, 2):
        raise InvalidInputError(f"order must be 1 or 2; got {order!r}")
    if order == 2:
        if hp.momentum or hp.dampening:
            raise IncompatibleError(
                f"order 2 is known for plain SGD; got momentum={hp.momentum:g}, dampening={hp.dampening:g}. Use order=1"
            )
        if not (hasattr(model, "hessian_vector_product") or hasattr(model, "hessian")):
            raise IncompatibleError(
                f"order 2 needs the model's hessian_vector_product or hessian; {type(model).__name__} has neither"
            )
    check_consistency(model, np.zeros(model.dimension), order)
    return SGDEquation(model, hp, order)


def check_model(model: Any, hp: Any) -> None:
    """Refuse what cannot be trained, and hyperparameters that are not those of one run on it."""
    missing = [
        name for name in ("train_size", "dimension", "gradient", "per_example_gradients") if not hasattr(model, name)
    ]
    if missing:
        raise InvalidInputError(f"model must have {', '.join(missing)}; {type(model).__name__} does not")
    if not isinstance(hp, SGDHyperparameters):
        raise InvalidInputError(f"hp must be SGDHyperparameters; got {type(hp).__name__}")
    if np.ndim(hp.step_time) or np.ndim(hp.noise_scale):
        raise InvalidInputError("hp must hold numbers, not arrays: there is one equation for each; make them in a loop")
    if hp.train_size != model.train_size:
        raise InvalidInputError(
            f"hp and model must have the same number of examples; got {hp.train_size} and {model.train_size}"
        )


def check_consistency(model: Any, w: Array, order: int) -> None:
    """Refuse a model whose methods, of those that the equation is made of, contradict each other near w."""
    uses = [name for name in ("weighted_gradient", "per_example_gradients") if hasattr(model, name)]
    if order == 2:
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
