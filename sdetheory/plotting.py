"""Figures of what was measured, with the theory beside it."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from .errors import InvalidInputError
from .evidence import EvidenceCurve, Posterior
from .simulators.batch_size_fit import SCALINGS
from .simulators.batch_size_result import BatchSizeStudy
from .simulators.convergence import ConvergenceStudy
from .simulators.first_passage import FirstPassage
from .simulators.stationary import StationarySample

BLUE, RED, GREY = "#2166ac", "#b2182b", "0.45"
"""Theory, samples, and what is beside the point."""
ORANGE, TEAL = "#e08214", "#35978f"
"""Parts of a whole; told apart by their dashes too."""


def plot_convergence(study: ConvergenceStudy, ax: Any = None) -> Any:
    """Plot strong and weak errors over the step, with the fitted orders.

    Parameters
    ----------
    study : ConvergenceStudy
        What :func:`sdetheory.convergence_study` returned.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        With logarithmic scales; bars are two standard errors. Weak errors below three are drawn hollow.
    """
    ax = _axes(ax)
    for name, error, order, color, marker in (
        ("strong", study.strong_error, study.strong_order, RED, "o"),
        ("weak", study.weak_error, study.weak_order, BLUE, "s"),
    ):
        size = np.abs(error.value)
        clear = size > 3 * error.stderr
        down = np.minimum(2 * error.stderr, 0.9 * size)  # a bar must end above zero
        if clear.sum() >= 2:
            weight = np.where(clear, size / np.maximum(error.stderr, 1e-3 * size), 0.0)
            safe = np.where(clear, size, 1.0)
            height = np.average(np.log(safe) - order.value * np.log(study.dts), weights=weight**2)
            ax.plot(study.dts, np.exp(height) * study.dts**order.value, color=color, lw=1.2, zorder=1)
        label = f"{name}, order {order}" if clear.sum() >= 2 else f"{name}, not resolved"
        for chosen, fill, text in ((clear, color, label), (~clear & (size > 0), "none", None)):
            if chosen.any():
                ax.errorbar(
                    study.dts[chosen], size[chosen], yerr=(down[chosen], 2 * error.stderr[chosen]), fmt=marker,
                    color=color, mfc=fill, ms=5, capsize=2, label=text,
                )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="step $h$", ylabel="error", title=study.method)
    ax.legend(frameon=False)
    return ax


def plot_histogram(sample: StationarySample, law: Any = None, ax: Any = None) -> Any:
    """Plot the histogram of a stationary sample in one dimension, with the exact law.

    Parameters
    ----------
    sample : StationarySample
        What :func:`sdetheory.sample_stationary` returned, with ``bins``.
    law : object with a method pdf, optional
        The exact law, for example from :func:`sdetheory.theory.gibbs`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The density; the band is two standard errors.

    Raises
    ------
    InvalidInputError
        There is no histogram, or not one in one dimension.
    """
    histogram = sample.histogram
    if histogram is None or len(histogram.edges) != 1:
        got = "none" if histogram is None else f"one in {len(histogram.edges)} dimensions"
        raise InvalidInputError(
            f"plot_histogram needs a histogram in one dimension; got {got}. Sample with bins=edges."
        )
    ax = _axes(ax)
    (edges,) = histogram.edges
    density = histogram.density
    ax.stairs(density.value, edges, fill=True, color=RED, alpha=0.3, label="sampled")
    ax.stairs(
        density.value + 2 * density.stderr, edges, baseline=density.value - 2 * density.stderr, fill=True, color=RED,
        alpha=0.4, label="± 2 standard errors",
    )  # fmt: skip
    if law is not None:
        fine = np.linspace(edges[0], edges[-1], 1000)
        ax.plot(fine, law.pdf(fine[:, None]), color=BLUE, lw=1.4, label="exact law")
    ax.set(xlabel="$x$", ylabel="density", xlim=(edges[0], edges[-1]))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def plot_first_passage(result: FirstPassage, mean: float | None = None, ax: Any = None) -> Any:
    """Plot the fraction of paths that have not arrived over time, beside an exponential law.

    Parameters
    ----------
    result : FirstPassage
        What :func:`sdetheory.first_passage` returned.
    mean : float, optional
        Mean of the exponential law, from theory; 1/rate as measured by default.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        With a logarithmic scale of probability; the band is two binomial standard errors.
    """
    ax = _axes(ax)
    times = np.sort(result.times[np.isfinite(result.times)])
    n = len(times) + result.censored
    survival = 1 - np.arange(1, len(times) + 1) / n
    spread = 2 * np.sqrt(survival * (1 - survival) / n)
    keep = survival > 5 / n
    low = np.maximum(survival - spread, 0.5 / n)
    ax.fill_between(times[keep], low[keep], (survival + spread)[keep], color=RED, alpha=0.3, lw=0, step="post")
    ax.plot(times[keep], survival[keep], color=RED, lw=1.2, drawstyle="steps-post", label="not yet arrived, sampled")
    tau = mean if mean is not None else (1 / result.rate.value if result.rate.value > 0 else np.inf)
    end = times[keep][-1] if keep.any() else result.window
    line = np.linspace(0, end, 200)
    source = "theory" if mean is not None else "measured rate"
    ax.plot(line, np.exp(-line / tau), color=BLUE, ls="--", lw=1.2, label=f"$e^{{-t/\\tau}}$, τ = {tau:.4g} ({source})")
    ax.set(yscale="log", xlabel="time", ylabel="fraction", xlim=(0, end))
    ax.legend(frameon=False)
    return ax


def plot_evidence(curve: EvidenceCurve, axes: Any = None) -> Any:
    """Plot the log evidence over λ with its parts, and beneath it the losses and accuracies of the same fits.

    Parameters
    ----------
    curve : EvidenceCurve
        What :func:`sdetheory.evidence.evidence_curve` returned.
    axes : sequence of matplotlib Axes, optional
        Where to draw: three panels for a classifier, two for a regression. A new figure by default.

    Returns
    -------
    ndarray of Axes
        Evidence, fit (log likelihood at the mode), Occam factor and null model; then loss; then accuracy. All are
        averages over the splits, with bands of two standard errors; upright lines mark the two best λ.

    Raises
    ------
    InvalidInputError
        If there are not as many axes as panels.
    """
    n_panels = 2 if curve.test_accuracy is None else 3
    if axes is None:
        axes = plt.subplots(n_panels, sharex=True, figsize=(6, 3 * n_panels), layout="constrained")[1]
    axes = np.ravel(axes)
    if len(axes) != n_panels:
        raise InvalidInputError(f"axes must be {n_panels} panels for this curve; got {len(axes)}")
    null = float((curve.log_evidence + curve.log_evidence_ratio).mean())
    axes[0].axhline(null, color=GREY, ls=":", lw=1.4, label="null model")
    _line(axes[0], curve, curve.occam.log_likelihood_at_mode, "fit", TEAL, "--")
    _line(axes[0], curve, curve.occam.log_occam_factor, "Occam factor", ORANGE, "-.")
    _line(axes[0], curve, curve.log_evidence, "evidence", BLUE, "-")
    axes[0].set(ylabel="nats")
    _line(axes[1], curve, curve.train_loss, "training", GREY, "--")
    _line(axes[1], curve, curve.test_loss, "test", RED, "-")
    axes[1].set(ylabel="loss per example, nats")
    if curve.train_accuracy is not None and curve.test_accuracy is not None:
        _line(axes[2], curve, curve.train_accuracy, "training", GREY, "--")
        _line(axes[2], curve, curve.test_accuracy, "test", RED, "-")
        axes[2].set(ylabel="accuracy", ylim=(None, 1.02))
    for panel in axes:
        panel.axvline(curve.best_by_evidence, color=BLUE, lw=0.9)
        panel.axvline(curve.best_by_test_loss, color=RED, lw=0.9, ls="--")
        panel.set(xscale="log", xlim=(curve.prior_precision[0], curve.prior_precision[-1]))
        panel.legend(frameon=False)
    axes[-1].set_xlabel("prior precision $\\lambda$")
    return axes


def _line(ax: Any, curve: EvidenceCurve, values: Any, label: str, color: str, style: str) -> None:
    """Draw an average over the splits over λ, with its band if there is more than one."""
    mean = curve.average(values)
    ax.plot(curve.prior_precision, mean.value, color=color, ls=style, lw=1.6, label=label)
    if len(values) > 1:
        low, high = mean.value - 2 * mean.stderr, mean.value + 2 * mean.stderr
        ax.fill_between(curve.prior_precision, low, high, color=color, alpha=0.25, lw=0)


def plot_prediction(posterior: Posterior, inputs: Any, X_new: Any, ax: Any = None) -> Any:
    """Plot what a linear model of one input predicts, with bands, and the data that it learned from.

    Parameters
    ----------
    posterior : Posterior
        What :meth:`sdetheory.evidence.LinearModel.posterior` returned.
    inputs : ndarray, shape (n,) or (n, 1)
        The inputs of the data, before features.
    X_new : ndarray, shape (m,) or (m, 1)
        Where to predict, increasing, in the form that the model takes.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The dark band is two standard deviations of the noiseless function, the light one of new observations.

    Raises
    ------
    InvalidInputError
        If there is not one input for each observation and prediction, or the model does not take `X_new`.
    """
    prediction, x, seen = posterior.predict(X_new), np.ravel(X_new), np.ravel(inputs)
    if x.shape != prediction.mean.shape or seen.shape != posterior.model.y.shape:
        raise InvalidInputError(
            f"plot_prediction needs one number per observation and prediction; got {seen.size} inputs for "
            f"{posterior.model.y.size} observations and {x.size} for {prediction.mean.size} predictions"
        )
    ax = _axes(ax)
    function = np.maximum(prediction.variance - posterior.noise_variance, 0.0)
    for variance, shade, label in ((prediction.variance, 0.15, "new observations"), (function, 0.35, "function")):
        spread = 2 * np.sqrt(variance)
        ax.fill_between(
            x, prediction.mean - spread, prediction.mean + spread, color=BLUE, alpha=shade, lw=0,
            label=f"± 2 standard deviations, {label}",
        )  # fmt: skip
    ax.plot(x, prediction.mean, color=BLUE, lw=1.4, label="mean")
    ax.plot(seen, posterior.model.y, "o", color=RED, ms=4, label="data")
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(x[0], x[-1]))
    ax.legend(frameon=False)
    return ax


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
        Of `study.optima`: trains_above, confidence, n_bootstrap.

    Returns
    -------
    Axes
        Means over the seeds of batch sizes of which every run trained, ± 2 standard errors without what a seed adds to
        the whole curve. Crosses at the bottom: some run diverged or failed to train. The first metric has its optima
        marked, with their intervals.
    """
    ax = _axes(ax)
    curves = study.curves(metric, trains_above=options.get("trains_above", 0.5))
    first = metric is None or metric == study.metrics[0]
    optima = {tuple(o.curve.setting.values()): o for o in study.optima(**options)} if first else {}
    varied = [name for name, of in SCALINGS.items() if len({of(curve.setting) for curve in curves}) > 1]
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(curves)))
    for curve, color in zip(curves, shades, strict=True):
        use, setting = curve.reliable, curve.setting
        label = ", ".join(f"{_SYMBOLS[name][0]} = {_SYMBOLS[name][1](setting):.4g}" for name in varied)
        mean, error = _mean_of_seeds(curve.values[:, use])
        ax.errorbar(
            curve.batch_sizes[use], mean, yerr=2 * error, color=color, fmt="o-", ms=3.5, lw=1.2, capsize=2, label=label
        )
        bad = curve.batch_sizes[curve.failed + curve.diverged > 0]
        ax.plot(bad, np.full(len(bad), 0.02), "x", color=color, ms=5, transform=ax.get_xaxis_transform())
        best = optima.get(tuple(setting.values()))
        if best is not None:
            size = best.batch_size
            ends = [[size.value - max(size.low, size.value / 10)], [min(size.high, 10 * size.value) - size.value]]
            ax.errorbar(
                [size.value], [best.height], xerr=ends, fmt="*" if best.bounded else "D", color=color, ms=11, mec="k",
                capsize=3, zorder=3,
            )  # fmt: skip
    name = study.metrics[0] if metric is None else metric
    ax.set(xscale="log", xlabel="batch size $B$", ylabel=name.replace("_", " "))
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
        Of `study.optima`: trains_above, confidence, n_bootstrap.

    Returns
    -------
    Axes
        Logarithmic. Optima with their intervals, hollow where the batch sizes do not bound them; the fitted power; the
        power 1 through their middle (dashed); the smallest batch size that trains (crosses).

    Raises
    ------
    InvalidInputError
        If the study has no scaling with this quantity.
    """
    exponents = study.exponents(**options)
    if quantity not in exponents:
        raise InvalidInputError(f"quantity must be one that varies: {', '.join(exponents)}; got {quantity!r}")
    ax = _axes(ax)
    optima = study.optima(**options)
    x = np.array([float(SCALINGS[quantity](item.curve.setting)) for item in optima])
    size = np.array([[item.batch_size.value, item.batch_size.low, item.batch_size.high] for item in optima]).T
    bounded = np.array([item.bounded for item in optima])
    low, high = np.maximum(size[1], size[0] / 10), np.minimum(size[2], 10 * size[0])
    for some, fill in ((bounded, BLUE), (~bounded, "none")):
        if some.any():
            bars = (size[0] - low)[some], (high - size[0])[some]
            ax.errorbar(x[some], size[0][some], yerr=bars, fmt="o", color=BLUE, mfc=fill, ms=6, capsize=3)
    line = np.geomspace(x[bounded].min(), x[bounded].max(), 50)
    power = exponents[quantity]
    middle, height = np.log(x[bounded]).mean(), np.log(size[0][bounded]).mean()
    for exponent, style, label in ((power.value, "-", f"power {power}"), (1.0, "--", "power 1")):
        ax.plot(line, np.exp(height + exponent * (np.log(line) - middle)), color=RED, ls=style, lw=1.2, label=label)
    seen = np.array([item.curve.edge_is_seen for item in optima])
    edges = np.array([item.curve.edge for item in optima])
    ax.plot(x[seen], edges[seen], "x", color=GREY, ms=6, label="smallest $B$ that trains")
    ax.set(xscale="log", yscale="log", xlabel=_AXES[quantity], ylabel="optimum batch size")
    ax.set_xticks(np.unique(x), [f"{value:.4g}" for value in np.unique(x)])
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
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


_SYMBOLS = {
    "learning_rate": ("ε", lambda setting: setting["learning_rate"]),
    "train_size": ("N", lambda setting: setting["train_size"]),
    "1/(1 - momentum)": ("m", lambda setting: setting["momentum"]),
}
_AXES = {
    "learning_rate": "learning rate $\\epsilon$",
    "train_size": "training set size $N$",
    "1/(1 - momentum)": "$1/(1 - m)$",
}


def _axes(ax: Any) -> Any:
    return plt.subplots(layout="constrained")[1] if ax is None else ax
