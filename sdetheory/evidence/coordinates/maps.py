"""Smooth invertible changes of the weights: linear, of each weight by itself, and of one's own."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ... import _validate
from ...errors import InvalidInputError
from . import _differences
from .map import Array, Function, Map, applied, one_point, sized, weights_of

_LARGEST = 2**14
"""Weights beyond which no matrix over pairs of them is made: it would take more than 2 GB."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearMap(Map):
    r"""An affine map w = Av + b, whose Jacobian determinant is constant.

    Parameters
    ----------
    matrix : ndarray, shape (d, d)
        A, invertible.
    offset : ndarray, shape (d,), optional
        b; zero if not given.

    Raises
    ------
    InvalidInputError
        If A is not square, finite and invertible to working precision (condition number below 1/ε = 4.5e15), or b does
        not have length d.

    Examples
    --------
    >>> shift = LinearMap([[2.0, 1.0], [0.0, 0.5]], [1.0, 0.0])
    >>> shift.forward(np.array([1.0, 2.0])), float(shift.log_determinant(np.zeros(2)))
    (array([5., 1.]), 0.0)
    """

    matrix: Any
    offset: Any = None

    def __post_init__(self) -> None:
        matrix = _validate.reals("matrix", self.matrix, shape=(None, None))
        size = len(matrix)
        matrix = _validate.reals("matrix", matrix, shape=(size, size))
        condition = float(np.linalg.cond(matrix)) if size else 1.0
        if not condition < 1 / np.finfo(np.float64).eps:
            raise InvalidInputError(
                f"matrix must be invertible; its condition number is {condition:.3g}, so that some weights w are out "
                "of reach. Remove the linear dependence between its columns, or rescale them."
            )
        offset = np.zeros(size) if self.offset is None else _validate.reals("offset", self.offset, shape=(size,))
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "offset", offset)

    @property
    def dimension(self) -> int:
        """Number d of weights."""
        return len(self.matrix)

    def forward(self, v: Array) -> Array:
        """Return Av + b."""
        return sized("v", v, self.dimension) @ self.matrix.T + self.offset

    def inverse(self, w: Array) -> Array:
        """Return A⁻¹(w − b)."""
        return np.linalg.solve(self.matrix, (sized("w", w, self.dimension) - self.offset)[..., None])[..., 0]

    def jacobian(self, v: Array) -> Array:
        """Return A at each point."""
        v = sized("v", v, self.dimension)
        return np.broadcast_to(self.matrix, (*v.shape, v.shape[-1])).copy()

    def log_determinant(self, v: Array) -> Any:
        """Return ln |det A| at each point."""
        v = sized("v", v, self.dimension)
        return np.full(v.shape[:-1], np.linalg.slogdet(self.matrix)[1])[()]

    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        """Return Aᵀg and AᵀHA."""
        v, gradient, hessian = one_point(sized("v", v, self.dimension), gradient, hessian)
        return self.matrix.T @ gradient, self.matrix.T @ hessian @ self.matrix

    def _derivative(self, v: Array) -> Array:
        # Exact; differences of a matrix of high condition number would only add noise.
        return self.matrix


def two_layer_rescaling(n_first: int, n_second: int, alpha: float) -> LinearMap:
    r"""Return the rescaling (w₁, w₂) = (α v₁, v₂/α) of the two layers of a network.

    ReLU(αx) = α ReLU(x) for α > 0, so a network w₂·ReLU(w₁x) computes the same function at v as at w, while the Hessian
    of its loss changes: along v₁ it grows as α².

    Parameters
    ----------
    n_first, n_second : int
        Number of weights of each layer, without biases of the second; they come in this order.
    alpha : float
        α > 0. ln |det J| = (n_first − n_second) ln α.

    Returns
    -------
    LinearMap
        Of n_first + n_second weights.

    Raises
    ------
    InvalidInputError
        If a number of weights is below one, or α is not positive.

    References
    ----------
    L. Dinh, R. Pascanu, S. Bengio and Y. Bengio (2017), Sharp minima can generalize for deep nets, arXiv:1703.04933,
    definition 5 and theorem 4.

    Examples
    --------
    >>> two_layer_rescaling(1, 1, 4.0).forward(np.array([1.0, 1.0]))
    array([4.  , 0.25])
    """
    n_first = _validate.integer("n_first", n_first, at_least=1)
    n_second = _validate.integer("n_second", n_second, at_least=1)
    alpha = _validate.real("alpha", alpha, above=0.0)
    if n_first + n_second > _LARGEST:
        raise InvalidInputError(
            f"n_first and n_second must be at most {_LARGEST} weights together, whose matrix is "
            f"{8 * _LARGEST**2 / 2**30:g} GiB; got {_validate.shown(n_first + n_second)}"
        )
    with _validate.naming("alpha"):
        return LinearMap(np.diag(np.repeat([alpha, 1 / alpha], [n_first, n_second])))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElementwiseMap(Map):
    r"""The same increasing function of each weight, wᵢ = f(vᵢ).

    .. math:: \ln |\det J| = \sum_i \ln f'(v_i)

    Parameters
    ----------
    function, inverse_function : callable
        f and its inverse, applied to arrays entry by entry. f must reach every weight that the prior allows.
    derivative, second_derivative, third_derivative : callable
        f' > 0, f'' and f'''.

    Examples
    --------
    >>> SINH.forward(np.array([0.0, 1.0])).round(4), float(SINH.log_determinant(np.array([0.0, 1.0])).round(4))
    (array([0.    , 1.1752]), 0.4338)
    """

    function: Function
    inverse_function: Function
    derivative: Function
    second_derivative: Function
    third_derivative: Function

    def __post_init__(self) -> None:
        for each in fields(self):
            _validate.function(each.name, getattr(self, each.name), "of arrays, entry by entry")

    def forward(self, v: Array) -> Array:
        """Return f(vᵢ)."""
        return applied("function", self.function, "v", weights_of("v", v))

    def inverse(self, w: Array) -> Array:
        """Return vᵢ with f(vᵢ) = wᵢ."""
        return applied("inverse_function", self.inverse_function, "w", weights_of("w", w))

    def jacobian(self, v: Array) -> Array:
        """Return the diagonal matrix of f'(vᵢ)."""
        slope = self._slope(weights_of("v", v))
        return slope[..., None] * np.eye(slope.shape[-1])

    def log_determinant(self, v: Array) -> Any:
        """Return Σ ln f'(vᵢ)."""
        return np.log(self._slope(weights_of("v", v))).sum(axis=-1)

    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        """Return gradient and Hessian; only the diagonal gains terms."""
        v, gradient, hessian = one_point(v, gradient, hessian)
        slope = self._slope(v)
        second, third = (
            applied(name, getattr(self, name), "v", v) for name in ("second_derivative", "third_derivative")
        )
        bend = second / slope
        diagonal = second * gradient - third / slope + bend**2
        return slope * gradient - bend, slope[:, None] * hessian * slope + np.diag(diagonal)

    def _slope(self, v: Array) -> Array:
        """Return f', which must be positive."""
        slope = applied("derivative", self.derivative, "v", v)
        wrong = ~(slope > 0)
        if wrong.any():
            raise InvalidInputError(
                f"the function of an elementwise map must increase strictly, so that it can be inverted; its "
                f"derivative is {slope[wrong][0]:.3g} at v = {v[wrong][0]:.6g}. Take a monotone function (of a "
                "decreasing one its negative)."
            )
        return slope


SINH = ElementwiseMap(
    function=np.sinh,
    inverse_function=np.arcsinh,
    derivative=np.cosh,
    second_derivative=np.sinh,
    third_derivative=np.cosh,
)
EXP = ElementwiseMap(
    function=np.exp, inverse_function=np.log, derivative=np.exp, second_derivative=np.exp, third_derivative=np.exp
)
# w = v + v³ with v = (2/√3) sinh t is (2/√27) sinh 3t.
CUBIC = ElementwiseMap(
    function=lambda v: v + v**3,
    inverse_function=lambda w: 2 / np.sqrt(3) * np.sinh(np.arcsinh(np.sqrt(27) / 2 * w) / 3),
    derivative=lambda v: 1 + 3 * v**2,
    second_derivative=lambda v: 6 * v,
    third_derivative=lambda v: np.full_like(v, 6.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class SmoothMap(Map):
    r"""Any smooth map that keeps orientation, det J > 0, given by itself, its inverse and its Jacobian.

    Parameters
    ----------
    function, inverse_function : callable
        φ and its inverse, from (..., d) to (..., d).
    jacobian_function : callable
        J, from (..., d) to (..., d, d).

    Notes
    -----
    Second derivatives are taken by adaptive differences of J and of ln det J. At each point at which the determinant
    is asked for it must be positive, and the inverse must lead back: a map that folds is refused at the first point of
    the fold's other side. A map with det J < 0 becomes one of these by exchanging two of the new weights.

    Examples
    --------
    A shear, (w₁, w₂) = (v₁, v₂ + v₁²), with det J = 1:

    >>> def bend(v, sign):
    ...     return np.stack([v[..., 0], v[..., 1] + sign * v[..., 0] ** 2], axis=-1)
    >>> def slopes(v):
    ...     rows = np.tile(np.eye(2), (*v.shape[:-1], 1, 1))
    ...     rows[..., 1, 0] = 2 * v[..., 0]
    ...     return rows
    >>> shear = SmoothMap(lambda v: bend(v, 1), lambda w: bend(w, -1), slopes)
    >>> shear.forward(np.array([3.0, 1.0])), float(shear.log_determinant(np.array([3.0, 1.0])))
    (array([ 3., 10.]), 0.0)
    """

    function: Function
    inverse_function: Function
    jacobian_function: Function = field(repr=False)

    def __post_init__(self) -> None:
        for each in fields(self):
            _validate.function(each.name, getattr(self, each.name), "of points (..., d)")

    def forward(self, v: Array) -> Array:
        """Return φ(v)."""
        return applied("function", self.function, "v", weights_of("v", v))

    def inverse(self, w: Array) -> Array:
        """Return φ⁻¹(w)."""
        return applied("inverse_function", self.inverse_function, "w", weights_of("w", w))

    def jacobian(self, v: Array) -> Array:
        """Return J."""
        return applied("jacobian_function", self.jacobian_function, "v", weights_of("v", v))

    def log_determinant(self, v: Array) -> Any:
        """Return ln det J, after a look whether the map folds."""
        v = weights_of("v", v)
        slopes, w = self.jacobian(v), self.forward(v)
        if slopes.shape != (*v.shape, v.shape[-1]) or w.shape != v.shape:
            raise InvalidInputError(
                f"v of shape {v.shape} must give points of that shape and matrices (..., {v.shape[-1]}, "
                f"{v.shape[-1]}); function gives shape {w.shape}, jacobian_function {slopes.shape}"
            )
        sign, log_determinant = np.linalg.slogdet(slopes)
        reached = np.isfinite(w).all(axis=-1) & np.isfinite(log_determinant)
        wrong = np.atleast_1d(sign <= 0)
        if wrong.any():
            raise InvalidInputError(
                "the map must be invertible with a positive Jacobian determinant; it is zero or negative at v = "
                f"{np.atleast_2d(v)[wrong][0].tolist()}. If it is negative everywhere, exchange two of the new weights."
            )
        with np.errstate(all="ignore"):
            inverted = applied("inverse_function", self.inverse_function, "v", w)
            back = np.where(reached[..., None], inverted, v)
        wrong = np.atleast_1d(~(np.abs(back - v) <= 1e-6 * (1 + np.abs(v))).all(axis=-1))
        if wrong.any():
            raise InvalidInputError(
                f"the map must be invertible; its inverse leads from φ(v) to {np.atleast_2d(back)[wrong][0].tolist()} "
                f"for v = {np.atleast_2d(v)[wrong][0].tolist()}. Restrict the map, or mend its inverse."
            )
        return log_determinant

    def pull_back(self, v: Array, gradient: Array, hessian: Array) -> tuple[Array, Array]:
        """Return gradient and Hessian, with the map's second derivatives by differences."""
        v, gradient, hessian = one_point(v, gradient, hessian)
        slopes = self.jacobian(v)
        curvature = np.einsum("k,kij->ij", gradient, _differences.jacobian(self.jacobian, v))
        volume_gradient = _differences.jacobian(self.log_determinant, v)
        volume_hessian = _differences.hessian(self.log_determinant, v)
        pulled = slopes.T @ hessian @ slopes + 0.5 * (curvature + curvature.T) - volume_hessian
        return slopes.T @ gradient - volume_gradient, pulled
