"""Coercion and checks of arguments: the only place that does them.

Every function takes the argument's name first, so that the message can say which one is wrong, and returns the value
in the one dtype and layout that the code below relies on.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InvalidInputError


def _bounds(above: float | None, at_least: float | None, below: float | None, at_most: float | None) -> str:
    parts = [
        f"{symbol} {bound:.15g}"
        for symbol, bound in ((">", above), (">=", at_least), ("<", below), ("<=", at_most))
        if bound is not None
    ]
    return " and ".join(parts)


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
    """Return `value` as a C-contiguous float64 array of finite numbers within bounds.

    ``shape`` fixes the number of dimensions; ``None`` in it leaves that length free.
    """
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "biuf":
            raise TypeError(f"dtype {given.dtype}")
        array = np.ascontiguousarray(given, dtype=np.float64).reshape(given.shape)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} must be real numbers; got {value!r:.80} ({error})") from None
    if shape is not None and (
        array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True))
    ):
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
        raise InvalidInputError(f"{name} must have shape {wanted}; got shape {array.shape}")
    bad = ~np.isfinite(array)
    if bad.any():
        raise InvalidInputError(
            f"{name} must be finite; {bad.sum()} of {array.size} entries are not "
            f"(the first is {array[bad][0]}). Remove or replace them."
        )
    out = np.zeros(array.shape, dtype=bool)
    for bound, holds in ((above, operator.gt), (at_least, operator.ge), (below, operator.lt), (at_most, operator.le)):
        if bound is not None:
            out |= ~holds(array, bound)
    if out.any():
        raise InvalidInputError(f"{name} must be {_bounds(above, at_least, below, at_most)}; got {array[out][0]:.15g}")
    return array


def real(name: str, value: Any, **bounds: float | None) -> float:
    """Return `value` as one finite float within bounds."""
    return float(reals(name, value, shape=(), **bounds))  # pyright: ignore[reportArgumentType]


def vectors(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as an array of shape (..., size) of finite numbers."""
    array = reals(name, value)
    if array.ndim == 0 or array.shape[-1] != size:
        raise InvalidInputError(f"{name} must have shape (..., {size}); got shape {array.shape}")
    return array


def integers(
    name: str, value: ArrayLike, *, at_least: int | None = None, at_most: int | None = None
) -> NDArray[np.int64]:
    """Return `value` as an int64 array; floats are accepted when they are whole numbers."""
    array = reals(name, value, at_least=at_least, at_most=at_most)
    fractional = array != np.rint(array)
    if fractional.any():
        raise InvalidInputError(f"{name} must be a whole number; got {array[fractional][0]:g}")
    return array.astype(np.int64)


def integer(name: str, value: Any, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Return `value` as one int within bounds."""
    array = integers(name, value, at_least=at_least, at_most=at_most)
    if array.shape != ():
        raise InvalidInputError(f"{name} must be a single whole number; got an array of shape {array.shape}")
    return int(array)


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """Return `value` if it is one of the options, else say which one was probably meant."""
    known = list(options)
    if value in known:
        return value
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise InvalidInputError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}.{hint}")


def box(name: str, value: ArrayLike, dimension: int | None = None) -> NDArray[np.float64]:
    """Return `value` as a box (dimension, 2) of lower and upper ends; in one dimension also (2,) is taken."""
    ends = reals(name, value)
    ends = reals(name, ends[None] if ends.ndim == 1 else ends, shape=(dimension, 2))
    if np.any(ends[:, 0] >= ends[:, 1]):
        raise InvalidInputError(f"{name} must have lower < upper on each axis; got {ends.tolist()}")
    return ends


def positive_definite(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as a symmetric positive definite (size, size) matrix."""
    matrix = symmetric(name, value, size)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest <= 0:
        raise InvalidInputError(f"{name} must be positive definite; its smallest eigenvalue is {smallest:.3g}")
    return matrix


def positive_semidefinite(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as a symmetric (size, size) matrix without negative eigenvalues, up to rounding."""
    matrix = symmetric(name, value, size)
    spectrum = np.linalg.eigvalsh(matrix)
    if spectrum[0] < -1e-12 * max(spectrum[-1], 0.0) or spectrum[-1] < 0:
        raise InvalidInputError(f"{name} must be positive semidefinite; its smallest eigenvalue is {spectrum[0]:.3g}")
    return matrix


def symmetric(name: str, value: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return `value` as a symmetric (size, size) matrix."""
    matrix = reals(name, value, shape=(size, size))
    asymmetry = float(np.max(np.abs(matrix - matrix.T), initial=0.0))
    if asymmetry > 1e-10 * float(np.max(np.abs(matrix), initial=0.0)):
        raise InvalidInputError(f"{name} must be symmetric; entries differ from their mirror by up to {asymmetry:.3g}")
    return matrix


def seed_sequence(rng: Any) -> np.random.SeedSequence:
    """Return the seed behind an ``rng`` argument (SPEC 7: None, int, SeedSequence or Generator).

    A generator is advanced by 128 bits, so that using it twice gives two different seeds.
    """
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(int.from_bytes(rng.bytes(16), "little"))
    if rng is None:
        return np.random.SeedSequence()
    try:
        seed = operator.index(rng)
    except TypeError:
        seed = -1
    if seed < 0:
        raise InvalidInputError(
            f"rng must be None, a non-negative int, a SeedSequence or a Generator; got {rng!r:.80}. "
            "For a reproducible run pass an int."
        )
    return np.random.SeedSequence(seed)


def generator(rng: Any) -> np.random.Generator:
    """Return the generator meant by an ``rng`` argument (SPEC 7)."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(seed_sequence(rng))
