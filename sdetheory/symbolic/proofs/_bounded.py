"""Every public symbolic call ends: in an answer, or in an error of this package that says what was missing."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from ...errors import SdeTheoryError, TimeLimitError
from ..formulas._arguments import check
from ..formulas._deadline import OUT_OF_TIME, deadline
from .proof import UndecidedError

TIME_LIMIT = 30.0
"""Seconds of the processor's time that a public symbolic call may take."""

_REMEDY = "give symbols their signs (positive=True), give parameters numbers, or simplify the coefficients"

_inside = threading.local()
_P, _R = ParamSpec("_P"), TypeVar("_R")


def bounded(what: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a function: it ends within `TIME_LIMIT`, and what SymPy raises becomes an error of this package.

    A call inside another one shares its time.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            check(signature, args, kwargs)
            with limited(what):
                return function(*args, **kwargs)

        return call

    return decorate


@contextmanager
def limited(what: str, seconds: float | None = None) -> Iterator[None]:
    """Bound a block as :func:`bounded` does a function.

    Raises
    ------
    TimeLimitError
        The time is over.
    UndecidedError
        SymPy gave up.
    """
    if getattr(_inside, "call", False):
        yield
        return
    _inside.call = True
    try:
        with deadline(TIME_LIMIT if seconds is None else seconds, what):
            yield
    except OUT_OF_TIME as error:
        raise TimeLimitError(f"{error}; {_REMEDY}") from None
    except SdeTheoryError:
        raise
    except RecursionError:
        raise UndecidedError(f"{what} could not be computed: an expression is nested too deeply; {_REMEDY}") from None
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:120]}"
        raise UndecidedError(f"{what} could not be computed: SymPy raised {reason}; {_REMEDY}") from error
    finally:
        _inside.call = False
