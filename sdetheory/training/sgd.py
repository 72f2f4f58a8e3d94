"""Stochastic gradient descent itself, minibatches and all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..engine import compiling
from ..engine.checkpoint import Checkpoint
from ..engine.recorders.metrics import Metrics
from ..engine.recorders.stops import Stops
from ..engine.run import run
from ..hyperparameters import SGDHyperparameters
from ..models import _consistency
from ..results import Estimate, mean_of
from . import _arguments as _sgd_arguments
from . import _engine as _sgd_engine
from . import stopping
from ._descent import Descent

Array = NDArray[Any]


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SGDRun:
    """What :func:`sgd` returns.

    Attributes
    ----------
    final : ndarray, shape (n_runs, p)
        Weights after the last step of each run; not finite for a run that diverged.
    average : ndarray, shape (n_runs, p), or None
        Average of each run's weights over the steps from ``average_from`` on; NaN if it diverged.
    mean, covariance : Estimate or None
        Mean (p,) and covariance (p, p) of the weights over those steps, with errors from the scatter between runs that
        did not diverge. Needs two of those, and for the covariance at most 64 weights.
    steps : ndarray, shape (n_records,)
        How many steps were made when the metrics were recorded, from 0 on.
    metrics : dict
        For each name the recorded values, shape (n_records, n_runs); NaN from a run's divergence on, after the record
        at which it was stopped, and in the last row if an interrupt came while it was recorded.
    saved_steps : ndarray, shape (n_saved,)
        How many steps were made when the weights were saved.
    paths : ndarray, shape (n_saved, n_runs, p)
        The saved weights: the start and every ``save_every``-th step, or only the last one.
    diverged_at : ndarray, shape (n_runs,)
        The first step after which a run was not finite, −1 if there was none. Of models with more than 16,384 weights
        every sixteenth step is looked at.
    diverged : int
        How many runs diverged. They are part of no mean, covariance or error.
    stopped_at : ndarray, shape (n_runs,)
        The step after which ``stop`` ended a run, −1 if it did not.
    best : ndarray, shape (n_runs, p), or None
        With :class:`EarlyStopping` the weights of each run at its best record, else None.
    best_at : ndarray, shape (n_runs,), or None
        The steps of these records.
    n_steps : int
        Number of steps made: fewer than asked for after an interrupt, or when no run was left that goes on.
    interrupted : bool
        Whether Ctrl-C ended the run early.
    replay : dict
        Arguments that repeat it to the same bits: ``sgd(**run.replay)``.
    """

    final: Array
    average: Array | None
    mean: Estimate | None
    covariance: Estimate | None
    steps: NDArray[np.int64]
    metrics: dict[str, NDArray[np.float64]]
    saved_steps: NDArray[np.int64]
    paths: Array
    diverged_at: NDArray[np.int64]
    stopped_at: NDArray[np.int64]
    best: Array | None
    best_at: NDArray[np.int64] | None
    n_steps: int
    interrupted: bool
    replay: dict[str, Any]

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return int(np.sum(self.diverged_at >= 0))


@compiling.named
def sgd(
    model: Any,
    hp: SGDHyperparameters,
    w0: ArrayLike,
    *,
    n_steps: int,
    n_runs: int | None = None,
    rng: Any = None,
    optimizer: Any = "sgd",
    momentum_of: str = "steps",
    temperature: float = 0.0,
    reshuffle: bool = False,
    learning_rates: Any = None,
    batch_sizes: Any = None,
    average_from: int | None = None,
    metrics: Mapping[str, Callable[[Array], float]] | None = None,
    record_every: int | None = None,
    save_every: int | None = None,
    stop: Callable[[NDArray[np.int64], Mapping[str, NDArray[np.float64]]], bool] | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> SGDRun:
    r"""Run stochastic gradient descent, many times independently.

    .. math::
        \hat G = \frac{N}{B} \sum_{i \in \mathrm{batch}} \nabla C_i(w), \qquad
        v \leftarrow m v - (1 - \tau) \frac{\epsilon}{N} \hat G, \qquad w \leftarrow w + v .

    Parameters
    ----------
    model : object
        Has ``train_size``, ``dimension`` and ``minibatch_gradient(w, indices)``, which returns Ĝ: a model of
        :mod:`sdetheory.models`, or your own.
    hp : SGDHyperparameters
        Learning rate ε, batch size B, momentum m, dampening τ and sampling, all scalar; its ``train_size`` is that of
        the model.
    w0 : array_like, shape (p,) or (n_runs, p)
        Weights to start from: one vector for all runs, or one each. float32 stays float32 where the model is not
        compiled; all else becomes float64.
    n_steps : int
        Number of steps.
    n_runs : int, optional
        Number of independent runs, by default 1 or as many as `w0` has rows.
    rng : None, int, SeedSequence or Generator
        Source of the batches (SPEC 7). Run i sees the same batches whatever the number of runs, threads and steps.
    optimizer : {"sgd", "nesterov"}, Adam or RMSprop
        The step above; Nesterov's, w ← w + m v′ − (1 − τ)(ε/N)Ĝ with v′ the new v above; or one that divides by the
        size of recent gradients (with m = τ = 0 in `hp`).
    momentum_of : {"steps", "gradients"}
        What the velocity adds up. "steps": each with the learning rate and the dampening of its own time, as above.
        "gradients": PyTorch's buffer b ← m b + (1 − τ) Ĝ/N, whose first gradient is not dampened and which the learning
        rate of the present multiplies: w ← w − ε b (Nesterov: w ← w − ε (Ĝ/N + m b), without dampening). The two are
        the same without dampening and at one learning rate.
    temperature : float
        T ≥ 0, in units of the total cost: each velocity gets √(2 T (1 − m) κ) ξ more, with κ = (1 − τ) ε/N and
        independent ξ ~ N(0, I). Without momentum that is stochastic gradient Langevin dynamics (SGLD),
        w ← w − (ε/N) Ĝ + √(2 T ε/N) ξ; see the Notes. It goes with ``optimizer="sgd"``.
    reshuffle : bool
        Instead of independent batches go through all examples in random order, epoch by epoch. The N mod B examples
        that are over at the end of an epoch are left out of it.
    learning_rates, batch_sizes : Schedule, array_like or callable, optional
        Schedules, for each step from 0 on: :class:`WarmUp`, :class:`Milestones` or :class:`Cosine`, which multiply ε
        and B (rounded, at least 1); or arrays of shape (n_steps,) or functions of the step's number, in their place. A
        learning rate may be 0, where a warm-up starts.
    average_from : int, optional
        First step (from 0 on) whose result enters averages, mean and covariance.
    metrics : mapping, optional
        Names of functions of a run's weights (p,), such as a loss on test data.
    record_every : int, optional
        Steps between two records of the metrics; by default they are recorded at the start and the end.
    save_every : int, optional
        Save the weights at the start and every so many steps; it must divide ``n_steps``. Default: the last only.
    stop : callable or EarlyStopping, optional
        ``stop(steps, metrics)``, asked of each run at each of its records, says whether it ends there: True or False.
        It gets the numbers of steps of the records up to now, shape (k,), and for each metric the values (k,) that this
        run had then; any function of the weights can be a metric. It may depend on nothing else, if a run that is
        resumed or sent to workers is to stop at the same step. Until it stops a run has the bits that it has without
        `stop`, whatever becomes of the others; the weights rest where it stopped. Needs `record_every`. A checkpoint
        knows a function by its name, as it does metrics.
    progress : bool
        Show a progress bar.
    checkpoint : path, optional
        A file to keep everything in, written every few seconds. If it exists the run goes on from there, to the same
        bits as in one go; with ``rng=None`` it goes on with the seed in the file.
    executor : concurrent.futures.Executor, optional
        Where to run: ranges of runs become tasks, and give the same bits as without. Model and metrics must be
        importable by the workers. Give each worker of a network one thread (``OPENBLAS_NUM_THREADS=1``).

    Returns
    -------
    SGDRun
        Last weights, averages, metrics, and which runs diverged.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range, the model's cost, gradients and Hessian products contradict each other, or
        the checkpoint belongs to another run.
    IncompatibleError
        If two arguments do not go together: sampling with replacement and `reshuffle`, `stop` and `average_from`, say.
    WorkerError
        A worker of the executor died and the executor does not replace it. With a checkpoint, the ranges of runs that
        were done are not lost.

    Notes
    -----
    Divergence is an outcome: the run is counted, and enters no average.

    Regressions on products x·w (softmax: of at most 16 classes) run in a compiled kernel, in float64 and on all
    threads, with the same bits for any number of these. Every other model goes through its own ``minibatch_gradient``,
    one run after the other. The batches are the same either way; uniform to 2⁻³², from Philox4x32-10 at a counter of
    run and step.

    Poisson sampling divides by B whatever the size of the batch, which is its mean size; a prior belongs to the
    examples in equal shares, so that the pull of ``minibatch_gradient`` is multiplied by size/B. A batch without
    examples has the gradient zero: the velocity alone moves the weights.

    *What a temperature samples.* As ε → 0 at constant B the law of the runs is that of dw = −∇C dt + √(gF + 2T I) dW
    in the time of ``hp.step_time``, and g = ε(N/B − 1)(1 − τ)/(1 − m) falls with ε: the stationary density tends to
    e^{−C/T}, the posterior at T = 1. At a given ε it is off by two terms of order ε. The minibatches heat too, where
    F = f I to the temperature T + gf/2; and steps are not short. For a quadratic cost with Hessian H and noise of
    minibatches that does not depend on w both are known: the covariance is that of
    :func:`sdetheory.theory.sgd_covariance` with F + (2T/g) I for F, and at B = N it is T (H − κH²/(2(1 + m)))⁻¹ where
    T H⁻¹ is wanted. The numbers ξ are a function of the seed, the run, the step and the component alone.

    References
    ----------
    S. L. Smith and Q. V. Le (2018), arXiv:1710.06451, Eq. 11 and Appendix D.
    M. Welling and Y. W. Teh (2011), Bayesian learning via stochastic gradient Langevin dynamics, ICML (their ε is 2ε/N
    here); with momentum T. Chen, E. Fox and C. Guestrin (2014), Stochastic gradient Hamiltonian Monte Carlo, ICML,
    arXiv:1402.4102 (with the friction α = 1 − m, the learning rate κ and no estimate of the noise of minibatches).
    I. Sutskever et al. (2013), On the importance of initialization and momentum in deep learning, ICML (Nesterov).

    Examples
    --------
    The variance of SGD on one weight, against its exact value and that of the SDE, gF/(2C″):

    >>> import sdetheory as st
    >>> y = np.array([1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
    >>> model = st.models.LinearRegression(np.ones((6, 1)), y)
    >>> hp = st.SGDHyperparameters(learning_rate=0.4, train_size=6, batch_size=2)
    >>> run = st.sgd(model, hp, [6.8], n_steps=2000, n_runs=200, rng=0, average_from=1000)
    >>> sde = hp.noise_scale * y.var(ddof=1) / (2 * 6)
    >>> exact = sde / (1 - 0.4 / 2)
    >>> abs(run.covariance.z_score(exact)) < 4, abs(run.covariance.z_score(sde)) < 4
    (array([[ True]]), array([[False]]))
    """
    _validate.flag("reshuffle", reshuffle)
    _validate.flag("progress", progress)
    file = Checkpoint(checkpoint)
    seed = _validate.seed_sequence(file.rng(rng))
    n_steps = _validate.integer("n_steps", n_steps, at_least=0)
    _sgd_arguments.check_model(model, hp)
    starts = _sgd_arguments.starts(w0, model.dimension, n_runs, _sgd_engine.has_kernel(model))
    _consistency.check(model, starts[0], ("minibatch_gradient",))
    problem = _sgd_arguments.problem(
        model, hp, n_steps, optimizer, reshuffle, learning_rates, batch_sizes, average_from, seed, momentum_of,
        temperature,
    )  # fmt: skip
    if record_every is not None:
        record_every = _validate.integer("record_every", record_every, at_least=1)
    measures = _sgd_arguments.measures(metrics)
    steps = np.unique(np.append(np.arange(0, n_steps, record_every or max(1, n_steps)), n_steps))
    hook = stopping.checked(stop, measures, record_every, average_from)
    recorded = {
        "function": "sgd", "n_steps": n_steps, "steps": steps, "measures": measures,
        "saved": _sgd_arguments.saved_steps(n_steps, save_every),
    }  # fmt: skip
    recorder = Metrics(**recorded) if hook is None else Stops(**recorded, ask=hook.ask, best=hook.best)
    called = repr(optimizer) + ("" if momentum_of == "steps" else " of gradients")
    runs = Descent.start(problem, starts, seed)
    arrays = run(
        runs, recorder, file=file, executor=executor, progress=progress,
        described={
            "hp": repr(hp), "optimizer": called, "reshuffle": bool(reshuffle), "stop": hook and hook.name,
        } | ({"temperature": float(temperature)} if temperature else {}),
    )  # fmt: skip
    interrupted = runs.step < n_steps
    stopped = arrays.get("stopped", np.full(len(starts), -1))
    done = runs.step if hook is None else _last(runs.step, stopped, arrays["diverged"])
    count = done - (n_steps if average_from is None else problem.average_from)
    mean, covariance = _moments(arrays, count)
    kept = steps <= done
    saved_steps, paths = recorder.weights(done, arrays)
    return SGDRun(
        final=arrays["w"],
        average=_averages(arrays, count),
        mean=mean,
        covariance=covariance,
        steps=steps[kept],
        metrics={name: arrays["records"][kept, i] for i, name in enumerate(measures)},
        saved_steps=saved_steps,
        paths=paths,
        diverged_at=arrays["diverged"],
        stopped_at=stopped,
        best=arrays["best"] if hook and hook.best else None,
        best_at=arrays["best_at"] if hook and hook.best else None,
        n_steps=done,
        interrupted=interrupted,
        replay={
            "model": model, "hp": hp, "w0": starts, "n_steps": n_steps, "rng": seed, "optimizer": optimizer,
            "momentum_of": momentum_of, "temperature": temperature, "reshuffle": reshuffle,
            "learning_rates": problem.rates, "batch_sizes": problem.sizes, "average_from": average_from,
            "metrics": measures, "record_every": record_every, "save_every": save_every, "stop": stop,
        },
    )  # fmt: skip


def _last(step: int, stopped: Array, diverged: Array) -> int:
    """Return the last step of any run, of which none moves on after it stopped or diverged."""
    ended = np.maximum(stopped, diverged)
    return int(np.where(ended < 0, step, ended).max())


def _averages(arrays: dict[str, Array], count: int) -> Array | None:
    if count <= 0:
        return None
    with np.errstate(invalid="ignore"):  # sums of a run that diverged
        return np.where(arrays["diverged"][:, None] < 0, arrays["sums"] / count, np.nan)


def _moments(arrays: dict[str, Array], count: int) -> tuple[Estimate | None, Estimate | None]:
    """Return mean and covariance over steps and runs, with errors from the scatter between runs."""
    whole = arrays["diverged"] < 0
    if count <= 0 or whole.sum() < 2:
        return None, None
    means = arrays["sums"][whole] / count
    mean = mean_of(means)
    if not arrays["squares"].size:
        return mean, None
    # About the mean of all runs, which is much closer to the truth than that of one.
    shift = means[:, :, None] * mean.value
    products = arrays["squares"][whole] / count - shift - shift.transpose(0, 2, 1) + np.outer(mean.value, mean.value)
    return mean, mean_of(products)
