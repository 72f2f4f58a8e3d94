"""Paths over time, in the plane, and on the landscape that they move on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..equations.sde import SDE
from ..errors import InvalidInputError
from ..landscapes.landscape import Landscape
from ..simulators.simulate import Run
from ..training.sgd import SGDRun
from ..training.svag import SVAGRun
from ._style import axes_or_new
from .palette import COST_MAP, GUIDE, SAMPLE, THEORY

_POINTS = 200
"""Points along an axis at which a cost is drawn; of a field of arrows, fewer."""
_ARROWS = 40


def plot_paths(
    run: Run | SVAGRun | SGDRun,
    component: int = 0,
    *,
    mean: Callable[[NDArray[np.float64]], Any] | None = None,
    count: int = 10,
    ax: Any = None,
) -> Any:
    """Plot a coordinate of some paths over time, with the median and the middle 90 % of all of them.

    Parameters
    ----------
    run : Run, SVAGRun or SGDRun
        Made with ``save_every``.
    component : int, optional
        Which coordinate.
    mean : function, optional
        The exact mean at times (n,), where it is known; drawn beside the mean of the paths.
    count : int, optional
        How many paths to draw one by one: the first.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Paths that are not finite throughout are left out and counted in the legend. With `mean`, a band of two standard
        errors lies about the mean of the paths.

    Raises
    ------
    InvalidInputError
        `run` is no run or has fewer than two saved positions, `component` is none of its own, no path is finite.
    """
    times, paths, label = _saved(run)
    component = _validate.integer("component", component, at_least=0)
    count = _validate.integer("count", count, at_least=0)
    if component >= paths.shape[2]:
        raise InvalidInputError(f"component must be one of the {paths.shape[2]} coordinates, from 0; got {component}")
    if mean is not None:
        given = _validate.called("mean", _validate.function("mean", mean, "of times"), times)
        exact = _validate.reals("the values of mean", given, shape=times.shape)
    paths, lost = _finite(paths)
    values = paths[:, :, component]
    ax = axes_or_new(ax)
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=1)
    ax.fill_between(times, low, high, color=SAMPLE, alpha=0.15, lw=0, label="90 % of the paths")
    ax.plot(times, values[:, :count], color=SAMPLE, alpha=0.4, lw=0.7)
    if mean is None:
        ax.plot(times, middle, color=SAMPLE, lw=1.6, label="median")
    else:
        average = values.mean(axis=1)
        error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]) if values.shape[1] > 1 else np.nan * average
        ax.fill_between(times, average - 2 * error, average + 2 * error, color=SAMPLE, alpha=0.4, lw=0)
        ax.plot(times, average, color=SAMPLE, lw=1.6, label="mean ± 2 standard errors")
        ax.plot(times, exact, color=THEORY, lw=1.4, ls="--", label="exact mean")
    ax.set(xlabel=label, ylabel=f"$x_{{{component + 1}}}$" if paths.shape[2] > 1 else "$x$", xlim=(times[0], times[-1]))
    ax.legend(frameon=False, title=_lost(lost))
    return ax


def plot_landscape(
    landscape: Landscape,
    bounds: ArrayLike,
    run: Run | SVAGRun | SGDRun | None = None,
    *,
    count: int = 5,
    ax: Any = None,
) -> Any:
    """Plot a cost in one or two dimensions, with paths on it.

    Parameters
    ----------
    landscape : Landscape
        The cost.
    bounds : ndarray, shape (d, 2)
        Lower and upper end of each axis; in one dimension also (2,).
    run : Run, SVAGRun or SGDRun, optional
        Paths to draw: in one dimension the histogram of where all were at the saved times, in two dimensions their
        lines.
    count : int, optional
        How many paths to draw, in two dimensions: the first. They begin at a ring and end at a dot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        In two dimensions lines of equal cost, at quantiles of the cost, so that a steep wall hides no valley.

    Raises
    ------
    InvalidInputError
        `landscape` is none, or has more than two dimensions; bounds or run of other dimensions.
    """
    landscape = _validate.instance("landscape", landscape, Landscape, hint="Landscape.from_sympy makes one.")
    d = landscape.dimension
    if d > 2:
        raise InvalidInputError(f"landscape must have one or two dimensions to be drawn; got {d}")
    box = _validate.box("bounds", bounds, d)
    count = _validate.integer("count", count, at_least=1)
    paths, lost = (None, 0) if run is None else _finite(_saved(run, d)[1])
    ax = axes_or_new(ax)
    grid = [np.linspace(low, high, _POINTS) for low, high in box]
    points = np.stack(np.meshgrid(*grid, indexing="xy"), axis=-1)
    cost = landscape.value(points)
    symbols = [f"${v}$" for v in landscape.variables]
    if d == 1:
        ax.plot(grid[0], cost, color=THEORY, lw=1.6, label="cost")
        ax.set(xlabel=symbols[0], ylabel="cost $C$", xlim=box[0])
        if paths is not None:
            beside = ax.twinx()
            cells = np.linspace(box[0, 0], box[0, 1], 61).tolist()
            beside.hist(paths.ravel(), bins=cells, density=True, color=SAMPLE, alpha=0.3)
            beside.set(ylabel="density of the paths", ylim=(0, None))
            beside.yaxis.label.set_color(SAMPLE)
            ax.set_zorder(beside.get_zorder() + 1)
            ax.patch.set_visible(False)
        ax.set_title(_lost(lost))
        return ax
    levels = np.unique(np.quantile(cost[np.isfinite(cost)], np.linspace(0, 1, 25) ** 1.5))
    ax.contourf(*grid, cost, levels=levels, cmap=COST_MAP, alpha=0.5)
    ax.contour(*grid, cost, levels=levels, colors=THEORY, linewidths=0.5, alpha=0.6)
    ax.set(xlabel=symbols[0], ylabel=symbols[1], title=_lost(lost))
    if paths is not None:
        _lines(ax, paths, count)
    ax.set(xlim=box[0], ylim=box[1])
    return ax


def plot_phase_portrait(
    sde: SDE,
    bounds: ArrayLike,
    run: Run | SVAGRun | SGDRun | None = None,
    *,
    time: float = 0.0,
    count: int = 5,
    ax: Any = None,
) -> Any:
    """Plot where the drift of an equation in the plane leads, with paths.

    Parameters
    ----------
    sde : SDE
        Of two variables, such as position and momentum.
    bounds : ndarray, shape (2, 2)
        Lower and upper end of each axis.
    run : Run, SVAGRun or SGDRun, optional
        Paths to draw.
    time : float, optional
        At which the drift is taken, if it changes with the time.
    count : int, optional
        How many paths to draw: the first. They begin at a ring and end at a dot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Streamlines of the drift, and grey lines on which a component of it is zero; where they cross it rests.

    Raises
    ------
    InvalidInputError
        `sde` is no equation in two variables; bounds or run of other dimensions.
    """
    sde = _validate.instance("sde", sde, SDE, hint="langevin and SDE.from_sympy make one.")
    if sde.dimension != 2:
        raise InvalidInputError(f"sde must have two variables to be drawn in the plane; got {sde.dimension}")
    box = _validate.box("bounds", bounds, 2)
    count = _validate.integer("count", count, at_least=1)
    paths, lost = (None, 0) if run is None else _finite(_saved(run, 2)[1])
    ax = axes_or_new(ax)
    x, y = (np.linspace(low, high, _ARROWS) for low, high in box)
    drift = sde.drift(np.stack(np.meshgrid(x, y, indexing="xy"), axis=-1), time)
    ax.streamplot(x, y, drift[..., 0], drift[..., 1], color=THEORY, linewidth=0.7, arrowsize=0.8, density=1.1)
    for component in range(2):
        if drift[..., component].min() < 0 < drift[..., component].max():
            ax.contour(x, y, drift[..., component], levels=[0.0], colors=GUIDE, linewidths=0.9, linestyles="--")
    if paths is not None:
        _lines(ax, paths, count)
    names = [f"${v}$" for v in sde._formulas.variables] if sde._formulas is not None else ["$x_1$", "$x_2$"]
    ax.set(xlabel=names[0], ylabel=names[1], xlim=box[0], ylim=box[1], title=_lost(lost))
    return ax


def _saved(run: Any, dimension: int | None = None) -> tuple[Any, Any, str]:
    """Return the times of the saved positions, the positions (n_saved, n, d), and what the times are called."""
    run = _validate.instance("run", run, (Run, SVAGRun, SGDRun), hint="simulate, svag and sgd return one.")
    times, label = (run.saved_steps, "step") if isinstance(run, SGDRun) else (run.times, "time $t$")
    if len(times) < 2:
        raise InvalidInputError(
            f"run must have two saved positions or more to draw a line; got {len(times)}. Run with save_every=..."
        )
    if dimension is not None and run.paths.shape[2] != dimension:
        raise InvalidInputError(f"run must have {dimension} coordinates; got {run.paths.shape[2]}")
    return times, run.paths, label


def _finite(paths: Any) -> tuple[Any, int]:
    """Return the paths that are finite throughout, and how many are not."""
    kept = np.isfinite(paths).all(axis=(0, 2))
    if not kept.any():
        raise InvalidInputError("run must have a path that is finite throughout; all diverged. Take a smaller step.")
    return paths[:, kept], int((~kept).sum())


def _lost(count: int) -> str | None:
    return f"{count} diverged, left out" if count else None


def _lines(ax: Any, paths: Any, count: int) -> None:
    """Draw paths in the plane, with ring and dot at their ends."""
    for path in np.moveaxis(paths, 1, 0)[:count]:
        ax.plot(*path.T, color=SAMPLE, lw=0.8, alpha=0.7)
    ax.plot(*paths[0, :count].T, "o", mfc=ax.get_facecolor(), mec=SAMPLE, ms=5, ls="none")
    ax.plot(*paths[-1, :count].T, "o", color=SAMPLE, ms=5, ls="none")
