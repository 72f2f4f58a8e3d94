"""What functions beside LinearModel ask before they use its decomposition in place of its methods."""

from __future__ import annotations

from typing import Any

from ... import _validate
from ...errors import IncompatibleError
from ...models._formula import formula_of, overridden
from .model import LinearModel


def linear_model(model: Any) -> LinearModel:
    """Return the model if it is a LinearModel whose formulas are those of that class, not a subclass's own."""
    _validate.instance("model", model, LinearModel, hint="Make one from the data: LinearModel(X, y).")
    if formula_of(model) is not LinearModel:
        raise IncompatibleError(
            f"model must have the formulas of LinearModel, which are used here directly; {type(model).__name__} "
            f"overrides {', '.join(sorted(overridden(model)))}. Pass a plain LinearModel(X, y), or call the model's "
            "own methods."
        )
    return model
