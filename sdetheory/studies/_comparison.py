"""The parts of a comparison of SGD with its equation: moments of ensembles, and what their differences say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ..errors import InvalidInputError
from ..models._formula import likelihood_of
from ..results import Estimate, mean_of

Array = NDArray[np.float64]

_PARTS, _NUMBERS = ("mean", "covariance", "observables"), ("value", "stderr", "n_eff")

_RESOLVED = 3.0
"""Standard errors from which on a difference enters the fit of an order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """What the runs of one process were like along time.

    Attributes
    ----------
    mean : Estimate, (n_records, p)
        Means of the weights.
    covariance : Estimate, (n_records, p, p)
        Covariances.
    observables : Estimate, (n_records, K)
        Means of the observables.
    diverged : int
        Runs that were not finite at the last record; those that are not enter no record.
    """

    mean: Estimate
    covariance: Estimate
    observables: Estimate
    diverged: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeakOrder:
    """Differences between an equation and SGD at the last time, over the learning rate.

    Attributes
    ----------
    learning_rates : ndarray, shape (r,)
        ε, ε/2, ε/4, ...: batch size and time are the same.
    difference : Estimate, (r, K)
        Equation minus SGD.
    order : Estimate, (K,)
        Slope of ln |difference| in ln ε, over those differences that are three standard errors or more; NaN where these
        are fewer than two.
    """

    learning_rates: Array
    difference: Estimate
    order: Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearScaling:
    """SGD with ε and B both k times as great, for the same time, against SGD as it is.

    Attributes
    ----------
    multiples : ndarray, shape (r,)
        k.
    difference : Estimate, (r, K)
        Observables at the last time, minus those of k = 1.
    diverged : ndarray, shape (r,)
        Numbers of runs that diverged.
    breaks_at : int or None
        The smallest k with a difference beyond error, or with runs that diverge where none do at k = 1.
    """

    multiples: NDArray[np.int64]
    difference: Estimate
    diverged: NDArray[np.int64]
    breaks_at: int | None


def moments(records: Iterable[Array], functions: Mapping[str, Callable[[Array], ArrayLike]]) -> Moments:
    """Return the moments of weights (n_runs, p), record by record."""
    means, covariances, observed, lost = [], [], [], 0
    for w in records:
        whole = w[np.isfinite(w).all(axis=1)]
        lost = len(w) - len(whole)
        if len(whole) < 2:
            # An outcome like others, which has no averages.
            p = w.shape[1]
            parts = [mean_of(np.full((2, *shape), np.nan)) for shape in ((p,), (p, p), (len(functions),))]
        else:
            apart = whole - whole.mean(axis=0)
            # Of the products with the sample's mean, n/(n - 1) times their mean is unbiased.
            products = apart[:, :, None] * apart[:, None, :] * (len(whole) / (len(whole) - 1))
            parts = [mean_of(samples) for samples in (whole, products, values(whole, functions))]
        for column, part in zip((means, covariances, observed), parts, strict=True):
            column.append(part)
    return Moments(
        mean=_stacked(means), covariance=_stacked(covariances), observables=_stacked(observed), diverged=lost
    )


def packed(moments: Moments, name: str) -> dict[str, Array]:
    """Return moments as arrays, for a checkpoint."""
    arrays = {f"{name}.diverged": np.array(moments.diverged)}
    for part in _PARTS:
        estimate = getattr(moments, part)
        arrays |= {f"{name}.{part}.{key}": np.asarray(getattr(estimate, key)) for key in _NUMBERS}
    return arrays


def unpacked(arrays: Mapping[str, Array], name: str) -> Moments:
    """Return the moments that were packed under a name."""
    parts = {
        part: Estimate(
            value=arrays[f"{name}.{part}.value"], stderr=arrays[f"{name}.{part}.stderr"],
            n_eff=float(arrays[f"{name}.{part}.n_eff"]),
        )
        for part in _PARTS
    }  # fmt: skip
    return Moments(**parts, diverged=int(arrays[f"{name}.diverged"]))


def cost(model: Any) -> Callable[[Array], ArrayLike]:
    """Return the model's cost as a function of weights (n, p)."""
    likelihood = likelihood_of(model)
    if likelihood is not None and likelihood.outputs == 1:
        return model.cost
    return lambda weights: [model.cost(w) for w in weights]


def minus(a: Estimate, b: Estimate) -> Estimate:
    """Return the difference of two independent estimates."""
    return Estimate(value=a.value - b.value, stderr=np.hypot(a.stderr, b.stderr), n_eff=min(a.n_eff, b.n_eff))


def row(estimate: Estimate, index: int) -> Estimate:
    """Return one row of an array of estimates."""
    return Estimate(value=estimate.value[index], stderr=estimate.stderr[index], n_eff=estimate.n_eff)


def last(estimate: Estimate) -> Estimate:
    """Return the last row."""
    return row(estimate, -1)


def beyond(difference: Estimate, alpha: float) -> NDArray[np.bool_]:
    """Return which entries are not zero, at a false-alarm rate that they share."""
    z = np.abs(np.asarray(difference.z_score(0.0)))
    return z > -special.stdtrit(difference.n_eff - 1, alpha / (2 * z.size))


def spelled(names: Sequence[str], difference: Estimate) -> str:
    """Return the differences by name, with their errors."""
    return ", ".join(
        f"{name} by {Estimate(value=value, stderr=error, n_eff=difference.n_eff)}"
        for name, value, error in zip(names, difference.value, difference.stderr, strict=True)
    )


def order(rates: Array, rows: Sequence[Estimate]) -> WeakOrder:
    """Return the slopes of ln |difference| in ln ε."""
    difference = _stacked(rows)
    size, error = np.abs(difference.value), difference.stderr
    slopes, errors = np.full(size.shape[1], np.nan), np.full(size.shape[1], np.nan)
    for k in range(size.shape[1]):
        clear = size[:, k] > _RESOLVED * error[:, k]
        if clear.sum() >= 2:
            weights = (size[clear, k] / np.maximum(error[clear, k], 1e-12 * size[clear, k])) ** 2
            x = np.log(rates[clear])
            x = x - np.average(x, weights=weights)
            scatter = np.sum(weights * x**2)
            slopes[k] = np.sum(weights * x * np.log(size[clear, k])) / scatter
            errors[k] = 1 / np.sqrt(scatter)
    return WeakOrder(
        learning_rates=rates,
        difference=difference,
        order=Estimate(value=slopes, stderr=errors, n_eff=difference.n_eff),
    )


def scaling(reference: Moments, multiples: Sequence[int], scaled: Sequence[Moments], alpha: float) -> LinearScaling:
    """Return where the linear scaling rule breaks."""
    start = last(reference.observables)
    difference = _stacked([minus(last(moments.observables), start) for moments in scaled])
    lost = np.array([moments.diverged for moments in scaled])
    broken = beyond(difference, alpha).any(axis=1) | ((lost > 0) & (reference.diverged == 0))
    return LinearScaling(
        multiples=np.array(multiples),
        difference=difference,
        diverged=lost,
        breaks_at=int(multiples[int(np.argmax(broken))]) if broken.any() else None,
    )


def _stacked(parts: Sequence[Estimate]) -> Estimate:
    return Estimate(
        value=np.array([part.value for part in parts]),
        stderr=np.array([part.stderr for part in parts]),
        n_eff=min(part.n_eff for part in parts),
    )


def values(weights: Array, functions: Mapping[str, Callable[[Array], ArrayLike]]) -> Array:
    """Return the observables, shape (n, K)."""
    values = np.empty((len(weights), len(functions)))
    for k, (name, function) in enumerate(functions.items()):
        column = np.asarray(function(weights), dtype=np.float64)
        if column.shape != (len(weights),):
            raise InvalidInputError(
                f"observable {name!r} must give {len(weights)} numbers for weights of shape {weights.shape}; "
                f"got shape {column.shape}"
            )
        values[:, k] = column
    return values
