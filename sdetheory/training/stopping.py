"""When a run ends before its last step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import IncompatibleError, InvalidInputError

History = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStopping:
    """Stop a run when a metric has not improved for a while, and keep the weights at which it was best.

    A function of what a run recorded and nothing else: it has no state, so that a run that is resumed, or made
    elsewhere, stops at the same step.

    Parameters
    ----------
    metric : str
        Name of the metric that is watched, one of those of the run.
    patience : int
        How many records in a row may fail to be better than the best one before them; with the last of them the run
        stops. At least 1.
    minimize : bool
        Whether the metric is the better, the smaller it is: True for a loss, False for an accuracy.

    Raises
    ------
    InvalidInputError
        If an argument is of another kind or out of its range.

    Notes
    -----
    The best record is the first one with the best value: equal is not better, and neither is NaN. Its value is the
    best of many noisy ones, and so too good. Watch a metric on examples that are neither trained on nor reported.

    References
    ----------
    L. Prechelt, "Early stopping - but when?", in Neural Networks: Tricks of the Trade, Springer 1998 (its third
    criterion, with every record in place of the end of each strip).

    Examples
    --------
    >>> stop = EarlyStopping(metric="loss", patience=2, minimize=True)
    >>> stop([0, 10, 20, 30], {"loss": np.array([3.0, 1.0, 2.0, 0.5])})
    False
    >>> stop([0, 10, 20, 30], {"loss": np.array([3.0, 1.0, 2.0, 1.5])})
    True
    """

    metric: str
    patience: int
    minimize: bool

    def __post_init__(self) -> None:
        _validate.text("metric", self.metric)
        _validate.flag("minimize", self.minimize)
        object.__setattr__(self, "patience", _validate.integer("patience", self.patience, at_least=1))

    def __call__(self, steps: Any, metrics: History) -> bool:
        """Return whether a run stops, given the steps and the metrics of its records up to now."""
        return len(metrics[self.metric]) - 1 - best_record(self, metrics) >= self.patience


def best_record(rule: EarlyStopping, metrics: History) -> int:
    """Return the number of the best record; the first where there is none."""
    values = np.asarray(metrics[rule.metric])
    values = np.where(np.isnan(values), np.inf, values if rule.minimize else -values)
    return int(np.argmin(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop hook that was checked: the question, which record is the best, if any, and what a checkpoint calls it."""

    ask: Callable[[NDArray[np.int64], History], Any]
    best: Callable[[History], int] | None
    name: str


def checked(stop: Any, metrics: Mapping[str, Any], record_every: int | None, average_from: int | None) -> Stop | None:
    """Return a hook that goes together with the other arguments of a run, or None where there is none."""
    if stop is None:
        return None
    ask = _validate.function(
        "stop", stop, "of the steps and the metrics recorded up to now, such as EarlyStopping(...)"
    )
    if isinstance(stop, type):
        raise InvalidInputError(f"stop must be a function or an object; got the class {stop.__name__}. Make one of it.")
    if record_every is None:
        raise IncompatibleError("stop is asked whenever metrics are recorded; give record_every, the steps between")
    if average_from is not None:
        raise IncompatibleError(
            "average_from and stop do not go together: the runs end at different steps, and an average up to a step "
            "that the path itself chooses is biased. Give one of them."
        )
    if isinstance(stop, EarlyStopping):
        if stop.metric not in metrics:
            known = ", ".join(map(repr, metrics)) or "none"
            raise InvalidInputError(f"metrics must hold what stop watches, {stop.metric!r}; they are {known}")
        return Stop(ask=ask, best=partial(best_record, stop), name=repr(stop))
    known = repr(stop) if dataclasses.is_dataclass(stop) else type(stop).__qualname__
    return Stop(ask=ask, best=None, name=getattr(stop, "__qualname__", known))
