"""Evidence and predictions."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from .. import _validate
from ..errors import InvalidInputError
from ..evidence import EvidenceCurve, Laplace, Posterior
from ._style import axes_or_new, panels
from .palette import GUIDE, PARTS, SAMPLE, THEORY, shades


def plot_evidence(curve: EvidenceCurve | Laplace, axes: Any = None) -> Any:
    """Plot the log evidence over λ with its parts, and beneath it the losses and accuracies of the same fits.

    Parameters
    ----------
    curve : EvidenceCurve or Laplace
        What :func:`sdetheory.evidence.evidence_curve` returned, or :func:`sdetheory.evidence.laplace` at several λ,
        which has no test data and so one panel only.
    axes : sequence of matplotlib Axes, optional
        Where to draw: three panels for a curve of classifiers, two for one of regressions, one for Laplace's
        approximation. A new figure by default.

    Returns
    -------
    ndarray of Axes
        Evidence, fit (log likelihood at the mode), Occam factor and null model; then loss; then accuracy. All are
        averages over the splits, with bands of two standard errors; upright lines mark the two best λ.

    Raises
    ------
    InvalidInputError
        If `curve` is neither, has fewer than two λ, or there are not as many axes as panels.
    """
    _validate.instance("curve", curve, (EvidenceCurve, Laplace), hint="evidence_curve() and laplace() return one.")
    if isinstance(curve, Laplace):
        return _plot_path(curve, axes)
    axes = _panels(axes, 2 if curve.test_accuracy is None else 3)
    null = float((curve.log_evidence + curve.log_evidence_ratio).mean())
    axes[0].axhline(null, color=GUIDE, ls=":", lw=1.4, label="null model")
    _line(axes[0], curve, curve.occam.log_likelihood_at_mode, "fit", PARTS[0], "--")
    _line(axes[0], curve, curve.occam.log_occam_factor, "Occam factor", PARTS[1], "-.")
    _line(axes[0], curve, curve.log_evidence, "evidence", THEORY, "-")
    axes[0].set_ylabel("log evidence and its parts (nats)")
    _line(axes[1], curve, curve.train_loss, "training", shades(SAMPLE, 3)[2], "--")
    _line(axes[1], curve, curve.test_loss, "test", SAMPLE, "-")
    axes[1].set(ylabel="loss per example (nats)")
    if curve.train_accuracy is not None and curve.test_accuracy is not None:
        _line(axes[2], curve, curve.train_accuracy, "training", shades(SAMPLE, 3)[2], "--")
        _line(axes[2], curve, curve.test_accuracy, "test", SAMPLE, "-")
        axes[2].set(ylabel="accuracy", ylim=(None, 1.02))
    for panel in axes:
        panel.axvline(curve.best_by_evidence, color=THEORY, lw=0.9)
        panel.axvline(curve.best_by_test_loss, color=SAMPLE, lw=0.9, ls="--")
        panel.set(xscale="log", xlim=(curve.prior_precision[0], curve.prior_precision[-1]))
        panel.legend(frameon=False)
    axes[-1].set_xlabel("prior precision $\\lambda$")
    return axes


def _panels(axes: Any, number: int) -> Any:
    """Return as many axes as panels, new ones if none are given."""
    if axes is None:
        axes = plt.subplots(number, sharex=True, figsize=(6, 3 * number), layout="constrained")[1]
    axes = np.ravel(axes)
    if len(axes) != number:
        raise InvalidInputError(f"axes must be {number} panels for this curve; got {len(axes)}")
    return panels("axes", axes, number, "this curve")


def _plot_path(fit: Laplace, axes: Any) -> Any:
    """Plot Laplace's evidence and its parts over λ."""
    if np.ndim(fit.prior_precision) != 1 or len(np.unique(fit.prior_precision)) < 2:
        raise InvalidInputError(
            "curve must have several prior precisions to draw a line over; got "
            f"{np.size(fit.prior_precision)}. Call laplace(model, np.geomspace(1e-3, 1e3, 25)), for example."
        )
    order = np.argsort(fit.prior_precision)
    precision = fit.prior_precision[order]
    (ax,) = axes = _panels(axes, 1)
    if getattr(fit.model, "n_classes", None) is not None:
        null = fit.log_evidence + fit.log_evidence_ratio
        ax.axhline(float(np.mean(null)), color=GUIDE, ls=":", lw=1.4, label="null model")
    for values, label, color, style in (
        (fit.occam.log_likelihood_at_mode, "fit", PARTS[0], "--"),
        (fit.log_occam_factor, "Occam factor", PARTS[1], "-."),
        (fit.log_evidence, "evidence", THEORY, "-"),
    ):
        ax.plot(precision, values[order], color=color, ls=style, lw=1.6, label=label)
    ax.axvline(precision[np.argmax(fit.log_evidence[order])], color=THEORY, lw=0.9)
    ax.set(
        xscale="log",
        xlim=(precision[0], precision[-1]),
        ylabel="log evidence and its parts (nats)",
        xlabel="prior precision $\\lambda$",
    )
    ax.legend(frameon=False)
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
    _validate.instance("posterior", posterior, Posterior, hint="LinearModel(X, y).posterior(...) returns one.")
    prediction, x, seen = posterior.predict(X_new), np.ravel(X_new), np.ravel(inputs)
    if x.shape != prediction.mean.shape or seen.shape != posterior.model.y.shape:
        raise InvalidInputError(
            f"plot_prediction needs one number per observation and prediction; got {seen.size} inputs for "
            f"{posterior.model.y.size} observations and {x.size} for {prediction.mean.size} predictions"
        )
    ax = axes_or_new(ax)
    function = np.maximum(prediction.variance - posterior.noise_variance, 0.0)
    for variance, shade, label in ((prediction.variance, 0.15, "new observations"), (function, 0.35, "function")):
        spread = 2 * np.sqrt(variance)
        ax.fill_between(
            x, prediction.mean - spread, prediction.mean + spread, color=THEORY, alpha=shade, lw=0,
            label=f"± 2 standard deviations, {label}",
        )  # fmt: skip
    ax.plot(x, prediction.mean, color=THEORY, lw=1.4, label="mean")
    ax.plot(seen, posterior.model.y, "o", color=SAMPLE, ms=4, label="data")
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(x[0], x[-1]))
    ax.legend(frameon=False)
    return ax
