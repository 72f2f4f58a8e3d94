"""How long each run of a study is: budgets in steps, epochs or time along the gradient flow, under schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..training import schedules
from ..training.schedules import Schedule

UNITS = ("steps", "epochs", "flow-time")

_ROUNDING = 1e-12
"""Relative error of a quotient that is a whole number, as 1.1/0.1 is not in floats."""
_LONGEST = 1e12
_GRID = (np.arange(1024) + 0.5) / 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run: how many, and their learning rates and batch sizes where these change."""

    n_steps: int
    rates: NDArray[np.float64] | None = None
    sizes: NDArray[np.int64] | None = None

    def within(self, train_size: int) -> bool:
        """Whether its schedule of batch sizes, if any, never asks for more examples than there are."""
        return self.sizes is None or int(self.sizes.max()) <= train_size


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may spend: steps, passes of N examples, or the sum of its learning rates."""

    amount: float
    unit: str

    @property
    def settings(self) -> dict[str, Any]:
        """As the file of a study says it: a bare budget is one of flow time."""
        steps, flow = self.unit == "steps", self.unit == "flow-time"
        return {
            "n_steps": int(self.amount) if steps else None,
            "budget": None if steps else self.amount if flow else [self.amount, self.unit],
        }

    def plan(self, hp: SGDHyperparameters, of_rates: Schedule | None, of_sizes: Schedule | None) -> Plan:
        """Return the steps that spend it: the last one may spend more than is left.

        Progress is the share of the examples that were seen if epochs are counted, else the share of the steps.
        """
        if self.unit == "epochs" and of_sizes is not None:
            sizes, progress = self._by_examples(hp, of_sizes)
            rates = None if of_rates is None else schedules.rates(of_rates, hp.learning_rate, progress)
            return Plan(len(sizes), rates, sizes)
        n_steps = self._count(hp, of_rates)
        progress = np.arange(n_steps) / n_steps
        return Plan(
            n_steps,
            None if of_rates is None else schedules.rates(of_rates, hp.learning_rate, progress),
            None if of_sizes is None else schedules.sizes(of_sizes, hp.batch_size, progress).astype(np.int64),
        )

    def _count(self, hp: SGDHyperparameters, of_rates: Schedule | None) -> int:
        if self.unit == "steps":
            return int(self.amount)
        if self.unit == "epochs":
            return _up(self.amount * hp.train_size / hp.batch_size)
        return _up(self.amount / hp.learning_rate) if of_rates is None else self._flowing(hp.learning_rate, of_rates)

    def _flowing(self, learning_rate: float, schedule: Schedule) -> int:
        """Return the least n, from about its value up, of which n learning rates sum to the budget."""
        wanted = self.amount * (1 - _ROUNDING)
        mean = float(schedules.rates(schedule, learning_rate, _GRID).mean())
        if not mean:
            raise InvalidInputError(
                f"learning_rate_schedule is 0 throughout, and spends no flow-time; got {_validate.shown(schedule)}"
            )

        def spent(n: int) -> float:
            return float(schedules.rates(schedule, learning_rate, np.arange(n) / n).sum())

        n = _up(self.amount / mean)
        while (missing := wanted - spent(n)) > 0:
            n += max(1, int(missing / mean))
        while n > 1 and spent(n - 1) >= wanted:
            n -= 1
        return n

    def _by_examples(self, hp: SGDHyperparameters, schedule: Schedule) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the batch sizes of the steps, and the progress before each."""
        total, seen = self.amount * hp.train_size * (1 - _ROUNDING), 0.0
        sizes, progress = [], []
        while seen < total:
            progress.append(seen / total)
            sizes.append(int(schedules.sizes(schedule, hp.batch_size, np.array(progress[-1:]))[0]))
            seen += sizes[-1]
        return np.array(sizes, np.int64), np.array(progress)


def checked(n_steps: Any, budget: Any) -> Budget:
    """Return what one of the two arguments of a study says."""
    if (n_steps is None) == (budget is None):
        raise InvalidInputError(
            'one of n_steps and budget must be given: as many steps for all, or budget=(200, "epochs"), or budget/ε of '
            "them"
        )
    if budget is None:
        return Budget(_validate.integer("n_steps", n_steps, at_least=1), "steps")
    if not isinstance(budget, tuple | list):
        return Budget(_validate.real("budget", budget, above=0.0), "flow-time")
    if len(budget) != 2 or not isinstance(budget[1], str):
        raise InvalidInputError(
            f'budget must be a number and its unit, such as (200, "epochs"); got {_validate.shown(budget)}. Units are '
            f"{', '.join(map(repr, UNITS))}."
        )
    unit = _validate.choice("unit of budget", budget[1], UNITS)
    if unit == "steps":
        return Budget(_validate.integer("budget", budget[0], at_least=1), unit)
    return Budget(_validate.real("budget", budget[0], above=0.0), unit)


def _up(steps: float) -> int:
    """Return a number of steps, rounded up, at least one."""
    if steps > _LONGEST:
        raise InvalidInputError(f"budget must be spent in at most {_LONGEST:.0e} steps; got {steps:.1e} of them")
    return max(1, math.ceil(steps * (1 - _ROUNDING)))
