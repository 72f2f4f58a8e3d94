"""The gradient noise of SGD, measured by drawing minibatches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from ..models.noise._rows import Rows, matrix_of
from ..results import Estimate, mean_estimate

# Entries of the largest array of one chunk of draws: 16 MB, whatever the number of draws.
_CHUNK_ENTRIES = 2**21


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MinibatchCovariance:
    """The noise of minibatch gradients Ĝ about the full gradient G, as sampled.

    Attributes
    ----------
    covariance : ndarray, shape (p, p) or (p,), or None
        Mean of (Ĝ − G)(Ĝ − G)ᵀ over the draws, its diagonal, or nothing, as `keep` says: unbiased, since G is known and
        not estimated.
    trace : Estimate
        Trace of the covariance, E|Ĝ − G|², with the standard error of independent draws.
    projected : Estimate or None
        Variance of Ĝ along each of the k given directions, arrays of shape (k,).
    mean : ndarray, shape (p,)
        Mean of Ĝ over the draws.
    replay : SeedSequence
        Passed as ``rng``, it repeats the draws.
    """

    covariance: NDArray[np.float64] | None
    trace: Estimate
    projected: Estimate | None
    mean: NDArray[np.float64]
    replay: np.random.SeedSequence


def _without_replacement(generator: np.random.Generator, n_draws: int, n: int, batch_size: int) -> NDArray[np.float64]:
    """Return (n_draws, n) weights whose rows, applied to centered gradients, sum those of one batch.

    Centered gradients sum to zero, so the examples left out, with a minus sign, do for those taken. Using whichever
    are fewer makes the noise of a full batch exactly zero, not a rounding error.
    """
    weights = np.zeros((n_draws, n))
    fewer = min(batch_size, n - batch_size)
    if fewer:
        # The smallest of independent random keys belong to a uniformly chosen subset.
        keys = generator.random((n_draws, n))
        marked = np.argpartition(keys, fewer - 1, axis=1)[:, :fewer]
        np.put_along_axis(weights, marked, 1.0 if fewer == batch_size else -1.0, axis=1)
    return weights


def _with_replacement(generator: np.random.Generator, n_draws: int, n: int, batch_size: int) -> NDArray[np.float64]:
    """Return (n_draws, n) counts of how often each example is in the batch."""
    drawn = generator.integers(0, n, size=(n_draws, batch_size)) + n * np.arange(n_draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_draws * n).reshape(n_draws, n).astype(np.float64)


def _poisson(generator: np.random.Generator, n_draws: int, n: int, batch_size: int) -> NDArray[np.float64]:
    """Return (n_draws, n) marks of which examples are in the batch, each with probability B/n."""
    return (generator.random((n_draws, n)) < batch_size / n).astype(np.float64)


_SAMPLERS = {"without-replacement": _without_replacement, "with-replacement": _with_replacement, "poisson": _poisson}


def minibatch_covariance(
    per_example_gradients: Any,
    batch_size: int,
    *,
    n_draws: int,
    w: ArrayLike | None = None,
    keep: str = "covariance",
    directions: ArrayLike | None = None,
    sampling: str = "without-replacement",
    rng: Any = None,
) -> MinibatchCovariance:
    r"""Draw minibatches and return the covariance of their gradient estimates.

    .. math::
        \hat G = \frac{N}{B} \sum_{i \in \mathrm{batch}} \nabla C_i, \qquad
        \operatorname{Cov} \hat G = N \left(\frac{N}{B} - 1\right) F \;\text{(without replacement)}, \quad
        \frac{N (N - 1)}{B} F \;\text{(with replacement)}, \quad
        \left(\frac{N}{B} - 1\right) \sum_{i=1}^N \nabla C_i \nabla C_i^T \;\text{(Poisson)}.

    The formulas are what the result is to be compared with; nothing here uses them.

    Parameters
    ----------
    per_example_gradients : array_like, shape (N, p)
        ∇Cᵢ of N ≥ 2 examples, at one point w; or a model, with `w`.
    batch_size : int
        B, from 1 to N; of Poisson sampling the mean size of a batch, by which Ĝ is divided.
    n_draws : int
        Number of independent minibatches, at least 2.
    w : array_like, shape (p,), optional
        Weights at which the gradients of a model are taken.
    keep : {"covariance", "diagonal", "trace"}
        What is kept of the covariance besides its trace: all of it (for at most 16,384 weights), its diagonal, or
        nothing.
    directions : array_like, shape (k, p), optional
        Unit vectors along which the variance is estimated too.
    sampling : {"without-replacement", "with-replacement", "poisson"}
        How the examples of one batch are drawn.
    rng : None, int, SeedSequence or Generator
        Source of the batches.

    Returns
    -------
    MinibatchCovariance
        Covariance, its trace and projections with standard errors, the mean, and what replays the draws.

    Raises
    ------
    InvalidInputError
        If B > N, there are fewer than two examples or draws, a direction is not a unit vector, a model contradicts
        itself, or there are too many weights for their covariance.

    Notes
    -----
    Each draw gives one independent, unbiased sample |Ĝ − G|² of the trace, because G = Σᵢ ∇Cᵢ is known exactly;
    likewise (u·(Ĝ − G))² for the variance along u. So the standard errors are those of plain means.

    Work grows as n_draws · p · (N + p). Memory, besides the (p, p) result and k + 1 numbers a draw, is bounded: of a
    model with many weights a draw takes one weighted gradient.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Section 5 (between Eqs. 11 and 12).

    Examples
    --------
    Of {1, 2, 4, 7, 11, 16} the covariance with N − 1 is F = 33.37, so that batches of 3 have variance 6(6/3 − 1)F:

    >>> gradients = [[1.0], [2.0], [4.0], [7.0], [11.0], [16.0]]
    >>> sampled = minibatch_covariance(gradients, 3, n_draws=10_000, rng=0)
    >>> abs(sampled.trace.z_score(200.2)) < 4
    True
    >>> print(minibatch_covariance(gradients, 6, n_draws=10, rng=0).trace)
    0 ± 0
    """
    gradients = Rows(per_example_gradients, w)
    n, p = gradients.n, gradients.p
    if _validate.choice("keep", keep, ("covariance", "diagonal", "trace")) == "covariance":
        matrix_of(p, 'Pass keep="diagonal" or keep="trace".')
    batch_size = _validate.integer("batch_size", batch_size, at_least=1, at_most=n)
    n_draws = _validate.integer("n_draws", n_draws, at_least=2)
    draw = _SAMPLERS[_validate.choice("sampling", sampling, _SAMPLERS)]
    axes = _unit_vectors(directions, p)
    replay = _validate.seed_sequence(rng)
    generator = _validate.generator(replay)

    products = np.zeros({"covariance": (p, p), "diagonal": p, "trace": 0}[keep])
    total = np.zeros(p)
    squares, along = np.empty(n_draws), np.empty((n_draws, len(axes)))
    rows = max(1, _CHUNK_ENTRIES // max(n, p))
    for start in range(0, n_draws, rows):
        chunk = slice(start, min(start + rows, n_draws))
        marks = draw(generator, chunk.stop - start, n, batch_size)
        noise = n / batch_size * gradients.weigh(marks)
        if sampling == "poisson":  # the mean gradient is drawn as often as there are examples, which varies
            noise += (marks.sum(axis=1) / batch_size - 1)[:, None] * (n * gradients.mean)
        if keep == "covariance":
            products += noise.T @ noise
        elif keep == "diagonal":
            products += np.einsum("ij,ij->j", noise, noise)
        total += noise.sum(axis=0)
        squares[chunk] = np.einsum("ij,ij->i", noise, noise)
        along[chunk] = (noise @ axes.T) ** 2
    if not np.isfinite(squares).all():
        raise InvalidInputError(
            "per_example_gradients must be numbers whose squares, summed, a float holds; the noise |Ĝ − G|² of a batch "
            "overflows. Rescale the loss."
        )
    return MinibatchCovariance(
        covariance=None if keep == "trace" else products / n_draws,
        trace=mean_estimate(squares),
        projected=None if directions is None else mean_estimate(along),
        mean=n * gradients.mean + total / n_draws,
        replay=replay,
    )


def _unit_vectors(directions: ArrayLike | None, p: int) -> NDArray[np.float64]:
    if directions is None:
        return np.empty((0, p))
    vectors = _validate.reals("directions", directions, shape=(None, p))
    lengths = np.linalg.norm(vectors, axis=1)
    if (wrong := np.abs(lengths - 1) > 1e-8).any():
        raise InvalidInputError(
            f"directions must be unit vectors; got one of length {lengths[wrong][0]:g}. Divide each by its length."
        )
    return vectors
