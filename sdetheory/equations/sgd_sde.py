"""The stochastic differential equation of SGD on a model with data."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _validate
from ..errors import IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..optimizers import Adam, RMSprop
from .adaptive import adaptive_sde
from .sgd_equation import SGDEquation, check_consistency


def sgd_sde(
    model: Any, hp: SGDHyperparameters, *, order: int = 1, temperature: float = 0.0, optimizer: Any = "sgd"
) -> SGDEquation:
    r"""Return the stochastic differential equation of SGD on a model.

    .. math::
        dw = -\nabla C\, dt + \sqrt{g F(w) + 2 T I}\, dW, \qquad
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
    temperature : float
        T ≥ 0 of :func:`sgd`, in units of the total cost; order 1 alone.
    optimizer : {"sgd"}, Adam or RMSprop
        What makes the steps. The other two have equations of their own, of more variables: see the Notes.

    Returns
    -------
    SGDEquation or AdaptiveEquation
        An SDE that :func:`simulate` takes. One step of SGD lasts ``hp.step_time``; ``dt`` may be far shorter.

    Raises
    ------
    InvalidInputError
        A model without these methods or that contradicts itself, hyperparameters that are arrays, or of another number
        of examples.
    IncompatibleError
        Order 2 with momentum, at a temperature, or for a model without second derivatives; Adam or RMSprop with any of
        these or without noise.

    Notes
    -----
    A Gaussian vector of covariance F needs no matrix square root: N Gaussian weights on the centred gradients have it.
    An Euler–Maruyama step is then *one* weighted gradient, Σᵢ aᵢ ∇Cᵢ(w) with aᵢ = −dt + √(dt g/(N − 1)) (ξᵢ − ξ̄), so
    that drift and noise together cost what a gradient costs. Regressions on one product x·w run in a compiled kernel,
    other models path by path. Normals come from the stream that all simulators use: the bits of a path depend on
    neither the number of threads (if the model's own methods do not) nor that of paths.

    Poisson sampling has more noise where there is a gradient, as the number of examples of a batch varies: F becomes
    F + ∇C ∇Cᵀ/(N(N − 1)), which is Σᵢ ∇Cᵢ ∇Cᵢᵀ/(N − 1), and the weights of the examples in its factor are not centred.

    Momentum enters through the factor in g and in the time of a step alone: this is the overdamped limit, right for
    times long against the 1/(1 − m) steps of memory. Within these, and for the order in ε, it says nothing.

    Order 2 describes expectations after a fixed time. Its *stationary* covariance is no better than that of order 1,
    and its correction has the wrong sign: with curvature a of the mean loss the variance is εσ²/(a(2 + εa)), where SGD
    has εσ²/(a(2 − εa)).

    *RMSprop* divides by P = √s + δ, and s, the average of squares of the mean gradient of a batch, tends to what is
    expected of these, G² = q diag F + (∇C/N)² with q = g/(εN). In the same time, in which a step lasts h = ε/N,

    .. math::
        dw = -P^{-1} (\nabla C\, dt + \sqrt{g F}\, dW), \qquad
        ds = \frac{1 - \beta}{h} (G^2 - s)\, dt .

    *Adam* averages gradients too, and both averages are divided by γᵢ(t) = 1 − exp(−(1 − βᵢ) t/h), t being the time
    since training began:

    .. math::
        dw = -N P^{-1} \frac{m}{\gamma_1}\, dt, \quad
        dm = \frac{1 - \beta_1}{h} \Bigl( \frac{\nabla C}{N} - m \Bigr) dt
        + \frac{1 - \beta_1}{hN} \sqrt{g F}\, dW, \quad
        ds = \frac{1 - \beta_2}{h} (G^2 - s)\, dt, \quad P = \sqrt{s / \gamma_2} + \delta .

    The state is (w, s), or (w, m, s); ``state(w)`` makes it. These are weak approximations of order 1 in ε² where noise
    dominates: for gradients whose noise, and δ, grow as 1/ε, with 1 − β ∝ ε². The paper leaves (∇C/N)² out of G², which
    is of that order then; with it the mean of s is right at any noise. The noise must have little skewness, as it has
    where batches are large: else those of the gradient and of its square, which are then correlated, leave an error of
    order ε. From s = 0 the error is ε² ln(1/ε), as the first steps are of single gradients. RMSprop of :func:`sgd` has
    the square of the present gradient in s, which changes nothing to this order.

    References
    ----------
    S. L. Smith and Q. V. Le, arXiv:1710.06451, Section 5 (Eq. 11). Q. Li, C. Tai and W. E, "Stochastic Modified
    Equations and Dynamics of Stochastic Gradient Algorithms I", JMLR 20 (2019), Theorem 9, where the cost is the mean
    and η = ε. S. Malladi, K. Lyu, A. Panigrahi and S. Arora, "On the SDEs and scaling rules for adaptive gradient
    algorithms", NeurIPS 2022, arXiv:2205.10287, Section 4, where a step lasts η² and s is σ²u.

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
    order = _validate.integer("order", order, at_least=1, at_most=2)
    if not isinstance(optimizer, (Adam, RMSprop)):
        _validate.choice("optimizer", optimizer, ("sgd",))
    temperature = _validate.real("temperature", temperature, at_least=0.0)
    if isinstance(optimizer, (Adam, RMSprop)):
        return adaptive_sde(model, hp, optimizer, order, temperature)
    if order == 2:
        if temperature:
            raise IncompatibleError(
                f"order 2 is known for the noise of minibatches, which falls with the learning rate; that of a "
                f"temperature does not. Got temperature={temperature:g}: use order=1"
            )
        if hp.momentum or hp.dampening:
            raise IncompatibleError(
                f"order 2 is known for plain SGD; got momentum={hp.momentum:g}, dampening={hp.dampening:g}. Use order=1"
            )
        if not (hasattr(model, "hessian_vector_product") or hasattr(model, "hessian")):
            raise IncompatibleError(
                f"order 2 needs the model's hessian_vector_product or hessian; {type(model).__name__} has neither"
            )
    check_consistency(model, np.zeros(model.dimension), order)
    return SGDEquation(
        model,
        name="SGD",
        n_examples=model.train_size,
        noise_scale=float(hp.noise_scale),
        half_step=0.5 * hp.step_time if order == 2 else 0.0,
        temperature=temperature,
        centered=hp.sampling != "poisson",
    )


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
