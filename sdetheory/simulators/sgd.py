"""Stochastic gradient descent itself, minibatches and all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from .. import _validate
from .._kernels import sgd as kernels
from ..errors import InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..results import Estimate, mean_estimate
from . import _sgd_arguments, _sgd_engine
from ._checkpoint import Checkpoint
from ._ensemble import Interrupt

Array = NDArray[Any]

_COVARIANCE_UP_TO = 64
"""Weights beyond which no covariance is kept: its memory would be the run's."""

_WORK = 2**25
"""Multiplications between two looks at the progress bar and the keyboard."""


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SGDRun:
    """What :func:`sgd` returns.

    Attributes
    ----------
    final : ndarray, shape (n_runs, p)
        Weights after the last step; not finite for a run that diverged.
    average : ndarray, shape (n_runs, p), or None
        Average of each run's weights over the steps from ``average_from`` on; NaN if it diverged.
    mean, covariance : Estimate or None
        Mean (p,) and covariance (p, p) of the weights over those steps, with errors from the scatter between runs that
        did not diverge. Needs two of those, and for the covariance at most 64 weights.
    steps : ndarray, shape (n_records,)
        How many steps were made when the metrics were recorded, from 0 on.
    metrics : dict
        For each name the recorded values, shape (n_records, n_runs); NaN from a run's divergence on.
    diverged_at : ndarray, shape (n_runs,)
        The first step after which a run was not finite, −1 if there was none. Of models with more than 16,384 weights
        every sixteenth step is looked at.
    diverged : int
        How many runs diverged. They are part of no mean, covariance or error.
    n_steps : int
        Number of steps made: fewer than asked for after an interrupt.
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
    diverged_at: NDArray[np.int64]
    n_steps: int
    interrupted: bool
    replay: dict[str, Any]

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return int(np.sum(self.diverged_at >= 0))


def sgd(
    model: Any,
    hp: SGDHyperparameters,
    w0: ArrayLike,
    *,
    n_steps: int,
    n_runs: int | None = None,
    rng: Any = None,
    optimizer: Any = "sgd",
    reshuffle: bool = False,
    learning_rates: Any = None,
    batch_sizes: Any = None,
    average_from: int | None = None,
    metrics: Mapping[str, Callable[[Array], float]] | None = None,
    record_every: int | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
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
    reshuffle : bool
        Instead of independent batches go through all examples in random order, epoch by epoch. The N mod B examples
        that are over at the end of an epoch are left out of it.
    learning_rates, batch_sizes : callable or array_like, optional
        Schedules, for each step from 0 on: functions of its number, or arrays of shape (n_steps,), in place of ε and B.
    average_from : int, optional
        First step (from 0 on) whose result enters averages, mean and covariance.
    metrics : mapping, optional
        Names of functions of a run's weights (p,), such as a loss on test data.
    record_every : int, optional
        Steps between two records of the metrics; by default they are recorded at the start and the end.
    progress : bool
        Show a progress bar.
    checkpoint : path, optional
        A file to keep everything in, written every few seconds. If it exists the run goes on from there, to the same
        bits as in one go; with ``rng=None`` it goes on with the seed in the file.

    Returns
    -------
    SGDRun
        Last weights, averages, metrics, and which runs diverged.

    Raises
    ------
    InvalidInputError
        If an argument is out of its range, or the checkpoint belongs to another run.
    IncompatibleError
        If two arguments do not go together: sampling with replacement and `reshuffle`, say.

    Notes
    -----
    Divergence is an outcome: the run is counted, and enters no average.

    Linear, logistic and softmax regression (of at most 16 classes) run in a compiled kernel, in float64 and on all
    threads, with the same bits for any number of these. Every other model goes through its own ``minibatch_gradient``,
    one run after the other. The batches are the same either way; uniform to 2⁻³², from Philox4x32-10 at a counter of
    run and step.

    References
    ----------
    S. L. Smith and Q. V. Le (2018), arXiv:1710.06451, Eq. 11 and Appendix D.
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
    file = Checkpoint(checkpoint)
    seed = _validate.seed_sequence(file.rng(rng))
    n_steps = _validate.integer("n_steps", n_steps, at_least=0)
    _sgd_arguments.check_model(model, hp)
    starts = _sgd_arguments.starts(w0, model.dimension, n_runs, _sgd_engine.has_kernel(model))
    problem = _sgd_arguments.problem(
        model, hp, n_steps, optimizer, reshuffle, learning_rates, batch_sizes, average_from, seed
    )
    if record_every is not None:
        record_every = _validate.integer("record_every", record_every, at_least=1)
    measures = _sgd_arguments.measures(metrics)
    steps = np.unique(np.append(np.arange(0, n_steps, record_every or max(1, n_steps)), n_steps))
    records = np.full((len(steps), len(measures), len(starts)), np.nan)

    p = model.dimension
    state = _sgd_engine.State(
        w=starts.copy(),
        v=np.zeros_like(starts),
        second=np.zeros_like(starts) if problem.optimizer == kernels.ADAPTIVE else np.zeros((len(starts), 0)),
        sums=np.zeros(starts.shape) if average_from is not None else np.zeros((len(starts), 0)),
        squares=np.zeros((len(starts), p, p) if average_from is not None and p <= _COVARIANCE_UP_TO else (0, 0, 0)),
        diverged=np.full(len(starts), -1),
    )
    description = _sgd_arguments.describe(file, problem, starts, hp, optimizer, reshuffle, steps, list(measures), seed)
    with Interrupt() as interrupt:
        done = _run(problem, state, n_steps, steps, records, measures, file, description, interrupt, progress)
    if done < n_steps:
        warnings.warn(f"interrupted after {done} of {n_steps} steps", RuntimeWarning, 2)
    count = done - (n_steps if average_from is None else problem.average_from)
    mean, covariance = _moments(state, count)
    kept = steps <= done
    return SGDRun(
        final=state.w,
        average=_averages(state, count),
        mean=mean,
        covariance=covariance,
        steps=steps[kept],
        metrics={name: records[kept, i] for i, name in enumerate(measures)},
        diverged_at=state.diverged,
        n_steps=done,
        interrupted=done < n_steps,
        replay={
            "model": model, "hp": hp, "w0": starts, "n_steps": n_steps, "rng": seed, "optimizer": optimizer,
            "reshuffle": reshuffle, "learning_rates": problem.rates, "batch_sizes": problem.sizes,
            "average_from": average_from, "metrics": measures, "record_every": record_every,
        },
    )  # fmt: skip


def _run(
    problem: _sgd_engine.Problem,
    state: _sgd_engine.State,
    n_steps: int,
    steps: NDArray[np.int64],
    records: NDArray[np.float64],
    measures: Mapping[str, Callable[[Array], float]],
    file: Checkpoint,
    description: dict[str, Any],
    interrupt: Interrupt,
    progress: bool,
) -> int:
    """Make the steps that remain, fill the records, and return how many steps were made."""
    done, arrays = file.begin(description, {**state.arrays(), "records": records})
    records[...] = arrays.pop("records")
    for name, array in arrays.items():
        setattr(state, name, array)
    advance = _sgd_engine.prepare(problem)
    largest = int(problem.sizes.max(initial=1)) * state.w.size
    longest = max(_sgd_engine.shortest(problem.model), min(1024, _WORK // largest))
    with tqdm(total=n_steps, initial=done, desc="sgd", unit="step", disable=not progress) as bar:
        while True:
            record = np.flatnonzero(steps == done)
            if len(record) and np.isnan(records[record[0]]).all():
                _measure(records[record[0]], state, measures)
            if done == n_steps or interrupt.seen:
                break
            chunk = int(min(longest, steps[steps > done][0] - done))
            advance(state, done, chunk)
            done += chunk
            bar.update(chunk)
            file.offer(done, {**state.arrays(), "records": records})
    file.save(done, {**state.arrays(), "records": records})
    return done


def _measure(row: Array, state: _sgd_engine.State, measures: Mapping[str, Callable[[Array], float]]) -> None:
    for i, (name, measure) in enumerate(measures.items()):
        for run in np.flatnonzero(state.diverged < 0):
            try:
                row[i, run] = measure(state.w[run])
            except (TypeError, ValueError) as error:
                raise InvalidInputError(f"metrics[{name!r}] must return one number; {error}") from error


def _averages(state: _sgd_engine.State, count: int) -> Array | None:
    if count <= 0:
        return None
    with np.errstate(invalid="ignore"):  # sums of a run that diverged
        return np.where(state.diverged[:, None] < 0, state.sums / count, np.nan)


def _moments(state: _sgd_engine.State, count: int) -> tuple[Estimate | None, Estimate | None]:
    """Return mean and covariance over steps and runs, with errors from the scatter between runs."""
    whole = state.diverged < 0
    if count <= 0 or whole.sum() < 2:
        return None, None
    means = state.sums[whole] / count
    mean = mean_estimate(means)
    if not state.squares.size:
        return mean, None
    # About the mean of all runs, which is much closer to the truth than that of one.
    shift = means[:, :, None] * mean.value
    products = state.squares[whole] / count - shift - shift.transpose(0, 2, 1) + np.outer(mean.value, mean.value)
    return mean, mean_estimate(products)
