"""What a derivation says of a step that does not follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from ...errors import SdeTheoryError
from .proof import Verdict, spelled


class DerivationError(SdeTheoryError):
    """A step does not follow, or SymPy could not prove that it does; the message shows both sides.

    Attributes
    ----------
    left, right : sympy.Expr
        The two sides as they were stated.
    point : dict or None
        Where the sides differ; None if no such point was found and the step is merely unproved.
    """

    def __init__(self, message: str, left: sympy.Expr, right: sympy.Expr, point: Mapping[Any, Any] | None) -> None:
        super().__init__(message)
        self.left, self.right, self.point = left, right, point


def failure(
    number: int, statement: str, left: sympy.Expr, right: sympy.Expr, verdict: Verdict, names: tuple[str, str]
) -> DerivationError:
    """Return the error of a step that is refuted or undecided."""
    search = verdict.search
    if verdict.answer is None:
        reason = f"could not be proved, though no counterexample was found ({verdict.reason}); take smaller steps"
    else:
        reason = f"does not hold: at {spelled(search.point)}: left {search.left}, right {search.right}"
    sides = f"Here {names[0]} is {left}; {names[1]} is {right}."
    return DerivationError(f'step ({number}) "{statement}" {reason}. {sides}', left, right, search.point)
