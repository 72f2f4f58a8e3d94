"""How much work is done between two looks at the keyboard."""

from __future__ import annotations

import time

_LONGEST = 0.25
"""Seconds of work after which Ctrl-C should be looked for."""
_FASTER = 8
"""Times by which the work may grow from one look to the next."""


class Pace:
    """Work that takes a quarter of a second, by what it took before; bits never depend on it.

    Nobody knows before the first steps what a user's drift costs: a nanosecond or a millisecond. So the first piece of
    work is small, and the following ones grow as far as the clock allows.

    Examples
    --------
    >>> pace = Pace(1000)
    >>> pace.begin()
    1000
    >>> pace.end(1000, seconds=0.001)
    >>> pace.begin(), pace.end(8000, seconds=2.0), pace.begin()
    (8000, None, 1000)
    """

    def __init__(self, first: float) -> None:
        self._work, self._begun = float(first), 0.0

    def begin(self) -> int:
        """Return how much may be done until the next look, at least 1, and start the clock."""
        self._begun = time.perf_counter()
        return max(1, int(self._work))

    def end(self, done: float, *, seconds: float | None = None) -> None:
        """Note that so much was done, in the seconds that the clock shows."""
        seconds = time.perf_counter() - self._begun if seconds is None else seconds
        self._work = min(_FASTER * max(done, self._work), done * _LONGEST / max(seconds, 1e-9))
