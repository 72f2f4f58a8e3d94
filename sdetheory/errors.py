"""The exceptions that sdetheory raises, as one tree under :class:`SdeTheoryError`."""

from __future__ import annotations

from typing import Any


class SdeTheoryError(Exception):
    """Base of every error raised on purpose by this package."""


class InvalidInputError(SdeTheoryError, ValueError):
    """An argument cannot mean what was asked; the message says what was expected, what was got and what to do."""


class IncompatibleError(InvalidInputError):
    """Each argument is valid alone, but not together (for example a scheme and a noise type it does not serve)."""


class TimeLimitError(InvalidInputError):
    """A symbolic computation took longer than it may; the message says which, and what may help."""


class AccuracyWarning(RuntimeWarning):
    """A number came out whose error is larger than it says, or is not known; the message says why and what to do."""


class DivergedError(SdeTheoryError, RuntimeError):
    """A run lost every path to overflow, so that no statistic of it means anything.

    Attributes
    ----------
    result : object
        What was computed until then; ``None`` where there is nothing to show.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class WorkerError(SdeTheoryError, RuntimeError):
    """A worker of an executor ended before its task did; a run with a checkpoint can be resumed."""
