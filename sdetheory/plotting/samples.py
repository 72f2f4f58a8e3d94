"""Samples of SDEs beside their laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy import special

from .. import _validate
from ..errors import InvalidInputError
from ..schemes import SCHEMES
from ..simulators.first_passage import FirstPassage
from ..simulators.stationary import StationarySample
from ..studies.convergence import ConvergenceStudy
from ..theory import LawComparison, compare_laws
from ._style import axes_or_new, panels, plain_log
from .palette import GUIDE, SAMPLE, THEORY, shades


def plot_convergence(study: ConvergenceStudy, ax: Any = None, *, alpha: float = 1e-3) -> Any:
    """Plot strong and weak errors over the step, with the fitted orders and those that the scheme declares.

    Parameters
    ----------
    study : ConvergenceStudy
        What :func:`sdetheory.convergence_study` returned.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    alpha : float, optional
        Of the intervals in the legend, by :meth:`sdetheory.studies.ConvergenceStudy.interval`: they leave out the true
        order with this probability, and leave room for the next order in h, which is named too.

    Returns
    -------
    Axes
        With logarithmic scales; bars are two standard errors. Weak errors below three are drawn hollow. Dashed lines
        have the declared slopes.

    Raises
    ------
    InvalidInputError
        `study` is none, or `alpha` is not between 0 and 1.
    """
    _validate.instance("study", study, ConvergenceStudy, hint="convergence_study returns one.")
    alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
    ax = axes_or_new(ax)
    scheme = SCHEMES[study.method]
    strong, weak = shades(SAMPLE, 3)[1:]
    for name, error, order, declared, bias, color, marker in (
        ("strong", study.strong_error, study.strong_order, scheme.strong_order[study.replay["sde"].noise],
         study.strong_bias, strong, "o"),
        ("weak", study.weak_error, study.weak_order, scheme.weak_order, study.weak_bias, weak, "s"),
    ):  # fmt: skip
        if error is None or order is None:  # of an expectation there are no strong errors
            continue
        size = np.abs(error.value)
        clear = size > 3 * error.stderr
        down = np.minimum(2 * error.stderr, 0.9 * size)  # a bar must end above zero
        label = f"{name}, not resolved"
        if clear.sum() >= 2:
            weight = np.where(clear, size / np.maximum(error.stderr, 1e-3 * size), 0.0)
            safe = np.where(clear, size, 1.0)
            height = np.average(np.log(safe) - order.value * np.log(study.dts), weights=weight**2)
            ax.plot(study.dts, np.exp(height) * study.dts**order.value, color=color, lw=1.2, zorder=1)
            largest = np.flatnonzero(clear)[-1]
            line = size[largest] * (study.dts / study.dts[largest]) ** declared
            ax.plot(study.dts, line, color=THEORY, lw=1.2, ls="--", zorder=1.5)
            low, high = study.interval(name, alpha=alpha)
            label = (
                f"{name}, order {order} (declared {declared:g})\n"
                f"[{low:.2f}, {high:.2f}] at α = {alpha:g}\nwith ± {bias:.2f} for the next order"
            )
        for chosen, fill, text in ((clear, color, label), (~clear & (size > 0), "none", None)):
            if chosen.any():
                ax.errorbar(
                    study.dts[chosen], size[chosen], yerr=(down[chosen], 2 * error.stderr[chosen]), fmt=marker,
                    color=color, mfc=fill, ms=5, capsize=2, label=text,
                )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="step $h$", ylabel="error", title=study.method)
    ax.legend(frameon=False, fontsize=8)
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
    ax.stairs(density.value, edges, fill=True, color=SAMPLE, alpha=0.3, label="sampled")
    ax.stairs(
        density.value + 2 * density.stderr, edges, baseline=density.value - 2 * density.stderr, fill=True, color=SAMPLE,
        alpha=0.4, label="± 2 standard errors",
    )  # fmt: skip
    if law is not None:
        fine = np.linspace(edges[0], edges[-1], 1000)
        ax.plot(fine, _density(law, fine), color=THEORY, lw=1.4, label="exact law")
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
    axes[0].stairs(comparison.density.value, edges, fill=True, color=SAMPLE, alpha=0.3, label="sampled")
    axes[0].plot(fine, exact, color=THEORY, lw=1.4, label="exact law")
    axes[0].set(ylabel="density", xlim=(edges[0], edges[-1]), title=f"$p$ = {comparison.p_value:.2g}")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False)
    for width in (1, 2):
        axes[1].axhspan(-width, width, color=GUIDE, alpha=0.15, lw=0)
    axes[1].axhline(0.0, color=THEORY, lw=1.0)
    axes[1].plot((edges[1:] + edges[:-1]) / 2, comparison.residuals, "o", color=SAMPLE, ms=3)
    axes[1].set(xlabel="$x$", ylabel="residual, s.e.")
    return axes


def plot_first_passage(
    result: FirstPassage,
    mean: float | None = None,
    ax: Any = None,
    *,
    survival: Callable[[NDArray[np.float64]], Any] | None = None,
    alpha: float = 0.05,
) -> Any:
    """Plot the fraction of paths that have not arrived over time, beside an exponential law.

    Parameters
    ----------
    result : FirstPassage
        What :func:`sdetheory.first_passage` returned.
    mean : float, optional
        Mean of the exponential law, from theory; 1/rate as measured by default.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    survival : function, optional
        The exact law, where it is known: from times (n,), in increasing order, to the probabilities not to have
        arrived. The exponential law is then a guide beside it.
    alpha : float, optional
        How often the band leaves out the true fraction, at any one time.

    Returns
    -------
    Axes
        With a logarithmic scale of probability; the band has binomial standard errors.

    Raises
    ------
    InvalidInputError
        An argument out of range, or `survival` does not give one number for each time.
    """
    _validate.instance("result", result, FirstPassage, hint="first_passage returns one.")
    if mean is not None:
        mean = _validate.real("mean", mean, above=0.0)
    alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
    times = np.sort(result.times[np.isfinite(result.times)])
    n = len(times) + result.censored
    fraction = 1 - np.arange(1, len(times) + 1) / n
    spread = special.ndtri(1 - alpha / 2) * np.sqrt(fraction * (1 - fraction) / n)
    keep = fraction > 5 / n
    end = times[keep][-1] if keep.any() else result.window
    line = np.linspace(0, end, 200)
    if survival is not None:
        given = _validate.called("survival", _validate.function("survival", survival, "of times"), line)
        exact = _validate.reals("the values of survival", given, shape=line.shape)
    ax = axes_or_new(ax)
    low = np.maximum(fraction - spread, 0.5 / n)
    ax.fill_between(times[keep], low[keep], (fraction + spread)[keep], color=SAMPLE, alpha=0.3, lw=0, step="post")
    label = f"sampled, band at α = {alpha:g}"
    ax.plot(times[keep], fraction[keep], color=SAMPLE, lw=1.2, drawstyle="steps-post", label=label)
    if survival is not None:
        ax.plot(line, exact, color=THEORY, lw=1.2, label="exact law")
    tau = mean if mean is not None else (1 / result.rate.value if result.rate.value > 0 else np.inf)
    source, color = ("theory", THEORY) if mean is not None else ("measured rate", shades(SAMPLE, 3)[-1])
    label = f"$e^{{-t/\\tau}}$, τ = {tau:.4g} ({source})"
    ax.plot(line, np.exp(-line / tau), color=color if survival is None else GUIDE, ls="--", lw=1.2, label=label)
    ax.set(yscale="log", xlabel="time $t$", ylabel="fraction that has not arrived", xlim=(0, end))
    plain_log(ax.yaxis)
    ax.legend(frameon=False)
    return ax
