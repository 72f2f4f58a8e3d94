# ruff: noqa: D102  (Recorder says what the methods do)
"""Training in which each run may stop: it is asked at every record, and rests from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...errors import InvalidInputError
from ..run import Arrays
from .metrics import Metrics

History = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stops(Metrics):
    """Records metrics until `ask` says of a run that it stops; keeps the weights of the record that `best` names.

    Both are given the records of one run up to now, and may depend on nothing else: records are in the checkpoint, so
    that a run that goes on asks again and hears the same.
    """

    axes: ClassVar[dict[str, int]] = {**Metrics.axes, "stopped": 0, "best": 0, "best_at": 0}
    ask: Callable[[NDArray[np.int64], History], Any]
    best: Callable[[History], int] | None

    def start(self, process: Any) -> Arrays:
        n_runs = len(process.w)
        return super().start(process) | {
            "stopped": np.full(n_runs, -1),
            "best": process.w.copy() if self.best else np.zeros((n_runs, 0)),
            "best_at": np.zeros(n_runs, np.int64),
        }

    def stretch(self, process: Any, arrays: Arrays) -> tuple[str, int, int]:
        label, unit, stop = super().stretch(process, arrays)
        return label, unit, stop if process.live.any() else process.step

    def reach(self, process: Any, arrays: Arrays) -> None:
        process.stopped = arrays["stopped"]
        super().reach(process, arrays)
        rows = np.flatnonzero(self.steps == process.step)
        for run in np.flatnonzero(process.live) if len(rows) else ():
            if process.interrupted:  # whoever goes on asks again
                return
            self._ask(process, arrays, int(run), int(rows[0]))

    def _ask(self, process: Any, arrays: Arrays, run: int, row: int) -> None:
        steps, records = self.steps[: row + 1].view(), arrays["records"][: row + 1, :, run].T
        steps.flags.writeable = records.flags.writeable = False
        metrics = dict(zip(self.measures, records, strict=True))
        if self.best is not None and self.best(metrics) == row:
            arrays["best"][run], arrays["best_at"][run] = process.w[run], process.step
        answer = _validate.called("stop", self.ask, steps, metrics)
        if not isinstance(answer, bool | np.bool_):
            hint = " (a function without a return statement gives None)" if answer is None else ""
            raise InvalidInputError(f"stop must return True or False; got {_validate.shown(answer)}{hint}")
        if answer:
            arrays["stopped"][run] = process.step
