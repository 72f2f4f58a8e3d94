"""Processes that were forked: OpenMP's threads do not live on there, and GNU's OpenMP aborts who asks for them."""

from __future__ import annotations

import contextlib
import os

import numba

from ..errors import IncompatibleError

_lost = False


def _look() -> None:
    """Note in a forked process whether its parent had started OpenMP's threads."""
    global _lost
    with contextlib.suppress(ValueError):  # no threads were started, so the child may start its own
        _lost = _lost or numba.threading_layer() == "omp"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_look)


def check_threads() -> None:
    """Refuse to run kernels in a process that was forked from one that has run them on OpenMP's threads.

    Raises
    ------
    IncompatibleError
        This is such a process.
    """
    if _lost:
        raise IncompatibleError(
            "this process was forked from one that had run compiled kernels; their OpenMP threads do not live on here. "
            'Start processes with multiprocessing.get_context("spawn"), fork before the first simulation, or set '
            "NUMBA_THREADING_LAYER=workqueue, whose threads survive a fork."
        )
