"""The same model in other coordinates."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...models._formula import overridden
from ..linear._linear_formulas import linear_model
from ..linear.model import LinearModel
from .map import Map
from .maps import LinearMap
from .weight_model import WeightModel

Array = NDArray[np.float64]


@overload
def reparameterize(model: LinearModel, map: ArrayLike | Map) -> LinearModel: ...
@overload
def reparameterize(model: WeightModel, map: ArrayLike | Map) -> WeightModel: ...
def reparameterize(model: Any, map: ArrayLike | Map) -> LinearModel | WeightModel:
    r"""Rewrite a model in weights v with w = φ(v).

    .. math:: P_v(y \mid v) = P(y \mid \varphi(v)), \qquad P_v(v) = P(\varphi(v)) \, |\det J(v)|

    The evidence is an integral over the weights, and the density of the prior carries the Jacobian, so that the
    evidence does not change. The Hessian of the loss at a minimum does, to JᵀHJ: its trace and its eigenvalues can be
    made anything positive, which is why sharpness alone says nothing about generalization, and the ratio of curvature
    to prior does. Laplace's approximation of the evidence stays the same if det J is constant (affine maps, shears);
    otherwise the mode of the density moves, and it changes.

    Parameters
    ----------
    model : LinearModel or WeightModel
        The model in w.
    map : Map or ndarray, shape (d, d)
        φ, or the matrix A of w = Av. A LinearModel takes linear maps only.

    Returns
    -------
    LinearModel or WeightModel
        The model in v. A LinearModel is recomputed from X_v = XA and P_v = AᵀPA; nothing is copied from `model` but its
        data, so that agreement of the two evidences is a test and not a tautology.

    Raises
    ------
    InvalidInputError
        If `model` is of another type, or the map is not one of d weights that is invertible: a matrix to working
        precision (condition number below 1/ε = 4.5e15), another map at the start of the model, and later at every
        point at which the model is evaluated.
    IncompatibleError
        If a LinearModel is to be carried through a map that is not linear, as it would not be one any more.

    Notes
    -----
    Assumes that the map does not depend on the data and reaches all weights that the prior allows: w = tanh v would cut
    off the rest.

    The prior of a LinearModel is transported by the triangular factor of RA (QR decomposition), never through AᵀPA,
    whose condition number is the square; products are formed in extended precision where the processor has it. What
    remains is the rounding of XA and of the factor to 64 bits: a relative error of the evidence of about 1e-16 times
    the condition number of A, below 1e-10 at 1e6. The Hessian of a WeightModel is transported as it is, so that
    Laplace's approximation has an error of about 1e-16 times the square.

    References
    ----------
    L. Dinh, R. Pascanu, S. Bengio and Y. Bengio (2017), Sharp minima can generalize for deep nets, arXiv:1703.04933.
    S. Smith and Q. Le (2018), arXiv:1710.06451, eqs. 5 to 9.

    Examples
    --------
    >>> model = LinearModel([[1.0, 0.5], [0.2, 2.0], [1.0, 1.0]], [1.0, 2.0, 3.0])
    >>> other = reparameterize(model, [[10.0, 3.0], [0.0, 0.1]])
    >>> print(f"{model.log_evidence(1.0, 0.5):.10f} {other.log_evidence(1.0, 0.5):.10f}")
    -5.8950014300 -5.8950014300
    >>> print(f"{model.hessian(1.0, 0.5).trace():.3f} {other.hessian(1.0, 0.5).trace():.3f}")
    16.580 556.115

    >>> from sdetheory.evidence import SINH, WeightModel
    >>> from sdetheory.models import LogisticRegression
    >>> model = WeightModel.of(LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 1, 0, 1], prior_precision=0.1))
    >>> other = reparameterize(model, SINH)
    >>> print(f"{model.log_evidence():.8f} {other.log_evidence():.8f}")
    -4.06516288 -4.06516288
    >>> print(f"{model.log_laplace():.4f} {other.log_laplace():.4f}")
    -4.1598 -4.0122
    """
    linear = getattr(model, "has_exact_evidence", False)
    if not linear and not all(hasattr(model, name) for name in ("log_likelihood", "log_prior", "start")):
        raise InvalidInputError(f"model must be a LinearModel or a WeightModel; got {type(model).__name__}")
    phi = map if isinstance(map, Map) else _linear_map(map)
    if linear:
        return _linear(linear_model(model), phi)
    if "cost" in overridden(model):
        raise IncompatibleError(
            f"{type(model).__name__} overrides cost, which does not say what its likelihood and its prior are in other "
            "coordinates. Build it from log_likelihood and log_prior."
        )
    start = phi.check(model.start)

    def forward(v: Array) -> Array:
        """Return φ(v); the start stands in for what overflows, where the prior allows no weights."""
        with np.errstate(over="ignore"):
            w = phi.forward(v)
        return np.where(np.isfinite(w).all(axis=-1, keepdims=True), w, model.start)

    def log_prior(v: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            volume = np.asarray(phi.log_determinant(v))
            finite = np.isfinite(volume) & np.isfinite(phi.forward(v)).all(axis=-1)
        return np.where(finite, model.log_prior(forward(v)) + np.where(finite, volume, 0.0), -np.inf)

    return WeightModel(
        log_likelihood=lambda v: model.log_likelihood(forward(v)),
        log_prior=log_prior,
        start=start,
        derivatives=lambda v: phi.pull_back(v, *model.gradient_and_hessian(phi.forward(v))),
    )


def _linear_map(matrix: ArrayLike) -> LinearMap:
    with _validate.naming("map"):
        return LinearMap(matrix)


def _linear(model: LinearModel, phi: Map) -> LinearModel:
    if not isinstance(phi, LinearMap) or phi.offset.any():
        raise IncompatibleError(
            "a LinearModel has a Gaussian prior of mean zero, which only a linear map without offset preserves; got "
            f"{type(phi).__name__}. Write the model as a WeightModel."
        )
    changed = [
        name for name in ("forward", "inverse", "jacobian") if getattr(type(phi), name) is not getattr(LinearMap, name)
    ]
    if changed:
        raise IncompatibleError(
            f"{type(phi).__name__} overrides {' and '.join(changed)} of LinearMap, and inputs are multiplied by "
            "its matrix. Pass the matrix of the map."
        )
    size = model.X.shape[1]
    if phi.dimension != size:
        raise InvalidInputError(
            f"map must be one of {size} weights, whose matrix must have shape ({size}, {size}); got {phi.matrix.shape}"
        )
    root = phi.matrix if model._factor is None else _product(model._factor, phi.matrix)
    factor = np.linalg.qr(root.astype(np.float64)).R
    # RA F⁻¹ should be orthogonal, and is up to the condition number times 1e-16; its own factor mends F.
    factor = _product(np.linalg.qr(_divide(root, factor)).R, factor)
    inputs = _product(model.X, phi.matrix)
    return LinearModel._from_factor(inputs.astype(np.float64), model.y, factor.astype(np.float64), model)


def _product(left: Array, right: Array) -> NDArray[np.longdouble]:
    """Return the product in extended precision, where the processor has it.

    Rounding errors of the product come back multiplied by the condition number of the map.
    """
    return left.astype(np.longdouble) @ right.astype(np.longdouble)


def _divide(rows: Array | NDArray[np.longdouble], factor: Array) -> Array:
    """Return rows F⁻¹ for an upper triangular F, computed in extended precision."""
    columns = np.zeros(rows.T.shape, dtype=np.longdouble)
    for k in range(len(factor)):
        columns[k] = (rows[:, k] - columns[:k].T @ factor[:k, k]) / factor[k, k]
    return columns.T.astype(np.float64)
