"""How large a sample must be, estimates put together, and what errors at several sizes say of their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import sdetheory as st

ROOT_TWO = float(np.sqrt(2))
"""Deviation of the square of a normal number of variance one."""


def draws_for(effect: float, *, alpha: float, deviation: float = ROOT_TWO) -> int:
    """Return how many samples see a relative error `effect`, almost surely."""
    return st.stats.required_samples(deviation=deviation, effect=effect, alpha=alpha, power=1 - 1e-5)


def stacked(estimates: Sequence[st.Estimate]) -> st.Estimate:
    """Return numbers as one array, with the samples of the one that has fewest."""
    return st.Estimate(
        value=np.array([estimate.value for estimate in estimates]),
        stderr=np.array([estimate.stderr for estimate in estimates]),
        n_eff=min(estimate.n_eff for estimate in estimates),
    )


def order(errors: ArrayLike) -> Any:
    """Return the order at the last halving of what the errors (n, ...) are errors of; nan if they change their sign."""
    values = np.asarray(errors, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.log2(values[-2] / values[-1])


def slope(sizes: ArrayLike, errors: ArrayLike) -> float:
    """Return the slope of ln|error| over ln size between the two smallest sizes: the observed order."""
    smallest = np.argsort(sizes)[:2]
    x, y = (np.log(np.abs(np.asarray(values, dtype=float)[smallest])) for values in (sizes, errors))
    return float((y[1] - y[0]) / (x[1] - x[0]))
