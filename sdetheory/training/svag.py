"""SVAG: discrete recursions between SGD and its equation."""

from __future__ import annotations

import math
import os
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..engine import compiling
from ..engine.checkpoint import Checkpoint
from ..engine.recorders.metrics import Metrics
from ..engine.run import run
from ..errors import IncompatibleError
from ..hyperparameters import SGDHyperparameters
from ..models import _consistency
from ..simulators._ensemble import starting_points
from . import _arguments as _sgd_arguments
from ._descent import Descent

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
        Number of runs that did not stay finite. They rest where they diverged.
    n_steps : int
        Number of steps made: fewer than asked for after an interrupt.
    interrupted : bool
        Whether Ctrl-C ended the run early.
    replay : dict
        Arguments that repeat the run: ``svag(**run.replay)``.
    """

    final: Array
    times: Array
    paths: Array
    diverged: int
    n_steps: int
    interrupted: bool
    replay: dict[str, Any]


@compiling.named
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
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
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
        Source of the batches. Run i sees the same ones whatever the number of runs, threads and steps; for l = 1 they
        are those of :func:`sgd`.
    progress : bool, optional
        Show a progress bar.
    checkpoint : path, optional
        A file to go on from, as for :func:`sgd`.
    executor : concurrent.futures.Executor, optional
        Where to run, as for :func:`sgd`.

    Returns
    -------
    SVAGRun
        Final and saved weights.

    Raises
    ------
    InvalidInputError
        Wrong shapes or numbers, a model that contradicts itself, a checkpoint of another run.
    IncompatibleError
        Momentum, or hyperparameters of another number of examples.
    WorkerError
        A worker of the executor died, as for :func:`sgd`.

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
    _validate.flag("progress", progress)
    file = Checkpoint(checkpoint)
    _sgd_arguments.check_model(model, hp)
    if hp.momentum or hp.dampening:
        raise IncompatibleError(f"SVAG is made of plain SGD; got momentum={hp.momentum:g}, dampening={hp.dampening:g}")
    factor = _validate.integer("factor", factor, at_least=1)
    n_steps = _validate.integer("n_steps", n_steps, at_least=1)
    saved = _sgd_arguments.saved_steps(n_steps, save_every)
    starts = np.ascontiguousarray(starting_points(w0, model.dimension, n_runs, "w0", "n_runs"))
    _consistency.check(model, starts[0], ("minibatch_gradient",))
    seed = _validate.seed_sequence(file.rng(rng))
    shorter = replace(hp, learning_rate=hp.learning_rate / factor)
    problem = _sgd_arguments.problem(model, shorter, n_steps, "sgd", False, None, None, None, seed)
    spread = math.sqrt(2 * factor - 1)
    # Of the second batch of l = 1 nothing would be used.
    mix = np.array([(1 + spread) / 2, (1 - spread) / 2][: 1 if factor == 1 else 2])
    recorder = Metrics(function="svag", n_steps=n_steps, steps=np.array([n_steps]), saved=saved, measures={})
    runs = Descent.start(replace(problem, mix=mix), starts, seed)
    arrays = run(runs, recorder, file=file, executor=executor, progress=progress, described={"hp": repr(hp)})
    done = runs.step
    steps, paths = recorder.weights(done, arrays)
    return SVAGRun(
        final=arrays["w"],
        times=steps * shorter.step_time,
        paths=paths,
        diverged=int(np.sum(arrays["diverged"] >= 0)),
        n_steps=done,
        interrupted=done < n_steps,
        replay={
            "model": model, "hp": hp, "w0": starts, "factor": factor, "n_steps": n_steps, "save_every": save_every,
            "rng": seed,
        },
    )  # fmt: skip
