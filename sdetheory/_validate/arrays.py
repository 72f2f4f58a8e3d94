"""Numbers in the one dtype and layout that the code below relies on, within bounds and of a shape."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidInputError
from .messages import shown
from .numbers import numbers

_EXACT = 2**53
"""The floats beyond it leave out whole numbers, so that one of them does not say which was meant."""


def _bounds(above: float | None, at_least: float | None, below: float | None, at_most: float | None) -> str:
    parts = [
        f"{symbol} {bound:.15g}"
        for symbol, bound in ((">", above), (">=", at_least), ("<", below), ("<=", at_most))
        if bound is not None
    ]
    return " and ".join(parts)


def _check_shape(name: str, got: tuple[int, ...], shape: tuple[int | None, ...] | None) -> None:
    if shape is None or (len(got) == len(shape) and all(want in (None, n) for want, n in zip(shape, got, strict=True))):
        return
    wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
    remedy = ""
    if len(shape) == 2 and len(got) == 1:
        remedy = f". One column is {name}[:, None] or {name}.reshape(-1, 1), one row {name}[None, :]"
    elif len(shape) == 1 and len(got) == 2 and 1 in got:
        remedy = f". {name}.ravel() makes one axis of it"
    raise InvalidInputError(f"{name} must have shape {wanted}; got shape {got}{remedy}")


def _check_range(
    name: str,
    array: NDArray[Any],
    above: float | None,
    at_least: float | None,
    below: float | None,
    at_most: float | None,
) -> None:
    out = np.zeros(array.shape, dtype=bool)
    for bound, holds in ((above, operator.gt), (at_least, operator.ge), (below, operator.lt), (at_most, operator.le)):
        if bound is not None:
            out |= ~holds(array, bound)
    if out.any():
        raise InvalidInputError(f"{name} must be {_bounds(above, at_least, below, at_most)}; got {array[out][0]:.15g}")


def reals(
    name: str,
    value: ArrayLike,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    shape: tuple[int | None, ...] | None = None,
) -> NDArray[np.float64]:
    """Return `value` as a C-contiguous, writable float64 array of finite numbers within bounds.

    ``shape`` fixes the number of dimensions; ``None`` in it leaves that length free.
    """
    given = numbers(name, value)
    _check_shape(name, given.shape, shape)
    try:
        with np.errstate(over="ignore"):  # of a wider float: the infinity is refused below
            array = np.ascontiguousarray(given, dtype=np.float64).reshape(given.shape)
    except OverflowError:
        raise InvalidInputError(f"{name} must be numbers that a float holds; got {shown(value)}") from None
    bad = ~np.isfinite(array)
    if bad.any():
        raise InvalidInputError(
            f"{name} must be finite; {bad.sum()} of {array.size} entries are not "
            f"(the first is {array[bad][0]}). Remove or replace them."
        )
    _check_range(name, array, above, at_least, below, at_most)
    # A read-only array is another type to compiled code, which then would be compiled again or refuse it.
    return array if array.flags.writeable else array.copy()


def real(name: str, value: Any, **bounds: float | None) -> float:
    """Return `value` as one finite float within bounds."""
    return float(reals(name, value, shape=(), **bounds))  # pyright: ignore[reportArgumentType]


def extended(name: str, value: ArrayLike, shape: tuple[int | None, ...] | None = ()) -> NDArray[np.float64]:
    """Return `value` as a float64 array of numbers, of which some may be infinite: the ends of a range."""
    given = numbers(name, value)
    _check_shape(name, given.shape, shape)
    # Infinities become the largest float, which the check of finite numbers lets pass.
    infinite = np.isinf(given) if given.dtype.kind == "f" else np.zeros(given.shape, dtype=bool)
    finite = reals(name, np.where(infinite, 0, given))
    return np.where(infinite, given, finite).astype(np.float64)


def vectors(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as an array of shape (..., size) of finite numbers."""
    array = reals(name, value)
    if array.ndim == 0 or array.shape[-1] != size:
        raise InvalidInputError(f"{name} must have shape (..., {size}); got shape {array.shape}")
    return array


def integers(
    name: str,
    value: ArrayLike,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    shape: tuple[int | None, ...] | None = None,
) -> NDArray[np.int64]:
    """Return `value` as an int64 array; floats are accepted when they are whole numbers, up to 2⁵³."""
    given = numbers(name, value)
    if given.dtype.kind == "f":
        given = reals(name, given, at_least=at_least, at_most=at_most)
        fractional = given != np.rint(given)
        if fractional.any():
            raise InvalidInputError(f"{name} must be a whole number; got {given[fractional][0]:g}")
        if (large := np.abs(given) > _EXACT).any():
            raise InvalidInputError(
                f"{name} must be a whole number that a float holds exactly, at most 2**53; got {given[large][0]:g}. "
                "Pass larger ones as int."
            )
    _check_shape(name, given.shape, shape)
    limits = np.iinfo(np.int64)
    outside = (given > limits.max) | (given < limits.min)
    if np.any(outside):
        raise InvalidInputError(f"{name} must be below 2**63, to fit into 64 bits; got {shown(int(given[outside][0]))}")
    array = np.ascontiguousarray(given, dtype=np.int64).reshape(given.shape)
    _check_range(name, array, None, at_least, None, at_most)
    return array if array.flags.writeable else array.copy()


def integer(name: str, value: Any, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Return `value` as one int within bounds."""
    array = integers(name, value, at_least=at_least, at_most=at_most)
    if array.shape != ():
        raise InvalidInputError(f"{name} must be a single whole number; got an array of shape {array.shape}")
    return int(array)


def box(name: str, value: ArrayLike, dimension: int | None = None) -> NDArray[np.float64]:
    """Return `value` as a box (dimension, 2) of lower and upper ends; in one dimension also (2,) is taken."""
    ends = reals(name, value)
    ends = reals(name, ends[None] if ends.shape == (2,) else ends, shape=(dimension, 2))
    if np.any(ends[:, 0] >= ends[:, 1]):
        raise InvalidInputError(f"{name} must have lower < upper on each axis; got {shown(ends.tolist())}")
    return ends


def positive_definite(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as a symmetric (size, size) matrix that is positive definite beyond rounding, whatever its units.

    The eigenvalues are those with the rows and columns scaled to a diagonal of ones: what rounding makes of a zero
    among them differs from one processor to the next, and must not decide.
    """
    matrix = symmetric(name, value, size)
    diagonal = np.diag(matrix)
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    smallest = float(np.min(np.linalg.eigvalsh(matrix / root / root[:, None]), initial=np.inf))
    if not smallest > size * np.finfo(np.float64).eps:
        raise InvalidInputError(
            f"{name} must be positive definite, beyond rounding; its smallest eigenvalue, with the diagonal scaled to "
            f"ones, is {smallest:.3g}"
        )
    return matrix


def positive_semidefinite(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as a symmetric (size, size) matrix without negative eigenvalues, up to rounding."""
    matrix = symmetric(name, value, size)
    spectrum = np.linalg.eigvalsh(matrix)
    smallest, largest = float(np.min(spectrum, initial=np.inf)), float(np.max(spectrum, initial=0.0))
    if not smallest >= -1e-12 * largest:
        raise InvalidInputError(f"{name} must be positive semidefinite; its smallest eigenvalue is {smallest:.3g}")
    return matrix


def symmetric(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as a symmetric (size, size) matrix."""
    matrix = reals(name, value, shape=(size, size))
    largest = float(np.max(np.abs(matrix), initial=0.0))
    asymmetry = float(np.max(np.abs(matrix / 2 - matrix.T / 2), initial=0.0))  # halves: a difference may overflow
    if asymmetry > 0.5e-10 * largest:
        raise InvalidInputError(
            f"{name} must be symmetric; entries differ from their mirror by up to {2 * asymmetry:.3g}"
        )
    return matrix
