"""A sample beside the law that it should follow: distances, and how large they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from ... import _validate
from ...errors import InvalidInputError
from ...results import Estimate
from . import _cells
from .law_comparison import Distance, LawComparison

Array = NDArray[np.float64]

_KOLMOGOROV = (np.sqrt(np.pi / 2) * np.log(2), np.sqrt(np.pi**2 / 12 - np.pi / 2 * np.log(2) ** 2))
"""Mean and standard deviation of the limit of √n D."""
_FEWEST = 30  # effective draws, below which the normal limits say nothing
_FEWEST_GROUPS = 8


def compare_laws(sample: Any, law: Any, *, n_eff: float | None = None, bins: ArrayLike | None = None) -> LawComparison:
    r"""Compare a sample with a law, each distance beside the one that sampling alone makes.

    .. math::

        E \int |F_n - F| \, dx \to \sqrt{\frac{2}{\pi n}} \int \sqrt{F (1 - F)} \, dx, \qquad
        E \, \sup |F_n - F| \to \sqrt{\frac{\pi}{2 n}} \ln 2

    Parameters
    ----------
    sample : ndarray, shape (n,) or (n, 1), or a histogram
        Draws; or a histogram in one or two dimensions as :func:`sdetheory.sample_stationary` makes it, with ``edges``,
        ``counts`` of shape (n_groups, \*cells) and ``totals`` of shape (n_groups,), the groups being independent. Of an
        object with a ``histogram``, such as a stationary sample, it is that one.
    law : object
        Has ``pdf``, at points (..., d), and in one dimension ``cdf``: a law of this package, or a frozen one of SciPy.
        For one coordinate of a law in more dimensions pass its ``marginal(axis)``.
    n_eff : float, optional
        Independent draws that the sample is worth. If not given, all draws are independent, and for a histogram the
        scatter between its groups decides.
    bins : ndarray, optional
        Edges of the cells, for draws. If not given, up to 100 equal cells that hold all but 10 draws or so.

    Returns
    -------
    LawComparison
        Distances, moments and residuals; :meth:`LawComparison.agrees` is the verdict.

    Raises
    ------
    InvalidInputError
        A sample of another form, bins that do not increase, a law without a density or a distribution function; fewer
        than 30 effective draws, or a histogram of fewer than 8 groups without `n_eff`.

    Notes
    -----
    Errors are those of the normal limit: of the multinomial law if the draws count as independent, else with the
    covariance of the cells between the groups. In total variation the finite sample shows cells only; with more cells
    the expected distance rises. A mean absolute value and the covariance of two of them, for normal numbers, give mean
    and deviation of the distances. Pearson's statistic has a scaled χ² law with the first two moments that the
    covariance gives (Rao and Scott), which allows for slow modes that make whole basins rise and fall together. One
    number n_eff for draws cannot do that; where basins are rarely left, use a histogram with groups. The groups are of
    consecutive paths and must be alike: let starting points in different basins alternate, not follow in blocks.

    References
    ----------
    J. Rao and A. Scott (1981), The analysis of categorical data from complex sample surveys, J. Am. Stat. Assoc. 76,
    221. G. Marsaglia, W. Tsang and J. Wang (2003), Evaluating Kolmogorov's distribution, J. Stat. Softw. 8, 18.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import stats
    >>> x = np.random.default_rng(0).standard_normal(10_000)
    >>> print(compare_laws(x, stats.norm()))
    sample worth 10000 draws; p = 1
    total variation    0.0285, expected 0.0296 ± 0.003
    Kolmogorov–Smirnov 0.0091, expected 0.00869 ± 0.0026
    Wasserstein-1      0.0114, expected 0.0129 ± 0.0045
    mean               0.006 ± 0.010, law 0, +0.63 s.e.
    variance           0.996 ± 0.014, law 1, -0.27 s.e.
    >>> compare_laws(x, stats.norm(scale=1.05)).agrees(alpha=1e-3)
    False
    """
    hint = "theory.gibbs and theory.stationary_law give some."
    _validate.having("law", law, ["pdf"], "a law with a method pdf", hint=hint)
    if n_eff is not None:
        n_eff = _validate.real("n_eff", n_eff, at_least=_FEWEST)
    if hasattr(sample, "histogram"):
        sample = sample.histogram
        if sample is None:
            raise InvalidInputError("sample must have a histogram; this one was taken without. Sample with bins=edges.")
    if all(hasattr(sample, name) for name in ("edges", "counts", "totals")):
        if bins is not None:
            raise InvalidInputError("bins must be left out where the sample is a histogram, which has its own")
        return _histogram(sample, law, n_eff)
    return _draws(_values(sample), law, n_eff, bins)


def _values(sample: Any) -> Array:
    values = _validate.reals("sample", sample)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InvalidInputError(
            f"sample must have shape (n,) or (n, 1); got shape {values.shape}. Compare one coordinate with "
            "law.marginal(axis), or make a histogram in two dimensions."
        )
    return np.sort(values)


def _draws(values: Array, law: Any, n_eff: float | None, bins: ArrayLike | None) -> LawComparison:
    n = _enough(len(values) if n_eff is None else min(n_eff, len(values)))
    line = _cells.Line(law)
    points, heights = line.grid(values[0], values[-1], tail=1 / n)
    if bins is None:
        low, high = np.interp([5 / n, 1 - 5 / n], heights, points)
        edges = np.linspace(low, high, 1 + int(np.clip(2 * n**0.4, 8, 100)))
    else:
        edges = _validate.reals("bins", bins, shape=(None,))
        if len(edges) < 2 or np.any(np.diff(edges) <= 0):
            raise InvalidInputError("bins must be two or more increasing edges")
    inside = np.diff(line.cdf(edges))
    shares = np.histogram(values, edges)[0] / len(values)
    cells = _cells.Cells(inside, shares, _cells.multinomial(_cells.with_rest(inside), n), n)

    at = line.cdf(values)
    steps = np.arange(len(values) + 1) / len(values)
    supremum = float(max(np.max(steps[1:] - at), np.max(at - steps[:-1])))
    known = stats.kstwo.sf(supremum, len(values)) if n == len(values) else stats.kstwobign.sf(np.sqrt(n) * supremum)
    mean, deviation = (factor / np.sqrt(n) for factor in _KOLMOGOROV)
    smirnov = Distance(value=supremum, expected=mean, deviation=deviation, p_value=float(known))

    area = _cells.area_between(values, at, points, heights)
    expected, spread = _cells.bridge(points, heights, n)
    transport = Distance(value=area, expected=expected, deviation=spread)
    moments = line.moments()
    errors = np.sqrt(np.array([moments.variance, moments.square_variance]) / n)
    scores = special.ndtri(np.clip(at, np.finfo(float).tiny, 1 - np.finfo(float).epsneg))
    chances = [_two_sided(stats.norm, scores.mean() * np.sqrt(n)), _two_sided(stats.chi2(n), n * np.mean(scores**2))]
    return _result(
        law, n, (edges,), cells, smirnov, transport, chances,
        (values.mean(), np.mean((values - moments.mean) ** 2)), errors, (moments.mean, moments.variance),
    )  # fmt: skip


def _histogram(sample: Any, law: Any, n_eff: float | None) -> LawComparison:
    edges = tuple(_validate.reals("edges", edge, shape=(None,)) for edge in sample.edges)
    if len(edges) not in (1, 2):
        raise InvalidInputError(f"sample must be a histogram in one or two dimensions; got {len(edges)}")
    inside = _cells.Line(law).probabilities(edges[0]) if len(edges) == 1 else _cells.probabilities(law, edges)
    counts, totals = np.asarray(sample.counts, dtype=np.float64), np.asarray(sample.totals, dtype=np.float64)
    groups = counts.reshape(len(counts), -1)
    shares = groups.sum(axis=0) / totals.sum()
    everything = _cells.with_rest(inside.ravel())
    if n_eff is None:
        if len(groups) < _FEWEST_GROUPS:
            raise InvalidInputError(
                f"a histogram needs {_FEWEST_GROUPS} independent groups to show its own errors; got {len(groups)}. "
                "Sample more paths, or pass n_eff."
            )
        whole = np.column_stack([groups, totals - groups.sum(axis=1)])
        covariance = _cells.between_groups(whole, totals)
        n = _enough(float(np.sum(everything * (1 - everything)) / np.trace(covariance)))
    else:
        n = _enough(n_eff)
        covariance = _cells.multinomial(everything, n)
    cells = _cells.Cells(inside.ravel(), shares, covariance, n, None if n_eff else len(groups))
    if len(edges) == 2:
        return _result(law, n, edges, cells, None, None, [], None, None, None)
    # The distribution function at the right end of every cell but the last; draws below the first edge are unknown.
    below = float(_cells.Line(law).cdf(edges[0][:1])[0])
    cumulative = np.tril(np.ones((len(shares), len(shares))))
    ladder = np.column_stack([cumulative, np.zeros(len(shares))])
    gaps = cumulative @ (shares - inside)
    width = np.diff(edges[0])
    smirnov_error = ladder @ covariance @ ladder.T
    heights = below + cumulative @ inside
    worth = np.sum(heights * (1 - heights)) / np.trace(smirnov_error)
    mean, deviation = (factor / np.sqrt(worth) for factor in _KOLMOGOROV)
    smirnov = Distance(value=float(np.abs(gaps).max()), expected=float(mean), deviation=float(deviation))
    expected, deviation = _cells.absolute_sum(smirnov_error, width)
    transport = Distance(value=float(width @ np.abs(gaps)), expected=expected, deviation=deviation)
    centers = (edges[0][1:] + edges[0][:-1]) / 2
    first = float(centers @ inside / inside.sum())
    forms = np.array([centers - first, (centers - first) ** 2])
    measured, exact = forms @ shares, forms @ inside
    wide = np.column_stack([forms, np.zeros(2)])
    errors = np.sqrt(np.einsum("ki,ij,kj->k", wide, covariance, wide))
    normal = stats.norm if n_eff else stats.t(len(groups) - 1)
    chances = [_two_sided(normal, z) for z in (measured - exact) / errors]
    return _result(
        law, n, edges, cells, smirnov, transport, chances,
        (measured[0] + first, measured[1]), errors, (exact[0] + first, exact[1]),
    )  # fmt: skip


def _two_sided(distribution: Any, value: float) -> float:
    return 2 * float(min(distribution.sf(value), distribution.cdf(value)))


def _enough(n: float) -> float:
    if n < _FEWEST:
        raise InvalidInputError(
            f"sample must be worth {_FEWEST} independent draws or more, for its errors to be normal; got {n:.3g}"
        )
    return float(n)


def _result(
    law: Any, n: float, edges: tuple[Array, ...], cells: _cells.Cells, smirnov: Distance | None,
    transport: Distance | None, chances: list[float], measured: Any, errors: Any, exact: Any,
) -> LawComparison:  # fmt: skip
    shape = tuple(len(edge) - 1 for edge in edges)
    volume = np.diff(edges[0]) if len(edges) == 1 else np.multiply.outer(*(np.diff(edge) for edge in edges))
    value, expected, deviation, chance = cells.total_variation()
    variation = Distance(value=value, expected=expected, deviation=deviation, p_value=chance)
    chances = [chance, *chances]
    if smirnov is not None and smirnov.p_value is not None:
        chances.append(smirnov.p_value)
    none: tuple[Any, Any] = (None, None)
    mean, variance = none if measured is None else (
        Estimate(value=float(value), stderr=float(error), n_eff=n)
        for value, error in zip(measured, errors, strict=True)
    )  # fmt: skip
    law_mean, law_variance = none if exact is None else map(float, exact)
    return LawComparison(
        law=law, n_eff=n, edges=edges,
        density=Estimate(
            value=cells.shares.reshape(shape) / volume, stderr=cells.errors.reshape(shape) / volume, n_eff=n
        ),
        law_density=cells.inside.reshape(shape) / volume,
        residuals=cells.residuals.reshape(shape),
        total_variation=variation, kolmogorov_smirnov=smirnov, wasserstein=transport,
        mean=mean, variance=variance, law_mean=law_mean, law_variance=law_variance,
        p_value=min(1.0, len(chances) * min(chances)),
    )  # fmt: skip
