# ruff: noqa: D102  (Recorder says what the methods do)
"""Positions: the last ones, and those after every so many steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..run import Arrays, Recorder


@dataclass(frozen=True, kw_only=True, eq=False)
class Paths(Recorder):
    """Keeps the positions at the start and every `save_every` steps, or only the last ones."""

    axes: ClassVar[dict[str, int]] = {"final": 0, "paths": 1}
    save_every: int | None

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "save_every": self.save_every}

    def start(self, process: Any) -> Arrays:
        return {"paths": process.positions()[None][: 0 if self.save_every is None else 1]}

    def kept(self, process: Any, arrays: Arrays) -> Arrays:
        return {"paths": arrays["paths"][: self._saved(process.step)]}

    def stretch(self, process: Any, arrays: Arrays) -> tuple[str, int, int]:
        every, step, cost = self.save_every, process.step, process.cost
        if every is None:
            return self.function, 1, self.n_steps
        if step % every or every * cost.step > min(8 * cost.first, cost.most):
            return self.function, 1, min(step - step % every + every, self.n_steps)
        return self.function, every, self.n_steps

    def reach(self, process: Any, arrays: Arrays) -> None:
        saved, every = arrays["paths"], self.save_every
        if len(saved) < self._saved(self.n_steps):
            arrays["paths"] = np.empty((self._saved(self.n_steps), *saved.shape[1:]))
            arrays["paths"][: len(saved)] = saved
        if every is not None and process.step % every == 0:
            arrays["paths"][process.step // every] = process.positions()

    def add(self, process: Any, arrays: Arrays, n_steps: int) -> None:
        every, saved = self.save_every, self._saved(process.step)
        if every is None or process.step % every or n_steps % every:
            process.advance(n_steps)
        else:
            process.advance(every, arrays["paths"][saved : saved + n_steps // every])

    def result(self, process: Any, arrays: Arrays) -> Arrays:
        final = process.positions()
        return {"final": final} | ({"paths": final[None]} if self.save_every is None else self.kept(process, arrays))

    def _saved(self, step: int) -> int:
        return 0 if self.save_every is None else step // self.save_every + 1
