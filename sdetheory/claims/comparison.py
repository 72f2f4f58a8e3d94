"""Whether a measurement is what was predicted: the one assertion that all checks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import stats
from ..errors import InvalidInputError
from ..results import Estimate


@dataclass(frozen=True, slots=True)
class Below:
    """The prediction that every entry is smaller than a bound."""

    bound: float

    def __str__(self) -> str:
        return f"< {self.bound:.6g}"

    def margin(self, values: Any) -> np.ndarray:
        """Return by how much the values obey."""
        return self.bound - np.asarray(values, dtype=float)


@dataclass(frozen=True, slots=True)
class Above:
    """The prediction that every entry is larger than a bound."""

    bound: float

    def __str__(self) -> str:
        return f"> {self.bound:.6g}"

    def margin(self, values: Any) -> np.ndarray:
        """Return by how much the values obey."""
        return np.asarray(values, dtype=float) - self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a measurement may be off: a false-alarm rate for estimates, relative and absolute error for numbers."""

    alpha: float | None = None
    rtol: float | None = None
    atol: float = 0.0

    def accepts(self, measured: Any, predicted: Any) -> bool:
        """Return whether `measured` is compatible with `predicted` (a value, an array of values or a bound).

        An estimate obeys a bound if, at the rate alpha, all its entries are on the right side of it.

        Examples
        --------
        >>> Tolerance(alpha=1e-3).accepts(Estimate(value=1.02, stderr=0.01, n_eff=1000), 1.0)
        True
        >>> Tolerance(rtol=1e-3).accepts(1.02, 1.0)
        False
        >>> Tolerance(alpha=1e-3).accepts(Estimate(value=1.02, stderr=0.01, n_eff=1000), Below(1.03))
        False
        """
        if isinstance(measured, Estimate) and self.alpha is None:
            raise InvalidInputError("an Estimate is compared at a false-alarm rate; pass alpha=")
        if isinstance(predicted, Below | Above):
            if not isinstance(measured, Estimate):
                return bool(np.all(predicted.margin(measured) > 0))
            margins = predicted.margin(measured.value)
            # Two-sided at 2α is one-sided at α, shared among the entries.
            rate = 2 * self.alpha / margins.size
            return all(
                margin > 0 and not stats.agrees(entry, predicted.bound, alpha=rate)
                for margin, entry in zip(margins.flat, _entries(measured), strict=True)
            )
        if isinstance(measured, Estimate):
            return stats.agrees(measured, predicted, alpha=self.alpha)
        if self.rtol is None:
            raise InvalidInputError("a number without an error is compared at a relative tolerance; pass rtol=")
        return bool(np.allclose(measured, predicted, rtol=self.rtol, atol=self.atol))


def _finite(value: Any) -> bool:
    parts = (value.value, value.stderr) if isinstance(value, Estimate) else (getattr(value, "bound", value),)
    return all(np.isfinite(np.asarray(part, dtype=float)).all() for part in parts)


def _entries(estimate: Estimate) -> list[Estimate]:
    return [estimate[index] for index in np.ndindex(np.shape(estimate.value))]


def compare(
    *,
    predicted: Any,
    measured: Any,
    tolerance: Tolerance,
    wrong_predictions: Mapping[str, Any],
    wrong_measurements: Mapping[str, Any],
    rival: Any = None,
    label: str = "",
) -> dict[str, Any]:
    """Compare, run the negative controls through the same comparison, and describe the outcome in plain data.

    With a rival, a second prediction, a measurement agrees if it allows both: it cannot decide between them.
    """
    predictions = [predicted] if rival is None else [predicted, rival]
    if rival is not None and any(isinstance(one, Below | Above) for one in predictions):
        raise InvalidInputError(
            "a claim and its rival must be values: a bound that is not met for sure is not excluded"
        )
    values = {"predicted": predicted, "measured": measured, **wrong_predictions, **wrong_measurements}
    if rival is not None:
        values["rival"] = rival
    for name, value in values.items():
        # NaN would pass for a control that is rejected.
        if not _finite(value):
            raise InvalidInputError(f"{name} must be finite; got {value}")
    controls = {name: tolerance.accepts(measured, wrong) for name, wrong in wrong_predictions.items()}
    controls |= {
        name: all(tolerance.accepts(wrong, one) for one in predictions) for name, wrong in wrong_measurements.items()
    }
    return {
        "label": label + (f" (rival {rival:.6g} allowed too)" if rival is not None else ""),
        "agrees": all(tolerance.accepts(measured, one) for one in predictions),
        "alpha": tolerance.alpha or 0.0,
        "controls": controls,
    } | _shown(measured, predicted, tolerance)


def _shown(measured: Any, predicted: Any, tolerance: Tolerance) -> dict[str, str]:
    """Return the cells of a row of the report, and what decided; of arrays, the entry that is furthest off."""
    bound = predicted if isinstance(predicted, Below | Above) else None
    uncertain = isinstance(measured, Estimate)
    values = np.atleast_1d(np.asarray(measured.value if uncertain else measured, dtype=float)).ravel()
    targets = np.broadcast_to(bound.bound if bound else np.ravel(predicted), values.shape).astype(float)
    difference = values - targets
    if uncertain:
        errors = np.broadcast_to(np.ravel(measured.stderr), values.shape)
        distance = np.atleast_1d(measured.z_score(predicted.bound if bound else predicted)).ravel()
    else:
        scale = np.abs(targets) + (targets == 0)
        distance = np.abs(difference) / scale
    worst = int(np.argmin(bound.margin(values)) if bound else np.argmax(np.abs(distance)))
    shown = f"{values[worst]:.6g}"
    rule = ""
    if not uncertain and not bound:
        rule = f"rtol {tolerance.rtol:g}" + (f" and atol {tolerance.atol:g}" if tolerance.atol else "")
    if uncertain:
        tail = (tolerance.alpha or 0.0) / values.size / (1 if bound else 2)  # as `accepts` shares it
        low, high = (np.ravel(end)[worst] for end in measured._ends(tail))
        rule = f"the interval [{low:.5g}, {high:.5g}] at α = {tolerance.alpha:g}{', one-sided' if bound else ''}"
        shown = str(Estimate(value=float(values[worst]), stderr=float(errors[worst]), n_eff=measured.n_eff))
    relative = f"Δ {distance[worst]:.0e}" if distance[worst] else "Δ 0"
    return {
        "predicted": str(bound) if bound else f"{targets[worst]:.6g}",
        "measured": shown + (f" (worst of {values.size})" if values.size > 1 else ""),
        "z": f"{distance[worst]:+.2f}" if uncertain else "" if bound else relative,
        "rule": rule,
    }
