"""The Langevin equations of a landscape, or of the cost of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from .. import _validate
from ..errors import InvalidInputError
from ..landscapes import Landscape
from ..landscapes.landscape import gradient
from .sde import SDE
from .sgd_equation import SGDEquation, check_consistency


def langevin(landscape: Any, temperature: float) -> SDE:
    r"""Return the overdamped Langevin equation of a landscape, or of the cost of a model.

    .. math:: dw = -\nabla C(w)\, dt + \sqrt{2T}\, dW

    Parameters
    ----------
    landscape : Landscape, or a model
        The cost C. Of a model, which has ``dimension``, ``train_size`` and ``gradient(w)``, it is the *total* cost with
        the prior: at T = 1 the stationary density is the posterior.
    temperature : float
        T ≥ 0, in units of the cost. SGD has T = g f / 2 where its gradient covariance is F = f·I.

    Returns
    -------
    SDE
        The equation; its stationary density is ∝ e^{−C/T}. That of a model is an :class:`SGDEquation` without
        minibatches, which :func:`simulate` advances by Euler–Maruyama.

    Raises
    ------
    InvalidInputError
        The temperature is negative or not finite, or the first argument is neither a landscape nor a model, or a model
        that contradicts itself.

    Notes
    -----
    Euler–Maruyama at the step h samples a Gaussian e^{−C/T} of Hessian H with the covariance T (H − hH²/2)⁻¹. What
    minibatches do to it, that is SGLD, is :func:`sgd` at a temperature.

    References
    ----------
    .. [1] S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent",
       ICLR 2018, appendix A.

    Examples
    --------
    >>> import sdetheory as st
    >>> langevin(st.landscapes.double_well(), temperature=0.5).diffusion([0.0])
    array([[1.]])
    >>> model = st.models.LinearRegression([[1.0], [2.0]], [0.5, 3.0])
    >>> sde = langevin(model, temperature=1.0)
    >>> sde.drift([0.0]), st.simulate(sde, [0.0], dt=0.02, n_steps=100, n_paths=50, rng=1).final.shape
    (array([6.5]), (50, 1))
    """
    temperature = _validate.real("temperature", temperature, at_least=0.0)
    if not isinstance(landscape, Landscape) and all(
        hasattr(landscape, name) for name in ("train_size", "dimension", "gradient")
    ):
        check_consistency(landscape, np.zeros(landscape.dimension), 1, whole=True)
        return SGDEquation(landscape, name="Langevin", n_examples=0, temperature=temperature)
    landscape = _landscape(landscape)
    x = landscape.variables
    return SDE.from_sympy(
        [-slope for slope in gradient(landscape.expression, x)],
        [np.sqrt(2 * temperature)] * len(x),
        variables=x,
        parameters=landscape.parameters,
        time=_unused("t", landscape),
        name=f"Langevin equation of the {landscape.name} at temperature {temperature:g}",
    )


def underdamped_langevin(landscape: Landscape, temperature: float, *, friction: float, mass: float = 1.0) -> SDE:
    r"""Return the underdamped Langevin equation of a landscape: a particle with momentum.

    .. math:: dq = \frac{p}{m}\, dt, \qquad dp = -\nabla C(q)\, dt - \gamma p\, dt + \sqrt{2 \gamma m T}\, dW

    Parameters
    ----------
    landscape : Landscape
        The cost C.
    temperature : float
        T ≥ 0.
    friction : float
        γ > 0, a rate. For γ → ∞ and time counted in units of γm, the overdamped equation returns.
    mass : float
        m > 0.

    Returns
    -------
    SDE
        The equation for (q, p), 2d components; its stationary density is ∝ e^{−(C(q) + p²/2m)/T}. Sample it with
        ``method="baoab"``.

    Raises
    ------
    InvalidInputError
        A number out of range, or the first argument is not a landscape.

    References
    ----------
    .. [1] S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent",
       ICLR 2018, appendix D: SGD with momentum is read as this equation.

    Examples
    --------
    >>> import sdetheory as st
    >>> sde = underdamped_langevin(st.landscapes.quadratic(2.0), temperature=0.5, friction=1.0)
    >>> sde.drift([1.0, 3.0])
    array([ 3., -5.])
    """
    landscape = _landscape(landscape)
    temperature = _validate.real("temperature", temperature, at_least=0.0)
    friction = _validate.real("friction", friction, above=0.0)
    mass = _validate.real("mass", mass, at_least=float(np.finfo(np.float64).tiny))  # below it 1/m is no float
    x = landscape.variables
    momenta = [sympy.Symbol(_unused(f"p_{v.name}", landscape), real=True) for v in x]
    d = len(x)
    scale = float(np.sqrt(2 * friction * mass * temperature))
    sde = SDE.from_sympy(
        [p / mass for p in momenta]
        + [-slope - friction * p for slope, p in zip(gradient(landscape.expression, x), momenta, strict=True)],
        np.vstack([np.zeros((d, d)), scale * np.eye(d)]).tolist(),
        variables=[*x, *momenta],
        parameters=landscape.parameters,
        time=_unused("t", landscape),
        name=f"underdamped Langevin equation of the {landscape.name} at temperature {temperature:g}",
    )
    sde.underdamped = (mass, friction, temperature)
    return sde


def _unused(name: str, landscape: Landscape) -> str:
    """Return a name that the landscape does not use."""
    taken = {v.name for v in landscape.variables} | set(landscape.parameters)
    while name in taken:
        name += "_"
    return name


def _landscape(value: Any) -> Landscape:
    if not isinstance(value, Landscape):
        raise InvalidInputError(
            f"landscape must be a Landscape; got {type(value).__name__}. "
            "Build one with sdetheory.landscapes or Landscape.from_sympy; langevin takes models with data too."
        )
    names = ("value", "gradient", "hessian")
    changed = [n for n in names if getattr(type(value), n) is not getattr(Landscape, n) or n in vars(value)]
    if changed:
        raise InvalidInputError(
            f"the equation would not follow {' and '.join(changed)} of {type(value).__name__}: it is made of the "
            "formula of the landscape. Write another formula, or pass functions to SDE."
        )
    return value
