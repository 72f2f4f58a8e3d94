"""A bound on the time that a symbolic computation may take.

SymPy has no clock of its own, and some questions keep it busy for hours. The bound works in any thread: a watchdog
raises an exception in the thread that computes. It is heard between two instructions of Python, so not inside one
multiplication of numbers with millions of digits; those must be refused before they begin.

What counts is the processor's time of that thread, so that the answer does not depend on what else the machine does.
"""

from __future__ import annotations

import ctypes
import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...errors import TimeLimitError


class Expired(BaseException):
    """What the watchdog raises: no error that code on the way would take for one of its own."""


OUT_OF_TIME = (TimeLimitError, Expired)
"""What a caller of :func:`deadline` catches: an exception between the block and its end leaves it as it was raised."""

_AGAIN = 1.0  # seconds until the exception is raised once more, should code on the way have swallowed it
_SHORTEST = 0.001  # seconds between two looks at the clock


def _clock() -> Callable[[], float]:
    """Return what tells, to any thread, the processor's time of this one; where nothing does, that of the process."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    return functools.partial(time.clock_gettime, time.pthread_getcpuclockid(threading.get_ident()))


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """Let the block have so many seconds of the processor, then raise TimeLimitError saying `what` took too long.

    Deadlines may be nested: whichever ends first speaks, with its own text.

    Raises
    ------
    TimeLimitError
        The time is over.

    Examples
    --------
    >>> with deadline(0.05, "counting to infinity"):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
        ...
    sdetheory.errors.TimeLimitError: counting to infinity took longer than 0.05 s
    """
    text = f"{what} took longer than {seconds:g} s"
    # One class a call, so that nested deadlines are told apart.
    expired = type("Expired", (Expired,), {"__str__": lambda self: text})
    computing, clock, over = threading.get_ident(), _clock(), []
    end = clock() + seconds
    # Bare locks, whose calls are in C: an exception within the Python of an Event would leave it locked.
    begun, ended, lock = threading.Lock(), threading.Lock(), threading.Lock()
    begun.acquire()
    ended.acquire()

    def watch() -> None:
        begun.acquire()
        wait = seconds
        while not ended.acquire(timeout=wait):
            left = end - clock()
            if left > 0:  # a thread that had to wait; alone on a processor it cannot end sooner than this
                wait = max(left, _SHORTEST)
                continue
            with lock:
                if not over:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(computing), ctypes.py_object(expired))
            wait = _AGAIN

    threading.Thread(target=watch, name="sdetheory deadline", daemon=True).start()
    try:
        try:
            begun.release()
            yield
        finally:
            with lock:
                over.append(True)
            time.sleep(0)  # a call is where an exception that was raised at the last moment is heard: here, not later
    except expired:
        with lock:
            over.append(True)
        raise TimeLimitError(text) from None
    finally:
        ended.release()
