# ruff: noqa: D102  (Recorder says what the methods do)
"""Training: functions of each run's weights, and the weights, after given steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInputError
from ..archive import digest
from ..run import Arrays, Recorder


@dataclass(frozen=True, kw_only=True, eq=False)
class Metrics(Recorder):
    """Records `measures` after the numbers of `steps`, and the weights after those of `saved`."""

    axes: ClassVar[dict[str, int]] = {"w": 0, "sums": 0, "squares": 0, "diverged": 0, "records": 2, "paths": 1}
    steps: NDArray[np.int64]
    saved: NDArray[np.int64]
    measures: Mapping[str, Callable[[NDArray[Any]], float]]

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "metrics": [*self.measures], "records": digest(self.steps, self.saved)}

    def start(self, process: Any) -> Arrays:
        return {
            "records": np.full((len(self.steps), len(self.measures), len(process.w)), np.nan),
            "paths": np.full((len(self.saved), *process.w.shape), np.nan),
        }

    def stretch(self, process: Any, arrays: Arrays) -> tuple[str, int, int]:
        stops = np.concatenate([self.steps, self.saved])
        return self.function, 1, int(stops[stops > process.step].min(initial=self.n_steps))

    def reach(self, process: Any, arrays: Arrays) -> None:
        arrays["paths"][self.saved == process.step] = process.w
        for row in np.flatnonzero(self.steps == process.step):
            self._measure(arrays["records"][row], process)

    def _measure(self, row: NDArray[np.float64], process: Any) -> None:
        """Fill a row of the records, or leave it as it is after an interrupt: whoever goes on measures again."""
        found = row.copy()
        for i, (name, measure) in enumerate(self.measures.items()):
            for run in np.flatnonzero(process.live):
                if process.interrupted:
                    return
                try:
                    found[i, run] = measure(process.w[run])
                except (TypeError, ValueError) as error:
                    raise InvalidInputError(f"metrics[{name!r}] must return one number; {error}") from error
        row[:] = found

    def add(self, process: Any, arrays: Arrays, n_steps: int) -> None:
        process.advance(n_steps, look=process.step + n_steps == self.stretch(process, arrays)[2])

    def result(self, process: Any, arrays: Arrays) -> Arrays:
        return {name: getattr(process, name) for name in ("w", "sums", "squares", "diverged")} | arrays

    def weights(self, step: int, arrays: Arrays) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the steps and the weights that were saved until a step, or else the last ones."""
        if not len(self.saved):
            return np.array([step]), arrays["w"][None]
        steps = self.saved[self.saved <= step]
        return steps, arrays["paths"][: len(steps)]
