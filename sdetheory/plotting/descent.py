"""SGD beside its SDE, and the optimum batch size."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from .. import _validate
from ..errors import InvalidInputError
from ..studies.batch_size_fit import SCALINGS
from ..studies.batch_size_result import BatchSizeStudy
from ..studies.compare import Comparison
from ._style import axes_or_new, panels, plain_log
from .palette import GUIDE, PARTS, SAMPLE, THEORY, shades

_MARKERS = "osDv^P"
"""Of curves that differ in their shade too; stars and crosses are for optima and failures."""

_SYMBOLS = {
    "learning_rate": ("ε", lambda setting: setting["learning_rate"]),
    "train_size": ("N", lambda setting: setting["train_size"]),
    "1/(1 - momentum)": ("m", lambda setting: setting["momentum"]),
}

_AXES = {
    "learning_rate": "learning rate $\\epsilon$",
    "train_size": "training set size $N$ (examples)",
    "1/(1 - momentum)": "$1/(1 - m)$",
}


def plot_comparison(comparison: Comparison, observable: str | None = None, axes: Any = None) -> Any:
    """Plot SGD, its equations and SVAG along time, the differences over ε, and those over k of the scaling rule.

    Parameters
    ----------
    comparison : Comparison
        What :func:`sdetheory.compare` returned.
    observable : str, optional
        Which; the first by default.
    axes : sequence of three matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ndarray of Axes
        Bars are two standard errors. The second and third are left empty where the comparison left out the study.

    Raises
    ------
    InvalidInputError
        If there is no observable of this name.
    """
    _validate.instance("comparison", comparison, Comparison, hint="compare returns one.")
    name = comparison.names[0] if observable is None else observable
    if not isinstance(name, str) or name not in comparison.names:
        raise InvalidInputError(
            f"observable must be one of {', '.join(comparison.names)}; got {_validate.shown(observable)}"
        )
    k = comparison.names.index(name)
    if axes is None:
        _, axes = plt.subplots(1, 3, figsize=(12, 3.6), constrained_layout=True)
    along, over_rate, over_k = axes = panels("axes", axes, 3, "times, learning rates and multiples")
    colors = {"SGD": SAMPLE, "SDE 1": THEORY, "SDE 2": shades(THEORY, 3)[2]}
    for process, moments in comparison.processes.items():
        values = moments.observables
        along.errorbar(
            comparison.times, values.value[:, k], yerr=2 * values.stderr[:, k], capsize=2, label=process,
            color=colors.get(process, PARTS[1]), ls="-" if process in colors else ":", lw=1.2,
        )  # fmt: skip
    along.set(xlabel="time $t$", ylabel=name)
    along.legend(frameon=False)
    for process, study in comparison.weak_orders.items():
        size, error = np.abs(study.difference.value[:, k]), study.difference.stderr[:, k]
        label = f"{process}, order {study.order.value[k]:.2f}" if np.isfinite(study.order.value[k]) else process
        down = np.minimum(2 * error, 0.9 * size)  # a bar must end above zero
        over_rate.errorbar(
            study.learning_rates, size, yerr=(down, 2 * error), fmt="o-", color=colors[process], lw=1.2, ms=4,
            capsize=2, label=label,
        )  # fmt: skip
    if comparison.weak_orders:
        over_rate.set(xscale="log", yscale="log")
        over_rate.legend(frameon=False)
    over_rate.set(xlabel="learning rate $\\epsilon$", ylabel="|equation − SGD|")
    if comparison.scaling is not None:
        gap = comparison.scaling.difference
        over_k.errorbar(
            comparison.scaling.multiples, gap.value[:, k], yerr=2 * gap.stderr[:, k], fmt="o", color=SAMPLE, capsize=2
        )  # fmt: skip
        if comparison.scaling.breaks_at is not None:
            over_k.axvline(comparison.scaling.breaks_at, color=GUIDE, ls="--", lw=1)
    over_k.axhline(0.0, color=GUIDE, lw=1)
    over_k.set(xlabel="$k$: $\\epsilon$ and $B$ times $k$", ylabel=f"change of {name}")
    return axes


def plot_batch_sizes(study: BatchSizeStudy, metric: str | None = None, ax: Any = None, **options: Any) -> Any:
    """Plot a metric over the batch size, a curve for each setting.

    Parameters
    ----------
    study : BatchSizeStudy
        What :func:`sdetheory.batch_size_study` returned.
    metric : str, optional
        Which one; the first by default.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    **options
        Of `study.optima`: trains_above, minimize, confidence, n_bootstrap.

    Returns
    -------
    Axes
        Means over the seeds of batch sizes of which every run trained, ± 2 standard errors without what a seed adds to
        the whole curve. Crosses at the bottom: some run diverged or failed to train. The first metric has its optima
        marked, with their intervals.
    """
    _validate.instance("study", study, BatchSizeStudy, hint="batch_size_study returns one.")
    ax = axes_or_new(ax)
    curves = study.curves(metric, trains_above=options.get("trains_above"), minimize=options.get("minimize"))
    first = metric is None or metric == study.metrics[0]
    optima = {tuple(o.curve.setting.values()): o for o in study.optima(**options)} if first else {}
    varied = [name for name, of in SCALINGS.items() if len({of(curve.setting) for curve in curves}) > 1]
    for number, (curve, color) in enumerate(zip(curves, shades(SAMPLE, len(curves)), strict=True)):
        use, setting = curve.reliable, curve.setting
        label = ", ".join(f"{_SYMBOLS[name][0]} = {_SYMBOLS[name][1](setting):.4g}" for name in varied)
        mean, error = _mean_of_seeds(curve.values[:, use])
        ax.errorbar(
            curve.batch_sizes[use], mean, yerr=2 * error, color=color, fmt=f"{_MARKERS[number % len(_MARKERS)]}-", ms=4,
            lw=1.2, capsize=2, label=label,
        )  # fmt: skip
        bad = curve.batch_sizes[curve.failed + curve.diverged > 0]
        ax.plot(bad, np.full(len(bad), 0.02), "x", color=color, ms=5, transform=ax.get_xaxis_transform())
        best = optima.get(tuple(setting.values()))
        if best is not None:
            size = best.batch_size
            ends = [[size.value - max(size.low, size.value / 10)], [min(size.high, 10 * size.value) - size.value]]
            ax.errorbar(
                [size.value], [best.height], xerr=ends, fmt="*" if best.bounded else "D", color=color, ms=11,
                capsize=3, zorder=3,
            )  # fmt: skip
    name = study.metrics[0] if metric is None else metric
    # What a study measures has a unit that only its caller knows.
    ax.set(xscale="log", xlabel="batch size $B$ (examples)", ylabel=name.replace("_", " "))
    plain_log(ax.xaxis)
    if varied:
        ax.legend(frameon=False, fontsize=8)
    return ax


def plot_batch_size_scaling(study: BatchSizeStudy, quantity: str, ax: Any = None, **options: Any) -> Any:
    """Plot the optimum batch size over a quantity, with the fitted power, the rule of Smith and Le, and the edge.

    Parameters
    ----------
    study : BatchSizeStudy
        What :func:`sdetheory.batch_size_study` returned, with at least two bounded optima.
    quantity : {"learning_rate", "train_size", "1/(1 - momentum)"}
        Over what.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    **options
        Of `study.optima`: trains_above, minimize, confidence, n_bootstrap.

    Returns
    -------
    Axes
        Logarithmic. Optima with their intervals, hollow where the batch sizes do not bound them; the fitted power
        (dashed); the power 1 through their middle; the smallest batch size that trains (crosses).

    Raises
    ------
    InvalidInputError
        If the study has no scaling with this quantity.
    """
    _validate.instance("study", study, BatchSizeStudy, hint="batch_size_study returns one.")
    exponents = study.exponents(**options)
    if not isinstance(quantity, str) or quantity not in exponents:
        raise InvalidInputError(
            f"quantity must be one that varies: {', '.join(exponents)}; got {_validate.shown(quantity)}"
        )
    ax = axes_or_new(ax)
    optima = study.optima(**options)
    x = np.array([float(SCALINGS[quantity](item.curve.setting)) for item in optima])
    size = np.array([[item.batch_size.value, item.batch_size.low, item.batch_size.high] for item in optima]).T
    bounded = np.array([item.bounded for item in optima])
    low, high = np.maximum(size[1], size[0] / 10), np.minimum(size[2], 10 * size[0])
    for some, fill in ((bounded, SAMPLE), (~bounded, "none")):
        if some.any():
            bars = (size[0] - low)[some], (high - size[0])[some]
            ax.errorbar(x[some], size[0][some], yerr=bars, fmt="o", color=SAMPLE, mfc=fill, ms=6, capsize=3)
    line = np.geomspace(x[bounded].min(), x[bounded].max(), 50)
    power = exponents[quantity]
    middle, height = np.log(x[bounded]).mean(), np.log(size[0][bounded]).mean()
    for exponent, color, style, label in (
        (power.value, SAMPLE, "--", f"fitted power {power}"), (1.0, THEORY, "-", "rule: power 1"),
    ):  # fmt: skip
        ax.plot(line, np.exp(height + exponent * (np.log(line) - middle)), color=color, ls=style, lw=1.2, label=label)
    seen = np.array([item.curve.edge_is_seen for item in optima])
    edges = np.array([item.curve.edge for item in optima])
    ax.plot(x[seen], edges[seen], "x", color=GUIDE, ms=6, label="smallest $B$ that trains")
    ax.set(xscale="log", yscale="log", xlabel=_AXES[quantity], ylabel="optimum batch size (examples)")
    ax.set_xticks(np.unique(x), [f"{value:.4g}" for value in np.unique(x)])
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    plain_log(ax.yaxis)
    ax.legend(frameon=False, fontsize=8)
    return ax


def _mean_of_seeds(values: Any) -> tuple[Any, Any]:
    """Return mean and standard error over the rows of (s, b), whose offsets from each other are taken out."""
    done = np.isfinite(values)
    count = np.maximum(done.sum(axis=0), 1)
    mean = np.where(done, values, 0.0).sum(axis=0) / count
    apart = np.where(done, values - mean, 0.0)
    apart -= np.where(done, apart.sum(axis=1, keepdims=True) / np.maximum(done.sum(axis=1, keepdims=True), 1), 0.0)
    # Taking out the mean of b numbers leaves (b − 1)/b of their variance.
    kept = max(values.shape[1] - 1, 1) / max(values.shape[1], 1)
    return mean, np.sqrt((apart**2).sum(axis=0) / kept / np.maximum(count - 1, 1) / count)
