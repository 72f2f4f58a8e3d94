"""Singular value decompositions of inputs in any units, with the digits that the inputs allow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ...errors import AccuracyWarning
from ._design import Design
from ._graded import decompose
from ._spectrum import WEAK, refine, thin_svd
from ._twofold import Twofold

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

(_jacobi,) = linalg.get_lapack_funcs(("gejsv",), dtype=np.float64)
_EPS = float(np.finfo(np.float64).eps)
# What is left of a column that is a rounded combination of others: a few units of its last digit.
_ROUNDING = 8 * _EPS
# Products n·p·min(n, p) up to which a matrix is decomposed in twofold precision: at most about two seconds.
_SMALL = 2 * 10**6
# Number of columns of a large matrix up to which those that depend on others are named: of images dozens may, rightly.
_FEW = 5
# How far above the rounding error of a decomposition all columns must be for none to have been lost in it.
_ALIKE = 1e6
# Entries beyond this power of two, on either side, are brought to one first: their squares would overflow.
_FAR = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """U S Vᵀ of whitened inputs.

    Attributes: U, shape (n, r), also in twofold precision where the inputs asked for it; singular values; Vᵀ; columns
    that the others explain up to rounding, if there are no fewer observations than columns, and the share of each of
    them that is left.
    """

    left: Array
    singular: Array
    right: Array
    exact_left: Twofold | None = None
    dependent: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    left_over: Array = field(default_factory=lambda: np.empty(0))


def factor(
    design: Design, X: Array, make_rows: Callable[[], Array], *, weak: float | None = None, names: bool = True
) -> Factors:
    """Decompose the whitened inputs of a design; `make_rows` returns them in double precision, anew each time.

    An ordinary decomposition has errors of 1e-16 of the largest singular value. So it serves where none is below 1e-5
    of that, and none was lost: then it is as good as any. Otherwise units may differ, or columns nearly depend on each
    other, and which it is shows only once columns are scaled: small matrices are decomposed again in twofold precision,
    large ones by LAPACK's Jacobi method, which scales columns too.

    `weak` is the share below which a singular value asks for more, 1e-5 if not given. Without `names` a large matrix of
    too low a rank is not decomposed again either, if its columns are of so similar sizes that no unit can be lost.
    """
    n, p = X.shape
    limit = n - (design.centre is not None)
    rows = make_rows()
    spread = _largest(rows)
    varying = _varying(design, X, spread)
    unit = int(np.frexp(spread.max(initial=0.0))[1])
    unit = unit if abs(unit) > _FAR else 0
    if unit:
        rows = np.ldexp(rows, -unit)
    left, singular, right = thin_svd(rows, rank=limit)
    expected = min(limit, int(varying.sum()))
    strong = not len(singular) or singular[-1] >= (WEAK if weak is None else weak) * singular[0]
    small = n * p * min(n, p) <= _SMALL
    smallest = np.ldexp(spread[varying].min(initial=np.inf), -unit)
    alike = len(singular) > 0 and _ALIKE * max(n, p) * _EPS * singular[0] <= smallest
    if strong and (len(singular) == expected or (alike and not names and not small)):
        return Factors(left=left, singular=np.ldexp(singular, unit), right=right)
    if small:
        return _exact(design, X, varying, limit)
    chosen = np.flatnonzero(varying)
    rows = np.ldexp(make_rows()[:, chosen], -unit)
    sizes = np.linalg.norm(rows, axis=0)
    basis, triangle, order = cast(Any, linalg.qr(rows / sizes, mode="economic", pivoting=True, check_finite=False))
    rank = min(limit, int(np.sum(np.abs(np.diag(triangle)) > max(n, p) * _EPS)))
    if rank == len(singular):
        # No unit was lost, so that the first decomposition with its weak directions formed again has more digits.
        left, singular, right = refine(
            lambda: np.ldexp(make_rows(), -unit), left, singular, right, centred=design.centre is not None
        )
    else:
        core = np.empty((rank, len(chosen)))
        core[:, order] = triangle[:rank]
        turn, singular, along = _by_jacobi(core * sizes)
        left = basis[:, :rank] @ turn
        right = np.zeros((rank, len(varying)))
        right[:, chosen] = along
    dependent = chosen[order[rank:]]
    named = len(chosen) <= limit and len(dependent) <= _FEW
    return Factors(
        left=left,
        singular=np.ldexp(singular, unit),
        right=right,
        dependent=dependent if named else np.empty(0, dtype=np.int64),
        left_over=np.full(len(dependent), np.nan),
    )


def _largest(matrix: Array) -> Array:
    """Return the largest absolute value of each column, without a second matrix."""
    return np.maximum(matrix.max(axis=0, initial=0.0), -matrix.min(axis=0, initial=0.0))


def _varying(design: Design, X: Array, spread: Array) -> NDArray[np.bool_]:
    """Return which columns are not zero, nor constant where an intercept takes constants away."""
    if design.centre is None or (design.root is not None and design.root.ndim == 2):
        return spread > 0
    size = _largest(X) / (1.0 if design.root is None else design.root)
    return spread > _ROUNDING * size


def _exact(design: Design, X: Array, varying: NDArray[np.bool_], limit: int) -> Factors:
    """Decompose in twofold precision."""
    columns, exponents, lost = design.exact_columns(X)
    chosen = np.flatnonzero(varying)
    found = decompose(
        columns[:, chosen], exponents[chosen], tolerance=_ROUNDING * lost[chosen], rank=min(limit, len(chosen))
    )
    right = np.zeros((len(found.singular), len(varying)))
    right[:, chosen] = found.right
    named = len(chosen) <= limit
    return Factors(
        left=found.left.hi,
        singular=found.singular,
        right=right,
        exact_left=found.left,
        dependent=chosen[found.dependent] if named else np.empty(0, dtype=np.int64),
        left_over=found.left_over if named else np.empty(0),
    )


def _by_jacobi(matrix: Array) -> tuple[Array, Array, Array]:
    """Return U, s, Vᵀ of a matrix of full row rank, by a pivoted QR decomposition and one-sided Jacobi rotations."""
    turn, graded, pivots = cast(Any, linalg.qr(matrix, mode="economic", pivoting=True, check_finite=False))
    # The columns of the transpose are graded: LAPACK's task "C", of high relative accuracy whatever their sizes.
    singular, across, along, work, _, info = _jacobi(graded.T, joba=0, jobu=0, jobv=0, jobr=0, jobt=1, jobp=1)
    if info != 0:
        raise linalg.LinAlgError(f"dgejsv ended with info = {info}")
    right = np.empty(matrix.shape)
    right[:, pivots] = across[:, : len(matrix)].T
    return turn @ along, singular * (work[0] / work[1]), right


def warn_of_rank(factors: Factors, names: Callable[[int], str], stacklevel: int) -> None:
    """Warn if columns are combinations of the others, and name them."""
    if not factors.dependent.size:
        return
    listed = ", ".join(names(int(j)) for j in factors.dependent[:10])
    more = f" and {factors.dependent.size - 10} more" if factors.dependent.size > 10 else ""
    shares = factors.left_over[np.isfinite(factors.left_over)]
    left = (
        f" but rounding error (up to a share of {shares.max():.1g} of them)"
        if shares.size and shares.max() > 1e-26
        else ""
    )
    warnings.warn(
        f"the rank of the inputs is {len(factors.singular)}: of {listed}{more} nothing is left{left} "
        "once the other columns are known, in whatever units. Such directions count as unseen: the prior alone decides "
        "there. Remove these columns, or give them with more digits.",
        AccuracyWarning,
        stacklevel=stacklevel + 1,
    )
