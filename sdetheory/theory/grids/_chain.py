"""Linear algebra of Markov chains in continuous time: M-matrices, factored without subtractions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse import linalg as sparse_linalg
from scipy.stats import poisson

from ...errors import InvalidInputError
from ._krylov import Krylov

Array = NDArray[np.float64]

_REFINEMENTS = 8  # steps; each gains the digits that the factors have
_PRECISION = 1e-5  # relative, that solutions and eigenvalues must have
_USEFUL = 0.01  # relative error of the factors that refinement can remove
_TOO_SLOW = (
    "drift and diffusion must connect the parts of the box within the precision of floats; the law leaks from one part "
    "to the other too slowly, or the grid reaches too far out. Raise the noise, narrow the bounds, use fewer cells, or "
    "take an asymptotic formula such as kramers_time."
)
_SPREAD = 9.0  # standard deviations of the Poisson law that count; what is left out is below e^-40


def factor(matrix: Any) -> Any:
    """Factor an M-matrix with pivots on the diagonal, which keeps every solution of a positive right side positive."""
    try:
        return sparse_linalg.splu(
            sparse.csc_matrix(matrix),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError as error:
        raise InvalidInputError(
            "the chain on the grid must have one stationary law or be absorbed everywhere; its matrix is singular "
            f"({error})"
        ) from None


class Killed:
    """A chain that loses probability: A = diag(out) - K, where K are the jumps and out = Kᵀ1 + losses.

    Wells that hardly leak make A nearly singular. Its diagonal, rounded, leaks by itself, so that solutions are refined
    with residuals in extended precision, for which the rates and not their rounded sums count. With `scale`, a guess
    of a law, the chain is taken for too large to factor.
    """

    def __init__(self, matrix: Any, kept: NDArray[np.intp], losses: Array, scale: Array | None = None) -> None:
        jumps = sparse.coo_array(matrix[kept][:, kept])
        off = jumps.coords[0] != jumps.coords[1]
        coordinates = (jumps.coords[0][off], jumps.coords[1][off])
        self.jumps = sparse.csr_array((jumps.data[off], coordinates), shape=jumps.shape)
        self.losses = losses
        out = np.asarray(self.jumps.sum(axis=0)).ravel() + losses
        matrix = sparse.dia_array((out[None], [0]), shape=jumps.shape) - self.jumps
        self.scale = np.ones(len(kept)) if scale is None else scale[kept]
        self.lu = factor(matrix) if scale is None else Krylov(matrix, self.scale)
        with np.errstate(all="ignore"):
            times = self.lu.solve(np.ones(len(kept)), trans="T")
        # Relative error of the longest time until the loss; the factors are of no use where it is not small.
        if not (np.finfo(np.float64).eps * out.max() * times.max() < _USEFUL and times.min() >= 0):
            raise InvalidInputError(_TOO_SLOW)

    def solve(self, b: Array, *, transposed: bool = False) -> Array:
        """Return the solution of Ax = b, or of Aᵀx = b, for b ≥ 0; it is not negative."""
        kind, trans = np.longdouble, "T" if transposed else "N"
        jumps = self.jumps.astype(kind)
        out = jumps.T @ np.ones(len(b), kind) + self.losses
        jumps = jumps.T if transposed else jumps
        x = self.lu.solve(b, trans=trans).astype(kind)
        unit, last = 1.0 if transposed else self.scale, np.inf
        for _ in range(_REFINEMENTS):
            # A sum of differences where there is one: what stays in a well cancels term by term.
            change = self.lu.solve((b - out * x + jumps @ x).astype(np.float64), trans=trans)
            size = float(np.abs(change / unit).sum() / np.abs(x / unit).sum())
            if not size < last / 2:
                break
            x, last = x + change, size
            if size**2 < np.finfo(kind).eps:  # the next change would be of this size
                break
        if not (last < _PRECISION and x.min() >= 0):
            raise InvalidInputError(_TOO_SLOW)
        return x.astype(np.float64)


class Inverse:
    """The inverse of a generator L: on all vectors if it absorbs, else on those of sum zero."""

    def __init__(self, matrix: Any, exits: Array, scale: Array | None = None) -> None:
        self.matrix, self.size = matrix, matrix.shape[0]
        self.absorbs = bool(exits.any())
        self.kept: NDArray[np.intp] = np.arange(self.size)
        if not self.absorbs:
            _check_one_class(matrix)
            self.pinned = _attractor(matrix)
            self.kept = np.delete(self.kept, self.pinned)
            exits = matrix[[self.pinned]].toarray().ravel()[self.kept]
        self.killed = Killed(matrix, self.kept, exits, scale)

    def solve(self, b: Array, unit: Array) -> Array:
        """Return some y with Ly = b, zero where L is pinned; `unit` is in proportion to how large it may be."""
        y, lu = np.zeros(self.size), self.killed.lu
        right = b[self.kept]
        y[self.kept] = -(lu.solve(right, unit=unit[self.kept]) if isinstance(lu, Krylov) else lu.solve(right))
        return y


def _check_one_class(matrix: Any) -> None:
    """Refuse chains with several closed classes: each would have a stationary law of its own."""
    count, labels = csgraph.connected_components(matrix, connection="strong")
    if count > 1:
        ends, starts = sparse.coo_array(matrix).coords
        leaking = np.unique(labels[starts[labels[starts] != labels[ends]]])
        closed = count - len(leaking)
        if closed > 1:
            raise InvalidInputError(
                f"drift and diffusion must connect the box; got {closed} parts between which nothing moves, each with "
                "a stationary law of its own. Solve each part on its own grid."
            )


def _attractor(matrix: Any) -> int:
    """Return a cell of high density: where the likeliest jumps lead, from the middle cell."""
    ahead, back = sparse.csc_array(matrix), sparse.csr_array(matrix)
    cell, seen = matrix.shape[0] // 2, set()
    while cell not in seen:
        seen.add(cell)
        column = slice(ahead.indptr[cell], ahead.indptr[cell + 1])
        row = slice(back.indptr[cell], back.indptr[cell + 1])
        returns = dict(zip(back.indices[row], back.data[row], strict=True))
        gains = {
            goal: rate
            for goal, rate in zip(ahead.indices[column], ahead.data[column], strict=True)
            if goal != cell and rate > returns.get(goal, 0.0)
        }
        if gains:
            cell = int(max(gains, key=lambda goal: gains[goal]))
    return cell


def stationary(inverse: Inverse) -> Array:
    """Return the stationary law, p ≥ 0 with sum 1, of a generator that does not absorb."""
    inflow = inverse.matrix[:, [inverse.pinned]].toarray().ravel()[inverse.kept]
    p = np.ones(inverse.size)
    p[inverse.kept] = inverse.killed.solve(inflow)
    return p / p.sum()


def slowest(inverse: Inverse, count: int) -> tuple[Any, Any]:
    """Return the eigenvalues of smallest modulus, other than zero, and right eigenvectors (n, count)."""
    if inverse.absorbs:
        ones = np.ones(inverse.size)
        occupation, survival = inverse.killed.solve(ones), inverse.killed.solve(ones, transposed=True)
        law, total = np.sqrt(occupation / survival), None
    else:
        total = stationary(inverse)
        law = np.sqrt(np.maximum(total, 1e-280))

    def apply(z: Array) -> Array:
        b = law * z.ravel()
        if total is None:
            return inverse.solve(b, law) / law
        y = inverse.solve(b - total * b.sum(), law)
        return (y - total * y.sum()) / law

    # In this scaling a chain in detailed balance is symmetric, and its eigenvalues are well conditioned.
    operator: Any = sparse_linalg.LinearOperator(
        dtype=np.float64,
        shape=(inverse.size, inverse.size),
        matvec=apply,  # pyright: ignore[reportCallIssue]
    )
    start = np.cos(np.arange(inverse.size))
    pairs: Any = sparse_linalg.eigs(operator, k=count, which="LM", v0=start)
    values, vectors = 1 / pairs[0], law[:, None] * pairs[1]
    order = np.argsort(-values.real)
    fastest = -float(inverse.matrix.diagonal().min())
    if np.finfo(np.float64).eps * fastest > _PRECISION * np.abs(values).min():
        raise InvalidInputError(
            f"the slowest rate must be above the rounding errors of the fastest; got {np.abs(values).min():.2g} and "
            f"{fastest:.2g}. Raise the noise, use fewer cells, or use an asymptotic formula such as kramers_time."
        )
    return values[order], vectors[:, order]


def hitting_time(matrix: Any, inside: NDArray[np.bool_], exits: Array, scale: Array | None = None) -> Array:
    """Return the mean time to absorption from each state: Lᵀu = -1 outside, 0 inside."""
    outside = np.flatnonzero(~inside)
    times = np.zeros(len(inside))
    times[outside] = Killed(matrix, outside, exits[outside], scale).solve(np.ones(len(outside)), transposed=True)
    return times


def uniformize(matrix: Any, start: Array, times: Array) -> Array:
    """Return e^{Lt} p at increasing times, as Poisson mixtures of powers of I + L/Λ: sums of positive terms."""
    rate = -float(matrix.diagonal().min())
    step = sparse.csr_array(sparse.eye_array(len(start)) + matrix / rate)
    p, now, path = start, 0.0, []
    for time in times:
        mean = rate * (time - now)
        spread = _SPREAD * np.sqrt(mean)
        first, last = max(int(mean - spread), 0), int(mean + spread + _SPREAD**2) if mean > 0 else 0
        weights = poisson.pmf(np.arange(first, last + 1), mean)
        weights /= weights.sum()
        total = np.zeros_like(p)
        for n in range(last + 1):
            if n >= first:
                total += weights[n - first] * p
            p = step @ p
        p, now = total, time
        path.append(p)
    return np.array(path)


def implicit(matrix: Any, start: Array, times: Array, n_steps: int) -> Array:
    """Return p at increasing times by about n_steps implicit Euler steps in all."""
    p, now, path = start, 0.0, []
    solvers: dict[float, Any] = {}
    for time in times:
        count = max(int(np.ceil(n_steps * (time - now) / times[-1] - 1e-9)), 1) if time > now else 0
        for _ in range(count):
            h = float(f"{(time - now) / count:.12g}")
            if h not in solvers:
                solvers = {h: factor(sparse.eye_array(len(p)) - h * matrix)}
            p = solvers[h].solve(p)
        now = time
        path.append(p)
    return np.array(path)
