"""What functions beside LinearModel ask before they use its decomposition in place of its methods."""

from __future__ import annotations

from typing import Any

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...models._formula import MEASURES, overridden
from .model import LinearModel


def linear_model(model: Any) -> LinearModel:
    """Return the model if it is a LinearModel whose formulas are those of that class, not a subclass's own."""
    if not getattr(model, "has_exact_evidence", False):
        raise InvalidInputError(
            f"model must be of type LinearModel; got {_validate.shown(model)}. Make one from the data: "
            "LinearModel(X, y)."
        )
    changed = overridden(model) - MEASURES
    if changed:
        raise IncompatibleError(
            f"model must have the formulas of LinearModel, which are used here directly; {type(model).__name__} "
            f"overrides {', '.join(sorted(changed))}. Pass a plain LinearModel(X, y), or call the model's "
            "own methods."
        )
    return model
