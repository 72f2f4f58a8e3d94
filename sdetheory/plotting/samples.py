"""Samples of SDEs beside their laws."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from .. import _validate
from ..errors import InvalidInputError
from ..simulators.first_passage import FirstPassage
from ..simulators.stationary import StationarySample
from ..studies.convergence import ConvergenceStudy
from ..theory import LawComparison, compare_laws
from ._style import BLUE, GREY, RED, axes_or_new, panels


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
    _validate.instance("study", study, ConvergenceStudy, hint="convergence_study returns one.")
    ax = axes_or_new(ax)
    for name, error, order, color, marker in (
        ("strong", study.strong_error, study.strong_order, RED, "o"),
        ("weak", study.weak_error, study.weak_order, BLUE, "s"),
    ):
        if error is None or order is None:  # of an expectation there are no strong errors
            continue
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
    _validate.instance("sample", sample, StationarySample, hint="sample_stationary returns one.")
    histogram = sample.histogram
    if law is not None:
        _validate.having("law", law, ["pdf"], "a law with a method pdf", hint="theory.gibbs returns one.")
    if histogram is None or len(histogram.edges) != 1:
        got = "none" if histogram is None else f"one in {len(histogram.edges)} dimensions"
        raise InvalidInputError(f"sample must have a histogram in one dimension; got {got}. Sample with bins=edges.")
    ax = axes_or_new(ax)
    (edges,) = histogram.edges
    density = histogram.density
    ax.stairs(density.value, edges, fill=True, color=RED, alpha=0.3, label="sampled")
    ax.stairs(
        density.value + 2 * density.stderr, edges, baseline=density.value - 2 * density.stderr, fill=True, color=RED,
        alpha=0.4, label="± 2 standard errors",
    )  # fmt: skip
    if law is not None:
        fine = np.linspace(edges[0], edges[-1], 1000)
        ax.plot(fine, _density(law, fine), color=BLUE, lw=1.4, label="exact law")
    ax.set(xlabel="$x$", ylabel="density", xlim=(edges[0], edges[-1]))
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def _density(law: Any, x: Any) -> Any:
    """Return the density of a law of this package, or of SciPy, at points (n,)."""
    return law.pdf(x) if hasattr(law, "support") else law.pdf(x[:, None])


def plot_law_comparison(comparison: Any, law: Any = None, axes: Any = None) -> Any:
    """Plot a sample beside its law, and what is left between them in standard errors.

    Parameters
    ----------
    comparison : LawComparison, or a sample
        What :func:`sdetheory.theory.compare_laws` returned, in one dimension; or the sample that it takes.
    law : object with a method pdf, optional
        The law that a sample is compared with; a comparison has its own.
    axes : sequence of two matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    ndarray of Axes
        The histogram with the exact density; and the residual of each cell in which enough draws are expected, with
        bands of one and two standard errors.

    Raises
    ------
    InvalidInputError
        The comparison is not in one dimension, a sample has no law beside it, or there are not two axes.
    """
    if axes is None and isinstance(law, (list, tuple, np.ndarray)) and all(hasattr(ax, "stairs") for ax in law):
        law, axes = None, law  # by place, the axes may stand where no law is needed
    if law is not None:
        _validate.having("law", law, ["pdf"], "a law with a method pdf", hint="Or name what is meant: axes=...")
    if law is not None and not isinstance(comparison, LawComparison):
        comparison = compare_laws(comparison, law)
    _validate.instance(
        "comparison", comparison, LawComparison, hint="compare_laws(sample, law) returns one; or pass sample and law."
    )
    if law is not None and law is not comparison.law:
        raise InvalidInputError("law must be left out, or be that of the comparison, which has its own")
    if len(comparison.edges) != 1:
        raise InvalidInputError(
            f"comparison must be in one dimension; got {len(comparison.edges)}. Compare a marginal."
        )
    if axes is None:
        axes = plt.subplots(2, sharex=True, height_ratios=[3, 1], layout="constrained")[1]
    axes = panels("axes", axes, 2, "densities and residuals")
    (edges,) = comparison.edges
    fine = np.linspace(edges[0], edges[-1], 1000)
    exact = _density(comparison.law, fine)
    axes[0].stairs(comparison.density.value, edges, fill=True, color=RED, alpha=0.3, label="sampled")
    axes[0].plot(fine, exact, color=BLUE, lw=1.4, label="exact law")
    axes[0].set(ylabel="density", xlim=(edges[0], edges[-1]), title=f"$p$ = {comparison.p_value:.2g}")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False)
    for width in (1, 2):
        axes[1].axhspan(-width, width, color=GREY, alpha=0.15, lw=0)
    axes[1].axhline(0.0, color=BLUE, lw=1.0)
    axes[1].plot((edges[1:] + edges[:-1]) / 2, comparison.residuals, "o", color=RED, ms=3)
    axes[1].set(xlabel="$x$", ylabel="residual, s.e.")
    return axes


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
    _validate.instance("result", result, FirstPassage, hint="first_passage returns one.")
    if mean is not None:
        mean = _validate.real("mean", mean, above=0.0)
    ax = axes_or_new(ax)
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
