"""The gradient noise scale of McCandlish et al.: how large a batch must be before its gradient is mostly signal."""

from __future__ import annotations

import math
import warnings
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import AccuracyWarning, InvalidInputError
from ._ratio import GradientNoiseScale, of_parts
from ._rows import ENTRIES, Rows
from .noise_shape import tail_index

Array = NDArray[np.float64]

_FEW = 20
"""Examples, counted by their share in the trace, fewer of which do not tell how a mean of squares is distributed."""
_HEAVY = 2.0
"""Index of the tail of squares below which they have no variance."""


def gradient_noise_scale(
    model: Any,
    w: ArrayLike | None = None,
    *,
    examples: Any = None,
    population: str = "train-set",
    hessian_probes: int = 0,
    alpha: float = 0.05,
    rng: Any = None,
) -> GradientNoiseScale:
    r"""Return the gradient noise scale of a model at a point, from the gradients of its examples.

    .. math::
        B_\mathrm{simple} = \frac{\mathrm{Tr}\, F}{|G|^2}, \qquad
        B_\mathrm{noise} = \frac{\mathrm{Tr}\, H F}{G^\top H G}

    G and H are gradient and Hessian of the mean loss C/N, F the covariance of the gradients ∇Cᵢ, with N − 1.

    Parameters
    ----------
    model : object
        Has ``train_size``, ``dimension`` and ``minibatch_gradient(w, indices)`` or ``per_example_gradients``: a model
        of :mod:`sdetheory.models`, or your own. Or an array of gradients ∇Cᵢ, shape (N, p), without `w`.
    w : array_like, shape (p,)
        Weights at which gradients are taken.
    examples : int or array_like of int, optional
        How many examples are drawn, without replacement, or the numbers of those that you drew yourself so. All by
        default.
    population : {"train-set", "source"}
        Of what: of the N examples of the model, of which all N give the exact number; or of what they were drawn from,
        of which even all N are a sample.
    hessian_probes : int
        Number of random vectors for Tr HF, each with one product of the model's ``hessian_vector_product(w, v)``; 0
        leaves B_noise out. As many as there are examples make Tr HF exact.
    alpha : float
        One minus the confidence of the intervals.
    rng : None, int, SeedSequence or Generator
        Draws the examples, and the signs of the probes.

    Returns
    -------
    GradientNoiseScale
        Tr F, |G|², their ratio and its interval; where all are exact their errors are 0. With probes the same for
        B_noise in ``hessian_weighted``.

    Raises
    ------
    InvalidInputError
        If the model lacks a method or contradicts itself, gradients are not finite or all zero, fewer than two
        examples are asked for, or the loss curves downwards along its gradient where B_noise is asked for: then no
        learning rate is best.

    Warns
    -----
    AccuracyWarning
        A handful of examples makes up the trace of a sample, squared gradients have so heavy a tail that they may have
        no variance, or fewer than 20 probes stand behind Tr HF: intervals may then hold the truth less often than they
        say.

    Notes
    -----
    Gradients are made once, a few at a time; no (p, p) or (N, p) array is formed. Work beyond them: one minibatch
    gradient of all the examples that are used, two products of vectors each, and with probes a weighted gradient and a
    Hessian product each. Sums are in the precision in which gradients come.

    From n examples |ḡ|² is too large by Tr F (1/n − 1/N) on average, with N = ∞ for the source; it is subtracted. The
    errors are those of Sen for U-statistics, times 1 − n/N; the interval is Fieller's for a ratio of means with
    Student's t. Where |G|² is not told from zero, it has no upper end. Nothing bounds the error if squared gradients
    have no variance; docs/learn/how_to/noise_scale.md has the measured coverage, also of heavy tails.

    A probe is v = Σ ξᵢ(∇Cᵢ − ḡ) with random signs ξᵢ, for which vᵀHv has the mean (n − 1) Tr HF (Hutchinson's
    estimator on the matrix of all pairs of examples, whose diagonal has no part in its variance: a few long gradients
    do no harm). Of a sample each probe takes a part of the examples, so that the scatter between probes holds the
    chance of the sample too. The Hessian is that of all examples.

    Relation to others: :func:`simple_noise_scale` is the exact B_simple as a bare number, :func:`hessian_noise_scale`
    B_noise from matrices, :func:`noise_scale_from_batches` and :class:`NoiseScaleMonitor` take norms of minibatch
    gradients where no gradients of examples are to be had, and estimate B_simple of the source.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, "An empirical model of large-batch training", arXiv:1812.06162, Eqs. 2.7
    to 2.9.
    P. K. Sen, "On some convergence properties of U-statistics", Calcutta Stat. Assoc. Bull. 10 (1960) 1.
    M. F. Hutchinson, Commun. Stat. Simul. Comput. 18 (1989) 1059.

    Examples
    --------
    >>> from sdetheory.models import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((5000, 3)) + 0.5
    >>> model = LogisticRegression(X, rng.random(5000) < 0.8)
    >>> print(gradient_noise_scale(model, np.zeros(3)).noise_scale)              # of these 5,000: no error
    12.2924 ± 0
    >>> sampled = gradient_noise_scale(model, np.zeros(3), examples=500, rng=0)
    >>> print(sampled.noise_scale, sampled.interval[0] < 12.2924 < sampled.interval[1])
    10.6 ± 2.0 True
    """
    alpha = _validate.real("alpha", alpha, at_least=1e-12, below=1.0)
    probes = _validate.integer("hessian_probes", hessian_probes, at_least=0)
    if probes == 1:
        raise InvalidInputError("hessian_probes must be 0 or at least 2; got 1, which has no error")
    source = _validate.choice("population", population, ("train-set", "source")) == "source"
    if probes and not callable(getattr(model, "hessian_vector_product", None)):
        raise InvalidInputError(
            f"hessian_probes needs a model with hessian_vector_product(w, v); got {type(model).__name__}"
        )
    replay = _validate.seed_sequence(rng) if probes or _is_count(examples) else None
    generator = np.random.default_rng(replay)
    rows = Rows(model, w, _chosen(model, examples, generator))
    total = _size(model)
    share = 0.0 if source else 1 / total
    bend = _bend(model, w, rows, total) if probes else None
    exact = bool(share) and rows.n == total
    along = np.empty(0)
    if exact:
        parts, covariance = np.array([rows.trace(), rows.mean @ rows.mean]), np.zeros((2, 2))
    else:
        squares, products = rows.measure(np.empty((0, rows.p)) if bend is None else bend[None])
        along = products[:, -1]
        _warn_of_tails(squares)
        samples = _simple(rows, squares, products[:, 0], share)
        parts, covariance = samples.mean(axis=1), np.cov(samples) / rows.n * (1 - rows.n * share)
    if not np.isfinite(parts).all():
        raise InvalidInputError(
            "w must be weights at which squared gradients are finite: they overflow. Look whether the run has diverged."
        )
    if not parts.any():
        raise InvalidInputError("gradients of examples must not all be zero: the noise scale is 0/0. Look at w.")
    weighted = None
    if bend is not None:
        weighted = _weighted(model, rows, bend, along, probes, exact, share, generator, alpha)
    return of_parts(parts, covariance, float(rows.n), alpha, hessian_weighted=weighted, replay=replay)


def _size(model: Any) -> int:
    if (size := getattr(model, "train_size", None)) is not None:
        return int(size)
    try:
        return len(model)
    except TypeError:
        raise InvalidInputError(
            f"model must have train_size, or be an array of gradients; got {type(model).__name__}"
        ) from None


def _is_count(examples: Any) -> bool:
    return isinstance(examples, Number) or (isinstance(examples, np.ndarray) and examples.ndim == 0)


def _chosen(model: Any, examples: Any, generator: np.random.Generator) -> NDArray[np.intp] | None:
    """Return the numbers of the examples that are used; None for all."""
    if examples is None:
        return None
    total = _size(model)
    if _is_count(examples):
        n = _validate.integer("examples", examples, at_least=2, at_most=total)
        return generator.choice(total, n, replace=False)
    chosen = _validate.integers("examples", examples, shape=(None,), at_least=0, at_most=total - 1)
    if len(chosen) < 2 or len(np.unique(chosen)) < len(chosen):
        raise InvalidInputError(
            f"examples must be two or more numbers, each once: a sample without replacement; got "
            f"{_validate.shown(examples)}"
        )
    return chosen


def _simple(rows: Rows, squares: Array, along: Array, share: float) -> Array:
    """Return for each example its part in Tr F and |G|² (2, n): the mean is the estimate, the scatter its error's.

    |G|² of the source is a mean over pairs; its projection on an example is what that has with all others.
    """
    n, square = rows.n, float(rows.mean @ rows.mean)
    trace = squares.sum() / (n - 1)
    others = square + ((n - 2) * along - squares) / (n - 1)
    mean = square - trace / n
    traces = squares + 2 * along + square + mean - 2 * others
    # The mean is put in as it was found, not as it is left by rounding.
    traces += trace - traces.mean()
    sides = 2 * others - mean
    sides += mean - sides.mean()
    return np.stack([traces, sides + share * traces])


def _bend(model: Any, w: Any, rows: Rows, total: int) -> Array:
    """Return Hḡ; refuse a loss that curves downwards along its gradient."""
    product = model.hessian_vector_product(np.asarray(w), rows.mean)
    product = _validate.reals("hessian_vector_product(w, v)", product, shape=(rows.p,)) / total
    if not (along := float(product @ rows.mean)) > 0:
        raise InvalidInputError(
            f"the Hessian must curve upwards along the gradient; GᵀHG is {along:.3g}, no learning rate is best, and "
            "B_noise means nothing. Leave hessian_probes at 0 for the simple noise scale."
        )
    return product


def _weighted(
    model: Any, rows: Rows, bend: Array, along: Array, probes: int, exact: bool, share: float,
    generator: np.random.Generator, alpha: float,
) -> GradientNoiseScale:  # fmt: skip
    """Return B_noise: by probes of all examples if those are the population, else of as many parts of them."""
    n, total = rows.n, model.train_size
    square = float(bend @ rows.mean)
    probes = min(probes, n)
    if probes < _FEW and not (exact and probes == n):
        _warn(
            f"{probes} probes do not tell how their mean is distributed: the interval of B_noise may hold the truth "
            f"less often than it says. Take {_FEW} or more."
        )
    parts = generator.permutation(n) * probes // n
    whole = exact and probes < n
    found = np.empty(probes)
    most = max(1, ENTRIES // max(n, rows.p))
    for first in range(0, probes, most):
        some = np.arange(first, min(first + most, probes))
        signs = generator.choice([-1.0, 1.0], size=(len(some), n))
        for k, v in zip(some, rows.weigh(signs if whole else signs * (parts == some[:, None])), strict=True):
            product = model.hessian_vector_product(rows.point, v)
            found[k] = _validate.reals("hessian_vector_product(w, v)", product, shape=(rows.p,)) @ v / total / (n - 1)
    if whole:
        covariance = np.diag([found.var(ddof=1) / probes, 0.0])
        return of_parts(np.array([found.mean(), square]), covariance, float(probes), alpha, signed=True)
    trace = found.sum()
    estimate = np.array([trace, square - (1 / n - share) * trace])
    if exact:
        return of_parts(estimate, np.zeros((2, 2)), float(n), alpha, signed=True)
    sizes = np.bincount(parts, minlength=probes)
    traces = probes * (found - trace * sizes / n)
    sides = 2 * probes / n * np.bincount(parts, along, minlength=probes) - (1 / n - share) * traces
    covariance = np.cov([traces, sides]) / probes
    return of_parts(estimate, covariance, float(probes), alpha, signed=True)


def _warn_of_tails(squares: Array) -> None:
    """Warn where the scatter of squares in a sample says little about that of their mean."""
    if not squares.any():
        return
    few = squares.sum() ** 2 / (squares @ squares)
    if few < _FEW:
        _warn(
            f"as few as {few:.1f} of {len(squares)} examples make up the trace of the noise: the interval may hold the "
            "truth less often than it says (docs/learn/how_to/noise_scale.md). Take more examples."
        )
        return
    largest = len(squares) // 20
    if largest < 10 or np.count_nonzero(squares) <= largest:
        return
    if (tail := tail_index(squares, n_largest=largest).value) < _HEAVY:
        _warn(
            f"squared gradients have a tail of index {tail:.2g} among the {largest} largest, and no variance if it "
            "goes on: the interval may hold the truth less often than it says (docs/learn/how_to/noise_scale.md). All "
            'examples of population="train-set" have no error.'
        )


def _warn(message: str) -> None:
    warnings.warn(message, AccuracyWarning, stacklevel=4)


def simple_noise_scale(per_example_gradients: Any, w: ArrayLike | None = None) -> float:
    r"""Return B_simple of the examples at hand, the number alone.

    .. math:: B_\mathrm{simple} = \frac{\mathrm{Tr}\, F}{|\bar g|^2}, \qquad \bar g = \frac{1}{N} \sum_i \nabla C_i

    Parameters
    ----------
    per_example_gradients : array_like, shape (N, p)
        ∇Cᵢ of N ≥ 2 examples; anything with ``__array__``, such as a PyTorch tensor without gradient. Or a model of
        :mod:`sdetheory.models` or your own, with `w`.
    w : array_like, shape (p,), optional
        Weights at which the gradients of a model are taken.

    Returns
    -------
    float
        B_simple, in examples; inf where the mean gradient vanishes.

    Raises
    ------
    InvalidInputError
        If the gradients are not an (N, p) array of finite numbers, N = 1, or a model contradicts itself.

    Notes
    -----
    No (p, p) matrix is formed, and of a model with many weights no (N, p) array: gradients come a few at a time.

    Exact for these N examples as the population, and the number that :func:`gradient_noise_scale` gives for all of
    them. As an estimate for what they were drawn from it is too small, because |ḡ|² has the mean |G|² + Tr F/N:
    ``gradient_noise_scale(..., population="source")`` is free of that.

    This is not the noise scale g of Smith and Le: it has no learning rate and grows as training goes on.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, "An empirical model of large-batch training", arXiv:1812.06162, Eq. 2.9.

    Examples
    --------
    >>> simple_noise_scale([[1.0, 0.0], [2.0, 1.0], [3.0, -1.0]])
    0.5
    >>> from sdetheory.models import LinearRegression
    >>> simple_noise_scale(LinearRegression([[1.0], [1.0]], [0.0, 2.0]), [0.0])     # gradients 0 and -2
    2.0
    """
    rows = Rows(per_example_gradients, w)
    square = float(rows.mean @ rows.mean)
    return rows.trace() / square if square else math.inf


def hessian_noise_scale(gradient: ArrayLike, covariance: ArrayLike, hessian: ArrayLike) -> float:
    r"""Return B_noise, which weighs directions by their curvature, from matrices.

    .. math:: B_\mathrm{noise} = \frac{\mathrm{Tr}(H F)}{G^\top H G}

    Parameters
    ----------
    gradient : array_like, shape (p,)
        G, the gradient of the mean loss.
    covariance : array_like, shape (p, p)
        F, covariance of the per-example gradients.
    hessian : array_like, shape (p, p)
        H, the Hessian of the mean loss (its scale cancels).

    Returns
    -------
    float
        B_noise, in examples. At batch size B the best learning rate is ε_max/(1 + B_noise/B), where
        ε_max = |G|²/GᵀHG.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, F is not positive semidefinite, H not symmetric, or GᵀHG is not positive.

    Notes
    -----
    For many weights, without matrices: ``gradient_noise_scale(..., hessian_probes=...)``.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, arXiv:1812.06162, Eqs. 2.7 and 2.8.

    Examples
    --------
    >>> hessian_noise_scale([1.0, 1.0], [[2.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [0.0, 4.0]])
    0.8
    """
    G = _validate.reals("gradient", gradient, shape=(None,))
    if not G.size:
        raise InvalidInputError("gradient must have one entry at least; got none")
    F, H = (
        _validate.reals(name, value, shape=(None, None))
        for name, value in (("covariance", covariance), ("hessian", hessian))
    )
    if not F.shape == H.shape == 2 * G.shape:
        raise InvalidInputError(
            "gradient, covariance and hessian must have shapes (p,), (p, p) and (p, p); got "
            f"{G.shape}, {F.shape} and {H.shape}"
        )
    F, H = _validate.positive_semidefinite("covariance", F, len(G)), _validate.symmetric("hessian", H, len(G))
    bend = float(G @ H @ G)
    if bend <= 0:
        raise InvalidInputError(
            f"hessian must curve upwards along gradient; GᵀHG is {bend:.3g}. Far from a minimum use simple_noise_scale."
        )
    return float(np.sum(H * F)) / bend
