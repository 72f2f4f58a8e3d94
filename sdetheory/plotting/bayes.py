"""Evidence and predictions."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from .. import _validate
from ..errors import InvalidInputError
from ..evidence import EvidenceCurve, Posterior
from ._style import BLUE, GREY, ORANGE, RED, TEAL, axes_or_new


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
    _validate.having("posterior", posterior, ["predict"], "a posterior", hint="LinearModel.posterior returns one.")
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
            x, prediction.mean - spread, prediction.mean + spread, color=BLUE, alpha=shade, lw=0,
            label=f"± 2 standard deviations, {label}",
        )  # fmt: skip
    ax.plot(x, prediction.mean, color=BLUE, lw=1.4, label="mean")
    ax.plot(seen, posterior.model.y, "o", color=RED, ms=4, label="data")
    ax.set(xlabel="$x$", ylabel="$y$", xlim=(x[0], x[-1]))
    ax.legend(frameon=False)
    return ax
