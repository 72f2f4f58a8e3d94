"""SVAG: discrete recursions between SGD and its equation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..models._regression import Regression
from ._ensemble import starting_points
from .sgd_sde import check_model

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SVAGRun:
    """What :func:`svag` returns.

    Attributes
    ----------
    final : ndarray, shape (n_runs, p)
        Weights after the last step.
    times : ndarray, shape (n_saved,)
        Times, of the equation, of the saved weights.
    paths : ndarray, shape (n_saved, n_runs, p)
        Weights at the start and after every ``save_every`` steps, or at the end only.
    diverged : int
        Number of runs that are not finite at the end.
    replay : dict
        Arguments that repeat the run: ``svag(**run.replay)``.
    """

    final: Array
    times: Array
    paths: Array
    diverged: int
    replay: dict[str, Any]


def svag(
    model: Any,
    hp: SGDHyperparameters,
    w0: ArrayLike,
    *,
    factor: int,
    n_steps: int,
    n_runs: int | None = None,
    save_every: int | None = None,
    rng: Any = None,
) -> SVAGRun:
    r"""Run stochastic variance amplified gradients: SGD in shorter steps whose noise is as much greater.

    .. math::
        w \leftarrow w - \frac{\epsilon}{l N} \left( \frac{1 + \sqrt{2l - 1}}{2}\, \hat G_1 +
        \frac{1 - \sqrt{2l - 1}}{2}\, \hat G_2 \right),

    with two independent minibatches. The mean of the bracket is ∇C, its covariance l times that of Ĝ, so that l steps
    have the drift and, to leading order, the noise of one step of SGD. l = 1 is SGD; as l → ∞ the law tends to that of
    the equation, :func:`sgd_sde`. Where SVAG stays near SGD as l grows, the equation describes SGD.

    Parameters
    ----------
    model : object
        As for :func:`sgd`.
    hp : SGDHyperparameters
        Numbers, not arrays, and no momentum.
    w0 : array_like, shape (p,) or (n_runs, p)
        Where the runs start: one point for all (then ``n_runs`` is needed), or one each.
    factor : int
        l ≥ 1.
    n_steps : int
        Number of steps, each of which lasts ``hp.step_time`` / l.
    n_runs : int, optional
        Number of independent runs.
    save_every : int, optional
        Keep the weights every so many steps; it must divide ``n_steps``.
    rng : None, int, SeedSequence or Generator, optional
        Source of the batches.

    Returns
    -------
    SVAGRun
        Final and saved weights.

    Raises
    ------
    InvalidInputError
        Wrong shapes or numbers, hyperparameters of another number of examples.
    IncompatibleError
        Momentum.

    Notes
    -----
    The noise of one step does not become Gaussian as l grows: it tends to √(2l)/2 (Ĝ₁ − Ĝ₂). What becomes Gaussian is
    the noise of a fixed time.

    References
    ----------
    Z. Li, S. Malladi and S. Arora, "On the Validity of Modeling SGD with Stochastic Differential Equations", NeurIPS
    2021, arXiv:2102.12470, Section 4 (Algorithm 1).

    Examples
    --------
    >>> import sdetheory as st
    >>> model = st.models.LinearRegression(np.ones((6, 1)), [1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
    >>> hp = st.SGDHyperparameters(learning_rate=0.4, train_size=6, batch_size=2)
    >>> run = svag(model, hp, [0.0], factor=4, n_steps=40, n_runs=100, save_every=20, rng=0)
    >>> run.paths.shape, bool(np.isclose(run.times[-1], 10 * hp.step_time))
    ((3, 100, 1), True)
    """
    check_model(model, hp)
    if hp.momentum or hp.dampening:
        raise IncompatibleError(f"SVAG is made of plain SGD; got momentum={hp.momentum:g}, dampening={hp.dampening:g}")
    factor = _validate.integer("factor", factor, at_least=1)
    n_steps = _validate.integer("n_steps", n_steps, at_least=1)
    every = _validate.integer("save_every", n_steps if save_every is None else save_every, at_least=1)
    if n_steps % every:
        raise InvalidInputError(f"save_every must divide n_steps; got {every} and {n_steps}")
    starts = starting_points(w0, model.dimension, n_runs, "w0", "n_runs")
    seed = _validate.seed_sequence(rng)
    generator = _validate.generator(seed)
    w, saved = starts.copy(), [starts.copy()]
    rate, spread = hp.step_time / factor, math.sqrt(2 * factor - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, n_steps + 1):
            estimate = (1 + spread) / 2 * _estimates(model, hp, w, generator)
            if factor > 1:
                estimate += (1 - spread) / 2 * _estimates(model, hp, w, generator)
            w -= rate * estimate
            if step % every == 0:
                saved.append(w.copy())
    paths = np.array(saved if save_every is not None else saved[-1:])
    steps = np.arange(0, n_steps + 1, every)[-len(paths) :]
    return SVAGRun(
        final=w,
        times=steps * rate,
        paths=paths,
        diverged=int((~np.isfinite(w).all(axis=1)).sum()),
        replay={
            "model": model, "hp": hp, "w0": starts, "factor": factor, "n_steps": n_steps, "save_every": save_every,
            "rng": seed,
        },
    )  # fmt: skip


def _estimates(model: Any, hp: SGDHyperparameters, w: Array, generator: np.random.Generator) -> Array:
    """Return Ĝ of an independent minibatch for each run."""
    n, size = hp.train_size, hp.batch_size
    if hp.sampling == "with-replacement":
        batches = generator.integers(0, n, size=(len(w), size))
    elif size == n:
        batches = np.broadcast_to(np.arange(n), (len(w), n))
    else:
        # The smallest of independent random keys belong to a uniformly chosen subset.
        batches = np.argpartition(generator.random((len(w), n)), size - 1, axis=1)[:, :size]
    if isinstance(model, Regression):
        inputs = model.X[batches]
        slopes = model._slopes(np.einsum("rbp,rp->rb", inputs, w), model.y[batches])
        return n / size * np.einsum("rb,rbp->rp", slopes, inputs) + model.prior_precision * w
    estimates = np.full_like(w, np.nan)
    for run in np.flatnonzero(np.isfinite(w).all(axis=1)):
        estimates[run] = model.minibatch_gradient(w[run], batches[run])
    return estimates
