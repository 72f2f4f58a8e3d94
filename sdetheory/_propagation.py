"""Functions of a number with an error: their values, errors to first order, and intervals without an order."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ._intervals import Law
from .errors import AccuracyWarning, InvalidInputError

_BENT = 0.2
"""Standard errors within which a slope may change by so much of itself before its first order is called rough."""


class Monotone(NamedTuple):
    """An increasing function with its first two derivatives, and the lower end of where it is defined."""

    function: Callable[..., Any]
    slope: Callable[..., Any]
    bend: Callable[..., Any]
    lowest: float = -np.inf


FUNCTIONS = {
    "exp": Monotone(np.exp, np.exp, np.exp),
    "expm1": Monotone(np.expm1, np.exp, np.exp),
    "log": Monotone(np.log, lambda x: 1 / x, lambda x: -1 / x**2, 0.0),
    "log2": Monotone(np.log2, lambda x: 1 / (x * np.log(2)), lambda x: -1 / (x**2 * np.log(2)), 0.0),
    "log10": Monotone(np.log10, lambda x: 1 / (x * np.log(10)), lambda x: -1 / (x**2 * np.log(10)), 0.0),
    "log1p": Monotone(np.log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2, -1.0),
    "sqrt": Monotone(np.sqrt, lambda x: 0.5 / np.sqrt(x), lambda x: -0.25 / x**1.5, 0.0),
    "tanh": Monotone(np.tanh, lambda x: 1 - np.tanh(x) ** 2, lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2)),
    "arctan": Monotone(np.arctan, lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2),
}
"""Increasing functions of one number, by their NumPy names. One that turns has two numbers behind each of its own."""


@dataclass(frozen=True)
class Transformed(Law):
    """The law of an increasing function of a number: its quantiles are the function's values at the number's own."""

    law: Law
    value: Any
    stderr: Any
    name: str

    def part(self, shape: tuple[int, ...], index: Any) -> Law:
        value, stderr = (np.broadcast_to(each, shape)[index] for each in (self.value, self.stderr))
        return Transformed(self.law.part(shape, index), value, stderr, self.name)

    def quantile(self, p: float) -> Any:
        known = FUNCTIONS[self.name]
        value, stderr = np.asarray(self.value, dtype=float), np.asarray(self.stderr, dtype=float)
        with np.errstate(all="ignore"):
            end = np.maximum(value + np.asarray(self.law.quantile(p)) * stderr, known.lowest)
            return (known.function(end) - known.function(value)) / (known.slope(value) * stderr)


def through(name: str, value: Any, stderr: Any, law: Law | None) -> tuple[Any, Any, Law | None]:
    """Return value, standard error and law of an increasing function of estimates; the error is |f′| times theirs.

    Raises
    ------
    InvalidInputError
        A value at which the function has no slope.

    Warns
    -----
    AccuracyWarning
        The slope changes much within a standard error.
    """
    known, value, stderr = FUNCTIONS[name], np.asarray(value, dtype=float), np.asarray(stderr, dtype=float)
    outside = value[value <= known.lowest]
    if outside.size:
        raise InvalidInputError(
            f"numpy.{name} needs estimates above {known.lowest:g}, where it has a slope; got {outside.flat[0]:g}"
        )
    with np.errstate(all="ignore"):
        slope = known.slope(value)
        error = np.where(stderr > 0, slope * stderr, stderr)
        bent = np.abs(known.bend(value)) * stderr > _BENT * slope
    if (bent & np.isfinite(stderr)).any():
        warnings.warn(
            f"numpy.{name} bends within the error of its argument, so that the error of the result, which is that of "
            "first order, and its value, whose bias is of second, are rough. Its interval() is not: it has the "
            "function's values at the ends of the argument's",
            AccuracyWarning,
            stacklevel=4,
        )
    return known.function(value), error[()], None if law is None else Transformed(law, value[()], stderr[()], name)
