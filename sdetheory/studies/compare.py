"""How far the equation of SGD is from SGD."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..engine.archive import digest
from ..engine.caution import warn
from ..engine.checkpoint import Checkpoint, describe_seed, identity
from ..engine.progress import tqdm
from ..equations.sgd_sde import check_consistency, check_model
from ..errors import AccuracyWarning, IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..models import _consistency
from ..models._formula import stated
from ..results import Estimate
from ..simulators._ensemble import starting_points
from . import _comparison
from ._comparison import LinearScaling, Moments, WeakOrder
from ._comparison_runs import Ensembles

Array = NDArray[np.float64]

SGD = "SGD"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What :func:`compare` returns.

    Attributes
    ----------
    times : ndarray, shape (n_records,)
        Times of the records, in that of the equation.
    names : tuple of str
        Names of the observables.
    processes : dict of str to Moments
        "SGD", "SDE 1", "SDE 2", "SVAG 2", ...
    weak_orders : dict of str to WeakOrder
        For each equation, if ``halvings`` > 0.
    scaling : LinearScaling or None
        Where the linear scaling rule breaks.
    alpha : float
        Probability of calling one process different from SGD that is not.
    replay : dict
        Arguments that repeat the comparison: ``compare(**comparison.replay)``.
    """

    times: Array
    names: tuple[str, ...]
    processes: dict[str, Moments]
    weak_orders: dict[str, WeakOrder]
    scaling: LinearScaling | None
    alpha: float
    replay: dict[str, Any]

    def difference(self, process: str) -> Estimate:
        """Return the observables of a process minus those of SGD along time, (n_records, K)."""
        _validate.choice("process", process, self.processes)
        return _comparison.minus(self.processes[process].observables, self.processes[SGD].observables)

    @property
    def verdict(self) -> str:
        """What was found, in sentences."""
        lines = []
        for name in self.processes:
            if name == SGD:
                continue
            gap = _comparison.last(self.difference(name))
            different = _comparison.beyond(gap, self.alpha)
            found = "differs from SGD" if different.any() else "cannot be told from SGD"
            lines.append(f"{name} {found} at the end: {_comparison.spelled(self.names, gap)}.")
        for name, study in self.weak_orders.items():
            orders = [
                f"{observable} {value:.2f} ± {error:.2f}" if np.isfinite(value) else f"{observable} not resolved"
                for observable, value, error in zip(self.names, study.order.value, study.order.stderr, strict=True)
            ]
            lines.append(f"Observed weak order of {name}: {', '.join(orders)}.")
        if self.scaling is not None:
            k = self.scaling.breaks_at
            if k is None:
                lines.append(f"The linear scaling rule holds within error up to k = {self.scaling.multiples[-1]}.")
            else:
                row = int(np.argmax(self.scaling.multiples == k))
                gap = _comparison.row(self.scaling.difference, row)
                lost = f"; {self.scaling.diverged[row]} runs diverged" if self.scaling.diverged[row] else ""
                lines.append(
                    f"The linear scaling rule breaks at k = {k}: {_comparison.spelled(self.names, gap)}{lost}."
                )
        lost = [f"{moments.diverged} of {name}" for name, moments in self.processes.items() if moments.diverged]
        if lost:
            lines.append(f"Runs that diverged, and are in no average: {', '.join(lost)}.")
        return " ".join(lines)


def compare(
    model: Any,
    hp: SGDHyperparameters,
    w0: ArrayLike,
    *,
    n_steps: int,
    n_runs: int | None = None,
    n_records: int | None = None,
    observables: Mapping[str, Callable[[Array], ArrayLike]] | None = None,
    orders: Sequence[int] = (1, 2),
    svag: Sequence[int] = (2, 4),
    substeps: int = 8,
    halvings: int = 2,
    multiples: Sequence[int] = (2, 4, 8),
    alpha: float = 0.001,
    rng: Any = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
) -> Comparison:
    r"""Measure how far the equations of SGD on a model are from SGD.

    SGD, the equations of order 1 and 2 (:func:`sgd_sde`) and SVAG (:func:`svag`) start together and run for the same
    time, n_steps · ``hp.step_time``. Then the learning rate is halved at the same batch size and time, for the order of
    the difference; and ε and B are multiplied together by k, for the linear scaling rule.

    Parameters
    ----------
    model : object
        As for :func:`sgd_sde` and :func:`sgd`.
    hp : SGDHyperparameters
        Numbers, not arrays. With momentum only ``orders=(1,)`` and ``svag=()`` go.
    w0 : array_like, shape (p,) or (n_runs, p)
        Where the runs start: one point for all (then ``n_runs`` is needed), or one each.
    n_steps : int
        Number of steps of SGD.
    n_runs : int, optional
        Number of independent runs of each process.
    n_records : int, optional
        Number of times, spread evenly, at which all is recorded; it must divide ``n_steps``. By default the largest of
        1, 2, 3 and 4 that does.
    observables : mapping of str to function, optional
        Functions from weights of shape (n, p) to n numbers; by default the cost.
    orders : sequence of {1, 2}, optional
        Which equations.
    svag : sequence of int, optional
        The l of SVAG; 1 is SGD.
    substeps : int, optional
        Steps of the equation for one of SGD.
    halvings : int, optional
        How often the learning rate is halved for the order; 0 to leave this out.
    multiples : sequence of int, optional
        The k of the scaling rule. Those with kB > N, or that do not divide ``n_steps``, are left out.
    alpha : float, optional
        Probability of calling a process different from SGD that is not.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness.
    progress : bool, optional
        Show a bar that counts ensembles.
    checkpoint : path, optional
        A file for the moments of the ensembles that are done; the one at work has another beside it. If it exists, the
        comparison goes on from there, to the same bits; with ``rng=None`` with the seed in the file.
    executor : concurrent.futures.Executor, optional
        Where to run the ensembles, as for :func:`simulate` and :func:`sgd`.

    Returns
    -------
    Comparison
        Moments along time with standard errors, observed orders, the scaling rule, and a verdict in words.

    Raises
    ------
    InvalidInputError
        Wrong shapes or numbers, a model that contradicts itself, a checkpoint of another comparison.
    IncompatibleError
        Momentum with order 2 or SVAG.
    WorkerError
        A worker of the executor died, as for :func:`simulate`.
    KeyboardInterrupt
        Ctrl-C: a part of a comparison says nothing. With a checkpoint, what was done is not lost.

    Notes
    -----
    Euler–Maruyama in steps of δ/s, δ that of SGD, is nearer to SGD than the equation is, by about 1/s of the difference
    of order 1: at s = 1 its moments are those of SGD itself. With each halving of ε s is doubled, so that this share is
    of order 2 and leaves the observed orders as they are; the difference at order 2 is right to so much.

    Orders 1 and 2 are those of transients. In a stationary state the noise itself is of order ε, and the difference
    between variances of order ε² for either equation.

    The linear rule does not keep g: k ε(N/(kB) − 1) = ε(N/B − k). What breaks first, this or the length of the steps,
    is not told apart here; :meth:`SGDHyperparameters.with_learning_rate` keeps g exactly.

    References
    ----------
    Z. Li, S. Malladi and S. Arora, NeurIPS 2021, arXiv:2102.12470. S. L. Smith and Q. V. Le, arXiv:1710.06451,
    Section 5.

    Examples
    --------
    >>> import sdetheory as st
    >>> model = st.models.LinearRegression(np.ones((6, 1)), [1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
    >>> hp = st.SGDHyperparameters(learning_rate=0.8, train_size=6, batch_size=1)
    >>> found = compare(model, hp, [0.0], n_steps=8, n_runs=4000, halvings=0, multiples=(2,), rng=0)
    >>> found.scaling.breaks_at
    2
    """
    _validate.flag("progress", progress)
    orders = _validate.integers("orders", orders, at_least=1, at_most=2, shape=(None,)).tolist()
    svag = _validate.integers("svag", svag, at_least=1, shape=(None,)).tolist()
    multiples = _validate.integers("multiples", multiples, at_least=1, shape=(None,)).tolist()
    if observables is not None:
        observables = _validate.mapping("observables", observables, "functions")
        for key, observable in observables.items():
            _validate.function(f"observables[{key!r}]", observable, "of weights")
        if not observables:
            raise InvalidInputError("observables must name one or more functions; got none")
    file = Checkpoint(checkpoint)
    check_model(model, hp)
    n_steps = _validate.integer("n_steps", n_steps, at_least=1)
    if n_records is None:
        n_records = max(n for n in (1, 2, 3, 4) if n_steps % n == 0)
    n_records = _validate.integer("n_records", n_records, at_least=1)
    if n_steps % n_records:
        raise InvalidInputError(f"n_records must divide n_steps; got {n_records} and {n_steps}")
    substeps = _validate.integer("substeps", substeps, at_least=1)
    halvings = _validate.integer("halvings", halvings, at_least=0)
    alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
    starts = starting_points(w0, model.dimension, n_runs, "w0", "n_runs")
    if (hp.momentum or hp.dampening) and (2 in orders or len(svag)):
        raise IncompatibleError("with momentum there are neither order 2 nor SVAG; pass orders=(1,), svag=()")
    _check_consistency(model, starts[0], max(orders, default=1), observed=observables is None)
    functions = {"cost": _comparison.cost(model)} if observables is None else dict(observables)
    seed = _validate.seed_sequence(file.rng(rng))
    chosen = [k for k in multiples if k * hp.batch_size <= hp.train_size and n_steps % k == 0]
    description = {} if file.path is None else {
        **identity("compare"), "hp": repr(hp), "n_steps": n_steps, "n_records": n_records, "orders": [*orders],
        "svag": [*svag], "substeps": substeps, "halvings": halvings, "multiples": chosen, "rng": describe_seed(seed),
        "w0": digest(starts), "observables": [*functions, digest(_comparison.values(starts, functions))],
        "model": [type(model).__name__, model.train_size, digest(model.gradient(starts[0]))],
        "executor": executor is not None,
    }  # fmt: skip
    total = (1 + len(orders)) * (1 + halvings) + len(svag) + len(chosen)
    done, stored = file.begin(description, {})
    with tqdm(total=total, initial=done, desc="compare", unit="ensemble", disable=not progress) as bar:
        ensembles = Ensembles(
            model=model, starts=starts, functions=functions, file=file, stored=stored, executor=executor, bar=bar,
            # A copy: spawning changes a sequence, and the same call must give the same numbers.
            seeds=np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size),
        )  # fmt: skip
        processes = {SGD: ensembles.of_sgd(hp, n_steps, n_records)}
        for order in orders:
            processes[f"SDE {order}"] = ensembles.of_equation(hp, n_steps, n_records, order, substeps)
        for factor in svag:
            processes[f"SVAG {factor}"] = ensembles.of_svag(hp, n_steps, n_records, factor)

        rates = hp.learning_rate / 2.0 ** np.arange(halvings + 1)
        differences = {f"SDE {order}": [_ends(processes[f"SDE {order}"], processes[SGD])] for order in orders}
        for halving in range(1, halvings + 1):
            finer, n = replace(hp, learning_rate=rates[halving]), n_steps * 2**halving
            reference = ensembles.of_sgd(finer, n, 1)
            for order in orders:
                found = ensembles.of_equation(finer, n, 1, order, substeps * 2**halving)
                differences[f"SDE {order}"].append(_ends(found, reference))
        larger = [replace(hp, learning_rate=k * hp.learning_rate, batch_size=k * hp.batch_size) for k in chosen]
        scaled = [ensembles.of_sgd(settings, n_steps // k, 1) for k, settings in zip(chosen, larger, strict=True)]
    step = n_steps // n_records
    return Comparison(
        times=hp.step_time * np.arange(step, n_steps + 1, step),
        names=tuple(functions),
        processes=processes,
        weak_orders={name: _comparison.order(rates, rows) for name, rows in differences.items() if halvings},
        scaling=_comparison.scaling(processes[SGD], chosen, scaled, alpha) if chosen else None,
        alpha=alpha,
        replay={
            "model": model, "hp": hp, "w0": starts, "n_steps": n_steps, "n_records": n_records,
            "observables": observables, "orders": orders, "svag": svag, "substeps": substeps, "halvings": halvings,
            "multiples": multiples, "alpha": alpha, "rng": seed,
        },
    )  # fmt: skip


def _check_consistency(model: Any, w: Array, order: int, *, observed: bool) -> None:
    """Refuse a model that contradicts itself; warn of a cost that is observed and is not that of the gradients."""
    _consistency.check(model, w, ("minibatch_gradient",))
    check_consistency(model, w, order)
    if observed and not stated(model, ("cost",)):
        try:
            _consistency.check(model, w, ("minibatch_gradient", "cost"))
        except InvalidInputError as error:
            warn(
                f"the observable 'cost' is what {type(model).__name__} inherits, not what its gradients descend: "
                f"{error} Or pass observables.",
                AccuracyWarning,
            )


def _ends(process: Moments, reference: Moments) -> Estimate:
    """Return how far the observables are apart at the last time."""
    return _comparison.last(_comparison.minus(process.observables, reference.observables))
